//! Codes that people choose, instead of having them drawn: their form, the words that nobody may have, and which of them
//! look the same.
//!
//! A chosen code is found whatever the case of its letters. A drawn one is found exactly as it is, so that its case
//! still counts against guessing.

use std::ops::RangeInclusive;

/// How long a chosen code may be, in characters.
pub const CHOSEN_CHARS: RangeInclusive<usize> = 3..=64;

/// Words that seem to speak for the site or its operator, and the first segments of our own paths.
const RESERVED: [&str; 36] = [
    "admin",
    "administrator",
    "affiliate",
    "api",
    "app",
    "auth",
    "billing",
    "code",
    "contact",
    "emdash",
    "healthz",
    "help",
    "home",
    "join",
    "legal",
    "link",
    "links",
    "login",
    "logout",
    "manicule",
    "null",
    "official",
    "openapi",
    "operator",
    "partner",
    "partners",
    "payout",
    "payouts",
    "px",
    "ref",
    "referral",
    "root",
    "security",
    "sign-in",
    "support",
    "system",
];

/// Whether this could be a chosen code: 3 to 64 of `[A-Za-z0-9_-]`.
pub fn is_choosable(text: &str) -> bool {
    CHOSEN_CHARS.contains(&text.len()) && super::is_code(text)
}

/// Whether a code looks like a reserved word, or like a part of the host that links begin with.
pub fn is_reserved(code: &str, host: &str) -> bool {
    let wanted = skeleton(code);
    RESERVED.iter().copied().chain(host.split('.')).any(|word| skeleton(word) == wanted)
}

/// The same text for all codes that a person may take for each other: whatever the case, and with 0 as O, 1 and I as l,
/// rn as m, and _ as -.
pub fn skeleton(code: &str) -> String {
    let letters: String = code
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            '0' => 'o',
            '1' | 'i' => 'l',
            '_' => '-',
            other => other,
        })
        .collect();
    letters.replace("rn", "m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_the_same_has_one_skeleton() {
        for (one, other) in [
            ("ADA20", "ada2O"),
            ("bill", "B1LL"),
            ("bill", "bIIl"),
            ("corner", "comer"),
            ("CORNER", "COMER"),
            ("a_b", "A-b"),
            ("RNRN", "mm"),
        ] {
            assert_eq!(skeleton(one), skeleton(other), "{one} {other}");
        }
        for (one, other) in [("ada20", "ada21"), ("ab", "a-b"), ("nr", "m"), ("sale5", "sales")] {
            assert_ne!(skeleton(one), skeleton(other), "{one} {other}");
        }
    }

    #[test]
    fn reserved_words_stay_reserved_in_disguise() {
        for code in ["admin", "ADMIN", "adm1n", "adrnin", "0fficial", "sign_in", "Shop", "example"] {
            assert!(is_reserved(code, "shop.example"), "{code}");
        }
        for code in ["ada20", "PARTNER_AGENCY42", "admin2", "shop-ada"] {
            assert!(!is_reserved(code, "shop.example"), "{code}");
        }
    }

    #[test]
    fn chosen_codes_have_a_form() {
        for code in ["abc", "PARTNER_AGENCY42", "a-b", &"x".repeat(64)] {
            assert!(is_choosable(code), "{code}");
        }
        for code in ["", "ab", "a b", "käse", "a.b", "a/b", &"x".repeat(65)] {
            assert!(!is_choosable(code), "{code}");
        }
    }
}
