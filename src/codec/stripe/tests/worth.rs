//! What subscriptions are worth: packages, tiers, metered prices, currencies, pauses and discounts.

use crate::codec::stripe::tests::*;
use crate::codec::stripe::worth::{LeftOut, worth};

const DAY: i64 = 86_400;

fn of(more: Value) -> Value {
    let mut object = subscription("active", &json!([item(1, 50_000, "month", 1)]));
    for (key, value) in more.as_object().unwrap() {
        object[key] = value.clone();
    }
    object
}

/// The price per month, and the year.
fn value(object: &Value) -> (Option<i64>, Option<i64>) {
    let worth = worth(object, AT);
    (worth.monthly.map(|c| c.0), worth.annual.map(|c| c.0))
}

fn complete(object: &Value) -> (i64, i64) {
    assert_eq!(worth(object, AT).left_out, LeftOut::default(), "{object}");
    let (monthly, annual) = value(object);
    (monthly.unwrap(), annual.unwrap())
}

fn priced(quantity: i64, price: Value) -> Value {
    let mut price = price;
    if price.get("recurring").is_none() {
        price["recurring"] = json!({"interval": "month", "interval_count": 1});
    }
    of(json!({"items": {"data": [{"id": "si_1", "quantity": quantity, "price": price}]}}))
}

#[test]
fn a_package_price_counts_packages() {
    for (quantity, size, round, monthly) in [
        (5_000, 100, "up", 20_000),
        (5_001, 100, "up", 20_400),
        (5_001, 100, "down", 20_000),
        (99, 100, "down", 0),
        (1, 100, "up", 400),
        (0, 100, "up", 0),
        (7, 0, "up", 2_800),
    ] {
        let transform = json!({"divide_by": size, "round": round});
        let by_price = priced(quantity, json!({"unit_amount": 400, "transform_quantity": transform}));
        assert_eq!(complete(&by_price), (monthly, 12 * monthly), "{quantity} in {size}, {round}");
        let plan = json!({"amount": 400, "interval": "month", "interval_count": 1, "transform_usage": transform});
        let by_plan = of(json!({"items": {"data": [{"quantity": quantity, "plan": plan}]}}));
        assert_eq!(complete(&by_plan), (monthly, 12 * monthly), "an old plan");
    }
}

#[test]
fn a_metered_price_is_worth_nothing() {
    let metered = json!({"unit_amount": 50_000, "recurring": {"interval": "month", "usage_type": "metered"}});
    assert_eq!(complete(&priced(1, metered.clone())), (0, 0));
    let plan = json!({"amount": 50_000, "interval": "month", "usage_type": "metered"});
    assert_eq!(complete(&of(json!({"items": {"data": [{"plan": plan}]}}))), (0, 0));
    let both = json!({"items": {"data": [{"price": metered}, item(1, 700, "month", 1)]}});
    assert_eq!(complete(&of(both)), (700, 8_400));
}

#[test]
fn a_tiered_price_needs_its_tiers() {
    let tiers = json!([{"up_to": 10, "unit_amount": 500}, {"up_to": 20, "unit_amount": 300, "flat_amount": 1_000},
        {"up_to": null, "unit_amount": null, "unit_amount_decimal": "0.5"}]);
    for (mode, quantity, monthly) in [
        ("graduated", 10, 5_000),
        ("graduated", 15, 5_000 + 1_500 + 1_000),
        ("graduated", 120, 5_000 + 3_000 + 1_000 + 50),
        ("volume", 10, 5_000),
        ("volume", 15, 5_500),
        ("volume", 120, 60),
    ] {
        let price = json!({"billing_scheme": "tiered", "tiers_mode": mode, "tiers": tiers});
        assert_eq!(complete(&priced(quantity, price)), (monthly, 12 * monthly), "{mode} {quantity}");
    }
    let unexpanded = priced(10, json!({"billing_scheme": "tiered", "tiers_mode": "volume", "unit_amount": null}));
    assert_eq!(value(&unexpanded), (None, None));
    assert_eq!(worth(&unexpanded, AT).left_out, LeftOut { prices: true, ..LeftOut::default() });
}

#[test]
fn a_subscription_has_a_currency() {
    let currency = |object: &Value| match fact("customer.subscription.created", object).2 {
        Payload::SubscriptionStarted(s) => (s.currency, s.annual_value_cents.map(|c| c.0)),
        other => panic!("{other:?}"),
    };
    let won = |annual| (Some("krw".to_owned()), annual);
    assert_eq!(currency(&of(json!({}))).0, None, "the program's own");
    assert_eq!(currency(&of(json!({"currency": "KRW"}))), won(Some(600_000)));
    assert_eq!(currency(&priced(1, json!({"unit_amount": 45_000, "currency": "krw"}))), won(Some(540_000)));
    let mut options = priced(
        2,
        json!({"unit_amount": 3_000, "currency": "usd",
        "currency_options": {"krw": {"unit_amount": 45_000}, "usd": {"unit_amount": 3_000}}}),
    );
    assert_eq!(currency(&options), (Some("usd".to_owned()), Some(72_000)));
    options["currency"] = json!("krw");
    assert_eq!(currency(&options), won(Some(1_080_000)));
    options["items"]["data"][0]["price"]["currency_options"] = json!({"jpy": {"unit_amount": 5_000}});
    let StripeEvent::Facts(drafts) = read("customer.subscription.created", &options).what else { panic!("no fact") };
    assert!(matches!(&drafts[0].of, EventObject::InPart(_)), "the price in won is asked for");
    let mut body = event("customer.subscription.created", &of(json!({"currency": "dollars"})));
    assert_eq!(translate(&body, StripeEndpoint::Own, NOW).unwrap_err().field, "data.object.currency");
    body["data"]["object"]["currency"] = json!("usd");
    assert!(translate(&body, StripeEndpoint::Own, NOW).is_ok());
}

#[test]
fn a_paused_subscription_is_worth_nothing_while_it_lasts() {
    for (more, want) in [
        (json!({"status": "paused"}), (0, 0)),
        (json!({"pause_collection": {"behavior": "void", "resumes_at": null}}), (0, 0)),
        (json!({"pause_collection": {"behavior": "keep_as_draft"}}), (0, 0)),
        (json!({"pause_collection": null}), (50_000, 600_000)),
    ] {
        assert_eq!(complete(&of(more.clone())), want, "{more}");
    }
}

/// A discount in the form of a version: with its coupon, or since 2025-09-30 with its source.
fn discounted(coupon: &Value, end: Option<i64>) -> Vec<Value> {
    let end = end.map(|days| CREATED + days * DAY);
    let old = json!({"id": "di_1", "object": "discount", "coupon": coupon, "start": CREATED, "end": end});
    let new = json!({"id": "di_1", "object": "discount", "source": {"type": "coupon", "coupon": coupon},
        "start": CREATED, "end": end});
    vec![
        json!({"discount": old}),
        json!({"discounts": [old]}),
        json!({"discounts": [new]}),
        json!({"discounts": ["di_1"], "discount": old}),
    ]
}

#[test]
fn a_discount_lowers_the_year_while_it_lasts() {
    let percent = |percent: Value, duration: &str| json!({"percent_off": percent, "duration": duration});
    let off = |cents: i64, duration: &str| json!({"amount_off": cents, "currency": "usd", "duration": duration});
    for (coupon, end, want) in [
        (percent(json!(90), "repeating"), Some(92), (50_000, 465_000)),
        (percent(json!(90), "repeating"), Some(30), (50_000, 555_000)),
        (percent(json!(90), "repeating"), Some(31), (50_000, 510_000)),
        (percent(json!(90), "repeating"), Some(3_000), (50_000, 60_000)),
        (percent(json!(90), "repeating"), Some(0), (50_000, 600_000)),
        (percent(json!(50), "once"), None, (50_000, 575_000)),
        (percent(json!(100), "once"), None, (50_000, 550_000)),
        (percent(json!(12.5), "forever"), None, (43_750, 525_000)),
        (percent(json!(100.0), "forever"), None, (0, 0)),
        (off(10_000, "once"), None, (50_000, 590_000)),
        (off(10_000, "repeating"), Some(59), (50_000, 580_000)),
        (off(10_000, "forever"), None, (40_000, 480_000)),
        (off(90_000, "forever"), None, (0, 0)),
        (json!({"percent_off": 90, "duration": "repeating", "duration_in_months": 3}), None, (50_000, 465_000)),
        (json!({"name": "nothing", "duration": "forever"}), None, (50_000, 600_000)),
    ] {
        for more in discounted(&coupon, end) {
            let object = of(more.clone());
            assert_eq!(complete(&object), want, "{more}");
        }
    }
}

#[test]
fn a_discount_is_in_the_currency_of_the_subscription() {
    let coupon = json!({"amount_off": 1_000, "currency": "usd", "duration": "forever"});
    let won = |coupon: &Value| of(json!({"currency": "krw", "discounts": [{"id": "di_1", "coupon": coupon}]}));
    assert_eq!(value(&won(&coupon)), (None, None), "the amount in won is asked for");
    let mut options = coupon;
    options["currency_options"] = json!({"krw": {"amount_off": 10_000}});
    assert_eq!(complete(&won(&options)), (40_000, 480_000));
    options["currency_options"] = json!({"jpy": {"amount_off": 10_000}});
    assert_eq!(complete(&won(&options)), (50_000, 600_000), "it takes nothing off");
}

#[test]
fn discounts_follow_the_invoices() {
    let yearly = |more: Value| {
        let mut object = of(more);
        object["items"] = json!({"data": [item(1, 600_000, "year", 1)]});
        object
    };
    let half = |end: Option<i64>| discounted(&json!({"percent_off": 50, "duration": "repeating"}), end)[1].clone();
    assert_eq!(complete(&yearly(half(Some(92)))), (50_000, 300_000), "the whole invoice of the year");
    // Five months into the year, the next invoice is in seven months.
    let mut later = yearly(half(Some(92)));
    later["current_period_start"] = json!(CREATED - 150 * DAY);
    later["current_period_end"] = json!(CREATED + 215 * DAY);
    assert_eq!(complete(&later), (50_000, 600_000));
    // Half a month into the second of three months.
    let mut monthly = of(discounted(&json!({"percent_off": 90, "duration": "repeating"}), Some(47))[2].clone());
    monthly["items"]["data"][0]["current_period_start"] = json!(CREATED - 15 * DAY);
    monthly["items"]["data"][0]["current_period_end"] = json!(CREATED + 15 * DAY);
    assert_eq!(complete(&monthly), (50_000, 510_000), "two more invoices, on days 15 and 46");
    // Several at once, in their order.
    let both = json!([{"id": "di_1", "coupon": {"amount_off": 10_000, "duration": "forever"}},
        {"id": "di_2", "coupon": {"percent_off": 50, "duration": "forever"}}]);
    assert_eq!(complete(&of(json!({ "discounts": both }))), (20_000, 240_000));
    let mut only = json!({"id": "di_1", "coupon": {"percent_off": 50, "duration": "forever",
        "applies_to": {"products": ["prod_1"]}}});
    assert_eq!(complete(&of(json!({"discounts": [only]}))), (50_000, 600_000), "another product");
    only["coupon"]["applies_to"]["products"] = json!(["prod_2"]);
    let mut object = priced(1, json!({"unit_amount": 50_000, "product": "prod_2"}));
    object["discounts"] = json!([only]);
    assert_eq!(complete(&object), (25_000, 300_000));
}

#[test]
fn an_items_own_discount_is_taken_off_it_alone() {
    let mut object = of(json!({"items": {"data": [item(1, 50_000, "month", 1), item(1, 120_000, "year", 1)]}}));
    object["items"]["data"][0]["discounts"] =
        json!([{"id": "di_1", "coupon": {"percent_off": 50, "duration": "forever"}}]);
    assert_eq!(complete(&object), (35_000, 420_000));
    object["discounts"] = json!([{"id": "di_2", "coupon": {"percent_off": 10, "duration": "forever"}}]);
    assert_eq!(complete(&object), (31_500, 378_000));
}

#[test]
fn what_is_left_out_is_known() {
    let nothing = LeftOut::default();
    let source = json!({"id": "di_1", "source": {"type": "coupon", "coupon": "half"}});
    let mut items = of(json!({}));
    items["items"]["has_more"] = json!(true);
    let mut of_item = of(json!({}));
    of_item["items"]["data"][0]["discounts"] = json!(["di_1"]);
    for (object, wanted, annual) in [
        (of(json!({"discounts": []})), nothing, Some(600_000)),
        (of(json!({"discounts": ["di_1"]})), LeftOut { discounts: true, ..nothing }, None),
        (of(json!({"discounts": [source]})), LeftOut { discounts: true, ..nothing }, None),
        (of_item, LeftOut { item_discounts: true, ..nothing }, None),
        (items, LeftOut { items: true, ..nothing }, Some(600_000)),
    ] {
        let found = worth(&object, AT);
        assert_eq!((found.left_out, found.annual.map(|c| c.0)), (wanted, annual), "{object}");
        assert_eq!(wanted.reason().is_some(), wanted.is_any());
        let billed = billing(&object, AT).unwrap().subscription.monthly_cents;
        assert_eq!(billed.is_none(), wanted.is_any(), "it is not compared");
        let mut ended = object;
        ended["status"] = json!("canceled");
        let StripeEvent::Facts(drafts) = read("customer.subscription.deleted", &ended).what else { panic!("no fact") };
        assert_eq!(drafts[0].of, EventObject::Customer, "nothing is asked for about its end");
    }
}

#[test]
fn months_are_the_same_in_every_version() {
    let year = json!({"start": CREATED, "end": CREATED + 365 * DAY});
    let rest = json!({"start": CREATED, "end": CREATED + 150 * DAY});
    let instant = json!({"start": CREATED, "end": CREATED});
    let every = json!({"interval": "year", "interval_count": 1});
    let pricing = json!({"type": "price_details", "price_details": {"price": "price_1", "product": "prod_1"}});
    let details = |kind: &str, proration: bool| {
        let mut parent = json!({"type": kind, "subscription_item_details": null, "invoice_item_details": null});
        parent[kind] = json!({"subscription": "sub_1", "proration": proration, "invoice_item": "ii_1"});
        parent
    };
    let (subscription, single) = ("subscription_item_details", "invoice_item_details");
    for (period, proration, want) in [(&year, false, 12), (&rest, true, 5)] {
        let old = |kind: &str, more: Value| {
            let mut line =
                json!({"type": kind, "amount": 100, "subscription": "sub_1", "proration": proration, "period": period});
            line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            line
        };
        let new = |kind: &str| json!({"amount": 100, "parent": details(kind, proration), "pricing": pricing, "period": period});
        for line in [
            old("subscription", json!({"plan": every})),
            old("subscription", json!({"price": {"recurring": every}})),
            old("invoiceitem", json!({"plan": every})),
            old("invoiceitem", json!({"price": {"recurring": every}, "plan": every})),
            new(subscription),
            new(single),
        ] {
            let mut object = new_invoice();
            object["lines"] = json!({ "data": [line] });
            assert_eq!(invoice(&object).months, want, "{line}");
        }
    }
    // A single charge is larger than the yearly plan.
    for charge in [
        json!({"type": "invoiceitem", "amount": 900, "subscription": "sub_1", "period": instant, "price": {"recurring": null}}),
        json!({"amount": 900, "parent": details(single, false), "pricing": pricing, "period": instant}),
    ] {
        let plan = json!({"amount": 100, "parent": details(subscription, false), "pricing": pricing, "period": year});
        let mut object = new_invoice();
        object["lines"] = json!({ "data": [charge, plan] });
        assert_eq!(invoice(&object).months, 12, "{charge}");
    }
}
