//! A sorted list of names in one text, as `scripts/lists/lists.mjs` writes it: each line is a block of names, and a name
//! leaves out what it shares with the one before it. All names are there whole, so nothing else is ever found.

use std::cmp::Ordering;

/// Whether a domain is in a list.
pub fn has_domain(list: &str, domain: &str) -> bool {
    contains(list, &turned(domain))
}

/// From the last label to the first, as the lists have them.
pub fn turned(domain: &str) -> String {
    let mut key = String::with_capacity(domain.len());
    for label in domain.rsplit('.') {
        if !key.is_empty() {
            key.push('.');
        }
        key.push_str(label);
    }
    key
}

/// Whether a name is in a list.
pub fn contains(list: &str, name: &str) -> bool {
    let (mut from, mut to, mut block) = (0, list.len(), None);
    while from < to {
        let mid = from + (to - from) / 2;
        let start = list[..mid].rfind('\n').map_or(0, |at| at + 1);
        let end = list[mid..].find('\n').map_or(list.len(), |at| mid + at + 1);
        // Notes begin with a character that sorts before all names.
        if first(&list[start..end]) <= name {
            block = Some(&list[start..end]);
            from = end;
        } else {
            to = start;
        }
    }
    let mut found = false;
    if let Some(block) = block {
        each(block, |known| {
            found = known == name;
            known.cmp(name) == Ordering::Less
        });
    }
    found
}

fn first(block: &str) -> &str {
    block.split(is_mark).next().unwrap_or_default()
}

/// Shows a block's names in order, while `more` wants more.
fn each(block: &str, mut more: impl FnMut(&str) -> bool) {
    let mut name = first(block).to_owned();
    let mut rest = &block[name.len()..];
    while more(&name) {
        let Some(mark) = rest.bytes().next().filter(u8::is_ascii_uppercase) else { return };
        let next = rest[1..].split(is_mark).next().unwrap_or_default();
        name.truncate(usize::from(mark - b'A'));
        name.push_str(next);
        rest = &rest[1 + next.len()..];
    }
}

fn is_mark(c: char) -> bool {
    c.is_ascii_uppercase() || c == '\n'
}

#[cfg(test)]
pub mod tests {
    use super::{contains, each};
    use data_encoding::HEXLOWER;
    use sha2::{Digest, Sha256};

    /// Every name of a list, which are those that its header says.
    pub fn names(list: &str) -> Vec<String> {
        let mut names = Vec::new();
        for block in list.lines().filter(|line| !line.starts_with('#')) {
            each(block, |name| {
                names.push(name.to_owned());
                true
            });
        }
        let all: String = names.iter().map(|name| format!("{name}\n")).collect();
        let wanted = format!("# {} names, SHA-256 {}", names.len(), HEXLOWER.encode(&Sha256::digest(all)));
        assert!(list.lines().any(|line| line == wanted), "the list's names are not those of its header: {wanted}");
        names
    }

    /// Every name is found, and nothing that is like one.
    pub fn is_exact(list: &str) {
        let names = names(list);
        let known: std::collections::BTreeSet<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(known.len(), names.len());
        let mut near = 0;
        for name in &names {
            assert!(contains(list, name), "{name}");
            let cut = &name[..name.len() - 1];
            let (head, tail) = name.split_at(name.len() / 2);
            let swapped: String = [tail, head].concat();
            for other in [
                cut.to_owned(),
                format!("{name}a"),
                format!("{name}.a"),
                format!("a{name}"),
                format!("{head}-{tail}"),
                format!("{head}0{tail}"),
                format!("{head}{}", tail.to_uppercase()),
                name.replace('.', ""),
                name.replace('.', "\n"),
                swapped,
                format!("{head}z{}", &tail[1..]),
                format!("#{name}"),
            ] {
                near += usize::from(!known.contains(other.as_str()));
                assert_eq!(contains(list, &other), known.contains(other.as_str()), "{other:?}");
            }
        }
        let mut seed = 1u64;
        let mut other = String::new();
        while near < 100_000 + names.len() {
            other.clear();
            loop {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                other.push(char::from(b"abcdefghijklmnopqrstuvwxyz0123456789-."[(seed >> 40) as usize % 38]));
                if other.len() > 2 && (seed >> 33).is_multiple_of(9) {
                    break;
                }
            }
            near += 1;
            assert_eq!(contains(list, &other), known.contains(other.as_str()), "{other}");
        }
        for other in ["", "#", "~", "\n", "A", "zzzzzzzzzz", "\u{e9}", "# Public"] {
            assert!(!contains(list, other), "{other:?}");
        }
    }
}
