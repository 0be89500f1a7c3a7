//! Saved versions of program documents.

use super::port::{DbError, Rows, Stmt};
use crate::base::time::UtcMillis;
use crate::program::catalog::Catalog;
use crate::program::check;
use crate::program::document::Document;
use serde::Deserialize;

pub fn program_list() -> Stmt {
    Stmt::new("SELECT program_id, version, document FROM program_version ORDER BY program_id, version")
}

/// The catalogue that `program_list` read. Stored documents were checked when they were saved; one that no longer
/// reads is a fault of ours, and nothing may be decided without it.
pub fn catalog(rows: &Rows) -> Result<Catalog, DbError> {
    #[derive(Deserialize)]
    struct Row {
        program_id: String,
        version: i64,
        document: String,
    }
    let documents: Result<Vec<Document>, DbError> = rows
        .decode::<Row>()?
        .into_iter()
        .map(|r| {
            check::parse(&r.document).map_err(|f| {
                DbError::Fault(format!("program {} version {}, {}: {}", r.program_id, r.version, f.path, f.rule))
            })
        })
        .collect();
    Ok(Catalog::new(documents?))
}

pub fn program_insert(document: &Document, json: &str, sha256: &str, now: UtcMillis, actor: &str) -> Stmt {
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

/// A new version may change when a reward by state is due: every account of the program is looked at again.
pub fn program_grants_recheck(program: &str) -> [Stmt; 2] {
    [
        Stmt::new("UPDATE binding SET grant_due_at_ms = 0 WHERE program_id = ?1").bind(program),
        Stmt::new(
            "UPDATE account SET written = NULL WHERE id IN (SELECT account_id FROM binding WHERE program_id = ?1)",
        )
        .bind(program),
    ]
}
