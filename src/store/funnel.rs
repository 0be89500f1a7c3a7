//! Stages that visitors reached, and their counts by week.

use crate::base::ids::{LinkCode, ProgramId};
use crate::base::limits::{OTHER_CAMPAIGNS, STAGES_PER_MINUTE};
use crate::base::time::{HOUR_MS, UtcMillis, Week};
use crate::engine::funnel::StageCount;
use crate::program::measure::CLICK;
use crate::store::link::code::means;
use crate::store::port::Stmt;
use crate::store::program::in_force;
use crate::store::query::Parsed;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How much later than the event that it explains a touch may be dated: clocks differ, and one may have whole seconds
/// only.
const SKEW_MS: i64 = 300_000;

/// One event of a visitor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FunnelEvent {
    pub id: String,
    /// The event's type.
    pub event: String,
    /// Who may have sent the visitor, most likely first.
    pub senders: Vec<FunnelSender>,
    pub visitor: Option<String>,
    pub path: Option<String>,
    pub at: UtcMillis,
}

/// A code with its campaign, and when it was given.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FunnelSender {
    pub code: LinkCode,
    /// Empty: the link's own.
    pub campaign: String,
    pub at: UtcMillis,
    /// From a touch, which counts within its program's window; otherwise the event itself names the code.
    pub touch: bool,
}

/// Stores each event as a stage of the first sender's program that has a stage for it. Stores nothing if none has, or if
/// no sender's link was live. A single statement that finds the links, partners and documents itself.
pub fn reached_insert(reached: &[FunnelEvent]) -> Stmt {
    insert(reached, "")
}

/// The same for what a page reports, as long as fewer than [`STAGES_PER_MINUTE`] rows have an id that begins like this
/// one: `near`, which is made of what shares the limit.
pub fn reported_insert(reached: FunnelEvent, near: &str) -> Stmt {
    let within = format!(
        " AND (SELECT COUNT(*) FROM (SELECT 1 FROM funnel_event f WHERE f.id >= ?2 AND f.id < ?2 || '~' LIMIT {STAGES_PER_MINUTE})) < {STAGES_PER_MINUTE}"
    );
    if near.is_empty() { reached_insert(&[reached]) } else { insert(&[reached], &within).bind(near) }
}

fn insert(reached: &[FunnelEvent], within: &str) -> Stmt {
    let rows: Vec<Value> = reached.iter().map(|r| json!({"reached": r, "week": Week::of(r.at).to_string()})).collect();
    Stmt::new(format!(
        "INSERT INTO funnel_event (id, program_id, partner_id, code, campaign, stage, event, visitor, path, at_ms, week)
         SELECT id, program_id, partner_id, code, campaign, stage, event, visitor, path, at, week FROM (
         SELECT g.value ->> '$.reached.id' AS id, l.program_id, l.partner_id, l.code,
                COALESCE(NULLIF(c.value ->> '$.campaign', ''), l.campaign, '') AS campaign, s.value ->> '$.id' AS stage,
                g.value ->> '$.reached.event' AS event, g.value ->> '$.reached.visitor' AS visitor,
                g.value ->> '$.reached.path' AS path, g.value ->> '$.reached.at' AS at, g.value ->> '$.week' AS week,
                ROW_NUMBER() OVER (PARTITION BY g.key ORDER BY c.key, s.key) AS place
         FROM json_each(?1) g
         CROSS JOIN json_each(g.value, '$.reached.senders') c
         CROSS JOIN link l ON {means}
         JOIN partner p ON p.id = l.partner_id
         JOIN program_version v ON v.program_id = l.program_id AND v.version = (SELECT version FROM {in_force})
         JOIN json_each(v.document, '$.funnel.stages') s
         WHERE EXISTS (SELECT 1 FROM json_each(s.value, '$.events') e WHERE e.value = g.value ->> '$.reached.event')
           AND (l.expires_at_ms IS NULL OR l.expires_at_ms > c.value ->> '$.at')
           AND (l.disabled_at_ms IS NULL OR l.disabled_at_ms > c.value ->> '$.at')
           AND (p.left_at_ms IS NULL OR p.left_at_ms > c.value ->> '$.at')
           AND (p.disclosure_accepted_at_ms IS NOT NULL OR COALESCE(v.document ->> '$.requires_disclosure', 0) = 0)
           AND (NOT c.value ->> '$.touch'
                OR ((c.value ->> '$.at') + (v.document ->> '$.attribution.window_days') * 86400000 > g.value ->> '$.reached.at'
                    AND c.value ->> '$.at' <= (g.value ->> '$.reached.at') + {SKEW_MS})))
         WHERE place = 1{within} ON CONFLICT (id) DO NOTHING",
        in_force = in_force("l.program_id", "(g.value ->> '$.reached.at')"),
        means = means("c.value ->> '$.code'")
    ))
    .json(&rows)
}

/// How a partner is displayed.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Name {
    pub external_id: Option<String>,
    pub name: Option<String>,
}

/// Partners that a report lists, and campaigns of each of them: those who brought the most. What the others brought is
/// summed.
pub const PARTNERS_MAX: i64 = 100;
pub const CAMPAIGNS_MAX: i64 = 10;
/// The campaign name under which all others of a partner are summed.
pub const OTHER: &str = OTHER_CAMPAIGNS;

/// The stage that the document of the program `?1` in force at `by` names for clicks: no row, or one. `event`: the type of
/// clicks, bound.
pub(in crate::store) fn click_stage(by: &str, event: &str) -> String {
    format!(
        "SELECT s.value ->> '$.id' AS stage FROM {} v JOIN json_each(v.document, '$.funnel.stages') s
         WHERE EXISTS (SELECT 1 FROM json_each(s.value, '$.events') e WHERE e.value = {event}) ORDER BY s.key LIMIT 1",
        in_force("?1", by)
    )
}

/// Rule 24: distinct visitors by partner, campaign and stage in a week, with the partner's display data. Counted clicks
/// count for the stage that the document in force at `by` names for them. The partners that the report does not list are
/// one, without an id. Of a week whose rows were removed there are sums.
pub fn week_counts(program: &ProgramId, week: Week, by: UtcMillis) -> Parsed<Vec<(StageCount, Name)>> {
    Stmt::new(format!(
        "WITH clicked AS MATERIALIZED ({clicked}), reached AS (
           SELECT partner_id, COALESCE(campaign, '') AS campaign, (SELECT stage FROM clicked) AS stage, visitor FROM click
           WHERE EXISTS (SELECT 1 FROM clicked) AND program_id = ?1 AND hour >= ?3 AND hour < ?4
             AND NOT EXISTS (SELECT 1 FROM week_removal WHERE program_id = ?1 AND week = ?2)
           UNION ALL
           SELECT partner_id, campaign, stage, COALESCE(visitor, id) FROM funnel_event WHERE program_id = ?1 AND week = ?2
             AND seq > COALESCE((SELECT last_row FROM week_removal WHERE program_id = ?1 AND week = ?2), 0)
         ), each_sum AS (
           SELECT partner_id, campaign, stage, COUNT(DISTINCT visitor) AS visitors FROM reached GROUP BY partner_id, campaign, stage
           UNION ALL
           SELECT partner_id, campaign, IIF(stage = '', (SELECT stage FROM clicked), stage), visitors FROM funnel_sum
           WHERE program_id = ?1 AND week = ?2 AND (stage <> '' OR EXISTS (SELECT 1 FROM clicked))
         ), counted AS (
           SELECT partner_id, campaign, stage, SUM(visitors) AS visitors FROM each_sum GROUP BY partner_id, campaign, stage
         ), placed AS (
           SELECT partner_id, ROW_NUMBER() OVER (ORDER BY SUM(visitors) DESC, partner_id) AS place FROM counted GROUP BY partner_id
         ), campaign_placed AS (
           SELECT partner_id, campaign, ROW_NUMBER() OVER (PARTITION BY partner_id ORDER BY campaign = '{OTHER}', SUM(visitors) DESC, campaign) AS place
           FROM counted WHERE partner_id IN (SELECT partner_id FROM placed WHERE place <= {PARTNERS_MAX}) GROUP BY partner_id, campaign
         ), listed AS (
           SELECT IIF(k.place IS NULL, '', c.partner_id) AS partner_id, IIF(k.place <= {CAMPAIGNS_MAX}, c.campaign, '{OTHER}') AS campaign,
                  c.stage, SUM(c.visitors) AS visitors
           FROM counted c LEFT JOIN campaign_placed k ON k.partner_id = c.partner_id AND k.campaign = c.campaign GROUP BY 1, 2, 3
         )
         SELECT c.partner_id AS partner, c.campaign, c.stage, c.visitors, p.external_id, x.name
         FROM listed c LEFT JOIN partner p ON p.id = c.partner_id LEFT JOIN partner_person x ON x.partner_id = c.partner_id
         ORDER BY c.partner_id, c.campaign, c.stage",
        clicked = click_stage("?5", "?6")
    ))
    .bind(program)
    .bind(week.to_string())
    .bind(week.start().0.div_euclid(HOUR_MS))
    .bind(week.end().0.div_euclid(HOUR_MS))
    .bind(by)
    .bind(CLICK)
    .pairs()
}
