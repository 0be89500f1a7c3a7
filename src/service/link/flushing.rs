//! When clicks are written: one flush at a time, a moment after the first click, and again after a failure.

use crate::base::time::UtcMillis;
use crate::service::link::click::Buffer;
use crate::store::link::click::flush::ClickFlush;
use crate::store::port::DbError;

/// How long clicks are collected: the most that is lost when an isolate dies.
pub const GATHER_MS: u64 = 100;
/// The pause before a failed write is tried a second time. After that it waits for the next click's flush.
pub const PAUSE_MS: u64 = 1_000;
/// A write that takes longer counts as failed.
pub const WRITE_LIMIT_MS: u64 = 8_000;
/// A flush begins no write after this long, because the runtime ends what a request leaves behind after 30 s. What waits is
/// the next click's.
const BEGINS_UNTIL_MS: i64 = 15_000;

/// What a flush needs of its isolate.
pub trait Isolate {
    /// Runs on the waiting clicks.
    fn with<T>(&self, run: impl FnOnce(&mut Buffer) -> T) -> T;

    fn now(&self) -> UtcMillis;

    fn pause(&self, ms: u64) -> impl Future<Output = ()>;

    /// Writes within [`WRITE_LIMIT_MS`]. `Exhausted`: this invocation has no statements left.
    fn write(&self, flush: &ClickFlush) -> impl Future<Output = Result<(), DbError>>;
}

/// What a flush left behind.
#[derive(Debug, PartialEq)]
pub struct Flushed {
    /// Why clicks still wait.
    pub failed: Option<DbError>,
    /// Clicks that were dropped since the last flush.
    pub dropped: i64,
}

/// Collects for a moment, then writes all that waits.
pub async fn flush(isolate: &impl Isolate) -> Flushed {
    let until = isolate.now().plus_ms(BEGINS_UNTIL_MS);
    isolate.pause(GATHER_MS).await;
    let mut written = write_all(isolate, until).await;
    if written.is_err() {
        isolate.pause(PAUSE_MS).await;
        written = write_all(isolate, until).await;
    }
    isolate.with(|clicks| {
        clicks.flush_ends();
        Flushed { failed: written.err(), dropped: clicks.dropped() }
    })
}

async fn write_all(isolate: &impl Isolate, until: UtcMillis) -> Result<(), DbError> {
    loop {
        let now = isolate.now();
        let next = isolate.with(|clicks| {
            clicks.flush_goes_on(now);
            clicks.next(now)
        });
        let Some(flush) = next.filter(|_| now < until) else { return Ok(()) };
        match isolate.write(&flush).await {
            Ok(()) => isolate.with(|clicks| clicks.written(&flush)),
            Err(DbError::Exhausted) => return Ok(()),
            Err(why) => {
                isolate.with(|clicks| clicks.failed(&flush, &why));
                return Err(why);
            }
        }
    }
}

#[cfg(test)]
mod tests;
