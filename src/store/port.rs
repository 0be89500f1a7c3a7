//! The database port: statements with bound values, sent as one atomic batch.
//!
//! D1 implements it in the Worker, SQLite itself in the tests, so both run the same SQL. A batch is all or nothing. D1
//! passes every bound number to SQLite as a REAL: write `CAST(?1 AS INTEGER)` wherever it is used in arithmetic.

use crate::base::decode;
use crate::base::ids::Id;
use crate::store::guard::Refusal;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use std::borrow::Cow;
use std::cell::Cell;

/// A bound value. D1 accepts no BigInt, so integers must be within ±(2^53 - 1). A JSON text read by `json_each` keeps
/// them INTEGER, and is the way to pass many rows at once.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Int(i64),
    Text(String),
}

/// One statement, with parameters `?1`, `?2`, …
#[derive(Clone, Debug)]
pub struct Stmt {
    pub sql: Cow<'static, str>,
    pub params: Vec<Value>,
}

/// The rows a statement returned, each a map from column name to value.
#[derive(Clone, Debug, Default)]
pub struct Rows(pub Vec<Map<String, Json>>);

/// Why a batch returned no rows.
#[derive(Clone, Debug, PartialEq)]
pub enum DbError {
    /// A constraint or trigger aborted the batch, because another write got there first: nothing was written. Whoever
    /// reads again finds what holds now.
    LostRace(String),
    /// A constraint or trigger aborted the batch, and would do so again: nothing was written. The code of the rule.
    Violation(String),
    /// The database could not be reached or gave up. The batch may have been written anyway.
    Unavailable(String),
    /// The batch exceeds what the invocation may send ([`Allowance`]): nothing was sent. The next invocation does the
    /// remaining work.
    Exhausted,
    /// A table is missing: the database is new, and its migrations have not run yet. Nothing was written.
    NoSchema(String),
    /// The statement or its result does not fit the schema: a bug.
    Fault(String),
}

/// A database.
pub trait Db {
    /// Runs the statements in order in one transaction and returns their rows.
    fn batch(&self, statements: Vec<Stmt>) -> impl Future<Output = Result<Vec<Rows>, DbError>>;

    /// What this invocation may send; `None` if it is not limited.
    fn allowance(&self) -> Option<Allowance> {
        None
    }
}

/// How many statements one invocation may send. D1 allows 50 on Cloudflare's free plan and 1,000 on the paid one, and
/// fails any beyond that. The port refuses them first, so that an invocation ends where we choose and not halfway.
#[derive(Clone, Debug)]
pub struct Allowance {
    max: u64,
    sent: Cell<u64>,
}

impl Allowance {
    pub fn new(max: u64) -> Allowance {
        Allowance { max, sent: Cell::new(0) }
    }

    pub fn max(&self) -> u64 {
        self.max
    }

    pub fn sent(&self) -> u64 {
        self.sent.get()
    }

    pub fn left(&self) -> u64 {
        self.max.saturating_sub(self.sent.get())
    }

    /// Takes a batch of `statements` from what is left. A batch that does not fit takes nothing.
    pub fn take(&self, statements: usize) -> Result<(), DbError> {
        let statements = u64::try_from(statements).unwrap_or(u64::MAX);
        if statements > self.left() {
            return Err(DbError::Exhausted);
        }
        self.sent.set(self.sent.get() + statements);
        Ok(())
    }
}

impl DbError {
    /// Classifies the database's error message: D1 has no error codes, but its message contains SQLite's.
    pub fn of(words: String) -> DbError {
        let says = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
        if let Some(refusal) = Refusal::of(&words) {
            refusal.into()
        } else if says(&["no such table"]) {
            DbError::NoSchema(words)
        } else if says(&["syntax error", "no such", "SQLITE_ERROR", "SQLITE_MISMATCH", "too large"]) {
            DbError::Fault(words)
        } else {
            DbError::Unavailable(words)
        }
    }
}

impl Stmt {
    pub fn new(sql: impl Into<Cow<'static, str>>) -> Stmt {
        Stmt { sql: sql.into(), params: Vec::new() }
    }

    /// Binds the next parameter.
    pub fn bind(mut self, value: impl Into<Value>) -> Stmt {
        self.params.push(value.into());
        self
    }

    /// Binds the next parameter as a JSON text, for `json_each` and `json_extract`.
    pub fn json(self, value: &impl serde::Serialize) -> Stmt {
        self.bind(json_text(value))
    }
}

/// A JSON text to be stored or bound. Serializing plain data with text keys cannot fail, and SQLite would refuse an empty
/// text, not misread it.
pub fn json_text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The elements of the JSON array `?1`, in the column `row`. They are JSONB and materialized: with `json_each`'s own
/// `value`, SQLite serializes and parses the whole text again for every column taken from it.
pub const GIVEN: &str = "WITH given AS MATERIALIZED (SELECT jsonb(value) AS row FROM json_each(?1))";

/// Bytes per JSON array of rows: half of what D1 accepts as one text.
const PAGE_BYTES: usize = 1_000_000;

/// The rows as JSON arrays, each short enough to be bound; none if there are no rows. A longer row gets an array to
/// itself.
pub fn json_pages<T: serde::Serialize>(rows: &[T]) -> Vec<String> {
    let mut pages: Vec<String> = Vec::new();
    for row in rows {
        let row = json_text(row);
        match pages.last_mut() {
            Some(page) if page.len() + row.len() < PAGE_BYTES => page.push(','),
            _ => pages.push("[".to_owned()),
        }
        if let Some(page) = pages.last_mut() {
            page.push_str(&row);
        }
    }
    pages.iter_mut().for_each(|page| page.push(']'));
    pages
}

impl Rows {
    /// The rows as values of `T`. A missing column or one of another type is a bug.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<Vec<T>, DbError> {
        self.clone().take()
    }

    /// The same, consuming the rows: for results with thousands of rows.
    #[inline(never)]
    pub fn take<T: DeserializeOwned>(self) -> Result<Vec<T>, DbError> {
        let mut decoded = Vec::with_capacity(self.0.len());
        self.each(&mut |row| {
            decoded.push(decode::from_value(row)?);
            Ok(())
        })?;
        Ok(decoded)
    }

    /// Compiled once, not for each type of row.
    fn each(self, take: &mut dyn FnMut(Json) -> Result<(), decode::Mismatch>) -> Result<(), DbError> {
        for row in self.0 {
            take(Json::Object(row)).map_err(misfit)?;
        }
        Ok(())
    }

    /// The rows as pairs, if each has two values.
    pub fn decode_pairs<A: DeserializeOwned, B: DeserializeOwned>(&self) -> Result<Vec<(A, B)>, DbError> {
        Ok(self.decode::<A>()?.into_iter().zip(self.decode::<B>()?).collect())
    }

    /// The first row, if there is one.
    pub fn first<T: DeserializeOwned>(&self) -> Result<Option<T>, DbError> {
        Ok(self.decode()?.into_iter().next())
    }
}

#[cold]
#[inline(never)]
fn misfit(mismatch: decode::Mismatch) -> DbError {
    DbError::Fault(mismatch.to_string())
}

impl std::fmt::Display for DbError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DbError::LostRace(why) => write!(f, "another write was first: {why}"),
            DbError::Violation(why) => write!(f, "refused by the database: {why}"),
            DbError::Unavailable(why) => write!(f, "database unavailable: {why}"),
            DbError::Exhausted => write!(f, "this invocation may send no further statements"),
            DbError::NoSchema(why) => write!(f, "the database has no schema yet: {why}"),
            DbError::Fault(why) => write!(f, "database fault: {why}"),
        }
    }
}

impl From<Refusal> for DbError {
    fn from(refusal: Refusal) -> DbError {
        match refusal {
            Refusal::LostRace(why) => DbError::LostRace(why),
            Refusal::Violation(why) => DbError::Violation(why),
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Int(i64::from(value))
    }
}

impl From<crate::base::time::UtcMillis> for Value {
    fn from(value: crate::base::time::UtcMillis) -> Value {
        Value::Int(value.0)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.to_owned())
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Value {
        Value::Text(value.clone())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value)
    }
}

impl<T: Id> From<T> for Value {
    fn from(value: T) -> Value {
        Value::Text(value.into())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_used_up_and_never_overdrawn() {
        let allowance = Allowance::new(5);
        assert_eq!((allowance.take(3), allowance.take(3), allowance.left()), (Ok(()), Err(DbError::Exhausted), 2));
        assert_eq!((allowance.take(2), allowance.take(1), allowance.left()), (Ok(()), Err(DbError::Exhausted), 0));
        assert_eq!(allowance.take(0), Ok(()));
    }

    #[test]
    fn the_databases_words_are_understood() {
        let kind = |words: &str| match DbError::of(words.to_owned()) {
            DbError::LostRace(_) => "lost race",
            DbError::Violation(_) => "violation",
            DbError::NoSchema(_) => "no schema",
            DbError::Fault(_) => "fault",
            DbError::Unavailable(_) => "unavailable",
            DbError::Exhausted => "exhausted",
        };
        for (words, is) in [
            ("D1_ERROR: UNIQUE constraint failed: event.id: SQLITE_CONSTRAINT", "lost race"),
            ("D1_ERROR: CHECK constraint failed: net_cents >= 0: SQLITE_CONSTRAINT", "violation"),
            ("D1_ERROR: no such table: program_version: SQLITE_ERROR", "no schema"),
            ("D1_ERROR: no such column: writen: SQLITE_ERROR", "fault"),
            ("D1_ERROR: near \"SELEC\": syntax error: SQLITE_ERROR", "fault"),
            ("D1_ERROR: D1 DB is overloaded. Requests queued for too long.", "unavailable"),
            ("Network connection lost.", "unavailable"),
        ] {
            assert_eq!(kind(words), is, "{words}");
        }
    }
}
