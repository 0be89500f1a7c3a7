// The monthly run on workerd and local D1: 5,000 partners with 20,000 and with 200,000 paid invoices, beside a plain
// JavaScript Worker that asks a query per partner and per invoice, all in one run. Fails when an invocation sends more
// statements than D1 allows, when the time per invoice grows with their number, when it is less than 20 times faster
// per invoice than the plain way, or when a balance is not the sum of its lines.
//   node tests/bench/monthly.mjs [--small 20000] [--large 200000]
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { Miniflare, Log, LogLevel, convertV4MiniflareOptions } from "miniflare";
import { template } from "../../.make/local-template.mjs";

const STATEMENTS_MAX = 1_000; // per invocation, on the paid plan
const FASTER_MIN = 20; // times the plain way, per invoice
const GROWTH_MAX = 2; // time per invoice of the large run, over that of the small one
const PARTNERS = 5_000;
const ACCOUNTS = 20_000;
const PAID_CENTS = 50_000;
const LINE_CENTS = 10_000;
const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 10);
const RUN_AT = Date.UTC(2026, 11, 1, 6); // every hold is over

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const { values } = parseArgs({ options: { small: { type: "string", default: "20000" }, large: { type: "string", default: "200000" } } });

/** One Worker on a database of its own. Its log says what a cron run sent. */
async function start(plain) {
  const folder = await template();
  const state = mkdtempSync(join(tmpdir(), "manicule-monthly-"));
  cpSync(join(folder, "state"), state, { recursive: true });
  const options = JSON.parse(readFileSync(join(folder, "options.json"), "utf8"));
  const log = [];
  const modules = plain
    ? { modulesRoot: join(here, "workers"), modules: [{ type: "ESModule", path: join(here, "workers/plain-monthly.js") }] }
    : {
        modulesRoot: join(root, "build"),
        modules: [
          { type: "ESModule", path: join(root, "build/index.js") },
          { type: "CompiledWasm", path: join(root, "build/index_bg.wasm") },
        ],
      };
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      log: new Log(LogLevel.ERROR),
      resourcePersistencePath: join(state, "v3"),
      handleRuntimeStdio(stdout) {
        createInterface(stdout).on("line", (line) => {
          const at = line.indexOf("{");
          try {
            log.push(JSON.parse(line.slice(at)));
          } catch {
            // Something else was said.
          }
        });
      },
      workers: [{ ...options, name: "manicule", ...modules }],
    }),
  );
  await miniflare.ready;
  const db = await miniflare.getD1Database("DB", "manicule");
  const end = async () => {
    await miniflare.dispose();
    rmSync(state, { recursive: true, force: true });
  };
  return { miniflare, db, log, end };
}

/** What taking the events in would have left: partners, accounts, and a pending line of $100 for each invoice. */
async function fill(db, invoices) {
  const document = readFileSync(join(root, "src/program/presets/agency-partner.json"), "utf8");
  const series = (from, count) => `WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${from + count})`;
  const partner = (i) => `printf('ptn_%05d', ${i} % ${PARTNERS})`;
  const account = (i) => `printf('acct_%05d', ${i} % ${ACCOUNTS})`;
  await db.batch([
    db
      .prepare("INSERT INTO program_version (program_id, version, effective_from_ms, document, document_sha256, created_at_ms, actor) VALUES ('agency-partner', 1, 0, ?1, '', 0, 'bench')")
      .bind(document),
    db.prepare(`${series(0, PARTNERS)} INSERT INTO partner (id, program_id, external_id, code, disclosure_accepted_at_ms, created_at_ms)
      SELECT ${partner("i")}, 'agency-partner', 'x' || i, 'P' || i, 1, 0 FROM n`),
    db.prepare(`${series(0, ACCOUNTS)} INSERT INTO account (id, revision, created_at_ms) SELECT ${account("i")}, 1, 0 FROM n`),
    db.prepare(`${series(0, ACCOUNTS)} INSERT INTO binding (account_id, group_id, program_id, partner_id, code, method, source, from_ms, event_id,
        signed_up_at_ms, signup_event_id, qualified_at_ms, qualified_quarter, held, receipt, states, decided_at_ms)
      SELECT ${account("i")}, 'aikit', 'agency-partner', ${partner("i")}, 'P' || (i % ${PARTNERS}), 'code', 'direct_link', ${START}, 's' || i,
        ${START}, 's' || i, ${START}, '2026-Q1', 0, '{}', '[]', 0 FROM n`),
    db.prepare(`INSERT INTO ledger_account (id, program_id, unit, kind, partner_id) VALUES ('agency-partner/cash:usd/expense', 'agency-partner', 'cash:usd', 'expense', '')`),
    db.prepare(`${series(0, PARTNERS)} INSERT INTO ledger_account (id, program_id, unit, kind, partner_id)
      SELECT 'agency-partner/cash:usd/pending/' || ${partner("i")}, 'agency-partner', 'cash:usd', 'pending', ${partner("i")} FROM n`),
  ]);
  for (let from = 0; from < invoices; from += 10_000) {
    const count = Math.min(10_000, invoices - from);
    await db.batch([
      db.prepare(`${series(from, count)} INSERT INTO accrual (id, program_id, program_version, rule_id, partner_id, account_id, event_id, basis, at_ms, period, unit,
          earned_cents, capped_cents, net_cents, bucket, payer, state, vests_at_ms, reason, postings)
        SELECT printf('acr_%07d', i), 'agency-partner', 1, 'first-year', ${partner("i")}, ${account("i")}, 'e' || i, 'invoice:in_' || i,
          ${START} + (i / ${ACCOUNTS}) * 30 * ${DAY}, '2026-01', 'cash:usd', ${LINE_CENTS}, 0, ${LINE_CENTS}, 'pending', 'expense', 'pending',
          ${START} + 60 * ${DAY}, 'paid', 1 FROM n`),
      db.prepare(`${series(from, count)} INSERT INTO transfer (id, line, code, phase, debit, credit, amount_cents, program_id, event_id, reason, created_at_ms)
        SELECT printf('acr_%07d', i) || '.1', printf('acr_%07d', i), 'accrue', 'single', 'agency-partner/cash:usd/expense',
          'agency-partner/cash:usd/pending/' || ${partner("i")}, ${LINE_CENTS}, 'agency-partner', 'e' || i, 'paid', 0 FROM n`),
    ]);
  }
}

/** The monthly run as cron starts it, and sweeps until it is done. */
async function settle(invoices) {
  const { miniflare, db, log, end } = await start(false);
  await fill(db, invoices);
  const worker = await miniflare.getWorker("manicule");
  const began = performance.now();
  let invocations = 0;
  for (let cron = "0 6 1 * *"; ; cron = "*/10 * * * *") {
    await worker.scheduled({ cron, scheduledTime: new Date(RUN_AT) });
    invocations += 1;
    const run = await db.prepare("SELECT state FROM run").first();
    if (run?.state === "done") break;
    if (invocations > 100) throw new Error(`the run is still ${run?.state} after ${invocations} invocations`);
  }
  const seconds = (performance.now() - began) / 1000;
  const wrong = await db
    .prepare(`SELECT COUNT(*) AS n FROM ledger_account WHERE kind = 'available' AND cr_posted_cents - dr_posted_cents <> ?1`)
    .bind((invoices / PARTNERS) * LINE_CENTS)
    .first("n");
  const partners = await db.prepare("SELECT COUNT(*) AS n FROM ledger_account WHERE kind = 'available'").first("n");
  const faults = await db.prepare("SELECT COUNT(*) AS n FROM ledger_fault").first("n");
  await new Promise((done) => setTimeout(done, 200));
  const statements = log.filter((line) => line.message === "cron").map((line) => line.statements);
  await end();
  return { invoices, seconds, invocations, statements, right: wrong === 0 && partners === PARTNERS && faults === 0 };
}

/** A query per partner and invoice, on the same data without our tables' triggers in the way. */
async function plain(invoices) {
  const { miniflare, db, end } = await start(true);
  const series = (count) => `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${count})`;
  await db.batch([
    db.prepare("CREATE TABLE plain_invoice (id INTEGER PRIMARY KEY, partner INTEGER NOT NULL, account INTEGER NOT NULL, paid_at INTEGER NOT NULL, cents INTEGER NOT NULL)"),
    db.prepare("CREATE INDEX plain_partner ON plain_invoice (partner)"),
    db.prepare("CREATE INDEX plain_account ON plain_invoice (account, paid_at)"),
    db.prepare("CREATE TABLE plain_commission (invoice INTEGER PRIMARY KEY, partner INTEGER NOT NULL, cents INTEGER NOT NULL)"),
    db.prepare(`${series(invoices)} INSERT INTO plain_invoice SELECT i, i % ${PARTNERS}, i % ${ACCOUNTS}, ${START} + i, ${PAID_CENTS} FROM n`),
  ]);
  const worker = await miniflare.getWorker("manicule");
  const began = performance.now();
  await worker.scheduled({ cron: String(PARTNERS) });
  const seconds = (performance.now() - began) / 1000;
  const sum = await db.prepare("SELECT SUM(cents) AS n FROM plain_commission").first("n");
  await end();
  return { invoices, seconds, right: sum === invoices * LINE_CENTS };
}

async function main() {
  const [small, large] = [Number(values.small), Number(values.large)];
  const beside = await plain(small);
  const runs = [await settle(small), await settle(large)];
  const per = ({ seconds, invoices }) => (seconds / invoices) * 1e6;
  const checks = [];
  const check = (holds, text) => checks.push([holds, text]);
  console.log(`a query per partner and invoice: ${beside.invoices} invoices in ${beside.seconds.toFixed(1)} s, ${per(beside).toFixed(0)} µs each`);
  for (const run of runs) {
    const most = Math.max(...run.statements);
    console.log(`the monthly run: ${run.invoices} invoices in ${run.seconds.toFixed(1)} s, ${per(run).toFixed(1)} µs each; ${run.invocations} invocation(s), statements ${run.statements.join(" + ")}`);
    check(run.right, `every balance of ${run.invoices} invoices is right`);
    check(run.statements.length === run.invocations && most <= STATEMENTS_MAX, `an invocation sends at most ${STATEMENTS_MAX} statements (${most})`);
  }
  check(beside.right, "the plain way computes the same");
  const growth = per(runs[1]) / per(runs[0]);
  check(growth <= GROWTH_MAX, `time per invoice grows at most ${GROWTH_MAX} times from small to large (${growth.toFixed(2)})`);
  const faster = per(beside) / Math.max(...runs.map(per));
  check(faster >= FASTER_MIN, `at least ${FASTER_MIN} times faster than a query per partner and invoice (${faster.toFixed(1)})`);
  for (const [holds, text] of checks) console.log(`${holds ? "PASS" : "FAIL"} ${text}`);
  process.exit(checks.every(([holds]) => holds) ? 0 : 1);
}
await main();
