//! Passing a request on to the site behind the Worker.

use crate::http::message;
use wasm_bindgen::{JsCast, JsValue};
use worker::{Error, Fetch, Request, Response, Result};

/// The site's answer to this request: same path, query, headers and body, at the origin of `site`. Redirects are
/// handed to the visitor.
pub async fn pass(request: Request, site: &str) -> Result<Response> {
    let address = message::moved(&request.inner().url(), site)
        .ok_or_else(|| Error::RustError("SITE_URL is not an address to pass requests on to".to_owned()))?;
    let request: &JsValue = request.inner();
    // A Request has every member of a RequestInit.
    let moved = worker::web_sys::Request::new_with_str_and_init(&address, request.unchecked_ref())?;
    Fetch::Request(moved.into()).send().await
}
