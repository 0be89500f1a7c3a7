//! Wrong tokens of the API. Each costs a read, so a network that sends many is refused without one, for a minute.
//!
//! In scope: what this isolate has seen. Beyond it the runtime counts, approximately. A token that this isolate knows to
//! be right is looked up all the same: somebody else in its network may be guessing. Tokens of emailed links are known by
//! their check (`codec/identity/mailed_token.rs`), and get here only where there is no key to check them with.

use crate::base::limits::WRONG_TOKENS_PER_MINUTE;
use crate::base::network::Sender;
use crate::base::time::UtcMillis;
use crate::http::context::{Platform, RateLimited, RequestContext};
use crate::http::exchange::Request;
use crate::http::limit;
use crate::http::misses::Misses;
use crate::service::error::AppError;
use std::cell::RefCell;
use std::collections::HashSet;

/// Right tokens that are known, the latest at least: as many again may be.
const RIGHT_MAX: usize = 1_000;

#[derive(Default)]
pub struct Seen {
    wrong: Misses,
    /// Emailed links that are used or over, by the token's hash.
    spent: Misses,
    /// Hashes of tokens that were right, however long ago. Once they are many, those that are not used again go.
    right: HashSet<String>,
    right_before: HashSet<String>,
}

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::default();
}

impl Seen {
    /// Whether a token of this sender is to be refused without a look.
    pub fn refuses(&self, sender: &Sender, sha256: &str, now: UtcMillis) -> bool {
        self.wrong.is_limited(sender, now) && !self.right.contains(sha256) && !self.right_before.contains(sha256)
    }

    /// Counts a wrong token. `all`: the sender has sent too many elsewhere.
    pub fn wrong(&mut self, sender: &Sender, all: bool, now: UtcMillis) {
        // The one after the last is refused.
        let most = WRONG_TOKENS_PER_MINUTE - 1;
        if self.wrong.is_over(sender, most, now) || all {
            self.wrong.limit_sender(sender, most, now);
        }
    }

    pub fn right(&mut self, sha256: &str) {
        if self.right.contains(sha256) {
            return;
        }
        if self.right.len() >= RIGHT_MAX {
            self.right_before = std::mem::take(&mut self.right);
        }
        self.right.insert(sha256.to_owned());
    }
}

/// Refuses a token of a network that has sent many wrong ones.
pub fn check<S: Platform>(app: &RequestContext<'_, S>, request: &Request, sha256: &str) -> Result<(), AppError> {
    let Some(sender) = limit::sender(request) else { return Ok(()) };
    if SEEN.with_borrow(|seen| seen.refuses(&sender, sha256, app.now)) { Err(limit::refused()) } else { Ok(()) }
}

/// Counts a token that was looked up and not found.
pub async fn count<S: Platform>(app: &RequestContext<'_, S>, request: &Request) {
    let Some(sender) = limit::sender(request) else { return };
    let all = !limit::admits(app, &sender, RateLimited::WrongToken).await;
    SEEN.with_borrow_mut(|seen| seen.wrong(&sender, all, app.now));
}

/// Whether a link of ours that is used or over was opened so often in a minute that it is not looked up again.
pub fn is_spent(sha256: &str, now: UtcMillis) -> bool {
    SEEN.with_borrow(|seen| seen.spent.has_limit(sha256, now))
}

/// Counts a link of ours that is used or over, by itself: nobody else is affected.
pub fn spent(sha256: &str, now: UtcMillis) {
    SEEN.with_borrow_mut(|seen| {
        if seen.spent.count(sha256, now) >= WRONG_TOKENS_PER_MINUTE {
            seen.spent.limit(sha256, now);
        }
    });
}

/// Remembers a token that was found.
pub fn is_right(sha256: &str) {
    SEEN.with_borrow_mut(|seen| seen.right(sha256));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::{DAY_MS, MINUTE_MS};

    fn sender(ip: &str) -> Sender {
        Sender::of(ip).expect("a sender")
    }

    #[test]
    fn a_sender_is_refused_for_a_minute() {
        let mut seen = Seen::default();
        let (n, m) = (&sender("192.0.2.1"), &sender("192.0.2.2"));
        let now = UtcMillis(600_000);
        seen.right("known");
        for _ in 1..WRONG_TOKENS_PER_MINUTE {
            seen.wrong(n, false, now);
        }
        assert!(!seen.refuses(n, "another", now));
        seen.wrong(n, false, now);
        assert!(seen.refuses(n, "another", now));
        assert!(!seen.refuses(m, "another", now), "another sender");
        assert!(!seen.refuses(n, "known", now), "a token that is known to be right");
        assert!(!seen.refuses(n, "another", now.plus_ms(MINUTE_MS)), "the next minute");
        let later = now.plus_ms(30 * DAY_MS);
        seen.wrong(n, true, later);
        assert!(seen.refuses(n, "another", later), "too many were counted elsewhere");
        assert!(!seen.refuses(n, "known", later), "it was right, however long ago");
    }

    #[test]
    fn right_tokens_that_are_used_are_known_and_the_others_are_bounded() {
        let (mut seen, now) = (Seen::default(), UtcMillis(600_000));
        let who = &sender("192.0.2.1");
        seen.wrong(who, true, now);
        for n in 0..3 * RIGHT_MAX {
            seen.right(&n.to_string());
            seen.right("used");
            assert!(!seen.refuses(who, "used", now) && !seen.refuses(who, &n.to_string(), now));
        }
        assert!(seen.right.len() <= RIGHT_MAX && seen.right_before.len() <= RIGHT_MAX);
        assert!(seen.refuses(who, "0", now));
    }
}
