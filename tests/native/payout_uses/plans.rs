//! Every read of a request uses an index: none of its statements scans a table that grows with the business.

use super::fixture::PayoutFixture;
use super::{AGENCY, APRIL, MAY, earned};
use crate::support::scan::scanned;
use crate::support::sqlite::STEPS;
use crate::support::world::{at, now};
use manicule::service::setup::PayoutApproval;
use manicule::store::payout::accruals::payout_accrual_plan;
use manicule::store::settlement::page::PartnerPage;
use manicule::store::settlement::run::run_find;
use serde_json::json;

#[test]
fn no_request_scans_a_growing_table() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    fixture.run(AGENCY, APRIL);
    fixture.sweep(APRIL);
    let payout = fixture.get(APRIL, "/v1/payouts")["data"][0]["id"].as_str().expect("an id").to_owned();
    let back = json!({"amount_cents": 100, "reason": "too much"});
    let reversals = format!("/v1/payouts/{payout}/reversals");
    let path = |text: &str| text.replace("PARTNER", &partner).replace("PAYOUT", &payout);
    let listen = || *fixture.world.db.heard.borrow_mut() = Some(Default::default());
    let mut faults = Vec::new();
    let mut count = 0;
    let mut judge = |what: &str| {
        let heard = fixture.world.db.heard.take().expect("it listened");
        assert!(!heard.is_empty(), "{what} read nothing");
        count += heard.len();
        for sql in heard {
            for step in scanned(&fixture.world.db.connection.borrow(), &sql) {
                faults.push(format!("{what}: {step}: {}", sql.split_whitespace().collect::<Vec<_>>().join(" ")));
            }
        }
    };
    for asked in [
        "/v1/partners/PARTNER",
        "/v1/partners/PARTNER/balance-transactions",
        "/v1/payouts/PAYOUT",
        "/v1/payouts?partner=PARTNER",
        "/v1/accounts/p/attribution",
        "/v1/ledger/transfers?cursor=1",
    ] {
        listen();
        fixture.get(MAY, &path(asked));
        judge(asked);
    }
    listen();
    fixture.paid("p", "in_2", "2026-04-10T00:00:00Z", 30_000);
    judge("an event");
    listen();
    assert_eq!(fixture.post_with(MAY, &reversals, back, &[("idempotency-key", "k")]).0, 201);
    judge("a reversal");
    listen();
    fixture.text(MAY, "/v1/reports/payouts?year=2026");
    judge("a year's payouts");
    assert_eq!(faults, Vec::<String>::new());
    println!("{count} statements explained");

    // The plan of a statement that should be caught.
    let connection = fixture.world.db.connection.borrow();
    let by_account = "SELECT t.id FROM transfer t WHERE t.debit = ?1 OR t.credit = ?1";
    assert_eq!(scanned(&connection, by_account).len(), 1, "{:?}", scanned(&connection, by_account));
}

/// A program's largest run plans its payouts in one batch. D1 gives each statement 30 seconds, and takes some tens of
/// thousands of steps of SQLite's virtual machine per millisecond.
#[test]
fn what_payouts_take_is_written_within_the_time_of_a_statement() {
    const MOST: i64 = 200_000;
    let steps = |accruals: i64| {
        let fixture = PayoutFixture::new(PayoutApproval::Manual);
        let partners: Vec<String> = (0..16).map(|n| fixture.partner(AGENCY, &format!("p{n}")).0).collect();
        for partner in &partners {
            fixture.payable(partner);
            fixture.adjust(AGENCY, partner, accruals / 16 * 100);
        }
        fixture.run(AGENCY, APRIL);
        let sql =
            |text: &str| fixture.world.db.connection.borrow().execute_batch(text).expect("a statement of the test");
        sql(
            "DROP TRIGGER payout_accrual_no_delete; DELETE FROM payout_accrual; DROP TRIGGER accrual_created; DROP TRIGGER accrual_count;",
        );
        for partner in &partners {
            sql(&format!(
                "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {accruals} / 16)
                 INSERT INTO accrual (id, program_id, program_version, reward_id, partner_id, account_id, event_id, source, at_ms, period, unit,
                   gross_cents, cap_reduction_cents, net_cents, balance, funding_account, state, vests_at_ms, reason, postings)
                 SELECT 'acr_{partner}' || i, '{AGENCY}', 1, 'first-year', '{partner}', 'x' || i, 'e', 'invoice:' || i, i, '2026-03', 'cash:usd', 100, 0, 100,
                   'available', 'expense', 'available', i, 'x', 1 FROM n"
            ));
        }
        let run = now(fixture.world.at(at(APRIL)).read(run_find(&fixture.run_of(AGENCY, APRIL)).first()));
        let run = run.expect("read").expect("a run");
        let mut most = 0;
        let all = PartnerPage { after: "".into(), until: "ptn_~".into() };
        for statement in payout_accrual_plan(&run, &all, 0) {
            let before = STEPS.get();
            now(fixture.world.at(at(APRIL)).batch(vec![statement])).expect("written");
            most = most.max(STEPS.get() - before);
        }
        let written = fixture.world.db.number("SELECT COUNT(*) FROM payout_accrual WHERE accrual_id <> ''");
        assert_eq!(written, accruals, "each once");
        most
    };
    let (few, many) = (steps(1_600), steps(16_000));
    assert!(many < few * 12, "it grows with its rows: {few}, {many}");
    let all = many * MOST / 16_000;
    assert!(all < 60_000_000, "{all} steps");
    println!("{all} steps for the largest statement of {MOST} accruals");
}
