//! Saving a version of a program: validated, immutable, never backdated into what was accrued.

pub mod dry_run;
pub mod replay;

use crate::base::id;
use crate::base::ids::ProgramId;
use crate::program::check;
use crate::program::check::Finding;
use crate::program::compiled::Program;
use crate::program::document::Document;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::store::port::DbError;
use crate::store::program;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A document that was not saved, with all its errors.
pub enum Refusal {
    Findings(Vec<Finding>),
    Error(AppError),
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Refusal {
        Refusal::Error(error.into())
    }
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Refusal {
        Refusal::Error(error)
    }
}

/// Saves a version: 201 if it is new, 200 if the identical version exists.
pub async fn save<P: Ports>(ctx: &Context<'_, P>, id: &ProgramId, body: &str) -> Result<StoredResponse, Refusal> {
    let document = check::read(body).map_err(Refusal::Findings)?;
    let text = document.document().text();
    let sha256 = id::hex(&Sha256::digest(text.as_bytes()));
    let catalog = ctx.programs().await?;
    let newest = catalog.versions(id).last();
    let mut found = of_program(&document, id, "id");
    if let Some(same) = catalog.versions(id).find(|d| d.version == document.version).filter(|_| found.is_empty()) {
        return if *same == document {
            Ok((200, view(&document)))
        } else {
            let detail = format!("version {} is already saved and can't change; save a new version", same.version);
            Err(AppError::new(ErrorKind::Conflict, "version_exists", detail).field("version").into())
        };
    }
    if let Some(newest) = newest {
        if document.version != newest.version + 1 {
            found.push(finding("version", document.version, format!("{}, the next version", newest.version + 1)));
        }
        if document.effective_from < ctx.now || document.effective_from < newest.effective_from {
            let rule = "not in the past and not before the previous version, because existing accruals don't change";
            found.push(finding("effective_from", document.effective_from.to_rfc3339(), rule));
        }
        found.extend(same_money(&document, newest, ""));
        found.extend(check::follow(&document, catalog.versions(id).map(Program::document)));
    } else if document.version != 1 {
        found.push(finding("version", document.version, "1, the first version"));
    }
    none_of(found)?;
    let before = newest.map(|d| json!({"version": d.version}).to_string());
    let mut batch = vec![program::program_insert(&document, &text, &sha256, ctx.now, &ctx.actor)];
    batch.extend(program::program_grants_recheck(id));
    batch.push(ctx.audit_texts("program.save", id, None, before.as_deref(), Some(&text)));
    match ctx.batch(batch).await {
        Ok(_) => Ok((201, view(&document))),
        Err(error) => Err(error.into()),
    }
}

fn view(document: &Document) -> Value {
    json!({"id": document.id, "version": document.version, "effective_from": document.effective_from.to_rfc3339()})
}

/// Nothing, if a document's id is that of its program.
fn of_program(document: &Document, id: &ProgramId, path: &str) -> Vec<Finding> {
    let other = (document.id != *id).then(|| finding(path, &document.id, format!("the program in the URL, {id}")));
    other.into_iter().collect()
}

/// All versions of a program have one currency and unit, so that their amounts can be added up and compared. `above` is
/// the path of the document, with its dot.
fn same_money(document: &Document, saved: &Document, above: &str) -> Vec<Finding> {
    let parts = [
        ("currency", document.currency.as_str(), saved.currency.as_str()),
        ("settlement.unit", document.settlement.unit.name(), saved.settlement.unit.name()),
    ];
    let others = parts.into_iter().filter(|(_, value, first)| value != first);
    let rule = |first: &str| format!("{first}, as in the first version, because balances use it");
    others.map(|(path, value, first)| finding(&format!("{above}{path}"), value, rule(first))).collect()
}

fn finding(path: &str, value: impl std::fmt::Display, rule: impl Into<String>) -> Finding {
    Finding { path: path.to_owned(), value: value.to_string(), rule: rule.into() }
}

fn none_of(found: Vec<Finding>) -> Result<(), Refusal> {
    if found.is_empty() { Ok(()) } else { Err(Refusal::Findings(found)) }
}
