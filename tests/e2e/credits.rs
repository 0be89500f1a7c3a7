//! Credits on workerd: redeemed and returned, added to a customer's balance at Stripe, and delivered by webhook. Also
//! the friend's discount as a promotion code.

use super::client::{now_ms, step};
use super::facts::{Partner, ahead, event, merge, signed_up};
use super::server::Server;
use super::stand_in::StandIn;
use super::stripe::Stripe;
use manicule::base::time::UtcMillis;
use serde_json::{Value, json};
use std::time::Duration;

const PROGRAM: &str = "tiered-credits";
const SWEEP: &str = "*/10 * * * *";

/// Saves the program's next version with these changes, and returns once it is in force. It is saved ahead of time,
/// because no version may begin in the past.
fn changed(server: &Server, program: &str, change: Value) {
    let mut document = server.read(&format!("/v1/programs/{program}"))["document"].clone();
    document["version"] = json!(document["version"].as_i64().expect("a version") + 1);
    merge(&mut document, change);
    let path = format!("/v1/programs/{program}");
    let in_time = |lead_ms: i64| {
        let from = now_ms() + lead_ms;
        let mut document = document.clone();
        document["effective_from"] = json!(UtcMillis(from).to_rfc3339());
        let reply = server.ask("PUT", &path).body(document.to_string()).operator().send();
        // On a busy machine the request may arrive after its effective date. Then a later date is tried.
        (reply.status == 201 || now_ms() < from).then_some((reply, from))
    };
    let (reply, from) = [2_000, 10_000, 40_000].into_iter().find_map(in_time).expect("saved in time");
    reply.expect(201);
    while now_ms() <= from {
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn fund(server: &Server) {
    let body = json!({"amount_cents": 100_000, "reason": "the month's budget"});
    server.post("/v1/programs/tiered-credits/budget", &body).operator().send().expect(201);
}

/// A friend's sign-up and request for a quote, which earn the partner $5 and $50.
fn earn(server: &Server, partner: &Partner, friend: &str) {
    let rfq = event(&format!("z-rfq-{friend}"), "rfq.submitted", &ahead(0), friend, json!({}));
    server.tell(&[signed_up(friend, &ahead(-1_000), json!({"code": partner.code})), rfq]);
}

/// Available and redeemed cents.
fn credit(server: &Server, partner: &Partner) -> (i64, i64) {
    let shown = server.read(&format!("/v1/credits?partner={}", partner.id));
    let cents = |name: &str| shown["balances"][0][name].as_i64().unwrap_or(0);
    (cents("available_cents"), cents("redeemed_cents"))
}

/// A partner who is a Stripe customer and whose credits Stripe has received. Returns a delivery and its transaction.
pub fn delivered(server: &Server, stripe: &Stripe) -> (String, String) {
    let (owner, _) = customer(server, stripe, "creditor");
    fund(server);
    earn(server, &owner, "creditors-friend");
    server.cron(SWEEP, now_ms());
    let list = server.read("/v1/credits/deliveries?state=paid");
    let text = |name: &str| list["data"][0][name].as_str().unwrap_or_else(|| panic!("{list}")).to_owned();
    (text("id"), text("transaction"))
}

/// Makes the program deliver its credits by Stripe, and creates a partner who is a customer there.
fn customer(server: &Server, stripe: &Stripe, name: &str) -> (Partner, String) {
    changed(server, PROGRAM, json!({"settlement": {"delivery": "stripe_balance"}}));
    let made = stripe.happens("customer", &json!({"email": format!("{name}@customers.example")}));
    let customer = made["customer"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let owner = server.enrol(PROGRAM, name);
    let mut own = signed_up(name, "2025-01-01T00:00:00Z", json!({}));
    merge(&mut own, json!({"data": {"stripe_customer": customer}}));
    server.tell(&[own]);
    (owner, customer)
}

#[test]
fn the_application_redeems_and_returns_credits() {
    let server = Server::start();
    let owner = server.enrol(PROGRAM, "owner");
    fund(&server);
    earn(&server, &owner, "friend");
    assert_eq!(credit(&server, &owner), (5_500, 0));
    let ask = |key: &str, cents: i64| {
        let body = json!({"program": PROGRAM, "external_id": "owner", "amount_cents": cents, "reason": "order 7"});
        server.post("/v1/credits/redeem", &body).operator().header("idempotency-key", key).send()
    };
    step("once per key, never above the balance");
    let first = ask("order-7", 3_000).expect(201).json();
    assert_eq!(ask("order-7", 3_000).expect(201).json(), first);
    ask("order-8", 2_501).problem(422, "above_balance");
    ask("order-7", 1).problem(409, "idempotency_key_reused");
    assert_eq!(credit(&server, &owner), (2_500, 3_000));
    step("many at once: as many as there is credit for");
    let told: Vec<u16> = std::thread::scope(|scope| {
        let ask = &ask;
        let asking: Vec<_> = (0..8).map(|n| scope.spawn(move || ask(&format!("at-once-{n}"), 1_000).status)).collect();
        asking.into_iter().map(|a| a.join().expect("an answer")).collect()
    });
    assert_eq!(told.iter().filter(|status| **status == 201).count(), 2, "{told:?}");
    assert_eq!(credit(&server, &owner), (500, 5_000));
    step("returned in part, then the rest, and no more");
    let path = format!("/v1/credits/redemptions/{}/reversals", first["id"].as_str().expect("an id"));
    let back = |body: Value| server.post(&path, &body).operator().send();
    back(json!({"amount_cents": 1_000, "reason": "one item"})).expect(201);
    assert_eq!(back(json!({"reason": "the rest"})).expect(201).json()["returned_cents"], 3_000);
    back(json!({"reason": "again"})).problem(422, "more_than_redeemed");
    assert_eq!(credit(&server, &owner), (3_500, 2_000));
    step("reassigned after it was used: owed");
    let other = server.enrol(PROGRAM, "other");
    let moved = json!({"program": PROGRAM, "partner": other.id, "reason": "it was the other's"});
    server.post("/v1/accounts/friend/reassign", &moved).operator().send().expect(200);
    assert_eq!((credit(&server, &owner), credit(&server, &other)), ((-2_000, 2_000), (5_500, 0)));
    server.audit();
}

#[test]
fn credits_on_the_stripe_balance_can_be_clawed_back() {
    let (stripe, mut server) = Stripe::beside(&[]);
    let (owner, customer) = customer(&server, &stripe, "owner");
    fund(&server);
    earn(&server, &owner, "friend");
    assert_eq!(server.read(&format!("/v1/credits?partner={}", owner.id))["stripe_customer"], json!(customer));
    let on_balance = || -> Vec<i64> {
        let all = stripe.list("customer_balance_transaction");
        all.iter().filter(|t| t["customer"] == customer.as_str()).filter_map(|t| t["amount"].as_i64()).collect()
    };
    step("the first response is lost: retried with the same key, moved once in total");
    let fault = json!({"method": "POST", "path": "/v1/customers/*/balance_transactions", "kind": "drop_after"});
    stripe.control("faults", &fault);
    server.cron(SWEEP, now_ms());
    assert_eq!(on_balance().iter().sum::<i64>(), -5_500);
    server.let_pass(20 * 60_000);
    server.cron(SWEEP, now_ms());
    let mut amounts = on_balance();
    amounts.sort_unstable();
    assert_eq!((amounts, credit(&server, &owner)), (vec![-5_000, -500], (0, 5_500)));
    step("clawed back: the opposite transaction");
    let other = server.enrol(PROGRAM, "other");
    let moved = json!({"program": PROGRAM, "partner": other.id, "reason": "it was the other's"});
    server.post("/v1/accounts/friend/reassign", &moved).operator().send().expect(200);
    server.cron(SWEEP, now_ms());
    assert_eq!((on_balance().iter().sum::<i64>(), on_balance().len()), (0, 4));
    assert_eq!((credit(&server, &owner), credit(&server, &other)), ((0, 0), (5_500, 0)));
    server.audit();
}

#[test]
fn credits_are_delivered_by_webhook() {
    let host = StandIn::start(|_| (200, "{}".to_owned()));
    let server = Server::with(&[("WEBHOOKS_ANYWHERE", "yes")]);
    changed(&server, PROGRAM, json!({"settlement": {"delivery": "webhook"}}));
    let hook = json!({"url": format!("{}/credits", host.base), "types": ["reward"]});
    let made = server.post("/v1/webhook-endpoints", &hook).operator().send().expect(201).json();
    let owner = server.enrol(PROGRAM, "owner");
    fund(&server);
    server.tell(&[signed_up("friend", &ahead(0), json!({"code": owner.code}))]);
    assert_eq!(credit(&server, &owner), (500, 0));
    server.cron(SWEEP, now_ms());
    step("signed, with everything needed to apply it, and posted");
    let asked = host.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let told = asked[0].signed_by(&made["secret"]);
    assert_eq!(told["type"], "reward.granted.referrer");
    let data = &told["data"];
    assert_eq!(
        (&data["amount_cents"], &data["unit"], &data["account"], &data["external_id"]),
        (&json!(500), &json!("credit:usd"), &json!("friend"), &json!("owner"))
    );
    assert!(data["accrual_id"].as_str().is_some_and(|line| line.starts_with("acr_")), "{data}");
    assert_eq!(credit(&server, &owner), (0, 500));
    server.cron(SWEEP, now_ms());
    assert_eq!((host.asked().len(), credit(&server, &owner)), (0, (0, 500)));
    server.audit();
}

#[test]
fn the_friends_discount_is_a_promotion_code() {
    let (stripe, mut server) = Stripe::beside(&[]);
    changed(&server, "user-referral", json!({"benefit": {"as_promotion_code": true}}));
    let ann = server.enrol("user-referral", "ann");
    let cookie = server.visit(&format!("/r/{}", ann.code)).send().cookie().expect("the cookie");
    let asked = || server.get("/v1/attribution").header("cookie", cookie.clone()).send().expect(200).json();
    step("a visit alone makes no code");
    assert_eq!(asked()["promotion_code"], Value::Null);
    assert_eq!(
        (stripe.list("promotion_code").len(), server.database_rows("SELECT COUNT(*) FROM promotion_code")),
        (0, 0)
    );
    step("the visitor who asks gets one code, however often the button is pressed or the form is opened");
    let press = || {
        let ask = server.ask("POST", "/v1/attribution/promotion-code").header("cookie", cookie.clone());
        ask.header("sec-fetch-site", "same-origin")
            .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
            .body("{}")
            .send()
            .expect(200)
            .json()
    };
    let offered = press();
    let code = offered["promotion_code"].as_str().unwrap_or_else(|| panic!("{offered}")).to_owned();
    assert_eq!(press(), offered);
    let offered = asked();
    assert_eq!(offered["promotion_code"], json!(code));
    let made = stripe.list("promotion_code");
    assert_eq!((made.len(), stripe.list("coupon").len()), (1, 1));
    assert_eq!((&made[0]["code"], &made[0]["max_redemptions"]), (&json!(code), &json!(1)));
    assert_eq!(made[0]["restrictions"]["first_time_transaction"], true);
    assert_eq!(stripe.list("coupon")[0]["percent_off"], 20);
    step("the sign-up's answer has it, and a repeat's");
    let up = signed_up("friend", &ahead(0), json!({"token": offered["token"]}));
    let bound = |reply: Value| {
        let all = reply["attribution"].as_array().expect("groups").clone();
        all.into_iter().find(|g| g["program"] == "user-referral").unwrap_or_else(|| panic!("{reply}"))
    };
    for _ in 0..2 {
        assert_eq!(bound(server.deliver(&up).expect(200).json())["promotion_code"], json!(code));
    }
    step("another friend, who has only the code, gets a separate one; Stripe unreachable: data, and no error");
    let second = signed_up("second", &ahead(0), json!({"code": ann.code}));
    let theirs = bound(server.deliver(&second).expect(200).json())["promotion_code"].clone();
    assert!(theirs.is_string() && theirs != json!(code), "{theirs}");
    stripe.control(
        "faults",
        &json!({"method": "POST", "path": "/v1/promotion_codes", "kind": "drop_before", "times": 3}),
    );
    let third = bound(server.deliver(&signed_up("third", &ahead(0), json!({"code": ann.code}))).expect(200).json());
    assert_eq!((&third["promotion_code"], &third["benefit"]["rate_bps"]), (&json!(null), &json!(2_000)));
    step("without a key there is the benefit as data");
    server.restart(&[]);
    let plain = server.get("/v1/attribution").header("cookie", cookie.clone()).send().expect(200).json();
    assert_eq!((&plain["promotion_code"], &plain["benefit"]["rate_bps"]), (&json!(null), &json!(2_000)), "{plain}");
    server.audit();
}
