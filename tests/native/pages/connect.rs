//! Where partners can be paid, accounts at Stripe that are gone, and transfers that nobody asked for: what each reader's
//! pages say.

use super::fixture::PagesFixture;
use super::operator_fixture::{EVIL, OperatorFixture, sql};
use super::partner_books::Books;
use crate::support::world::at;
use manicule::pages::text::operator::{failed_event, home, partner as partners, transfer};
use manicule::pages::text::partner::{common, payout_setup};
use manicule::pages::text::visitor::join;

fn platform(country: &str) -> String {
    format!(
        "INSERT INTO stripe_platform (id, country, key_sha256, requested_at_ms) VALUES ('acct_platform', '{country}', '', 0)"
    )
}

#[test]
fn applicants_are_told_where_partners_are_paid() {
    for (country, says) in [("US", "the EEA, Canada and Switzerland"), ("BR", "partners in Brazil through Stripe")] {
        let mut fixture = PagesFixture::new(at("2026-06-01T00:00:00Z"));
        fixture.post_office();
        fixture.config.join_programs = vec!["agency-partner".into(), "user-referral".into()];
        let browser = fixture.browser();
        let sentence = join::payouts(country, "Brazil");
        assert!(!browser.get("/partner/join").is_page().text().contains(&sentence), "it is not known yet");
        sql(&fixture.world, &platform(country));
        browser.get("/partner/join").is_page().says(&sentence).says(says);
        assert!(!browser.get("/partner/join?program=user-referral").is_page().text().contains(&sentence), "credit");
    }
}

#[test]
fn a_partner_out_of_reach_is_told_and_not_sent_to_stripe() {
    let books = Books::new();
    books.sql(&format!("DELETE FROM payee; UPDATE partner SET country = 'BR' WHERE id = '{}'", books.ann.0));
    books.sql(&platform("US"));
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let sentence = payout_setup::not_offered("Brazil");
    assert!(!browser.get("/partner").is_page().text().contains(common::SET_UP_PAYOUTS), "there is nothing to set up");
    let list = browser.get("/partner/payouts");
    list.is_page().says(&sentence);
    assert!(!list.text().contains(payout_setup::SET_UP_WHY.trim()));
    let setup = browser.get("/partner/payouts/setup");
    setup.is_page().says(&sentence).says("Iceland");
    assert!(!setup.html.contains("value=\"BR\"") && !setup.html.contains("value=\"AU\""), "only what is offered");
    browser.post("/partner/payouts/setup", &[("country", "BR")]).is(422).says(&sentence);
    assert_eq!(books.number("SELECT COUNT(*) FROM payee"), 0);
    browser.post("/partner/payouts/setup", &[("country", "IS")]).is(200).says(payout_setup::TO_STRIPE);
}

#[test]
fn a_partner_whose_account_is_gone_sets_up_another_and_one_who_moved_too() {
    let books = Books::new();
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let account = || books.text(&format!("SELECT stripe_account_id FROM payee WHERE partner_id = '{}'", books.ann.0));
    let first = account();
    browser.get("/partner/payouts/setup").is_page().says(payout_setup::MOVED);
    browser.post("/partner/payouts/setup", &[("country", "BR")]).is(422).says(&payout_setup::not_offered("Brazil"));
    assert_eq!(account(), first);
    browser.post("/partner/payouts/setup", &[("country", "DE")]).is(200).says(payout_setup::TO_STRIPE);
    let second = account();
    assert_ne!(second, first);
    books.sql(&format!(
        "INSERT INTO payee_closed SELECT stripe_account_id, partner_id, country, 'deauthorized', 'x', 'stripe', 1999999999999
           FROM payee WHERE stripe_account_id = '{second}';
         DELETE FROM payee WHERE stripe_account_id = '{second}'"
    ));
    let why = payout_setup::closed(manicule::engine::payout::payee::CloseReason::Deauthorized);
    browser.get("/partner/payouts").is_page().says(why).says(common::SET_UP_PAYOUTS);
    browser.get("/partner/payouts/setup").is_page().says(why);
    browser.post("/partner/payouts/setup", &[("country", "DE")]).is(200).says(payout_setup::TO_STRIPE);
    assert_ne!(account(), second);
}

#[test]
fn operators_see_former_accounts_and_deal_with_unexpected_transfers() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    let partner = format!("/operator/partners/{}", fixture.partner);
    assert!(!operator.get(&partner).text().contains(partners::CLOSED_ACCOUNTS));
    sql(
        &fixture.pages.world,
        &format!(
            "INSERT INTO payee_closed VALUES ('acct_old', '{}', 'US', 'missing', '<b>account_invalid</b>', 'cron', 1);
             INSERT INTO reported_transfer (id, transfer_group, destination, currency, amount_cents, made_at_ms)
             VALUES ('tr_hand', '<b>bonus', 'acct_old', 'usd', 1234, 1)",
            fixture.partner
        ),
    );
    let shown = operator.get(&partner);
    shown.is_page().says(partners::CLOSED_ACCOUNTS).says("acct_old").says("not found at Stripe");
    assert!(!shown.html.contains("<b>account_invalid"));
    operator.get("/operator").is_page().says(home::TRANSFERS_UNEXPECTED_WHY);
    let list = operator.get("/operator/transfers");
    list.is_page().says("tr_hand").says("USD 12.34");
    operator.post("/operator/transfers/tr_hand", &[("reason", "")]).is(422);
    operator.post("/operator/transfers/tr_none", &[("reason", "x")]).is(404);
    let done = operator.post("/operator/transfers/tr_hand", &[("reason", EVIL)]);
    assert_eq!((done.status, done.location.as_str()), (303, "/operator/transfers"));
    operator.get("/operator/transfers").is_page().says(transfer::NONE);
    assert_eq!(fixture.audited("transfer.acknowledge"), 1);
    assert!(!operator.get("/operator").text().contains(home::TRANSFERS_UNEXPECTED_WHY));
}

#[test]
fn operators_see_failed_events_and_deal_with_them() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    assert!(!operator.get("/operator").is_page().text().contains(home::STRIPE_EVENTS_FAILED_WHY));
    operator.get("/operator/failed-events").is_page().says(failed_event::NONE);
    sql(
        &fixture.pages.world,
        "INSERT INTO stripe_failure (id, type, reason, tries, due_at_ms, failed_at_ms)
         VALUES ('evt_1', 'invoice.paid', '<b>stripe_event_too_long', 3, 0, 1), ('list_after_evt_2', '', 'stripe_list_unreadable', 1, 0, 2)",
    );
    operator.get("/operator").is_page().says(home::STRIPE_EVENTS_FAILED_WHY);
    operator.get("/operator/payouts").is_page().says(failed_event::TITLE);
    let list = operator.get("/operator/failed-events");
    list.is_page().says("evt_1").says("list_after_evt_2").says("stripe_event_too_long");
    assert!(!list.html.contains("<b>stripe_event"));
    operator.post("/operator/failed-events/evt_1", &[("reason", "")]).is(422);
    operator.post("/operator/failed-events/evt_none", &[("reason", "x")]).is(404);
    for id in ["evt_1", "list_after_evt_2"] {
        let done = operator.post(&format!("/operator/failed-events/{id}"), &[("reason", EVIL)]);
        assert_eq!((done.status, done.location.as_str()), (303, "/operator/failed-events"));
    }
    operator.get("/operator/failed-events").is_page().says(failed_event::NONE);
    assert_eq!(fixture.audited("stripe_event.acknowledge"), 2);
    assert!(!operator.get("/operator").text().contains(home::STRIPE_EVENTS_FAILED_WHY));
}
