//! Whether the database is the one this build expects, and when its jobs last ran.

use crate::base::ids::ProgramId;
use crate::base::time::UtcMillis;
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;
use std::collections::HashSet;

/// The names that `build.rs` found in the schema, one per line.
const NAMES: &str = include_str!(concat!(env!("OUT_DIR"), "/schema_names.txt"));

/// The names of the tables, indexes, views and triggers that the schema creates.
pub fn schema_names() -> Vec<&'static str> {
    NAMES.lines().collect()
}

pub fn expected_objects() -> usize {
    schema_names().len()
}

/// A table, index, view or trigger of the database.
#[derive(Clone, Debug, Deserialize)]
pub struct SchemaObject {
    pub name: String,
}

pub fn schema_objects() -> Query<SchemaObject> {
    Stmt::new("SELECT name FROM sqlite_master WHERE type IN ('table', 'index', 'view', 'trigger')").query()
}

/// The schema's objects that are missing in the database.
pub fn missing_objects(found: &[SchemaObject]) -> Vec<&'static str> {
    let present: HashSet<&str> = found.iter().map(|object| object.name.as_str()).collect();
    schema_names().into_iter().filter(|name| !present.contains(*name)).collect()
}

#[derive(Clone, Debug, Deserialize)]
pub struct Heartbeat {
    pub job: String,
    pub scheduled_at_ms: UtcMillis,
    pub finished_at_ms: UtcMillis,
    /// The part of the job that was refused, and the guard or constraint that refused it.
    pub refused_by: Option<String>,
}

pub fn heartbeat_list() -> Query<Heartbeat> {
    Stmt::new("SELECT job, scheduled_at_ms, finished_at_ms, refused_by FROM heartbeat ORDER BY job").query()
}

/// The units in which debits and credits differed when they were last added up.
pub fn units_unbalanced(beats: &[Heartbeat]) -> impl Iterator<Item = &str> {
    let ledger = beats.iter().filter(|b| b.job == LEDGER_JOB);
    ledger.filter_map(|b| b.refused_by.as_deref()).flat_map(|units| units.split(' '))
}

/// A job's later record takes the place of the one before.
const AGAIN: &str = "ON CONFLICT (job) DO UPDATE SET scheduled_at_ms = excluded.scheduled_at_ms,
     finished_at_ms = excluded.finished_at_ms, refused_by = excluded.refused_by";

/// The job that adds up the ledger's accounts. Its record names the units that do not balance.
pub const LEDGER_JOB: &str = "ledger";

/// Adds up the debits and the credits of all ledger accounts, unless that was done since `before`.
pub fn ledger_balance(before: UtcMillis, now: UtcMillis) -> Stmt {
    Stmt::new(format!(
        "INSERT INTO heartbeat (job, scheduled_at_ms, finished_at_ms, refused_by)
         SELECT ?1, ?3, ?3, (SELECT group_concat(unit, ' ') FROM (SELECT unit FROM ledger_account GROUP BY unit
           HAVING SUM(dr_posted_cents) <> SUM(cr_posted_cents) OR SUM(dr_pending_cents) <> SUM(cr_pending_cents)))
         WHERE NOT EXISTS (SELECT 1 FROM heartbeat WHERE job = ?1 AND finished_at_ms > ?2)
         {AGAIN}",
    ))
    .bind(LEDGER_JOB)
    .bind(before)
    .bind(now)
}

pub fn heartbeat_write(job: &str, scheduled: UtcMillis, now: UtcMillis, refused_by: Option<&str>) -> Stmt {
    Stmt::new(format!(
        "INSERT INTO heartbeat (job, scheduled_at_ms, finished_at_ms, refused_by) VALUES (?1, ?2, ?3, ?4)
         {AGAIN}",
    ))
    .bind(job)
    .bind(scheduled)
    .bind(now)
    .bind(refused_by.map(str::to_owned))
}

/// A program's latest run of a cadence.
#[derive(Clone, Debug, Deserialize)]
pub struct LatestRun {
    pub program_id: ProgramId,
    pub cadence: String,
    /// The instant as of which it settled; `None` if there is no run.
    pub as_of_ms: Option<UtcMillis>,
    /// When the program was first saved.
    pub since_ms: UtcMillis,
}

/// The latest runs of all programs: one row per program and cadence.
pub fn run_latest_list(cadences: &[&str]) -> Query<LatestRun> {
    Stmt::new(
        "SELECT v.program_id, c.value AS cadence, v.since_ms,
                (SELECT MAX(r.as_of_ms) FROM run r WHERE r.program_id = v.program_id AND r.cadence = c.value) AS as_of_ms
         FROM (SELECT program_id, MIN(created_at_ms) AS since_ms FROM program_version GROUP BY program_id) v CROSS JOIN json_each(?1) c",
    )
    .json(&cadences)
    .query()
}

/// Unfinished runs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Open {
    pub open: i64,
    /// When the oldest of them started.
    pub oldest_ms: Option<UtcMillis>,
    /// How many of them a guard or constraint refuses to advance.
    pub refused: i64,
}

pub fn run_open_count() -> Query<Open> {
    Stmt::new(
        "SELECT COUNT(*) AS open, MIN(started_at_ms) AS oldest_ms, COUNT(refused_by) AS refused FROM run WHERE state <> 'done'",
    )
    .query()
}

/// An unfinished run that is refused, without its program.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RefusedRun {
    pub state: String,
    pub refused_by: String,
}

pub fn run_refused_list() -> Query<RefusedRun> {
    Stmt::new("SELECT state, refused_by FROM run WHERE state <> 'done' AND refused_by IS NOT NULL ORDER BY started_at_ms LIMIT 20")
        .query()
}

/// How far a job got before it was cut off.
#[derive(Clone, Debug, Deserialize)]
pub struct Cursor {
    pub job: String,
    pub cursor: String,
}

pub fn cursor_list() -> Query<Cursor> {
    Stmt::new("SELECT job, cursor FROM job_cursor").query()
}

/// Statements that store how far a job got, or that it finished.
pub const CURSOR_STATEMENTS: u64 = 2;

/// Stores how far a job got, for the next invocation.
pub fn cursor_write(job: &str, cursor: &str) -> Stmt {
    Stmt::new(
        "INSERT INTO job_cursor (job, cursor) VALUES (?1, ?2) ON CONFLICT (job) DO UPDATE SET cursor = excluded.cursor",
    )
    .bind(job)
    .bind(cursor)
}

/// The job is finished: next time it starts from the beginning.
pub fn cursor_clear(job: &str) -> Stmt {
    Stmt::new("DELETE FROM job_cursor WHERE job = ?1").bind(job)
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Backlog {
    pub queued: i64,
    /// Messages that could not be delivered to some recipient within three days.
    pub failed: i64,
    /// Messages that nobody received, although somebody has to.
    pub undelivered: i64,
    pub oldest_ms: Option<i64>,
}
