//! What an isolate keeps between requests. It is lost when the isolate ends, and after a trap.

use crate::http::config::{Config, address, cookie_keys};
use crate::http::hsts::hsts;
use crate::http::link::cache::Cache;
use crate::http::link::redirect::{RedirectSettings, RefMode};
use crate::http::misses::Misses;
use crate::runtime::mail;
use crate::runtime::random::Random;
use serde_json::json;
use std::cell::RefCell;
use std::rc::Rc;
use worker::{Env, console_error};

pub struct IsolateState {
    pub settings: RedirectSettings,
    pub links: Cache,
    pub random: Random,
    /// Networks that try codes that are no link's. Only unknown codes count: a link that is cached here costs its visitor no
    /// look at this, and a limited network is still led through every link that somebody used lately.
    pub guesses: Misses,
}

thread_local! {
    static CONFIG: RefCell<Option<Rc<Config>>> = const { RefCell::new(None) };
    static STATE: RefCell<Option<IsolateState>> = const { RefCell::new(None) };
}

/// Runs on the state, if the isolate has read its configuration. Must not be held across an `await`.
pub fn with<T>(run: impl FnOnce(&mut IsolateState) -> T) -> Option<T> {
    STATE.with_borrow_mut(|state| state.as_mut().map(run))
}

/// The configuration of everything but the redirect, read once per isolate.
pub fn config(env: &Env) -> Rc<Config> {
    CONFIG.with_borrow_mut(|kept| {
        Rc::clone(kept.get_or_insert_with(|| {
            let mut config = Config::read(|name| env.var(name).map(|v| v.to_string()).unwrap_or_default());
            config.setup.mail.binding = mail::binding(env).is_some();
            for complaint in &config.complaints {
                console_error!("{}", json!({"message": "configuration", "detail": complaint}));
            }
            Rc::new(config)
        }))
    })
}

/// Reads the configuration of the redirect, once per isolate.
pub fn boot(env: &Env) -> String {
    let text = |name: &str| env.var(name).map(|value| value.to_string()).unwrap_or_default();
    let keys = cookie_keys(&text("COOKIE_KEYS"), &text("COOKIE_DOMAIN"));
    if let Err(why) = &keys {
        console_error!("{why}; visitors are redirected, but nobody is attributed");
    }
    let site = text("SITE_URL").trim().to_owned();
    let settings = RedirectSettings {
        keys: keys.ok(),
        mode: RefMode::parse(&text("REF_MODE")),
        // The configuration's reader reports what is wrong with it.
        site: if address(&site, text("DEVELOPMENT").trim() == "yes").is_ok() { site } else { String::new() },
        consent_cookie: text("CONSENT_COOKIE").trim().to_owned(),
    };
    STATE.set(Some(IsolateState {
        settings,
        links: Cache::default(),
        random: Random::new(),
        guesses: Misses::default(),
    }));
    hsts(&text("HSTS")).ok().flatten().unwrap_or_default()
}
