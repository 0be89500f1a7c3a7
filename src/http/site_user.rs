//! Who is signed in at the EmDash site, for calls that its pages make in the user's name.

use crate::codec::identity::session::{ROLE_SUBSCRIBER, SiteUser};
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::Request;
use crate::service::error::{AppError, ErrorKind};

/// The signed-in user, or the refusal.
pub async fn require<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<SiteUser, AppError> {
    if !is_same_site(request) {
        let detail = "call this with a session cookie, from a page of the same origin";
        return Err(AppError::new(ErrorKind::Forbidden, "cross_origin", detail));
    }
    let sign_in = || {
        let detail = "sign in first: /_emdash/admin/login?redirect=/";
        AppError::new(ErrorKind::Unauthorized, "not_signed_in", detail)
    };
    let cookie = app.site_cookie(request).ok_or_else(sign_in)?;
    if !app.site.has_site() {
        let detail = "no EmDash site is configured: bind EMDASH or set ORIGIN_URL";
        return Err(AppError::new(ErrorKind::Transient, "not_configured", detail));
    }
    let user = app.site.session(&cookie).await.map_err(|why| {
        let detail = "the site can't confirm who is signed in right now; try again in a moment";
        AppError::new(ErrorKind::Transient, "session_unavailable", detail).cause(why)
    })?;
    let user = user.ok_or_else(sign_in)?;
    if user.role < ROLE_SUBSCRIBER {
        return Err(AppError::new(ErrorKind::Forbidden, "role_too_low", "users with this role can't refer others"));
    }
    Ok(user)
}

/// Browsers say where a POST comes from. Another site's page must not act in the user's name.
fn is_same_site(request: &Request) -> bool {
    let by_fetch = request.header("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let by_origin = request.header("origin").is_none_or(|origin| origin == request.origin);
    by_fetch && by_origin
}
