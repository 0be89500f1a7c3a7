//! What became of an accrual: whether a payout takes it, and from when it is available. What payouts take is stored with
//! them, so every page, file and response says the same.

use crate::base::ids::{AccrualId, PayoutId};
use crate::base::money::{Bps, Cents};
use crate::base::time::UtcMillis;
use crate::engine::accrual::invoice::NEVER;
use crate::engine::accrual::{Accrual, AccrualState};
use crate::engine::settlement::schedule;
use crate::program::compiled::Program;
use crate::program::document::Document;
use serde::Deserialize;

/// A payout that has not arrived takes all of it.
pub const ON_ITS_WAY: &str = "on_its_way";
pub const PAID: &str = "paid";

/// An accrual's share in payouts, and the amount that it is a share of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct AccrualPayment {
    pub id: AccrualId,
    /// How much of it payouts take, planned or paid.
    pub payout_cents: Cents,
    /// The latest payout that takes some of it.
    pub payout_id: Option<PayoutId>,
    /// 1 once that payout is paid.
    pub is_paid: i64,
    /// The amount of the invoice that it is for.
    pub base_cents: Option<Cents>,
}

/// An accrual with its payment.
pub type ShownAccrual = (Accrual, AccrualPayment);

impl AccrualPayment {
    /// The accrual's state as people see it: an available one that a payout takes whole is paid, or on its way.
    pub fn state(&self, accrual: &Accrual) -> &'static str {
        // A deduction is taken once a payout was reduced by all of it.
        let is_whole = match accrual.net_cents {
            net if net < Cents::ZERO => self.payout_cents <= net,
            net => self.payout_cents >= net,
        };
        let is_taken = accrual.state == AccrualState::Available && is_whole;
        match &self.payout_id {
            Some(_) if is_taken && self.is_paid == 1 => PAID,
            Some(_) if is_taken => ON_ITS_WAY,
            _ => accrual.state.name(),
        }
    }
}

/// When a run makes a pending accrual available: never in the past, because a run that is over takes nothing more.
/// `None` if it is not pending, or if that depends on what happens.
pub fn available_from(accrual: &Accrual, document: Option<&Document>, now: UtcMillis) -> Option<UtcMillis> {
    let at = accrual.vests_at_ms.max(now);
    (accrual.state == AccrualState::Pending && accrual.vests_at_ms < NEVER)
        .then(|| document.map_or(at, |d| schedule::next_run_at(d.settlement.cadence, at)))
}

/// How an accrual was calculated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Calculation {
    /// A rate of an amount.
    Share(Bps, Cents),
    /// What a modifier's rate gives beyond the reward's own, of an amount.
    Difference(Bps, Bps, Cents),
}

/// How `accrual` was calculated of `base`, by the version of the program that it has. `None` if it is a flat amount, or
/// if that is not how it came about.
pub fn calculation(accrual: &Accrual, base: Option<Cents>, program: Option<&Program>) -> Option<Calculation> {
    let (base, program) = (base?, program?);
    let own = program.rates().find(|(id, _)| **id == accrual.reward_id);
    let (found, cents) = match own {
        Some((_, rate)) => (Calculation::Share(rate.own, base), rate.own.of(base)?),
        None => {
            let (_, rate) = program.rates().find(|(id, _)| accrual.source.is_added_to(id))?;
            let (_, better) = rate.better.iter().find(|(modifier, _)| *modifier == accrual.reward_id)?;
            (Calculation::Difference(*better, rate.own, base), Cents(better.of(base)?.0 - rate.own.of(base)?.0))
        }
    };
    (cents == accrual.gross_cents).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::accrual::AccrualCause;
    use crate::engine::accrual::source::AccrualSource;
    use crate::program::catalog::PRESETS;
    use crate::program::check;

    const NOW: UtcMillis = UtcMillis(1_780_300_000_000);

    fn document() -> Program {
        check::read(PRESETS[1].1).expect("a preset")
    }

    fn accrual(rule: &str, source: AccrualSource, cents: i64) -> Accrual {
        let (event, reason) = ("e".into(), String::new());
        let cause = AccrualCause { rule, source, event: &event, at: UtcMillis(NOW.0 - 1), reason };
        Accrual::new(&document(), &"ptn_1".into(), &"a".into(), cause, Cents(cents))
    }

    #[test]
    fn a_payout_that_takes_all_of_it_says_its_state() {
        let mut accrual = accrual("first-year", AccrualSource::invoice("1"), 500);
        accrual.state = AccrualState::Available;
        let by = |cents: i64, is_paid: i64| AccrualPayment {
            payout_cents: Cents(cents),
            payout_id: (cents > 0).then(|| "po_1".into()),
            is_paid,
            ..AccrualPayment::default()
        };
        for (cents, is_paid, state) in
            [(0, 0, "available"), (499, 1, "available"), (500, 0, ON_ITS_WAY), (500, 1, PAID), (700, 1, PAID)]
        {
            assert_eq!(by(cents, is_paid).state(&accrual), state, "{cents} {is_paid}");
        }
        accrual.state = AccrualState::Disputed;
        assert_eq!(by(500, 1).state(&accrual), "disputed");
    }

    #[test]
    fn nothing_becomes_available_in_the_past() {
        let mut accrual = accrual("first-year", AccrualSource::invoice("1"), 500);
        let document = document();
        let from = |accrual: &Accrual| available_from(accrual, Some(&document), NOW);
        assert_eq!(from(&accrual), Some(schedule::next_run_at(document.settlement.cadence, NOW)));
        accrual.vests_at_ms = NEVER;
        assert_eq!(from(&accrual), None);
        (accrual.vests_at_ms, accrual.state) = (NOW, AccrualState::Available);
        assert_eq!(from(&accrual), None);
    }

    #[test]
    fn a_rate_of_the_invoice_is_what_it_earned() {
        let (document, invoice) = (document(), AccrualSource::invoice("in:1"));
        let of = |accrual: &Accrual, base: i64| calculation(accrual, Some(Cents(base)), Some(&document));
        let share = accrual("first-year", invoice.clone(), 5_800);
        assert_eq!(of(&share, 29_000), Some(Calculation::Share(Bps(2_000), Cents(29_000))));
        assert_eq!(of(&share, 29_005), None, "5,801");
        let extra = accrual("volume", invoice.modifier("first-year"), 1_450);
        assert_eq!(of(&extra, 29_000), Some(Calculation::Difference(Bps(2_500), Bps(2_000), Cents(29_000))));
        let flat = accrual("high-value", AccrualSource::event("subscription.started"), 50_000);
        assert_eq!(of(&flat, 29_000), None);
    }
}
