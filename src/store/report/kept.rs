//! Reports that are kept as rows, and how much each would read otherwise.

use crate::base::names::names;
use crate::base::time::UtcMillis;
use crate::store::port::{DbError, Rows, Stmt};
use crate::store::query::Query;
use serde::{Deserialize, Serialize};

names! {
    /// What a report is about.
    pub enum ReportKind {
        Funnel = "funnel",
        Economics = "economics",
        Channels = "channels",
        Run = "run",
    }
}

/// Which report: of a program over [from, to), or of a run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ReportKey {
    pub kind: ReportKind,
    /// The program's or run's id.
    pub subject: String,
    pub from_ms: UtcMillis,
    pub to_ms: UtcMillis,
}

/// A report as it was last put together; both are `None` if it is only wanted.
#[derive(Clone, Debug, Deserialize)]
pub struct KeptReport {
    pub computed_at_ms: Option<UtcMillis>,
    pub body: Option<String>,
}

/// Rows that an installation may hold in each of the tables that reports read, for its reports to be put together while
/// somebody waits.
pub const SMALL_MAX: i64 = 2_000;

/// How many rows there are to read.
#[derive(Clone, Debug, Deserialize)]
pub struct ReportSize {
    /// Of the largest table: at least as many as it has.
    pub rows: i64,
}

/// How many rows reports may have to read, from the tables' row numbers: an accrual has at least one ledger row. Clicks have
/// no numbers: they are counted while there are few.
pub fn report_size() -> Query<ReportSize> {
    let of = |table: &str| format!("(SELECT COALESCE(MAX(seq) - (SELECT MIN(seq) FROM {table}) + 1, 0) FROM {table})");
    let tables = ["funnel_event", "binding", "transfer"].map(of);
    let many = SMALL_MAX + 1;
    Stmt::new(format!(
        "SELECT MAX(IIF(EXISTS (SELECT 1 FROM click_scale), {many}, ({})), {}) AS rows",
        few_clicks(),
        tables.join(", ")
    ))
    .query()
}

/// Counts clicks up to one more than reports read while somebody waits.
pub fn few_clicks() -> String {
    format!("SELECT COUNT(*) FROM (SELECT 1 FROM click WHERE program_id > '' LIMIT {SMALL_MAX} + 1)")
}

/// Notes that there are more clicks than that, so that they are not counted again.
pub fn many_clicks_note(now: UtcMillis) -> Stmt {
    Stmt::new(format!(
        "INSERT INTO click_scale (id, many_since_ms) SELECT 1, ?1
         WHERE NOT EXISTS (SELECT 1 FROM click_scale) AND ({}) > {SMALL_MAX}",
        few_clicks()
    ))
    .bind(now)
}

fn keyed(statement: Stmt, key: &ReportKey) -> Stmt {
    statement.bind(key.kind.name()).bind(&key.subject).bind(key.from_ms).bind(key.to_ms)
}

pub fn kept_find(key: &ReportKey) -> Query<KeptReport> {
    let sql =
        "SELECT computed_at_ms, body FROM kept_report WHERE kind = ?1 AND subject = ?2 AND from_ms = ?3 AND to_ms = ?4";
    keyed(Stmt::new(sql), key).query()
}

/// Somebody wants these reports as of now: the next sweep puts them together.
pub fn kept_want(keys: &[ReportKey], now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO kept_report (kind, subject, from_ms, to_ms, wanted_at_ms)
         SELECT value ->> '$.kind', value ->> '$.subject', value ->> '$.from_ms', value ->> '$.to_ms', ?2 FROM json_each(?1) WHERE true
         ON CONFLICT DO UPDATE SET wanted_at_ms = COALESCE(wanted_at_ms, excluded.wanted_at_ms)",
    )
    .json(&keys)
    .bind(now)
}

/// The reports that are wanted, longest first.
pub fn kept_wanted(limit: i64) -> Query<ReportKey> {
    let sql = "SELECT kind, subject, from_ms, to_ms FROM kept_report WHERE wanted_at_ms IS NOT NULL ORDER BY wanted_at_ms LIMIT ?1";
    Stmt::new(sql).bind(limit).query()
}

/// The report waits after the others that are wanted.
pub fn kept_put_off(key: &ReportKey, now: UtcMillis) -> Stmt {
    let sql =
        "UPDATE kept_report SET wanted_at_ms = ?5 WHERE kind = ?1 AND subject = ?2 AND from_ms = ?3 AND to_ms = ?4";
    keyed(Stmt::new(sql), key).bind(now)
}

/// The columns that say who a partner is. They are looked up when a kept report is read, so that nothing in it has to be
/// erased.
const NAMES: [&str; 2] = ["external_id", "name"];

/// Keeps what a report's statements found, without names.
pub fn kept_write(key: &ReportKey, found: Vec<Rows>, now: UtcMillis) -> Stmt {
    let mut rows: Vec<_> = found.into_iter().map(|rows| rows.0).collect();
    for row in rows.iter_mut().flatten() {
        row.retain(|column, _| !NAMES.contains(&column.as_str()));
    }
    let sql = "UPDATE kept_report SET wanted_at_ms = NULL, computed_at_ms = ?5, body = ?6
               WHERE kind = ?1 AND subject = ?2 AND from_ms = ?3 AND to_ms = ?4";
    keyed(Stmt::new(sql), key).bind(now).json(&rows)
}

/// The rows in a kept report, by statement.
pub fn kept_rows(body: &str) -> Result<Vec<Rows>, DbError> {
    let broken = |error: serde_json::Error| DbError::Fault(format!("a kept report: {error}"));
    let rows: Vec<Vec<serde_json::Map<String, serde_json::Value>>> = serde_json::from_str(body).map_err(broken)?;
    Ok(rows.into_iter().map(Rows).collect())
}
