//! The attribution report: each program with its own accruals, what earned nothing because of its currency, and what
//! waits for what.

use super::*;
use crate::support::world::now;
use manicule::codec::stripe as wire;
use manicule::codec::stripe::StripeEndpoint;
use manicule::service::event::stripe_in;

fn report(fixture: &PayoutFixture) -> Value {
    fixture.get(APRIL, "/v1/accounts/p/attribution")
}

fn of_program<'a>(report: &'a Value, key: &str, value: &str) -> &'a Value {
    let mut all = report["programs"].as_array().expect("programs").iter();
    all.find(|p| p[key] == value).unwrap_or_else(|| panic!("no {value}: {report}"))
}

fn ids<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    list.as_array().expect("a list").iter().map(|one| one[name].as_str().unwrap_or_default()).collect()
}

fn stripe(fixture: &PayoutFixture, kind: &str, object: &Value) -> Value {
    let at = at(APRIL);
    let event = json!({"id": format!("evt_{kind}"), "type": kind, "created": at.0 / 1_000 - 60, "livemode": false,
        "data": {"object": object}});
    let translated = wire::translate(&event, StripeEndpoint::Own, at).expect("an event");
    now(stripe_in::take(&fixture.world.at(at), &translated, false)).expect("taken in")
}

#[test]
fn each_program_shows_its_own_accruals() {
    let fixture = PayoutFixture::new(PayoutApproval::UntilFirst);
    earned(&fixture, "p");
    let found = report(&fixture);
    assert_eq!(ids(&of_program(&found, "group", "aikit")["entries"], "reward_id"), ["first-year"]);
    for group in ["emdash", "salonhub"] {
        let other = of_program(&found, "group", group);
        assert_eq!((&other["attributed"], &other["entries"]), (&json!(false), &json!([])), "{found}");
    }
    assert_eq!(found["waiting"], json!([]));
    // The account leaves the program; what it earned there stays with the program.
    let moved = json!({"program": AGENCY, "partner": null, "reason": "a mistake"});
    assert_eq!(fixture.post(APRIL, "/v1/accounts/p/reassign", moved).0, 200);
    let found = report(&fixture);
    let (left, agency) = (of_program(&found, "group", "aikit"), of_program(&found, "program", AGENCY));
    assert_eq!((&left["program"], &left["entries"]), (&json!(null), &json!([])), "{found}");
    assert_eq!((&agency["group"], &agency["attributed"]), (&json!("aikit"), &json!(false)));
    assert_eq!(ids(&agency["entries"], "state"), ["void"]);
}

#[test]
fn another_currency_is_explained() {
    let fixture = PayoutFixture::new(PayoutApproval::UntilFirst);
    earned(&fixture, "p");
    let won = |id: &str, kind: &str, data: Value| {
        let amount = json!({"cents": 45_000, "currency": "KRW"});
        fixture.event(id, kind, "2026-02-01T00:00:00Z", "p", json!({"amount": amount, "data": data}));
    };
    won("i1", "invoice.paid", json!({"invoice_id": "in_krw", "subscription_id": "sub_1"}));
    won("i2", "invoice.paid", json!({"invoice_id": "in_krw"}));
    let subscription = json!({"subscription_id": "sub_1", "monthly_cents": 45_000, "currency": "krw"});
    won("s1", "subscription.started", subscription.clone());
    won("s2", "subscription.updated", subscription);
    won("s3", "subscription.updated", json!({"subscription_id": "sub_2", "monthly_cents": 5, "currency": "usd"}));
    won("b1", "purchase.completed", json!({"purchase_id": "buy_1"}));
    let found = report(&fixture);
    let others = &of_program(&found, "program", AGENCY)["other_currencies"];
    let mut shown: Vec<(&str, &str)> = ids(others, "type").into_iter().zip(ids(others, "id")).collect();
    shown.sort_unstable();
    assert_eq!(shown, [("invoice", "in_krw"), ("purchase", "buy_1"), ("subscription", "sub_1")]);
    for other in others.as_array().expect("a list") {
        assert_eq!((&other["currency"], &other["amount_cents"]), (&json!("krw"), &json!(45_000)));
        let why = other["reason"].as_str().expect("a reason");
        assert!(why.contains("in krw, but the program uses usd") && why.contains("earns nothing"), "{why}");
    }
    assert_eq!(of_program(&found, "group", "emdash")["other_currencies"], json!([]), "it earns nothing there anyway");
    let reviews = fixture.get(APRIL, "/v1/reviews");
    assert_eq!(ids(&reviews["data"], "subject"), ["krw"]);
}

#[test]
fn what_waits_is_shown_with_what_it_waits_for() {
    let mut fixture = PayoutFixture::new(PayoutApproval::UntilFirst);
    fixture.without_key();
    let (member, code) = fixture.partner("tiered-credits", "member");
    let coded = json!({"attribution": {"code": code}});
    fixture.event("up", "account.signed_up", "2026-01-05T00:00:00Z", "p", coded);
    stripe(&fixture, "customer.created", &json!({"id": "cus_1"}));
    stripe(&fixture, "customer.updated", &json!({"id": "cus_2"}));
    let of_customer = json!({"data": {"stripe_customer": "cus_1"}});
    fixture.event("active", "account.active", "2026-01-06T00:00:00Z", "p", of_customer);
    let charge = |id: &str, customer: &str| json!({"id": id, "amount_refunded": 100, "currency": "usd", "customer": customer, "payment_intent": format!("pi_{id}")});
    let refund =
        json!({"id": "re_1", "amount": 100, "currency": "usd", "payment_intent": "pi_ch_1", "status": "succeeded"});
    assert_eq!(stripe(&fixture, "refund.created", &refund)["outcome"], "waiting");
    assert_eq!(report(&fixture)["waiting"], json!([]), "nothing says whose payment it was");
    assert_eq!(stripe(&fixture, "charge.refunded", &charge("ch_1", "cus_1"))["outcome"], "waiting");
    let dispute = json!({"id": "dp_1", "amount": 100, "currency": "usd", "status": "needs_response",
        "charge": {"id": "ch_2", "customer": "cus_2"}});
    assert_eq!(stripe(&fixture, "charge.dispute.created", &dispute)["outcome"], "waiting");
    let found = report(&fixture);
    assert_eq!(ids(&found["waiting"], "type"), ["invoice.refunded_total", "invoice.refunded"], "{found}");
    let program = of_program(&found, "program", "tiered-credits");
    let waiting = &program["waiting"];
    assert_eq!(ids(waiting, "partner"), [member.as_str()], "the budget is empty: {found}");
    assert!(waiting[0]["amount_cents"].as_i64().is_some_and(|cents| cents > 0));
    assert!(waiting[0]["reason"].as_str().is_some_and(|why| why.contains("budget")), "{waiting}");
    assert_eq!(ids(&program["entries"], "state"), ["waiting"]);
    fixture.world.fund(at(APRIL), "tiered-credits", 100_000).expect("funded");
    let found = report(&fixture);
    assert_eq!(of_program(&found, "program", "tiered-credits")["waiting"], json!([]));
}
