//! Suspending, banning and reinstating a partner. What that means for accruals is decided again from the facts of each of
//! the partner's accounts (`engine/review/suspension.rs`); what is planned and not sent waits or is canceled.

use crate::base::ids::{LinkCode, PartnerId, PayoutId, RunId};
use crate::base::time::UtcMillis;
use crate::engine::accrual::invoice::NEVER;
use crate::engine::review::suspension::{BANNED, PartnerStanding};
use crate::service::account::recompute;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::payout;
use crate::service::payout::PayoutAction;
use crate::store::account::recompute_by_partners;
use crate::store::accrual::adjustment::{adjustment_waits, adjustments_reject};
use crate::store::partner::partner_find;
use crate::store::partner::profile::live_codes;
use crate::store::partner::standing::{
    LeftOver, SuspensionRow, ban_keep, ban_void, left_over_list, sessions_end, standing_change,
};
use crate::store::payout::payout_page;
use serde_json::{Value, json};

/// Planned payouts that are canceled at a ban. What is left stays planned, and is never sent.
const CANCELED: i64 = 20;

/// Gives a partner another standing. Returns the codes whose cached copies must be deleted. Repeating it changes nothing.
pub async fn change<P: Ports>(
    ctx: &Context<'_, P>,
    id: &PartnerId,
    to: PartnerStanding,
    reason: &str,
) -> Result<Vec<LinkCode>, AppError> {
    let codes = ctx
        .retry(async || {
            let reads = (partner_find(id).first(), live_codes(id), adjustment_waits(id).first());
            let (found, codes, waits) = ctx.read(reads).await?;
            let from = found.ok_or_else(|| AppError::not_found("partner"))?.standing;
            if from == to {
                return Ok(Vec::new());
            }
            if (from, to) == (PartnerStanding::Banned, PartnerStanding::Suspended) {
                let detail = "the partner is banned; reinstate it first, then suspend it";
                return Err(AppError::new(ErrorKind::Conflict, "partner_banned", detail).into());
            }
            let next = SuspensionRow {
                id: ctx.fresh_id("sus"),
                standing: to,
                from_ms: ctx.now,
                to_ms: None,
                reason: reason.to_owned(),
                actor: ctx.actor.clone(),
            };
            let mut batch = standing_change(id, from, &next, ctx.now);
            let partners = std::slice::from_ref(id);
            if to == PartnerStanding::Banned {
                if waits.is_some() {
                    batch.extend(adjustments_reject(id, &ctx.actor, BANNED, ctx.now));
                }
                batch.push(ban_keep(partners, &next.id));
                batch.extend(ban_void(partners, &next.id, &ctx.actor, ctx.now));
                batch.push(sessions_end(id, ctx.now));
            }
            batch.push(recompute_by_partners(partners, ctx.now));
            let action = match to {
                PartnerStanding::Active => "partner.reinstate",
                PartnerStanding::Suspended => "partner.suspend",
                PartnerStanding::Banned => "partner.ban",
            };
            batch.push(ctx.audit(
                action,
                id,
                Some(reason),
                Some(json!({"standing": from})),
                Some(json!({"standing": to})),
            ));
            ctx.batch(batch).await?;
            Ok(codes)
        })
        .await?;
    if to == PartnerStanding::Banned {
        cancel_planned(ctx, id).await?;
    }
    // The sweep recomputes what this invocation can't.
    let _ = recompute::process_marked(ctx, 1).await;
    Ok(codes.into_iter().map(|row| row.code).collect())
}

/// What can't be canceled now, because Stripe does not answer, stays planned and waits.
async fn cancel_planned<P: Ports>(ctx: &Context<'_, P>, partner: &PartnerId) -> Result<(), AppError> {
    let planned = payout_page(&RunId::default(), "held", partner, NEVER.0, "", CANCELED);
    let planned: Vec<PayoutId> = ctx.read(planned).await?.into_iter().map(|s| s.id).collect();
    for id in planned {
        if !ctx.has_room(CANCEL_STATEMENTS + ctx.reserve()) {
            break;
        }
        let _ = payout::decide(ctx, &id, &PayoutAction::Cancel, BANNED).await;
    }
    Ok(())
}

/// Takes what bans could not take yet: a payout that was on its way may come back, and one that could not be canceled is
/// canceled now.
pub async fn sweep<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    let found = ctx.read(left_over_list(LEFT_OVER)).await?;
    let mut partners: Vec<PartnerId> = Vec::new();
    for LeftOver { partner_id, payout_id } in found {
        match payout_id {
            None => partners.push(partner_id),
            Some(_) if !ctx.has_room(CANCEL_STATEMENTS + ctx.reserve()) => {}
            Some(id) => drop(payout::decide(ctx, &id, &PayoutAction::Cancel, BANNED).await),
        }
    }
    if partners.is_empty() {
        return Ok(());
    }
    let mut batch = vec![ban_keep(&partners, "")];
    batch.extend(ban_void(&partners, "", &ctx.actor, ctx.now));
    batch.push(recompute_by_partners(&partners, ctx.now));
    ctx.batch(batch).await?;
    Ok(())
}

/// Partners and payouts that one sweep takes on.
const LEFT_OVER: i64 = 20;

/// The most statements that canceling one payout sends.
const CANCEL_STATEMENTS: u64 = 12;

/// A suspension or ban as the API shows it.
pub fn view(s: &SuspensionRow) -> Value {
    json!({
        "standing": s.standing, "from": s.from_ms.to_rfc3339(), "to": s.to_ms.map(UtcMillis::to_rfc3339),
        "reason": s.reason, "actor": s.actor,
    })
}
