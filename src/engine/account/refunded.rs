//! How much was refunded: by refunds that have ids, and by charges' totals. Some senders report one, some both.

use crate::base::sort::{distinct, sort};
use crate::base::time::UtcMillis;
use crate::engine::event::{MoneyFact, Payload};
use std::collections::{BTreeMap, BTreeSet};

/// Most failed refunds of one charge whose combinations are tried.
const COMBINED_MAX: usize = 10;

/// The refunds of one invoice or payment in one currency.
#[derive(Default)]
pub struct Refunds<'a> {
    refunds: BTreeMap<&'a str, Refund<'a>>,
    /// By charge: when each total was reported.
    totals: BTreeMap<&'a str, Vec<(UtcMillis, i64)>>,
}

#[derive(Default)]
struct Refund<'a> {
    charge: Option<&'a str>,
    cents: Option<i64>,
    /// When it failed, and its amount.
    failed: Option<(UtcMillis, i64)>,
}

/// Two readings of what was refunded. The larger one counts, because either can be incomplete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefundSums {
    /// The sum of the refunds with ids that did not fail.
    pub named: i64,
    /// For each charge its total without failed refunds, or its refunds with ids if they are more.
    pub total: i64,
}

impl<'a> Refunds<'a> {
    /// Adds a fact, in the order of facts. Other facts than refunds change nothing.
    pub fn add(&mut self, fact: MoneyFact<'a>) {
        let charge = fact.payment.and_then(|payment| payment.charge.as_deref());
        match fact.payload {
            Payload::InvoiceRefunded { refund_id, amount, .. } => {
                let refund = self.refunds.entry(refund_id).or_default();
                refund.charge = refund.charge.or(charge);
                // The first content of an id counts; but Stripe's objects can change, and then the last one does.
                if refund.cents.is_none() || fact.payment.is_some() {
                    refund.cents = Some(amount.cents.0);
                }
            }
            Payload::InvoiceRefundFailed { refund_id, amount, .. } => {
                let refund = self.refunds.entry(refund_id).or_default();
                refund.charge = refund.charge.or(charge);
                refund.failed.get_or_insert((fact.at, amount.cents.0));
            }
            Payload::InvoiceRefundedTotal { charge_id, amount, .. } => {
                self.totals.entry(charge_id).or_default().push((fact.at, amount.cents.0));
            }
            _ => {}
        }
    }

    pub fn sums(&self) -> RefundSums {
        // A refund that names no charge is one of the only charge with a total.
        let only = self.totals.keys().next().filter(|_| self.totals.len() == 1).copied();
        let of = |refund: &Refund<'a>| refund.charge.or(only);
        let named = |charge: Option<&str>| {
            let those = self.refunds.values().filter(|r| charge.is_none() || of(r) == charge);
            let kept = those.filter(|r| r.failed.is_none()).filter_map(|r| r.cents);
            kept.fold(0i64, i64::saturating_add)
        };
        let charges: BTreeSet<&str> = distinct(self.totals.keys().copied().chain(self.refunds.values().filter_map(of)));
        let mut total = 0i64;
        for charge in charges {
            let failed = self.refunds.values().filter(|r| of(r) == Some(charge)).filter_map(|r| r.failed);
            let reported = self.totals.get(charge).map_or(0, |totals| still_refunded(totals, failed.collect()));
            total = total.saturating_add(reported.max(named(Some(charge))));
        }
        let unplaced = self.refunds.values().filter(|r| of(r).is_none()).filter_map(|r| r.failed);
        let total = unplaced.fold(total, |total, (_, cents)| total.saturating_sub(cents).max(0));
        RefundSums { named: named(None), total }
    }
}

/// What is refunded of a charge after its failed refunds. A total may have been reported before a refund failed, or
/// after it. In the second case some senders have lowered it and some have not, so each total says at least how much is
/// still refunded: what is left if all failures that it can contain are subtracted.
fn still_refunded(totals: &[(UtcMillis, i64)], mut failed: Vec<(UtcMillis, i64)>) -> i64 {
    sort(&mut failed);
    let at_least = |at: usize| {
        let (_, total) = totals[at];
        let contained: Vec<i64> = match reflected(totals, &failed, at) {
            Some(count) => failed[count..].iter().map(|(_, cents)| *cents).collect(),
            None => failed.iter().map(|(_, cents)| *cents).collect(),
        };
        total - most_within(&contained, total)
    };
    (0..totals.len()).map(at_least).max().unwrap_or(0)
}

/// How many of the failures, earliest first, a total does not contain any more; `None` if nothing shows that the sender
/// lowers totals. A new refund raises the total, so one that is not above an earlier one was lowered in between.
fn reflected(totals: &[(UtcMillis, i64)], failed: &[(UtcMillis, i64)], at: usize) -> Option<usize> {
    let (this_at, this) = totals[at];
    let earlier = totals.iter().enumerate().filter(|(other, (when, total))| {
        *total >= this && (*when < this_at || (*when == this_at && *total == this && *other < at))
    });
    let lowered_by = earlier.map(|(_, (_, total))| total - this).max();
    let before = failed.iter().filter(|(when, _)| *when < this_at).count();
    let Some(lowered_by) = lowered_by else {
        // Another total of this charge shows that they are lowered.
        let lowers = (0..totals.len()).any(|other| other != at && was_lowered(totals, other));
        return lowers.then_some(before);
    };
    let (mut sum, mut count) = (0i64, 0);
    while count < failed.len() && (count < before || sum <= lowered_by) {
        sum = sum.saturating_add(failed[count].1);
        count += 1;
    }
    Some(count)
}

fn was_lowered(totals: &[(UtcMillis, i64)], at: usize) -> bool {
    let (this_at, this) = totals[at];
    totals.iter().any(|(when, total)| *when < this_at && *total >= this)
}

/// The largest sum of some of `amounts` that is at most `limit`.
fn most_within(amounts: &[i64], limit: i64) -> i64 {
    if amounts.len() > COMBINED_MAX {
        return amounts.iter().fold(0i64, |sum, cents| sum.saturating_add(*cents)).min(limit);
    }
    let mut sums = BTreeSet::from([0i64]);
    for cents in amounts {
        let more: Vec<i64> =
            sums.iter().filter_map(|sum| sum.checked_add(*cents)).filter(|sum| *sum <= limit).collect();
        sums.extend(more);
    }
    sums.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refunded(totals: &[(i64, i64)], failed: &[(i64, i64)]) -> i64 {
        let dated = |rows: &[(i64, i64)]| rows.iter().map(|(at, cents)| (UtcMillis(*at), *cents)).collect::<Vec<_>>();
        still_refunded(&dated(totals), dated(failed))
    }

    #[test]
    fn a_total_counts_for_what_it_proves() {
        assert_eq!(refunded(&[], &[(0, 5)]), 0);
        assert_eq!(refunded(&[(0, 60)], &[]), 60);
        assert_eq!(refunded(&[(0, 60)], &[(1, 60)]), 0);
        assert_eq!(refunded(&[(0, 30), (2, 80)], &[(1, 30)]), 50, "it may not have been lowered");
        assert_eq!(refunded(&[(0, 60), (2, 40)], &[(1, 60)]), 40);
        assert_eq!(refunded(&[(0, 60), (2, 40), (4, 90)], &[(1, 60), (5, 40)]), 50, "this sender lowers totals");
        assert_eq!(refunded(&[(0, 40)], &[(1, 30), (2, 30)]), 10, "it can contain only one of them");
        assert_eq!(refunded(&[(0, 40)], &vec![(1, 30); 20]), 0);
        assert_eq!(refunded(&[(0, i64::MAX)], &[(1, i64::MAX), (2, i64::MAX)]), 0);
    }

    proptest! {
        /// Refunds (their cents) and failures (which refund) of one charge, in steps of time.
        #[test]
        fn it_never_exceeds_what_is_refunded(
            steps in prop::collection::vec((any::<bool>(), 1..50i64, 0..9usize), 1..12),
            lowers in any::<bool>(),
        ) {
            let (mut refunds, mut totals, mut failed): (Vec<(i64, bool)>, Vec<_>, Vec<_>) = Default::default();
            for (at, (fails, cents, which)) in steps.into_iter().enumerate() {
                let at = i64::try_from(at).unwrap();
                if !fails {
                    refunds.push((cents, false));
                    let in_total = refunds.iter().filter(|(_, failed)| !(lowers && *failed));
                    totals.push((at, in_total.map(|(cents, _)| cents).sum()));
                } else if let Some((cents, has_failed @ false)) = refunds.get_mut(which) {
                    *has_failed = true;
                    failed.push((at, *cents));
                }
            }
            let truth: i64 = refunds.iter().filter(|(_, failed)| !failed).map(|(cents, _)| cents).sum();
            let found = refunded(&totals, &failed);
            prop_assert!(found <= truth, "{found} of {truth}: {totals:?} {failed:?}");
            if !lowers {
                prop_assert_eq!(found, truth, "{:?} {:?}", totals, failed);
            }
        }
    }
}
