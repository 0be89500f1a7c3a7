//! Usage events that add nothing to what is known of their account.

use crate::engine::account::fact::{Fact, VerifiedCredential};
use crate::engine::account::usage;
use crate::program::catalog::Catalog;
use crate::service::context::{Context, Ports};
use crate::service::event::incoming::{Incoming, IngestOutcome, event_rows, fact};
use crate::service::event::report::IngestReport;
use crate::service::retry::Failed;
use crate::store::account::AccountRow;
use crate::store::event as events;
use crate::store::event::EventState;
use crate::store::port::{DbError, Stmt};

/// Stores a usage event that adds nothing to what is known of its account: there is nothing to decide. Another decision at
/// the same time doesn't matter, since it would be the same with this event.
pub(super) async fn take<P: Ports>(
    ctx: &Context<'_, P>,
    incoming: &Incoming,
    presented: &VerifiedCredential,
    (catalog, accounts): (&Catalog, &[AccountRow]),
    also: &[Stmt],
) -> Result<Option<IngestOutcome>, Failed> {
    let event = &incoming.event;
    let fact = fact(incoming, presented);
    let [account] = accounts else { return Ok(None) };
    let names_nobody = event.person.email.is_none() && event.person.stripe_customer.is_none();
    if !usage::is_usage(&fact) || !names_nobody || account.usage_questions.as_deref() != Some(catalog.usage_digest()) {
        return Ok(None);
    }
    let stored = ctx.read(events::usage_list(&account.id)).await?;
    let all: Vec<&Fact> = stored.iter().chain([&fact]).collect();
    let (_, moot) = usage::without_moot(catalog.usage(), &account.id, &all);
    if !moot.iter().any(|moot| moot.event_id == fact.event_id) {
        return Ok(None);
    }
    let outcome = serde_json::to_value(IngestReport::new(event, false)).map_err(|e| DbError::Fault(e.to_string()))?;
    let text = outcome.to_string();
    let (mut batch, customers) = event_rows(ctx, catalog, &[incoming.intake(presented, text, EventState::Moot)]);
    batch.extend_from_slice(also);
    let rows = ctx.batch(batch).await?;
    Ok(Some(IngestOutcome { first: true, known: false, outcome, rejoin: customers.marked(&rows), marks: false }))
}
