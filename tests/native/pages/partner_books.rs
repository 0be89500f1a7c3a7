//! A world with a realistic ledger: two agencies and a referrer, with clicks, clients, payments, settlements and
//! payouts.

use super::fixture::PagesFixture;
use crate::payout::stripe::Stripe;
use crate::support::clicks::written;
use crate::support::world::{at, now};
use manicule::base::time::UtcMillis;
use manicule::codec::operator::NewLink;
use manicule::engine::link::LinkRecord;
use manicule::engine::link::click::{Click, Salt, Visitor};
use manicule::engine::settlement::RunState;
use manicule::program::document::Cadence;
use manicule::service::partner::enroll;
use manicule::service::payout::send;
use manicule::service::setup::PayoutApproval;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;

pub const AGENCY: &str = "agency-partner";
pub const REFERRAL: &str = "user-referral";
pub const EVIL: &str = "\"><script>alert(1)</script>'&";
/// When the pages are viewed.
pub const TODAY: &str = "2026-05-20T12:00:00Z";

/// Enrolled partners: id and code.
pub type Who = (String, String);

pub struct Books {
    pub fixture: PagesFixture,
    pub stripe: Rc<RefCell<Stripe>>,
    /// Has clients, earnings of every type, and a payout.
    pub ann: Who,
    /// In the same program, with a client and a payout of its own.
    pub bob: Who,
    /// Earns credit in another program.
    pub cyd: Who,
    /// Ann's second link.
    pub spring: String,
}

impl Books {
    pub fn new() -> Books {
        let mut fixture = PagesFixture::new(at("2026-01-01T00:00:00Z"));
        let stripe = Rc::new(RefCell::new(Stripe { balance: 100_000_000, ..Stripe::default() }));
        let setup = manicule::service::setup::Setup {
            stripe: Some(manicule::service::setup::Stripe {
                key: "sk_test_model".to_owned(),
                api_base: "https://stripe.model".to_owned(),
            }),
            payout_approval: PayoutApproval::Automatic,
            ..Default::default()
        };
        fixture.config.setup = setup.clone();
        fixture.config.site_url = "https://shop.example".to_owned();
        fixture.world.setup = setup;
        let model = Rc::clone(&stripe);
        let clock = at(TODAY).0;
        fixture.world.service = RefCell::new(Box::new(move |request| Ok(model.borrow_mut().answer(&request, clock))));
        let enrolled = at("2026-01-01T00:00:00Z");
        let partner = |program: &str, who: &str| {
            fixture.world.partner(enrolled, program, who, &format!("{who}@partners.example")).expect("enrolled")
        };
        let (ann, bob, cyd) = (partner(AGENCY, "ann"), partner(AGENCY, "bob"), partner(REFERRAL, "cyd"));
        let mut books = Books { fixture, stripe, ann, bob, cyd, spring: String::new() };
        books.spring = books.link(&books.ann, "spring");
        books.clicks();
        books.business();
        books.fixture.now.set(at(TODAY));
        books
    }

    fn link(&self, who: &Who, campaign: &str) -> String {
        let request = NewLink {
            partner: who.0.clone().into(),
            destination: Some("/pricing".to_owned()),
            campaign: Some(campaign.to_owned()),
            utm: Some(json!({"utm_source": "mail"})),
            source: None,
            expires_at: None,
            code: None,
        };
        let made = now(enroll::link(
            &self.fixture.world.at(at("2026-01-02T00:00:00Z")),
            &request,
            "https://ref.example",
            None,
        ));
        made.expect("a link").1["code"].as_str().expect("a code").to_owned()
    }

    /// Clicks on a link on one day, each by another visitor, and one by a bot.
    pub fn click(&self, who: &Who, program: &str, code: &str, when: &str, count: usize) {
        let link = Rc::new(LinkRecord {
            code: code.into(),
            partner_id: who.0.clone().into(),
            program_id: program.into(),
            ..LinkRecord::default()
        });
        let click = |n: usize, bot: bool| Click {
            id: format!("clk_{code}_{when}_{n}_{bot}"),
            link: Rc::clone(&link),
            visitor: Visitor::Known(format!("vis_{n}")),
            at: at(when),
            bot,
            ..Click::default()
        };
        let mut all: Vec<Click> = (0..count).map(|n| click(n, false)).collect();
        all.push(click(0, true));
        written(&self.fixture.world, all, &Salt::none());
    }

    fn clicks(&self) {
        self.click(&self.ann, AGENCY, &self.ann.1, "2026-05-01T10:00:00Z", 7);
        self.click(&self.ann, AGENCY, &self.spring, "2026-05-19T23:59:59Z", 3);
        // The same visitors again in the same hour, which count once.
        self.click(&self.ann, AGENCY, &self.spring, "2026-05-19T23:59:59Z", 3);
        self.click(&self.ann, AGENCY, &self.spring, "2026-01-10T10:00:00Z", 5);
        self.click(&self.bob, AGENCY, &self.bob.1, "2026-05-19T10:00:00Z", 11);
    }

    pub fn event(&self, id: &str, kind: &str, when: &str, account: &str, more: Value) {
        let mut event = json!({"id": id, "type": kind, "occurred_at": when, "account": {"id": account, "email": format!("jane@{account}.example"), "name": "Jane Doe"}});
        event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        self.fixture.world.take(at(when), &event, None).expect("accepted");
    }

    pub fn joins(&self, account: &str, code: &str, when: &str) {
        self.event(&format!("s_{account}"), "account.signed_up", when, account, json!({"attribution": {"code": code}}));
    }

    pub fn pays(&self, account: &str, invoice: &str, when: &str, cents: i64) {
        let more = json!({"amount": {"cents": cents, "currency": "usd"}, "data": {"invoice_id": invoice}});
        self.event(invoice, "invoice.paid", when, account, more);
    }

    fn business(&self) {
        let (ann, bob, cyd) = (&self.ann, &self.bob, &self.cyd);
        for who in [ann, bob] {
            let account = format!("acct_{}", who.0);
            self.stripe.borrow_mut().accounts.insert(account.clone(), 0);
            self.sql(&format!("INSERT INTO payee VALUES ('{}', '{account}', 'US', 'usd', 1, 1, '[]', NULL, 0)", who.0));
        }
        // Ann's clients: one keeps paying, one canceled, one is in a trial, and one has a disputed payment.
        self.joins("steady", &self.spring, "2026-01-05T00:00:00Z");
        self.pays("steady", "in_1", "2026-01-10T00:00:00Z", 50_000);
        self.pays("steady", "in_2", "2026-02-10T00:00:00Z", 50_000);
        self.joins("gone", &ann.1, "2026-01-06T00:00:00Z");
        self.pays("gone", "in_3", "2026-01-11T00:00:00Z", 20_000);
        self.event("gone_c", "account.cancelled", "2026-01-20T00:00:00Z", "gone", json!({}));
        self.joins("trying", &ann.1, "2026-05-02T00:00:00Z");
        self.joins("bobs", &bob.1, "2026-01-07T00:00:00Z");
        self.pays("bobs", "in_b", "2026-01-12T00:00:00Z", 30_000);
        self.joins("friend", &cyd.1, "2026-03-01T00:00:00Z");
        self.pays("friend", "in_f1", "2026-03-02T00:00:00Z", 2_900);
        self.pays("friend", "in_f2", "2026-04-02T00:00:00Z", 2_900);
        self.run(Cadence::Monthly, "2026-04-01T06:00:00Z");
        self.sweep("2026-04-01T06:10:00Z");
        self.run(Cadence::Weekly, "2026-04-20T09:00:00Z");
        // After the payout: a refund of an invoice that it included, new payments, and an open dispute.
        let refund = json!({"amount": {"cents": 10_000, "currency": "usd"}, "data": {"refund_id": "re_1", "invoice_id": "in_1"}});
        self.event("re_1", "invoice.refunded", "2026-04-05T00:00:00Z", "steady", refund);
        self.pays("steady", "in_4", "2026-05-03T00:00:00Z", 50_000);
        self.joins("late", &self.spring, "2026-05-04T00:00:00Z");
        self.pays("late", "in_5", "2026-05-05T00:00:00Z", 10_000);
        let dispute = json!({"amount": {"cents": 10_000, "currency": "usd"}, "data": {"dispute_id": "dp_1", "invoice_id": "in_5"}});
        self.event("dp_1", "dispute.opened", "2026-05-06T00:00:00Z", "late", dispute);
        assert_eq!(self.fixture.world.faults(), Vec::<String>::new());
    }

    pub fn run(&self, cadence: Cadence, when: &str) {
        let runs = self.fixture.world.run(cadence, at(when)).expect("settled");
        assert!(runs.iter().all(|run| run.state == RunState::Done));
    }

    pub fn sweep(&self, when: &str) {
        now(send::drive(&self.fixture.world.at(at(when)), send::SWEEP_PAGES)).expect("driven");
    }

    pub fn sql(&self, text: &str) {
        self.fixture.world.db.connection.borrow().execute_batch(text).expect("a statement of the test");
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.fixture.world.db.number(sql)
    }

    pub fn text(&self, sql: &str) -> String {
        let rows = self.fixture.world.db.look(sql);
        rows[0].values().next().and_then(Value::as_str).expect("a text").to_owned()
    }

    pub fn resource(&self, id: &str, program: &str, title: &str, body: &str) {
        let at = UtcMillis(0).0;
        self.fixture
            .world
            .db
            .connection
            .borrow()
            .execute(
                "INSERT INTO resource VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
                rusqlite::params![id, program, title, body, at],
            )
            .expect("a resource");
    }

    /// Every page of Ann's, including those about a single object.
    pub fn pages_of_ann(&self) -> Vec<String> {
        let ann = &self.ann.0;
        let line =
            self.text(&format!("SELECT id FROM accrual WHERE partner_id = '{ann}' AND state = 'available' LIMIT 1"));
        let payout = self.text(&format!("SELECT id FROM payout WHERE partner_id = '{ann}'"));
        let client =
            self.number(&format!("SELECT rowid FROM binding WHERE partner_id = '{ann}' AND account_id = 'steady'"));
        let mut paths: Vec<String> = [
            "",
            "/links",
            "/share",
            "/clients",
            "/earnings",
            "/payouts",
            "/payouts/setup",
            "/leaderboard",
            "/resources",
        ]
        .iter()
        .map(|path| format!("/partner{path}"))
        .collect();
        paths.extend(self.things_of_ann(&line, &payout, client));
        paths
    }

    fn things_of_ann(&self, line: &str, payout: &str, client: i64) -> Vec<String> {
        vec![
            format!("/partner/links/{}", self.spring),
            format!("/partner/links/{}/disable", self.spring),
            format!("/partner/share?link={}", self.spring),
            format!("/partner/clients/{client}"),
            format!("/partner/earnings/{line}"),
            "/partner/earnings?state=available".to_owned(),
            format!("/partner/payouts/{payout}"),
        ]
    }
}
