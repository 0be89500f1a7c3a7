// What a partner's pages read from D1, on workerd: a partner with ten accruals compared with one with 100,000. Fails if
// the larger one needs a different number of statements, or if the rows that D1 reads grow with the accruals rather
// than with what is shown. Milliseconds are printed but not judged.
import { createHash } from "node:crypto";
import { navigate, newState, numbers, open, savePreset, start } from "./local.mjs";

const PROGRAM = "agency-partner";
const DAY_MS = 86_400_000;
const SIZES = { few: 10, many: 100_000 };
const PAGES = ["", "/links", "/share", "/clients", "/earnings", "/payouts", "/leaderboard", "/resources", "/settings"];
/**
 * Rows that a page may read in addition to those for the smaller partner: a page of a list with its totals, and a month
 * of days.
 */
const ROWS_MORE_MAX = 1_500;
const TURNS = 5;

/**
 * A partner with this many accruals and their ledger rows, a fifth as many clients, and as many clicks; and a signed-in
 * session.
 */
function fill(database, name, lines) {
  const [id, now] = [`ptn_${name}`, Date.now()];
  const begin = now - 300 * DAY_MS;
  const token = createHash("sha256").update(name).digest("hex");
  const step = Math.floor((290 * DAY_MS) / lines);
  const book = (kind) => `${PROGRAM}/cash:usd/${kind}/${id}`;
  database.exec(`BEGIN;
    INSERT INTO partner (id, program_id, external_id, code, disclosure_accepted_at_ms, created_at_ms) VALUES ('${id}', '${PROGRAM}', '${name}', '${name}', ${begin}, ${begin});
    INSERT INTO partner_person (partner_id, name, email) VALUES ('${id}', '${name}', '${name}@bench.example');
    INSERT INTO link (code, partner_id, program_id, created_at_ms) VALUES ('${name}', '${id}', '${PROGRAM}', ${begin});
    INSERT INTO session (id, token_sha256, rotated_at_ms, way, email, operator, actor, agent, created_at_ms, checked_at_ms, seen_at_ms, expires_at_ms)
      VALUES ('ses_${name}', '${createHash("sha256").update(token).digest("hex")}', ${now}, 'email', '${name}@bench.example', 0, 'bench', 'bench', ${now}, ${now}, ${now}, ${now + DAY_MS});
    INSERT OR IGNORE INTO ledger_account (id, program_id, unit, kind, partner_id) SELECT '${PROGRAM}/cash:usd/expense', '${PROGRAM}', 'cash:usd', 'expense', ''
      WHERE NOT EXISTS (SELECT 1 FROM ledger_account WHERE id = '${PROGRAM}/cash:usd/expense');
    INSERT INTO ledger_account (id, program_id, unit, kind, partner_id) VALUES ('${book("pending")}', '${PROGRAM}', 'cash:usd', 'pending', '${id}');
    ${numbers(lines / 5)} INSERT INTO account (id, revision, created_at_ms) SELECT '${name}' || i, 1, 0 FROM n;
    ${numbers(lines / 5)} INSERT INTO binding (account_id, group_id, program_id, partner_id, code, method, from_ms, signed_up_at_ms, signup_event_id, held, receipt, states, decided_at_ms)
      SELECT '${name}' || i, 'aikit', '${PROGRAM}', '${id}', '${name}', 'code', 0, ${begin} + i * 5 * ${step}, 'e' || i, 0,
        '{"group":"aikit","binding":null,"candidates":[],"reason":""}', '[]', 0 FROM n;
    ${numbers(lines)} INSERT INTO accrual (id, program_id, program_version, reward_id, partner_id, account_id, event_id, source, at_ms, period, unit, gross_cents,
        cap_reduction_cents, net_cents, balance, funding_account, state, vests_at_ms, reason, postings)
      SELECT 'acr_${name}_' || i, '${PROGRAM}', 1, 'first-year', '${id}', '${name}' || (i / 5), 'e' || i, 'invoice:${name}' || i, ${begin} + i * ${step}, '2026-01', 'cash:usd', 100,
        0, 100, 'pending', 'expense', 'pending', ${now + DAY_MS}, 'x', 1 FROM n;
    ${numbers(lines)} INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, program_id, reason, created_at_ms)
      SELECT 'acr_${name}_' || i || '.1', 'acr_${name}_' || i, 'accrue', 'single', '${PROGRAM}/cash:usd/expense', '${book("pending")}', 100, '${PROGRAM}', 'x', 0 FROM n;
    ${numbers(lines)} INSERT INTO click (id, code, program_id, partner_id, visitor, clicked_at_ms, hour, dedupe)
      SELECT 'clk_${name}_' || i, '${name}', '${PROGRAM}', '${id}', 'v' || i, ${begin} + i * ${step}, (${begin} + i * ${step}) / 3600000, ${lines} + i FROM n;
    INSERT INTO link_day (partner_id, code, day, clicks) SELECT partner_id, code, hour / 24, COUNT(*) FROM click WHERE true GROUP BY 1, 2, 3
      ON CONFLICT DO UPDATE SET clicks = excluded.clicks;
    COMMIT;`);
  return `__Host-manicule_session=${token}.${id}`;
}

const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];

const state = await newState();
const database = open(state);
savePreset(database, PROGRAM);
const cookies = Object.fromEntries(Object.entries(SIZES).map(([name, lines]) => [name, fill(database, name, lines)]));
const { changes } = database.prepare("SELECT COUNT(*) AS changes FROM accrual").get();
console.log(`${changes} lines of two partners`);
database.close();
const { miniflare, url, log } = await start(state);

async function look(path, cookie) {
  const times = [];
  let cost;
  for (let turn = 0; turn < TURNS; turn += 1) {
    log.length = 0;
    const began = performance.now();
    const { status, bytes } = await navigate(`${url}/partner${path}`, cookie);
    times.push(performance.now() - began);
    if (status !== 200) throw new Error(`/partner${path} answered ${status}`);
    for (let waited = 0; log.length === 0 && waited < 2_000; waited += 5) await new Promise((done) => setTimeout(done, 5));
    cost = { statements: log[0].statements, rows: log[0].rows_read, bytes };
  }
  return { ...cost, ms: median(times) };
}

let failed = false;
console.log("\npage                     statements   rows read: ten lines, 100,000     ms each");
for (const page of PAGES) {
  const [few, many] = [await look(page, cookies.few), await look(page, cookies.many)];
  const good = few.statements === many.statements && many.rows <= few.rows + ROWS_MORE_MAX;
  failed ||= !good;
  console.log(
    `${good ? "PASS" : "FAIL"} /partner${page.padEnd(15)} ${String(many.statements).padStart(6)} ${String(few.rows).padStart(18)} ${String(many.rows).padStart(14)} ${few.ms.toFixed(1).padStart(12)} ${many.ms.toFixed(1)}`,
  );
}
await miniflare.dispose();
process.exit(failed ? 1 : 0);
