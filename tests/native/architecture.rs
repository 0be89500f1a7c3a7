//! The structure of the code, as section 2 of the design describes it. Tests also show that each rule catches a
//! violation.

pub mod circles;
pub mod sizes;
pub mod source;

use circles::circles;
use rusqlite::Connection;
use sizes::{FILE_LINES_MAX, long_functions};
use source::Source;
use std::path::{Path, PathBuf};

/// Each folder of `src` and the folders it may use.
const LAYERS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("program", &["base"]),
    ("engine", &["base", "program"]),
    ("codec", &["base", "program", "engine"]),
    ("store", &["base", "program", "engine"]),
    ("service", &["base", "program", "engine", "codec", "store"]),
    ("http", &["base", "program", "engine", "codec", "store", "service"]),
    ("jobs", &["base", "program", "engine", "codec", "store", "service"]),
    ("pages", &["base", "program", "engine", "codec", "store", "service", "http"]),
    ("runtime", &["base", "program", "engine", "codec", "store", "service", "http", "jobs", "pages"]),
];

/// The core: pure decisions on values.
const CORE: &[&str] = &["base", "program", "engine"];

/// The five programs of the briefs, which are data and never code.
const PROGRAMS: &[&str] =
    &["user-referral", "agency-partner", "tiered-credits", "partner-funnel", "developer-affiliate"];

type Rule = fn(&str, &Source) -> Vec<String>;

const RULES: &[Rule] = &[layering, no_clock, no_float, worker_in_the_runtime, sql_in_the_store, programs_are_data];

/// The top folder of a path under `src`; empty for `lib.rs`.
fn folder(path: &str) -> &str {
    path.split_once('/').map_or("", |(folder, _)| folder)
}

fn layering(path: &str, source: &Source) -> Vec<String> {
    let own = folder(path);
    if own.is_empty() {
        return Vec::new();
    }
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == own) else {
        return vec![format!("folder {own} has no place among the layers")];
    };
    let used = source.folders().into_iter().filter(|f| *f != own && !allowed.contains(&f.as_str()));
    let mut found: Vec<String> = used.map(|f| format!("{own} may not use {f}")).collect();
    // A path of `super`s that leaves the folder would bypass the rule.
    if source.code.contains(&vec!["super"; path.matches('/').count() + 1].join("::")) {
        found.push("a path of supers leaves the folder: say crate::".to_owned());
    }
    found
}

fn no_clock(path: &str, source: &Source) -> Vec<String> {
    let words = ["SystemTime", "Instant::now", "Date::now", "now_utc", "js_sys", "getrandom"];
    in_core(path, words.iter().filter(|w| source.names(w)).map(|w| format!("{w}: the core reads no clock")).collect())
}

fn no_float(path: &str, source: &Source) -> Vec<String> {
    // A reader of any JSON meets fractions. It keeps them, so that they can be refused where they stand.
    let words = if path == "base/json.rs" { [].as_slice() } else { &["f32", "f64"] };
    in_core(path, words.iter().filter(|w| source.names(w)).map(|w| format!("{w}: money is never a float")).collect())
}

fn in_core(path: &str, found: Vec<String>) -> Vec<String> {
    if CORE.contains(&folder(path)) { found } else { Vec::new() }
}

fn worker_in_the_runtime(path: &str, source: &Source) -> Vec<String> {
    if ["runtime", ""].contains(&folder(path)) {
        return Vec::new();
    }
    let names = ["worker::", "js_sys", "web_sys", "wasm_bindgen"].into_iter().filter(|w| source.names(w));
    names.map(|w| format!("{w} is named outside runtime and lib.rs")).collect()
}

fn sql_in_the_store(path: &str, source: &Source) -> Vec<String> {
    if folder(path) == "store" {
        return Vec::new();
    }
    let starts = ["SELECT ", "INSERT INTO ", "INSERT OR ", "UPDATE ", "DELETE FROM "];
    let sql = source.literals().filter(|text| starts.iter().any(|s| text.contains(s)));
    sql.map(|text| format!("SQL outside store: {text:?}")).collect()
}

fn programs_are_data(path: &str, source: &Source) -> Vec<String> {
    // Only the list of presets may name them.
    if path == "program/catalog.rs" {
        return Vec::new();
    }
    let named = source.literals().filter(|text| PROGRAMS.iter().any(|p| text.contains(p)));
    named.map(|text| format!("a program is named in code: {text:?}")).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    found.sort();
    found
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Files of `src` by their path below it.
fn sources() -> Vec<(String, String)> {
    let below = |path: &Path| path.strip_prefix(root("src")).expect("below src").to_string_lossy().replace('\\', "/");
    files(&root("src")).iter().map(|path| (below(path), std::fs::read_to_string(path).expect("a text"))).collect()
}

/// Test modules in separate files, because the rules apply to shipped code.
fn is_test(path: &str) -> bool {
    path.ends_with("tests.rs") || path.contains("/tests/")
}

#[test]
fn the_code_follows_the_architecture() {
    let mut found = Vec::new();
    for (path, text) in sources().iter().filter(|(path, _)| path.ends_with(".rs") && !is_test(path)) {
        let source = Source::read(text);
        found.extend(RULES.iter().flat_map(|rule| rule(path, &source)).map(|what| format!("src/{path}: {what}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn each_rule_catches_an_offender() {
    let cases: &[(Rule, &str, &str)] = &[
        (layering, "base/money.rs", "use crate::engine::risk::Review;"),
        (layering, "codec/attribution/cookie/mod.rs", "use crate::store::port::Stmt;"),
        (layering, "store/event/mod.rs", "fn f() { crate::codec::cookie::read() }"),
        (layering, "http/pages.rs", "use crate::{base::id, jobs::{cron, other}};"),
        (layering, "jobs/cron.rs", "use crate::http::redirect;"),
        (layering, "service/settlement/settle.rs", "use crate::runtime::d1;"),
        (layering, "engine/review/risk.rs", "use super::super::super::store::port;"),
        (layering, "misc/util.rs", ""),
        (no_clock, "engine/accrual/invoice.rs", "let t = std::time::SystemTime::now();"),
        (no_clock, "base/time.rs", "use js_sys::Date;"),
        (no_float, "base/money.rs", "fn share(x: f64) {}"),
        (worker_in_the_runtime, "service/link/click.rs", "use worker::Env;"),
        (worker_in_the_runtime, "store/port.rs", "use wasm_bindgen::JsValue;"),
        (sql_in_the_store, "service/payout/send.rs", "let s = \"SELECT 1 FROM partner\";"),
        (sql_in_the_store, "http/pages.rs", "let s = r#\"\nUPDATE link SET code = ''\"#;"),
        (programs_are_data, "engine/accrual/invoice.rs", "if program == \"agency-partner\" {}"),
    ];
    for (rule, path, text) in cases {
        assert!(!rule(path, &Source::read(text)).is_empty(), "{path}: {text}");
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let read = |files: &[(&str, &str)]| -> Vec<(String, Source)> {
        files.iter().map(|(path, text)| ((*path).to_owned(), Source::read(text))).collect()
    };
    let all = sources();
    let ours: Vec<(&str, &str)> = all
        .iter()
        .filter(|(path, _)| path.ends_with(".rs") && path != "lib.rs" && !is_test(path))
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let found = circles(&read(&ours));
    assert!(found.is_empty(), "files that import each other:\n{}", found.join("\n"));
    let of_two = [
        ("use crate::http::b::B;", "fn f() { crate::http::a::g() }"),
        ("use super::b::{self, B as C};\nfn f() { b::g() }", "use crate::{base::id, http::{a::{A, x}, c}};"),
        ("pub use crate::http::b::B;", "use crate::http::a;\nfn f() { a::g() }"),
        ("use super::b::*;", "use crate::http::a as other;\nfn f() { other::g() }"),
    ];
    for (a, b) in of_two {
        assert_eq!(circles(&read(&[("http/a.rs", a), ("http/b.rs", b)])), ["http/a.rs, http/b.rs"], "{a} {b}");
    }
    let parent = [("http/mod.rs", "mod a;\npub use a::A;"), ("http/a.rs", "use super::B;")];
    assert_eq!(circles(&read(&parent)).len(), 1);
    let of_three =
        [("http/a.rs", "use super::b::B;"), ("http/b.rs", "use super::c::C;"), ("http/c.rs", "use super::a::A;")];
    assert_eq!(circles(&read(&of_three)).len(), 1);
    let allowed = [
        ("http/mod.rs", "pub mod a;\npub mod b;\nfn f() { a::g() }"),
        ("http/a.rs", "use super::b::B;\n// crate::http::a\n#[cfg(test)]\nmod tests { use crate::http::f; }"),
        ("http/b.rs", "use crate::base::id;"),
        ("base/id.rs", "use crate::http::b::B;"),
    ];
    assert_eq!(circles(&read(&allowed)), Vec::<String>::new());
}

#[test]
fn the_rules_accept_what_is_allowed() {
    let cases: &[(Rule, &str, &str)] = &[
        (layering, "engine/review/risk.rs", "use crate::{base::id, program::document::{Document, crate_of}};"),
        (layering, "codec/event/envelope/tests/mod.rs", "use super::super::json;"),
        (layering, "service/payout/send.rs", "// crate::runtime is where it ends up\nlet s = \"crate::runtime\";"),
        (no_clock, "engine/review/risk.rs", "// SystemTime is read elsewhere"),
        (no_clock, "runtime/time.rs", "Date::now()"),
        (worker_in_the_runtime, "runtime/d1.rs", "use worker::Env;"),
        (worker_in_the_runtime, "service/payout/send.rs", "let coworker::X = 1;"),
        (sql_in_the_store, "engine/review/risk.rs", "#[cfg(test)]\nmod tests { const Q: &str = \"SELECT 1\"; }"),
        (programs_are_data, "engine/review/risk.rs", "#[cfg(test)]\nmod tests { fn f() { g(\"user-referral\") } }"),
        (no_float, "engine/review/risk.rs", "let quote = '\"'; let f64_like = 1;"),
    ];
    for (rule, path, text) in cases {
        assert_eq!(rule(path, &Source::read(text)), Vec::<String>::new(), "{path}: {text}");
    }
}

/// Files in `src` and `tests` that people read, by path.
fn read_by_people() -> Vec<(String, String)> {
    let all = [files(&root("src")), files(&root("tests"))].concat();
    // Assets and data are read by tools.
    let is_code = |path: &PathBuf| path.extension().is_some_and(|e| e == "rs" || e == "mjs");
    let named = |path: PathBuf| {
        let name = path.strip_prefix(root("")).expect("below the root").to_string_lossy().replace('\\', "/");
        (name, std::fs::read_to_string(path).expect("a text"))
    };
    all.into_iter().filter(is_code).map(named).collect()
}

fn too_long(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    let mut found = Vec::new();
    if lines > FILE_LINES_MAX {
        found.push(format!("{path} has {lines} lines"));
    }
    if path.ends_with(".rs") {
        let functions = long_functions(text).into_iter();
        found.extend(functions.map(|(name, lines)| format!("{path}: {name} has {lines} lines")));
    }
    found
}

#[test]
fn files_and_functions_stay_readable() {
    let found: Vec<String> = read_by_people().iter().flat_map(|(path, text)| too_long(path, text)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    let of = |lines: usize| {
        format!(
            "/// It is long.\nfn long(by: [u8; 2], with: fn(u8) -> u8) -> u8 {{\n{}}}\n",
            "    1;\n".repeat(lines - 2)
        )
    };
    for (path, text, count) in [
        ("src/x.rs", of(70), 0),
        ("src/x.rs", of(71), 1),
        ("tests/x.rs", format!("mod inner {{\n    trait T {{\n        fn none(&self);\n    }}\n{}}}\n", of(71)), 1),
        ("src/x.rs", format!("#[cfg(test)]\nmod tests {{\n{}}}\n", of(71)), 1),
        ("src/x.rs", format!("fn a() {{\n    let text = \"}}\";\n    // }}\n{}}}\n", "    1;\n".repeat(67)), 1),
        ("src/x.rs", "//\n".repeat(400), 0),
        ("src/x.rs", "//\n".repeat(401), 1),
        ("tests/x.mjs", "//\n".repeat(401), 1),
    ] {
        assert_eq!(too_long(path, &text).len(), count, "{path}: {text}");
    }
}

/// Everything in a database's schema, with each run of insignificant whitespace reduced to one space.
fn schema(scripts: &[String]) -> Vec<String> {
    let connection = Connection::open_in_memory().expect("a database");
    for script in scripts {
        connection.execute_batch(script).expect("the script applies");
    }
    let sql =
        "SELECT type || ' ' || name || ' on ' || tbl_name || ': ' || COALESCE(sql, '') FROM sqlite_master ORDER BY 1";
    let mut statement = connection.prepare(sql).expect("a query");
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    rows.map(|text| text.expect("a text").split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_schema_is_the_sum_of_the_migrations() {
    let read = |path: &PathBuf| std::fs::read_to_string(path).expect("a script");
    let migrations: Vec<String> = files(&root("migrations")).iter().map(read).collect();
    let whole = read(&root("schema.sql"));
    assert_eq!(schema(&migrations), schema(std::slice::from_ref(&whole)));
    let another = format!("{whole}\nCREATE INDEX stray ON partner (country);");
    assert_ne!(schema(&migrations), schema(&[another]));
}
