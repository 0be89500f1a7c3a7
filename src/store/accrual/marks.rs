//! What runs look at again when they look for modifiers and caps: triggers mark the partners of whom something changed
//! (`migrations/0001_core.sql`). Before that, or if a program's modifiers change, all of its partners are marked.

use crate::base::ids::ProgramId;
use crate::engine::settlement::TermsPart;
use crate::store::port::Stmt;
use crate::store::query::Query;
use crate::store::settlement::page::PartnerPage;
use crate::store::settlement::run::RunRow;
use serde::Deserialize;

/// Facts before the program's latest run count: running an older period again removes nothing from newer ones.
pub const AS_OF: &str = "(SELECT MAX(as_of_ms) FROM run WHERE program_id = ?1)";

/// The first instant of a quarter or month, given by an expression, and of the next one.
pub fn span(period: &str) -> (String, String) {
    let first = format!(
        "IIF({period} GLOB '*Q*', substr({period}, 1, 5) || printf('%02d', substr({period}, 7) * 3 - 2), {period}) || '-01'"
    );
    let months = format!("IIF({period} GLOB '*Q*', '+3 months', '+1 month')");
    (format!("unixepoch({first}) * 1000"), format!("unixepoch({first}, {months}) * 1000"))
}

/// The marks `m` of a page, if ?1 to ?3 are the page's.
pub fn marked(part: TermsPart) -> String {
    format!("m.program_id = ?1 AND m.part = '{part}' AND m.partner_id > ?2 AND m.partner_id <= ?3")
}

/// What was looked for when all partners were marked.
#[derive(Clone, Debug, Deserialize)]
pub struct TermsSearch {
    pub sought: String,
}

pub fn search_find(program: &ProgramId, part: TermsPart) -> Query<TermsSearch> {
    Stmt::new("SELECT sought FROM terms_search WHERE program_id = ?1 AND part = ?2")
        .bind(program)
        .bind(part.name())
        .query()
}

/// Before partners are marked, with an empty text: what changes in the meantime is marked from here on.
pub fn search_write(program: &ProgramId, part: TermsPart, sought: &str) -> Stmt {
    Stmt::new(
        "INSERT INTO terms_search (program_id, part, sought) VALUES (?1, ?2, ?3)
         ON CONFLICT (program_id, part) DO UPDATE SET sought = excluded.sought",
    )
    .bind(program)
    .bind(part.name())
    .bind(sought)
}

/// Marks a page of partners, whatever changed.
pub fn mark_all(run: &RunRow, part: TermsPart, page: &PartnerPage) -> Vec<Stmt> {
    let insert = "INSERT INTO terms_mark (program_id, part, partner_id, period, earliest_ms, latest_ms)";
    let partners = "partner p WHERE p.program_id = ?1 AND p.id > ?2 AND p.id <= ?3";
    let again = "ON CONFLICT DO UPDATE SET earliest_ms = 0, latest_ms = MAX(latest_ms, excluded.latest_ms)";
    let mark = |sql: String| page.of(&run.program_id, sql);
    match part {
        TermsPart::Modifiers => vec![
            mark(format!(
                "{insert} SELECT ?1, 'modifier', b.partner_id, b.qualified_quarter, 0, MAX(b.qualified_at_ms)
                 FROM (SELECT p.id FROM {partners}) p CROSS JOIN binding b ON b.program_id = ?1 AND b.partner_id = p.id
                 WHERE b.qualified_at_ms IS NOT NULL GROUP BY b.partner_id, b.qualified_quarter {again}"
            )),
            mark(format!(
                "{insert} SELECT ?1, 'modifier', p.id, '', 0, MAX(
                   COALESCE((SELECT MAX(b.qualified_at_ms) FROM binding b WHERE b.program_id = ?1 AND b.partner_id = p.id AND b.qualified_at_ms IS NOT NULL), 0),
                   COALESCE((SELECT MAX(MAX(s.from_ms, COALESCE(s.to_ms, 0))) FROM revenue_span s WHERE s.program_id = ?1 AND s.partner_id = p.id), 0))
                 FROM {partners} {again}"
            )),
        ],
        TermsPart::Caps => vec![mark(format!(
            "{insert} SELECT ?1, 'cap', l.partner_id, strftime('%Y-%m', l.at_ms / 1000, 'unixepoch') AS month, 0, MAX(l.at_ms)
             FROM (SELECT p.id FROM {partners}) p CROSS JOIN accrual l ON l.partner_id = p.id AND +l.program_id = ?1
             WHERE true GROUP BY l.partner_id, month {again}"
        ))],
    }
}

/// The page is done, except for what comes after the run.
pub fn marks_clear(run: &RunRow, part: TermsPart, page: &PartnerPage) -> Stmt {
    page.of(&run.program_id, format!("DELETE FROM terms_mark AS m WHERE {} AND m.latest_ms < {AS_OF}", marked(part)))
}
