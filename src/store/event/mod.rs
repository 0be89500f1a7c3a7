//! Stored events and their facts.

pub mod intake;
pub mod stripe;
pub mod stripe_failed;

use crate::base::decode;
use crate::base::ids::{AccountId, EventId, InvoiceId, LinkCode};
use crate::base::names::names;
use crate::base::sort::sort;
use crate::base::time::UtcMillis;
use crate::engine::account::fact::{Fact, VerifiedCredential};
use crate::engine::event::Payload;
use crate::engine::review::address::MailboxKey;
use crate::store::account::AccountRow;
use crate::store::port::{DbError, Rows, Stmt};
use crate::store::query::{Parsed, Query};
use serde::{Deserialize, Serialize};

names! {
    /// Which decisions read an event.
    pub enum EventState {
        Open = "open",
        /// Decisions are the same without it, whatever else happens.
        Moot = "moot",
        /// Decisions are the same without it, until something changes that it may depend on.
        Closed = "closed",
    }
}

/// Which events decisions read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FactReads {
    /// Those that are open, and moot ones where programs ask something else about usage than when they were found moot.
    #[default]
    Open,
    /// Also those that are closed.
    Whole,
    /// Also all moot ones: rewards may count from another fact than before.
    All,
}

/// An event whose state changes.
#[derive(Clone, Debug, Serialize)]
pub struct EventStateChange {
    pub event: EventId,
    pub state: EventState,
}

pub fn state_write(changes: &[EventStateChange]) -> Stmt {
    Stmt::new(
        "UPDATE event SET state = given.state
         FROM (SELECT value ->> '$.event' AS id, value ->> '$.state' AS state FROM json_each(?1)) given WHERE event.id = given.id",
    )
    .json(&changes)
}

/// The accounts that an event affects: its own, and every account with a payment of the same invoices. If one of those is
/// closed, or the account is to be decided again, what is closed is not known without it.
pub fn event_accounts(account: Option<&AccountId>, invoices: &[InvoiceId]) -> Query<AccountRow> {
    Stmt::new(
        "SELECT a.id, a.revision, a.written, a.usage_questions,
           IIF(a.needs_recompute_since_ms IS NOT NULL AND a.closed IS NOT NULL
             OR EXISTS (SELECT 1 FROM json_each(?2) i CROSS JOIN event e ON e.invoice_id = i.value WHERE e.state = 'closed'), '', a.closed) AS closed
         FROM account a WHERE a.id = ?1
           OR a.id IN (SELECT e.account_id FROM json_each(?2) CROSS JOIN event e ON e.invoice_id = value WHERE e.type = 'invoice.paid')
         ORDER BY a.id",
    )
    .bind(account)
    .json(&invoices)
    .query()
}

/// The facts of accounts, all facts about their invoices and their payments whichever account those name, and the facts about the domains
/// of their sign-ups. `invoices` and `domains` are those of an event that is not stored yet. `usage_questions` is
/// the digest of what programs ask about usage.
pub fn fact_list(
    accounts: &[AccountId],
    invoices: &[InvoiceId],
    domains: &[String],
    (which, usage_questions): (FactReads, &str),
) -> Parsed<Vec<Fact>> {
    let usage_questions = if which == FactReads::All { "" } else { usage_questions };
    Stmt::new(
        "WITH mine AS MATERIALIZED (SELECT rowid AS row, invoice_id, email_domain, type FROM event
                                    WHERE account_id IN (SELECT value FROM json_each(?1)) AND state = 'open'
                                    UNION ALL SELECT rowid, invoice_id, email_domain, type FROM event
                                    WHERE ?5 AND account_id IN (SELECT value FROM json_each(?1)) AND state = 'closed'
                                    UNION ALL SELECT e.rowid, NULL, NULL, e.type
                                    FROM json_each(?1) CROSS JOIN account a ON a.id = value AND a.usage_questions IS NOT ?4
                                      CROSS JOIN event e ON e.account_id = a.id AND e.state = 'moot'),
              bills AS (SELECT invoice_id FROM mine WHERE invoice_id IS NOT NULL UNION SELECT value FROM json_each(?2)),
              domains AS (SELECT email_domain FROM mine WHERE type = 'account.signed_up' AND email_domain IS NOT NULL
                          UNION SELECT value FROM json_each(?3)),
              wanted AS MATERIALIZED (SELECT row FROM mine
                         UNION SELECT e.rowid FROM bills CROSS JOIN event e ON e.invoice_id = bills.invoice_id
                         UNION SELECT e.rowid FROM bills CROSS JOIN stripe_payment p ON p.invoice_id = bills.invoice_id
                           CROSS JOIN stripe_payment_fact f ON f.payment_intent = p.id OR f.charge = p.id
                           CROSS JOIN event e ON e.id = f.event_id
                         UNION SELECT e.rowid FROM domains CROSS JOIN event e ON e.domain = domains.email_domain)
         SELECT id, account_id, type, occurred_at_ms, email_domain, payload, credential, state = 'moot' AS is_moot, state = 'closed' AS is_closed,
           IIF(type GLOB 'invoice.refund*' OR type GLOB 'dispute.*',
             (SELECT json_object('intent', f.payment_intent, 'charge', f.charge, 'invoices', json((
                SELECT json_group_array(json_object('invoice_id', p.invoice_id, 'paid_cents', p.paid_cents))
                FROM stripe_payment p WHERE p.id IN (f.payment_intent, f.charge))))
              FROM stripe_payment_fact f WHERE f.event_id = event.id), NULL) AS payment
         FROM wanted CROSS JOIN event ON event.rowid = wanted.row ORDER BY occurred_at_ms, id",
    )
    .json(&accounts)
    .json(&invoices)
    .json(&domains)
    .bind(usage_questions)
    .bind(which != FactReads::Open)
    .parsed(facts)
}

/// The account's open facts that are no payments and nothing about payments: its usage, and what may bind it.
pub fn usage_list(account: &AccountId) -> Parsed<Vec<Fact>> {
    Stmt::new(
        "SELECT id, account_id, type, occurred_at_ms, email_domain, payload, credential, 0 AS is_moot, 0 AS is_closed, NULL AS payment
         FROM event WHERE account_id = ?1 AND state = 'open' AND (codes <> '[]' OR type NOT GLOB 'invoice.*' AND type NOT GLOB 'dispute.*')
         ORDER BY occurred_at_ms, id",
    )
    .bind(account)
    .parsed(facts)
}

pub fn facts(rows: Rows) -> Result<Vec<Fact>, DbError> {
    #[derive(Deserialize)]
    struct Row {
        id: EventId,
        account_id: Option<AccountId>,
        r#type: String,
        occurred_at_ms: UtcMillis,
        email_domain: Option<String>,
        payload: String,
        credential: String,
        is_moot: i64,
        is_closed: i64,
        payment: Option<String>,
    }
    let fault = |id: &str, e: decode::Mismatch| DbError::Fault(format!("event {id}: {e}"));
    rows.take::<Row>()?
        .into_iter()
        .map(|r| {
            Ok(Fact {
                payload: decode::from_text(&r.payload).map_err(|e| fault(&r.id, e))?,
                credential: decode::from_text(&r.credential).map_err(|e| fault(&r.id, e))?,
                payment: r.payment.map(|p| decode::from_text(&p)).transpose().map_err(|e| fault(&r.id, e))?,
                event_id: r.id,
                account_id: r.account_id.unwrap_or_default(),
                kind: r.r#type,
                is_moot: r.is_moot != 0,
                is_closed: r.is_closed != 0,
                email_domain: r.email_domain,
                at: r.occurred_at_ms,
            })
        })
        .collect()
}

/// An email address, a customer at Stripe, or both, that an event named for an account. Of an erased address, its digests
/// are left.
#[derive(Clone, Debug, Deserialize)]
pub struct AccountPerson {
    pub account_id: AccountId,
    pub email: Option<String>,
    pub address: Option<String>,
    pub mailbox: Option<MailboxKey>,
    pub stripe_customer: Option<String>,
}

/// What events named for accounts.
pub fn person_list(accounts: &[AccountId]) -> Query<AccountPerson> {
    Stmt::new(
        "SELECT DISTINCT account_id, email, address, mailbox, stripe_customer FROM event_person
         WHERE account_id IN (SELECT value FROM json_each(?1)) AND (address IS NOT NULL OR stripe_customer IS NOT NULL)",
    )
    .json(&accounts)
    .query()
}

/// Every code that an event presents: typed, from its token's touches or its visitor's clicks, an agency's, an
/// operator's.
pub fn codes_of(payload: &Payload, presented: &VerifiedCredential) -> Vec<LinkCode> {
    let touched =
        presented.touchpoints.iter().flat_map(|t| &t.touches).chain(&presented.clicks).map(|t| t.code.clone());
    let named = match payload {
        Payload::WorkspaceInvited { agency_code, .. } | Payload::HandedOff { agency_code, .. } => {
            Some(agency_code.clone())
        }
        Payload::Reassigned { code, .. } => code.clone(),
        _ => None,
    };
    let mut codes: Vec<LinkCode> = presented.code.iter().cloned().chain(touched).chain(named).collect();
    sort(&mut codes);
    codes.dedup();
    codes
}

/// An invoice, subscription or purchase whose amount is in another currency than that of some program.
#[derive(Clone, Debug, Deserialize)]
pub struct OtherAmount {
    /// `invoice`, `subscription` or `purchase`.
    pub kind: String,
    /// Its id.
    pub subject: String,
    /// The earliest event about it.
    pub event_id: String,
    pub at_ms: UtcMillis,
    pub currency: String,
    /// What was paid, or a subscription's price per month.
    pub cents: Option<i64>,
}

/// Events with an amount that are looked at for other currencies: the latest of an account.
const AMOUNTS_MAX: i64 = 200;

/// An account's amounts in other currencies, latest first, each once, of its latest events.
pub fn other_amounts(account: &str, limit: i64) -> Query<OtherAmount> {
    Stmt::new(
        "WITH own AS MATERIALIZED (SELECT DISTINCT document ->> '$.currency' AS currency FROM program_version),
              latest AS (SELECT * FROM (SELECT * FROM event WHERE account_id = ?1 AND state = 'open' ORDER BY occurred_at_ms DESC LIMIT ?3)
                UNION ALL SELECT * FROM (SELECT * FROM event WHERE account_id = ?1 AND state = 'closed' ORDER BY occurred_at_ms DESC LIMIT ?3)),
              named AS (SELECT id, type, occurred_at_ms, payload -> ('$.\"' || type || '\"') AS payload FROM latest
                WHERE type IN ('invoice.paid', 'subscription.started', 'subscription.updated', 'purchase.completed')),
              amount AS (SELECT id, occurred_at_ms, substr(type, 1, instr(type, '.') - 1) AS kind,
                  COALESCE(payload ->> '$.invoice_id', payload ->> '$.purchase_id', payload ->> '$.subscription_id') AS subject,
                  COALESCE(payload ->> '$.amount.currency', payload ->> '$.currency') AS currency,
                  COALESCE(payload ->> '$.amount.cents', payload ->> '$.monthly_cents') AS cents FROM named)
         SELECT kind, subject, id AS event_id, MIN(occurred_at_ms) AS at_ms, currency, cents FROM amount
         WHERE currency IS NOT NULL AND EXISTS (SELECT 1 FROM own WHERE own.currency <> amount.currency)
         GROUP BY kind, subject, currency ORDER BY at_ms DESC, id LIMIT ?2",
    )
    .bind(account)
    .bind(limit)
    .bind(AMOUNTS_MAX)
    .query()
}
