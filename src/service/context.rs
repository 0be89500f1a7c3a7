//! What a use is given: the instant, the database, randomness. The shell reads the clock once per request.

use crate::base::id;
use crate::base::id::ID_BYTES;
use crate::base::time::UtcMillis;
use crate::codec::message::email::Mail;
use crate::codec::outgoing::{IncomingResponse, OutgoingRequest, RequestFailed};
use crate::program::catalog::Catalog;
use crate::service::setup::Setup;
use crate::store::port::{Db, DbError, Rows, Stmt};
use crate::store::program;
use crate::store::query::Reads;
use std::cell::Cell;
use std::pin::Pin;

/// The outside world, as far as uses need it.
pub trait Ports {
    type Db: Db;

    fn db(&self) -> &Self::Db;

    /// Asks another service, within the request's time limit.
    fn send(&self, request: OutgoingRequest) -> impl Future<Output = Result<IncomingResponse, RequestFailed>>;

    /// Hands a mail to the runtime's own mail service.
    fn mail(&self, mail: &Mail) -> impl Future<Output = Result<(), RequestFailed>>;

    /// How late it is by now. For what takes minutes and must say when: signatures, and who holds what until when.
    /// Everything else goes by [`Context::now`].
    fn clock(&self) -> UtcMillis;

    /// Fills `bytes` from the runtime's cryptographic randomness.
    fn random(&self, bytes: &mut [u8]);

    /// Lets others go first for a while.
    fn pause(&self, millis: u32) -> impl Future<Output = ()>;
}

/// One request or one cron run.
pub struct Context<'a, P: Ports> {
    pub ports: &'a P,
    pub setup: &'a Setup,
    /// When the request came in.
    pub now: UtcMillis,
    /// Who acts: `cron`, `session:<id>` or `token:<name>`; empty for the public.
    pub actor: String,
    /// Statements that are set aside ([`Context::keep`]).
    kept: Cell<u64>,
}

/// Statements that are set aside while this lives.
pub struct Kept<'a> {
    kept: &'a Cell<u64>,
    before: u64,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.kept.set(self.before);
    }
}

/// An invocation that may send fewer statements than this takes its work in smaller pages.
const TIGHT: u64 = 500;

impl<'a, P: Ports> Context<'a, P> {
    pub fn new(ports: &'a P, setup: &'a Setup, now: UtcMillis, actor: impl Into<String>) -> Context<'a, P> {
        Context { ports, setup, now, actor: actor.into(), kept: Cell::new(0) }
    }

    /// Statements that this invocation may still send, but for those that are set aside.
    pub fn left(&self) -> u64 {
        self.ports.db().allowance().map_or(u64::MAX, |allowance| allowance.left()).saturating_sub(self.kept.get())
    }

    /// Sets statements aside for what comes last, until the guard is dropped: what comes first is refused rather than let
    /// use them up.
    pub fn keep(&self, statements: u64) -> Kept<'_> {
        let before = self.kept.get();
        self.kept.set(before + statements);
        Kept { kept: &self.kept, before }
    }

    /// What work that can wait leaves to what comes behind it, where there is enough for both: an eighth.
    pub fn reserve(&self) -> u64 {
        if self.is_tight() { 0 } else { self.ports.db().allowance().map_or(0, |allowance| allowance.max() / 8) }
    }

    /// Whether so many statements still fit. What is asked before work that would be cut off in its middle; what does
    /// not ask is refused by the port.
    pub fn has_room(&self, statements: u64) -> bool {
        self.left() >= statements
    }

    /// Whether invocations may send only few statements (Cloudflare's free plan).
    pub fn is_tight(&self) -> bool {
        self.ports.db().allowance().is_some_and(|allowance| allowance.max() < TIGHT)
    }

    /// A page of `rows`, or a tenth of it where invocations may send only few statements: a batch writes a statement for
    /// each megabyte.
    pub fn page(&self, rows: i64) -> i64 {
        if self.is_tight() { (rows / 10).max(1) } else { rows }
    }

    /// Boxed: dozens of uses wait for a batch, and each would hold a copy of the whole way to the database.
    pub fn batch(&self, statements: Vec<Stmt>) -> Pin<Box<dyn Future<Output = Result<Vec<Rows>, DbError>> + '_>> {
        Box::pin(async move {
            let expected = statements.len();
            if expected as u64 > self.left() {
                return Err(DbError::Exhausted);
            }
            let rows = self.ports.db().batch(statements).await?;
            if rows.len() == expected {
                Ok(rows)
            } else {
                Err(DbError::Fault(format!("{expected} statements, {} answers", rows.len())))
            }
        })
    }

    /// What `reads` finds, in one batch.
    pub async fn read<R: Reads>(&self, reads: R) -> Result<R::Rows, DbError> {
        let mut statements = Vec::new();
        let shape = reads.send(&mut statements);
        let mut answers = self.batch(statements).await?.into_iter();
        R::take(shape, &mut answers)
    }

    /// The catalog of programs, in a batch of its own.
    pub async fn programs(&self) -> Result<Catalog, DbError> {
        self.read(program::programs()).await
    }

    /// The rows of one statement.
    pub async fn query(&self, statement: Stmt) -> Result<Rows, DbError> {
        self.batch(vec![statement]).await.map(|mut rows| rows.pop().unwrap_or_default())
    }

    pub fn fresh_id(&self, prefix: &str) -> String {
        let mut bytes = [0; ID_BYTES];
        self.ports.random(&mut bytes);
        id::fresh(prefix, &bytes)
    }

    /// Waits a little longer with each try, and never in step with others who lost the same race.
    pub async fn back_off(&self, tries: u32) {
        let mut byte = [0];
        self.ports.random(&mut byte);
        self.ports.pause(1 + tries * 4 + u32::from(byte[0]) % (4 + tries * 4)).await;
    }
}

/// What nobody can guess, in hex.
pub fn fresh_secret<P: Ports>(ports: &P) -> String {
    let mut bytes = [0; 32];
    ports.random(&mut bytes);
    id::hex(&bytes)
}
