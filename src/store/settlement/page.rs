//! Pages of a program's partners. A run goes through them with a cursor; each page is one step.

use crate::base::ids::{PartnerId, ProgramId};
use crate::engine::settlement::TermsPart;
use crate::store::port::{Stmt, Value};
use crate::store::query::Query;
use serde::Deserialize;

/// Partners per page when a run closes. Each has a statement and may have a payout, so a page takes a second or two of
/// the 30 that D1 gives a statement, and 50,000 partners fit into one invocation.
pub const PARTNER_PAGE: i64 = 5_000;
/// Partners per page of whom terms are looked for: their referrals of a quarter or their accruals of a month are read.
pub const MARKED_PAGE: i64 = 2_000;

/// The partners after one and up to another.
#[derive(Clone, Debug, Default)]
pub struct PartnerPage {
    pub after: PartnerId,
    pub until: PartnerId,
}

impl PartnerPage {
    /// A statement about the page: ?1 is what the partners belong to, ?2 and ?3 are its bounds.
    pub fn of(&self, of: impl Into<Value>, sql: impl Into<std::borrow::Cow<'static, str>>) -> Stmt {
        Stmt::new(sql).bind(of).bind(&self.after).bind(&self.until)
    }
}

/// Where a page ends, and how many partners are in it.
#[derive(Clone, Debug, Deserialize)]
pub struct PageEnd {
    pub until: PartnerId,
    pub found: i64,
}

/// The next partners of a program.
pub fn partner_page(program: &ProgramId, after: &str, limit: i64) -> Query<PageEnd> {
    Stmt::new(
        "SELECT COALESCE(MAX(id), ?2) AS until, COUNT(*) AS found
         FROM (SELECT id FROM partner WHERE program_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3)",
    )
    .bind(program)
    .bind(after)
    .bind(limit)
    .query()
}

/// The next partners of whom something changed.
pub fn marked_page(program: &ProgramId, part: TermsPart, after: &str, limit: i64) -> Query<PageEnd> {
    Stmt::new(
        "SELECT COALESCE(MAX(partner_id), ?2) AS until, COUNT(*) AS found
         FROM (SELECT DISTINCT partner_id FROM terms_mark WHERE program_id = ?1 AND partner_id > ?2 AND part = ?4
               ORDER BY partner_id LIMIT ?3)",
    )
    .bind(program)
    .bind(after)
    .bind(limit)
    .bind(part.name())
    .query()
}
