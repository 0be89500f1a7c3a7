//! What partners enter about themselves and do: their profile, leaving, and the export of their data.

use crate::base::ids::{LinkCode, PartnerId, ProgramId};
use crate::base::time::UtcMillis;
use crate::engine::review::salt::PersonSalt;
use crate::store::identity::audit::AuditRow;
use crate::store::partner::{LinkRow, links};
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

/// What a partner can change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ProfileRow {
    pub program_id: ProgramId,
    pub name: Option<String>,
    pub email: Option<String>,
    pub website: Option<String>,
    pub country: Option<String>,
    pub display_name: Option<String>,
    /// The operators'.
    pub notes: Option<String>,
}

pub fn profile_find(partner: &PartnerId) -> Query<ProfileRow> {
    Stmt::new(
        "SELECT p.program_id, x.name, x.email, p.website, p.country, x.display_name, x.notes
         FROM partner p LEFT JOIN partner_person x ON x.partner_id = p.id WHERE p.id = ?1",
    )
    .bind(partner)
    .query()
}

pub fn profile_update(partner: &PartnerId, p: &ProfileRow, now: UtcMillis) -> [Stmt; 2] {
    [
        Stmt::new("UPDATE partner SET website = ?2, country = ?3, updated_at_ms = ?4 WHERE id = ?1")
            .bind(partner)
            .bind(p.website.clone())
            .bind(p.country.clone())
            .bind(now),
        Stmt::new("UPDATE partner_person SET name = ?2, display_name = ?3, notes = ?4 WHERE partner_id = ?1")
            .bind(partner)
            .bind(p.name.clone())
            .bind(p.display_name.clone())
            .bind(p.notes.clone()),
    ]
}

/// A partner's other address, with the hash that email preferences are stored by, and what it is compared by.
pub fn email_update(
    partner: &PartnerId,
    (email, sha256): (&str, &str),
    salt: &PersonSalt,
    now: UtcMillis,
) -> [Stmt; 2] {
    [
        Stmt::new(
            "UPDATE partner_person SET email = ?2, email_sha256 = ?3, mailbox = ?4, address = ?5 WHERE partner_id = ?1",
        )
        .bind(partner)
        .bind(email)
        .bind(sha256)
        .bind(salt.mailbox(email))
        .bind(salt.address(email)),
        Stmt::new("UPDATE partner SET updated_at_ms = ?2 WHERE id = ?1").bind(partner).bind(now),
    ]
}

/// The partner leaves the program. No row: it has already left.
pub fn partner_leave(partner: &PartnerId, now: UtcMillis) -> Stmt {
    Stmt::new(
        "UPDATE partner SET left_at_ms = ?2, updated_at_ms = ?2 WHERE id = ?1 AND left_at_ms IS NULL RETURNING id",
    )
    .bind(partner)
    .bind(now)
}

/// The code of a link.
#[derive(Clone, Debug, Deserialize)]
pub struct LinkCodeRow {
    pub code: LinkCode,
}

/// Links whose cached copies are deleted immediately when they stop working; other copies expire within about a minute.
const FORGOTTEN: i64 = 40;

/// Codes of a partner's working links.
pub fn live_codes(partner: &PartnerId) -> Query<LinkCodeRow> {
    Stmt::new("SELECT code FROM link WHERE partner_id = ?1 AND disabled_at_ms IS NULL LIMIT ?2")
        .bind(partner)
        .bind(FORGOTTEN)
        .query()
}

/// A partner's links after the cursor (instant, code), oldest first.
pub fn link_page(partner: &PartnerId, after_ms: i64, after_code: &str, limit: i64) -> Query<LinkRow> {
    links("WHERE partner_id = ?1 AND (created_at_ms, code) > (?2, ?3) ORDER BY created_at_ms, code LIMIT ?4")
        .bind(partner)
        .bind(after_ms)
        .bind(after_code)
        .bind(limit)
        .query()
}

/// What the person whose session has this token has done, after the cursor (instant, id), oldest first.
pub fn own_actions(token_sha256: &str, after_ms: i64, after_id: &str, limit: i64) -> Query<AuditRow> {
    Stmt::new(
        "SELECT a.id, a.at_ms, a.actor, a.action, a.subject, a.reason, a.before, a.after
         FROM session s CROSS JOIN audit a ON a.actor = s.actor
         WHERE (s.token_sha256 = ?1 OR s.before_sha256 = ?1) AND (a.at_ms, a.id) > (?2, ?3) ORDER BY a.at_ms, a.id LIMIT ?4",
    )
    .bind(token_sha256)
    .bind(after_ms)
    .bind(after_id)
    .bind(limit).query()
}
