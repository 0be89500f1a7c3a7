//! The page behind an email's unsubscribe link. No sign-in: the link is the proof.
//!
//! GET asks and changes nothing, since mail scanners follow links; POST does it, from the page's button or from the email
//! app itself (RFC 8058).

use crate::codec::message::email::{MessageType, escape};
use crate::codec::message::unsubscribe::PATH;
use crate::http::assets::STYLE;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::{Request, Response};
use crate::http::fetch_metadata::{Resource, is_persons};
use crate::service::error::AppError;
use crate::service::message::unsubscribe as stopping;
use crate::service::message::unsubscribe::UnsubscribeLink;

/// `GET /unsubscribe`: the question.
pub fn ask<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Response {
    if !is_persons(request, Resource::Page) {
        return unknown();
    }
    let link = link(request);
    let Some(kind) = stopping::kind(&app.context(""), &link) else { return unknown() };
    let action = escape(&format!("{PATH}?type={}&to={}&mac={}", kind.name, link.address_sha256, link.mac));
    page(
        200,
        &format!(
            "<h1>Unsubscribe</h1><p>Stop getting emails {}?</p>\
             <form method=\"post\" action=\"{action}\"><button>Unsubscribe</button></form>",
            what(kind)
        ),
    )
}

/// `POST /unsubscribe`: unsubscribes; safe to repeat.
pub async fn stop<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<Response, AppError> {
    if !is_persons(request, Resource::Page) {
        return Ok(unknown());
    }
    let (ctx, link) = (app.context(""), link(request));
    let Some(kind) = stopping::kind(&ctx, &link) else { return Ok(unknown()) };
    stopping::stop(&ctx, &link, kind).await?;
    Ok(page(200, &format!("<h1>Unsubscribed</h1><p>You will no longer get emails {}.</p>", what(kind))))
}

fn link(request: &Request) -> UnsubscribeLink {
    let param = |name: &str| request.param(name).unwrap_or_default();
    UnsubscribeLink { kind: param("type"), address_sha256: param("to"), mac: param("mac") }
}

fn unknown() -> Response {
    page(
        404,
        "<h1>This link doesn't work</h1><p>It was copied incompletely or is too old. Use the link in a newer email.</p>",
    )
}

/// Ends the sentence "emails …".
fn what(kind: &MessageType) -> &'static str {
    match kind.name {
        "referral.joined" => "when someone signs up with your link",
        "reward.granted.referee" => "when you get a reward for signing up through a referral",
        "report.funnel" => "when a funnel report is ready",
        _ => "like this one",
    }
}

fn page(status: u16, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Emails</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\"><link rel=\"stylesheet\" href=\"{STYLE}\"></head>\
         <body class=\"open\"><main>{body}</main></body></html>"
    );
    let mut response = Response::text("text/html; charset=utf-8", html);
    response.status = status;
    response.headers.extend([
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'".to_owned(),
        ),
        // The URL holds the proof.
        ("referrer-policy", "no-referrer".to_owned()),
    ]);
    response
}
