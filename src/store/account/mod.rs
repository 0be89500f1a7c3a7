//! Accounts: their revision, bindings and accruals.

pub mod customer;
mod marked;
pub mod waiting;

use crate::base::id;
use crate::base::ids::{AccountId, EventId, LinkCode, PartnerId, ProgramId};
use crate::base::time::{Quarter, UtcMillis};
use crate::engine::account::decision::GroupDecision;
use crate::engine::account::invoice_status::InvoiceStatus;
use crate::engine::accrual::Accrual;
use crate::store::account::marked::IS_QUIET;
pub(in crate::store) use crate::store::account::marked::mark_found;
pub use crate::store::account::marked::{
    DomainMark, Marking, SharedMark, SignupVelocityMark, StoredFor, recompute_by_ids, recompute_by_invoices,
    recompute_by_partner, recompute_by_partners, recompute_by_shared, recompute_by_signup_velocity,
    recompute_by_stored,
};
use crate::store::port::{GIVEN, Stmt, json_pages, json_text};
use crate::store::query::Query;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRow {
    pub id: AccountId,
    pub revision: i64,
    /// The `digest` of the stored groups.
    pub written: Option<String>,
    /// What programs usage_questions about usage when its moot events were found.
    pub usage_questions: Option<String>,
    /// What is known of its closed facts, as JSON; empty if that is not enough.
    pub closed: Option<String>,
    /// 1 if it is marked because of events that arrived late alone.
    #[serde(default)]
    pub is_quiet: i64,
}

impl AccountRow {
    /// An account with nothing stored, or of which only the id is needed.
    pub fn new(id: AccountId) -> AccountRow {
        AccountRow { id, revision: 0, written: None, usage_questions: None, closed: None, is_quiet: 0 }
    }
}

/// A short digest of an account's bindings and revenue, and of what became of its invoices: if it is unchanged, there is
/// nothing to write.
pub fn digest(groups: &[GroupDecision], invoices: &[InvoiceStatus]) -> String {
    fn or_empty(number: Option<UtcMillis>) -> String {
        number.map_or(String::new(), |at| at.0.to_string())
    }
    let mut parts = vec![groups.len().to_string(), json_text(&invoices)];
    for group in groups {
        let (at, event) = &group.signed_up;
        parts.extend([
            group.result.group.clone(),
            json_text(&group.result),
            json_text(&group.states),
            or_empty(group.qualified_at),
            i64::from(group.held).to_string(),
            or_empty(group.grant_due_at),
            at.0.to_string(),
            event.to_string(),
        ]);
        for span in &group.revenue {
            parts.extend([span.from_ms.0.to_string(), or_empty(span.to_ms), span.annual_cents.0.to_string()]);
        }
    }
    id::derived("dec", &parts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A decided account: the revision that was read, when it signed up, and the digest of its groups.
#[derive(Serialize)]
pub struct AccountAdvance<'a> {
    pub id: &'a AccountId,
    pub revision: i64,
    pub signed_up: Option<UtcMillis>,
    pub written: &'a str,
    pub usage_questions: &'a str,
    pub closed: Option<&'a str>,
    /// What was refunded or is disputed. `None`: it stays.
    pub invoices: Option<&'a [InvoiceStatus]>,
}

/// Writes decisions, each made at the given revision. Aborts the batch if an account has another revision by now.
pub fn account_advance(rows: &[AccountAdvance], now: UtcMillis) -> Stmt {
    Stmt::new(format!(
        "{GIVEN} INSERT INTO account (id, revision, signed_up_at_ms, written, usage_questions, closed, created_at_ms, invoices, invoices_at_ms)
         SELECT row ->> '$.id', (row ->> '$.revision') + 1, row ->> '$.signed_up', row ->> '$.written', row ->> '$.usage_questions',
           row ->> '$.closed', ?2, row ->> '$.invoices', ?2 FROM given WHERE true
         ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, needs_recompute_since_ms = NULL, refused_by = NULL, refused_at_ms = NULL, written = excluded.written,
           usage_questions = excluded.usage_questions, closed = excluded.closed,
           signed_up_at_ms = COALESCE(excluded.signed_up_at_ms, signed_up_at_ms),
           invoices = COALESCE(excluded.invoices, invoices), invoices_at_ms = excluded.invoices_at_ms",
    ))
    .json(&rows)
    .bind(now)
}

/// Accruals of accounts were written without a decision: moves to the next revision, and keeps a mark to recompute.
/// Aborts the batch if an account has another revision by now.
pub fn account_touch(accounts: &[AccountRow]) -> Stmt {
    let rows: Vec<_> = accounts.iter().map(|a| json!({"id": a.id, "revision": a.revision})).collect();
    Stmt::new(
        "UPDATE account SET revision = read.revision + 1
         FROM (SELECT value ->> '$.id' AS id, value ->> '$.revision' AS revision FROM json_each(?1)) read
         WHERE account.id = read.id",
    )
    .json(&rows)
}

/// Accounts to be recomputed, earliest sign-up first: as many as have `facts` events together, and at least one. Those
/// that were refused are not among them. `among`: only these.
pub fn recompute_list(limit: i64, facts: i64, among: Option<&[AccountId]>) -> Query<AccountRow> {
    let (columns, only) = (
        format!("id, revision, written, usage_questions, closed, {IS_QUIET} AS is_quiet"),
        if among.is_some() { "AND id IN (SELECT value FROM json_each(?3))" } else { "" },
    );
    let list = Stmt::new(format!(
        "SELECT id, revision, written, usage_questions, closed, is_quiet FROM (
           SELECT id, revision, written, usage_questions, closed, is_quiet, row_number() OVER (ORDER BY signed_up_at_ms, id) AS place,
                  SUM((SELECT COUNT(*) FROM event e WHERE e.account_id = a.id AND e.state <> 'moot')) OVER (ORDER BY signed_up_at_ms, id) AS total
           FROM (SELECT {columns}, signed_up_at_ms FROM account
                 WHERE needs_recompute_since_ms IS NOT NULL AND refused_by IS NULL {only} ORDER BY signed_up_at_ms, id LIMIT ?1) a)
         WHERE total <= ?2 OR place = 1 ORDER BY place"
    ))
    .bind(limit)
    .bind(facts);
    match among {
        Some(among) => list.json(&among),
        None => list,
    }
    .query()
}

pub const LINE_COLUMNS: &str = "id, program_id, program_version, reward_id, partner_id, account_id, event_id, source, \
     at_ms, period, unit, gross_cents, cap_reduction_cents, adjusted_cents, net_cents, balance, funding_account, state, vests_at_ms, reason, postings";

/// Writes accruals in their new state. `quiet`: that is not announced.
pub fn accrual_write(accruals: &[Accrual], quiet: bool, now: UtcMillis) -> Vec<Stmt> {
    let at = if quiet { "?2" } else { "NULL" };
    let sql = format!("{GIVEN} {} ON CONFLICT (id) DO UPDATE SET {LINE_UPDATES}", accrual_insert("?2", at));
    json_pages(accruals).into_iter().map(|page| Stmt::new(sql.clone()).bind(page).bind(now)).collect()
}

/// Writes the accruals of `given`, with the parameter that holds the time, and since when it is quiet about them.
pub fn accrual_insert(now: &str, quiet_at: &str) -> String {
    let values: Vec<String> = LINE_COLUMNS.split(", ").map(|c| format!("row ->> '$.{}'", c.trim())).collect();
    // `WHERE true` keeps SQLite from parsing ON CONFLICT as part of a join.
    format!(
        "INSERT INTO accrual ({LINE_COLUMNS}, changed_at_ms, quiet_at_ms) SELECT {}, {now}, {quiet_at} FROM given WHERE true",
        values.join(", ")
    )
}

/// The condition for accruals of which decisions read the open ones, or all.
pub(super) fn open_only(accrual: &str, all: bool) -> String {
    if all { String::new() } else { format!("AND {accrual}.closed = 0") }
}

/// Closes the accruals for payments of accounts, by their events.
pub fn accrual_close(accounts: &[AccountId], events: &[EventId]) -> Stmt {
    Stmt::new(
        "UPDATE accrual SET closed = 1 WHERE account_id IN (SELECT value FROM json_each(?1)) AND closed = 0
           AND event_id IN (SELECT value FROM json_each(?2)) AND source GLOB 'invoice:*'",
    )
    .json(&accounts)
    .json(&events)
}

/// The same, and opens all others of the accounts.
pub fn accrual_close_only(accounts: &[AccountId], events: &[EventId]) -> Stmt {
    Stmt::new(
        "UPDATE accrual SET closed = 1 - closed WHERE account_id IN (SELECT value FROM json_each(?1))
           AND closed <> (source GLOB 'invoice:*' AND event_id IN (SELECT value FROM json_each(?2)))",
    )
    .json(&accounts)
    .json(&events)
}

const LINE_UPDATES: &str = "program_version = excluded.program_version, event_id = excluded.event_id, \
     at_ms = excluded.at_ms, period = excluded.period, gross_cents = excluded.gross_cents, \
     cap_reduction_cents = excluded.cap_reduction_cents, adjusted_cents = excluded.adjusted_cents, net_cents = excluded.net_cents, balance = excluded.balance, \
     state = excluded.state, vests_at_ms = excluded.vests_at_ms, reason = excluded.reason, postings = excluded.postings, \
     changed_at_ms = excluded.changed_at_ms, quiet_at_ms = excluded.quiet_at_ms";

/// Writes accounts' decisions, one for each group of programs. Unchanged ones are not written: most groups have no part
/// in most events. The attribution result contains everything about the binding itself.
pub fn binding_write(groups: &[(&AccountId, &GroupDecision)], now: UtcMillis) -> Vec<Stmt> {
    let rows: Vec<_> = groups.iter().map(|(account, group)| binding_row(account, group)).collect();
    let sql = format!("{GIVEN} {BINDING_WRITE}");
    json_pages(&rows).into_iter().map(|page| Stmt::new(sql.clone()).bind(page).bind(now)).collect()
}

const BINDING_WRITE: &str =
    "INSERT INTO binding (account_id, group_id, program_id, partner_id, code, method, source, click_id, visitor, domain, from_ms, event_id,
           signed_up_at_ms, signup_event_id, qualified_at_ms, qualified_quarter, held, receipt, states, grant_due_at_ms, decided_at_ms)
         SELECT row ->> '$.account', row ->> '$.group', row ->> '$.program', row ->> '$.partner', row ->> '$.code',
           row ->> '$.method', row ->> '$.source', row ->> '$.click', row ->> '$.visitor', row ->> '$.domain', row ->> '$.from', row ->> '$.event',
           row ->> '$.signed_up', row ->> '$.signup_event', row ->> '$.qualified', row ->> '$.quarter',
           row ->> '$.held', row ->> '$.receipt', row ->> '$.states', row ->> '$.due', ?2
         FROM given WHERE true
         ON CONFLICT (account_id, group_id) DO UPDATE SET program_id = excluded.program_id, partner_id = excluded.partner_id,
           code = excluded.code, method = excluded.method, source = excluded.source, click_id = excluded.click_id, visitor = excluded.visitor, domain = excluded.domain,
           from_ms = excluded.from_ms, event_id = excluded.event_id, signed_up_at_ms = excluded.signed_up_at_ms,
           signup_event_id = excluded.signup_event_id, qualified_at_ms = excluded.qualified_at_ms,
           qualified_quarter = excluded.qualified_quarter, held = excluded.held, receipt = excluded.receipt,
           states = excluded.states, grant_due_at_ms = excluded.grant_due_at_ms, decided_at_ms = excluded.decided_at_ms
     WHERE (receipt, states, qualified_at_ms, held, grant_due_at_ms, signed_up_at_ms, signup_event_id)
       IS NOT (excluded.receipt, excluded.states, excluded.qualified_at_ms, excluded.held, excluded.grant_due_at_ms,
               excluded.signed_up_at_ms, excluded.signup_event_id)";

fn binding_row(account: &AccountId, group: &GroupDecision) -> serde_json::Value {
    let binding = group.result.binding.as_ref();
    json!({
        "account": account, "group": group.result.group, "program": binding.map(|b| &b.program),
        "partner": binding.map(|b| &b.partner), "code": binding.map(|b| &b.code),
        "method": binding.map(|b| &b.method), "source": binding.map(|b| b.source),
        "click": binding.and_then(|b| b.click.as_ref()), "visitor": binding.and_then(|b| b.visitor.as_ref()),
        "domain": binding.and_then(|b| b.domain.as_ref()), "from": binding.map(|b| b.from),
        "event": binding.map(|b| &b.event), "signed_up": group.signed_up.0, "signup_event": group.signed_up.1,
        "qualified": group.qualified_at, "quarter": group.qualified_at.map(|at| Quarter::of(at).to_string()),
        "held": i64::from(group.held), "receipt": json_text(&group.result), "states": json_text(&group.states),
        "due": group.grant_due_at,
    })
}

/// Replaces what accounts' subscriptions in the program's currency are worth to their partners.
pub fn revenue_write(groups: &[(&AccountId, &GroupDecision)]) -> [Stmt; 2] {
    let mut accounts: Vec<&AccountId> = groups.iter().map(|(account, _)| *account).collect();
    accounts.dedup();
    let mut rows = Vec::new();
    for (account, group) in groups {
        if let Some(binding) = &group.result.binding {
            rows.extend(group.revenue.iter().map(|span| {
                json!({"account": account, "program": binding.program, "partner": binding.partner, "span": span})
            }));
        }
    }
    [
        Stmt::new("DELETE FROM revenue_span WHERE account_id IN (SELECT value FROM json_each(?1))").json(&accounts),
        Stmt::new(format!(
            "{GIVEN} INSERT INTO revenue_span (account_id, program_id, partner_id, from_ms, to_ms, annual_cents)
             SELECT row ->> '$.account', row ->> '$.program', row ->> '$.partner', row ->> '$.span.from_ms',
                    row ->> '$.span.to_ms', row ->> '$.span.annual_cents' FROM given",
        ))
        .json(&rows),
    ]
}

/// Removes the decisions of accounts whose sign-up turned out to belong to another account.
pub fn binding_clear(accounts: &[AccountId]) -> [Stmt; 3] {
    [
        Stmt::new("UPDATE account SET written = NULL WHERE id IN (SELECT value FROM json_each(?1))").json(&accounts),
        Stmt::new("DELETE FROM revenue_span WHERE account_id IN (SELECT value FROM json_each(?1))").json(&accounts),
        Stmt::new("DELETE FROM binding WHERE account_id IN (SELECT value FROM json_each(?1))").json(&accounts),
    ]
}

/// Accounts by id, if they were decided before.
pub fn account_list(ids: &[AccountId]) -> Query<AccountRow> {
    Stmt::new("SELECT id, revision, written, usage_questions, closed FROM account WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id")
        .json(&ids)
        .query()
}

/// An account's stored bindings, for its attribution report.
#[derive(Clone, Debug, Deserialize)]
pub struct BindingRow {
    pub group_id: String,
    pub receipt: String,
    pub states: String,
    pub signed_up_at_ms: UtcMillis,
    pub decided_at_ms: UtcMillis,
}

pub fn binding_list(account: &AccountId) -> Query<BindingRow> {
    Stmt::new("SELECT group_id, receipt, states, signed_up_at_ms, decided_at_ms FROM binding WHERE account_id = ?1 ORDER BY group_id")
        .bind(account)
        .query()
}

/// Accounts' bindings before a decision about them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BoundRow {
    pub account_id: AccountId,
    pub group_id: String,
    pub program_id: ProgramId,
    pub partner_id: PartnerId,
    pub code: LinkCode,
    pub from_ms: UtcMillis,
    pub event_id: EventId,
    pub signed_up_at_ms: UtcMillis,
    pub signup_event_id: EventId,
    pub visitor: Option<String>,
    pub domain: Option<String>,
}

pub fn bound_list(accounts: &[AccountId]) -> Query<BoundRow> {
    Stmt::new(
        "SELECT account_id, group_id, program_id, partner_id, code, from_ms, event_id, signed_up_at_ms, signup_event_id, visitor, domain
         FROM binding WHERE account_id IN (SELECT value FROM json_each(?1)) AND partner_id IS NOT NULL",
    )
    .json(&accounts)
    .query()
}

/// The id of an account.
#[derive(Clone, Debug, Deserialize)]
pub struct AccountIdRow {
    pub account_id: AccountId,
}

pub fn account_find(id: &AccountId) -> Query<AccountRow> {
    Stmt::new("SELECT id, revision, written, usage_questions, closed FROM account WHERE id = ?1").bind(id).query()
}
