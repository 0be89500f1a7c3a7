//! Which modifiers partners have earned, for runs and previews. A run looks at a page of the partners of whom something
//! changed (`marks.rs`); changes mark the accounts that have to be recomputed.

use crate::base::ids::{ProgramId, RewardId};
use crate::base::time::UtcMillis;
use crate::engine::accrual::backfill;
use crate::engine::settlement::TermsPart;
use crate::program::catalog::Catalog;
use crate::program::document::{PartnerCondition, ReferralPeriod};
use crate::store::account::Marking;
use crate::store::accrual::marks::{AS_OF, marked, marks_clear, span};
use crate::store::port::{Stmt, json_text};
use crate::store::preview::PreviewState;
use crate::store::settlement::page::PartnerPage;
use crate::store::settlement::run::RunRow;
use std::collections::BTreeSet;

/// The statements of one batch: new findings are written next to the old ones, accounts of partners with changes are
/// marked, and what was not found again is deleted.
pub fn refresh(run: &RunRow, catalog: &Catalog, page: &PartnerPage, now: UtcMillis) -> Vec<Stmt> {
    let conditions = conditions(catalog, &run.program_id, run.as_of_ms);
    let mut statements = vec![prune(run, &conditions, page)];
    statements.extend(find_earned(&conditions, &of_run(), |sql| page.of(&run.program_id, sql).bind(&run.id)));
    statements.extend([
        mark_partners(run, backfill::applies(catalog.versions(&run.program_id)), page, now),
        modifiers_clear(run, page),
        marks_clear(run, TermsPart::Modifiers, page),
    ]);
    statements
}

/// The modifiers that partners have earned by what a preview has gathered.
pub fn preview_refresh(preview: &PreviewState, catalog: &Catalog) -> Vec<Stmt> {
    let bound = |sql: String| Stmt::new(sql).bind(&preview.id).bind(preview.as_of_ms);
    find_earned(&conditions(catalog, &preview.program_id, preview.as_of_ms), &of_preview(), bound)
}

/// Where modifiers are looked for, and where what is found is written.
struct Place {
    /// What one account contributes, as `b`: partner, account, and when it qualified. Those of the quarters to look at.
    in_quarters: String,
    /// The same: all that the partners have.
    referrals: String,
    /// Spans of revenue, as `b`.
    revenue: String,
    /// Facts before this instant count.
    as_of: &'static str,
    /// The parameter with the pairs of modifier and threshold.
    conditions: &'static str,
    insert: &'static str,
    /// Further columns of what is inserted.
    columns: &'static str,
    /// If a modifier is earned in several ways, the earliest instant counts.
    keep_earliest: &'static str,
}

fn of_run() -> Place {
    let (start, end) = span("m.period");
    let of = |rows: &str, periods: &str, rest: &str| {
        format!(
            "terms_mark m CROSS JOIN {rows} b ON b.program_id = ?1 AND b.partner_id = m.partner_id{rest} WHERE {} AND m.period {periods} ''",
            marked(TermsPart::Modifiers)
        )
    };
    Place {
        in_quarters: of(
            "binding",
            "<>",
            &format!(" AND b.held = 0 AND b.qualified_at_ms >= {start} AND b.qualified_at_ms < {end}"),
        ),
        referrals: of("binding", "=", " AND b.held = 0 AND b.qualified_at_ms IS NOT NULL"),
        revenue: of("revenue_span", "=", ""),
        as_of: AS_OF,
        conditions: "?5",
        insert: "INSERT INTO partner_modifier (program_id, partner_id, modifier_id, quarter, from_ms, since_ms, changed_run, seen_run)",
        columns: ", from_ms, ?4, ?4",
        keep_earliest: "ON CONFLICT (program_id, partner_id, quarter, modifier_id) DO UPDATE SET
           changed_run = IIF(seen_run = excluded.seen_run, IIF(excluded.from_ms < from_ms, excluded.changed_run, changed_run),
                             IIF(excluded.from_ms <> from_ms, excluded.changed_run, changed_run)),
           since_ms = MIN(IIF(seen_run = excluded.seen_run, since_ms, from_ms), excluded.from_ms),
           from_ms = IIF(seen_run = excluded.seen_run, MIN(from_ms, excluded.from_ms), excluded.from_ms),
           seen_run = excluded.seen_run",
    }
}

fn of_preview() -> Place {
    let referrals = "preview_referral b WHERE b.preview_id = ?1".to_owned();
    Place {
        in_quarters: referrals.clone(),
        referrals,
        revenue: "preview_revenue b WHERE b.preview_id = ?1".to_owned(),
        as_of: "?2",
        conditions: "?3",
        insert: "INSERT INTO preview_modifier (preview_id, partner_id, modifier_id, quarter, from_ms)",
        columns: "",
        keep_earliest: "ON CONFLICT DO UPDATE SET from_ms = MIN(from_ms, excluded.from_ms)",
    }
}

/// Pairs of modifier and threshold, by kind of condition.
#[derive(Default)]
struct Conditions<'c> {
    quarter: Vec<(&'c RewardId, i64)>,
    total: Vec<(&'c RewardId, i64)>,
    revenue: Vec<(&'c RewardId, i64)>,
}

fn conditions<'c>(catalog: &'c Catalog, program: &ProgramId, as_of: UtcMillis) -> Conditions<'c> {
    let mut found = Conditions::default();
    for modifier in catalog.modifiers(program, as_of) {
        for condition in &modifier.when_any {
            match condition {
                PartnerCondition::QualifyingReferrals { at_least, per: ReferralPeriod::Quarter } => {
                    found.quarter.push((&modifier.id, *at_least));
                }
                PartnerCondition::QualifyingReferrals { at_least, per: ReferralPeriod::Total } => {
                    found.total.push((&modifier.id, *at_least));
                }
                PartnerCondition::AnnualRevenue { at_least_cents } => {
                    found.revenue.push((&modifier.id, at_least_cents.0));
                }
            }
        }
    }
    found
}

/// What a run looks for: another text means that all partners have to be looked at again.
pub fn search_of(catalog: &Catalog, program: &ProgramId, as_of: UtcMillis) -> String {
    let Conditions { quarter, total, revenue } = conditions(catalog, program, as_of);
    json_text(&[quarter, total, revenue])
}

/// Who has earned which modifier. One statement for each kind of condition, however many modifiers have one: the size of
/// a batch is limited.
fn find_earned(conditions: &Conditions, place: &Place, bound: impl Fn(String) -> Stmt) -> Vec<Stmt> {
    let of = |conditions: &Vec<(&RewardId, i64)>, find: fn(&Place) -> String| {
        (!conditions.is_empty()).then(|| bound(find(place)).json(conditions))
    };
    [
        of(&conditions.quarter, find_by_quarter),
        of(&conditions.total, find_in_total),
        of(&conditions.revenue, find_by_revenue),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Rule 14: enough qualifying referrals in one quarter.
fn find_by_quarter(place: &Place) -> String {
    let Place { in_quarters, as_of, conditions, insert, columns, keep_earliest, .. } = place;
    format!(
        "{insert} SELECT ?1, partner_id, c.value ->> 0, qualified_quarter, from_ms{columns} FROM (
           SELECT b.partner_id, b.qualified_quarter, COUNT(*) AS referrals, 0 AS from_ms FROM {in_quarters} AND b.qualified_at_ms < {as_of}
           GROUP BY b.partner_id, b.qualified_quarter) CROSS JOIN json_each({conditions}) c WHERE referrals >= c.value ->> 1 {keep_earliest}",
    )
}

/// Enough qualifying referrals in total: from the moment of the last one needed.
fn find_in_total(place: &Place) -> String {
    let Place { referrals, as_of, conditions, insert, columns, keep_earliest, .. } = place;
    format!(
        "{insert} SELECT ?1, partner_id, c.value ->> 0, '', from_ms{columns} FROM (
           SELECT b.partner_id, b.qualified_at_ms AS from_ms,
                  row_number() OVER (PARTITION BY b.partner_id ORDER BY b.qualified_at_ms, b.account_id) AS place
           FROM {referrals} AND b.qualified_at_ms < {as_of})
           CROSS JOIN json_each({conditions}) c WHERE place = c.value ->> 1 {keep_earliest}"
    )
}

/// Enough sourced yearly revenue: from the moment it was first reached.
fn find_by_revenue(place: &Place) -> String {
    let Place { revenue, as_of, conditions, insert, columns, keep_earliest, .. } = place;
    format!(
        "{insert} SELECT ?1, partner_id, modifier, '', from_ms{columns} FROM (
           SELECT partner_id, c.value ->> 0 AS modifier, MIN(at) AS from_ms FROM (
             SELECT partner_id, at, SUM(SUM(cents)) OVER (PARTITION BY partner_id ORDER BY at) AS worth FROM (
               SELECT b.partner_id, b.from_ms AS at, b.annual_cents AS cents FROM {revenue} AND b.from_ms < {as_of}
               UNION ALL
               SELECT b.partner_id, b.to_ms, -b.annual_cents FROM {revenue} AND b.to_ms < {as_of})
             GROUP BY partner_id, at) CROSS JOIN json_each({conditions}) c
           WHERE worth >= c.value ->> 1 GROUP BY partner_id, c.value ->> 0) WHERE true {keep_earliest}"
    )
}

/// Drops marks that can change nothing: the partner had every modifier that stays before what changed.
fn prune(run: &RunRow, conditions: &Conditions, page: &PartnerPage) -> Stmt {
    let staying: BTreeSet<_> =
        conditions.total.iter().chain(&conditions.revenue).map(|(modifier, _)| modifier).collect();
    page.of(
        &run.program_id,
        format!(
            "DELETE FROM terms_mark AS m WHERE {} AND m.period = '' AND m.earliest_ms > 0
               AND (SELECT COUNT(*) FROM partner_modifier t WHERE t.program_id = ?1 AND t.partner_id = m.partner_id AND t.quarter = ''
                    AND t.from_ms < m.earliest_ms) >= ?4",
            marked(TermsPart::Modifiers)
        ),
    )
    .bind(i64::try_from(staying.len()).unwrap_or(i64::MAX))
}

/// The stored modifiers that the page's marks are about, as `t`.
fn of_marks() -> String {
    format!(
        "terms_mark m CROSS JOIN partner_modifier t ON t.program_id = ?1 AND t.partner_id = m.partner_id AND t.quarter = m.period WHERE {}",
        marked(TermsPart::Modifiers)
    )
}

/// Marks the accounts of partners who lost a modifier. Those of partners who gained one are marked too, unless its
/// accruals are added directly.
fn mark_partners(run: &RunRow, new_are_added: bool, page: &PartnerPage, now: UtcMillis) -> Stmt {
    let new = if new_are_added { "" } else { " OR t.changed_run = ?4" };
    page.of(
        &run.program_id,
        format!(
            "UPDATE account SET {} WHERE id IN (
               SELECT b.account_id FROM (SELECT DISTINCT t.partner_id FROM {} AND (t.seen_run <> ?4{new})) changed
                 CROSS JOIN binding b ON b.partner_id = changed.partner_id WHERE b.program_id = ?1)",
            Marking::from(now).sets("?5"),
            of_marks()
        ),
    )
    .bind(&run.id)
    .bind(now)
}

fn modifiers_clear(run: &RunRow, page: &PartnerPage) -> Stmt {
    let gone = format!("SELECT t.rowid FROM {} AND t.seen_run <> ?4", of_marks());
    page.of(&run.program_id, format!("DELETE FROM partner_modifier WHERE rowid IN ({gone})")).bind(&run.id)
}
