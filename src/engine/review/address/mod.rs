//! Whose email domain and whose mailbox an address is, and which sites belong together.

mod mailbox;
mod provider;
mod relay;

use crate::base::domain;
pub use mailbox::{MailboxKey, normal as mailbox_name};
pub use provider::is_disposable;

/// The domain of an address that only colleagues share, in its normal spelling. `None` if strangers share it, or might: a
/// public provider, a relay, a public suffix.
pub fn email_domain(email: &str) -> Option<String> {
    let host = domain::normal(email.rsplit_once('@')?.1)?;
    is_own(&host).then_some(host)
}

/// The host of a website's address, if its owner's alone.
pub fn site_domain(site: &str) -> Option<String> {
    let rest = site.split_once("://").map_or(site, |(_, rest)| rest);
    let host = domain::normal(rest.split(['/', '?', '#', ':']).next()?)?;
    let host = host.strip_prefix("www.").unwrap_or(&host);
    is_own(host).then(|| host.to_owned())
}

/// Whether two hosts belong to one registrable domain. Both must be in their normal spelling.
pub fn is_same_site(a: &str, b: &str) -> bool {
    match (domain::registrable(a), domain::registrable(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

/// Whether a host belongs to whoever registered its domain, and to nobody else.
fn is_own(host: &str) -> bool {
    let Some(site) = domain::registrable(host) else { return false };
    let names = || domain::with_parents(host).take_while(|name| name.len() >= site.len());
    !names().any(|name| provider::is_listed(name) || relay::is_listed(name)) && provider::brand(site).is_none()
}

#[cfg(test)]
mod tests {
    use super::{email_domain, is_same_site, site_domain};

    #[test]
    fn strangers_share_no_domain() {
        for host in [
            "privaterelay.appleid.com",
            "seznam.cz",
            "hotmail.it",
            "sbcglobal.net",
            "gmail.com.",
            "GMAIL.com",
            "gmail.com ",
            "googlemail.com",
            "yahoo.co.jp",
            "yahoo.com.ar",
            "ymail.com",
            "hotmail.co.uk",
            "live.nl",
            "outlook.com.br",
            "gmx.us",
            "yandex.com.tr",
            "ya.ru",
            "mozmail.com",
            "me.mozmail.com",
            "duck.com",
            "users.noreply.github.com",
            "ann.anonaddy.com",
            "simplelogin.com",
            "passmail.net",
            "pm.me",
            "hey.com",
            // Brands, providers of one country, and relays that no package lists.
            "aol.it",
            "aol.com.au",
            "zohomail.ca",
            "gmx.biz",
            "tutanota.com",
            "orange.es",
            "telia.com",
            "comhem.se",
            "ms1.hinet.net",
            "vodafone.de",
            "talktalk.net",
            "walla.com",
            "hispeed.ch",
            "marketplace.amazon.ca",
            "marketplace.amazon.co.jp",
            "members.ebay.de",
            "sale.craigslist.org",
            "users.noreply.forge.example",
            "noreply.forge.example",
            "bravealias.com",
            "mailinator.com",
            "guerrillamail.com",
            "ann.fastmail.com",
            "\u{ff47}mail.com",
            "adv.br",
            "github.io",
            "co.uk",
            "localhost",
            "127.0.0.1",
            "",
            "a..b",
        ] {
            assert_eq!(email_domain(&format!("ann@{host}")), None, "{host}");
        }
        assert_eq!((email_domain("gmail.com"), email_domain("@")), (None, None));
    }

    #[test]
    fn colleagues_share_a_domain() {
        for (host, want) in [
            ("acme.com", "acme.com"),
            ("Acme.COM.", "acme.com"),
            ("eu.acme.co.uk", "eu.acme.co.uk"),
            ("silva.adv.br", "silva.adv.br"),
            ("lincoln.k12.ca.us", "lincoln.k12.ca.us"),
            ("ann.github.io", "ann.github.io"),
            ("b\u{fc}cher.de", "xn--bcher-kva.de"),
            // Names that only look like a provider's.
            ("yahoo.evil.com", "yahoo.evil.com"),
            ("notyahoo.com", "notyahoo.com"),
            ("yahoo.com.evil.com", "yahoo.com.evil.com"),
            ("livelive.com", "livelive.com"),
            ("live.acme.de", "live.acme.de"),
            ("outlook.example", "outlook.example"),
            ("gmail.example", "gmail.example"),
            ("mygmail.acme.com", "mygmail.acme.com"),
            ("github.com", "github.com"),
            ("noreplying.example", "noreplying.example"),
            ("marketplace.amazon.evil.example", "marketplace.amazon.evil.example"),
            ("aol.acme.de", "aol.acme.de"),
            ("craigslist.org", "craigslist.org"),
            ("apple.com", "apple.com"),
            ("mozilla.com", "mozilla.com"),
            ("contoso.onmicrosoft.com", "contoso.onmicrosoft.com"),
        ] {
            assert_eq!(email_domain(&format!("ann@{host}")).as_deref(), Some(want), "{host}");
        }
    }

    #[test]
    fn one_registrable_domain_one_site() {
        for (a, b, same) in [
            ("agency.example", "mail.agency.example", true),
            ("a.agency.example", "b.agency.example", true),
            ("agency.co.uk", "other.co.uk", false),
            ("shop.agency.co.uk", "agency.co.uk", true),
            ("co.uk", "ac.uk", false),
            ("agency.de", "agency.com", false),
            ("localhost", "localhost", true),
            ("silva.adv.br", "costa.adv.br", false),
            ("www.silva.adv.br", "silva.adv.br", true),
            ("lincoln.k12.ca.us", "washington.k12.ca.us", false),
            ("ann.github.io", "ben.github.io", false),
            ("x.ann.github.io", "ann.github.io", true),
            ("city.kobe.jp", "x.city.kobe.jp", true),
        ] {
            assert_eq!(is_same_site(a, b), same, "{a} {b}");
        }
    }

    #[test]
    fn a_site_is_its_owners() {
        for (site, want) in [
            ("https://www.Agency.example/about?x#y", Some("agency.example")),
            ("agency.example:8080", Some("agency.example")),
            ("http://ann.github.io", Some("ann.github.io")),
            ("https://b\u{fc}cher.de./", Some("xn--bcher-kva.de")),
            ("https://github.io", None),
            ("https://gmail.com", None),
            ("", None),
        ] {
            assert_eq!(site_domain(site).as_deref(), want, "{site}");
        }
    }
}
