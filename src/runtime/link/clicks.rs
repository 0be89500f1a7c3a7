//! Writing the collected clicks in the background.

use crate::base::time::{SECOND_MS, UtcMillis};
use crate::engine::link::click::Salt;
use crate::runtime::d1::D1;
use crate::runtime::state;
use crate::runtime::time_limit::within;
use crate::service::link::click::{load_salt, needs_salt, write};
use crate::store::port::DbError;
use std::time::Duration;
use worker::{Delay, Env, console_error};

/// How long clicks are collected: the most that is lost when an isolate dies.
const GATHER: Duration = Duration::from_millis(100);
/// The pause before a failed write is tried a second time. After that it waits for the next click's flush.
const PAUSE: Duration = Duration::from_secs(1);
/// A write that takes longer counts as failed: `waitUntil` itself ends after 30 s.
const WRITE_LIMIT: Duration = Duration::from_secs(8);
/// Statements per write attempt: both attempts, and the lookup of the redirect that started the flush, are one
/// invocation, which has 50 on Cloudflare's free plan. A thousand clicks are one statement.
const STATEMENTS_MAX: u64 = 20;
/// A flush that has not started to write after this long has died with its request; the next click starts another.
const GATHER_LOST_MS: i64 = 5 * SECOND_MS;

impl state::IsolateState {
    /// Whether the caller should start a flush for what it just collected.
    pub fn flush_due(&mut self, now: UtcMillis) -> bool {
        let due = self.flushing_since.is_none_or(|since| now.0 - since.0 > GATHER_LOST_MS);
        if due {
            self.flushing_since = Some(now);
        }
        due
    }
}

/// Collects for a moment, then writes all waiting clicks.
pub async fn flush(env: &Env) {
    Delay::from(GATHER).await;
    state::with(|state| state.flushing_since = None);
    if let Err(first) = write_all(env).await {
        Delay::from(PAUSE).await;
        if let Err(why) = write_all(env).await {
            console_error!("writing clicks: {why} (before: {first}); they wait for the next");
        }
    }
    if let Some(dropped) = state::with(|state| state.clicks.dropped()).filter(|dropped| *dropped > 0) {
        console_error!("dropped {dropped} clicks that could not be written; their visitors stay attributed");
    }
}

async fn write_all(env: &Env) -> Result<(), DbError> {
    let db = D1::of(env, STATEMENTS_MAX)?;
    while let Some(batch) = state::with(|state| state.clicks.take()).filter(|batch| !batch.is_empty()) {
        let written = within(WRITE_LIMIT, async {
            let salt = if needs_salt(&batch) { salt(&db).await? } else { Salt::new(&[]) };
            write(&db, &batch, &salt).await
        });
        let written = written.await.unwrap_or_else(|| Err(DbError::Unavailable("no answer in time".to_owned())));
        if let Err(why) = written {
            state::with(|state| state.clicks.put_back(batch));
            return Err(why);
        }
    }
    Ok(())
}

/// The month's salt, read once per isolate and month.
async fn salt(db: &D1) -> Result<Salt, DbError> {
    let now = UtcMillis(js_sys::Date::now() as i64);
    if let Some(salt) = state::with(|state| state.clicks.salt(now)).flatten() {
        return Ok(salt);
    }
    let random = state::with(|state| state.random.bytes()).ok_or_else(|| DbError::Fault("not booted".to_owned()))?;
    let salt = load_salt(db, now, random).await?;
    state::with(|state| state.clicks.keep_salt(now, salt.clone()));
    Ok(salt)
}
