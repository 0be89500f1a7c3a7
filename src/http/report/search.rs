//! Why accounts were or were not attributed: the search for operators.

use crate::base::time::UtcMillis;
use crate::engine::attribution::reason::LossReason;
use crate::engine::link::pasted::code_of;
use crate::engine::review::ReviewState;
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::exchange::Request;
use crate::http::page::Page;
use crate::service::attribution::search as service;
use crate::service::attribution::search::{CodeState, Explained, PresentedTouch, ProgramResult, Search};
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::store::attribution::search::{Place, Span};
use serde_json::{Value, json};

/// Longest code or link, and longest email domain, in characters.
pub const CODE_CHARS_MAX: usize = 2_048;
pub const DOMAIN_CHARS_MAX: usize = 253;

/// `GET /v1/attribution/search?code=&from=&to=&email_domain=`.
pub async fn search<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let given = bounded(call.request, "code", CODE_CHARS_MAX)?;
    let code = code_of(&given);
    let domain = bounded(call.request, "email_domain", DOMAIN_CHARS_MAX)?;
    let from = instant(call.request, "from")?.unwrap_or(UtcMillis(0));
    // A fact's clock may be ahead of ours.
    let to = instant(call.request, "to")?.unwrap_or_else(|| call.app.now.plus_days(1));
    if to <= from {
        return Err(AppError::new(ErrorKind::BadRequest, "malformed", "must be later than `from`").field("to"));
    }
    let wanted = Search {
        code: &code,
        domain: Some(domain.as_str()).filter(|domain| !domain.is_empty()),
        span: Span { from, to },
        after: place(&page)?,
        limit: page.limit,
    };
    let found = service::search(&call.context(), &wanted).await?;
    let code = (!wanted.code.is_empty()).then(|| code_view(wanted.code, found.code.as_ref()));
    let next = found.next.as_ref().map(cursor);
    let body = json!({
        "code": code, "from": from.to_rfc3339(), "to": to.to_rfc3339(), "signups": found.signups.signups,
        "signups_without_touch": found.signups.without_touch,
        "data": found.accounts.iter().map(account_view).collect::<Vec<Value>>(), "next_cursor": next,
    });
    Ok((200, body))
}

/// Where a page begins.
pub fn place(page: &Page) -> Result<Place, AppError> {
    let (at_ms, row) = page.instant_and_id(-1)?;
    let broken = |_| {
        let detail = "must be a next_cursor from an earlier response";
        AppError::new(ErrorKind::BadRequest, "malformed", detail).field("cursor")
    };
    Ok(Place { at_ms, row: if row.is_empty() { 0 } else { row.parse().map_err(broken)? } })
}

/// The cursor of a place.
pub fn cursor(place: &Place) -> String {
    format!("{}.{}", place.at_ms, place.row)
}

fn bounded(request: &Request, name: &str, max: usize) -> Result<String, AppError> {
    let text = request.param(name).unwrap_or_default().trim().to_owned();
    if text.chars().count() > max {
        let detail = format!("must be at most {max} characters");
        return Err(AppError::new(ErrorKind::BadRequest, "too_long", detail).field(name));
    }
    Ok(text)
}

fn instant(request: &Request, name: &str) -> Result<Option<UtcMillis>, AppError> {
    let Some(text) = request.param(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let detail = "must be an RFC 3339 date and time such as 2026-05-10T00:00:00Z";
    let malformed = || AppError::new(ErrorKind::BadRequest, "malformed", detail).field(name);
    UtcMillis::parse(&text).map(Some).ok_or_else(malformed)
}

/// A code that was searched for.
pub fn code_view(given: &str, found: Option<&CodeState>) -> Value {
    let Some(CodeState { row, why_not }) = found else {
        let reason = LossReason::UnknownCode;
        return json!({
            "code": given, "works": false, "why": reason, "reason": reason.sentence(), "program": null, "partner": null,
            "destination": null, "campaign": null, "created_at": null, "expires_at": null, "disabled_at": null,
            "clicks": 0,
        });
    };
    json!({
        "code": row.code, "works": why_not.is_none(), "why": why_not, "reason": why_not.map(|why| why.sentence()),
        "program": row.program_id, "partner": row.partner_id, "destination": row.destination,
        "campaign": row.campaign, "created_at": row.created_at_ms.to_rfc3339(),
        "expires_at": row.expires_at_ms.map(UtcMillis::to_rfc3339),
        "disabled_at": row.disabled_at_ms.map(UtcMillis::to_rfc3339), "clicks": row.clicks,
    })
}

/// A found account.
pub fn account_view(found: &Explained) -> Value {
    json!({
        "account": found.account, "at": found.at.to_rfc3339(),
        "signed_up_at": found.signed_up_at.map(UtcMillis::to_rfc3339), "undecided": found.is_undecided,
        "programs": found.programs.iter().map(program_view).collect::<Vec<Value>>(),
        "touches": found.touches.iter().map(touch_view).collect::<Vec<Value>>(),
    })
}

fn program_view(program: &ProgramResult) -> Value {
    let binding = program.result.binding.as_ref();
    json!({
        "group": program.result.group, "attributed": binding.is_some(), "program": binding.map(|b| &b.program),
        "partner": binding.map(|b| &b.partner), "code": binding.map(|b| &b.code),
        "method": binding.map(|b| &b.method), "bound_at": binding.map(|b| b.from.to_rfc3339()),
        "reason": program.result.reason, "held": program.held,
        "review": program.review.map(ReviewState::name),
    })
}

fn touch_view(touch: &PresentedTouch) -> Value {
    json!({
        "code": touch.code, "program": touch.program, "partner": touch.partner, "event": touch.event,
        "at": touch.at.map(UtcMillis::to_rfc3339), "method": touch.method, "credited": touch.credited,
        "why": touch.why, "reason": touch.reason,
    })
}
