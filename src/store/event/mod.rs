//! Stored events and their facts.

pub mod stripe;

use crate::base::decode;
use crate::base::ids::{AccountId, EventId, InvoiceId, LinkCode};
use crate::base::names::names;
use crate::base::sort::sort;
use crate::base::time::UtcMillis;
use crate::engine::account::fact::{Fact, VerifiedCredential};
use crate::engine::attribution::touch::Touch;
use crate::engine::event::{Event, Payload, Person};
use crate::engine::link::fingerprints;
use crate::engine::review::address;
use crate::store::account::{AccountRow, customer};
use crate::store::port::{DbError, Rows, Stmt};
use crate::store::program::in_force;
use crate::store::query::{Parsed, Query};
use serde::{Deserialize, Serialize};

/// The source of Stripe's facts.
const STRIPE: &str = customer::SOURCE;

/// An event that was ingested before.
#[derive(Clone, Debug, Deserialize)]
pub struct Seen {
    pub body_sha256: String,
    pub outcome: String,
}

pub fn event_seen(id: &EventId) -> Query<Seen> {
    Stmt::new("SELECT body_sha256, outcome FROM event WHERE id = ?1").bind(id).query()
}

/// The same with its id.
#[derive(Clone, Debug, Deserialize)]
pub struct SeenEvent {
    pub id: String,
    pub body_sha256: String,
    pub outcome: String,
}

/// The same for several: the id, digest and outcome of each event that was ingested.
pub fn events_seen(ids: &[&str]) -> Query<SeenEvent> {
    Stmt::new("SELECT id, body_sha256, outcome FROM event WHERE id IN (SELECT value FROM json_each(?1))")
        .json(&ids)
        .query()
}

/// Everything that is stored about one event besides the event itself.
pub struct Intake<'a> {
    pub source: &'a str,
    pub body_sha256: &'a str,
    pub received_at: UtcMillis,
    pub presented: &'a VerifiedCredential,
    pub outcome: &'a str,
    pub state: EventState,
}

pub fn event_insert(event: &Event, intake: &Intake) -> Stmt {
    Stmt::new(
        "INSERT INTO event (id, source, type, account_id, invoice_id, occurred_at_ms, received_at_ms, body_sha256, payload, credential,
           codes, outcome, email_domain, domain, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )
    .bind(&event.id)
    .bind(intake.source)
    .bind(&event.kind)
    .bind(event.account_id.clone())
    .bind(event.payload.invoice_id())
    .bind(event.occurred_at)
    .bind(intake.received_at)
    .bind(intake.body_sha256)
    .json(&event.payload)
    .json(intake.presented)
    .json(&codes_of(&event.payload, intake.presented))
    .bind(intake.outcome)
    .bind(event.person.email.as_deref().and_then(address::email_domain))
    .bind(domain_of(&event.payload).map(str::to_owned))
    .bind(intake.state.name())
}

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

/// What the event says of a person, if it is not what was known already: the latest of each before it. Stripe's facts
/// can move to another account one by one, so each keeps its own.
pub fn event_person_insert(event: &Event, source: &str) -> Option<Stmt> {
    let Person { email, name, stripe_customer, .. } = &event.person;
    if email.is_none() && name.is_none() && stripe_customer.is_none() {
        return None;
    }
    let is_known = |column: &str, value: &str| {
        format!(
            "({value} IS NULL OR {value} IS (SELECT p.{column} FROM event_person p CROSS JOIN event e ON e.id = p.event_id
               WHERE p.account_id = ?2 AND p.{column} IS NOT NULL AND e.source <> '{STRIPE}' AND (e.occurred_at_ms, e.id) < (CAST(?8 AS INTEGER), ?1)
               ORDER BY e.occurred_at_ms DESC, e.id DESC LIMIT 1))"
        )
    };
    let all =
        [("email", "?3"), ("name", "?4"), ("stripe_customer", "?5")].map(|(column, value)| is_known(column, value));
    Some(
        Stmt::new(format!(
            "INSERT INTO event_person (event_id, account_id, email, name, stripe_customer, mailbox) SELECT ?1, ?2, ?3, ?4, ?5, ?6
             WHERE ?7 = '{STRIPE}' OR NOT ({})",
            all.join(" AND ")
        ))
        .bind(&event.id)
        .bind(event.account_id.clone())
        .bind(email.clone())
        .bind(name.clone())
        .bind(stripe_customer.clone())
        .bind(email.as_deref().map(address::mailbox))
        .bind(source)
        .bind(event.occurred_at),
    )
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

/// An email address, a customer at Stripe, or both, that an event named for an account.
#[derive(Clone, Debug, Deserialize)]
pub struct AccountPerson {
    pub account_id: AccountId,
    pub email: Option<String>,
    pub stripe_customer: Option<String>,
}

/// What events named for accounts.
pub fn person_list(accounts: &[AccountId]) -> Query<AccountPerson> {
    Stmt::new(
        "SELECT DISTINCT account_id, email, stripe_customer FROM event_person
         WHERE account_id IN (SELECT value FROM json_each(?1)) AND (email IS NOT NULL OR stripe_customer IS NOT NULL)",
    )
    .json(&accounts)
    .query()
}

/// The domain that an event is about.
pub fn domain_of(payload: &Payload) -> Option<&str> {
    match payload {
        Payload::WorkspaceInvited { domain, .. } => Some(domain),
        Payload::HandedOff { domain, .. } => domain.as_deref(),
        _ => None,
    }
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

/// Clicks of a visitor, as touches: of each program the first and the last inside its window at `at`, then of each partner, then the latest. One of them decides, and of two partners both are there.
pub fn visitor_clicks(visitor: &str, at: UtcMillis) -> Query<Touch> {
    Stmt::new(format!(
        "WITH told AS (SELECT *, clicked_at_ms <= ?2 + 300000 AND clicked_at_ms > ?2 - 86400000 * (SELECT document ->> '$.attribution.window_days'
              FROM program_version v WHERE v.program_id = click.program_id AND version = (SELECT version FROM {in_force})) AS inside
            FROM click WHERE fingerprint IN (SELECT value FROM json_each(?1)) AND kind = 'visit'),
          placed AS (SELECT *, MIN(ROW_NUMBER() OVER (PARTITION BY program_id ORDER BY inside DESC, clicked_at_ms),
              ROW_NUMBER() OVER (PARTITION BY program_id ORDER BY inside DESC, clicked_at_ms DESC)) AS place,
            MIN(ROW_NUMBER() OVER (PARTITION BY program_id, partner_id ORDER BY inside DESC, clicked_at_ms),
              ROW_NUMBER() OVER (PARTITION BY program_id, partner_id ORDER BY inside DESC, clicked_at_ms DESC)) AS among FROM told)
         SELECT * FROM (SELECT program_id AS program, code, COALESCE(campaign, '') AS campaign, id AS click_id, clicked_at_ms AS at
           FROM placed ORDER BY place > 1, among > 1, clicked_at_ms DESC LIMIT 50) ORDER BY at DESC, click_id",
        in_force = in_force("click.program_id", "?2"),
    ))
    .json(&fingerprints::split(visitor))
    .bind(at)
    .query()
}
