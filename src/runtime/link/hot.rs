//! The redirect's path through the Worker: called by `entry.js`, once and synchronously if the code is cached.
//!
//! Both sides read and write one piece of the instance's memory: every call and every string between JavaScript and WASM
//! takes a large part of the time of the decision itself. `entry.js` has the other half of this protocol.

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
use js_sys::Promise;
use std::borrow::Cow;
use std::cell::RefCell;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::future_to_promise;
use worker::{Context, Env, worker_sys};

/// The bits of an answer. In memory it is a byte of them, the lengths of the Set-Cookie header and of the Location, three
/// bytes each with the lowest first, and these two. As a text it is a character of the bits added to `@` (64), the
/// Set-Cookie header or nothing, a line feed, and the Location.
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

/// No answer: the instance has no room for a request, because it is new.
const LOST: usize = 1;

/// What is read from and written to by both sides.
struct Exchange {
    request: Vec<u8>,
    answer: Vec<u8>,
}

thread_local! {
    static EXCHANGE: RefCell<Exchange> = const { RefCell::new(Exchange { request: Vec::new(), answer: Vec::new() }) };
}

/// Where `entry.js` writes requests of up to this many bytes. What is written already stays.
#[wasm_bindgen]
pub fn room(bytes: usize) -> usize {
    EXCHANGE.with_borrow_mut(|exchange| {
        exchange.request.resize(bytes, 0);
        exchange.request.as_mut_ptr().expose_provenance()
    })
}

/// The memory that both sides share.
#[wasm_bindgen]
pub fn shared_memory() -> JsValue {
    wasm_bindgen::memory()
}

/// Answers the request of this many bytes from memory, and returns where the answer is. 0: this is not a request through
/// a ref link.
#[wasm_bindgen]
pub fn hot(length: usize, now: f64) -> usize {
    EXCHANGE.with_borrow_mut(|Exchange { request, answer }| {
        let Some(request) = request.get(..length) else { return LOST };
        let Some(found) = std::str::from_utf8(request).ok().and_then(|text| answered(text, UtcMillis(now as i64)))
        else {
            return 0;
        };
        found.write(answer);
        answer.as_ptr().expose_provenance()
    })
}

fn answered(request: &str, now: UtcMillis) -> Option<Answer> {
    let (url, parts) = parse(request);
    let mut found = reflink::find(&url).filter(|found| is_worth_a_look(found, &parts.signals))?;
    let answer = state::with(|state| {
        let (mut chosen, mut bits) = (None, 0);
        for (at, candidate) in found.candidates.iter().enumerate() {
            match state.links.get(&candidate.code, now) {
                CacheHit::Missing => return Answer::of(MISSING),
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
    Some(answer.unwrap_or_else(|| Answer::of(BOOT)))
}

/// Looks the codes of the request of this many bytes up, then answers with a text: other requests are written into the
/// memory meanwhile. Empty: this is not a request through a ref link.
#[wasm_bindgen]
pub fn cold(length: usize, now: f64, env: Env, context: worker_sys::Context) -> Promise {
    let request = EXCHANGE.with_borrow(|exchange| {
        let bytes = exchange.request.get(..length).unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    });
    future_to_promise(async move {
        let answer = looked_up(&request, UtcMillis(now as i64), &env, &Context::new(context)).await;
        Ok(answer.map_or_else(String::new, |answer| answer.text()).into())
    })
}

async fn looked_up(request: &str, now: UtcMillis, env: &Env, context: &Context) -> Option<Answer> {
    let (url, parts) = parse(request);
    let mut found = reflink::find(&url)?;
    let resolved = links::look_up(env, context, &found.codes(), Some(parts.ip), now).await;
    let mut links = found.candidates.iter().zip(resolved).enumerate();
    let live = links.find_map(|(at, (candidate, resolved))| {
        resolved.filter(|resolved| counts(candidate, &resolved.link, now)).map(|resolved| (at, resolved))
    });
    let resolved = live.map(|(at, resolved)| {
        found.chosen = at;
        resolved
    });
    state::with(|state| answer(state, &found, resolved.as_deref(), &parts, now, 0))
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
) -> Answer {
    let random = &mut state.random;
    let decision = decide(found, resolved, parts, &state.settings, now, &mut || random.bytes());
    if let Some(click) = decision.click {
        bits |= if clicks::push(click, now) { FLUSH } else { 0 };
    }
    let rest = match decision.go {
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
    Answer { bits, cookie: decision.set_cookie.unwrap_or_default(), rest }
}

/// What `entry.js` makes a response of.
struct Answer {
    bits: u8,
    /// The Set-Cookie header, or nothing.
    cookie: String,
    /// The Location, or a page.
    rest: String,
}

impl Answer {
    fn of(bits: u8) -> Answer {
        Answer { bits, cookie: String::new(), rest: String::new() }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.clear();
        out.push(self.bits);
        for text in [&self.cookie, &self.rest] {
            out.extend_from_slice(&text.len().to_le_bytes()[..3]);
        }
        out.extend_from_slice(self.cookie.as_bytes());
        out.extend_from_slice(self.rest.as_bytes());
    }

    fn text(&self) -> String {
        format!("{}{}\n{}", char::from(b'@' | self.bits), self.cookie, self.rest)
    }
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
