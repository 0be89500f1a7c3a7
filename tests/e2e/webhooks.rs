//! Signed events under stress: repeated, all at once, out of order, contradictory, badly signed, under several secrets.

use super::client::{Reply, now_ms, step};
use super::facts::{Partner, event, merge, paid, refunded, sign, signed_up};
use super::server::Server;
use serde_json::{Value, json};

/// How often the same event is delivered concurrently.
const REPEATS: usize = 100;

/// Different events of one account that are delivered concurrently.
const EVENTS: usize = 30;

const SIGNED: &str = "2025-02-01T00:00:00Z";
const PAID: &str = "2025-02-02T00:00:00Z";

fn agency(server: &Server, account: &str) -> Partner {
    let partner = server.enrol("agency-partner", &format!("of-{account}"));
    server.tell(&[signed_up(account, SIGNED, json!({"code": partner.code}))]);
    partner
}

/// Sends all concurrently and returns the replies in the order of `bodies`.
fn at_once(server: &Server, bodies: &[Value]) -> Vec<Reply> {
    std::thread::scope(|scope| {
        let senders: Vec<_> = bodies.iter().map(|body| scope.spawn(|| server.deliver_at_once(body))).collect();
        senders.into_iter().map(|sender| sender.join().expect("a reply")).collect()
    })
}

#[test]
fn concurrent_duplicates_are_stored_once() {
    let server = Server::start();
    let storm = agency(&server, "storm");

    step("a hundred concurrent deliveries of one event: the same response for all, one effect");
    let replies = at_once(&server, &vec![paid("storm", "in-storm", PAID, 10_000); REPEATS]);
    let first = replies[0].clone().expect(200).json();
    for reply in replies {
        assert_eq!(reply.expect(200).json(), first);
    }
    assert_eq!(server.balance(&storm), (2_000, 0));
    assert_eq!(server.transfers().len(), 1);

    step("thirty concurrent events of one account are all stored");
    let crowd = agency(&server, "crowd");
    let events: Vec<Value> = (0..EVENTS).map(|n| paid("crowd", &format!("in-crowd-{n}"), PAID, 10_000)).collect();
    for reply in at_once(&server, &events) {
        reply.expect(200);
    }
    assert_eq!(server.balance(&crowd), (2_000 * i64::try_from(EVENTS).expect("thirty"), 0));
    assert_eq!(server.entries(&crowd).len(), EVENTS);

    step("a replay a minute later gets the first result");
    assert_eq!(server.deliver(&paid("storm", "in-storm", PAID, 10_000)).expect(200).json(), first);

    step("the same id with another body is refused and changes nothing");
    let problem = server.deliver(&paid("storm", "in-storm", PAID, 99_999)).problem(409, "event_id_reused");
    assert_eq!(problem["field"], "id");
    assert_eq!(server.balance(&storm), (2_000, 0));
    server.audit();
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let server = Server::start();

    step("payment and refund before the sign-up they belong to");
    let partner = server.enrol("agency-partner", "of-late");
    server.tell(&[refunded("late", "in-late", "2025-02-03T00:00:00Z", 5_000), paid("late", "in-late", PAID, 10_000)]);
    assert_eq!(server.balance(&partner), (0, 0));
    server.tell(&[signed_up("late", SIGNED, json!({"code": partner.code}))]);
    assert_eq!(server.balance(&partner), (1_000, 0));

    step("of two contents with one invoice id the earlier one counts, whichever arrives first");
    let twice = agency(&server, "twice");
    let mut later = paid("twice", "in-twice", "2025-02-05T00:00:00Z", 70_000);
    later["id"] = json!("paid-in-twice-again");
    server.tell(&[later, paid("twice", "in-twice", PAID, 10_000)]);
    assert_eq!(server.balance(&twice), (2_000, 0));

    step("of two sign-ups the earlier one decides, and the accruals follow it");
    let (wrong, right) = (server.enrol("agency-partner", "wrong"), server.enrol("agency-partner", "right"));
    server.tell(&[
        signed_up("moved", "2025-02-01T12:00:00Z", json!({"code": wrong.code})),
        paid("moved", "in-moved", PAID, 10_000),
    ]);
    assert_eq!((server.balance(&wrong), server.balance(&right)), ((2_000, 0), (0, 0)));
    let mut earlier = signed_up("moved", SIGNED, json!({"code": right.code}));
    earlier["id"] = json!("up-moved-earlier");
    server.tell(&[earlier]);
    assert_eq!((server.balance(&wrong), server.balance(&right)), ((0, 0), (2_000, 0)));

    step("an account that signed up on its own is bound by the first later event with a code, from then on");
    let found = server.enrol("agency-partner", "found");
    server.tell(&[signed_up("alone", SIGNED, json!({})), paid("alone", "in-alone-1", PAID, 10_000)]);
    let mut coded = paid("alone", "in-alone-2", "2025-03-02T00:00:00Z", 10_000);
    merge(&mut coded, json!({"attribution": {"code": found.code}}));
    server.tell(&[coded]);
    assert_eq!(server.balance(&found), (2_000, 0));
    server.audit();
}

#[test]
fn signatures_are_checked() {
    let server = Server::start();
    let body = signed_up("someone", SIGNED, json!({})).to_string().into_bytes();
    let now = now_ms() / 1_000;
    let unsigned = || server.ask("POST", "/v1/webhooks/events").body(body.clone());
    let all = |second: i64, signature: &str| {
        unsigned()
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", second.to_string())
            .header("webhook-signature", signature)
    };
    let good = sign(&server.webhook_secret, "msg_1", now, &body);

    step("missing headers are named");
    for (name, value) in [("webhook-id", "msg_1"), ("webhook-timestamp", "1"), ("webhook-signature", "v1,x")] {
        let problem = all(now, &good).without(name).send().problem(401, "webhook_header_missing");
        assert!(problem["detail"].as_str().is_some_and(|d| d.contains(name)), "{name} ({value}): {problem}");
    }
    step("too old, from the future, with another secret, for another body, in another scheme");
    let away = |by: i64| {
        let second = now_ms() / 1_000 + by;
        all(second, &sign(&server.webhook_secret, "msg_1", second, &body)).send()
    };
    away(-330).problem(401, "webhook_timestamp_too_old");
    away(330).problem(401, "webhook_timestamp_too_far_ahead");
    let other = "whsec_fRZSFY8FOu7FF846iBPm59Nt8mXTVJdyH9eH1OMfF7bf".to_owned();
    let secret = server.webhook_secret.clone();
    let cases = [
        ("webhook_signature_mismatch", now, sign(&other, "msg_1", now, &body)),
        ("webhook_signature_mismatch", now, sign(&secret, "msg_1", now, b"{}")),
        ("webhook_signature_mismatch", now, sign(&secret, "msg_2", now, &body)),
        ("webhook_signature_mismatch", now, sign(&secret, "msg_1", now - 1, &body)),
        ("webhook_signature_mismatch", now, good.replace("v1,", "v1a,")),
        ("webhook_signature_mismatch", now, good[..good.len() - 4].to_owned()),
        ("webhook_signature_mismatch", now, String::new()),
    ];
    for (code, second, signature) in &cases {
        all(*second, signature).send().problem(401, code);
    }
    let mut odd = all(now, &good);
    for (code, name, value) in [
        ("webhook_timestamp_malformed", "webhook-timestamp", "+1"),
        ("webhook_timestamp_malformed", "webhook-timestamp", "1e9"),
        ("webhook_timestamp_malformed", "webhook-timestamp", "99999999999999999999999"),
    ] {
        odd = odd.header(name, value);
        odd.clone().send().problem(401, code);
    }
    all(now, &good).header("webhook-id", "a.b").send().problem(422, "webhook_id_malformed");

    step("the operator's token opens no webhook");
    unsigned().operator().send().problem(401, "webhook_header_missing");

    step("after all of that nothing is stored: the event is new; a list of signatures is accepted");
    server.get("/v1/accounts/someone/attribution").operator().send().expect(404);
    all(now, &format!("v2,abc v1,AAAA {good}")).send().expect(200);
    server.read("/v1/accounts/someone/attribution");

    step("250 seconds either way are within the tolerance");
    for by in [-250, 250] {
        away(by).expect(200);
    }
}

#[test]
fn several_secrets_are_active_while_one_is_rotated() {
    let (old, new, unknown) = (
        "whsec_FKh67n9ihCJ/Cce9sTc4EygAW4UO6Xbf6bJcZXRADcCm".to_owned(),
        "whsec_knqydvi/GWXslpqsuKHRNIGzVMWptcq31FVvEHQzGDfp".to_owned(),
        "whsec_K9xqbzfbWaM59Bj2HM4TQU026x+nMz39Mm6Cq4dAReI8".to_owned(),
    );
    let mut server = Server::with(&[("WEBHOOK_SECRETS", &format!("{new} {old}"))]);
    let body = |n: u32| event(&format!("e{n}"), "account.cancelled", PAID, "acct", json!({})).to_string();
    let now = now_ms() / 1_000;
    step("both sign");
    server.deliver_signed(body(1).as_bytes(), &old, now).expect(200);
    server.deliver_signed(body(2).as_bytes(), &new, now).expect(200);
    server.deliver_signed(body(3).as_bytes(), &unknown, now).problem(401, "webhook_signature_mismatch");

    step("after the rotation only the new one does");
    server.restart(&[("WEBHOOK_SECRETS", &new)]);
    server.deliver_signed(body(4).as_bytes(), &old, now).problem(401, "webhook_signature_mismatch");
    server.deliver_signed(body(4).as_bytes(), &new, now).expect(200);

    step("without a secret the endpoint is closed and says so; the published test secret does not count");
    server.restart(&[("WEBHOOK_SECRETS", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]);
    server
        .deliver_signed(body(5).as_bytes(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", now)
        .problem(503, "not_configured");
    let health = server.get("/healthz").operator().send().expect(503).json();
    assert_eq!(health["ok"], json!(false));
    assert!(health["configuration"][0].as_str().is_some_and(|c| c.starts_with("WEBHOOK_SECRETS")), "{health}");
}
