//! Partners' suspensions and bans.

use crate::base::ids::{ActorId, PartnerId};
use crate::base::time::UtcMillis;
use crate::engine::review::suspension::PartnerStanding;
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
pub fn standing_change(partner: &PartnerId, next: &SuspensionRow, now: UtcMillis) -> Vec<Stmt> {
    let mut statements = vec![
        Stmt::new("UPDATE suspension SET to_ms = ?2 WHERE partner_id = ?1 AND to_ms IS NULL").bind(partner).bind(now),
        Stmt::new("UPDATE partner SET standing = ?2, updated_at_ms = ?3 WHERE id = ?1")
            .bind(partner)
            .bind(next.standing.name())
            .bind(now),
    ];
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

/// What stays of a banned partner's accruals: what payouts have taken and may have sent, and of credits, the earliest
/// first, what was used.
pub fn ban_keep(partner: &PartnerId) -> [Stmt; 2] {
    let keep = |rows: &str| {
        Stmt::new(format!(
            "INSERT INTO ban_kept (accrual_id, account_id, kept_cents) SELECT id, account_id, cents FROM ({rows}) WHERE cents > 0
             ON CONFLICT (accrual_id) DO UPDATE SET kept_cents = excluded.kept_cents"
        ))
        .bind(partner)
    };
    [
        keep(
            "SELECT a.id, a.account_id, MIN(a.net_cents, SUM(l.amount_cents - l.returned_cents)) AS cents
             FROM payout p CROSS JOIN payout_accrual l ON l.payout_id = p.id CROSS JOIN accrual a ON a.id = l.accrual_id
             WHERE p.partner_id = ?1 AND p.state NOT IN ('planned', 'failed', 'cancelled') GROUP BY a.id",
        ),
        keep(
            "SELECT r.id, r.account_id, MAX(0, MIN(r.net_cents, r.total - g.has - (r.running - r.net_cents))) AS cents
             FROM (SELECT id, account_id, unit, net_cents, SUM(net_cents) OVER (PARTITION BY unit ORDER BY at_ms, id) AS running,
                          SUM(net_cents) OVER (PARTITION BY unit) AS total
                   FROM accrual WHERE partner_id = ?1 AND balance = 'available' AND unit LIKE 'credit:%') r
             JOIN (SELECT unit, SUM(cr_posted_cents - dr_posted_cents - dr_pending_cents) AS has FROM ledger_account
                   WHERE partner_id = ?1 AND kind = 'available' GROUP BY unit) g ON g.unit = r.unit",
        ),
    ]
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
