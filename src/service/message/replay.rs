//! Sending a message once more at an operator's request.

use crate::codec::message::endpoint::ReplayRequest;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::store::identity::audit;
use crate::store::identity::audit::Audit;
use crate::store::message::delivery;
use crate::store::message::delivery::DeliveryRow;
use crate::store::message::outbox;
use serde::Deserialize;
use serde_json::{Value, json};

/// Queues the requested deliveries; the next sweep makes them. Deliveries that are already waiting are left unchanged,
/// so requesting twice queues nothing twice.
pub async fn replay<P: Ports>(
    ctx: &Context<'_, P>,
    id: &str,
    request: &ReplayRequest,
) -> Result<StoredResponse, AppError> {
    #[derive(Deserialize)]
    struct Found {
        id: String,
    }
    let rows = ctx.batch(vec![outbox::outbox_find(id), delivery::delivery_list(id)]).await?;
    let found: Found = rows[0].first()?.ok_or_else(|| AppError::not_found("message"))?;
    let deliveries: Vec<DeliveryRow> = rows[1].decode()?;
    let wanted = |d: &&DeliveryRow| match &request.target {
        Some(target) => d.target == *target,
        None => d.state != "sent" && d.state != "suppressed",
    };
    if !deliveries.iter().any(|d| wanted(&d)) {
        let detail = "no delivery of this message failed; name a `target` to resend it there";
        return Err(AppError::new(ErrorKind::Conflict, "nothing_to_replay", detail));
    }
    let audit_id = ctx.fresh_id("aud");
    let (before, after) = (json!(deliveries).to_string(), json!({"target": request.target}).to_string());
    let entry = Audit {
        id: &audit_id,
        actor: &ctx.actor,
        action: "outbox.replay",
        subject: &found.id,
        reason: Some(&request.reason),
        before: Some(&before),
        after: Some(&after),
    };
    let mut batch: Vec<_> = delivery::replay(id, request.target.as_deref(), ctx.now).into();
    batch.push(audit::audit_insert(&entry, ctx.now));
    batch.push(delivery::delivery_list(id));
    let rows = ctx.batch(batch).await?;
    let deliveries: Vec<DeliveryRow> = rows[3].decode()?;
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
