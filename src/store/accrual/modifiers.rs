//! What runs find about partners: modifiers earned and caps reached. Set-based: each statement processes all partners
//! of the program, and changes mark the accounts that have to be recomputed.

use crate::base::ids::{PartnerId, ProgramId, RewardId};
use crate::base::time::UtcMillis;
use crate::engine::accrual::backfill;
use crate::engine::accrual::backfill::{BaseAccrual, ModifierAccrual};
use crate::engine::accrual::invoice::PartnerModifier;
use crate::engine::accrual::source::AccrualSource;
use crate::engine::ledger::account::TransferCode;
use crate::program::catalog::Catalog;
use crate::program::compiled::Program;
use crate::program::document::{PartnerCondition, ReferralPeriod};
use crate::store::account::{AccountIdRow, AccountRow, LINE_COLUMNS};
use crate::store::ledger::account::AccountColumns;
use crate::store::port::{GIVEN, Stmt, json_pages};
use crate::store::preview::PreviewState;
use crate::store::query::Query;
use crate::store::settlement::run::RunRow;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The statements of one batch: new findings are written next to the old ones, accounts of partners with changes are
/// marked, and what was not found again is deleted.
pub fn refresh(run: &RunRow, catalog: &Catalog, now: UtcMillis) -> Vec<Stmt> {
    if catalog.versions(&run.program_id).all(|program| program.modifiers.is_empty()) {
        return Vec::new();
    }
    let mut statements =
        find_earned(catalog, &run.program_id, run.as_of_ms, &of_run(), |stmt| stmt.bind(&run.program_id).bind(&run.id));
    statements
        .extend([mark_partners(run, backfill::applies(catalog.versions(&run.program_id)), now), modifiers_clear(run)]);
    statements
}

/// The modifiers that partners have earned by what a preview has gathered.
pub fn preview_refresh(preview: &PreviewState, catalog: &Catalog) -> Vec<Stmt> {
    let bound = |stmt: Stmt| stmt.bind(&preview.id).bind(preview.as_of_ms);
    find_earned(catalog, &preview.program_id, preview.as_of_ms, &of_preview(), bound)
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

/// Where modifiers are looked for, and where what is found is written.
struct Place {
    /// What one account contributes: partner, account, and when it qualified.
    referrals: &'static str,
    /// Spans of revenue.
    revenue: &'static str,
    /// Facts before this instant count.
    as_of: &'static str,
    insert: &'static str,
    /// Further columns of what is inserted.
    columns: &'static str,
    /// If a modifier is earned in several ways, the earliest instant counts.
    keep_earliest: &'static str,
}

fn of_run() -> Place {
    Place {
    referrals: "binding WHERE program_id = ?1 AND held = 0 AND partner_id IS NOT NULL",
    revenue: "revenue_span WHERE program_id = ?1",
    as_of: AS_OF,
    insert: "INSERT INTO partner_modifier (program_id, partner_id, modifier_id, quarter, from_ms, changed_run, seen_run)",
    columns: ", ?2, ?2",
    keep_earliest: "ON CONFLICT (program_id, partner_id, modifier_id, quarter) DO UPDATE SET
       changed_run = IIF(seen_run = excluded.seen_run, IIF(excluded.from_ms < from_ms, excluded.changed_run, changed_run),
                         IIF(excluded.from_ms <> from_ms, excluded.changed_run, changed_run)),
       from_ms = IIF(seen_run = excluded.seen_run, MIN(from_ms, excluded.from_ms), excluded.from_ms),
       seen_run = excluded.seen_run",
}
}

fn of_preview() -> Place {
    Place {
        referrals: "preview_referral WHERE preview_id = ?1",
        revenue: "preview_revenue WHERE preview_id = ?1",
        as_of: "?2",
        insert: "INSERT INTO preview_modifier (preview_id, partner_id, modifier_id, quarter, from_ms)",
        columns: "",
        keep_earliest: "ON CONFLICT DO UPDATE SET from_ms = MIN(from_ms, excluded.from_ms)",
    }
}

/// Who has earned which modifier. One statement for each kind of condition, however many modifiers have
/// one: the size of a batch is limited.
fn find_earned(
    catalog: &Catalog,
    program: &ProgramId,
    as_of: UtcMillis,
    place: &Place,
    bound: impl Fn(Stmt) -> Stmt,
) -> Vec<Stmt> {
    let (mut quarter, mut total, mut revenue) = (Vec::new(), Vec::new(), Vec::new());
    for modifier in catalog.modifiers(program, as_of) {
        for condition in &modifier.when_any {
            match condition {
                PartnerCondition::QualifyingReferrals { at_least, per: ReferralPeriod::Quarter } => {
                    quarter.push((&modifier.id, *at_least));
                }
                PartnerCondition::QualifyingReferrals { at_least, per: ReferralPeriod::Total } => {
                    total.push((&modifier.id, *at_least));
                }
                PartnerCondition::AnnualRevenue { at_least_cents } => revenue.push((&modifier.id, at_least_cents.0)),
            }
        }
    }
    let of = |conditions: Vec<(&RewardId, i64)>, find: fn(&Place) -> String| {
        (!conditions.is_empty()).then(|| bound(Stmt::new(find(place))).json(&conditions))
    };
    [of(quarter, find_by_quarter), of(total, find_in_total), of(revenue, find_by_revenue)]
        .into_iter()
        .flatten()
        .collect()
}

/// The statements that recompute what monthly caps remove, and mark the accounts where that changed. Where modifiers
/// share the room, their accruals have to be up to date.
pub fn caps_refresh(run: &RunRow, catalog: &Catalog, now: UtcMillis) -> Vec<Stmt> {
    let versions = || catalog.versions(&run.program_id);
    let of_version = |p: &Program| -> Vec<(i64, RewardId, i64)> {
        p.month_caps().map(|(reward, most)| (p.version, reward.clone(), most.0)).collect()
    };
    let caps: Vec<_> = versions().flat_map(of_version).collect();
    if caps.is_empty() {
        return Vec::new();
    }
    let modifiers: BTreeSet<&RewardId> = versions().flat_map(|p| &p.modifiers).map(|m| &m.id).collect();
    let found = Stmt::new(cap_find()).bind(&run.program_id).bind(&run.id).json(&caps).json(&modifiers);
    vec![found, mark_capped(run, now), caps_clear(run)]
}

/// Modifiers are found as of the program's latest run: running an older period again removes nothing from newer ones.
const AS_OF: &str = "(SELECT MAX(as_of_ms) FROM run WHERE program_id = ?1)";

/// Rule 14: enough qualifying referrals in one quarter. `?3`: pairs of modifier and threshold, here and below.
fn find_by_quarter(Place { referrals, as_of, insert, columns, keep_earliest, .. }: &Place) -> String {
    format!(
        "{insert} SELECT ?1, partner_id, c.value ->> 0, qualified_quarter, 0{columns} FROM (
           SELECT partner_id, qualified_quarter, COUNT(*) AS referrals FROM {referrals} AND qualified_at_ms < {as_of}
           GROUP BY partner_id, qualified_quarter) CROSS JOIN json_each(?3) c WHERE referrals >= c.value ->> 1 {keep_earliest}",
    )
}

/// Enough qualifying referrals in total: from the moment of the last one needed.
fn find_in_total(Place { referrals, as_of, insert, columns, keep_earliest, .. }: &Place) -> String {
    format!(
        "{insert} SELECT ?1, partner_id, c.value ->> 0, '', qualified_at_ms{columns} FROM (
           SELECT partner_id, qualified_at_ms,
                  row_number() OVER (PARTITION BY partner_id ORDER BY qualified_at_ms, account_id) AS place
           FROM {referrals} AND qualified_at_ms < {as_of})
           CROSS JOIN json_each(?3) c WHERE place = c.value ->> 1 {keep_earliest}"
    )
}

/// Enough sourced yearly revenue: from the moment it was first reached.
fn find_by_revenue(Place { revenue, as_of, insert, columns, keep_earliest, .. }: &Place) -> String {
    format!(
        "{insert} SELECT ?1, partner_id, c.value ->> 0, '', MIN(at){columns} FROM (
           SELECT partner_id, at, SUM(SUM(cents)) OVER (PARTITION BY partner_id ORDER BY at) AS worth FROM (
             SELECT partner_id, from_ms AS at, annual_cents AS cents FROM {revenue} AND from_ms < {as_of}
             UNION ALL
             SELECT partner_id, to_ms, -annual_cents FROM {revenue} AND to_ms < {as_of})
           GROUP BY partner_id, at) CROSS JOIN json_each(?3) c
         WHERE worth >= c.value ->> 1 GROUP BY partner_id, c.value ->> 0 {keep_earliest}"
    )
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

/// The stored accruals that use room under caps. `?3`: version, reward and cap. `?4`: all modifiers.
fn cap_find() -> String {
    let filling = |is_modifiers: u8, list: &str, of_reward: &str| {
        format!(
            "SELECT l.id, l.account_id, l.partner_id, l.gross_cents, l.at_ms, l.source, c.value ->> 1 AS reward, c.value ->> 2 AS cap,
                    {is_modifiers} AS is_modifiers
             FROM json_each(?3) c {list} WHERE {of_reward} AND l.program_version = c.value ->> 0 AND l.at_ms < {AS_OF} AND l.gross_cents > 0"
        )
    };
    let own = filling(0, "CROSS JOIN accrual l", "l.program_id = ?1 AND l.reward_id = c.value ->> 1");
    let added = format!(
        "l.program_id = ?1 AND l.reward_id = m.value AND l.source GLOB '{}:*:' || (c.value ->> 1)",
        AccrualSource::INVOICE
    );
    let added = filling(1, "CROSS JOIN json_each(?4) m CROSS JOIN accrual l", &added);
    format!(
        "INSERT INTO cap_reduction (accrual_id, program_id, account_id, cap_reduction_cents, changed_run, seen_run)
         SELECT id, ?1, account_id, over_cents, ?2, ?2 FROM ({}) WHERE true
         ON CONFLICT (accrual_id) DO UPDATE SET changed_run = IIF(cap_reduction_cents <> excluded.cap_reduction_cents, excluded.changed_run, changed_run),
           cap_reduction_cents = excluded.cap_reduction_cents, seen_run = excluded.seen_run",
        over_caps(&format!("{own} UNION ALL {added}"))
    )
}

/// Marks the accounts of partners who lost a modifier. Those of partners who gained one are marked too, unless its
/// accruals are added directly.
fn mark_partners(run: &RunRow, new_are_added: bool, now: UtcMillis) -> Stmt {
    let new = if new_are_added { "" } else { " OR changed_run = ?2" };
    Stmt::new(format!(
        "UPDATE account SET revision = revision + 1, needs_recompute_since_ms = COALESCE(needs_recompute_since_ms, ?3) WHERE id IN (
           SELECT account_id FROM binding WHERE program_id = ?1 AND partner_id IN (
             SELECT partner_id FROM partner_modifier WHERE program_id = ?1 AND (seen_run <> ?2{new})))",
    ))
    .bind(&run.program_id)
    .bind(&run.id)
    .bind(now)
}

fn modifiers_clear(run: &RunRow) -> Stmt {
    Stmt::new("DELETE FROM partner_modifier WHERE program_id = ?1 AND seen_run <> ?2")
        .bind(&run.program_id)
        .bind(&run.id)
}

fn mark_capped(run: &RunRow, now: UtcMillis) -> Stmt {
    Stmt::new(
        "UPDATE account SET revision = revision + 1, needs_recompute_since_ms = COALESCE(needs_recompute_since_ms, ?3) WHERE id IN (
           SELECT account_id FROM cap_reduction WHERE program_id = ?1 AND (changed_run = ?2 OR seen_run <> ?2))",
    )
    .bind(&run.program_id)
    .bind(&run.id)
    .bind(now)
}

fn caps_clear(run: &RunRow) -> Stmt {
    Stmt::new("DELETE FROM cap_reduction WHERE program_id = ?1 AND seen_run <> ?2").bind(&run.program_id).bind(&run.id)
}

/// Accruals of partners that are read at a time.
pub const LINES_MAX: i64 = 4_000;

/// A partner with how many accruals it has.
#[derive(Clone, Debug, Deserialize)]
pub struct BackfillPartner {
    pub partner_id: PartnerId,
    pub accruals: i64,
}

/// Partners for whom this run found a new modifier, after the run's cursor, with the number of their accruals: as many
/// as have `LINES_MAX` together, and at least one.
pub fn backfill_partners(run: &RunRow) -> Query<BackfillPartner> {
    Stmt::new(
        "SELECT partner_id, accruals FROM (
           SELECT partner_id, accruals, SUM(accruals) OVER (ORDER BY partner_id) AS total, row_number() OVER (ORDER BY partner_id) AS place
           FROM (SELECT t.partner_id, (SELECT COUNT(*) FROM accrual l WHERE l.partner_id = t.partner_id) AS accruals
                 FROM (SELECT DISTINCT partner_id FROM partner_modifier WHERE program_id = ?1 AND changed_run = ?2 AND partner_id > ?3
                       ORDER BY partner_id LIMIT 1000) t))
         WHERE total <= ?4 OR place = 1 ORDER BY place",
    )
    .bind(&run.program_id)
    .bind(&run.id)
    .bind(&run.cursor)
    .bind(LINES_MAX)
    .query()
}

pub fn mark_partner(run: &RunRow, partner: &PartnerId, now: UtcMillis) -> Stmt {
    Stmt::new(
        "UPDATE account SET revision = revision + 1, needs_recompute_since_ms = COALESCE(needs_recompute_since_ms, ?3) WHERE id IN (
           SELECT account_id FROM binding WHERE program_id = ?1 AND partner_id = ?2)",
    )
    .bind(&run.program_id)
    .bind(partner)
    .bind(now)
}

/// The modifiers of partners.
pub fn terms_of(run: &RunRow, partners: &[PartnerId]) -> Query<PartnerModifier> {
    Stmt::new(
        "SELECT program_id, partner_id, modifier_id, quarter, from_ms FROM partner_modifier
         WHERE program_id = ?1 AND partner_id IN (SELECT value FROM json_each(?2))",
    )
    .bind(&run.program_id)
    .json(&partners)
    .query()
}

/// Their accounts with an invoice that may have earned nothing at the base rate, and therefore has no accrual.
pub fn tiny_accounts(run: &RunRow, partners: &[PartnerId]) -> Query<AccountIdRow> {
    Stmt::new(
        "SELECT b.account_id FROM json_each(?2) p CROSS JOIN binding b ON b.partner_id = p.value
         WHERE b.program_id = ?1 AND EXISTS (SELECT 1 FROM event e WHERE e.account_id = b.account_id
           AND e.type = 'invoice.paid' AND e.payload ->> '$.\"invoice.paid\".amount.cents' < 100)",
    )
    .bind(&run.program_id)
    .json(&partners)
    .query()
}

/// Their accounts that are not marked to be recomputed.
pub fn earned_accounts(run: &RunRow, partners: &[PartnerId]) -> Query<AccountRow> {
    Stmt::new(
        "SELECT a.id, a.revision, NULL AS written, NULL AS usage_questions, NULL AS closed FROM json_each(?2) p CROSS JOIN binding b ON b.partner_id = p.value
           CROSS JOIN account a ON a.id = b.account_id
         WHERE b.program_id = ?1 AND a.needs_recompute_since_ms IS NULL",
    )
    .bind(&run.program_id)
    .json(&partners)
    .query()
}

/// Their accruals for invoices. The plus makes SQLite use the index by partner.
pub fn earned_list(run: &RunRow, partners: &[PartnerId]) -> Query<BaseAccrual> {
    Stmt::new(format!(
        "SELECT l.id, l.partner_id, l.account_id, l.source, l.reward_id, l.at_ms, l.program_version, l.gross_cents,
                e.payload ->> '$.\"invoice.paid\".amount.cents' AS amount_cents,
                l.net_cents = l.gross_cents AND l.cap_reduction_cents = 0 AND l.adjusted_cents = 0 AND l.state IN ('pending', 'available')
                  AND NOT EXISTS (SELECT 1 FROM event o WHERE o.invoice_id = e.invoice_id AND o.id <> e.id)
                  AND NOT EXISTS (SELECT 1 FROM stripe_payment s CROSS JOIN stripe_payment_fact f
                    ON f.payment_intent = s.id OR f.charge = s.id WHERE s.invoice_id = e.invoice_id) AS is_unmodified
         FROM json_each(?2) p CROSS JOIN accrual l ON l.partner_id = p.value CROSS JOIN event e ON e.id = l.event_id
         WHERE +l.program_id = ?1 AND l.source GLOB '{}:*'",
        AccrualSource::INVOICE
    ))
    .bind(&run.program_id)
    .json(&partners)
    .query()
}

/// Writes the added accruals, each in the state of its base accrual, with their ledger rows. The base accrual uses the
/// same ledger accounts, so they exist.
pub fn added_write(added: &[ModifierAccrual], now: UtcMillis) -> Vec<Stmt> {
    let accruals = format!(
        "{GIVEN} INSERT INTO accrual ({LINE_COLUMNS}, changed_at_ms)
         SELECT row ->> 0, l.program_id, l.program_version, row ->> 2, l.partner_id, l.account_id, l.event_id,
                l.source || ':' || l.reward_id, l.at_ms, l.period, l.unit, row ->> 3, 0, 0, row ->> 3, row ->> 4, l.funding_account,
                row ->> 4, l.vests_at_ms, l.reason, 1, ?2
         FROM given CROSS JOIN accrual l ON l.id = row ->> 1"
    );
    let rows: Vec<_> = added.iter().map(|a| (&a.id, &a.beside, &a.modifier, a.cents, a.balance)).collect();
    let transfers = format!(
        "INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, program_id, event_id, reason, created_at_ms)
         SELECT l.id || '.1', l.id, '{}', 'single', {}, l.net_cents, l.program_id, '', l.reason, ?2
         FROM json_each(?1) given CROSS JOIN accrual l ON l.id = given.value",
        TransferCode::Accrue.name(),
        AccountColumns::of("l").accrued("l.funding_account", "l.balance"),
    );
    let ids: Vec<_> = added.iter().map(|a| &a.id).collect();
    let mut statements: Vec<Stmt> =
        json_pages(&rows).into_iter().map(|page| Stmt::new(accruals.clone()).bind(page).bind(now)).collect();
    statements.extend(json_pages(&ids).into_iter().map(|page| Stmt::new(transfers.clone()).bind(page).bind(now)));
    statements
}
