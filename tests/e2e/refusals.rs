//! Malformed bodies, malicious or careless: each gets a 4xx that names the field, and nothing is stored.

use super::client::{now_ms, step};
use super::facts::{ahead, event, merge, paid, sign};
use super::server::Server;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;

const LIMIT: usize = 64 * 1024;

/// An invoice.paid of some account. `rest` adds or replaces fields.
fn changed(rest: Value) -> String {
    let mut body = paid("acct", "in-1", "2025-02-02T00:00:00Z", 10_000);
    merge(&mut body, rest);
    body.to_string()
}

/// A body of exactly `bytes` bytes, valid except for its length.
fn sized(id: &str, bytes: usize) -> String {
    let mut body = event(id, "account.cancelled", "2025-02-02T00:00:00Z", "acct", json!({"note": ""}));
    body["note"] = json!("a".repeat(bytes - body.to_string().len()));
    body.to_string()
}

#[test]
fn invalid_fields_are_named() {
    let server = Server::start();
    step("wrong types, absurd amounts, absurd dates");
    let huge = "9".repeat(30);
    let cases: Vec<(Value, &str, &str)> = vec![
        (json!({"id": 7}), "id", "wrong_type"),
        (json!({"id": ""}), "id", "malformed"),
        (json!({"id": null}), "id", "missing"),
        (json!({"id": "a b"}), "id", "malformed"),
        (json!({"id": "a".repeat(256)}), "id", "too_long"),
        (json!({"type": "Invoice Paid"}), "type", "malformed"),
        (json!({"occurred_at": "yesterday"}), "occurred_at", "malformed"),
        (json!({"occurred_at": 1_700_000_000}), "occurred_at", "wrong_type"),
        (json!({"occurred_at": "2019-12-31T23:59:59Z"}), "occurred_at", "too_early"),
        (json!({"occurred_at": "9999-01-01T00:00:00Z"}), "occurred_at", "too_far_ahead"),
        (json!({"occurred_at": ahead(360_000)}), "occurred_at", "too_far_ahead"),
        (json!({"occurred_at": "2025-02-30T00:00:00Z"}), "occurred_at", "malformed"),
        (json!({"account": "acct"}), "account", "wrong_type"),
        (json!({"account": {"id": null}}), "account.id", "missing"),
        (json!({"amount": null}), "amount", "missing"),
        (json!({"amount": {"cents": "100"}}), "amount.cents", "wrong_type"),
        (json!({"amount": {"cents": 1.5}}), "amount.cents", "not_an_integer"),
        (json!({"amount": {"cents": 1e3}}), "amount.cents", "not_an_integer"),
        (json!({"amount": {"cents": -1}}), "amount.cents", "out_of_range"),
        (json!({"amount": {"cents": 9_007_199_254_740_993_i64}}), "amount.cents", "out_of_range"),
        (json!({"amount": {"cents": i64::MAX}}), "amount.cents", "out_of_range"),
        (json!({"amount": {"currency": "dollars"}}), "amount.currency", "too_long"),
        (json!({"amount": {"currency": null}}), "amount.currency", "missing"),
        (json!({"data": {"invoice_id": null}}), "data.invoice_id", "missing"),
        (json!({"data": {"invoice_id": ["in-1"]}}), "data.invoice_id", "wrong_type"),
        (json!({"data": {"months": 0}}), "data.months", "out_of_range"),
        (json!({"data": {"discount_cents": -5}}), "data.discount_cents", "out_of_range"),
        (json!({"attribution": {"token": 1}}), "attribution.token", "wrong_type"),
    ];
    for (rest, field, code) in cases {
        let problem = server.deliver_bytes(changed(rest.clone()).as_bytes()).problem(422, code);
        assert_eq!(problem["field"], field, "{rest}: {problem}");
    }
    let problem = server.deliver_bytes(changed(json!({})).replace("10000", &huge).as_bytes()).expect(422).json();
    assert_eq!(problem["field"], "amount.cents", "{problem}");

    step("nothing was stored: the same id is accepted afterwards, and unknown fields are ignored");
    server.get("/v1/accounts/acct/attribution").operator().send().problem(404, "not_found");
    let grown = changed(json!({"new": {"nested": [1, 2, 3]}, "data": {"more": true}, "account": {"also": null}}));
    let outcome = server.deliver_bytes(grown.as_bytes()).expect(200).json();
    assert_eq!(outcome["outcome"], "applied");

    step("a type unknown to every program is stored and answered 202, its repeat 200");
    let unknown = event("evt-unknown", "weather.changed", "2025-02-02T00:00:00Z", "acct", json!({}));
    let first = server.deliver(&unknown).expect(202).json();
    assert_eq!(first["outcome"], "stored");
    assert_eq!(server.deliver(&unknown).expect(200).json(), first);
    server.audit();
}

#[test]
fn unreadable_bodies_are_refused() {
    let server = Server::start();
    step("64 KB are read, a byte more is not");
    server.deliver_bytes(sized("e-limit", LIMIT).as_bytes()).expect(200);
    server.deliver_bytes(sized("e-over", LIMIT + 1).as_bytes()).problem(413, "body_too_large");
    server.deliver_bytes(sized("e-over", 900).as_bytes()).expect(200);

    step("10 MB are refused without being read to the end");
    assert_eq!(status_of_flood(&server, 10_000_000), 413);
    server.get("/healthz").send().expect(200);

    step("deep, broken and ambiguous JSON");
    let deep = |levels: usize| format!("{{\"id\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (deep(16).into_bytes(), "too_deep"),
        (deep(30_000).into_bytes(), "too_deep"),
        (vec![b'['; LIMIT], "too_deep"),
        (b"".to_vec(), "invalid_json"),
        (b"{".to_vec(), "invalid_json"),
        (b"{\"id\":\"a\"} trailing".to_vec(), "invalid_json"),
        (b"{\"id\":NaN}".to_vec(), "invalid_json"),
        (b"id=1&type=invoice.paid".to_vec(), "invalid_json"),
        (b"{\"id\":\"a\",\"id\":\"b\"}".to_vec(), "duplicate_field"),
    ];
    for (body, code) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        step(&shown);
        server.deliver_bytes(&body).problem(400, code);
    }
    // The signing library accepts only UTF-8, so other bytes are sent to another endpoint.
    let hook = server.ask("POST", "/v1/webhooks/emdash").bearer(&server.emdash_token);
    hook.body(b"{\"event\":\"\xff\"}".to_vec()).send().problem(400, "invalid_utf8");
    for body in ["null", "[]", "\"event\"", "7"] {
        server.deliver_bytes(body.as_bytes()).problem(422, "wrong_type");
    }
    server.audit();
}

/// The status of the response to a body of `bytes`. The Worker may respond and close the connection before everything
/// was sent, which an ordinary client would report as an error.
fn status_of_flood(server: &Server, bytes: usize) -> u16 {
    let host = server.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).expect("a connection");
    let body = vec![b'a'; bytes];
    let now = now_ms() / 1_000;
    let head = format!(
        "POST /v1/webhooks/events HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {bytes}\r\n\
         webhook-id: msg_1\r\nwebhook-timestamp: {now}\r\nwebhook-signature: {}\r\n\r\n",
        sign(&server.webhook_secret, "msg_1", now, &body)
    );
    stream.write_all(head.as_bytes()).expect("the head");
    let mut sender = stream.try_clone().expect("a second handle");
    let sending = std::thread::spawn(move || {
        let _ = sender.write_all(&body);
    });
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).expect("an answer");
    drop(stream);
    let _ = sending.join();
    String::from_utf8_lossy(&answer[9..]).parse().expect("a status")
}
