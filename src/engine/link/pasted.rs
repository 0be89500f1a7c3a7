//! A code in what people paste: a link with the sentence's full stop, a code between quotes, an address whose `?` became
//! a `&` on its way.
//!
//! A code is cut at the first character that no code has. So nothing has to be looked up twice.

use crate::engine::link::{CODE_MAX, is_code_byte};
use std::borrow::Cow;

/// A code, and what follows it in the text, as it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut<'a> {
    pub code: Cow<'a, str>,
    pub rest: &'a str,
}

/// The code at the beginning of a text from a URL, where characters may be escaped. Spaces, quotes and brackets before it
/// are passed over.
pub fn cut(text: &str) -> Option<Cut<'_>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut next = byte_at(bytes, at)?;
    while !is_code_byte(next.0) {
        if !is_wrapping(next.0) {
            return None;
        }
        at = next.1;
        next = byte_at(bytes, at)?;
    }
    let start = at;
    let mut escaped: Option<String> = None;
    while let Some((byte, after)) = byte_at(bytes, at).filter(|(byte, _)| is_code_byte(*byte)) {
        if after > at + 1 && escaped.is_none() {
            escaped = Some(text[start..at].to_owned());
        }
        if let Some(code) = &mut escaped {
            code.push(char::from(byte));
        }
        at = after;
    }
    let code = escaped.map_or(Cow::Borrowed(&text[start..at]), Cow::Owned);
    (code.len() <= CODE_MAX).then_some(Cut { code, rest: &text[at..] })
}

/// The code in what somebody typed or pasted into a form: a code, or a whole link, with what came along. What has none is
/// returned as it is, so that a report shows what was tried.
pub fn code_of(typed: &str) -> Cow<'_, str> {
    let typed = typed.trim();
    let found = after_any_short(typed).and_then(cut).or_else(|| in_parameter(typed));
    match found.or_else(|| cut(typed).filter(|_| !typed.contains("://"))) {
        Some(found) => found.code,
        None => Cow::Owned(typed.chars().filter(|c| !c.is_control()).take(CODE_MAX).collect()),
    }
}

/// The parameters after a code: whoever pasted the link may have put a `&` or an escaped `?` before them.
pub fn query_of(rest: &str) -> &str {
    let bytes = rest.as_bytes();
    let starts = (0..bytes.len()).find_map(|at| match byte_at(bytes, at) {
        Some((b'?' | b'&', after)) => Some(after),
        _ => None,
    });
    let query = starts.map_or("", |at| &rest[at..]);
    query.strip_prefix("amp;").unwrap_or(query)
}

/// What follows `/r/` at the beginning of a path, in whatever case and with however many slashes.
pub fn after_short(path: &str) -> Option<&str> {
    let path = path.strip_prefix('/')?.trim_start_matches('/');
    path.strip_prefix("r/").or_else(|| path.strip_prefix("R/")).map(|code| code.trim_start_matches('/'))
}

/// The codes in an address or a path that would make it a ref link: after `/r/`, or of a parameter.
pub fn codes_of(address: &str) -> Vec<Cow<'_, str>> {
    let start = address.find("://").map_or(0, |at| at + 3);
    let path = address[start..].find(['/', '?', '#']).map_or("", |at| &address[start + at..]);
    let path = path.split('#').next().unwrap_or_default();
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let values = query.split('&').filter_map(|part| part.split_once('=')).filter(|(name, _)| is_ours(name));
    let values = values.map(|(_, value)| value).take(CODES_MAX);
    after_short(path).into_iter().chain(values).filter_map(cut).map(|found| found.code).collect()
}

/// How many codes of one address are looked up.
pub const CODES_MAX: usize = 4;

fn is_ours(name: &str) -> bool {
    ["ref", "partner"].iter().any(|ours| name.trim().eq_ignore_ascii_case(ours))
}

/// What follows `/r/` in a pasted link, also where all of it is escaped.
fn after_any_short(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let slash = |at: usize| byte_at(bytes, at).filter(|(byte, _)| *byte == b'/').map(|(_, after)| after);
    (0..bytes.len()).find_map(|at| {
        let letter = slash(at)?;
        let code = bytes.get(letter)?.eq_ignore_ascii_case(&b'r').then(|| slash(letter + 1))??;
        Some(text[code..].trim_start_matches('/'))
    })
}

/// The value of a `ref` or `partner` parameter.
fn in_parameter(text: &str) -> Option<Cut<'_>> {
    let pairs = text.split(['?', '&', ';', '#']).filter_map(|part| part.split_once('='));
    pairs.filter(|(name, _)| is_ours(name)).find_map(|(_, value)| cut(value))
}

/// The byte at a place, unescaped, and where the next one is.
fn byte_at(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let byte = *bytes.get(at)?;
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if byte == b'%'
        && let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2))
    {
        return Some((high << 4 | low, at + 3));
    }
    Some((byte, at + 1))
}

/// What stands before a pasted code: space, quotes, brackets, and of other scripts the blocks with their punctuation and
/// the spaces that nobody sees.
fn is_wrapping(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || b"+\"'`([{<*~".contains(&byte)
        || matches!(byte, 0xc2 | 0xe2 | 0xe3 | 0xef | 0x80..=0xbf)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_code_is_cut_where_no_code_goes_on() {
        for (text, code, rest) in [
            ("AbC", "AbC", ""),
            ("AbC/", "AbC", "/"),
            ("AbC.", "AbC", "."),
            ("AbC),", "AbC", "),"),
            ("AbC%22", "AbC", "%22"),
            ("AbC%E2%80%8B", "AbC", "%E2%80%8B"),
            ("AbC\u{200b}", "AbC", "\u{200b}"),
            ("AbC看看", "AbC", "看看"),
            ("%20AbC+", "AbC", "+"),
            ("%E2%80%9CAbC%E2%80%9D", "AbC", "%E2%80%9D"),
            ("(AbC)", "AbC", ")"),
            ("%41bC%", "AbC", "%"),
            ("A%62C&x", "AbC", "&x"),
        ] {
            assert_eq!(cut(text), Some(Cut { code: code.into(), rest }), "{text}");
        }
        for text in ["", ".", "%", "/a", "..%2f..", "@a", "\u{e9}cole", "%C3%A9", &"a".repeat(CODE_MAX + 1)] {
            assert_eq!(cut(text), None, "{text}");
        }
    }

    #[test]
    fn parameters_follow_a_code() {
        for (rest, query) in [
            ("", ""),
            ("/", ""),
            ("&utm_source=x", "utm_source=x"),
            ("?utm_source=x&y", "utm_source=x&y"),
            ("%3Futm_source=x", "utm_source=x"),
            ("/%26amp;x", "x"),
            (".&amp;x=1", "x=1"),
        ] {
            assert_eq!(query_of(rest), query, "{rest}");
        }
    }

    #[test]
    fn what_is_typed_has_a_code() {
        for typed in [
            "AbC12345",
            " AbC12345\n",
            "AbC12345.",
            "\"AbC12345\",",
            "\u{201c}AbC12345\u{201d}",
            "AbC12345\u{200b}",
            "\u{feff}AbC12345",
            "AbC12345 (from Ann)",
            "https://go.example/r/AbC12345",
            "https://go.example/r/AbC12345/?utm_source=x",
            "HTTPS://GO.EXAMPLE/R/AbC12345",
            "go.example//r//AbC12345.",
            "<https://go.example/r/AbC12345>",
            "https%3A%2F%2Fgo.example%2Fr%2FAbC12345",
            "https://shop.example/prices?x=1&ref=AbC12345&campaign=y",
            "https://shop.example/?REF=AbC12345.",
            "https://shop.example/?x=1&amp;partner=AbC12345",
            "ref=AbC12345",
            "?ref=%20AbC12345",
            "Ann's link: https://go.example/r/AbC12345 thanks",
        ] {
            assert_eq!(code_of(typed), "AbC12345", "{typed}");
        }
        for (typed, kept) in [("", ""), ("https://shop.example/", "https://shop.example/"), ("\u{e9}\u{7}t", "\u{e9}t")]
        {
            assert_eq!(code_of(typed), kept);
        }
        assert_eq!(code_of(&"a".repeat(500)).len(), CODE_MAX);
    }

    #[test]
    fn addresses_name_codes() {
        for (address, codes) in [
            ("/r/AbC", &["AbC"][..]),
            ("https://go.example//R/AbC/?ref=x", &["AbC", "x"]),
            ("https://go.example/?a=1&Partner=x#y", &["x"]),
            ("https://go.example", &[]),
            ("/x/r/AbC?q=ref=a", &[]),
            ("/#?ref=a", &[]),
        ] {
            assert_eq!(codes_of(address), codes, "{address}");
        }
    }

    proptest! {
        #[test]
        fn whatever_follows_a_code_is_cut_off(
            code in "[A-Za-z0-9_-]{1,40}",
            before in "[ \"'(\u{200b}\u{201c}]{0,3}",
            after in "([.,;:!?)/ \"'&\u{200b}\u{201d}\u{2026}\u{770b}].{0,20})?",
        ) {
            let text = format!("{before}{code}{after}");
            prop_assert_eq!(cut(&text).map(|cut| cut.code.into_owned()), Some(code.clone()));
            let link = format!("https://go.example/r/{code}{after}");
            prop_assert_eq!(code_of(&link), code);
        }

        #[test]
        fn nothing_panics(text in ".{0,80}", escapes in "[%0-9a-fA-F/rR?&=;]{0,40}") {
            for text in [&text, &escapes] {
                let found = cut(text);
                prop_assert!(found.is_none_or(|cut| text.ends_with(cut.rest) && !cut.code.is_empty()));
                prop_assert!(text.ends_with(query_of(text)));
                prop_assert!(code_of(text).chars().count() <= CODE_MAX);
            }
        }
    }
}
