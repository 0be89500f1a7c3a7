//! Trying a draft on a past period: checked, then replayed as a preview. What it finds stays for a day.

use crate::base::ids::{PreviewId, ProgramId};
use crate::codec::operator::DryRunRequest;
use crate::program::check;
use crate::service::context::{Context, Ports};
use crate::service::preview;
use crate::service::program::Refusal;
use crate::service::program::replay::Replay;
use crate::store::preview::PreviewState;
use crate::store::program;
use crate::store::settlement::operator_runs::run_latest;
use serde_json::json;
use std::borrow::Cow;

/// Starts a dry run. Its result is shown, page by page, by its id ([`preview::show`]).
pub async fn start<P: Ports>(
    ctx: &Context<'_, P>,
    id: &ProgramId,
    request: &DryRunRequest,
) -> Result<PreviewId, Refusal> {
    let (saved, latest) = ctx.read((program::programs(), run_latest(id).first())).await?;
    let standing = Replay::standing(&saved, id, request)?;
    let draft = match &request.document {
        Some(text) => Cow::Owned(check::read(text).map_err(Refusal::Findings)?),
        None => Cow::Borrowed(standing),
    };
    let mut found = super::of_program(&draft, id, "document.id");
    found.extend(super::same_money(&draft, standing, "document."));
    super::none_of(found)?;
    let document = request.document.as_ref().map(|_| draft.document().value());
    let wanted = json!({"document": document, "from": request.from.to_rfc3339(), "to": request.to.to_rfc3339()});
    let new = PreviewState {
        kind: "draft".to_owned(),
        program_id: id.clone(),
        group_id: standing.group().to_owned(),
        request: wanted.to_string(),
        // That of the program's latest run, as for the stored modifiers and caps.
        as_of_ms: latest.and_then(|run| run.as_of_ms).unwrap_or(request.to),
        passes: i64::try_from(draft.passes()).unwrap_or(1),
        ..PreviewState::default()
    };
    Ok(preview::start(ctx, new).await?.id)
}
