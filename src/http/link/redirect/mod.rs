//! The redirect: the response to a request through a ref link, and what is recorded about it.
//!
//! In scope: `/r/{code}`, and `?ref=` / `?partner=` on any path. Not in scope: looking up the code, sending the
//! response, writing the click. A short link that is unknown, expired, disabled or malformed is a plain visit. A parameter
//! without a live code of a program that takes it is the site's own, and goes to the site as it is.

use crate::base::id;
use crate::base::id::ID_BYTES;
use crate::base::time::UtcMillis;
use crate::base::{domain, html};
use crate::codec::attribution::cookie;
use crate::codec::attribution::cookie::{CookieKeys, SignedCookie};
use crate::codec::cookie_header;
use crate::codec::web_address::WebAddress;
use crate::engine::attribution::kept::{PartnerMark, TouchTerms};
use crate::engine::attribution::touch::Touch;
use crate::engine::link::LinkRecord;
use crate::engine::link::click;
use crate::engine::link::click::{Address, Click, Visitor};
use crate::engine::link::visit::{RequestSignals, VisitKind, classify, is_embed};
use crate::http::consent;
use crate::http::link::reflink;
use crate::http::link::reflink::{CodeCandidate, RefLink};
use std::rc::Rc;

/// What the Referer of our redirect may contain: the origin, never the path with the code, and nothing from https to
/// http. It is the browsers' default, set explicitly so that no page of the site can loosen it.
pub const REFERRER_POLICY: &str = "strict-origin-when-cross-origin";

/// Longest UTM value that is recorded, in characters.
const UTM_MAX: usize = 64;

/// What happens to `?ref=` on a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefMode {
    /// The visitor is redirected to the same URL without the parameter.
    #[default]
    Redirect,
    /// The request goes on to the origin, and the cookie is added to its response.
    Pass,
}

/// What the Worker's configuration says about redirects.
#[derive(Debug)]
pub struct RedirectSettings {
    /// Without keys every visitor is redirected and nobody gets a cookie.
    pub keys: Option<CookieKeys>,
    pub mode: RefMode,
    /// The destination of links that have none, and the origin of paths. Empty: the Worker's own host.
    pub site: String,
    /// Nothing is stored about a visitor who does not send this cookie: the site sets it when they consent. Empty: no
    /// consent is required.
    pub consent_cookie: String,
}

/// A link together with its destination, which is the same for every click.
#[derive(Clone, Debug)]
pub struct ResolvedLink {
    pub link: Rc<LinkRecord>,
    pub location: String,
}

/// The visitor's request besides its URL.
#[derive(Clone, Copy, Debug, Default)]
pub struct RedirectInput<'a> {
    pub signals: RequestSignals<'a>,
    pub cookie: Option<&'a str>,
    /// `Sec-GPC: 1`: no fingerprint.
    pub private: bool,
    /// The visitor's address, from Cloudflare.
    pub ip: &'a str,
    pub country: Option<&'a str>,
    pub referrer: Option<&'a str>,
    /// Over plain http, and not on this machine: no cookie can be set.
    pub is_plain: bool,
    /// The URL is not the one that was asked for, but what it was meant to be (`reflink::mended`).
    pub is_mended: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RedirectDecision {
    pub go: Redirect,
    /// The Set-Cookie header.
    pub set_cookie: Option<String>,
    pub click: Option<Click>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirect {
    /// A 302 to this URL.
    To(String),
    /// On to the origin.
    Pass,
    /// 503: the browser asks again once somebody looks.
    NotYet,
    /// A 200 page for a program that follows redirects itself and opens where they end.
    Page(String),
}

impl RefMode {
    /// `pass`; everything else redirects, since that needs no origin.
    pub fn parse(text: &str) -> RefMode {
        if text.trim().eq_ignore_ascii_case("pass") { RefMode::Pass } else { RefMode::Redirect }
    }
}

impl ResolvedLink {
    pub fn new(link: LinkRecord, settings: &RedirectSettings) -> ResolvedLink {
        let location = reflink::destination(&link, &settings.site);
        ResolvedLink { link: Rc::new(link), location }
    }
}

/// Whether a code's link counts for this request.
pub fn counts(candidate: &CodeCandidate<'_>, link: &LinkRecord, now: UtcMillis) -> bool {
    link.live(now) && candidate.param.is_none_or(|param| link.accepts(param))
}

/// Whether the codes of this request are worth a look: a parameter of a page's files and fetches is the page's.
pub fn is_worth_a_look(found: &RefLink<'_>, signals: &RequestSignals<'_>) -> bool {
    found.is_short || !is_embed(signals)
}

/// Decides. `resolved` is the link of the chosen code, `None` if it is unknown or could not be looked up; `random` returns
/// fresh bytes for ids.
pub fn decide(
    found: &RefLink<'_>,
    resolved: Option<&ResolvedLink>,
    parts: &RedirectInput<'_>,
    settings: &RedirectSettings,
    now: UtcMillis,
    random: &mut impl FnMut() -> [u8; ID_BYTES],
) -> RedirectDecision {
    let candidate = found.candidates.get(found.chosen);
    let resolved = resolved.filter(|resolved| candidate.is_some_and(|code| counts(code, &resolved.link, now)));
    let mut decision = decided(found, resolved, parts, settings, now, random);
    // There is no page at the address that was asked for.
    if parts.is_mended && resolved.is_some() && decision.go == Redirect::Pass {
        decision.go = Redirect::To(found.itself());
    }
    decision
}

fn decided(
    found: &RefLink<'_>,
    resolved: Option<&ResolvedLink>,
    parts: &RedirectInput<'_>,
    settings: &RedirectSettings,
    now: UtcMillis,
    random: &mut impl FnMut() -> [u8; ID_BYTES],
) -> RedirectDecision {
    let consents = consents(parts.cookie, &settings.consent_cookie);
    let withdrawn = if consents { None } else { withdrawn(parts.cookie, settings.keys.as_ref()) };
    let plain = |go| RedirectDecision { go, set_cookie: withdrawn.clone(), click: None };
    if parts.is_plain
        && (found.is_short || resolved.is_some())
        && let Some(secure) = found.over_https()
    {
        return plain(Redirect::To(secure));
    }
    let Some(ResolvedLink { link, location }) = resolved else { return plain(go(found, None, settings)) };
    let visit = classify(&parts.signals);
    let unstored = match visit {
        VisitKind::OfficeApp => Some(page(found, resolved, settings)),
        VisitKind::Prefetch if parts.signals.method.eq_ignore_ascii_case("GET") => Some(Redirect::NotYet),
        VisitKind::Embed if !found.is_short => Some(Redirect::Pass),
        VisitKind::Prefetch | VisitKind::Embed => Some(go(found, resolved, settings)),
        _ if !consents => Some(led_on(found, link, location, settings)),
        _ => None,
    };
    if let Some(go) = unstored {
        return plain(go);
    }
    match (visit, &settings.keys) {
        (VisitKind::Visit, Some(keys)) => {
            let (set_cookie, click) = touch(found, link, parts, keys, now, random);
            // A second time in this hour, the site itself may have led here: it would again.
            let is_repeat = click.is_none();
            let go = if is_repeat { unstripped } else { go }(found, resolved, settings);
            RedirectDecision { go, set_cookie: Some(set_cookie), click }
        }
        // Without keys no cookie can be signed; the click still counts.
        (kind, _) => {
            let visitor = fingerprint_source(parts);
            let click_id = id::fresh("clk", &random());
            let is_bot = kind != VisitKind::Visit;
            let click = record(found, link, parts, visitor, click_id, is_bot, now);
            let go = if is_bot { go } else { unstripped }(found, resolved, settings);
            RedirectDecision { go, set_cookie: None, click: Some(click) }
        }
    }
}

/// Whether the visitor allows storage.
pub fn consents(cookies: Option<&str>, consent_cookie: &str) -> bool {
    consent_cookie.is_empty() || cookies.is_some_and(|header| consent::is_given(header, consent_cookie))
}

/// The header that deletes the cookie of a visitor who sends it and has withdrawn their consent.
pub fn withdrawn(cookies: Option<&str>, keys: Option<&CookieKeys>) -> Option<String> {
    let keys = keys?;
    let is_held = cookie_header::all(cookies?, keys.name()).next().is_some();
    is_held.then(|| cookie::deletion(keys))
}

/// Where a visitor goes who has not consented yet. The code stays in the address of the site's page, which turns it into
/// a touch once they consent (`POST /v1/attribution`).
fn led_on(found: &RefLink<'_>, link: &LinkRecord, location: &str, settings: &RedirectSettings) -> Redirect {
    if !found.is_short {
        return Redirect::Pass;
    }
    let onward = found.carried_to(location);
    if !is_on_site(location, settings) {
        return Redirect::To(onward);
    }
    let param = ["ref", "partner"].into_iter().find(|param| link.accepts(param)).unwrap_or("ref");
    Redirect::To(found.with_code(&onward, param, &link.code))
}

/// Whether a destination is a page of the site, or of a host that shares its cookie.
fn is_on_site(location: &str, settings: &RedirectSettings) -> bool {
    let Some(at) = WebAddress::host_of(location) else { return location.starts_with('/') };
    let shares = |domain: &str| domain::is_at_or_below(&at, domain);
    WebAddress::host_of(&settings.site).as_ref() == Some(&at)
        || settings.keys.as_ref().and_then(CookieKeys::domain).is_some_and(shares)
}

/// Where the request leads, which is the same for every visitor.
fn go(found: &RefLink<'_>, resolved: Option<&ResolvedLink>, settings: &RedirectSettings) -> Redirect {
    match resolved {
        Some(resolved) if found.is_short && !found.has_query() => Redirect::To(resolved.location.clone()),
        Some(resolved) if found.is_short => Redirect::To(found.carried_to(&resolved.location)),
        None if found.is_short => Redirect::To(found.carried_to(&reflink::default_destination(&settings.site))),
        Some(resolved) if settings.mode == RefMode::Redirect => {
            Redirect::To(found.stripped(resolved.link.accepts("campaign")))
        }
        _ => Redirect::Pass,
    }
}

/// The same, with the code still in a page's address.
fn unstripped(found: &RefLink<'_>, resolved: Option<&ResolvedLink>, settings: &RedirectSettings) -> Redirect {
    if found.is_short { go(found, resolved, settings) } else { Redirect::Pass }
}

/// The page for an Office program. Such a program hands the address it was given to the browser if it got a page, and the
/// last one of a row of redirects otherwise, without the cookie. So the page leads to the same address.
fn page(found: &RefLink<'_>, resolved: Option<&ResolvedLink>, settings: &RedirectSettings) -> Redirect {
    let (link, onward) = (html::escape(&found.itself()), go(found, resolved, settings));
    let onward = if let Redirect::To(onward) = &onward { html::escape(onward) } else { link.clone() };
    Redirect::Page(format!(
        "<!doctype html><html lang=\"\"><meta charset=\"utf-8\"><meta name=\"robots\" content=\"noindex\">\
         <title>{onward}</title><meta http-equiv=\"refresh\" content=\"0; url={link}\">\
         <p><a href=\"{onward}\">{onward}</a></p></html>"
    ))
}

/// The cookie with this visit's touch, and the click unless this visitor's hour is already counted. The rows alone
/// could not tell: the fingerprint of a first visit differs from the cookie's visitor on the next.
pub fn touch(
    found: &RefLink<'_>,
    link: &Rc<LinkRecord>,
    parts: &RedirectInput<'_>,
    keys: &CookieKeys,
    now: UtcMillis,
    random: &mut impl FnMut() -> [u8; ID_BYTES],
) -> (String, Option<Click>) {
    let held = parts.cookie.and_then(|header| cookie::read(keys, header));
    let counted =
        held.as_ref().and_then(|held| held.touchpoints.touch_in_hour(&link.code, now)).map(|t| t.click_id.clone());
    let click_id = counted.clone().unwrap_or_else(|| id::fresh("clk", &random()));
    let click = counted.is_none().then(|| {
        let visitor = match &held {
            Some(held) => known(&held.touchpoints.visitor, link, parts),
            None => fingerprint_source(parts),
        };
        record(found, link, parts, visitor, click_id.clone(), false, now)
    });
    let touch = Touch {
        program: link.program_id.clone(),
        code: link.code.clone(),
        campaign: campaign(found, link),
        click_id,
        at: now,
    };
    let signed = held.unwrap_or_else(|| SignedCookie::new(id::fresh("vis", &random())));
    let partner = PartnerMark::of(&link.partner_id);
    let terms = TouchTerms { partner, model: link.model, window_days: link.window_days };
    (cookie::set_cookie(keys, &signed.with_touch(touch, terms, keys), now), click)
}

/// The URL's campaign if the program accepts one, otherwise the link's.
fn campaign(found: &RefLink<'_>, link: &LinkRecord) -> String {
    let named = if link.accepts("campaign") { found.campaign() } else { None };
    named.or_else(|| link.campaign.clone()).unwrap_or_default()
}

/// A visitor identified by the cookie.
fn known(id: &str, link: &LinkRecord, parts: &RedirectInput<'_>) -> Visitor {
    let id = id.to_owned();
    if !link.fingerprinted {
        return Visitor::Known(id);
    }
    match fingerprint_source(parts) {
        Visitor::Fingerprint { user_agent } => Visitor::Followed { id, user_agent },
        _ => Visitor::Known(id),
    }
}

fn fingerprint_source(parts: &RedirectInput<'_>) -> Visitor {
    if parts.private {
        return Visitor::Private;
    }
    let user_agent = click::fingerprinted_part(parts.signals.user_agent.unwrap_or_default());
    Visitor::Fingerprint { user_agent: user_agent.to_owned() }
}

fn record(
    found: &RefLink<'_>,
    link: &Rc<LinkRecord>,
    parts: &RedirectInput<'_>,
    visitor: Visitor,
    id: String,
    bot: bool,
    now: UtcMillis,
) -> Click {
    let utm = |name: &str| {
        let linked = link.utm.get(name).cloned();
        linked.or_else(|| found.param(name).map(|value| value.into_owned())).and_then(short)
    };
    Click {
        id,
        link: Rc::clone(link),
        campaign: campaign(found, link),
        visitor,
        address: Address::new(parts.ip),
        at: now,
        bot,
        country: parts
            .country
            .filter(|c| c.len() == 2 && c.bytes().all(|b| b.is_ascii_alphanumeric()))
            .map(str::to_owned),
        utm_source: utm("utm_source"),
        utm_medium: utm("utm_medium"),
        referrer_host: parts.referrer.and_then(referrer_host),
    }
}

/// At most 64 characters, without control characters. `None` if empty.
fn short(value: String) -> Option<String> {
    let plain = value.len() <= UTM_MAX && value.bytes().all(|b| b.is_ascii_graphic());
    let value = if plain { value } else { value.chars().filter(|c| !c.is_control()).take(UTM_MAX).collect() };
    (!value.is_empty()).then_some(value)
}

fn referrer_host(referrer: &str) -> Option<String> {
    let authority = referrer.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    let fits = !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    fits.then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
