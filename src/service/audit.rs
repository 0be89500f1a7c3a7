//! An audit trail entry, written in the batch of the change that it describes.

use crate::service::context::{Context, Ports};
use crate::store::identity::audit;
use crate::store::identity::audit::Audit;
use crate::store::port::Stmt;

pub fn audit<P: Ports>(
    ctx: &Context<'_, P>,
    action: &str,
    subject: &str,
    reason: Option<&str>,
    (before, after): (Option<&str>, Option<&str>),
) -> Stmt {
    let id = ctx.fresh_id("aud");
    audit::audit_insert(&Audit { id: &id, actor: &ctx.actor, action, subject, reason, before, after }, ctx.now)
}
