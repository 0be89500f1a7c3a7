//! Requests that are not ours: passed on to the site, and its answers returned as they are. What an answer tells of a
//! sign-up is taken in behind the visitor's back, after the answer.
//!
//! Most requests never get here: `entry.js` passes on by itself what needs no decision, by [`plan`], and asks about the
//! rest.

use crate::base::time::UtcMillis;
use crate::codec::BODY_BYTES_MAX;
use crate::codec::identity::session;
use crate::http::config::Config;
use crate::http::context::RequestContext;
use crate::http::event::passed;
use crate::http::event::passed::{Passed, Watched};
use crate::http::exchange;
use crate::http::exchange::{Address, PASSED};
use crate::http::hardening;
use crate::http::link::redirect;
use crate::pages::context::{FORM_COOKIE, RETURN_COOKIE, SESSION_COOKIE};
use crate::pages::identity::site_logout;
use crate::pages::ours;
use crate::pages::outage;
use crate::pages::outage::Outage;
use crate::runtime::body;
use crate::runtime::invocation::{Runtime, forget_sessions};
use crate::runtime::origin::Origin;
use crate::runtime::site_script;
use crate::runtime::state::config;
use crate::runtime::time_limit::within;
use crate::service::error::{AppError, ErrorKind};
use serde_json::json;
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Context, Delay, Env, Headers, Request, Response, Result, console_error, web_sys};

/// How long the site may take until its answer begins. A body takes as long as the visitor's line does to send it.
const FIRST_BYTE_LIMIT: Duration = Duration::from_secs(30);
const UPLOAD_LIMIT: Duration = Duration::from_secs(600);
/// How long a visitor who signs out waits for the session here to end.
const LOGOUT_LIMIT: Duration = Duration::from_secs(3);
/// How often a sign-up is taken in until it is, and the pause in between. All of it fits into the 30 s that the runtime
/// allows after an answer.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(2);

/// What `entry.js` needs to pass a request on by itself, a line each: the site's address; how long, in milliseconds, it
/// may take to begin its answer, and to take a body in; the name of its session's cookie; the names of our own, which it
/// must not see; whether its pages get the script; the cookie that is deleted once consent is withdrawn; and how the
/// paths begin about which it has to ask.
#[wasm_bindgen]
pub fn plan(env: Env) -> String {
    let config = config(&env);
    let asks = &config.consent_cookie;
    let held = config.cookie_keys.as_ref().filter(|_| !asks.is_empty()).map_or("", |keys| keys.name());
    let first = [
        exchange::moved("", config.origin()).unwrap_or_default(),
        FIRST_BYTE_LIMIT.as_millis().to_string(),
        UPLOAD_LIMIT.as_millis().to_string(),
        session::named(&config.emdash_session_cookie).to_owned(),
        [SESSION_COOKIE, FORM_COOKIE, RETURN_COOKIE].join(" "),
        if config.injects_script { "yes" } else { "" }.to_owned(),
        held.to_owned(),
    ];
    [first.to_vec(), ours::beginnings(&config)].concat().join("\n")
}

/// Our answer to a request that the site did not answer: `why`, or nothing in time.
#[wasm_bindgen]
pub fn unanswered(request: &web_sys::Request, env: Env, why: Option<String>) -> Result<web_sys::Response> {
    let outage = if why.is_some() { Outage::Down } else { Outage::Slow };
    down(&config(&env), request, outage, why.as_deref().unwrap_or("no answer in time"))
}

/// What an answer that `entry.js` got is before it goes on to the visitor.
#[wasm_bindgen]
pub fn answered(request: &web_sys::Request, answer: web_sys::Response, env: Env) -> web_sys::Response {
    let config = config(&env);
    forget_sessions(request, &answer, &config.emdash_session_cookie);
    site_script::put(&config, request, answer)
}

/// The header that deletes our cookie if these cookies hold it without the visitor's consent, or nothing.
#[wasm_bindgen]
pub fn withdrawn(cookies: &str, env: Env) -> Option<String> {
    let config = config(&env);
    let is_given = redirect::consents(Some(cookies), &config.consent_cookie);
    if is_given { None } else { redirect::withdrawn(Some(cookies), config.cookie_keys.as_ref()) }
}

/// The site's answer, or ours if there is no site or it has none.
pub async fn pass(
    request: Request,
    env: Env,
    config: &Rc<Config>,
    now: UtcMillis,
    context: &Context,
) -> Result<web_sys::Response> {
    let raw: web_sys::Request = Clone::clone(request.inner());
    let is_back = request.headers().has(PASSED)?;
    let Some(origin) = Origin::of(&env, config).filter(|_| !is_back) else {
        return build(config, &raw, exchange::Response::problem(&nowhere(config, is_back)));
    };
    let seen = Seen::before(&raw, config);
    let limit = if raw.body().is_some() { UPLOAD_LIMIT } else { FIRST_BYTE_LIMIT };
    let answer = match within(limit, origin.pass(&raw)).await {
        Some(Ok(answer)) => answer,
        failed => {
            let (outage, why) = match failed {
                Some(Err(why)) => (Outage::Down, why.to_string()),
                _ => (Outage::Slow, "no answer in time".to_owned()),
            };
            return down(config, &raw, outage, &why);
        }
    };
    forget_sessions(&raw, &answer, &config.emdash_session_cookie);
    match seen {
        Some(seen) if seen.watched.is_answer(answer.status()) => seen.after(answer, env, config, now, context).await,
        _ => Ok(site_script::put(config, &raw, answer)),
    }
}

fn nowhere(config: &Config, is_back: bool) -> AppError {
    if !is_back {
        return AppError::not_found("page");
    }
    let detail = format!("{} leads back to this Worker; see /healthz", config.origin_setting());
    AppError::new(ErrorKind::Transient, "site_leads_back", detail)
}

fn down(config: &Config, request: &web_sys::Request, outage: Outage, why: &str) -> Result<web_sys::Response> {
    console_error!("{}", json!({"message": "the site does not answer", "detail": why}));
    build(config, request, outage::answer(&plain(request), outage))
}

/// A request without its body, as our own answers need it.
fn plain(request: &web_sys::Request) -> exchange::Request {
    let url = request.url();
    let address = Address::of(&url);
    exchange::Request {
        method: request.method(),
        path: address.path.to_owned(),
        query: String::new(),
        origin: address.origin.to_owned(),
        headers: Headers(request.headers()).entries().collect(),
        body: Vec::new(),
    }
}

fn build(config: &Config, request: &web_sys::Request, mut response: exchange::Response) -> Result<web_sys::Response> {
    hardening::harden(config, &plain(request), &mut response);
    body::build(response)
}

/// A watched request, before it is passed on.
struct Seen {
    watched: Watched,
    request: exchange::Request,
    /// Its body once more, if it is to be read and short. One whose length nobody says is not kept.
    copy: Option<Request>,
}

impl Seen {
    fn before(raw: &web_sys::Request, config: &Config) -> Option<Seen> {
        let url = raw.url();
        let watched = Watched::of(&raw.method(), Address::of(&url).path, config)?;
        let request = plain(raw);
        let length = request.header("content-length").and_then(|length| length.parse::<usize>().ok());
        let is_read = watched.reads_request() && length.is_some_and(|length| length <= BODY_BYTES_MAX);
        let copy = if is_read { raw.clone().ok().map(Request::from) } else { None };
        Some(Seen { watched, request, copy })
    }

    /// Looks at the answer, which goes on to the visitor meanwhile.
    async fn after(
        self,
        answer: web_sys::Response,
        env: Env,
        config: &Rc<Config>,
        now: UtcMillis,
        context: &Context,
    ) -> Result<web_sys::Response> {
        let Seen { watched, request, copy } = self;
        let mut passed = Passed { request, set_cookies: cookies(&answer), answer: Vec::new() };
        if watched == Watched::Logout {
            return if passed.ends_session(config) {
                sign_out(answer, env, config, now, &passed).await
            } else {
                Ok(answer)
            };
        }
        if watched == Watched::Callback && passed.session(config).is_none() {
            return Ok(answer);
        }
        let copied = if watched.reads_answer() { answer.clone().ok().map(Response::from) } else { None };
        let config = Rc::clone(config);
        context.wait_until(async move {
            if let Some(mut copy) = copy {
                passed.request.body = body::read(copy.stream(), BODY_BYTES_MAX).await.unwrap_or_default();
            }
            if let Some(mut copied) = copied {
                let read = body::read(copied.stream(), BODY_BYTES_MAX).await.unwrap_or_default();
                passed.answer = if read.len() > BODY_BYTES_MAX { Vec::new() } else { read };
            }
            if let Err(why) = tell(&env, &config, now, &watched, &passed).await {
                let detail = why.logged();
                console_error!(
                    "{}",
                    json!({"message": "a sign-up was not taken in", "code": why.code, "detail": detail})
                );
            }
        });
        Ok(answer)
    }
}

/// Takes in what an answer tells, again if the database or the site fails for a moment: an event has one effect.
async fn tell(
    env: &Env,
    config: &Config,
    now: UtcMillis,
    watched: &Watched,
    passed: &Passed,
) -> std::result::Result<(), AppError> {
    let mut left = TRIES;
    loop {
        left -= 1;
        let taken = async {
            let runtime = Runtime::of(env.clone(), config)?;
            passed::tell(&RequestContext { site: &runtime, config, now }, watched, passed).await
        };
        match taken.await {
            Err(why) if left > 0 && why.kind == ErrorKind::Transient => Delay::from(PAUSE).await,
            done => return done,
        }
    }
}

/// The site has signed its user out: so do we.
async fn sign_out(
    answer: web_sys::Response,
    env: Env,
    config: &Config,
    now: UtcMillis,
    passed: &Passed,
) -> Result<web_sys::Response> {
    let Some(dropped) = site_logout::dropped(&passed.request) else { return Ok(answer) };
    let ended = async {
        let runtime = Runtime::of(env, config)?;
        site_logout::end(&RequestContext { site: &runtime, config, now }, &passed.request).await
    };
    if let Some(Err(why)) = within(LOGOUT_LIMIT, ended).await {
        console_error!("{}", json!({"message": "a session did not end with the site's", "detail": why.logged()}));
    }
    body::with_cookie(&answer, dropped)
}

fn cookies(answer: &web_sys::Response) -> Vec<String> {
    Headers(answer.headers()).get_all("set-cookie").unwrap_or_default()
}
