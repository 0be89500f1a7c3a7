//! What limits count as one network: all that one subscriber can send from, as far as an address says. Limits of what is
//! stored go by [`network`], limits that refuse by [`Sender`].

use crate::base::time::UtcMillis;
use std::net::{IpAddr, Ipv6Addr};

/// The network of an address as Cloudflare tells it: an IPv4 address, or a sixteenth of the first 48 bits of IPv6. `None`
/// if it is no address.
///
/// A subscriber of IPv6 has 64, 56 or even 48 bits, and with 48 bits 65,536 networks of 64. So what shares 56 bits is one
/// network, and 48 bits are sixteen: who has all of them is allowed sixteen times as much as others, and a flood from
/// one place uses up the limit of a sixteenth of its neighbors.
pub fn network(ip: &str) -> Option<String> {
    Some(match ip.trim().parse().ok()? {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => sixteenth(address),
        },
    })
}

/// Who sent something, for limits that refuse: a neighbor's flood must not shut anybody out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// An address of IPv4, or the first 64 bits of IPv6: the least that one subscriber has.
    pub address: String,
    /// The first 48 bits of IPv6, the most that one has: all its addresses together are allowed [`AROUND`] times as much.
    pub around: Option<String>,
}

/// How many times as much 48 bits of IPv6 are allowed as 64.
pub const AROUND: u32 = 10;

impl Sender {
    /// By the address as Cloudflare tells it. `None` if it is none.
    pub fn of(ip: &str) -> Option<Sender> {
        let v4 = |address: String| Sender { address, around: None };
        Some(match ip.trim().parse().ok()? {
            IpAddr::V4(address) => v4(address.to_string()),
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(address) => v4(address.to_string()),
                None => {
                    let [a, b, c, d, ..] = address.segments();
                    let around = format!("{a:x}:{b:x}:{c:x}/48");
                    Sender { address: format!("{a:x}:{b:x}:{c:x}:{d:x}/64"), around: Some(around) }
                }
            },
        })
    }

    /// What the rate limiters count by: the address, and one of [`AROUND`] parts of what is around it, by the instant, so that
    /// nobody can choose whose part it is.
    pub fn counted(&self, now: UtcMillis) -> impl Iterator<Item = String> {
        let part = now.0.rem_euclid(i64::from(AROUND));
        let around = self.around.as_ref().map(|around| format!("{around} {part}"));
        [Some(self.address.clone()), around].into_iter().flatten()
    }
}

/// Both halves of the seventh byte choose it, so that subscribers who have 52 or 56 bits are spread over all sixteen.
fn sixteenth(address: Ipv6Addr) -> String {
    let [a, b, c, d, ..] = address.segments();
    let byte = d >> 8;
    format!("{a:x}:{b:x}:{c:x}/48 {:x}", (byte ^ byte >> 4) & 15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn an_address_of_ipv4_is_a_network() {
        assert_eq!(network("192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(network(" ::ffff:192.0.2.1").as_deref(), Some("192.0.2.1"));
        for none in ["", "somebody", "192.0.2.1, 192.0.2.2"] {
            assert_eq!(network(none), None, "{none}");
        }
    }

    #[test]
    fn a_sender_has_an_address_and_of_ipv6_what_is_around_it() {
        let of = |ip: &str| Sender::of(ip).map(|sender| (sender.address, sender.around));
        assert_eq!(of("192.0.2.1"), Some(("192.0.2.1".to_owned(), None)));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(of("2001:db8:1:2::3"), Some(("2001:db8:1:2/64".to_owned(), Some("2001:db8:1/48".to_owned()))));
        assert_eq!(of("2001:db8:1:2:ffff::3"), of("2001:db8:1:2::3"));
        assert_eq!(of("somebody"), None);
        let counted = |ip: &str, at: i64| Sender::of(ip).map(|s| s.counted(UtcMillis(at)).collect::<Vec<_>>());
        assert_eq!(counted("192.0.2.1", 12), Some(vec!["192.0.2.1".to_owned()]));
        let parts: HashSet<_> = (0..100).filter_map(|at| counted("2001:db8:1:2::3", at)?.pop()).collect();
        assert_eq!(parts.len(), AROUND as usize);
    }

    #[test]
    fn of_ipv6_a_subscriber_has_one_network_or_at_most_sixteen() {
        let all = |of: &dyn Fn(u16) -> Ipv6Addr| {
            (0..=u16::MAX).filter_map(|n| network(&of(n).to_string())).collect::<HashSet<_>>().len()
        };
        assert_eq!(all(&|n| Ipv6Addr::new(0x2001, 0xdb8, 1, 0x1200 | n & 0xff, n, n, 0, n)), 1, "56 bits");
        assert_eq!(all(&|n| Ipv6Addr::new(0x2001, 0xdb8, 1, n, n, 0, 0, 1)), 16, "48 bits");
        assert_eq!(all(&|n| Ipv6Addr::new(0x2001, 0xdb8, 1, n << 8, 0, 0, 0, 1)), 16, "its subscribers with 56 bits");
        assert_eq!(all(&|n| Ipv6Addr::new(0x2001, 0xdb8, 1, n << 12, 0, 0, 0, 1)), 16, "its subscribers with 52 bits");
        assert_eq!(all(&|n| Ipv6Addr::new(0x2001, 0xdb8, n, 1, 0, 0, 0, 1)), 65_536, "other subscribers with 48 bits");
    }
}
