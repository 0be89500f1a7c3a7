//! A world with everything that operators' pages show: a payout waiting for approval, a referral on hold, a failed
//! message, a week of visitors, a budget. Names and reasons are hostile.

use super::fixture::{Browser, PagesFixture};
use crate::payout::stripe::Stripe;
use crate::support::world::{World, at, now};
use manicule::base::ids::RunId;
use manicule::codec::operator::NewPartner;
use manicule::program::document::Cadence;
use manicule::service::settlement::settle;
use manicule::service::settlement::settle::Due;
use manicule::service::setup;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub const AGENCY: &str = "agency-partner";
pub const POOLED: &str = "tiered-credits";
pub const FUNNEL: &str = "partner-funnel";
pub const EVIL: &str = "\"><script>alert(1)</script>&amp;";
pub const NOW: &str = "2026-04-02T12:00:00Z";
const APRIL: &str = "2026-04-01T06:00:00Z";

pub struct OperatorFixture {
    pub pages: PagesFixture,
    pub stripe: Rc<RefCell<Stripe>>,
    /// The partner who is to be paid $100, with a hostile name.
    pub partner: String,
    /// The partner whose referral is on hold.
    pub suspect: String,
    pub run: RunId,
    pub payout: String,
    pub review: String,
}

impl OperatorFixture {
    pub fn new() -> OperatorFixture {
        let mut pages = PagesFixture::new(at(NOW));
        let stripe = Rc::new(RefCell::new(Stripe { balance: 100_000_000, ..Stripe::default() }));
        pages.config.setup.stripe =
            Some(setup::Stripe { key: "sk_test_model".to_owned(), api_base: "https://stripe.model".to_owned() });
        pages.world.setup = pages.config.setup.clone();
        let model = Rc::clone(&stripe);
        let time = Rc::new(Cell::new(at(NOW).0));
        pages.world.service =
            RefCell::new(Box::new(move |request| Ok(model.borrow_mut().answer(&request, time.get()))));
        let partner = enrol(&pages.world, "acme", EVIL, "boss@acme.example");
        let suspect = enrol(&pages.world, "sly", "Sly", "boss@sly.example");
        bring(&pages.world, &partner.1, "p", "ann@client.example");
        bring(&pages.world, &suspect.1, "s", "bob@sly.example");
        let account = format!("acct_{}", partner.0);
        stripe.borrow_mut().accounts.insert(account.clone(), 0);
        sql(
            &pages.world,
            &format!("INSERT INTO payee VALUES ('{}', '{account}', 'US', 'usd', 1, 1, '[]', NULL, 0)", partner.0),
        );
        let due =
            Due { program: AGENCY.into(), cadence: Cadence::Monthly, period: "2026-03".to_owned(), as_of: at(APRIL) };
        let run = now(settle::settle(&pages.world.at(at(APRIL)), &due)).expect("settled").id;
        visitors(&pages.world);
        let text = |sql: &str, column: &str| pages.world.db.look(sql)[0][column].as_str().expect("a text").to_owned();
        let payout = text("SELECT id FROM payout", "id");
        let review = text("SELECT id FROM review WHERE rule = 'same_domain'", "id");
        sql(
            &pages.world,
            "UPDATE outbox SET state = 'failed' WHERE kind = 'review.opened';
             INSERT INTO delivery (outbox_id, channel, target, state, round, attempts, next_attempt_at_ms, last_error)
             SELECT id, 'email', 'operator', 'failed', 0, 9, 0, '<b>refused</b>' FROM outbox WHERE kind = 'review.opened';",
        );
        OperatorFixture { pages, stripe, partner: partner.0, suspect: suspect.0, run, payout, review }
    }

    /// An operator with a page and its form open.
    pub fn operator(&self) -> Browser<'_> {
        let browser = self.pages.operator();
        browser.get("/operator/runs");
        browser
    }

    pub fn look(&self, sql: &str, column: &str) -> Value {
        self.pages.world.db.look(sql)[0][column].clone()
    }

    pub fn count(&self, sql: &str) -> i64 {
        self.pages.world.db.number(sql)
    }

    /// How often an action occurs in the audit log, by the operator of a session.
    pub fn audited(&self, action: &str) -> i64 {
        self.count(&format!("SELECT COUNT(*) FROM audit WHERE action = '{action}' AND actor LIKE 'session:%'"))
    }
}

/// The idempotency key in a page's form.
pub fn key_of(html: &str) -> String {
    let rest = html.split("name=\"idempotency\" value=\"").nth(1).expect("a form with a key");
    rest.split('"').next().expect("its key").to_owned()
}

/// Id and code.
fn enrol(world: &World, external_id: &str, name: &str, email: &str) -> (String, String) {
    let new = NewPartner {
        program: AGENCY.into(),
        external_id: external_id.to_owned(),
        name: Some(name.to_owned()),
        email: Some(email.to_owned()),
        website: None,
        country: Some("US".to_owned()),
        kind: Some("agency".to_owned()),
        disclosure_accepted: true,
        code: None,
    };
    world.enrol(at("2026-01-01T00:00:00Z"), &new).expect("enrolled")
}

/// An account that signs up with a code in January and pays $500.
fn bring(world: &World, code: &str, account: &str, email: &str) {
    let event = |id: String, kind: &str, when: &str, more: Value| {
        let mut event =
            json!({"id": id, "type": kind, "occurred_at": when, "account": {"id": account, "email": email}});
        event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        world.take(at(when), &event, None).expect("accepted");
    };
    event(format!("s_{account}"), "account.signed_up", "2026-01-05T00:00:00Z", json!({"attribution": {"code": code}}));
    let paid = json!({"amount": {"cents": 50_000, "currency": "usd"}, "data": {"invoice_id": format!("in_{account}")}});
    event(format!("in_{account}"), "invoice.paid", "2026-01-10T00:00:00Z", paid);
}

/// A week of a funnel: 300 visits, 2 downloads.
fn visitors(world: &World) {
    let (id, code) =
        world.partner(at("2026-01-01T00:00:00Z"), FUNNEL, "press", "desk@press.example").expect("enrolled");
    sql(
        world,
        &format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
             INSERT INTO click (id, code, partner_id, program_id, campaign, visitor, clicked_at_ms, hour, dedupe)
             SELECT 'c' || i, '{code}', '{id}', '{FUNNEL}', 'content-qa-checklist', 'v' || i, {0}, {0} / 3600000, i FROM n;
             INSERT INTO funnel_event (id, program_id, partner_id, code, campaign, stage, event, visitor, at_ms, week) VALUES
               ('f1', '{FUNNEL}', '{id}', '{code}', 'content-qa-checklist', 'lead', 'lead_magnet.downloaded', 'v1', {0}, '2026-W13'),
               ('f2', '{FUNNEL}', '{id}', '{code}', 'content-qa-checklist', 'lead', 'lead_magnet.downloaded', 'v2', {0}, '2026-W13');",
            at("2026-03-25T00:00:00Z").0
        ),
    );
}

pub fn sql(world: &World, text: &str) {
    world.db.connection.borrow().execute_batch(text).expect("a statement of the test");
}
