//! Where a link may lead. This is checked when the link is created, so that the redirect need not check again.
//!
//! What people paste is first written as browsers send it: without spaces around it, other scripts' hosts in punycode, and
//! their letters in paths escaped. Then only a conservative subset of URLs is allowed, small enough to check by hand and read the same way by every browser:
//! an absolute `http` or `https` URL with an ASCII host name, or an absolute path on the site itself.

use crate::base::domain;
use crate::base::percent;

/// Longest destination, in bytes: the limit of the oldest browsers still in use.
pub const DESTINATION_BYTES_MAX: usize = 2_048;

/// Why a destination is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationError {
    Empty,
    TooLong,
    /// A control character, a space, a quote, an angle bracket, a backslash, or anything beyond ASCII.
    Character,
    /// A `%` without two hex digits, or an escaped control character.
    Escape,
    /// Neither `http://`, `https://` nor `/`.
    Scheme,
    /// `//host`, which leads to another site.
    SchemeRelative,
    /// `user:password@host`.
    Credentials,
    Host,
    Port,
}

/// A destination as it is stored.
pub fn normal(text: &str) -> Result<String, DestinationError> {
    let text = text
        .trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'));
    let mut normal = if text.is_ascii() && !text.contains(' ') { text.to_owned() } else { encoded(text)? };
    check(&normal)?;
    // Phones begin a field with a capital letter.
    if !normal.starts_with('/') {
        let (_, end) = authority_of(&normal);
        normal[..end].make_ascii_lowercase();
    }
    Ok(normal)
}

/// The same of an address with a host.
pub fn absolute(text: &str) -> Option<String> {
    normal(text).ok().filter(|address| !address.starts_with('/'))
}

/// Where the host and port begin and end; both 0 without a scheme.
fn authority_of(text: &str) -> (usize, usize) {
    let start = text.find("://").map_or(0, |at| at + 3);
    let end = if start == 0 { 0 } else { text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at) };
    (start, end)
}

/// With the host in punycode, and spaces and other scripts' letters after it escaped.
fn encoded(text: &str) -> Result<String, DestinationError> {
    let (start, end) = authority_of(text);
    let authority = &text[start..end];
    let mut out = text[..start].to_owned();
    if authority.is_ascii() {
        out.push_str(authority);
    } else {
        let (host, port) = authority.split_at(authority.rfind(':').unwrap_or(authority.len()));
        out.push_str(&domain::normal(host).ok_or(DestinationError::Host)?);
        out.push_str(port);
    }
    for c in text[end..].chars() {
        if c.is_ascii() && c != ' ' {
            out.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            percent::push(&mut out, byte);
        }
    }
    Ok(out)
}

/// Checks a destination, as it is stored and sent.
pub fn check(text: &str) -> Result<(), DestinationError> {
    use DestinationError as E;
    if text.is_empty() {
        return Err(E::Empty);
    }
    if text.len() > DESTINATION_BYTES_MAX {
        return Err(E::TooLong);
    }
    if !text
        .bytes()
        .all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>' | b'`' | b'^' | b'{' | b'}' | b'|'))
    {
        return Err(E::Character);
    }
    check_escapes(text)?;
    if text.starts_with("//") {
        return Err(E::SchemeRelative);
    }
    if text.starts_with('/') {
        return Ok(());
    }
    let (scheme, rest) = text.split_once("://").ok_or(E::Scheme)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(E::Scheme);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(E::Credentials);
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    if !is_host(host) {
        return Err(E::Host);
    }
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|n| n != 0);
    if port.is_none_or(is_port) { Ok(()) } else { Err(E::Port) }
}

/// A host name or an IPv4 address in its usual spelling: labels of letters, digits and inner hyphens (including
/// punycode). Numeric names other than dotted quads are rejected, because browsers read `0x7f.1` and `2130706433` as
/// addresses.
fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    let numeric = last.starts_with(|c: char| c.is_ascii_digit());
    host.len() <= 253 && host.split('.').all(label) && (!numeric || host.parse::<std::net::Ipv4Addr>().is_ok())
}

fn check_escapes(text: &str) -> Result<(), DestinationError> {
    let hex = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16));
    let bytes = text.as_bytes();
    for at in (0..bytes.len()).filter(|at| bytes[*at] == b'%') {
        match (hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (Some(high), Some(low)) if high >= 2 && (high, low) != (7, 15) => {}
            _ => return Err(DestinationError::Escape),
        }
    }
    Ok(())
}

impl std::fmt::Display for DestinationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DestinationError::Empty => "a destination must not be empty",
            DestinationError::TooLong => "a destination must not exceed 2048 bytes",
            DestinationError::Character => {
                "a destination can contain only URL characters: escape others (a quote is %22)"
            }
            DestinationError::Escape => "a % in a destination must start an escape, and not one of a control character",
            DestinationError::Scheme => "a destination must start with https://, http:// or /",
            DestinationError::SchemeRelative => "a path must not start with //",
            DestinationError::Credentials => "a destination must not contain a user name or password",
            DestinationError::Host => "the destination's host is not a valid host name",
            DestinationError::Port => "the destination's port is not valid",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DestinationError as E;

    #[test]
    fn good_ones_pass() {
        for text in [
            "/",
            "/pricing?plan=pro#top",
            "/a//b",
            "/%C3%A9",
            "https://example.com",
            "http://example.com:8080/x?y=z",
            "HTTPS://Example.COM/",
            "https://xn--bcher-kva.example/",
            "https://a-b.c/?q=a@b",
            "http://localhost:8787/",
            "http://127.0.0.1/",
            "https://example.com?x",
            "https://example.com#x",
            "/@user",
            "https://example.com/@user",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn bad_ones_are_named() {
        for (text, error) in [
            ("", E::Empty),
            (&format!("/{}", "a".repeat(2_048)), E::TooLong),
            ("//evil.example", E::SchemeRelative),
            ("///evil.example", E::SchemeRelative),
            ("/\\evil.example", E::Character),
            ("\\\\evil.example", E::Character),
            ("https:\\\\evil.example", E::Character),
            ("/x y", E::Character),
            ("/x\r\nSet-Cookie: a=b", E::Character),
            ("/x\ty", E::Character),
            ("https://bücher.example/", E::Character),
            ("/x%0d%0aSet-Cookie:a", E::Escape),
            ("/x%00", E::Escape),
            ("/x%7f", E::Escape),
            ("/x%", E::Escape),
            ("/x%2", E::Escape),
            ("/x%zz", E::Escape),
            ("javascript:alert(1)", E::Scheme),
            ("data:text/html,x", E::Scheme),
            ("javascript://example.com/%20", E::Scheme),
            ("ftp://example.com/", E::Scheme),
            ("https:/example.com", E::Scheme),
            ("https:example.com", E::Scheme),
            ("example.com", E::Scheme),
            ("://example.com", E::Scheme),
            ("https://user:pw@example.com/", E::Credentials),
            ("https://good.example@evil.example/", E::Credentials),
            ("https://", E::Host),
            ("https:///x", E::Host),
            ("https://exa_mple.com", E::Host),
            ("https://exa%6dple.com", E::Host),
            ("https://-a.com", E::Host),
            ("https://a..b", E::Host),
            ("https://example.com.", E::Host),
            ("https://0x7f.1/", E::Host),
            ("https://2130706433/", E::Host),
            ("https://127.1/", E::Host),
            ("https://[::1]/", E::Host),
            ("https://example.com:0/", E::Port),
            ("https://example.com:99999/", E::Port),
            ("https://example.com:/", E::Port),
            ("https://example.com:+80/", E::Port),
        ] {
            assert_eq!(check(text), Err(error), "{text}");
            assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn what_is_pasted_is_written_as_it_is_sent() {
        for (pasted, stored) in [
            (" /pricing\n", Ok("/pricing")),
            ("\u{200b}https://shop.example/\u{a0}", Ok("https://shop.example/")),
            ("/a b", Ok("/a%20b")),
            ("/caf\u{e9}?q=\u{6625}#\u{fc}", Ok("/caf%C3%A9?q=%E6%98%A5#%C3%BC")),
            ("https://B\u{fc}cher.example:8080/x", Ok("https://xn--bcher-kva.example:8080/x")),
            ("https://b\u{fc}cher.example?x=\u{e9}", Ok("https://xn--bcher-kva.example?x=%C3%A9")),
            ("https://shop.example/\u{65e5}\u{672c}", Ok("https://shop.example/%E6%97%A5%E6%9C%AC")),
            ("/a%20b", Ok("/a%20b")),
            ("Https://Shop.Example:8080/A?B#C", Ok("https://shop.example:8080/A?B#C")),
            ("HTTP://SHOP.EXAMPLE?A=/B", Ok("http://shop.example?A=/B")),
            ("/Go?to=HTTPS://Shop.Example", Ok("/Go?to=HTTPS://Shop.Example")),
            ("", Err(E::Empty)),
            (" ", Err(E::Empty)),
            ("b\u{fc}cher.example/x", Err(E::Scheme)),
            ("https://\u{fc}@evil.example/", Err(E::Host)),
            ("https://b\u{fc}..example/", Err(E::Host)),
            ("https://a b.example/", Err(E::Character)),
            ("/a\tb", Err(E::Character)),
            ("/\\evil\u{e9}", Err(E::Character)),
            ("\u{ff0f}\u{ff0f}evil.example", Err(E::Scheme)),
        ] {
            assert_eq!(normal(pasted), stored.map(str::to_owned), "{pasted:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_stored_passes(text in ".{0,80}", path in "[ /a\u{e9}?#%:@.]{0,30}") {
            for text in [text, format!("/{path}"), format!("https://{path}")] {
                if let Ok(stored) = normal(&text) {
                    assert_eq!(check(&stored), Ok(()));
                    assert_eq!(normal(&stored), Ok(stored.clone()));
                }
            }
        }

        #[test]
        fn never_panics(text in ".{0,80}") {
            let _ = check(&text);
        }
    }
}
