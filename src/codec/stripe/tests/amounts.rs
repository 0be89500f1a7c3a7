//! The amounts of invoices and subscriptions.

use crate::codec::stripe::tests::*;

#[test]
fn commission_is_reckoned_on_what_was_paid_for_the_service() {
    let with = |changes: Value| {
        let mut object = new_invoice();
        for (key, value) in changes.as_object().unwrap() {
            object[key] = value.clone();
        }
        object
    };
    for (changes, base, charged) in [
        // A balance or a credit note paid the rest: what was paid is part tax.
        (json!({"amount_paid": 4_000}), 3_361, Some(4_000)),
        (json!({"amount_paid": 10_000}), 8_403, Some(10_000)),
        (json!({"amount_paid": 10_000, "total": 12_500}), 8_000, Some(10_000)),
        (json!({"amount_paid": 10_000, "total": 12_500, "amount_due": 10_000}), 8_000, Some(10_000)),
        (
            json!({"amount_paid": 10_000, "total": 12_500, "total_excluding_tax": null, "total_taxes": [{"amount": 2_500}]}),
            8_000,
            Some(10_000),
        ),
        (
            json!({"amount_paid": 10_000, "total": 12_500, "total_excluding_tax": null, "total_taxes": null, "tax": 2_500}),
            8_000,
            Some(10_000),
        ),
        (json!({"amount_paid": 1, "total": 12_500, "total_excluding_tax": 12_499}), 0, None),
        (
            json!({"amount_paid": 999_999_999_999i64, "total": 1_000_000_000_000i64, "total_excluding_tax": 999_999_999_999i64}),
            999_999_999_998,
            Some(999_999_999_999),
        ),
        // More was paid than was due: the rest is a balance.
        (json!({"amount_paid": 14_000}), 10_000, Some(11_900)),
        (json!({"amount_paid": 13_900, "amount_due": 11_900, "amount_overpaid": 2_000}), 10_000, Some(11_900)),
        (json!({"amount_paid": 12_000, "amount_due": 10_000, "total": 12_500}), 8_000, Some(10_000)),
        (json!({"amount_paid": 12_000, "amount_overpaid": 2_000, "total": 12_500}), 8_000, Some(10_000)),
        (json!({"amount_paid": 12_000, "total": 10_000}), 10_000, None),
        // Older versions have no net total.
        (json!({"total_excluding_tax": null}), 10_000, Some(11_900)),
        (json!({"total_excluding_tax": null, "total_taxes": null, "tax": 900}), 11_000, Some(11_900)),
        (
            json!({"total_excluding_tax": null, "total_taxes": null, "total_tax_amounts": [{"amount": 400}]}),
            11_500,
            Some(11_900),
        ),
        (json!({"total_excluding_tax": null, "total_taxes": null}), 11_900, None),
    ] {
        if base == 0 {
            let what = read("invoice.paid", &with(changes.clone())).what;
            assert!(matches!(what, StripeEvent::Ignored(_)), "{changes}: less than a cent");
            continue;
        }
        let got = invoice(&with(changes.clone()));
        assert_eq!((got.amount, got.charged_cents), (usd(base), charged.map(Cents)), "{changes}");
    }
    for changes in [json!({"amount_paid": 0}), json!({"total_excluding_tax": 0}), json!({"total_excluding_tax": -500})]
    {
        let what = read("invoice.paid", &with(changes.clone())).what;
        assert!(matches!(what, StripeEvent::Ignored(_)), "{changes}: no payment");
    }
    assert!(matches!(read("invoice.paid", &with(json!({"customer": null}))).what, StripeEvent::Ignored(_)));
    // Stripe sends two events about a payment; this is only one of them.
    assert!(matches!(read("invoice.payment_succeeded", &new_invoice()).what, StripeEvent::Ignored(_)));
}

#[test]
fn months_are_those_of_the_largest_line() {
    let day = 86_400;
    let line = |amount: i64, days: i64, proration: bool, recurring: Value| {
        let mut line = json!({
            "amount": amount, "period": {"start": CREATED, "end": CREATED + days * day},
            "parent": {"subscription_item_details": {"proration": proration, "subscription": "sub_1"}},
        });
        if !recurring.is_null() {
            line["price"] = json!({"recurring": recurring});
        }
        line
    };
    let every = |interval: &str, count: i64| json!({"interval": interval, "interval_count": count});
    for (lines, want) in [
        (vec![], 1),
        (vec![line(100, 28, false, Value::Null)], 1),
        (vec![line(100, 31, false, Value::Null)], 1),
        (vec![line(100, 92, false, Value::Null)], 3),
        (vec![line(100, 365, false, Value::Null)], 12),
        (vec![line(100, 366, false, Value::Null)], 12),
        (vec![line(100, 30, false, every("year", 1))], 12),
        (vec![line(100, 30, false, every("year", 2))], 24),
        (vec![line(100, 30, false, every("month", 3))], 3),
        (vec![line(100, 7, false, every("week", 1))], 1),
        (vec![line(100, 7, false, every("week", 13))], 3),
        (vec![line(100, 30, false, every("year", 99))], 120),
        // The remainder of a year pays for the remaining months.
        (vec![line(100, 150, true, every("year", 1))], 5),
        // A yearly plan with a monthly extra, and a monthly plan with the remainder of an upgrade.
        (vec![line(120_000, 365, false, Value::Null), line(1_000, 30, false, Value::Null)], 12),
        (vec![line(5_000, 30, false, Value::Null), line(900, 300, true, Value::Null)], 1),
        (vec![line(500, 30, false, Value::Null), line(500, 365, false, Value::Null)], 12),
        // Credits and single items do not count.
        (vec![line(-9_000, 365, true, Value::Null), line(500, 30, false, Value::Null)], 1),
        (vec![json!({"amount": 9_000, "type": "invoiceitem"}), line(500, 365, false, Value::Null)], 12),
    ] {
        let mut object = new_invoice();
        object["lines"] = json!({"data": lines});
        assert_eq!(invoice(&object).months, want, "{lines:?}");
    }
}

#[test]
fn a_subscription_is_worth_its_items() {
    let worth = |items: Value| match fact("customer.subscription.created", &subscription("active", &items)) {
        (kind, AT, Payload::SubscriptionStarted(s)) if kind == "subscription.started" => {
            (s.monthly_cents.map(|c| c.0), s.annual_value_cents.map(|c| c.0))
        }
        other => panic!("{other:?}"),
    };
    for (items, monthly, annual) in [
        (json!([item(1, 5_000, "month", 1)]), Some(5_000), Some(60_000)),
        (json!([item(3, 5_000, "month", 1)]), Some(15_000), Some(180_000)),
        (json!([item(1, 120_000, "year", 1), item(2, 500, "month", 1)]), Some(11_000), Some(132_000)),
        (json!([item(1, 3_000, "month", 3)]), Some(1_000), Some(12_000)),
        (json!([item(1, 100, "week", 1)]), Some(433), Some(5_200)),
        (json!([item(1, 100, "day", 1)]), Some(3_041), Some(36_500)),
        (json!([item(0, 5_000, "month", 1)]), Some(0), Some(0)),
        (
            json!([{"quantity": 10, "price": {"unit_amount": null, "unit_amount_decimal": "0.5",
            "recurring": {"interval": "month", "interval_count": 1}}}]),
            Some(5),
            Some(60),
        ),
        (
            json!([{"quantity": 2, "plan": {"amount": 700, "interval": "month", "interval_count": 1}}]),
            Some(1_400),
            Some(16_800),
        ),
        // Metered: no price of its own.
        (
            json!([{"price": {"unit_amount": null, "recurring": {"interval": "month", "interval_count": 1}}}]),
            None,
            None,
        ),
        (json!([]), None, None),
        (json!([item(i64::MAX, i64::MAX, "day", 1)]), None, None),
        (json!([item(1, i64::MAX, "month", 1)]), Some(83_333_333_333), Some(1_000_000_000_000)),
    ] {
        assert_eq!(worth(items.clone()), (monthly, annual), "{items}");
    }
}
