//! When a partner newly earns a modifier, the accruals that the run adds one by one must equal those of a full
//! recompute.

use crate::support::world::{World, at, now};
use manicule::program::document::Cadence;
use manicule::service::account::recompute;
use manicule::store::accrual::backfill::LINES_MAX;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn take(world: &World, id: &str, kind: &str, when: &str, account: &str, rest: Value) {
    let mut body = json!({"id": id, "type": kind, "occurred_at": when, "account": {"id": account}});
    body.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
    world.take(at(when).plus_ms(1), &body, None).unwrap_or_else(|e| panic!("{body}: {e}"));
}

fn paid(world: &World, when: &str, account: &str, invoice: &str, cents: i64) {
    let rest = json!({"amount": {"cents": cents, "currency": "usd"}, "data": {"invoice_id": invoice}});
    take(world, &format!("pay-{invoice}"), "invoice.paid", when, account, rest);
}

/// Accruals by account, rule and source: gross, net and balance.
fn accruals(world: &World) -> BTreeMap<String, String> {
    let sql = "SELECT account_id || ' ' || reward_id || ' ' || source AS line, id || ' ' || partner_id || ' ' || program_version || ' ' ||
                 event_id || ' ' || at_ms || ' ' || period || ' ' || unit || ' ' || gross_cents || ' ' || cap_reduction_cents || ' ' ||
                 net_cents || ' ' || balance || ' ' || funding_account || ' ' || state || ' ' || vests_at_ms || ' ' || reason || ' ' || postings AS says
               FROM accrual";
    let text = |row: &serde_json::Map<String, Value>, name: &str| row[name].as_str().expect("a text").to_owned();
    world.db.look(sql).iter().map(|row| (text(row, "line"), text(row, "says"))).collect()
}

/// An agency whose six clients of a quarter cover everything that affects an invoice: a refund, a dispute, a
/// cancellation, an amount too small to earn anything at the base rate, and two ordinary invoices.
#[test]
fn the_backfill_matches_a_full_recompute() {
    added_and_decided(0);
}

/// For a partner with more accruals than are read at a time, the backfill does not add accruals one by one: the
/// accounts are recomputed.
#[test]
fn partners_with_too_many_accruals_are_recomputed_instead() {
    added_and_decided(LINES_MAX + 1);
}

/// Compares both ways, with `more` additional void accruals.
fn added_and_decided(more: i64) {
    let world = World::new(5);
    let (partner, code) =
        world.partner(at("2026-01-01T00:00:00Z"), "agency-partner", "a", "hi@agency.example").unwrap();
    let void = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
        INSERT INTO accrual (id, program_id, program_version, reward_id, partner_id, account_id, event_id, source, at_ms, period, unit,
          gross_cents, cap_reduction_cents, net_cents, balance, funding_account, state, vests_at_ms, reason, postings)
        SELECT 'void_' || i, 'agency-partner', 1, 'first-year', ?1, 'gone_' || i, 'none', 'invoice:none-' || i, 0, '1970-01', 'cash:usd',
          0, 0, 0, 'pending', 'expense', 'void', 0, 'gone', 0 FROM n WHERE ?2 > 0";
    world.db.connection.borrow().execute(void, (&partner, more)).unwrap();
    for account in ["plain", "late", "refunded", "disputed", "gone", "tiny"] {
        let up = json!({"attribution": {"code": code}});
        take(&world, &format!("up-{account}"), "account.signed_up", "2026-01-02T00:00:00Z", account, up);
        paid(&world, "2026-01-20T00:00:00Z", account, &format!("{account}-1"), 10_001);
    }
    paid(&world, "2026-02-20T00:00:00Z", "plain", "plain-2", 9_999);
    paid(&world, "2026-04-20T00:00:00Z", "plain", "plain-3", 7_000);
    paid(&world, "2026-02-21T00:00:00Z", "tiny", "tiny-2", 4);
    let refund =
        json!({"amount": {"cents": 1, "currency": "usd"}, "data": {"invoice_id": "refunded-1", "refund_id": "re"}});
    take(&world, "re", "invoice.refunded", "2026-02-01T00:00:00Z", "refunded", refund);
    let dispute = json!({"amount": {"cents": 10_001, "currency": "usd"}, "data": {"invoice_id": "disputed-1", "dispute_id": "dp"}});
    take(&world, "dp", "dispute.opened", "2026-02-02T00:00:00Z", "disputed", dispute);
    take(&world, "gone", "account.cancelled", "2026-02-03T00:00:00Z", "gone", json!({}));
    world.run(Cadence::Monthly, at("2026-05-01T06:00:00Z")).unwrap();

    let after = accruals(&world);
    assert_eq!(after.keys().filter(|accrual| accrual.starts_with("gone_")).count() as i64, more);
    let earned = |accrual: &str| after.get(accrual).map(|says| says.split(' ').nth(7).expect("cents").to_owned());
    assert_eq!(earned("plain volume invoice:plain-1:first-year").as_deref(), Some("500"), "25 % of 100.01 less 20 %");
    assert_eq!(earned("late volume invoice:late-1:first-year").as_deref(), Some("500"));
    assert_eq!(earned("plain volume invoice:plain-3:first-year"), None, "another quarter");
    assert_eq!(
        earned("tiny volume invoice:tiny-2:first-year").as_deref(),
        Some("1"),
        "20 % of 4 cents are none, 25 % one"
    );
    assert!(earned("disputed volume invoice:disputed-1:first-year").is_some());
    assert_eq!(world.db.number("SELECT COUNT(*) FROM account WHERE needs_recompute_since_ms IS NOT NULL"), 0);

    let moved = world.db.number("SELECT COUNT(*) FROM transfer");
    world
        .db
        .connection
        .borrow()
        .execute("UPDATE account SET revision = revision + 1, needs_recompute_since_ms = 1", [])
        .unwrap();
    now(recompute::process_marked(&world.at(at("2026-05-01T06:10:00Z")), 10)).unwrap();
    assert_eq!(
        world.db.number("SELECT COUNT(*) FROM account WHERE needs_recompute_since_ms IS NOT NULL"),
        0,
        "all were decided"
    );
    assert_eq!(accruals(&world), after);
    assert_eq!(world.db.number("SELECT COUNT(*) FROM transfer"), moved, "nothing is posted again");
}
