//! Processed Stripe events, which payment is for which invoice, and the facts that wait for an invoice.

use crate::base::time::UtcMillis;
use crate::engine::event::{FactPayment, InvoicePayment, PaidInvoice};
use crate::store::account::Marking;
use crate::store::port::Stmt;
use crate::store::query::{Parsed, Query};
use serde::Deserialize;
use serde_json::json;

pub use crate::store::event::intake::Seen;

pub fn stripe_event_seen(id: &str) -> Query<Seen> {
    Stmt::new("SELECT id, body_sha256, outcome FROM stripe_event WHERE id = ?1").bind(id).query()
}

/// An event that was dealt with.
#[derive(Clone, Debug, Deserialize)]
pub struct KnownEvent {
    pub id: String,
}

/// Which of `ids` were processed, or dealt with by an operator.
pub fn stripe_event_known(ids: &[String]) -> Query<KnownEvent> {
    Stmt::new(
        "SELECT id FROM stripe_event WHERE id IN (SELECT value FROM json_each(?1))
         UNION ALL SELECT id FROM stripe_failure WHERE id IN (SELECT value FROM json_each(?1)) AND acknowledged_at_ms IS NOT NULL",
    )
    .json(&ids)
    .query()
}

/// Records that an event was processed. The first recorded outcome is kept.
pub fn stripe_event_insert(id: &str, kind: &str, body_sha256: &str, outcome: &str, now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO stripe_event (id, type, body_sha256, outcome, received_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(id)
    .bind(kind)
    .bind(body_sha256)
    .bind(outcome)
    .bind(now)
}

/// The known invoices of payments, and what each payment paid of each.
pub fn payment_list(ids: &[String]) -> Query<PaidInvoice> {
    Stmt::new(
        "SELECT invoice_id, paid_cents FROM stripe_payment WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id, invoice_id",
    )
    .json(&ids)
    .query()
}

/// How many facts about its payment are stored already.
#[derive(Clone, Debug, Deserialize)]
pub struct NotedPayment {
    pub fact_count: i64,
}

/// Records which invoices payments are for. Returns what is new. An amount replaces none, or a smaller one.
pub fn payment_note(payments: &[InvoicePayment], now: UtcMillis) -> Query<NotedPayment> {
    let rows: Vec<_> = payments.iter().map(|p| json!([p.payment, p.invoice, p.paid_cents])).collect();
    Stmt::new(
        "INSERT OR REPLACE INTO stripe_payment (id, invoice_id, paid_cents, noted_at_ms)
         SELECT value ->> '$[0]', value ->> '$[1]', value ->> '$[2]', ?2 FROM json_each(?1)
         WHERE NOT EXISTS (SELECT 1 FROM stripe_payment p WHERE p.id = value ->> '$[0]' AND p.invoice_id = value ->> '$[1]'
           AND IFNULL(p.paid_cents, 0) >= IFNULL(value ->> '$[2]', 0))
         RETURNING (SELECT COUNT(*) FROM stripe_payment_fact f
           WHERE f.payment_intent = stripe_payment.id OR f.charge = stripe_payment.id) AS fact_count",
    )
    .json(&rows)
    .bind(now)
    .query()
}

/// Records the payment of a fact. Accounts are marked if its invoices changed since they were read for the decision in
/// the same batch.
pub fn payment_fact_insert(event_id: &str, payment: &FactPayment, now: UtcMillis) -> Vec<Stmt> {
    let fact = Stmt::new("INSERT INTO stripe_payment_fact (event_id, payment_intent, charge) VALUES (?1, ?2, ?3)")
        .bind(event_id)
        .bind(payment.intent.clone())
        .bind(payment.charge.clone());
    let sum: i64 =
        payment.invoices.iter().filter_map(|i| i.paid_cents).fold(0, |sum, cents| sum.saturating_add(cents.0));
    let changed = Stmt::new(format!(
        "UPDATE account SET {}
         WHERE (SELECT COUNT(*) <> ?3 OR IFNULL(SUM(paid_cents), 0) <> ?4 FROM stripe_payment WHERE id IN (?1, ?2))
           AND id IN (SELECT e.account_id FROM stripe_payment p CROSS JOIN event e ON e.invoice_id = p.invoice_id
                      WHERE p.id IN (?1, ?2) AND e.type = 'invoice.paid')",
        Marking::from(now).sets("?5")
    ))
    .bind(payment.intent.clone())
    .bind(payment.charge.clone())
    .bind(payment.invoices.len() as i64)
    .bind(sum)
    .bind(now);
    vec![fact, changed]
}

/// A fact that waits for its invoice.
#[derive(Clone, Debug, Deserialize)]
pub struct WaitingEvent {
    pub id: String,
    pub r#type: String,
    pub payment_intent: Option<String>,
    pub charge: Option<String>,
    /// The customer who paid, if the event names it.
    pub customer_id: Option<String>,
    pub payload: String,
    pub body_sha256: String,
    pub occurred_at_ms: UtcMillis,
}

/// `requested_at`: when its invoice was requested or the wait started; `None` if Stripe has none.
pub fn waiting_insert(waiting: &WaitingEvent, requested_at: Option<UtcMillis>) -> Stmt {
    Stmt::new(
        "INSERT INTO stripe_waiting (id, type, payment_intent, charge, customer_id, payload, body_sha256, occurred_at_ms, requested_at_ms)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE NOT EXISTS (SELECT 1 FROM event WHERE id = ?1)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(&waiting.id)
    .bind(&waiting.r#type)
    .bind(waiting.payment_intent.clone())
    .bind(waiting.charge.clone())
    .bind(waiting.customer_id.clone())
    .bind(&waiting.payload)
    .bind(&waiting.body_sha256)
    .bind(waiting.occurred_at_ms)
    .bind(requested_at)
}

const COLUMNS: &str =
    "w.id, w.type, w.payment_intent, w.charge, w.customer_id, w.payload, w.body_sha256, w.occurred_at_ms";

/// The invoices of a fact that waited for one, in JSON.
#[derive(Clone, Debug, Deserialize)]
pub struct ReadyEvent {
    pub invoices: String,
}

/// Waiting facts with an invoice that is known by now, in the order in which they happened.
pub fn waiting_ready(limit: i64) -> Parsed<Vec<(WaitingEvent, ReadyEvent)>> {
    Stmt::new(format!(
        "SELECT {COLUMNS}, json_group_array(json_object('invoice_id', p.invoice_id, 'paid_cents', p.paid_cents)) AS invoices
         FROM stripe_waiting w JOIN stripe_payment p ON p.id IN (w.payment_intent, w.charge)
         GROUP BY w.id ORDER BY w.occurred_at_ms, w.id LIMIT ?1"
    ))
    .bind(limit)
    .pairs()
}

/// Waiting facts about payments of an account's customers, in the order in which they happened. A fact that does not name
/// its customer is found by a fact about the same payment that does.
pub fn waiting_of_account(account: &str, limit: i64) -> Query<WaitingEvent> {
    Stmt::new(format!(
        "WITH named AS MATERIALIZED (SELECT w.id, w.payment_intent, w.charge FROM stripe_customer c CROSS JOIN stripe_waiting w
                ON w.customer_id = c.id WHERE c.account_id = ?1)
         SELECT {COLUMNS} FROM stripe_waiting w WHERE w.id IN (SELECT id FROM named
           UNION SELECT s.id FROM named n CROSS JOIN stripe_waiting s ON s.payment_intent = n.payment_intent
           UNION SELECT s.id FROM named n CROSS JOIN stripe_waiting s ON s.charge = n.charge)
         ORDER BY w.occurred_at_ms, w.id LIMIT ?2"
    ))
    .bind(account)
    .bind(limit)
    .query()
}

/// Waiting facts that Stripe was last asked about before `before`, with a payment to ask with.
pub fn waiting_to_request(before: UtcMillis, limit: i64) -> Query<WaitingEvent> {
    Stmt::new(format!(
        "SELECT {COLUMNS} FROM stripe_waiting w WHERE w.requested_at_ms < ?1 AND w.payment_intent IS NOT NULL
         ORDER BY w.requested_at_ms, w.id LIMIT ?2"
    ))
    .bind(before)
    .bind(limit)
    .query()
}

/// Records when Stripe was asked; `None` if it need not be asked again, because the payment has no invoice.
pub fn waiting_requested(id: &str, at: Option<UtcMillis>) -> Stmt {
    Stmt::new("UPDATE stripe_waiting SET requested_at_ms = ?2 WHERE id = ?1").bind(id).bind(at)
}

pub fn waiting_done(id: &str) -> Stmt {
    Stmt::new("DELETE FROM stripe_waiting WHERE id = ?1").bind(id)
}
