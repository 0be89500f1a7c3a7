//! What networks get wrong: codes that are no link's, and tokens that are none. Counted by the minute, and a network with too
//! much of it is limited for a minute.
//!
//! In an isolate's memory, bounded, and lost with it. Beyond it the runtime counts, approximately.

use crate::base::time::{MINUTE_MS, UtcMillis};
use std::collections::HashMap;

/// How long a network is limited.
const LIMITED_MS: i64 = MINUTE_MS;

/// Networks that are remembered. If more come, counting starts over.
const NETWORKS_MAX: usize = 5_000;

#[derive(Default)]
pub struct Misses {
    networks: HashMap<String, Network>,
}

#[derive(Clone, Copy, Default)]
struct Network {
    minute: i64,
    misses: u32,
    limited_until: UtcMillis,
}

impl Misses {
    pub fn is_limited(&self, network: &str, now: UtcMillis) -> bool {
        self.networks.get(network).is_some_and(|known| known.limited_until > now)
    }

    /// Counts one more, and returns how many there were in this minute.
    pub fn count(&mut self, network: &str, now: UtcMillis) -> u32 {
        let minute = now.0.div_euclid(MINUTE_MS);
        let known = self.of(network);
        if known.minute != minute {
            (known.minute, known.misses) = (minute, 0);
        }
        known.misses = known.misses.saturating_add(1);
        known.misses
    }

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
    fn they_are_counted_by_network_and_minute() {
        let mut misses = Misses::default();
        let mut last = |network: &str, at: UtcMillis| (0..5).map(|_| misses.count(network, at)).last();
        assert_eq!(last("192.0.2.1", NOW), Some(5));
        assert_eq!(last("192.0.2.1", NOW.plus_ms(MINUTE_MS - 1)), Some(10));
        assert_eq!(last("192.0.2.2", NOW), Some(5), "another network");
        assert_eq!(last("192.0.2.1", NOW.plus_ms(MINUTE_MS)), Some(5), "another minute");
    }

    #[test]
    fn a_limit_ends() {
        let mut misses = Misses::default();
        assert!(!misses.is_limited("a", NOW));
        misses.limit("a", NOW);
        assert!(misses.is_limited("a", NOW.plus_ms(LIMITED_MS - 1)) && !misses.is_limited("b", NOW));
        assert!(!misses.is_limited("a", NOW.plus_ms(LIMITED_MS)));
    }

    #[test]
    fn memory_is_bounded() {
        let mut misses = Misses::default();
        (0..3 * NETWORKS_MAX).for_each(|n| {
            misses.count(&n.to_string(), NOW);
        });
        assert!(misses.networks.len() <= NETWORKS_MAX);
    }
}
