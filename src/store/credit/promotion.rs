//! Promotion codes for referred people: which coupon, whose code, and its progress at Stripe.

use crate::base::ids::{AccountId, ProgramId};
use crate::base::time::UtcMillis;
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionRow {
    pub id: String,
    pub program_id: ProgramId,
    pub coupon_id: String,
    pub visitor_id: Option<String>,
    pub account_id: Option<AccountId>,
    pub code: String,
    /// How many keys were used.
    pub attempt: i64,
    pub first_sent_at_ms: Option<UtcMillis>,
    pub due_at_ms: UtcMillis,
    /// Stripe's id for it. Once it is set, the code works.
    pub promotion_id: Option<String>,
    pub revision: i64,
    pub created_at_ms: UtcMillis,
}

/// A code that was stored.
#[derive(Clone, Debug, Deserialize)]
pub struct InsertedRow {
    pub id: String,
}

/// A coupon that Stripe has.
#[derive(Clone, Debug, Deserialize)]
pub struct CouponRow {
    pub id: String,
}

pub fn coupon_find(id: &str) -> Query<CouponRow> {
    Stmt::new("SELECT id FROM promotion_coupon WHERE id = ?1").bind(id).query()
}

pub fn coupon_insert(id: &str, program: &ProgramId, version: i64, now: UtcMillis) -> Stmt {
    Stmt::new("INSERT INTO promotion_coupon (id, program_id, version, made_at_ms) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")
        .bind(id)
        .bind(program)
        .bind(version)
        .bind(now)
}

/// The account's code, otherwise the visitor's. A code that belongs to another account is never returned.
pub fn promotion_find(program: &ProgramId, account: Option<&AccountId>, visitor: Option<&str>) -> Query<PromotionRow> {
    Stmt::new(
        "SELECT id, program_id, coupon_id, visitor_id, account_id, code, attempt, first_sent_at_ms, due_at_ms, promotion_id, revision, created_at_ms
         FROM promotion_code WHERE program_id = ?1
           AND (account_id = ?2 OR (visitor_id = ?3 AND (account_id IS NULL OR ?2 IS NULL)))
         ORDER BY account_id IS ?2 DESC LIMIT 1",
    )
    .bind(program)
    .bind(account)
    .bind(visitor)
    .query()
}

/// Stores a code before it is created at Stripe. A second one for the same account or visitor aborts. If the visitor's
/// code belongs to another account by now, this account gets one without the visitor. No row: it is for a visitor, and
/// `most` that are no account's have been stored since an instant, of the program or of the network. Counted here, so that
/// no other request comes in between.
pub fn promotion_insert(p: &PromotionRow, requested_by: &str, since: UtcMillis, most: [i64; 2]) -> Query<InsertedRow> {
    Stmt::new(
        "INSERT INTO promotion_code (id, program_id, coupon_id, visitor_id, account_id, code, attempt, due_at_ms, revision, created_at_ms, requested_by)
         SELECT ?1, ?2, ?3, IIF(?5 IS NOT NULL AND EXISTS (SELECT 1 FROM promotion_code x WHERE x.program_id = ?2 AND x.visitor_id = ?4), NULL, ?4),
                ?5, ?6, 0, ?7, 1, ?7, ?10
         WHERE ?5 IS NOT NULL OR ((SELECT COUNT(*) FROM promotion_code x
             WHERE x.program_id = ?2 AND x.account_id IS NULL AND x.created_at_ms > ?8) < ?9
           AND (SELECT COUNT(*) FROM promotion_code x
             WHERE x.requested_by = ?10 AND x.requested_by <> '' AND x.account_id IS NULL AND x.created_at_ms > ?8) < ?11)
         RETURNING id",
    )
    .bind(&p.id)
    .bind(&p.program_id)
    .bind(&p.coupon_id)
    .bind(p.visitor_id.clone())
    .bind(p.account_id.clone())
    .bind(&p.code)
    .bind(p.created_at_ms)
    .bind(since)
    .bind(most[0])
    .bind(requested_by)
    .bind(most[1])
    .query()
}

/// Writes a code's new state, at the revision at which it was read.
pub fn promotion_write(p: &PromotionRow) -> Stmt {
    Stmt::new(
        "UPDATE promotion_code SET revision = CAST(?2 AS INTEGER) + 1, account_id = ?3, attempt = CAST(?4 AS INTEGER),
           first_sent_at_ms = ?5, due_at_ms = ?6, promotion_id = ?7, coupon_id = ?8 WHERE id = ?1",
    )
    .bind(&p.id)
    .bind(p.revision)
    .bind(p.account_id.clone())
    .bind(p.attempt)
    .bind(p.first_sent_at_ms)
    .bind(p.due_at_ms)
    .bind(p.promotion_id.clone())
    .bind(&p.coupon_id)
}
