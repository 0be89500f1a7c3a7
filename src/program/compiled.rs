//! A program as it is run: a checked document with typed earnings. What the engine does not interpret can't be written
//! here, so the check has to refuse it.

use crate::base::ids::RewardId;
use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::program::document::{Cadence, Document};
use crate::program::reward::{Earning, InvoiceAmount, InvoiceRate, Per, PerEvent, PerInvoice, PerMilestone};
use std::ops::Deref;

/// A version of a program. It reads like its document, but for the rewards: those are its earnings.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    document: Document,
    earnings: Vec<Earning>,
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

impl Deref for Program {
    type Target = Document;

    fn deref(&self) -> &Document {
        &self.document
    }
}
