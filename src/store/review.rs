//! Reviews: what a person has to check, and what was decided.

use crate::base::id;
use crate::base::ids::{AccountId, ActorId, PartnerId, ProgramId, ReviewId};
use crate::base::time::UtcMillis;
use crate::engine::review::ReviewState;
use crate::engine::review::risk::{ONE_DOMAIN, Review, Suspicion};
use crate::store::account::AccountIdRow;
use crate::store::port::{Stmt, json_pages};
use crate::store::query::{Parsed, Query};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReviewRow {
    pub id: ReviewId,
    pub program_id: ProgramId,
    pub partner_id: PartnerId,
    pub account_id: AccountId,
    pub rule: String,
    pub subject: String,
    pub holds: i64,
    pub evidence: String,
    pub state: ReviewState,
    pub reason: Option<String>,
    pub actor: Option<ActorId>,
    pub created_at_ms: UtcMillis,
    pub decided_at_ms: Option<UtcMillis>,
}

const COLUMNS: &str = "id, program_id, partner_id, account_id, rule, subject, holds, evidence, state, reason, actor, created_at_ms, decided_at_ms";

/// The reviews of accounts, decided ones included.
pub fn review_of_accounts(accounts: &[AccountId]) -> Query<ReviewRow> {
    of_accounts(accounts).query()
}

/// The same as decisions need them, each with its account.
pub fn review_list(accounts: &[AccountId]) -> Parsed<Vec<(AccountIdRow, Review)>> {
    of_accounts(accounts).pairs()
}

fn of_accounts(accounts: &[AccountId]) -> Stmt {
    Stmt::new(format!("SELECT {COLUMNS} FROM review WHERE account_id IN (SELECT value FROM json_each(?1))"))
        .json(&accounts)
}

/// The id of the review of a suspicion about an account.
pub fn review_id(account: &AccountId, s: &Suspicion) -> ReviewId {
    id::derived("rev", &[&s.program, &s.partner, account, &s.rule, &s.subject]).into()
}

/// Opens reviews where there are none: the same facts never reopen a decided review.
pub fn review_open(suspicions: &[(AccountId, Suspicion)], quiet: bool, now: UtcMillis) -> Vec<Stmt> {
    let row = |(account, s): &(AccountId, Suspicion)| {
        json!({
            "id": review_id(account, s), "program": s.program,
            "partner": s.partner, "account": account, "rule": s.rule, "subject": s.subject,
            "holds": i64::from(s.holds), "evidence": s.evidence,
        })
    };
    let rows: Vec<_> = suspicions.iter().map(row).collect();
    let statement = |page: String| {
        Stmt::new(
            "INSERT INTO review (id, program_id, partner_id, account_id, rule, subject, holds, evidence, is_quiet, state, created_at_ms)
             SELECT value ->> '$.id', value ->> '$.program', value ->> '$.partner', value ->> '$.account', value ->> '$.rule',
                    value ->> '$.subject', value ->> '$.holds', value ->> '$.evidence', ?3, 'open', ?2
             FROM json_each(?1) WHERE true ON CONFLICT (id) DO NOTHING",
        )
        .bind(page)
        .bind(now)
        .bind(quiet)
    };
    json_pages(&rows).into_iter().map(statement).collect()
}

pub fn review_page(state: ReviewState, after: &str, limit: i64) -> Query<ReviewRow> {
    Stmt::new(format!("SELECT {COLUMNS} FROM review WHERE state = ?1 AND id > ?2 ORDER BY id LIMIT ?3"))
        .bind(state.name())
        .bind(after)
        .bind(limit)
        .query()
}

pub fn review_find(id: &ReviewId) -> Query<ReviewRow> {
    Stmt::new(format!("SELECT {COLUMNS} FROM review WHERE id = ?1")).bind(id).query()
}

/// Records that an email domain is one organization, and releases what was held for the number of its accounts.
pub fn organization_insert(
    domain: &str,
    review: &ReviewId,
    reason: &str,
    actor: &ActorId,
    now: UtcMillis,
) -> [Stmt; 2] {
    [
        Stmt::new(
            "INSERT INTO organization_domain (domain, review_id, reason, actor, created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (domain) DO NOTHING",
        )
        .bind(domain)
        .bind(review)
        .bind(reason)
        .bind(actor)
        .bind(now),
        Stmt::new(
            "UPDATE review SET state = ?2, reason = ?3, actor = ?4, decided_at_ms = ?5
             WHERE rule = ?6 AND state = ?7 AND account_id IN (SELECT account_id FROM binding WHERE domain = ?1)",
        )
        .bind(domain)
        .bind(ReviewState::Released.name())
        .bind(reason)
        .bind(actor)
        .bind(now)
        .bind(ONE_DOMAIN)
        .bind(ReviewState::Open.name()),
    ]
}

/// Records a decision. The account's revision guards it, so a second simultaneous decision fails.
pub fn review_decide(id: &ReviewId, state: ReviewState, reason: &str, actor: &ActorId, now: UtcMillis) -> Stmt {
    Stmt::new("UPDATE review SET state = ?2, reason = ?3, actor = ?4, decided_at_ms = ?5 WHERE id = ?1")
        .bind(id)
        .bind(state.name())
        .bind(reason)
        .bind(actor)
        .bind(now)
}
