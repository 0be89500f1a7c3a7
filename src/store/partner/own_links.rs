//! A partner's links with their counters, as its pages read them.

use crate::base::ids::{LinkCode, PartnerId};
use crate::base::time::UtcMillis;
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

/// What came through a partner's links on one day.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DayRow {
    pub day: i64,
    pub clicks: i64,
    pub signups: i64,
    pub conversions: i64,
}

/// Days since `from` with any counts, oldest first, across all links of the partner.
pub fn day_list(partner: &PartnerId, from: i64) -> Query<DayRow> {
    Stmt::new(
        "SELECT d.day, SUM(d.clicks) AS clicks, SUM(d.signups) AS signups, SUM(d.conversions) AS conversions
         FROM link l CROSS JOIN link_day d ON d.partner_id = l.partner_id AND d.code = l.code AND d.day >= ?2
         WHERE l.partner_id = ?1 GROUP BY d.day ORDER BY d.day",
    )
    .bind(partner)
    .bind(from)
    .query()
}

/// The same for one link.
pub fn link_day_list(partner: &PartnerId, code: &LinkCode, from: i64) -> Query<DayRow> {
    Stmt::new(
        "SELECT day, clicks, signups, conversions FROM link_day WHERE partner_id = ?1 AND code = ?2 AND day >= ?3 ORDER BY day",
    )
    .bind(partner)
    .bind(code)
    .bind(from).query()
}

/// A link with its counters.
#[derive(Clone, Debug, Deserialize)]
pub struct OwnLink {
    pub code: LinkCode,
    pub destination: Option<String>,
    pub campaign: Option<String>,
    /// A JSON object.
    pub utm: Option<String>,
    pub created_at_ms: UtcMillis,
    pub expires_at_ms: Option<UtcMillis>,
    pub disabled_at_ms: Option<UtcMillis>,
    /// 1: the link that the partner was enrolled with.
    pub own: i64,
    pub clicks: i64,
    /// Visits beyond what is stored of one network.
    pub limited: i64,
    pub signups: i64,
    pub conversions: i64,
}

const LINK: &str = "l.code, l.destination, l.campaign, l.utm, l.created_at_ms, l.expires_at_ms, l.disabled_at_ms";

/// The link `l` of partner `p` with its counters since the day ?2.
fn counted(links: &str) -> String {
    format!(
        "SELECT {}, k.own, COALESCE(SUM(d.clicks), 0) AS clicks, COALESCE(SUM(d.limited), 0) AS limited,
                COALESCE(SUM(d.signups), 0) AS signups, COALESCE(SUM(d.conversions), 0) AS conversions
         FROM ({links}) k LEFT JOIN link_day d ON d.partner_id = ?1 AND d.code = k.code AND d.day >= ?2
         GROUP BY k.code ORDER BY k.created_at_ms DESC, k.code DESC",
        LINK.replace("l.", "k.")
    )
}

/// One link of the partner, with counters since that day. An empty code means the partner's first.
pub fn link_own(partner: &PartnerId, code: &LinkCode, since: i64) -> Query<OwnLink> {
    Stmt::new(counted(&format!(
        "SELECT {LINK}, l.code = p.code AS own FROM partner p JOIN link l ON l.partner_id = p.id
         WHERE p.id = ?1 AND l.code = IIF(?3 = '', p.code, ?3)"
    )))
    .bind(partner)
    .bind(since)
    .bind(code)
    .query()
}

/// The partner's other links before the cursor (instant, code), newest first, with counters since that day.
pub fn link_page(partner: &PartnerId, since: i64, before_ms: i64, before_code: &str, limit: i64) -> Query<OwnLink> {
    Stmt::new(counted(&format!(
        "SELECT {LINK}, 0 AS own FROM link l WHERE l.partner_id = ?1 AND l.code <> (SELECT code FROM partner WHERE id = ?1)
           AND l.created_at_ms <= ?3 AND (l.created_at_ms < ?3 OR l.code < ?4)
         ORDER BY l.created_at_ms DESC, l.code DESC LIMIT ?5"
    )))
    .bind(partner)
    .bind(since)
    .bind(before_ms)
    .bind(before_code)
    .bind(limit).query()
}

/// A link that can be chosen.
#[derive(Clone, Debug, Deserialize)]
pub struct LinkName {
    pub code: LinkCode,
    pub campaign: Option<String>,
}

/// The partner's newest working links, and its first.
pub fn link_choices(partner: &PartnerId, now: UtcMillis, limit: i64) -> Query<LinkName> {
    Stmt::new(
        "SELECT l.code, l.campaign FROM partner p JOIN link l ON l.code = p.code
           WHERE p.id = ?1 AND l.disabled_at_ms IS NULL AND (l.expires_at_ms IS NULL OR l.expires_at_ms > ?2)
         UNION ALL SELECT * FROM (SELECT code, campaign FROM link
           WHERE partner_id = ?1 AND disabled_at_ms IS NULL AND (expires_at_ms IS NULL OR expires_at_ms > ?2)
             AND code <> (SELECT code FROM partner WHERE id = ?1)
           ORDER BY created_at_ms DESC, code DESC LIMIT ?3)",
    )
    .bind(partner)
    .bind(now)
    .bind(limit)
    .query()
}
