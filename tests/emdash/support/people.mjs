// What people do at EmDash in Chromium, each with a browser and an authenticator of their own.
import { By } from "selenium-webdriver";
import { Protocol, Transport, VirtualAuthenticatorOptions } from "selenium-webdriver/lib/virtual_authenticator.js";
import { Browser, WAIT_MS, withBrowsers } from "../../browser/support/browser.mjs";

const SOON_MS = 15_000;

/** A browser whose passkeys need no finger. */
export async function person(base) {
  const browser = await Browser.open(base);
  const options = new VirtualAuthenticatorOptions();
  options.setProtocol(Protocol.CTAP2);
  options.setTransport(Transport.INTERNAL);
  options.setHasResidentKey(true);
  options.setHasUserVerification(true);
  options.setIsUserVerified(true);
  options.setIsUserConsenting(true);
  await browser.driver.addVirtualAuthenticator(options);
  return browser;
}

/** Opens that many people's browsers, and closes them after the story. */
export const withPeople = (base, count, story) => withBrowsers(base, count, story, person);

/** EmDash's pages are drawn by their script, so every part is waited for. */
async function part(browser, xpath) {
  const found = await browser.driver.wait(async () => {
    const [first] = await browser.driver.findElements(By.xpath(xpath));
    return first && (await first.isDisplayed().catch(() => false)) ? first : false;
  }, WAIT_MS).catch(async (why) => {
    throw new Error(`${xpath} is not on ${await browser.path()}:\n${await browser.text()}`, { cause: why });
  });
  return found;
}

export const press = async (browser, label) => (await part(browser, `//button[contains(normalize-space(.), '${label}')]`)).click();

async function type(browser, label, text) {
  const field = await part(browser, `//input[@id=//label[contains(normalize-space(.), '${label}')]/@for] | //label[contains(normalize-space(.), '${label}')]//input`);
  await field.sendKeys(text);
}

/** Waits until EmDash knows who is signed in. */
const untilSignedIn = (browser) =>
  browser.driver.wait(() => me(browser).then((user) => user ?? false), WAIT_MS, "nobody is signed in");

/** Waits until a script returns a true value: not long, because it is of this machine alone. */
export const soon = (browser, script) => browser.driver.wait(() => browser.run(script), SOON_MS, script);

/** Who is signed in at EmDash, or undefined. */
export async function me(browser) {
  const answer = await browser.run("return fetch('/_emdash/api/auth/me').then((answer) => answer.json()).catch(() => ({}))");
  return answer.data;
}

/** The wizard that makes the site and its first administrator. */
export async function setUp(browser, { title, email, name }) {
  await browser.go("/_emdash/admin");
  await type(browser, "Site Title", title);
  await press(browser, "Continue");
  await type(browser, "Your Email", email);
  await type(browser, "Your Name", name);
  await press(browser, "Continue");
  await press(browser, "Create Passkey");
  // No session comes of it: EmDash asks for the passkey again.
  await browser.driver.wait(async () => (await browser.path()).startsWith("/_emdash/admin/login"), WAIT_MS, "the wizard did not end");
  return signIn(browser);
}

export async function signIn(browser) {
  if (!(await browser.path()).startsWith("/_emdash/admin/login")) await browser.go("/_emdash/admin/login");
  await press(browser, "Sign in with Passkey");
  return untilSignedIn(browser);
}

/** A call of EmDash's API by one of its own pages. */
export async function call(browser, path, body = {}) {
  const answer = await browser.run(
    `return fetch(arguments[0], { method: "POST", headers: { "content-type": "application/json", "x-emdash-request": "1" }, body: JSON.stringify(arguments[1]) })
       .then(async (answer) => ({ status: answer.status, said: await answer.json() }))`,
    path,
    body,
  );
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(answer.said)}`);
  return answer.said.data;
}

/** The link that invites an address. Without a mail service EmDash hands it to the administrator. */
export async function invite(admin, email, role = 10) {
  return (await call(admin, "/_emdash/api/auth/invite", { email, role })).inviteUrl;
}

/** Follows the link and makes a passkey: who that is now. */
export async function accept(browser, link, name) {
  await browser.driver.get(link);
  await type(browser, "Your name", name);
  await press(browser, "Create Account");
  return untilSignedIn(browser);
}

export const signOut = (browser) => call(browser, "/_emdash/api/auth/logout");
