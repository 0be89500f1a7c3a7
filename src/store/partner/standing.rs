//! Partners' suspensions and bans.

use crate::base::ids::{ActorId, PartnerId, PayoutId};
use crate::base::time::UtcMillis;
use crate::engine::ledger::account::{LedgerAccountKind, TransferCode};
use crate::engine::review::suspension::{BANNED, BANNED_KEPT, PartnerStanding};
use crate::store::ledger::account::AccountColumns;
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

/// The partner `{id}` takes part: nothing is planned for, or sent to, others.
pub fn is_active(id: &str) -> String {
    format!("NOT EXISTS (SELECT 1 FROM partner q WHERE q.id = {id} AND q.standing <> 'active')")
}

/// One of a partner's suspensions and bans.
#[derive(Clone, Debug, Deserialize)]
pub struct SuspensionRow {
    pub id: String,
    pub standing: PartnerStanding,
    pub from_ms: UtcMillis,
    pub to_ms: Option<UtcMillis>,
    pub reason: String,
    pub actor: ActorId,
}

/// The most that are shown.
const SHOWN: i64 = 50;

/// A partner's suspensions and bans, newest first.
pub fn suspension_list(partner: &PartnerId) -> Query<SuspensionRow> {
    Stmt::new(
        "SELECT id, standing, from_ms, to_ms, reason, actor FROM suspension WHERE partner_id = ?1
         ORDER BY from_ms DESC, to_ms IS NULL DESC, id LIMIT ?2",
    )
    .bind(partner)
    .bind(SHOWN)
    .query()
}

/// Ends what lasts, and begins `next`, if that is not that the partner takes part. If somebody else does so at the same
/// time, the second one's batch aborts.
pub fn standing_change(partner: &PartnerId, from: PartnerStanding, next: &SuspensionRow, now: UtcMillis) -> Vec<Stmt> {
    let mut statements = vec![
        Stmt::new("UPDATE partner SET standing = ?2, updated_at_ms = ?3 WHERE id = ?1")
            .bind(partner)
            .bind(next.standing.name())
            .bind(now),
    ];
    if from != PartnerStanding::Active {
        let end = "UPDATE suspension SET to_ms = ?2 WHERE partner_id = ?1 AND to_ms IS NULL";
        statements.push(Stmt::new(end).bind(partner).bind(now));
    }
    if next.standing != PartnerStanding::Active {
        let insert =
            "INSERT INTO suspension (id, partner_id, standing, from_ms, reason, actor) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let insert = Stmt::new(insert).bind(&next.id).bind(partner).bind(next.standing.name());
        statements.push(insert.bind(now).bind(&next.reason).bind(&next.actor));
    }
    // A sender that read them before finds another revision.
    for table in ["payout", "credit_transfer"] {
        let sql = format!("UPDATE {table} SET revision = revision + 1 WHERE partner_id = ?1 AND state = 'planned'");
        statements.push(Stmt::new(sql).bind(partner));
    }
    statements
}

/// What stays of banned partners' accruals: what payouts have taken and may have sent, and of credits, the earliest first,
/// what was used. A debt, by deductions or because what was paid was taken back later, stays as far as the earnings that
/// become void do not pay it: first come those, the earliest first, that pay what was taken back. `latest`: the ban that
/// begins. What an earlier one left void pays nothing. What a payout took for a deduction stays taken: what of it was given
/// back later becomes void.
pub fn ban_keep(partners: &[PartnerId], latest: &str) -> Stmt {
    Stmt::new(
        "WITH banned AS (SELECT value AS id FROM json_each(?1)),
         taken AS (SELECT l.accrual_id, SUM(l.amount_cents - l.returned_cents) AS cents
           FROM banned b CROSS JOIN payout p ON p.partner_id = b.id CROSS JOIN payout_accrual l ON l.payout_id = p.id
           WHERE p.state NOT IN ('planned', 'failed', 'cancelled') AND l.accrual_id <> '' GROUP BY l.accrual_id),
         judged AS (SELECT a.*, k.kept_cents, COALESCE(t.cents, 0) AS taken, IIF(EXISTS (SELECT 1 FROM suspension s
               WHERE s.partner_id = a.partner_id AND s.standing = 'banned' AND s.id <> ?2 AND (s.to_ms IS NULL OR a.at_ms < s.to_ms)),
             IIF(COALESCE(k.kept_cents, 0) = 0, 0, k.kept_cents + a.adjusted_cents), a.net_cents) AS stays
           FROM banned b CROSS JOIN accrual a ON a.partner_id = b.id LEFT JOIN ban_kept k ON k.accrual_id = a.id
             LEFT JOIN taken t ON t.accrual_id = a.id WHERE a.balance = 'available'),
         paid AS (SELECT *, IIF(net_cents > 0, MAX(0, MIN(net_cents, stays, taken)), MIN(0, taken)) AS paid,
             IIF(net_cents > 0, MIN(net_cents, stays), MAX(net_cents, stays)) AS is_left FROM judged),
         free AS (SELECT *, MAX(0, is_left - paid) AS plus, MAX(0, paid - is_left) AS minus FROM paid),
         sums AS (SELECT f.*, SUM(plus) OVER earlier AS earlier_plus, SUM(minus) OVER earlier AS earlier_minus,
             SUM(plus) OVER whole AS all_plus, SUM(minus) OVER whole AS all_minus,
             MAX(0, SUM(net_cents) OVER whole - SUM(paid) OVER whole - g.has) AS owed
           FROM free f JOIN (SELECT l.partner_id, l.unit, SUM(l.cr_posted_cents - l.dr_posted_cents - l.dr_pending_cents)
               + COALESCE((SELECT SUM(p.amount_cents) FROM payout p WHERE p.partner_id = l.partner_id AND p.state = 'planned'
                           AND l.unit = 'cash:' || p.currency), 0) AS has
             FROM banned b CROSS JOIN ledger_account l ON l.partner_id = b.id WHERE l.kind = 'available' GROUP BY l.partner_id, l.unit) g
             ON g.partner_id = f.partner_id AND g.unit = f.unit
           WINDOW whole AS (PARTITION BY f.partner_id, f.unit),
             earlier AS (PARTITION BY f.partner_id, f.unit ORDER BY f.at_ms, f.id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)),
         kept AS (SELECT id, account_id, adjusted_cents, kept_cents, paid + MAX(0, MIN(plus, owed - earlier_plus + plus))
             - MAX(0, MIN(minus, all_minus - MAX(0, all_plus - owed) - earlier_minus + minus)) AS cents FROM sums)
         INSERT INTO ban_kept (accrual_id, account_id, kept_cents)
         SELECT id, account_id, IIF(cents = 0, 0, cents - adjusted_cents) FROM kept WHERE cents <> 0 OR kept_cents IS NOT NULL
         ON CONFLICT (accrual_id) DO UPDATE SET kept_cents = excluded.kept_cents",
    )
    .json(&partners)
    .bind(latest)
}

/// Voids what a ban takes of the accruals that no account's decision reaches: those that operators made without one.
pub fn ban_void(partners: &[PartnerId], cause: &str, actor: &ActorId, now: UtcMillis) -> [Stmt; 2] {
    let columns = AccountColumns::of("n");
    let (expense, balance) = (columns.account(LedgerAccountKind::Expense), columns.account_of("n.balance"));
    let change = "(SELECT a.*, stays - a.net_cents AS change FROM (SELECT x.*, COALESCE((SELECT IIF(k.kept_cents = 0, 0, k.kept_cents + x.adjusted_cents)
             FROM ban_kept k WHERE k.accrual_id = x.id), 0) AS stays
           FROM json_each(?1) CROSS JOIN accrual x ON x.partner_id = value WHERE x.account_id = '' AND x.state <> 'void') a
         WHERE stays <> a.net_cents OR stays = 0) n";
    [
        Stmt::new(format!(
            "INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, program_id, event_id, actor, reason, created_at_ms)
             SELECT n.id || '.' || (n.postings + 1), n.id, IIF(n.change > 0, '{}', '{}'), 'single', IIF(n.change > 0, {expense}, {balance}),
                    IIF(n.change > 0, {balance}, {expense}), ABS(n.change), n.program_id, ?2, ?3, '{BANNED}', ?4 FROM {change} WHERE n.change <> 0",
            TransferCode::Accrue.name(),
            TransferCode::Reverse.name(),
        ))
        .json(&partners)
        .bind(cause)
        .bind(actor)
        .bind(now),
        Stmt::new(format!(
            "UPDATE accrual SET net_cents = n.stays, adjusted_cents = IIF(n.stays = 0, 0, n.adjusted_cents), postings = n.postings + (n.change <> 0),
               state = CASE WHEN n.stays = 0 THEN 'void' WHEN n.state = 'reversed' THEN 'available' ELSE n.state END, reason = IIF(n.stays = 0, '{BANNED}', '{BANNED_KEPT}'), changed_at_ms = ?2, quiet_at_ms = NULL
             FROM {change} WHERE accrual.id = n.id"
        ))
        .json(&partners)
        .bind(now),
    ]
}

/// A banned partner, or one of its payouts that is planned.
#[derive(Clone, Debug, Deserialize)]
pub struct LeftOver {
    pub partner_id: PartnerId,
    pub payout_id: Option<PayoutId>,
}

/// What bans could not take yet: payouts that are planned still, or again, and partners who have something available,
/// because a payout that was on its way came back.
pub fn left_over_list(limit: i64) -> Query<LeftOver> {
    Stmt::new(
        "SELECT p.partner_id, p.id AS payout_id FROM partner q CROSS JOIN payout p ON p.partner_id = q.id
         WHERE q.standing = 'banned' AND p.state = 'planned'
         UNION ALL SELECT DISTINCT l.partner_id, NULL FROM partner q CROSS JOIN ledger_account l ON l.partner_id = q.id AND l.partner_id <> ''
         WHERE q.standing = 'banned' AND l.kind = 'available' AND l.cr_posted_cents - l.dr_posted_cents - l.dr_pending_cents > 0 LIMIT ?1",
    )
    .bind(limit)
    .query()
}

/// Ends the sessions of a partner's person.
pub fn sessions_end(partner: &PartnerId, now: UtcMillis) -> Stmt {
    Stmt::new(
        "UPDATE session SET ended_at_ms = ?2 WHERE ended_at_ms IS NULL AND operator = 0
           AND (email = (SELECT lower(x.email) FROM partner_person x WHERE x.partner_id = ?1)
             OR site_user = (SELECT p.external_id FROM partner p WHERE p.id = ?1))",
    )
    .bind(partner)
    .bind(now)
}
