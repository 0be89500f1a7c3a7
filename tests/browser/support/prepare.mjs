// A state in which every page has something to show: time has passed, payouts were made, somebody waits for a review.
import { MONTHLY, afterHold, nextMonthly } from "../../../.make/demo-site/time.mjs";
import { Worker } from "../../../.make/demo-site/worker.mjs";

/** What the demo data leaves out, by the demo's buttons and the public API. */
export async function prepare(server) {
  const press = async (path) => {
    const answer = await fetch(`${server.base}${path}`, { method: "POST", redirect: "manual" });
    if (answer.status !== 303) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
  };
  const worker = new Worker({ url: server.base, cronPath: "/cdn-cgi/local/scheduled", operatorToken: server.operatorToken, webhookSecret: server.webhookSecret });
  const account = (id, email) => ({ id, email, name: id.replace("acct_", "") });
  // A client under its partner's own domain, which a person looks at.
  await worker.tell({ type: "account.signed_up", account: account("acct_annex", "owner@north.example"), attribution: { code: server.codes.north } });
  await worker.tell({ type: "invoice.paid", account: { id: "acct_annex" }, amount: { cents: 30_000, currency: "usd" }, data: { invoice_id: "in_annex_1" } });
  // One that leaves, and one whose payment is given back.
  await worker.tell({ type: "account.signed_up", account: account("acct_wren", "owner@wren.example"), attribution: { code: server.codes.north } });
  await worker.tell({ type: "invoice.paid", account: { id: "acct_wren" }, amount: { cents: 30_000, currency: "usd" }, data: { invoice_id: "in_wren_1" } });
  await worker.tell({ type: "invoice.refunded", account: { id: "acct_wren" }, amount: { cents: 30_000, currency: "usd" }, data: { invoice_id: "in_wren_1", refund_id: "re_wren_1" } });
  // The first month is approved, the second waits.
  await press("/shop/time/week");
  await press("/shop/time/month");
  const { data } = await worker.read("/v1/payouts?state=planned");
  await worker.approve(data[0].run);
  await press("/shop/time/minutes");
  await worker.tell({ type: "account.signed_up", account: account("acct_heron", "owner@heron.example"), attribution: { code: server.codes.north } });
  await worker.tell({ type: "invoice.paid", account: { id: "acct_heron" }, amount: { cents: 50_000, currency: "usd" }, data: { invoice_id: "in_heron_1" } });
  await worker.cron(MONTHLY, nextMonthly(afterHold(Date.now())));
}
