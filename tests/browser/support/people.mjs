// What people do in a browser: sign in with an emailed link, join, sign up in the shop.
import { By } from "selenium-webdriver";
import { WAIT_MS } from "./browser.mjs";
import { text } from "./text.mjs";

export const OPERATOR = "operator@example.com";

/** The link in the newest email to an address in the mailbox that has one. */
async function newestLink(browser, address) {
  await browser.go("/dev/mail");
  const links = await browser.driver.findElements(By.xpath(`//article[p[contains(., 'To ${address},')]][1]//p[@class='letter']/a`));
  return links.length === 0 ? undefined : links[0].getAttribute("href");
}

/** Requests an email to an address and opens its link. The email may arrive after the response. */
export async function mailed(browser, address, send) {
  const before = await newestLink(browser, address);
  await send();
  for (const until = Date.now() + WAIT_MS; ; ) {
    const link = await newestLink(browser, address);
    if (link !== before) return browser.driver.get(link);
    if (Date.now() > until) throw new Error(`no mail with a link to ${address}:\n${await browser.text()}`);
  }
}

/** Signs in by email and is redirected to `to`. */
export async function signIn(browser, address, to) {
  await mailed(browser, address, async () => {
    await browser.go(`/sign-in?to=${encodeURIComponent(to)}`);
    await browser.fill({ email: address });
    await browser.press(text("visitor/sign_in", "EMAIL_LINK"));
  });
  await browser.press(text("visitor/sign_in", "SIGN_IN"));
}

export const signInAsOperator = (browser, to = "/operator") => signIn(browser, OPERATOR, to);

/** Joins the agency program with the form and the email. Signed in at the end. */
export async function join(browser, { name, email, website = "https://agency.example", country = "US" }) {
  await mailed(browser, email, async () => {
    await browser.go("/partner/join");
    await browser.fill({ name, email, website, country, disclosure: true });
    await browser.press(text("visitor/join", "JOIN"));
  });
  await browser.press(text("visitor/join", "CONFIRM_AND_JOIN"));
}

/** Signs up in the shop and pays for a month, with the attribution of the browser's visit. */
export async function becomeCustomer(browser, { company, email }) {
  await browser.go("/shop");
  await browser.fill({ company, email });
  await browser.press("Sign up");
  await browser.press("Pay a month, $290.00");
}
