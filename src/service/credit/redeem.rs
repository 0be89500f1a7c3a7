//! Credit that the application uses: the balance, redeeming it, and giving it back. The database guards the balance, so
//! two requests that read the same balance cannot together redeem more than there is.

use crate::base::ids::{PartnerId, ProgramId};
use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::codec::credit::{CreditOwner, RedeemRequest};
use crate::engine::review::suspension::PartnerStanding;
use crate::program::document::{Delivery, Document, Unit};
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::{IdempotentRequest, StoredResponse, restored};
use crate::service::retry::Failed;
use crate::store::credit;
use crate::store::credit::redemption as rows;
use crate::store::credit::redemption::{CreditRow, Redemption, RedemptionReversal};
use crate::store::partner;
use crate::store::partner::PartnerRow;
use crate::store::program;
use serde_json::{Value, json};

/// A partner's credit balance.
pub async fn balance<P: Ports>(ctx: &Context<'_, P>, whose: &CreditOwner) -> Result<StoredResponse, AppError> {
    let (partner, document, credits) = read(ctx, whose).await?;
    let balances: Vec<Value> = credits.iter().map(credit_view).collect();
    let by_stripe = document.settlement.delivery == Delivery::StripeBalance;
    let customer = if by_stripe { customer(ctx, &partner.id).await? } else { None };
    let view = json!({
        "partner": partner.id, "stripe_customer": customer, "program": partner.program_id, "external_id": partner.external_id,
        "delivery": document.settlement.delivery.name(), "balances": balances,
    });
    Ok((200, view))
}

/// The partner's Stripe customer, if known.
async fn customer<P: Ports>(ctx: &Context<'_, P>, partner: &PartnerId) -> Result<Option<String>, AppError> {
    let found = ctx.read(credit::customer_find(partner).first()).await?;
    Ok(found.and_then(|row| row.customer))
}

/// Redeems a partner's credit. The same key gets the same response.
pub async fn redeem<P: Ports>(
    ctx: &Context<'_, P>,
    request: &RedeemRequest,
    once: &IdempotentRequest,
) -> Result<StoredResponse, AppError> {
    ctx.retry(async || {
        if let Some(answer) = IdempotentRequest::replied(ctx, Some(once)).await? {
            return again(ctx, answer).await;
        }
        let (partner, document, credits) = read(ctx, &request.whose).await?;
        if document.settlement.delivery != Delivery::Application {
            let detail = format!(
                "the program delivers its credits by {}, so they can't be redeemed by an application",
                document.settlement.delivery.name()
            );
            return Err(AppError::new(ErrorKind::Conflict, "delivered_otherwise", detail).into());
        }
        if partner.standing != PartnerStanding::Active {
            let detail = format!("the partner is {}, so its credit can't be redeemed", partner.standing);
            return Err(AppError::new(ErrorKind::Conflict, "partner_suspended", detail).into());
        }
        let unit = format!("{}:{}", Unit::Credit.name(), request.currency.as_ref().unwrap_or(&document.currency));
        let has = credits.iter().find(|c| c.unit == unit).map_or(0, redeemable).max(0);
        if request.amount.0 > has {
            let detail = format!("only {has} cents can be redeemed");
            return Err(AppError::new(ErrorKind::Unprocessable, "above_balance", detail).field("amount_cents").into());
        }
        let redemption = Redemption {
            id: ctx.fresh_id("rdm"),
            program_id: partner.program_id,
            partner_id: partner.id,
            unit,
            amount_cents: request.amount.0,
            returned_cents: 0,
            reason: request.reason.clone(),
            actor: ctx.actor.clone(),
            created_at_ms: ctx.now,
        };
        let mut view = redemption_view(&redemption);
        view["redeemable_cents"] = json!(has - request.amount.0);
        let answer = (201, view);
        let after = json!({"amount_cents": request.amount, "partner": redemption.partner_id});
        let mut batch = rows::redemption_insert(&redemption);
        batch.push(ctx.audit("credit.redeem", &redemption.id, Some(&request.reason), None, Some(after)));
        batch.push(once.keep_for_good(&answer, ctx.now));
        // Where somebody redeemed at the same time, or the key did, what is left is read again.
        ctx.batch(batch).await?;
        Ok(answer)
    })
    .await
}

/// Returns `amount` of a redemption to the partner, or all that is left of it.
pub async fn give_back<P: Ports>(
    ctx: &Context<'_, P>,
    id: &str,
    amount: Option<Cents>,
    reason: &str,
    once: Option<&IdempotentRequest>,
) -> Result<StoredResponse, AppError> {
    ctx.retry(async || {
        if let Some(answer) = IdempotentRequest::replied(ctx, once).await? {
            return again(ctx, answer).await;
        }
        let mut redemption = find(ctx, id).await?;
        let left = redemption.amount_cents - redemption.returned_cents;
        let cents = amount.map_or(left, |a| a.0);
        if cents < 1 || cents > left {
            let detail = format!("only {left} cents of it can still be reversed");
            return Err(AppError::new(ErrorKind::Unprocessable, "more_than_redeemed", detail)
                .field("amount_cents")
                .into());
        }
        redemption.returned_cents += cents;
        let answer = (201, redemption_view(&redemption));
        let returned = ctx.fresh_id("rdr");
        let row = RedemptionReversal { id: &returned, redemption: id, amount_cents: cents, reason, actor: &ctx.actor };
        let after = json!({"amount_cents": cents});
        let mut batch: Vec<_> = rows::return_insert(&row, ctx.now).into();
        batch.push(ctx.audit("credit.give_back", id, Some(reason), None, Some(after)));
        batch.extend(once.map(|o| o.keep_for_good(&answer, ctx.now)));
        ctx.batch(batch).await?;
        Ok(answer)
    })
    .await
}

/// The answer that a request had before.
async fn again<P: Ports>(ctx: &Context<'_, P>, answer: StoredResponse) -> Result<StoredResponse, Failed> {
    let row = ctx.read(rows::redemption_find(answer.1["id"].as_str().unwrap_or_default()).first()).await?;
    Ok(restored(answer, &row.map_or(Value::Null, |row| redemption_view(&row))))
}

pub async fn find<P: Ports>(ctx: &Context<'_, P>, id: &str) -> Result<Redemption, AppError> {
    ctx.read(rows::redemption_find(id).first()).await?.ok_or_else(|| AppError::not_found("redemption"))
}

pub fn redemption_view(r: &Redemption) -> Value {
    json!({
        "id": r.id, "program": r.program_id, "partner": r.partner_id, "currency": currency(&r.unit),
        "amount_cents": r.amount_cents, "returned_cents": r.returned_cents, "reason": r.reason,
        "created_at": r.created_at_ms.to_rfc3339(),
    })
}

fn credit_view(c: &CreditRow) -> Value {
    json!({
        "currency": currency(&c.unit), "pending_cents": c.pending_cents, "available_cents": c.available_cents,
        "redeemable_cents": redeemable(c).max(0), "redeemed_cents": c.redeemed_cents,
    })
}

fn redeemable(c: &CreditRow) -> i64 {
    c.available_cents - c.frozen_cents
}

fn currency(unit: &str) -> &str {
    unit.split_once(':').map_or("", |(_, currency)| currency)
}

async fn read<P: Ports>(
    ctx: &Context<'_, P>,
    whose: &CreditOwner,
) -> Result<(PartnerRow, Document, Vec<CreditRow>), AppError> {
    let find = match whose {
        CreditOwner::Partner(id) => partner::partner_find(id),
        CreditOwner::External { program, external_id } => partner::partner_find_external(program, external_id),
    };
    let (partner, catalog) = ctx.read((find.first(), program::programs())).await?;
    let partner = partner.ok_or_else(|| AppError::not_found("partner"))?;
    let document = document_of(&catalog, &partner.program_id, ctx.now)?;
    // Read after the partner is known, and guarded where it matters.
    let credits = ctx.read(rows::credit_list(&partner.id)).await?;
    Ok((partner, document, credits))
}

fn document_of(
    catalog: &crate::program::catalog::Catalog,
    program: &ProgramId,
    now: UtcMillis,
) -> Result<Document, AppError> {
    catalog.current(program, now).cloned().ok_or_else(|| AppError::not_found("program"))
}
