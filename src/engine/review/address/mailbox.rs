//! Which addresses lead to one mailbox. For suspicion alone: who a customer or a partner is, the exact address says.

use super::provider::brand;
use crate::base::domain;

/// A salted digest of a mailbox, by which accounts are compared and found. Rows hold it in place of the address's normal form.
pub type MailboxKey = String;

/// How a provider reads the part before the @, besides the tag after a plus, which all of them drop.
#[derive(Clone, Copy, Default)]
struct Reading {
    /// The name that stands for all of the provider's.
    domain: Option<&'static str>,
    /// Characters that make no difference.
    ignored: &'static str,
    /// A tag may also follow a hyphen.
    hyphen: bool,
    /// `tag@user.domain` is `user@domain`.
    subdomains: bool,
    /// All addresses of a user's subdomain are the user's.
    catch_all: bool,
}

const PLAIN: Reading = Reading { domain: None, ignored: "", hyphen: false, subdomains: false, catch_all: false };

fn reading(name: &str) -> Option<Reading> {
    let all = |domain| Reading { domain: Some(domain), ..PLAIN };
    Some(match name {
        "gmail.com" | "googlemail.com" => Reading { ignored: ".", ..all("gmail.com") },
        "proton.me" | "protonmail.com" | "protonmail.ch" | "pm.me" => Reading { ignored: ".-_", ..all("proton.me") },
        "icloud.com" | "me.com" | "mac.com" => all("icloud.com"),
        // A dot and a hyphen are the same there.
        "ya.ru" => Reading { ignored: ".-", ..all("yandex.com") },
        "ymail.com" | "rocketmail.com" | "myyahoo.com" => Reading { hyphen: true, ..PLAIN },
        "fastmail.com" | "fastmail.fm" | "fastmail.us" | "fastmail.jp" | "fastmail.co.uk" | "messagingengine.com" => {
            Reading { subdomains: true, ..PLAIN }
        }
        "mozmail.com" | "anonaddy.com" | "anonaddy.me" | "addymail.com" | "4wrd.cc" | "mailer.me" | "33mail.com"
        | "aleeas.com" | "slmail.me" => Reading { catch_all: true, ..PLAIN },
        _ => match brand(name)? {
            "yahoo" => Reading { hyphen: true, ..PLAIN },
            "yandex" => Reading { ignored: ".-", ..all("yandex.com") },
            _ => PLAIN,
        },
    })
}

/// The same text for the same mailbox.
pub fn normal(email: &str) -> String {
    let whole = bare(&domain::fold(email));
    let Some((local, host)) = whole.rsplit_once('@') else { return whole };
    let host = domain::normal(host).unwrap_or_else(|| host.to_owned());
    let known = domain::with_parents(&host).find_map(|name| Some((name, reading(name)?)));
    let (site, how) = known.unwrap_or((&host, PLAIN));
    let below = host.strip_suffix(site).and_then(|user| user.strip_suffix('.'));
    let (local, host) = match below {
        Some(user) if how.subdomains => (user, site),
        Some(_) if how.catch_all => ("", host.as_str()),
        // A reading is that of the name itself.
        Some(_) => return format!("{}@{host}", until(local, '+')),
        None => (local, how.domain.unwrap_or(site)),
    };
    let local = if how.hyphen { until(until(local, '+'), '-') } else { until(local, '+') };
    let local: String = local.chars().filter(|c| !how.ignored.contains(*c)).collect();
    format!("{local}@{host}")
}

/// The address alone: without the name before it, its scheme, comments, and what quotes it (RFC 5322).
fn bare(text: &str) -> String {
    let text = text.rsplit_once('<').map_or(text, |(_, rest)| rest.trim_end_matches('>'));
    let mut depth = 0usize;
    let mut shown = |c: &char| {
        depth += usize::from(*c == '(');
        let is_shown = depth == 0 && !matches!(c, '"' | '\\');
        depth -= usize::from(*c == ')' && depth > 0);
        is_shown
    };
    let out: String = text.strip_prefix("mailto:").unwrap_or(text).chars().filter(|c| shown(c)).collect();
    // An open bracket is no comment.
    if depth == 0 { out } else { text.to_owned() }
}

/// What stands before a tag. A name that begins with the mark is no tag.
fn until(local: &str, mark: char) -> &str {
    local.split(mark).next().filter(|name| !name.is_empty()).unwrap_or(local)
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn one_mailbox_one_text() {
        for (a, b, same) in [
            ("Ann@Example.com", "ann@example.com", true),
            (" ann@example.com\t", "ann@example.com.", true),
            ("ann+shop@example.com", "ann@example.com", true),
            ("ann+a+b@example.com", "ann@example.com", true),
            ("+ann@example.com", "ann@example.com", false),
            ("\"ann\"@example.com", "ann@example.com", true),
            ("\"a\\nn\"@example.com", "ann@example.com", true),
            ("\"ann\"+x@example.com", "ann@example.com", true),
            ("ann(work)@example.com", "ann@example.com", true),
            ("(a(b))ann@(c)example.com(d)", "ann@example.com", true),
            ("Ann<ann@example.com>", "ann@example.com", true),
            ("mailto:ann@example.com", "ann@example.com", true),
            ("ann(@example.com", "ann@example.com", false),
            ("a\u{2067}nn@example.com", "ann@example.com", true),
            ("ann+x-y@yahoo.com", "ann@yahoo.com", true),
            ("ann-x+y@YAHOO.com.", "ann@yahoo.com", true),
            ("a.nn@example.com", "ann@example.com", false),
            ("ann-x@example.com", "ann@example.com", false),
            ("ann@example.com", "ann@example.org", false),
            ("ann@a.example.com", "ann@example.com", false),
            // Gmail: dots, and its other name.
            ("a.n.n@gmail.com", "ann@googlemail.com", true),
            ("p.al+1@GoogleMail.com", "pal@gmail.com", true),
            ("pal-1@gmail.com", "pal@gmail.com", false),
            ("p.al@x.gmail.com", "pal@x.gmail.com", false),
            // Yahoo: tags after a hyphen; each name is a mailbox of its own.
            ("ann-shop@yahoo.com", "ann@yahoo.com", true),
            ("ann-shop@yahoo.co.jp", "ann@yahoo.co.jp", true),
            ("ann@yahoo.com", "ann@yahoo.co.jp", false),
            ("a.nn@yahoo.com", "ann@yahoo.com", false),
            ("-x@yahoo.com", "-y@yahoo.com", false),
            // Microsoft: neither.
            ("ann-x@outlook.com", "ann@outlook.com", false),
            ("a.nn@hotmail.com", "ann@hotmail.com", false),
            ("ann@hotmail.com", "ann@live.com", false),
            ("ann+x@live.nl", "ann@live.nl", true),
            // Apple, Proton, Yandex: other names.
            ("ann@me.com", "ann@icloud.com", true),
            ("ann@mac.com", "ann+x@icloud.com", true),
            ("a.n_n-@protonmail.com", "ann@pm.me", true),
            ("a-nn@yandex.ru", "a.nn@yandex.com.tr", true),
            ("ann@ya.ru", "ann@yandex.kz", true),
            // Fastmail's subdomains, and users' subdomains of relays.
            ("shop@ann.fastmail.com", "ann@fastmail.com", true),
            ("shop@ann.fastmail.com", "shop@fastmail.com", false),
            ("a1@ann.anonaddy.com", "b2@ann.anonaddy.com", true),
            ("a1@ann.anonaddy.com", "a1@ben.anonaddy.com", false),
            ("a1@mozmail.com", "b2@mozmail.com", false),
            ("a1@privaterelay.appleid.com", "b2@privaterelay.appleid.com", false),
            // Other scripts.
            ("ann@b\u{fc}cher.de", "ann@xn--bcher-kva.de", true),
            ("ann@bu\u{308}cher.de", "ann@B\u{dc}CHER.de", true),
            ("J\u{f6}rg@example.com", "jo\u{308}rg@example.com", true),
            ("\u{ff41}nn@example.com", "ann@example.com", true),
            ("a\u{200b}nn@example.com", "ann@example.com", true),
            ("nobody", "Nobody", true),
            ("", "@", false),
        ] {
            assert_eq!(normal(a) == normal(b), same, "{a} {b}: {} {}", normal(a), normal(b));
        }
    }
}
