//! Codes that people choose, by the pages.

use super::fixture::FORGOTTEN;
use super::operator_fixture::OperatorFixture;
use super::partner_books::Books;
use manicule::base::time::UtcMillis;
use manicule::pages::text::operator::{notice as operator_notice, partner as partners};
use manicule::pages::text::partner::{link, notice};
use serde_json::{Value, json};

/// Lets the partners of every program choose.
fn allow(books: &Books) {
    books
        .fixture
        .world
        .db
        .connection
        .borrow()
        .execute_batch(
            "UPDATE program_version SET document = json_set(document, '$.code.chosen_by_partners', json('true'))",
        )
        .expect("the documents");
}

#[test]
fn partners_choose_only_where_the_document_allows_it() {
    let books = Books::new();
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let spring = format!("/partner/links/{}", books.spring);
    assert!(!browser.get("/partner/links").is_page().html.contains("name=\"code\""));
    browser.post("/partner/links", &[("code", "ANNS-OWN")]).is(422);
    browser.get(&spring).is_page();
    browser.post(&spring, &[("code", "ANNS-OWN")]).is(422);
    assert_eq!(books.number("SELECT COUNT(*) FROM link WHERE chosen = 1"), 0);
    allow(&books);
    browser.get("/partner/links").is_page().says(link::CODE_HINT);
    let made = browser.post("/partner/links", &[("code", "ANNS-OWN"), ("destination", "/a")]);
    assert_eq!(made.location, "/partner/links/ANNS-OWN?done=link-made", "{}", made.text());
    for bad in ["anns-own", "admin", "ab", "a b"] {
        browser.post("/partner/links", &[("code", bad)]).is(422);
    }
}

#[test]
fn a_code_that_was_typed_before_its_partner_chose_it_names_nobody() {
    let books = Books::new();
    allow(&books);
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let now = books.fixture.now.get();
    let take = |id: &str, kind: &str, account: &str, when: UtcMillis, rest: Value| {
        let mut body = json!({"id": id, "type": kind, "occurred_at": when.to_rfc3339(), "account": {"id": account}});
        body["attribution"] = rest;
        books.fixture.world.take(when, &body, None).expect("it is taken in");
    };
    let typed = || json!({"code": "welcome26"});
    take("e1", "account.signed_up", "early", now.plus_days(-1), typed());
    browser.get("/partner/links");
    browser.post("/partner/links", &[("code", "WELCOME26")]).is(303);
    let later = now.plus_days(1);
    take("e2", "account.active", "early", later, json!({}));
    take("l1", "account.signed_up", "late", later, typed());
    let bound = |account: &str| {
        books.number(&format!("SELECT COUNT(*) FROM binding WHERE account_id = '{account}' AND partner_id IS NOT NULL"))
    };
    assert_eq!((bound("early"), bound("late")), (0, 1));
}

#[test]
fn a_link_is_changed_on_its_page() {
    let books = Books::new();
    allow(&books);
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let spring = format!("/partner/links/{}", books.spring);
    browser.get(&spring).is_page().says(link::CHANGE_HEADING);
    FORGOTTEN.take();
    let changed = browser.post(&spring, &[("destination", "/b"), ("campaign", ""), ("code", &books.spring)]);
    assert_eq!(changed.location, format!("{spring}?done=link-changed"), "{}", changed.text());
    browser.get(&changed.location).is_page().says(notice::LINK_CHANGED).says("/b");
    assert_eq!(FORGOTTEN.take(), std::slice::from_ref(&books.spring));
    browser.post(&spring, &[("destination", "https://evil.example/")]).is(422);
    let chosen = browser.post(&spring, &[("destination", "/b"), ("code", "SPRING26")]);
    assert_eq!(chosen.location, "/partner/links/SPRING26?done=link-changed");
    browser.get(&spring).is_page();
    // Nobody changes another's link.
    let bob = books.fixture.signed_in("bob@partners.example", &books.bob.0);
    bob.get("/partner/links");
    bob.post("/partner/links/SPRING26", &[("destination", "/stolen")]).is(404);
    assert_eq!(books.number("SELECT COUNT(*) FROM link WHERE destination = '/stolen'"), 0);
}

#[test]
fn an_operator_gives_a_partner_a_code() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    let partner = format!("/operator/partners/{}", fixture.partner);
    operator.get(&partner).is_page().says(partners::CHANGE_CODE);
    operator.post(&format!("{partner}/code"), &[("code", "")]).is(422);
    operator.post(&format!("{partner}/code"), &[("code", "admin")]).is(422);
    let done = operator.post(&format!("{partner}/code"), &[("code", "ADA20")]);
    assert_eq!(done.location, format!("{partner}?done=code-changed"), "{}", done.text());
    operator.get(&done.location).is_page().says(operator_notice::CODE_CHANGED).says("ADA20");
    operator.get("/operator/partners?q=ada2").is_page().says("ADA20");
    assert_eq!(fixture.audited("link.change"), 1);
}
