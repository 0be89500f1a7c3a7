//! Clicks on their way to the database: collected in memory, written in batches, sent again after a failure.
//!
//! In scope: what waits, what is stored of it, what is counted instead, and when it is written. Not in scope: the clock and
//! the database. No visitor waits for any of it.

use crate::base::id::hex;
use crate::base::ids::LinkCode;
use crate::base::time::{DAY_MS, Month, SECOND_MS, UtcMillis};
use crate::engine::link::click::{Click, SALT_BYTES, Salt, Visitor};
use crate::service::link::limits::{NetworkLimits, SeenBots};
use crate::store::link::click::flush::{ClickFlush, LinkCount, writer_of};
use crate::store::link::click::{salt_decode, salt_of};
use crate::store::port::{Db, DbError};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;

/// Clicks per flush. With the longest fields a row is below 1 KB of JSON, so a statement stays below 1 MB; D1 accepts 2 MB.
pub const BATCH_MAX: usize = 1_000;

/// Clicks that wait in memory: about 8 MB of an isolate's 128 with the longest fields, and one flush more. If more arrive
/// while the database is unavailable, the oldest are dropped: their attribution is in the visitor's cookie.
pub const HELD_MAX: usize = 10_000;

/// Links whose bots and limited visits wait to be counted.
const COUNTED_MAX: usize = 5_000;

/// A flush that has not come to its next step for this long has died with its request; the next click starts another. It is
/// longer than a step takes at most, a write included.
const FLUSH_LOST_MS: i64 = 10 * SECOND_MS;

/// What waits to be written, and the salt once it is known.
#[derive(Default)]
pub struct Buffer {
    waiting: VecDeque<Click>,
    counted: HashMap<(LinkCode, i64), LinkCount>,
    dropped: BTreeMap<i64, i64>,
    /// How many of them are not logged yet.
    unlogged: i64,
    /// What is being written, or will be written again as it is: part of it may have a number in the database.
    flush: Option<Rc<ClickFlush>>,
    /// When the current flush came to its last step; `None` if there is none.
    flushing_since: Option<UtcMillis>,
    limits: NetworkLimits,
    bots: SeenBots,
    random: String,
    number: i64,
    salt: Option<(Month, Salt)>,
}

impl Buffer {
    /// `random`: bytes that no other isolate has.
    pub fn new(random: [u8; 16]) -> Buffer {
        let seed = random.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte));
        Buffer {
            random: hex(&random),
            limits: NetworkLimits::new(seed),
            bots: SeenBots::new(seed),
            ..Buffer::default()
        }
    }

    pub fn push(&mut self, click: Click) {
        if click.bot {
            if self.bots.is_first(&click) {
                self.count(&click, 1, 0);
            }
            return;
        }
        if self.waiting.len() == HELD_MAX
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.drop_one(&oldest);
        }
        self.waiting.push_back(click);
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.counted.is_empty() && self.flush.is_none()
    }

    /// Clicks that wait, without counts.
    pub fn len(&self) -> usize {
        self.waiting.len() + self.flush.as_ref().map_or(0, |flush| flush.clicks.len())
    }

    /// Whether the caller should start a flush for what it just pushed: there is none, or it has died.
    pub fn flush_due(&mut self, now: UtcMillis) -> bool {
        let due = self.flushing_since.is_none_or(|since| now.0 - since.0 > FLUSH_LOST_MS);
        if due {
            self.flushing_since = Some(now);
        }
        due
    }

    /// The current flush goes on.
    pub fn flush_goes_on(&mut self, now: UtcMillis) {
        self.flushing_since = Some(now);
    }

    /// The current flush is over: the next click starts another.
    pub fn flush_ends(&mut self) {
        self.flushing_since = None;
    }

    /// What to write next, oldest first: what could not be written before, as it was, or the next batch. `None`: nothing
    /// waits.
    pub fn next(&mut self, now: UtcMillis) -> Option<Rc<ClickFlush>> {
        if self.flush.is_none() && !self.is_empty() {
            let mut clicks = Vec::with_capacity(self.waiting.len().min(BATCH_MAX));
            // Of one month, whose salt they are written with: one visitor of an hour is one click, also if it waits until the
            // next month.
            let made_at = self.waiting.front().map_or(now, |click| click.at);
            let month = Month::of(made_at);
            while clicks.len() < BATCH_MAX
                && self.waiting.front().is_some_and(|click| Month::of(click.at) == month)
                && let Some(click) = self.waiting.pop_front()
            {
                if self.limits.admits(&click) {
                    clicks.push(click);
                } else {
                    self.count(&click, 0, 1);
                }
            }
            self.number += 1;
            self.flush = Some(Rc::new(ClickFlush {
                writer: writer_of(now.0.div_euclid(DAY_MS), &self.random),
                number: self.number,
                made_at,
                clicks,
                counted: self.counted.drain().map(|(_, count)| count).collect(),
                dropped: std::mem::take(&mut self.dropped).into_iter().collect(),
            }));
        }
        self.flush.clone()
    }

    /// That flush was written.
    pub fn written(&mut self, flush: &ClickFlush) {
        if self.flush.as_ref().is_some_and(|current| current.number == flush.number) {
            self.flush = None;
        }
    }

    /// That flush was not written, or nobody knows. It is written again, unless it would be refused again.
    pub fn failed(&mut self, flush: &ClickFlush, why: &DbError) {
        if matches!(why, DbError::Violation(_) | DbError::Fault(_)) {
            for click in &flush.clicks {
                self.drop_one(click);
            }
            let limited = flush.counted.iter().map(|count| (count.day, count.limited));
            for (day, clicks) in flush.dropped.iter().map(|(day, clicks)| (*day, *clicks)).chain(limited) {
                *self.dropped.entry(day).or_default() += clicks;
            }
            self.written(flush);
        }
    }

    /// How many clicks were dropped since the last call.
    pub fn dropped(&mut self) -> i64 {
        std::mem::take(&mut self.unlogged)
    }

    fn count(&mut self, click: &Click, bots: i64, limited: i64) {
        let key = (click.link.code.clone(), click.at.0.div_euclid(DAY_MS));
        if self.counted.len() >= COUNTED_MAX && !self.counted.contains_key(&key) {
            return self.drop_one(click);
        }
        let (partner, code, day) = (&click.link.partner_id, &key.0, key.1);
        let fresh = LinkCount { partner: partner.clone(), code: code.clone(), day, bots: 0, limited: 0 };
        let count = self.counted.entry(key).or_insert(fresh);
        count.bots += bots;
        count.limited += limited;
    }

    fn drop_one(&mut self, click: &Click) {
        *self.dropped.entry(click.at.0.div_euclid(DAY_MS)).or_default() += 1;
        self.unlogged += 1;
    }

    /// The salt that a flush is written with, if it was loaded already. While a flush may be sent again no other replaces it.
    pub fn salt(&self, flush: &ClickFlush) -> Option<Salt> {
        self.salt.as_ref().filter(|(month, _)| *month == Month::of(flush.made_at)).map(|(_, salt)| salt.clone())
    }

    pub fn keep_salt(&mut self, flush: &ClickFlush, salt: Salt) {
        self.salt = Some((Month::of(flush.made_at), salt));
    }
}

/// The salt of the current month, created from `random` if the month has none yet.
pub async fn load_salt(db: &impl Db, now: UtcMillis, random: [u8; SALT_BYTES]) -> Result<Salt, DbError> {
    let rows = db.batch(salt_of(now, &hex(&random))).await?;
    let row = salt_decode(&rows)?;
    Ok(Salt::new(&row.month, row.salt.as_bytes()))
}

/// Whether writing these clicks requires the salt.
pub fn needs_salt(clicks: &[Click]) -> bool {
    clicks.iter().any(|click| matches!(click.visitor, Visitor::Fingerprint { .. } | Visitor::Followed { .. }))
}

/// Writes a flush. Writing it again does nothing, so a failure that may have been a success can be retried.
pub async fn write(db: &impl Db, flush: &ClickFlush, salt: &Salt) -> Result<(), DbError> {
    db.batch(flush.statements(salt)).await.map(|_| ())
}

#[cfg(test)]
mod tests;
