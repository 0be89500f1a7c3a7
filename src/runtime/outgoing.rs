//! Requests to other services with the runtime's `fetch`, each with its time limit.

use crate::codec::outgoing::{ANSWER_BYTES_MAX, IncomingResponse, OutgoingRequest, RequestFailed};
use crate::runtime::time_limit::within;
use std::time::Duration;
use worker::{Fetch, Headers, Method, Request, RequestInit};

pub async fn send(request: OutgoingRequest) -> Result<IncomingResponse, RequestFailed> {
    let limit = Duration::from_millis(u64::from(request.limit_ms));
    let answer = within(limit, ask(request)).await.ok_or_else(|| RequestFailed("it took too long".to_owned()))?;
    answer.map_err(|why| RequestFailed(why.to_string()))
}

async fn ask(request: OutgoingRequest) -> worker::Result<IncomingResponse> {
    let headers = Headers::new();
    for (name, value) in &request.headers {
        headers.set(name, value)?;
    }
    let mut init = RequestInit::new();
    init.with_method(Method::from(request.method.to_owned())).with_headers(headers);
    init.redirect = worker::RequestRedirect::Manual;
    if !request.body.is_empty() {
        init.with_body(Some(js_sys::Uint8Array::from(request.body.as_slice()).into()));
    }
    let mut response = Fetch::Request(Request::new_with_init(&request.url, &init)?).send().await?;
    let headers = response.headers().entries().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    let mut body = response.bytes().await?;
    // One byte more than is read shows that there was more.
    body.truncate(ANSWER_BYTES_MAX + 1);
    Ok(IncomingResponse { status: response.status_code(), headers, body })
}
