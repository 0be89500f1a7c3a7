//! Moving an account to another partner, or to none, by an operator with a reason. The move is stored as one of the
//! account's facts, so the account is decided like any other: the old accruals are reversed, and new ones are created.

use crate::base::ids::{AccountId, EventId};
use crate::codec::operator::ReassignRequest;
use crate::engine::account::fact::VerifiedCredential;
use crate::engine::event::{Credential, Event, Payload, Person};
use crate::program::event::EventType;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::event::conversion;
use crate::service::event::conversion::Incoming;
use crate::service::once::StoredResponse;
use crate::store::account;
use crate::store::partner;
use crate::store::program;
use serde_json::json;

/// Moves the account. `body_sha256` and `id` identify a repeat of the same request as the same move.
pub async fn reassign<P: Ports>(
    ctx: &Context<'_, P>,
    account_id: &AccountId,
    request: &ReassignRequest,
    id: EventId,
    body_sha256: String,
) -> Result<StoredResponse, AppError> {
    let wanted = request.partner.clone().unwrap_or_default();
    let (known, to, bound, catalog) = ctx
        .read((
            account::account_find(account_id).first(),
            partner::partner_find(&wanted).first(),
            account::bound_list(&[account_id.to_owned()]),
            program::programs(),
        ))
        .await?;
    known.ok_or_else(|| AppError::not_found("account"))?;
    let document = catalog.in_force(&request.program, ctx.now).ok_or_else(|| {
        AppError::new(ErrorKind::Unprocessable, "unknown_program", "program not found").field("program")
    })?;
    if request.partner.is_some() && to.as_ref().is_none_or(|p| p.program_id != request.program) {
        let detail = "this program has no such partner";
        return Err(AppError::new(ErrorKind::Unprocessable, "unknown_partner", detail).field("partner"));
    }
    let stood = bound.iter().find(|b| b.group_id == document.group());
    let before = stood.map(|b| json!({"program": b.program_id, "partner": b.partner_id}));
    let after = json!({"program": request.program, "partner": request.partner});
    let entry = ctx.audit("account.reassign", account_id, Some(&request.reason), before, Some(after));
    let event = Event {
        id,
        kind: EventType::OperatorReassigned.name().to_owned(),
        occurred_at: ctx.now,
        account_id: Some(account_id.to_owned()),
        person: Person::default(),
        credential: Credential::default(),
        payload: Payload::Reassigned {
            program: request.program.clone(),
            code: to.map(|p| p.code),
            partner: request.partner.clone(),
            reason: request.reason.clone(),
        },
    };
    let incoming =
        Incoming { source: "operator", body_sha256, event, presented: VerifiedCredential::default(), payment: None };
    let taken = conversion::take_with(ctx, &incoming, || vec![entry.clone()]).await?;
    Ok((200, taken.outcome))
}
