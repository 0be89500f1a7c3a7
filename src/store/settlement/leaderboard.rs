//! A program's leaderboard: partners by the number of accounts that earned them something, then by what they earned. A
//! run writes their totals as it closes, page by page, and then ranks them in their order.

use crate::base::ids::PartnerId;
use crate::base::time::UtcMillis;
use crate::store::port::Stmt;
use crate::store::query::Query;
use crate::store::settlement::page::PartnerPage;
use crate::store::settlement::run::RunRow;
use serde::{Deserialize, Serialize};

/// Partners ranked in one step.
pub const RANK_PAGE: i64 = 10_000;

/// Writes the totals of a page of partners. They have no rank yet, or the one before.
pub fn leaderboard_refresh(run: &RunRow, page: &PartnerPage, now: UtcMillis) -> [Stmt; 2] {
    [
        page.of(
            &run.program_id,
            "DELETE FROM leaderboard WHERE program_id = ?1 AND partner_id > ?2 AND partner_id <= ?3
               AND NOT EXISTS (SELECT 1 FROM partner_total t WHERE t.program_id = ?1 AND t.partner_id = leaderboard.partner_id AND t.referrals > 0)",
        ),
        page.of(
            &run.program_id,
            "INSERT INTO leaderboard (program_id, partner_id, referrals, gross_cents, unit, refreshed_at_ms)
             SELECT program_id, partner_id, referrals, gross_cents, unit, ?4 FROM partner_total
             WHERE program_id = ?1 AND partner_id > ?2 AND partner_id <= ?3 AND referrals > 0
             ON CONFLICT (program_id, partner_id) DO UPDATE SET referrals = excluded.referrals, gross_cents = excluded.gross_cents, unit = excluded.unit
               WHERE (referrals, gross_cents, unit) IS NOT (excluded.referrals, excluded.gross_cents, excluded.unit)",
        )
        .bind(run.as_of_ms.max(now)),
    ]
}

/// A partner with its place in the order, and its rank: partners with the same totals share one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ranked {
    pub referrals: i64,
    pub gross_cents: i64,
    pub partner_id: PartnerId,
    pub place: i64,
    pub rank: i64,
}

impl Ranked {
    /// The last one that the run's cursor says is ranked. Before the first, one that nobody is ahead of.
    pub fn of(cursor: &str) -> Ranked {
        const MOST: i64 = (1 << 53) - 1;
        let first = Ranked { referrals: MOST, gross_cents: MOST, partner_id: PartnerId::default(), place: 0, rank: 0 };
        serde_json::from_str(cursor).unwrap_or(first)
    }

    fn bind(&self, run: &RunRow, limit: i64, sql: String) -> Stmt {
        Stmt::new(sql)
            .bind(&run.program_id)
            .bind(self.referrals)
            .bind(self.gross_cents)
            .bind(&self.partner_id)
            .bind(self.place)
            .bind(self.rank)
            .bind(limit)
    }
}

/// The next partners in order, with their ranks.
const PAGE: &str = "SELECT *, IIF(referrals = ?2 AND gross_cents = ?3, CAST(?6 AS INTEGER), MIN(place) OVER (PARTITION BY referrals, gross_cents)) AS rank
   FROM (SELECT *, row_number() OVER (ORDER BY referrals DESC, gross_cents DESC, partner_id DESC) + CAST(?5 AS INTEGER) AS place
     FROM (SELECT referrals, gross_cents, partner_id FROM leaderboard WHERE program_id = ?1 AND (referrals, gross_cents, partner_id) < (?2, ?3, ?4)
           ORDER BY referrals DESC, gross_cents DESC, partner_id DESC LIMIT ?7))";

/// The last partner of the page after `after`.
pub fn rank_page_end(run: &RunRow, after: &Ranked, limit: i64) -> Query<Ranked> {
    after
        .bind(
            run,
            limit,
            format!("SELECT referrals, gross_cents, partner_id, place, rank FROM ({PAGE}) ORDER BY place DESC LIMIT 1"),
        )
        .query()
}

/// Ranks the page after `after`.
pub fn rank_page(run: &RunRow, after: &Ranked, limit: i64, now: UtcMillis) -> Stmt {
    after
        .bind(
            run,
            limit,
            format!(
                "UPDATE leaderboard SET rank = n.rank, refreshed_at_ms = ?8 FROM ({PAGE}) n
                 WHERE leaderboard.program_id = ?1 AND leaderboard.partner_id = n.partner_id"
            ),
        )
        .bind(run.as_of_ms.max(now))
}
