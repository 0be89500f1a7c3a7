// The five-minute story in Chromium, with scripts and without: join, confirm, create a link, a visitor who signs up and
// pays, the earning and its receipt, Stripe's onboarding, time that passes, the preview, the approval, the payout.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { By } from "selenium-webdriver";
import { Browser } from "./support/browser.mjs";
import { becomeCustomer, join, signInAsOperator } from "./support/people.mjs";
import { serve } from "./support/server.mjs";
import { text } from "./support/text.mjs";

let server;
before(async () => {
  server = await serve();
});
after(() => server?.close());

/** Opens browsers for a test and closes them afterwards. */
async function withBrowsers(options, story) {
  const open = [];
  const another = async () => {
    const browser = await Browser.open(server.base, options);
    open.push(browser);
    return browser;
  };
  try {
    await story(another);
  } finally {
    await Promise.all(open.map((browser) => browser.close()));
  }
}

const COMMISSION = "$58.00";

async function story(another, agency) {
  const partner = await another();

  // Sign in through the demo's first page.
  await partner.go("/");
  const told = await partner.text();
  assert.match(told, /Five minutes, from a link to a payout/);
  // Nothing else in a demo sends an approved payout.
  assert.match(told, /press Let ten minutes pass/);
  await partner.press("Fill in the form");
  await join(partner, agency);
  assert.match(await partner.path(), /^\/partner(\?|$)/);

  // The partner creates a link.
  await partner.go("/partner/links");
  await partner.fill({ campaign: "spring-letter" });
  await partner.press(text("partner/link", "CREATE"));
  const address = await (await partner.find("main .copy input[readonly]")).getAttribute("value");
  assert.match(address, /\/r\/\w+$/);

  // To Stripe's pages and back.
  await partner.go("/partner/payouts");
  await partner.press(text("partner/common", "SET_UP_PAYOUTS"));
  await partner.press(text("shared/component", "CONTINUE"));
  await partner.press(text("partner/payout_setup", "TO_STRIPE"));
  assert.match(await partner.text(), /stand-in for Stripe/);
  await partner.press("Everything is filled in");
  assert.equal(await partner.path(), "/partner/payouts");

  // Another person clicks it, signs up and pays.
  const visitor = await another();
  await visitor.go(address);
  assert.match(await visitor.path(), /^\/shop/);
  assert.match(await visitor.text(), /A partner sent you/);
  await becomeCustomer(visitor, { company: `Client of ${agency.name}`, email: `owner@client-of-${agency.key}.example` });
  assert.match(await visitor.text(), new RegExp(`${agency.name} earns \\${COMMISSION}: it is pending`));

  // The earning and its explanation.
  await partner.go("/partner/earnings");
  assert.ok((await partner.text()).includes(COMMISSION));
  const receipt = await partner.find("main a[href^='/partner/earnings/']");
  await partner.leave(() => receipt.click());
  const said = await partner.text();
  for (const part of [COMMISSION, "first-year", "agency-partner version 1"]) assert.ok(said.includes(part), `${part} in ${said}`);

  // The operator previews the run, lets the time pass, and approves.
  const operator = await another();
  await signInAsOperator(operator, "/operator/runs");
  const preview = await operator.find("main a[href*='/preview?program=agency-partner']");
  await operator.leave(() => preview.click());
  assert.match(await operator.path(), /^\/operator\/runs\/preview/);
  await operator.press(text("operator/settlement", "PREVIEW_BUTTON"));
  const previewed = await operator.text();
  assert.ok(previewed.includes(text("operator/settlement", "PREVIEWED_LEAD")), previewed);
  assert.match(previewed, new RegExp(`${text("operator/settlement", "VESTED")}: \\$[\\d,.]+`));
  await visitor.go("/shop");
  const passing = await visitor.find("#time form[action='/shop/time/month'] button");
  await visitor.leave(() => passing.click());
  assert.match(await visitor.text(), /Nothing is paid before an operator approves/);
  await visitor.driver.findElement(By.linkText("The run, for the operator to approve")).getAttribute("href").then((href) => operator.driver.get(href));
  await operator.driver.findElement(By.xpath(`//button[starts-with(normalize-space(.), '${text("operator/settlement", "APPROVE")}')]`)).then((button) => operator.leave(() => button.click()));
  assert.ok((await operator.text()).includes(text("operator/notice", "APPROVED")));
  await visitor.go("/shop");
  await visitor.press("Let ten minutes pass");
  await operator.driver.navigate().refresh();
  assert.match(await operator.text(), /\bpaid\b/);

  // The partner sees the payout and its transfer.
  await partner.go("/partner/payouts");
  assert.ok((await partner.text()).includes(COMMISSION));
  const payout = await partner.find("main table a[href^='/partner/payouts/']");
  await partner.leave(() => payout.click());
  assert.match(await partner.text(), /\btr_/);

  for (const browser of [partner, visitor, operator]) assert.deepEqual(await browser.complaints(), []);
}

test("from joining to a payout", () => withBrowsers({}, (another) => story(another, { key: "one", name: "Hand & Eye", email: "me@hand-and-eye.example" })));

test("the same without scripts", () =>
  withBrowsers({ javascript: false }, (another) => story(another, { key: "two", name: "Plain Text", email: "me@plain-text.example" })));
