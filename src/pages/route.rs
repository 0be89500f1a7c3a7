//! From a path to its page: which area answers, and what is shown where a page is not.

use crate::codec::{BODY_BYTES_MAX, Invalid};
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange;
use crate::http::exchange::{Request, Response, decode_segment};
use crate::http::fetch_metadata;
use crate::http::fetch_metadata::is_persons;
use crate::pages::form::SubmittedForm;
use crate::pages::identity::sign_in;
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::locale::{Formatter, language};
use crate::pages::visit::{PageContext, PageError, PageResult};
use crate::pages::{operator, partner};
use crate::service::error::{AppError, ErrorKind};
use maud::html;
use std::pin::Pin;

/// First segments of the paths that are pages.
pub const AREAS: &[&str] = &["sign-in", "sign-out", "partner", "operator"];

/// Where the runtime says in which time zone the visitor is, as far as it knows.
pub const ZONE_HEADER: &str = "manicule-zone";

/// A page at work. Boxed: one future that held every page's would be as large as all of them.
pub type Handled<'a> = Pin<Box<dyn Future<Output = PageResult> + 'a>>;

/// Answers a page, or `None` where the path is none of ours.
pub async fn answer<S: Formatter>(app: &RequestContext<'_, S>, request: &Request) -> Option<Response> {
    let path = request.path.trim_matches('/');
    let area = path.split('/').next().filter(|area| AREAS.contains(area))?;
    let header = |name: &str| request.header(name).unwrap_or("");
    if !is_persons(
        request,
        if is_picture(path) { fetch_metadata::Resource::Picture } else { fetch_metadata::Resource::Page },
    ) {
        let detail = "this page is opened by a person, not by a script or inside of another page";
        return Some(Response::problem(&AppError::new(ErrorKind::Forbidden, "not_a_visit", detail)));
    }
    let words = app.site.words(language(header("accept-language")), header(ZONE_HEADER));
    let visit = PageContext::of(app, request, words);
    // What cannot be read names no page.
    let segments: Option<Vec<String>> = path.split('/').map(decode_segment).collect();
    let parts: Vec<&str> = segments.iter().flatten().map(String::as_str).collect();
    let shown = match guard(&visit) {
        Ok(method) => found(&visit, method, &parts).await,
        Err(error) => Err(error.into()),
    };
    let mut response = shown.unwrap_or_else(|stop| stopped(&visit, stop, area));
    visit.finish(&mut response);
    if request.method == "HEAD" {
        response.body.clear();
    }
    Some(response)
}

/// Whether the path is a picture that pages show.
fn is_picture(path: &str) -> bool {
    path.ends_with("/qr.svg") || path.ends_with("/qr.png")
}

/// What a page is called in the log: its path's first two segments. What follows may be a secret, or name somebody.
pub fn name(request: &Request) -> String {
    request.path.split('/').skip(1).take(2).collect::<Vec<_>>().join("/")
}

async fn found<S: Platform>(visit: &PageContext<'_, S>, method: &str, parts: &[&str]) -> PageResult {
    let page = match parts.first() {
        Some(&"partner") => partner::page(visit, method, parts),
        Some(&"operator") => operator::page(visit, method, parts),
        _ => sign_in::page(visit, method, parts),
    };
    match page {
        Some(page) => page.await,
        None => Err(AppError::not_found("page").into()),
    }
}

/// The method that the request counts as; a form is let in only when it is one of ours.
fn guard<'a, S: Platform>(visit: &PageContext<'a, S>) -> Result<&'a str, AppError> {
    let request = visit.request;
    if request.body.len() > BODY_BYTES_MAX {
        let detail = format!("at most {BODY_BYTES_MAX} bytes are read; send less");
        return Err(Invalid { field: String::new(), code: "body_too_large", detail }.into());
    }
    match request.method.as_str() {
        "GET" | "HEAD" => Ok("GET"),
        "POST" => visit.check_form().map(|()| "POST"),
        _ => Err(AppError::new(ErrorKind::MethodNotAllowed, "method_not_allowed", "use GET or POST")),
    }
}

/// What is shown instead of a page.
fn stopped<S: Platform>(visit: &PageContext<'_, S>, stop: PageError, area: &str) -> Response {
    match stop {
        PageError::SignIn => {
            let query =
                if visit.request.query.is_empty() { String::new() } else { format!("?{}", visit.request.query) };
            let to = match visit.request.method.as_str() {
                // What a form had sent is gone; the page that it stood on is not.
                "POST" => format!("/{area}"),
                _ => format!("{}{query}", visit.request.path),
            };
            visit.see(&format!("/sign-in?to={}", crate::pages::components::escaped(&to)))
        }
        PageError::ChoosePartner => visit.see("/partner/programs"),
        PageError::Error(error) => refused(visit, &error, area),
    }
}

fn refused<S: Platform>(visit: &PageContext<'_, S>, error: &AppError, area: &str) -> Response {
    let (title, text) = match error.kind {
        ErrorKind::NotFound => ("Not found", "There is no such page, or it is not yours to see."),
        ErrorKind::Fault => ("Something broke", "It is our fault, and it was logged. Nothing that was booked is lost."),
        ErrorKind::Transient => {
            ("Try again in a moment", "Somebody else was writing the same, or a service did not answer in time.")
        }
        ErrorKind::Forbidden => ("Not sent", error.detail.as_str()),
        _ => ("That does not work", error.detail.as_str()),
    };
    let home = format!("/{area}");
    let content = html! {
        div.message {
            h1 { (title) }
            p { (text) }
            p { a.button href=(home) { "Back" } }
        }
    };
    let page = Page { title, area: Area::Open, here: "", content };
    let mut response = layout::show(visit, exchange::status_of(error.kind), page);
    response.headers.extend(exchange::retry_after(error.kind));
    if error.kind == ErrorKind::MethodNotAllowed {
        response.headers.push(("allow", "GET, HEAD, POST".to_owned()));
    }
    response.fault = Some(error.logged());
    response
}

/// A form with what a use has refused: the page is shown again with it.
pub fn with_refusal<S: Platform>(visit: &PageContext<'_, S>, error: AppError) -> Result<SubmittedForm, PageError> {
    match error.kind {
        ErrorKind::BadRequest | ErrorKind::Unprocessable | ErrorKind::Conflict | ErrorKind::TooLarge => {
            let mut form = visit.form.clone();
            form.refused(&error);
            Ok(form)
        }
        _ => Err(error.into()),
    }
}
