//! Misuse of an Idempotency-Key: a request gets another request's response and does nothing, or does something twice.
//! Also sends values that are not valid numbers, dates or texts.

use super::world::{assert_unharmed, at_once};
use crate::client::{Reply, step};
use crate::facts::{ahead, event, signed_up};
use crate::server::Server;
use serde_json::{Value, json};

const CREDITS: &str = "tiered-credits";

fn keyed(server: &Server, path: &str, key: &str, body: &Value) -> Reply {
    server.post(path, body).operator().header("idempotency-key", key).send()
}

fn redeem(server: &Server, partner: &str, order: &str, cents: i64) -> String {
    let body = json!({"partner": partner, "amount_cents": cents, "reason": order});
    let made = keyed(server, "/v1/credits/redeem", order, &body).expect(201).json();
    made["id"].as_str().expect("an id").to_owned()
}

#[test]
fn an_idempotency_key_belongs_to_one_request() {
    let server = Server::start();
    let salon = server.enrol(CREDITS, "salon");
    let fund = json!({"amount_cents": 100_000, "reason": "the budget"});
    server.post(&format!("/v1/programs/{CREDITS}/budget"), &fund).operator().send().expect(201);
    let rfq = event("rfq", "rfq.submitted", &ahead(0), "friend", json!({}));
    server.tell(&[signed_up("friend", &ahead(-1_000), json!({"code": salon.code})), rfq]);
    let (first, second) = (redeem(&server, &salon.id, "order-1", 1_000), redeem(&server, &salon.id, "order-2", 1_000));

    step("the same key and body for another redemption returns that one as well");
    let back = json!({"amount_cents": 400, "reason": "one item"});
    let of = |id: &str| keyed(&server, &format!("/v1/credits/redemptions/{id}/reversals"), "return-7", &back);
    let (a, b) = (of(&first).expect(201).json(), of(&second).expect(201).json());
    assert_eq!((&a["id"], &b["id"]), (&json!(first), &json!(second)), "{a} {b}");
    for id in [&first, &second] {
        let shown = server.read(&format!("/v1/credits/redemptions/{id}"));
        assert_eq!(shown["returned_cents"], 400, "{shown}");
        assert_eq!(of(id).expect(201).json()["id"], json!(id), "and again it changes nothing");
        assert_eq!(server.read(&format!("/v1/credits/redemptions/{id}")), shown);
    }
    step("a key is also tied to its program and method");
    let small = json!({"amount_cents": 100, "reason": "more"});
    let budget = |program: &str| keyed(&server, &format!("/v1/programs/{program}/budget"), "fund-7", &small).status;
    assert_eq!((budget(CREDITS), budget("none")), (201, 404));
    let bodies = [
        ("/v1/links", json!({"partner": salon.id})),
        ("/v1/partners", json!({"program": "user-referral", "external_id": "x"})),
    ];
    let links: Vec<Value> =
        bodies.iter().map(|(path, body)| keyed(&server, path, "shared", body).expect(201).json()).collect();
    assert_ne!(links[0]["id"], links[1]["id"]);
    step("many concurrent requests with one key to two URLs: each acts once");
    let replies = at_once(40, |n| {
        let id = if n % 2 == 0 { &first } else { &second };
        keyed(
            &server,
            &format!("/v1/credits/redemptions/{id}/reversals"),
            "return-8",
            &json!({"amount_cents": 50, "reason": "so"}),
        )
    });
    assert!(replies.iter().all(|reply| reply.status == 201), "{replies:?}");
    for id in [&first, &second] {
        assert_eq!(server.read(&format!("/v1/credits/redemptions/{id}"))["returned_cents"], 450);
    }
    step("another body with the same key is refused, wherever the number is");
    let other = json!({"amount_cents": 401, "reason": "one item"});
    let path = format!("/v1/credits/redemptions/{first}/reversals");
    keyed(&server, &path, "return-7", &other).problem(409, "idempotency_key_reused");
    numbers(&server, &path);
    assert_unharmed(&server);
}

fn numbers(server: &Server, back: &str) {
    step("invalid or huge numbers move nothing");
    let amounts = [
        "9007199254740993",
        "-1",
        "0",
        "1e308",
        "\"100\"",
        "1.0",
        "-0",
        "1e2",
        "01",
        "18446744073709551615",
        "18446744073709551616",
        "NaN",
        "Infinity",
        "null",
        "true",
        "[100]",
        "{}",
        "1_000",
        "0x10",
        "٣",
        "100 ",
        "--1",
        "+1",
        "1e-1",
    ];
    let budget = format!("/v1/programs/{CREDITS}/budget");
    let before = server.transfers().len();
    for (n, amount) in amounts.iter().enumerate() {
        for path in [back, &budget, "/v1/credits/redeem"] {
            let body = format!("{{\"amount_cents\":{amount},\"partner\":\"none\",\"reason\":\"so\"}}");
            let ask = server.ask("POST", path).operator().body(body).header("idempotency-key", format!("number-{n}"));
            let reply = ask.send();
            // These two are valid despite their form: null means the rest of a redemption, and "100 " is a hundred with
            // a space.
            let is_whole = *amount == "100 " || *amount == "null";
            assert!(
                [400, 422, 404].contains(&reply.status) || is_whole,
                "{path} {amount}: {} {}",
                reply.status,
                reply.text
            );
            assert!(reply.status < 500, "{path} {amount}");
        }
    }
    let moved = server.transfers().len() - before;
    assert!(moved <= 3, "{moved}");
    step("malformed keys are refused");
    for key in ["", " ", "a b", &"k".repeat(256), "\u{e9}"] {
        let status = keyed(server, "/v1/links", key, &json!({})).status;
        assert!([400, 422].contains(&status), "{key:?}: {status}");
    }
    texts(server);
}

fn texts(server: &Server) {
    step("texts with a meaning in other languages");
    for id in [
        "' OR 1=1 --",
        "\"; DROP TABLE partner; --",
        "%",
        "_",
        "*",
        "../../healthz",
        "..%2f",
        "%00",
        "\\",
        "💣",
        &"a".repeat(3_000),
    ] {
        let id = super::browser::escaped(id);
        for path in [
            format!("/v1/partners/{id}"),
            format!("/v1/links/{id}"),
            format!("/v1/payouts/{id}"),
            format!("/v1/accounts/{id}/attribution"),
            format!("/v1/leaderboard?program={id}"),
            format!("/v1/runs?cursor={id}"),
        ] {
            let status = server.get(&path).operator().send().status;
            assert!([400, 404].contains(&status), "{path}: {status}");
        }
    }
}
