//! Stripe customers: the accounts that they belong to, what they are found by, and the facts that move with them.

use crate::base::ids::{AccountId, EventId};
use crate::base::time::UtcMillis;
use crate::engine::account::customer::{CustomerReference, EmailMatch};
use crate::engine::event::{Event, Payload};
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;
use serde_json::{Value, json};

/// The source of Stripe's events: they identify a customer only by its id, and never identify an account.
pub const SOURCE: &str = "stripe";

/// The source of sign-ups at paths of a site's own: their email is what a visitor typed, and joins no customer.
pub const SITE_FORMS: &str = "site-form";

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CustomerRow {
    pub id: String,
    pub account_id: AccountId,
    pub matched_by: String,
    pub revision: i64,
    pub needs_recompute_since_ms: Option<UtcMillis>,
}

const COLUMNS: &str = "id, account_id, matched_by, revision, needs_recompute_since_ms";

pub fn customer_find(id: &str) -> Query<CustomerRow> {
    Stmt::new(format!("SELECT {COLUMNS} FROM stripe_customer WHERE id = ?1")).bind(id).query()
}

/// Since when a customer has been known by an address.
#[derive(Clone, Debug, Deserialize)]
pub struct KnownCustomer {
    pub address: String,
    pub at_ms: UtcMillis,
}

/// More addresses than one customer has.
const ADDRESSES_MAX: i64 = 1_000;

pub fn customer_addresses(id: &str) -> Query<KnownCustomer> {
    Stmt::new("SELECT address, at_ms FROM stripe_customer_person WHERE customer_id = ?1 LIMIT ?2")
        .bind(id)
        .bind(ADDRESSES_MAX)
        .query()
}

/// Records a customer and the digest of its email address, and marks it to be joined again.
pub fn customer_note(id: &str, address: Option<&str>, at: UtcMillis, now: UtcMillis) -> Vec<Stmt> {
    let customer = Stmt::new(
        "INSERT INTO stripe_customer (id, account_id, matched_by, revision, needs_recompute_since_ms, created_at_ms)
         VALUES (?1, ?1, 'nobody', 1, ?2, ?2)
         ON CONFLICT (id) DO UPDATE SET revision = revision + 1, needs_recompute_since_ms = excluded.needs_recompute_since_ms",
    );
    let mut statements = vec![customer.bind(id).bind(now)];
    statements.extend(address.map(|address| {
        Stmt::new(
            "INSERT INTO stripe_customer_person (customer_id, address, at_ms) VALUES (?1, ?2, ?3)
             ON CONFLICT (customer_id, address) DO UPDATE SET at_ms = MIN(at_ms, excluded.at_ms)",
        )
        .bind(id)
        .bind(address)
        .bind(at)
    }));
    statements
}

/// Marks the customers that may turn out to be the events' accounts, and returns their ids. `None` if no event says
/// anything that identifies an account.
pub fn customers_mark<'a>(events: impl Iterator<Item = (&'a Event, &'a str)>, now: UtcMillis) -> Option<Stmt> {
    let named: Vec<Value> = events.filter_map(|(event, source)| named_by(event, source)).collect();
    (!named.is_empty()).then(|| {
        Stmt::new(
            "UPDATE stripe_customer SET revision = revision + 1, needs_recompute_since_ms = ?2
             WHERE id IN (SELECT value ->> '$.account' FROM json_each(?1) UNION SELECT value ->> '$.customer' FROM json_each(?1)
               UNION SELECT n.customer_id FROM json_each(?1) CROSS JOIN event_person p ON p.account_id = value ->> '$.account'
                 CROSS JOIN stripe_customer_person n ON n.address = p.address) RETURNING id",
        )
        .json(&named)
        .bind(now)
    })
}

fn named_by(event: &Event, source: &str) -> Option<Value> {
    let account = event.account_id.as_deref().filter(|_| source != SOURCE)?;
    let person = &event.person;
    let says = person.email.is_some()
        || person.stripe_customer.is_some()
        || matches!(event.payload, Payload::SignedUp { .. })
        || account.starts_with("cus_");
    says.then(|| json!({"account": account, "customer": person.stripe_customer}))
}

/// Customers to be joined again, longest waiting first.
pub fn customer_marked_list(limit: i64) -> Query<CustomerRow> {
    Stmt::new(format!(
        "SELECT {COLUMNS} FROM stripe_customer WHERE needs_recompute_since_ms IS NOT NULL ORDER BY needs_recompute_since_ms, id LIMIT ?1"
    ))
    .bind(limit)
    .query()
}

/// Hosts' events that name the customer, or use its id as an account's.
pub fn claim_list(id: &str) -> Query<CustomerReference> {
    Stmt::new(
        "SELECT e.account_id, e.occurred_at_ms AS at_ms, e.id AS event_id FROM event_person p JOIN event e ON e.id = p.event_id
         WHERE p.stripe_customer = ?1 AND e.account_id IS NOT NULL AND e.source <> 'stripe'
         UNION SELECT account_id, occurred_at_ms, id FROM event
         WHERE account_id = ?1 AND source NOT IN ('stripe', 'reconciliation', 'operator')",
    )
    .bind(id)
    .query()
}

/// Accounts that signed up and share an address with the customer, and from when on all of that was known.
pub fn email_match_list(id: &str) -> Query<EmailMatch> {
    Stmt::new(
        "SELECT account_id, MIN(at_ms) AS at_ms FROM (
           SELECT e.account_id, MAX(n.at_ms, e.occurred_at_ms, (SELECT MIN(s.occurred_at_ms) FROM event s
             WHERE s.account_id = e.account_id AND s.type = 'account.signed_up' AND s.source <> 'stripe')) AS at_ms
           FROM stripe_customer_person n JOIN event_person p ON p.address = n.address JOIN event e ON e.id = p.event_id
           WHERE n.customer_id = ?1 AND e.account_id IS NOT NULL AND e.source NOT IN ('stripe', 'site-form'))
         WHERE at_ms IS NOT NULL GROUP BY account_id",
    )
    .bind(id)
    .query()
}

/// A customer's fact and the account that it is stored under.
#[derive(Clone, Debug, Deserialize)]
pub struct BookedCustomer {
    pub event_id: EventId,
    pub account_id: AccountId,
}

/// A customer's facts, with those that reconciliations found while it had no account.
const FACTS: &str = "SELECT event_id FROM stripe_fact WHERE customer_id = ?1
     UNION SELECT id FROM event WHERE account_id = ?1 AND source = 'reconciliation'";

/// The facts that are stored under another account than `account`.
pub fn fact_elsewhere(id: &str, account: &AccountId) -> Query<BookedCustomer> {
    Stmt::new(format!(
        "SELECT id AS event_id, account_id FROM event WHERE id IN ({FACTS}) AND account_id <> ?2 ORDER BY id"
    ))
    .bind(id)
    .bind(account)
    .query()
}

/// Moves a customer to its account, with all its facts. Aborts the batch if the customer has changed since `revision`
/// was read.
pub fn customer_move(id: &str, revision: i64, account: &AccountId, matched_by: &str) -> Vec<Stmt> {
    let customer = Stmt::new(
        "UPDATE stripe_customer SET account_id = ?3, matched_by = ?4, needs_recompute_since_ms = NULL,
           revision = CAST(?2 AS INTEGER) + 1 WHERE id = ?1",
    );
    let person = format!("UPDATE event_person SET account_id = ?2 WHERE event_id IN ({FACTS}) AND account_id <> ?2");
    let event = format!("UPDATE event SET account_id = ?2 WHERE id IN ({FACTS}) AND account_id <> ?2");
    vec![
        customer.bind(id).bind(revision).bind(account).bind(matched_by),
        // Facts of a customer without an account are found by where they are stored, so persons go first.
        Stmt::new(person).bind(id).bind(account),
        Stmt::new(event).bind(id).bind(account),
    ]
}

/// Records whose fact an event is. If the customer was moved while the event was being ingested, it is marked to be
/// joined again.
pub fn fact_insert(event_id: &EventId, customer: &str, account: &AccountId, now: UtcMillis) -> Vec<Stmt> {
    vec![
        Stmt::new("INSERT INTO stripe_fact (event_id, customer_id) VALUES (?1, ?2)").bind(event_id).bind(customer),
        Stmt::new(
            "UPDATE stripe_customer SET revision = revision + 1, needs_recompute_since_ms = ?3 WHERE id = ?1 AND account_id <> ?2",
        )
        .bind(customer)
        .bind(account)
        .bind(now),
    ]
}

/// A customer and its account, if that account has signed up.
#[derive(Clone, Debug, Deserialize)]
pub struct CustomerAccount {
    pub customer_id: String,
    pub account_id: AccountId,
}

/// Up to `limit` accounts after `after` that are customers and have signed up, with all their customers.
pub fn customer_accounts(after: &str, limit: i64) -> Query<CustomerAccount> {
    Stmt::new(
        "SELECT id AS customer_id, account_id FROM stripe_customer WHERE account_id IN (
           SELECT DISTINCT c.account_id FROM stripe_customer c WHERE c.account_id > ?1
             AND EXISTS (SELECT 1 FROM event e WHERE e.account_id = c.account_id AND e.type = 'account.signed_up')
           ORDER BY c.account_id LIMIT ?2)
         ORDER BY account_id, id",
    )
    .bind(after)
    .bind(limit)
    .query()
}
