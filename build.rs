//! Checks every preset with the code that checks a document an operator saves, so that no build ships a broken one.
#![allow(dead_code, reason = "the library's modules are compiled here for their checks alone")]

#[path = "src/base/mod.rs"]
mod base;
#[path = "src/program/mod.rs"]
mod program;

fn main() {
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
