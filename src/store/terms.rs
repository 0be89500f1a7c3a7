//! What runs find about partners: modifiers earned and caps reached. Set-based: each statement looks at all partners of
//! the program, and what it changes marks the accounts that have to be decided again.

use super::port::Stmt;
use super::run::RunRow;
use crate::base::time::UtcMillis;
use crate::engine::sabotage::{self, Fault};
use crate::program::document::{Document, PartnerCondition, ReferralPeriod};

/// The statements of one batch: what was found is written beside what stood, accounts of partners for whom something
/// changed are marked, and what was not found again goes.
pub fn refresh(run: &RunRow, document: &Document, now: UtcMillis) -> Vec<Stmt> {
    let mut statements = Vec::new();
    for modifier in &document.modifiers {
        for condition in &modifier.when_any {
            statements.push(find(run, &modifier.id, condition));
        }
    }
    for cap in &document.caps {
        statements.push(cap_find(run, &cap.reward, cap.per_partner_month_cents.0));
    }
    if !statements.is_empty() {
        statements.extend([mark_partners(run, now), forget_terms(run), mark_capped(run, now), forget_caps(run)]);
    }
    statements
}

/// Terms are found as of the program's latest run: to run an older period again takes nothing back from newer ones.
const AS_OF: &str = "(SELECT MAX(as_of_ms) FROM run WHERE program_id = ?1)";

/// Of several ways to the same modifier the earliest instant counts.
const KEEP_EARLIEST: &str = "ON CONFLICT (program_id, partner_id, modifier_id, quarter) DO UPDATE SET
       changed_run = IIF(seen_run = excluded.seen_run, IIF(excluded.from_ms < from_ms, excluded.changed_run, changed_run),
                         IIF(excluded.from_ms <> from_ms, excluded.changed_run, changed_run)),
       from_ms = IIF(seen_run = excluded.seen_run, MIN(from_ms, excluded.from_ms), excluded.from_ms),
       seen_run = excluded.seen_run";

fn find(run: &RunRow, modifier: &str, condition: &PartnerCondition) -> Stmt {
    let insert =
        "INSERT INTO partner_term (program_id, partner_id, modifier_id, quarter, from_ms, changed_run, seen_run)";
    let (sql, threshold) = match condition {
        PartnerCondition::QualifyingReferrals { at_least, per: ReferralPeriod::Quarter } => (
            format!(
                "{insert} SELECT ?1, partner_id, ?3, qualified_quarter, 0, ?2, ?2 FROM binding
                 WHERE program_id = ?1 AND qualified_at_ms < {AS_OF} AND {held} AND partner_id IS NOT NULL
                 GROUP BY partner_id, {period} HAVING COUNT(*) >= ?4 {KEEP_EARLIEST}",
                held = if sabotage::is(Fault::HeldReferralsCount) { "held >= 0" } else { "held = 0" },
                period =
                    if sabotage::is(Fault::BonusByYear) { "substr(qualified_quarter, 1, 4)" } else { "qualified_quarter" },
            ),
            *at_least + i64::from(sabotage::is(Fault::BonusFromSixth)),
        ),
        PartnerCondition::QualifyingReferrals { at_least, per: ReferralPeriod::Total } => (
            format!(
                "{insert} SELECT ?1, partner_id, ?3, '', qualified_at_ms, ?2, ?2 FROM (
                   SELECT partner_id, qualified_at_ms,
                          row_number() OVER (PARTITION BY partner_id ORDER BY qualified_at_ms, account_id) AS place
                   FROM binding WHERE program_id = ?1 AND qualified_at_ms < {AS_OF} AND held = 0 AND partner_id IS NOT NULL)
                 WHERE place = ?4 {KEEP_EARLIEST}"
            ),
            *at_least,
        ),
        PartnerCondition::AnnualRevenue { at_least_cents } => (
            format!(
                "{insert} SELECT ?1, partner_id, ?3, '', MIN(at), ?2, ?2 FROM (
                   SELECT partner_id, at, SUM(SUM(cents)) OVER (PARTITION BY partner_id ORDER BY at) AS worth FROM (
                     SELECT partner_id, from_ms AS at, annual_cents AS cents FROM revenue_span WHERE program_id = ?1 AND from_ms < {AS_OF}
                     UNION ALL
                     SELECT partner_id, to_ms, -annual_cents FROM revenue_span WHERE program_id = ?1 AND to_ms < {AS_OF})
                   GROUP BY partner_id, at)
                 WHERE worth >= ?4 GROUP BY partner_id {KEEP_EARLIEST}"
            ),
            at_least_cents.0,
        ),
    };
    Stmt::new(sql).bind(&run.program_id).bind(&run.id).bind(modifier).bind(threshold)
}

/// A line takes room in the order of (paid at, invoice), with all it earned: nothing gives the room back.
fn cap_find(run: &RunRow, reward: &str, cap_cents: i64) -> Stmt {
    Stmt::new(format!(
        "INSERT INTO cap_verdict (line_id, program_id, account_id, capped_cents, changed_run, seen_run)
         SELECT id, ?1, account_id, MIN(earned_cents, total - CAST(?4 AS INTEGER)), ?2, ?2 FROM (
           SELECT id, account_id, earned_cents, SUM({room}) OVER (
                    PARTITION BY partner_id, strftime('%Y-%m', at_ms / 1000, 'unixepoch') ORDER BY at_ms, basis) AS total
           FROM accrual WHERE program_id = ?1 AND rule_id = ?3 AND at_ms < {AS_OF} AND earned_cents > 0)
         WHERE total > ?4
         ON CONFLICT (line_id) DO UPDATE SET changed_run = IIF(capped_cents <> excluded.capped_cents, excluded.changed_run, changed_run),
           capped_cents = excluded.capped_cents, seen_run = excluded.seen_run",
        room = if sabotage::is(Fault::CapGivesRoomBack) { "net_cents" } else { "earned_cents" },
    ))
    .bind(&run.program_id)
    .bind(&run.id)
    .bind(reward)
    .bind(cap_cents + i64::from(sabotage::is(Fault::CapOffByOne)))
}

fn mark_partners(run: &RunRow, now: UtcMillis) -> Stmt {
    Stmt::new(
        "UPDATE account SET revision = revision + 1, stale_since_ms = ?3 WHERE id IN (
           SELECT account_id FROM binding WHERE program_id = ?1 AND partner_id IN (
             SELECT partner_id FROM partner_term WHERE program_id = ?1 AND (changed_run = ?2 OR seen_run <> ?2)))",
    )
    .bind(&run.program_id)
    .bind(&run.id)
    .bind(now)
}

fn forget_terms(run: &RunRow) -> Stmt {
    Stmt::new("DELETE FROM partner_term WHERE program_id = ?1 AND seen_run <> ?2").bind(&run.program_id).bind(&run.id)
}

fn mark_capped(run: &RunRow, now: UtcMillis) -> Stmt {
    Stmt::new(
        "UPDATE account SET revision = revision + 1, stale_since_ms = ?3 WHERE id IN (
           SELECT account_id FROM cap_verdict WHERE program_id = ?1 AND (changed_run = ?2 OR seen_run <> ?2))",
    )
    .bind(&run.program_id)
    .bind(&run.id)
    .bind(now)
}

fn forget_caps(run: &RunRow) -> Stmt {
    Stmt::new("DELETE FROM cap_verdict WHERE program_id = ?1 AND seen_run <> ?2").bind(&run.program_id).bind(&run.id)
}
