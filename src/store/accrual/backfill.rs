//! What a newly earned modifier adds to a partner's accruals: reads a page of partners, and writes what is added.

use crate::base::ids::PartnerId;
use crate::base::time::UtcMillis;
use crate::engine::accrual::backfill::{BaseAccrual, ModifierAccrual};
use crate::engine::accrual::invoice::PartnerModifier;
use crate::engine::accrual::source::AccrualSource;
use crate::engine::ledger::account::TransferCode;
use crate::store::account::{AccountIdRow, AccountRow, LINE_COLUMNS, Marking};
use crate::store::accrual::marks::span;
use crate::store::ledger::account::AccountColumns;
use crate::store::port::{GIVEN, Stmt, json_pages};
use crate::store::query::Query;
use crate::store::settlement::run::RunRow;
use serde::{Deserialize, Serialize};

/// Accruals of partners that are read at a time.
pub const LINES_MAX: i64 = 4_000;

/// A partner, from which instant a new modifier may add to its accruals, and how many accruals it has from then on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BackfillPartner {
    pub partner_id: PartnerId,
    pub since_ms: UtcMillis,
    pub accruals: i64,
}

/// The partner `p`, an element of the JSON array ?2, and the instant.
const PARTNER: &str = "(p.value ->> '$.partner_id')";
const SINCE: &str = "(p.value ->> '$.since_ms')";

/// Partners for whom this run found a new modifier, after the run's cursor, with the number of their accruals: as many
/// as have `LINES_MAX` together, and at least one.
pub fn backfill_partners(run: &RunRow) -> Query<BackfillPartner> {
    Stmt::new(format!(
        "SELECT partner_id, since_ms, accruals FROM (
           SELECT partner_id, since_ms, accruals, SUM(accruals) OVER (ORDER BY partner_id) AS total, row_number() OVER (ORDER BY partner_id) AS place
           FROM (SELECT t.partner_id, t.since_ms,
                   (SELECT COUNT(*) FROM accrual l WHERE l.partner_id = t.partner_id AND l.at_ms >= t.since_ms) AS accruals
                 FROM (SELECT partner_id, MIN(IIF(quarter = '', since_ms, {})) AS since_ms
                       FROM partner_modifier WHERE program_id = ?1 AND changed_run = ?2 AND partner_id > ?3
                       GROUP BY partner_id ORDER BY partner_id LIMIT 1000) t))
         WHERE total <= ?4 OR place = 1 ORDER BY place",
        span("quarter").0
    ))
    .bind(&run.program_id)
    .bind(&run.id)
    .bind(&run.cursor)
    .bind(LINES_MAX)
    .query()
}

pub fn mark_partner(run: &RunRow, partner: &PartnerId, now: UtcMillis) -> Stmt {
    Stmt::new(format!(
        "UPDATE account SET {} WHERE id IN (SELECT account_id FROM binding WHERE program_id = ?1 AND partner_id = ?2)",
        Marking::from(now).sets("?3")
    ))
    .bind(&run.program_id)
    .bind(partner)
    .bind(now)
}

/// The modifiers of partners.
pub fn terms_of(run: &RunRow, partners: &[BackfillPartner]) -> Query<PartnerModifier> {
    of(
        run,
        partners,
        format!(
            "SELECT t.program_id, t.partner_id, t.modifier_id, t.quarter, t.from_ms FROM json_each(?2) p
               CROSS JOIN partner_modifier t ON t.program_id = ?1 AND t.partner_id = {PARTNER}"
        ),
    )
}

/// Their accounts with an invoice that may have earned nothing at the base rate, and therefore has no accrual.
pub fn tiny_accounts(run: &RunRow, partners: &[BackfillPartner]) -> Query<AccountIdRow> {
    of(
        run,
        partners,
        format!(
            "SELECT DISTINCT +e.account_id AS account_id FROM event e CROSS JOIN binding b ON b.account_id = e.account_id AND b.program_id = ?1
             WHERE e.type = 'invoice.paid' AND e.payload ->> '$.\"invoice.paid\".amount.cents' < 100
               AND e.occurred_at_ms >= (SELECT MIN({SINCE}) FROM json_each(?2) p)
               AND b.partner_id IN (SELECT {PARTNER} FROM json_each(?2) p)"
        ),
    )
}

/// The accounts of their accruals that are not marked to be recomputed.
pub fn earned_accounts(run: &RunRow, partners: &[BackfillPartner]) -> Query<AccountRow> {
    of(
        run,
        partners,
        format!(
            "SELECT a.id, a.revision, NULL AS written, NULL AS usage_questions, NULL AS closed
             FROM (SELECT DISTINCT l.account_id, l.partner_id FROM json_each(?2) p
                   CROSS JOIN accrual l ON l.partner_id = {PARTNER} AND l.at_ms >= {SINCE}) own
               CROSS JOIN account a ON a.id = own.account_id
             WHERE a.needs_recompute_since_ms IS NULL
               AND EXISTS (SELECT 1 FROM binding b WHERE b.account_id = a.id AND b.program_id = ?1 AND b.partner_id = own.partner_id)"
        ),
    )
}

/// Their accruals for invoices. The plus makes SQLite use the index by partner.
pub fn earned_list(run: &RunRow, partners: &[BackfillPartner]) -> Query<BaseAccrual> {
    of(
        run,
        partners,
        format!(
            "SELECT l.id, l.partner_id, l.account_id, l.source, l.reward_id, l.at_ms, l.program_version, l.gross_cents,
                e.payload ->> '$.\"invoice.paid\".amount.cents' AS amount_cents,
                l.net_cents = l.gross_cents AND l.cap_reduction_cents = 0 AND l.adjusted_cents = 0 AND l.state IN ('pending', 'available')
                  AND NOT EXISTS (SELECT 1 FROM event o WHERE o.invoice_id = e.invoice_id AND o.id <> e.id)
                  AND NOT EXISTS (SELECT 1 FROM stripe_payment s CROSS JOIN stripe_payment_fact f
                    ON f.payment_intent = s.id OR f.charge = s.id WHERE s.invoice_id = e.invoice_id) AS is_unmodified
             FROM json_each(?2) p CROSS JOIN accrual l ON l.partner_id = {PARTNER} AND l.at_ms >= {SINCE} CROSS JOIN event e ON e.id = l.event_id
             WHERE +l.program_id = ?1 AND l.source GLOB '{}:*'",
            AccrualSource::INVOICE
        ),
    )
}

fn of<T>(run: &RunRow, partners: &[BackfillPartner], sql: String) -> Query<T> {
    Stmt::new(sql).bind(&run.program_id).json(&partners).query()
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
