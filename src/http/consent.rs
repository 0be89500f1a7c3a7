//! Whether a visitor has consented: what the site's consent cookie says.
//!
//! The setting is the cookie's name, or `name=value|value` with the values that mean yes. Both sides are compared
//! decoded, without quotes around them, and whatever their case.

use crate::codec::cookie_header;
use crate::http::exchange::decode_segment;

/// Values that never mean yes, whatever the setting says. An empty one does not either.
const NO: [&str; 43] = [
    "0",
    "00",
    "blocked",
    "closed",
    "decline",
    "declined",
    "denial",
    "denied",
    "deny",
    "disabled",
    "disagree",
    "disagreed",
    "disallow",
    "disallowed",
    "dismiss",
    "dismissed",
    "essential",
    "expired",
    "f",
    "false",
    "ignore",
    "ignored",
    "n",
    "necessary",
    "never",
    "no",
    "none",
    "null",
    "off",
    "optedout",
    "optout",
    "pending",
    "refuse",
    "refused",
    "reject",
    "rejected",
    "revoke",
    "revoked",
    "undefined",
    "unknown",
    "unset",
    "withdraw",
    "withdrawn",
];

/// Whether these cookies hold a yes. Of two cookies of the name nobody can tell which is the visitor's.
pub fn is_given(cookies: &str, setting: &str) -> bool {
    let (name, values) = parts(setting);
    let Some(given) = cookie_header::only(cookies, name).map(normal) else { return false };
    !is_no(&given) && values.is_none_or(|mut values| values.any(|value| normal(value) == given))
}

/// Why a setting can never hold a yes, or names no cookie.
pub fn complaint(setting: &str) -> Option<String> {
    let (name, values) = parts(setting);
    let is_name =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&b));
    if !is_name {
        return Some(
            "CONSENT_COOKIE: must be a cookie's name, or name=value|value with the values that mean yes".to_owned(),
        );
    }
    let mut values = values?;
    let no = values.find(|value| is_no(&normal(value)))?;
    Some(format!("CONSENT_COOKIE: the value {no:?} never means yes, so name those that do"))
}

/// The name, and the values that mean yes if the setting has any.
fn parts(setting: &str) -> (&str, Option<impl Iterator<Item = &str>>) {
    match setting.split_once('=') {
        Some((name, values)) => (name.trim(), Some(values.split('|'))),
        None => (setting.trim(), None),
    }
}

/// Whether a value is a no, however its words are joined, and of whatever it is one.
fn is_no(value: &str) -> bool {
    let words: String = value.chars().filter(|c| !"-_ .:;,![]{}".contains(*c)).collect();
    let bare = |end: &str| words.strip_suffix(end).or_else(|| words.strip_prefix(end)).unwrap_or(&words).to_owned();
    words.is_empty()
        || value.starts_with('-')
        || NO.iter().any(|no| words == *no || ["all", "only", "cookies"].iter().any(|end| bare(end) == *no))
}

fn normal(value: &str) -> String {
    let mut value = value.to_owned();
    // Some sites encode it twice.
    for _ in 0..2 {
        value = decode_segment(&value).unwrap_or(value);
    }
    value.trim_matches(|c: char| c == '"' || c == '\'' || c.is_whitespace()).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_values_mean_yes() {
        for value in ["yes", "1", "true", "granted", "%7Bstamp:1%7D", "\"all\"", "all", "allowall", "accept-all", "10"]
        {
            assert!(is_given(&format!("a=b; c={value}"), "c"), "{value}");
        }
        for no in NO {
            for value in [
                no.to_owned(),
                no.to_uppercase(),
                format!("\"{no}\""),
                format!("%22{no}%22"),
                format!("%20{no}"),
                format!("%2522{no}%2522"),
                format!("{no}-all"),
                format!("{no}_cookies"),
                format!("only {no}"),
            ] {
                assert!(!is_given(&format!("c={value}"), "c"), "{value}");
                assert!(!is_given(&format!("c={value}"), &format!("c={no}|yes")), "{value} is listed");
            }
        }
        for cookies in [
            "",
            "c=-1",
            "c=opt_out",
            "c=opt-out",
            "c=Reject%20All",
            "c=%5B%5D",
            "c=%7B%7D",
            "c=-",
            "c=",
            "c=\"\"",
            "c=%20",
            "xc=yes",
            "c=yes; c=yes",
            "C=yes",
        ] {
            assert!(!is_given(cookies, "c"), "{cookies}");
        }
    }

    #[test]
    fn the_setting_names_values() {
        let setting = "consent=granted|All Cookies| analytics:true ";
        for value in ["granted", "GRANTED", "all%20cookies", "\"granted\"", "analytics%3Atrue"] {
            assert!(is_given(&format!("consent={value}"), setting), "{value}");
        }
        for value in ["yes", "1", "grante", "granted|all", "deny", "", "analytics%3Afalse"] {
            assert!(!is_given(&format!("consent={value}"), setting), "{value}");
        }
        assert!(is_given("c=a=b", "c=a=b") && !is_given("c=a", "c=a=b"));
        assert!(!is_given("c=%ff", "c=yes") && !is_given("c=yes", "c="));
    }

    #[test]
    fn what_never_says_yes_is_told() {
        for good in ["c", "c=yes", " c = yes|1 ", "__Host-consent=a%3Db"] {
            assert_eq!(complaint(good), None, "{good}");
        }
        for bad in ["=yes", "a b", "c=", "c=yes|", "c=deny", "c=yes|FALSE", "c;d"] {
            assert!(complaint(bad).is_some_and(|text| text.starts_with("CONSENT_COOKIE: ")), "{bad}");
        }
    }
}
