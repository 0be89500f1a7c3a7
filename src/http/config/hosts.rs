//! What is wrong with the addresses of the Worker and the site, together with the cookie's domain. Each complaint names
//! its setting and says in one sentence what to write instead.

use crate::base::domain::{is_at_or_below, is_public_suffix, normal};
use crate::codec::link::destination;
use crate::codec::web_address::WebAddress;
use std::net::Ipv4Addr;

/// The form in which a cookie's domain is compared and sent.
pub fn normal_domain(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

/// Why a text cannot be a cookie's domain. Only its form counts.
pub fn domain_form(domain: &str) -> Option<String> {
    let authority = domain.split("://").last().unwrap_or_default().split(['/', ':']).next().unwrap_or_default();
    let name = normal(authority.trim_matches('.')).filter(|name| is_name(name) && !is_public_suffix(name));
    let example = name.as_deref().unwrap_or("example.com");
    (!is_name(domain)).then(|| {
        format!(
            "COOKIE_DOMAIN: write a host name alone, without scheme, port, path or dots at its ends, as in {example}"
        )
    })
}

fn is_name(text: &str) -> bool {
    let fits = |label: &str| {
        let is_whole = !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
        is_whole && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 253 && text.split('.').all(fits)
}

/// What is wrong with one address of the configuration that could be read.
pub fn address_form(name: &str, text: &str, may_have_path: bool) -> Option<String> {
    let at = WebAddress::parse(text)?;
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    if !at.is_https && !at.is_loopback() {
        return Some(format!(
            "{name}: http can be read on the way and browsers send the cookie over https alone, so write https://{rest}"
        ));
    }
    let path = rest.find(['/', '?']).map_or("", |place| &rest[place..]);
    let is_wrong = path.contains('?') || !may_have_path && !path.is_empty();
    let scheme = if at.is_https { "https" } else { "http" };
    is_wrong.then(|| {
        let kept =
            if may_have_path { rest.split('?').next().unwrap_or_default() } else { &rest[..rest.len() - path.len()] };
        format!("{name}: other addresses are made by adding to it, so write {scheme}://{kept}")
    })
}

/// Why an address could not be read, and what to write.
pub fn unreadable(name: &str, text: &str) -> String {
    let has_scheme = text.contains("://");
    let with_scheme = if has_scheme { text.to_owned() } else { format!("https://{}", text.trim_start_matches('/')) };
    match destination::normal(&with_scheme).ok().filter(|text| WebAddress::parse(text).is_some()) {
        Some(written) if !has_scheme => format!("{name}: has no scheme, so write {written}"),
        Some(written) => format!("{name}: is read as browsers send it, so write {written}"),
        None => format!("{name}: must be a URL such as https://example.com, without a user name or a dot at its end"),
    }
}

/// Whether the visitors of these two addresses keep one cookie. `domain` has a good form, or is empty.
pub fn sharing(public: &str, site: &str, domain: &str) -> Vec<String> {
    let named = [("PUBLIC_URL", WebAddress::parse(public)), ("SITE_URL", WebAddress::parse(site))];
    let hosts: Vec<(&str, &str)> =
        named.iter().filter_map(|(name, at)| Some((*name, at.as_ref()?.host.as_str()))).collect();
    if domain.is_empty() {
        let [(_, a), (_, b)] = hosts[..] else { return Vec::new() };
        let is_apart = a != b && ![&named[0].1, &named[1].1].into_iter().flatten().all(WebAddress::is_loopback);
        return is_apart.then(|| apart(a, b)).into_iter().collect();
    }
    if is_public_suffix(domain) || domain.parse::<Ipv4Addr>().is_ok() {
        return vec![format!(
            "COOKIE_DOMAIN: browsers refuse cookies for {domain}, which is nobody's own domain, so write the domain of your site{}",
            hosts.last().map(|(_, host)| format!(", such as {host}")).unwrap_or_default()
        )];
    }
    let wrong = hosts.iter().filter(|(_, host)| !is_at_or_below(host, domain)).map(|(name, host)| {
        format!(
            "COOKIE_DOMAIN: {host} (in {name}) is not {domain} or below it, so its visitors have no cookie: write a domain that \
             PUBLIC_URL and SITE_URL have in common"
        )
    });
    wrong.take(1).collect()
}

/// Those that were not there before.
pub fn unsaid(said: &[String], found: Vec<String>) -> Vec<String> {
    found.into_iter().filter(|what| !said.contains(what)).collect()
}

fn apart(public: &str, site: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (public.rsplit('.').collect(), site.rsplit('.').collect());
    let common = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let mut labels = a[..common].to_vec();
    labels.reverse();
    let domain = labels.join(".");
    let mend = if domain.is_empty() || is_public_suffix(&domain) || public.parse::<Ipv4Addr>().is_ok() {
        format!("give this Worker a host of the site's domain in PUBLIC_URL, or a route on {site}")
    } else {
        format!("set COOKIE_DOMAIN to {domain}")
    };
    format!("SITE_URL: pages of {site} do not get the cookie that {public} sets, so {mend}")
}

#[cfg(test)]
mod tests {
    use crate::http::config::Config;

    fn complaints(public: &str, site: &str, domain: &str) -> Vec<String> {
        let config = Config::read(|name| match name {
            "PUBLIC_URL" => public.to_owned(),
            "SITE_URL" => site.to_owned(),
            "COOKIE_DOMAIN" => domain.to_owned(),
            "COOKIE_KEYS" => "k1:517bd8823e6ea4497977a22a9a0761f3176c639de5b0828c788e7c345d4d08b0".to_owned(),
            "DEVELOPMENT" => "yes".to_owned(),
            _ => String::new(),
        });
        config.complaints.into_iter().filter(|text| !text.starts_with("WEBHOOK_SECRETS: ")).collect()
    }

    #[test]
    fn what_works_is_quiet() {
        for (public, site, domain) in [
            ("", "", ""),
            ("https://go.example.com", "", ""),
            ("https://example.com", "https://example.com", ""),
            ("https://Example.com", "https://example.COM/shop", ""),
            ("https://go.example.com", "https://www.example.com", "example.com"),
            (" https://go.example.com/ ", " https://example.com ", " Example.com "),
            ("https://go.shop.co.uk", "https://shop.co.uk", "shop.co.uk"),
            ("http://127.0.0.1:8799", "http://127.0.0.1:9000/shop", ""),
            ("http://127.0.0.1:8799", "http://localhost:9000", ""),
        ] {
            assert_eq!(complaints(public, site, domain), [""; 0], "{public} {site} {domain}");
        }
    }

    #[test]
    fn what_cannot_work_says_how_it_would() {
        for (public, site, domain, wanted) in [
            ("https://go.example.com", "https://www.example.com", "", "SITE_URL: … COOKIE_DOMAIN to example.com"),
            ("https://example.com", "https://www.example.com", "", "SITE_URL: … COOKIE_DOMAIN to example.com"),
            ("https://go.shop.co.uk", "https://shop.co.uk", "", "SITE_URL: … COOKIE_DOMAIN to shop.co.uk"),
            ("https://a.co.uk", "https://b.co.uk", "", "SITE_URL: … a route on b.co.uk"),
            ("https://ref.example", "https://example.com", "", "SITE_URL: … a route on example.com"),
            ("https://x.workers.dev", "https://y.workers.dev", "", "SITE_URL: … a route on y.workers.dev"),
            ("https://1.2.3.4", "https://9.2.3.4", "", "SITE_URL: …"),
            ("", "https://example.com", "com", "COOKIE_DOMAIN: … such as example.com"),
            ("https://a.co.uk", "", "co.uk", "COOKIE_DOMAIN: … such as a.co.uk"),
            ("", "", "127.0.0.1", "COOKIE_DOMAIN: …"),
            ("", "", "workers.dev", "COOKIE_DOMAIN: …"),
            ("https://go.example.com", "https://example.com", "other.com", "COOKIE_DOMAIN: … in common"),
            (
                "https://go.example.com",
                "https://example.com",
                "go.example.com",
                "COOKIE_DOMAIN: example.com (in SITE_URL) … in common",
            ),
            ("https://badexample.com", "", "example.com", "COOKIE_DOMAIN: badexample.com …"),
            ("", "", "https://example.com", "COOKIE_DOMAIN: … as in example.com"),
            ("", "", "example.com:443", "COOKIE_DOMAIN: … as in example.com"),
            ("", "", "example.com.", "COOKIE_DOMAIN: … as in example.com"),
            ("", "", "B\u{fc}cher.example", "COOKIE_DOMAIN: … as in xn--bcher-kva.example"),
            ("https://b\u{fc}cher.example", "", "", "PUBLIC_URL: … write https://xn--bcher-kva.example"),
            ("", "b\u{fc}cher.example", "", "SITE_URL: has no scheme, so write https://xn--bcher-kva.example"),
            ("", "", ".example.com", "COOKIE_DOMAIN: … as in example.com"),
            ("", "", "exa mple.com", "COOKIE_DOMAIN: … as in example.com"),
            ("http://example.com", "", "", "PUBLIC_URL: … write https://example.com"),
            ("", "http://example.com/shop", "", "SITE_URL: … write https://example.com/shop"),
            ("example.com", "", "", "PUBLIC_URL: has no scheme, so write https://example.com"),
            ("", "www.example.com", "", "SITE_URL: has no scheme, so write https://www.example.com"),
            ("", "//example.com", "", "SITE_URL: has no scheme, so write https://example.com"),
            ("", "ftp://example.com", "", "SITE_URL: must be a URL …"),
            ("", "https://example.com.", "", "SITE_URL: …"),
            ("", "https://user@example.com", "", "SITE_URL: must be a URL …"),
            ("https://example.com/ref", "", "", "PUBLIC_URL: … write https://example.com"),
            ("https://example.com?x", "", "", "PUBLIC_URL: … write https://example.com"),
            ("", "https://example.com/a?b=c", "", "SITE_URL: … write https://example.com/a"),
        ] {
            let found = complaints(public, site, domain);
            let (start, end) = wanted.split_once('…').unwrap_or((wanted, wanted));
            let is_wanted = |text: &String| text.starts_with(start.trim_end()) && text.ends_with(end.trim_start());
            assert!(found.len() == 1 && is_wanted(&found[0]), "{public} {site} {domain}: {found:?}, wanted {wanted}");
        }
    }

    #[test]
    fn where_no_address_is_set_the_request_s_counts() {
        let config = Config { site_url: "https://www.example.com".to_owned(), ..Config::default() };
        assert_eq!(config.complaints_at("https://www.example.com"), [""; 0]);
        assert_eq!(config.complaints_at("https://go.example.com").len(), 1);
        for quiet in ["http://127.0.0.1:8799", "https://manicule.me.workers.dev", ""] {
            assert_eq!(config.complaints_at(quiet), [""; 0], "{quiet}");
        }
        // Another site's cookie domain.
        let keys = "k1:517bd8823e6ea4497977a22a9a0761f3176c639de5b0828c788e7c345d4d08b0";
        let shared =
            Config { cookie_keys: crate::http::config::cookie_keys(keys, "other.com").ok(), ..Config::default() };
        assert_eq!(shared.complaints_at("https://www.other.com"), [""; 0]);
        let found = shared.complaints_at("https://go.example.com");
        assert!(found.len() == 1 && found[0].starts_with("COOKIE_DOMAIN: go.example.com"), "{found:?}");
        let set = Config { public_url: "https://www.example.com".to_owned(), ..config };
        assert_eq!(set.complaints_at("https://go.example.com"), [""; 0]);
    }
}
