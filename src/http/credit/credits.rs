//! Credit for the host's application: a partner's balance, using it, giving it back; and the credits that Stripe
//! delivers.

use crate::base::ids::PartnerId;
use crate::codec::credit;
use crate::codec::credit::RedeemRequest;
use crate::codec::operator::{ResolutionRequest, ReversalRequest};
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::page;
use crate::http::page::Page;
use crate::service::credit::redeem as redeeming;
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::service::payout as deciding;
use crate::service::payout::PayoutAction;
use crate::store::credit as sendings;
use crate::store::credit::redemption as rows;

/// States as they are stored; `delivered` and `taken_back` are stored as `paid`.
pub const STATES: [&str; 5] = ["planned", "submitting", "paid", "failed", "review"];

/// `GET /v1/credits?partner=`, or `?program=&external_id=`.
pub async fn balance<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let param = |name: &str| call.request.param(name).filter(|text| !text.is_empty());
    let whose = credit::whose(param("partner").map(Into::into), param("program").map(Into::into), param("external_id"))
        .map_err(|why| AppError::new(ErrorKind::BadRequest, why.code, why.detail).field(why.field))?;
    redeeming::balance(&call.context(), &whose).await
}

/// `POST /v1/credits/redeem`. It requires a key: a lost response must not cost a credit twice.
pub async fn redeem<S: Platform>(call: OperatorCall<'_, S, RedeemRequest>) -> Result<StoredResponse, AppError> {
    let once = call.once()?.ok_or_else(|| {
        let detail =
            "send your own Idempotency-Key, such as the order's id, so that a repeat returns the first response";
        AppError::new(ErrorKind::BadRequest, "missing", detail).field("Idempotency-Key")
    })?;
    redeeming::redeem(&call.context(), &call.body, &once).await
}

/// `GET /v1/credits/redemptions?partner=`: newest first.
pub async fn list<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let partner: PartnerId = call.request.param("partner").unwrap_or_default().into();
    if partner.is_empty() {
        return Err(AppError::new(ErrorKind::BadRequest, "missing", "send the partner").field("partner"));
    }
    let (before_ms, before_id) = page.instant_and_id(page::LAST)?;
    let query = rows::redemption_page(&partner, before_ms, &before_id, page.limit + 1);
    let found = call.context().read(query).await?;
    Ok((200, page.answer(found, |r| format!("{}.{}", r.created_at_ms.0, r.id), redeeming::redemption_view)))
}

/// `GET /v1/credits/redemptions/{id}`.
pub async fn show<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    Ok((200, redeeming::redemption_view(&redeeming::find(&call.context(), call.segment).await?)))
}

/// `POST /v1/credits/redemptions/{id}/reversals`.
pub async fn give_back<S: Platform>(call: OperatorCall<'_, S, ReversalRequest>) -> Result<StoredResponse, AppError> {
    let once = call.once()?;
    redeeming::give_back(&call.context(), call.segment, call.body.amount, &call.body.reason, once.as_ref()).await
}

/// `GET /v1/credits/deliveries?state=&partner=`: newest first.
pub async fn delivery_list<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let filter = |name: &str| call.request.param(name).unwrap_or_default();
    let state = page::state(call.request, &STATES)?;
    let (before_ms, before_id) = page.instant_and_id(page::LAST)?;
    let query = sendings::outbound_page(&state, &filter("partner").into(), before_ms, &before_id, page.limit + 1);
    let found = call.context().read(query).await?;
    Ok((200, page.answer(found, |s| format!("{}.{}", s.created_at_ms.0, s.id), deciding::view)))
}

/// `GET /v1/credits/deliveries/{id}`.
pub async fn delivery_show<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    Ok((200, deciding::view(&deciding::find(&call.context(), &deciding::credit_id(call.segment)?).await?)))
}

/// `POST /v1/credits/deliveries/{id}/resolve`.
pub async fn delivery_resolve<S: Platform>(
    call: OperatorCall<'_, S, (ResolutionRequest, String)>,
) -> Result<StoredResponse, AppError> {
    let (ctx, (resolution, reason)) = (call.context(), call.body);
    deciding::decide(&ctx, &deciding::credit_id(call.segment)?, &PayoutAction::Resolve(resolution), &reason).await
}
