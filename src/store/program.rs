//! Saved versions of program documents.

use crate::base::ids::{ActorId, ProgramId};
use crate::base::time::UtcMillis;
use crate::program::catalog::Catalog;
use crate::program::check;
use crate::program::document::Document;
use crate::store::port::{DbError, Rows, Stmt};
use crate::store::query::Parsed;
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

thread_local! {
    /// The documents that were read last, by their text: every decision needs all of them, they rarely change, and
    /// parsing them takes longer than deciding. A document depends only on its text, so nothing can be out of date.
    static READ: RefCell<HashMap<String, Rc<Document>>> = RefCell::default();
}

/// The catalog: every version of every program.
pub fn programs() -> Parsed<Catalog> {
    Stmt::new("SELECT program_id, version, document FROM program_version ORDER BY program_id, version").parsed(catalog)
}

/// Stored documents were validated when they were saved. If one can no longer be parsed, that is a bug, and nothing may
/// be decided without it.
fn catalog(rows: Rows) -> Result<Catalog, DbError> {
    #[derive(Deserialize)]
    struct Row {
        program_id: ProgramId,
        version: i64,
        document: String,
    }
    let (mut before, mut read) = (READ.take(), HashMap::new());
    for row in rows.take::<Row>()? {
        let document = match before.remove(&row.document) {
            Some(document) => document,
            None => Rc::new(check::parse(&row.document).map_err(|f| {
                DbError::Fault(format!("program {} version {}, {}: {}", row.program_id, row.version, f.path, f.rule))
            })?),
        };
        read.insert(row.document, document);
    }
    let catalog = Catalog::new(read.values().cloned().collect());
    READ.set(read);
    Ok(catalog)
}

pub fn program_insert(document: &Document, json: &str, sha256: &str, now: UtcMillis, actor: &ActorId) -> Stmt {
    Stmt::new(
        "INSERT INTO program_version (program_id, version, effective_from_ms, document, document_sha256, created_at_ms, actor)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .bind(&document.id)
    .bind(document.version)
    .bind(document.effective_from)
    .bind(json)
    .bind(sha256)
    .bind(now)
    .bind(actor)
}

/// A new version may change when a milestone reward is due, so every account of the program is checked again.
pub fn program_grants_recheck(program: &ProgramId) -> [Stmt; 2] {
    [
        Stmt::new("UPDATE binding SET grant_due_at_ms = 0 WHERE program_id = ?1").bind(program),
        Stmt::new(
            "UPDATE account SET written = NULL WHERE id IN (SELECT account_id FROM binding WHERE program_id = ?1)",
        )
        .bind(program),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::catalog::PRESETS;
    use serde_json::json;

    fn stored(texts: &[&str]) -> Catalog {
        let row = |text: &&str| json!({"program_id": "any", "version": 1, "document": text});
        let rows = texts.iter().map(|text| row(text).as_object().cloned().unwrap_or_default());
        catalog(Rows(rows.collect())).unwrap()
    }

    #[test]
    fn a_text_is_read_once_and_another_anew() {
        let (text, id) = (PRESETS[0].1, PRESETS[0].0);
        let first: *const Document = stored(&[text, PRESETS[1].1]).versions(&id.into()).next().unwrap();
        let again = stored(&[text]);
        assert!(std::ptr::eq(first, again.versions(&id.into()).next().unwrap()));
        let changed = text.replace("\"window_days\": 30", "\"window_days\": 31");
        let both = stored(&[text, &changed]);
        let windows: Vec<i64> = both.versions(&id.into()).map(|d| d.attribution.window_days).collect();
        assert!(windows.len() == 2 && windows.contains(&30) && windows.contains(&31), "{windows:?}");
    }
}
