//! Checks every preset with the code that checks a document an operator saves, so that no build ships a broken one, and
//! lists what the schema makes, so that a build knows which database it expects. The interface's description goes into
//! the Worker without its layout.
#![allow(dead_code, reason = "the library's modules are compiled here for their checks alone")]

use sha2::{Digest, Sha256};

#[path = "src/base/mod.rs"]
mod base;
#[path = "src/program/mod.rs"]
mod program;

fn main() {
    list_schema();
    pack_description();
    name_assets();
    println!("cargo::rerun-if-changed=src/base");
    println!("cargo::rerun-if-changed=src/program");
    for (id, text) in program::catalog::PRESETS {
        match program::check::read(text) {
            Ok(document) if document.id == *id => {}
            Ok(document) => println!("cargo::error=preset {id} is named {}", document.id),
            Err(findings) => {
                for f in findings {
                    println!("cargo::error=preset {id}: {} ({}): {}", f.path, f.value, f.rule);
                }
            }
        }
    }
}

fn list_schema() {
    println!("cargo::rerun-if-changed=schema.sql");
    let schema = std::fs::read_to_string("schema.sql").expect("schema.sql stands in the root");
    let names: Vec<&str> = schema.lines().filter_map(name_made).collect();
    let folder = std::env::var("OUT_DIR").expect("cargo names OUT_DIR");
    std::fs::write(format!("{folder}/schema_names.txt"), names.join("\n")).expect("OUT_DIR can be written");
}

fn pack_description() {
    println!("cargo::rerun-if-changed=src/http/openapi.json");
    let text = std::fs::read_to_string("src/http/openapi.json").expect("the description of the interface");
    let folder = std::env::var("OUT_DIR").expect("cargo names OUT_DIR");
    std::fs::write(format!("{folder}/openapi.json"), without_layout(&text)).expect("OUT_DIR can be written");
}

/// Where the pages' static files are served: below the hash of them all, which `.make/assets.mjs` reckons the same way.
fn name_assets() {
    println!("cargo::rerun-if-changed=src/pages/assets");
    let folder = std::fs::read_dir("src/pages/assets").expect("the pages' static files");
    let mut files: Vec<_> = folder.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in &files {
        hash.update(format!("{}\n", file.file_name().unwrap_or_default().to_string_lossy()));
        hash.update(std::fs::read(file).expect("a file that can be read"));
    }
    let hash: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let name = |(name, file): &(&str, &str)| format!("pub const {name}: &str = \"/manicule/{hash}/{file}\";\n");
    let names =
        [("STYLE", "style.css"), ("SCRIPT", "script.js"), ("ICON", "icon.svg"), ("TYPE", "garamond-5.3.0.woff2")];
    let code: String = names.iter().map(name).collect();
    let folder = std::env::var("OUT_DIR").expect("cargo names OUT_DIR");
    std::fs::write(format!("{folder}/assets.rs"), code).expect("OUT_DIR can be written");
}

/// JSON without the white space between its tokens.
fn without_layout(json: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    let kept = |c: &char| {
        let keep = inside || !c.is_ascii_whitespace();
        match *c {
            '"' if !escaped => inside = !inside,
            _ => {}
        }
        escaped = *c == '\\' && !escaped;
        keep
    };
    json.chars().filter(kept).collect()
}

/// The name of the table, index, view or trigger that a line begins.
fn name_made(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("CREATE ")?;
    let (kind, name) = rest.strip_prefix("UNIQUE ").unwrap_or(rest).split_once(' ')?;
    let name = name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
    matches!(kind, "TABLE" | "INDEX" | "VIEW" | "TRIGGER").then_some(name)
}
