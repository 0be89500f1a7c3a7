//! Relays: services that give one person many addresses and pass their mail on. Kept by hand, because the packages that
//! list email providers lack most of them.

use crate::base::domain::is_public_suffix;

/// Every name below one of these is its too: many relays give each user a subdomain.
const RELAYS: [&str; 78] = [
    // Apple: Hide My Email, Sign in with Apple.
    "privaterelay.appleid.com",
    // Firefox Relay.
    "mozmail.com",
    "relay.firefox.com",
    // DuckDuckGo.
    "duck.com",
    // SimpleLogin and Proton Pass.
    "simplelogin.com",
    "simplelogin.co",
    "simplelogin.io",
    "simplelogin.fr",
    "slmail.me",
    "slmails.com",
    "aleeas.com",
    "8alias.com",
    "8shield.net",
    "dralias.com",
    "silomails.com",
    "nicoric.com",
    "alias.proton.me",
    "passmail.com",
    "passmail.net",
    "passinbox.com",
    "passfwd.com",
    // addy.io, formerly AnonAddy.
    "addy.io",
    "addymail.com",
    "anonaddy.com",
    "anonaddy.me",
    "4wrd.cc",
    "mailer.me",
    // Code hosts: addresses of replies.
    "reply.github.com",
    // Atlassian, Google and Slack: accounts of programs.
    "connect.atlassian.com",
    "serviceaccount.atlassian.com",
    "gserviceaccount.com",
    "slack-bots.com",
    // Fastmail's masked addresses have these domains, and its users' own.
    "fastmail.com",
    "fastmail.fm",
    "fastmail.us",
    "fastmail.jp",
    "fastmail.co.uk",
    "messagingengine.com",
    "pobox.com",
    // StartMail, Cloaked, IronVest (formerly Blur), MySudo.
    "startmail.com",
    "use.startmail.com",
    "cloaked.id",
    "cloaked.com",
    "clkd.id",
    "ivmail.net",
    "opayq.com",
    "dnt.me",
    "sudomail.com",
    // Others that forward.
    "33mail.com",
    "spamgourmet.com",
    "spamex.com",
    "erine.email",
    "forwardemail.net",
    "mailwip.com",
    "inboxalias.com",
    "aliasvault.net",
    "relay.io",
    "burnermail.io",
    "trashmail.com",
    "sneakemail.com",
    "blurmail.net",
    "bravealias.com",
    "xoxy.net",
    // Market places: the buyer's and the seller's addresses.
    "guest.airbnb.com",
    "host.airbnb.com",
    "reply.airbnb.com",
    "guest.booking.com",
    "property.booking.com",
    "messages.homeaway.com",
    "reply.linkedin.com",
    "reply.craigslist.org",
    "sale.craigslist.org",
    "hous.craigslist.org",
    "serv.craigslist.org",
    "job.craigslist.org",
    "comm.craigslist.org",
    // Facebook: addresses of people who share none, and of test users.
    "proxymail.facebook.com",
    "tfbnw.net",
];

/// Whether this very name is a relay's.
pub fn is_listed(name: &str) -> bool {
    RELAYS.contains(&name)
        // Code hosts' addresses of commits and bots, and market places in every country.
        || name.starts_with("noreply.")
        || ["marketplace.amazon.", "members.ebay."].into_iter().any(|place| name.strip_prefix(place).is_some_and(is_public_suffix))
}

#[cfg(test)]
mod tests {
    use super::RELAYS;
    use crate::base::domain::{normal, registrable};
    use crate::engine::review::address::email_domain;
    use std::collections::BTreeSet;

    #[test]
    fn a_relays_addresses_bind_nobody() {
        for name in RELAYS {
            assert_eq!(normal(name).as_deref(), Some(name));
            assert!(registrable(name).is_some(), "{name} is a public suffix");
            for host in [name.to_owned(), format!("ann.{name}"), format!("{name}.").to_uppercase()] {
                assert_eq!(email_domain(&format!("x7@{host}")), None, "{host}");
            }
        }
        assert_eq!(RELAYS.iter().collect::<BTreeSet<_>>().len(), RELAYS.len(), "a name is there twice");
    }

    #[test]
    fn the_owners_of_relays_bind_their_colleagues() {
        for host in
            ["apple.com", "appleid.com", "github.com", "atlassian.com", "gitlab.com", "firefox.com", "amazon.com"]
        {
            assert_eq!(email_domain(&format!("ann@{host}")).as_deref(), Some(host));
        }
    }
}
