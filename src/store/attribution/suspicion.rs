//! What a decision about an account reads from others only to suspect: accounts of its visitor, of its email domain, of its
//! mailbox, and the own accounts of its partner. And whom a change of these concerns.

use crate::base::decode;
use crate::base::ids::{AccountId, EventId, LinkCode};
use crate::base::time::{DAY_MS, UtcMillis};
use crate::engine::account::grouped::Grouped;
use crate::engine::account::order::SIGN_UP_MS;
use crate::engine::review::address::MailboxKey;
use crate::engine::review::relation::{DomainAccount, MailboxAccount, OwnKey, Relations, VISITOR_DAYS, VisitorAccount};
use crate::store::account::{DomainMark, Marking, mark_found};
use crate::store::attribution::evidence::{CROWD_MAX, DOMAINS, typed_or_bound};
use crate::store::link::code::links_of;
use crate::store::port::{DbError, Rows, Stmt};
use crate::store::query::Parsed;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What an event that is not stored yet adds to the lists below. Their parameters are the accounts (?1), domains (?2), mailboxes
/// (?3), codes (?4), visitors (?5) and the instant (?6).
pub struct Pending<'a> {
    pub domains: &'a [String],
    pub mailboxes: &'a [MailboxKey],
    pub codes: &'a [LinkCode],
    pub visitors: &'a [String],
    pub at: Option<UtcMillis>,
}

/// What relates accounts, and an event that is not stored yet, to others, in one statement.
pub fn relation_list(accounts: &[AccountId], pending: &Pending) -> Parsed<Relations> {
    let lists = [
        ("visitor", VISITOR, visitor_accounts()),
        ("domain", DOMAIN, domain_accounts()),
        ("mailbox", MAILBOX, mailbox_accounts()),
        ("own", OWN, own_keys()),
    ];
    let select = |(kind, columns, list): (&str, &[&str], String)| {
        let pairs: Vec<String> = columns.iter().map(|column| format!("'{column}', {column}")).collect();
        format!("SELECT '{kind}' AS kind, json_object({}) AS row FROM ({list})", pairs.join(", "))
    };
    Stmt::new(lists.map(select).join(" UNION ALL "))
        .json(&accounts)
        .json(&pending.domains)
        .json(&pending.mailboxes)
        .json(&pending.codes)
        .json(&pending.visitors)
        .bind(pending.at)
        .parsed(relations)
}

const VISITOR: &[&str] = &["visitor", "account_id", "signed_up_at_ms", "signup_event_id"];
const DOMAIN: &[&str] =
    &["domain", "program_id", "account_id", "signed_up_at_ms", "signup_event_id", "is_organization"];
const MAILBOX: &[&str] = &["mailbox", "account_id", "address", "at_ms", "event_id", "is_customer"];
const OWN: &[&str] = &["partner_id", "key"];

fn relations(rows: Rows) -> Result<Relations, DbError> {
    #[derive(Deserialize)]
    struct Row {
        kind: String,
        row: String,
    }
    fn read<T: DeserializeOwned>(text: &str) -> Result<T, DbError> {
        decode::from_text(text).map_err(|e| DbError::Fault(format!("a relation: {e}")))
    }
    let (mut visitors, mut domains, mut mailboxes, mut own) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for Row { kind, row } in rows.take::<Row>()? {
        match kind.as_str() {
            "visitor" => visitors.push(read::<VisitorAccount>(&row)?),
            "domain" => domains.push(read::<DomainAccount>(&row)?),
            "mailbox" => mailboxes.push(read::<MailboxAccount>(&row)?),
            _ => own.push(read::<OwnKey>(&row)?),
        }
    }
    Ok(Relations {
        visitors: Grouped::new(visitors),
        domains: Grouped::new(domains),
        mailboxes: Grouped::new(mailboxes),
        own: Grouped::new(own),
        uplines: Grouped::new(Vec::new()),
    })
}

/// The most rows of one visitor that are read for one account: several for each account that is counted.
const VISITOR_ROWS: i64 = 100;

/// The accounts that touches of the accounts' visitors, and of `visitors` at an instant, bound in the days before each.
fn visitor_accounts() -> String {
    format!(
        "WITH s AS (SELECT DISTINCT b.visitor, b.signed_up_at_ms AS at FROM binding b
                      WHERE b.account_id IN (SELECT value FROM json_each(?1)) AND b.visitor IS NOT NULL
                    UNION SELECT v.value, e.occurred_at_ms FROM event e, json_each(json_array(e.credential ->> '$.touchpoints.visitor', e.credential ->> '$.visitor')) v
                      WHERE e.account_id IN (SELECT value FROM json_each(?1)) AND e.type = 'account.signed_up' AND v.value IS NOT NULL
                    UNION SELECT value, CAST(?6 AS INTEGER) FROM json_each(?5) WHERE ?6 IS NOT NULL)
         SELECT DISTINCT visitor, account_id, signed_up_at_ms, signup_event_id FROM (
           SELECT b.visitor, b.account_id, b.signed_up_at_ms, b.signup_event_id,
                  row_number() OVER (PARTITION BY s.visitor, s.at ORDER BY b.signed_up_at_ms DESC, b.signup_event_id DESC) AS place
           FROM s CROSS JOIN binding b ON b.visitor = s.visitor AND b.signed_up_at_ms > s.at - {VISITOR_MS} AND b.signed_up_at_ms <= s.at)
         WHERE place <= {VISITOR_ROWS}"
    )
}

/// A visitor may come with a later event of the same sign-up.
const VISITOR_MS: i64 = VISITOR_DAYS * DAY_MS + SIGN_UP_MS;
/// The first accounts of each month, from the accounts' first sign-up (or `at`) to their last, that one of their email domains
/// alone bound; and which of the domains are organizations.
fn domain_accounts() -> String {
    format!(
        "WITH d AS ({DOMAINS}),
              s AS (SELECT occurred_at_ms AS at FROM event WHERE account_id IN (SELECT value FROM json_each(?1)) AND type = 'account.signed_up'
                UNION ALL SELECT CAST(?6 AS INTEGER) WHERE ?6 IS NOT NULL),
              span AS MATERIALIZED (SELECT CAST(strftime('%s', MIN(at) / 1000, 'unixepoch', 'start of month') AS INTEGER) * 1000 AS since,
                CAST(strftime('%s', MAX(at) / 1000, 'unixepoch', 'start of month', '+1 month') AS INTEGER) * 1000 AS until FROM s)
         SELECT domain, program_id, account_id, signed_up_at_ms, signup_event_id, 0 AS is_organization FROM (
           SELECT b.domain, b.program_id, b.account_id, b.signed_up_at_ms, b.signup_event_id,
                  row_number() OVER (PARTITION BY b.program_id, b.domain, strftime('%Y-%m', b.signed_up_at_ms / 1000, 'unixepoch')
                    ORDER BY b.signed_up_at_ms, b.signup_event_id) AS place
           FROM d CROSS JOIN binding b ON b.domain = d.domain
             AND b.signed_up_at_ms >= (SELECT since FROM span) AND b.signed_up_at_ms < (SELECT until FROM span))
         WHERE place <= {CROWD_MAX} + 1
         UNION ALL SELECT o.domain, '', '', 0, '', 1 FROM d CROSS JOIN organization_domain o ON o.domain = d.domain"
    )
}

/// The most accounts read per mailbox: only the earliest matters, and it may be the account's own.
const MAILBOX_ACCOUNTS: i64 = 2;

/// For each mailbox of the accounts, and for `mailboxes`, the accounts that named it first, and the accounts themselves.
fn mailbox_accounts() -> String {
    format!(
        "WITH m AS (SELECT mailbox FROM event_person WHERE account_id IN (SELECT value FROM json_each(?1)) AND mailbox IS NOT NULL
                    UNION SELECT value FROM json_each(?3))
         SELECT mailbox, account_id, address, at_ms, event_id, is_customer FROM (
           SELECT *, row_number() OVER (PARTITION BY mailbox, is_customer ORDER BY at_ms, event_id) AS place FROM (
             SELECT p.mailbox, p.account_id, p.address, e.occurred_at_ms AS at_ms, e.id AS event_id,
                    EXISTS (SELECT 1 FROM stripe_customer c WHERE c.id = p.account_id AND c.matched_by = 'nobody') AS is_customer,
                    row_number() OVER (PARTITION BY p.mailbox, p.account_id ORDER BY e.occurred_at_ms, e.id) AS nth
             FROM m CROSS JOIN event_person p ON p.mailbox = m.mailbox CROSS JOIN event e ON e.id = p.event_id
             WHERE p.account_id IS NOT NULL)
           WHERE nth = 1)
         WHERE place <= {MAILBOX_ACCOUNTS} OR account_id IN (SELECT value FROM json_each(?1))"
    )
}

/// The most keys of all partners' own accounts.
const OWN_KEYS: i64 = 10_000;

/// What identifies the own accounts of the partners behind accounts' codes and `codes`: those with a partner's external id or
/// mailbox.
fn own_keys() -> String {
    format!(
        "WITH referrer AS MATERIALIZED (SELECT DISTINCT l.partner_id, q.external_id, x.mailbox FROM {}
                JOIN partner q ON q.id = l.partner_id LEFT JOIN partner_person x ON x.partner_id = q.id),
              own AS MATERIALIZED (SELECT partner_id, external_id AS account_id FROM referrer
                UNION SELECT r.partner_id, o.account_id FROM referrer r CROSS JOIN event_person o ON o.mailbox = r.mailbox WHERE o.account_id IS NOT NULL)
         SELECT partner_id, account_id AS key FROM own
         UNION SELECT own.partner_id, o.mailbox FROM own CROSS JOIN event_person o ON o.account_id = own.account_id WHERE o.mailbox IS NOT NULL
         UNION SELECT own.partner_id, o.stripe_customer FROM own CROSS JOIN event_person o ON o.account_id = own.account_id WHERE o.stripe_customer IS NOT NULL
         UNION SELECT own.partner_id, n.customer_id FROM own CROSS JOIN event_person o ON o.account_id = own.account_id
           CROSS JOIN stripe_customer_person n ON n.address = o.address
         UNION SELECT r.partner_id, n.customer_id FROM referrer r CROSS JOIN partner_person x ON x.partner_id = r.partner_id
           CROSS JOIN stripe_customer_person n ON n.address = x.address
         LIMIT {OWN_KEYS}",
        links_of(&typed_or_bound("?4"))
    )
}

/// An event that names an account's mailbox or its customer at Stripe.
#[derive(Clone, Debug, Serialize)]
pub struct IdentityMark {
    pub account: AccountId,
    pub mailbox: Option<MailboxKey>,
    pub customer: Option<String>,
    pub at: UtcMillis,
    pub event: EventId,
}

/// What was said of accounts' domains, mailboxes and customers.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum NamedMark {
    Domain(DomainMark),
    Identity(IdentityMark),
}

/// Marks accounts to be recomputed. The revision changes too, so that any concurrent decision about one of them starts over.
///
/// Of a domain: later sign-ups that named it. Of an event that names a mailbox or customer, unless an earlier event of its account
/// named the same: accounts that named the mailbox later, or a customer of its account, and if the account is a partner's own, any
/// mailbox of it.
pub fn recompute_by_named(named: &[NamedMark], except: &[AccountId], marking: impl Into<Marking>) -> Stmt {
    let is_new = |column: &str| {
        format!(
            "{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM event_person q JOIN event f ON f.id = q.event_id
               WHERE q.account_id = account AND q.{column} = said.{column} AND (f.occurred_at_ms, f.id) < (said.at, said.event))"
        )
    };
    let (mailbox, customer) = (is_new("mailbox"), is_new("stripe_customer"));
    let found = format!(
        "WITH said AS MATERIALIZED (SELECT value ->> '$.account' AS account, value ->> '$.mailbox' AS mailbox,
                  value ->> '$.customer' AS stripe_customer, value ->> '$.at' AS at, value ->> '$.event' AS event
                FROM json_each(?1) WHERE value ->> '$.account' IS NOT NULL),
              given AS MATERIALIZED (SELECT * FROM said WHERE ({mailbox}) OR ({customer})),
              mine AS MATERIALIZED (SELECT p.address, p.mailbox, p.stripe_customer FROM given CROSS JOIN event_person p ON p.account_id = given.account),
              own AS MATERIALIZED (SELECT 1 FROM given CROSS JOIN partner p ON p.external_id = given.account
                UNION ALL SELECT 1 FROM mine CROSS JOIN partner_person x ON x.mailbox = mine.mailbox)
         SELECT e.account_id FROM json_each(?1) CROSS JOIN event e ON e.email_domain = value ->> '$.domain'
           WHERE e.type = 'account.signed_up' AND e.occurred_at_ms >= value ->> '$.from'
         UNION ALL SELECT o.account_id FROM given CROSS JOIN event_person o ON o.mailbox = given.mailbox CROSS JOIN event e ON e.id = o.event_id
           WHERE e.occurred_at_ms >= given.at
         UNION ALL SELECT o.account_id FROM mine CROSS JOIN event_person o ON o.stripe_customer = mine.stripe_customer
         UNION ALL SELECT n.account_id FROM mine CROSS JOIN stripe_customer_person c ON c.address = mine.address
           CROSS JOIN event_person n ON n.stripe_customer = c.customer_id
         UNION ALL SELECT o.account_id FROM mine CROSS JOIN event_person o ON o.mailbox = mine.mailbox WHERE EXISTS (SELECT 1 FROM own)"
    );
    mark_found(&found, &named, except, marking)
}

/// Marks the accounts that name a customer at Stripe, and those with a mailbox of accounts that it was or is: its address became
/// known, or its facts moved.
pub fn recompute_by_customer(customer: &str, accounts: &[AccountId], marking: impl Into<Marking>) -> Stmt {
    let found = "SELECT p.account_id FROM event_person p WHERE p.stripe_customer = json_extract(?1, '$.customer')
                 UNION ALL SELECT o.account_id FROM event_person p CROSS JOIN event_person o ON o.mailbox = p.mailbox
                   WHERE p.account_id IN (SELECT value FROM json_each(?1, '$.accounts')) AND p.mailbox IS NOT NULL";
    mark_found(found, &json!({"customer": customer, "accounts": accounts}), &[], marking)
}
