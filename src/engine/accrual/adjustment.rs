//! What operators adjusted: accruals that they made, and changes of accruals that the facts call for.
//!
//! An adjustment is a fact of its own. A decision rebuilds what the account's facts call for, keeps the accruals that
//! operators made, and applies the changes to both. Only an invoice that an adjustment names takes part in it: refunds
//! and lost disputes take their share, and an open dispute freezes it (rule 11 of the design). A suspension holds none of
//! them, because an operator decided them; a ban voids those from before it.

use crate::base::ids::{AccrualId, InvoiceId};
use crate::base::money::Cents;
use crate::base::names::names;
use crate::engine::account::timeline::{Payment, Timeline};
use crate::engine::accrual::hold;
use crate::engine::accrual::{Accrual, AccrualState, Balance};
use serde::Deserialize;
use std::collections::HashMap;

names! {
    /// How far an adjustment has come. All but the first are final.
    pub enum AdjustmentState {
        /// Waits for a second operator.
        Requested = "requested",
        Booked = "booked",
        Rejected = "rejected",
        /// Nobody decided it in time.
        Expired = "expired",
    }
}

/// The booked adjustments of one accrual.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct AccrualAdjustments {
    pub accrual_id: AccrualId,
    /// What changes it: the sum of those that name it.
    pub cents: Cents,
    /// The invoice that the adjustment behind it names.
    pub invoice_id: Option<InvoiceId>,
    /// An operator made it, and a ban of its partner came later. 0 or 1.
    pub is_banned: i64,
}

type ByAccrual = HashMap<AccrualId, AccrualAdjustments>;

/// The stored accruals that operators made, as their invoices leave them. They stay with their partner, whoever the
/// account belongs to.
pub fn kept(
    stored: &[Accrual],
    adjustments: &ByAccrual,
    timeline: &Timeline,
    in_bans: &HashMap<AccrualId, Cents>,
) -> Vec<Accrual> {
    let one = |stored: &Accrual| {
        let own = adjustments.get(&stored.id);
        let invoice = own.and_then(|a| a.invoice_id.as_ref());
        let is_it = |p: &&Payment| Some(p.invoice.invoice_id.as_str()) == invoice.map(InvoiceId::as_str);
        let mut accrual = as_its_invoice_leaves(stored, timeline.payments.iter().find(is_it));
        if !accrual.is_over() && own.is_some_and(|a| a.is_banned == 1) {
            hold::ban(&mut accrual, in_bans);
        }
        accrual
    };
    stored.iter().filter(|accrual| accrual.is_adjustment()).map(one).collect()
}

fn as_its_invoice_leaves(accrual: &Accrual, payment: Option<&Payment>) -> Accrual {
    let mut accrual = accrual.clone();
    let amount = accrual.gross_cents.0;
    let lost = payment.and_then(|p| Cents(amount.abs()).share(p.taken_back, p.invoice.charged())).unwrap_or_default();
    accrual.adjusted_cents = Cents::ZERO;
    accrual.net_cents = Cents(amount - amount.signum() * lost.0);
    accrual.state = match (accrual.net_cents, accrual.balance) {
        (Cents::ZERO, _) => AccrualState::Reversed,
        // What a deduction takes is owed, whatever becomes of a dispute.
        (net, _) if net > Cents::ZERO && payment.is_some_and(|p| p.disputed) => AccrualState::Disputed,
        (_, Balance::Pending) => AccrualState::Pending,
        (_, Balance::Available | Balance::Benefit) => AccrualState::Available,
    };
    accrual
}

/// Applies the changes that name accruals. None goes further than nothing: what refunds took first is gone already.
pub fn apply(accruals: &mut [Accrual], adjustments: &ByAccrual) {
    for accrual in accruals {
        let Some(change) = adjustments.get(&accrual.id).map(|a| a.cents.0).filter(|cents| *cents != 0) else {
            continue;
        };
        let stood = accrual.net_cents.0;
        let left = if accrual.gross_cents.0 < 0 { (stood + change).min(0) } else { (stood + change).max(0) };
        accrual.net_cents = Cents(left);
        accrual.adjusted_cents = Cents(left - stood);
        if left == 0 && !matches!(accrual.state, AccrualState::Void | AccrualState::Waiting) {
            accrual.state = AccrualState::Reversed;
        }
    }
}
