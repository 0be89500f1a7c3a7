//! Transfers to partners that nobody here asked for: made by hand at Stripe, by another program with the same key, or by
//! a request of ours that was given up. Each raises an alarm until an operator deals with it, or until a payout turns out
//! to have made it.

use crate::engine::payout::StripeObject;
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::once::StoredResponse;
use crate::store::payout::unexpected as rows;
use crate::store::payout::unexpected::{Noted, UnexpectedTransfer};
use serde_json::{Value, json};

/// What the webhook `transfer.created` means: a reason that people can read, and whether it changed anything.
pub async fn record<P: Ports>(
    ctx: &Context<'_, P>,
    made: &StripeObject,
    group: &str,
) -> Result<(&'static str, &'static str), AppError> {
    let noted = ctx.read(rows::transfer_note(made, group)).await?;
    Ok(match noted.first() {
        None => ("ignored", "it is a payout's, or no partner's"),
        Some(Noted { unexpected: 0 }) => ("ignored", "a payout is waiting for it, or an operator has dealt with it"),
        Some(_) => ("applied", "no payout asked for this transfer; an operator has to look at it"),
    })
}

/// Tells the operators about each of them once.
pub async fn announce<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    ctx.query(rows::unexpected_notice(ctx.now)).await?;
    Ok(())
}

pub fn view(t: &UnexpectedTransfer) -> Value {
    json!({
        "id": t.id, "partner": t.partner_id, "destination": t.destination, "transfer_group": t.transfer_group,
        "payout": t.payout_id, "amount_cents": t.amount_cents, "currency": t.currency, "made_at": t.made_at_ms.to_rfc3339(),
    })
}

/// An operator dealt with one. Doing so again changes nothing.
pub async fn acknowledge<P: Ports>(ctx: &Context<'_, P>, id: &str, reason: &str) -> Result<StoredResponse, AppError> {
    let found = ctx.read(rows::reported_find(id).first()).await?;
    let found = found.ok_or_else(|| AppError::not_found("transfer"))?;
    if found.acknowledged_at_ms.is_none() {
        let after = json!({"acknowledged": true});
        let entry = ctx.audit("transfer.acknowledge", id, Some(reason), None, Some(after));
        ctx.batch(vec![rows::transfer_acknowledge(id, &ctx.actor, reason, ctx.now), entry]).await?;
    }
    Ok((200, view(&found)))
}
