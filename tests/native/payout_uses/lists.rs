//! Lists by API: in the order of the last change, by filters, page by page.

use super::fixture::PayoutFixture;
use super::{AGENCY, APRIL, earned};
use crate::support::scan::scanned;
use manicule::service::setup::PayoutApproval;
use manicule::store::report::lists::{self, Place};
use serde_json::{Value, json};

const LISTS: [&str; 5] = ["/v1/partners", "/v1/links", "/v1/accounts", "/v1/accruals", "/v1/invoices"];

fn fixture() -> (PayoutFixture, String, String) {
    let fixture = PayoutFixture::new(PayoutApproval::Manual);
    let (ann, bob) = (earned(&fixture, "ann"), earned(&fixture, "bob"));
    (fixture, ann, bob)
}

fn list(fixture: &PayoutFixture, path: &str) -> Vec<Value> {
    let page = fixture.get(APRIL, path);
    assert_eq!(page["next_cursor"], Value::Null, "{path}");
    page["data"].as_array().expect("a list").clone()
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().or(row["code"].as_str()).expect("an id")).collect()
}

#[test]
fn pages_have_every_row_once() {
    let (fixture, ..) = fixture();
    for path in LISTS {
        let all = list(&fixture, path);
        assert!(all.len() >= 2, "{path}: {all:?}");
        let times: Vec<&str> = all.iter().map(|row| row["updated_at"].as_str().expect("an instant")).collect();
        assert!(times.is_sorted(), "{path}: {times:?}");
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = fixture.get(APRIL, &format!("{path}?limit=1&cursor={cursor}"));
            paged.extend(page["data"].as_array().expect("a list").iter().cloned());
            let Some(next) = page["next_cursor"].as_str() else { break };
            next.clone_into(&mut cursor);
        }
        assert_eq!(paged, all, "{path}");
        let last = times.last().expect("a row");
        assert!(
            !list(&fixture, &format!("{path}?updated_since={last}")).is_empty(),
            "{path}: the instant itself is in"
        );
        assert_eq!(
            list(&fixture, &format!("{path}?updated_since=2030-01-01T00:00:00Z")),
            Vec::<Value>::new(),
            "{path}"
        );
        for wrong in ["cursor=x", "cursor=1", "limit=0", "limit=201", "updated_since=soon"] {
            assert_eq!(fixture.status(APRIL, &format!("{path}?{wrong}")), 400, "{path}?{wrong}");
        }
    }
}

#[test]
fn filters_select() {
    let (fixture, ann, bob) = fixture();
    for path in LISTS {
        let mut all = list(&fixture, path);
        // An account also has a row for each group of programs in which nobody referred it.
        all.retain(|row| row.get("partner") != Some(&Value::Null));
        assert_eq!(list(&fixture, &format!("{path}?program={AGENCY}")), all, "{path}");
        assert!(list(&fixture, &format!("{path}?program=nothing")).is_empty(), "{path}");
        if path != "/v1/partners" {
            let (of_ann, of_bob) =
                (list(&fixture, &format!("{path}?partner={ann}")), list(&fixture, &format!("{path}?partner={bob}")));
            assert!(!of_ann.is_empty() && of_ann.len() + of_bob.len() == all.len(), "{path}");
        }
    }
    for path in ["/v1/accounts", "/v1/accruals", "/v1/invoices"] {
        assert!(list(&fixture, &format!("{path}?account=nobody")).is_empty(), "{path}");
        assert!(!list(&fixture, &format!("{path}?account=ann")).is_empty(), "{path}");
    }
    assert_eq!(list(&fixture, "/v1/invoices?period=2026-01").len(), 2);
    assert!(list(&fixture, "/v1/invoices?period=2026-02").is_empty());
    let accruals = list(&fixture, "/v1/accruals?state=pending&period=2026-01");
    assert!(!accruals.is_empty() && accruals.iter().all(|a| a["state"] == "pending"));
    assert!(list(&fixture, "/v1/accruals?state=paid").is_empty());
    assert_eq!(fixture.status(APRIL, "/v1/accruals?state=lost"), 400);
    assert_eq!(fixture.status(APRIL, "/v1/partners?standing=lost"), 400);
    assert_eq!(ids(&list(&fixture, "/v1/partners?external_id=agency_bob")), [bob.as_str()]);
    assert_eq!(fixture.post(APRIL, &format!("/v1/partners/{ann}/suspend"), json!({"reason": "x"})).0, 200);
    assert_eq!(ids(&list(&fixture, "/v1/partners?standing=suspended")), [ann.as_str()]);
    assert_eq!(ids(&list(&fixture, "/v1/partners?standing=active")), [bob.as_str()]);
}

#[test]
fn paid_accruals_are_found_by_the_state_that_is_shown() {
    let (fixture, ann, _) = fixture();
    fixture.payable(&ann);
    fixture.run(AGENCY, APRIL);
    let state = |state: &str| list(&fixture, &format!("/v1/accruals?partner={ann}&state={state}")).len();
    assert_eq!([state("on_its_way"), state("paid"), state("available")], [1, 0, 0]);
    fixture.post(APRIL, &format!("/v1/runs/{}/approve", fixture.run_of(AGENCY, APRIL)), json!({}));
    assert_eq!([state("on_its_way"), state("paid"), state("available")], [0, 1, 0]);
}

#[test]
fn a_deduction_that_no_payout_took_is_available() {
    let (fixture, ann, _) = fixture();
    let taken = json!({"partner": ann, "amount_cents": -500, "reason": "paid twice"});
    assert_eq!(fixture.post(APRIL, "/v1/adjustments", taken).0, 201);
    let amounts = |state: &str| -> Vec<i64> {
        let found = list(&fixture, &format!("/v1/accruals?partner={ann}&state={state}"));
        found.iter().map(|row| row["amount_cents"].as_i64().expect("cents")).collect()
    };
    assert_eq!((amounts("available"), amounts("on_its_way")), (vec![-500], vec![]));
}

#[test]
fn partners_are_searched_by_any_part() {
    let (fixture, ann, bob) = fixture();
    let change = json!({"name": "Ada Lovelace", "website": "engine.example", "code": "COUNTESS"});
    assert_eq!(fixture.patch(APRIL, &format!("/v1/partners/{ann}"), change).0, 200);
    for part in ["lovel", "LOVEL", "ann@part", "gine.ex", "untess", "cy_ann"] {
        assert_eq!(ids(&list(&fixture, &format!("/v1/partners?q={part}"))), [ann.as_str()], "{part}");
    }
    assert_eq!(list(&fixture, "/v1/partners?q=partners.example").len(), 2);
    for nothing in ["%25", "_nn", "zzz", "a%0Ab"] {
        assert!(list(&fixture, &format!("/v1/partners?q={nothing}")).is_empty(), "{nothing}");
    }
    assert_eq!(fixture.status(APRIL, &format!("/v1/partners?q={}", "x".repeat(101))), 400);
    // What changed last is last.
    assert_eq!(ids(&list(&fixture, "/v1/partners")), [bob.as_str(), ann.as_str()]);
}

#[test]
fn a_page_looks_at_no_more_rows_than_it_says() {
    let (fixture, ann, _) = fixture();
    // As many as five partners may have.
    fixture.sql(&format!(
        "DROP TRIGGER link_limit;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4100)
         INSERT INTO link (code, partner_id, program_id, campaign, created_at_ms, updated_at_ms)
         SELECT 'many_' || i, '{ann}', '{AGENCY}', IIF(i = 4100, 'rare', NULL), 1, 1 FROM n"
    ));
    let (mut cursor, mut pages, mut found) = (String::new(), 0, 0);
    loop {
        let page = fixture.get(APRIL, &format!("/v1/links?campaign=rare&cursor={cursor}"));
        (pages, found) = (pages + 1, found + page["data"].as_array().expect("a list").len());
        let Some(next) = page["next_cursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!((pages, found), (3, 1));
}

#[test]
fn no_list_scans_a_table() {
    let (fixture, ..) = fixture();
    let after = Place { list_at: 5, list_key: "7".to_owned() };
    let statements = [
        lists::partner_page(["p", "active", "e", "q"], &after, 50).0.statement,
        lists::link_page(["p", "x", "c"], &after, 50).0.statement,
        lists::account_page(["p", "x", "a"], &after, 50).0.statement,
        lists::accrual_page(["p", "x", "a", "paid", "2026-01"], &after, 50).0.statement,
        lists::invoice_page(["p", "x", "a", "2026-01"], &after, 50).0.statement,
    ];
    for statement in statements {
        assert_eq!(
            scanned(&fixture.world.db.connection.borrow(), &statement.sql),
            Vec::<String>::new(),
            "{}",
            statement.sql
        );
    }
}

#[test]
fn that_an_accrual_is_planned_and_paid_is_a_change() {
    let fixture = PayoutFixture::new(PayoutApproval::Automatic);
    let partner = earned(&fixture, "p");
    fixture.payable(&partner);
    let since = |when: &str| {
        let rows = list(&fixture, &format!("/v1/accruals?updated_since={when}"));
        rows.iter().map(|row| row["state"].as_str().expect("a state").to_owned()).collect::<Vec<_>>()
    };
    fixture.run(AGENCY, APRIL);
    assert_eq!(since(APRIL), ["on_its_way"]);
    fixture.sweep("2026-04-01T07:00:00Z");
    assert_eq!(since("2026-04-01T07:00:00Z"), ["paid"]);
    assert_eq!(since("2026-04-01T07:00:01Z"), Vec::<String>::new());
    let payout = fixture.get(APRIL, "/v1/payouts")["data"][0]["id"].as_str().expect("an id").to_owned();
    let body = json!({"amount_cents": 10_000, "reason": "a mistake"});
    let path = format!("/v1/payouts/{payout}/reversals");
    let reversed = fixture.post_with("2026-04-02T00:00:00Z", &path, body, &[("idempotency-key", "k1")]);
    assert!(reversed.0 < 300, "{reversed:?}");
    fixture.sweep("2026-04-02T00:10:00Z");
    assert_eq!(since("2026-04-02T00:00:00Z").len(), 1);
}

#[test]
fn what_changed_just_before_is_not_listed() {
    let (fixture, ..) = fixture();
    for (table, column) in [
        ("partner", "updated_at_ms"),
        ("link", "updated_at_ms"),
        ("binding", "decided_at_ms"),
        ("accrual", "changed_at_ms"),
    ] {
        fixture.sql(&format!("UPDATE {table} SET {column} = 1767225600122"));
    }
    for path in LISTS.iter().filter(|path| **path != "/v1/invoices") {
        let since = |when: &str| list(&fixture, &format!("{path}?updated_since={when}")).len();
        assert_eq!(since("2026-01-01T00:00:00.123Z"), 0, "{path}");
        assert!(since("2026-01-01T00:00:00.122Z") >= 2, "{path}");
    }
    let invoices = list(&fixture, "/v1/invoices");
    let at = invoices[0]["updated_at"].as_str().expect("an instant").replace('Z', ".001Z");
    assert!(list(&fixture, &format!("/v1/invoices?updated_since={at}")).len() < invoices.len());
}

/// Invoices of the account, each with what is said of it.
fn standing(fixture: &PayoutFixture) -> Vec<(String, i64, String, bool)> {
    let of = |row: &Value| {
        let text = |name: &str| row[name].as_str().expect("a text").to_owned();
        (text("id"), row["refunded_cents"].as_i64().expect("cents"), text("state"), row["disputed"] == true)
    };
    list(fixture, "/v1/invoices?account=ann").iter().map(of).collect()
}

fn said(id: &str, refunded_cents: i64, state: &str, disputed: bool) -> (String, i64, String, bool) {
    (id.to_owned(), refunded_cents, state.to_owned(), disputed)
}

#[test]
fn invoices_say_what_was_refunded_and_is_disputed() {
    let (fixture, ..) = fixture();
    let first = standing(&fixture)[0].0.clone();
    fixture.paid("ann", "in_2", "2026-03-01T00:00:00Z", 10_000);
    assert_eq!(standing(&fixture), [said(&first, 0, "paid", false), said("in_2", 0, "paid", false)]);
    fixture.refunded("r_1", &first, "2026-03-02T00:00:00Z", 4_000);
    let refund =
        json!({"data": {"dispute_id": "d_1", "invoice_id": "in_2"}, "amount": {"cents": 10_000, "currency": "usd"}});
    let dispute = |kind: &str, when: &str| fixture.event(kind, kind, when, "ann", refund.clone());
    // What changed last is last.
    assert_eq!(standing(&fixture), [said("in_2", 0, "paid", false), said(&first, 4_000, "partially_refunded", false)]);
    let since = |when: &str| list(&fixture, &format!("/v1/invoices?updated_since={when}")).len();
    assert_eq!([since("2026-03-02T00:00:00Z"), since("2026-03-03T00:00:00Z")], [1, 0]);
    dispute("dispute.opened", "2026-03-03T00:00:00Z");
    let partly = said(&first, 4_000, "partially_refunded", false);
    assert_eq!(standing(&fixture), [partly.clone(), said("in_2", 0, "paid", true)]);
    dispute("dispute.won", "2026-03-04T00:00:00Z");
    assert_eq!(standing(&fixture), [partly, said("in_2", 0, "paid", false)]);
    assert_eq!(since("2026-03-04T00:00:00Z"), 1, "what is over is a change, too");
    // More than was paid is the whole, and what nobody was credited with counts, too.
    fixture.refunded("r_2", &first, "2026-03-05T00:00:00Z", 90_000_000);
    fixture.paid("nobodys", "in_3", "2026-03-06T00:00:00Z", 700);
    fixture.refunded("r_3", "in_3", "2026-03-07T00:00:00Z", 700);
    let all = list(&fixture, "/v1/invoices?updated_since=2026-03-05T00:00:00Z");
    let whole = all.iter().map(|row| (row["state"].clone(), row["refunded_cents"] == row["amount_cents"]));
    assert_eq!(whole.collect::<Vec<_>>(), [(json!("refunded"), true), (json!("refunded"), true)]);
}

#[test]
fn an_invoice_is_listed_once_as_it_counts() {
    let (fixture, ..) = fixture();
    let report = |id: &str, when: &str, cents: i64| {
        let more = json!({"data": {"invoice_id": "in_2"}, "amount": {"cents": cents, "currency": "usd"}});
        fixture.event(id, "invoice.paid", when, "ann", more);
    };
    report("second", "2026-03-02T00:00:00Z", 200);
    report("first", "2026-03-01T00:00:00Z", 100);
    let found = list(&fixture, "/v1/invoices?account=ann");
    let found: Vec<_> = found.iter().filter(|row| row["id"] == "in_2").collect();
    assert_eq!((found.len(), &found[0]["amount_cents"], &found[0]["event"]), (1, &json!(100), &json!("first")));
}
