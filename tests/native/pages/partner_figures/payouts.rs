//! Payouts and credits as their partners see them.

use super::*;
use manicule::pages::text::shared::payout as words;

#[test]
fn payouts_are_shown_as_the_ledger_has_them() {
    let books = Books::new();
    let ann = &books.ann.0;
    let browser = books.fixture.signed_in("ann@partners.example", ann);
    let (id, transfer) = (
        books.text(&format!("SELECT id FROM payout WHERE partner_id = '{ann}'")),
        books.text(&format!("SELECT transfer_id FROM payout WHERE partner_id = '{ann}'")),
    );
    let list = browser.get("/partner/payouts");
    list.is_page().says(&transfer).says(&usd(20_000)).says("paid").says(payout_setup::ACTIVE.trim());
    let receipt = browser.get(&format!("/partner/payouts/{id}"));
    receipt
        .is_page()
        .says(&format!("{} {}", common::AMOUNT, usd(20_000)))
        .says(&transfer)
        .says(&payout::settlement_for("2026-03"));
    receipt.says(&format!("{} {} {} {}", payout::OPENING, usd(0), payout::EARNED_SINCE, usd(20_000)));
    assert_eq!(
        receipt.html.matches(&format!("{}: {}", common::EARNED, accrual::INVOICE_PAID)).count(),
        2,
        "{}",
        receipt.text()
    );
    // The same amounts as in the API, looked up by account.
    use manicule::store::port::Db;
    use manicule::store::report::payout::{own_receipt_sums, receipt_sums};
    let account = format!("{AGENCY}/cash:usd/available/{ann}");
    let both = futures_executor::block_on(books.fixture.world.db.batch(vec![
        receipt_sums(&account, &id.as_str().into()).statement,
        own_receipt_sums(&ann.as_str().into(), &id.as_str().into()).statement,
    ]))
    .expect("sums");
    assert_eq!(both[0].0, both[1].0);
    let file = browser.get("/partner/payouts.csv");
    file.is(200);
    assert_eq!(file.batches, 1);
    assert!(
        file.header("content-type").starts_with("text/csv")
            && file.header("content-disposition").starts_with("attachment")
    );
    let rows: Vec<&str> = file.html.split("\r\n").collect();
    assert!(
        rows[1].starts_with(&format!("\"{id}\","))
            && rows[1].contains(&format!(",\"paid\",\"usd\",\"200.00\",\"200.00\",\"{transfer}\",")),
        "{rows:?}"
    );
    assert_eq!((rows.len(), rows[2]), (3, ""));
}

/// An accrual's id, invoice amount, gross amount and net amount, and whether the paid payout takes it whole.
fn included(books: &Books) -> Vec<(String, i64, i64, i64, bool)> {
    let sql = format!(
        "SELECT a.id, e.payload ->> '$.\"invoice.paid\".amount.cents' AS base, a.gross_cents, a.net_cents,
                a.state = 'available' AND a.payout_cents >= a.net_cents AS is_paid
         FROM payout_accrual l JOIN accrual a ON a.id = l.accrual_id JOIN event e ON e.id = a.event_id WHERE a.partner_id = '{}'",
        books.ann.0
    );
    let rows = books.fixture.world.db.look(&sql);
    let number = |row: &serde_json::Map<String, serde_json::Value>, name: &str| row[name].as_i64().expect("cents");
    rows.iter()
        .map(|r| {
            let id = r["id"].as_str().expect("an id").to_owned();
            (id, number(r, "base"), number(r, "gross_cents"), number(r, "net_cents"), number(r, "is_paid") == 1)
        })
        .collect()
}

#[test]
fn a_receipt_and_the_lists_show_how_each_earning_was_calculated() {
    let books = Books::new();
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let payout = books.text(&format!("SELECT id FROM payout WHERE partner_id = '{}'", books.ann.0));
    let receipt = browser.get(&format!("/partner/payouts/{payout}"));
    let rows = included(&books);
    assert_eq!(rows.len(), 2);
    for (id, base, gross, net, is_paid) in &rows {
        let sum = format!("20% of {} = {}", usd(*base), usd(*gross));
        assert_eq!(base * 20 / 100, *gross);
        receipt.says(&sum);
        let page = browser.get(&format!("/partner/earnings/{id}"));
        page.is_page().says(&sum).says(&format!("{} {}", common::AMOUNT, usd(*net)));
        assert_eq!(page.text().contains(accrual::meaning("paid")), *is_paid, "{}", page.text());
        browser.get("/partner/earnings").says(&sum);
        // The lists of a state have what they say.
        for state in ["paid", "available", "on_its_way"] {
            let list = browser.get(&format!("/partner/earnings?state={state}"));
            assert_eq!(list.is_page().html.contains(id), *is_paid && state == "paid", "{state} {id}");
        }
    }
    assert!(rows.iter().any(|(.., is_paid)| *is_paid));
}

#[test]
fn a_reduced_payout_shows_both_amounts() {
    let books = Books::new();
    let ann = &books.ann.0;
    books.sql(
        "DROP TRIGGER payout_update; DROP TRIGGER payout_words; DROP TRIGGER payout_over; DROP TRIGGER payout_amount; DROP TRIGGER payout_shape;",
    );
    books.sql(&format!("UPDATE payout SET planned_cents = 25000 WHERE partner_id = '{ann}'"));
    let browser = books.fixture.signed_in("ann@partners.example", ann);
    let both = format!("{} {}: {}", usd(20_000), words::AS_PLANNED, usd(25_000));
    browser.get("/partner/payouts").is_page().says(&both);
    let file = browser.get("/partner/payouts.csv");
    assert!(file.html.lines().nth(1).is_some_and(|row| row.contains(",\"250.00\",\"200.00\",")), "{}", file.html);
    // One that waits says what can still be sent.
    books.sql(&format!(
        "UPDATE payout SET planned_cents = 20000, state = 'planned', transfer_id = NULL, paid_at_ms = NULL, reason = 'planned', attempt = 0, request = NULL WHERE partner_id = '{ann}'"
    ));
    let list = browser.get("/partner/payouts");
    let left = list.text().split(&format!("{}: ", words::LEFT)).nth(1).map(str::to_owned).expect("what is left");
    let payout = books.text(&format!("SELECT id FROM payout WHERE partner_id = '{ann}'"));
    let amount = left.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    browser.get(&format!("/partner/payouts/{payout}")).is_page().says(&format!("{} {amount}", words::LEFT));
}

/// "Included in the next payout" is said to those whom it can be sent to.
#[test]
fn what_cannot_be_sent_is_not_in_the_next_payout() {
    let books = Books::new();
    let ann = &books.ann.0;
    books.sql(&format!("UPDATE ledger_account SET cr_posted_cents = cr_posted_cents + 5000000 WHERE partner_id = '{ann}' AND kind = 'available' AND unit = 'cash:usd'"));
    let browser = books.fixture.signed_in("ann@partners.example", ann);
    browser.get("/partner/payouts").is_page().says(payout::AVAILABLE_NOTE);
    books.sql("UPDATE payee SET payouts_enabled = 0");
    for _ in 0..2 {
        let page = browser.get("/partner/payouts");
        page.is_page().says(payout::KEPT_NOTE);
        assert!(!page.text().contains(payout::AVAILABLE_NOTE), "{}", page.text());
        books.sql("DELETE FROM payee");
    }
}

/// What an operator or the application wrote about a use of credit is theirs.
#[test]
fn a_partner_reads_no_private_reason_of_a_use_of_credit() {
    let books = Books::new();
    let ann = &books.ann.0;
    books.sql(&format!(
        "DROP TRIGGER redemption_balance;
         INSERT INTO redemption VALUES ('rdm_1', 'p', '{ann}', 'credit:usd', 500, 'PRIVATE order of a troublemaker', 'x', 1);
         INSERT INTO redemption_return VALUES ('rdr_1', 'rdm_1', 100, 'PRIVATE he called twice', 'x', 2);"
    ));
    let browser = books.fixture.signed_in("ann@partners.example", ann);
    for path in ["/partner/payouts", "/partner", "/partner/earnings", "/partner/settings/data"] {
        let page = browser.get(path);
        page.is(200);
        assert!(!page.html.contains("PRIVATE"), "{path}");
    }
    browser.get("/partner/payouts").says("rdm_1").says(payout::USED);
}

#[test]
fn a_payout_that_waits_says_what_changed() {
    let books = Books::new();
    let ann = &books.ann.0;
    books.sql("DROP TRIGGER payout_update; DROP TRIGGER payout_words; DROP TRIGGER payout_over;");
    books.sql(&format!(
        "UPDATE payout SET state = 'planned', transfer_id = NULL, paid_at_ms = NULL, reason = 'planned', attempt = 0, request = NULL WHERE partner_id = '{ann}'"
    ));
    let browser = books.fixture.signed_in("ann@partners.example", ann);
    let payout = books.text(&format!("SELECT id FROM payout WHERE partner_id = '{ann}'"));
    let refunded = included(&books).into_iter().find(|(_, _, gross, net, _)| net < gross).expect("a refunded one");
    let receipt = browser.get(&format!("/partner/payouts/{payout}"));
    receipt.is_page().says(words::CHANGED).says(words::change("reversed", Some("invoice.refunded")));
    receipt.says(&usd(refunded.2)).says(&usd(refunded.3));
}

#[test]
fn csv_files_contain_no_formulas() {
    let books = Books::new();
    books.sql("DROP TRIGGER payout_update; DROP TRIGGER payout_words; DROP TRIGGER payout_over;");
    books.sql("UPDATE payout SET transfer_id = '=HYPERLINK(\"https://evil.example\",\"x\")\n-1' || id");
    let file = books.fixture.signed_in("ann@partners.example", &books.ann.0).get("/partner/payouts.csv");
    assert!(file.html.contains(",\"'=HYPERLINK(\"\"https://evil.example\"\",\"\"x\"\")\n'-1"), "{}", file.html);
}

#[test]
fn credit_has_its_own_pages() {
    let books = Books::new();
    let cyd = &books.cyd.0;
    let browser = books.fixture.signed_in("cyd@partners.example", cyd);
    let earned = books.number(&format!("SELECT SUM(net_cents) FROM accrual WHERE partner_id = '{cyd}'"));
    assert_eq!(earned, 5_000);
    browser.get("/partner").is_page().says(&format!("{} {} credit", common::EARNED, usd(5_000))).says(&format!(
        "{} {} credit",
        common::AVAILABLE,
        usd(5_000)
    ));
    let payouts = browser.get("/partner/payouts");
    payouts.is_page().says(payout::NO_CREDIT).says(payout::LEAD_CREDIT);
    assert!(!payouts.text().contains("Stripe"));
    // Used by the application, through its own triggers.
    books.sql(&format!(
        "INSERT INTO ledger_account (id, program_id, unit, kind, partner_id) VALUES ('{REFERRAL}/credit:usd/redeemed/{cyd}', '{REFERRAL}', 'credit:usd', 'redeemed', '{cyd}');
         INSERT INTO redemption VALUES ('rdm_1', '{REFERRAL}', '{cyd}', 'credit:usd', 1200, 'bill <b>7</b>', 'app', 5);
         INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, program_id, reason, created_at_ms)
           VALUES ('rdm_1', 'redeem', 'single', '{REFERRAL}/credit:usd/available/{cyd}', '{REFERRAL}/credit:usd/redeemed/{cyd}', 1200, '{REFERRAL}', 'bill', 5);"
    ));
    let payouts = browser.get("/partner/payouts");
    payouts.is_page().says("rdm_1").says(&usd(-1_200));
    assert!(!payouts.html.contains("<b>7"));
    browser
        .get("/partner")
        .says(&format!("{} {} credit", common::EARNED, usd(5_000)))
        .says(&format!("Used {} credit", usd(1_200)));
}
