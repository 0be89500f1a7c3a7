//! A world with one partner, the endpoints for Stripe, and a Stripe API to query.

use super::bodies::{CREATED, StoryStep, checkout};
use crate::support::sqlite::Fault;
use crate::support::world::{World, now};
use hmac::{Hmac, Mac};
use manicule::base::id::hex;
use manicule::base::time::UtcMillis;
use manicule::codec::attribution::cookie;
use manicule::codec::attribution::cookie::SignedCookie;
use manicule::codec::operator::NewPartner;
use manicule::codec::outgoing::IncomingResponse;
use manicule::engine::attribution::touch::{Touch, TouchHistory};
use manicule::http::config::Config;
use manicule::http::context::RequestContext;
use manicule::http::exchange::Request;
use manicule::http::route;
use manicule::jobs;
use manicule::service::error::AppError;
use manicule::service::setup::{STATEMENTS_FREE, STRIPE_API, Stripe};
use serde_json::{Value, json};
use sha2::Sha256;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub const SECRET: &str = "whsec_7d31c0e94b8f26a5d1930fb7c46e8a02";
pub const LIVE_SECRET: &str = "live:whsec_b06f4e1d92c8a73f5e14d0c97b2a6831";
pub const CONNECT_SECRET: &str = "whsec_00112233445566778899aabbccddeeff";

pub struct StripeFixture {
    world: World,
    config: Config,
    program: &'static str,
    partner: String,
    code: String,
    now: Cell<UtcMillis>,
    asked: Rc<RefCell<Vec<String>>>,
    /// Deliveries that needed more statements than an invocation may send.
    pub cut_off: Cell<u32>,
}

/// Maximum number of deliveries until an event is stored.
const DELIVERIES: u32 = 4;
/// Maximum number of sweeps until all work is done: each part of the sweep starts twice.
const SWEEPS: u32 = 20;

/// A month after everything, so that no event is ahead of the clock.
const NOW: UtcMillis = UtcMillis((CREATED + 30 * 86_400) * 1_000);

impl StripeFixture {
    pub fn new() -> StripeFixture {
        StripeFixture::of("agency-partner")
    }

    pub fn of(program: &'static str) -> StripeFixture {
        let world = World::new(7);
        let start = UtcMillis((CREATED - 86_400 * 20) * 1_000);
        let new = NewPartner {
            program: program.into(),
            external_id: "ada".to_owned(),
            name: None,
            email: Some("ada@agency.example".to_owned()),
            website: None,
            country: None,
            kind: (program == "developer-affiliate").then(|| "developer".to_owned()),
            disclosure_accepted: true,
            code: None,
        };
        let (partner, code) = world.enrol(start, &new).expect("a partner");
        let config = Config::read(|name| match name {
            "STRIPE_WEBHOOK_SECRETS" => format!("{SECRET} {LIVE_SECRET}"),
            "STRIPE_CONNECT_WEBHOOK_SECRETS" => CONNECT_SECRET.to_owned(),
            "COOKIE_KEYS" => "k1:c3a91f0e7b54d26803f18e9c6ad7452b90e6137f48bd5ca21f73d0846be95a1c".to_owned(),
            _ => String::new(),
        });
        StripeFixture {
            world,
            config,
            program,
            partner,
            code,
            now: Cell::new(NOW),
            asked: Rc::default(),
            cut_off: Cell::new(0),
        }
    }

    /// The same on Cloudflare's free plan.
    pub fn tight(self) -> StripeFixture {
        self.world.statements_max.set(Some(STATEMENTS_FREE));
        self
    }

    /// Runs sweeps that finish what invocations with few statements left undone.
    pub fn catch_up(&self) {
        for _ in 0..SWEEPS {
            self.later(600);
            self.sweep();
        }
        assert!(self.world.db.most.get() <= STATEMENTS_FREE);
    }

    /// The same with an API key, and `answer` for each URL that is requested.
    pub fn with_key(self, answer: impl Fn(&str) -> (u16, Value) + 'static) -> StripeFixture {
        self.with_key_of("sk_test_x", answer)
    }

    pub fn with_key_of(mut self, key: &str, answer: impl Fn(&str) -> (u16, Value) + 'static) -> StripeFixture {
        self.config.setup.stripe = Some(Stripe { key: key.to_owned(), api_base: STRIPE_API.to_owned() });
        let asked = Rc::clone(&self.asked);
        *self.world.service.borrow_mut() = Box::new(move |request| {
            assert_eq!(request.method, "GET");
            let header = |name: &str| request.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
            assert_eq!(header("stripe-version"), Some("2026-10-28.endive"));
            assert!(header("authorization").is_some_and(|value| value.starts_with("Bearer sk_")));
            asked.borrow_mut().push(request.url.clone());
            let is_platform = request.url.ends_with("/v1/account");
            let platform = || (200, json!({"id": "acct_platform", "object": "account", "country": "US"}));
            let (status, body) = if is_platform { platform() } else { answer(&request.url) };
            Ok(IncomingResponse { status, headers: Vec::new(), body: body.to_string().into_bytes() })
        });
        self
    }

    /// How often a path was requested.
    pub fn asked(&self, path: &str) -> usize {
        self.asked.borrow().iter().filter(|url| url.contains(path)).count()
    }

    pub fn later(&self, seconds: i64) {
        self.now.set(self.now.get().plus_ms(seconds * 1_000));
    }

    /// A token with a touch of the partner's, from before the checkout.
    pub fn token(&self) -> String {
        let touched = UtcMillis((CREATED - 3_600) * 1_000);
        let touch = Touch {
            program: self.program.into(),
            code: self.code.clone().into(),
            campaign: String::new(),
            click_id: "clk_1".to_owned(),
            at: touched,
        };
        let keys = self.config.cookie_keys.as_ref().expect("keys");
        let touchpoints = TouchHistory { visitor: "vis_1".to_owned(), touches: vec![touch] };
        cookie::write(keys, &SignedCookie::of(touchpoints, NOW))
    }

    /// Delivers a body signed `age` seconds ago. Returns status and body.
    pub fn deliver(&self, door: &str, secret: &str, body: &Value, age: i64) -> (u16, Value) {
        let bytes = body.to_string();
        let timestamp = self.now.get().0 / 1_000 - age;
        let key = secret.strip_prefix("live:").unwrap_or(secret);
        let mut mac: Hmac<Sha256> = Hmac::new_from_slice(key.as_bytes()).expect("a key");
        mac.update(format!("{timestamp}.{bytes}").as_bytes());
        let signature = format!("t={timestamp},v1={},v0=abc", hex(&mac.finalize().into_bytes()));
        let request = Request {
            method: "POST".to_owned(),
            path: format!("/v1/webhooks/{door}"),
            headers: vec![("stripe-signature".to_owned(), signature)],
            body: bytes.into_bytes(),
            ..Request::default()
        };
        let _ = self.world.at(self.now.get());
        let app = RequestContext { site: &self.world, config: &self.config, now: self.now.get() };
        let response = now(route::answer(&app, &request)).expect("an answer");
        (response.status, serde_json::from_slice(&response.body).expect("JSON"))
    }

    /// Delivers a body that must be accepted.
    pub fn stripe(&self, body: &Value) -> Value {
        let (status, answer) = self.deliver("stripe", SECRET, body, 0);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// The host's sign-up with the partner's code, a day before anything else.
    pub fn host_signs_up(&self, account: &str, email: Option<&str>, customer: Option<&str>) {
        self.try_sign_up(account, email, customer).expect("a sign-up");
    }

    fn try_sign_up(&self, account: &str, email: Option<&str>, customer: Option<&str>) -> Result<(), String> {
        let body = json!({
            "id": format!("evt_signup_{account}"), "type": "account.signed_up",
            "occurred_at": UtcMillis((CREATED - 86_400) * 1_000).to_rfc3339(),
            "account": {"id": account, "email": email}, "attribution": {"code": self.code},
            "data": {"stripe_customer": customer},
        });
        self.world.take(self.now.get(), &body, None).map(|_| ()).map_err(|why| why.to_string())
    }

    /// Another event from the host, dated now.
    pub fn host_sends(&self, id: &str, kind: &str, account: &str, rest: &Value) {
        let mut body = rest.clone();
        for (key, value) in
            [("id", json!(id)), ("type", json!(kind)), ("occurred_at", json!(self.now.get().to_rfc3339()))]
        {
            body[key] = value;
        }
        if kind == "account.signed_up" && self.number("SELECT COUNT(*) FROM stripe_event") == 0 {
            // Before the customer is known.
            body["occurred_at"] = json!(UtcMillis((CREATED - 86_400) * 1_000).to_rfc3339());
        }
        body["account"]["id"] = json!(account);
        self.world.take(self.now.get(), &body, None).expect("the host's event");
    }

    /// An event from the host, dated `at`, in seconds.
    pub fn host_at(&self, id: &str, kind: &str, account: &str, at: i64, rest: &Value) {
        let mut body = rest.clone();
        body["id"] = json!(id);
        body["type"] = json!(kind);
        body["occurred_at"] = json!(UtcMillis(at * 1_000).to_rfc3339());
        body["account"]["id"] = json!(account);
        let keys = self.config.cookie_keys.as_ref().expect("keys");
        let token = body["attribution"]["token"].as_str();
        let touchpoints = token.and_then(|token| cookie::read_value(keys, token)).map(|signed| signed.touchpoints);
        self.world.take(self.now.get(), &body, touchpoints).expect("the host's event");
    }

    pub fn code(&self) -> &str {
        &self.code
    }

    /// Joins customers until nothing is left to do.
    pub fn catch_up_customers(&self) {
        self.later(600);
        self.sweep();
    }

    /// The column `t` of each row.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        self.world.db.look(sql).iter().map(|row| row["t"].as_str().unwrap_or_default().to_owned()).collect()
    }

    pub fn tell(&self, all: &[StoryStep]) {
        for told in all {
            self.try_deliver(told).unwrap_or_else(|why| panic!("{told:?}: {why}"));
        }
    }

    fn try_deliver(&self, told: &StoryStep) -> Result<(), String> {
        let body = match told {
            StoryStep::SignUp(account, email, customer) => return self.try_sign_up(account, *email, *customer),
            StoryStep::Plain(account, email, later) => {
                let body = json!({
                    "id": format!("evt_signup_{account}"), "type": "account.signed_up",
                    "occurred_at": UtcMillis((CREATED + later) * 1_000).to_rfc3339(),
                    "account": {"id": account, "email": email},
                });
                return self.world.take(self.now.get(), &body, None).map(|_| ()).map_err(|why| why.to_string());
            }
            StoryStep::Stripe(body) => body.clone(),
            StoryStep::Checkout(id, customer, email) => {
                let mut body = checkout(id, &self.token(), email);
                body["data"]["object"]["customer"] = json!(customer);
                body
            }
        };
        // A delivery that is cut off is refused, and Stripe sends it again.
        for _ in 0..DELIVERIES {
            match self.deliver("stripe", SECRET, &body, 0) {
                (200, _) => return Ok(()),
                (503, problem) if problem["code"] == "statements_used_up" => self.cut_off.set(self.cut_off.get() + 1),
                (_, problem) => return Err(problem.to_string()),
            }
        }
        Err(format!("cut off {DELIVERIES} times"))
    }

    /// Sends all facts with a fault at one call of the database, and resends those that were refused. Returns whether
    /// the call was reached.
    pub fn send_with_fault(&self, all: &[StoryStep], call: u64, written: bool) -> bool {
        let db = &self.world.db;
        let fault = if written { Fault::AfterCommit } else { Fault::Before };
        let at = db.calls.get() + call;
        db.fault.set(Some((at, fault)));
        for told in all {
            if self.try_deliver(told).is_err() {
                self.try_deliver(told).unwrap_or_else(|why| panic!("{told:?}, again: {why}"));
            }
        }
        db.fault.set(None);
        db.calls.get() > at
    }

    pub fn sweep(&self) {
        self.try_sweep().expect("a sweep");
    }

    pub fn try_sweep(&self) -> Result<(), AppError> {
        let _ = self.world.at(self.now.get());
        let ctx = manicule::service::context::Context::new(
            &self.world,
            &self.config.setup,
            self.now.get(),
            "cron".to_owned(),
        );
        now(jobs::run(&ctx, "*/10 * * * *", self.now.get()))
    }

    /// What an account's attribution report lists in other currencies.
    pub fn other_amounts(&self, account: &str) -> Vec<String> {
        let _ = self.world.at(self.now.get());
        let by = "operator".to_owned();
        let ctx = manicule::service::context::Context::new(&self.world, &self.config.setup, self.now.get(), by);
        let report = now(manicule::service::attribution::report::report(&ctx, &account.into())).expect("a report");
        report.programs.iter().flat_map(|p| &p.other_currencies).map(|other| other.amount.subject.clone()).collect()
    }

    pub fn payee(&self, stripe_account: &str) {
        let sql = format!(
            "INSERT INTO payee (partner_id, stripe_account_id, transfers_active, payouts_enabled, currently_due, updated_at_ms)
             VALUES ('{}', '{stripe_account}', 0, 0, '[]', 0)",
            self.partner
        );
        self.world.db.connection.borrow().execute(&sql, []).expect("a payee");
    }

    pub fn pending(&self) -> i64 {
        self.world.balance(&self.partner, "pending")
    }

    /// Changes the database by hand.
    pub fn run(&self, sql: &str) {
        self.world.db.connection.borrow().execute_batch(sql).expect("a change");
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.world.db.number(sql)
    }

    pub fn text(&self, sql: &str) -> String {
        let rows = self.world.db.look(sql);
        rows.first().and_then(|r| r.values().next()).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The account of every customer, every accrual, and every balance.
    pub fn books(&self) -> Vec<String> {
        [
            "SELECT id || ' ' || account_id || ' ' || matched_by AS t FROM stripe_customer ORDER BY id",
            "SELECT id || ' ' || IFNULL(account_id, '') AS t FROM event ORDER BY id",
            "SELECT account_id || ' ' || source || ' ' || reward_id || ' ' || net_cents || ' ' || state AS t FROM accrual
             WHERE state <> 'void' ORDER BY account_id, source, reward_id",
            "SELECT account_id || ' ' || group_id || ' ' || IFNULL(partner_id, '') || ' ' || IFNULL(method, '') AS t FROM binding ORDER BY 1",
            "SELECT id || ' ' || (cr_posted_cents - dr_posted_cents) AS t FROM ledger_account
             WHERE cr_posted_cents <> dr_posted_cents ORDER BY id",
        ]
        .iter()
        .flat_map(|sql| self.world.db.look(sql))
        .map(|row| row["t"].as_str().unwrap_or_default().to_owned())
        .collect()
    }

    /// The ledger has no errors, and no work is left.
    pub fn sound(&self) {
        assert_eq!(self.world.faults(), Vec::<String>::new());
        assert_eq!(self.number("SELECT COUNT(*) FROM account WHERE needs_recompute_since_ms IS NOT NULL"), 0);
    }
}
