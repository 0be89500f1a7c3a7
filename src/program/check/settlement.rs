//! Checks how a program settles, and the referred side's benefit.

use crate::program::check::checker::Checker;
use crate::program::document::{Cadence, Delivery, Document, Unit};

pub(crate) fn check_settlement(c: &mut Checker, d: &Document) {
    let s = &d.settlement;
    c.cents("settlement.minimum_cents", s.minimum_cents, 0);
    c.days("settlement.delay_days", s.delay_days, 0);
    let instant = s.cadence == Cadence::Instant;
    // Payouts, minimums and delays are runs' work.
    let credit = !instant || s.unit == Unit::Credit;
    c.rule(
        "settlement.unit",
        s.unit.name(),
        credit,
        "credit if rewards are issued instantly, because runs plan payouts",
    );
    let by_runs = "0 if rewards are issued instantly, because runs apply it";
    c.rule("settlement.minimum_cents", s.minimum_cents.0, !instant || s.minimum_cents.0 == 0, by_runs);
    c.rule("settlement.delay_days", s.delay_days, !instant || s.delay_days == 0, by_runs);
    c.rule("settlement.budget", s.budget, instant || !s.budget, "false unless rewards are issued instantly");
    if let Some(low) = s.budget_low_cents {
        c.cents("settlement.budget_low_cents", low, 0);
        c.rule("settlement.budget_low_cents", low.0, s.budget, "absent if there is no budget");
    }
    if let Some(above) = s.approval_above_cents {
        c.cents("settlement.approval_above_cents", above, 0);
    }
    let fits = s.delivery == Delivery::Application || s.unit == Unit::Credit;
    c.rule("settlement.delivery", s.delivery.name(), fits, "absent if the unit is cash, because cash is paid out");
    if let Some(benefit) = &d.benefit {
        c.rate("benefit.rate_bps", benefit.rate_bps);
        c.rule("benefit.months", benefit.months, (1..=120).contains(&benefit.months), "1 to 120");
    }
}

#[cfg(test)]
mod tests {
    use crate::program::catalog::PRESETS;
    use crate::program::check;

    fn preset(number: usize) -> serde_json::Value {
        serde_json::from_str(PRESETS[number].1).unwrap()
    }

    #[test]
    fn credits_are_delivered_and_cash_is_paid_out() {
        for delivery in ["application", "stripe_balance", "webhook"] {
            let (mut credit, mut cash) = (preset(0), preset(1));
            credit["settlement"]["delivery"] = delivery.into();
            cash["settlement"]["delivery"] = delivery.into();
            assert_eq!(check::read(&credit.to_string()).map(|p| p.settlement.delivery.name()), Ok(delivery));
            let found = check::read(&cash.to_string()).map_err(|f| f[0].path.clone());
            assert_eq!(found.is_ok(), delivery == "application", "{delivery}: {found:?}");
        }
    }

    #[test]
    fn a_benefit_may_be_a_promotion_code() {
        let mut document = preset(0);
        document["benefit"]["as_promotion_code"] = true.into();
        let read = check::read(&document.to_string()).expect("it is right");
        assert!(read.benefit.as_ref().is_some_and(|b| b.as_promotion_code));
    }
}
