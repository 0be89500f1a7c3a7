//! Wrong tokens: those of the API and of emailed links. Each costs a read, so a network that sends many is refused without
//! one, for the rest of the minute.
//!
//! In scope: what this isolate has seen. Beyond it the runtime counts, approximately. A token that this isolate knows to
//! be right is looked up all the same: somebody else in its network may be guessing.

use crate::base::limits::WRONG_TOKENS_PER_MINUTE;
use crate::base::time::{MINUTE_MS, UtcMillis};
use crate::http::context::{Platform, RateLimited, RequestContext};
use crate::http::exchange::Request;
use crate::http::limit;
use crate::service::error::AppError;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// Networks that are counted in a minute, and right tokens that are known: beyond that all are forgotten.
const NETWORKS_MAX: usize = 5_000;
const RIGHT_MAX: usize = 1_000;

/// What was seen in one minute.
#[derive(Default)]
pub struct Seen {
    minute: i64,
    wrong: HashMap<String, u32>,
    /// Hashes of tokens that were right, in this minute or the one before.
    right: HashSet<String>,
    right_before: HashSet<String>,
}

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::default();
}

impl Seen {
    fn turn(&mut self, now: UtcMillis) {
        let minute = now.0.div_euclid(MINUTE_MS);
        if minute != self.minute {
            self.right_before = std::mem::take(&mut self.right);
            self.wrong.clear();
            self.minute = minute;
        }
    }

    /// Whether a token of this network is to be refused without a look.
    pub fn refuses(&mut self, network: &str, sha256: &str, now: UtcMillis) -> bool {
        self.turn(now);
        self.wrong.get(network).is_some_and(|wrong| *wrong >= WRONG_TOKENS_PER_MINUTE)
            && !self.right.contains(sha256)
            && !self.right_before.contains(sha256)
    }

    /// Counts a wrong token. `all`: the network has sent too many elsewhere.
    pub fn wrong(&mut self, network: String, all: bool, now: UtcMillis) {
        self.turn(now);
        if self.wrong.len() >= NETWORKS_MAX && !self.wrong.contains_key(&network) {
            self.wrong.clear();
        }
        let wrong = self.wrong.entry(network).or_default();
        *wrong = if all { WRONG_TOKENS_PER_MINUTE } else { wrong.saturating_add(1) };
    }

    pub fn right(&mut self, sha256: &str, now: UtcMillis) {
        self.turn(now);
        if self.right.len() >= RIGHT_MAX {
            self.right.clear();
        }
        self.right.insert(sha256.to_owned());
    }
}

/// Refuses a token of a network that has sent many wrong ones in this minute.
pub fn check<S: Platform>(app: &RequestContext<'_, S>, request: &Request, sha256: &str) -> Result<(), AppError> {
    let Some(network) = limit::visitor(request) else { return Ok(()) };
    if SEEN.with_borrow_mut(|seen| seen.refuses(&network, sha256, app.now)) { Err(limit::refused()) } else { Ok(()) }
}

/// Counts a token that was looked up and not found.
pub async fn count<S: Platform>(app: &RequestContext<'_, S>, request: &Request) {
    let Some(network) = limit::visitor(request) else { return };
    let all = !app.site.admits(RateLimited::WrongToken, network.clone()).await;
    SEEN.with_borrow_mut(|seen| seen.wrong(network, all, app.now));
}

/// Remembers a token that was found.
pub fn is_right<S: Platform>(app: &RequestContext<'_, S>, sha256: &str) {
    SEEN.with_borrow_mut(|seen| seen.right(sha256, app.now));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_refused_for_the_rest_of_the_minute() {
        let mut seen = Seen::default();
        let now = UtcMillis(600_000);
        seen.right("known", now);
        for _ in 1..WRONG_TOKENS_PER_MINUTE {
            seen.wrong("n".to_owned(), false, now);
        }
        assert!(!seen.refuses("n", "another", now));
        seen.wrong("n".to_owned(), false, now);
        assert!(seen.refuses("n", "another", now));
        assert!(!seen.refuses("m", "another", now), "another network");
        assert!(!seen.refuses("n", "known", now), "a token that is known to be right");
        assert!(!seen.refuses("n", "another", now.plus_ms(MINUTE_MS)), "the next minute");
        seen.wrong("n".to_owned(), true, now.plus_ms(MINUTE_MS));
        assert!(seen.refuses("n", "another", now.plus_ms(MINUTE_MS)), "too many were counted elsewhere");
        assert!(!seen.refuses("n", "known", now.plus_ms(MINUTE_MS)), "it was right in the minute before");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut seen, now) = (Seen::default(), UtcMillis(600_000));
        for n in 0..3 * NETWORKS_MAX {
            seen.wrong(n.to_string(), false, now);
            seen.right(&n.to_string(), now);
        }
        assert!(seen.wrong.len() <= NETWORKS_MAX && seen.right.len() <= RIGHT_MAX);
    }
}
