//! What was counted of links, and the month's salt.

pub mod flush;
pub mod removal;

use crate::base::ids::LinkCode;
use crate::base::time::{DAY_MS, Month, UtcMillis};
use crate::store::port::{DbError, Rows, Stmt};
use crate::store::query::Query;
use serde::Deserialize;

/// A link's clicks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ClickCounts {
    pub visits: i64,
    pub bots: i64,
    /// Visits beyond what is stored of one network.
    pub limited: i64,
    /// Accounts that a click bound.
    pub converted: i64,
}

/// What was counted of a link since it exists, and how many accounts its clicks bound.
pub fn click_counts(code: &LinkCode) -> Query<ClickCounts> {
    Stmt::new(
        "SELECT COALESCE(SUM(d.clicks), 0) AS visits, COALESCE(SUM(d.bots), 0) AS bots, COALESCE(SUM(d.limited), 0) AS limited,
                (SELECT COUNT(*) FROM binding b WHERE b.code = l.code AND b.click_id IS NOT NULL) AS converted
         FROM link l LEFT JOIN link_day d ON d.partner_id = l.partner_id AND d.code = l.code
         WHERE l.code = ?1 COLLATE NOCASE GROUP BY l.code",
    )
    .bind(code)
    .query()
}

/// Days whose dropped clicks are reported.
const DROPPED_DAYS: i64 = 7;

/// Clicks that were answered and could not be stored.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct DroppedClicks {
    pub dropped: i64,
}

/// Those of the last seven days (UTC).
pub fn dropped_count(now: UtcMillis) -> Query<DroppedClicks> {
    Stmt::new("SELECT COALESCE(SUM(clicks), 0) AS dropped FROM click_dropped WHERE day > ?1")
        .bind(now.0.div_euclid(DAY_MS) - DROPPED_DAYS)
        .query()
}

/// The days of the longest window of a program that attributes by fingerprint.
macro_rules! longest_window {
    () => {
        "COALESCE((SELECT MAX(document ->> '$.attribution.window_days') FROM program_version v
           WHERE EXISTS (SELECT 1 FROM json_each(v.document, '$.attribution.methods') WHERE value = 'fingerprint')), 0)"
    };
}
pub(super) const LONGEST_WINDOW: &str = longest_window!();
/// The first month whose salt still finds a click: one at the month's end may be as old as that window.
pub(super) const FIRST_MONTH: &str =
    concat!("strftime('%Y-%m', (?1 - 86400000 * ", longest_window!(), ") / 1000, 'unixepoch')");

/// The salt of the current month, created from `fresh` if there is none yet; the salts that find no click any more are
/// deleted. Three statements, of which the last returns the valid salt, no matter which invocation created it.
pub fn salt_of(now: UtcMillis, fresh: &str) -> Vec<Stmt> {
    let month = Month::of(now).to_string();
    vec![
        salts_remove(now),
        Stmt::new("INSERT INTO visitor_salt (month, salt) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
            .bind(&month)
            .bind(fresh),
        Stmt::new("SELECT month, salt FROM visitor_salt WHERE month = ?1").bind(&month),
    ]
}

/// Removes the salts that find no click any more.
fn salts_remove(now: UtcMillis) -> Stmt {
    Stmt::new(format!("DELETE FROM visitor_salt WHERE month < {FIRST_MONTH}")).bind(now)
}

/// The click `k`, with a UTM source, that bound the account of the binding `b`.
pub(in crate::store) const CONVERTING: &str = "CROSS JOIN json_each(b.receipt, '$.candidates') c
  CROSS JOIN click k ON c.value ->> '$.chosen' AND k.program_id = ?1 AND k.hour = CAST(c.value ->> '$.at' AS INTEGER) / 3600000
    AND k.code = b.code AND k.id = b.click_id AND k.utm_source IS NOT NULL";

/// A month's salt, in hex.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct SaltRow {
    pub month: String,
    pub salt: String,
}

/// The salts that still find clicks, the latest first.
pub fn salts_find(now: UtcMillis) -> Query<SaltRow> {
    let sql = format!("SELECT month, salt FROM visitor_salt WHERE month >= {FIRST_MONTH} ORDER BY month DESC");
    Stmt::new(sql).bind(now).query()
}

/// One of several fingerprints that has clicks.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct ClickedFingerprint {
    pub fingerprint: String,
}

pub fn clicked(fingerprints: &[String]) -> Query<ClickedFingerprint> {
    Stmt::new(
        "SELECT value AS fingerprint FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM click WHERE fingerprint = value)",
    )
    .json(&fingerprints)
    .query()
}

/// The salt in the rows of `salt_of`.
pub fn salt_decode(rows: &[Rows]) -> Result<SaltRow, DbError> {
    let row = rows.last().map(Rows::first::<SaltRow>).transpose()?.flatten();
    row.ok_or_else(|| DbError::Fault("no salt".to_owned()))
}

#[cfg(test)]
pub mod tests;
