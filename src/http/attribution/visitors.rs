//! Calls from a visitor's browser: the token for a form's hidden field, and the user's own link.

use crate::base::time::Month;
use crate::codec::attribution::cookie;
use crate::codec::operator::{GenerateLinkRequest, NewPartner};
use crate::engine::attribution::touch::Touch;
use crate::engine::link::click::Salt;
use crate::engine::link::fingerprints;
use crate::http::attribution::signals::fingerprint_parts;
use crate::http::call::{Call, PublicCall, SiteUserCall};
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::Request;
use crate::http::link::redirect::consents;
use crate::program::catalog::Catalog;
use crate::service::credit::promotion;
use crate::service::credit::promotion::Recipient;
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::service::partner::enroll;
use crate::store::link::click;
use crate::store::link::click::SaltRow;
use serde_json::json;

/// `GET /v1/attribution`: `{token, program, benefit}` of this visitor's cookie, or nulls. Same origin only.
pub async fn attribution<S: Platform>(call: PublicCall<'_, S>) -> Result<StoredResponse, AppError> {
    let Call { app, request, .. } = call;
    if request.header("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        let detail = "only pages of the same origin can request a visitor's attribution";
        return Err(AppError::new(ErrorKind::Forbidden, "cross_origin", detail));
    }
    let visitor = fingerprint(app, request).await?;
    let nothing = json!({"token": null, "program": null, "benefit": null, "visitor": visitor});
    let signed = app
        .config
        .cookie_keys
        .as_ref()
        .and_then(|keys| cookie::read(keys, request.header("cookie")?).map(|signed| (keys, signed)));
    let Some((keys, signed)) = signed else { return Ok((200, nothing)) };
    let catalog = app.context("").programs().await?;
    let live = |touch: &&Touch| is_live(&catalog, touch, app);
    let Some(touch) = signed.touchpoints.touches.iter().filter(live).max_by_key(|t| t.at) else {
        return Ok((200, nothing));
    };
    let document = catalog.in_force(&touch.program, app.now);
    let benefit = document.and_then(|d| d.benefit.clone());
    let mut body = json!({"token": cookie::write(keys, &signed), "program": touch.program, "benefit": benefit, "visitor": visitor});
    if let Some(document) = document.filter(|_| promotion::asks(benefit.as_ref())) {
        let visitor = Some(signed.touchpoints.visitor.as_str()).filter(|id| !id.is_empty());
        let friend = Recipient { account: None, visitor };
        body["promotion_code"] = json!(promotion::code(&app.context("visitor"), document, friend).await);
    }
    Ok((200, body))
}

/// The visitor's fingerprint, for a form's second hidden field: of this month, and those of earlier months by which the
/// visitor has clicked and whose windows are not over. There is none for visitors who ask for privacy or have not
/// consented, and none while nobody has clicked.
async fn fingerprint<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<Option<String>, AppError> {
    let consents = consents(request.header("cookie"), &app.config.consent_cookie);
    let Some((ip, agent)) = fingerprint_parts(request).filter(|_| consents) else { return Ok(None) };
    let context = app.context("");
    let salts = context.read(click::salts_find(app.now)).await?;
    let of = |row: &SaltRow| Salt::new(row.salt.as_bytes()).fingerprint(ip, agent);
    let month = Month::of(app.now).to_string();
    let (current, earlier): (Vec<_>, Vec<_>) = salts.iter().partition(|row| row.month == month);
    let mut found: Vec<String> = current.into_iter().map(of).collect();
    if !earlier.is_empty() {
        let clicked = context.read(click::clicked(&earlier.into_iter().map(of).collect::<Vec<_>>())).await?;
        found.extend(clicked.into_iter().map(|row| row.fingerprint));
    }
    Ok(fingerprints::joined(&found))
}

fn is_live<S: Platform>(catalog: &Catalog, touch: &Touch, app: &RequestContext<'_, S>) -> bool {
    catalog
        .in_force(&touch.program, app.now)
        .is_some_and(|d| touch.at <= app.now && touch.at.plus_days(d.attribution.window_days) > app.now)
}

/// `POST /api/referral/generate`: the signed-in user's own link. A repeat returns the same link.
pub async fn generate<S: Platform>(call: SiteUserCall<'_, S, GenerateLinkRequest>) -> Result<StoredResponse, AppError> {
    let (app, user, base) = (call.app, &call.caller, call.base_url());
    let program = call.body.program.unwrap_or_else(|| app.config.self_serve_program.clone());
    if !app.config.open_programs().any(|open| *open == program) {
        return Err(AppError::not_found("program open for joining"));
    }
    let new = NewPartner {
        program,
        external_id: user.id.clone(),
        name: user.name.clone(),
        email: Some(user.email.clone()).filter(|e| !e.is_empty()),
        website: None,
        country: None,
        kind: None,
        disclosure_accepted: call.body.disclosure_accepted,
        code: None,
    };
    let (status, partner) = enroll::partner(&app.context(format!("session:{}", user.id)), &new, &base, None).await?;
    let code = partner["code"].as_str().unwrap_or_default();
    let body = json!({
        "code": code, "url": partner["url"], "query_url": format!("{base}/?ref={code}"),
        "program": partner["program"], "partner": partner["id"], "active": partner["active"],
    });
    Ok((status, body))
}
