//! `docs/programs.md`: its list of keys is the schema's, and its documents are accepted and earn what it says.

use super::places::{SCHEMA, places};
use super::{PROGRAM, START, Tried, findings};
use crate::support::world::at;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

const KEYS: &str = "## Every key\n\n";

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/programs.md")
}

fn guide() -> String {
    std::fs::read_to_string(path()).expect("the guide")
}

/// The list of keys, as the schema has it: a part of its own for each key of the document.
fn keys() -> String {
    let mut all = places();
    all.retain(|place| place.is_key && !place.key().contains("any_of.conditions[]."));
    let mut text = String::new();
    let required = SCHEMA["required"].as_array().expect("a list");
    let others = all.iter().map(|place| json!(place.key())).filter(|key| !required.contains(key));
    let tops: Vec<Value> = required.iter().cloned().chain(others).collect();
    for top in tops.iter().filter_map(Value::as_str).filter(|key| !key.contains(['.', '['])) {
        let _ = write!(text, "### {top}\n\n");
        let own = |key: &str| key == top || key.starts_with(&format!("{top}.")) || key.starts_with(&format!("{top}["));
        for place in all.iter().filter(|place| own(&place.key())) {
            let _ = writeln!(text, "- `{}`: {}", place.key(), place.about());
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_list_of_keys_is_the_schemas() {
    let guide = guide();
    let (before, rest) = guide.split_once(KEYS).expect("its part");
    let (list, after) = rest.split_at(rest.find("\n## ").expect("the next part") + 1);
    if std::env::var("GOLDEN").is_ok_and(|it| it == "write") {
        std::fs::write(path(), format!("{before}{KEYS}{}{after}", keys())).expect("the guide can be written");
        return;
    }
    assert_eq!(list, keys(), "GOLDEN=write writes it");
}

fn documents() -> Vec<Value> {
    let guide = guide();
    let blocks = guide.split("```json\n").skip(1).map(|rest| rest.split("\n```").next().unwrap_or_default());
    blocks.map(|block| serde_json::from_str(block).unwrap_or_else(|e| panic!("{e}: {block}"))).collect()
}

#[test]
fn its_documents_are_accepted() {
    let documents = documents();
    assert!(!documents.is_empty());
    for document in documents {
        assert_eq!(findings(&document), [], "{document}");
    }
}

#[test]
fn the_presets_are_its_examples() {
    let guide = guide();
    for (id, _) in manicule::program::catalog::PRESETS {
        assert!(guide.contains(&format!("\n### {id}: ")), "{id}");
    }
}

/// The sixth program pays $24 of $240 every month, and after its hold what the guide says.
#[test]
fn the_sixth_program_pays_what_it_says() {
    let mut document = documents().remove(0);
    document["id"] = json!(PROGRAM);
    document["effective_from"] = json!(START);
    let tried = Tried::new(&document);
    tried.sign_up("reader", "2026-06-03T00:00:00Z");
    for (invoice, when) in [("in_1", "2026-06-03T01:00:00Z"), ("in_2", "2026-07-03T01:00:00Z")] {
        tried.pay("reader", invoice, when, 24_000);
    }
    assert_eq!(tried.net("share"), 4_800);
    let run = |when: &str| {
        tried.world.run(manicule::program::document::Cadence::Monthly, at(when)).expect("a run");
        tried.world.balance(&tried.partner, "available")
    };
    assert_eq!(run("2026-07-01T06:00:00Z"), 0, "the hold is not over");
    assert_eq!(run("2026-08-01T06:00:00Z"), 4_800);
}
