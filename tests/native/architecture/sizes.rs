//! The length of files and functions: if one is too long to follow, it is split by job.

use crate::architecture::source::{code, word};

pub const FILE_LINES_MAX: usize = 400;
pub const FUNCTION_LINES_MAX: usize = 70;

/// The functions of a file that are too long, including tests: their names and their lines from `fn` to the closing
/// brace.
pub fn long_functions(text: &str) -> Vec<(String, usize)> {
    let code = code(text);
    let starts = code.match_indices("fn ").map(|(at, _)| at).filter(|at| {
        let before = code[..*at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    });
    let measured = starts.filter_map(|start| {
        let name = word(code[start + "fn ".len()..].trim_start());
        let length = code[start..body(&code, start)?].lines().count();
        // A type, `fn (u8)`, has no name.
        (!name.is_empty() && length > FUNCTION_LINES_MAX).then_some((name, length))
    });
    measured.collect()
}

/// Where the function that starts here ends. `None` if it has no body.
fn body(code: &str, start: usize) -> Option<usize> {
    let (mut braces, mut others) = (0, 0);
    for (at, c) in code[start..].char_indices() {
        match c {
            '(' | '[' => others += 1,
            ')' | ']' => others -= 1,
            // In an array type such as `[u8; 4]` a semicolon ends nothing. A type `fn()` in a list ends where the list
            // does.
            ';' | ',' if braces == 0 && others == 0 => return None,
            _ if others < 0 => return None,
            '{' => braces += 1,
            '}' => braces -= 1,
            _ => {}
        }
        if c == '}' && braces <= 0 {
            return Some(start + at + 1);
        }
    }
    None
}
