//! Signing out at the EmDash site, which ends the session here with it.

use crate::codec::cookie_header;
use crate::http::auth::hex_sha256;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::Request;
use crate::pages::admission::DROPPED_COOKIE;
use crate::pages::context::SESSION_COOKIE;
use crate::service::error::AppError;
use crate::store::identity::session::session_end_by_token;

/// The Set-Cookie that takes our session's cookie from a browser, if the browser sent one.
pub fn dropped(request: &Request) -> Option<&'static str> {
    token(request).map(|_| DROPPED_COOKIE)
}

/// Ends the session.
pub async fn end<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<(), AppError> {
    let Some(token) = token(request) else { return Ok(()) };
    let ended = session_end_by_token(&hex_sha256(token.as_bytes()), app.now);
    app.context("").batch(vec![ended]).await?;
    Ok(())
}

fn token(request: &Request) -> Option<&str> {
    let value = cookie_header::only(request.header("cookie")?, SESSION_COOKIE)?;
    value.split('.').next().filter(|token| !token.is_empty())
}
