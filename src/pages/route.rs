//! From a path to its page: which area answers, and what is shown if there is no page.

use crate::base::percent;
use crate::codec::Invalid;
use crate::codec::message::unsubscribe;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange;
use crate::http::exchange::{Request, Response, decode_segment};
use crate::http::fetch_metadata;
use crate::http::fetch_metadata::is_persons;
use crate::http::route::body_bytes_max;
use crate::pages::context::{NavigationEntry, PageContext, PageError, PageResult};
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::locale::{Formatter, language};
use crate::pages::table;
use crate::pages::table::Entry;
use crate::pages::text::shared::component;
use crate::pages::text::shared::error as text;
use crate::pages::{identity, message, operator, partner, visitor};
use crate::service::error::{AppError, ErrorKind};
use crate::service::report::kept::NOT_READY;
use maud::html;

/// The first path segments of our pages.
pub const AREAS: &[&str] = &["sign-in", "sign-out", "partner", "operator"];

/// Whether a path is a page's, or where pages are.
pub fn is_ours(path: &str) -> bool {
    path == unsubscribe::PATH || path.split('/').nth(1).is_some_and(|area| AREAS.contains(&area))
}

/// Answers a page, or `None` if the path is not one of ours.
pub async fn answer<S: Formatter>(app: &RequestContext<'_, S>, request: &Request) -> Option<Response> {
    if let Some(response) = message::unsubscribe::answer(app, request).await {
        return Some(response);
    }
    if let Some(response) = identity::way_back::answer(app, request).await {
        return Some(response);
    }
    let path = request.path.trim_matches('/');
    let area = path.split('/').next().filter(|area| AREAS.contains(area))?;
    let header = |name: &str| request.header(name).unwrap_or("");
    if !is_persons(
        request,
        if is_picture(path) { fetch_metadata::Resource::Picture } else { fetch_metadata::Resource::Page },
    ) {
        let detail = text::NOT_A_VISIT;
        return Some(Response::problem(&AppError::new(ErrorKind::Forbidden, "not_a_visit", detail)));
    }
    let locale = app.site.locale(language(header("accept-language")));
    let mut cx = PageContext::of(app, request, locale);
    cx.navigation = navigation::<S>(area);
    // A path that cannot be decoded has no page.
    let segments: Option<Vec<String>> = path.split('/').map(decode_segment).collect();
    let parts: Vec<&str> = segments.iter().flatten().map(String::as_str).collect();
    let shown = match guard(&cx) {
        Ok(method) => found(&cx, method, &parts).await,
        Err(error) => Err(error.into()),
    };
    let mut response = shown.unwrap_or_else(|stop| stopped(&cx, stop, area));
    cx.finish(&mut response);
    if request.method == "HEAD" {
        response.body.clear();
    }
    Some(response)
}

/// Whether the path is an image that pages show.
fn is_picture(path: &str) -> bool {
    path.ends_with("/qr.svg") || path.ends_with("/qr.png")
}

/// A page's name in the log: its path's first two segments. The rest may be a secret or personal data.
pub fn name(request: &Request) -> String {
    request.path.split('/').skip(1).take(2).collect::<Vec<_>>().join("/")
}

async fn found<S: Platform>(cx: &PageContext<'_, S>, method: &str, parts: &[&str]) -> PageResult {
    let page = table::answer(visitor::pages(), cx, method, parts)
        .or_else(|| table::answer(partner::person_pages(), cx, method, parts))
        .or_else(|| table::answer(partner::pages(), cx, method, parts))
        .or_else(|| table::answer(operator::pages(), cx, method, parts));
    match page {
        Some(page) => page.await,
        None => Err(AppError::not_found("page").into()),
    }
}

fn navigation<S: Platform>(area: &str) -> Vec<NavigationEntry> {
    match area {
        "operator" => table::navigation::<S, _>(&operator::pages()),
        "partner" => table::navigation::<S, _>(&partner::pages()),
        _ => Vec::new(),
    }
}

/// Whose page it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewers {
    Anybody,
    /// Anybody who is signed in.
    Persons,
    Partners,
    Operators,
}

/// Every page of the tables, with whose it is.
pub fn all<S: Platform>() -> Vec<(Viewers, Entry)> {
    let of = |whose: Viewers, entries: Vec<Entry>| entries.into_iter().map(move |entry| (whose, entry));
    of(Viewers::Anybody, table::entries::<S, _>(&visitor::pages()))
        .chain(of(Viewers::Persons, table::entries::<S, _>(&partner::person_pages())))
        .chain(of(Viewers::Partners, table::entries::<S, _>(&partner::pages())))
        .chain(of(Viewers::Operators, table::entries::<S, _>(&operator::pages())))
        .collect()
}

/// The method to handle the request as. A form is accepted only if it is one of ours.
fn guard<'a, S: Platform>(cx: &PageContext<'a, S>) -> Result<&'a str, AppError> {
    let request = cx.request;
    let bytes_max = body_bytes_max(&request.path);
    if request.body.len() > bytes_max {
        let detail = text::form_too_large(bytes_max);
        return Err(Invalid { field: String::new(), code: "body_too_large", detail }.into());
    }
    match request.method.as_str() {
        "GET" | "HEAD" => Ok("GET"),
        "POST" => cx.check_form().map(|()| "POST"),
        _ => Err(AppError::new(ErrorKind::MethodNotAllowed, "method_not_allowed", text::OTHER_METHOD)),
    }
}

/// The response if there is no page to show.
fn stopped<S: Platform>(cx: &PageContext<'_, S>, stop: PageError, area: &str) -> Response {
    match stop {
        PageError::SignIn => {
            let query = if cx.request.query.is_empty() { String::new() } else { format!("?{}", cx.request.query) };
            let to = match cx.request.method.as_str() {
                // The form's answers are lost, so go to the area's first page.
                "POST" => format!("/{area}"),
                _ => format!("{}{query}", cx.request.path),
            };
            cx.redirect_after_post(&format!("/sign-in?to={}", percent::escaped(&to)))
        }
        PageError::ChoosePartner => cx.redirect_after_post("/partner/programs"),
        PageError::Error(error) => refused(cx, &error, area),
    }
}

fn refused<S: Platform>(cx: &PageContext<'_, S>, error: &AppError, area: &str) -> Response {
    let (title, text) = match error.kind {
        ErrorKind::NotFound => (text::NOT_FOUND, text::NOT_FOUND_WHY),
        ErrorKind::Fault => (text::FAULT, text::FAULT_WHY),
        ErrorKind::Transient if error.code == NOT_READY => (text::NOT_READY, text::NOT_READY_WHY),
        ErrorKind::Transient => (text::TRANSIENT, text::TRANSIENT_WHY),
        ErrorKind::Forbidden => (text::FORBIDDEN, error.detail.as_str()),
        _ => (text::PROBLEM, error.detail.as_str()),
    };
    let home = format!("/{area}");
    let content = html! {
        div.message {
            h1 { (title) }
            p { (text) }
            p { a.button href=(home) { (component::BACK) } }
        }
    };
    let page = Page { title, area: Area::Open, here: "", content };
    let mut response = layout::show(cx, exchange::status_of(error.kind), page);
    response.headers.extend(exchange::retry_after(error.kind));
    if error.kind == ErrorKind::MethodNotAllowed {
        response.headers.push(("allow", "GET, HEAD, POST".to_owned()));
    }
    response.fault = Some(error.logged());
    response
}
