//! An audit trail entry, written in the batch of the change that it describes.

use crate::service::context::{Context, Ports};
use crate::store::identity::audit;
use crate::store::identity::audit::Audit;
use crate::store::port::Stmt;
use serde_json::Value;

impl<P: Ports> Context<'_, P> {
    /// The statement that records an action of the context's actor.
    pub fn audit(
        &self,
        action: &str,
        subject: &str,
        reason: Option<&str>,
        before: Option<Value>,
        after: Option<Value>,
    ) -> Stmt {
        let (before, after) = (before.map(|b| b.to_string()), after.map(|a| a.to_string()));
        self.audit_texts(action, subject, reason, before.as_deref(), after.as_deref())
    }

    /// The same of JSON texts that are stored as they are.
    pub fn audit_texts(
        &self,
        action: &str,
        subject: &str,
        reason: Option<&str>,
        before: Option<&str>,
        after: Option<&str>,
    ) -> Stmt {
        let id = self.fresh_id("aud");
        audit::audit_insert(&Audit { id: &id, actor: &self.actor, action, subject, reason, before, after }, self.now)
    }
}
