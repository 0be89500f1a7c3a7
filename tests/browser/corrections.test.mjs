// Corrections in Chromium: operators suspend, ban and reinstate a partner, adjust its balance and choose its code; the
// partner sees what is theirs to see, chooses a link's code and changes its email address.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { By } from "selenium-webdriver";
import { Browser } from "./support/browser.mjs";
import { mailed, signIn, signInAsOperator } from "./support/people.mjs";
import { serve } from "./support/server.mjs";
import { text } from "./support/text.mjs";

const PROGRAM = "agency-partner";
const NORTH = "hello@north.example";
const NEW_ADDRESS = "owner@north.example";
const MOMENT_MS = 1_500;

let server;
let operator;
let second;
let partner;
let partnerPage;

async function api(method, path, body) {
  const headers = { authorization: `Bearer ${server.operatorToken}`, "content-type": "application/json" };
  const answer = await fetch(`${server.base}${path}`, { method, headers, body: body && JSON.stringify(body) });
  const said = await answer.json();
  assert.ok(answer.ok, `${method} ${path}: ${JSON.stringify(said)}`);
  return said;
}

before(async () => {
  server = await serve({ demo: "emdash" });
  // From now on, partners may choose codes, and more than $100 needs a second operator.
  const { document } = await api("GET", `/v1/programs/${PROGRAM}`);
  document.version += 1;
  document.effective_from = new Date(Date.now() + MOMENT_MS).toISOString();
  document.code.chosen_by_partners = true;
  document.settlement.approval_above_cents = 10_000;
  await api("PUT", `/v1/programs/${PROGRAM}`, document);
  const { data } = await api("GET", "/v1/partners?q=north");
  partnerPage = `/operator/partners/${data[0].id}`;
  await wait(MOMENT_MS);
  [operator, second, partner] = await Promise.all([0, 1, 2].map(() => Browser.open(server.base)));
  await signInAsOperator(operator);
  await second.go("/_emdash/admin/login?redirect=/operator");
  await second.press("Ada Admin, role 50");
  await signIn(partner, NORTH, "/partner");
});
after(async () => {
  await Promise.all([operator, second, partner].map((browser) => browser?.close()));
  await server?.close();
});

async function says(browser, ...expected) {
  const found = await browser.text();
  for (const one of expected) assert.ok(found.includes(one), `${one} in:\n${found}`);
}

/** The operator gives the partner another standing by the form on its page. */
async function decide(button, notice) {
  await operator.go(partnerPage);
  await operator.run("document.querySelector('[name=decision]').closest('details').open = true");
  await operator.fill({ reason: `${button}: looked into` });
  await operator.press(text("operator/standing", button));
  await says(operator, text("operator/notice", notice), ...(button === "REINSTATE" ? [] : [`${button}: looked into`]));
}

async function adjust({ amount, direction = "add" }, button) {
  await operator.go(`${partnerPage}/adjust`);
  await operator.fill({ direction, amount, note: "Conference bonus", reason: "agreed by phone" });
  await operator.press(text("operator/common", "CONTINUE"));
  await says(operator, text("operator/adjustment", "CONFIRM_LEAD"));
  await operator.press(text("operator/adjustment", button));
}

test("an adjustment is booked, and one above the limit once a second operator approves", async () => {
  await adjust({ amount: "25.50" }, "BOOK");
  await says(operator, text("operator/notice", "ADJUSTED"), "$25.50");
  await partner.go("/partner/earnings");
  await says(partner, "Conference bonus", "$25.50");
  assert.ok(!(await partner.text()).includes("agreed by phone"), "the reason is the operators'");

  await adjust({ amount: "321" }, "REQUEST");
  await says(operator, text("operator/notice", "ADJUSTMENT_REQUESTED"), text("operator/adjustment", "OWN_REQUEST"));
  const path = (await operator.path()).replace(/\?.*/, "");
  await partner.go("/partner/earnings");
  assert.ok(!(await partner.text()).includes("$321.00"));
  await second.go(path);
  await second.fill({ reason: "compared with the contract" });
  await second.press(text("operator/settlement", "APPROVE"));
  await says(second, text("operator/notice", "DECIDED"), "compared with the contract");
  await partner.go("/partner/earnings");
  await says(partner, "$321.00");
});

test("operators and partners choose codes", async () => {
  await operator.go(partnerPage);
  const change = await operator.driver.findElement(By.xpath(`//summary[normalize-space(.)='${text("operator/partner", "CHANGE_CODE")}']`));
  await change.click();
  await operator.fill({ code: "PARTNER_NORTH42" });
  await operator.press(text("operator/partner", "CHANGE_CODE"));
  await says(operator, text("operator/notice", "CODE_CHANGED"), "PARTNER_NORTH42");

  await partner.go("/partner/links");
  await partner.fill({ code: "partner_north42", destination: "/pricing" });
  await partner.press(text("partner/link", "CREATE"));
  assert.equal(await partner.path(), "/partner/links", "it is taken, whatever its case");
  await partner.complaints(); // the console reports a 422 as an error
  await partner.fill({ code: "North-Spring" });
  await partner.press(text("partner/link", "CREATE"));
  await says(partner, text("partner/notice", "LINK_CREATED"), "North-Spring");
  for (const code of ["PARTNER_NORTH42", "north-spring", server.codes.north]) {
    const { status } = await fetch(`${server.base}/r/${code}`, { redirect: "manual" });
    assert.equal(status, 302, code);
  }
});

test("a partner changes its email address by a link that is mailed to the new one", async () => {
  await mailed(partner, NEW_ADDRESS, async () => {
    await partner.go("/partner/settings/email");
    await partner.fill({ email: NEW_ADDRESS });
    await partner.press(text("partner/settings", "SEND_LINK"));
    await says(partner, text("partner/notice", "EMAIL_REQUESTED"), NORTH);
  });
  await says(partner, NEW_ADDRESS);
  await partner.press(text("partner/settings", "CONFIRM_EMAIL_BUTTON"));
  await says(partner, text("partner/settings", "EMAIL_CHANGED"));
  await operator.go(partnerPage);
  await says(operator, NEW_ADDRESS);
  await partner.forget();
  await signIn(partner, NEW_ADDRESS, "/partner/settings");
  await says(partner, NEW_ADDRESS);
});

test("a partner is suspended, banned and reinstated", async () => {
  await decide("SUSPEND", "SUSPENDED");
  await partner.go("/partner");
  await says(partner, text("partner/overview", "SUSPENDED"));
  assert.ok(!(await partner.text()).includes("looked into"), "the reason is the operators'");
  await decide("REINSTATE", "REINSTATED");
  await partner.go("/partner");
  assert.ok(!(await partner.text()).includes(text("partner/overview", "SUSPENDED")));

  await decide("BAN", "BANNED");
  const balances = (await api("GET", partnerPage.replace("/operator", "/v1"))).balances;
  assert.deepEqual(balances.map((b) => [b.pending_cents, b.available_cents]), [[0, 0]]);
  await partner.go("/partner");
  assert.match(await partner.path(), /^\/sign-in/, "its sessions ended");
  await decide("REINSTATE", "REINSTATED");
  await signIn(partner, NEW_ADDRESS, "/partner");
  assert.equal(await partner.path(), "/partner");
  await partner.go("/partner/earnings");
  await says(partner, "the partner was banned");
});
