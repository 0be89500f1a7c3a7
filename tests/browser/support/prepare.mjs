// A state with data on every page: time has passed, payouts were made, and a review is open.
import { MONTHLY, WEEKLY, afterHold, nextMonthly, nextWeekly } from "../../../scripts/demo-site/time.mjs";
import { Worker } from "../../../scripts/demo-site/worker.mjs";
import { text } from "./text.mjs";

const DAY_MS = 86_400_000;
/**
 * Clients of the demo's partner in the last weeks: name, days since their sign-up, and whether they paid on the next
 * day.
 */
const CLIENTS = [["alder", 27, true], ["birch", 23, true], ["cedar", 17, false], ["dogwood", 12, true], ["elm", 8, true], ["fir", 3, false]];
const GUIDE = `# How to speak of us

A page of **Inkwell** says more than a price. What works:

- a story of one client, told in a paragraph
- your own link at its end, and that it is one

[Our wording](https://inkwell.example/wording) may be used as it is.`;

/** Adds what the demo data lacks, with the demo's buttons and the public API. */
export async function prepare(server) {
  const press = async (path) => {
    const answer = await fetch(`${server.base}${path}`, { method: "POST", redirect: "manual" });
    if (answer.status !== 303) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
  };
  const worker = new Worker({ url: server.base, cronPath: "/cdn-cgi/local/scheduled", operatorToken: server.operatorToken, webhookSecret: server.webhookSecret });
  await worker.enrol({ program: "partner-funnel", external_id: "partner_lantern", name: "Lantern Letters", email: "hello@lantern.example" });
  const account = (id, email) => ({ id, email, name: id.replace("acct_", "") });
  for (const [name, days, pays] of CLIENTS) {
    const dated = (ago) => ({ occurred_at: new Date(Date.now() - ago * DAY_MS).toISOString() });
    await worker.tell({ type: "account.signed_up", account: account(`acct_${name}`, `owner@${name}.example`), attribution: { code: server.codes.north }, ...dated(days) });
    const paid = { type: "invoice.paid", account: { id: `acct_${name}` }, amount: { cents: 30_000, currency: "usd" }, data: { invoice_id: `in_${name}_1` } };
    if (pays) await worker.tell({ ...paid, ...dated(days - 1) });
  }
  // A client with its partner's own domain, which is held for review.
  await worker.tell({ type: "account.signed_up", account: account("acct_annex", "owner@north.example"), attribution: { code: server.codes.north } });
  await worker.tell({ type: "invoice.paid", account: { id: "acct_annex" }, amount: { cents: 30_000, currency: "usd" }, data: { invoice_id: "in_annex_1" } });
  // One client that leaves, and one whose payment is refunded.
  await worker.tell({ type: "account.signed_up", account: account("acct_wren", "owner@wren.example"), attribution: { code: server.codes.north } });
  await worker.tell({ type: "invoice.paid", account: { id: "acct_wren" }, amount: { cents: 30_000, currency: "usd" }, data: { invoice_id: "in_wren_1" } });
  await worker.tell({ type: "invoice.refunded", account: { id: "acct_wren" }, amount: { cents: 30_000, currency: "usd" }, data: { invoice_id: "in_wren_1", refund_id: "re_wren_1" } });
  // The first month is approved; the second waits.
  await worker.cron(WEEKLY, nextWeekly(Date.now()));
  await press("/shop/time/month");
  const { data } = await worker.read("/v1/payouts?state=planned");
  await worker.approve(data[0].run);
  await worker.tell({ type: "account.signed_up", account: account("acct_heron", "owner@heron.example"), attribution: { code: server.codes.north } });
  await worker.tell({ type: "invoice.paid", account: { id: "acct_heron" }, amount: { cents: 50_000, currency: "usd" }, data: { invoice_id: "in_heron_1" } });
  await worker.cron(MONTHLY, nextMonthly(afterHold(Date.now())));
  // An adjustment, and a preview of a run.
  const { partner } = data[0];
  await worker.adjust({ partner, amount_cents: 2_500, note: "Conference bonus", reason: "agreed by phone" });
  server.preview = (await worker.preview("agency-partner", "2026-01")).id;
}

/** The operator writes a resource for partners, in the operator's browser. */
export async function writeGuide(browser) {
  await browser.go("/operator/programs/agency-partner/resources/new");
  await browser.fill({ title: "How to speak of us", body: GUIDE });
  await browser.press(text("operator/program", "PUBLISH"));
}
