//! What partners' monthly caps remove, for runs and previews.

use crate::base::ids::RewardId;
use crate::base::time::UtcMillis;
use crate::engine::accrual::source::AccrualSource;
use crate::engine::settlement::TermsPart;
use crate::program::catalog::Catalog;
use crate::program::compiled::Program;
use crate::store::account::Marking;
use crate::store::accrual::marks::{AS_OF, marked, marks_clear, span};
use crate::store::port::Stmt;
use crate::store::preview::PreviewState;
use crate::store::settlement::page::PartnerPage;
use crate::store::settlement::run::RunRow;
use std::collections::BTreeSet;

/// The statements that recompute what monthly caps remove in the marked months of a page of partners, and mark the
/// accounts where that changed. Where modifiers share the room, their accruals have to be up to date.
pub fn caps_refresh(run: &RunRow, catalog: &Catalog, page: &PartnerPage, now: UtcMillis) -> Vec<Stmt> {
    let versions = || catalog.versions(&run.program_id);
    let of_version = |p: &Program| -> Vec<(i64, RewardId, i64)> {
        p.month_caps().map(|(reward, most)| (p.version, reward.clone(), most.0)).collect()
    };
    let caps: Vec<_> = versions().flat_map(of_version).collect();
    let modifiers: BTreeSet<&RewardId> = versions().flat_map(|p| &p.modifiers).map(|m| &m.id).collect();
    let found = page.of(&run.program_id, cap_find()).bind(&run.id).json(&caps).json(&modifiers);
    vec![found, mark_capped(run, page, now), caps_clear(run, page), marks_clear(run, TermsPart::Caps, page)]
}

/// What monthly caps remove from the accruals that a preview has gathered.
pub fn preview_caps_refresh(preview: &PreviewState) -> Stmt {
    let rooms = "SELECT accrual_id AS id, account_id, partner_id, gross_cents, at_ms, source, reward_id AS reward, cap_cents AS cap, is_modifiers
                 FROM preview_room WHERE preview_id = ?1 AND at_ms < ?2";
    Stmt::new(format!(
        "UPDATE preview_room SET cap_reduction_cents = o.over_cents FROM ({}) o
         WHERE preview_room.preview_id = ?1 AND preview_room.account_id = o.account_id AND preview_room.accrual_id = o.id",
        over_caps(rooms)
    ))
    .bind(&preview.id)
    .bind(preview.as_of_ms)
}

/// Rule 20: what is over its cap. Accruals use up a cap in the order of (paid at, invoice), with their full gross amount:
/// nothing frees it again. A reward's own accruals come first; what modifiers add takes the room that is left.
fn over_caps(rooms: &str) -> String {
    format!(
        "SELECT id, account_id, MIN(gross_cents, total - cap) AS over_cents FROM (
           SELECT id, account_id, gross_cents, cap, SUM(gross_cents) OVER (
                    PARTITION BY reward, partner_id, strftime('%Y-%m', at_ms / 1000, 'unixepoch')
                    ORDER BY is_modifiers, at_ms, source) AS total
           FROM ({rooms}))
         WHERE total > cap"
    )
}

/// The stored accruals that use room under caps. `?4`: the run. `?5`: version, reward and cap. `?6`: all modifiers.
fn cap_find() -> String {
    let (start, end) = span("m.period");
    let filling = |is_modifiers: u8, list: &str, of_reward: &str| {
        format!(
            "SELECT l.id, l.account_id, l.partner_id, l.gross_cents, l.at_ms, l.source, c.value ->> 1 AS reward, c.value ->> 2 AS cap,
                    {is_modifiers} AS is_modifiers
             FROM terms_mark m CROSS JOIN json_each(?5) c {list} CROSS JOIN accrual l ON l.program_id = ?1 AND {of_reward}
               AND l.partner_id = m.partner_id AND l.at_ms >= {start} AND l.at_ms < {end}
             WHERE {} AND l.program_version = c.value ->> 0 AND l.at_ms < {AS_OF} AND l.gross_cents > 0",
            marked(TermsPart::Caps)
        )
    };
    let own = filling(0, "", "l.reward_id = c.value ->> 1");
    let added = format!("l.reward_id = a.value AND l.source GLOB '{}:*:' || (c.value ->> 1)", AccrualSource::INVOICE);
    let added = filling(1, "CROSS JOIN json_each(?6) a", &added);
    format!(
        "INSERT INTO cap_reduction (accrual_id, program_id, account_id, cap_reduction_cents, changed_run, seen_run)
         SELECT id, ?1, account_id, over_cents, ?4, ?4 FROM ({}) WHERE true
         ON CONFLICT (accrual_id) DO UPDATE SET changed_run = IIF(cap_reduction_cents <> excluded.cap_reduction_cents, excluded.changed_run, changed_run),
           cap_reduction_cents = excluded.cap_reduction_cents, seen_run = excluded.seen_run",
        over_caps(&format!("{own} UNION ALL {added}"))
    )
}

/// What caps remove from the accruals of the marked months, as `c`: what was stored before too.
fn reductions() -> String {
    let (start, end) = span("m.period");
    format!(
        "terms_mark m CROSS JOIN accrual l ON l.partner_id = m.partner_id AND l.at_ms >= {start} AND l.at_ms < {end}
           CROSS JOIN cap_reduction c ON c.accrual_id = l.id WHERE {}",
        marked(TermsPart::Caps)
    )
}

fn mark_capped(run: &RunRow, page: &PartnerPage, now: UtcMillis) -> Stmt {
    page.of(
        &run.program_id,
        format!(
            "UPDATE account SET {} WHERE id IN (
               SELECT c.account_id FROM {} AND (c.changed_run = ?4 OR c.seen_run <> ?4))",
            Marking::from(now).sets("?5"),
            reductions()
        ),
    )
    .bind(&run.id)
    .bind(now)
}

fn caps_clear(run: &RunRow, page: &PartnerPage) -> Stmt {
    let gone = format!("SELECT c.accrual_id FROM {} AND c.seen_run <> ?4", reductions());
    page.of(&run.program_id, format!("DELETE FROM cap_reduction WHERE accrual_id IN ({gone})")).bind(&run.id)
}
