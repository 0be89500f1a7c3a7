//! Reversing a transfer in whole or in part. This is an exception, since later earnings are netted against a partner's
//! debt. The intent is stored before the call, under the same rules as every outbound transfer
//! (`engine/payout/mod.rs`).

use crate::base::currency;
use crate::base::ids::PayoutId;
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
use crate::store::payout::{PayoutReversalRow, accruals};
use serde_json::json;

/// The most pages of a hundred reversals for one transfer. In practice people create reversals by hand, and each is at
/// least a cent.
const REVERSAL_PAGES_MAX: u32 = 20;

/// Reverses `amount` of a payout, or all that is left of it.
pub async fn reverse<P: Ports>(
    ctx: &Context<'_, P>,
    id: &PayoutId,
    amount: Option<Cents>,
    reason: &str,
    once: Option<&IdempotentRequest>,
) -> Result<StoredResponse, AppError> {
    stripe::is_set_up(ctx)?;
    ctx.retry(async || {
        if let Some((status, kept)) = IdempotentRequest::replied(ctx, once).await? {
            // Its progress since then.
            let known = &kept["id"].as_str().unwrap_or_default().into();
            return Ok((status, view::view(&view::find(ctx, known).await?)));
        }
        let s = asked_for(ctx, id, amount, reason).await?;
        let answer = (201, view::view(&s));
        let after = json!({"payout": id, "amount_cents": s.amount_cents});
        let mut batch = vec![
            rows::reversal_insert(&s, &ctx.actor),
            ctx.audit("payout.reverse", &s.id, Some(reason), None, Some(after)),
        ];
        batch.extend(once.map(|o| o.keep_for_good(&answer, ctx.now)));
        ctx.batch(batch).await?;
        // The intent is stored, so the sweep continues what stays open.
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

/// The webhook `transfer.reversed`: posts what was reversed. `None` if no payout made the transfer. While it is not
/// known here whether one did, Stripe has to send the event again: after a lost response, Stripe returns the original
/// response, which lacks later reversals.
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

/// Posts what Stripe reports as reversed of a transfer, each reversal once, no matter who requested it, and even
/// before the response to our own call.
pub async fn refresh_reversed<P: Ports>(ctx: &Context<'_, P>, transfer_id: &str) -> Result<usize, AppError> {
    let made = reversals_of(ctx, transfer_id).await?;
    let returned: Vec<PayoutReversalRow> = made
        .into_iter()
        .map(|m| PayoutReversalRow { id: m.id, transfer: m.target, amount_cents: m.amount_cents })
        .collect();
    if !returned.is_empty() {
        let posted = rows::return_insert(&returned, &ctx.actor, ctx.now);
        ctx.batch(vec![posted, accruals::payout_return_insert(&returned)]).await?;
    }
    Ok(returned.len())
}

/// Everything that Stripe has about a transfer's reversals, or an error: an incomplete list is not used.
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

/// The requested reversal, within what is left of the payout.
async fn asked_for<P: Ports>(
    ctx: &Context<'_, P>,
    id: &PayoutId,
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
    let step = currency::step(&payout.currency);
    if amount.0 % step != 0 && amount.0 != left {
        let detail = format!("Stripe moves {} in multiples of {step}", payout.currency);
        return Err(AppError::new(ErrorKind::Unprocessable, "not_a_multiple", detail).field("amount_cents"));
    }
    Ok(OutboundTransfer {
        kind: TransferKind::Reversal,
        id: ctx.fresh_id("rvl").into(),
        parent: payout.id.to_string(),
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
