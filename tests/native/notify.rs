//! Notifications on SQLite: every message reaches each of its recipients once, through faults, races and dead
//! endpoints.

mod credits;
mod delivery;
mod fixture;
mod outgoing;

use crate::support::sqlite;
use crate::support::world::{at, now};
use fixture::{Fault, NotifyFixture, OPERATOR, PROGRAM, SITE, Slow, payout_message, side_by_side};
use manicule::base::time::{DAY_MS, HOUR_MS, MINUTE_MS, UtcMillis};
use manicule::codec::message::email::words;
use manicule::codec::outgoing::OutgoingRequest;
use manicule::engine::message::{Audience, MessageType};
use manicule::jobs;
use manicule::pages::text::visitor::unsubscribe as text;
use manicule::service::message::deliver;
use manicule::service::message::deliver::BACK_OFF_MS;
use manicule::store::message::outbox;
use manicule::store::message::outbox::OutboxMessage;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use ureq::http::HeaderMap;

const NOON: &str = "2026-06-10T12:00:00Z";

fn event(id: &str, kind: &str, when: &str, account: Value, rest: Value) -> Value {
    let mut body = json!({"id": id, "type": kind, "occurred_at": when, "account": account});
    for (key, value) in rest.as_object().expect("an object") {
        body[key] = value.clone();
    }
    body
}

fn header<'a>(request: &'a OutgoingRequest, name: &str) -> &'a str {
    request.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str()).expect("a header")
}

fn body(request: &OutgoingRequest) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

/// The status of `/healthz` here, because nobody fires the weekly triggers.
const RUNS_ARE_OVERDUE: u16 = 503;

/// The types that events and runs announce, and how often when everything happens.
const BY_EVENTS: [(MessageType, usize); 11] = [
    // The client's commission, the guest's first tier and the friend's reward; the guest's waited for a budget.
    (MessageType::AccrualCreated, 3),
    (MessageType::AccrualUpdated, 1),
    (MessageType::PartnerJoined, 3),
    // One when a reward first waited, and one after the first funding, which was soon used up.
    (MessageType::BudgetLow, 2),
    (MessageType::ReferralJoined, 4),
    (MessageType::ReportFunnel, 1),
    (MessageType::ReportLedger, 1),
    (MessageType::ReviewOpened, 1),
    (MessageType::RewardGrantedReferee, 1),
    // One for the friend, and one for the guest's first tier.
    (MessageType::RewardGrantedReferrer, 2),
    (MessageType::StatementCommission, 1),
];

/// The other types, whose emails are queued here as what sends them does.
fn others() -> impl Iterator<Item = (MessageType, Audience)> {
    MessageType::emailed().filter(|(kind, _)| !BY_EVENTS.iter().any(|(known, _)| known == kind))
}

#[test]
fn each_event_is_announced_once() {
    let fixture = NotifyFixture::new(1);
    everything_happens(&fixture);

    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for hook in fixture.outside.hooks.borrow().iter() {
        assert_eq!(hook.url, "https://host.example/all");
        *told.entry(body(hook)["type"].as_str().unwrap().to_owned()).or_default() += 1;
        assert!(ids.insert(header(hook, "webhook-id").to_owned()), "twice: {hook:?}");
    }
    let mut wanted: BTreeMap<String, usize> = BY_EVENTS.map(|(kind, n)| (kind.name().to_owned(), n)).into();
    wanted.extend(others().map(|(kind, _)| (kind.name().to_owned(), 1)));
    assert_eq!(told, wanted, "every message type occurred");
    let untold = [MessageType::AccrualVoided, MessageType::RewardReversed];
    assert!(MessageType::ALL.iter().all(|kind| told.contains_key(kind.name()) != untold.contains(kind)), "{told:?}");
    let mut mails: BTreeMap<String, usize> = BTreeMap::new();
    for mail in fixture.outside.mails.borrow().iter() {
        *mails.entry(mail.to.clone()).or_default() += 1;
        assert_eq!(mail.from.to_string(), "Manicule <hello@site.example>");
        assert!(ids.insert(mail.id.clone()), "twice: {mail:?}");
    }
    let also = |audience: Audience| others().filter(|(_, to)| *to == audience).count();
    let wanted = [
        // Two joined, one of them through her own code, and a reward.
        ("ann@partners.example", 3),
        // Joined, a commission and a statement.
        ("agency@partners.example", 3 + also(Audience::Partner)),
        ("salon@partners.example", 2),
        ("friend@friends.example", 1 + also(Audience::Account)),
        (OPERATOR, 5 + also(Audience::Operator)),
    ];
    assert_eq!(mails, wanted.map(|(to, n)| (to.to_owned(), n)).into());
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM outbox WHERE state <> 'sent'"), 0);
    let health =
        fixture.operate(at("2026-07-01T06:30:00Z"), ("GET", "/healthz"), "/healthz", &Value::Null, RUNS_ARE_OVERDUE);
    assert_eq!((&health["outbox"]["queued"], &health["outbox"]["email"]), (&json!(0), &json!("binding")), "{health}");
}

/// Sign-ups, payments, funding, runs, and every message that they do not bring.
fn everything_happens(fixture: &NotifyFixture) {
    let t0 = "2026-05-01T00:00:00Z";
    fixture.endpoint(at(t0), "https://host.example/all", &[]);
    let partner = |program: &str, who: &str| {
        fixture.world.partner(at(t0), program, who, &format!("{who}@partners.example")).unwrap()
    };
    let (ann, agency, salon) =
        (partner("user-referral", "ann"), partner("agency-partner", "agency"), partner("tiered-credits", "salon"));
    let sign_up = |account: &str, email: &str, code: &str| {
        let account = json!({"id": account, "email": email, "name": "Friend"});
        let id = format!("s-{}", account["id"].as_str().unwrap());
        let body =
            event(&id, "account.signed_up", "2026-05-02T00:00:00Z", account, json!({"attribution": {"code": code}}));
        fixture.world.take(at("2026-05-02T00:00:01Z"), &body, None).unwrap();
    };
    sign_up("friend", "friend@friends.example", &ann.1);
    sign_up("herself", "ann@partners.example", &ann.1);
    sign_up("client", "it@client.example", &agency.1);
    sign_up("guest", "guest@friends.example", &salon.1);
    for account in ["friend", "client"] {
        let paid =
            json!({"amount": {"cents": 50_000, "currency": "usd"}, "data": {"invoice_id": format!("in-{account}")}});
        let body = event(&format!("p-{account}"), "invoice.paid", "2026-05-03T00:00:00Z", json!({"id": account}), paid);
        fixture.world.take(at("2026-05-03T00:00:01Z"), &body, None).unwrap();
    }
    let cron = |trigger: &str, when: &str| now(jobs::run(&fixture.world.at(at(when)), trigger, at(when))).unwrap();
    cron("*/10 * * * *", "2026-05-03T00:10:00Z");
    fixture.world.fund(at("2026-05-04T00:00:00Z"), "tiered-credits", 600).unwrap();
    cron("0 9 * * MON", "2026-06-15T09:00:00Z");
    cron("0 6 1 * *", "2026-07-01T06:00:00Z");
    let (partner, friend) = (agency.0.into(), "friend".into());
    let told: Vec<OutboxMessage> = others()
        .map(|(kind, to)| OutboxMessage {
            account: (to == Audience::Account).then_some(&friend),
            ..payout_message(
                kind,
                "po_1",
                (to == Audience::Partner).then_some(&partner),
                ("reason", json!("no account")),
            )
        })
        .collect();
    fixture.queue(at("2026-07-01T06:00:00Z"), &told);
    fixture.queue(at("2026-07-01T06:00:01Z"), &told);
    for when in ["2026-07-01T06:10:00Z", "2026-07-01T06:20:00Z", "2026-07-01T06:30:00Z"] {
        cron("*/10 * * * *", when);
    }
}

#[test]
fn an_imported_sign_up_is_not_announced() {
    let fixture = NotifyFixture::new(2);
    let (_, code) = fixture.world.partner(at("2026-01-01T00:00:00Z"), "user-referral", "ann", "ann@p.example").unwrap();
    let take = |id: &str, when: &str| {
        let who = json!({"id": id});
        let body = event(id, "account.signed_up", when, who, json!({"attribution": {"code": code}}));
        fixture.world.take(at(NOON), &body, None).unwrap();
    };
    take("old", "2026-05-11T12:00:00Z");
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM outbox"), 0);
    take("new", "2026-05-11T12:00:00.001Z");
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM outbox WHERE kind = 'referral.joined'"), 1);
}

#[test]
fn an_independent_library_verifies_our_signatures() {
    let fixture = NotifyFixture::new(3);
    let (_, secret) = fixture.endpoint(at("2026-01-01T00:00:00Z"), "https://host.example/hook", &["payout"]);
    fixture.queue_three(at(NOON), &fixture.partner("ann"));
    // The library compares with the machine's own clock.
    let real = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let real = UtcMillis(i64::try_from(real).unwrap());
    fixture.sweep(real);
    let hooks = fixture.outside.hooks.borrow();
    assert_eq!(hooks.len(), 1, "payouts alone: {hooks:?}");
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, header(&hooks[0], name).parse().unwrap());
    }
    let theirs = standardwebhooks::Webhook::new(&secret).unwrap();
    assert!(theirs.verify(&hooks[0].body, &headers).is_ok());
    assert!(theirs.verify(b"{}", &headers).is_err());
    let told = body(&hooks[0]);
    assert_eq!((&told["type"], &told["timestamp"]), (&json!("payout.sent"), &json!(NOON)), "{told}");
    assert_eq!((&told["data"]["amount_cents"], &told["data"]["transfer"]), (&json!(12_345), &json!("tr_1")), "{told}");
    assert!(!header(&hooks[0], "webhook-id").contains('.'));
}

#[test]
fn unsubscribed_messages_are_not_sent() {
    let fixture = NotifyFixture::new(7);
    let ann = fixture.partner("ann");
    fixture.queue_three(at(NOON), &ann);
    fixture.sweep(at(NOON));
    let optional = |m: &manicule::codec::message::email::Mail| m.headers.iter().any(|(n, _)| *n == "List-Unsubscribe");
    let link = {
        let mails = fixture.outside.mails.borrow();
        let with: Vec<_> = mails.iter().filter(|m| optional(m)).collect();
        assert_eq!((mails.len(), with.len()), (3, 1), "messages about money are always sent");
        let header = |name: &str| with[0].headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone()).unwrap();
        assert_eq!(header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
        let link = header("List-Unsubscribe").trim_matches(['<', '>']).to_owned();
        assert!(link.starts_with(&format!("{SITE}/unsubscribe?")) && with[0].text.contains(&link), "{link}");
        assert!(!link.contains("ann"), "no address: {link}");
        link
    };
    let path = link.strip_prefix(SITE).unwrap();
    let ask = |method: &str, path: &str| {
        let response = fixture.ask(at(NOON), method, path, &Value::Null);
        let csp = response.headers.iter().find(|(n, _)| *n == "content-security-policy").map(|(_, v)| v.as_str());
        assert!(csp.is_some_and(|p| p.contains("default-src 'none'")), "{response:?}");
        (response.status, String::from_utf8(response.body).unwrap())
    };
    let put = fixture.ask(at(NOON), "PUT", path, &Value::Null);
    assert_eq!(
        (put.status, put.headers.iter().find(|(n, _)| *n == "allow").map(|(_, v)| v.as_str())),
        (405, Some("GET, POST"))
    );
    assert_eq!(fixture.ask(at(NOON), "HEAD", path, &Value::Null).body, b"");
    let unwanted = || fixture.world.db.number("SELECT COUNT(*) FROM unsubscribe");
    let (status, page) = ask("GET", path);
    assert!(page.contains(&text::question(words::when(MessageType::ReferralJoined))), "{page}");
    assert!(
        status == 200 && page.contains("<form method=\"post\"") && page.contains("type=referral.joined&amp;to="),
        "{page}"
    );
    for broken in [
        path.replace("joined", "granted"),
        path.replace("mac=", "mac=x"),
        "/unsubscribe".to_owned(),
        format!("{}\"><script>", path),
    ] {
        let (status, page) = ask("POST", &broken);
        assert!(status == 404 && page.contains(text::INVALID) && !page.contains("<script"), "{broken}: {page}");
    }
    assert_eq!(unwanted(), 0, "looking changes nothing");
    assert_eq!((ask("POST", path).0, ask("POST", path).0, unwanted()), (200, 200, 1));
    let stored = fixture.world.db.look("SELECT * FROM unsubscribe")[0].clone();
    assert!(!json!(stored).to_string().contains("ann@"), "{stored:?}");

    let sent = payout_message(MessageType::PayoutSent, "po_2", Some(&ann), ("transfer", json!("tr_2")));
    let second = "acct_2".into();
    let more = [outbox::joined(&PROGRAM, &ann, &second, at(NOON)), sent];
    fixture.queue(at(NOON), &more);
    fixture.sweep(at(NOON).plus_ms(HOUR_MS));
    assert_eq!(fixture.outside.mails.borrow().len(), 4, "the payout alone");
    let row = fixture.world.db.look("SELECT d.state, d.last_error, o.state AS whole FROM delivery d JOIN outbox o ON o.id = d.outbox_id WHERE d.last_error IS NOT NULL");
    assert_eq!(
        (&row[0]["state"], &row[0]["last_error"], &row[0]["whole"]),
        (&json!("suppressed"), &json!("unsubscribed"), &json!("suppressed"))
    );
}

#[test]
fn endpoints_receive_only_the_types_they_subscribed_to() {
    let fixture = NotifyFixture::with(9, &[("MAIL_FROM", "")]);
    let ann = fixture.partner("ann");
    let early = at(NOON).plus_ms(-HOUR_MS);
    fixture.queue(early, &[outbox::budget_low(&PROGRAM, "credit:usd", 1, 2, 0, 9)]);
    let (payouts, _) = fixture.endpoint(at(NOON), "https://a.example/payouts", &["payout"]);
    let (all, _) = fixture.endpoint(at(NOON), "https://b.example/all", &[]);
    fixture.queue_three(at(NOON), &ann);
    fixture.sweep(at(NOON));
    let urls = || -> Vec<String> { fixture.outside.hooks.borrow().iter().map(|h| h.url.clone()).collect() };
    assert_eq!(urls().iter().filter(|u| u.contains("a.example")).count(), 1);
    assert_eq!(urls().iter().filter(|u| u.contains("b.example")).count(), 3, "nothing of before it was made");

    let path = "/v1/webhook-endpoints";
    let (make, drop) = (("POST", path), ("DELETE", "/v1/webhook-endpoints/{id}"));
    for url in ["http://a.example", "https://127.0.0.1/", "https://localhost/"] {
        assert_eq!(fixture.operate(at(NOON), make, path, &json!({"url": url}), 422)["field"], "url", "{url}");
    }
    // An endpoint is disabled while a message waits for it.
    fixture.queue(at(NOON).plus_ms(1), &[outbox::funnel_report(&PROGRAM, 1, "2026-W23")]);
    fixture.outside.status.set(503);
    fixture.outside.headers.borrow_mut().push(("retry-after".to_owned(), "7200".to_owned()));
    fixture.sweep(at(NOON).plus_ms(10 * MINUTE_MS));
    let next = fixture.world.db.number("SELECT next_attempt_at_ms FROM delivery WHERE last_error = 'answered 503'");
    assert_eq!(next, at(NOON).0 + 10 * MINUTE_MS + 2 * HOUR_MS, "it asked for two hours");
    let off = fixture.operate(at(NOON), drop, &format!("{path}/{all}"), &Value::Null, 200);
    assert_eq!(off["disabled_at"], NOON);
    fixture.operate(at(NOON), drop, &format!("{path}/{all}"), &Value::Null, 200);
    fixture.operate(at(NOON), drop, &format!("{path}/none"), &Value::Null, 404);
    fixture.outside.status.set(200);
    fixture.sweep(at(NOON).plus_ms(3 * HOUR_MS));
    assert_eq!(urls().len(), 4);
    assert_eq!(
        fixture
            .world
            .db
            .number("SELECT COUNT(*) FROM delivery WHERE state = 'suppressed' AND last_error LIKE '%disabled'"),
        1
    );
    // The endpoint reports that it is gone for good.
    let sent = payout_message(MessageType::PayoutSent, "po_9", Some(&ann), ("transfer", json!("tr_9")));
    fixture.queue(at(NOON).plus_ms(DAY_MS), &[sent]);
    fixture.outside.status.set(410);
    fixture.sweep(at(NOON).plus_ms(DAY_MS));
    let list = fixture.operate(at(NOON), ("GET", path), path, &Value::Null, 200);
    assert!(
        list["data"].as_array().unwrap().iter().all(|e| e["disabled_at"].is_string() && e["secret"].is_null()),
        "{list}"
    );
    let sql = "SELECT action || ' ' || subject || ' ' || COALESCE(reason, '-') AS line FROM audit WHERE action LIKE 'webhook%' ORDER BY rowid";
    let audit: Vec<String> =
        fixture.world.db.look(sql).iter().map(|r| r["line"].as_str().unwrap().to_owned()).collect();
    let wanted = [
        format!("webhook_endpoint.make {payouts} -"),
        format!("webhook_endpoint.make {all} -"),
        format!("webhook_endpoint.disable {all} -"),
        format!("webhook_endpoint.disable {payouts} it answered 410 Gone"),
    ];
    assert_eq!(audit, wanted);
    assert!(
        !json!(fixture.world.db.look("SELECT * FROM audit")).to_string().contains("whsec_"),
        "no secret in the touchpoints"
    );
}

#[test]
fn partners_without_an_address_get_no_email() {
    let fixture = NotifyFixture::new(11);
    let partner =
        fixture.world.partner(at("2026-01-01T00:00:00Z"), "user-referral", "x", "x@y.example>,<z@z.example").unwrap().0;
    fixture.queue(at(NOON), &[outbox::joined(&PROGRAM, &partner.into(), &"acct_1".into(), at(NOON))]);
    fixture.queue(at(NOON), &[outbox::joined(&PROGRAM, &"nobody".into(), &"acct_1".into(), at(NOON))]);
    fixture.sweep(at(NOON));
    assert_eq!(fixture.outside.mails.borrow().len(), 0);
    assert_eq!(fixture.states(), ["email partner suppressed", "email partner suppressed"]);
}
