//! Whether a User-Agent belongs to a person's browser or to a program.
//!
//! The words are those of the npm package `isbot` (`words.rs`), and so are the shapes here. In a phone's browser and in an
//! app's web view only the strong ones count: apps name themselves as they like there, after news, tools and feeds, and
//! their people are real. `tests/native/bots.rs` measures it on agents that neither of us collected.

mod words;

use words::{BEGIN, END, EXCUSES, OFFICE, START, STRONG, WORDS};

/// Longest part of a User-Agent that is searched. Real ones are shorter, and bots' names come early.
const USER_AGENT_MAX: usize = 512;

/// Zeros after the end, so that every place has two more bytes.
const PADDED: usize = USER_AGENT_MAX + 2;

/// Whose User-Agent it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agent {
    Person,
    Program,
    /// Word, Outlook and their like, which follow a link's redirects before they hand its end to the browser.
    OfficeApp,
}

/// Whose User-Agent this is. An empty one counts as a program's.
pub fn agent_of(user_agent: &str) -> Agent {
    let mut lower = [0u8; PADDED];
    let bytes = user_agent.trim().as_bytes();
    let len = bytes.len().min(USER_AGENT_MAX);
    for (to, from) in lower[..len].iter_mut().zip(bytes) {
        *to = from.to_ascii_lowercase();
    }
    if len == 0 {
        return Agent::Program;
    }
    match named(&lower, len) {
        Some(agent) => agent,
        None if is_shaped(&lower[..len]) => Agent::Program,
        None => Agent::Person,
    }
}

/// Whose agent it is by the first word of the list in it.
fn named(padded: &[u8; PADDED], len: usize) -> Option<Agent> {
    let lower = &padded[..len];
    let mut web_view = None;
    let mut key = low(lower[0]) << 5 | low(padded[1]);
    for at in 0..len {
        key = (key << 5 | low(padded[at + 2])) & KEYS_MASK;
        if KEYS[key >> 6] >> (key & 63) & 1 == 0 {
            continue;
        }
        let letter = low(lower[at]);
        let word = WORDS[FIRST[letter]..FIRST[letter + 1]].iter().find(|(word, flags)| {
            lower[at..].starts_with(word.as_bytes())
                && has_edges(lower, at, word, *flags)
                && (flags & STRONG != 0 || !*web_view.get_or_insert_with(|| is_web_view(lower)))
        });
        if let Some((_, flags)) = word {
            return Some(if flags & OFFICE != 0 { Agent::OfficeApp } else { Agent::Program });
        }
    }
    None
}

/// Whether a word stands there as its pattern wants it.
fn has_edges(lower: &[u8], at: usize, word: &str, flags: u8) -> bool {
    let (before, after) = (&lower[..at], &lower[at + word.len()..]);
    (flags & START == 0 || at == 0)
        && (flags & BEGIN == 0 || !before.last().is_some_and(is_word))
        && (flags & END == 0 || !after.first().is_some_and(is_word))
        && (flags & EXCUSES == 0 || !excused(word, before, after))
}

/// Where people's agents have a program's word: Cubot is a maker of phones.
fn excused(word: &str, before: &[u8], after: &[u8]) -> bool {
    let ends = |texts: &[&str]| texts.iter().any(|text| before.ends_with(text.as_bytes()));
    let begins = |texts: &[&str]| texts.iter().any(|text| after.starts_with(text.as_bytes()));
    match word {
        "bot" => {
            let rest = after.strip_prefix(b"s").unwrap_or(after);
            ends(&[" cu"]) || rest.first().is_some_and(|next| is_word(next) && *next != b'_')
        }
        "http" => ends(&["lib"]),
        "scan" => ends(&["cam"]),
        "news" => ends(&["g"]) || begins(&["sapphire"]),
        "java" => begins(&[";"]),
        "google" => ends(&[" channel/", "google/"]) || begins(&["wv", "app", "/google", " pixel"]),
        // A program's contact: a letter, more of a name, and a dot.
        "@" => {
            let name = after.iter().take_while(|b| is_word(b) || **b == b'-').count();
            name < 2 || !after[0].is_ascii_lowercase() || after.get(name) != Some(&b'.')
        }
        _ => false,
    }
}

/// A phone's browser, or the web view of an app; on a tablet of Apple's it says that it is a desktop's.
fn is_web_view(lower: &[u8]) -> bool {
    let has = |text: &[u8]| lower.windows(text.len()).any(|window| window == text);
    let is_tablet = || has(b"(macintosh; ") && has(b"applewebkit/605.1.15 (khtml, like gecko) ") && !has(b"version/");
    has(b"applewebkit/")
        && (is_tablet() || has(b"mobile/") || has(b"; wv)") || has(b" mobile ") || has(b"version/4.0 chrome/"))
}

/// Whether it has no more than a program says of itself: a name and a version, or a name in Mozilla's comment.
fn is_shaped(lower: &[u8]) -> bool {
    // What nearly all people's agents are.
    if lower.starts_with(b"mozilla/5.0 (") && !lower.ends_with(b")") {
        return false;
    }
    let first = lower.split(|b| *b == b',').next().unwrap_or_default();
    let bare = |b: &u8| is_word(b) || b" .-(?:)%".contains(b);
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let is_version = |text: &[u8]| {
        let text = text.strip_prefix(b"v").unwrap_or(text);
        !text.is_empty() && text.split(|b| *b == b'.').all(digits)
    };
    let (name, version) = match first.iter().position(|b| *b == b'/') {
        Some(at) => (&first[..at], Some(&first[at + 1..])),
        None => (first, None),
    };
    if !name.is_empty() && name.iter().all(bare) && version.is_none_or(is_version) {
        return true;
    }
    let Some(slash) = lower.iter().position(|b| *b == b'/') else { return is_odd(lower) };
    let (name, rest) = (&lower[..slash], &lower[slash + 1..]);
    if name == b"mozilla" {
        return is_mozilla_alone(rest);
    }
    let is_name = name.iter().all(|b| is_word(b) || *b == b'-');
    let version = rest.iter().take_while(|b| **b != b' ').count();
    let comment = rest[version..].strip_prefix(b" (").and_then(|comment| comment.strip_suffix(b")"));
    is_name && rest.iter().all(|b| is_word(b) || b"()".contains(b))
        || is_name
            && is_version(&rest[..version])
            && comment.is_some_and(|c| c.iter().all(|b| is_word(b) || *b == b'@'))
        || is_odd(lower)
}

/// `mozilla/5.0 (compatible; name/1.0)`, `mozilla/5.0 name`, and nothing else.
fn is_mozilla_alone(rest: &[u8]) -> bool {
    let after = rest.iter().take_while(|b| **b != b' ').count();
    let Some(rest) = rest[after..].strip_prefix(b" ") else { return true };
    let Some(comment) = rest.strip_prefix(b"(").and_then(|rest| rest.strip_suffix(b")")) else {
        return rest.iter().all(|b| is_word(b) || b".-".contains(b));
    };
    let comment = comment.strip_prefix(b"compatible;").unwrap_or(comment).trim_ascii();
    let mut parts = comment.splitn(2, |b| b" /".contains(b));
    let is_name = parts.next().is_some_and(|name| name.iter().all(|b| is_word(b) || b".-".contains(b)));
    let is_number =
        parts.next().is_some_and(|n| n.contains(&b'.') && n.iter().all(|b| b.is_ascii_digit() || *b == b'.'));
    comment.is_empty() || is_name && is_number
}

/// One long word, or a beginning that no browser has.
fn is_odd(lower: &[u8]) -> bool {
    let name = lower.iter().take_while(|b| is_word(b)).count();
    let long = lower.len() >= 50 && !lower.contains(&b' ');
    b"<(;".contains(&lower[0])
        || long
        || lower[..name].ends_with(b"search")
        || lower[..name].iter().all(u8::is_ascii_digit) && name > 0
}

fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}

const fn low(byte: u8) -> usize {
    (byte & 31) as usize
}

/// Three letters by their low five bits.
const KEYS_MASK: usize = (1 << 15) - 1;

/// The beginnings of all words: one look per byte instead of two hundred comparisons. A word of one letter has all that
/// could follow.
static KEYS: [u64; 512] = {
    let mut keys = [0u64; 512];
    let mut at = 0;
    while at < WORDS.len() {
        let word = WORDS[at].0.as_bytes();
        let mut key = low(word[0]) << 10;
        let mut free = 1 << 10;
        if word.len() > 1 {
            key |= low(word[1]) << 5;
            free = 1 << 5;
        }
        if word.len() > 2 {
            key |= low(word[2]);
            free = 1;
        }
        let mut end = 0;
        while end < free {
            keys[(key | end) >> 6] |= 1 << ((key | end) & 63);
            end += 1;
        }
        at += 1;
    }
    keys
};

/// Where the words of each letter begin in the list, which is in this order.
static FIRST: [usize; 33] = {
    let mut first = [0; 33];
    let mut at = 0;
    while at < WORDS.len() {
        let letter = low(WORDS[at].0.as_bytes()[0]);
        assert!(at == 0 || letter >= low(WORDS[at - 1].0.as_bytes()[0]));
        let mut later = letter + 1;
        while later < 33 {
            first[later] = at + 1;
            later += 1;
        }
        at += 1;
    }
    first
};

#[cfg(test)]
mod tests;
