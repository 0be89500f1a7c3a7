//! The redirect's path through the Worker: called by `entry.js`, once and synchronously if the code is cached.
//!
//! One string in, one string out: every call and every string between JavaScript and WASM takes a large part of the
//! time of the decision itself. `entry.js` has the other half of this protocol.

use crate::base::time::UtcMillis;
use crate::engine::link::visit::RequestSignals;
use crate::http::link::cache::CacheHit;
use crate::http::link::redirect::{Redirect, RedirectInput, ResolvedLink, counts, decide, is_worth_a_look};
use crate::http::link::reflink;
use crate::http::link::reflink::RefLink;
use crate::runtime::link::clicks;
use crate::runtime::link::links;
use crate::runtime::state;
use crate::runtime::state::IsolateState;
use std::borrow::Cow;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Context, Env, worker_sys};

/// The answer begins with a character of these bits added to `@` (64), then the Set-Cookie header or nothing, a line
/// feed, and the Location.
const FLUSH: u8 = 1;
/// Call `refresh` in the background.
const REFRESH: u8 = 2;
/// Pass the request on to the origin instead of redirecting.
const PASS: u8 = 4;
/// The code is not cached: call `cold`.
const MISSING: u8 = 8;
/// The isolate has not read its configuration: call `boot`, then this again.
const BOOT: u8 = 16;
/// No redirect: what follows the line feed is a page, or nothing for a 503.
const OTHER: u8 = 32;

/// Reads the configuration, once per isolate and after every trap. Returns the header for redirects over https; empty:
/// none.
#[wasm_bindgen]
pub fn boot(env: Env) -> String {
    state::boot(&env)
}

/// Answers from memory. Empty: this is not a request through a ref link.
#[wasm_bindgen]
pub fn hot(request: &str, now: f64) -> String {
    let (url, parts) = parse(request);
    let Some(mut found) = reflink::find(&url).filter(|found| is_worth_a_look(found, &parts.signals)) else {
        return String::new();
    };
    let now = UtcMillis(now as i64);
    let answer = state::with(|state| {
        let (mut chosen, mut bits) = (None, 0);
        for (at, candidate) in found.candidates.iter().enumerate() {
            match state.links.get(&candidate.code, now) {
                CacheHit::Missing => return flags(MISSING),
                CacheHit::Entry { resolved, refresh } => {
                    bits |= if refresh { REFRESH } else { 0 };
                    chosen = resolved.filter(|resolved| counts(candidate, &resolved.link, now)).map(|link| (at, link));
                    if chosen.is_some() {
                        break;
                    }
                }
            }
        }
        let resolved = chosen.map(|(at, resolved)| {
            found.chosen = at;
            resolved
        });
        answer(state, &found, resolved.as_deref(), &parts, now, bits)
    });
    answer.unwrap_or_else(|| flags(BOOT))
}

/// Looks the codes up, then answers.
#[wasm_bindgen]
pub async fn cold(request: String, now: f64, env: Env, context: worker_sys::Context) -> String {
    let (url, parts) = parse(&request);
    let Some(mut found) = reflink::find(&url) else { return String::new() };
    let now = UtcMillis(now as i64);
    let resolved = links::look_up(&env, &Context::new(context), &found.codes(), Some(parts.ip), now).await;
    let mut links = found.candidates.iter().zip(resolved).enumerate();
    let live = links.find_map(|(at, (candidate, resolved))| {
        resolved.filter(|resolved| counts(candidate, &resolved.link, now)).map(|resolved| (at, resolved))
    });
    let resolved = live.map(|(at, resolved)| {
        found.chosen = at;
        resolved
    });
    state::with(|state| answer(state, &found, resolved.as_deref(), &parts, now, 0)).unwrap_or_default()
}

/// Reads this request's codes again.
#[wasm_bindgen]
pub async fn refresh(url: String, now: f64, env: Env, context: worker_sys::Context) {
    if let Some(found) = reflink::find(&reflink::mended(&url).unwrap_or(url)) {
        links::look_up(&env, &Context::new(context), &found.codes(), None, UtcMillis(now as i64)).await;
    }
}

/// Writes the collected clicks.
#[wasm_bindgen]
pub async fn flush(env: Env) {
    clicks::flush(&env).await;
}

fn answer(
    state: &mut IsolateState,
    found: &RefLink<'_>,
    resolved: Option<&ResolvedLink>,
    parts: &RedirectInput<'_>,
    now: UtcMillis,
    mut bits: u8,
) -> String {
    let random = &mut state.random;
    let decision = decide(found, resolved, parts, &state.settings, now, &mut || random.bytes());
    if let Some(click) = decision.click {
        bits |= if clicks::push(click, now) { FLUSH } else { 0 };
    }
    let location = match decision.go {
        Redirect::To(location) => location,
        Redirect::Pass => {
            bits |= PASS;
            String::new()
        }
        Redirect::NotYet => {
            bits |= OTHER;
            String::new()
        }
        Redirect::Page(page) => {
            bits |= OTHER;
            page
        }
    };
    let cookie = decision.set_cookie.unwrap_or_default();
    let mut out = flags(bits);
    out.reserve(cookie.len() + location.len() + 1);
    out.push_str(&cookie);
    out.push('\n');
    out.push_str(&location);
    out
}

fn flags(bits: u8) -> String {
    String::from(char::from(b'@' | bits))
}

/// The lines of `entry.js`, in its order. An empty line is a header that was not sent.
fn parse(request: &str) -> (Cow<'_, str>, RedirectInput<'_>) {
    let mut lines = request.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (url, method, ip) = (line(), line(), line());
    let mut header = || Some(line()).filter(|line| !line.is_empty());
    let cookie = header();
    let user_agent = header();
    let (fetch_mode, fetch_dest) = (header(), header());
    let purposes = [header(), header(), header(), header()];
    let private = header().is_some_and(|value| value.trim() == "1");
    let (country, referrer) = (header(), header());
    let is_plain = header().is_some();
    let signals = RequestSignals { method, user_agent, purposes, fetch_mode, fetch_dest };
    let mended = reflink::mended(url);
    let is_mended = mended.is_some();
    let url = mended.map_or(Cow::Borrowed(url), Cow::Owned);
    (url, RedirectInput { signals, cookie, private, ip, country, referrer, is_plain, is_mended })
}
