//! An http or https address from the configuration or a request, split into its parts.

use crate::base::domain;
use crate::codec::link::destination;
use std::net::Ipv4Addr;

/// Names that only work within a machine or a private network (RFC 6761, RFC 6762, RFC 8375, and common practice).
const PRIVATE: [&str; 15] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "home.arpa",
    "arpa",
    "lan",
    "intranet",
    "corp",
    "home",
    "svc",
    "test",
    "invalid",
    "onion",
    "private",
];

/// Public DNS names that resolve to any address spelled in them, including this machine's.
const SPELLED: [&str; 10] = [
    "nip.io",
    "sslip.io",
    "xip.io",
    "nip.dev",
    "localtest.me",
    "lvh.me",
    "vcap.me",
    "lacolhost.com",
    "traefik.me",
    "local.gd",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebAddress {
    pub is_https: bool,
    /// In lower case: a name, or an IPv4 address.
    pub host: String,
    pub port: Option<u16>,
}

impl WebAddress {
    /// Parses an absolute address without credentials or a fragment.
    pub fn parse(text: &str) -> Option<WebAddress> {
        if text.starts_with('/') || text.contains('#') || destination::check(text).is_err() {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let authority = rest.split(['/', '?']).next()?;
        let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
        let port = port.map(str::parse).transpose().ok()?;
        Some(WebAddress { is_https: scheme.eq_ignore_ascii_case("https"), host: host.to_ascii_lowercase(), port })
    }

    /// The host of an address that may have a fragment.
    pub fn host_of(text: &str) -> Option<String> {
        Some(WebAddress::parse(text.split('#').next()?)?.host)
    }

    /// Whether the host is numeric. `parse` has already rejected numeric hosts that are not dotted quads.
    pub fn is_number(&self) -> bool {
        self.host.parse::<Ipv4Addr>().is_ok()
    }

    /// Whether it is this machine, by name or number.
    pub fn is_loopback(&self) -> bool {
        let number = |at: Ipv4Addr| at.is_loopback() || at.is_unspecified();
        self.host == "localhost" || self.host.ends_with(".localhost") || self.host.parse().is_ok_and(number)
    }

    /// Whether the name belongs to a private network, or to a service that spells out addresses of such networks.
    pub fn is_private_name(&self) -> bool {
        !self.host.contains('.')
            || PRIVATE.iter().chain(&SPELLED).any(|name| self.is_at_or_below(name))
            || spells_private_number(&self.host)
    }

    pub fn is_at_or_below(&self, name: &str) -> bool {
        domain::is_at_or_below(&self.host, name)
    }
}

/// Whether the name contains four numbers, separated by dots or hyphens, that form a private network's address.
fn spells_private_number(host: &str) -> bool {
    let parts: Vec<&str> = host.split(['.', '-']).collect();
    parts.windows(4).any(|four| {
        four.join(".")
            .parse::<Ipv4Addr>()
            .is_ok_and(|at| at.is_loopback() || at.is_private() || at.is_link_local() || at.is_unspecified())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> WebAddress {
        WebAddress::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn addresses_come_apart() {
        let at = parse("HTTPS://Hooks.A.example:8443/x?y=z");
        assert_eq!(at, WebAddress { is_https: true, host: "hooks.a.example".into(), port: Some(8443) });
        assert!(
            parse("https://b.a.example").is_at_or_below("a.example")
                && parse("https://a.example").is_at_or_below("a.example")
        );
        assert!(!parse("https://ba.example").is_at_or_below("a.example"));
        for bad in [
            "",
            "/x",
            "//a.example",
            "a.example",
            "ftp://a.example",
            "https://",
            "https://u@a.example",
            "https://u:p@a.example",
            "https://a.example#x",
            "https://a.example\\@b",
            "https://[::1]/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://a.example.:443/",
            "https://a.example:0/",
            "https://a.example:70000/",
            "http://127.0.0.1:x@evil.example",
            "https://a b",
        ] {
            assert_eq!(WebAddress::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn private_names_are_known() {
        for private in [
            "localhost",
            "a.localhost",
            "printer.local",
            "db.internal",
            "intranet",
            "x.svc",
            "1.0.0.127.in-addr.arpa",
            "127.0.0.1.nip.io",
            "10-0-0-1.sslip.io",
            "app.10.0.0.1.nip.io",
            "lvh.me",
            "a.lvh.me",
            "ip-192-168-1-5.a.example",
            "x.169.254.169.254.a.example",
        ] {
            assert!(parse(&format!("https://{private}/")).is_private_name(), "{private}");
        }
        for public in [
            "a.example",
            "hooks.zapier.com",
            "ec2-54-12-3-4.compute.amazonaws.com",
            "v1-2-3-4.a.example",
            "local.example",
            "internal.example",
        ] {
            assert!(!parse(&format!("https://{public}/")).is_private_name(), "{public}");
        }
        for (host, is) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("0.0.0.0", true),
            ("localhost", true),
            ("8.8.8.8", false),
            ("a.example", false),
        ] {
            assert_eq!(parse(&format!("http://{host}:9/")).is_loopback(), is, "{host}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(https://)?\\PC{0,60}") {
            let _ = WebAddress::parse(&text).map(|at| (at.is_private_name(), at.is_loopback(), at.is_number()));
        }
    }
}
