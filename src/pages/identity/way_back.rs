//! The way back after signing in at the site. EmDash leads back where its sign-in page was asked to, but for its mailed
//! links: who follows one lands at its administration. So a cookie keeps for a quarter of an hour where the person came
//! from, and the first page of that administration that the person opens signed in leads there, once.

use crate::base::percent::escaped;
use crate::codec::cookie_header;
use crate::codec::identity::session::ROLE_SUBSCRIBER;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::{Request, Response, decode_segment};
use crate::pages::admission::local;
use crate::pages::context::{PageContext, RETURN_COOKIE};

/// Where EmDash leads after signing in.
pub const ADMIN: &str = "/_emdash/admin";
const SECONDS: u32 = 900;

/// On to the site's sign-in page, which is asked to lead to `to`.
pub fn to_site<S: Platform>(cx: &PageContext<'_, S>, to: &str) -> Response {
    let back = format!("/sign-in?to={}", escaped(to));
    let mut response = cx.redirect_after_post(&format!("{ADMIN}/login?redirect={}", escaped(&back)));
    let to = if to.is_empty() { "/partner" } else { to };
    response.headers.push(("set-cookie", cookie(&escaped(to), SECONDS)));
    response
}

/// Whether a request may be the first after signing in. Costs next to nothing for any other.
pub fn is_due(method: &str, path: &str, cookies: Option<&str>) -> bool {
    method == "GET" && path.trim_end_matches('/') == ADMIN && cookies.and_then(kept).is_some()
}

/// The redirect to where the person came from. `None` if nobody is signed in yet, or nothing is kept.
pub async fn answer<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Option<Response> {
    let cookies = request.header("cookie");
    let is_navigation = request.header("sec-fetch-dest").is_none_or(|dest| dest == "document")
        && request.header("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    let looks = request.header("sec-purpose").is_none();
    if !is_due(&request.method, &request.path, cookies) || !is_navigation || !looks || !app.site.has_site() {
        return None;
    }
    let to = cookies.and_then(kept)?;
    let user = app.site.session(&app.site_cookie(request)?).await.ok().flatten()?;
    if user.role < ROLE_SUBSCRIBER {
        return None;
    }
    let headers = vec![
        ("location", format!("/sign-in?to={}", escaped(&to))),
        ("cache-control", "no-store".to_owned()),
        ("set-cookie", cookie("", 0)),
    ];
    Some(Response { status: 302, headers, body: Vec::new(), fault: None })
}

/// Forgets where the person came from: they are back.
pub fn forget(request: &Request, response: &mut Response) {
    if request.header("cookie").and_then(kept).is_some() {
        response.headers.push(("set-cookie", cookie("", 0)));
    }
}

fn cookie(value: &str, seconds: u32) -> String {
    format!("{RETURN_COOKIE}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax")
}

/// Where the person came from, if it is a page of ours.
fn kept(cookies: &str) -> Option<String> {
    let to = decode_segment(cookie_header::only(cookies, RETURN_COOKIE)?)?;
    local(&to).map(str::to_owned)
}
