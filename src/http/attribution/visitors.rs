//! Calls from a visitor's browser: the token for a form's hidden field, and the user's own link.

use crate::base::ids::ProgramId;
use crate::base::time::{Month, UtcMillis};
use crate::codec::attribution::cookie::{CookieKeys, SignedCookie};
use crate::codec::attribution::touch_request::TouchRequest;
use crate::codec::attribution::{cookie, reference};
use crate::codec::message::email::is_address;
use crate::codec::operator::{GenerateLinkRequest, NewPartner};
use crate::engine::attribution::deciding::deciding;
use crate::engine::attribution::touch::Touch;
use crate::engine::link::click::Salt;
use crate::engine::link::fingerprints;
use crate::engine::link::visit;
use crate::http::attribution::page_touch;
use crate::http::attribution::signals::{PURPOSES, fingerprint_parts};
use crate::http::call::{Call, PublicCall, SiteUserCall};
use crate::http::context::{Platform, RateLimited, RequestContext};
use crate::http::exchange::{Request, Response};
use crate::http::fetch_metadata::{is_readable, is_same_origin};
use crate::http::limit;
use crate::http::link::redirect::consents;
use crate::http::link::reflink;
use crate::http::site_user;
use crate::program::catalog::Catalog;
use crate::program::document::Document;
use crate::service::credit::promotion;
use crate::service::credit::promotion::Recipient;
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::service::partner::enroll;
use crate::store::link::click;
use crate::store::link::click::SaltRow;
use crate::store::partner;
use crate::store::program::programs;
use serde_json::{Value, json};

/// `GET /v1/attribution`: `{token, program, benefit, reference}` of this visitor's cookie, or nulls. Same origin only.
pub async fn attribution<S: Platform>(call: PublicCall<'_, S>) -> Result<StoredResponse, AppError> {
    let Call { app, request, .. } = call;
    if !is_readable(request) {
        return Err(cross_origin());
    }
    Ok((200, described(app, request, request.header("cookie")).await?))
}

/// `POST /v1/attribution`: the code that is in the page's address becomes a touch, once the visitor has consented. The
/// same checks as for a visit; again in the same hour it changes nothing. Pages of the same origin only.
pub async fn touch<S: Platform>(call: PublicCall<'_, S, TouchRequest>) -> Result<Response, AppError> {
    let Call { app, request, body, .. } = call;
    if !is_same_origin(request) {
        return Err(cross_origin());
    }
    if !consents(request.header("cookie"), &app.config.consent_cookie) {
        let detail = "the visitor has not consented, as CONSENT_COOKIE says";
        return Err(AppError::new(ErrorKind::Forbidden, "no_consent", detail));
    }
    let cookies = request.header("cookie");
    let mut given = None;
    let keys = app.config.cookie_keys.as_ref();
    let is_person = visit::is_seen(request.header("user-agent"), &PURPOSES.map(|name| request.header(name)));
    let address = body.address(&request.origin);
    if let (Some(keys), Some(found)) = (keys.filter(|_| is_person), reflink::find(&address))
        && limit::check(app, request, RateLimited::Beacon).await.is_ok()
    {
        let held = cookies.and_then(|cookies| cookie::read(keys, cookies));
        given = Box::pin(page_touch::count(app, request, keys, held.as_ref(), &found)).await?;
    }
    let pair = given.as_deref().and_then(|header| header.split(';').next());
    let body = Box::pin(described(app, request, pair.or(cookies))).await?;
    let mut response = Response::json(200, &body);
    response.headers.extend(given.map(|header| ("set-cookie", header)));
    Ok(response)
}

fn cross_origin() -> AppError {
    let detail = "only pages of the same origin can request a visitor's attribution";
    AppError::new(ErrorKind::Forbidden, "cross_origin", detail)
}

/// A visitor whom a partner referred.
struct Referred<'a> {
    keys: &'a CookieKeys,
    signed: SignedCookie,
    catalog: Catalog,
}

impl Referred<'_> {
    /// The programs in which touches would decide now, the newest touch first.
    fn deciding(&self, now: UtcMillis) -> Vec<(&Document, &Touch)> {
        deciding(&self.catalog, &self.signed.touchpoints.touches, now)
    }

    fn friend(&self) -> Recipient<'_> {
        let visitor = Some(self.signed.touchpoints.visitor.as_str()).filter(|id| !id.is_empty());
        Recipient { account: None, visitor, requested_by: "" }
    }
}

/// The visitor of these cookies. `None` without the visitor's consent, and if they say nothing.
async fn referred<'a, S: Platform>(
    app: &RequestContext<'a, S>,
    request: &Request,
    cookies: Option<&str>,
) -> Result<Option<Referred<'a>>, AppError> {
    let keys = app.config.cookie_keys.as_ref();
    let keys = keys.filter(|_| consents(request.header("cookie"), &app.config.consent_cookie));
    let signed = keys.and_then(|keys| cookie::read(keys, cookies?).map(|signed| (keys, signed)));
    let Some((keys, signed)) = signed else { return Ok(None) };
    let catalog = app.context("").programs().await?;
    Ok(Some(Referred { keys, signed, catalog }))
}

/// What these cookies say.
async fn described<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    cookies: Option<&str>,
) -> Result<Value, AppError> {
    let visitor = fingerprint(app, request).await?;
    let nothing = json!({"token": null, "program": null, "benefit": null, "visitor": visitor});
    let Some(referred) = referred(app, request, cookies).await? else { return Ok(nothing) };
    let deciding = referred.deciding(app.now);
    let Some((document, _)) = deciding.first().copied() else { return Ok(nothing) };
    let (keys, signed, benefit) = (referred.keys, &referred.signed, document.benefit.clone());
    let mut body =
        json!({"token": cookie::write(keys, signed), "program": document.id, "benefit": benefit, "visitor": visitor});
    let touches: Vec<&Touch> = deciding.iter().map(|(_, touch)| *touch).collect();
    if let Some((reference, covered)) = reference::write(keys, &signed.touchpoints.visitor, &touches) {
        let programs: Vec<&ProgramId> = touches[..covered].iter().map(|touch| &touch.program).collect();
        (body["reference"], body["reference_programs"]) = (json!(reference), json!(programs));
    }
    if promotion::asks(benefit.as_ref()) {
        body["promotion_code"] = json!(promotion::given(&app.context("visitor"), document, referred.friend()).await);
    }
    Ok(body)
}

/// `POST /v1/attribution/promotion-code`: the visitor's discount as a promotion code, made at Stripe if the visitor has
/// none. For a button of the page: a code for everybody who only visits would be millions at Stripe. Why there is none is
/// for the log: the page has the discount, and shows it without a code.
pub async fn promotion_code<S: Platform>(call: PublicCall<'_, S, ()>) -> Result<Response, AppError> {
    let Call { app, request, .. } = call;
    if !is_same_origin(request) {
        return Err(cross_origin());
    }
    let nothing = Response::json(200, &json!({"program": null, "benefit": null, "promotion_code": null}));
    if !visit::is_seen(request.header("user-agent"), &PURPOSES.map(|name| request.header(name))) {
        return Ok(nothing);
    }
    let Some(referred) = referred(app, request, request.header("cookie")).await? else { return Ok(nothing) };
    let deciding = referred.deciding(app.now);
    let Some((document, _)) = deciding.first().copied() else { return Ok(nothing) };
    let (context, friend) = (app.context("visitor"), referred.friend());
    let (mut code, mut fault) = (None, None);
    if promotion::asks(document.benefit.as_ref()) {
        code = promotion::given(&context, document, friend).await;
        if code.is_none() {
            limit::check(app, request, RateLimited::Promotion).await?;
            let requested_by = &limit::requested_by(app, request);
            match Box::pin(promotion::requested(&context, document, Recipient { requested_by, ..friend })).await {
                Ok(made) => code = made,
                Err(error) => fault = Some(error.logged()),
            }
        }
    }
    let body = json!({"program": document.id, "benefit": document.benefit, "promotion_code": code});
    Ok(Response { fault, ..Response::json(200, &body) })
}

/// The visitor's fingerprint, for a form's second hidden field: of this month, and those of earlier months by which the
/// visitor has clicked and whose windows are not over. There is none for visitors who ask for privacy or have not
/// consented, and none while nobody has clicked.
async fn fingerprint<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<Option<String>, AppError> {
    let consents = consents(request.header("cookie"), &app.config.consent_cookie);
    let Some((ip, agent)) = fingerprint_parts(request).filter(|_| consents) else { return Ok(None) };
    let context = app.context("");
    let salts = context.read(click::salts_find(app.now)).await?;
    let of = |row: &SaltRow| Salt::new(&row.month, row.salt.as_bytes()).fingerprint(ip, agent);
    let month = Month::of(app.now).to_string();
    let (current, earlier): (Vec<_>, Vec<_>) = salts.iter().partition(|row| row.month == month);
    let mut found: Vec<String> = current.into_iter().map(of).collect();
    if !earlier.is_empty() {
        let clicked = context.read(click::clicked(&earlier.into_iter().map(of).collect::<Vec<_>>())).await?;
        found.extend(clicked.into_iter().map(|row| row.fingerprint));
    }
    Ok(fingerprints::joined(&found))
}

/// `GET /api/referral/link`: the signed-in user's own link in the program that [`generate`] is about, as far as there is
/// one. It makes nothing. `program` is null for who cannot have one; `disclosure` says that the link needs it accepted.
pub async fn own_link<S: Platform>(call: PublicCall<'_, S>) -> Result<StoredResponse, AppError> {
    let (app, config) = (call.app, call.app.config);
    let nothing = json!({"program": null, "url": null, "active": false, "disclosure": false});
    let user = match site_user::require(app, call.request).await {
        Ok(user) => user,
        Err(why) if matches!(why.code, "not_signed_in" | "not_configured" | "role_too_low") => {
            return Ok((200, nothing));
        }
        Err(why) => return Err(why),
    };
    let own = &config.self_serve_program;
    let Some(program) = Some(own).filter(|own| !own.is_empty()).or_else(|| config.open_programs().next()) else {
        return Ok((200, nothing));
    };
    let context = app.context("");
    let (catalog, found) =
        context.read((programs(), partner::partner_find_external(program, &user.id).first())).await?;
    let Some(document) = catalog.current(program, app.now) else { return Ok((200, nothing)) };
    let shown = found.map(|found| enroll::view(&found, Some(document), &call.base_url(), &[])).unwrap_or_default();
    let undisclosed = document.requires_disclosure && shown["disclosure_accepted"] != true;
    let is_active = shown["active"] == true;
    let body = json!({
        "program": document.id, "url": shown["url"], "active": is_active, "disclosure": undisclosed,
    });
    Ok((200, body))
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
        email: Some(user.email.clone()).filter(|e| is_address(e)),
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
