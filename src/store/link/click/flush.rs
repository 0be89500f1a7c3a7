//! What a flush writes: a row for each visit, and the sums of each link's day.
//!
//! All statements are one batch, so a flush happened or it did not. If it is sent again after it had happened, no click is
//! new, and the rest is known by the flush's number.

use crate::base::fnv::hash;
use crate::base::ids::{LinkCode, PartnerId, ProgramId};
use crate::base::time::{DAY_MS, UtcMillis};
use crate::engine::link::click::{Click, Salt};
use crate::store::port::Stmt;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

/// Clicks and counts that are written together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClickFlush {
    /// The isolate's, on the day of the flush: the day in six digits, then random.
    pub writer: String,
    /// Rises with each flush of the writer.
    pub number: i64,
    /// When its first click was. It is written with the salt of that month, also if that is in the next one: with another
    /// salt its clicks would be others.
    pub made_at: UtcMillis,
    pub clicks: Vec<Click>,
    pub counted: Vec<LinkCount>,
    /// Clicks that were lost before, by day since 1970.
    pub dropped: Vec<(i64, i64)>,
}

/// Requests of a link on a day that are in no click's row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LinkCount {
    pub partner: PartnerId,
    pub code: LinkCode,
    /// Since 1970.
    pub day: i64,
    pub bots: i64,
    pub limited: i64,
}

impl ClickFlush {
    /// Whether it has something that no row of a click would show to be written already.
    fn is_numbered(&self) -> bool {
        !self.counted.is_empty() || !self.dropped.is_empty()
    }

    /// At most four statements.
    pub fn statements(&self, salt: &Salt) -> Vec<Stmt> {
        let Groups { clicks, hours } = groups(&self.clicks, salt);
        let mut statements = Vec::new();
        if !self.clicks.is_empty() || !self.counted.is_empty() {
            statements.push(self.link_days(&hours));
        }
        if !self.clicks.is_empty() {
            statements.push(click_insert(&clicks));
        }
        if !self.dropped.is_empty() {
            statements.push(self.dropped());
        }
        if self.is_numbered() {
            let sql = "INSERT INTO click_flush (writer, number) VALUES (?1, CAST(?2 AS INTEGER))
                 ON CONFLICT (writer) DO UPDATE SET number = MAX(number, excluded.number)";
            statements.push(Stmt::new(sql).bind(&self.writer).bind(self.number));
        }
        statements
    }

    /// Adds to the sums of links' days, before the clicks are inserted: what is new is not there yet.
    fn link_days(&self, hours: &[(LinkHour<'_>, Vec<i64>)]) -> Stmt {
        Stmt::new(format!(
            "WITH hours AS MATERIALIZED (
               SELECT value ->> '$[0][0]' AS code, value ->> '$[0][1]' AS program_id, value ->> '$[0][2]' AS partner_id,
                      value ->> '$[0][3]' AS hour, value -> 1 AS dedupes
               FROM json_each(?1)
             ), given AS (
               SELECT partner_id, code, hour / 24 AS day,
                 (SELECT COUNT(*) FROM json_each(h.dedupes) AS own WHERE NOT EXISTS (SELECT 1 FROM click k
                   WHERE k.program_id = h.program_id AND k.hour = h.hour AND k.code = h.code AND k.dedupe = own.value)) AS clicks,
                 0 AS bots, 0 AS limited
               FROM hours h
               UNION ALL
               SELECT value ->> '$.partner', value ->> '$.code', value ->> '$.day', 0, value ->> '$.bots', value ->> '$.limited'
               FROM json_each(?2) WHERE {is_first}
             )
             INSERT INTO link_day (partner_id, code, day, clicks, bots, limited)
             SELECT partner_id, code, day, SUM(clicks), SUM(bots), SUM(limited) FROM given WHERE true GROUP BY 1, 2, 3
             ON CONFLICT (partner_id, code, day) DO UPDATE SET
               clicks = clicks + excluded.clicks, bots = bots + excluded.bots, limited = limited + excluded.limited",
            is_first = is_first("?3", "?4")
        ))
        .json(&hours)
        .json(&self.counted)
        .bind(&self.writer)
        .bind(self.number)
    }

    fn dropped(&self) -> Stmt {
        Stmt::new(format!(
            "INSERT INTO click_dropped (day, clicks) SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE {}
             ON CONFLICT (day) DO UPDATE SET clicks = clicks + excluded.clicks",
            is_first("?2", "?3")
        ))
        .json(&self.dropped)
        .bind(&self.writer)
        .bind(self.number)
    }
}

/// Whether a writer's flush has not been written yet.
fn is_first(writer: &str, number: &str) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM click_flush f WHERE f.writer = {writer} AND f.number >= CAST({number} AS INTEGER))"
    )
}

/// Inserts all clicks with one statement. A second click of the same link, visitor and hour does nothing, and neither does
/// a second attempt to write the same clicks; any other violation aborts. The values that clicks share are sent and parsed
/// once per group: SQLite parses an element again for every column.
fn click_insert(groups: &[(Shared<'_>, Vec<Own<'_>>)]) -> Stmt {
    Stmt::new(
        "WITH shared AS MATERIALIZED (
           SELECT value ->> '$[0][0]' AS code, value ->> '$[0][1]' AS program_id, value ->> '$[0][2]' AS partner_id,
                  value ->> '$[0][3]' AS campaign, value ->> '$[0][4]' AS hour, value ->> '$[0][5]' AS utm_source,
                  value ->> '$[0][6]' AS utm_medium, value -> 1 AS clicks
           FROM json_each(?1)
         )
         INSERT INTO click (program_id, hour, code, dedupe, id, partner_id, campaign, visitor, clicked_at_ms, country, utm_source,
                            utm_medium, referrer_host, fingerprint)
         SELECT program_id, hour, code, own.value ->> 5, own.value ->> 0, partner_id, campaign, own.value ->> 1, own.value ->> 2,
                own.value ->> 3, utm_source, utm_medium, own.value ->> 4, own.value ->> 6
         FROM shared, json_each(shared.clicks) AS own
         WHERE true
         ON CONFLICT DO NOTHING",
    )
    .json(&groups)
}

/// The values that the clicks of one group share, in the order of the statement.
type Shared<'a> = (&'a LinkCode, &'a ProgramId, &'a PartnerId, Option<&'a str>, i64, Option<&'a str>, Option<&'a str>);
/// A click's own values: id, visitor, instant, country, host of the referrer, dedupe, fingerprint.
type Own<'a> = (&'a str, String, UtcMillis, Option<&'a str>, Option<&'a str>, i64, Option<String>);
/// A link's hour, in the order of the statement.
type LinkHour<'a> = (&'a LinkCode, &'a ProgramId, &'a PartnerId, i64);

/// Clicks as they are inserted, and as they are counted: what makes each a click of its own, by link and hour.
#[derive(Default)]
struct Groups<'a> {
    clicks: Vec<(Shared<'a>, Vec<Own<'a>>)>,
    hours: Vec<(LinkHour<'a>, Vec<i64>)>,
}

/// Of clicks that are the same one, the first.
fn groups<'a>(clicks: &'a [Click], salt: &Salt) -> Groups<'a> {
    let mut groups: BTreeMap<Shared<'a>, Vec<Own<'a>>> = BTreeMap::new();
    let mut hours: BTreeMap<LinkHour<'a>, Vec<i64>> = BTreeMap::new();
    let mut seen = HashSet::with_capacity(clicks.len());
    for click in clicks {
        let visitor = click.visitor_key(salt);
        let dedupe = dedupe(click, &visitor);
        let link = &click.link;
        if !seen.insert((&link.program_id, dedupe)) {
            continue;
        }
        let (country, host) = (click.country.as_deref(), click.referrer_host.as_deref());
        let fingerprint = click.fingerprint(salt, &visitor);
        let own = (click.id.as_str(), visitor, click.at, country, host, dedupe, fingerprint);
        groups.entry(shared(click)).or_default().push(own);
        hours.entry((&link.code, &link.program_id, &link.partner_id, click.hour())).or_default().push(dedupe);
    }
    Groups { clicks: groups.into_iter().collect(), hours: hours.into_iter().collect() }
}

/// FNV-1a of the values that make two clicks the same, in 53 bits: D1's export rounds longer numbers. Visitors are random or
/// keyed hashes, so nobody can choose a collision. Even if a link has a hundred thousand visitors in an hour, the chance that
/// one is mistaken for another is one in a million.
fn dedupe(click: &Click, visitor: &str) -> i64 {
    let (code, hour) = (click.link.code.as_bytes(), click.hour().to_le_bytes());
    (hash(0, &[code, &[0], &hour, visitor.as_bytes()]) >> 11).cast_signed()
}

fn shared(click: &Click) -> Shared<'_> {
    let campaign = Some(click.campaign.as_str()).filter(|campaign| !campaign.is_empty());
    (
        &click.link.code,
        &click.link.program_id,
        &click.link.partner_id,
        campaign,
        click.hour(),
        click.utm_source.as_deref(),
        click.utm_medium.as_deref(),
    )
}

/// Forgets the flushes of days before: none of them is sent again.
pub fn flush_forget(now: UtcMillis) -> Stmt {
    Stmt::new("DELETE FROM click_flush WHERE writer < ?1").bind(flush_first(now))
}

/// Where the writers begin that may still flush: yesterday's.
pub fn flush_first(now: UtcMillis) -> String {
    writer_of(now.0.div_euclid(DAY_MS) - 1, "")
}

/// The name of a writer: it sorts by day.
pub fn writer_of(day: i64, random: &str) -> String {
    format!("{day:06}{random}")
}
