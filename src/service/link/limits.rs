//! How much one network may have stored, and which bots were counted already. In an isolate's memory, bounded, and lost
//! with it: each isolate has its own.

use crate::base::fnv::hash;
use crate::base::time::{HOUR_MS, MINUTE_MS};
use crate::engine::link::click::{Click, Visitor};
use std::collections::{HashMap, HashSet};

/// Clicks on one link that are stored of one network in a minute. Behind one address of a mobile carrier or an office there
/// may be thousands of people, but not many who open the same link within a minute.
pub const NETWORK_MAX: u32 = 60;

/// Networks, by link, that are counted in a minute. If more come, counting starts over: what is stored is bounded by the
/// networks there are, not by one of them.
const NETWORKS_MAX: usize = 20_000;

/// Bots that are remembered. If more come within an hour, some are counted twice.
const BOTS_MAX: usize = 10_000;

/// Counts clicks by network and link.
#[derive(Default)]
pub struct NetworkLimits {
    seed: u64,
    minute: i64,
    stored: HashMap<u64, u32>,
}

/// The bots of an hour, by link.
#[derive(Default)]
pub struct SeenBots {
    seed: u64,
    hour: i64,
    seen: HashSet<u64>,
}

impl NetworkLimits {
    /// `seed`: random, so that nobody can choose two networks that count as one.
    pub fn new(seed: u64) -> NetworkLimits {
        NetworkLimits { seed, ..NetworkLimits::default() }
    }

    /// Counts a click, and returns whether it may be stored.
    pub fn admits(&mut self, click: &Click) -> bool {
        let minute = click.at.0.div_euclid(MINUTE_MS);
        // Clicks wait in the order of their arrival; a later minute ends the one before.
        if minute > self.minute || self.stored.len() >= NETWORKS_MAX {
            self.minute = self.minute.max(minute);
            self.stored.clear();
        }
        let (code, network) = (click.link.code.as_bytes(), click.address.network());
        let count = self.stored.entry(hash(self.seed, &[code, b"\0", network.as_bytes()])).or_default();
        *count = count.saturating_add(1);
        *count <= NETWORK_MAX
    }
}

impl SeenBots {
    pub fn new(seed: u64) -> SeenBots {
        SeenBots { seed, ..SeenBots::default() }
    }

    /// Whether this is the bot's first request of the hour for the link, as far as is remembered.
    pub fn is_first(&mut self, click: &Click) -> bool {
        let hour = click.at.0.div_euclid(HOUR_MS);
        if hour != self.hour || self.seen.len() >= BOTS_MAX {
            self.hour = hour;
            self.seen.clear();
        }
        let who = match &click.visitor {
            Visitor::Known(id) | Visitor::Followed { id, .. } => id.as_str(),
            Visitor::Fingerprint { user_agent } => user_agent,
            Visitor::Private => click.id.as_str(),
        };
        let network = click.address.network();
        self.seen
            .insert(hash(self.seed, &[click.link.code.as_bytes(), b"\0", network.as_bytes(), b"\n", who.as_bytes()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::UtcMillis;
    use crate::engine::link::LinkRecord;
    use crate::engine::link::click::Address;
    use std::rc::Rc;

    fn click(code: &str, ip: &str, at: i64) -> Click {
        Click {
            id: String::new(),
            link: Rc::new(LinkRecord { code: code.into(), ..LinkRecord::default() }),
            campaign: String::new(),
            visitor: Visitor::Private,
            address: Address::new(ip),
            at: UtcMillis(at),
            ..Click::default()
        }
    }

    fn admitted(limits: &mut NetworkLimits, clicks: impl Iterator<Item = Click>) -> u32 {
        clicks.filter(|click| limits.admits(click)).count() as u32
    }

    #[test]
    fn a_network_has_so_many_a_minute_and_link() {
        let mut limits = NetworkLimits::new(7);
        let many = |code: &'static str, ip: &'static str, at: i64| (0..200).map(move |_| click(code, ip, at));
        assert_eq!(admitted(&mut limits, many("a", "192.0.2.1", 0)), NETWORK_MAX);
        assert_eq!(admitted(&mut limits, many("a", "::ffff:192.0.2.1", 1)), 0, "the same network");
        assert_eq!(admitted(&mut limits, many("a", "192.0.2.2", 0)), NETWORK_MAX, "another network");
        assert_eq!(admitted(&mut limits, many("b", "192.0.2.1", 0)), NETWORK_MAX, "another link");
        assert_eq!(admitted(&mut limits, many("a", "", 0)), NETWORK_MAX, "unknown networks are one");
        assert_eq!(admitted(&mut limits, many("a", "192.0.2.1", MINUTE_MS - 1)), 0);
        assert_eq!(admitted(&mut limits, many("a", "192.0.2.1", MINUTE_MS)), NETWORK_MAX);
        assert_eq!(admitted(&mut limits, many("a", "192.0.2.1", 0)), 0, "late ones count in the newest minute");
    }

    #[test]
    fn a_subscriber_with_many_networks_is_limited_too() {
        let mut limits = NetworkLimits::new(7);
        let of = |site: &'static str| (0..5_000).map(move |n| click("a", &format!("2001:db8:{site}:{n:x}::1"), 0));
        assert_eq!(admitted(&mut limits, of("1")), 16 * NETWORK_MAX);
        assert_eq!(admitted(&mut limits, of("2")), 16 * NETWORK_MAX);
        let one = (0..5_000).map(|n| click("a", &format!("2001:db8:3:{:x}::1", n % 256), 0));
        assert_eq!(admitted(&mut limits, one), NETWORK_MAX);
        let neighbor = (0..5_000).map(|_| click("a", "2001:db8:3:100::1", 0));
        assert_eq!(admitted(&mut limits, neighbor), NETWORK_MAX, "a flood of one network uses up its own limit alone");
    }

    #[test]
    fn memory_is_bounded() {
        let (mut limits, mut bots) = (NetworkLimits::new(7), SeenBots::new(7));
        for n in 0..50_000_u32 {
            let click = click("a", &std::net::Ipv4Addr::from(n).to_string(), 0);
            limits.admits(&click);
            bots.is_first(&click);
        }
        assert!(limits.stored.len() <= NETWORKS_MAX && bots.seen.len() <= BOTS_MAX);
    }

    #[test]
    fn a_bot_counts_once_in_an_hour_and_link() {
        let mut bots = SeenBots::new(7);
        let bot = |agent: &str, ip: &str, at: i64| Click {
            visitor: Visitor::Fingerprint { user_agent: agent.into() },
            ..click("a", ip, at)
        };
        assert!(bots.is_first(&bot("Slackbot", "192.0.2.1", 0)));
        assert!(!bots.is_first(&bot("Slackbot", "192.0.2.1", HOUR_MS - 1)));
        assert!(bots.is_first(&bot("Twitterbot", "192.0.2.1", 1)));
        assert!(bots.is_first(&bot("Slackbot", "192.0.2.2", 1)));
        assert!(bots.is_first(&Click { link: click("b", "", 0).link, ..bot("Slackbot", "192.0.2.1", 1) }));
        assert!(bots.is_first(&bot("Slackbot", "192.0.2.1", HOUR_MS)));
    }
}
