//! What a use case works with: the time, the database, randomness. The runtime reads the clock once per request.

use crate::base::id;
use crate::base::id::ID_BYTES;
use crate::base::ids::ActorId;
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

/// The outside world, as far as use cases need it.
pub trait Ports {
    type Db: Db;

    fn db(&self) -> &Self::Db;

    /// Sends a request to another service, within the request's time limit.
    fn send(&self, request: OutgoingRequest) -> impl Future<Output = Result<IncomingResponse, RequestFailed>>;

    /// Sends an email through the runtime's own email service.
    fn mail(&self, mail: &Mail) -> impl Future<Output = Result<(), RequestFailed>>;

    /// The current time, for things that take minutes and must be precise about time: signatures and leases. Everything
    /// else uses [`Context::now`].
    fn clock(&self) -> UtcMillis;

    /// Fills `bytes` from the runtime's cryptographic randomness.
    fn random(&self, bytes: &mut [u8]);

    /// Waits, so that other work can run.
    fn pause(&self, millis: u32) -> impl Future<Output = ()>;
}

/// One request or one cron run.
pub struct Context<'a, P: Ports> {
    pub ports: &'a P,
    pub setup: &'a Setup,
    /// When the request arrived.
    pub now: UtcMillis,
    /// Who is acting: `cron`, `session:<id>` or `token:<name>`; empty for the public.
    pub actor: ActorId,
    /// Statements that are reserved ([`Context::keep`]).
    kept: Cell<u64>,
}

/// Statements that stay reserved while this guard lives.
pub struct Kept<'a> {
    kept: &'a Cell<u64>,
    before: u64,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.kept.set(self.before);
    }
}

/// An invocation that may send fewer statements than this works in smaller pages.
pub const TIGHT: u64 = 500;

impl<'a, P: Ports> Context<'a, P> {
    pub fn new(ports: &'a P, setup: &'a Setup, now: UtcMillis, actor: impl Into<ActorId>) -> Context<'a, P> {
        Context { ports, setup, now, actor: actor.into(), kept: Cell::new(0) }
    }

    /// Statements that this invocation may still send, without the reserved ones.
    pub fn left(&self) -> u64 {
        self.ports.db().allowance().map_or(u64::MAX, |allowance| allowance.left()).saturating_sub(self.kept.get())
    }

    /// Reserves statements for the last work of an invocation until the guard is dropped. Earlier work is refused
    /// rather than allowed to use them up.
    pub fn keep(&self, statements: u64) -> Kept<'_> {
        let before = self.kept.get();
        self.kept.set(before + statements);
        Kept { kept: &self.kept, before }
    }

    /// What deferrable work leaves to the work that follows it, if there is enough for both: an eighth.
    pub fn reserve(&self) -> u64 {
        if self.is_tight() { 0 } else { self.ports.db().allowance().map_or(0, |allowance| allowance.max() / 8) }
    }

    /// Whether this many statements still fit. Callers check before work that must not be cut off halfway; the port
    /// refuses what exceeds the allowance without a check.
    pub fn has_room(&self, statements: u64) -> bool {
        self.left() >= statements
    }

    /// Whether invocations may send only a few statements (Cloudflare's free plan).
    pub fn is_tight(&self) -> bool {
        self.ports.db().allowance().is_some_and(|allowance| allowance.max() < TIGHT)
    }

    /// A page of `rows`, or a tenth of it where invocations may send only a few statements: a batch writes one
    /// statement per megabyte.
    pub fn page(&self, rows: i64) -> i64 {
        if self.is_tight() { (rows / 10).max(1) } else { rows }
    }

    /// Boxed because dozens of use cases await a batch, and each would hold a copy of the whole database future.
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

    /// Waits a little longer with each attempt, with jitter so that callers who lost the same race don't collide again.
    pub async fn back_off(&self, tries: u32) {
        let mut byte = [0];
        self.ports.random(&mut byte);
        self.ports.pause(1 + tries * 4 + u32::from(byte[0]) % (4 + tries * 4)).await;
    }
}

/// An unguessable value, in hex.
pub fn fresh_secret<P: Ports>(ports: &P) -> String {
    let mut bytes = [0; 32];
    ports.random(&mut bytes);
    id::hex(&bytes)
}
