//! A history of past years in one call: real bytes, an answer for each event, and the same books as single events.

use super::client::step;
use super::facts::{merge, paid, refunded, signed_up};
use super::server::Server;
use serde_json::{Value, json};

const ACCOUNTS: usize = 60;

/// What accounts named like this did in 2024, and an event that nobody can read.
fn history(named: &str, code: &str) -> Vec<Value> {
    let mut events = Vec::new();
    for n in 0..ACCOUNTS {
        let account = format!("{named}-{n}");
        let mut up = signed_up(&account, "2024-03-01T00:00:00Z", json!({"code": code}));
        merge(&mut up, json!({"account": {"email": format!("x@{account}.example"), "name": "Zoë “☞” \u{1f600}"}}));
        events.push(up);
        for month in 4..7 {
            events.push(paid(
                &account,
                &format!("in-{account}-{month}"),
                &format!("2024-0{month}-01T00:00:00Z"),
                10_000,
            ));
        }
        events.push(refunded(&account, &format!("in-{account}-4"), "2024-04-09T00:00:00Z", 10_000));
    }
    events.push(json!({"id": "unreadable", "type": "invoice.paid"}));
    events
}

#[test]
fn a_history_is_imported_in_one_call() {
    let server = Server::start();
    let (past, single) = (server.enrol("agency-partner", "past"), server.enrol("agency-partner", "single"));
    let mails = server.database_rows("SELECT COUNT(*) FROM outbox");

    step("three hundred events and a bad one");
    let body = json!({"events": history("a", &past.code)});
    let first = server.post("/v1/events", &body).operator().patient().send().expect(200).json();
    let events = first["events"].as_array().expect("an answer for each");
    assert_eq!((events.len(), &first["refused"]), (5 * ACCOUNTS + 1, &json!(1)), "{first}");
    assert_eq!(events[5 * ACCOUNTS]["problem"]["field"], "occurred_at", "{first}");
    server.catch_up();
    assert_eq!(server.balance(&past), (ACCOUNTS as i64 * 4_000, 0));

    step("the same call again changes nothing");
    let again = server.post("/v1/events", &body).operator().patient().send().expect(200).json();
    assert!(
        again["events"].as_array().is_some_and(|all| all[..5 * ACCOUNTS].iter().all(|one| one["outcome"] == "applied")),
        "{again}"
    );
    assert_eq!(server.balance(&past), (ACCOUNTS as i64 * 4_000, 0));

    step("one by one it comes to the same, and nobody is told of either");
    let mut events = history("b", &single.code);
    events.pop();
    server.tell(&events);
    server.catch_up();
    assert_eq!(server.balance(&single), server.balance(&past));
    assert_eq!(server.database_rows("SELECT COUNT(*) FROM outbox"), mails);
    server.audit();

    step("other tokens, longer bodies and no list are refused");
    server.post("/v1/events", &body).send().problem(401, "unauthorized");
    let long = json!({"events": [], "x": "y".repeat(4 * 1024 * 1024)});
    server.post("/v1/events", &long).operator().patient().send().problem(413, "body_too_large");
    server.post("/v1/events", &json!({"events": vec![json!({}); 501]})).operator().send().problem(422, "too_many");
}
