//! Changing a partner's email address: it takes effect once the link in an email to the new one is opened.

use super::fixture::{Browser, OPERATOR_TOKEN, PagesFixture, link_of};
use crate::support::site::LEAVING;
use crate::support::world::{at, now};
use manicule::codec::message::email::Mail;
use manicule::codec::message::email::words::sign_in::{change_subject, changed_subject};
use manicule::codec::message::unsubscribe::address_sha256;
use manicule::http::context::RequestContext;
use manicule::http::exchange::Request;
use manicule::http::route;
use manicule::pages::text::partner::{notice, settings};
use manicule::service::identity::sign_in;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;

const PAGE: &str = "/partner/settings/email";

struct Ann {
    fixture: PagesFixture,
    mails: Rc<RefCell<Vec<Mail>>>,
    id: String,
}

fn ann() -> Ann {
    let mut fixture = PagesFixture::new(at("2026-06-01T00:00:00Z"));
    let mails = fixture.post_office();
    let (id, _) =
        fixture.world.partner(fixture.now.get(), "agency-partner", "ann", "ann@example.com").expect("a partner");
    Ann { fixture, mails, id }
}

impl Ann {
    fn browser(&self) -> Browser<'_> {
        self.fixture.signed_in("ann@example.com", &self.id)
    }

    /// Address and hash.
    fn email(&self) -> (String, String) {
        let row = self.fixture.world.db.look("SELECT email, email_sha256 FROM partner_person").remove(0);
        let text = |name: &str| row[name].as_str().expect("a text").to_owned();
        (text("email"), text("email_sha256"))
    }

    fn last(&self) -> Mail {
        self.mails.borrow().last().expect("a mail").clone()
    }

    fn audited(&self) -> i64 {
        self.fixture.world.db.number("SELECT COUNT(*) FROM audit WHERE action = 'partner.email'")
    }

    fn patch(&self, body: &Value) -> (u16, Value) {
        let request = Request {
            method: "PATCH".to_owned(),
            path: format!("/v1/partners/{}", self.id),
            headers: vec![("authorization".to_owned(), format!("Bearer {OPERATOR_TOKEN}"))],
            body: body.to_string().into_bytes(),
            ..Request::default()
        };
        let (site, config) = (&self.fixture.world, &self.fixture.config);
        self.fixture.world.request(self.fixture.now.get());
        let app = RequestContext { site, config, now: self.fixture.now.get() };
        let response = now(route::answer(&app, &request)).expect("an answer");
        for leaving in LEAVING.take() {
            now(sign_in::mail_unwaited(&app.context(""), &leaving)).expect("it is sent");
        }
        (response.status, serde_json::from_slice(&response.body).expect("JSON"))
    }
}

#[test]
fn a_partner_changes_its_address() {
    let ann = ann();
    let browser = ann.browser();
    browser.get("/partner/settings").is_page().says(settings::CHANGE_EMAIL);
    browser.get(PAGE).is_page();
    browser.post(PAGE, &[("email", "nobody")]).is(422);
    let asked = browser.post(PAGE, &[("email", "New@example.org")]);
    assert_eq!(asked.location, "/partner/settings?done=email-requested");
    browser.get(&asked.location).is_page().says(notice::EMAIL_REQUESTED);
    let mail = ann.last();
    assert_eq!((mail.to.as_str(), mail.subject), ("New@example.org", change_subject("ref.example")));
    // Whoever has the mailbox proves it, and a program that only looks at links does not.
    let stranger = ann.fixture.browser();
    let link = link_of(&ann.last());
    stranger.get(&link).is_page().says("new@example.org");
    assert_eq!(ann.email().0, "ann@example.com");
    stranger.post(&link, &[]).is(200).says(settings::EMAIL_CHANGED);
    assert_eq!(ann.email(), ("new@example.org".to_owned(), address_sha256("new@example.org")));
    let told = ann.last();
    assert_eq!((told.to.as_str(), told.subject), ("ann@example.com", changed_subject("ref.example")));
    assert_eq!(ann.audited(), 1);
    // Once only, and the old address opens nothing any more.
    stranger.get(&link).is(410);
    stranger.post(&link, &[]).is(410);
    assert_ne!(browser.get("/partner/settings").status, 200);
    ann.fixture.signed_in("new@example.org", &ann.id).get("/partner/settings").is_page().says("new@example.org");
    assert_eq!(ann.mails.borrow().len(), 2);
}

#[test]
fn a_link_changes_only_the_address_that_it_was_asked_for() {
    let ann = ann();
    let browser = ann.browser();
    browser.get(PAGE);
    let links: Vec<String> = ["one@example.org", "two@example.org"]
        .map(|email| {
            browser.post(PAGE, &[("email", email)]).is(303);
            link_of(&ann.last())
        })
        .into();
    let stranger = ann.fixture.browser();
    stranger.get(&links[1]).is_page();
    stranger.post(&links[1], &[]).is(200);
    // An older wish would undo the later one.
    stranger.get(&links[0]);
    stranger.post(&links[0], &[]).is(410);
    assert_eq!(ann.email().0, "two@example.org");
    // A link for one thing does not do another.
    let token = links[0].rsplit('/').next().expect("a token");
    for path in ["/sign-in/mail/", "/partner/join/"] {
        stranger.get(&format!("{path}{token}")).is(410);
    }
    assert_eq!(ann.audited(), 1);
}

#[test]
fn an_operator_asks_for_it_by_the_api() {
    let ann = ann();
    let (status, partner) = ann.patch(&json!({"email": "new@example.org", "notes": "by phone"}));
    assert_eq!(
        (status, &partner["email"], &partner["requested_email"], &partner["notes"]),
        (200, &json!("ann@example.com"), &json!("new@example.org"), &json!("by phone"))
    );
    let link = link_of(&ann.last());
    let stranger = ann.fixture.browser();
    stranger.get(&link).is_page();
    stranger.post(&link, &[]).is(200);
    assert_eq!(ann.email().0, "new@example.org");
    let sent = ann.mails.borrow().len();
    let (_, same) = ann.patch(&json!({"email": "NEW@example.org"}));
    assert_eq!((&same["requested_email"], ann.mails.borrow().len()), (&Value::Null, sent), "it has this address");
    assert_eq!(ann.patch(&json!({"email": "nobody"})).1["field"], "email");
    for n in 0..6 {
        let (status, problem) = ann.patch(&json!({"email": "often@example.org"}));
        assert_eq!(status, if n < 5 { 200 } else { 409 }, "{problem}");
    }
    let without = PagesFixture::new(at("2026-06-01T00:00:00Z"));
    let (id, _) =
        without.world.partner(without.now.get(), "agency-partner", "ann", "ann@example.com").expect("a partner");
    let ann = Ann { fixture: without, mails: Rc::default(), id };
    assert_eq!(ann.patch(&json!({"email": "new@example.org"})).1["code"], "email_not_set_up");
}

#[test]
fn a_change_that_is_refused_mails_and_changes_nothing() {
    let ann = ann();
    let sent = ann.mails.borrow().len();
    let refused = ann.patch(&json!({"email": "new@example.org", "name": "Other", "code": "admin"}));
    assert_eq!((refused.0, &refused.1["code"]), (422, &json!("code_reserved")));
    assert_eq!(ann.mails.borrow().len(), sent);
    assert_eq!(ann.fixture.world.db.number("SELECT COUNT(*) FROM magic_link WHERE purpose = 'change_email'"), 0);
    assert_eq!(ann.fixture.world.db.number("SELECT COUNT(*) FROM partner_person WHERE name = 'Other'"), 0);
}
