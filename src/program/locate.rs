//! Where in a JSON text something is: the path of the value around a byte, `rewards[0].amount`.
//!
//! The reader of documents says at which byte it stopped; people look for a path. Only as much of JSON is understood
//! as that takes: the text before the byte was accepted by the reader.

/// An object or array that is open, and where in it we are.
enum Level {
    Object(Option<String>),
    Array(usize),
}

/// The path at the byte that `line` and `column` count to, from 1, as `serde_json` reports an error.
pub fn path_at(text: &str, line: usize, column: usize) -> String {
    let before = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    let end = (before + column).min(text.len());
    let bytes = &text.as_bytes()[..end];
    let mut levels: Vec<Level> = Vec::new();
    // Whether the next text of an object is a name.
    let mut naming = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' => {
                levels.push(Level::Object(None));
                naming = true;
            }
            b'[' => levels.push(Level::Array(0)),
            b'}' | b']' => {
                levels.pop();
            }
            b',' => match levels.last_mut() {
                Some(Level::Object(_)) => naming = true,
                Some(Level::Array(index)) => *index += 1,
                None => {}
            },
            b'"' => {
                let start = at + 1;
                at = string_end(bytes, start);
                if naming && let Some(Level::Object(name)) = levels.last_mut() {
                    *name = Some(String::from_utf8_lossy(&bytes[start..at.min(bytes.len())]).into_owned());
                    naming = false;
                }
            }
            _ => {}
        }
        at += 1;
    }
    join(&levels)
}

/// The byte of the closing quote, or the end.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

fn join(levels: &[Level]) -> String {
    let mut path = String::new();
    for level in levels {
        match level {
            Level::Object(Some(name)) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            }
            Level::Object(None) => {}
            Level::Array(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::path_at;
    use proptest::prelude::*;

    #[test]
    fn a_byte_has_a_path() {
        let text = "{\"a\": 1,\n \"b\": [{\"c\": \"x,{\\\"\"}, {\"d\": [1, 2.5]}]}";
        for (line, column, path) in [
            (1, 1, ""),
            (1, 7, "a"),
            (2, 7, "b[0]"),
            (2, 12, "b[0].c"),
            (2, 23, "b[1]"),
            (2, 31, "b[1].d[0]"),
            (2, 36, "b[1].d[1]"),
            (9, 9, ""),
        ] {
            assert_eq!(path_at(text, line, column), path, "{line}:{column}");
        }
    }

    proptest! {
        #[test]
        fn no_text_and_no_place_panics(text in "\\PC*", line in 0usize..5, column in 0usize..50) {
            let _ = path_at(&text, line, column);
        }
    }
}
