//! Calls from a visitor's browser: the token for a form's hidden field, and the user's own link.

use crate::base::time::Month;
use crate::codec::attribution::cookie;
use crate::codec::identity::session::ROLE_SUBSCRIBER;
use crate::codec::operator;
use crate::codec::operator::NewPartner;
use crate::engine::attribution::touch::Touch;
use crate::engine::link::click::Salt;
use crate::http::attribution::signals::fingerprint_parts;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::{Request, Response};
use crate::http::link::redirect::consents;
use crate::program::catalog::Catalog;
use crate::service::credit::promotion;
use crate::service::credit::promotion::Recipient;
use crate::service::error::{AppError, ErrorKind};
use crate::service::partner::enroll;
use crate::store::link::click;
use crate::store::program;
use serde_json::{Value, json};

/// `GET /v1/attribution`: `{token, program, benefit}` of this visitor's cookie, or nulls. Same origin only.
pub async fn attribution<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<Response, AppError> {
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
    let Some((keys, signed)) = signed else { return Ok(Response::json(200, &nothing)) };
    let catalog = program::catalog(&app.context("").query(program::program_list()).await?)?;
    let live = |touch: &&Touch| is_live(&catalog, touch, app);
    let Some(touch) = signed.touchpoints.touches.iter().filter(live).max_by_key(|t| t.at) else {
        return Ok(Response::json(200, &nothing));
    };
    let document = catalog.in_force(&touch.program, app.now);
    let benefit = document.and_then(|d| d.benefit.clone());
    let mut body = json!({"token": cookie::write(keys, &signed), "program": touch.program, "benefit": benefit, "visitor": visitor});
    if let Some(document) = document.filter(|_| promotion::asks(benefit.as_ref())) {
        let visitor = Some(signed.touchpoints.visitor.as_str()).filter(|id| !id.is_empty());
        let friend = Recipient { account: None, visitor };
        body["promotion_code"] = json!(promotion::code(&app.context("visitor"), document, friend).await);
    }
    Ok(Response::json(200, &body))
}

/// The visitor's fingerprint of this month, for a form's second hidden field. There is none for visitors who ask for
/// privacy or have not consented, and none while nobody has clicked this month.
async fn fingerprint<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<Option<String>, AppError> {
    let consents = consents(request.header("cookie"), &app.config.consent_cookie);
    let Some((ip, agent)) = fingerprint_parts(request).filter(|_| consents) else { return Ok(None) };
    let salt = click::salt_decode(&[app.context("").query(click::salt_find(Month::of(app.now))).await?]).ok();
    Ok(salt.map(|salt| Salt::new(salt.as_bytes()).fingerprint(ip, agent)))
}

fn is_live<S: Platform>(catalog: &Catalog, touch: &Touch, app: &RequestContext<'_, S>) -> bool {
    catalog
        .in_force(&touch.program, app.now)
        .is_some_and(|d| touch.at <= app.now && touch.at.plus_days(d.attribution.window_days) > app.now)
}

/// `POST /api/referral/generate`: the signed-in user's own link. A repeat returns the same link.
pub async fn generate<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<Response, AppError> {
    if !is_same_site(request) {
        let detail = "call this with a session cookie, from a page of the same origin";
        return Err(AppError::new(ErrorKind::Forbidden, "cross_origin", detail));
    }
    let body = operator::generate(&request.body)?;
    let sign_in = || {
        let detail = "sign in first: /_emdash/admin/login?redirect=/";
        AppError::new(ErrorKind::Unauthorized, "not_signed_in", detail)
    };
    let cookie = app.site_cookie(request).ok_or_else(sign_in)?;
    if !app.site.has_site() {
        let detail = "no EmDash site is configured: bind EMDASH or set EMDASH_ORIGIN";
        return Err(AppError::new(ErrorKind::Transient, "not_configured", detail));
    }
    let user = app.site.session(&cookie).await.map_err(|why| {
        let detail = "the site can't confirm who is signed in right now; try again in a moment";
        AppError::new(ErrorKind::Transient, "session_unavailable", detail).cause(why)
    })?;
    let user = user.ok_or_else(sign_in)?;
    if user.role < ROLE_SUBSCRIBER {
        return Err(AppError::new(ErrorKind::Forbidden, "role_too_low", "users with this role can't refer others"));
    }
    let program = body.program.unwrap_or_else(|| app.config.self_serve_program.clone());
    if !app.config.open_programs().any(|open| open == program) {
        return Err(AppError::not_found("program open for joining"));
    }
    let new = NewPartner {
        program,
        external_id: user.id.clone(),
        name: user.name,
        email: Some(user.email).filter(|e| !e.is_empty()),
        website: None,
        country: None,
        kind: None,
        disclosure_accepted: body.disclosure_accepted,
    };
    let base = app.config.base_url(&request.origin);
    let (status, partner) = enroll::partner(&app.context(&format!("session:{}", user.id)), &new, &base, None).await?;
    let code = partner["code"].as_str().unwrap_or_default();
    let body = json!({
        "code": code, "url": partner["url"], "query_url": format!("{base}/?ref={code}"),
        "program": partner["program"], "partner": partner["id"], "active": partner["active"],
    });
    Ok(Response::json(status, &Value::clone(&body)))
}

/// Browsers say where a POST comes from. Another site's page must not act in the user's name.
fn is_same_site(request: &Request) -> bool {
    let by_fetch = request.header("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let by_origin = request.header("origin").is_none_or(|origin| origin == request.origin);
    by_fetch && by_origin
}
