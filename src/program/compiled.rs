//! A program as it is run: a checked document with typed earnings. What the engine does not interpret can't be written
//! here, so the check has to refuse it.

use crate::base::ids::RewardId;
use crate::base::money::{Bps, Cents};
use crate::base::time::UtcMillis;
use crate::program::document::{Cadence, Document, Source, Span};
use std::ops::Deref;

/// A version of a program. It reads like its document, but for the rewards: those are its earnings.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    document: Document,
    earnings: Vec<Earning>,
}

/// A reward as it is run. A fact gives at most one accrual for each earning.
#[derive(Clone, Debug, PartialEq)]
pub struct Earning {
    pub id: RewardId,
    /// How the account must have been brought; empty: in any way.
    pub sources: Vec<Source>,
    pub per: Per,
}

/// The facts that an earning is for, and what they earn.
#[derive(Clone, Debug, PartialEq)]
pub enum Per {
    Invoice(PerInvoice),
    Event(PerEvent),
    Milestone(PerMilestone),
}

/// For paid invoices in a span.
#[derive(Clone, Debug, PartialEq)]
pub struct PerInvoice {
    /// The invoice's monthly amount is more than this.
    pub monthly_over: Option<Cents>,
    pub span: Span,
    pub amount: InvoiceAmount,
}

#[derive(Clone, Debug, PartialEq)]
pub enum InvoiceAmount {
    Flat(Cents),
    Rate(InvoiceRate),
}

/// A share of the invoice. Both caps are over what the rate and the modifiers earn together.
#[derive(Clone, Debug, PartialEq)]
pub struct InvoiceRate {
    pub own: Bps,
    /// The whole rate with a modifier, where that is higher; in the document's order.
    pub better: Vec<(RewardId, Bps)>,
    /// What one account earns in total.
    pub account_cap: Option<Cents>,
    /// What one partner earns in a calendar month.
    pub month_cap: Option<Cents>,
}

/// For the first event that meets the conditions.
#[derive(Clone, Debug, PartialEq)]
pub enum PerEvent {
    /// A share of a purchase, at most `cap`.
    PurchaseShare {
        rate: Bps,
        cap: Option<Cents>,
    },
    /// `kind` starts or updates a subscription, whose annual value is at least this.
    Subscription {
        kind: &'static str,
        annual_at_least: Cents,
        cents: Cents,
    },
    Named {
        kind: String,
        cents: Cents,
    },
}

/// Once, for a state of the lifecycle: judged as of a run, or, where a program settles instantly, when an event is
/// received.
#[derive(Clone, Debug, PartialEq)]
pub struct PerMilestone {
    pub state: String,
    pub cents: Cents,
}

impl Program {
    /// Only the check makes earnings of a document.
    pub(in crate::program) fn new(document: Document, earnings: Vec<Earning>) -> Program {
        Program { document, earnings }
    }

    /// As it was written.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The same terms as the only version, in force at all times.
    pub fn always(&self) -> Program {
        let document = Document { version: 1, effective_from: UtcMillis(0), ..self.document.clone() };
        Program { document, earnings: self.earnings.clone() }
    }

    pub fn is_instant(&self) -> bool {
        self.settlement.cadence == Cadence::Instant
    }

    pub fn is_settled_by_runs(&self) -> bool {
        matches!(self.settlement.cadence, Cadence::Weekly | Cadence::Monthly)
    }

    pub fn earning(&self, id: &str) -> Option<&Earning> {
        self.earnings.iter().find(|e| e.id == id)
    }

    pub fn per_invoice(&self) -> impl Iterator<Item = (&Earning, &PerInvoice)> {
        self.earnings.iter().filter_map(|e| if let Per::Invoice(per) = &e.per { Some((e, per)) } else { None })
    }

    pub fn per_event(&self) -> impl Iterator<Item = (&Earning, &PerEvent)> {
        self.earnings.iter().filter_map(|e| if let Per::Event(per) = &e.per { Some((e, per)) } else { None })
    }

    pub fn per_milestone(&self) -> impl Iterator<Item = (&Earning, &PerMilestone)> {
        self.earnings.iter().filter_map(|e| if let Per::Milestone(per) = &e.per { Some((e, per)) } else { None })
    }

    /// The earnings that are shares of invoices.
    pub fn rates(&self) -> impl Iterator<Item = (&RewardId, &InvoiceRate)> {
        self.per_invoice().filter_map(|(e, per)| match &per.amount {
            InvoiceAmount::Rate(rate) => Some((&e.id, rate)),
            InvoiceAmount::Flat(_) => None,
        })
    }

    /// Monthly caps, by earning.
    pub fn month_caps(&self) -> impl Iterator<Item = (&RewardId, Cents)> {
        self.rates().filter_map(|(id, rate)| Some((id, rate.month_cap?)))
    }

    /// How often a partner's accounts are looked at until what they earn is known: what modifiers depend on, then what
    /// uses the room under caps that modifiers share, then the earnings.
    pub fn passes(&self) -> u64 {
        match (self.modifiers.is_empty() && self.caps.is_empty(), self.caps_modifiers()) {
            (true, _) => 1,
            (false, false) => 2,
            (false, true) => 3,
        }
    }

    /// Whether modifiers share the room under a monthly cap, so that caps depend on the modifiers that partners have.
    pub fn caps_modifiers(&self) -> bool {
        self.rates().any(|(_, rate)| rate.month_cap.is_some() && !rate.better.is_empty())
    }
}

impl PerEvent {
    /// The type of event.
    pub fn kind(&self) -> &str {
        match self {
            PerEvent::PurchaseShare { .. } => crate::program::event::EventType::PurchaseCompleted.name(),
            PerEvent::Subscription { kind, .. } => kind,
            PerEvent::Named { kind, .. } => kind,
        }
    }
}

impl Deref for Program {
    type Target = Document;

    fn deref(&self) -> &Document {
        &self.document
    }
}
