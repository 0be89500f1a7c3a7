//! Domain names: one spelling for each.

mod fold;
mod punycode;

pub use fold::fold;

/// The longest host name and label in DNS (RFC 1035).
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

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
