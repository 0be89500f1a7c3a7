//! The script of the site in the site's pages: `INJECT_SCRIPT`.

use crate::http::assets;
use crate::http::config::Config;
use crate::http::site_page;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Response, Result, web_sys};

#[wasm_bindgen(module = "/src/runtime/site_script.js")]
extern "C" {
    fn with_tag(response: &web_sys::Response, tag: &str) -> web_sys::Response;
}

/// The site's response with the script, if it is a page that gets it.
pub fn put(config: &Config, method: &str, path: &str, response: Response) -> Result<Response> {
    let headers = response.headers();
    let header = |name: &str| headers.get(name).ok().flatten().unwrap_or_default();
    let gets_it = config.injects_script && site_page::gets_script(method, path, response.status_code(), header);
    if !gets_it {
        return Ok(response);
    }
    let passed: web_sys::Response = response.into();
    Ok(with_tag(passed.unchecked_ref(), &assets::site_script_tag()).into())
}
