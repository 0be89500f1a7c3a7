// A large installation, as rows: what operators' pages and reports read of it is measured by operator_pages.mjs. What the
// Worker itself would have written is only as complete as those pages need.
import { createHash } from "node:crypto";
import { numbers, savePreset } from "./local.mjs";

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** A Monday, 00:00 UTC. */
const MONDAY = Date.UTC(2024, 0, 1);

export const PROGRAM = "agency-partner";
export const FUNNEL = "partner-funnel";
export const SIZES = {
  partners: 50_000,
  accounts: 100_000,
  events: 1_000_000,
  /** Of one partner, and two more of each other partner. */
  accruals: 100_000,
  campaigns: 100_000,
  /** The partners of the funnel's program, who share the campaigns. */
  senders: 1_000,
  /** Rows of each table that holds what waits for a person, or what was recorded. */
  records: 20_000,
};
/** One partner, account, … with very many rows. */
export const LARGEST = { partner: "ptn_p0", account: "a0", run: "run_0", sender: "ptn_f0" };

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** The programs. */
export function programs(database) {
  for (const id of [PROGRAM, FUNNEL]) savePreset(database, id);
}

/** An operator's session; what its cookie says. */
export function operator(database, now) {
  const token = sha256("operator");
  database.exec(`INSERT INTO session (id, token_sha256, rotated_at_ms, way, email, operator, actor, agent, created_at_ms, checked_at_ms, seen_at_ms, expires_at_ms)
    VALUES ('ses_operator', '${sha256(token)}', ${now}, 'email', 'ops@bench.example', 1, 'operator:ops@bench.example', 'bench', ${now}, ${now}, ${now}, ${now + DAY_MS})`);
  return `__Host-manicule_session=${token}.`;
}

/** Fills the database. `share`: of the sizes, so that a small installation has the same shape. */
export function fill(database, now, share) {
  const count = (name) => Math.max(10, Math.floor(SIZES[name] * share));
  const begin = now - 300 * DAY_MS;
  const lastWeek = now - ((now - MONDAY) % WEEK_MS) - WEEK_MS;
  const step = Math.floor((290 * DAY_MS) / count("accruals"));
  const book = (kind, partner) => `'${PROGRAM}/cash:usd/${kind}/' || ${partner}`;
  const records = numbers(count("records"));
  database.exec(`PRAGMA synchronous = OFF; BEGIN;
    ${numbers(count("partners"))} INSERT INTO partner (id, program_id, external_id, code, disclosure_accepted_at_ms, created_at_ms, updated_at_ms)
      SELECT 'ptn_p' || i, '${PROGRAM}', 'person' || i, 'c' || i, ${begin}, ${begin} + i, ${begin} + i FROM n;
    ${numbers(count("senders"))} INSERT INTO partner (id, program_id, external_id, code, disclosure_accepted_at_ms, created_at_ms, updated_at_ms)
      SELECT 'ptn_f' || i, '${FUNNEL}', 'sender' || i, 'f' || i, ${begin}, ${begin} + i, ${begin} + i FROM n;
    INSERT INTO partner_person (partner_id, name, email) SELECT id, 'Given' || rowid || ' Family' || rowid, external_id || '@mail' || (rowid % 100) || '.example' FROM partner;
    INSERT INTO link (code, partner_id, program_id, created_at_ms, updated_at_ms) SELECT code, id, program_id, created_at_ms, created_at_ms FROM partner;
    ${numbers(count("accounts"))} INSERT INTO account (id, revision, created_at_ms, signed_up_at_ms) SELECT 'a' || i, 1, ${begin}, ${begin} + i FROM n;
    ${numbers(count("accounts"))} INSERT INTO binding (account_id, group_id, program_id, partner_id, code, method, from_ms, signed_up_at_ms, signup_event_id, held, receipt, states, decided_at_ms)
      SELECT 'a' || i, 'aikit', '${PROGRAM}', 'ptn_p' || IIF(i % 5 = 0, 0, i % ${count("partners")}), 'c' || IIF(i % 5 = 0, 0, i % ${count("partners")}), 'code', 0, ${now} - (i * 7919 % 300) * ${DAY_MS}, 'e' || i, 0,
        '{"group":"aikit","binding":null,"candidates":[],"reason":""}', '[]', ${begin} + i FROM n;
    ${numbers(count("events"))} INSERT INTO event (id, source, type, account_id, invoice_id, state, email_domain, occurred_at_ms, received_at_ms, body_sha256, payload, credential, codes, outcome)
      SELECT 'e' || i, 'events', IIF(i < ${count("accounts")}, 'account.signed_up', IIF(i % 10 = 0, 'invoice.paid', 'usage')), 'a' || IIF(i % 100 = 1 OR i % 1000 = 0, 0, i % ${count("accounts")}),
        IIF(i % 10 = 0 AND i >= ${count("accounts")}, 'in' || i, NULL), IIF(i % 10 = 0, 'closed', 'moot'), IIF(i < ${count("accounts")}, 'mail' || (i % 1000) || '.example', NULL), ${begin} + i, ${begin} + i, 'x',
        IIF(i % 10 = 0 AND i >= ${count("accounts")}, '{"invoice.paid":{"invoice_id":"in' || i || '","amount":{"cents":1000,"currency":"usd"}}}', '{}'), '{}', '[]', '{}' FROM n;
    INSERT INTO ledger_account (id, program_id, unit, kind, partner_id) VALUES ('${PROGRAM}/cash:usd/expense', '${PROGRAM}', 'cash:usd', 'expense', '');
    INSERT INTO ledger_account (id, program_id, unit, kind, partner_id) SELECT ${book("pending", "id")}, '${PROGRAM}', 'cash:usd', 'pending', id FROM partner WHERE program_id = '${PROGRAM}';
    INSERT INTO ledger_account (id, program_id, unit, kind, partner_id) SELECT ${book("available", "id")}, '${PROGRAM}', 'cash:usd', 'available', id FROM partner WHERE program_id = '${PROGRAM}';
    ${numbers(count("accruals"))} INSERT INTO accrual (id, program_id, program_version, reward_id, partner_id, account_id, event_id, source, at_ms, period, unit, gross_cents,
        cap_reduction_cents, net_cents, balance, funding_account, state, vests_at_ms, reason, postings, changed_at_ms)
      SELECT 'acr_0_' || i, '${PROGRAM}', 1, 'first-year', '${LARGEST.partner}', 'a' || IIF(i % 100 = 0, 0, 5 * i % ${count("accounts")}), 'e' || i, 'invoice:in' || i, ${begin} + i * ${step}, '2026-01', 'cash:usd', 100,
        0, 100, IIF(i % 3, 'available', 'pending'), 'expense', IIF(i % 3, 'available', IIF(i % 2, 'held', 'pending')), ${now + DAY_MS}, 'x', 1, ${begin} + i FROM n;
    ${numbers(2 * count("partners"))} INSERT INTO accrual (id, program_id, program_version, reward_id, partner_id, account_id, event_id, source, at_ms, period, unit, gross_cents,
        cap_reduction_cents, net_cents, balance, funding_account, state, vests_at_ms, reason, postings, changed_at_ms)
      SELECT 'acr_1_' || i, '${PROGRAM}', 1, 'first-year', 'ptn_p' || (i / 2), 'a' || (i % ${count("accounts")}), 'e' || i, 'invoice:in' || i, ${now} - (i * 7919 % 300) * ${DAY_MS}, '2026-01', 'cash:usd', 100,
        0, 100, 'available', 'expense', 'available', ${now + DAY_MS}, 'x', 1, ${begin} + i FROM n;
    INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, program_id, event_id, reason, created_at_ms)
      SELECT id || '.1', id, 'accrue', 'single', '${PROGRAM}/cash:usd/expense', ${book("pending", "partner_id")}, 100, '${PROGRAM}', event_id, 'x', at_ms FROM accrual;
    INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, program_id, event_id, reason, created_at_ms)
      SELECT id || '.2', id, 'vest', 'single', ${book("pending", "partner_id")}, ${book("available", "partner_id")}, 100, '${PROGRAM}', event_id, 'x', at_ms FROM accrual WHERE balance = 'available';
    ${numbers(count("campaigns"))} INSERT INTO click (id, code, program_id, partner_id, campaign, visitor, clicked_at_ms, hour, dedupe)
      SELECT 'clk_' || i, 'f' || (i % ${count("senders")}), '${FUNNEL}', 'ptn_f' || (i % ${count("senders")}), 'campaign' || i, 'v' || i, ${lastWeek} + i * 1000, (${lastWeek} + i * 1000) / 3600000, i FROM n;
    ${numbers(count("campaigns"))} INSERT INTO click (id, code, program_id, partner_id, campaign, visitor, clicked_at_ms, hour, dedupe, utm_source)
      SELECT 'clk_p' || i, 'c' || (i % ${count("partners")}), '${PROGRAM}', 'ptn_p' || (i % ${count("partners")}), NULL, 'v' || i, ${lastWeek} + i * 1000, (${lastWeek} + i * 1000) / 3600000, 1000000 + i, 'source' || (i % 1000) FROM n;
    ${numbers(count("campaigns"))} INSERT INTO click (id, code, program_id, partner_id, campaign, visitor, clicked_at_ms, hour, dedupe)
      SELECT 'clk_0' || i, 'c0', '${PROGRAM}', 'ptn_p0', NULL, 'v' || i, ${begin} + i * ${step}, (${begin} + i * ${step}) / 3600000, 2000000 + i FROM n;
    INSERT INTO link_day (partner_id, code, day, clicks) SELECT partner_id, code, hour / 24, COUNT(*) FROM click WHERE true GROUP BY 1, 2, 3
      ON CONFLICT DO UPDATE SET clicks = excluded.clicks;
    ${numbers(count("campaigns"))} INSERT INTO funnel_event (id, program_id, partner_id, code, campaign, stage, event, visitor, at_ms, week)
      SELECT 'fev_' || i, '${FUNNEL}', 'ptn_f' || (i % ${count("senders")}), 'f' || (i % ${count("senders")}), 'campaign' || i, 'download', 'download', 'v' || i, ${lastWeek} + i * 1000,
        strftime('%G-W%V', (${lastWeek} + i * 1000) / 1000, 'unixepoch') FROM n;
    ${records} INSERT INTO review (id, program_id, partner_id, account_id, rule, subject, holds, evidence, state, created_at_ms)
      SELECT 'rev_' || i, '${PROGRAM}', '${LARGEST.partner}', 'a' || i, 'same_domain', '', 1, '{}', 'open', ${begin} + i FROM n;
    ${numbers(36)} INSERT INTO run (id, program_id, cadence, period, as_of_ms, program_version, state, step, cursor, items, executed, actor, started_at_ms, finished_at_ms)
      SELECT 'run_' || i, '${PROGRAM}', 'monthly', printf('%d-%02d', 2026 - i / 12, 12 - i % 12), ${now} - i * 30 * ${DAY_MS}, 1, 'done', 9, '', ${count("accruals")}, ${count("accruals")}, 'cron', ${now} - i * 30 * ${DAY_MS}, ${now} - i * 30 * ${DAY_MS} + 60000 FROM n;
    ${numbers(count("accruals"))} INSERT INTO run_item (run_id, seq, kind, accrual_id, account_id, partner_id, unit, planned_cents, posted_cents)
      SELECT '${LARGEST.run}', i + 1, 'vest', 'acr_0_' || i, 'a' || i, '${LARGEST.partner}', 'cash:usd', 100, 100 FROM n;
    INSERT INTO run_partner (run_id, partner_id, unit, settled_cents, pending_cents, available_cents, payable_cents, is_reachable)
      SELECT '${LARGEST.run}', id, 'cash:usd', 100, 100, 100, 100, 1 FROM partner WHERE program_id = '${PROGRAM}';
    INSERT INTO leaderboard (program_id, partner_id, rank, referrals, gross_cents, unit, refreshed_at_ms) SELECT program_id, id, rowid, 1, 100, 'cash:usd', ${now} FROM partner WHERE program_id = '${PROGRAM}';
    INSERT INTO payee (partner_id, stripe_account_id, country, currency, transfers_active, payouts_enabled, currently_due, updated_at_ms)
      SELECT id, 'acct_' || id, 'US', 'usd', 1, 1, '[]', ${now} FROM partner WHERE program_id = '${PROGRAM}';
    INSERT INTO payout (id, run_id, program_id, partner_id, unit, currency, planned_cents, amount_cents, minimum_cents, reserved_id, destination, state, reason, due_at_ms, revision, created_at_ms)
      SELECT 'po_' || rowid, '${LARGEST.run}', program_id, id, 'cash:usd', 'usd', 100, 100, 0, 'po_' || rowid || '.1', 'acct_' || id, 'planned', '', ${now}, 1, ${begin} + rowid FROM partner WHERE program_id = '${PROGRAM}' AND rowid <= ${count("records")};
    INSERT INTO payout_accrual (payout_id, accrual_id, planned_cents, amount_cents) SELECT id, '', 100, 100 FROM payout;
    UPDATE payout SET state = 'review', revision = 2 WHERE rowid % 4 = 1;
    ${records} INSERT INTO outbox (id, kind, program_id, partner_id, payload, state, created_at_ms, addressed_at_ms)
      SELECT 'out_' || i, 'reward.granted.referrer', '${PROGRAM}', '${LARGEST.partner}', '{}', IIF(i % 4 = 0, 'failed', IIF(i % 4 = 1, 'undelivered', IIF(i % 4 = 2, 'queued', 'sent'))), ${begin} + i, ${begin} FROM n;
    INSERT INTO delivery (outbox_id, channel, target, state, round, attempts, next_attempt_at_ms, last_error)
      SELECT id, 'email', partner_id, IIF(state IN ('sent', 'queued'), state, 'failed'), 1, 1, ${now}, 'x' FROM outbox;
    ${records} INSERT INTO audit (id, at_ms, actor, action, subject, reason, before, after) SELECT 'aud_' || i, ${begin} + i, 'operator:ops@bench.example', 'partner.update', 'ptn_p' || i, NULL, '{}', '{}' FROM n;
    ${records} INSERT INTO adjustment (id, program_id, partner_id, account_id, accrual_id, makes_accrual, unit, amount_cents, balance, vests_at_ms, note, reason, actor, state, expires_at_ms, created_at_ms)
      SELECT 'adj_' || i, '${PROGRAM}', '${LARGEST.partner}', '', 'acr_adj_' || i, 1, 'cash:usd', 100, 'available', ${now}, 'x', 'x', 'operator:other@bench.example', 'requested', ${now + DAY_MS}, ${begin} + i FROM n;
    ${records} INSERT INTO credit_question (id, partner_id, program_id, day, place, code, about, answer, message, sent_at_ms, created_at_ms)
      SELECT 'que_' || i, '${LARGEST.partner}', '${PROGRAM}', 20000 - i / 10, 1 + i % 10, 'c0', '{}', '[]', 'x', ${begin} + i, ${begin} + i FROM n;
    ${records} INSERT INTO reported_transfer (id, transfer_group, destination, currency, amount_cents, made_at_ms) SELECT 'tr_' || i, 'other', 'acct_x', 'usd', 100, ${begin} + i FROM n;
    UPDATE account SET needs_recompute_since_ms = ${now} WHERE rowid % 10 = 1;
    UPDATE account SET needs_recompute_since_ms = ${now}, refused_by = 'ledger_immutable', refused_at_ms = ${now} WHERE rowid % 20 = 2;
    COMMIT; PRAGMA wal_checkpoint(TRUNCATE);`);
}
