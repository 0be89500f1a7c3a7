//! Removing old clicks and funnel events, a week of a program at a time, and the fingerprints of months whose salt is over.
//!
//! First a week's sums are kept, in one batch with the note that its rows count as removed; then the rows go, some at a
//! time. So every report says the same before, between and after.

use crate::base::ids::ProgramId;
use crate::base::time::{HOUR_MS, UtcMillis, Week};
use crate::program::measure::CLICK;
use crate::store::funnel::{CAMPAIGNS_MAX, OTHER, click_stage};
use crate::store::link::click::flush::flush_first;
use crate::store::link::click::{CONVERTING, FIRST_MONTH, LONGEST_WINDOW, salts_remove};
use crate::store::port::Stmt;
use crate::store::query::Query;
use crate::store::report::kept::{SMALL_MAX, few_clicks};
use serde::Deserialize;

/// Clock hours of a week.
pub const WEEK_HOURS: i64 = 7 * 24;

/// The clicks of the week of the program `?1` that begins with the clock hour `?3`.
fn of_week() -> String {
    format!("program_id = ?1 AND hour >= ?3 AND hour < ?3 + {WEEK_HOURS}")
}

/// Rows that one statement removes.
pub const REMOVED_MAX: i64 = 5_000;

/// Channels of a partner whose clicks of a day are kept apart. The others are summed.
const CHANNELS_KEPT: i64 = 10;

/// What there is to do, with the oldest rows of a program.
#[derive(Clone, Debug, Deserialize)]
pub struct RemovalDue {
    pub program_id: ProgramId,
    /// The clock hour of its first click.
    pub hour: Option<i64>,
    /// The instant of a funnel event in its first week.
    pub at_ms: Option<UtcMillis>,
    /// 1: fingerprints or salts of months that are over.
    pub fingerprints: i64,
    /// The longest window of a program that attributes by fingerprint: clicks inside it are still looked for.
    pub window_days: i64,
    /// 1: flushes of past days.
    pub flushes: i64,
    /// 1: more clicks than are counted each time, since the last sweep.
    pub many_clicks: i64,
}

impl RemovalDue {
    /// The first week that has rows.
    pub fn week(&self) -> Option<Week> {
        let clicked = self.hour.map(|hour| UtcMillis(hour * HOUR_MS));
        clicked.into_iter().chain(self.at_ms).min().map(Week::of)
    }
}

/// A row for each program.
pub fn removal_due(now: UtcMillis) -> Query<RemovalDue> {
    Stmt::new(format!(
        "SELECT p.program_id, (SELECT MIN(hour) FROM click c WHERE c.program_id = p.program_id) AS hour,
                (SELECT at_ms FROM funnel_event f WHERE f.program_id = p.program_id ORDER BY f.week LIMIT 1) AS at_ms,
                EXISTS (SELECT 1 FROM click WHERE {over}) OR EXISTS (SELECT 1 FROM visitor_salt WHERE month < {FIRST_MONTH}) AS fingerprints,
                {LONGEST_WINDOW} AS window_days,
                EXISTS (SELECT 1 FROM click_flush WHERE writer < ?2) AS flushes,
                NOT EXISTS (SELECT 1 FROM click_scale) AND ({}) > {SMALL_MAX} AS many_clicks
         FROM (SELECT DISTINCT program_id FROM program_version) p",
        few_clicks(),
        over = over()
    ))
    .bind(now)
    .bind(flush_first(now))
    .query()
}

/// A week whose rows are being removed.
#[derive(Clone, Debug, Deserialize)]
pub struct WeekRemoval {
    pub program_id: ProgramId,
    pub week: String,
    pub from_hour: i64,
    pub last_row: i64,
}

pub fn removal_next() -> Query<WeekRemoval> {
    Stmt::new("SELECT program_id, week, from_hour, last_row FROM week_removal ORDER BY program_id, week LIMIT 1")
        .query()
}

/// Keeps the sums of a week, whose rows count as removed from then on. Refused if that was done.
pub fn removal_begin(program: &ProgramId, week: Week) -> [Stmt; 4] {
    let of_week = of_week();
    let funnel = format!(
        "WITH clicked AS MATERIALIZED ({clicked}), reached AS (
           SELECT partner_id, COALESCE(campaign, '') AS campaign, COALESCE((SELECT stage FROM clicked), '') AS stage, visitor FROM click
           WHERE {of_week}
           UNION ALL
           SELECT partner_id, campaign, stage, COALESCE(visitor, id) FROM funnel_event WHERE program_id = ?1 AND week = ?2
         ), counted AS (
           SELECT partner_id, campaign, stage, COUNT(DISTINCT visitor) AS visitors FROM reached GROUP BY partner_id, campaign, stage
         ), placed AS (
           SELECT partner_id, campaign, ROW_NUMBER() OVER (PARTITION BY partner_id ORDER BY campaign = '{OTHER}', SUM(visitors) DESC, campaign) AS place
           FROM counted GROUP BY partner_id, campaign
         )
         INSERT INTO funnel_sum (program_id, week, partner_id, campaign, stage, visitors)
         SELECT ?1, ?2, c.partner_id, IIF(p.place <= {CAMPAIGNS_MAX}, c.campaign, '{OTHER}'), c.stage, SUM(c.visitors)
         FROM counted c JOIN placed p ON p.partner_id = c.partner_id AND p.campaign = c.campaign WHERE true GROUP BY 3, 4, 5
         ON CONFLICT DO UPDATE SET visitors = visitors + excluded.visitors",
        clicked = click_stage("?4", "?5")
    );
    let channels = format!(
        "WITH counted AS (
           SELECT c.hour / 24 AS day, c.partner_id, COALESCE(c.utm_source, l.source, 'direct_link') AS channel, COUNT(*) AS clicks
           FROM click c LEFT JOIN link l ON l.code = c.code
           WHERE ?2 <> '' AND c.program_id = ?1 AND c.hour >= ?3 AND c.hour < ?3 + {WEEK_HOURS} GROUP BY 1, 2, 3
         ), placed AS (
           SELECT *, ROW_NUMBER() OVER (PARTITION BY day, partner_id ORDER BY clicks DESC, channel) AS place FROM counted
         )
         INSERT INTO channel_sum (program_id, day, partner_id, channel, clicks)
         SELECT ?1, day, partner_id, IIF(place <= {CHANNELS_KEPT}, channel, '{OTHER}'), SUM(clicks) FROM placed WHERE true GROUP BY 2, 3, 4
         ON CONFLICT DO UPDATE SET clicks = clicks + excluded.clicks"
    );
    let sources = format!(
        "INSERT INTO click_source (click_id, utm_source)
         SELECT k.id, k.utm_source FROM (SELECT DISTINCT code FROM click WHERE ?2 <> '' AND {of_week} AND utm_source IS NOT NULL) w
           CROSS JOIN binding b INDEXED BY binding_clicked ON b.code = w.code AND b.click_id IS NOT NULL
           {CONVERTING}
         ON CONFLICT DO NOTHING"
    );
    let begun = "INSERT INTO week_removal (program_id, week, from_hour, last_row)
         SELECT ?1, ?2, CAST(?3 AS INTEGER), COALESCE((SELECT MAX(seq) FROM funnel_event WHERE program_id = ?1 AND week = ?2), 0)";
    let hour = week.start().0.div_euclid(HOUR_MS);
    let of = |sql: String| Stmt::new(sql).bind(program).bind(week.to_string()).bind(hour);
    // Judged as reports judge a week that is over.
    let funnel = of(funnel).bind(week.end().plus_ms(-1)).bind(CLICK);
    [funnel, of(channels), of(sources), of(begun.to_owned())]
}

/// Removes some of the week's rows, and its note after the last.
pub fn removal_step(of: &WeekRemoval) -> [Stmt; 3] {
    let of_week = of_week();
    let events = "program_id = ?1 AND week = ?2 AND seq <= ?4";
    [
        format!(
            "DELETE FROM click WHERE ?2 <> '' AND ?4 >= 0 AND (program_id, hour, code, dedupe) IN
               (SELECT program_id, hour, code, dedupe FROM click WHERE {of_week} LIMIT {REMOVED_MAX})"
        ),
        format!(
            "DELETE FROM funnel_event WHERE ?3 >= 0 AND seq IN (SELECT seq FROM funnel_event WHERE {events} ORDER BY seq LIMIT {REMOVED_MAX})"
        ),
        format!(
            "DELETE FROM week_removal WHERE program_id = ?1 AND week = ?2
               AND NOT EXISTS (SELECT 1 FROM click WHERE {of_week}) AND NOT EXISTS (SELECT 1 FROM funnel_event WHERE {events})"
        ),
    ]
    .map(|sql| Stmt::new(sql).bind(&of.program_id).bind(&of.week).bind(of.from_hour).bind(of.last_row))
}

/// Fingerprints of months before the first whose salt finds a click, as of `?1`.
fn over() -> String {
    format!("fingerprint >= 'fp_' AND fingerprint < 'fp_' || replace({FIRST_MONTH}, '-', '')")
}

/// Removes salts that find no click any more, and some of the fingerprints that were made with them.
pub fn fingerprints_remove(now: UtcMillis) -> [Stmt; 2] {
    let fingerprints = format!(
        "UPDATE click SET fingerprint = NULL WHERE (program_id, hour, code, dedupe) IN
           (SELECT program_id, hour, code, dedupe FROM click WHERE {} LIMIT {REMOVED_MAX})",
        over()
    );
    [salts_remove(now), Stmt::new(fingerprints).bind(now)]
}
