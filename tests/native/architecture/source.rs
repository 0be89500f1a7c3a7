//! Just enough of Rust's grammar to tell code from literals, comments and tests.

/// A file without its comments and tests: code in which literals are blank, and the literals.
pub struct Source {
    pub code: String,
    /// String literals with their offset in `code`.
    literals: Vec<(usize, String)>,
}

impl Source {
    pub fn read(text: &str) -> Source {
        let (code, literals) = scan(text);
        let tests = test_spans(&code);
        let inside = |at: usize| tests.iter().any(|(from, to)| (*from..*to).contains(&at));
        let literals = literals.into_iter().filter(|(at, _)| !inside(*at)).collect();
        let kept = code.bytes().enumerate().map(|(at, b)| if inside(at) && b != b'\n' { b' ' } else { b });
        Source { code: String::from_utf8_lossy(&kept.collect::<Vec<u8>>()).into_owned(), literals }
    }

    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.literals.iter().map(|(_, text)| text.as_str())
    }

    /// Whether an identifier occurs in the code, optionally with what follows it.
    pub fn names(&self, path: &str) -> bool {
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        self.code.match_indices(path).any(|(at, _)| {
            let before = self.code[..at].chars().next_back();
            let after = self.code[at + path.len()..].chars().next();
            !is_word(before) && (path.ends_with(':') || !is_word(after))
        })
    }

    /// The top folders that `crate::…` paths name.
    pub fn folders(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("crate::") {
            let rest = &self.code[at + "crate::".len()..];
            match rest.strip_prefix('{') {
                Some(group) => found.extend(group_heads(group)),
                None => found.push(word(rest)),
            }
        }
        found.sort();
        found.dedup();
        found.retain(|name| !name.is_empty());
        found
    }
}

/// The first words of `{a::b, c::{d, e}}`, after its opening brace.
fn group_heads(group: &str) -> Vec<String> {
    let (mut heads, mut depth, mut fresh) = (Vec::new(), 0, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            c if fresh && !c.is_whitespace() => {
                heads.push(word(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    heads
}

pub fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// A file in which comments and literals are blank. Tests are kept.
pub fn code(text: &str) -> String {
    scan(text).0
}

/// Blanks comments and literals, byte for byte, and collects the string literals.
fn scan(text: &str) -> (String, Vec<(usize, String)>) {
    let bytes = text.as_bytes();
    let (mut code, mut literals, mut at) = (bytes.to_vec(), Vec::new(), 0);
    while at < bytes.len() {
        let rest = &text.as_bytes()[at..];
        let length = if rest.starts_with(b"//") {
            rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
        } else if let Some((open, close)) = opens_string(rest) {
            let body = open + find(&rest[open..], &close);
            let literal = String::from_utf8_lossy(&rest[open..body.min(rest.len())]).into_owned();
            literals.push((at, literal));
            (body + close.len()).min(rest.len())
        } else if rest[0] == b'\'' && (rest.get(2) == Some(&b'\'') || rest.get(1) == Some(&b'\\')) {
            // A character, not a lifetime; the escapes in use are two characters long.
            3 + usize::from(rest.get(1) == Some(&b'\\'))
        } else {
            at += 1;
            continue;
        };
        let end = (at + length).min(bytes.len());
        for byte in code[at..end].iter_mut().filter(|b| **b != b'\n') {
            *byte = b' ';
        }
        at = end;
    }
    (String::from_utf8_lossy(&code).into_owned(), literals)
}

/// The length of a string's opening and its closing delimiter, if a string starts here.
fn opens_string(rest: &[u8]) -> Option<(usize, Vec<u8>)> {
    if rest[0] == b'"' {
        return Some((1, b"\"".to_vec()));
    }
    let hashes = rest.strip_prefix(b"r")?.iter().take_while(|b| **b == b'#').count();
    (rest.get(1 + hashes) == Some(&b'"')).then(|| (2 + hashes, [b"\"".to_vec(), vec![b'#'; hashes]].concat()))
}

/// The position of `close`, past escaped quotes of a plain string.
fn find(text: &[u8], close: &[u8]) -> usize {
    let mut at = 0;
    while at < text.len() {
        if close.len() == 1 && text[at] == b'\\' {
            at += 2;
        } else if text[at..].starts_with(close) {
            return at;
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The `mod tests { … }` behind `#[cfg(test)]`, as byte ranges.
fn test_spans(code: &str) -> Vec<(usize, usize)> {
    let starts = code.match_indices("#[cfg(test)]").map(|(at, _)| at);
    starts
        .filter_map(|start| {
            let open = start + code[start..].find(['{', ';'])?;
            let mut depth = 0;
            for (at, c) in code[open..].char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    return Some((start, open + at + 1));
                }
            }
            None
        })
        .collect()
}
