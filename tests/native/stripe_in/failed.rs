//! Events that fail: they do not block others, are noted wherever they may be missing, and end by being taken in or by an
//! operator's decision.

use super::*;
use crate::support::sqlite;
use crate::support::world::World;
use manicule::base::time::UtcMillis;
use manicule::store::event::stripe_failed as rows;

/// What no code knows: another try may work.
const TRANSIENT: &str = "SELECT RAISE(ABORT, 'something new is wrong')";

fn listed(page: &Value) -> (u16, Value) {
    (200, json!({"object": "list", "data": page, "has_more": false}))
}

fn failures(fixture: &StripeFixture) -> Vec<String> {
    fixture.rows("SELECT id || ' ' || type || ' ' || reason AS t FROM stripe_failure ORDER BY id")
}

#[test]
fn an_event_with_a_passing_error_that_never_passes_blocks_nothing() {
    for restored in [false, true] {
        let fixture = known(&[]).with_key(|url| {
            let events = [("evt_1", "in_1"), ("evt_2", "in_2")].map(|(id, of)| invoice(Shape::New, id, of, 10_000, 0));
            let is_single = url.contains("/v1/events/evt_1");
            let runs = json!([{"id": "sub_1", "customer": "cus_1", "status": "active", "items": {"data": []}}]);
            match url.contains("invoice.paid") {
                _ if is_single => (200, events[0].clone()),
                _ if url.contains("/v1/subscriptions") => listed(&runs),
                true => listed(&json!(events)),
                false => listed(&json!([])),
            }
        });
        if restored {
            fixture.run("INSERT INTO restoration VALUES (1, 0)");
        }
        fixture.run(&format!(
            "CREATE TEMP TRIGGER broken BEFORE INSERT ON event WHEN NEW.invoice_id = 'in_1' BEGIN {TRANSIENT}; END"
        ));
        assert!(fixture.try_sweep().is_err(), "it is reported");
        assert_eq!(fixture.pending(), 2_000, "the next one is in");
        assert_eq!(failures(&fixture), ["evt_1 invoice.paid database_unavailable"]);
        for _ in 0..3 {
            fixture.later(600);
            let _ = fixture.try_sweep();
        }
        let jobs = "SELECT COUNT(*) FROM heartbeat WHERE job IN ('stripe_missed', 'stripe_restored', 'stripe_restored_transfers')";
        assert_eq!(fixture.number(jobs), if restored { 3 } else { 1 }, "the lists are through");
        fixture.run("DROP TRIGGER broken");
        fixture.later(86_400);
        fixture.sweep();
        assert_eq!((fixture.pending(), failures(&fixture)), (4_000, Vec::new()));
        fixture.sound();
    }
}

#[test]
fn where_a_list_was_cut_short_the_next_sweep_goes_on() {
    let tries = std::cell::Cell::new(0);
    let fixture = known(&[]).with_key(move |url| {
        if !url.contains("/v1/events") {
            return listed(&json!([]));
        }
        let first = invoice(Shape::New, "evt_1", "in_1", 10_000, 0);
        match url.contains("starting_after=evt_1") {
            false => (200, json!({"data": [first], "has_more": true})),
            true if tries.replace(1) == 0 => (500, json!({})),
            true => listed(&json!([invoice(Shape::New, "evt_2", "in_2", 10_000, 0)])),
        }
    });
    assert!(fixture.try_sweep().is_err());
    fixture.later(600);
    fixture.sweep();
    assert_eq!(fixture.pending(), 4_000);
    assert_eq!(fixture.asked("starting_after=evt_1"), 2);
    assert_eq!(fixture.asked("/v1/events"), 3, "the first page is not read again");
}

#[test]
fn failures_that_do_not_pass_do_not_keep_others_from_their_turn() {
    // More than one sweep tries again. What Stripe does not answer is one of them.
    for is_silent in [false, true] {
        let fixture = known(&[]).with_key(move |url| match url.split("/v1/events/evt_").nth(1) {
            Some("7") => (200, invoice(Shape::New, "evt_7", "in_7", 10_000, 0)),
            Some(_) if is_silent => (500, json!({})),
            Some(n) => (200, invoice(Shape::New, &format!("evt_{n}"), &format!("in_{n}"), 10_000, 0)),
            None => listed(&json!([])),
        });
        fixture.sweep();
        fixture.run(&format!(
            "CREATE TEMP TRIGGER broken BEFORE INSERT ON event WHEN NEW.invoice_id <> 'in_7' BEGIN {TRANSIENT}; END"
        ));
        for n in 1..=7 {
            fixture.run(&format!(
                "INSERT INTO stripe_failure (id, type, reason, tries, due_at_ms, failed_at_ms)
                 VALUES ('evt_{n}', 'invoice.paid', 'database_unavailable', 8, {n}, 4102444800000)"
            ));
        }
        let sweeps = if is_silent { 7 } else { 2 };
        for _ in 0..sweeps {
            fixture.later(600);
            let _ = fixture.try_sweep();
        }
        assert_eq!(fixture.pending(), 2_000, "silent: {is_silent}");
        assert_eq!(fixture.number("SELECT COUNT(*) FROM stripe_failure"), 6);
    }
}

#[test]
fn an_account_that_stripe_does_not_answer_for_does_not_keep_others_waiting() {
    let fixture = StripeFixture::new().with_key(|url| match url.split("/v1/accounts/").nth(1) {
        Some("acct_7") => (500, json!({})),
        Some(id) => {
            let account = json!({"id": id, "object": "account", "payouts_enabled": true, "country": "DE",
                "capabilities": {"transfers": "active"}, "requirements": {"currently_due": []}});
            (200, account)
        }
        None => listed(&json!([])),
    });
    fixture.payee("acct_7");
    fixture.run(
        "INSERT INTO partner (id, program_id, external_id, code, created_at_ms) VALUES ('ptn_8', 'agency-partner', 'x', 'X', 1);
         INSERT INTO payee (partner_id, stripe_account_id, transfers_active, payouts_enabled, currently_due, updated_at_ms)
         VALUES ('ptn_8', 'acct_8', 0, 0, '[]', 1)",
    );
    fixture.sweep();
    assert_eq!(fixture.text("SELECT country FROM payee WHERE stripe_account_id = 'acct_8'"), "DE");
}

#[test]
fn a_waiting_fact_that_fails_does_not_keep_its_invoice_or_others_waiting() {
    let fixture = known(&[refund("evt_r", "refund.created", "re_1", 5_000, "succeeded")]);
    assert_eq!(fixture.number("SELECT COUNT(*) FROM stripe_waiting"), 1);
    fixture.run(&format!(
        "CREATE TEMP TRIGGER broken BEFORE INSERT ON event WHEN NEW.type = 'invoice.refunded' BEGIN {TRANSIENT}; END"
    ));
    fixture.stripe(&invoice(Shape::Old, "evt_i", "in_1", 10_000, 0));
    assert_eq!(fixture.pending(), 2_000);
    assert!(fixture.try_sweep().is_err(), "it is reported");
    fixture.run("DROP TRIGGER broken");
    fixture.later(600);
    fixture.sweep();
    assert_eq!((fixture.pending(), fixture.number("SELECT COUNT(*) FROM stripe_waiting")), (1_000, 0));
    fixture.sound();
}

#[test]
fn what_was_taken_in_meanwhile_is_no_failure() {
    let world = World::new(1);
    let run = |statement: &_| sqlite::run(&world.db.connection.borrow(), statement).expect("a statement");
    let note = || rows::failure_note("evt_1", "invoice.paid", "contended", UtcMillis(1), UtcMillis(0));
    let noted = || world.db.number("SELECT COUNT(*) FROM stripe_failure");
    let taken =
        "INSERT INTO stripe_event (id, type, body_sha256, outcome, received_at_ms) VALUES ('evt_1', 't', '', '{}', 0)";
    run(&note());
    run(&note());
    assert_eq!(noted(), 1);
    world.db.connection.borrow().execute_batch(taken).expect("an event");
    assert_eq!(noted(), 0, "taking it in ends the failure");
    run(&note());
    assert_eq!(noted(), 0, "and it fails no more");

    // One that was noted all the same ends when it is tried again.
    let paid = invoice(Shape::New, "evt_1", "in_1", 10_000, 0);
    let fixture = known(std::slice::from_ref(&paid))
        .with_key(move |url| if url.contains("/v1/events/evt_1") { (200, paid.clone()) } else { listed(&json!([])) });
    fixture.sweep();
    fixture.run(
        "INSERT INTO stripe_failure (id, type, reason, tries, due_at_ms, failed_at_ms) VALUES ('evt_1', 'invoice.paid', 'contended', 1, 0, 4102444800000)",
    );
    fixture.later(600);
    fixture.sweep();
    assert_eq!(failures(&fixture), Vec::<String>::new());
}

/// The restored database of a fixture whose lists of events have these.
fn restored(events: Vec<Value>, transfers: impl Fn(&str) -> Value + 'static) -> StripeFixture {
    let fixture = known(&[]).with_key(move |url| match url {
        _ if !url.contains("/v1/events?") || url.contains("delivery_success") => listed(&json!([])),
        _ if url.contains("transfer.created") => (200, transfers(url)),
        _ => listed(&json!(events)),
    });
    fixture.run("INSERT INTO restoration VALUES (1, 0)");
    for _ in 0..2 {
        let _ = fixture.try_sweep();
        fixture.later(600);
    }
    assert_eq!(fixture.number("SELECT COUNT(*) FROM heartbeat WHERE job = 'stripe_restored_transfers'"), 1);
    fixture
}

fn transfer_created(id: &str, object: &Value) -> Value {
    json!({"id": id, "object": "event", "type": "transfer.created", "created": 1_760_000_000, "livemode": false,
        "api_version": "2025-06-30.basil", "data": {"object": object}})
}

#[test]
fn what_a_list_that_is_read_once_has_and_cannot_be_taken_in_is_noted() {
    let mut of_live_mode = invoice(Shape::New, "evt_live", "in_9", 10_000, 0);
    of_live_mode["livemode"] = json!(true);
    let events = vec![
        json!({"id": "evt_bad", "type": "invoice.paid"}),
        of_live_mode,
        invoice(Shape::New, "evt_good", "in_1", 10_000, 0),
    ];
    // It has no amount.
    let lost = json!({"object": "transfer", "id": "tr_lost", "currency": "usd", "destination": "acct_1", "created": 1});
    let mut without_type = transfer_created("evt_u", &lost);
    without_type["type"] = Value::Null;
    let transfers = json!({"data": [transfer_created("evt_t", &lost), without_type], "has_more": false});
    let fixture = restored(events, move |_| transfers.clone());
    let ids = fixture.rows("SELECT id || ' ' || type AS t FROM stripe_failure ORDER BY id");
    assert_eq!(ids, ["evt_bad invoice.paid", "evt_t transfer.created", "evt_u transfer.created"]);
    assert_eq!(fixture.pending(), 2_000);
}

#[test]
fn a_transfer_whose_event_cannot_be_read_holds_payouts_too() {
    let too_long = |id: &str| json!({"data": [{"id": id, "footer": "x".repeat(3_000_000)}], "has_more": false});
    let nothing = || json!({"data": [], "has_more": false});
    let fixture = restored(Vec::new(), move |url| match url.contains("starting_after=evt_long") {
        true => nothing(),
        false => too_long("evt_long"),
    });
    assert_eq!(failures(&fixture), ["evt_long transfer.created stripe_event_too_long"]);
    // Nor is a list that cannot be read on the end of it.
    let fixture = restored(Vec::new(), move |_| too_long("what"));
    assert_eq!(failures(&fixture), ["list_after_none transfer.created stripe_list_unreadable"]);
}

#[test]
fn what_an_operator_has_dealt_with_is_not_fetched_or_tried_again() {
    let fixture = known(&[]).with_key(|url| {
        let paid = invoice(Shape::New, "evt_1", "in_1", 10_000, 0);
        match url.contains("/v1/events/evt_1") {
            true => (200, paid),
            false if url.contains("/v1/events") => listed(&json!([paid])),
            false => listed(&json!([])),
        }
    });
    fixture.run(
        "INSERT INTO stripe_failure (id, type, reason, tries, due_at_ms, failed_at_ms, acknowledged_at_ms, acknowledged_by)
         VALUES ('evt_1', 'invoice.paid', 'stripe_event_too_long', 1, 0, 4102444800000, 1, 'ann')",
    );
    for _ in 0..3 {
        fixture.sweep();
        fixture.later(86_400);
    }
    assert_eq!((fixture.pending(), fixture.asked("/v1/events/evt_1")), (0, 0), "its facts were sent by hand");
    // What Stripe sends by itself is taken in, as ever.
    fixture.stripe(&invoice(Shape::New, "evt_1", "in_1", 10_000, 0));
    assert_eq!((fixture.pending(), failures(&fixture)), (2_000, Vec::new()));
    fixture.sound();
}
