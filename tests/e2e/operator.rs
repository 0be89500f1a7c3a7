//! Operator tasks other than payouts: enrolling with an idempotency key, saving programs, deciding reviews.

use super::client::{Reply, step};
use super::facts::{ahead, event, merge, monday_after, paid, signed_up};
use super::server::Server;
use serde_json::{Value, json};

fn keyed(server: &Server, path: &str, key: &str, body: &Value) -> Reply {
    server.post(path, body).operator().header("idempotency-key", key).send()
}

/// The replies to eight concurrent requests.
fn at_once(ask: impl Fn() -> Value + Sync) -> Vec<Value> {
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..8).map(|_| scope.spawn(&ask)).collect();
        askers.into_iter().map(|asker| asker.join().expect("an answer")).collect()
    })
}

#[test]
fn a_key_makes_a_repeat_harmless() {
    let server = Server::start();
    step("a partner: the same answer, and another body refused");
    let ann = json!({"program": "user-referral", "external_id": "ann", "name": "Ann", "email": "ann@example.com"});
    let first = keyed(&server, "/v1/partners", "key-1", &ann).expect(201);
    let again = keyed(&server, "/v1/partners", "key-1", &ann).expect(201);
    assert_eq!(again.json(), first.json());
    let mut other = ann.clone();
    other["name"] = json!("Anna");
    let problem = keyed(&server, "/v1/partners", "key-1", &other).problem(409, "idempotency_key_reused");
    assert_eq!(problem["field"], "Idempotency-Key");

    step("without a key the same external id is the same partner");
    let same = server.post("/v1/partners", &other).operator().send().expect(200).json();
    assert_eq!((&same["id"], &same["code"]), (&first.json()["id"], &first.json()["code"]));

    step("a key used for an existing partner is stored, too");
    keyed(&server, "/v1/partners", "key-0", &other).expect(200);
    keyed(&server, "/v1/partners", "key-0", &ann).problem(409, "idempotency_key_reused");

    step("eight concurrent requests for a partner with one key: one result");
    let bob = json!({"program": "user-referral", "external_id": "bob"});
    let answers: Vec<Value> = at_once(|| keyed(&server, "/v1/partners", "key-bob", &bob).expect(201).json());
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");

    step("eight concurrent requests for a partner without a key create one partner");
    let ids = at_once(|| {
        let answer = server.post("/v1/partners", &json!({"program": "user-referral", "external_id": "eve"})).operator();
        answer.send().json()["id"].clone()
    });
    assert!(ids.iter().all(|id| id.is_string() && *id == ids[0]), "{ids:?}");

    step("a link: only one, however often it is requested, even concurrently");
    let link = json!({"partner": first.json()["id"], "campaign": "spring"});
    let made = keyed(&server, "/v1/links", "key-2", &link).expect(201).json();
    assert_eq!(keyed(&server, "/v1/links", "key-2", &link).expect(201).json(), made);
    keyed(&server, "/v1/links", "key-2", &json!({"partner": first.json()["id"]}))
        .problem(409, "idempotency_key_reused");
    let codes = at_once(|| keyed(&server, "/v1/links", "key-3", &link).expect(201).json()["code"].clone());
    assert!(codes.iter().all(|code| *code == codes[0]), "{codes:?}");
    assert_ne!(codes[0], made["code"], "another key, another link");

    step("a key belongs to its route and has a format");
    keyed(&server, "/v1/links", "key-1", &link).expect(201);
    for bad in ["a b", &"a".repeat(256)] {
        let problem = keyed(&server, "/v1/links", bad, &link).problem(400, "malformed");
        assert_eq!(problem["field"], "Idempotency-Key");
    }
}

#[test]
fn a_program_is_saved_as_versions_that_never_change() {
    let server = Server::start();
    let address = "/v1/programs/user-referral";
    let put = |address: &str, body: &Value| server.ask("PUT", address).operator().body(body.to_string()).send();
    let shown = server.read(address);
    let document = shown["document"].clone();

    step("the same version again is 200, a changed one 409");
    put(address, &document).expect(200);
    let mut changed = document.clone();
    changed["title"] = json!("Another title");
    let problem = put(address, &changed).problem(409, "version_exists");
    assert_eq!(problem["field"], "version");

    step("everything wrong with a document is listed by its path");
    let mut bad = document.clone();
    merge(
        &mut bad,
        json!({"currency": "dollars", "attribution": {"window_days": 0}, "settlement": {"minimum_cents": -1}}),
    );
    let problem = put(address, &bad).problem(422, "program_refused");
    let paths: Vec<&str> =
        problem["findings"].as_array().expect("findings").iter().filter_map(|f| f["path"].as_str()).collect();
    assert_eq!(paths, ["attribution.window_days", "currency", "settlement.minimum_cents"], "{problem}");
    let unknown = {
        let mut body = document.clone();
        merge(&mut body, json!({"vesting": {"hodl": 1}}));
        put(address, &body).problem(422, "program_refused")
    };
    assert!(unknown["findings"][0]["path"].as_str().is_some_and(|p| p.starts_with("vesting")), "{unknown}");

    step("the next version may not begin in the past, skip a number, or belong to another program");
    let with = |rest: Value| {
        let mut body = document.clone();
        merge(&mut body, rest);
        body
    };
    let soon = ahead(3_600_000);
    for (rest, field) in [
        (json!({"version": 2, "effective_from": "2026-01-01T00:00:00Z"}), "effective_from"),
        (json!({"version": 3, "effective_from": soon}), "version"),
        (json!({"version": 2, "effective_from": soon, "currency": "eur"}), "currency"),
        (json!({"id": "other"}), "id"),
    ] {
        let problem = put(address, &with(rest.clone())).problem(422, "program_refused");
        assert_eq!(problem["findings"][0]["path"], field, "{rest}: {problem}");
    }

    step("a valid version is saved beside the first, which stays in force until then");
    let next = with(json!({"version": 2, "effective_from": soon, "title": "From next hour on"}));
    put(address, &next).expect(201);
    put(address, &next).expect(200);
    let shown = server.read(address);
    assert_eq!(shown["versions"].as_array().map(Vec::len), Some(2), "{shown}");
    assert_eq!(shown["document"], document);

    step("a new program of the same form works immediately");
    let own = with(json!({"id": "own-program", "effective_from": "2020-01-01T00:00:00Z"}));
    put("/v1/programs/own-program", &own).expect(201);
    let partner = server.enrol("own-program", "someone");
    assert!(server.visit(&format!("/r/{}", partner.code)).send().cookie().is_some());
    server.ask("PUT", address).operator().body("{").send().problem(400, "invalid_json");
}

#[test]
fn held_accruals_wait_for_a_review() {
    let server = Server::start();
    step("a referral with the partner's own mailbox is held, with the evidence");
    let ann = server.enrol("user-referral", "ann");
    let bob = server.enrol("user-referral", "bob");
    for (account, partner, email) in
        [("self-a", &ann, "Ann+shop@partners.example"), ("self-b", &bob, "BOB@partners.example")]
    {
        let mut up = signed_up(account, "2025-01-06T00:00:00Z", json!({"code": partner.code}));
        merge(&mut up, json!({"account": {"email": email}}));
        server.tell(&[
            up,
            paid(account, &format!("in-{account}-1"), "2025-01-07T00:00:00Z", 2_000),
            paid(account, &format!("in-{account}-2"), "2025-02-07T00:00:00Z", 2_000),
        ]);
    }
    let open = server.read("/v1/reviews");
    let reviews = open["data"].as_array().expect("reviews").clone();
    assert_eq!(reviews.len(), 2, "{open}");
    for review in &reviews {
        assert_eq!(
            (&review["rule"], &review["holds"], &review["state"]),
            (&json!("same_email"), &json!(true), &json!("open"))
        );
        assert!(review["evidence"].as_str().is_some_and(|e| !e.is_empty()), "{review}");
    }
    let of = |account: &str| {
        let review = reviews.iter().find(|r| r["account"] == json!(account)).expect("a review");
        format!("/v1/reviews/{}", review["id"].as_str().expect("an id"))
    };
    step("a run grants nothing while it is held");
    server.settle("user-referral", "weekly", "2025-W08");
    assert_eq!((server.balance(&ann).1, server.balance(&bob).1), (0, 0));

    step("a decision needs a reason and must be one of two");
    for (body, field) in [
        (json!({"decision": "release"}), "reason"),
        (json!({"decision": "maybe", "reason": "x"}), "decision"),
        (json!({"reason": "x"}), "decision"),
    ] {
        let problem = server.post(&of("self-a"), &body).operator().send().expect(422).json();
        assert_eq!(problem["field"], field, "{problem}");
    }
    step("released: the next run makes it available; rejected: it is void, with the reason");
    let decide = |account: &str, decision: &str, reason: &str| {
        server.post(&of(account), &json!({"decision": decision, "reason": reason})).operator().send()
    };
    let released = decide("self-a", "release", "a family plan, checked").expect(200).json();
    assert_eq!((&released["state"], &released["reason"]), (&json!("released"), &json!("a family plan, checked")));
    decide("self-b", "reject", "paid from the same card").expect(200);
    server.weekly(monday_after(0));
    assert_eq!((server.balance(&ann), server.balance(&bob)), ((0, 5_000), (0, 0)));
    let entries = server.entries(&bob);
    assert!(entries.iter().all(|e| e["state"] == json!("void") && e["amount_cents"] == json!(0)), "{entries:?}");
    assert!(entries.iter().all(|e| e["reason"].as_str().is_some_and(|r| r.contains("same card"))), "{entries:?}");

    states_reached(&server);

    step("the same decision again is fine, the opposite refused; the lists tell them apart");
    decide("self-a", "release", "again").expect(200);
    decide("self-a", "reject", "second thoughts").problem(409, "review_decided");
    assert_eq!(server.read("/v1/reviews")["data"], json!([]));
    assert_eq!(server.read("/v1/reviews?state=rejected")["data"][0]["account"], "self-b");
    server.get("/v1/reviews?state=odd").operator().send().problem(400, "unsupported");
    held_commission(&server);
    server.audit();
}

fn states_reached(server: &Server) {
    step("the attribution report lists every state that was reached, including those reached by time alone");
    let receipt = server.read("/v1/accounts/self-a/attribution");
    let states = receipt["programs"][0]["states"].as_array().expect("states").clone();
    let reached: Vec<(&str, &str)> =
        states.iter().filter_map(|s| Some((s["state"].as_str()?, s["at"].as_str()?))).collect();
    assert_eq!(
        reached,
        [
            ("signed_up", "2025-01-06T00:00:00Z"),
            ("paid", "2025-01-07T00:00:00Z"),
            // A month was paid on 2025-02-06, 30 days after the first invoice.
            ("qualified", "2025-02-06T00:00:00Z"),
        ],
        "{receipt}"
    );
}

/// Amounts in a currency other than the program's are left to a person to decide.
fn held_commission(server: &Server) {
    step("an invoice in another currency earns nothing and is held for review");
    let agency = server.enrol("agency-partner", "agency");
    let mut foreign = paid("abroad", "in-abroad", "2025-01-07T00:00:00Z", 2_000);
    merge(&mut foreign, json!({"amount": {"currency": "eur"}}));
    server.tell(&[
        signed_up("abroad", "2025-01-06T00:00:00Z", json!({"code": agency.code})),
        foreign,
        event("bye", "account.cancelled", "2025-08-01T00:00:00Z", "abroad", json!({})),
    ]);
    assert_eq!(server.balance(&agency), (0, 0));
    let review = &server.read("/v1/reviews")["data"][0];
    assert_eq!((&review["rule"], &review["subject"]), (&json!("currency"), &json!("eur")), "{review}");
}
