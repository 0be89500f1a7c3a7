//! A payout, a reversal or a credit as the API shows it, found by its id.

use crate::base::ids::PayoutId;
use crate::base::time::UtcMillis;
use crate::engine::payout::{OutboundTransfer, PayoutState, TransferKind};
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::store::payout as rows;
use crate::store::payout::plan::ApprovalRow;
use serde_json::{Value, json};

/// A credit's id. Other ids are refused.
pub fn credit_id(id: &str) -> Result<PayoutId, AppError> {
    if id.starts_with("crd_") { Ok(id.into()) } else { Err(AppError::not_found("delivery")) }
}

/// A payout's or a reversal's id. Credits have their own routes.
pub fn payout_id(id: &str) -> Result<PayoutId, AppError> {
    if id.starts_with("crd_") { Err(AppError::not_found("payout")) } else { Ok(id.into()) }
}

/// Finds a payout, a reversal or a credit by its id.
pub async fn find<P: Ports>(ctx: &Context<'_, P>, id: &PayoutId) -> Result<OutboundTransfer, AppError> {
    let kind = match id.split_once('_').map_or("", |(kind, _)| kind) {
        "rvl" => TransferKind::Reversal,
        "crd" => TransferKind::Credit,
        _ => TransferKind::Payout,
    };
    let found = ctx.read(rows::outbound_find(kind, &[id.to_owned()]).first()).await?;
    found.ok_or_else(|| AppError::not_found("payout"))
}

pub fn view(s: &OutboundTransfer) -> Value {
    let (run, of) = match s.kind {
        TransferKind::Payout => ("run", "destination"),
        TransferKind::Reversal => ("payout", "transfer"),
        TransferKind::Credit | TransferKind::Debit => ("accrual_id", "customer"),
    };
    let mut view = json!({
        "id": s.id, "program": s.program_id, "partner": s.partner_id, "amount_cents": s.amount_cents,
        "currency": s.currency, "state": state_name(s), "reason": s.reason, "attempt": s.attempt,
        "first_sent_at": s.first_sent_at_ms.map(UtcMillis::to_rfc3339), "created_at": s.created_at_ms.to_rfc3339(),
        "next_at": is_open(s).then(|| s.due_at_ms.to_rfc3339()),
    });
    view[run] = json!(s.parent);
    view[of] = json!(s.target);
    let (made, at) = match s.kind {
        TransferKind::Payout => {
            view["planned_cents"] = json!(s.planned_cents);
            view["carried_cents"] = json!(s.carried_cents);
            ("transfer", "paid_at")
        }
        TransferKind::Reversal => ("reversal", "reversed_at"),
        TransferKind::Credit | TransferKind::Debit => {
            view["type"] = json!(s.kind);
            ("transaction", "delivered_at")
        }
    };
    view[made] = json!(s.stripe_id);
    view[at] = json!(s.done_at_ms.map(UtcMillis::to_rfc3339));
    view
}

/// The state that people see: a held transfer is shown as held, and a reversal is never "paid".
pub fn state_name(s: &OutboundTransfer) -> &'static str {
    match (s.kind, s.state) {
        _ if s.held != 0 && is_open(s) => "held",
        (TransferKind::Reversal, PayoutState::Paid) => "reversed",
        (TransferKind::Credit, PayoutState::Paid) => "delivered",
        (TransferKind::Debit, PayoutState::Paid) => "taken_back",
        (_, state) => state.name(),
    }
}

pub(super) fn is_open(s: &OutboundTransfer) -> bool {
    matches!(s.state, PayoutState::Planned | PayoutState::Submitting)
}

pub fn approval_view(approval: &ApprovalRow) -> Value {
    json!({
        "run": approval.run_id, "actor": approval.actor, "reason": approval.reason,
        "approved_at": approval.at_ms.to_rfc3339(),
    })
}
