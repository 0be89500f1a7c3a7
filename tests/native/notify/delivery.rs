//! Deliveries through faults, races, interruptions and silence.

use super::*;
use manicule::base::ids::AccountId;

/// What the tests queue.
const MESSAGES: &[&str] = &["referral", "payout", "budget"];

/// Sends three messages through a fault of the database, a fault of another service, or both. Returns how many copies
/// arrived.
fn through(db: Option<(u64, sqlite::Fault)>, outside: Option<(u64, Fault)>) -> usize {
    let fixture = NotifyFixture::new(4);
    let partner = fixture.partner("ann");
    fixture.endpoint(at("2026-01-01T00:00:00Z"), "https://host.example/hook", MESSAGES);
    fixture.queue_three(at(NOON), &partner);
    fixture.world.db.fault.set(db.map(|(call, fault)| (fixture.world.db.calls.get() + call, fault)));
    fixture.outside.fault.set(outside);
    fixture.sweeps(at(NOON), 120);
    let what = format!("{db:?} {outside:?}");
    assert_eq!(
        fixture.states(),
        [
            "email operator sent",
            "email partner sent",
            "email partner sent",
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
fn deliveries_survive_every_fault_and_every_pair() {
    use sqlite::Fault::{AfterCommit, Before};
    assert_eq!(through(None, None), 6);
    let outside: Vec<(u64, Fault)> =
        (0..7).flat_map(|call| [Fault::Before, Fault::After, Fault::Refused].map(|fault| (call, fault))).collect();
    for (call, fault) in &outside {
        // A lost response is the one case in which a message has to be sent again although it arrived.
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
fn a_delivery_cut_off_after_sending_is_sent_once_more() {
    let fixture = NotifyFixture::new(5);
    fixture.queue_three(at(NOON), &fixture.partner("ann"));
    // Resolve recipients, lease, look up; then the database is unavailable for the rest of the sweep.
    fixture.world.db.fault.set(None);
    let before = fixture.world.db.calls.get();
    {
        let slow = Slow::new(&fixture.world);
        fixture.world.clock.set(at(NOON));
        let ctx = slow.context(at(NOON));
        let mut sweep = Box::pin(deliver::sweep(&ctx));
        let mut task = std::task::Context::from_waker(std::task::Waker::noop());
        // Killed once the first email is out.
        while fixture.outside.mails.borrow().is_empty() {
            assert!(sweep.as_mut().poll(&mut task).is_pending());
        }
    }
    assert!(fixture.world.db.calls.get() > before);
    fixture.sweep(at(NOON).plus_ms(10 * MINUTE_MS));
    assert_eq!(fixture.outside.mails.borrow().len(), 1, "the lease is still held");
    fixture.sweep(at(NOON).plus_ms(20 * MINUTE_MS));
    let mails = fixture.outside.mails.borrow();
    assert_eq!(mails.len(), 4);
    assert_eq!(mails.iter().filter(|m| m.id == mails[0].id).count(), 2, "the id tells that it is the same");
}

#[test]
fn concurrent_sweeps_never_send_the_same_message() {
    for seed in 0..40 {
        let fixture = NotifyFixture::new(seed);
        let partner = fixture.partner("ann");
        fixture.endpoint(at("2026-01-01T00:00:00Z"), "https://host.example/hook", MESSAGES);
        let accounts: Vec<AccountId> = (0..70).map(|n| format!("acct_{n}").into()).collect();
        let messages: Vec<_> = accounts.iter().map(|a| outbox::joined(&PROGRAM, &partner, a, at(NOON))).collect();
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
    fixture.endpoint(at("2026-01-01T00:00:00Z"), "https://host.example/hook", MESSAGES);
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
    // A message that arrived is sent again only if the operator names the recipient.
    let (endpoint, hour) =
        (fixture.world.db.look("SELECT id FROM webhook_endpoint")[0]["id"].clone(), later.plus_ms(HOUR_MS));
    again("payout.sent:po_1", json!({"reason": "lost", "target": endpoint}), 200);
    again("payout.sent:po_1", json!({"reason": "lost", "target": "partner"}), 200);
    fixture.sweep(hour);
    let (mails, hooks) = (fixture.outside.mails.borrow(), fixture.outside.hooks.borrow());
    assert_eq!((mails.len(), hooks.len()), (2, 2));
    assert_eq!(header(&hooks[1], "webhook-id"), first_hook, "a receiver knows it");
    assert_ne!(mails[1].id, first_mail, "an email service would drop it");
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM audit WHERE action = 'outbox.replay'"), 4);
}

#[test]
fn without_an_email_service_messages_wait_and_none_is_lost() {
    let mut fixture = NotifyFixture::with(8, &[("MAIL_FROM", ""), ("OPERATOR_EMAIL", "")]);
    fixture.endpoint(at("2026-01-01T00:00:00Z"), "https://host.example/hook", MESSAGES);
    fixture.queue_three(at(NOON), &fixture.partner("ann"));
    fixture.sweeps(at(NOON), 5 * DAY_MS / MINUTE_MS);
    assert_eq!((fixture.outside.hooks.borrow().len(), fixture.outside.mails.borrow().len()), (3, 0));
    let later = at(NOON).plus_ms(6 * DAY_MS);
    let health = fixture.operate(later, ("GET", "/healthz"), "/healthz", &Value::Null, RUNS_ARE_OVERDUE);
    let is = &health["outbox"];
    assert_eq!(
        (&is["queued"], &is["email"], &is["operator_email"]),
        (&json!(3), &json!("not set up"), &json!(false)),
        "{is}"
    );
    fixture.set_up(&[("OPERATOR_EMAIL", "")]);
    fixture.sweep(later);
    assert_eq!(fixture.outside.mails.borrow().len(), 2, "to the partner");
    // This time by an HTTP service.
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
fn an_unresponsive_endpoint_does_not_delay_others() {
    let fixture = NotifyFixture::with(10, &[("MAIL_FROM", "")]);
    fixture.endpoint(at("2026-01-01T00:00:00Z"), "https://a.example/hook", MESSAGES);
    let ann = fixture.partner("ann");
    let accounts: Vec<AccountId> = (0..30).map(|n| format!("acct_{n}").into()).collect();
    let messages: Vec<_> = accounts.iter().map(|a| outbox::joined(&PROGRAM, &ann, a, at(NOON))).collect();
    fixture.queue(at(NOON), &messages);
    fixture.outside.status.set(0);
    fixture.sweep(at(NOON));
    assert_eq!(fixture.outside.calls.get(), 1, "sent once, without a second lease");
    assert_eq!(
        fixture.world.db.number("SELECT COUNT(*) FROM delivery WHERE attempts > 0"),
        1,
        "no other attempt is counted"
    );
    fixture.outside.status.set(200);
    fixture.sweeps(at(NOON).plus_ms(10 * MINUTE_MS), 60);
    assert_eq!(fixture.outside.hooks.borrow().len(), 30);
}
