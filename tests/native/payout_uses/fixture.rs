//! A fixture for operators' requests: the routes, the programs' runs and the ten-minute job, with a model of Stripe.

use crate::support::openapi as described;
use manicule::base::ids::RunId;
use manicule::engine::settlement::RunState;

use crate::payout::stripe::{Stripe, Transfer};
use crate::support::sqlite::Sqlite;
use crate::support::world::{World, at, now};
use manicule::codec::outgoing::RequestFailed;
use manicule::codec::stripe as wire;
use manicule::http::config::Config;
use manicule::http::context::RequestContext;
use manicule::http::exchange::{Request, Response, status_of};
use manicule::http::route;
use manicule::program::document::Cadence;
use manicule::service::credit;
use manicule::service::event::stripe_in;
use manicule::service::payout::{reverse, send};
use manicule::service::settlement::settle;
use manicule::service::settlement::settle::Due;
use manicule::service::setup::PayoutApproval;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

pub struct PayoutFixture {
    pub world: World,
    pub stripe: Rc<RefCell<Stripe>>,
    config: Config,
    clock: Rc<Cell<i64>>,
}

impl PayoutFixture {
    pub fn new(approval: PayoutApproval) -> PayoutFixture {
        let stripe = Rc::new(RefCell::new(Stripe { balance: 100_000_000, ..Stripe::default() }));
        PayoutFixture::on(World::new(3), stripe, approval)
    }

    /// A copy of the database as it is.
    pub fn copy(&self) -> Connection {
        copy_of(&self.world.db.connection.borrow())
    }

    /// The installation on an older copy of its database, restored at `when`; Stripe is as it is.
    pub fn restored(&self, copy: Connection, taken: &str, when: &str) -> PayoutFixture {
        let (when, taken) = (at(when).0, at(taken).0);
        let mark = format!(
            "INSERT INTO restoration VALUES ({when}, {taken});
             INSERT INTO heartbeat (job, scheduled_at_ms, finished_at_ms) VALUES ('stripe_restored_transfers', {when}, {when})"
        );
        copy.execute_batch(&mark).expect("a mark");
        // The sweep has fetched the transfers since then.
        for made in self.stripe.borrow().transfers.iter() {
            let note =
                "INSERT INTO reported_transfer (id, transfer_group, destination, currency, amount_cents, made_at_ms)
                 SELECT ?1, ?2, ?3, 'usd', ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM payout WHERE transfer_id = ?1)";
            copy.execute(note, (&made.id, &made.group, &made.destination, made.amount, taken)).expect("a report");
        }
        let world = World::on(Sqlite::of(copy), 4);
        PayoutFixture::on(world, Rc::clone(&self.stripe), self.config.setup.payout_approval)
    }

    fn on(mut world: World, stripe: Rc<RefCell<Stripe>>, approval: PayoutApproval) -> PayoutFixture {
        let clock = Rc::new(Cell::new(0));
        let config = Config {
            operator_token_sha256: Some(manicule::http::auth::hex_sha256(b"operator")),
            setup: manicule::service::setup::Setup {
                stripe: Some(manicule::service::setup::Stripe {
                    key: "sk_test_model".to_owned(),
                    api_base: "https://stripe.model".to_owned(),
                }),
                payout_approval: approval,
                ..Default::default()
            },
            ..Config::default()
        };
        world.setup = config.setup.clone();
        let (model, time) = (Rc::clone(&stripe), Rc::clone(&clock));
        world.service = RefCell::new(Box::new(move |request| Ok(model.borrow_mut().answer(&request, time.get()))));
        PayoutFixture { world, stripe, config, clock }
    }

    pub fn without_key(&mut self) {
        self.world.setup.stripe = None;
        self.config.setup.stripe = None;
    }

    /// The operator sets the key of another Stripe account.
    pub fn another_key(&self) {
        self.sql("UPDATE stripe_platform SET key_sha256 = 'of the key before'");
    }

    /// What `/healthz` says about unexpected transfers.
    pub fn healthy_transfers(&self) -> i64 {
        let (status, body) = self.health("2026-12-01T00:00:00Z");
        let number = body["transfers"]["unexpected"].as_i64().expect("a number");
        assert!(number == 0 || status == 503, "{body}");
        number
    }

    pub fn health(&self, when: &str) -> (u16, Value) {
        self.ask(when, "GET", "/healthz", &[], &[])
    }

    /// A transfer that Stripe made.
    pub fn transferred(&self, id: &str, group: &str, destination: &str, cents: i64) {
        self.stripe.borrow_mut().transfers.push(Transfer {
            id: id.to_owned(),
            amount: cents,
            currency: "usd".to_owned(),
            destination: destination.to_owned(),
            group: group.to_owned(),
            metadata: Default::default(),
            created: 0,
            reversals: Vec::new(),
        });
    }

    /// Id and code.
    pub fn partner(&self, program: &str, who: &str) -> (String, String) {
        // The credits API is queried by account. Partners of other programs are not accounts.
        let external = if program == "tiered-credits" { who.to_owned() } else { format!("agency_{who}") };
        self.world
            .partner(at("2026-01-01T00:00:00Z"), program, &external, &format!("{who}@partners.example"))
            .expect("enrolled")
    }

    /// Gives the partner an account at Stripe to which money can be sent.
    pub fn payable(&self, partner: &str) -> String {
        let account = format!("acct_{partner}");
        self.stripe.borrow_mut().accounts.insert(account.clone(), 0);
        self.sql(&format!("INSERT INTO payee VALUES ('{partner}', '{account}', 'US', 'usd', 1, 1, '[]', NULL, 0)"));
        account
    }

    /// Adds money to a partner's payable balance.
    pub fn adjust(&self, program: &str, partner: &str, cents: i64) {
        let unit = format!("{program}/cash:usd");
        let account = format!("{unit}/available/{partner}");
        let ensure = |id: &str, kind: &str, partner: &str| {
            format!(
                "INSERT INTO ledger_account (id, program_id, unit, kind, partner_id) SELECT '{id}', '{program}', 'cash:usd', '{kind}', '{partner}'
                 WHERE NOT EXISTS (SELECT 1 FROM ledger_account WHERE id = '{id}');"
            )
        };
        let count = self.world.db.number("SELECT COUNT(*) FROM transfer");
        self.sql(&ensure(&format!("{unit}/expense"), "expense", ""));
        self.sql(&ensure(&account, "available", partner));
        self.sql(&format!(
            "INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, program_id, reason, created_at_ms)
             VALUES ('adj_{count}', 'adjust', 'single', '{unit}/expense', '{account}', {cents}, '{program}', 'earned', 0)"
        ));
    }

    pub fn event(&self, id: &str, kind: &str, when: &str, account: &str, more: Value) {
        let mut event = json!({"id": id, "type": kind, "occurred_at": when, "account": {"id": account}});
        event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        self.world.take(at(when), &event, None).expect("accepted");
    }

    pub fn paid(&self, account: &str, invoice: &str, when: &str, cents: i64) {
        let more = json!({"amount": {"cents": cents, "currency": "usd"}, "data": {"invoice_id": invoice}});
        self.event(invoice, "invoice.paid", when, account, more);
    }

    pub fn refunded(&self, id: &str, invoice: &str, when: &str, cents: i64) {
        let data = json!({"refund_id": id, "invoice_id": invoice});
        self.event(
            id,
            "invoice.refunded",
            when,
            "p",
            json!({"amount": {"cents": cents, "currency": "usd"}, "data": data}),
        );
    }

    pub fn run_of(&self, program: &str, scheduled: &str) -> RunId {
        let period = manicule::engine::settlement::schedule::period_before(Cadence::Monthly, at(scheduled));
        settle::run_id(&program.into(), Cadence::Monthly, &period)
    }

    /// The monthly run of a program.
    pub fn run(&self, program: &str, scheduled: &str) {
        let as_of = at(scheduled);
        let period = manicule::engine::settlement::schedule::period_before(Cadence::Monthly, as_of);
        let due = Due { program: program.into(), cadence: Cadence::Monthly, period, as_of };
        assert_eq!(now(settle::settle(&self.world.at(as_of), &due)).expect("settled").state, RunState::Done);
    }

    /// The part of the ten-minute job that sends money.
    pub fn sweep(&self, when: &str) {
        self.clock.set(at(when).0);
        now(credit::plan(&self.world.at(at(when)))).expect("planned");
        now(send::drive(&self.world.at(at(when)), send::SWEEP_PAGES)).expect("driven");
    }

    /// Stripe carries out the next `count` calls, but their responses are lost.
    pub fn drop_answers(&self, count: u32) {
        let (model, time, mut left) = (Rc::clone(&self.stripe), Rc::clone(&self.clock), count);
        *self.world.service.borrow_mut() = Box::new(move |request| {
            let answer = model.borrow_mut().answer(&request, time.get());
            if left > 0 {
                left -= 1;
                return Err(RequestFailed("the connection was lost".to_owned()));
            }
            Ok(answer)
        });
    }

    /// A signed Stripe event. Returns status and body.
    pub fn stripe_says(&self, when: &str, event: &Value) -> (u16, Value) {
        self.clock.set(at(when).0);
        let event = wire::translate(event, wire::StripeEndpoint::Own, at(when)).expect("one of Stripe's events");
        match now(stripe_in::take(&self.world.at(at(when)), &event, false)) {
            Ok(outcome) => (200, outcome),
            Err(error) => (status_of(error.kind), json!({"code": error.code})),
        }
    }

    /// The effect of the webhook `transfer.reversed`.
    pub fn refresh_reversed(&self, when: &str, transfer: &str) {
        now(reverse::refresh_reversed(&self.world.at(at(when)), transfer)).expect("booked");
    }

    /// A partner's payable and paid cents.
    pub fn balance(&self, partner: &str) -> (i64, i64) {
        let shown = self.get("2026-12-01T00:00:00Z", &format!("/v1/partners/{partner}"));
        let cents = |name: &str| shown["balances"][0][name].as_i64().unwrap_or_default();
        (cents("available_cents"), cents("paid_cents"))
    }

    /// Messages of a type: recipient and amount.
    pub fn messages(&self, kind: &str) -> Vec<(Option<String>, i64)> {
        let sql = format!(
            "SELECT partner_id, payload ->> '$.amount_cents' AS cents FROM outbox WHERE kind = '{kind}' ORDER BY id"
        );
        let rows = self.world.db.look(&sql);
        rows.iter().map(|r| (r["partner_id"].as_str().map(str::to_owned), r["cents"].as_i64().unwrap_or(0))).collect()
    }

    /// The checks of the ledger and of the payouts find nothing wrong.
    pub fn is_sound(&self) {
        assert_eq!(self.get("2026-12-01T00:00:00Z", "/v1/ledger/checks"), json!([]));
    }

    pub fn get(&self, when: &str, path: &str) -> Value {
        let (status, body) = self.ask(when, "GET", path, &[], &[]);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub fn text(&self, when: &str, path: &str) -> String {
        let (_, response) = self.response(when, "GET", path, &[], &[]);
        assert_eq!(response.status, 200, "{path}");
        String::from_utf8(response.body).expect("a text")
    }

    pub fn put(&self, when: &str, path: &str, body: Value) {
        let (status, answer) = self.ask(when, "PUT", path, body.to_string().as_bytes(), &[]);
        assert!(matches!(status, 200 | 201), "{path}: {answer}");
    }

    pub fn status(&self, when: &str, path: &str) -> u16 {
        self.ask(when, "GET", path, &[], &[]).0
    }

    pub fn delete(&self, when: &str, path: &str) -> u16 {
        self.ask(when, "DELETE", path, &[], &[]).0
    }

    pub fn patch(&self, when: &str, path: &str, body: Value) -> (u16, Value) {
        self.ask(when, "PATCH", path, body.to_string().as_bytes(), &[])
    }

    pub fn post(&self, when: &str, path: &str, body: Value) -> (u16, Value) {
        self.post_with(when, path, body, &[])
    }

    pub fn post_with(&self, when: &str, path: &str, body: Value, headers: &[(&str, &str)]) -> (u16, Value) {
        self.ask(when, "POST", path, body.to_string().as_bytes(), headers)
    }

    /// Sends a request and checks the response against the API's description.
    fn ask(&self, when: &str, method: &str, path: &str, body: &[u8], headers: &[(&str, &str)]) -> (u16, Value) {
        let (request, response) = self.response(when, method, path, body, headers);
        let answer: Value = serde_json::from_slice(&response.body).expect("JSON");
        let faults = described::faults(&described::document(), method, route::name(&request), response.status, &answer);
        assert_eq!(faults, Vec::<String>::new(), "{method} {path}: {answer}");
        (response.status, answer)
    }

    fn response(
        &self,
        when: &str,
        method: &str,
        path: &str,
        body: &[u8],
        headers: &[(&str, &str)],
    ) -> (Request, Response) {
        self.clock.set(at(when).0);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut all = vec![("authorization".to_owned(), "Bearer operator".to_owned())];
        all.extend(headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            origin: "https://site.example".to_owned(),
            headers: all,
            body: body.to_vec(),
        };
        self.world.request(at(when));
        let app = RequestContext { site: &self.world, config: &self.config, now: at(when) };
        let response = now(route::answer(&app, &request)).expect("an address of ours");
        (request, response)
    }

    pub fn sql(&self, text: &str) {
        self.world.db.connection.borrow().execute_batch(text).expect("a statement of the test");
    }
}

/// A copy of a database, in memory.
pub fn copy_of(connection: &Connection) -> Connection {
    static COPIES: AtomicU64 = AtomicU64::new(0);
    let number = COPIES.fetch_add(1, Ordering::Relaxed);
    let uri = format!("file:copy-{}-{number}?mode=memory&cache=shared", std::process::id());
    let copy = Connection::open(&uri).expect("a database in memory");
    connection.execute("VACUUM INTO ?1", [&uri]).expect("a copy");
    copy
}

/// The sum of a list's amounts.
pub fn sum(list: &Value) -> i64 {
    list.as_array().expect("a list").iter().map(|m| m["amount_cents"].as_i64().expect("cents")).sum()
}
