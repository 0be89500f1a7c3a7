//! Which email addresses are one mailbox, and which sites belong together.

/// The domain of an address, in lower case; `None` for a public email provider.
pub fn email_domain(email: &str) -> Option<String> {
    let domain = email.rsplit_once('@')?.1.trim().to_lowercase();
    (!domain.is_empty() && !FREE_MAIL.contains(&domain.as_str())).then_some(domain)
}

/// The host of a website's address.
pub fn site_domain(site: &str) -> Option<String> {
    let rest = site.split_once("://").map_or(site, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#', ':']).next()?.trim_start_matches("www.").to_lowercase();
    (!host.is_empty() && !FREE_MAIL.contains(&host.as_str())).then_some(host)
}

/// Whether two hosts belong to one registrable domain.
pub fn is_same_site(a: &str, b: &str) -> bool {
    registrable(a) == registrable(b)
}

/// The last two labels, or three where a country's registry uses the second-level one (`co.uk`, `com.au`). The public
/// suffix list is more complete, but as large as the rest of the Worker. An operator sees a false match in the review.
fn registrable(host: &str) -> &str {
    const SHARED: &[&str] = &["co", "com", "org", "net", "gov", "edu", "ac", "or", "ne", "gob", "gouv"];
    let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
    let (Some(last), Some(second)) = (dots.next(), dots.next()) else { return host };
    let country = host.len() - last - 1 == 2;
    let cut = if country && SHARED.contains(&&host[second + 1..last]) { dots.next() } else { Some(second) };
    cut.map_or(host, |at| &host[at + 1..])
}

/// Public email providers: the largest ones and their country domains.
const FREE_MAIL: &[&str] = &[
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "msn.com",
    "yahoo.com",
    "ymail.com",
    "aol.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "proton.me",
    "protonmail.com",
    "pm.me",
    "gmx.com",
    "gmx.net",
    "gmx.de",
    "gmx.at",
    "gmx.ch",
    "web.de",
    "t-online.de",
    "freenet.de",
    "mail.com",
    "mail.ru",
    "yandex.ru",
    "yandex.com",
    "zoho.com",
    "fastmail.com",
    "hey.com",
    "tutanota.com",
    "tuta.io",
    "qq.com",
    "163.com",
    "126.com",
    "naver.com",
    "hotmail.co.uk",
    "hotmail.fr",
    "live.co.uk",
    "yahoo.co.uk",
    "yahoo.co.jp",
    "yahoo.fr",
    "yahoo.de",
    "yahoo.co.in",
    "outlook.fr",
    "outlook.de",
    "orange.fr",
    "free.fr",
    "laposte.net",
    "libero.it",
    "btinternet.com",
    "comcast.net",
    "verizon.net",
    "att.net",
    "rediffmail.com",
    "uol.com.br",
    "bol.com.br",
    "duck.com",
];

/// The same text for the same mailbox: case and plus tags don't distinguish people, nor do dots at Gmail.
pub fn normalise_email(email: &str) -> String {
    let lower = email.trim().to_lowercase();
    let Some((local, domain)) = lower.rsplit_once('@') else { return lower };
    let local = local.split('+').next().unwrap_or(local);
    match domain {
        "gmail.com" | "googlemail.com" => format!("{}@gmail.com", local.replace('.', "")),
        _ => format!("{local}@{domain}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_same_site, normalise_email};

    #[test]
    fn one_mailbox_one_text() {
        for (a, b, same) in [
            ("Ann@Example.com", "ann@example.com", true),
            ("ann+shop@example.com", "ann@example.com", true),
            ("a.n.n@gmail.com", "ann@googlemail.com", true),
            ("a.nn@example.com", "ann@example.com", false),
            ("ann@example.com", "ann@example.org", false),
        ] {
            assert_eq!(normalise_email(a) == normalise_email(b), same, "{a} {b}");
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
        ] {
            assert_eq!(is_same_site(a, b), same, "{a} {b}");
        }
    }
}
