//! An account's life as Stripe reports it: what ended stays ended, facts of one second go by their kind, and a customer
//! may pay before the host reports its sign-up. Rules 4, 5 and 8 of the design.

use super::bodies::*;
use super::fixture::StripeFixture;
use super::known;
use serde_json::{Value, json};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// The same body, `later` seconds later.
fn later(mut body: Value, later: i64) -> Value {
    body["created"] = json!(CREATED + later);
    let object = &mut body["data"]["object"];
    if object["status_transitions"]["paid_at"].is_i64() {
        object["status_transitions"]["paid_at"] = json!(CREATED + later);
    }
    body
}

fn of(mut body: Value, subscription: &str) -> Value {
    let object = &mut body["data"]["object"];
    if object["object"] == "subscription" {
        object["id"] = json!(subscription);
        return body;
    }
    for field in
        [&["parent", "subscription_details"][..], &["lines", "data", "0", "parent", "subscription_item_details"]]
    {
        let mut place = &mut *object;
        for name in field {
            place = match name.parse::<usize>() {
                Ok(index) => &mut place[index],
                Err(_) => &mut place[*name],
            };
        }
        place["subscription"] = json!(subscription);
    }
    body
}

fn started(id: &str, subscription_id: &str, at: i64) -> Value {
    later(of(subscription(id, "created", "active", 5_000), subscription_id), at)
}

fn deleted(id: &str, subscription_id: &str, at: i64) -> Value {
    later(of(subscription(id, "deleted", "canceled", 5_000), subscription_id), at)
}

fn paid(id: &str, invoice_id: &str, subscription_id: &str, at: i64) -> Value {
    later(of(invoice(Shape::New, id, invoice_id, 10_000, 0), subscription_id), at)
}

/// A manual invoice: Stripe's, without a subscription.
fn paid_alone(id: &str, invoice_id: &str, at: i64) -> Value {
    let mut body = later(invoice(Shape::New, id, invoice_id, 10_000, 0), at);
    body["data"]["object"]["parent"] = Value::Null;
    body["data"]["object"]["lines"]["data"][0]["parent"] = Value::Null;
    body
}

/// The states of the accruals of the invoices, by invoice.
fn accruals(fixture: &StripeFixture) -> Vec<String> {
    fixture.rows("SELECT source || ' ' || net_cents || ' ' || state AS t FROM accrual ORDER BY source")
}

/// Spans of revenue, as seconds since the first event.
fn revenue(fixture: &StripeFixture) -> Vec<String> {
    fixture.rows(&format!(
        "SELECT (from_ms / 1000 - {CREATED}) || '-' || IFNULL(to_ms / 1000 - {CREATED}, '') || ' ' || annual_cents AS t
         FROM revenue_span ORDER BY from_ms"
    ))
}

#[test]
fn a_late_payment_earns_what_its_period_earns_and_starts_nothing() {
    let fixture = known(&[started("evt_a", "sub_1", 0), paid("evt_b", "in_1", "sub_1", 0)]);
    fixture.later(100 * DAY);
    fixture.stripe(&deleted("evt_c", "sub_1", 61 * DAY));
    fixture.stripe(&paid("evt_d", "in_2", "sub_1", 70 * DAY));
    assert_eq!(accruals(&fixture), ["invoice:in_1 2000 pending", "invoice:in_2 2000 pending"]);
    assert_eq!(
        fixture.rows("SELECT DISTINCT CAST(vests_at_ms / 1000 AS TEXT) AS t FROM accrual ORDER BY 1"),
        [(CREATED + 60 * DAY).to_string(), (CREATED + 70 * DAY).to_string()],
        "no hold of its own"
    );
    assert_eq!(revenue(&fixture), [format!("0-{} 60000", 61 * DAY)], "it is no revenue");
    // Another cancellation ends nothing, because nothing had begun again.
    fixture.stripe(&deleted("evt_e", "sub_1", 71 * DAY));
    assert_eq!(accruals(&fixture), ["invoice:in_1 2000 pending", "invoice:in_2 2000 pending"]);
    fixture.sound();
}

#[test]
fn a_late_payment_is_void_with_its_period() {
    // In both orders of arrival, and from Stripe's invoice without a subscription.
    for late in [paid("evt_d", "in_2", "sub_1", 20 * DAY), paid_alone("evt_d", "in_2", 20 * DAY)] {
        for reversed in [false, true] {
            let fixture = known(&[started("evt_a", "sub_1", 0), paid("evt_b", "in_1", "sub_1", 0)]);
            let mut rest = [deleted("evt_c", "sub_1", 10 * DAY), late.clone()];
            if reversed {
                rest.reverse();
            }
            fixture.later(30 * DAY);
            rest.iter().for_each(|body| drop(fixture.stripe(body)));
            assert_eq!(accruals(&fixture), ["invoice:in_1 0 void", "invoice:in_2 0 void"], "{late} {reversed}");
            assert_eq!(revenue(&fixture), [format!("0-{} 60000", 10 * DAY)]);
            fixture.sound();
        }
    }
}

#[test]
fn a_cancellation_ends_by_a_new_subscription_or_by_the_hosts_own_payment() {
    let left =
        || known(&[started("evt_a", "sub_1", 0), paid("evt_b", "in_1", "sub_1", 0), deleted("evt_c", "sub_1", DAY)]);
    let by_start = left();
    by_start.stripe(&started("evt_d", "sub_2", 2 * DAY));
    by_start.stripe(&paid("evt_e", "in_2", "sub_2", 2 * DAY));
    assert_eq!(accruals(&by_start), ["invoice:in_1 0 void", "invoice:in_2 2000 pending"]);
    assert_eq!(revenue(&by_start), [format!("0-{DAY} 60000"), format!("{}- 60000", 2 * DAY)]);
    let by_payment = left();
    by_payment.stripe(&paid("evt_e", "in_2", "sub_2", 2 * DAY));
    assert_eq!(accruals(&by_payment), ["invoice:in_1 0 void", "invoice:in_2 2000 pending"]);
    let by_host = left();
    let own = json!({"amount": {"cents": 10_000, "currency": "usd"}, "data": {"invoice_id": "own_2"}});
    by_host.host_sends("evt_own", "invoice.paid", "acct_1", &own);
    assert_eq!(accruals(&by_host), ["invoice:in_1 0 void", "invoice:own_2 2000 pending"]);
}

#[test]
fn an_update_does_not_bring_back_what_ended() {
    let fixture =
        known(&[started("evt_a", "sub_1", 0), paid("evt_b", "in_1", "sub_1", 0), deleted("evt_c", "sub_1", DAY)]);
    fixture.stripe(&later(subscription("evt_d", "updated", "active", 5_000), 2 * DAY));
    assert_eq!(revenue(&fixture), [format!("0-{DAY} 60000")]);
    assert_eq!(accruals(&fixture), ["invoice:in_1 0 void"]);
}

#[test]
fn facts_of_one_second_go_by_their_kind() {
    // Stripe's ids are random: each pair in both orders of ids and of arrival.
    for (first, second) in [("evt_y", "evt_z"), ("evt_z", "evt_y")] {
        for reversed in [false, true] {
            let send = |bodies: [Value; 2]| {
                let fixture = known(&[started("evt_a", "sub_1", 0), paid("evt_b", "in_1", "sub_1", 0)]);
                let mut bodies = bodies.to_vec();
                if reversed {
                    bodies.reverse();
                }
                bodies.iter().for_each(|body| drop(fixture.stripe(body)));
                fixture.sound();
                fixture
            };
            let moved = send([started(first, "sub_2", DAY), deleted(second, "sub_1", DAY)]);
            assert_eq!(accruals(&moved), ["invoice:in_1 2000 pending"], "it moved to another plan: {first} {reversed}");
            assert_eq!(revenue(&moved), ["0- 60000"]);
            let left = send([deleted(first, "sub_1", DAY), paid(second, "in_2", "sub_1", DAY)]);
            assert_eq!(accruals(&left), ["invoice:in_1 0 void", "invoice:in_2 0 void"], "{first} {reversed}");
            assert_eq!(revenue(&left), [format!("0-{DAY} 60000")]);
        }
    }
}

#[test]
fn a_subscription_that_never_ran_ends_nothing() {
    let incomplete = |id: &str| later(of(subscription(id, "created", "incomplete", 5_000), "sub_9"), HOUR);
    let expired = |id: &str| later(of(subscription(id, "updated", "incomplete_expired", 5_000), "sub_9"), DAY);
    for attempt in [
        vec![incomplete("evt_m"), deleted("evt_n", "sub_9", DAY)],
        vec![incomplete("evt_m"), expired("evt_n"), deleted("evt_o", "sub_9", DAY)],
        vec![deleted("evt_n", "sub_9", DAY)],
    ] {
        for with_start in [true, false] {
            let fixture = known(&[]);
            if with_start {
                fixture.stripe(&started("evt_a", "sub_1", 0));
            }
            fixture.stripe(&paid("evt_b", "in_1", "sub_1", 0));
            attempt.iter().for_each(|body| drop(fixture.stripe(body)));
            assert_eq!(accruals(&fixture), ["invoice:in_1 2000 pending"], "{attempt:?} {with_start}");
            fixture.sound();
        }
    }
}

/// Without a key, the checkout is a sign-up that carries nothing.
fn bare_checkout() -> Value {
    let mut body = checkout("evt_checkout", "", "ann@example.org");
    body["data"]["object"]["client_reference_id"] = json!("acct_1");
    body
}

fn host_sign_up(fixture: &StripeFixture, at: i64, credential: &Value) {
    fixture.host_at(
        "evt_host",
        "account.signed_up",
        "acct_1",
        CREATED + at,
        &json!({
            "account": {"email": "ann@example.org"}, "attribution": credential, "data": {"stripe_customer": "cus_1"},
        }),
    );
}

#[test]
fn a_checkout_before_the_hosts_sign_up_loses_no_referral() {
    for reversed in [false, true] {
        for by_token in [false, true] {
            let fixture = StripeFixture::new();
            let credential = if by_token { json!({"token": fixture.token()}) } else { json!({"code": fixture.code()}) };
            let steps: [&dyn Fn(); 2] = [
                &|| {
                    fixture.stripe(&bare_checkout());
                    fixture.stripe(&invoice(Shape::New, "evt_i", "in_1", 10_000, 0));
                },
                &|| host_sign_up(&fixture, 30, &credential),
            ];
            if reversed {
                steps.iter().rev().for_each(|step| step());
            } else {
                steps.iter().for_each(|step| step());
            }
            fixture.catch_up_customers();
            assert_eq!(accruals(&fixture), ["invoice:in_1 2000 pending"], "{reversed} {by_token}");
            fixture.sound();
        }
    }
}

#[test]
fn sign_ups_a_day_apart_are_two() {
    for (gap, by_token, bound) in
        [(DAY - 1, true, 1), (DAY, true, 0), (DAY - 1, false, 1), (DAY, false, 1), (10 * DAY, false, 1)]
    {
        let fixture = StripeFixture::new();
        let credential = if by_token { json!({"token": fixture.token()}) } else { json!({"code": fixture.code()}) };
        fixture.stripe(&bare_checkout());
        host_sign_up(&fixture, gap - 60, &credential);
        fixture.catch_up_customers();
        let sql = "SELECT COUNT(*) FROM binding WHERE partner_id IS NOT NULL";
        assert_eq!(fixture.number(sql), bound, "{gap} {by_token}");
        let from = fixture.rows("SELECT CAST(from_ms / 1000 AS TEXT) AS t FROM binding WHERE partner_id IS NOT NULL");
        let wanted = if gap < DAY { CREATED - 60 } else { CREATED - 60 + gap };
        assert!(from.iter().all(|at| *at == wanted.to_string()), "{gap} {by_token}: {from:?}");
    }
}

#[test]
fn a_payment_in_the_day_before_the_sign_up_comes_right_after_it() {
    for (before, earned) in [(1, 1), (DAY, 1), (DAY + 1, 0)] {
        for reversed in [false, true] {
            let fixture = StripeFixture::new();
            let payment = || drop(fixture.stripe(&invoice(Shape::New, "evt_i", "in_1", 10_000, 0)));
            let code = json!({"code": fixture.code()});
            if reversed {
                host_sign_up(&fixture, before, &code);
                payment();
            } else {
                payment();
                host_sign_up(&fixture, before, &code);
            }
            fixture.catch_up_customers();
            assert_eq!(accruals(&fixture).len(), earned, "{before} {reversed}");
            fixture.sound();
        }
    }
}

/// A one-time Checkout payment of 10,000 without an invoice.
fn one_time(id: &str, intent: &str, at: i64) -> Value {
    let object = json!({"id": format!("cs_{id}"), "object": "checkout.session", "mode": "payment", "customer": "cus_1",
        "created": CREATED + at, "payment_status": "paid", "status": "complete", "invoice": null,
        "payment_intent": intent, "amount_total": 10_000, "currency": "usd", "total_details": {"amount_tax": 0},
        "customer_details": {"email": "ann@example.org"}});
    later(event(id, "checkout.session.completed", &object), at)
}

fn binding(fixture: &StripeFixture, column: &str) -> Vec<String> {
    fixture.rows(&format!("SELECT IFNULL({column}, 'none') AS t FROM binding WHERE partner_id IS NOT NULL"))
}

#[test]
fn a_one_time_payment_earns_its_rate_and_nothing_else() {
    let fixture = known(&[started("evt_a", "sub_1", 0), one_time("evt_b", "pi_9", HOUR)]);
    assert_eq!(accruals(&fixture), ["invoice:pi_9 2000 pending"]);
    let vests = fixture.rows("SELECT CAST(vests_at_ms / 1000 AS TEXT) AS t FROM accrual");
    assert_eq!(vests, [(CREATED + HOUR + 60 * DAY).to_string()], "a hold from its own date");
    assert_eq!(binding(&fixture, "qualified_quarter"), ["none"], "it counts in no quarter");
    assert_eq!(revenue(&fixture), Vec::<String>::new(), "nothing was paid for the subscription");
    assert!(!binding(&fixture, "states")[0].contains("paid"), "it reaches no state");
    // A refund of its payment takes it back.
    let back = json!({"id": "re_9", "object": "refund", "amount": 5_000, "currency": "usd", "charge": "ch_9",
        "payment_intent": "pi_9", "status": "succeeded"});
    fixture.stripe(&event("evt_r", "refund.created", &back));
    assert_eq!(accruals(&fixture), ["invoice:pi_9 1000 pending"]);
    fixture.sound();
}

#[test]
fn a_one_time_payment_starts_no_clock_and_ends_no_cancellation() {
    // The second year of the subscription starts a year after its own first payment.
    let fixture = known(&[]);
    fixture.later(500 * DAY);
    fixture.stripe(&one_time("evt_a", "pi_9", 0));
    fixture.stripe(&started("evt_b", "sub_1", 100 * DAY));
    fixture.stripe(&paid("evt_c", "in_1", "sub_1", 100 * DAY));
    fixture.stripe(&paid("evt_d", "in_2", "sub_1", 460 * DAY));
    fixture.stripe(&paid("evt_e", "in_3", "sub_1", 466 * DAY));
    let of = |id: &str, cents: i64| format!("invoice:{id} {cents} pending");
    assert_eq!(accruals(&fixture), [of("in_1", 2_000), of("in_2", 2_000), of("in_3", 1_000), of("pi_9", 2_000)]);
    // It belongs to no paid period, so it is void neither with one nor does it revive one.
    let left =
        known(&[started("evt_a", "sub_1", 0), paid("evt_b", "in_1", "sub_1", 0), deleted("evt_c", "sub_1", DAY)]);
    left.stripe(&one_time("evt_d", "pi_9", 2 * DAY));
    left.stripe(&paid_alone("evt_e", "in_2", 3 * DAY));
    assert_eq!(accruals(&left), ["invoice:in_1 0 void", "invoice:in_2 0 void", "invoice:pi_9 2000 pending"]);
    assert_eq!(revenue(&left), [format!("0-{DAY} 60000")]);
    left.sound();
}

#[test]
fn a_one_time_payment_in_another_program_reaches_no_state() {
    let fixture = StripeFixture::of("developer-affiliate");
    fixture.host_signs_up("acct_1", Some("ann@example.org"), None);
    let mut large = one_time("evt_a", "pi_9", 0);
    large["data"]["object"]["amount_total"] = json!(60_000);
    fixture.stripe(&large);
    assert_eq!(accruals(&fixture), ["invoice:pi_9 9000 pending"], "15 % of what exceeds $500");
    assert!(!binding(&fixture, "states")[0].contains("casual"));
    fixture.sound();
}

#[test]
fn a_foreign_payment_right_after_the_sign_up_is_reviewed_whatever_its_id() {
    for id in ["evt_a", "evt_z"] {
        let fixture = StripeFixture::new();
        let mut foreign = invoice(Shape::New, id, "in_1", 10_000, 0);
        foreign["data"]["object"]["currency"] = json!("eur");
        fixture.stripe(&foreign);
        let code = json!({"code": fixture.code()});
        host_sign_up(&fixture, HOUR, &code);
        fixture.catch_up_customers();
        assert_eq!(fixture.rows("SELECT rule || ' ' || subject AS t FROM review"), ["currency eur"], "{id}");
        fixture.sound();
    }
}
