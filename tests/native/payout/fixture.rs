//! A world in which every call to the database and to Stripe can fail, and whose futures are stepped by hand.

use super::stripe::{Mishap, Stripe};
use crate::support::sqlite::{Sqlite, classify, run};
use manicule::base::time::UtcMillis;
use manicule::codec::message::email::Mail;
use manicule::codec::outgoing::{IncomingResponse, OutgoingRequest, RequestFailed};
use manicule::service::context::{Context, Ports};
use manicule::service::setup::{PayoutApproval, Setup, Stripe as Account};
use manicule::store::port::{Allowance, Db, DbError, Rows, Stmt};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll, Waker};

/// What goes wrong at one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The invocation ends before the call.
    CrashBefore,
    /// It ends after the call, and its response is lost.
    CrashAfter,
    /// The call fails and was not carried out.
    FailBefore,
    /// The call fails but was carried out.
    FailAfter,
    /// Another invocation runs from start to finish before the call.
    HandOverBefore,
    /// The same, between the call and its response.
    HandOverAfter,
    /// Stripe responds with one of its failures.
    Stripe(Mishap),
}

pub const DATABASE: &[Fault] = &[
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::FailBefore,
    Fault::FailAfter,
    Fault::HandOverBefore,
    Fault::HandOverAfter,
];

pub const SERVICE: &[Fault] = &[
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::FailBefore,
    Fault::FailAfter,
    Fault::HandOverBefore,
    Fault::HandOverAfter,
    Fault::Stripe(Mishap::TooMany),
    Fault::Stripe(Mishap::FailedDone),
    Fault::Stripe(Mishap::FailedUndone),
    Fault::Stripe(Mishap::Locked),
];

/// The kind of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Database,
    Service,
}

/// What the polled invocation wants from the code that steps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interruption {
    Nothing,
    /// To be dropped.
    Crash,
    /// Another invocation runs first.
    HandOver,
}

/// The faults by call number, and the calls so far.
#[derive(Default)]
pub struct Script {
    plan: RefCell<BTreeMap<usize, Fault>>,
    pub calls: RefCell<Vec<Call>>,
    interruption: Cell<Option<Interruption>>,
    /// Whether each call yields once, so that several invocations can be stepped.
    pub gives_way: Cell<bool>,
}

pub struct Shaky {
    pub sqlite: Sqlite,
    script: Rc<Script>,
}

pub struct CrashFixture {
    pub db: Shaky,
    pub script: Rc<Script>,
    pub stripe: RefCell<Stripe>,
    pub setup: Setup,
    pub now: Cell<i64>,
    /// Statements that an invocation may send; `None`: no limit. Concurrent invocations share what remains of the
    /// latest one's allowance, so that they are cut off anywhere.
    pub statements_max: Cell<Option<u64>>,
    /// Keys with a request in progress at Stripe.
    busy: RefCell<BTreeSet<String>>,
    seed: Cell<u64>,
}

/// Pending the first time it is polled.
struct GiveWay(bool);

impl Future for GiveWay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut TaskContext) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Script {
    pub fn plan(&self, faults: &[(usize, Fault)]) {
        *self.plan.borrow_mut() = faults.iter().copied().collect();
        self.calls.borrow_mut().clear();
        self.interruption.set(None);
    }

    /// Lets a test make calls that are not part of the invocation under test.
    pub fn undisturbed(&self, call: impl FnOnce()) {
        let (plan, calls, gives_way) = (self.plan.take(), self.calls.take(), self.gives_way.replace(false));
        call();
        self.plan.replace(plan);
        self.calls.replace(calls);
        self.gives_way.set(gives_way);
    }

    fn begin(&self, call: Call) -> Option<Fault> {
        let mut calls = self.calls.borrow_mut();
        calls.push(call);
        self.plan.borrow_mut().remove(&(calls.len() - 1))
    }

    async fn interruption(&self, interruption: Interruption) {
        self.interruption.set(Some(interruption));
        GiveWay(false).await;
    }

    async fn step(&self) {
        if self.gives_way.get() {
            self.interruption(Interruption::Nothing).await;
        }
    }

    async fn before(&self, fault: Option<Fault>) {
        self.step().await;
        match fault {
            Some(Fault::CrashBefore) => self.interruption(Interruption::Crash).await,
            Some(Fault::HandOverBefore) => self.interruption(Interruption::HandOver).await,
            _ => {}
        }
    }

    async fn after(&self, fault: Option<Fault>) {
        match fault {
            Some(Fault::CrashAfter) => self.interruption(Interruption::Crash).await,
            Some(Fault::HandOverAfter) => self.interruption(Interruption::HandOver).await,
            _ => {}
        }
        self.step().await;
    }
}

impl Db for Shaky {
    async fn batch(&self, statements: Vec<Stmt>) -> Result<Vec<Rows>, DbError> {
        let fault = self.script.begin(Call::Database);
        self.script.before(fault).await;
        if fault == Some(Fault::FailBefore) {
            return Err(DbError::Unavailable("injected: nothing was written".to_owned()));
        }
        self.sqlite.take(statements.len())?;
        let answer = self.nested(&statements);
        self.script.after(fault).await;
        if fault == Some(Fault::FailAfter) {
            return Err(DbError::Unavailable("injected: it was written all the same".to_owned()));
        }
        answer
    }

    fn allowance(&self) -> Option<Allowance> {
        self.sqlite.allowance.borrow().clone()
    }
}

impl Shaky {
    /// One atomic batch, inside the transaction that a case is rolled back with.
    fn nested(&self, statements: &[Stmt]) -> Result<Vec<Rows>, DbError> {
        let connection = self.sqlite.connection.borrow();
        let control = |sql: &str| connection.prepare_cached(sql).and_then(|mut s| s.execute([])).expect("a savepoint");
        self.sqlite.statements.set(self.sqlite.statements.get() + statements.len() as u64);
        control("SAVEPOINT batch");
        let rows: Result<Vec<Rows>, DbError> = statements.iter().map(|s| run(&connection, s).map(Rows)).collect();
        if rows.is_err() {
            control("ROLLBACK TO batch");
        }
        control("RELEASE batch");
        rows
    }

    pub fn execute(&self, sql: &str) {
        self.sqlite.connection.borrow().execute_batch(sql).map_err(classify).expect("a statement of the test");
    }
}

impl Ports for CrashFixture {
    type Db = Shaky;

    fn db(&self) -> &Shaky {
        &self.db
    }

    async fn send(&self, request: OutgoingRequest) -> Result<IncomingResponse, RequestFailed> {
        let fault = self.script.begin(Call::Service);
        self.script.before(fault).await;
        if fault == Some(Fault::FailBefore) {
            return Err(RequestFailed("injected: it never arrived".to_owned()));
        }
        let answer = self.served(&request, fault).await;
        self.script.after(fault).await;
        if fault == Some(Fault::FailAfter) {
            return Err(RequestFailed("injected: the answer was lost".to_owned()));
        }
        Ok(answer)
    }

    async fn mail(&self, _: &Mail) -> Result<(), RequestFailed> {
        Err(RequestFailed("no mails here".to_owned()))
    }

    fn clock(&self) -> UtcMillis {
        UtcMillis(self.now.get())
    }

    fn random(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = (self.next() >> 32) as u8;
        }
    }

    async fn pause(&self, _: u32) {}
}

impl CrashFixture {
    pub fn new(db: Sqlite) -> CrashFixture {
        let script = Rc::new(Script::default());
        db.invocation(None);
        CrashFixture {
            db: Shaky { sqlite: db, script: Rc::clone(&script) },
            script,
            stripe: RefCell::new(Stripe::default()),
            setup: set_up(PayoutApproval::Automatic),
            now: Cell::new(0),
            statements_max: Cell::new(None),
            busy: RefCell::default(),
            seed: Cell::new(7),
        }
    }

    /// Starts a new invocation.
    pub fn context(&self) -> Context<'_, CrashFixture> {
        self.db.sqlite.invocation(self.statements_max.get());
        Context::new(self, &self.setup, UtcMillis(self.now.get()), "cron")
    }

    pub fn next(&self) -> u64 {
        let state = self.seed.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.seed.set(state);
        state ^ (state >> 29)
    }

    pub fn reseed(&self, seed: u64) {
        self.seed.set(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    }

    /// Stripe processes a request. A concurrent request with the same key is refused.
    async fn served(&self, request: &OutgoingRequest, fault: Option<Fault>) -> IncomingResponse {
        let key = Stripe::key(request);
        if let Some(key) = &key
            && !self.busy.borrow_mut().insert(key.clone())
        {
            let body =
                br#"{"error": {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": "busy"}}"#;
            return IncomingResponse { status: 409, headers: Vec::new(), body: body.to_vec() };
        }
        self.script.step().await;
        let mut stripe = self.stripe.borrow_mut();
        if let Some(Fault::Stripe(mishap)) = fault {
            stripe.mishap = Some(mishap);
        }
        let answer = stripe.answer(request, self.now.get());
        key.map(|key| self.busy.borrow_mut().remove(&key));
        answer
    }

    /// Polls once. Returns whether the job is over, finished or crashed.
    pub fn poll(&self, job: &mut Pin<Box<dyn Future<Output = ()> + '_>>) -> bool {
        self.script.interruption.set(None);
        let mut task = TaskContext::from_waker(Waker::noop());
        if job.as_mut().poll(&mut task).is_ready() {
            return true;
        }
        match self.script.interruption.get() {
            Some(Interruption::Crash) => {
                // Requests in progress at Stripe have ended, even if nobody received the response.
                self.busy.borrow_mut().clear();
                true
            }
            Some(Interruption::HandOver) => {
                self.run();
                false
            }
            _ => false,
        }
    }

    /// Runs one invocation of the ten-minute job until it finishes or crashes.
    pub fn run(&self) {
        let mut job = self.job();
        while !self.poll(&mut job) {}
    }

    /// The part of the ten-minute job that sends money. An error ends it, as in the runtime.
    pub fn job(&self) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(async move {
            let ctx = self.context();
            let _ = manicule::service::settlement::settle::sweep(&ctx).await;
            let _ = manicule::service::credit::plan(&ctx).await;
            let _ = manicule::service::payout::send::drive(&ctx, 6).await;
        })
    }
}

pub fn set_up(payout_approval: PayoutApproval) -> Setup {
    let account = Account { key: "sk_test_model".to_owned(), api_base: "https://stripe.model".to_owned() };
    Setup { stripe: Some(account), payout_approval, ..Setup::default() }
}
