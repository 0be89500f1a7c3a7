//! Joining by form: the questions, the email that confirms the address, and who needs no email.

use super::fixture::{Browser, FORGOTTEN, PagesFixture, Shown, TOO_OFTEN, link_of};
use crate::support::world::at;
use manicule::codec::identity::session::SiteUser;
use manicule::codec::message::email::Mail;
use manicule::codec::message::email::words::sign_in::join_subject;
use manicule::codec::outgoing::RequestFailed;
use manicule::http::context::RateLimited;
use manicule::pages::text::partner::{overview, program};
use manicule::pages::text::shared::field;
use manicule::pages::text::visitor::{join, sign_in};
use std::cell::RefCell;
use std::rc::Rc;

const SESSION: &str = "__Host-manicule_session";
const GOOD: [(&str, &str); 5] = [
    ("name", "Studio Ann"),
    ("email", "Ann@Studio.example"),
    ("website", "studio.example"),
    ("country", "DE"),
    ("disclosure", "yes"),
];

pub fn fixture() -> (PagesFixture, Rc<RefCell<Vec<Mail>>>) {
    let mut fixture = PagesFixture::new(at("2026-06-01T00:00:00Z"));
    let mails = fixture.post_office();
    fixture.config.join_programs = vec!["agency-partner".into(), "user-referral".into()];
    (fixture, mails)
}

pub fn partners(fixture: &PagesFixture) -> i64 {
    fixture.world.db.number("SELECT COUNT(*) FROM partner")
}

/// The valid form with one field changed.
fn with<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    GOOD.iter().copied().filter(|(n, _)| *n != name).chain([(name, value)]).collect()
}

fn follow(browser: &Browser<'_>, mails: &Rc<RefCell<Vec<Mail>>>) -> Shown {
    let path = link_of(mails.borrow().last().expect("a mail"));
    browser.get(&path).is_page();
    browser.post(&path, &[])
}

#[test]
fn an_agency_joins_by_form_and_email() {
    let (fixture, mails) = fixture();
    let browser = fixture.browser();
    browser
        .get("/partner/join")
        .is_page()
        .says("Join: Agency partner")
        .says("20% of what a customer pays, for the first 12 months.")
        .says("earn rewards for the customers you refer");
    let sent = browser.post("/partner/join", &GOOD);
    assert_eq!((sent.status, sent.location.as_str()), (303, "/partner/join/sent"));
    browser.get("/partner/join/sent").is(200).says(sign_in::CHECK_EMAIL);
    assert_eq!(
        (partners(&fixture), mails.borrow().len()),
        (0, 1),
        "there is no partner before the address is confirmed"
    );
    let mail = mails.borrow()[0].clone();
    assert_eq!(
        (mail.to.as_str(), mail.subject.as_str()),
        ("Ann@Studio.example", join_subject("Agency partner").as_str())
    );
    let path = link_of(&mail);
    let shown = fixture.browser().get(&path);
    shown.is_page().says(&format!("{} Studio Ann , ann@studio.example", join::CONFIRM_AS));
    assert_eq!((shown.header("referrer-policy"), partners(&fixture)), ("no-referrer", 0));

    let joined = follow(&browser, &mails);
    assert_eq!(joined.location, "/partner?done=welcome");
    let row = &fixture.world.db.look(
        "SELECT p.id, p.program_id, p.external_id, p.kind, p.country, p.website, p.disclosure_accepted_at_ms, x.name, x.email
         FROM partner p JOIN partner_person x ON x.partner_id = p.id",
    )[0];
    assert_eq!(
        (row["program_id"].as_str(), row["country"].as_str(), row["website"].as_str()),
        (Some("agency-partner"), Some("DE"), Some("studio.example"))
    );
    assert_eq!((row["name"].as_str(), row["email"].as_str()), (Some("Studio Ann"), Some("ann@studio.example")));
    assert!(row["kind"].is_null(), "the kind of partner changes the earnings, so applicants cannot choose it");
    assert_eq!(row["disclosure_accepted_at_ms"].as_i64(), Some(fixture.now.get().0));
    let external = row["external_id"].as_str().expect("an id");
    assert!(external.starts_with("per_") && !external.contains("ann") && !external.contains("studio"), "{external}");
    let id = row["id"].as_str().expect("an id").to_owned();
    assert!(browser.cookie(SESSION).expect("a session").ends_with(&format!(".{id}")));
    browser.get("/partner/settings").is_page().says("Studio Ann");
    let audit = format!("{:?}", fixture.world.db.look("SELECT * FROM audit WHERE subject LIKE 'ptn_%'"));
    assert!(audit.contains("partner.enrol") && !audit.contains("ann@"), "{audit}");
    browser.post(&path, &[]).is(410);

    // The same address again signs in, and creates no second partner.
    let other = fixture.browser();
    other.get("/partner/join");
    other.post("/partner/join", &with("name", "Somebody Else"));
    assert_eq!(follow(&other, &mails).location, "/partner?done=welcome");
    assert_eq!(partners(&fixture), 1);
    other.get("/partner/settings").is_page().says("Studio Ann");
}

#[test]
fn an_enrolled_partner_who_joins_again_is_signed_in() {
    let (fixture, mails) = fixture();
    let (id, _) =
        fixture.world.partner(fixture.now.get(), "agency-partner", "crm_7", "ANN@studio.example").expect("a partner");
    let browser = fixture.browser();
    browser.get("/partner/join");
    browser.post("/partner/join", &GOOD);
    follow(&browser, &mails);
    assert_eq!(partners(&fixture), 1);
    assert!(browser.cookie(SESSION).expect("a session").ends_with(&format!(".{id}")));
}

#[test]
fn joining_accepts_the_disclosure_of_partners_enrolled_without_it() {
    let (fixture, mails) = fixture();
    let (id, code) =
        fixture.world.partner(fixture.now.get(), "agency-partner", "crm_7", "ann@studio.example").expect("a partner");
    let undisclosed = format!("UPDATE partner SET disclosure_accepted_at_ms = NULL WHERE id = '{id}'");
    fixture.world.db.connection.borrow().execute_batch(&undisclosed).expect("a statement of the test");
    let browser = fixture.browser();
    browser.get("/partner/join");
    browser.post("/partner/join", &GOOD);
    let cached = || FORGOTTEN.with_borrow(|all| all.contains(&code));
    assert!(!cached());
    assert_eq!(follow(&browser, &mails).location, "/partner?done=welcome");
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM partner WHERE disclosure_accepted_at_ms IS NOT NULL"), 1);
    assert!(cached(), "its link's cache entry is outdated");
    let shown = browser.get("/partner?done=welcome");
    assert!(!shown.is_page().text().contains(overview::UNDISCLOSED));
}

#[test]
fn joining_again_does_not_undo_leaving() {
    let (fixture, mails) = fixture();
    let browser = fixture.browser();
    browser.get("/partner/join");
    browser.post("/partner/join", &GOOD);
    follow(&browser, &mails);
    let code = fixture.world.db.look("SELECT code FROM partner")[0]["code"].as_str().expect("a code").to_owned();
    browser.get("/partner/settings");
    assert_eq!(browser.post("/partner/settings/leave", &[("code", &code)]).location, "/partner/settings?done=left");
    browser.get("/partner/join");
    let again = browser.post("/partner/join", &GOOD);
    assert_eq!((again.status, again.location.as_str()), (303, "/partner"), "it is not welcomed to what does not work");
    browser.get("/partner").is_page().says(overview::LEFT);
    assert_eq!(partners(&fixture), 1);
}

#[test]
fn a_form_never_reveals_another_partner() {
    let (fixture, _) = fixture();
    let enrol =
        |who: &str| fixture.world.partner(fixture.now.get(), "agency-partner", who, &format!("{who}@a.example"));
    let (ann, bob) = (enrol("ann").expect("a partner"), enrol("bob").expect("a partner"));
    let own = fixture.signed_in("bob@a.example", &bob.0).get("/partner/join?program=user-referral");
    assert!(own.is_page().html.contains("value=\"bob\""));
    // The browser controls the content of this cookie.
    let liar = fixture.signed_in("bob@a.example", &ann.0).get("/partner/join?program=user-referral");
    assert!(!liar.is_page().html.contains("ann"), "{}", liar.text());
}

#[test]
fn invalid_forms_show_their_problems_and_keep_their_values() {
    let (fixture, mails) = fixture();
    let browser = fixture.browser();
    browser.get("/partner/join");
    for (field, value, says) in [
        ("name", "", field::ENTER_NAME),
        ("email", "nobody", field::ENTER_EMAIL),
        ("website", "not a site", "must be a host name"),
        ("website", "javascript:alert(1)", "must be a host name"),
        ("website", "", field::ENTER_WEBSITE),
        ("country", "XX", field::CHOOSE_COUNTRY),
        ("country", "", field::CHOOSE_COUNTRY),
    ] {
        let shown = browser.post("/partner/join", &with(field, value));
        shown.is(422).says(says).says(field::NOTHING_SAVED);
        if field != "name" {
            assert!(shown.html.contains("value=\"Studio Ann\""), "{field}");
        }
        assert!(shown.html.contains("id=\"disclosure\" name=\"disclosure\" type=\"checkbox\" value=\"yes\" checked"));
    }
    let unaccepted: Vec<(&str, &str)> = GOOD.iter().copied().filter(|(n, _)| *n != "disclosure").collect();
    let shown = browser.post("/partner/join", &unaccepted);
    shown.is(422).says("Accept this to join");
    assert!(shown.html.contains("<option value=\"DE\" selected>"));
    assert_eq!(mails.borrow().len(), 0);

    let evil = "\"><script>alert(1)</script>";
    let shown = browser.post("/partner/join", &with("name", evil));
    assert_eq!(shown.location, "/partner/join/sent");
    let path = link_of(&mails.borrow()[0]);
    assert!(!mails.borrow()[0].html.contains("<script>"));
    let shown = browser.get(&path);
    assert!(shown.html.contains("&lt;script&gt;alert(1)") && !shown.html.contains("<script>alert"), "{}", shown.html);
    for field in ["email", "website", "country", "program"] {
        let shown = browser.post("/partner/join", &with(field, evil));
        assert!(!shown.html.contains("<script>alert"), "{field}");
    }
    browser.ask("POST", "/partner/join", &[("origin", super::fixture::ORIGIN)], "name=x&form_token=y").is(403);
}

#[test]
fn only_programs_that_are_open_can_be_joined() {
    let (mut fixture, _) = fixture();
    let browser = fixture.browser();
    browser.get("/partner/join?program=user-referral").is_page().says("Join: User referral");
    for closed in ["developer-affiliate", "nothing", "%3Cscript%3E"] {
        browser.get(&format!("/partner/join?program={closed}")).is(404);
        browser.post(&format!("/partner/join?program={closed}"), &GOOD).is(404);
    }
    browser.post("/partner/join", &with("program", "developer-affiliate")).is(404);
    fixture.config.join_programs.clear();
    fixture.browser().get("/partner/join").is(404);
    assert!(!fixture.browser().get("/sign-in").html.contains("/partner/join"));
}

#[test]
fn without_an_email_service_the_form_says_so() {
    let (mut fixture, _) = fixture();
    fixture.config.setup.mail.binding = false;
    let browser = fixture.browser();
    browser.get("/partner/join").is(200).says(join::NO_EMAIL_SETUP);
    let shown = browser.post("/partner/join", &GOOD);
    shown.is(503).says(sign_in::EMAIL_NOT_SET_UP);
    assert!(shown.html.contains("value=\"Studio Ann\"") && shown.html.contains("value=\"Ann@Studio.example\""));
}

#[test]
fn a_failed_email_is_reported_to_the_applicant() {
    let (fixture, mails) = fixture();
    *fixture.world.mailer.borrow_mut() = Box::new(|_| Err(RequestFailed("down".to_owned())));
    let browser = fixture.browser();
    browser.get("/partner/join");
    let shown = browser.post("/partner/join", &GOOD);
    shown.is(503).says(join::EMAIL_NOT_SENT);
    assert!(shown.html.contains("value=\"Studio Ann\""), "the entered values are kept");
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM magic_link"), 0, "it does not count");
    TOO_OFTEN.set(vec![(RateLimited::Mail, "192.0.2.1".to_owned())]);
    let shown = browser.post_with(&[("cf-connecting-ip", "192.0.2.1")], "/partner/join", &GOOD);
    shown.is(429).says(sign_in::TOO_MANY_EMAILS);
    assert!(shown.html.contains("value=\"Studio Ann\"") && mails.borrow().is_empty());
}

#[test]
fn a_signed_in_partner_joins_another_program_without_an_email() {
    let (fixture, mails) = fixture();
    let browser = fixture.browser();
    browser.get("/partner/join");
    browser.post("/partner/join", &GOOD);
    follow(&browser, &mails);
    browser
        .get("/partner/join?program=user-referral")
        .is_page()
        .says(&format!("{} ann@studio.example", join::JOINING_AS));
    let form: Vec<(&str, &str)> =
        with("email", "victim@example.com").into_iter().chain([("program", "user-referral")]).collect();
    let shown = browser.post("/partner/join", &form);
    assert_eq!((shown.location.as_str(), mails.borrow().len(), partners(&fixture)), ("/partner?done=welcome", 1, 2));
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM partner_person WHERE email = 'victim@example.com'"), 0);
    let second = fixture.world.db.look("SELECT id FROM partner WHERE program_id = 'user-referral'")[0]["id"].clone();
    let second = second.as_str().expect("an id");
    assert!(browser.cookie(SESSION).expect("a session").ends_with(&format!(".{second}")));

    // Now there are two to choose from.
    let shown = browser.get("/partner/programs");
    shown.is_page().says("Agency partner").says("User referral");
    let first = fixture.world.db.look("SELECT id FROM partner WHERE program_id = 'agency-partner'")[0]["id"].clone();
    let first = first.as_str().expect("an id");
    assert_eq!(browser.post("/partner/programs", &[("partner", first)]).location, "/partner");
    assert!(browser.cookie(SESSION).expect("a session").ends_with(&format!(".{first}")));
    browser.get("/partner/settings").is_page();
    // A stranger's partner cannot be chosen, and claiming it in the cookie opens nothing.
    let (foreign, _) =
        fixture.world.partner(fixture.now.get(), "agency-partner", "bob", "bob@example.com").expect("a partner");
    browser.get("/partner/programs");
    browser.post("/partner/programs", &[("partner", &foreign)]).is(404);
    let cookie = browser.cookie(SESSION).expect("a session");
    browser.keep(SESSION, &format!("{}.{foreign}", cookie.split('.').next().expect("a token")));
    assert_eq!(browser.get("/partner/settings").location, "/partner/programs");
}

#[test]
fn a_person_without_a_program_sees_how_to_join() {
    let (mut fixture, _) = fixture();
    let browser = fixture.signed_in("nobody@example.com", "");
    browser.get("/partner/programs").is_page().says(program::NONE).says(program::JOIN);
    assert_eq!(browser.get("/partner/settings").location, "/partner/programs");
    fixture.config.join_programs.clear();
    fixture.signed_in("nobody@example.com", "").get("/partner/programs").is_page().says(program::ASK);
    fixture.browser().get("/partner/programs").is(303);
}

#[test]
fn a_user_of_the_site_joins_without_an_email() {
    let (fixture, mails) = fixture();
    // Another person's partner has the address that the site reports for its user.
    let (other, _) =
        fixture.world.partner(fixture.now.get(), "agency-partner", "crm_7", "p@example.com").expect("a partner");
    let user = |role| SiteUser {
        id: "01M7".to_owned(),
        email: "p@example.com".to_owned(),
        name: Some("Pat".to_owned()),
        role,
    };
    fixture.site_says(Ok(Some(user(10))));
    let browser = fixture.browser();
    browser.keep("astro-session", "abc");
    let shown = browser.get("/partner/join");
    shown.is_page().says(&format!("{} p@example.com", join::JOINING_AS));
    assert!(shown.html.contains("value=\"Pat\""));
    let shown = browser.post("/partner/join", &with("name", "Pat"));
    assert_eq!((shown.location.as_str(), mails.borrow().len()), ("/partner?done=welcome", 0));
    let row = &fixture.world.db.look("SELECT id, external_id FROM partner WHERE external_id = '01M7'")[0];
    let id = row["id"].as_str().expect("an id");
    assert!(id != other && browser.cookie(SESSION).expect("a session").ends_with(&format!(".{id}")));
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM session WHERE way = 'site' AND site_user = '01M7'"), 1);
    browser.get("/partner/settings").is_page();

    // If the site does not answer, or reports too little, the address is confirmed by email.
    for says in [Err("it answered 500".to_owned()), Ok(None), Ok(Some(user(5)))] {
        fixture.site_says(says);
        let browser = fixture.browser();
        browser.keep("astro-session", "abc");
        browser.get("/partner/join").is_page();
        assert_eq!(browser.post("/partner/join", &GOOD).location, "/partner/join/sent");
    }
    assert_eq!(mails.borrow().len(), 3);
}

#[test]
fn a_join_link_is_valid_for_a_day() {
    let (fixture, mails) = fixture();
    let browser = fixture.browser();
    browser.get("/partner/join");
    browser.post("/partner/join", &GOOD);
    let path = link_of(&mails.borrow()[0]);
    browser.get(&path.replace("/partner/join/", "/sign-in/mail/")).is(410);
    fixture.now.set(fixture.now.get().plus_ms(86_400_000 - 1));
    browser.get(&path).is_page();
    fixture.now.set(fixture.now.get().plus_ms(1));
    browser.get(&path).is(410).says(sign_in::LINK_GONE);
    browser.post(&path, &[]).is(410);
    assert_eq!(partners(&fixture), 0);
}
