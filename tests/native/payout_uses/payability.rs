//! Who can be paid is said the same by the code that shows it and by the SQL that plans payouts, in every state of an
//! account; and a run says who can't be, and why.

use super::fixture::PayoutFixture;
use super::{AGENCY, APRIL, earned};
use crate::support::world::{at, now};
use manicule::service::setup::PayoutApproval;
use manicule::store::payout::payee;
use manicule::store::payout::platform::payout_reach;
use manicule::store::port::Stmt;
use serde_json::json;

#[test]
fn sql_and_code_agree_on_who_can_be_paid() {
    let fixture = PayoutFixture::new(PayoutApproval::Manual);
    let (partner, _) = fixture.partner(AGENCY, "p");
    let sql = |text: &str| fixture.world.db.connection.borrow().execute_batch(text).expect("a statement of the test");
    let one = |condition: &str| {
        let stmt = Stmt::new(format!(
            "SELECT {condition} AS yes FROM partner q LEFT JOIN payee y ON y.partner_id = q.id WHERE q.id = '{partner}'"
        ));
        fixture.world.db.look(&stmt.sql)[0]["yes"].as_i64() == Some(1)
    };
    let countries = ["NULL", "''", "'US'", "'us'", "'DE'", "'CH'", "'IS'", "'BR'", "'IN'", "'UK'"];
    let mut payable = 0;
    for platform in ["", "US", "DE", "BR", "JP"] {
        sql("DELETE FROM stripe_platform");
        if !platform.is_empty() {
            sql(&format!(
                "INSERT INTO stripe_platform (id, country, key_sha256, requested_at_ms) VALUES ('acct_x', '{platform}', 'x', 0)"
            ));
        }
        for own in countries {
            sql(&format!("UPDATE partner SET country = {own} WHERE id = '{partner}'"));
            for account in countries.map(Some).into_iter().chain([None]) {
                for (transfers, payouts) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    sql("DELETE FROM payee");
                    if let Some(country) = account {
                        sql(&format!(
                            "INSERT INTO payee VALUES ('{partner}', 'acct_1', {country}, 'usd', {transfers}, {payouts}, '[]', NULL, 0)"
                        ));
                    }
                    let what = format!("{platform} {own} {account:?} {transfers} {payouts}");
                    let ctx = fixture.world.at(at(APRIL));
                    let reads = (
                        payee::payee_find(&partner.as_str().into()).first(),
                        payout_reach(&partner.as_str().into()).first(),
                    );
                    let (row, reach) = now(ctx.read(reads)).expect("rows");
                    let is_payable = row.as_ref().is_some_and(payee::PayeeRow::is_payable);
                    assert_eq!(one(&payee::ready()), is_payable, "{what}");
                    let reach = reach.expect("the partner");
                    let is_reachable =
                        row.as_ref().filter(|r| r.country.is_some()).map_or(reach.is_offered(), |r| r.is_offered());
                    assert_eq!(one(&payee::reachable("q.id")), is_reachable, "{what}");
                    payable += i32::from(is_payable);
                }
            }
        }
    }
    assert!(payable > 100, "{payable}");
}

#[test]
fn a_run_tells_who_is_out_of_reach_from_who_is_not_onboarded() {
    let fixture = PayoutFixture::new(PayoutApproval::Manual);
    let (far, near) = (earned(&fixture, "far"), earned(&fixture, "near"));
    let paid = earned(&fixture, "paid");
    fixture.payable(&paid);
    let moved = earned(&fixture, "moved");
    fixture.payable(&moved);
    let sql = format!(
        "INSERT INTO stripe_platform (id, country, key_sha256, requested_at_ms) VALUES ('acct_x', 'US', 'x', 0);
         UPDATE partner SET country = 'BR' WHERE id = '{far}'; UPDATE partner SET country = 'DE' WHERE id = '{near}';
         UPDATE payee SET country = 'IN' WHERE partner_id = '{moved}';"
    );
    fixture.world.db.connection.borrow().execute_batch(&sql).expect("countries");
    fixture.run(AGENCY, APRIL);
    let report = fixture.get(APRIL, &format!("/v1/runs/{}/report", fixture.run_of(AGENCY, APRIL)));
    let sum = |why: &str, partners: i64, cents: i64| json!({"why": why, "currency": "usd", "partners": partners, "amount_cents": cents});
    assert_eq!(
        report["carried_forward"],
        json!([sum("country_not_offered", 2, 20_000), sum("not_onboarded", 1, 10_000)])
    );
    // What the run found stays what it says, whatever becomes of the partner later.
    fixture.payable(&near);
    let later = fixture.get(APRIL, &format!("/v1/runs/{}/report", fixture.run_of(AGENCY, APRIL)));
    assert_eq!(later["carried_forward"], report["carried_forward"]);
}
