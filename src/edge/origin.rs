//! Passing a request on to the site behind the Worker.

use wasm_bindgen::{JsCast, JsValue};
use worker::{Fetch, Request, Response, Result, Url};

/// The site's answer to this request: same path, query, headers and body, at the origin of `site`. Redirects are
/// handed to the visitor.
pub async fn pass(request: Request, site: &str) -> Result<Response> {
    let mut url = request.url()?;
    let origin = Url::parse(site)?;
    let refused = |()| worker::Error::RustError("SITE_URL is not an address to pass requests on to".to_owned());
    url.set_scheme(origin.scheme()).map_err(refused)?;
    url.set_host(origin.host_str())?;
    url.set_port(origin.port()).map_err(refused)?;
    let request: &JsValue = request.inner();
    // A Request has every member of a RequestInit.
    let moved = worker::web_sys::Request::new_with_str_and_init(url.as_str(), request.unchecked_ref())?;
    Fetch::Request(moved.into()).send().await
}
