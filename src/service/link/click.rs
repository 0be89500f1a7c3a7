//! Clicks on their way to the database: collected in memory, written in batches, retried after a failure.

use crate::base::id::hex;
use crate::base::time::{Month, UtcMillis};
use crate::engine::link::click::{Click, SALT_BYTES, Salt, Visitor};
use crate::store::link::click::{click_insert, salt_decode, salt_of};
use crate::store::port::{Db, DbError};
use std::collections::VecDeque;

/// Clicks per statement. With the longest fields a row is below 1 KB of JSON, so a batch stays below 1 MB; D1 accepts 2
/// MB.
pub const BATCH_MAX: usize = 1_000;

/// Clicks held in memory: about 8 MB of an isolate's 128 with the longest fields. If more arrive while the database is
/// unavailable, the oldest are dropped: their attribution is in the visitor's cookie.
pub const HELD_MAX: usize = 10_000;

/// Clicks waiting to be written, and the salt once it is known.
#[derive(Default)]
pub struct Buffer {
    waiting: VecDeque<Click>,
    salt: Option<(Month, Salt)>,
    dropped: usize,
}

impl Buffer {
    pub fn push(&mut self, click: Click) {
        if self.waiting.len() == HELD_MAX {
            self.waiting.pop_front();
            self.dropped += 1;
        }
        self.waiting.push_back(click);
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The next batch, oldest first.
    pub fn take(&mut self) -> Vec<Click> {
        self.waiting.drain(..self.waiting.len().min(BATCH_MAX)).collect()
    }

    /// Puts a batch that could not be written back in front of newer clicks.
    pub fn put_back(&mut self, batch: Vec<Click>) {
        let room = HELD_MAX - self.waiting.len();
        let surplus = batch.len().saturating_sub(room);
        self.dropped += surplus;
        for click in batch.into_iter().skip(surplus).rev() {
            self.waiting.push_front(click);
        }
    }

    /// How many clicks were dropped since the last call.
    pub fn dropped(&mut self) -> usize {
        std::mem::take(&mut self.dropped)
    }

    /// The salt of the current month, if it was loaded already.
    pub fn salt(&self, now: UtcMillis) -> Option<Salt> {
        self.salt.as_ref().filter(|(month, _)| *month == Month::of(now)).map(|(_, salt)| salt.clone())
    }

    pub fn keep_salt(&mut self, now: UtcMillis, salt: Salt) {
        self.salt = Some((Month::of(now), salt));
    }
}

/// The salt of the current month, created from `random` if the month has none yet.
pub async fn load_salt(db: &impl Db, now: UtcMillis, random: [u8; SALT_BYTES]) -> Result<Salt, DbError> {
    let rows = db.batch(salt_of(now, &hex(&random))).await?;
    Ok(Salt::new(salt_decode(&rows)?.as_bytes()))
}

/// Whether writing these clicks requires the salt.
pub fn needs_salt(batch: &[Click]) -> bool {
    batch.iter().any(|click| matches!(click.visitor, Visitor::Fingerprint { .. } | Visitor::Followed { .. }))
}

/// Writes a batch. Writing it again does nothing, so a failure that may have been a success can be retried.
pub async fn write(db: &impl Db, batch: &[Click], salt: &Salt) -> Result<(), DbError> {
    db.batch(vec![click_insert(batch, salt)]).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn click(n: usize) -> Click {
        Click {
            id: n.to_string(),
            link: Default::default(),
            campaign: String::new(),
            visitor: Visitor::Private,
            at: UtcMillis(0),
            bot: false,
            country: None,
            utm_source: None,
            utm_medium: None,
            referrer_host: None,
        }
    }

    fn ids(clicks: &[Click]) -> Vec<usize> {
        clicks.iter().map(|click| click.id.parse().unwrap()).collect()
    }

    #[test]
    fn batches_are_bounded_and_keep_their_order() {
        let mut buffer = Buffer::default();
        (0..BATCH_MAX + 2).for_each(|n| buffer.push(click(n)));
        let first = buffer.take();
        assert_eq!(ids(&first), (0..BATCH_MAX).collect::<Vec<_>>());
        buffer.put_back(first);
        assert_eq!(ids(&buffer.take())[0], 0);
        assert_eq!(ids(&buffer.take()), [BATCH_MAX, BATCH_MAX + 1]);
        assert!(buffer.is_empty() && buffer.take().is_empty());
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_go() {
        let mut buffer = Buffer::default();
        (0..HELD_MAX + 3).for_each(|n| buffer.push(click(n)));
        assert_eq!(buffer.dropped(), 3);
        let batch = buffer.take();
        assert_eq!(ids(&batch)[0], 3);
        (0..BATCH_MAX - 1).for_each(|n| buffer.push(click(n)));
        buffer.put_back(batch);
        assert_eq!(buffer.dropped(), BATCH_MAX - 1);
        assert_eq!(ids(&buffer.take())[0], 3 + BATCH_MAX - 1);
        assert_eq!(buffer.dropped(), 0);
    }

    #[test]
    fn a_salt_lasts_a_month() {
        let mut buffer = Buffer::default();
        let june = UtcMillis::parse("2026-06-30T23:59:59Z").unwrap();
        buffer.keep_salt(june, Salt::new(b"s"));
        assert!(buffer.salt(june).is_some());
        assert!(buffer.salt(june.plus_ms(1_000)).is_none());
    }
}
