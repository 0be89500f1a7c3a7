//! Checks code, SQL and the API's description against `src/GLOSSARY.md`: every entry's type exists, and no retired name
//! comes back. Tests also show that the rules catch a violation.

use crate::architecture::source::Source;
use std::path::{Path, PathBuf};

/// Columns, JSON keys and identifiers that have been renamed. Matched as whole words, in comments and literals too.
const RETIRED_KEYS: &[(&str, &str)] = &[
    ("earned_cents", "gross_cents"),
    ("capped_cents", "cap_reduction_cents"),
    ("stale_since_ms", "needs_recompute_since_ms"),
    ("partner_term", "partner_modifier"),
    ("cap_verdict", "cap_reduction"),
    ("ledger_fault", "ledger_check"),
    ("ledger_faults", "ledger_check"),
    ("credit_sending", "credit_transfer"),
    ("was_net_cents", "actual_net_cents"),
    ("would_net_cents", "simulated_net_cents"),
    ("not_ripe_cents", "immature_cents"),
    ("topping_up", "backfilling"),
    ("top_up", "modifier backfill"),
    ("rebind", "reassign"),
    ("takeback", "reversal"),
    ("rule_id", "reward_id"),
    ("line_id", "accrual_id"),
    ("joined_by", "matched_by"),
    ("mailed_link", "magic_link"),
    ("asked_by", "requested_by"),
    ("asked_at_ms", "requested_at_ms"),
    ("pool_low_cents", "budget_low_cents"),
    ("standing_lines", "standing_accruals"),
    ("topped_partners", "backfill_partners"),
    ("crate::wire", "crate::codec"),
    ("crate::flow", "crate::service"),
    ("crate::edge", "crate::runtime"),
];

/// Types and variants that have been renamed. Matched as whole words and only in code, because most are English words.
const RETIRED_TYPES: &[(&str, &str)] = &[
    ("Line", "Accrual"),
    ("LineState", "AccrualState"),
    ("Bucket", "Balance"),
    ("Ground", "AccrualCause"),
    ("Grounds", "HoldContext"),
    ("PartnerTerm", "PartnerModifier"),
    ("Sending", "OutboundTransfer"),
    ("Told", "TransferResult"),
    ("Shell", "RequestContext"),
    ("Site", "Platform"),
    ("Front", "Formatter"),
    ("Words", "Locale"),
    ("Visit", "PageContext"),
    ("Stop", "PageError"),
    ("Shown", "PageResult"),
    ("Desk", "a name that says what it is"),
    ("Wish", "MagicLinkRequest"),
    ("Leaving", "QueuedEmail"),
    ("Upkeep", "SessionRefresh"),
    ("Newcomer", "NewSession"),
    ("Opened", "OpenedSession"),
    ("Rebound", "ReassignRequest"),
    ("Neighbour", "SameDomainAccount"),
    ("Namesake", "EmailMatch"),
    ("Coming", "PendingEvent"),
    ("Case", "DecisionInput"),
    ("Bound", "ReferredAccount"),
    ("LineOutcome", "AccrualOutcome"),
    ("House", "a fixture of its subject"),
    ("Office", "a fixture of its subject"),
    ("Salon", "CreditModel"),
    ("Cast", "StoryOptions"),
    ("Dice", "Rng"),
    ("told", "what it is: a reply, a result, a notice"),
    ("asked", "a request, or what it asks for"),
    ("wish", "a request"),
];

/// Where a retired name is allowed, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("src/engine/link/visit.rs", "Visit", "a kind of request: a person's visit of a link"),
    ("src/http/link/redirect/mod.rs", "Visit", "the same kind of request"),
    ("src/http/link/redirect/tests.rs", "Case", "a case of the test's table"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { collect(&path, found) } else { found.push(path) }
    }
}

/// All files that are checked against the glossary, by their path from the root.
fn texts() -> Vec<(String, String)> {
    let mut paths = vec![root().join("schema.sql"), root().join("src/http/openapi.json")];
    collect(&root().join("migrations"), &mut paths);
    let mut sources = Vec::new();
    collect(&root().join("src"), &mut sources);
    paths.extend(sources.into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs")));
    let named = |path: PathBuf| {
        let name = path.strip_prefix(root()).expect("a path below the root").to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).expect("a text"))
    };
    paths.into_iter().map(named).collect()
}

/// Whether a name occurs in a text as a whole word.
fn has(text: &str, name: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(name)
        .any(|(at, _)| !is_word(text[..at].chars().next_back()) && !is_word(text[at + name.len()..].chars().next()))
}

/// The retired names in a file, as `path: name`.
fn retired(path: &str, text: &str) -> Vec<(String, String)> {
    let code = if path.ends_with(".rs") { Source::read(text).code } else { String::new() };
    let keys = RETIRED_KEYS.iter().filter(|(name, _)| has(text, name));
    let types = RETIRED_TYPES.iter().filter(|(name, _)| has(&code, name));
    let found = keys.chain(types).map(|(old, new)| ((*old).to_owned(), format!("{path}: {old} is {new} now")));
    found.collect()
}

fn excepted(path: &str, name: &str) -> bool {
    EXCEPTIONS.iter().any(|(file, word, _)| *file == path && *word == name)
}

#[test]
fn retired_names_stay_retired() {
    let mut offenders = Vec::new();
    for (path, text) in texts() {
        let found = retired(&path, &text).into_iter().filter(|(name, _)| !excepted(&path, name));
        offenders.extend(found.map(|(_, why)| why));
    }
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}

#[test]
fn an_offender_is_found() {
    for (path, text, names) in [
        ("src/x.rs", "struct Line { earned_cents: i64 }", vec!["earned_cents", "Line"]),
        ("src/x.rs", "use crate::wire::fields;", vec!["crate::wire"]),
        ("src/x.rs", "// Line by line.\nlet say = \"Stop\";\nfn was_earned_cents() {}", vec![]),
        ("src/x.rs", "const SQL: &str = \"SELECT not_ripe_cents FROM run\";", vec!["not_ripe_cents"]),
        ("schema.sql", "CREATE TABLE partner_term (id TEXT);", vec!["partner_term"]),
        ("src/http/openapi.json", "{\"was_net_cents\": {}, \"net_cents\": {}}", vec!["was_net_cents"]),
        ("schema.sql", "-- Site and Stop are words here\nCREATE TABLE partner_terms (id TEXT);", vec![]),
    ] {
        let found: Vec<String> = retired(path, text).into_iter().map(|(name, _)| name).collect();
        assert_eq!(found, names, "{path}: {text}");
    }
}

#[test]
fn every_exception_is_needed_and_has_a_reason() {
    let texts = texts();
    for (path, name, reason) in EXCEPTIONS {
        let (_, text) = texts.iter().find(|(file, _)| file == path).unwrap_or_else(|| panic!("{path} is gone"));
        assert!(retired(path, text).iter().any(|(found, _)| found == name), "{path} has no {name} any more");
        assert!(!reason.is_empty(), "{path}: {name}");
    }
}

/// An entry of the glossary: the word, the file and the name in it.
fn entries(glossary: &str) -> Vec<(String, String, String)> {
    let rows = glossary.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| word |"));
    let entry = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [word, what, place] = cells[..] else { panic!("three cells: {line}") };
        assert!(!what.is_empty() && what.chars().next().is_some_and(char::is_uppercase), "{line}");
        let names: Vec<&str> = place.split('`').filter(|part| !part.trim().is_empty()).collect();
        let [file, name] = names[..] else { panic!("a file and a name: {line}") };
        (word.to_owned(), file.to_owned(), name.to_owned())
    };
    rows.map(entry).collect()
}

/// Whether a file declares a type of this name, or a schema has a table, view or column of it.
fn declares(file: &str, text: &str, name: &str) -> bool {
    if file.ends_with(".sql") {
        let first_words = |line: &str| line.split_whitespace().take(3).any(|word| word == name);
        return text.lines().any(first_words);
    }
    ["struct", "enum", "trait", "type"].iter().any(|kind| has(text, &format!("{kind} {name}")))
}

#[test]
fn every_entry_names_something_that_exists() {
    let entries = entries(&std::fs::read_to_string(root().join("src/GLOSSARY.md")).expect("the glossary"));
    assert!(entries.len() > 60, "{} entries", entries.len());
    for (at, (word, file, name)) in entries.iter().enumerate() {
        let path = if file.ends_with(".sql") { root().join(file) } else { root().join("src").join(file) };
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{word}: {file}: {e}"));
        assert!(declares(file, &text, name), "{word}: {file} has no {name}");
        assert!(!entries[..at].iter().any(|(other, ..)| other == word), "{word} is there twice");
        let old = RETIRED_TYPES.iter().chain(RETIRED_KEYS).find(|(old, _)| old == name);
        assert_eq!(old, None, "{word} has a retired name");
    }
    assert!(!declares("x.rs", "pub struct Accruals;", "Accrual"));
}
