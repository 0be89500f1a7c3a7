//! What subscriptions are worth in every kind of currency, and with discounts that run while a trial does.

use super::*;
use manicule::base::time::UtcMillis;
use manicule::codec::stripe::worth::{LeftOut, worth};

const DAY: i64 = 86_400;

/// What a subscription of one item is worth: per month and in the year to come.
fn value(price: Value, quantity: i64, more: Value) -> (i64, i64) {
    let mut price = price;
    price["recurring"] = json!({"interval": "month", "interval_count": 1});
    let mut object = more;
    object["items"] = json!({"data": [{"id": "si_1", "quantity": quantity, "price": price}]});
    let found = worth(&object, UtcMillis(CREATED * 1_000));
    assert_eq!(found.left_out, LeftOut::default(), "{object}");
    (found.monthly.expect("a value").0, found.annual.expect("a value").0)
}

#[test]
fn prices_and_discounts_in_every_kind_of_currency() {
    let off = |coupon: Value| json!({"discounts": [{"id": "di_1", "start": CREATED, "coupon": coupon}]});
    let plain = |currency: &str, cents: i64| json!({"currency": currency, "unit_amount": cents});
    for (price, quantity, mut more, want) in [
        (plain("jpy", 500_000), 1, off(json!({"percent_off": 10, "duration": "forever"})), (450_000, 5_400_000)),
        (plain("kwd", 12_345), 3, json!({}), (37_035, 444_420)),
        (
            json!({"currency": "kwd", "unit_amount": null, "unit_amount_decimal": "1050.5"}),
            2,
            json!({}),
            (2_101, 25_212),
        ),
        (
            json!({"currency": "usd", "unit_amount": null, "unit_amount_decimal": "0.000000000001"}),
            1,
            json!({}),
            (0, 0),
        ),
        (
            plain("krw", 45_000),
            1,
            off(json!({"amount_off": 10, "currency": "usd", "duration": "once",
                "currency_options": {"krw": {"amount_off": 5_000}, "usd": {"amount_off": 10}}})),
            (45_000, 535_000),
        ),
        (
            json!({"currency": "usd", "unit_amount": 30, "currency_options": {"jpy": {"unit_amount": null, "unit_amount_decimal": "4500.5"}}}),
            2,
            json!({"currency": "JPY"}),
            (9_001, 108_012),
        ),
        (
            json!({"currency": "usd", "unit_amount": 400, "transform_quantity": {"divide_by": 100, "round": "down"},
                "currency_options": {"krw": {"unit_amount": 5_000}}}),
            199,
            json!({"currency": "krw"}),
            (5_000, 60_000),
        ),
        (
            json!({"currency": "jpy", "billing_scheme": "tiered", "tiers_mode": "graduated", "unit_amount": null,
                "tiers": [{"up_to": 1, "unit_amount": 0, "flat_amount": null, "flat_amount_decimal": "100.5"}, {"up_to": null, "unit_amount": 7}]}),
            3,
            json!({}),
            (114, 1_374),
        ),
        (plain("usd", 50_000), 1, json!({"schedule": "sub_sched_1", "status": "trialing"}), (50_000, 600_000)),
        (
            plain("usd", 50_000),
            1,
            json!({"pause_collection": {"behavior": "mark_uncollectible", "resumes_at": CREATED + DAY}}),
            (0, 0),
        ),
    ] {
        if more.get("currency").is_none() {
            more["currency"] = price["currency"].clone();
        }
        assert_eq!(value(price.clone(), quantity, more.clone()), want, "{price} {more}");
    }
}

#[test]
fn the_first_invoice_comes_after_the_trial() {
    let price = || json!({"currency": "usd", "unit_amount": 50_000});
    // 90 % off for three months, from now on.
    let coupon = json!({"percent_off": 90, "duration": "repeating", "duration_in_months": 3});
    for end in [json!(CREATED + 92 * DAY), Value::Null] {
        let discounts = json!([{"id": "di_1", "start": CREATED, "end": end, "coupon": coupon}]);
        for (trial_days, cheap) in [(0, 3), (14, 3), (45, 2), (70, 1), (92, 0), (120, 0)] {
            let trial = json!({"status": if trial_days > 0 { "trialing" } else { "active" }, "discounts": discounts,
                "trial_start": CREATED, "trial_end": if trial_days > 0 { json!(CREATED + trial_days * DAY) } else { Value::Null },
                "current_period_start": CREATED, "current_period_end": CREATED + trial_days.max(30) * DAY});
            assert_eq!(value(price(), 1, trial).1, 600_000 - cheap * 45_000, "{trial_days} {end}");
        }
    }
    // A trial that is over changes nothing, and one discount for one invoice is for the first that costs something.
    let over =
        json!({"trial_end": CREATED - DAY, "discounts": [{"id": "di_1", "end": CREATED + 92 * DAY, "coupon": coupon}]});
    assert_eq!(value(price(), 1, over).1, 465_000);
    let once = json!({"trial_end": CREATED + 60 * DAY, "discounts": [{"id": "di_1", "coupon": {"percent_off": 50, "duration": "once"}}]});
    assert_eq!(value(price(), 1, once).1, 575_000);
}
