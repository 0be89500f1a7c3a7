// Months of settlement on workerd and local D1 as history grows: each month's invoices are stored as decisions would have
// left them, then the Worker's own monthly run settles them. Fails if the time for each invoice or the rows read grow with
// the months, if an invocation sends too many statements, takes too long or holds too much memory, or if a cent is left.
//   node tests/bench/history.mjs [--large | --import | --partners 5000 --months 8] [--facts]
// By default 5,000 partners with two invoices each a month for 8 months. `--large`: 50,000 partners with 20,000 invoices in
// the first month, which is the measure, then with 100,000 a month for 36 months. `--import`: a month of 20,000 invoices, then one of 1,000,000.
import { parseArgs } from "node:util";
import { statSync } from "node:fs";
import { newSecrets, workerSecrets } from "../../scripts/secrets.mjs";
import { databaseFile, newState, numbers, open, savePreset, start } from "./local.mjs";
import { workerdCpu } from "./measured.mjs";

const LIMITS = {
  statements: 880, // of D1's 1,000 an invocation
  sweepCpuSeconds: 30, // of every invocation but the monthly one, which may take 15 minutes
  slotSeconds: 15 * 60,
  memoryBytes: 128 * 1024 * 1024,
  growth: 1.3, // time for each invoice, last month compared with the first
  rows: 1.1, // rows read for each invoice, the same
};
const { values } = parseArgs({ options: { large: { type: "boolean" }, import: { type: "boolean" }, facts: { type: "boolean" }, partners: { type: "string", default: "5000" }, months: { type: "string", default: "8" } } });
const sizes = values.large
  ? { partners: 50_000, months: [20_000, ...Array(36).fill(100_000)] }
  : values.import
    ? { partners: 50_000, months: [20_000, 1_000_000] }
    : { partners: Number(values.partners), months: Array(Number(values.months)).fill(2 * Number(values.partners)) };

const PROGRAMS = [
  { id: "agency-partner", group: "aikit", reward: "first-year", code: "a" },
  // Capped per partner and month; no partner here reaches it.
  { id: "developer-affiliate", group: "emdash", reward: "tier-4", code: "d" },
];
const DAY = 86_400_000;
const FIRST = { year: 2022, month: 0 };
const monthAt = (n, day = 1) => Date.UTC(FIRST.year, FIRST.month + n, day);

const secrets = newSecrets();
const state = await newState();

/** Partners, each with an account that signed up before the first month. */
function found() {
  const db = open(state);
  const begin = monthAt(0) - 40 * DAY;
  const each = sizes.partners / PROGRAMS.length;
  db.exec("PRAGMA synchronous = OFF; BEGIN");
  for (const { id, group, code } of PROGRAMS) {
    savePreset(db, id);
    db.exec(`
      INSERT INTO ledger_account (id, program_id, unit, kind, partner_id) VALUES ('${id}/cash:usd/expense', '${id}', 'cash:usd', 'expense', '');
      ${numbers(each)} INSERT INTO partner (id, program_id, external_id, kind, code, disclosure_accepted_at_ms, created_at_ms)
        SELECT printf('ptn_${code}%06d', i), '${id}', '${code}' || i, 'agency', '${code}' || i, ${begin}, ${begin} FROM n;
      INSERT INTO partner_person (partner_id, name) SELECT id, external_id FROM partner WHERE program_id = '${id}';
      INSERT INTO link (code, partner_id, program_id, created_at_ms) SELECT code, id, program_id, created_at_ms FROM partner WHERE program_id = '${id}';
      INSERT INTO ledger_account (id, program_id, unit, kind, partner_id)
        SELECT '${id}/cash:usd/' || k.value || '/' || p.id, '${id}', 'cash:usd', k.value, p.id FROM partner p, json_each('["pending","available"]') k WHERE p.program_id = '${id}';
      ${numbers(each)} INSERT INTO account (id, revision, signed_up_at_ms, created_at_ms) SELECT '${code}acc' || i, 1, ${begin}, ${begin} FROM n;
      ${numbers(each)} INSERT INTO binding (account_id, group_id, program_id, partner_id, code, method, from_ms, signed_up_at_ms, signup_event_id, qualified_at_ms, qualified_quarter, held, receipt, states, decided_at_ms)
        SELECT '${code}acc' || i, '${group}', '${id}', printf('ptn_${code}%06d', i), '${code}' || i, 'code', ${begin}, ${begin}, 'up' || i, ${begin + DAY}, '2021-Q4', 0,
          '{"group":"${group}","binding":null,"candidates":[],"reason":""}', '[]', ${begin} FROM n;`);
  }
  db.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
}

/** A month's invoices, spread over the partners, as taken in: each with its event, its accrual and the accrual's entry. */
function month(n, invoices) {
  const db = open(state);
  const at = monthAt(n);
  const each = invoices / PROGRAMS.length;
  const partners = sizes.partners / PROGRAMS.length;
  const period = new Date(at).toISOString().slice(0, 7);
  db.exec("PRAGMA synchronous = OFF; BEGIN");
  for (const { id, reward, code } of PROGRAMS) {
    const name = `'${code}${n}_' || i`;
    // Derived ids are scattered over their table, as these are.
    const accrual = `printf('acr_%08x${code}${n}_%d', (i + 1) * 2654435761 & 4294967295, i)`;
    const when = `${at} + (i % 27) * ${DAY} + i % 86400000`;
    db.exec(`
      ${numbers(each)} INSERT INTO event (id, source, type, account_id, invoice_id, state, occurred_at_ms, received_at_ms, body_sha256, payload, credential, codes, outcome)
        SELECT 'evt_' || ${name}, 'events', 'invoice.paid', '${code}acc' || (i % ${partners}), 'in_' || ${name}, 'closed', ${when}, ${when}, 'x',
          '{"invoice.paid":{"invoice_id":"in_' || ${name} || '","amount":{"cents":10000,"currency":"usd"}}}', '{}', '[]', '{}' FROM n;
      ${numbers(each)} INSERT INTO accrual (id, program_id, program_version, reward_id, partner_id, account_id, event_id, source, at_ms, period, unit, gross_cents, cap_reduction_cents,
          net_cents, balance, funding_account, state, vests_at_ms, reason, postings, closed, changed_at_ms)
        SELECT ${accrual}, '${id}', 1, '${reward}', printf('ptn_${code}%06d', i % ${partners}), '${code}acc' || (i % ${partners}), 'evt_' || ${name}, 'invoice:in_' || ${name},
          ${when}, '${period}', 'cash:usd', 2000, 0, 2000, 'pending', 'expense', 'pending', ${when}, 'x', 1, 1, ${when} FROM n;
      ${numbers(each)} INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, program_id, event_id, reason, created_at_ms)
        SELECT ${accrual} || '.1', ${accrual}, 'accrue', 'single', '${id}/cash:usd/expense', printf('${id}/cash:usd/pending/ptn_${code}%06d', i % ${partners}), 2000,
          '${id}', 'evt_' || ${name}, 'x', ${when} FROM n;`);
  }
  db.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
}

/** The monthly run after a month, and sweeps until it is done. */
async function settle(n) {
  const { miniflare, log, db } = await start(state, { bindings: { ...workerSecrets(secrets), D1_STATEMENTS_MAX: "1000" } });
  const worker = await miniflare.getWorker("manicule");
  const at = monthAt(n + 1) + 6 * 3_600_000;
  const invocations = [];
  for (let turn = 0; ; turn += 1) {
    const cpu = workerdCpu();
    const began = performance.now();
    await worker.scheduled({ cron: turn === 0 ? "0 6 1 * *" : "*/10 * * * *", scheduledTime: new Date(at + turn * 600_000) });
    invocations.push({ seconds: (performance.now() - began) / 1_000, cpu: (workerdCpu() - cpu) / 1e6 });
    const { results: unfinished } = await db.prepare("SELECT program_id, state, items, executed FROM run WHERE state <> 'done'").all();
    if (process.env.VERBOSE) console.log(turn, invocations.at(-1), JSON.stringify(unfinished), JSON.stringify(log.at(-1)));
    if (unfinished.length === 0) break;
    if (invocations.length > 300) throw new Error(`the run is not done after ${invocations.length} invocations: ${JSON.stringify(unfinished)}`);
  }
  await new Promise((done) => setTimeout(done, 200));
  await miniflare.dispose();
  const sum = (list) => list.reduce((total, one) => total + one, 0);
  const most = (list) => Math.max(0, ...list);
  return {
    invocations: invocations.length,
    seconds: sum(invocations.map((i) => i.seconds)),
    longest: most(invocations.map((i) => i.seconds)),
    // workerd runs D1 too; at Cloudflare its time is not the Worker's.
    sweepCpu: most(invocations.slice(1).map((i, n) => i.cpu - (log[n + 1]?.sql_ms ?? 0) / 1_000)),
    statements: most(log.map((line) => line.statements)),
    rowsRead: sum(log.map((line) => line.rows_read)),
    rowsWritten: sum(log.map((line) => line.rows_written)),
    memory: most(log.map((line) => line.memory_bytes)),
  };
}

const checks = [];
const check = (holds, text) => checks.push([holds, text]);
/** What depends on the machine's load is only told where facts alone are judged. */
const timed = (holds, text) => (values.facts ? console.log(`     ${text}`) : check(holds, text));

found();
console.log(`${sizes.partners} partners\n`);
console.log("month   invoices   of all    fill s    run s   µs/invoice   rows read/invoice   written/invoice   invocations   most statements   memory MB     database");
const results = [];
let all = 0;
for (const [n, invoices] of sizes.months.entries()) {
  const began = performance.now();
  month(n, invoices);
  const filled = (performance.now() - began) / 1_000;
  all += invoices;
  const run = await settle(n);
  const bytes = statSync(databaseFile(state)).size;
  results.push({ ...run, invoices, bytes });
  const cell = (text, width) => String(text).padStart(width);
  console.log(
    `${cell(n + 1, 5)}${cell(invoices, 11)}${cell(all, 9)}${cell(filled.toFixed(1), 10)}${cell(run.seconds.toFixed(2), 9)}${cell(((run.seconds / invoices) * 1e6).toFixed(1), 13)}` +
      `${cell((run.rowsRead / invoices).toFixed(1), 20)}${cell((run.rowsWritten / invoices).toFixed(1), 18)}${cell(run.invocations, 14)}${cell(run.statements, 18)}${cell((run.memory / 2 ** 20).toFixed(0), 12)}${cell((bytes / 1e9).toFixed(2), 10)} GB`,
  );
}

const books = open(state);
const one = (sql) => Object.values(books.prepare(sql).get())[0];
const last = monthAt(sizes.months.length) + 6 * 3_600_000;
const left = one(`SELECT COUNT(*) FROM accrual WHERE state = 'pending' AND vests_at_ms <= ${last} AND at_ms < ${last}`);
const vested = one("SELECT COUNT(*) FROM accrual WHERE state = 'available' AND balance = 'available'");
const statements = one(`SELECT COUNT(DISTINCT partner_id) FROM run_partner WHERE run_id IN (SELECT id FROM run WHERE as_of_ms = ${last})`);
check(left === 0 && vested === all, `nothing is left: ${vested} of ${all} accruals vested, ${left} pending`);
check(statements === sizes.partners, `a statement for each of ${statements} partners`);
const vests = one(`SELECT COUNT(*) FROM transfer WHERE code = 'vest' AND run_id IN (SELECT id FROM run WHERE as_of_ms = ${last})`);
const pages = Math.ceil(sizes.months.at(-1) / 10_000) + PROGRAMS.length;
check(vests <= sizes.partners + pages, `what vests for a partner is one ledger row, or two where a page ends: ${vests} rows`);
check(one("SELECT COUNT(*) FROM ledger_check") === 0, "no fault in the ledger");
books.close();

const first = results[0];
const end = results.at(-1);
const per = (key) => end[key] / end.invoices / (first[key] / first.invoices);
check(per("rowsRead") <= LIMITS.rows, `rows read for each invoice: ${per("rowsRead").toFixed(2)} times from the first month to the last (at most ${LIMITS.rows})`);
timed(per("seconds") <= LIMITS.growth, `time for each invoice: ${per("seconds").toFixed(2)} times from the first month to the last (at most ${LIMITS.growth})`);
const most = (key) => Math.max(...results.map((run) => run[key]));
check(most("statements") <= LIMITS.statements, `at most ${LIMITS.statements} statements an invocation (${most("statements")})`);
check(most("memory") < LIMITS.memoryBytes, `less than 128 MB of WASM memory (${(most("memory") / 2 ** 20).toFixed(0)} MB)`);
timed(!(most("sweepCpu") > LIMITS.sweepCpuSeconds), `no sweep takes over ${LIMITS.sweepCpuSeconds} s of CPU (${most("sweepCpu").toFixed(1)})`);
timed(most("seconds") <= LIMITS.slotSeconds, `a month is settled within ${LIMITS.slotSeconds} s (${most("seconds").toFixed(0)})`);
console.log(`\n${((end.bytes - first.bytes) / (all - first.invoices) || 0).toFixed(0)} bytes of the database for each invoice of a further month`);
for (const [holds, text] of checks) console.log(`${holds ? "PASS" : "FAIL"} ${text}`);
process.exit(checks.every(([holds]) => holds) ? 0 : 1);
