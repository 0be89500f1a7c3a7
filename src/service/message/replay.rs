//! Sending a message once more at an operator's request.

use crate::codec::message::endpoint::ReplayRequest;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::store::message::delivery;
use crate::store::message::delivery::DeliveryRow;
use crate::store::message::outbox;
use serde_json::{Value, json};

/// Queues the requested deliveries; the next sweep makes them. Deliveries that are already waiting are left unchanged,
/// so requesting twice queues nothing twice.
pub async fn replay<P: Ports>(
    ctx: &Context<'_, P>,
    id: &str,
    request: &ReplayRequest,
) -> Result<StoredResponse, AppError> {
    let (found, deliveries) = ctx.read((outbox::outbox_find(id).first(), delivery::delivery_list(id))).await?;
    let found = found.ok_or_else(|| AppError::not_found("message"))?;
    if let Some(at) = found.emptied_at_ms {
        let detail = format!("what this message said was removed at {}, because it was delivered", at.to_rfc3339());
        return Err(AppError::new(ErrorKind::Conflict, "message_emptied", detail));
    }
    let wanted = |d: &&DeliveryRow| match &request.target {
        Some(target) => d.target == *target,
        None => d.state != "sent",
    };
    if !deliveries.iter().any(|d| wanted(&d)) {
        let detail = "no delivery of this message failed; name a `target` to resend it there";
        return Err(AppError::new(ErrorKind::Conflict, "nothing_to_replay", detail));
    }
    let (before, after) = (json!(deliveries), json!({"target": request.target}));
    let entry = ctx.audit("outbox.replay", &found.id, Some(&request.reason), Some(before), Some(after));
    let queue = Vec::from(delivery::replay(id, request.target.as_deref(), ctx.now));
    let (_, _, deliveries) = ctx.read((queue, entry, delivery::delivery_list(id))).await?;
    Ok((200, json!({"id": id, "deliveries": deliveries.iter().map(view).collect::<Vec<Value>>()})))
}

/// A delivery as operators see it.
pub fn view(d: &DeliveryRow) -> Value {
    let waits = d.state == "queued";
    json!({
        "channel": d.channel, "target": d.target, "state": d.state, "round": d.round, "attempts": d.attempts,
        "next_attempt_at": waits.then(|| d.next_attempt_at_ms.to_rfc3339()), "last_error": d.last_error,
        "sent_at": d.sent_at_ms.map(|at| at.to_rfc3339()),
    })
}
