//! The mutants that `make mutants` tries: each can be made of the source as it is now.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    name: String,
    what: String,
    edits: Vec<Edit>,
    /// The tests that must notice it, each. None: the simulation.
    #[serde(default)]
    tests: Vec<String>,
    /// A seed of the simulation that notices it, where few do.
    seed: Option<u64>,
}

/// An expression and what replaces it, or a part of a SQL literal.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    file: String,
    text: String,
    replacement: String,
    inside: Option<Inside>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Inside {
    Sql,
}

fn mutants() -> Vec<Mutant> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutants");
    let files = std::fs::read_dir(folder).expect("tests/mutants exists").map(|entry| entry.expect("a file").path());
    let read = |path| std::fs::read_to_string(path).expect("a file of mutants");
    files.flat_map(|path| serde_json::from_str::<Vec<Mutant>>(&read(path)).expect("a list of mutants")).collect()
}

/// Why an edit can't be made.
fn fault(edit: &Edit) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&edit.file);
    let Ok(source) = std::fs::read_to_string(path) else { return Some(format!("{} does not exist", edit.file)) };
    let count = source.matches(&edit.text).count();
    let is_literal = matches!(edit.inside, Some(Inside::Sql));
    if count != 1 {
        Some(format!("{} has this {count} times: {}", edit.file, edit.text))
    } else if edit.text == edit.replacement {
        Some(format!("{} is not changed by: {}", edit.file, edit.text))
    } else if is_literal && (edit.text.contains('"') || edit.replacement.contains('"')) {
        Some(format!("{} has a text that is not inside one literal: {}", edit.file, edit.text))
    } else {
        None
    }
}

#[test]
fn every_mutant_fits_the_source() {
    let all = mutants();
    assert!(all.len() >= 70, "{} mutants", all.len());
    let names: BTreeSet<&str> = all.iter().map(|mutant| mutant.name.as_str()).collect();
    assert_eq!(names.len(), all.len(), "two mutants have one name");
    for mutant in &all {
        assert!(!mutant.what.is_empty() && !mutant.edits.is_empty(), "{} breaks nothing", mutant.name);
        assert!(mutant.tests.is_empty() || mutant.seed.is_none(), "{} names tests and a seed", mutant.name);
        let found: Vec<String> = mutant.edits.iter().filter_map(fault).collect();
        assert!(found.is_empty(), "{}: {}", mutant.name, found.join("; "));
    }
}
