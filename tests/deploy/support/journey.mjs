// A short path through a running Worker: a partner, a click's token, a sign-up, a payment, and the credit at the end.
// Shows whether a version works on a schema, because it writes and reads most of the important tables.
import assert from "node:assert/strict";
import { installPresets } from "../../../scripts/presets.mjs";
import { signed } from "../../../scripts/sign.mjs";

const DAY = 86_400_000;

/** The Monday run: cron begins it and, on the free plan, at most this many sweeps finish it. */
export async function settle(worker, token, mondayMs, sweeps = 20) {
  assert.ok((await worker.cron("0 9 * * MON", mondayMs)).ok);
  for (let sweep = 1; sweep <= sweeps; sweep++) {
    const answer = await fetch(`${worker.url}/v1/runs`, { headers: { authorization: `Bearer ${token}` } });
    const { data } = await answer.json();
    if (data.length > 0 && data.every((run) => run.state === "done")) return;
    assert.ok((await worker.cron("*/10 * * * *", mondayMs + sweep * 600_000)).ok);
  }
  assert.fail(`the run is not over after ${sweeps} sweeps`);
}

/** Performs it for a partner named `who`, whose credit comes this many weeks after the earliest possible one. */
export async function journey(worker, secrets, who, weeks = 0) {
  const bearer = { authorization: `Bearer ${secrets.operator_token}` };
  const json = async (path, body, headers = bearer) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const answer = await fetch(`${worker.url}${path}`, { method: text ? "POST" : "GET", headers: { ...headers, "content-type": "application/json" }, body: text });
    assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
    return answer.json();
  };
  const event = (body) => json("/v1/webhooks/events", body, signed(secrets.webhook_secret, JSON.stringify(body)));
  const at = (days) => new Date(Date.now() + days * DAY).toISOString();

  await installPresets(worker.url, secrets.operator_token);
  const partner = await json("/v1/partners", { program: "user-referral", external_id: who, name: who, email: `${who}@example.com`, disclosure_accepted: true }, { ...bearer, "idempotency-key": `journey-${who}` });
  await event({ id: `${who}-1`, type: "account.signed_up", occurred_at: at(0), account: { id: `acct-${who}`, email: `friend-of-${who}@example.org` }, attribution: { code: partner.code } });
  await event({ id: `${who}-2`, type: "invoice.paid", occurred_at: at(0), account: { id: `acct-${who}` }, amount: { cents: 2900, currency: "usd" }, data: { invoice_id: `in-${who}` } });
  const monday = new Date(Date.now() + (40 + 7 * weeks) * DAY);
  monday.setUTCDate(monday.getUTCDate() + ((8 - monday.getUTCDay()) % 7));
  monday.setUTCHours(9, 0, 0, 0);
  await settle(worker, secrets.operator_token, monday.getTime());
  const { balances } = await json(`/v1/partners/${partner.id}`);
  assert.equal(balances.find((one) => one.unit === "credit")?.available_cents, 5000, JSON.stringify(balances));
  assert.deepEqual(await json("/v1/ledger/checks"), []);
}
