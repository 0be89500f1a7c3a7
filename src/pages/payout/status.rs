//! Whether an earning that is available has left already, and by which payout. A payout takes all that is mature at its
//! run's instant; so a line left with the first one that stands after the line was settled and mature.

use crate::base::time::UtcMillis;
use crate::engine::accrual::{Accrual, AccrualState};
use crate::program::catalog::Catalog;
use crate::store::partner::page::{PayoutRow, SettledRow, payouts_standing};
use crate::store::port::{DbError, Rows, Stmt};
use std::collections::HashMap;

/// Payouts that are looked at: a weekly one for ten years.
const PAYOUTS: i64 = 520;

/// What was read of the lines of a page and of their partner's payouts.
#[derive(Default)]
pub struct Paid {
    settled: HashMap<String, UtcMillis>,
    payouts: Vec<PayoutRow>,
}

/// The read that goes along with the lines.
pub fn read(partner: &str) -> Stmt {
    payouts_standing(partner, PAYOUTS)
}

impl Paid {
    pub fn of(lines: &Rows, payouts: &Rows) -> Result<Paid, DbError> {
        let rows: Vec<SettledRow> = lines.decode()?;
        let settled = rows.into_iter().filter_map(|row| Some((row.id, row.settled_ms?))).collect();
        Ok(Paid { settled, payouts: payouts.decode()? })
    }

    /// The instant of the run that made a line available.
    pub fn settled(&self, line: &Accrual) -> Option<UtcMillis> {
        self.settled.get(&line.id).copied()
    }

    /// The payout that a line left with, or is about to. `None` where it has not, or that cannot be told.
    pub fn payout(&self, catalog: &Catalog, line: &Accrual) -> Option<&PayoutRow> {
        let settled = self.settled(line).filter(|_| line.state == AccrualState::Available)?;
        // As a run reckons what is mature: see `store/settlement/run.rs`.
        let ripens = line.vests_at_ms.plus_ms(-i64::from(line.vests_at_ms == line.at_ms.plus_ms(1)));
        let takes = |p: &&PayoutRow| {
            let delay = catalog.in_force(&line.program_id, p.as_of_ms).map_or(0, |d| d.settlement.delay_days);
            p.unit == line.unit && p.as_of_ms >= settled && ripens <= p.as_of_ms.plus_days(-delay)
        };
        let cut_off = i64::try_from(self.payouts.len()).unwrap_or(0) >= PAYOUTS;
        let found = self.payouts.iter().position(|p| takes(&p)).filter(|at| *at > 0 || !cut_off)?;
        // What came back of it is not told line by line.
        self.payouts.get(found).filter(|p| p.is_reversed == 0)
    }

    /// A line's state as its partner sees it: the books know of no line whether it was paid.
    pub fn state(&self, catalog: &Catalog, line: &Accrual) -> &'static str {
        match self.payout(catalog, line) {
            Some(p) if p.state == "paid" => "paid",
            Some(_) => "on its way",
            None => line.state.name(),
        }
    }
}
