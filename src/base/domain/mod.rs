//! Domain names: one spelling for each, and the part of a name that somebody registered.

mod fold;
mod punycode;
mod suffix;
pub mod table;

pub use fold::fold;
use punycode::LABEL_MAX;
pub use suffix::registrable;

/// The longest host name in DNS (RFC 1035).
const NAME_MAX: usize = 253;

/// A host name as DNS has it: lower case, other scripts in punycode, no dot at its end. `None` if it is not a name: empty
/// labels, characters that no host has, an IP address.
pub fn normal(host: &str) -> Option<String> {
    let folded = fold(host);
    let name = folded.strip_suffix('.').unwrap_or(&folded);
    let labels: Vec<String> = name.split('.').map(label).collect::<Option<_>>()?;
    let is_name = labels.last()?.bytes().any(|b| !b.is_ascii_digit());
    let name = labels.join(".");
    (is_name && name.len() <= NAME_MAX).then_some(name)
}

fn label(text: &str) -> Option<String> {
    let text = if text.is_ascii() { text.to_owned() } else { format!("xn--{}", punycode::encode(text)?) };
    let holds = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    ((1..=LABEL_MAX).contains(&text.len()) && text.bytes().all(holds)).then_some(text)
}

/// Whether a host is this domain or below it.
pub fn is_at_or_below(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether others have names below this one: browsers refuse a cookie for it. The name must be [normal].
pub fn is_public_suffix(name: &str) -> bool {
    registrable(name).is_none()
}

/// The name and the names above it, from the longest to the shortest.
pub fn with_parents(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn one_name_one_spelling() {
        for (given, want) in [
            ("Example.COM", Some("example.com")),
            (" example.com. ", Some("example.com")),
            ("example.com..", None),
            (".example.com", None),
            ("a..b", None),
            ("", None),
            (".", None),
            ("b\u{fc}cher.example", Some("xn--bcher-kva.example")),
            ("B\u{dc}CHER.Example", Some("xn--bcher-kva.example")),
            // The same letter in two characters, as macOS writes it.
            ("bu\u{308}cher.example", Some("xn--bcher-kva.example")),
            ("XN--BCHER-KVA.example", Some("xn--bcher-kva.example")),
            ("\u{4f8b}\u{3048}.\u{30c6}\u{30b9}\u{30c8}", Some("xn--r8jz45g.xn--zckzah")),
            ("\u{440}\u{444}.example", Some("xn--p1ai.example")),
            ("gmail\u{3002}com", Some("gmail.com")),
            ("\u{ff47}mail.com", Some("gmail.com")),
            ("gma\u{200b}il.com", Some("gmail.com")),
            ("127.0.0.1", None),
            ("[::1]", None),
            ("a b.com", None),
            ("a/b.com", None),
            ("localhost", Some("localhost")),
        ] {
            assert_eq!(normal(given).as_deref(), want, "{given}");
        }
        assert_eq!(normal(&format!("{}.com", "a".repeat(64))), None);
        assert_eq!(normal(&["a"; 127].join(".")).map(|n| n.len()), Some(253));
        assert_eq!(normal(&["a"; 128].join(".")), None);
    }
}
