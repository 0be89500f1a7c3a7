//! Whether an accrual vests, when, and what voids it. Rules 12, 16, 21 and 23 of the design.

use crate::base::ids::AccrualId;
use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::engine::account::lifecycle;
use crate::engine::account::timeline::{PaidPeriod, Timeline};
use crate::engine::accrual::source::AccrualOrigin;
use crate::engine::accrual::{Accrual, AccrualState, Balance};
use crate::engine::review::risk::ReviewStatus;
use crate::engine::review::suspension;
use crate::engine::review::suspension::Suspension;
use crate::engine::settlement::schedule;
use crate::program::document::{Cadence, Document, Hold};
use std::collections::HashMap;

/// An account's facts that decide whether a hold is over.
pub struct HoldContext<'a> {
    pub document: &'a Document,
    pub timeline: &'a Timeline<'a>,
}

/// Rule 16: when an accrual at `at` in a paid period (`None` if there is no payment yet) vests, or why it never will.
/// `Ok(None)`: not known yet.
pub fn vesting(g: &HoldContext, paid_period: Option<&PaidPeriod>, at: UtcMillis) -> Result<Option<UtcMillis>, String> {
    match &g.document.vesting.hold {
        Hold::None {} => Ok(Some(at)),
        Hold::DaysAfterFirstPayment { days, void_if_cancelled } => {
            let Some(paid_period) = paid_period else { return Ok(None) };
            let end = paid_period.first_paid_at.plus_days(*days);
            let inside = |cancelled: UtcMillis| cancelled < end;
            if *void_if_cancelled && paid_period.cancelled_at.is_some_and(inside) {
                return Err(format!("cancelled inside the hold of {days} days"));
            }
            Ok(Some(end.max(at)))
        }
        Hold::UntilState { state, churn_days } => {
            let Some(wanted) = g.document.state(state) else { return Ok(None) };
            if churned_at(g, *churn_days).is_some() {
                return Err(format!("churned inside {churn_days} days of the first payment"));
            }
            match lifecycle::first_held(g.document, wanted, g.timeline) {
                Some(reached) => Ok(Some(reached.max(at))),
                // Without a cancellation, the account may still reach the state.
                None if left_at(g).is_none() => Ok(None),
                None => Err(format!("not {state}")),
            }
        }
    }
}

/// Rule 21: if the hold waits for a state, the cancellation after which the account earns nothing more.
pub fn earning_period_ended(g: &HoldContext) -> Option<UtcMillis> {
    let Hold::UntilState { state, churn_days } = &g.document.vesting.hold else { return None };
    let sustained = g.document.state(state).is_some_and(|s| lifecycle::first_held(g.document, s, g.timeline).is_some());
    let left = left_at(g).filter(|_| !sustained);
    [churned_at(g, *churn_days), left].into_iter().flatten().min()
}

/// The cancellation within that many days of the first payment.
fn churned_at(g: &HoldContext, days: i64) -> Option<UtcMillis> {
    let paid = g.timeline.first_paid_at()?;
    g.timeline.cancellations.iter().copied().find(|c| *c >= paid && *c < paid.plus_days(days))
}

/// The first cancellation since the account signed up.
fn left_at(g: &HoldContext) -> Option<UtcMillis> {
    let signed_up = g.timeline.signup.first()?.at;
    g.timeline.cancellations.iter().copied().find(|c| *c >= signed_up)
}

/// Rule 12: a flat reward earned at `since` and dated `accrual.at_ms` is void if, before the scheduled time of the run
/// that vests it, the account cancels or its first invoice is refunded or lost in a dispute in full. `None`: no such run
/// is known yet, and every known fact comes before it.
pub fn flat_void(g: &HoldContext, accrual: &Accrual, since: UtcMillis, vests_at: Option<UtcMillis>) -> Option<String> {
    // A run vests what it grants itself. A fact dated exactly at a run's time belongs to the next run.
    let from = if is_granted_by_run(g.document, accrual) { accrual.at_ms } else { accrual.at_ms.plus_ms(1) };
    let next = |vests_at: UtcMillis| schedule::next_run_at(g.document.settlement.cadence, vests_at.max(from));
    let run = vests_at.map_or(UtcMillis(i64::MAX), next);
    if g.timeline.cancellations.iter().any(|c| *c >= since && *c < run) {
        return Some("the account cancelled before it vested".to_owned());
    }
    let first = g.timeline.payments.iter().find(|p| p.is_customers() && p.occurred_at < run)?;
    let is_kept = g.timeline.kept(first).contains(run.min(UtcMillis(i64::MAX - 1)));
    (!is_kept).then(|| "the first invoice was taken back in full before it vested".to_owned())
}

/// Whether a run makes such an accrual, dated with its own time.
fn is_granted_by_run(document: &Document, accrual: &Accrual) -> bool {
    let has_runs = matches!(document.settlement.cadence, Cadence::Weekly | Cadence::Monthly);
    has_runs && matches!(accrual.source.origin(), AccrualOrigin::Milestone(_))
}

/// Rules 12 and 21: a reward that a run grants once its hold is over vests in that run.
pub fn vest_at_grant(accrual: &mut Accrual, as_of: UtcMillis) {
    if accrual.state == AccrualState::Pending && accrual.vests_at_ms <= as_of {
        accrual.state = AccrualState::Available;
        accrual.balance = Balance::Available;
    }
}

/// Rule 23: a review holds an accrual while it is open and voids it once rejected. What a run has vested stays.
pub fn review(accrual: &mut Accrual, standing: &ReviewStatus) {
    match standing {
        ReviewStatus::Clear => {}
        ReviewStatus::Held if accrual.state == AccrualState::Pending || accrual.state == AccrualState::Available => {
            accrual.state = AccrualState::Held;
            accrual.reason = "held for review".to_owned();
        }
        ReviewStatus::Held => {}
        ReviewStatus::Rejected(reason) => accrual.void(format!("rejected in review: {reason}")),
    }
    // A new accrual that is held has not vested.
    if accrual.state == AccrualState::Held && accrual.postings == 0 && accrual.balance == Balance::Available {
        accrual.balance = Balance::Pending;
    }
}

/// Applies suspensions and bans to an accrual that was decided otherwise. `kept`: what stays of accruals in a ban.
pub fn suspend(accrual: &mut Accrual, suspensions: &[Suspension], kept: &HashMap<AccrualId, Cents>) {
    if accrual.is_over() {
        return;
    }
    if suspension::is_banned(suspensions, accrual.at_ms) {
        ban(accrual, kept);
    } else if suspension::is_held(suspensions, accrual.at_ms)
        && matches!(accrual.state, AccrualState::Pending | AccrualState::Available)
    {
        accrual.state = AccrualState::Held;
        accrual.reason = "held while the partner is suspended".to_owned();
        // A new accrual that is held has not vested.
        if accrual.postings == 0 && accrual.balance == Balance::Available {
            accrual.balance = Balance::Pending;
        }
    }
}

/// Leaves of an accrual what stays in a ban, before what adjustments change of it.
pub fn ban(accrual: &mut Accrual, kept: &HashMap<AccrualId, Cents>) {
    let stays = kept.get(&accrual.id).copied().unwrap_or_default();
    if stays == Cents::ZERO {
        accrual.void(suspension::BANNED.to_owned());
    } else if accrual.net_cents < Cents::ZERO || stays < accrual.net_cents {
        accrual.net_cents = stays;
        accrual.reason = suspension::BANNED_KEPT.to_owned();
    }
}
