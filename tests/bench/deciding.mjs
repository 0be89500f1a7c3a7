// What taking an event in costs for accounts with a short and a long past, on workerd: time, statements, and D1's rows
// read and written. Everything goes through the Worker's own webhook. Then how much faster a history is imported than sent
// one by one. Fails if the next event costs more than it may, or an import is not as much faster as it has to be.
import { installPresets } from "../../scripts/presets.mjs";
import { newSecrets, workerSecrets } from "../../scripts/secrets.mjs";
import { sender } from "./intake.mjs";
import { newState, start } from "./local.mjs";

const long = process.argv.includes("--large");
const USAGE = long ? [10, 1_000, 10_000, 100_000] : [10, 1_000, 10_000];
const INVOICES = [10, 120, 1_000];
/** How many events are measured after each size, and how many are on their way at once while an account is filled. */
const MEASURED = 20;
/** How much the next event may cost, compared with the smallest size; and the most of one invoice. */
const TIMES_MAX = { usage: 1.5, invoices: 3 };
const INVOICE_MAX = { statements: 15, written: 40 };
/** As on Cloudflare's paid plan. With fewer, an import leaves most of its accounts to the sweep. */
const STATEMENTS = "1000";
/** A history: events of accounts, in the order of time; how many in one call, and how much faster that has to be. */
const HISTORY = { accounts: 200, months: 6, chunk: 500, times: 10 };
const BEGIN = Date.UTC(2020, 1, 1);
const HOUR = 3_600_000;

const secrets = newSecrets();
const { miniflare, url, log } = await start(await newState(), { bindings: { ...workerSecrets(secrets), D1_STATEMENTS_MAX: STATEMENTS } });
await installPresets(url, secrets.operator_token);

const { post, send } = sender(url, secrets);

const partner = await post(
  "/v1/partners",
  { program: "agency-partner", external_id: "bench", name: "Bench", email: "bench@partners.example", disclosure_accepted: true },
  "bench",
);

/** Events of one call. */
async function take(events) {
  const answer = await post("/v1/events", { events });
  if (answer.refused || answer.waiting) throw new Error(JSON.stringify(answer).slice(0, 1_000));
}

const event = (account, type, id, at, rest) => ({ id: `${account}:${id}`, type, occurred_at: new Date(at).toISOString(), account: { id: account }, ...rest });

const signUp = (account) => send(event(account, "account.signed_up", "up", BEGIN, { attribution: { code: partner.code } }));

/** Running totals that rise, views of listings, and a type that no program knows. */
function usage(account, n) {
  const at = BEGIN + (n + 1) * 600_000;
  const kind = n % 4;
  if (kind === 0) return event(account, "listing.viewed", `u${n}`, at, { data: { listing_id: `l${n % 9}` } });
  if (kind === 1) return event(account, "report.opened", `u${n}`, at, {});
  return event(account, "account.active", `u${n}`, at, { data: { api_calls: n * 7, team_size: 1 + Math.floor(n / 900) } });
}

const invoice = (account, n) =>
  event(account, "invoice.paid", `i${n}`, BEGIN + (n + 1) * 56 * HOUR, { amount: { cents: 10_000 + n, currency: "usd" }, data: { invoice_id: `in_${account}_${n}` } });

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

/** The cost of the events from `from` on, one after the other: medians, and the most of each. */
async function measure(make, account, from) {
  const costs = [];
  for (let n = from; n < from + MEASURED; n += 1) {
    log.length = 0;
    const began = performance.now();
    await send(make(account, n));
    const ms = performance.now() - began;
    for (let waited = 0; log.length === 0 && waited < 2_000; waited += 5) await new Promise((done) => setTimeout(done, 5));
    costs.push({ ms, statements: log[0].statements, read: log[0].rows_read, written: log[0].rows_written });
  }
  const of = (pick) => Object.fromEntries(["ms", "statements", "read", "written"].map((key) => [key, pick(costs.map((cost) => cost[key]))]));
  return { ...of(median), most: of((list) => Math.max(...list)) };
}

let failed = false;
const check = (good, text) => {
  failed ||= !good;
  console.log(`${good ? "PASS" : "FAIL"} ${text}`);
};

for (const [what, sizes, make] of [
  ["usage", USAGE, usage],
  ["invoices", INVOICES, invoice],
]) {
  const account = `bench_${what}`;
  await signUp(account);
  console.log(`\n${what}: the next event after so many   ms   statements   rows read   rows written   (most: statements, written)`);
  let sent = 0;
  let first;
  for (const size of sizes) {
    const began = performance.now();
    // By import, which leaves what single events would.
    for (; sent < size; sent += Math.min(HISTORY.chunk, size - sent)) {
      const events = Array.from({ length: Math.min(HISTORY.chunk, size - sent) }, (_, n) => make(account, sent + n));
      await take(events);
    }
    const filled = Math.round((performance.now() - began) / 1_000);
    const cost = await measure(make, account, sent);
    sent += MEASURED;
    first ??= cost;
    console.log(`${String(size).padStart(7)} (${filled} s) ${cost.ms.toFixed(1).padStart(8)} ${String(cost.statements).padStart(6)} ${String(cost.read).padStart(9)} ${String(cost.written).padStart(9)}      ${cost.most.statements}, ${cost.most.written}`);
    if (cost !== first) {
      for (const key of ["read", "written"]) check(cost[key] <= first[key] * TIMES_MAX[what], `${what}: rows ${key} ${(cost[key] / first[key]).toFixed(2)} times`);
      console.log(`     time ${(cost.ms / first.ms).toFixed(2)} times`);
      if (size === sizes.at(-1)) check(cost.ms <= first.ms * TIMES_MAX[what], `${what}: time ${(cost.ms / first.ms).toFixed(2)} times`);
    }
    if (what === "invoices") {
      check(cost.most.statements <= INVOICE_MAX.statements && cost.most.written <= INVOICE_MAX.written, `an invoice: ${cost.most.statements} statements, ${cost.most.written} rows written`);
    }
  }
}

/** Ten events of each account. */
function history(name) {
  const accounts = Array.from({ length: HISTORY.accounts }, (_, n) => `${name}_${n}`);
  const day = 24 * HOUR;
  const steps = [
    (account) => event(account, "account.signed_up", "up", BEGIN, { account: { id: account, email: `x@${account}.example`.replaceAll("_", "-") }, attribution: { code: partner.code } }),
    (account) => event(account, "account.active", "u1", BEGIN + day, { data: { api_calls: 900, team_size: 3 } }),
    (account) => event(account, "subscription.started", "s1", BEGIN + 2 * day, { data: { subscription_id: `sub_${account}`, monthly_cents: 10_000 } }),
    ...Array.from({ length: HISTORY.months }, (_, n) => (account) => invoice(account, n * 12)),
    (account) => event(account, "invoice.refunded", "r1", BEGIN + 200 * day, { amount: { cents: 500, currency: "usd" }, data: { invoice_id: `in_${account}_0`, refund_id: `re_${account}` } }),
  ];
  return steps.flatMap((step) => accounts.map(step));
}

const rate = async (events, take) => {
  const began = performance.now();
  await take(events);
  return (events.length * 1_000) / (performance.now() - began);
};
const single = await rate(history("single"), async (events) => {
  for (const one of events) await send(one);
});
const imported = await rate(history("imported"), async (events) => {
  for (let from = 0; from < events.length; from += HISTORY.chunk) await take(events.slice(from, from + HISTORY.chunk));
});
console.log(`\n${history("").length} events of ${HISTORY.accounts} accounts: ${Math.round(single)} a second one by one, ${Math.round(imported)} imported`);
check(imported >= HISTORY.times * single, `an import is ${(imported / single).toFixed(1)} times as fast`);
await miniflare.dispose();
process.exit(failed ? 1 : 0);
