//! A payout under review that is booked with the amount of the transfer that Stripe has for it. They differ if another copy
//! of the database sent it, before this one was restored from a backup.

use crate::base::time::UtcMillis;
use crate::engine::payout::OutboundTransfer;
use crate::store::port::Stmt;

/// Writes the payout as `to` says, which was read as `s`. What it takes of its accruals follows: if less was sent, the newest
/// are given back, for the next run; if more was sent, no accrual explains the rest, and later earnings make up for it. The
/// batch aborts if the payout has another revision by now.
pub fn payout_paid_as_made(s: &OutboundTransfer, to: &OutboundTransfer, actor: &str, now: UtcMillis) -> Vec<Stmt> {
    let more = to.amount_cents.0 - s.amount_cents.0;
    let accruals = if more > 0 {
        "INSERT INTO payout_accrual (payout_id, accrual_id, planned_cents, amount_cents, change) VALUES (?1, '', 0, ?2, 'transfer')
         ON CONFLICT (payout_id, accrual_id) DO UPDATE SET amount_cents = payout_accrual.amount_cents + excluded.amount_cents, change = 'transfer'"
    } else {
        "UPDATE payout_accrual SET amount_cents = payout_accrual.amount_cents - MIN(r.amount_cents, -?2 - r.above), change = 'transfer', event_id = NULL
         FROM (SELECT l.accrual_id, l.amount_cents,
                 SUM(l.amount_cents) OVER (ORDER BY a.at_ms DESC, l.accrual_id DESC) - l.amount_cents AS above
               FROM payout_accrual l LEFT JOIN accrual a ON a.id = l.accrual_id WHERE l.payout_id = ?1 AND l.amount_cents > 0) r
         WHERE payout_accrual.payout_id = ?1 AND payout_accrual.accrual_id = r.accrual_id AND r.above < -?2"
    };
    let reserve = |values: &str, of: &str| {
        Stmt::new(format!(
            "INSERT INTO transfer (id, code, phase, amount_cents, pending_id, reason, debit, credit, program_id, run_id, actor, created_at_ms)
             SELECT {values}, t.debit, t.credit, p.program_id, p.run_id, ?2, ?3 FROM payout p JOIN transfer t ON t.id = {of} WHERE p.id = ?1"
        ))
        .bind(&s.id)
        .bind(actor)
        .bind(now)
    };
    vec![
        Stmt::new(accruals).bind(&s.id).bind(more),
        reserve("p.reserved_id || '.void', 'payout', 'void', 0, p.reserved_id, 'Stripe made another amount'", "p.reserved_id"),
        Stmt::new(
            "UPDATE payout SET revision = CAST(?2 AS INTEGER) + 1, state = 'paid', amount_cents = CAST(?3 AS INTEGER),
               reserved_id = id || '.pending.' || (CAST(?2 AS INTEGER) + 1), refusal = NULL, reason = ?4, transfer_id = ?5, paid_at_ms = ?6
             WHERE id = ?1",
        )
        .bind(&s.id)
        .bind(s.revision)
        .bind(to.amount_cents.0)
        .bind(&to.reason)
        .bind(to.stripe_id.clone())
        .bind(to.done_at_ms),
        reserve("p.reserved_id, 'payout', 'pending', p.amount_cents, NULL, 'what Stripe made'", "p.id || '.pending'"),
    ]
}
