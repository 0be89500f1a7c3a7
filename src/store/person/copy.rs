//! A copy of what is held about a person: lists of rows, each as a JSON object.

use crate::base::ids::PartnerId;
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

/// A list of a copy. `?1` is the person's id.
pub struct CopyList {
    pub name: &'static str,
    /// The table, with what selects its rows.
    from: &'static str,
    columns: &'static str,
}

const fn list(name: &'static str, from: &'static str, columns: &'static str) -> CopyList {
    CopyList { name, from, columns }
}

/// What is held about a partner. Its accruals and payouts are its balance transactions.
pub const PARTNER: &[CopyList] = &[
    list(
        "partner",
        "partner t WHERE t.id = ?1",
        "id, program_id, external_id, kind, country, website, code, disclosure_accepted_at_ms, left_at_ms, standing, created_at_ms, updated_at_ms",
    ),
    list("person", "partner_person t WHERE t.partner_id = ?1", "name, email, display_name, notes"),
    list(
        "links",
        "link t WHERE t.partner_id = ?1",
        "code, destination, campaign, utm, source, created_at_ms, expires_at_ms, disabled_at_ms",
    ),
    list("suspensions", "suspension t WHERE t.partner_id = ?1", "id, standing, from_ms, to_ms, reason, actor"),
    list(
        "payees",
        "payee t WHERE t.partner_id = ?1",
        "stripe_account_id, country, currency, transfers_active, payouts_enabled, currently_due, disabled_reason, updated_at_ms",
    ),
    list("closed_payees", "payee_closed t WHERE t.partner_id = ?1", "stripe_account_id, country, reason, closed_at_ms"),
    list(
        "questions",
        "credit_question t WHERE t.partner_id = ?1",
        "id, code, about, answer, message, reply, created_at_ms, sent_at_ms, replied_at_ms",
    ),
    list(
        "sessions",
        "session t WHERE t.operator = 0 AND (t.email = (SELECT lower(email) FROM partner_person WHERE partner_id = ?1)
            OR t.site_user = (SELECT external_id FROM partner WHERE id = ?1))",
        "id, way, email, site_user, agent, created_at_ms, seen_at_ms, ended_at_ms",
    ),
    list(
        "unsubscribed",
        "unsubscribe t WHERE t.address_sha256 = (SELECT email_sha256 FROM partner_person WHERE partner_id = ?1)",
        "kind, created_at_ms",
    ),
    list(
        "reviews",
        "review t WHERE t.partner_id = ?1",
        "id, account_id, rule, subject, evidence, state, reason, created_at_ms, decided_at_ms",
    ),
    list(
        "adjustments",
        "adjustment t WHERE t.partner_id = ?1",
        "id, unit, amount_cents, note, reason, state, decision_reason, created_at_ms",
    ),
    list("redemptions", "redemption t WHERE t.partner_id = ?1", "id, unit, amount_cents, reason, created_at_ms"),
    list(
        "referred_accounts",
        "binding t WHERE t.partner_id = ?1",
        "account_id, program_id, code, method, signed_up_at_ms",
    ),
    list(
        "payouts",
        "payout t WHERE t.partner_id = ?1",
        "id, unit, amount_cents, state, destination, reason, created_at_ms, paid_at_ms",
    ),
    list("audit_log", "audit t WHERE t.subject = ?1", "id, at_ms, action, reason, before, after"),
];

/// What is held about an account. Its accruals are a partner's.
pub const ACCOUNT: &[CopyList] = &[
    list("account", "account t WHERE t.id = ?1", "id, signed_up_at_ms, created_at_ms, invoices"),
    list("person", "event_person t WHERE t.account_id = ?1", "event_id, email, name, stripe_customer"),
    list("customers", "stripe_customer t WHERE t.account_id = ?1", "id, matched_by, created_at_ms"),
    list(
        "events",
        "event t WHERE t.account_id = ?1",
        "id, source, type, invoice_id, occurred_at_ms, received_at_ms, payload, credential",
    ),
    list(
        "attribution",
        "binding t WHERE t.account_id = ?1",
        "group_id, program_id, partner_id, code, method, visitor, click_id, signed_up_at_ms, receipt, states",
    ),
    list("promotion_codes", "promotion_code t WHERE t.account_id = ?1", "code, visitor_id, created_at_ms"),
    list(
        "reviews",
        "review t WHERE t.account_id = ?1",
        "id, program_id, partner_id, rule, subject, evidence, state, reason, created_at_ms, decided_at_ms",
    ),
    list(
        "adjustments",
        "adjustment t WHERE t.account_id = ?1",
        "id, unit, amount_cents, note, reason, state, decision_reason, created_at_ms",
    ),
    list(
        "questions",
        "credit_question t WHERE lower(t.about) IN (SELECT lower(?1) UNION ALL SELECT lower(email) FROM event_person WHERE account_id = ?1)
           AND (t.about = ?1 OR t.about IN (SELECT email FROM event_person WHERE account_id = ?1))",
        "id, about, answer, message, reply, created_at_ms",
    ),
    list("audit_log", "audit t WHERE t.subject = ?1", "id, at_ms, action, reason, before, after"),
];

/// A partner's questions, newest last.
pub fn questions_of(partner: &PartnerId, limit: i64) -> Option<Query<CopiedRow>> {
    PARTNER.iter().find(|list| list.name == "questions").map(|list| copy_page(list, partner, 0, limit))
}

/// A row of a list.
#[derive(Clone, Debug, Deserialize)]
pub struct CopiedRow {
    pub row: i64,
    /// JSON.
    pub held: String,
}

/// A list's rows after a row number.
pub fn copy_page(list: &CopyList, id: &str, after: i64, limit: i64) -> Query<CopiedRow> {
    let pairs: Vec<String> = list.columns.split(", ").map(|column| format!("'{column}', t.{column}")).collect();
    let (table, condition) = list.from.split_once(" WHERE ").unwrap_or((list.from, "0"));
    Stmt::new(format!(
        "SELECT t.rowid AS row, json_object({}) AS held FROM {table} WHERE ({condition}) AND +t.rowid > ?2 ORDER BY +t.rowid LIMIT ?3",
        pairs.join(", ")
    ))
    .bind(id)
    .bind(after)
    .bind(limit)
    .query()
}
