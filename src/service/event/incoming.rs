//! An event as it comes in, and what becomes of it.

use crate::base::ids::InvoiceId;
use crate::codec::attribution::reference;
use crate::engine::account::fact::{Fact, VerifiedCredential};
use crate::engine::attribution::touch::Touch;
use crate::engine::event::{Event, FactPayment, Payload};
use crate::engine::review::salt::PersonSalt;
use crate::program::catalog::Catalog;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::funnel;
use crate::store::account::customer;
use crate::store::event::EventState;
use crate::store::event::intake;
use crate::store::event::intake::{EventVisitor, Intake};
use crate::store::port::{Rows, Stmt};

/// An event with its source.
#[derive(Clone)]
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
    /// The same with what people and organizations are compared by. A domain is stored as its digest alone.
    pub(super) fn keyed(&self, salt: &PersonSalt) -> Incoming {
        let mut keyed = self.clone();
        keyed.event.person.keys = salt.keys(&self.event.person);
        keyed.event.payload = keyed.event.payload.with_domain(|domain| salt.domain(domain));
        keyed
    }

    /// The invoices that the event is about.
    pub(super) fn invoices(&self) -> Vec<InvoiceId> {
        let of_payment = self.payment.iter().flat_map(|payment| &payment.invoices).map(|i| i.invoice_id.clone());
        self.event.payload.invoice_id().cloned().into_iter().chain(of_payment).collect()
    }

    /// Its visitor, if that counts.
    pub(super) fn visitor(&self) -> Option<EventVisitor> {
        matches!(self.event.payload, Payload::SignedUp { .. }).then(|| EventVisitor::of(&self.event)).flatten()
    }

    /// What it presented, with its touches' programs named and the clicks of its visitor.
    pub(super) fn credential(&self, catalog: &Catalog, clicks: Vec<Touch>) -> VerifiedCredential {
        let mut presented = self.presented.clone();
        if let Some(touchpoints) = &mut presented.touchpoints {
            reference::name_programs(touchpoints, catalog);
        }
        VerifiedCredential { clicks, ..presented }
    }

    pub(super) fn intake<'a>(
        &'a self,
        presented: &'a VerifiedCredential,
        outcome: String,
        state: EventState,
    ) -> Intake<'a> {
        Intake { event: &self.event, source: self.source, body_sha256: &self.body_sha256, presented, outcome, state }
    }

    /// The refusal, if this is not what was `seen` under its id.
    pub(super) fn is_repeat(&self, seen_sha256: &str) -> Result<(), AppError> {
        if seen_sha256 == self.body_sha256 {
            return Ok(());
        }
        let detail =
            format!("event {} was already received with a different body; send changes under a new id", self.event.id);
        Err(AppError::new(ErrorKind::Conflict, "event_id_reused", detail).field("id"))
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

/// What stores events, whatever is decided because of them: the beginning of their batch. The events go first: their unique
/// ids reject a second delivery before anything else is written.
pub(super) fn event_rows<P: Ports>(
    ctx: &Context<'_, P>,
    catalog: &Catalog,
    intakes: &[Intake],
) -> (Vec<Stmt>, CustomersMark) {
    let mut statements = intake::event_insert(intakes, ctx.now);
    statements.extend(intake::event_person_insert(intakes));
    let marks = customer::customers_mark(intakes.iter().map(|intake| (intake.event, intake.source)), ctx.now);
    let customers = marks.is_some().then_some(statements.len());
    statements.extend(marks);
    statements.extend(funnel::counted(catalog, intakes.iter().map(|intake| (intake.event, intake.presented))));
    (statements, CustomersMark(customers))
}

pub(super) fn fact(incoming: &Incoming, presented: &VerifiedCredential) -> Fact {
    let event = &incoming.event;
    Fact {
        event_id: event.id.clone(),
        account_id: event.account_id.clone().unwrap_or_default(),
        kind: event.kind.clone(),
        at: event.occurred_at,
        email_domain: event.person.keys.email_domain.clone(),
        payload: event.payload.clone(),
        credential: presented.clone(),
        is_moot: false,
        is_closed: false,
        payment: incoming.payment.clone(),
    }
}
