//! A world with an email service, endpoints that answer as a test requires, and the routes in front.

use crate::support::openapi as described;
use manicule::base::ids::{PartnerId, ProgramId};
use manicule::engine::message::MessageType;

use crate::support::world::{World, at, now};
use manicule::base::time::{MINUTE_MS, UtcMillis};
use manicule::codec::message::email::Mail;
use manicule::codec::outgoing::{IncomingResponse, OutgoingRequest, RequestFailed};
use manicule::http::config::Config;
use manicule::http::context::RequestContext;
use manicule::http::exchange::{Request, Response};
use manicule::http::route;
use manicule::pages::message::unsubscribe;
use manicule::service::context::{Context, Ports};
use manicule::service::message::deliver;
use manicule::store::message::outbox;
use manicule::store::message::outbox::OutboxMessage;
use manicule::store::port::{Db, DbError, Rows, Stmt};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::LazyLock;
use std::task::{Context as Task, Poll, Waker};

pub const OPERATOR: &str = "ops@site.example";
pub const SITE: &str = "https://go.site.example";

/// What happens to one request to another service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives.
    Before,
    /// It arrives, but the response is lost.
    After,
    /// It arrives and is refused.
    Refused,
}

/// What arrived, and what happens to the next requests.
#[derive(Default)]
pub struct Outside {
    pub hooks: RefCell<Vec<OutgoingRequest>>,
    pub mails: RefCell<Vec<Mail>>,
    pub calls: Cell<u64>,
    /// The fault of the request with this number.
    pub fault: Cell<Option<(u64, Fault)>>,
    /// The status that every endpoint returns. 0: no response.
    pub status: Cell<u16>,
    pub headers: RefCell<Vec<(String, String)>>,
    /// Whether the email service accepts emails.
    pub mailing: Cell<bool>,
}

impl Outside {
    fn fault(&self) -> Option<Fault> {
        let call = self.calls.get();
        self.calls.set(call + 1);
        self.fault.get().filter(|(at, _)| *at == call).map(|(_, fault)| fault)
    }

    fn hook(&self, request: OutgoingRequest) -> Result<IncomingResponse, RequestFailed> {
        let (fault, status) = (self.fault(), self.status.get());
        let lost = || Err(RequestFailed("it took too long".to_owned()));
        if fault == Some(Fault::Before) || status == 0 {
            return lost();
        }
        let status = if fault == Some(Fault::Refused) { 500 } else { status };
        if (200..300).contains(&status) {
            self.hooks.borrow_mut().push(request);
        }
        if fault == Some(Fault::After) {
            return lost();
        }
        Ok(IncomingResponse { status, headers: self.headers.borrow().clone(), body: b"<secret of theirs>".to_vec() })
    }

    fn mail(&self, mail: &Mail) -> Result<(), RequestFailed> {
        let fault = self.fault();
        if matches!(fault, Some(Fault::Before | Fault::Refused)) || !self.mailing.get() {
            return Err(RequestFailed(format!("E_DELIVERY: mail to {} was refused", mail.to)));
        }
        self.mails.borrow_mut().push(mail.clone());
        if fault == Some(Fault::After) { Err(RequestFailed("it took too long".to_owned())) } else { Ok(()) }
    }
}

/// The program of all messages.
pub static PROGRAM: LazyLock<ProgramId> = LazyLock::new(|| "user-referral".into());

pub struct NotifyFixture {
    pub world: World,
    pub config: Config,
    pub outside: Rc<Outside>,
}

impl NotifyFixture {
    /// Everything is configured, and every service responds.
    pub fn new(seed: u64) -> NotifyFixture {
        NotifyFixture::with(seed, &[])
    }

    /// The same with other settings. An empty value unsets one.
    pub fn with(seed: u64, vars: &[(&str, &str)]) -> NotifyFixture {
        let mut fixture = NotifyFixture { world: World::new(seed), config: Config::default(), outside: Rc::default() };
        fixture.outside.status.set(200);
        fixture.outside.mailing.set(true);
        let (for_hooks, for_mails) = (Rc::clone(&fixture.outside), Rc::clone(&fixture.outside));
        fixture.world.service = RefCell::new(Box::new(move |request| for_hooks.hook(request)));
        fixture.world.mailer = RefCell::new(Box::new(move |mail| for_mails.mail(mail)));
        fixture.set_up(vars);
        fixture
    }

    pub fn set_up(&mut self, vars: &[(&str, &str)]) {
        let operator = manicule::http::auth::hex_sha256(b"mop_of_the_tests");
        let keys = "k1:9352443df9099088f92712ee621632c540a3c7fdd6d1b8446458bd1ce02897a6".to_owned();
        let defaults = [
            ("COOKIE_KEYS", keys.as_str()),
            ("WEBHOOK_SECRETS", "whsec_5Uy0nGg1dQ2kzW3q9rF8bM7xT4hLc6vJpE1sYaNoKtA="),
            ("OPERATOR_BOOTSTRAP_TOKEN_SHA256", operator.as_str()),
            ("PUBLIC_URL", SITE),
            ("MAIL_FROM", "Manicule <hello@site.example>"),
            ("OPERATOR_EMAIL", OPERATOR),
        ];
        let find =
            |all: &[(&str, &str)], name: &str| all.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        self.config = Config::read(|name| find(vars, name).or_else(|| find(&defaults, name)).unwrap_or_default());
        assert_eq!(self.config.complaints, Vec::<String>::new());
        self.config.setup.mail.binding = true;
        self.world.setup = self.config.setup.clone();
    }

    /// The deliveries of one sweep.
    pub fn sweep(&self, when: UtcMillis) -> usize {
        now(deliver::sweep(&self.world.at(when))).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Sweeps every ten minutes, as cron does, whatever the result.
    pub fn sweeps(&self, from: UtcMillis, minutes: i64) {
        for minute in (0..minutes).step_by(10) {
            let _ = now(deliver::sweep(&self.world.at(from.plus_ms(minute * MINUTE_MS))));
        }
    }

    pub fn ask(&self, when: UtcMillis, method: &str, address: &str, body: &Value) -> Response {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            origin: SITE.to_owned(),
            headers: vec![("authorization".to_owned(), "Bearer mop_of_the_tests".to_owned())],
            body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
        };
        self.world.request(when);
        let app = RequestContext { site: &self.world, config: &self.config, now: when };
        let page = now(unsubscribe::answer(&app, &request));
        page.or_else(|| now(route::answer(&app, &request))).expect("an address of ours")
    }

    /// An operator's call. Its response is checked against the description.
    #[track_caller]
    pub fn operate(&self, when: UtcMillis, route: (&str, &str), address: &str, body: &Value, status: u16) -> Value {
        let response = self.ask(when, route.0, address, body);
        let answer: Value = serde_json::from_slice(&response.body).expect("JSON");
        assert_eq!(response.status, status, "{answer}");
        let faults = described::faults(&described::document(), route.0, route.1, status, &answer);
        assert_eq!(faults, Vec::<String>::new(), "{answer}");
        answer
    }

    /// Creates an endpoint for these types. Returns its id and secret.
    pub fn endpoint(&self, when: UtcMillis, url: &str, kinds: &[&str]) -> (String, String) {
        let path = "/v1/webhook-endpoints";
        let made = self.operate(when, ("POST", path), path, &json!({"url": url, "types": kinds}), 201);
        (made["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
    }

    /// A partner with an address.
    pub fn partner(&self, who: &str) -> PartnerId {
        let email = format!("{who}@partners.example");
        self.world.partner(at("2026-01-01T00:00:00Z"), "user-referral", who, &email).unwrap().0.into()
    }

    pub fn queue(&self, when: UtcMillis, messages: &[OutboxMessage]) {
        now(self.world.at(when).query(outbox::outbox_insert(messages, when))).unwrap();
    }

    /// A message about money to a partner, one that can be unsubscribed from, and one to the operator.
    pub fn queue_three(&self, when: UtcMillis, partner: &PartnerId) {
        self.queue(
            when,
            &[
                outbox::joined(&PROGRAM, partner, &"acct_1".into(), when),
                payout_message(MessageType::PayoutSent, "po_1", Some(partner), ("transfer", json!("tr_1"))),
                outbox::budget_low(&PROGRAM, "credit:usd", 100, 25_000, 0, 1),
            ],
        );
    }

    /// `channel target state` of every delivery, in order.
    pub fn states(&self) -> Vec<String> {
        let sql = "SELECT channel || ' ' || IIF(channel = 'email', target, '*') || ' ' || state AS line FROM delivery ORDER BY 1";
        self.world.db.look(sql).iter().map(|r| r["line"].as_str().unwrap().to_owned()).collect()
    }
}

/// A message about a payout, as runs and outbound transfers queue it: to its partner, or to the operators if there is
/// none.
pub fn payout_message<'a>(
    kind: MessageType,
    payout: &str,
    partner: Option<&'a PartnerId>,
    (name, value): (&str, Value),
) -> OutboxMessage<'a> {
    let mut payload = json!({"payout": payout, "amount_cents": 12_345, "unit": "cash:usd", "period": "2026-05"});
    payload[name] = value;
    OutboxMessage { id: format!("{kind}:{payout}"), kind, program: &PROGRAM, partner, account: None, payload }
}

/// The world with slow calls, so that other tasks run in between.
pub struct Slow<'a> {
    world: &'a World,
    db: SlowDb<'a>,
}

pub struct SlowDb<'a>(&'a World);

impl<'a> Slow<'a> {
    pub fn new(world: &'a World) -> Slow<'a> {
        Slow { world, db: SlowDb(world) }
    }

    pub fn context(&'a self, when: UtcMillis) -> Context<'a, Slow<'a>> {
        Context::new(self, &self.world.setup, when, "cron")
    }
}

impl Db for SlowDb<'_> {
    async fn batch(&self, statements: Vec<Stmt>) -> Result<Vec<Rows>, DbError> {
        turn().await;
        let answer = self.0.db.batch(statements).await;
        turn().await;
        answer
    }
}

impl<'a> Ports for Slow<'a> {
    type Db = SlowDb<'a>;

    fn db(&self) -> &SlowDb<'a> {
        &self.db
    }

    async fn send(&self, request: OutgoingRequest) -> Result<IncomingResponse, RequestFailed> {
        turn().await;
        let answer = self.world.send(request).await;
        turn().await;
        answer
    }

    async fn mail(&self, mail: &Mail) -> Result<(), RequestFailed> {
        turn().await;
        let answer = self.world.mail(mail).await;
        turn().await;
        answer
    }

    fn clock(&self) -> UtcMillis {
        self.world.clock()
    }

    fn random(&self, bytes: &mut [u8]) {
        self.world.random(bytes);
    }

    async fn pause(&self, _: u32) {
        turn().await;
    }
}

/// Yields to the other tasks once.
async fn turn() {
    let mut waited = false;
    poll_fn(|_| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        Poll::Pending
    })
    .await;
}

/// Runs futures concurrently. `pick` decides which one continues.
pub fn side_by_side(mut running: Vec<Pin<Box<dyn Future<Output = ()> + '_>>>, mut pick: impl FnMut(usize) -> usize) {
    let mut task = Task::from_waker(Waker::noop());
    while !running.is_empty() {
        let one = pick(running.len());
        if running[one].as_mut().poll(&mut task).is_ready() {
            drop(running.swap_remove(one));
        }
    }
}
