//! Moving an account to another partner, or to none, by an operator with a reason. The move is stored as one of the
//! account's facts, so the account is decided like any other: the old accruals are reversed, and new ones are created.

use crate::codec::operator::ReassignRequest;
use crate::engine::account::timeline::InvoiceRecord;
use crate::engine::event::{Credential, Event, Payload, Person};
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::event::conversion;
use crate::service::event::conversion::Incoming;
use crate::service::once::StoredResponse;
use crate::store::account;
use crate::store::account::{AccountRow, BoundRow};
use crate::store::identity::audit;
use crate::store::identity::audit::Audit;
use crate::store::partner;
use crate::store::partner::PartnerRow;
use crate::store::port::Stmt;
use crate::store::program;
use serde_json::json;

/// Moves the account. `body_sha256` and `id` identify a repeat of the same request as the same move.
pub async fn reassign<P: Ports>(
    ctx: &Context<'_, P>,
    account_id: &str,
    request: &ReassignRequest,
    id: String,
    body_sha256: String,
) -> Result<StoredResponse, AppError> {
    let wanted = request.partner.as_deref().unwrap_or("");
    let rows = ctx
        .batch(vec![
            account::account_find(account_id),
            partner::partner_find(wanted),
            account::bound_list(&[account_id.to_owned()]),
            program::program_list(),
        ])
        .await?;
    rows[0].first::<AccountRow>()?.ok_or_else(|| AppError::not_found("account"))?;
    let catalog = program::catalog(&rows[3])?;
    let document = catalog.in_force(&request.program, ctx.now).ok_or_else(|| {
        AppError::new(ErrorKind::Unprocessable, "unknown_program", "program not found").field("program")
    })?;
    let to: Option<PartnerRow> = rows[1].first()?;
    if request.partner.is_some() && to.as_ref().is_none_or(|p| p.program_id != request.program) {
        let detail = "this program has no such partner";
        return Err(AppError::new(ErrorKind::Unprocessable, "unknown_partner", detail).field("partner"));
    }
    let bound: Vec<BoundRow> = rows[2].decode()?;
    let stood = bound.iter().find(|b| b.group_id == document.group());
    let before = stood.map(|b| json!({"program": b.program_id, "partner": b.partner_id}).to_string());
    let after = json!({"program": request.program, "partner": request.partner}).to_string();
    let (audit_id, actor, reason) = (ctx.fresh_id("aud"), ctx.actor.clone(), request.reason.clone());
    let audit = || -> Vec<Stmt> {
        let entry = Audit {
            id: &audit_id,
            actor: &actor,
            action: "account.reassign",
            subject: account_id,
            reason: Some(&reason),
            before: before.as_deref(),
            after: Some(&after),
        };
        vec![audit::audit_insert(&entry, ctx.now)]
    };
    let event = Event {
        id,
        kind: "operator.reassigned".to_owned(),
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
    let incoming = Incoming { source: "operator", body_sha256, event, presented: InvoiceRecord::default() };
    let taken = conversion::take_with(ctx, &incoming, audit).await?;
    Ok((200, taken.outcome))
}
