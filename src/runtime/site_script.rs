//! The script of the site in the site's pages: `INJECT_SCRIPT`.

use crate::http::assets;
use crate::http::config::Config;
use crate::http::exchange::Address;
use crate::http::site_page;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::web_sys;

#[wasm_bindgen(module = "/src/runtime/site_script.js")]
extern "C" {
    fn with_tag(response: &web_sys::Response, tag: &str) -> web_sys::Response;
}

/// The site's response with the script, if it is a page that gets it.
pub fn put(config: &Config, request: &web_sys::Request, response: web_sys::Response) -> web_sys::Response {
    let (headers, url) = (response.headers(), request.url());
    let header = |name: &str| headers.get(name).ok().flatten().unwrap_or_default();
    let path = Address::of(&url).path;
    if config.injects_script && site_page::gets_script(&request.method(), path, response.status(), header) {
        with_tag(&response, &assets::site_script_tag())
    } else {
        response
    }
}
