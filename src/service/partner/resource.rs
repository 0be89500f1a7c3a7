//! Pages that operators write for a program's partners: Markdown, with each change in the audit trail.

use crate::base::ids::ProgramId;
use crate::base::limits::RESOURCES_MAX;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::store::partner::resource::{
    Resource, resource_count, resource_delete, resource_find, resource_insert, resource_update,
};
use crate::store::port::DbError;
use crate::store::program;
use crate::store::query::First;
use serde_json::json;

pub const TITLE_CHARS_MAX: usize = 120;
/// Pages are written by hand, so this is plenty.
pub const BODY_CHARS_MAX: usize = 20_000;

/// Writes a page: creates `id`, or replaces the existing page. Writing the same content again changes nothing.
pub async fn write<P: Ports>(
    ctx: &Context<'_, P>,
    program: &ProgramId,
    id: &str,
    is_new: bool,
    (title, body): (&str, &str),
) -> Result<(), AppError> {
    check(title, body)?;
    let (catalog, stood, count) =
        ctx.read((program::programs(), find(program, id), resource_count(program).first())).await?;
    catalog.current(program, ctx.now).ok_or_else(|| AppError::not_found("program"))?;
    if stood.as_ref().is_some_and(|r| r.title == title && r.body == body) {
        return Ok(());
    }
    let after = json!({"program": program, "title": title, "body": body});
    let batch = match (&stood, is_new) {
        (Some(stood), _) => {
            let before = json!({"program": program, "title": stood.title, "body": stood.body});
            vec![
                resource_update(program, id, title, body, ctx.now),
                ctx.audit("resource.edit", id, None, Some(before), Some(after)),
            ]
        }
        (None, true) if count.is_some_and(|count| count.resources >= RESOURCES_MAX) => {
            let detail = format!("a program can have {RESOURCES_MAX} pages; delete or extend one first");
            return Err(AppError::new(ErrorKind::Conflict, "too_many_resources", detail));
        }
        (None, true) => {
            vec![
                resource_insert(program, id, title, body, ctx.now),
                ctx.audit("resource.add", id, None, None, Some(after)),
            ]
        }
        (None, false) => return Err(AppError::not_found("page")),
    };
    match ctx.batch(batch).await {
        // The same form was sent twice at once, and the first one wrote it.
        Ok(_) | Err(DbError::LostRace(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Deletes a page. Deleting it again changes nothing.
pub async fn remove<P: Ports>(ctx: &Context<'_, P>, program: &ProgramId, id: &str) -> Result<(), AppError> {
    if let Some(stood) = ctx.read(find(program, id)).await? {
        let before = json!({"program": program, "title": stood.title, "body": stood.body});
        ctx.batch(vec![resource_delete(program, id), ctx.audit("resource.remove", id, None, Some(before), None)])
            .await?;
    }
    Ok(())
}

fn check(title: &str, body: &str) -> Result<(), AppError> {
    let must = |field: &str, detail: String| AppError::new(ErrorKind::Unprocessable, "malformed", detail).field(field);
    if title.trim().is_empty() || title.chars().count() > TITLE_CHARS_MAX {
        return Err(must("title", format!("the title must have 1 to {TITLE_CHARS_MAX} characters")));
    }
    if body.trim().is_empty() || body.chars().count() > BODY_CHARS_MAX {
        return Err(must("body", format!("the text must have 1 to {BODY_CHARS_MAX} characters")));
    }
    Ok(())
}

fn find(program: &ProgramId, id: &str) -> First<Resource> {
    resource_find(program, id).first()
}
