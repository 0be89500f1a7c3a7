//! Networks that try many codes that are no link's. Pure; the runtime asks the rate limiter.
//!
//! Only unknown codes count. A link that is cached here costs its visitor no look at any of this, and a network that guessed
//! too often is still led through every link that somebody used lately: only the database is not asked for it.

use crate::base::time::{MINUTE_MS, UtcMillis};
use std::collections::HashMap;

/// Unknown codes that a network may ask for in a minute before the rate limiter counts them, too: typing errors, and sites
/// whose own parameter is called `ref`.
pub const UNCOUNTED: u32 = 20;

/// How long a network is limited once the rate limiter refuses it.
const LIMITED_MS: i64 = MINUTE_MS;

/// Networks that are remembered. If more come, counting starts over.
const NETWORKS_MAX: usize = 5_000;

#[derive(Default)]
pub struct Guesses {
    networks: HashMap<String, Network>,
}

#[derive(Clone, Copy, Default)]
struct Network {
    minute: i64,
    misses: u32,
    limited_until: UtcMillis,
}

impl Guesses {
    /// Whether the database is not asked for this network's codes.
    pub fn is_limited(&self, network: &str, now: UtcMillis) -> bool {
        self.networks.get(network).is_some_and(|known| known.limited_until > now)
    }

    /// Counts an unknown code. Whether the rate limiter is to count it, too.
    pub fn miss(&mut self, network: &str, now: UtcMillis) -> bool {
        let minute = now.0.div_euclid(MINUTE_MS);
        let known = self.of(network);
        if known.minute != minute {
            (known.minute, known.misses) = (minute, 0);
        }
        known.misses = known.misses.saturating_add(1);
        known.misses > UNCOUNTED
    }

    /// The rate limiter refused one.
    pub fn limit(&mut self, network: &str, now: UtcMillis) {
        self.of(network).limited_until = now.plus_ms(LIMITED_MS);
    }

    fn of(&mut self, network: &str) -> &mut Network {
        if self.networks.len() >= NETWORKS_MAX && !self.networks.contains_key(network) {
            self.networks.clear();
        }
        self.networks.entry(network.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMillis = UtcMillis(20_000 * MINUTE_MS);

    #[test]
    fn the_rate_limiter_counts_what_is_more_than_a_typing_error() {
        let mut guesses = Guesses::default();
        let mut asked =
            |network: &str, at: UtcMillis, times: u32| (0..times).filter(|_| guesses.miss(network, at)).count();
        assert_eq!(asked("192.0.2.1", NOW, UNCOUNTED), 0);
        assert_eq!(asked("192.0.2.1", NOW.plus_ms(MINUTE_MS - 1), 5), 5);
        assert_eq!(asked("192.0.2.2", NOW, UNCOUNTED), 0, "another network");
        assert_eq!(asked("192.0.2.1", NOW.plus_ms(MINUTE_MS), UNCOUNTED), 0, "another minute");
    }

    #[test]
    fn a_limit_ends() {
        let mut guesses = Guesses::default();
        assert!(!guesses.is_limited("a", NOW));
        guesses.limit("a", NOW);
        assert!(guesses.is_limited("a", NOW.plus_ms(LIMITED_MS - 1)) && !guesses.is_limited("b", NOW));
        assert!(!guesses.is_limited("a", NOW.plus_ms(LIMITED_MS)));
    }

    #[test]
    fn memory_is_bounded() {
        let mut guesses = Guesses::default();
        (0..3 * NETWORKS_MAX).for_each(|n| {
            guesses.miss(&n.to_string(), NOW);
        });
        assert!(guesses.networks.len() <= NETWORKS_MAX);
    }
}
