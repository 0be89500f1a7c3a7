//! What Stripe's subscriptions are worth to a partner: in which currency, how many items, less which discounts; and what
//! is asked for because the event leaves it out.

use super::*;
use std::cell::Cell;
use std::rc::Rc;

/// A subscription of `cus_1` with these fields, which costs `monthly` a month.
pub fn subscribed(id: &str, kind: &str, monthly: i64, more: Value) -> Value {
    let mut body = subscription(id, kind, "active", monthly);
    body["data"]["object"].as_object_mut().expect("an object").extend(more.as_object().expect("fields").clone());
    body
}

fn in_won(body: &Value) -> Value {
    let mut body = body.clone();
    body["data"]["object"]["currency"] = json!("krw");
    body
}

pub fn item(id: usize, monthly: i64) -> Value {
    json!({"id": format!("si_{id}"), "quantity": 1, "price": {"id": format!("price_{id}"), "currency": "usd",
        "unit_amount": monthly, "recurring": {"interval": "month", "interval_count": 1}}})
}

/// A customer whose account is known by its address.
fn customer() -> StripeFixture {
    known(&[event("evt_c", "customer.created", &json!({"id": "cus_1", "email": "ann@example.org"}))])
}

const BONUS: &str = "SELECT COUNT(*) FROM accrual WHERE reward_id = 'high-value' AND net_cents > 0";
pub const REVENUE: &str = "SELECT COALESCE(SUM(annual_cents), 0) FROM revenue_span WHERE to_ms IS NULL";
const REVIEWS: &str = "SELECT COUNT(*) FROM review WHERE rule = 'currency'";

#[test]
fn another_currency_earns_nothing_and_reaches_nothing() {
    // 45,000 won are 33 dollars; as cents they would be $5,400 a year.
    for (monthly, currency) in [(45_000, "krw"), (500_000, "jpy"), (900_000, "KWD")] {
        let paid = |n: i64| {
            let mut body = invoice(Shape::New, &format!("evt_i{n}"), &format!("in_{n}"), monthly, 0);
            body["data"]["object"]["currency"] = json!(currency);
            body
        };
        let events = [
            subscribed("evt_s", "created", monthly, json!({"currency": currency})),
            paid(1),
            subscribed("evt_u", "updated", monthly, json!({"currency": currency})),
            paid(2),
        ];
        let forwards: Vec<&Value> = events.iter().collect();
        for order in [forwards.clone(), forwards.into_iter().rev().collect()] {
            let fixture = known(&[]);
            for body in order {
                fixture.stripe(body);
            }
            assert_eq!((fixture.pending(), fixture.number(BONUS), fixture.number(REVENUE)), (0, 0, 0), "{currency}");
            assert_eq!(fixture.number(REVIEWS), 1, "one review, not one for each event");
            let subject = fixture.text("SELECT subject FROM review WHERE rule = 'currency'");
            assert_eq!(subject, currency.to_lowercase());
            let evidence = fixture.text("SELECT evidence FROM review WHERE rule = 'currency'");
            assert!(evidence.contains("earns nothing") && evidence.contains(&subject), "{evidence}");
            fixture.sound();
        }
    }
    // The same numbers in dollars.
    let fixture = known(&[
        subscribed("evt_s", "created", 45_000, json!({"currency": "usd"})),
        invoice(Shape::New, "evt_i", "in_1", 45_000, 0),
    ]);
    assert_eq!((fixture.number(BONUS), fixture.number(REVENUE), fixture.number(REVIEWS)), (1, 540_000, 0));
}

#[test]
fn currencies_are_never_added_up() {
    let mut other = subscribed("evt_o", "created", 7_000, json!({"currency": "eur", "id": "sub_2"}));
    let fixture = known(&[
        subscribed("evt_s", "created", 5_000, json!({"currency": "usd"})),
        other.clone(),
        invoice(Shape::New, "evt_i", "in_1", 5_000, 0),
    ]);
    fixture.host_sends(
        "evt_h",
        "subscription.started",
        "acct_1",
        &json!({"data": {"subscription_id": "host_1", "annual_value_cents": 1_000}}),
    );
    assert_eq!(fixture.number(REVENUE), 61_000, "the program's own currency, named or not");
    // The currency of a subscription changes with the customer's.
    other["id"] = json!("evt_v");
    other["type"] = json!("customer.subscription.updated");
    other["data"]["object"]["currency"] = json!("usd");
    fixture.stripe(&other);
    assert_eq!(fixture.number(REVENUE), 145_000);
    fixture.sound();
}

#[test]
fn a_released_currency_stays_released() {
    let won = |id: &str, of: &str| in_won(&invoice(Shape::Old, id, of, 45_000, 0));
    let fixture = known(&[won("evt_i", "in_1")]);
    fixture.run("UPDATE review SET state = 'released'");
    for n in 2..5 {
        fixture.stripe(&won(&format!("evt_{n}"), &format!("in_{n}")));
        fixture.stripe(&in_won(&subscription(&format!("evt_s{n}"), "updated", "active", 45_000)));
    }
    assert_eq!(fixture.number("SELECT COUNT(*) FROM review WHERE state = 'open'"), 0);
    let mut yen = invoice(Shape::New, "evt_y", "in_y", 500, 0);
    yen["data"]["object"]["currency"] = json!("jpy");
    fixture.stripe(&yen);
    assert_eq!(
        fixture.text("SELECT subject FROM review WHERE state = 'open'"),
        "jpy",
        "another currency is another review"
    );
    fixture.stripe(&invoice(Shape::New, "evt_d", "in_d", 10_000, 0));
    assert_eq!(fixture.pending(), 2_000, "dollars earn, whatever the reviews say");
    fixture.sound();
}

#[test]
fn the_hosts_events_have_currencies_too() {
    for (currency, bonus, revenue, reviews) in
        [(json!(null), 1, 600_000, 0), (json!("USD"), 1, 600_000, 0), (json!("KRW"), 0, 0, 1)]
    {
        let fixture = known(&[]);
        let data = json!({"subscription_id": "host_1", "annual_value_cents": 600_000, "currency": currency});
        fixture.host_sends("evt_h", "subscription.started", "acct_1", &json!({ "data": data }));
        fixture.stripe(&invoice(Shape::New, "evt_i", "in_1", 10_000, 0));
        let found = (fixture.number(BONUS), fixture.number(REVENUE), fixture.number(REVIEWS));
        assert_eq!(found, (bonus, revenue, reviews), "{currency}");
        fixture.sound();
    }
    // A subscription that counts only once its account has paid in the program's currency.
    let fixture = known(&[in_won(&invoice(Shape::New, "evt_i", "in_1", 45_000, 0))]);
    let data = json!({"subscription_id": "host_1", "annual_value_cents": 600_000});
    fixture.host_sends("evt_h", "subscription.started", "acct_1", &json!({ "data": data }));
    assert_eq!(fixture.number(REVENUE), 0);
    fixture.later(60);
    let paid = json!({"amount": {"cents": 100, "currency": "usd"}, "data": {"invoice_id": "host_in"}});
    fixture.host_sends("evt_p", "invoice.paid", "acct_1", &paid);
    assert_eq!(fixture.number(REVENUE), 600_000);
}

#[test]
fn all_items_count() {
    let first: Vec<Value> = (0..10).map(|n| item(n, 4_000)).collect();
    let items = |body: &mut Value, has_more: bool| {
        body["data"]["object"]["items"] = json!({"data": first, "has_more": has_more});
    };
    let mut body = subscription("evt_s", "created", "active", 0);
    items(&mut body, true);
    // 12 items of $40 a month are $5,760 a year; 10 are $4,800.
    let without_key = customer();
    let told = without_key.stripe(&body);
    assert_eq!((&told["outcome"], without_key.number(BONUS)), (&json!("applied"), 0), "{told}");
    assert!(told["reason"].as_str().is_some_and(|why| why.contains("does not list all of its items")), "{told}");
    assert_eq!(without_key.stripe(&body), told);

    let fixture = customer().with_key(|url| {
        assert!(url.contains("/v1/subscription_items?subscription=sub_1&limit=20"), "{url}");
        let page: Vec<Value> = if url.contains("starting_after=si_10") {
            vec![item(11, 4_000)]
        } else {
            // The first item has another quantity by now.
            let mut page: Vec<Value> = (0..11).map(|n| item(n, 4_000)).collect();
            page[0]["quantity"] = json!(500);
            page
        };
        (200, json!({"data": page, "has_more": !url.contains("starting_after")}))
    });
    let told = fixture.stripe(&body);
    assert_eq!((&told["reason"], fixture.number(BONUS), fixture.asked("/v1/subscription_items")), (&json!(null), 1, 2));
    fixture.stripe(&invoice(Shape::New, "evt_i", "in_1", 10_000, 0));
    assert_eq!(fixture.number(REVENUE), 12 * 12 * 4_000);
    items(&mut body, false);
    body["id"] = json!("evt_t");
    fixture.stripe(&body);
    assert_eq!(fixture.asked("/v1/subscription_items"), 2, "a complete event asks for nothing");
    fixture.sound();
}

#[test]
fn a_list_of_items_without_end_is_left_out() {
    let mut body = subscription("evt_s", "created", "active", 5_000);
    body["data"]["object"]["items"]["has_more"] = json!(true);
    let pages = Rc::new(Cell::new(100));
    let fixture = customer().with_key(move |_| {
        pages.set(pages.get() + 1);
        (200, json!({"data": [item(pages.get(), 100)], "has_more": true}))
    });
    let told = fixture.stripe(&body);
    assert_eq!(fixture.asked("/v1/subscription_items"), 10);
    assert!(told["reason"].as_str().is_some_and(|why| why.contains("does not list all of its items")), "{told}");
}

#[test]
fn discounts_are_asked_for() {
    let by_id = subscribed("evt_s", "created", 50_000, json!({"discounts": ["di_1"]}));
    let without_key = customer();
    let told = without_key.stripe(&by_id);
    assert!(told["reason"].as_str().is_some_and(|why| why.contains("only the ids of its discounts")), "{told}");
    assert_eq!(without_key.number(BONUS), 0, "an unknown value earns nothing");

    let discount = json!({"id": "di_1", "end": CREATED + 92 * 86_400,
        "source": {"type": "coupon", "coupon": {"percent_off": 90, "duration": "repeating", "duration_in_months": 3}}});
    for (now, bonus) in [(json!([discount]), 0), (json!([]), 1)] {
        let fixture = customer().with_key(move |url| {
            assert!(url.contains("/v1/subscriptions/sub_1?expand"), "{url}");
            (200, json!({"id": "sub_1", "object": "subscription", "discounts": now}))
        });
        let told = fixture.stripe(&by_id);
        assert_eq!(
            (&told["reason"], fixture.number(BONUS)),
            (&json!(null), bonus),
            "$4,650, or a discount that is over"
        );
    }
    // A key that may not read subscriptions.
    let fixture = customer().with_key(|_| (403, json!({"error": {"type": "invalid_request_error", "message": "no"}})));
    let told = fixture.stripe(&by_id);
    assert!(told["reason"].as_str().is_some_and(|why| why.contains("only the ids of its discounts")), "{told}");
    fixture.sound();
}

#[test]
fn prices_are_asked_for_in_the_subscriptions_currency() {
    let price = |more: Value| {
        let mut item = item(1, 0);
        item["price"].as_object_mut().expect("a price").extend(more.as_object().expect("fields").clone());
        item
    };
    let tiered = json!({"billing_scheme": "tiered", "tiers_mode": "volume", "unit_amount": null});
    let answer = json!({"billing_scheme": "tiered", "tiers_mode": "volume", "unit_amount": null,
        "tiers": [{"up_to": null, "flat_amount": 50_000}],
        "currency_options": {"eur": {"unit_amount": null, "tiers": [{"up_to": null, "flat_amount": 1}]}}});
    for (currency, annual) in [("usd", 600_000), ("eur", 12)] {
        let (body, answer) = (price(tiered.clone()), price(answer.clone()));
        let body = subscribed("evt_s", "created", 0, json!({"currency": currency, "items": {"data": [body]}}));
        let fixture = customer().with_key(move |url| {
            let expands = url.contains("currency_options") && url.contains("data.price.tiers");
            assert!(expands, "{url}");
            (200, json!({"data": [answer], "has_more": false}))
        });
        fixture.stripe(&body);
        let sql =
            "SELECT payload ->> '$.\"subscription.started\".annual_value_cents' AS n FROM event WHERE id = 'evt_s'";
        assert_eq!(fixture.number(sql), annual);
    }
}

#[test]
fn a_repeated_delivery_gets_the_first_answer() {
    let body = subscribed("evt_s", "created", 50_000, json!({"discounts": ["di_1"]}));
    let answers = Rc::new(Cell::new(0));
    let fixture = customer().with_key(move |_| {
        answers.set(answers.get() + 1);
        match answers.get() {
            1 => (500, json!({})),
            2 => (200, json!({"discounts": []})),
            _ => (200, json!({"discounts": [{"id": "di_1", "coupon": {"percent_off": 90, "duration": "forever"}}]})),
        }
    });
    let (status, problem) = fixture.deliver("stripe", SECRET, &body, 0);
    assert_eq!((status, &problem["code"]), (503, &json!("stripe_unavailable")), "Stripe sends it again");
    assert_eq!(fixture.number("SELECT COUNT(*) FROM event WHERE id = 'evt_s'"), 0);
    let told = fixture.stripe(&body);
    assert_eq!(fixture.number(BONUS), 1);
    // Cut off before its outcome was recorded.
    fixture.run("DELETE FROM stripe_event");
    assert_eq!(fixture.stripe(&body), told);
    assert_eq!(fixture.number(BONUS), 1);
    fixture.sound();
}

#[test]
fn a_pause_ends_nothing() {
    let paused = json!({"pause_collection": {"behavior": "void"}});
    let at = |mut body: Value, later: i64| {
        body["created"] = json!(CREATED + later);
        body
    };
    let fixture = known(&[
        subscription("evt_s", "created", "active", 50_000),
        invoice(Shape::New, "evt_i", "in_1", 50_000, 0),
        at(subscribed("evt_p", "updated", 50_000, paused), 60),
    ]);
    assert_eq!((fixture.number(REVENUE), fixture.number(BONUS)), (0, 1), "it was worth $6,000 when it started");
    fixture.stripe(&at(subscription("evt_r", "updated", "active", 50_000), 120));
    assert_eq!(fixture.number(REVENUE), 600_000);
    fixture.stripe(&at(subscription("evt_q", "paused", "paused", 50_000), 180));
    assert_eq!(fixture.number(REVENUE), 0);
    assert_eq!(fixture.pending(), 50_000 + 10_000, "nothing is void");
    fixture.stripe(&at(subscription("evt_t", "resumed", "active", 50_000), 240));
    assert_eq!(fixture.number(REVENUE), 600_000);
    fixture.sound();
}

#[test]
fn an_unpaid_subscription_can_start_again() {
    let at = |mut body: Value, was: &str, later: i64| {
        body["created"] = json!(CREATED + later);
        body["data"]["previous_attributes"] = json!({"status": was});
        body
    };
    let fixture = known(&[
        subscription("evt_s", "created", "active", 5_000),
        invoice(Shape::New, "evt_i", "in_1", 5_000, 0),
        at(subscription("evt_u", "updated", "unpaid", 5_000), "past_due", 60),
    ]);
    assert_eq!(fixture.number(REVENUE), 0);
    fixture.stripe(&at(subscription("evt_a", "updated", "active", 5_000), "unpaid", 120));
    assert_eq!(fixture.number("SELECT COUNT(*) FROM event WHERE type = 'subscription.started'"), 2);
    fixture.sound();
}

pub fn customer_with(more: &[Value]) -> StripeFixture {
    let fixture = customer();
    for body in more {
        fixture.stripe(body);
    }
    fixture
}

#[test]
fn two_versions_of_one_event_are_one_event() {
    let coupon = json!({"percent_off": 90, "duration": "forever"});
    let old = json!({"discount": {"id": "di_1", "coupon": coupon}, "discounts": ["di_1"]});
    let new = json!({"discounts": ["di_1"]});
    for (first, second) in [(&old, &new), (&new, &old)] {
        let fixture = customer();
        let told = fixture.stripe(&subscribed("evt_s", "created", 50_000, first.clone()));
        assert_eq!(fixture.stripe(&subscribed("evt_s", "created", 50_000, second.clone())), told);
        assert_eq!(fixture.number(BONUS), 0);
    }
}
