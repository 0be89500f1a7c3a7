//! Every read of a request uses an index: none of its statements scans a table that grows with the business.

use super::fixture::PayoutFixture;
use super::{AGENCY, APRIL, MAY, earned};
use crate::support::scan::scanned;
use manicule::service::setup::PayoutApproval;
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
