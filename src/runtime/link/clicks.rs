//! The isolate's clicks, and writing them in the background.

use crate::base::time::UtcMillis;
use crate::engine::link::click::{Click, SALT_BYTES, Salt};
use crate::runtime::d1::D1;
use crate::runtime::random;
use crate::runtime::time_limit::within;
use crate::service::link::click::{Buffer, load_salt, needs_salt, write};
use crate::service::link::flushing;
use crate::service::link::flushing::{Isolate, WRITE_LIMIT_MS};
use crate::store::link::click::flush::ClickFlush;
use crate::store::port::DbError;
use serde_json::json;
use std::cell::RefCell;
use std::time::Duration;
use worker::{Delay, Env, console_error};

/// Statements per flush: with the lookups of the redirect that started it, it is one invocation, which has 50 on
/// Cloudflare's free plan. A thousand clicks are two statements.
const STATEMENTS_MAX: u64 = 40;

thread_local! {
    static CLICKS: RefCell<Option<Buffer>> = const { RefCell::new(None) };
}

/// Runs on the isolate's clicks. Must not be held across an `await`.
fn with<T>(run: impl FnOnce(&mut Buffer) -> T) -> T {
    CLICKS.with_borrow_mut(|clicks| {
        run(clicks.get_or_insert_with(|| {
            let mut own = [0; 16];
            random::fill(&mut own);
            Buffer::new(own)
        }))
    })
}

/// Takes a click, and returns whether the caller should start a flush.
pub fn push(click: Click, now: UtcMillis) -> bool {
    with(|clicks| {
        clicks.push(click);
        clicks.flush_due(now)
    })
}

/// Collects for a moment, then writes all waiting clicks.
pub async fn flush(env: &Env) {
    let database = match D1::of(env, STATEMENTS_MAX) {
        Ok(database) => database,
        Err(why) => return console_error!("{}", json!({"message": "clicks", "not_written": why.to_string()})),
    };
    let flushed = flushing::flush(&Here { database }).await;
    if let Some(why) = flushed.failed {
        console_error!(
            "{}",
            json!({"message": "clicks", "waiting": with(|clicks| clicks.len()), "not_written": why.to_string()})
        );
    }
    if flushed.dropped > 0 {
        console_error!(
            "{}",
            json!({"message": "clicks", "dropped": flushed.dropped, "detail": "their visitors stay attributed"})
        );
    }
}

struct Here {
    database: D1,
}

impl Isolate for Here {
    fn with<T>(&self, run: impl FnOnce(&mut Buffer) -> T) -> T {
        with(run)
    }

    fn now(&self) -> UtcMillis {
        UtcMillis(js_sys::Date::now() as i64)
    }

    async fn pause(&self, ms: u64) {
        Delay::from(Duration::from_millis(ms)).await;
    }

    async fn write(&self, flush: &ClickFlush) -> Result<(), DbError> {
        let written = within(Duration::from_millis(WRITE_LIMIT_MS), async {
            let salt = if needs_salt(&flush.clicks) { self.salt(flush).await? } else { Salt::none() };
            write(&self.database, flush, &salt).await
        });
        written.await.unwrap_or_else(|| Err(DbError::Unavailable("no answer in time".to_owned())))
    }
}

impl Here {
    /// The salt of the flush's month, read once per isolate and month.
    async fn salt(&self, flush: &ClickFlush) -> Result<Salt, DbError> {
        if let Some(salt) = with(|clicks| clicks.salt(flush)) {
            return Ok(salt);
        }
        let mut fresh = [0; SALT_BYTES];
        random::fill(&mut fresh);
        let salt = load_salt(&self.database, flush.made_at, fresh).await?;
        with(|clicks| clicks.keep_salt(flush, salt.clone()));
        Ok(salt)
    }
}
