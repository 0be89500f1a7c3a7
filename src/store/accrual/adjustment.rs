//! Adjustments: what operators add to partners' balances or take from them, and its booking.
//!
//! What is booked is computed where it is written, from what stands at that moment: no other write can get in between.

use crate::base::ids::{AccountId, AccrualId, ActorId, AdjustmentId, InvoiceId, PartnerId, ProgramId};
use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::engine::accrual::adjustment::{AccrualAdjustments, AdjustmentState};
use crate::engine::accrual::{Accrual, Balance};
use crate::engine::ledger::account::{LedgerAccountKind, TransferCode};
use crate::program::reward::ADJUSTMENT;
use crate::store::account::{LINE_COLUMNS, accrual_write, open_only};
use crate::store::ledger::account::AccountColumns;
use crate::store::port::{GIVEN, Stmt};
use crate::store::query::{Parsed, Query, counted};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdjustmentRow {
    pub id: AdjustmentId,
    pub program_id: ProgramId,
    pub partner_id: PartnerId,
    /// Empty: no account.
    pub account_id: AccountId,
    pub accrual_id: AccrualId,
    /// 0: it changes an accrual that exists.
    pub makes_accrual: i64,
    pub undoes_id: Option<AdjustmentId>,
    pub invoice_id: Option<InvoiceId>,
    pub unit: String,
    pub amount_cents: Cents,
    pub balance: Balance,
    pub vests_at_ms: UtcMillis,
    pub note: String,
    pub reason: String,
    pub actor: ActorId,
    pub state: AdjustmentState,
    pub expires_at_ms: Option<UtcMillis>,
    pub decided_by: Option<ActorId>,
    pub decision_reason: Option<String>,
    pub decided_at_ms: Option<UtcMillis>,
    pub created_at_ms: UtcMillis,
}

const COLUMNS: &str = "id, program_id, partner_id, account_id, accrual_id, makes_accrual, undoes_id, invoice_id, unit, amount_cents, balance, \
     vests_at_ms, note, reason, actor, state, expires_at_ms, decided_by, decision_reason, decided_at_ms, created_at_ms";

fn select(rest: &str) -> Stmt {
    Stmt::new(format!("SELECT {COLUMNS} FROM adjustment {rest}"))
}

pub fn adjustment_find(id: &AdjustmentId) -> Query<AdjustmentRow> {
    select("WHERE id = ?1").bind(id).query()
}

/// The accruals of accounts, each with what adjustments change of it, and the invoice that the one behind it names.
pub fn adjusted_list(accounts: &[AccountId], closed: bool) -> Parsed<Vec<(Accrual, AccrualAdjustments)>> {
    Stmt::new(format!(
        "SELECT {LINE_COLUMNS}, id AS accrual_id,
           (SELECT COALESCE(SUM(j.amount_cents), 0) FROM adjustment j WHERE j.accrual_id = accrual.id AND j.state = 'booked' AND j.makes_accrual = 0) AS cents,
           (SELECT j.invoice_id FROM adjustment j WHERE j.accrual_id = accrual.id AND j.makes_accrual = 1) AS invoice_id,
           reward_id = '{ADJUSTMENT}' AND EXISTS (SELECT 1 FROM suspension s WHERE s.partner_id = accrual.partner_id AND s.standing = 'banned'
             AND (s.to_ms IS NULL OR accrual.at_ms < s.to_ms)) AS is_banned
         FROM accrual WHERE account_id IN (SELECT value FROM json_each(?1)) {} ORDER BY id",
        open_only("accrual", closed)
    ))
    .json(&accounts)
    .pairs()
}

/// Adjustments before the cursor (instant, id), newest first. An empty filter matches all.
pub fn adjustment_page(
    partner: &PartnerId,
    state: Option<AdjustmentState>,
    before_ms: i64,
    before_id: &str,
    limit: i64,
) -> Query<AdjustmentRow> {
    // An unused filter is left out: otherwise its index is not used.
    let of_partner = if partner.is_empty() { "?1 = ''" } else { "partner_id = ?1" };
    let of_state = state.map_or("?2 = ''".to_owned(), |state| format!("?2 = ?2 AND state = '{state}'"));
    select(&format!(
        "WHERE {of_partner} AND {of_state} AND created_at_ms <= ?3 AND (created_at_ms < ?3 OR id < ?4)
         ORDER BY created_at_ms DESC, id DESC LIMIT ?5"
    ))
    .bind(partner)
    .bind(state.map_or("", AdjustmentState::name))
    .bind(before_ms)
    .bind(before_id)
    .bind(limit)
    .query()
}

/// The newest adjustments that made or changed an accrual.
pub fn adjustments_of_accrual(accrual: &AccrualId, limit: i64) -> Query<AdjustmentRow> {
    select("WHERE accrual_id = ?1 ORDER BY created_at_ms DESC, id DESC LIMIT ?2").bind(accrual).bind(limit).query()
}

/// An accrual by its id.
pub fn accrual_find(id: &AccrualId) -> Query<Accrual> {
    Stmt::new(format!("SELECT {LINE_COLUMNS} FROM accrual WHERE id = ?1")).bind(id).query()
}

/// What later adjustments took back of one that changes an accrual.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct UndoneSum {
    pub cents: i64,
}

pub fn undone_sum(id: &AdjustmentId) -> Query<UndoneSum> {
    Stmt::new(
        "SELECT COALESCE(SUM(amount_cents), 0) AS cents FROM adjustment WHERE undoes_id = ?1 AND state = 'booked'",
    )
    .bind(id)
    .query()
}

/// That something is there.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Found {
    pub found: i64,
}

/// Whether an account paid this invoice.
pub fn invoice_paid(account: &AccountId, invoice: &InvoiceId) -> Query<Found> {
    Stmt::new(
        "SELECT 1 AS found FROM event WHERE invoice_id = ?2 AND +account_id = ?1 AND type = 'invoice.paid' LIMIT 1",
    )
    .bind(account)
    .bind(invoice)
    .query()
}

/// Whether a partner has a request that waits for a decision.
pub fn adjustment_waits(partner: &PartnerId) -> Query<Found> {
    Stmt::new("SELECT 1 AS found FROM adjustment WHERE partner_id = ?1 AND state = 'requested' LIMIT 1")
        .bind(partner)
        .query()
}

/// The number of requests that wait for a decision, and the oldest.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct RequestedCount {
    pub requested: i64,
    pub oldest_ms: Option<UtcMillis>,
}

pub fn requested_count() -> Query<RequestedCount> {
    Stmt::new(format!(
        "SELECT COUNT(*) AS requested, MIN(created_at_ms) AS oldest_ms FROM {}",
        counted("created_at_ms FROM adjustment WHERE state = 'requested' ORDER BY created_at_ms, id")
    ))
    .query()
}

/// Stores a request. Whatever becomes of it is decided afterward.
pub fn adjustment_insert(row: &AdjustmentRow) -> Stmt {
    let values: Vec<String> = COLUMNS.split(", ").map(|c| format!("row ->> '$.{}'", c.trim())).collect();
    Stmt::new(format!("{GIVEN} INSERT INTO adjustment ({COLUMNS}) SELECT {} FROM given", values.join(", ")))
        .json(&[row])
}

/// Decides a request. A second decision aborts.
pub fn adjustment_decide(
    id: &AdjustmentId,
    state: AdjustmentState,
    by: Option<&ActorId>,
    reason: Option<&str>,
    now: UtcMillis,
) -> Stmt {
    Stmt::new(
        "UPDATE adjustment SET state = ?2, decided_by = ?3, decision_reason = ?4, decided_at_ms = ?5 WHERE id = ?1",
    )
    .bind(id)
    .bind(state.name())
    .bind(by)
    .bind(reason)
    .bind(now)
}

/// Books a decided adjustment: its own accrual (`made`), or the change of the one that it names. Whether one that comes
/// back is held or disputed, only its account's facts say: until they are read again, it is not paid.
pub fn book(row: &AdjustmentRow, made: Option<&Accrual>, now: UtcMillis) -> Vec<Stmt> {
    let columns = AccountColumns::of("j");
    let of_it = "adjustment j WHERE j.id = ?1";
    let ensure = |kind: LedgerAccountKind| Stmt::new(columns.ensure(kind, of_it)).bind(&row.id);
    let mut all = vec![ensure(LedgerAccountKind::Expense), ensure(row.balance.kind())];
    all.extend(made.map(|accrual| accrual_write(std::slice::from_ref(accrual), false, now)).into_iter().flatten());
    let (expense, balance) = (columns.account(LedgerAccountKind::Expense), columns.account_of("n.balance"));
    all.push(
        Stmt::new(format!(
            "INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, program_id, event_id, actor, reason, created_at_ms)
             SELECT n.id || '.' || n.number, n.id, IIF(n.change > 0, '{}', '{}'), 'single', IIF(n.change > 0, {expense}, {balance}),
                    IIF(n.change > 0, {balance}, {expense}), ABS(n.change), j.program_id, j.id, j.actor, j.note, ?2
             FROM ({CHANGE}) n JOIN adjustment j ON j.id = ?1 WHERE n.change <> 0",
            TransferCode::Adjust.name(),
            TransferCode::Deduct.name(),
        ))
        .bind(&row.id)
        .bind(now),
    );
    if made.is_none() {
        all.push(
            Stmt::new(format!(
                "UPDATE accrual SET net_cents = net_cents + n.change, adjusted_cents = adjusted_cents + n.change,
                   postings = postings + (n.change <> 0), changed_at_ms = ?2, quiet_at_ms = NULL, state = IIF(accrual.state NOT IN ('pending', 'available', 'reversed')
                     OR (accrual.state = 'reversed' AND accrual.account_id <> ''), accrual.state, IIF(net_cents + n.change = 0, 'reversed', accrual.balance))
                 FROM ({CHANGE}) n WHERE accrual.id = n.id"
            ))
            .bind(&row.id)
            .bind(now),
        );
    }
    all
}

/// What the adjustment ?1 changes of its accrual, and the number of its ledger row. No change goes further than nothing:
/// what refunds took first is gone already. An accrual that it made is stored with its first row counted.
const CHANGE: &str = "SELECT id, balance, IIF(makes_accrual, postings, postings + 1) AS number,
        IIF(makes_accrual, net_cents, IIF(gross_cents < 0, MIN(0, wanted), MAX(0, wanted)) - net_cents) AS change
      FROM (SELECT a.id, a.balance, a.postings, a.net_cents, a.gross_cents, k.makes_accrual, a.net_cents - a.adjusted_cents
              + (SELECT COALESCE(SUM(o.amount_cents), 0) FROM adjustment o WHERE o.accrual_id = a.id AND o.state = 'booked' AND o.makes_accrual = 0) AS wanted
            FROM adjustment k JOIN accrual a ON a.id = k.accrual_id WHERE k.id = ?1)";

/// Decides what `due` selects by ?1 without a person, with its entries in the audit log.
fn decided(due: &str, state: AdjustmentState, action: &str) -> [String; 2] {
    [
        format!(
            "INSERT INTO audit (id, at_ms, actor, action, subject, reason, before, after)
             SELECT 'aud_' || id || '_{state}', ?4, ?2, '{action}', id, ?3, '{{\"state\":\"requested\"}}', '{{\"state\":\"{state}\"}}'
             FROM adjustment WHERE state = 'requested' AND {due}"
        ),
        format!(
            "UPDATE adjustment SET state = '{state}', decided_by = IIF('{state}' = 'rejected', ?2, NULL), decision_reason = ?3, decided_at_ms = ?4
             WHERE state = 'requested' AND {due}"
        ),
    ]
}

/// Lets requests lapse that nobody decided in time.
pub fn adjustments_expire(actor: &ActorId, reason: &str, now: UtcMillis) -> [Stmt; 2] {
    decided("expires_at_ms <= ?1", AdjustmentState::Expired, "adjustment.expire")
        .map(|sql| Stmt::new(sql).bind(now).bind(actor).bind(reason).bind(now))
}

/// Rejects a partner's requests, because it was banned.
pub fn adjustments_reject(partner: &PartnerId, actor: &ActorId, reason: &str, now: UtcMillis) -> [Stmt; 2] {
    decided("partner_id = ?1", AdjustmentState::Rejected, "adjustment.reject")
        .map(|sql| Stmt::new(sql).bind(partner).bind(actor).bind(reason).bind(now))
}
