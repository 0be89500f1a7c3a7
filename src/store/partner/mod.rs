//! Partners, their links as operators create them, and what partners earned.

pub mod own_links;
pub mod page;
pub mod profile;
pub mod resource;
pub mod standing;

use crate::base::ids::{LinkCode, PartnerId, ProgramId};
use crate::base::time::UtcMillis;
use crate::engine::accrual::payment::ShownAccrual;
use crate::engine::link::code::skeleton;
use crate::engine::review::salt::PersonSalt;
use crate::engine::review::suspension::PartnerStanding;
use crate::store::accrual::payment::shown_accruals;
use crate::store::port::Stmt;
use crate::store::query::{Parsed, Query};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartnerRow {
    pub id: PartnerId,
    pub program_id: ProgramId,
    pub external_id: String,
    pub kind: Option<String>,
    pub country: Option<String>,
    pub website: Option<String>,
    pub code: LinkCode,
    pub disclosure_accepted_at_ms: Option<UtcMillis>,
    pub left_at_ms: Option<UtcMillis>,
    pub standing: PartnerStanding,
    pub created_at_ms: UtcMillis,
    pub name: Option<String>,
    pub email: Option<String>,
    /// The operators'.
    pub notes: Option<String>,
}

/// The columns of a partner `p` and its person `x`.
pub const PARTNER_COLUMNS: &str =
    "p.id, p.program_id, p.external_id, p.kind, p.country, p.website, p.code, p.disclosure_accepted_at_ms, p.left_at_ms,
     p.standing, p.created_at_ms, x.name, x.email, x.notes";
/// Whether a text `?` in lower case is any part of a partner's name, address, website, external id or codes.
pub const PARTNER_CONTAINS: &str =
    "(instr(lower(COALESCE(x.name, '') || char(10) || COALESCE(x.email, '') || char(10) || COALESCE(p.website, '') || char(10) || p.external_id), ?) > 0
      OR EXISTS (SELECT 1 FROM link l WHERE l.partner_id = p.id AND instr(lower(l.code), ?) > 0))";

/// The partner `p` with its person `x` that a condition selects.
fn partner_where(condition: &str) -> Stmt {
    Stmt::new(format!(
        "SELECT {PARTNER_COLUMNS} FROM partner p LEFT JOIN partner_person x ON x.partner_id = p.id WHERE {condition}"
    ))
}

pub fn partner_find(id: &PartnerId) -> Query<PartnerRow> {
    partner_where("p.id = ?1").bind(id).query()
}

pub fn partner_find_external(program: &ProgramId, external_id: &str) -> Query<PartnerRow> {
    partner_where("p.program_id = ?1 AND p.external_id = ?2").bind(program).bind(external_id).query()
}

/// The statements that create a partner, in order. The hash of its address, which email preferences are stored by, is
/// stored next to the address, with the digests that it is compared by.
pub fn partner_insert(p: &PartnerRow, email_sha256: Option<String>, salt: &PersonSalt) -> Vec<Stmt> {
    vec![
        Stmt::new(
            "INSERT INTO partner (id, program_id, external_id, kind, country, website, code, disclosure_accepted_at_ms, created_at_ms, updated_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)",
        )
        .bind(&p.id)
        .bind(&p.program_id)
        .bind(&p.external_id)
        .bind(p.kind.clone())
        .bind(p.country.clone())
        .bind(p.website.clone())
        .bind(&p.code)
        .bind(p.disclosure_accepted_at_ms)
        .bind(p.created_at_ms),
        Stmt::new("INSERT INTO partner_person (partner_id, name, email, email_sha256, mailbox, address) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
            .bind(&p.id)
            .bind(p.name.clone())
            .bind(p.email.clone())
            .bind(email_sha256)
            .bind(p.email.as_deref().map(|email| salt.mailbox(email)))
            .bind(p.email.as_deref().map(|email| salt.address(email))),
    ]
}

/// Records that the partner accepts the disclosure, if it has not.
pub fn partner_disclose(id: &PartnerId, now: UtcMillis) -> Stmt {
    Stmt::new("UPDATE partner SET disclosure_accepted_at_ms = ?2, updated_at_ms = ?2 WHERE id = ?1 AND disclosure_accepted_at_ms IS NULL")
        .bind(id)
        .bind(now)
}

/// A link as created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkRow {
    pub code: LinkCode,
    pub partner_id: PartnerId,
    pub program_id: ProgramId,
    pub destination: Option<String>,
    pub campaign: Option<String>,
    /// A JSON object.
    pub utm: Option<String>,
    pub source: Option<String>,
    pub expires_at_ms: Option<UtcMillis>,
    pub disabled_at_ms: Option<UtcMillis>,
    pub created_at_ms: UtcMillis,
    /// 1: an operator chose the code, 2: a partner.
    pub chosen: i64,
}

/// The links that a condition selects.
pub fn links(condition: &str) -> Stmt {
    Stmt::new(format!(
        "SELECT code, partner_id, program_id, destination, campaign, utm, source, created_at_ms, expires_at_ms, disabled_at_ms, chosen
         FROM link {condition}"
    ))
}

pub fn link_insert(l: &LinkRow) -> Stmt {
    Stmt::new(
        "INSERT INTO link (code, partner_id, program_id, destination, campaign, utm, source, created_at_ms, expires_at_ms, chosen, skeleton, updated_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?8)",
    )
    .bind(&l.code)
    .bind(&l.partner_id)
    .bind(&l.program_id)
    .bind(l.destination.clone())
    .bind(l.campaign.clone())
    .bind(l.utm.clone())
    .bind(l.source.clone())
    .bind(l.created_at_ms)
    .bind(l.expires_at_ms)
    .bind(l.chosen)
    .bind(skeleton(&l.code))
}

/// Where a link leads, and how its clicks are labeled.
pub fn link_update(l: &LinkRow, now: UtcMillis) -> Stmt {
    Stmt::new("UPDATE link SET destination = ?2, campaign = ?3, utm = ?4, updated_at_ms = ?5 WHERE code = ?1")
        .bind(&l.code)
        .bind(l.destination.clone())
        .bind(l.campaign.clone())
        .bind(l.utm.clone())
        .bind(now)
}

/// Which of a partner's links is its own.
pub fn partner_code(id: &PartnerId, code: &LinkCode, now: UtcMillis) -> Stmt {
    Stmt::new("UPDATE partner SET code = ?2, updated_at_ms = ?3 WHERE id = ?1").bind(id).bind(code).bind(now)
}

/// The link that a code means, in whatever case.
pub fn link_find(code: &LinkCode) -> Query<LinkRow> {
    links("WHERE code = ?1 COLLATE NOCASE").bind(code).query()
}

/// How many links a partner has.
#[derive(Clone, Debug, Deserialize)]
pub struct LinkCount {
    pub links: i64,
}

/// Counts up to `most`.
pub fn link_count(partner: &PartnerId, most: i64) -> Query<LinkCount> {
    Stmt::new("SELECT COUNT(*) AS links FROM (SELECT 1 FROM link WHERE partner_id = ?1 LIMIT ?2)")
        .bind(partner)
        .bind(most)
        .query()
}

pub fn link_disable(code: &LinkCode, at: UtcMillis) -> Stmt {
    Stmt::new("UPDATE link SET disabled_at_ms = ?2, updated_at_ms = ?2 WHERE code = ?1 AND disabled_at_ms IS NULL")
        .bind(code)
        .bind(at)
}

/// A partner's accruals after the cursor (instant, id), oldest first.
pub fn entry_page(partner: &PartnerId, after_ms: i64, after_id: &str, limit: i64) -> Parsed<Vec<ShownAccrual>> {
    shown_accruals(
        "WHERE partner_id = ?1 AND (at_ms > ?2 OR (at_ms = ?2 AND id > ?3))
         ORDER BY at_ms, id LIMIT ?4",
    )
    .bind(partner)
    .bind(after_ms)
    .bind(after_id)
    .bind(limit)
    .pairs()
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RankRow {
    pub rank: i64,
    pub partner_id: PartnerId,
    pub referrals: i64,
    pub gross_cents: i64,
    pub unit: String,
    pub refreshed_at_ms: UtcMillis,
}

pub fn leaderboard_list(program: &ProgramId, limit: i64) -> Query<RankRow> {
    Stmt::new(
        "SELECT rank, partner_id, referrals, gross_cents, unit, refreshed_at_ms FROM leaderboard
         WHERE program_id = ?1 AND rank > 0 ORDER BY rank, partner_id LIMIT ?2",
    )
    .bind(program)
    .bind(limit)
    .query()
}
