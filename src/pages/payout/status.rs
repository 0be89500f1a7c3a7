//! Whether an available commission was already paid out, and by which payout. A payout takes everything that is mature at
//! its run's instant, so a commission left with the first payout after it was settled and mature.

use crate::base::ids::{AccrualId, PartnerId};
use crate::base::time::UtcMillis;
use crate::engine::accrual::{Accrual, AccrualState};
use crate::program::catalog::Catalog;
use crate::store::partner::page::{OwnAccrual, PayoutRow, SettledRow, payouts_standing};
use crate::store::query::Query;
use std::collections::HashMap;

/// Payouts read: ten years of weekly ones.
const PAYOUTS: i64 = 520;

/// The settlement instants of a page's commissions, and the partner's payouts.
#[derive(Default)]
pub struct Paid {
    settled: HashMap<AccrualId, UtcMillis>,
    payouts: Vec<PayoutRow>,
}

/// The read of the partner's payouts, sent with the read of the commissions.
pub fn read(partner: &PartnerId) -> Query<PayoutRow> {
    payouts_standing(partner, PAYOUTS)
}

impl Paid {
    /// The accruals that were read, and what is known of their payment.
    pub fn of(rows: Vec<OwnAccrual>, payouts: Vec<PayoutRow>) -> (Vec<Accrual>, Paid) {
        let (accruals, settled): (Vec<Accrual>, Vec<SettledRow>) = rows.into_iter().unzip();
        let settled = settled.into_iter().filter_map(|row| Some((row.id, row.settled_ms?))).collect();
        (accruals, Paid { settled, payouts })
    }

    /// The instant of the run that made a commission available.
    pub fn settled(&self, accrual: &Accrual) -> Option<UtcMillis> {
        self.settled.get(&accrual.id).copied()
    }

    /// The payout that includes a commission. `None` if there is none, or it is unknown.
    pub fn payout(&self, catalog: &Catalog, accrual: &Accrual) -> Option<&PayoutRow> {
        let settled = self.settled(accrual).filter(|_| accrual.state == AccrualState::Available)?;
        // The same rule for what is mature as in `store/settlement/run.rs`.
        let ripens = accrual.vests_at_ms.plus_ms(-i64::from(accrual.vests_at_ms == accrual.at_ms.plus_ms(1)));
        let takes = |p: &&PayoutRow| {
            let delay = catalog.current(&accrual.program_id, p.as_of_ms).map_or(0, |d| d.settlement.delay_days);
            p.unit == accrual.unit && p.as_of_ms >= settled && ripens <= p.as_of_ms.plus_days(-delay)
        };
        let cut_off = i64::try_from(self.payouts.len()).unwrap_or(0) >= PAYOUTS;
        let found = self.payouts.iter().position(|p| takes(&p)).filter(|at| *at > 0 || !cut_off)?;
        // A reversed payout does not say which commissions were reversed.
        self.payouts.get(found).filter(|p| p.is_reversed == 0)
    }

    /// A commission's state as its partner sees it: the ledger does not record which commissions a payout took.
    pub fn state(&self, catalog: &Catalog, accrual: &Accrual) -> &'static str {
        match self.payout(catalog, accrual) {
            Some(p) if p.state == "paid" => "paid",
            Some(_) => "on its way",
            None => accrual.state.name(),
        }
    }
}
