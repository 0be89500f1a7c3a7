//! What is left of payouts before they are sent, and what came back of them after: their accruals follow.

use crate::base::ids::PayoutId;
use crate::engine::payout::{OutboundTransfer, PayoutState, TransferKind};
use crate::service::context::{Context, Ports};
use crate::store::payout as rows;
use crate::store::payout::PayoutReversalRow;
use crate::store::payout::accruals;
use crate::store::port::{DbError, Stmt};

/// Statements that find out what is left of payouts, reduce them, and read them again.
pub const STATEMENTS: u64 = 8;

/// The payouts of these that are still to be sent, for what is left of them. The trigger `payout_claim` aborts the batch
/// that reserves them if more was booked in the meantime.
pub async fn still_due<P: Ports>(
    ctx: &Context<'_, P>,
    kind: TransferKind,
    fresh: Vec<OutboundTransfer>,
) -> Result<Vec<OutboundTransfer>, DbError> {
    if kind != TransferKind::Payout || fresh.is_empty() {
        return Ok(fresh);
    }
    let ids: Vec<&PayoutId> = fresh.iter().map(|s| &s.id).collect();
    let stale = ctx.read(accruals::payout_stale_list(&ids)).await?;
    if stale.is_empty() {
        return Ok(fresh);
    }
    let stale: Vec<&PayoutId> = stale.iter().map(|row| &row.payout_id).collect();
    let ids: Vec<PayoutId> = ids.into_iter().cloned().collect();
    ctx.batch(accruals::reduce_before_sending(&stale, &ctx.actor, ctx.now)).await?;
    let left = ctx.read(rows::outbound_find(kind, &ids)).await?;
    Ok(left.into_iter().filter(|s| s.state == PayoutState::Planned && s.held == 0).collect())
}

/// The statement that gives accruals back with the reversals among `changed` that Stripe made.
pub fn returned(changed: &[&OutboundTransfer]) -> Option<Stmt> {
    let reversal = |s: &&OutboundTransfer| {
        let made = s.stripe_id.clone().filter(|_| s.kind == TransferKind::Reversal && s.state == PayoutState::Paid)?;
        Some(PayoutReversalRow { id: made, transfer: s.target.clone(), amount_cents: s.amount_cents.0 })
    };
    let returned: Vec<PayoutReversalRow> = changed.iter().filter_map(reversal).collect();
    (!returned.is_empty()).then(|| accruals::payout_return_insert(&returned))
}
