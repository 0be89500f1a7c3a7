//! The touch that a page reports: a pixel or beacon with a code does for its visitor what the redirect does, if the
//! page was reached without it (an email's link to a page outside the Worker's routes).
//!
//! Only for pages of this origin whose own URL contains the code, both according to the browser. Accepting codes from
//! an image in a comment or from another site's page would allow cookie stuffing.

use crate::base::id::ID_BYTES;
use crate::base::ids::LinkCode;
use crate::codec::attribution::cookie::{CookieKeys, SignedCookie};
use crate::engine::link::LinkRecord;
use crate::engine::link::visit::RequestSignals;
use crate::http::attribution::signals::{PURPOSES, fingerprint_parts};
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::{Address, Request};
use crate::http::fetch_metadata::is_same_origin;
use crate::http::link::redirect;
use crate::http::link::redirect::RedirectInput;
use crate::http::link::reflink;
use crate::http::link::reflink::{CodeCandidate, RefLink};
use crate::store::link::links_resolve;
use crate::store::port::DbError;
use std::rc::Rc;

/// The ref link in the URL of the requesting page, if the page has this origin.
fn page_of(request: &Request) -> Option<RefLink<'_>> {
    let page = request.header("referer").filter(|page| Address::of(page).origin == request.origin)?;
    reflink::find(page).filter(|found| !found.is_short)
}

/// Creates the visitor's cookie with a touch of `code`, as a Set-Cookie header, and counts the click. `None`: the page
/// is not ours, the code is not live, or `held` already has it for this hour.
pub async fn touch<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    keys: &CookieKeys,
    held: Option<&SignedCookie>,
    code: &LinkCode,
) -> Result<Option<String>, DbError> {
    let Some(mut found) = page_of(request) else { return Ok(None) };
    let same = |candidate: &CodeCandidate<'_>| candidate.code.eq_ignore_ascii_case(code);
    let Some(chosen) = found.candidates.iter().position(same) else { return Ok(None) };
    found.chosen = chosen;
    if !is_same_origin(request) {
        return Ok(None);
    }
    count(app, request, keys, held, &found).await
}

/// The same for a link that the page names. The caller has checked where the request comes from.
pub async fn count<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    keys: &CookieKeys,
    held: Option<&SignedCookie>,
    found: &RefLink<'_>,
) -> Result<Option<String>, DbError> {
    let Some(candidate) = found.candidates.get(found.chosen) else { return Ok(None) };
    let code = &LinkCode::from(&*candidate.code);
    let latest = held.and_then(|signed| signed.touchpoints.touches.iter().max_by_key(|t| t.at));
    let known = latest.is_some_and(|t| {
        t.code.eq_ignore_ascii_case(code)
            && held.is_some_and(|signed| signed.touchpoints.touch_in_hour(&t.code, app.now).is_some())
    });
    if known {
        return Ok(None);
    }
    let context = app.context("");
    let links = context.read(links_resolve(&found.codes()[..=found.chosen], app.now)).await?;
    let live = |candidate: &CodeCandidate<'_>| {
        let is_its = |link: &&LinkRecord| {
            link.code.eq_ignore_ascii_case(&candidate.code) && redirect::counts(candidate, link, app.now)
        };
        links.iter().find(is_its)
    };
    // Of several live codes the first counts.
    if found.candidates[..found.chosen].iter().any(|earlier| live(earlier).is_some()) {
        return Ok(None);
    }
    let Some(link) = live(candidate).cloned() else { return Ok(None) };
    let source = fingerprint_parts(request);
    let parts = RedirectInput {
        signals: RequestSignals {
            method: "GET",
            user_agent: request.header("user-agent"),
            purposes: PURPOSES.map(|name| request.header(name)),
            fetch_mode: None,
            fetch_dest: None,
        },
        cookie: request.header("cookie"),
        private: source.is_none(),
        ip: source.map_or("", |(ip, _)| ip),
        country: request.header("cf-ipcountry"),
        referrer: None,
        is_plain: false,
        is_mended: false,
    };
    let mut random = || {
        let mut bytes = [0; ID_BYTES];
        app.site.random(&mut bytes);
        bytes
    };
    let (set_cookie, counted) = redirect::touch(found, &Rc::new(link), &parts, keys, app.now, &mut random);
    if let Some(counted) = counted {
        app.site.count_click(counted);
    }
    Ok(Some(set_cookie))
}
