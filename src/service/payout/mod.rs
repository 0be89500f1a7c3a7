//! Operators' decisions about payouts: approve a run's, hold one, release it, cancel it, resolve one in review. Each
//! decision is in the audit trail with its changes.

pub mod closed;
pub mod look_up;
pub mod onboard;
pub mod platform;
pub mod reduce;
pub mod reverse;
pub mod send;
pub mod unexpected;
pub mod view;

use crate::base::ids::{PayoutId, RunId};
pub use crate::service::payout::view::{approval_view, credit_id, find, payout_id, state_name, view};

use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::codec::operator::ResolutionRequest;
use crate::engine::payout;
use crate::engine::payout::{OutboundTransfer, PayoutState, StripeObject, TransferChange, TransferKind};
use crate::engine::settlement::RunState;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::service::payout::view::is_open;
use crate::service::retry::Failed;
use crate::service::settlement::settle;
use crate::service::stripe;
use crate::service::stripe::StripeReply as Reply;
use crate::store::payout::found::payout_paid_as_made;
use crate::store::payout::plan;
use serde_json::{Value, json};

/// What an operator does with an unfinished payout.
#[derive(Clone, Debug, PartialEq)]
pub enum PayoutAction {
    Hold,
    Release,
    Cancel,
    Resolve(ResolutionRequest),
}

impl PayoutAction {
    fn action(&self) -> &'static str {
        match self {
            PayoutAction::Hold => "payout.hold",
            PayoutAction::Release => "payout.release",
            PayoutAction::Cancel => "payout.cancel",
            PayoutAction::Resolve(_) => "payout.resolve",
        }
    }
}

/// Approves a run's payouts and sends the first of them. Approving again changes nothing.
pub async fn approve<P: Ports>(
    ctx: &Context<'_, P>,
    run: &RunId,
    reason: Option<&str>,
) -> Result<StoredResponse, AppError> {
    stripe::is_set_up(ctx)?;
    let row = settle::load(ctx, run).await?;
    if row.state != RunState::Done {
        let detail = "the run is not finished; approve it once its payouts are planned";
        return Err(AppError::new(ErrorKind::Conflict, "run_not_done", detail));
    }
    let approval = ctx
        .retry(async || {
            let known = plan::approval_find(run, "manual").first();
            if let Some(approval) = ctx.read(known).await? {
                return Ok(approval);
            }
            let entry = ctx.audit("payout.approve", run, reason, None, Some(json!({"approved": true})));
            ctx.batch(vec![plan::approval_insert(&row, &ctx.actor, reason, ctx.now), entry]).await?;
            // The answer is what is stored by now.
            Err(Failed::Again)
        })
        .await?;
    // The sweep sends what is not sent now: the approval is stored.
    let _ = send::drive(ctx, send::PROMPT_PAGES).await;
    Ok((200, approval_view(&approval)))
}

/// Decides about a payout or a reversal. Repeating the same decision returns the same result.
pub async fn decide<P: Ports>(
    ctx: &Context<'_, P>,
    id: &PayoutId,
    decision: &PayoutAction,
    reason: &str,
) -> Result<StoredResponse, AppError> {
    ctx.retry(async || {
        let s = find(ctx, id).await?;
        let change = match decision {
            PayoutAction::Hold => hold(&s, reason)?,
            PayoutAction::Release => release(&s, ctx.now)?,
            PayoutAction::Cancel => cancel(ctx, &s, reason).await?,
            PayoutAction::Resolve(resolution) => resolve(ctx, &s, resolution, reason).await?,
        };
        let Some(change) = change else {
            book_returns(ctx, decision).await?;
            return Ok((200, view(&s)));
        };
        let (before, after) = (standing(&s), standing(&change.to));
        let entry = ctx.audit(decision.action(), id, Some(reason), Some(before), Some(after));
        let changes = std::slice::from_ref(&change);
        let mut batch = if change.to.amount_cents == s.amount_cents {
            send::statements(ctx, s.kind, changes)
        } else {
            let mut booked = payout_paid_as_made(&s, &change.to, &ctx.actor, ctx.now);
            booked.extend(send::consequences(ctx, s.kind, changes));
            booked
        };
        batch.push(entry);
        ctx.batch(batch).await?;
        // A lookup may have led to another result than the requested one.
        if matches!(decision, PayoutAction::Cancel) && change.to.state != PayoutState::Cancelled {
            return Err(Failed::Again);
        }
        book_returns(ctx, decision).await?;
        Ok((200, view(&change.to)))
    })
    .await
}

fn standing(s: &OutboundTransfer) -> Value {
    json!({
        "state": state_name(s), "amount_cents": s.amount_cents, "attempt": s.attempt, "transfer": s.stripe_id,
        "reason": s.reason,
    })
}

fn hold(s: &OutboundTransfer, reason: &str) -> Result<Option<TransferChange>, AppError> {
    if !is_open(s) {
        return Err(over(s, "held"));
    }
    let to = OutboundTransfer { held: 1, reason: format!("held: {reason}"), ..s.clone() };
    Ok((s.held == 0).then_some(TransferChange { to, notice: None }))
}

fn release(s: &OutboundTransfer, now: UtcMillis) -> Result<Option<TransferChange>, AppError> {
    if !is_open(s) {
        return Err(over(s, "released"));
    }
    let due = if s.state == PayoutState::Planned { now } else { s.due_at_ms };
    let to = OutboundTransfer { held: 0, due_at_ms: due, reason: "released".to_owned(), ..s.clone() };
    Ok((s.held != 0).then_some(TransferChange { to, notice: None }))
}

/// Only a payout that cannot have been sent is canceled: if a key was used before, Stripe is asked first.
async fn cancel<P: Ports>(
    ctx: &Context<'_, P>,
    s: &OutboundTransfer,
    reason: &str,
) -> Result<Option<TransferChange>, AppError> {
    match s.state {
        PayoutState::Cancelled => return Ok(None),
        PayoutState::Planned => {}
        PayoutState::Submitting => {
            let detail =
                "it was sent, but Stripe has not responded; hold it, then cancel it once we know that no money moved";
            return Err(AppError::new(ErrorKind::Conflict, "payout_submitting", detail));
        }
        _ => return Err(over(s, "cancelled")),
    }
    if s.attempt > 0 || s.look_first != 0 {
        let listed = send::look_up(ctx, s).await.map_err(unanswered)?;
        let found = payout::looked_up(s, &listed, ctx.now);
        if found.is_some() {
            return Ok(found);
        }
    }
    let to = OutboundTransfer { state: PayoutState::Cancelled, reason: reason.to_owned(), ..s.clone() };
    Ok(Some(TransferChange { to, notice: None }))
}

/// An operator decides what could not be decided automatically, within what Stripe reports.
async fn resolve<P: Ports>(
    ctx: &Context<'_, P>,
    s: &OutboundTransfer,
    resolution: &ResolutionRequest,
    reason: &str,
) -> Result<Option<TransferChange>, AppError> {
    let is_so = |state: PayoutState| s.state == state;
    match resolution {
        ResolutionRequest::Paid { transfer, .. }
            if is_so(PayoutState::Paid) && s.stripe_id.as_ref() == Some(transfer) =>
        {
            return Ok(None);
        }
        ResolutionRequest::Failed if is_so(PayoutState::Failed) => return Ok(None),
        ResolutionRequest::Again if is_so(PayoutState::Planned) => return Ok(None),
        _ if !is_so(PayoutState::Review) => return Err(over(s, "resolved because it is not under review")),
        _ => {}
    }
    Ok(Some(match resolution {
        // A new key is created only after a lookup, and that is due immediately. Until then its amount is in doubt.
        ResolutionRequest::Again => {
            let to = OutboundTransfer {
                state: PayoutState::Planned,
                tries: s.tries.max(1),
                due_at_ms: ctx.now,
                reason: reason.to_owned(),
                ..s.clone()
            };
            TransferChange { to, notice: None }
        }
        ResolutionRequest::Failed => {
            let standing = look_up_standing(ctx, s).await?;
            if let Some(made) = standing.first() {
                let detail = format!("{} exists in Stripe; reverse it there first, or resolve it as paid", made.id);
                return Err(AppError::new(ErrorKind::Conflict, "transfer_stands", detail));
            }
            payout::failed(s, reason)
        }
        ResolutionRequest::Paid { transfer, amount } => {
            let standing = look_up_standing(ctx, s).await?;
            let [made] = standing.as_slice() else {
                let detail = format!("Stripe has {} of them; exactly one must remain", standing.len());
                return Err(AppError::new(ErrorKind::Conflict, "transfers_differ", detail));
            };
            paid(s, made, transfer, *amount)?
        }
    }))
}

/// Books a payout with the one transfer that Stripe has, if it is the one that the operator names. Another amount than is
/// planned here must be named too: so nobody books it without knowing.
fn paid(
    s: &OutboundTransfer,
    made: &StripeObject,
    transfer: &str,
    amount: Option<Cents>,
) -> Result<TransferChange, AppError> {
    // What was reversed since then is posted separately.
    let whole = StripeObject { reversed_cents: 0, ..made.clone() };
    let change = match amount {
        Some(_) if s.kind == TransferKind::Payout => payout::done_as_made(s, &whole),
        _ => payout::done(s, &whole),
    };
    let is_named = made.id == transfer && amount.is_none_or(|cents| cents.0 == made.amount_cents);
    if is_named && change.to.state == PayoutState::Paid {
        return Ok(change);
    }
    let StripeObject { id, amount_cents, currency, target, .. } = made;
    let planned = format!("planned are {} {} to {}", s.amount_cents.0, s.currency, s.target);
    // Naming the amount helps if nothing else differs.
    let differs_in_amount_alone = s.kind == TransferKind::Payout
        && made.id == transfer
        && *amount_cents != s.amount_cents.0
        && payout::done_as_made(s, &whole).to.state == PayoutState::Paid;
    let way = if differs_in_amount_alone { "; to book another amount, pass it as amount_cents" } else { "" };
    let detail = format!("Stripe has {id} of {amount_cents} {currency} to {target}; {planned}{way}");
    Err(AppError::new(ErrorKind::Conflict, "transfers_differ", detail).field("transfer"))
}

/// Part of a transfer that an operator identified may have been reversed before the transfer was known here.
async fn book_returns<P: Ports>(ctx: &Context<'_, P>, decision: &PayoutAction) -> Result<(), AppError> {
    if let PayoutAction::Resolve(ResolutionRequest::Paid { transfer, .. }) = decision
        && transfer.starts_with("tr_")
    {
        reverse::refresh_reversed(ctx, transfer).await?;
    }
    Ok(())
}

/// The matching objects at Stripe that were not fully reversed.
async fn look_up_standing<P: Ports>(ctx: &Context<'_, P>, s: &OutboundTransfer) -> Result<Vec<StripeObject>, AppError> {
    let listed = send::look_up(ctx, s).await.map_err(unanswered)?;
    Ok(listed.into_iter().filter(|made| made.reversed_cents < made.amount_cents).collect())
}

fn unanswered(reply: Reply) -> AppError {
    reply.done().err().unwrap_or_else(|| AppError::new(ErrorKind::Fault, "stripe_answer", "an answer is no error"))
}

fn over(s: &OutboundTransfer, what: &str) -> AppError {
    let detail = format!("it is {} and can't be {what}", state_name(s));
    AppError::new(ErrorKind::Conflict, "payout_state", detail)
}
