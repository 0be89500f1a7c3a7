//! An event as it comes in, and what becomes of it.

use crate::base::ids::InvoiceId;
use crate::engine::account::fact::{Fact, VerifiedCredential};
use crate::engine::event::{Event, FactPayment};
use crate::engine::review::address;
use crate::program::catalog::Catalog;
use crate::service::context::{Context, Ports};
use crate::service::funnel;
use crate::store::account::customer;
use crate::store::event as events;
use crate::store::event::EventState;
use crate::store::port::{Rows, Stmt};

/// An event with its source.
pub struct Incoming {
    pub source: &'static str,
    /// Hex SHA-256 of the bytes as sent: the same id with different bytes is refused.
    pub body_sha256: String,
    pub event: Event,
    /// The attribution evidence that the event presented, verified.
    pub presented: VerifiedCredential,
    /// The payment that a refund or dispute is about, if it names one instead of an invoice.
    pub payment: Option<FactPayment>,
}

impl Incoming {
    /// The invoices that the event is about.
    pub(super) fn invoices(&self) -> Vec<InvoiceId> {
        let of_payment = self.payment.iter().flat_map(|payment| &payment.invoices).map(|i| i.invoice_id.clone());
        self.event.payload.invoice_id().cloned().into_iter().chain(of_payment).collect()
    }
}

/// The response. `first` is false for a repeat, which gets the same response as the first delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct IngestOutcome {
    pub first: bool,
    /// Whether a decision uses it.
    pub known: bool,
    pub outcome: serde_json::Value,
    /// Whether it marked other accounts to be decided again.
    pub marks: bool,
    /// How many Stripe customers may turn out to be this account.
    pub rejoin: i64,
}

/// The place of the statement that marks customers who may turn out to be an event's account.
pub(super) struct CustomersMark(Option<usize>);

impl CustomersMark {
    /// How many were marked, by what the batch returned.
    pub fn marked(&self, rows: &[Rows]) -> i64 {
        self.0.and_then(|place| rows.get(place)).map_or(0, |rows| rows.0.len() as i64)
    }
}

/// What stores an event, whatever is decided because of it: the beginning of its batch. The event goes first: its unique id rejects a second delivery before anything else is written.
pub(super) fn event_rows<P: Ports>(
    ctx: &Context<'_, P>,
    incoming: &Incoming,
    catalog: &Catalog,
    presented: &VerifiedCredential,
    (outcome, state): (&str, EventState),
) -> (Vec<Stmt>, CustomersMark) {
    let Incoming { event, source, body_sha256, .. } = incoming;
    let intake = events::Intake { source, body_sha256, received_at: ctx.now, presented, outcome, state };
    let mut statements = vec![events::event_insert(event, &intake)];
    statements.extend(events::event_person_insert(event, source));
    let marks = customer::customers_mark(event, source, ctx.now);
    let customers = marks.is_some().then_some(statements.len());
    statements.extend(marks);
    statements.extend(funnel::counted(catalog, event, presented));
    (statements, CustomersMark(customers))
}

pub(super) fn fact(incoming: &Incoming, presented: &VerifiedCredential) -> Fact {
    let event = &incoming.event;
    Fact {
        event_id: event.id.clone(),
        account_id: event.account_id.clone().unwrap_or_default(),
        kind: event.kind.clone(),
        at: event.occurred_at,
        email_domain: event.person.email.as_deref().and_then(address::email_domain),
        payload: event.payload.clone(),
        credential: presented.clone(),
        is_moot: false,
        is_closed: false,
        payment: incoming.payment.clone(),
    }
}
