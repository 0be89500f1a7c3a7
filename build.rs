//! Lists what the schema creates, so that a build knows which database it expects, and sets where the static files are
//! served.

use std::{env, fs};

fn main() {
    list_schema();
    name_assets();
}

fn write(name: &str, text: &str) {
    let folder = env::var("OUT_DIR").expect("cargo names OUT_DIR");
    fs::write(format!("{folder}/{name}"), text).expect("OUT_DIR can be written");
}

fn list_schema() {
    println!("cargo::rerun-if-changed=schema.sql");
    let schema = fs::read_to_string("schema.sql").expect("schema.sql stands in the root");
    let names: Vec<&str> = schema.lines().filter_map(name_made).collect();
    write("schema_names.txt", &names.join("\n"));
}

/// The name of the table, index, view or trigger that a statement's first line creates.
fn name_made(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("CREATE ")?;
    let (kind, name) = rest.strip_prefix("UNIQUE ").unwrap_or(rest).split_once(' ')?;
    let name = name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
    matches!(kind, "TABLE" | "INDEX" | "VIEW" | "TRIGGER").then_some(name)
}

/// `scripts/build` sets `ASSETS`; native builds serve no static files.
fn name_assets() {
    println!("cargo::rerun-if-env-changed=ASSETS");
    println!("cargo::rustc-env=ASSETS={}", env::var("ASSETS").as_deref().unwrap_or("/manicule/dev"));
}
