//! Sums for the reports: set-based, each one statement, however many partners there are.

pub mod kept;
pub mod lists;
pub mod operator;
pub mod payout;
pub mod payout_accruals;

use crate::base::ids::{PartnerId, ProgramId};
use crate::base::time::{DAY_MS, HOUR_MS, UtcMillis};
use crate::store::funnel::OTHER;
use crate::store::link::click::CONVERTING;
use crate::store::link::click::removal::WEEK_HOURS;
use crate::store::port::Stmt;
use crate::store::program::in_force;
use crate::store::query::Query;
use serde::Deserialize;

/// What a partner brought through a channel in a period.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ChannelRow {
    pub partner: PartnerId,
    pub external_id: Option<String>,
    pub channel: String,
    pub clicks: i64,
    pub signups: i64,
    pub qualified: i64,
    pub rewarded: i64,
    pub gross_cents: i64,
}

/// Rows of a report. What is in no row is summed in the last one.
pub const CHANNELS_MAX: i64 = 400;

/// By partner and channel in [from, to). A click's channel is its UTM source, otherwise its link's source, otherwise
/// `direct_link`. An account's is that of the click that converted; otherwise, if a touch bound it, its link's source
/// or `direct_link`; otherwise the method that bound it.
pub fn channel_list(program: &ProgramId, from: UtcMillis, to: UtcMillis) -> Query<ChannelRow> {
    Stmt::new(format!(
        "WITH bound AS MATERIALIZED (
           SELECT account_id, group_id, partner_id, code, method, source, click_id, signed_up_at_ms, qualified_at_ms
           FROM binding WHERE program_id = ?1 AND partner_id IS NOT NULL
         ), accrued AS MATERIALIZED (
           SELECT IIF(source GLOB 'adjustment:*', NULL, account_id) AS rewarded, account_id, partner_id, net_cents FROM accrual
           WHERE program_id = ?1 AND partner_id <> '' AND at_ms >= ?2 AND at_ms < ?3 AND net_cents <> 0 AND state <> 'waiting'
         ), counted AS MATERIALIZED (
           SELECT * FROM bound WHERE (signed_up_at_ms >= ?2 AND signed_up_at_ms < ?3)
             OR (qualified_at_ms >= ?2 AND qualified_at_ms < ?3) OR account_id IN (SELECT account_id FROM accrued)
         ), converted AS MATERIALIZED (
           SELECT t.click_id AS id, k.utm_source FROM counted t CROSS JOIN binding b ON b.account_id = t.account_id AND b.group_id = t.group_id
             {CONVERTING}
           WHERE t.click_id IS NOT NULL
           UNION SELECT s.click_id, s.utm_source FROM counted t CROSS JOIN click_source s ON s.click_id = t.click_id
         ), brought AS MATERIALIZED (
           SELECT t.account_id, t.partner_id, t.signed_up_at_ms, t.qualified_at_ms,
                  COALESCE(k.utm_source, IIF(t.method IN ('token', 'fingerprint'), COALESCE(t.source, 'direct_link'), t.method)) AS channel
           FROM counted t LEFT JOIN converted k ON k.id = t.click_id
         ), each_row AS (
           SELECT c.partner_id, COALESCE(c.utm_source, l.source, 'direct_link') AS channel, COUNT(*) AS clicks,
                  0 AS signups, 0 AS qualified, 0 AS rewarded, 0 AS gross_cents
           FROM click c LEFT JOIN link l ON l.code = c.code
           WHERE {clicked} GROUP BY 1, 2
           UNION ALL
           SELECT partner_id, channel, SUM(clicks), 0, 0, 0, 0 FROM channel_sum WHERE {summed} GROUP BY 1, 2
           UNION ALL
           SELECT partner_id, channel, 0, SUM(signed_up_at_ms >= ?2 AND signed_up_at_ms < ?3),
                  SUM(qualified_at_ms IS NOT NULL AND qualified_at_ms >= ?2 AND qualified_at_ms < ?3), 0, 0
           FROM brought GROUP BY 1, 2
           UNION ALL
           SELECT n.partner_id, COALESCE(b.channel, 'unknown'), 0, 0, 0, COUNT(DISTINCT n.rewarded), SUM(n.net_cents)
           FROM accrued n LEFT JOIN brought b ON b.account_id = n.account_id AND b.partner_id = n.partner_id GROUP BY 1, 2
         ), summed AS (
           SELECT partner_id, channel, SUM(clicks) AS clicks, SUM(signups) AS signups, SUM(qualified) AS qualified,
                  SUM(rewarded) AS rewarded, SUM(gross_cents) AS gross_cents
           FROM each_row GROUP BY partner_id, channel
           HAVING SUM(clicks) + SUM(signups) + SUM(qualified) + SUM(rewarded) > 0 OR SUM(gross_cents) <> 0
         ), placed AS (
           SELECT *, ROW_NUMBER() OVER (ORDER BY gross_cents DESC, rewarded DESC, signups DESC, clicks DESC, partner_id, channel)
             <= {CHANNELS_MAX} AS listed FROM summed
         ), shown AS (
           SELECT IIF(listed, partner_id, '') AS partner_id, IIF(listed, channel, '{OTHER}') AS channel, listed, SUM(clicks) AS clicks,
                  SUM(signups) AS signups, SUM(qualified) AS qualified, SUM(rewarded) AS rewarded, SUM(gross_cents) AS gross_cents
           FROM placed GROUP BY listed, 1, 2
         )
         SELECT r.partner_id AS partner, p.external_id, r.channel, r.clicks, r.signups, r.qualified, r.rewarded, r.gross_cents
         FROM shown r LEFT JOIN partner p ON p.id = r.partner_id
         ORDER BY listed DESC, gross_cents DESC, rewarded DESC, signups DESC, clicks DESC, r.partner_id, r.channel",
        clicked = clicked(from, to),
        summed = clicks_summed(from, to),
    ))
    .bind(program)
    .bind(from)
    .bind(to)
    .query()
}

/// What accounts cost over a period, summed up.
#[derive(Deserialize)]
pub struct CostSums {
    pub rewarded: i64,
    pub reward_cents: i64,
    pub benefit_cents: i64,
    pub invoiced: i64,
    pub first_year_cents: i64,
}

/// What the rewarded referrals of [from, to) cost and are worth: one row, for `EconomicsSums` together with
/// `reach_sums`.
///
/// An account belongs to the period of its first reward that is neither waiting nor reversed. An invoice belongs to the
/// account with the earliest payment of it. All versions of a program have one currency.
pub fn cost_sums(program: &ProgramId, from: UtcMillis, to: UtcMillis) -> Query<CostSums> {
    Stmt::new(
        "WITH first_reward AS MATERIALIZED (
           SELECT account_id, MIN(at_ms) AS at_ms FROM accrual
           WHERE program_id = ?1 AND partner_id <> '' AND net_cents > 0 AND state <> 'waiting' AND source NOT GLOB 'adjustment:*'
           GROUP BY account_id HAVING MIN(at_ms) >= ?2 AND MIN(at_ms) < ?3
         ), cost AS (
           SELECT SUM(IIF(a.partner_id <> '', a.net_cents, 0)) AS reward_cents,
                  SUM(IIF(a.partner_id = '', a.net_cents, 0)) AS benefit_cents
           FROM first_reward f JOIN accrual a ON a.account_id = f.account_id
           WHERE a.program_id = ?1 AND a.state <> 'waiting' AND a.at_ms < f.at_ms + 365 * 86400000
         ), paid AS (
           SELECT f.account_id, e.payload -> '$.\"invoice.paid\"' AS payload,
                  ROW_NUMBER() OVER (PARTITION BY f.account_id ORDER BY e.occurred_at_ms, e.id) AS place
           FROM first_reward f JOIN event e ON e.account_id = f.account_id AND e.type = 'invoice.paid'
           WHERE e.payload ->> '$.\"invoice.paid\".amount.cents' > 0
             AND NOT EXISTS (SELECT 1 FROM event o WHERE o.invoice_id = e.invoice_id AND o.type = 'invoice.paid'
                             AND (o.occurred_at_ms, o.id) < (e.occurred_at_ms, e.id))
         ), revenue AS (
           SELECT COUNT(*) AS invoiced,
                  SUM(12 * ((payload ->> '$.amount.cents') + (payload ->> '$.discount_cents')) / (payload ->> '$.months')) AS cents
           FROM paid WHERE place = 1 AND payload ->> '$.amount.currency' = (SELECT document ->> '$.currency' FROM program_version WHERE program_id = ?1 LIMIT 1)
         )
         SELECT (SELECT COUNT(*) FROM first_reward) AS rewarded, COALESCE(c.reward_cents, 0) AS reward_cents,
                COALESCE(c.benefit_cents, 0) AS benefit_cents, r.invoiced, COALESCE(r.cents, 0) AS first_year_cents
         FROM cost c, revenue r",
    )
    .bind(program)
    .bind(from)
    .bind(to)
    .query()
}

/// Whom referrals reached over a period, summed up.
#[derive(Deserialize)]
pub struct ReachSums {
    pub clicks: i64,
    pub signups: i64,
    pub active_referrers: i64,
    pub existing_accounts: i64,
}

/// How far referrals reached in [from, to): one row. Every account that signed up has a binding in the program's group,
/// attributed or not; the group is that of the document in force at `by`.
pub fn reach_sums(program: &ProgramId, from: UtcMillis, to: UtcMillis, by: UtcMillis) -> Query<ReachSums> {
    Stmt::new(format!(
        "WITH own AS MATERIALIZED (
           SELECT COALESCE(document ->> '$.attribution.exclusive_group', ?1) AS name FROM {in_force}
         ), clicked AS MATERIALIZED (
           SELECT partner_id, COUNT(*) AS clicks FROM click c WHERE {clicked} GROUP BY partner_id
           UNION ALL
           SELECT partner_id, SUM(clicks) FROM channel_sum WHERE {summed} GROUP BY partner_id
         ), referred AS MATERIALIZED (
           SELECT partner_id FROM binding
           WHERE program_id = ?1 AND partner_id IS NOT NULL AND signed_up_at_ms >= ?2 AND signed_up_at_ms < ?3
         )
         SELECT (SELECT COALESCE(SUM(clicks), 0) FROM clicked) AS clicks, (SELECT COUNT(*) FROM referred) AS signups,
                (SELECT COUNT(*) FROM (SELECT partner_id FROM clicked UNION SELECT partner_id FROM referred)) AS active_referrers,
                (SELECT COUNT(*) FROM binding WHERE group_id = (SELECT name FROM own) AND signed_up_at_ms < ?2) AS existing_accounts",
        in_force = in_force("?1", "?4"),
        clicked = clicked(from, to),
        summed = clicks_summed(from, to),
    ))
    .bind(program)
    .bind(from)
    .bind(to)
    .bind(by)
    .query()
}

/// The clicks `c` of the program `?1` in [`?2`, `?3`), which are these instants, but for those whose sums are kept.
fn clicked(from: UtcMillis, to: UtcMillis) -> String {
    let hour = |at: i64| at.div_euclid(HOUR_MS);
    format!(
        "c.program_id = ?1 AND c.hour >= {} AND c.hour <= {} AND c.clicked_at_ms >= ?2 AND c.clicked_at_ms < ?3
           AND NOT EXISTS (SELECT 1 FROM week_removal w WHERE w.program_id = ?1 AND c.hour >= w.from_hour AND c.hour < w.from_hour + {WEEK_HOURS})",
        hour(from.0),
        hour(to.0 - 1)
    )
}

/// The sums of removed clicks of the days (UTC) that these instants touch.
fn clicks_summed(from: UtcMillis, to: UtcMillis) -> String {
    format!("program_id = ?1 AND day >= {} AND day <= {}", from.0.div_euclid(DAY_MS), (to.0 - 1).div_euclid(DAY_MS))
}
