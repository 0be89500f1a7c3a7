//! Codes of links: which link a given code means, and which links are in the way of a chosen one.

use crate::base::ids::{LinkCode, PartnerId};
use crate::base::time::UtcMillis;
use crate::engine::link::code::skeleton;
use crate::store::port::Stmt;
use crate::store::program::in_force;
use crate::store::query::Query;
use serde::Deserialize;

/// Whether `l` is the link that the SQL expression `given` means, in whatever case: people type what they heard. No two links'
/// codes differ by case alone, so that one search of `link_nocase` finds the link.
pub fn means(given: &str) -> String {
    format!("l.code = {given} COLLATE NOCASE")
}

/// The links `l` that the codes of a query (of one column, `value`) mean, each with its code as `s.value`.
pub fn links_of(codes: &str) -> String {
    format!("({codes}) s CROSS JOIN link l ON {}", means("s.value"))
}

/// A link that has a code, or whose code looks like it.
#[derive(Clone, Debug, Deserialize)]
pub struct RivalLink {
    pub code: LinkCode,
    pub partner_id: PartnerId,
    /// 1: it has this very code, apart from the case.
    pub same: i64,
    /// When it was turned off, or ends by itself.
    pub ends_at_ms: Option<UtcMillis>,
}

/// The link that has the code, whoever's it is and even if it works no more, then live ones of others that look like it.
pub fn rivals(code: &LinkCode, partner: &PartnerId, now: UtcMillis) -> Query<RivalLink> {
    Stmt::new(
        "SELECT code, partner_id, 1 AS same, COALESCE(disabled_at_ms, expires_at_ms) AS ends_at_ms FROM link WHERE code = ?1 COLLATE NOCASE
         UNION ALL SELECT * FROM (SELECT code, partner_id, 0, NULL FROM link WHERE skeleton = ?2 AND partner_id <> ?3
           AND disabled_at_ms IS NULL AND (expires_at_ms IS NULL OR expires_at_ms > ?4) LIMIT 1)",
    )
    .bind(code)
    .bind(skeleton(code))
    .bind(partner)
    .bind(now)
    .query()
}

/// Whether a partner may choose codes.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct MayChoose {
    may: i64,
}

impl MayChoose {
    pub fn holds(found: Option<MayChoose>) -> bool {
        found.is_some_and(|found| found.may != 0)
    }
}

/// What the document in force says about it.
pub fn may_choose(partner: &PartnerId, now: UtcMillis) -> Query<MayChoose> {
    Stmt::new(format!(
        "SELECT COALESCE((SELECT v.document ->> '$.code.chosen_by_partners' FROM {} v), 0) AS may FROM partner p WHERE p.id = ?1",
        in_force("p.program_id", "?2")
    ))
    .bind(partner)
    .bind(now)
    .query()
}
