//! Click rows and the month's salt.

use crate::base::ids::{LinkCode, PartnerId, ProgramId};
use crate::base::time::{Month, UtcMillis};
use crate::engine::link::click::{Click, Salt};
use crate::store::port::{DbError, Rows, Stmt};
use crate::store::query::Query;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Inserts all clicks with one statement. A second click of the same link, visitor, hour and kind does nothing, and
/// neither does a second attempt to write the same clicks; any other violation aborts.
///
/// The values that clicks share are sent and parsed once per group: SQLite parses an element again for every column.
pub fn click_insert(clicks: &[Click], salt: &Salt) -> Stmt {
    Stmt::new(
        "WITH shared AS MATERIALIZED (
           SELECT value ->> 0 AS code, value ->> 1 AS program_id, value ->> 2 AS partner_id, value ->> 3 AS campaign,
                  value ->> 4 AS hour, value ->> 5 AS kind, value ->> 6 AS utm_source, value ->> 7 AS utm_medium,
                  value -> 8 AS clicks
           FROM json_each(?1)
         )
         INSERT INTO click (id, code, program_id, partner_id, campaign, visitor, clicked_at_ms, hour, kind, country,
                            utm_source, utm_medium, referrer_host, dedupe, fingerprint)
         SELECT own.value ->> 0, code, program_id, partner_id, campaign, own.value ->> 1, own.value ->> 2, hour, kind,
                own.value ->> 3, utm_source, utm_medium, own.value ->> 4, own.value ->> 5,
                own.value ->> 6
         FROM shared, json_each(shared.clicks) AS own
         WHERE true
         ON CONFLICT DO NOTHING",
    )
    .json(&groups(clicks, salt))
}

/// A link's clicks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ClickCounts {
    pub visits: i64,
    pub bots: i64,
    pub converted: i64,
}

/// How many clicks of a link were counted, by kind, and how many of them converted, that is, bound an account.
pub fn click_counts(code: &LinkCode) -> Query<ClickCounts> {
    Stmt::new(
        "SELECT COALESCE(SUM(kind = 'visit'), 0) AS visits, COALESCE(SUM(kind = 'bot'), 0) AS bots,
                COALESCE(SUM(EXISTS (SELECT 1 FROM binding b WHERE b.click_id = click.id)), 0) AS converted
         FROM click WHERE code = (SELECT code FROM link WHERE code = ?1 COLLATE NOCASE)",
    )
    .bind(code)
    .query()
}

/// The first month whose salt still finds a click: one at the month's end may be that old, by the longest window of a
/// program that attributes by fingerprint.
const FIRST_MONTH: &str = "strftime('%Y-%m', (?1 - 86400000 * COALESCE((SELECT MAX(document ->> '$.attribution.window_days')
    FROM program_version v WHERE EXISTS (SELECT 1 FROM json_each(v.document, '$.attribution.methods') WHERE value = 'fingerprint')), 0)) / 1000,
    'unixepoch')";

/// The salt of the current month, created from `fresh` if there is none yet; the salts that find no click any more are
/// deleted. Three statements, of which the last returns the valid salt, no matter which invocation created it.
pub fn salt_of(now: UtcMillis, fresh: &str) -> Vec<Stmt> {
    let month = Month::of(now).to_string();
    vec![
        Stmt::new(format!("DELETE FROM visitor_salt WHERE month < {FIRST_MONTH}")).bind(now),
        Stmt::new("INSERT INTO visitor_salt (month, salt) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
            .bind(&month)
            .bind(fresh),
        Stmt::new("SELECT month, salt FROM visitor_salt WHERE month = ?1").bind(&month),
    ]
}

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
pub fn salt_decode(rows: &[Rows]) -> Result<String, DbError> {
    let row = rows.last().map(Rows::first::<SaltRow>).transpose()?.flatten();
    row.map(|row| row.salt).ok_or_else(|| DbError::Fault("no salt".to_owned()))
}

/// The values that the clicks of one group share, in the order of the statement.
type Shared<'a> =
    (&'a LinkCode, &'a ProgramId, &'a PartnerId, Option<&'a str>, i64, &'static str, Option<&'a str>, Option<&'a str>);
/// A click's own values: id, visitor, instant, country, host of the referrer, dedupe, fingerprint.
type Own<'a> = (&'a str, String, UtcMillis, Option<&'a str>, Option<&'a str>, i64, Option<String>);
/// A group as it is written: an array of the shared values and, last, the clicks.
#[derive(serde::Serialize)]
struct Group<'a>(
    &'a LinkCode,
    &'a ProgramId,
    &'a PartnerId,
    Option<&'a str>,
    i64,
    &'static str,
    Option<&'a str>,
    Option<&'a str>,
    Vec<Own<'a>>,
);

fn groups<'a>(clicks: &'a [Click], salt: &Salt) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<Shared<'a>, Vec<Own<'a>>> = BTreeMap::new();
    for click in clicks {
        let visitor = click.visitor_key(salt);
        let dedupe = dedupe(click, &visitor);
        let (country, host) = (click.country.as_deref(), click.referrer_host.as_deref());
        let fingerprint = click.fingerprint(salt);
        groups.entry(shared(click)).or_default().push((
            &click.id,
            visitor,
            click.at,
            country,
            host,
            dedupe,
            fingerprint,
        ));
    }
    groups
        .into_iter()
        .map(|((code, program, partner, campaign, hour, kind, source, medium), own)| {
            Group(code, program, partner, campaign, hour, kind, source, medium, own)
        })
        .collect()
}

/// FNV-1a of the values that make two clicks the same. Visitors are random or keyed hashes, so nobody can choose a
/// collision. By chance, one in a thousand million clicks would be mistaken for another.
fn dedupe(click: &Click, visitor: &str) -> i64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut mix = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    mix(click.link.code.as_bytes());
    mix(&[0, u8::from(click.bot)]);
    mix(&click.hour().to_le_bytes());
    mix(visitor.as_bytes());
    hash.cast_signed()
}

fn shared(click: &Click) -> Shared<'_> {
    let kind = if click.bot { "bot" } else { "visit" };
    let campaign = Some(click.campaign.as_str()).filter(|campaign| !campaign.is_empty());
    (
        &click.link.code,
        &click.link.program_id,
        &click.link.partner_id,
        campaign,
        click.hour(),
        kind,
        click.utm_source.as_deref(),
        click.utm_medium.as_deref(),
    )
}

#[cfg(test)]
pub mod tests;
