//! What senders get wrong: codes that are no link's, and tokens that are none. Counted by the minute, and who has too much of
//! it is limited for a minute.
//!
//! In an isolate's memory, bounded, and lost with it. Beyond it the runtime counts, approximately.

use crate::base::network::{AROUND, Sender};
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
    /// Whether this address, or all around it together, are limited.
    pub fn is_limited(&self, sender: &Sender, now: UtcMillis) -> bool {
        [Some(&sender.address), sender.around.as_ref()].into_iter().flatten().any(|key| self.has_limit(key, now))
    }

    /// Counts one more of a sender. Whether that is more than `most` in this minute, or around it [`AROUND`] times as much.
    pub fn is_over(&mut self, sender: &Sender, most: u32, now: UtcMillis) -> bool {
        let around = sender.around.as_ref().map(|around| self.count(around, now));
        self.count(&sender.address, now) > most || around.is_some_and(|count| count > most * AROUND)
    }

    /// Limits a sender, or all around it if they are what was too much.
    pub fn limit_sender(&mut self, sender: &Sender, most: u32, now: UtcMillis) {
        if let Some(around) = &sender.around
            && self.networks.get(around).is_some_and(|known| known.misses > most * AROUND)
        {
            self.limit(around, now);
        }
        self.limit(&sender.address, now);
    }

    /// The same by any key.
    pub fn has_limit(&self, key: &str, now: UtcMillis) -> bool {
        self.networks.get(key).is_some_and(|known| known.limited_until > now)
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
        assert!(!misses.has_limit("a", NOW));
        misses.limit("a", NOW);
        assert!(misses.has_limit("a", NOW.plus_ms(LIMITED_MS - 1)) && !misses.has_limit("b", NOW));
        assert!(!misses.has_limit("a", NOW.plus_ms(LIMITED_MS)));
    }

    #[test]
    fn a_neighbor_shuts_nobody_out_but_a_whole_site_is_limited() {
        let mut misses = Misses::default();
        let sender = |n: u32| Sender::of(&format!("2001:db8:1:{n:x}::1")).expect("a sender");
        let flood = |misses: &mut Misses, from: u32, times: u32| {
            for _ in 0..times {
                if !misses.is_limited(&sender(from), NOW) && misses.is_over(&sender(from), 20, NOW) {
                    misses.limit_sender(&sender(from), 20, NOW);
                }
            }
        };
        flood(&mut misses, 1, 1_000);
        assert!(misses.is_limited(&sender(1), NOW) && !misses.is_limited(&sender(2), NOW), "its neighbor is not");
        (2..20).for_each(|n| flood(&mut misses, n, 1_000));
        assert!(misses.is_limited(&sender(9_999), NOW), "48 bits are allowed ten times as much");
        assert!(!misses.is_limited(&Sender::of("2001:db8:2:1::1").expect("a sender"), NOW));
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
