//! Passing a request on to the site behind the Worker.

use crate::http::exchange;
use crate::pages::context::cookies_for_site;
use wasm_bindgen::{JsCast, JsValue};
use worker::{Error, Fetch, Request, Response, Result};

/// The site's response to this request: same path, query, headers and body, at the origin of `site`. Redirects are
/// returned to the visitor. Cookies of our own sessions are not passed on.
pub async fn pass(request: Request, site: &str) -> Result<Response> {
    let address = exchange::moved(&request.inner().url(), site)
        .ok_or_else(|| Error::RustError("SITE_URL is not an address to pass requests on to".to_owned()))?;
    let request: &JsValue = request.inner();
    // A Request has every member of a RequestInit.
    let moved = worker::web_sys::Request::new_with_str_and_init(&address, request.unchecked_ref())?;
    let headers = moved.headers();
    if let Some(cookies) = headers.get("cookie")?.as_deref().and_then(cookies_for_site) {
        if cookies.is_empty() { headers.delete("cookie") } else { headers.set("cookie", &cookies) }?;
    }
    Fetch::Request(moved.into()).send().await
}
