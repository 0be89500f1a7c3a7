//! A partner's account at Stripe that is gone for good: it is marked with the reason, what was planned for it is carried
//! to the next run, and onboarding makes a new account. Stripe says so by webhook, or by refusing a call about it; a
//! refusal is confirmed by a read of the account, because a wrong key is refused in the same words.

use crate::base::ids::PartnerId;
use crate::base::time::{SECOND_MS, UtcMillis};
use crate::codec::stripe as wire;
use crate::codec::stripe::form::FormEncoder;
use crate::engine::payout;
use crate::engine::payout::payee::{CloseReason, is_account_gone};
use crate::engine::payout::{OutboundTransfer, TransferChange, TransferKind};
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::payout::platform;
use crate::service::stripe;
use crate::service::stripe::StripeReply;
use crate::store::payout as outbound;
use crate::store::payout::closed as rows;
use crate::store::payout::payee;
use crate::store::port::DbError;
use serde_json::json;

/// Statements that [`confirm`] may send: the platform, what was planned, and the batch that closes the account.
pub const CONFIRM_STATEMENTS: u64 = 3 + 2 + 5;

/// What a call showed about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// It is gone, and closed here.
    Closed,
    /// It is there. What it can do is stored.
    Open,
    /// Stripe refused the question, for a reason that is not the account's.
    Refused,
    /// There was no answer.
    Unknown,
}

/// Closes a partner's account. `None` if it is no partner's present account.
pub async fn close<P: Ports>(
    ctx: &Context<'_, P>,
    account: &str,
    reason: CloseReason,
    detail: &str,
) -> Result<Option<PartnerId>, AppError> {
    ctx.retry(async || {
        let (found, planned) = ctx.read(rows::closing(account)).await?;
        let Some(partner) = found.map(|row| row.partner_id) else { return Ok(None) };
        let mut batch = rows::payee_close(account, reason, detail, &ctx.actor, ctx.now);
        let after = json!({"account": account, "reason": reason, "carried_payouts": planned.len()});
        batch.push(ctx.audit("partner.account_closed", &partner, Some(detail), None, Some(after)));
        if !planned.is_empty() {
            let carried: Vec<_> = planned.iter().map(|s| payout::carried(s, reason).to).collect();
            let ids: Vec<_> = planned.iter().map(|s| &s.id).collect();
            batch.push(outbound::outbound_write(TransferKind::Payout, &carried.iter().collect::<Vec<_>>()));
            batch.push(outbound::transfer_post(TransferKind::Payout, &ids, &ctx.actor, ctx.now));
        }
        ctx.batch(batch).await?;
        Ok(Some(partner))
    })
    .await
}

/// Asks Stripe about an account: stores what it can do, or closes it if it is gone. `is_sure`: the partner asked for a
/// new account. Otherwise a key of another platform closes nothing, since it is refused for every account.
pub async fn confirm<P: Ports>(ctx: &Context<'_, P>, account: &str, is_sure: bool) -> Result<Confirmation, AppError> {
    let refusal = match stripe::get(ctx, &format!("/v1/accounts/{account}"), &FormEncoder::new()).await? {
        StripeReply::Done(answer) => {
            let Ok(state) = wire::payability(&answer) else { return Ok(Confirmation::Refused) };
            // Event times are whole seconds: an event of this second must not look older than what was read in it.
            let at = UtcMillis(ctx.now.0.div_euclid(SECOND_MS) * SECOND_MS);
            ctx.read(payee::payee_update(&state, at)).await?;
            return Ok(Confirmation::Open);
        }
        StripeReply::Refused(refusal) => refusal,
        StripeReply::Limited | StripeReply::Unsure(_) | StripeReply::TooLong(_) => return Ok(Confirmation::Unknown),
    };
    if !is_account_gone(&refusal.code, &refusal.message) {
        return Ok(Confirmation::Refused);
    }
    if !is_sure && platform::find(ctx).await.ok().flatten().is_none_or(|row| row.known > 1) {
        return Ok(Confirmation::Refused);
    }
    let detail = format!("{}: {}", refusal.code, refusal.message);
    close(ctx, account, CloseReason::Missing, &detail).await?;
    Ok(Confirmation::Closed)
}

/// Those of these payouts that go to an account that is gone, carried, and the others.
pub async fn carry<P: Ports>(
    ctx: &Context<'_, P>,
    fresh: Vec<OutboundTransfer>,
) -> Result<(Vec<TransferChange>, Vec<OutboundTransfer>), DbError> {
    let targets: Vec<&str> = fresh.iter().map(|s| s.target.as_str()).collect();
    if targets.is_empty() || fresh.iter().any(|s| s.kind != TransferKind::Payout) {
        return Ok((Vec::new(), fresh));
    }
    let gone = ctx.read(rows::closed_among(&targets)).await?;
    let (mut carried, mut others) = (Vec::new(), Vec::new());
    for s in fresh {
        match gone.iter().find(|row| row.stripe_account_id == s.target) {
            Some(row) => carried.push(payout::carried(&s, row.reason)),
            None => others.push(s),
        }
    }
    Ok((carried, others))
}

/// Confirms what refusals said about the accounts of failed payouts. What does not fit or fails is not lost: nothing
/// more is planned for these accounts, and the daily sweep asks about them.
pub async fn confirm_refused<P: Ports>(ctx: &Context<'_, P>, accounts: &[String]) {
    for account in accounts {
        if ctx.has_room(CONFIRM_STATEMENTS + ctx.reserve()) {
            let _ = confirm(ctx, account, false).await;
        }
    }
}
