//! Notifications on SQLite: every message reaches everybody it is for, once, through faults, races and dead endpoints.

mod credits;
mod fixture;

use crate::support::sqlite;
use crate::support::world::{at, now};
use fixture::{Fault, NotifyFixture, OPERATOR, SITE, Slow, payout_message, side_by_side};
use manicule::base::time::{DAY_MS, HOUR_MS, MINUTE_MS, UtcMillis};
use manicule::codec::message::email::KINDS;
use manicule::codec::outgoing::OutgoingRequest;
use manicule::jobs;
use manicule::service::message::deliver;
use manicule::service::message::deliver::BACK_OFF_MS;
use manicule::store::message::outbox;
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

/// A spring of all programs, with cron: what happens is told, each to whom it concerns, once.
/// What `/healthz` answers here: nobody fires the weeks' triggers.
const RUNS_ARE_OVERDUE: u16 = 503;

#[test]
fn what_happens_is_told_once() {
    let fixture = NotifyFixture::new(1);
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
    let reason = ("reason", json!("no account"));
    let told = [
        payout_message("payout.sent", "po_1", Some(&agency.0), ("transfer", json!("tr_1"))),
        payout_message("payout.failed", "po_1", Some(&agency.0), reason.clone()),
        payout_message("payout.onboarding", "po_1", Some(&agency.0), ("due", json!(["external_account"]))),
        payout_message("payout.approval", "po_1", None, ("run", json!("run_1"))),
        payout_message("payout.review", "po_1", None, reason.clone()),
        payout_message("payout.funds", "po_1", None, reason.clone()),
        payout_message("payout.access", "po_1", None, reason.clone()),
        payout_message("credit.review", "crd_1", None, reason.clone()),
        payout_message("credit.failed", "crd_1", None, reason),
    ];
    fixture.queue(at("2026-07-01T06:00:00Z"), &told);
    fixture.queue(at("2026-07-01T06:00:01Z"), &told);
    for when in ["2026-07-01T06:10:00Z", "2026-07-01T06:20:00Z", "2026-07-01T06:30:00Z"] {
        cron("*/10 * * * *", when);
    }

    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for hook in fixture.outside.hooks.borrow().iter() {
        assert_eq!(hook.url, "https://host.example/all");
        *told.entry(body(hook)["type"].as_str().unwrap().to_owned()).or_default() += 1;
        assert!(ids.insert(header(hook, "webhook-id").to_owned()), "twice: {hook:?}");
    }
    let wanted = [
        ("credit.failed", 1),
        ("credit.review", 1),
        ("payout.access", 1),
        ("payout.approval", 1),
        ("payout.failed", 1),
        ("payout.funds", 1),
        ("payout.onboarding", 1),
        ("payout.review", 1),
        ("payout.sent", 1),
        // As soon as a reward waited, and after the first funding, which was soon used up.
        ("budget.low", 2),
        ("referral.joined", 4),
        ("report.funnel", 1),
        ("review.opened", 1),
        ("reward.granted.referee", 1),
        // The friend's, and the guest's first tier.
        ("reward.granted.referrer", 2),
        ("statement.commission", 1),
    ];
    assert_eq!(told, wanted.map(|(kind, n)| (kind.to_owned(), n)).into());
    assert_eq!(told.len(), KINDS.len(), "every kind was told");
    let mut mails: BTreeMap<String, usize> = BTreeMap::new();
    for mail in fixture.outside.mails.borrow().iter() {
        *mails.entry(mail.to.clone()).or_default() += 1;
        assert_eq!(mail.from.to_string(), "Manicule <hello@site.example>");
        assert!(ids.insert(mail.id.clone()), "twice: {mail:?}");
    }
    let wanted = [
        // Two joined, one of them herself, and a reward.
        ("ann@partners.example", 3),
        // Joined, a statement, and what became of the payout.
        ("agency@partners.example", 5),
        ("salon@partners.example", 2),
        ("friend@friends.example", 1),
        (OPERATOR, 10),
    ];
    assert_eq!(mails, wanted.map(|(to, n)| (to.to_owned(), n)).into());
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM outbox WHERE state <> 'sent'"), 0);
    let health =
        fixture.operate(at("2026-07-01T06:30:00Z"), ("GET", "/healthz"), "/healthz", &Value::Null, RUNS_ARE_OVERDUE);
    assert_eq!((&health["outbox"]["queued"], &health["outbox"]["mail"]), (&json!(0), &json!("binding")), "{health}");
}

#[test]
fn an_imported_sign_up_is_no_news() {
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
fn the_independent_library_believes_what_is_signed() {
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

/// Runs three messages through a fault of the database, a fault outside, or both; answers how many copies arrived.
fn through(db: Option<(u64, sqlite::Fault)>, outside: Option<(u64, Fault)>) -> usize {
    let fixture = NotifyFixture::new(4);
    let partner = fixture.partner("ann");
    fixture.endpoint(at("2026-01-01T00:00:00Z"), "https://host.example/hook", &[]);
    fixture.queue_three(at(NOON), &partner);
    fixture.world.db.fault.set(db.map(|(call, fault)| (fixture.world.db.calls.get() + call, fault)));
    fixture.outside.fault.set(outside);
    fixture.sweeps(at(NOON), 120);
    let what = format!("{db:?} {outside:?}");
    assert_eq!(
        fixture.states(),
        [
            "mail operator sent",
            "mail partner sent",
            "mail partner sent",
            "webhook * sent",
            "webhook * sent",
            "webhook * sent"
        ],
        "{what}"
    );
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM outbox WHERE state = 'sent'"), 3, "{what}");
    let mut copies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for mail in fixture.outside.mails.borrow().iter() {
        copies.entry(mail.id.clone()).or_default().insert(format!("{mail:?}"));
    }
    for hook in fixture.outside.hooks.borrow().iter() {
        copies.entry(header(hook, "webhook-id").to_owned()).or_default().insert(body(hook).to_string());
    }
    assert_eq!(copies.len(), 6, "{what}");
    assert!(copies.values().all(|same| same.len() == 1), "a second copy is the first again: {copies:?}");
    fixture.outside.mails.borrow().len() + fixture.outside.hooks.borrow().len()
}

#[test]
fn every_fault_and_every_pair_is_survived() {
    use sqlite::Fault::{AfterCommit, Before};
    assert_eq!(through(None, None), 6);
    let outside: Vec<(u64, Fault)> =
        (0..7).flat_map(|call| [Fault::Before, Fault::After, Fault::Refused].map(|fault| (call, fault))).collect();
    for (call, fault) in &outside {
        // An answer that was lost is the one case in which a message has to be sent again although it arrived.
        let copies = if *fault == Fault::After && *call < 6 { 7 } else { 6 };
        assert_eq!(through(None, Some((*call, *fault))), copies, "{call} {fault:?}");
    }
    for call in 0..8 {
        for fault in [Before, AfterCommit] {
            assert_eq!(through(Some((call, fault)), None), 6, "{call} {fault:?}");
            for second in &outside {
                assert!(through(Some((call, fault)), Some(*second)) <= 7, "{call} {fault:?} {second:?}");
            }
        }
    }
}

#[test]
fn what_is_cut_off_after_it_was_sent_is_sent_once_more() {
    let fixture = NotifyFixture::new(5);
    fixture.queue_three(at(NOON), &fixture.partner("ann"));
    // Settling recipients, claiming, looking up; then the database is gone for as long as the sweep lasts.
    fixture.world.db.fault.set(None);
    let before = fixture.world.db.calls.get();
    {
        let slow = Slow::new(&fixture.world);
        fixture.world.clock.set(at(NOON));
        let ctx = slow.context(at(NOON));
        let mut sweep = Box::pin(deliver::sweep(&ctx));
        let mut task = std::task::Context::from_waker(std::task::Waker::noop());
        // Killed once the first mail is out.
        while fixture.outside.mails.borrow().is_empty() {
            assert!(sweep.as_mut().poll(&mut task).is_pending());
        }
    }
    assert!(fixture.world.db.calls.get() > before);
    fixture.sweep(at(NOON).plus_ms(10 * MINUTE_MS));
    assert_eq!(fixture.outside.mails.borrow().len(), 1, "the claim still stands");
    fixture.sweep(at(NOON).plus_ms(20 * MINUTE_MS));
    let mails = fixture.outside.mails.borrow();
    assert_eq!(mails.len(), 4);
    assert_eq!(mails.iter().filter(|m| m.id == mails[0].id).count(), 2, "the id tells that it is the same");
}

#[test]
fn sweeps_at_the_same_time_never_send_the_same() {
    for seed in 0..40 {
        let fixture = NotifyFixture::new(seed);
        let partner = fixture.partner("ann");
        fixture.endpoint(at("2026-01-01T00:00:00Z"), "https://host.example/hook", &[]);
        let accounts: Vec<String> = (0..70).map(|n| format!("acct_{n}")).collect();
        let messages: Vec<_> =
            accounts.iter().map(|a| outbox::joined("user-referral", &partner, a, at(NOON))).collect();
        fixture.queue(at(NOON), &messages);
        fixture.world.clock.set(at(NOON));
        let slow = Slow::new(&fixture.world);
        let contexts: Vec<_> = (0..3).map(|_| slow.context(at(NOON))).collect();
        let sweeps = contexts.iter().map(|ctx| -> std::pin::Pin<Box<dyn Future<Output = ()> + '_>> {
            Box::pin(async move { deliver::sweep(ctx).await.map(|_| ()).expect("a sweep") })
        });
        side_by_side(sweeps.collect(), |n| usize::try_from(fixture.world.below(n as u64)).unwrap());
        let hooks: BTreeSet<String> =
            fixture.outside.hooks.borrow().iter().map(|h| header(h, "webhook-id").to_owned()).collect();
        let mails: BTreeSet<String> = fixture.outside.mails.borrow().iter().map(|m| m.id.clone()).collect();
        assert_eq!((hooks.len(), mails.len()), (70, 70), "seed {seed}");
        assert_eq!(
            (fixture.outside.hooks.borrow().len(), fixture.outside.mails.borrow().len()),
            (70, 70),
            "seed {seed}"
        );
        assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM outbox WHERE state = 'sent'"), 70);
    }
}

#[test]
fn three_days_of_silence_are_a_failure_that_an_operator_replays() {
    let fixture = NotifyFixture::new(6);
    fixture.endpoint(at("2026-01-01T00:00:00Z"), "https://host.example/hook", &[]);
    fixture.queue_three(at(NOON), &fixture.partner("ann"));
    fixture.outside.status.set(500);
    fixture.outside.mailing.set(false);
    assert_eq!(BACK_OFF_MS.iter().sum::<i64>(), 3 * DAY_MS);
    let lasting = 3 * DAY_MS / MINUTE_MS;
    fixture.sweeps(at(NOON), lasting - 10);
    assert_eq!(
        fixture.world.db.number("SELECT COUNT(*) FROM delivery WHERE state = 'queued'"),
        6,
        "not given up before"
    );
    let end = at(NOON).plus_ms(lasting * MINUTE_MS);
    fixture.sweeps(end, 4 * HOUR_MS / MINUTE_MS);
    let rows = fixture.world.db.look("SELECT state, attempts, last_error FROM delivery");
    for row in &rows {
        assert_eq!((&row["state"], &row["attempts"]), (&json!("failed"), &json!(BACK_OFF_MS.len() + 1)), "{row:?}");
        let error = row["last_error"].as_str().unwrap();
        assert!(!error.contains("partners.example") && !error.contains("secret of theirs"), "{error}");
    }
    assert_eq!(rows.len(), 6);
    let later = end.plus_ms(DAY_MS);
    let health = fixture.operate(later, ("GET", "/healthz"), "/healthz", &Value::Null, RUNS_ARE_OVERDUE);
    assert_eq!((&health["outbox"]["queued"], &health["outbox"]["failed"]), (&json!(0), &json!(3)), "{health}");
    let list = fixture.operate(later, ("GET", "/v1/outbox"), "/v1/outbox?state=failed", &Value::Null, 200);
    assert_eq!(list["data"].as_array().unwrap().len(), 3, "{list}");
    assert_eq!(fixture.sweep(later), 0, "nothing more is tried");

    fixture.outside.status.set(204);
    fixture.outside.mailing.set(true);
    let replay = ("POST", "/v1/outbox/{id}/replay");
    let again = |id: &str, body: Value, status| {
        fixture.operate(later, replay, &format!("/v1/outbox/{}/replay", id.replace(':', "%3A")), &body, status)
    };
    let reason = json!({"reason": "they were down"});
    assert_eq!(again("payout.sent:po_1", reason.clone(), 200)["deliveries"][0]["round"], 1);
    assert_eq!(again("payout.sent:po_1", reason.clone(), 200)["deliveries"][0]["round"], 1, "it waits already");
    assert_eq!(again("payout.sent:none", reason.clone(), 404)["code"], "not_found");
    assert_eq!(again("payout.sent:po_1", json!({}), 422)["field"], "reason");
    fixture.sweep(later);
    assert_eq!(again("payout.sent:po_1", reason.clone(), 409)["code"], "nothing_to_replay", "it arrived");
    let (first_mail, first_hook) = (
        fixture.outside.mails.borrow()[0].id.clone(),
        header(&fixture.outside.hooks.borrow()[0], "webhook-id").to_owned(),
    );
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM outbox WHERE state = 'sent'"), 1);
    // One that arrived is sent again where the operator names the recipient.
    let (endpoint, hour) =
        (fixture.world.db.look("SELECT id FROM webhook_endpoint")[0]["id"].clone(), later.plus_ms(HOUR_MS));
    again("payout.sent:po_1", json!({"reason": "lost", "target": endpoint}), 200);
    again("payout.sent:po_1", json!({"reason": "lost", "target": "partner"}), 200);
    fixture.sweep(hour);
    let (mails, hooks) = (fixture.outside.mails.borrow(), fixture.outside.hooks.borrow());
    assert_eq!((mails.len(), hooks.len()), (2, 2));
    assert_eq!(header(&hooks[1], "webhook-id"), first_hook, "a receiver knows it");
    assert_ne!(mails[1].id, first_mail, "a mail service would drop it");
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM audit WHERE action = 'outbox.replay'"), 4);
}

#[test]
fn what_is_unsubscribed_from_is_not_sent() {
    let fixture = NotifyFixture::new(7);
    let ann = fixture.partner("ann");
    fixture.queue_three(at(NOON), &ann);
    fixture.sweep(at(NOON));
    let optional = |m: &manicule::codec::message::email::Mail| m.headers.iter().any(|(n, _)| *n == "List-Unsubscribe");
    let link = {
        let mails = fixture.outside.mails.borrow();
        let with: Vec<_> = mails.iter().filter(|m| optional(m)).collect();
        assert_eq!((mails.len(), with.len()), (3, 1), "money is told in any case");
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
    let unwanted = || fixture.world.db.number("SELECT COUNT(*) FROM unsubscribe");
    let (status, page) = ask("GET", path);
    assert!(
        status == 200 && page.contains("<form method=\"post\"") && page.contains("kind=referral.joined&amp;to="),
        "{page}"
    );
    for broken in [
        path.replace("joined", "granted"),
        path.replace("mac=", "mac=x"),
        "/unsubscribe".to_owned(),
        format!("{}\"><script>", path),
    ] {
        let (status, page) = ask("POST", &broken);
        assert!(status == 404 && !page.contains("<script"), "{broken}: {page}");
    }
    assert_eq!(unwanted(), 0, "looking changes nothing");
    assert_eq!((ask("POST", path).0, ask("POST", path).0, unwanted()), (200, 200, 1));
    let stored = fixture.world.db.look("SELECT * FROM unsubscribe")[0].clone();
    assert!(!json!(stored).to_string().contains("ann@"), "{stored:?}");

    let sent = payout_message("payout.sent", "po_2", Some(&ann), ("transfer", json!("tr_2")));
    let more = [outbox::joined("user-referral", &ann, "acct_2", at(NOON)), sent];
    fixture.queue(at(NOON), &more);
    fixture.sweep(at(NOON).plus_ms(HOUR_MS));
    assert_eq!(fixture.outside.mails.borrow().len(), 4, "the payout alone");
    let row = fixture.world.db.look("SELECT d.state, d.last_error, o.state AS whole FROM delivery d JOIN outbox o ON o.id = d.outbox_id WHERE d.last_error IS NOT NULL");
    assert_eq!(
        (&row[0]["state"], &row[0]["last_error"], &row[0]["whole"]),
        (&json!("suppressed"), &json!("unsubscribed"), &json!("sent"))
    );
}

#[test]
fn without_a_way_mails_wait_and_nothing_is_lost() {
    let mut fixture = NotifyFixture::with(8, &[("MAIL_FROM", ""), ("OPERATOR_EMAIL", "")]);
    fixture.endpoint(at("2026-01-01T00:00:00Z"), "https://host.example/hook", &[]);
    fixture.queue_three(at(NOON), &fixture.partner("ann"));
    fixture.sweeps(at(NOON), 5 * DAY_MS / MINUTE_MS);
    assert_eq!((fixture.outside.hooks.borrow().len(), fixture.outside.mails.borrow().len()), (3, 0));
    let later = at(NOON).plus_ms(6 * DAY_MS);
    let health = fixture.operate(later, ("GET", "/healthz"), "/healthz", &Value::Null, RUNS_ARE_OVERDUE);
    let is = &health["outbox"];
    assert_eq!(
        (&is["queued"], &is["mail"], &is["operator_mail"]),
        (&json!(3), &json!("not set up"), &json!(false)),
        "{is}"
    );
    fixture.set_up(&[("OPERATOR_EMAIL", "")]);
    fixture.sweep(later);
    assert_eq!(fixture.outside.mails.borrow().len(), 2, "to the partner");
    // By an HTTP service this time.
    fixture.set_up(&[("MAIL_API_KEY", "re_123")]);
    fixture.sweep(later.plus_ms(HOUR_MS));
    let hooks = fixture.outside.hooks.borrow();
    let request = hooks.last().unwrap();
    assert_eq!((hooks.len(), request.url.as_str()), (4, "https://api.resend.com/emails"));
    assert_eq!((&body(request)["to"], header(request, "authorization")), (&json!([OPERATOR]), "Bearer re_123"));
    assert!(header(request, "idempotency-key").starts_with("msg_"));
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM outbox WHERE state = 'sent'"), 3);
}

#[test]
fn endpoints_get_what_they_asked_for() {
    let fixture = NotifyFixture::with(9, &[("MAIL_FROM", "")]);
    let ann = fixture.partner("ann");
    let early = at(NOON).plus_ms(-HOUR_MS);
    fixture.queue(early, &[outbox::budget_low("user-referral", "credit:usd", 1, 2, 0, 9)]);
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
    // Switched off while a message waits for it.
    fixture.queue(at(NOON).plus_ms(1), &[outbox::funnel_report("user-referral", 1, "2026-W23")]);
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
    // Gone for good by its own word.
    let sent = payout_message("payout.sent", "po_9", Some(&ann), ("transfer", json!("tr_9")));
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
fn who_does_not_answer_keeps_nobody_else_waiting() {
    let fixture = NotifyFixture::with(10, &[("MAIL_FROM", "")]);
    fixture.endpoint(at("2026-01-01T00:00:00Z"), "https://a.example/hook", &[]);
    let ann = fixture.partner("ann");
    let accounts: Vec<String> = (0..30).map(|n| format!("acct_{n}")).collect();
    let messages: Vec<_> = accounts.iter().map(|a| outbox::joined("user-referral", &ann, a, at(NOON))).collect();
    fixture.queue(at(NOON), &messages);
    fixture.outside.status.set(0);
    fixture.sweep(at(NOON));
    assert_eq!(fixture.outside.calls.get(), 1, "asked once, and no second claim");
    assert_eq!(
        fixture.world.db.number("SELECT COUNT(*) FROM delivery WHERE attempts > 0"),
        1,
        "no other attempt is counted"
    );
    fixture.outside.status.set(200);
    fixture.sweeps(at(NOON).plus_ms(10 * MINUTE_MS), 60);
    assert_eq!(fixture.outside.hooks.borrow().len(), 30);
}

#[test]
fn nobody_is_mailed_without_an_address() {
    let fixture = NotifyFixture::new(11);
    let partner =
        fixture.world.partner(at("2026-01-01T00:00:00Z"), "user-referral", "x", "x@y.example>,<z@z.example").unwrap().0;
    fixture.queue(at(NOON), &[outbox::joined("user-referral", &partner, "acct_1", at(NOON))]);
    fixture.queue(at(NOON), &[outbox::joined("user-referral", "nobody", "acct_1", at(NOON))]);
    fixture.sweep(at(NOON));
    assert_eq!(fixture.outside.mails.borrow().len(), 0);
    assert_eq!(fixture.states(), ["mail partner suppressed", "mail partner suppressed"]);
}
