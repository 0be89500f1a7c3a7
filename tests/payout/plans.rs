//! What a request reads is found by an index: none of its statements looks through a table that grows with the business.

use super::office::Office;
use super::{AGENCY, APRIL, MAY, earned};
use manicule::flow::setup::PayoutApproval;
use rusqlite::Connection;
use serde_json::json;

/// Tables that have a row for each thing that happened.
const GROWING: [&str; 12] = [
    "transfer",
    "event",
    "accrual",
    "account",
    "binding",
    "ledger_account",
    "partner",
    "payout",
    "payout_reversal",
    "run_item",
    "run_partner",
    "outbox",
];

/// Indexes over what is left to do alone: they hold few rows, however many the table has.
const QUEUES: [&str; 1] = ["account_stale"];

/// Which of these tables a statement looks through from one end to the other.
fn scanned(connection: &Connection, sql: &str) -> Vec<String> {
    let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a statement");
    let mut rows = explained.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next().expect("a plan") {
        let step: String = row.get("detail").expect("a text");
        let is_queue = step.rsplit(' ').next().is_some_and(|index| QUEUES.contains(&index));
        if let Some(name) = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next()).filter(|_| !is_queue) {
            found.extend(
                GROWING.iter().filter(|table| is_called(sql, table, name)).map(|table| format!("{table}: {step}")),
            );
        }
    }
    found
}

/// Whether a statement speaks of the table under this name.
fn is_called(sql: &str, table: &str, name: &str) -> bool {
    let words: Vec<&str> =
        sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    table == name
        || words.windows(2).any(|pair| pair == [table, name])
        || words.windows(3).any(|three| three == [table, "AS", name])
}

#[test]
fn no_request_looks_through_a_table_that_grows() {
    let office = Office::new(PayoutApproval::Automatic);
    let partner = earned(&office, "p");
    office.payable(&partner);
    office.run(AGENCY, APRIL);
    office.sweep(APRIL);
    let payout = office.get(APRIL, "/v1/payouts")["data"][0]["id"].as_str().expect("an id").to_owned();
    let back = json!({"amount_cents": 100, "reason": "too much"});
    let reversals = format!("/v1/payouts/{payout}/reversals");
    let path = |text: &str| text.replace("PARTNER", &partner).replace("PAYOUT", &payout);
    let listen = || *office.world.db.heard.borrow_mut() = Some(Default::default());
    let mut faults = Vec::new();
    let mut count = 0;
    let mut judge = |what: &str| {
        let heard = office.world.db.heard.take().expect("it listened");
        assert!(!heard.is_empty(), "{what} asked nothing");
        count += heard.len();
        for sql in heard {
            for step in scanned(&office.world.db.connection.borrow(), &sql) {
                faults.push(format!("{what}: {step}: {}", sql.split_whitespace().collect::<Vec<_>>().join(" ")));
            }
        }
    };
    for asked in [
        "/v1/partners/PARTNER",
        "/v1/partners/PARTNER/entries",
        "/v1/payouts/PAYOUT",
        "/v1/payouts?partner=PARTNER",
        "/v1/accounts/p/receipt",
        "/v1/ledger/transfers?cursor=1",
    ] {
        listen();
        office.get(MAY, &path(asked));
        judge(asked);
    }
    listen();
    office.paid("p", "in_2", "2026-04-10T00:00:00Z", 30_000);
    judge("an event");
    listen();
    assert_eq!(office.post_with(MAY, &reversals, back, &[("idempotency-key", "k")]).0, 201);
    judge("a reversal");
    listen();
    office.text(MAY, "/v1/reports/payouts?year=2026");
    judge("a year's payouts");
    assert_eq!(faults, Vec::<String>::new());
    println!("{count} statements explained");

    // What it would say of what it is there to find.
    let connection = office.world.db.connection.borrow();
    let by_account = "SELECT t.id FROM transfer t WHERE t.debit = ?1 OR t.credit = ?1";
    assert_eq!(scanned(&connection, by_account).len(), 1, "{:?}", scanned(&connection, by_account));
}
