//! A code in what people paste: a link with the sentence's full stop, a code between quotes, an address whose `?` became
//! a `&` on its way.
//!
//! A code is cut at the first character that no code has. So nothing has to be looked up twice.

use crate::base::percent;
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
        // A line break within a link, as browsers drop it.
        None if typed.contains(char::is_control) => {
            let whole: String = typed.chars().filter(|c| !c.is_control()).collect();
            Cow::Owned(code_of(&whole).into_owned())
        }
        None => Cow::Owned(typed.chars().take(CODE_MAX).collect()),
    }
}

/// The parameters after a code: whoever pasted the link may have put a `&` or an escaped `?` before them.
pub fn query_of(rest: &str) -> Cow<'_, str> {
    query_from(rest).map_or(Cow::Borrowed(""), |(_, query)| query)
}

/// Where the first `?` or `&` is, escaped or not, and the parameters after it. Where it is escaped and nothing else says
/// where a value begins, all of them were.
pub fn query_from(text: &str) -> Option<(usize, Cow<'_, str>)> {
    let bytes = text.as_bytes();
    let (at, after) = (0..bytes.len()).find_map(|at| match byte_at(bytes, at) {
        Some((b'?' | b'&', after)) => Some((at, after)),
        _ => None,
    })?;
    let query = without_amp(&text[after..]);
    if after == at + 1 || query.contains('=') {
        return Some((at, Cow::Borrowed(query)));
    }
    let mut out = String::with_capacity(query.len());
    let mut rest = query;
    while let Some(place) = rest.find('%') {
        let (before, escape) = rest.split_at(place);
        let byte = byte_at(escape.as_bytes(), 0).filter(|(byte, after)| *after == 3 && b"=&%".contains(byte));
        out.push_str(before);
        out.push(byte.map_or('%', |(byte, _)| char::from(byte)));
        rest = &escape[byte.map_or(1, |_| 3)..];
    }
    out.push_str(rest);
    Some((at, Cow::Owned(out)))
}

/// What follows `/r/` at the beginning of a path, in whatever case and with however many slashes.
pub fn after_short(path: &str) -> Option<&str> {
    let rest = path.strip_prefix('/')?.trim_start_matches('/').strip_prefix(['r', 'R'])?;
    let code = ["/", "%2f", "%2F"].into_iter().find_map(|slash| rest.strip_prefix(slash))?;
    Some(code.trim_start_matches('/'))
}

/// Codes in an address or a path that could make it a ref link: after `/r/`, or of a parameter of ours, wherever in the
/// address. And whether it is a short link.
pub fn codes_of(address: &str) -> (Vec<String>, bool) {
    let start = address.find("://").map_or(0, |at| at + 3);
    let path = address[start..].find(['/', '?', '#']).map_or("", |at| &address[start + at..]);
    let path = path.split('#').next().unwrap_or_default();
    let short = without_dots(path.split('?').next().unwrap_or_default());
    let (mut values, mut rest) = (Vec::new(), Cow::Borrowed(path));
    while let Some((_, query)) = query_from(&rest) {
        let (name, value) = pair(&query);
        values.extend(cut(value).filter(|_| is_ours(name)).map(|found| found.code.into_owned()));
        rest = Cow::Owned(query.into_owned());
    }
    values.truncate(CODES_MAX);
    let short = after_short(&short);
    values.extend(short.and_then(cut).map(|found| found.code.into_owned()));
    (values, short.is_some())
}

/// A path as browsers send it: without its `.` and `..`.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part.to_ascii_lowercase().replace("%2e", ".").as_str() {
            "." => {}
            ".." => drop(kept.pop().filter(|part| !part.is_empty())),
            _ => kept.push(part),
        }
    }
    format!("/{}", kept.join("/").trim_start_matches('/'))
}

/// How many codes of one address are looked up.
pub const CODES_MAX: usize = 4;

/// Our query parameters. `campaign` only counts together with one of the others.
const PARAMS: [&str; 3] = ["ref", "partner", "campaign"];

/// Which of our parameters has this name, in whatever case, also behind an `&amp;` or a second `?`.
pub fn ours(name: &str) -> Option<&'static str> {
    let name = percent::decoded(name)?;
    let name = without_amp(name.trim_start_matches('?')).trim();
    PARAMS.into_iter().find(|param| param.eq_ignore_ascii_case(name))
}

fn is_ours(name: &str) -> bool {
    ours(name).is_some_and(|param| param != "campaign")
}

/// A parameter's name and value; of ours also where the `=` is escaped.
pub fn pair(part: &str) -> (&str, &str) {
    let (name, value) = part.split_once('=').unwrap_or((part, ""));
    let is_equals = |at: &usize| name.get(at + 1..at + 3).is_some_and(|digits| digits.eq_ignore_ascii_case("3d"));
    match name.match_indices('%').map(|(at, _)| at).find(is_equals).filter(|at| ours(&name[..*at]).is_some()) {
        Some(at) => (&part[..at], &part[at + 3..]),
        None => (name, value),
    }
}

/// A parameter without what is left of an `&amp;`.
pub fn without_amp(mut part: &str) -> &str {
    while let Some(rest) = part.strip_prefix("amp;").or_else(|| part.strip_prefix("AMP;")) {
        part = rest;
    }
    part
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
    let pairs = text.split(['?', '&', ';', '#']).map(pair);
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
            ("%3Fx%3D1%26y%3Da%2520b%2Fc", "x=1&y=a%20b%2Fc"),
            ("%3fx%3d1%", "x=1%"),
            ("%3Fx=1%26y", "x=1%26y"),
            ("?x%3D1", "x%3D1"),
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
            "https://shop.example/?ref%3DAbC12345",
            "Ann's link: https://go.example/r/AbC12345 thanks",
            "https://go.example/\r\nr/AbC12345",
            "https://go.exam\nple/?ref\n=AbC12345",
            "AbC12345\nfrom Ann",
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
            ("https://go.example//R/AbC/?ref=x", &["x", "AbC"]),
            ("https://go.example/?a=1&Partner=x#y", &["x"]),
            ("https://go.example", &[]),
            ("/x/r/AbC?q=ref=a", &[]),
            ("/#?ref=a", &[]),
            // As browsers and we read them.
            ("/x/../r/AbC", &["AbC"]),
            ("/./x/%2E%2e/r/AbC", &["AbC"]),
            ("https://go.example/../r%2FAbC", &["AbC"]),
            ("/p?%72ef=x", &["x"]),
            ("/p?ref%3Dx", &["x"]),
            ("/p?a&amp;ref=x", &["x"]),
            ("/p&ref=x", &["x"]),
            ("/p%3Fa%3D1%26partner%3Dx", &["x"]),
        ] {
            let (found, is_short) = codes_of(address);
            assert_eq!(
                (&found[..], is_short),
                (&codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>()[..], codes.contains(&"AbC")),
                "{address}"
            );
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
                query_of(text);
                codes_of(text);
                prop_assert!(code_of(text).chars().count() <= CODE_MAX);
            }
        }
    }
}
