//! An entry of the audit trail, in the batch of what it is about.

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
