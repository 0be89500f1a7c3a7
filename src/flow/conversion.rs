//! Taking an event in: record it and its effect on the books in one batch.

use super::context::{Context, Ports};
use super::error::{AppError, Kind, TRIES_MAX};
use crate::base::time::UtcMillis;
use crate::engine::accrual::Line;
use crate::engine::attribution::Link;
use crate::engine::decision::{self, Case, Decision};
use crate::engine::event::Event;
use crate::engine::posting;
use crate::engine::risk::Review;
use crate::engine::timeline::{Fact, Presented};
use crate::program::catalog::Catalog;
use crate::store::account::{self, AccountRow};
use crate::store::port::{DbError, Rows, Stmt};
use crate::store::{event as events, ledger, program, review};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// An event with where it came from.
pub struct Incoming {
    pub source: &'static str,
    /// Hex SHA-256 of the bytes as sent: the same id with other bytes is refused.
    pub body_sha256: String,
    pub event: Event,
    /// What the event presented, verified.
    pub presented: Presented,
}

/// The answer: `first` is false for a repeat, which is told what the first was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    pub first: bool,
    /// Whether the type is one that decisions know.
    pub known: bool,
    pub outcome: serde_json::Value,
}

/// Everything read before a decision about some accounts.
pub struct Books {
    pub catalog: Catalog,
    pub accounts: Vec<AccountRow>,
    pub facts: Vec<Fact>,
    pub links: HashMap<String, Link>,
    pub partner_emails: HashMap<String, String>,
    emails: HashMap<String, Vec<String>>,
    reviews: HashMap<String, Vec<Review>>,
    lines: HashMap<String, Vec<Line>>,
}

/// Takes an event in. A repeat changes nothing and is told the first outcome; the same id with another body is
/// refused.
pub async fn take<P: Ports>(ctx: &Context<'_, P>, incoming: &Incoming) -> Result<Taken, AppError> {
    for tries in 0..TRIES_MAX {
        match attempt(ctx, incoming).await {
            Err(DbOrApp::Db(DbError::Guard(_))) => ctx.back_off(tries).await,
            Err(DbOrApp::Db(error)) => return Err(error.into()),
            Err(DbOrApp::App(error)) => return Err(error),
            Ok(taken) => return Ok(taken),
        }
    }
    Err(AppError::contended())
}

enum DbOrApp {
    Db(DbError),
    App(AppError),
}

impl From<DbError> for DbOrApp {
    fn from(error: DbError) -> DbOrApp {
        DbOrApp::Db(error)
    }
}

async fn attempt<P: Ports>(ctx: &Context<'_, P>, incoming: &Incoming) -> Result<Taken, DbOrApp> {
    let event = &incoming.event;
    let invoice = events::invoice_of(&event.payload);
    let mut rows = ctx
        .batch(vec![events::event_seen(&event.id), events::event_accounts(event.account_id.as_deref(), invoice)])
        .await?
        .into_iter();
    if let Some(seen) = next(&mut rows).first::<events::Seen>()? {
        return repeat(incoming, &seen).map_err(DbOrApp::App);
    }
    let known = decision::matters(event);
    let mut accounts: Vec<AccountRow> = next(&mut rows).decode()?;
    if let Some(id) = &event.account_id
        && !accounts.iter().any(|a| a.id == *id)
    {
        accounts.push(AccountRow { id: id.clone(), revision: 0 });
    }
    let mut statements = Vec::new();
    let mut outcome = Outcome::new(event, known);
    if known && !accounts.is_empty() {
        let mut books = read(ctx, accounts, &events::codes_of(&incoming.presented), invoice).await?;
        books.facts.push(Fact {
            event_id: event.id.clone(),
            account_id: event.account_id.clone().unwrap_or_default(),
            at: event.occurred_at,
            payload: event.payload.clone(),
            credential: incoming.presented.clone(),
        });
        if let (Some(id), Some(email)) = (&event.account_id, &event.person.email) {
            books.emails.entry(id.clone()).or_default().push(email.clone());
        }
        for account in &books.accounts {
            let decision = decision::decide(&books.catalog, &books.case(&account.id, ctx.now));
            if event.account_id.as_deref() == Some(&account.id) {
                outcome.decided(&books.catalog, &decision, ctx.now);
            }
            statements.extend(commit(&books, account, decision, &event.id, ctx.now, Some(&mut outcome)));
        }
    }
    let outcome = serde_json::to_value(&outcome).map_err(|e| DbError::Fault(e.to_string()))?;
    let text = outcome.to_string();
    let intake = events::Intake {
        source: incoming.source,
        body_sha256: &incoming.body_sha256,
        received_at: ctx.now,
        presented: &incoming.presented,
        outcome: &text,
    };
    // The event goes first: its unique id turns a second delivery away before anything else is written.
    let mut batch = vec![events::event_insert(event, &intake)];
    batch.extend(events::event_person_insert(event));
    batch.append(&mut statements);
    ctx.batch(batch).await?;
    Ok(Taken { first: true, known, outcome })
}

fn repeat(incoming: &Incoming, seen: &events::Seen) -> Result<Taken, AppError> {
    if seen.body_sha256 != incoming.body_sha256 {
        return Err(AppError::new(
            Kind::Conflict,
            "event_id_reused",
            format!("event {} was taken in with another body; send changed facts under a new id", incoming.event.id),
        )
        .field("id"));
    }
    let outcome = serde_json::from_str(&seen.outcome).unwrap_or_default();
    Ok(Taken { first: false, known: decision::matters(&incoming.event), outcome })
}

/// Reads the books of `accounts`. `codes` and `invoice` are what an event not yet stored adds to theirs.
pub async fn read<P: Ports>(
    ctx: &Context<'_, P>,
    accounts: Vec<AccountRow>,
    codes: &[String],
    invoice: Option<&str>,
) -> Result<Books, DbError> {
    let ids: Vec<String> = accounts.iter().map(|a| a.id.clone()).collect();
    let invoices: Vec<String> = invoice.map(str::to_owned).into_iter().collect();
    let mut rows = ctx
        .batch(vec![
            program::program_list(),
            events::fact_list(&ids, &invoices),
            events::attribution_link_list(&ids, codes),
            events::email_list(&ids),
            review::review_of_accounts(&ids),
            account::line_list(&ids),
        ])
        .await?
        .into_iter();
    let mut books = Books {
        catalog: program::catalog(&next(&mut rows))?,
        accounts,
        facts: events::facts(&next(&mut rows))?,
        links: HashMap::new(),
        partner_emails: HashMap::new(),
        emails: HashMap::new(),
        reviews: HashMap::new(),
        lines: HashMap::new(),
    };
    for row in next(&mut rows).decode::<LinkRow>()? {
        if let Some(email) = row.partner_email {
            books.partner_emails.insert(row.link.partner_id.clone(), email);
        }
        books.links.insert(row.link.code.clone(), row.link);
    }
    for row in next(&mut rows).decode::<EmailRow>()? {
        books.emails.entry(row.account_id).or_default().push(row.email);
    }
    for row in next(&mut rows).decode::<ReviewOf>()? {
        books.reviews.entry(row.account_id).or_default().push(row.review);
    }
    for line in next(&mut rows).decode::<Line>()? {
        books.lines.entry(line.account_id.clone()).or_default().push(line);
    }
    Ok(books)
}

impl Books {
    /// One account's part of the books.
    pub fn case<'a>(&'a self, account: &'a str, now: UtcMillis) -> Case<'a> {
        Case {
            account,
            facts: &self.facts,
            links: &self.links,
            emails: self.emails.get(account).map_or(&[], Vec::as_slice),
            partner_emails: &self.partner_emails,
            reviews: self.reviews.get(account).map_or(&[], Vec::as_slice),
            lines: self.lines.get(account).map_or(&[], Vec::as_slice),
            now,
        }
    }

    pub fn reviews_mut(&mut self, account: &str) -> &mut Vec<Review> {
        self.reviews.entry(account.to_owned()).or_default()
    }
}

/// The statements that make a decision stand, for one batch. `cause` is the event or review behind it.
pub fn commit(
    books: &Books,
    account: &AccountRow,
    decision: Decision,
    cause: &str,
    now: UtcMillis,
    outcome: Option<&mut Outcome>,
) -> Vec<Stmt> {
    let mut statements = vec![account::account_advance(&account.id, account.revision + 1, now)];
    statements.extend(decision.groups.iter().map(|group| account::binding_write(&account.id, group, now)));
    statements.extend(decision.suspicions.iter().map(|s| review::review_open(&account.id, s, now)));
    let standing = books.lines.get(&account.id).map_or(&[][..], Vec::as_slice);
    let (lines, transfers) = posting::settle(standing, decision.lines, cause);
    if let Some(outcome) = outcome {
        outcome.lines.extend(lines.iter().map(LineOutcome::of));
    }
    if !transfers.is_empty() {
        statements.push(ledger::ledger_accounts_ensure(&transfers));
    }
    if !lines.is_empty() {
        statements.push(account::line_write(&lines));
    }
    if !transfers.is_empty() {
        statements.push(ledger::transfer_insert(&transfers, now));
    }
    statements
}

/// What the sender is told, and what a repeat is told again.
#[derive(Serialize)]
pub struct Outcome {
    event: String,
    /// `applied`, or `stored` where no decision knows the type.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    attribution: Vec<AttributionOutcome>,
    lines: Vec<LineOutcome>,
}

#[derive(Serialize)]
struct AttributionOutcome {
    group: String,
    attributed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    reason: String,
    /// What the referred side gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    benefit: Option<crate::program::document::Benefit>,
}

#[derive(Serialize)]
struct LineOutcome {
    id: String,
    program: String,
    rule: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    partner: String,
    unit: String,
    earned_cents: i64,
    net_cents: i64,
    state: crate::engine::accrual::LineState,
    reason: String,
}

impl LineOutcome {
    fn of(line: &Line) -> LineOutcome {
        LineOutcome {
            id: line.id.clone(),
            program: line.program_id.clone(),
            rule: line.rule_id.clone(),
            partner: line.partner_id.clone(),
            unit: line.unit.clone(),
            earned_cents: line.earned_cents.0,
            net_cents: line.net_cents.0,
            state: line.state,
            reason: line.reason.clone(),
        }
    }
}

impl Outcome {
    fn new(event: &Event, known: bool) -> Outcome {
        Outcome {
            event: event.id.clone(),
            outcome: if known { "applied" } else { "stored" },
            account: event.account_id.clone(),
            attribution: Vec::new(),
            lines: Vec::new(),
        }
    }

    fn decided(&mut self, catalog: &Catalog, decision: &Decision, now: UtcMillis) {
        for group in &decision.groups {
            let verdict = &group.verdict;
            let binding = verdict.binding.as_ref();
            self.attribution.push(AttributionOutcome {
                group: verdict.group.clone(),
                attributed: binding.is_some(),
                program: binding.map(|b| b.program.clone()),
                partner: binding.map(|b| b.partner.clone()),
                method: binding.map(|b| b.method.clone()),
                code: binding.map(|b| b.code.clone()),
                reason: verdict.reason.clone(),
                benefit: binding.and_then(|b| catalog.in_force(&b.program, now)?.benefit.clone()),
            });
        }
    }
}

#[derive(Deserialize)]
struct LinkRow {
    #[serde(flatten)]
    link: Link,
    partner_email: Option<String>,
}

#[derive(Deserialize)]
struct EmailRow {
    account_id: String,
    email: String,
}

#[derive(Deserialize)]
struct ReviewOf {
    account_id: String,
    #[serde(flatten)]
    review: Review,
}

fn next(rows: &mut impl Iterator<Item = Rows>) -> Rows {
    rows.next().unwrap_or_default()
}
