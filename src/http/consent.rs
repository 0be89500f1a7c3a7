//! Whether a visitor has consented: what the site's consent cookie says.
//!
//! The setting is the cookie's name, or `name=value|value` with the values that mean yes. Both sides are compared
//! decoded, without quotes around them, and whatever their case.

use crate::codec::cookie_header;
use crate::http::exchange::decode_segment;

/// Values that never mean yes, whatever the setting says. An empty one does not either.
const NO: [&str; 28] = [
    "0",
    "-1",
    "blocked",
    "closed",
    "decline",
    "declined",
    "denied",
    "deny",
    "disabled",
    "disallow",
    "disallowed",
    "dismiss",
    "dismissed",
    "essential",
    "f",
    "false",
    "n",
    "necessary",
    "no",
    "none",
    "null",
    "off",
    "opt-out",
    "refused",
    "reject",
    "rejected",
    "undefined",
    "unset",
];

/// Whether these cookies hold a yes. Of two cookies of the name nobody can tell which is the visitor's.
pub fn is_given(cookies: &str, setting: &str) -> bool {
    let (name, values) = parts(setting);
    let Some(given) = cookie_header::only(cookies, name).map(normal) else { return false };
    let is_no = given.is_empty() || NO.contains(&given.as_str());
    !is_no && values.is_none_or(|mut values| values.any(|value| normal(value) == given))
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
    let no = values.find(|value| NO.contains(&normal(value).as_str()) || normal(value).is_empty())?;
    Some(format!("CONSENT_COOKIE: the value {no:?} never means yes, so name those that do"))
}

/// The name, and the values that mean yes if the setting has any.
fn parts(setting: &str) -> (&str, Option<impl Iterator<Item = &str>>) {
    match setting.split_once('=') {
        Some((name, values)) => (name.trim(), Some(values.split('|'))),
        None => (setting.trim(), None),
    }
}

fn normal(value: &str) -> String {
    let value = decode_segment(value).unwrap_or_else(|| value.to_owned());
    value.trim_matches(|c: char| c == '"' || c == '\'' || c.is_whitespace()).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_values_mean_yes() {
        for value in ["yes", "1", "true", "granted", "%7Bstamp:1%7D", "\"all\""] {
            assert!(is_given(&format!("a=b; c={value}"), "c"), "{value}");
        }
        for no in NO {
            for value in
                [no.to_owned(), no.to_uppercase(), format!("\"{no}\""), format!("%22{no}%22"), format!("%20{no}")]
            {
                assert!(!is_given(&format!("c={value}"), "c"), "{value}");
                assert!(!is_given(&format!("c={value}"), &format!("c={no}|yes")), "{value} is listed");
            }
        }
        for cookies in ["", "c=", "c=\"\"", "c=%20", "xc=yes", "c=yes; c=yes", "C=yes"] {
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
