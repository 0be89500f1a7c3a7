//! A user of the site gets a partner and a link at one press.

use super::fixture::{Browser, PagesFixture};
use super::join::{fixture, partners};
use manicule::codec::identity::session::SiteUser;
use manicule::pages::text::partner::program;
use manicule::pages::text::visitor::join;

fn site_user(id: &str, role: i64) -> SiteUser {
    SiteUser { id: id.to_owned(), email: "ann@studio.example".to_owned(), name: Some("Ann".to_owned()), role }
}

/// A browser that is signed in at the site as this user.
fn member<'a>(fixture: &'a PagesFixture, user: &SiteUser) -> Browser<'a> {
    fixture.site_says(Ok(Some(user.clone())));
    let browser = fixture.browser();
    browser.keep("astro-session", "abc");
    assert_eq!(browser.get("/sign-in?to=/partner").location, "/partner");
    browser
}

#[test]
fn a_user_of_the_site_gets_a_link_at_one_press() {
    let (mut fixture, mails) = fixture();
    fixture.config.self_serve_program = "developer-affiliate".into();
    let ann = member(&fixture, &site_user("01M7", 10));
    assert_eq!(ann.get("/partner").location, "/partner/programs");
    let offers = ann.get("/partner/programs");
    offers.is_page().says(program::GET_LINK).says(program::BY_PRESSING).says(" I will disclose ");
    assert_eq!(offers.html.matches("action=\"/partner/programs/link\"").count(), 3);

    // Programs that are not open, and users who have gone or are somebody else now, get none.
    for closed in ["tiered-credits", "", "User-referral"] {
        ann.post("/partner/programs/link", &[("program", closed)]).is(404);
    }
    for other in [None, Some(site_user("02", 10)), Some(site_user("01M7", 5))] {
        fixture.site_says(Ok(other));
        assert_eq!(
            ann.post("/partner/programs/link", &[("program", "user-referral")]).location,
            "/sign-in?to=%2Fpartner"
        );
    }
    fixture.site_says(Err("it answered 502".to_owned()));
    ann.post("/partner/programs/link", &[("program", "user-referral")]).is(503);
    assert_eq!(partners(&fixture), 0);

    fixture.site_says(Ok(Some(site_user("01M7", 10))));
    for _ in 0..2 {
        let made = ann.post("/partner/programs/link", &[("program", "user-referral")]);
        assert_eq!((made.status, made.location.as_str()), (303, "/partner?done=welcome"));
    }
    assert!(ann.get("/partner").is_page().html.contains("https://ref.example/r/"));
    let row = &fixture.world.db.look("SELECT program_id, external_id, disclosure_accepted_at_ms FROM partner")[0];
    assert_eq!((row["program_id"].as_str(), row["external_id"].as_str()), (Some("user-referral"), Some("01M7")));
    assert!(row["disclosure_accepted_at_ms"].is_i64());
    assert_eq!((partners(&fixture), mails.borrow().len()), (1, 0));
    // Others are offered still.
    let offers = ann.get("/partner/programs");
    assert_eq!(offers.html.matches("action=\"/partner/programs/link\"").count(), 2);
}

#[test]
fn operators_and_people_by_mail_get_no_link_at_one_press() {
    let (fixture, _) = fixture();
    let chief = member(&fixture, &site_user("01M8", 50));
    let offers = chief.get("/partner/programs");
    assert!(!offers.is_page().html.contains("/partner/programs/link"));
    chief.post("/partner/programs/link", &[("program", "user-referral")]).is(422).says(join::OPERATOR_JOINS);
    let mailed = fixture.signed_in("ann@studio.example", "");
    assert!(!mailed.get("/partner/programs").is_page().html.contains("/partner/programs/link"));
    assert_eq!(mailed.post("/partner/programs/link", &[("program", "user-referral")]).status, 303);
    assert_eq!(partners(&fixture), 0);
}
