//! Taking a transfer back, in whole or in part: the exception, since what a partner owes is netted by later earnings.
//! The intent is stored before the call, under the rules of every sending (`engine/payout/mod.rs`).

use crate::base::money::Cents;
use crate::codec::payout::transfer;
use crate::codec::stripe as wire;
use crate::codec::stripe::form::FormEncoder;
use crate::engine::payout::{OutboundTransfer, PayoutState, StripeObject, TransferKind};
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::{IdempotentRequest, StoredResponse};
use crate::service::payout::send;
use crate::service::payout::view;
use crate::service::stripe;
use crate::store::payout as rows;
use crate::store::payout::PayoutReversalRow;
use serde_json::json;

/// Pages of a hundred reversals that one transfer may have: a reversal takes a cent at least, and people make them.
const REVERSAL_PAGES_MAX: u32 = 20;

/// Takes `amount` of a payout back, or all that is left of it.
pub async fn reverse<P: Ports>(
    ctx: &Context<'_, P>,
    id: &str,
    amount: Option<Cents>,
    reason: &str,
    once: Option<&IdempotentRequest>,
) -> Result<StoredResponse, AppError> {
    stripe::is_set_up(ctx)?;
    ctx.retry(async || {
        if let Some((status, kept)) = IdempotentRequest::replied(ctx, once).await? {
            // How far it got since.
            let known = kept["id"].as_str().unwrap_or_default();
            return Ok((status, view::view(&view::find(ctx, known).await?)));
        }
        let s = asked_for(ctx, id, amount, reason).await?;
        let answer = (201, view::view(&s));
        let after = json!({"payout": id, "amount_cents": s.amount_cents});
        let mut batch = vec![
            rows::reversal_insert(&s, &ctx.actor),
            ctx.audit("payout.reverse", &s.id, Some(reason), None, Some(after)),
        ];
        batch.extend(once.map(|o| o.keep(&answer, ctx.now)));
        ctx.batch(batch).await?;
        // What stays open the sweep takes further: the intent stands.
        let _ = send::prompt(ctx, vec![s.clone()]).await;
        let mut now = view::find(ctx, &s.id).await?;
        if now.refusal.is_some() {
            let _ = send::prompt(ctx, vec![now]).await;
            now = view::find(ctx, &s.id).await?;
        }
        Ok((201, view::view(&now)))
    })
    .await
}

/// The webhook `transfer.reversed`: what was taken back is booked, `None` where no payout made the transfer. While it is
/// not known here that one did, Stripe has to say it again: a lost answer is given again as it was first given, without
/// what was taken back since.
pub async fn record_transfer_event<P: Ports>(
    ctx: &Context<'_, P>,
    transfer_id: &str,
    group: &str,
) -> Result<Option<usize>, AppError> {
    let Some(payout) = ctx.read(rows::outbound_of_transfer(transfer_id, group).first()).await? else {
        return Ok(None);
    };
    if matches!(payout.state, PayoutState::Planned | PayoutState::Submitting) {
        let detail = format!("payout {} is in progress; try again once it is paid", payout.id);
        return Err(AppError::new(ErrorKind::Conflict, "payout_open", detail));
    }
    refresh_reversed(ctx, transfer_id).await.map(Some)
}

/// Books what Stripe says was taken back of a transfer, each reversal once, whoever asked for it, and
/// even before the answer to our own call.
pub async fn refresh_reversed<P: Ports>(ctx: &Context<'_, P>, transfer_id: &str) -> Result<usize, AppError> {
    let made = reversals_of(ctx, transfer_id).await?;
    let returned: Vec<PayoutReversalRow> = made
        .into_iter()
        .map(|m| PayoutReversalRow { id: m.id, transfer: m.target, amount_cents: m.amount_cents })
        .collect();
    if !returned.is_empty() {
        ctx.query(rows::return_insert(&returned, &ctx.actor, ctx.now)).await?;
    }
    Ok(returned.len())
}

/// Everything that Stripe knows of a transfer's reversals, or an error: a part of them is no answer.
async fn reversals_of<P: Ports>(ctx: &Context<'_, P>, transfer_id: &str) -> Result<Vec<StripeObject>, AppError> {
    let unreadable =
        |why: &str| AppError::new(ErrorKind::Fault, "stripe_answer", format!("reversals of {transfer_id}: {why}"));
    let path = format!("/v1/transfers/{transfer_id}/reversals");
    let (mut all, mut after) = (Vec::new(), None::<String>);
    for _ in 0..REVERSAL_PAGES_MAX {
        let query = FormEncoder::new().with("limit", "100").with_some("starting_after", after.as_deref());
        let list = stripe::get(ctx, &path, &query).await?.done()?;
        let (members, next) = wire::page(&list);
        for item in members {
            all.push(
                transfer::made(TransferKind::Reversal, item).ok_or_else(|| unreadable("one of them can't be read"))?,
            );
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
    Err(unreadable("there are too many"))
}

/// The reversal that is asked for, within what is left of the payout.
async fn asked_for<P: Ports>(
    ctx: &Context<'_, P>,
    id: &str,
    amount: Option<Cents>,
    reason: &str,
) -> Result<OutboundTransfer, AppError> {
    let find = rows::outbound_find(TransferKind::Payout, &[id.to_owned()]);
    let reversals = rows::reversal_list(id);
    let (payout, earlier) = ctx.read((find.first(), reversals)).await?;
    let payout = payout.ok_or_else(|| AppError::not_found("payout"))?;
    let Some(transfer) = payout.stripe_id.clone().filter(|_| payout.state == PayoutState::Paid) else {
        let detail = "it has not been paid; hold or cancel it instead";
        return Err(AppError::new(ErrorKind::Conflict, "payout_state", detail));
    };
    let stands = earlier.iter().filter(|r| !matches!(r.state, PayoutState::Failed | PayoutState::Cancelled));
    let left = payout.amount_cents.0 - stands.map(|r| r.amount_cents.0).sum::<i64>();
    let amount = amount.unwrap_or(Cents(left));
    if amount.0 < 1 || amount.0 > left {
        let detail = format!("only {left} cents of it can still be reversed");
        return Err(AppError::new(ErrorKind::Unprocessable, "more_than_paid", detail).field("amount_cents"));
    }
    Ok(OutboundTransfer {
        kind: TransferKind::Reversal,
        id: ctx.fresh_id("rvl"),
        parent: payout.id.clone(),
        amount_cents: amount,
        target: transfer,
        revision: 1,
        state: PayoutState::Planned,
        held: 0,
        request: None,
        attempt: 0,
        tries: 0,
        first_sent_at_ms: None,
        due_at_ms: ctx.now,
        refusal: None,
        reason: reason.to_owned(),
        stripe_id: None,
        done_at_ms: None,
        created_at_ms: ctx.now,
        ..payout
    })
}
