//! The index of the rules in `src/ARCHITECTURE.md`: every rule is listed, and the function that decides it names the
//! rule.

use std::collections::BTreeSet;
use std::path::Path;

const RULES: u32 = 25;

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path)).ok()
}

/// The table's rows: the rule's number, and the file and function of each place that decides it.
fn index(text: &str) -> Vec<(u32, Vec<(String, String)>)> {
    let section = text.split("\n## ").find(|section| section.starts_with("Rules\n")).unwrap_or_default();
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [number, _, places] = cells[..] else { return None };
        let names: Vec<&str> = places.split('`').skip(1).step_by(2).collect();
        let places = names.chunks_exact(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect();
        Some((number.parse().ok()?, places))
    };
    section.lines().filter_map(row).collect()
}

/// The comments on functions with a name, each as one text.
fn comments(text: &str, name: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let declares = |line: &str| {
        let rest = line.split_once("fn ").filter(|(before, _)| !before.contains("//")).map(|(_, rest)| rest);
        rest.and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with(['(', '<']))
    };
    let above = |at: usize| {
        let block = lines[..at].iter().rev().take_while(|line| line.starts_with("///") || line.starts_with("#["));
        block.copied().collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join(" ")
    };
    (0..lines.len()).filter(|at| declares(lines[*at])).map(above).collect()
}

/// Whether a comment names a rule: `Rule 5`, or `Rules 5 and 13`.
fn names(comment: &str, rule: u32) -> bool {
    let after = |word: &str| comment.split_once(word).and_then(|(_, rest)| rest.split_once(':')).map(|(head, _)| head);
    let heads = [after("Rule "), after("Rules ")].into_iter().flatten();
    heads.flat_map(|head| head.split(|c: char| !c.is_ascii_digit())).any(|number| number == rule.to_string())
}

/// The errors in an index.
fn faults(text: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let rows = index(text);
    let listed: BTreeSet<u32> = rows.iter().map(|(number, _)| *number).collect();
    let missing =
        (1..=RULES).filter(|number| !listed.contains(number)).map(|number| format!("rule {number} is missing"));
    let mut found: Vec<String> = missing.collect();
    for (rule, places) in &rows {
        if places.is_empty() {
            found.push(format!("rule {rule} names no function"));
        }
        for (path, function) in places {
            let Some(text) = read(path) else {
                found.push(format!("rule {rule}: there is no {path}"));
                continue;
            };
            let comments = comments(&text, function);
            if comments.is_empty() {
                found.push(format!("rule {rule}: {path} has no function {function}"));
            } else if !comments.iter().any(|comment| names(comment, *rule)) {
                found.push(format!("rule {rule}: the comment of {function} in {path} does not name it"));
            }
        }
    }
    found
}

#[test]
fn every_rule_has_its_function() {
    let text = read("ARCHITECTURE.md").expect("the architecture");
    let found = faults(&text, read);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn an_offender_is_found() {
    let text = read("ARCHITECTURE.md").expect("the architecture");
    let code = "/// Rule 4: it ends.\n#[inline]\npub fn step(&self) {}\n/// Rules 5 and 13: it begins.\nfn due<T>() {}\n// fn gone()";
    let source = |path: &str| (path == "x.rs").then(|| code.to_owned());
    let found = |rows: &str| {
        let all = faults(&format!("# Map\n\n## Rules\n\n{rows}\n\n## Next\n| 9 | - | `x.rs` `step` |"), source);
        all.into_iter().filter(|fault| !fault.ends_with("is missing")).collect::<Vec<_>>()
    };
    for right in ["| 4 | It ends. | `x.rs` `step` |", "| 13 | It begins. | `x.rs` `due`, `x.rs` `due` |"] {
        assert_eq!(found(right), Vec::<String>::new(), "{right}");
    }
    for (wrong, what) in [
        ("| 4 | It ends. | `y.rs` `step` |", "there is no y.rs"),
        ("| 4 | It ends. | `x.rs` `gone` |", "has no function gone"),
        ("| 3 | It ends. | `x.rs` `due` |", "does not name it"),
        ("| 4 | It ends. | |", "names no function"),
    ] {
        assert!(found(wrong).iter().any(|fault| fault.contains(what)), "{wrong}: {:?}", found(wrong));
    }
    let without = text.replace("\n| 17 |", "\n| 117 |");
    assert!(faults(&without, read).contains(&"rule 17 is missing".to_owned()));
}
