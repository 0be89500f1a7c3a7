//! What became of an account's paid invoices, as far as something did: refunds and disputes (rule 11 of the design).

use crate::base::ids::InvoiceId;
use crate::base::money::Cents;
use crate::base::names::names;
use crate::engine::account::timeline::Timeline;
use serde::Serialize;

names! {
    /// How much of an invoice was refunded or lost in disputes.
    pub enum InvoiceState {
        Paid = "paid",
        PartiallyRefunded = "partially_refunded",
        Refunded = "refunded",
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InvoiceStatus {
    pub invoice: InvoiceId,
    pub state: InvoiceState,
    /// Tax included; at most what was charged.
    pub refunded_cents: Cents,
    /// 1: a dispute is open.
    pub disputed: i64,
}

/// The invoices of which something was refunded or is disputed.
pub fn of(timeline: &Timeline) -> Vec<InvoiceStatus> {
    let changed = timeline.payments.iter().filter(|p| p.disputed || p.taken_back > Cents::ZERO);
    changed
        .map(|p| InvoiceStatus {
            invoice: p.invoice.invoice_id.clone(),
            state: match p.taken_back {
                Cents::ZERO => InvoiceState::Paid,
                _ if p.fully_taken_back() => InvoiceState::Refunded,
                _ => InvoiceState::PartiallyRefunded,
            },
            refunded_cents: p.taken_back,
            disputed: i64::from(p.disputed),
        })
        .collect()
}
