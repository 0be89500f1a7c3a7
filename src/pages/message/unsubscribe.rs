//! The page behind an email's unsubscribe link. No sign-in: the link is the proof.
//!
//! GET changes nothing and asks for confirmation, because email scanners follow links. POST unsubscribes, from the
//! page's button or from the email app itself (RFC 8058). An email app sends neither a session nor our form's token, so
//! the page has neither, and no script.
//!
//! It is in no table of pages for the same reason: their router accepts no form without our token. Here the link's MAC is
//! checked instead.

use crate::codec::message::email::words;
use crate::codec::message::unsubscribe::PATH;
use crate::codec::{BODY_BYTES_MAX, Invalid};
use crate::engine::message::MessageType;
use crate::http::assets::STYLE;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::{Request, Response};
use crate::http::fetch_metadata::{Resource, is_persons};
use crate::pages::text::visitor::unsubscribe as text;
use crate::service::error::{AppError, ErrorKind};
use crate::service::message::unsubscribe as service;
use crate::service::message::unsubscribe::UnsubscribeLink;
use maud::{DOCTYPE, Markup, html};

const CSP: &str = "default-src 'none'; style-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Answers the page, or `None` if the path is another.
pub async fn answer<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Option<Response> {
    if request.path != PATH {
        return None;
    }
    let mut response = match request.method.as_str() {
        "GET" | "HEAD" => ask(app, request),
        "POST" => stop(app, request).await.unwrap_or_else(|error| Response::problem(&error)),
        _ => return Some(other_method()),
    };
    if request.method == "HEAD" {
        response.body.clear();
    }
    Some(response)
}

/// Asks for confirmation.
fn ask<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Response {
    let link = link(request);
    let Some(kind) = kind(app, request, &link) else { return unknown() };
    let action = format!("{PATH}?type={}&to={}&mac={}", kind.name(), link.address_sha256, link.mac);
    let content = html! {
        h1 { (text::UNSUBSCRIBE) }
        p { (text::question(words::when(kind))) }
        form method="post" action=(action) { button { (text::UNSUBSCRIBE) } }
    };
    page(200, content)
}

/// Unsubscribes; safe to repeat. The body is ignored.
async fn stop<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<Response, AppError> {
    if request.body.len() > BODY_BYTES_MAX {
        let detail = format!("the body must not exceed {BODY_BYTES_MAX} bytes");
        return Err(Invalid { field: String::new(), code: "body_too_large", detail }.into());
    }
    let link = link(request);
    let Some(kind) = kind(app, request, &link) else { return Ok(unknown()) };
    service::stop(&app.context(""), &link, kind).await?;
    Ok(page(200, html! { h1 { (text::UNSUBSCRIBED) } p { (text::done(words::when(kind))) } }))
}

/// The type of email that the link stops, if a person opened it and it is one of ours.
fn kind<S: Platform>(app: &RequestContext<'_, S>, request: &Request, link: &UnsubscribeLink) -> Option<MessageType> {
    if is_persons(request, Resource::Page) { service::kind(&app.context(""), link) } else { None }
}

fn link(request: &Request) -> UnsubscribeLink {
    let param = |name: &str| request.param(name).unwrap_or_default();
    UnsubscribeLink { kind: param("type"), address_sha256: param("to"), mac: param("mac") }
}

fn unknown() -> Response {
    page(404, html! { h1 { (text::INVALID) } p { (text::INVALID_WHY) } })
}

fn other_method() -> Response {
    let error = AppError::new(ErrorKind::MethodNotAllowed, "method_not_allowed", "use GET or POST");
    let mut response = Response::problem(&error);
    response.headers.push(("allow", "GET, POST".to_owned()));
    response
}

fn page(status: u16, content: Markup) -> Response {
    let body = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (text::TITLE) }
                meta name="viewport" content="width=device-width";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                link rel="stylesheet" href=(STYLE);
            }
            body class="open" { main { (content) } }
        }
    };
    let mut response = Response::text("text/html; charset=utf-8", body.into_string());
    response.status = status;
    response.headers.push(("content-security-policy", CSP.to_owned()));
    // The URL holds the proof.
    response.headers.push(("referrer-policy", "no-referrer".to_owned()));
    response
}
