//! Passing a request on to the site behind the Worker.

use crate::codec::outgoing::OutgoingRequest;
use crate::http::exchange;
use crate::http::exchange::{Address, PASSED};
use crate::pages::context::cookies_for_site;
use crate::runtime::outgoing;
use std::cell::Cell;
use wasm_bindgen::{JsCast, JsValue};
use worker::{Error, Fetch, Request, Response, Result};

/// How long the site may take to show whether it is this Worker.
const PROBE_LIMIT_MS: u32 = 3_000;
/// How long its answer is cached.
const PROBE_MS: f64 = 60_000.0;

thread_local! {
    /// Whether the site is this Worker, and until when (milliseconds since 1970) that is cached.
    static KNOWN: Cell<Option<(f64, bool)>> = const { Cell::new(None) };
}

/// The site's response to this request: same path, query, headers and body, at the origin of `site`. Redirects are
/// returned to the visitor. Cookies of our own sessions are not passed on.
pub async fn pass(request: Request, site: &str) -> Result<Response> {
    let address = exchange::moved(&request.inner().url(), site)
        .ok_or_else(|| Error::RustError("SITE_URL is not an address to pass requests on to".to_owned()))?;
    let request: &JsValue = request.inner();
    // A Request has every member of a RequestInit.
    let moved = worker::web_sys::Request::new_with_str_and_init(&address, request.unchecked_ref())?;
    let headers = moved.headers();
    headers.set(PASSED, "1")?;
    if let Some(cookies) = headers.get("cookie")?.as_deref().and_then(cookies_for_site) {
        if cookies.is_empty() { headers.delete("cookie") } else { headers.set("cookie", &cookies) }?;
    }
    Fetch::Request(moved.into()).send().await
}

/// Whether a request to the origin of `site` arrives at this Worker. Silence is a no: the site may be slow.
pub async fn leads_back(site: &str) -> bool {
    let now = js_sys::Date::now();
    if let Some((_, answer)) = KNOWN.get().filter(|(until, _)| *until > now) {
        return answer;
    }
    let request = OutgoingRequest {
        method: "GET",
        url: format!("{}/healthz", Address::of(site).origin),
        headers: vec![(PASSED, "1".to_owned())],
        body: Vec::new(),
        limit_ms: PROBE_LIMIT_MS,
    };
    let answer = outgoing::send(request).await;
    let is_ours = answer.is_ok_and(|answer| answer.headers.iter().any(|(name, _)| name == PASSED));
    KNOWN.set(Some((now + PROBE_MS, is_ours)));
    is_ours
}
