//! Bodies and responses between the runtime and our types.

use crate::http::exchange;
use futures_util::StreamExt;
use wasm_bindgen::{JsCast, JsValue};
use worker::{ByteStream, Headers, Response, Result, web_sys};

/// Reads a body. Of one that is too long, only one byte beyond the limit is read.
pub async fn read(stream: Result<ByteStream>, bytes_max: usize) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    let Ok(mut chunks) = stream else { return Ok(body) };
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk?);
        if body.len() > bytes_max {
            body.truncate(bytes_max + 1);
            break;
        }
    }
    Ok(body)
}

/// Converts a response of ours.
pub fn build(response: exchange::Response) -> Result<web_sys::Response> {
    let headers = Headers::new();
    for (name, value) in &response.headers {
        // A page may set two cookies.
        if *name == "set-cookie" { headers.append(name, value) } else { headers.set(name, value) }?;
    }
    // A status without a body allows none, not even an empty one.
    let built = if response.body.is_empty() { Response::empty()? } else { Response::from_bytes(response.body)? };
    Ok(built.with_status(response.status).with_headers(headers).into())
}

/// A response of the site's, with one more cookie.
pub fn with_cookie(response: &web_sys::Response, cookie: &str) -> Result<web_sys::Response> {
    // A Response has every member of a ResponseInit.
    let init: &JsValue = response;
    let own = web_sys::Response::new_with_opt_readable_stream_and_init(response.body().as_ref(), init.unchecked_ref())?;
    own.headers().append("set-cookie", cookie)?;
    Ok(own)
}
