//! Names of campaigns: of any letters, in one spelling, and short.

use crate::base::domain::fold;
use std::borrow::Cow;

/// Longest name, in bytes: a cookie holds many.
pub const CAMPAIGN_BYTES_MAX: usize = 64;

/// A campaign as it is kept: without what nobody sees, one space for several, letters with their accents, `_` for what
/// marks up text, and cut at 64 bytes. `None` if nothing is left.
pub fn campaign_of(text: &str) -> Option<Cow<'_, str>> {
    if is_plain(text) {
        return (!text.is_empty()).then_some(Cow::Borrowed(text));
    }
    let mut name = String::with_capacity(text.len().min(CAMPAIGN_BYTES_MAX));
    for c in text.chars() {
        let shown = match c {
            _ if c.is_whitespace() => ' ',
            _ if is_markup(c) => '_',
            _ => c,
        };
        if is_hidden(shown) || shown == ' ' && (name.is_empty() || name.ends_with(' ')) {
            continue;
        }
        let shown = join_accent(&mut name, shown);
        if name.len() + shown.len_utf8() > CAMPAIGN_BYTES_MAX {
            break;
        }
        name.push(shown);
    }
    name.truncate(name.trim_end().len());
    (!name.is_empty()).then_some(Cow::Owned(name))
}

/// Whether this is a campaign as it is kept.
pub fn is_campaign(text: &str) -> bool {
    campaign_of(text).is_some_and(|kept| kept == text)
}

/// Whether it has characters that are not kept: whoever names a link's campaign is told.
pub fn has_markup(text: &str) -> bool {
    text.chars().any(is_markup)
}

/// What nearly all are.
fn is_plain(text: &str) -> bool {
    text.len() <= CAMPAIGN_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic() && !is_markup(char::from(b)))
}

/// Characters of HTML, Markdown and spreadsheets: names stand in reports.
fn is_markup(c: char) -> bool {
    "<>\"|`\\*[]{}^=".contains(c)
}

/// Characters that show nothing, or turn the text around.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The letter that an accent makes of the one before it, which is taken off the name.
fn join_accent(name: &mut String, accent: char) -> char {
    let is_accent = matches!(accent, '\u{300}'..='\u{36f}');
    let Some(base) = name.chars().next_back().filter(|base| is_accent && base.is_alphabetic()) else { return accent };
    let joined = fold(&format!("{base}{accent}"));
    let mut letters = joined.chars();
    let (Some(letter), None) = (letters.next(), letters.next()) else { return accent };
    name.pop();
    let mut upper = letter.to_uppercase();
    match (base.is_uppercase(), upper.next(), upper.next()) {
        (true, Some(upper), None) => upper,
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_kept_in_one_spelling() {
        for (text, kept) in [
            ("q3_2026.a-b", "q3_2026.a-b"),
            ("may mail", "may mail"),
            (" may \u{a0} mail\n", "may mail"),
            ("Frühling!", "Frühling!"),
            ("Fru\u{308}hling", "Frühling"),
            ("U\u{308}ber", "Über"),
            ("春の\u{200b}セール", "春の\u{30bb}ール"),
            ("весна", "весна"),
            ("a\tb\0c\u{202e}d", "a bcd"),
            ("x\u{301}", "x\u{301}"),
            ("<b>|=", "_b___"),
        ] {
            assert_eq!(campaign_of(text).as_deref(), Some(kept), "{text:?}");
        }
        for nothing in ["", " ", "\u{200b}\n"] {
            assert_eq!(campaign_of(nothing), None, "{nothing:?}");
        }
        assert_eq!(campaign_of(&"c".repeat(65)).as_deref(), Some("c".repeat(64).as_str()));
        assert_eq!(campaign_of(&"é".repeat(65)).as_deref(), Some("é".repeat(32).as_str()));
    }

    proptest! {
        #[test]
        fn what_is_kept_stays(text in "[a-zA-Z éüе\u{301}\u{308}\u{200b}\t春.]{0,60}|.{0,80}") {
            if let Some(kept) = campaign_of(&text) {
                prop_assert!(kept.len() <= CAMPAIGN_BYTES_MAX && !kept.chars().any(char::is_control));
                prop_assert!(is_campaign(&kept), "{:?} {:?}", text, kept);
            }
        }
    }
}
