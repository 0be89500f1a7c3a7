//! The site behind the Worker: where it answers, and passing a request on to it.

use crate::codec::outgoing::OutgoingRequest;
use crate::http::config::Config;
use crate::http::exchange;
use crate::http::exchange::{Address, PASSED};
use crate::pages::context::cookies_for_site;
use crate::runtime::outgoing;
use std::cell::Cell;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use worker::{Env, Error, Result, web_sys};

/// How long the site may take to show whether it is this Worker.
const PROBE_LIMIT_MS: u32 = 3_000;
/// How long its answer is cached.
const PROBE_MS: f64 = 60_000.0;
/// The binding of a site that is a Worker itself.
pub const SERVICE: &str = "EMDASH";

thread_local! {
    /// Whether the site is this Worker, and until when (milliseconds since 1970) that is cached.
    static KNOWN: Cell<Option<(f64, bool)>> = const { Cell::new(None) };
}

#[wasm_bindgen(module = "/src/runtime/passing.js")]
extern "C" {
    /// Returns the runtime's own answer, which the worker crate's types would build anew.
    #[wasm_bindgen(catch)]
    fn passed_on(
        request: &web_sys::Request,
        address: &str,
        service: &JsValue,
        cookies: Option<&str>,
    ) -> std::result::Result<js_sys::Promise, JsValue>;
}

/// Where the site is reached.
pub enum Origin {
    /// By a service binding, which routes by itself: the address stays the visitor's.
    Service(worker::Fetcher),
    At(String),
}

impl Origin {
    /// `None`: there is no site, or none that requests may be passed on to.
    pub fn of(env: &Env, config: &Config) -> Option<Origin> {
        match env.service(SERVICE) {
            Ok(service) => Some(Origin::Service(service)),
            Err(_) => Some(config.origin()).filter(|at| !at.is_empty()).map(|at| Origin::At(at.to_owned())),
        }
    }

    /// The site's answer to this request, as it is: same path, query, headers and body. Redirects are returned to the
    /// visitor. Cookies of our own sessions are not passed on.
    pub async fn pass(self, request: &web_sys::Request) -> Result<web_sys::Response> {
        let url = request.url();
        let address = match &self {
            Origin::Service(_) => url,
            Origin::At(site) => exchange::moved(&url, site)
                .ok_or_else(|| Error::RustError("the site's address is none to pass requests on to".to_owned()))?,
        };
        let cookies = request.headers().get("cookie")?.as_deref().and_then(cookies_for_site);
        let service = match self {
            Origin::Service(service) => service.into_rpc::<JsValue>(),
            Origin::At(_) => JsValue::UNDEFINED,
        };
        let promise = passed_on(request, &address, &service, cookies.as_deref())?;
        Ok(JsFuture::from(promise).await?.unchecked_into())
    }
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
