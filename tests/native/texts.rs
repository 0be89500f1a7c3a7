//! Texts that people read on pages are in `src/pages/text`, by key: no page has literal texts. Tests also show that the
//! rule catches a violation.

use crate::architecture::source::Source;
use std::path::{Path, PathBuf};

/// Folders of `src/pages` that hold texts.
const EXEMPT: &[&str] = &["text/"];

/// Literals that look like texts but are not.
const NO_TEXTS: &[(&str, &str)] = &[
    ("Authorization: Bearer …", "code that is copied"),
    ("without its instant", "the detail of a fault: logged, not shown"),
    ("the guide is not among the static files", "the detail of a fault: logged, not shown"),
    ("mails are not set up", "the reason of a refusal: logged, not shown"),
    ("sign_in_refused: no token that opens pages", "the reason of a refusal: logged, not shown"),
    ("program that can be joined by form", "what was not found: logged, not shown"),
    ("rejected in review", "how the ledger's own reason begins"),
    ("on its way", "how the ledger's own reason begins"),
    ("the body must not exceed {BODY_BYTES_MAX} bytes", "a problem document, for programs"),
    ("use GET or POST", "a problem document, for programs"),
    ("GET, HEAD, POST", "a header"),
    ("Mac OS", "a token of User-Agent"),
];

/// A sentence, a label, or part of a sentence: words that start with a capital, or three or more words.
fn is_text(literal: &str) -> bool {
    let words: Vec<&str> = literal.split_whitespace().collect();
    let is_word = |word: &str| {
        let bare = word.trim_matches(|c: char| ".,;:!?()“”…".contains(c));
        !bare.is_empty() && bare.chars().all(|c| c.is_alphabetic() || "'’-".contains(c)) && !bare.contains("--")
    };
    let is_capitalized = |word: &str| {
        let mut chars = word.chars();
        chars.next().is_some_and(char::is_uppercase) && chars.all(|c| c.is_lowercase() || !c.is_alphabetic())
    };
    let has_capital = words.first().is_some_and(|word| is_word(word) && is_capitalized(word));
    match words.len() {
        0 => false,
        1 => has_capital && literal.len() > 1,
        2 => has_capital && words.iter().any(|word| word.len() > 1),
        _ => has_capital || words.windows(3).any(|three| three.iter().all(|word| is_word(word) && !word.contains('-'))),
    }
}

fn texts_of(source: &Source) -> Vec<String> {
    // Names of browsers and systems, as User-Agent has them and as people know them.
    const BROWSERS: [&str; 9] = ["Edg", "Edge", "Opera", "Firefox", "Chrome", "Safari", "Android", "Windows", "Linux"];
    let is_known = |literal: &str| BROWSERS.contains(&literal) || NO_TEXTS.iter().any(|(known, _)| *known == literal);
    source.literals().filter(|literal| is_text(literal) && !is_known(literal)).map(str::to_owned).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { collect(&path, found) } else { found.push(path) }
    }
}

/// Every file of the pages, by its path from `src/pages`.
fn pages() -> Vec<(String, Source)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pages");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    let rust = paths.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    rust.map(|path| {
        let name = path.strip_prefix(&root).expect("inside").to_str().expect("a path").to_owned();
        (name, Source::read(&std::fs::read_to_string(&path).expect("a file")))
    })
    .collect()
}

#[test]
fn pages_contain_no_literal_texts() {
    let pages = pages();
    let is_exempt = |name: &str| EXEMPT.iter().any(|exempt| name.starts_with(exempt));
    for exempt in EXEMPT {
        assert!(pages.iter().any(|(name, _)| name.starts_with(exempt)), "{exempt} is gone");
    }
    let mut found = Vec::new();
    for (name, source) in pages.iter().filter(|(name, _)| !is_exempt(name)) {
        found.extend(texts_of(source).into_iter().map(|text| format!("{name}: {text:?}")));
    }
    assert_eq!(found, Vec::<String>::new(), "these belong in src/pages/text");
}

#[test]
fn an_offender_is_caught() {
    for (code, wants) in [
        ("html! { h2 { \"Pages for partners\" } }", "Pages for partners"),
        ("html! { p { (amount) \" stays reserved until then.\" } }", " stays reserved until then."),
        ("heading(\"Runs\", lead, html! {})", "Runs"),
        ("Field { label: \"Partner ID\", ..Field::default() }", "Partner ID"),
        ("format!(\"Plan for {}, {}\", id, period)", "Plan for {}, {}"),
        ("let lead = \"A run closes a month.\";", "A run closes a month."),
    ] {
        assert_eq!(texts_of(&Source::read(code)), [wants], "{code}");
    }
    for code in [
        "form.stack method=\"post\" action=\"/operator/runs\"",
        "button.second name=\"decision\" value=\"hold\"",
        "(\"content-type\", \"text/html; charset=utf-8\")",
        "format!(\"{HERE}?program={}&week={week}\")",
        "aria-describedby=\"document-hint findings\"",
        "// Says \"What a comment says\"\n\" \" \", \" \"POST\"",
    ] {
        assert_eq!(texts_of(&Source::read(code)), Vec::<String>::new(), "{code}");
    }
}

/// One text, one key: otherwise a duplicate is reworded in one place and unchanged in the other.
#[test]
fn no_operator_text_has_two_keys() {
    let mut seen: Vec<(String, String)> = Vec::new();
    for (name, source) in pages().iter().filter(|(name, _)| name.starts_with("text/operator/")) {
        for literal in source.literals().filter(|literal| is_text(literal)) {
            let first = seen.iter().find(|(_, text)| text == literal);
            assert!(first.is_none(), "{literal:?} in {name} and {first:?}");
            seen.push((name.clone(), literal.to_owned()));
        }
    }
    assert!(seen.len() > 300, "{} texts", seen.len());
}
