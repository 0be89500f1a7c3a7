//! How a partner becomes payable: a connected account at Stripe, a new link to its onboarding, and one to its
//! dashboard. Stripe reports by webhook what the account can do.

use crate::base::id;
use crate::base::ids::PartnerId;
use crate::codec::operator::OnboardingRequest;
use crate::codec::stripe as wire;
use crate::codec::stripe::form::FormEncoder;
use crate::engine::payout::payee::is_payable;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::service::stripe;
use crate::store::partner;
use crate::store::partner::PartnerRow;
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
    let (partner, known) = read(ctx, id).await?;
    let payee = match known {
        Some(payee) => payee,
        None => make(ctx, &partner, request).await?,
    };
    let fallback = format!("{base_url}/partner");
    let link = FormEncoder::new()
        .with("account", &payee.stripe_account_id)
        .with("type", "account_onboarding")
        .with("refresh_url", request.refresh_url.as_ref().unwrap_or(&fallback))
        .with("return_url", request.return_url.as_ref().unwrap_or(&fallback));
    let made = call(ctx, "/v1/account_links", &link, &ctx.fresh_id("key")).await?;
    let expires = made["expires_at"].as_i64().map(|at| crate::base::time::UtcMillis(at * 1_000).to_rfc3339());
    let view = json!({
        "partner": id, "url": text(&made, "url")?, "expires_at": expires, "payability": payability(Some(&payee)),
    });
    Ok((200, view))
}

/// A link to the partner's dashboard at Stripe. It works once.
pub async fn dashboard<P: Ports>(ctx: &Context<'_, P>, id: &PartnerId) -> Result<StoredResponse, AppError> {
    let (_, known) = read(ctx, id).await?;
    let payee = known.ok_or_else(|| {
        AppError::new(ErrorKind::Conflict, "not_onboarded", "the partner has no Stripe account; start with onboarding")
    })?;
    let path = format!("/v1/accounts/{}/login_links", payee.stripe_account_id);
    let made = call(ctx, &path, &FormEncoder::new(), &ctx.fresh_id("key")).await?;
    Ok((200, json!({"partner": id, "url": text(&made, "url")?})))
}

/// Whether money can reach the partner, and what Stripe still requires.
pub fn payability(payee: Option<&PayeeRow>) -> Value {
    let Some(p) = payee else {
        return json!({
            "payable": false, "account": null, "country": null, "currency": null, "currently_due": [],
            "disabled_reason": null, "updated_at": null,
        });
    };
    json!({
        "payable": is_payable(p.transfers_active != 0, p.payouts_enabled != 0), "account": p.stripe_account_id,
        "country": p.country, "currency": p.currency,
        "currently_due": serde_json::from_str::<Value>(&p.currently_due).unwrap_or_else(|_| json!([])),
        "disabled_reason": p.disabled_reason, "updated_at": p.updated_at_ms.to_rfc3339(),
    })
}

async fn read<P: Ports>(ctx: &Context<'_, P>, id: &PartnerId) -> Result<(PartnerRow, Option<PayeeRow>), AppError> {
    stripe::is_set_up(ctx)?;
    let reads = (partner::partner_find(id).first(), payee::payee_find(id).first());
    let (partner, payee) = ctx.read(reads).await?;
    Ok((partner.ok_or_else(|| AppError::not_found("partner"))?, payee))
}

/// Creates the account. The key is derived from the request, so that a lost response is returned again.
async fn make<P: Ports>(
    ctx: &Context<'_, P>,
    partner: &PartnerRow,
    request: &OnboardingRequest,
) -> Result<PayeeRow, AppError> {
    let mut form = FormEncoder::new()
        .with("controller[stripe_dashboard][type]", "express")
        .with("controller[fees][payer]", "application")
        .with("controller[losses][payments]", "application")
        .with("controller[requirement_collection]", "stripe")
        .with("capabilities[transfers][requested]", "true")
        .with("metadata[partner_id]", &partner.id)
        .with_some("country", request.country.as_deref().or(partner.country.as_deref()))
        .with_some("email", partner.email.as_deref());
    if request.recipient_agreement {
        // For partners in countries where the platform itself does no business.
        form = form.with("tos_acceptance[service_agreement]", "recipient");
    }
    let key = id::derived("account", &[&partner.id, &form.encode()]);
    let account = call(ctx, "/v1/accounts", &form, &key).await?;
    let state = wire::payability(&account).map_err(|why| lacking(&why.field))?;
    // Dated by Stripe's clock, like later reports about the account: with our clock, an event of the same second would
    // look older.
    let at = wire::created(&account, ctx.now).map_err(|why| lacking(&why.field))?;
    let after = json!({"account": state.stripe_account_id, "country": state.country});
    let entry = ctx.audit("partner.onboard", &partner.id, None, None, Some(after));
    match ctx.batch(vec![payee::payee_insert(&partner.id, &state, at), entry]).await {
        // Another request created one at the same time, and that one is used.
        Ok(_) | Err(DbError::Guard(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let stands = ctx.read(payee::payee_find(&partner.id).first()).await?;
    stands.ok_or_else(|| AppError::new(ErrorKind::Fault, "payee_lost", "the account was made and is not stored"))
}

async fn call<P: Ports>(ctx: &Context<'_, P>, path: &str, form: &FormEncoder, key: &str) -> Result<Value, AppError> {
    stripe::post(ctx, path, form, key).await?.done()
}

fn text(value: &Value, name: &str) -> Result<String, AppError> {
    value[name].as_str().map(str::to_owned).ok_or_else(|| lacking(name))
}

fn lacking(name: &str) -> AppError {
    AppError::new(ErrorKind::Fault, "stripe_answer", format!("Stripe's response has no readable {name}"))
}
