// What people do in a browser: sign in by a mailed link, join, write down what they see.
import { By } from "selenium-webdriver";
import { WAIT_MS } from "./browser.mjs";
import { text } from "./text.mjs";

export const OPERATOR = "operator@example.com";

/** What is in the newest mail to an address in the post box that has a link: that link. */
async function newestLink(browser, address) {
  await browser.go("/dev/mail");
  const links = await browser.driver.findElements(By.xpath(`//article[p[contains(., 'To ${address},')]][1]//p[@class='letter']/a`));
  return links.length === 0 ? undefined : links[0].getAttribute("href");
}

/** Has a mail sent to an address, and opens the link in it. The mail may come after the answer. */
export async function mailed(browser, address, send) {
  const before = await newestLink(browser, address);
  await send();
  for (const until = Date.now() + WAIT_MS; ; ) {
    const link = await newestLink(browser, address);
    if (link !== before) return browser.driver.get(link);
    if (Date.now() > until) throw new Error(`no mail with a link to ${address}:\n${await browser.text()}`);
  }
}

/** Signs in by mail, and is led to `to`. */
export async function signIn(browser, address, to) {
  await mailed(browser, address, async () => {
    await browser.go(`/sign-in?to=${encodeURIComponent(to)}`);
    await browser.fill({ email: address });
    await browser.press(text("visitor/sign_in", "EMAIL_LINK"));
  });
  await browser.press(text("visitor/sign_in", "SIGN_IN"));
}

export const signInAsOperator = (browser, to = "/operator") => signIn(browser, OPERATOR, to);

/** Joins the program of agencies by the form and the mail; ends signed in. */
export async function join(browser, { name, email, website = "https://agency.example", country = "US" }) {
  await mailed(browser, email, async () => {
    await browser.go("/partner/join");
    await browser.fill({ name, email, website, country, disclosure: true });
    await browser.press(text("visitor/join", "JOIN"));
  });
  await browser.press(text("visitor/join", "CONFIRM_AND_JOIN"));
}

/** Signs up in the shop and pays a month, as whoever the browser's visit was from. */
export async function becomeCustomer(browser, { company, email }) {
  await browser.go("/shop");
  await browser.fill({ company, email });
  await browser.press("Sign up");
  await browser.press("Pay a month, $290.00");
}
