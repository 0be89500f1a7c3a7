//! Facts of a few seconds and of the edges of a day, in every order of arrival: the books do not depend on it.

use super::*;
use crate::simulation::rng::Rng;

const DAY: i64 = 86_400;

/// One of the facts that can happen to an account, under a random id.
fn any(n: usize, rng: &mut Rng, token: &str) -> Happened {
    let at_seconds = rng.pick(&[0, 0, 0, 1, 60, DAY - 60, DAY, 2 * DAY, 10 * DAY]);
    let id = format!("evt_{:06}{n}", rng.next() % 1_000_000);
    let sub = rng.pick(&["sub_1", "sub_2"]);
    let number = rng.within(1, 4);
    let invoice_id = format!("in_{number}");
    let intent = rng.pick(&["pi_1", "pi_2"]);
    let refund_id = rng.pick(&["re_1", "re_2", "re_3"]);
    let refund_cents = 1_111 * i64::from(refund_id.as_bytes()[3] - b'0');
    let on = |body: Value| with(body, &json!({"id": sub}));
    let body = match rng.within(0, 22) {
        0 => on(subscription(&id, "created", "active", 50_000)),
        1 => on(subscription(&id, "updated", rng.pick(&["active", "past_due", "paused", "unpaid"]), 5_000)),
        2 | 3 => on(subscription(&id, "deleted", "canceled", 5_000)),
        4 => on(subscription(&id, "created", "incomplete", 5_000)),
        5..=8 => {
            let mut body = invoice(Shape::New, &id, &invoice_id, 10_000, 1_900);
            body["data"]["object"]["parent"]["subscription_details"]["subscription"] = json!(sub);
            body["data"]["object"]["status_transitions"]["paid_at"] = json!(CREATED + at_seconds);
            if rng.percent(15) {
                body["data"]["object"]["parent"] = Value::Null;
                body["data"]["object"]["lines"] = json!({"data": []});
            }
            body
        }
        9 | 10 => part(&id, &invoice_id, intent, 4_000 * number),
        11 => payment_of(&id, &invoice_id, intent),
        12 | 13 => with(
            refund(&id, "refund.created", refund_id, refund_cents, "succeeded"),
            &json!({"payment_intent": intent}),
        ),
        14 => with(refund(&id, "refund.failed", refund_id, refund_cents, "failed"), &json!({"payment_intent": intent})),
        15 => with(charge_refunded(&id, rng.pick(&[1_111, 2_222, 3_333]), None), &json!({"payment_intent": intent})),
        16 => note(
            &id,
            rng.pick(&["created", "voided"]),
            &json!({"out_of_band_amount": 3_000, "invoice": invoice_id, "id": format!("cn_{number}")}),
        ),
        17 => dispute(&id, rng.pick(&["created", "funds_withdrawn"]), "needs_response", 0),
        18 => dispute(&id, "closed", rng.pick(&["won", "lost"]), 0),
        19 => one_time(&id, "completed", &json!({"payment_intent": intent, "id": "cs_9"})),
        20 => {
            return Happened::Host(
                id,
                rng.pick(&["account.signed_up", "account.cancelled", "account.active"]),
                CREATED + at_seconds,
                rng.pick(&["code", "token", "none"]),
            );
        }
        _ => {
            let mut body = checkout(&id, if rng.percent(50) { token } else { "acct_1" }, "ann@example.org");
            body["data"]["object"]["created"] = json!(CREATED + at_seconds - 30);
            body
        }
    };
    Happened::Stripe(at(body, at_seconds))
}

#[derive(Clone, Debug)]
enum Happened {
    Stripe(Value),
    Host(String, &'static str, i64, &'static str),
}

fn shuffled<T: Clone>(all: &[T], rng: &mut Rng) -> Vec<T> {
    let mut rest = all.to_vec();
    let mut order = Vec::new();
    while !rest.is_empty() {
        order.push(rest.remove(rng.within(0, rest.len() as i64) as usize));
    }
    order
}

fn books(program: &'static str, all: &[Happened]) -> Vec<String> {
    let fixture = StripeFixture::of(program);
    fixture.host_at(
        "evt_000",
        "account.active",
        "acct_1",
        CREATED - 20 * DAY + 9,
        &json!({"data": {"stripe_customer": "cus_1"}}),
    );
    for fact in all {
        match fact {
            Happened::Stripe(body) => drop(fixture.stripe(body)),
            Happened::Host(id, kind, at, credential) => {
                let attribution = match *credential {
                    "code" => json!({"code": fixture.code()}),
                    "token" => json!({"token": fixture.token()}),
                    _ => json!({}),
                };
                fixture.host_at(
                    id,
                    kind,
                    "acct_1",
                    *at,
                    &json!({"account": {"email": "ann@example.org"}, "attribution": attribution}),
                );
            }
        }
    }
    fixture.catch_up_customers();
    fixture.sound();
    fixture.books()
}

/// The seeds: `SHUFFLED=from-to` tries others.
fn seeds() -> std::ops::Range<u64> {
    let given = std::env::var("SHUFFLED").ok();
    let given = given.as_deref().and_then(|range| range.split_once('-'));
    given.map_or(0..30, |(from, to)| from.parse().expect("a seed")..to.parse().expect("a seed"))
}

#[test]
fn the_order_of_arrival_changes_nothing() {
    for seed in seeds() {
        let mut rng = Rng::new(seed);
        let token = StripeFixture::new().token();
        let count = rng.within(4, 11) as usize;
        let all: Vec<Happened> = (0..count).map(|n| any(n, &mut rng, &token)).collect();
        let program = rng.pick(&["agency-partner", "agency-partner", "developer-affiliate"]);
        let first = books(program, &all);
        for _ in 0..3 {
            let other = shuffled(&all, &mut rng);
            assert_eq!(books(program, &other), first, "seed {seed}: {all:#?} or {other:#?}");
        }
    }
}
