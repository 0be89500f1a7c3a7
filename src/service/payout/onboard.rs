//! How a partner becomes payable: a connected account at Stripe, a new link to its onboarding, and one to its
//! dashboard. Stripe reports by webhook what the account can do. An account that is gone is replaced by a new one.

use crate::base::id as ids;
use crate::base::ids::PartnerId;
use crate::codec::operator::OnboardingRequest;
use crate::codec::stripe as wire;
use crate::codec::stripe::form::FormEncoder;
use crate::engine::payout::payee::{CloseReason, is_account_gone};
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::service::payout::closed as closing;
use crate::service::payout::closed::Confirmation;
use crate::service::payout::platform;
use crate::service::stripe;
use crate::service::stripe::StripeReply;
use crate::store::partner;
use crate::store::partner::PartnerRow;
use crate::store::payout::closed;
use crate::store::payout::closed::ClosedAccount;
use crate::store::payout::payee;
use crate::store::payout::payee::PayeeRow;
use crate::store::port::DbError;
use serde_json::{Value, json};

/// The partner's connected account, created if there is none, and a link to its onboarding. A link works once, so each
/// visit gets a new one.
pub async fn onboard<P: Ports>(
    ctx: &Context<'_, P>,
    id: &PartnerId,
    request: &OnboardingRequest,
    base_url: &str,
) -> Result<StoredResponse, AppError> {
    let Known { partner, payee } = read(ctx, id).await?;
    let country = request.country.as_deref();
    if country.is_some() || payee.is_none() {
        platform::reaches(ctx, country.or(partner.country.as_deref())).await?;
    }
    let mut present = payee;
    // Stripe can't change an account's country.
    let moved = |p: &PayeeRow| country.is_some() && p.country.is_some() && p.country.as_deref() != country;
    if let Some(before) = present.take_if(|p| moved(p)) {
        let detail = format!("the partner moved to {}", country.unwrap_or_default());
        closing::close(ctx, &before.stripe_account_id, CloseReason::Moved, &detail).await?;
    }
    let is_new = present.is_none();
    let mut payee = match present {
        Some(payee) => payee,
        None => make(ctx, &partner, request).await?,
    };
    let link = |payee: &PayeeRow| {
        let fallback = format!("{base_url}/partner");
        FormEncoder::new()
            .with("account", &payee.stripe_account_id)
            .with("type", "account_onboarding")
            .with("refresh_url", request.refresh_url.as_ref().unwrap_or(&fallback))
            .with("return_url", request.return_url.as_ref().unwrap_or(&fallback))
    };
    let mut reply = stripe::post(ctx, "/v1/account_links", &link(&payee), &ctx.fresh_id("key")).await?;
    if !is_new && is_gone(ctx, &payee, &reply).await? {
        platform::reaches(ctx, country.or(partner.country.as_deref())).await?;
        payee = make(ctx, &partner, request).await?;
        reply = stripe::post(ctx, "/v1/account_links", &link(&payee), &ctx.fresh_id("key")).await?;
    }
    let made = reply.done()?;
    let expires = made["expires_at"].as_i64().map(|at| crate::base::time::UtcMillis(at * 1_000).to_rfc3339());
    let closed = ctx.read(closed::closed_list(id)).await?;
    let view = json!({
        "partner": id, "url": text(&made, "url")?, "expires_at": expires, "payability": payability(Some(&payee), &closed),
    });
    Ok((200, view))
}

/// Whether Stripe refused a call because the account is gone. It is then closed.
async fn is_gone<P: Ports>(ctx: &Context<'_, P>, payee: &PayeeRow, reply: &StripeReply) -> Result<bool, AppError> {
    let StripeReply::Refused(refusal) = reply else { return Ok(false) };
    Ok(is_account_gone(&refusal.code, &refusal.message)
        && closing::confirm(ctx, &payee.stripe_account_id, true).await? == Confirmation::Closed)
}

/// A link to the partner's dashboard at Stripe. It works once.
pub async fn dashboard<P: Ports>(ctx: &Context<'_, P>, id: &PartnerId) -> Result<StoredResponse, AppError> {
    let absent = |detail| AppError::new(ErrorKind::Conflict, "not_onboarded", detail);
    let payee = read(ctx, id).await?.payee;
    let payee = payee.ok_or_else(|| absent("the partner has no Stripe account; start with onboarding"))?;
    let path = format!("/v1/accounts/{}/login_links", payee.stripe_account_id);
    let reply = stripe::post(ctx, &path, &FormEncoder::new(), &ctx.fresh_id("key")).await?;
    if is_gone(ctx, &payee, &reply).await? {
        return Err(absent("the partner's Stripe account is gone; start with onboarding"));
    }
    let made = reply.done()?;
    Ok((200, json!({"partner": id, "url": text(&made, "url")?})))
}

/// Whether money can reach the partner, what Stripe still requires, and which accounts are gone.
pub fn payability(payee: Option<&PayeeRow>, closed: &[ClosedAccount]) -> Value {
    let before: Vec<Value> = closed
        .iter()
        .map(|c| {
            json!({
                "account": c.stripe_account_id, "country": c.country, "reason": c.reason,
                "closed_at": c.closed_at_ms.to_rfc3339(),
            })
        })
        .collect();
    let Some(p) = payee else {
        return json!({
            "payable": false, "account": null, "country": null, "currency": null, "currently_due": [],
            "disabled_reason": closed.first().map(|c| c.reason), "updated_at": null, "closed_accounts": before,
        });
    };
    let region = (!p.is_offered()).then_some("country_not_offered");
    json!({
        "payable": p.is_payable(), "account": p.stripe_account_id, "country": p.country, "currency": p.currency,
        "currently_due": serde_json::from_str::<Value>(&p.currently_due).unwrap_or_else(|_| json!([])),
        "disabled_reason": p.disabled_reason.as_deref().or(region), "updated_at": p.updated_at_ms.to_rfc3339(),
        "closed_accounts": before,
    })
}

/// A partner with its present account.
struct Known {
    partner: PartnerRow,
    payee: Option<PayeeRow>,
}

async fn read<P: Ports>(ctx: &Context<'_, P>, id: &PartnerId) -> Result<Known, AppError> {
    stripe::is_set_up(ctx)?;
    let reads = (partner::partner_find(id).first(), payee::payee_find(id).first());
    let (partner, payee) = ctx.read(reads).await?;
    Ok(Known { partner: partner.ok_or_else(|| AppError::not_found("partner"))?, payee })
}

/// Creates the account. The key is derived from the request, so that a lost response is returned again, and from the
/// number of accounts before it: Stripe would answer with one that is gone.
async fn make<P: Ports>(
    ctx: &Context<'_, P>,
    partner: &PartnerRow,
    request: &OnboardingRequest,
) -> Result<PayeeRow, AppError> {
    let closed = ctx.read(closed::closed_list(&partner.id)).await?;
    let form = FormEncoder::new()
        .with("controller[stripe_dashboard][type]", "express")
        .with("controller[fees][payer]", "application")
        .with("controller[losses][payments]", "application")
        .with("controller[requirement_collection]", "stripe")
        .with("capabilities[transfers][requested]", "true")
        // Stripe pays no account under the recipient agreement across borders.
        .with("tos_acceptance[service_agreement]", "full")
        .with("metadata[partner_id]", &partner.id)
        .with_some("country", request.country.as_deref().or(partner.country.as_deref()))
        .with_some("email", partner.email.as_deref());
    let key = ids::derived("account", &[&partner.id, &form.encode(), &closed.len().to_string()]);
    let account = stripe::post(ctx, "/v1/accounts", &form, &key).await?.done()?;
    let state = wire::payability(&account).map_err(|why| lacking(&why.field))?;
    // Dated by Stripe's clock, like later reports about the account: with our clock, an event of the same second would
    // look older.
    let at = wire::created(&account, ctx.now).map_err(|why| lacking(&why.field))?;
    let after = json!({"account": state.stripe_account_id, "country": state.country});
    let entry = ctx.audit("partner.onboard", &partner.id, None, None, Some(after));
    match ctx.batch(vec![payee::payee_insert(&partner.id, &state, at), entry]).await {
        // Another request created one at the same time, and that one is used.
        Ok(_) | Err(DbError::LostRace(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let stands = ctx.read(payee::payee_find(&partner.id).first()).await?;
    stands.ok_or_else(|| AppError::new(ErrorKind::Fault, "payee_lost", "the account was made and is not stored"))
}

fn text(value: &Value, name: &str) -> Result<String, AppError> {
    value[name].as_str().map(str::to_owned).ok_or_else(|| lacking(name))
}

fn lacking(name: &str) -> AppError {
    AppError::new(ErrorKind::Fault, "stripe_answer", format!("Stripe's response has no readable {name}"))
}
