//! Credit for the host's application: a partner's balance, using it, giving it back; and the credits that Stripe
//! delivers.

use crate::codec::{credit, operator};
use crate::engine::payout::OutboundTransfer;
use crate::http::auth;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::Request;
use crate::http::page;
use crate::http::page::Page;
use crate::service::credit::redeem as redeeming;
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::service::payout as deciding;
use crate::service::payout::PayoutAction;
use crate::store::credit as sendings;
use crate::store::credit::redemption as rows;
use crate::store::credit::redemption::Redemption;

/// States as they are stored; `delivered` and `taken_back` are stored as `paid`.
const STATES: [&str; 5] = ["planned", "submitting", "paid", "failed", "review"];

/// `GET /v1/credits?partner=`, or `?program=&external_id=`.
pub async fn balance<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<StoredResponse, AppError> {
    let param = |name: &str| request.param(name).filter(|text| !text.is_empty());
    let whose = credit::whose(param("partner"), param("program"), param("external_id"))
        .map_err(|why| AppError::new(ErrorKind::BadRequest, why.code, why.detail).field(why.field))?;
    redeeming::balance(&app.context(""), &whose).await
}

/// `POST /v1/credits/redeem`. It requires a key: a lost response must not cost a credit twice.
pub async fn redeem<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let body = credit::redeem(&request.body)?;
    let once = auth::once(request)?.ok_or_else(|| {
        let detail =
            "send your own Idempotency-Key, such as the order's id, so that a repeat returns the first response";
        AppError::new(ErrorKind::BadRequest, "missing", detail).field("Idempotency-Key")
    })?;
    redeeming::redeem(&app.context(actor), &body, &once).await
}

/// `GET /v1/credits/redemptions?partner=`: newest first.
pub async fn list<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<StoredResponse, AppError> {
    let page = Page::of(request)?;
    let partner = request.param("partner").unwrap_or_default();
    if partner.is_empty() {
        return Err(AppError::new(ErrorKind::BadRequest, "missing", "send the partner").field("partner"));
    }
    let (before_ms, before_id) = page.instant_and_id(page::LAST)?;
    let query = rows::redemption_page(&partner, before_ms, &before_id, page.limit + 1);
    let found: Vec<Redemption> = app.context("").query(query).await?.decode()?;
    Ok((200, page.answer(found, |r| format!("{}.{}", r.created_at_ms.0, r.id), redeeming::redemption_view)))
}

/// `GET /v1/credits/redemptions/{id}`.
pub async fn show<S: Platform>(app: &RequestContext<'_, S>, id: &str) -> Result<StoredResponse, AppError> {
    Ok((200, redeeming::redemption_view(&redeeming::find(&app.context(""), id).await?)))
}

/// `POST /v1/credits/redemptions/{id}/reversals`.
pub async fn give_back<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let body = operator::reversal(&request.body)?;
    let once = auth::once(request)?;
    redeeming::give_back(&app.context(actor), id, body.amount, &body.reason, once.as_ref()).await
}

/// `GET /v1/credits/deliveries?state=&partner=`: newest first.
pub async fn delivery_list<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
) -> Result<StoredResponse, AppError> {
    let page = Page::of(request)?;
    let filter = |name: &str| request.param(name).unwrap_or_default();
    let state = page::state(request, &STATES)?;
    let (before_ms, before_id) = page.instant_and_id(page::LAST)?;
    let query = sendings::outbound_page(&state, &filter("partner"), before_ms, &before_id, page.limit + 1);
    let found: Vec<OutboundTransfer> = app.context("").query(query).await?.decode()?;
    Ok((200, page.answer(found, |s| format!("{}.{}", s.created_at_ms.0, s.id), deciding::view)))
}

/// `GET /v1/credits/deliveries/{id}`.
pub async fn delivery_show<S: Platform>(app: &RequestContext<'_, S>, id: &str) -> Result<StoredResponse, AppError> {
    Ok((200, deciding::view(&deciding::find(&app.context(""), deciding::credit_id(id)?).await?)))
}

/// `POST /v1/credits/deliveries/{id}/resolve`.
pub async fn delivery_resolve<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let (resolution, reason) = operator::resolution(&request.body, "transaction")?;
    let id = deciding::credit_id(id)?;
    deciding::decide(&app.context(actor), id, &PayoutAction::Resolve(resolution), &reason).await
}
