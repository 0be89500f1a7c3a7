// The monthly run on workerd and local D1: 5,000 partners with 20,000 and with 200,000 paid invoices, compared with a
// plain JavaScript Worker that sends a query per partner and per invoice. Fails if an invocation sends more statements
// than D1 allows, if the time per invoice grows with the number of invoices, if the run is less than 8 times faster
// per invoice than the plain Worker (12 to 15 on an idle machine), which writes neither statements nor messages nor a
// leaderboard, or if the two do not give the same cents for each partner.
// The plain Worker would take half an hour for all partners, so it is measured on the first ones, on a database that
// contains all; --sample sets how many invoices those have.
//   node tests/bench/monthly.mjs [--partners 5000] [--sample 4000] [--facts]
// `--facts` judges what is right or wrong at any speed, and only prints the ratios.
import { parseArgs } from "node:util";
import { newSecrets, workerSecrets } from "../../scripts/secrets.mjs";
import { TAKEN_IN, blockName, fill } from "./copies.mjs";
import { takeIn } from "./intake.mjs";
import { newState, open, start } from "./local.mjs";
import { PARTNERS_PER_BLOCK, RUN_AT, block } from "./world.mjs";

const STATEMENTS_MAX = 1_000; // per invocation, on the paid plan
const INVOCATION_MAX = 15 * 60; // seconds that a cron trigger may take
const FASTER_MIN = 8; // times the plain Worker, per invoice
const GROWTH_MAX = 2; // time per invoice of the large run, relative to the small one

const { values } = parseArgs({ options: { partners: { type: "string", default: "5000" }, sample: { type: "string", default: "4000" }, facts: { type: "boolean" } } });
const blocks = Number(values.partners) / PARTNERS_PER_BLOCK;
const sample = Number(values.sample);

/** The monthly run as cron starts it, followed by sweeps until it is done. */
async function settle(size) {
  const state = await newState();
  const sent = await takeIn(state, size, TAKEN_IN);
  const filling = open(state);
  const compared = fill(filling, size, blocks);
  const invoices = filling.prepare("SELECT COUNT(*) AS n FROM event WHERE type = 'invoice.paid'").get().n;
  console.log(`${size}: ${sent} events taken in, ${compared} rows of one block compared, ${blocks} blocks, ${invoices} invoices`);
  filling.close();
  const { miniflare, log, db } = await start(state, { bindings: { ...workerSecrets(newSecrets()), D1_STATEMENTS_MAX: String(STATEMENTS_MAX) } });
  const worker = await miniflare.getWorker("manicule");
  const invocations = [];
  for (let cron = "0 6 1 * *"; ; cron = "*/10 * * * *") {
    const began = performance.now();
    await worker.scheduled({ cron, scheduledTime: new Date(RUN_AT) });
    invocations.push((performance.now() - began) / 1000);
    const { results: open } = await db.prepare("SELECT program_id, state, items, executed FROM run WHERE state <> 'done'").all();
    if (process.env.VERBOSE) console.log(cron, invocations.at(-1).toFixed(1), JSON.stringify(open));
    if (open.length === 0) break;
    if (invocations.length > 300) throw new Error(`the run is not done after ${invocations.length} invocations: ${JSON.stringify(open)}`);
  }
  await new Promise((done) => setTimeout(done, 200));
  await miniflare.dispose();
  const books = open(state);
  const result = { size, invoices, invocations, seconds: invocations.reduce((sum, s) => sum + s), statements: log.map((line) => line.statements), ...audit(books) };
  books.close();
  return result;
}

/** The results of the run: cents by partner, row counts, and values that must be zero. */
function audit(books) {
  const all = (sql) => books.prepare(sql).all();
  const one = (sql) => Object.values(books.prepare(sql).get())[0];
  const cents = all(`SELECT p.external_id AS name, SUM(a.net_cents) AS kept, SUM(IIF(a.balance = 'available', a.net_cents, 0)) AS vested
    FROM accrual a JOIN partner p ON p.id = a.partner_id WHERE a.source GLOB 'invoice:*' GROUP BY p.id`);
  return {
    cents: new Map(cents.map((row) => [row.name, `${row.kept} ${row.vested}`])),
    faults: one("SELECT COUNT(*) FROM ledger_check"),
    runs: all("SELECT program_id, items, executed FROM run ORDER BY program_id"),
    kinds: all("SELECT program_id, reward_id, state, COUNT(*) AS lines, SUM(net_cents) AS cents FROM accrual GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"),
    // Mature accruals that are still pending were left behind.
    left: one(`SELECT COUNT(*) FROM accrual WHERE state = 'pending' AND vests_at_ms <= ${RUN_AT} AND at_ms < ${RUN_AT}`),
    stale: one("SELECT COUNT(*) FROM account WHERE needs_recompute_since_ms IS NOT NULL"),
    statements_of_partners: one("SELECT COUNT(DISTINCT partner_id) FROM run_partner"),
  };
}

/** A query per partner and invoice for the same partners, in separate tables. */
async function plain(size) {
  const state = await newState();
  const db = open(state);
  db.exec(`PRAGMA synchronous = OFF; BEGIN;
    CREATE TABLE plain_partner (id INTEGER PRIMARY KEY, name TEXT, program TEXT, kind TEXT);
    CREATE TABLE plain_account (id INTEGER PRIMARY KEY, partner INTEGER, signed_up_at INTEGER, cancelled_at INTEGER, annual_cents INTEGER);
    CREATE INDEX plain_account_partner ON plain_account (partner);
    CREATE TABLE plain_invoice (id INTEGER PRIMARY KEY, name TEXT, partner INTEGER, account INTEGER, paid_at INTEGER, cents INTEGER, refunded INTEGER, disputed INTEGER);
    CREATE INDEX plain_invoice_partner ON plain_invoice (partner);
    CREATE INDEX plain_invoice_account ON plain_invoice (account, paid_at);
    INSERT INTO ledger_account (id, program_id, unit, kind, partner_id)
      SELECT value || '/cash:usd/expense', value, 'cash:usd', 'expense', '' FROM json_each('["agency-partner","developer-affiliate"]');`);
  const insert = (table, columns) => db.prepare(`INSERT INTO ${table} VALUES (${"?, ".repeat(columns - 1)}?)`);
  const [onePartner, oneAccount, oneInvoice] = [insert("plain_partner", 4), insert("plain_account", 5), insert("plain_invoice", 8)];
  const oneBalance = db.prepare("INSERT INTO ledger_account (id, program_id, unit, kind, partner_id) VALUES (?, ?, 'cash:usd', ?, ?)");
  let [p, a, i] = [0, 0, 0];
  for (let n = 0; n < blocks; n += 1) {
    for (const { name, program, kind, accounts } of block(blockName(n), size)) {
      onePartner.run(p, name, program, kind === "capped" ? "developer" : kind);
      for (const balance of ["pending", "available"]) oneBalance.run(`${program}/cash:usd/${balance}/${name}`, program, balance, name);
      for (const account of accounts) {
        oneAccount.run(a, p, account.signedUpAt, account.cancelledAt, account.annualCents);
        for (const v of account.invoices) oneInvoice.run(i++, v.name, p, a, v.paidAt, v.cents, v.refunded, v.disputed ? 1 : 0);
        a += 1;
      }
      p += 1;
    }
  }
  db.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
  let [seconds, done] = [0, 0];
  return {
    /** Settles the partners up to the given number. */
    async settle(partners) {
      const { miniflare } = await start(state, { plain: "plain-monthly.js" });
      const worker = await miniflare.getWorker("manicule");
      const began = performance.now();
      await worker.scheduled({ cron: `${done} ${partners}` });
      seconds += (performance.now() - began) / 1000;
      done = partners;
      await miniflare.dispose();
    },
    result() {
      const after = open(state);
      const rows = after
        .prepare("SELECT partner_id AS name, COUNT(*) AS invoices, SUM(net_cents) AS kept, SUM(IIF(balance = 'available', net_cents, 0)) AS vested FROM accrual GROUP BY partner_id")
        .all();
      after.close();
      const invoices = rows.reduce((sum, row) => sum + row.invoices, 0);
      return { invoices, seconds, cents: new Map(rows.map((row) => [row.name, `${row.kept} ${row.vested}`])) };
    },
  };
}

const checks = [];
const check = (holds, text) => checks.push([holds, text]);
const ratio = (holds, text) => (values.facts ? console.log(`     ${text}`) : check(holds, text));
const per = ({ seconds, invoices }) => (seconds / invoices) * 1e6;

async function measure(size, partners) {
  // Half of the plain Worker's part before the run and half after it, so that other load on the machine slows both.
  const naive = await plain(size);
  await naive.settle(partners / 2);
  const run = await settle(size);
  await naive.settle(partners);
  const beside = naive.result();
  if (process.env.VERBOSE) console.table(run.kinds);
  const differ = [...beside.cents].filter(([name, cents]) => (run.cents.get(name) ?? "0 0") !== cents);
  check(differ.length === 0, `${run.invoices} invoices: the same cents, earned and vested, for each of ${beside.cents.size} partners${differ.length ? `: ${differ.slice(0, 8).map(([name, cents]) => `${name} plain ${cents} run ${run.cents.get(name)}`).join("; ")}` : ""}`);
  check(run.faults === 0 && run.left === 0 && run.stale === 0, `${run.invoices} invoices: no fault in the ledger, no line and no account left behind (${run.faults}, ${run.left}, ${run.stale})`);
  check(run.runs.length === 2 && run.runs.every((r) => r.items > 0 && r.executed === r.items) && run.statements_of_partners === blocks * PARTNERS_PER_BLOCK, `${run.invoices} invoices: every plan executed, and a statement for every partner`);
  const most = Math.max(...run.statements);
  check(run.statements.length === run.invocations.length && most <= STATEMENTS_MAX, `${run.invoices} invoices: an invocation sends at most ${STATEMENTS_MAX} statements (${most})`);
  const longest = Math.max(...run.invocations);
  check(longest <= INVOCATION_MAX, `${run.invoices} invoices: an invocation takes at most ${INVOCATION_MAX} s (${longest.toFixed(1)})`);
  const faster = per(beside) / per(run);
  ratio(faster >= FASTER_MIN, `${run.invoices} invoices: at least ${FASTER_MIN} times faster than a query per partner and invoice (${faster.toFixed(1)})`);
  return [beside, run];
}

async function main() {
  const small = await measure("small", Math.min(sample / 4, blocks * PARTNERS_PER_BLOCK));
  const large = await measure("large", Math.min(sample / 40, blocks * PARTNERS_PER_BLOCK));
  const growth = per(large[1]) / per(small[1]);
  ratio(growth <= GROWTH_MAX, `time per invoice grows at most ${GROWTH_MAX} times from small to large (${growth.toFixed(2)})`);
  console.log("\n                        invoices   seconds   µs/invoice   statements by invocation");
  for (const [beside, run] of [small, large]) {
    const row = (title, { invoices, seconds }, more) =>
      console.log(title.padEnd(22), String(invoices).padStart(9), seconds.toFixed(2).padStart(9), per({ invoices, seconds }).toFixed(1).padStart(12), "  ", more);
    row("plain", beside, "four or five for each invoice");
    row("the monthly run", run, run.statements.join(" + "));
  }
  for (const [holds, text] of checks) console.log(`${holds ? "PASS" : "FAIL"} ${text}`);
  process.exit(checks.every(([holds]) => holds) ? 0 : 1);
}
await main();
