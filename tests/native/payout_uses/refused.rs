//! A payout that a rule of the database refuses: the others are sent, and operators see what refuses it.

use super::fixture::PayoutFixture;
use super::{AGENCY, APRIL, earned};
use crate::support::world::{at, now};
use manicule::jobs;
use manicule::service::setup::PayoutApproval;
use serde_json::json;

#[test]
fn one_refused_payout_stops_no_other_and_health_names_the_rule() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partners: Vec<String> = ["a", "b", "c"].iter().map(|who| earned(&fixture, who)).collect();
    for partner in &partners {
        fixture.payable(partner);
    }
    fixture.run(AGENCY, APRIL);
    let rule = format!(
        "CREATE TEMP TRIGGER rule BEFORE UPDATE ON payout WHEN NEW.partner_id = '{}' BEGIN SELECT RAISE(ABORT, 'guard:payout_immutable'); END",
        partners[1]
    );
    fixture.world.db.connection.borrow().execute_batch(&rule).unwrap();
    let sweep = |when: &str| now(jobs::run(&fixture.world.at(at(when)), "*/10 * * * *", at(when)));
    let error = sweep("2026-04-01T06:10:00Z").expect_err("a payout is refused");
    assert_eq!(error.violation(), Some("payouts: guard:payout_immutable"));
    let paid = || fixture.world.db.number("SELECT COUNT(*) FROM payout WHERE state = 'paid'");
    assert_eq!(paid(), 2);
    let (status, health) = fixture.health("2026-04-01T06:11:00Z");
    let beat = health["crons"].as_array().unwrap().iter().find(|c| c["job"] == "sweep").unwrap().clone();
    assert_eq!((status, &beat["refused_by"]), (503, &json!("payouts: guard:payout_immutable")));
    fixture.world.db.connection.borrow().execute_batch("DROP TRIGGER temp.rule").unwrap();
    sweep("2026-04-01T06:20:00Z").unwrap();
    assert_eq!(paid(), 3);
    fixture.is_sound();
}

#[test]
fn health_counts_the_accounts_and_runs_that_are_refused_and_names_nobody() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    earned(&fixture, "acct_secret");
    let set = |sql: &str| fixture.world.db.connection.borrow().execute_batch(sql).unwrap();
    set(
        "UPDATE account SET needs_recompute_since_ms = 1, refused_by = 'guard:ledger_id_reused', revision = revision + 1",
    );
    let (status, health) = fixture.health("2026-01-20T00:00:00Z");
    assert_eq!(status, 503);
    assert_eq!(health["accounts"]["refused"], json!([{"refused_by": "guard:ledger_id_reused", "accounts": 1}]));
    assert_eq!(health["accounts"]["waiting"], 1);
    assert!(!health.to_string().contains("acct_secret"));
    let report = fixture.get("2026-01-20T00:00:00Z", "/v1/accounts/acct_secret/attribution");
    assert_eq!(report["undecided"]["refused_by"], "guard:ledger_id_reused");
}
