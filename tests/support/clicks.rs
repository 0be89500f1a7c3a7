//! Clicks as an isolate writes them, without its delay.

use super::world::{World, now};
use manicule::base::time::UtcMillis;
use manicule::engine::link::click::{Click, Salt};
use manicule::service::link::click;
use manicule::service::link::click::Buffer;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many isolates there were.
static ISOLATES: AtomicU64 = AtomicU64::new(0);

/// Writes what the buffer holds.
pub fn flush(world: &World, buffer: &mut Buffer, at: UtcMillis, salt: &Salt) {
    while let Some(next) = buffer.next(at) {
        now(click::write(&world.db, &next, salt)).expect("clicks");
        buffer.written(&next);
    }
}

/// Writes clicks of an isolate of their own.
pub fn written(world: &World, clicks: Vec<Click>, salt: &Salt) {
    let Some(at) = clicks.first().map(|click| click.at) else { return };
    let mut own = [0; 16];
    own[..8].copy_from_slice(&ISOLATES.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    let mut buffer = Buffer::new(own);
    clicks.into_iter().for_each(|click| buffer.push(click));
    flush(world, &mut buffer, at, salt);
}
