//! Pages that operators write for a program's partners.

use crate::base::ids::{PartnerId, ProgramId};
use crate::base::time::UtcMillis;
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub struct Resource {
    pub id: String,
    pub title: String,
    /// Markdown; empty in lists.
    pub body: String,
    pub updated_at_ms: UtcMillis,
}

const LISTED: &str = "SELECT r.id, r.title, '' AS body, r.updated_at_ms FROM resource r";
const WHOLE: &str = "SELECT r.id, r.title, r.body, r.updated_at_ms FROM resource r";

/// The program of the partner ?1: a partner sees the pages of its program.
const OF_PARTNER: &str = "r.program_id = (SELECT program_id FROM partner WHERE id = ?1)";
const IN_ORDER: &str = "ORDER BY r.created_at_ms, r.id LIMIT ?2";

/// Pages of a program, in the order in which they were written.
pub fn resource_list(program: &ProgramId, limit: i64) -> Query<Resource> {
    Stmt::new(format!("{LISTED} WHERE r.program_id = ?1 {IN_ORDER}")).bind(program).bind(limit).query()
}

/// How many pages a program has.
#[derive(Clone, Debug, Deserialize)]
pub struct ResourceCount {
    pub resources: i64,
}

pub fn resource_count(program: &ProgramId) -> Query<ResourceCount> {
    Stmt::new("SELECT COUNT(*) AS resources FROM resource WHERE program_id = ?1").bind(program).query()
}

pub fn resource_find(program: &ProgramId, id: &str) -> Query<Resource> {
    Stmt::new(format!("{WHOLE} WHERE r.program_id = ?1 AND r.id = ?2")).bind(program).bind(id).query()
}

/// Pages of the partner's program, in the order in which they were written.
pub fn resource_list_of_partner(partner: &PartnerId, limit: i64) -> Query<Resource> {
    Stmt::new(format!("{LISTED} WHERE {OF_PARTNER} {IN_ORDER}")).bind(partner).bind(limit).query()
}

pub fn resource_find_of_partner(partner: &PartnerId, id: &str) -> Query<Resource> {
    Stmt::new(format!("{WHOLE} WHERE {OF_PARTNER} AND r.id = ?2")).bind(partner).bind(id).query()
}

pub fn resource_insert(program: &ProgramId, id: &str, title: &str, body: &str, now: UtcMillis) -> Stmt {
    Stmt::new(
        "INSERT INTO resource (id, program_id, title, body, updated_at_ms, created_at_ms) VALUES (?2, ?1, ?3, ?4, ?5, ?5)",
    )
    .bind(program)
    .bind(id)
    .bind(title)
    .bind(body)
    .bind(now)
}

pub fn resource_update(program: &ProgramId, id: &str, title: &str, body: &str, now: UtcMillis) -> Stmt {
    Stmt::new("UPDATE resource SET title = ?3, body = ?4, updated_at_ms = ?5 WHERE id = ?2 AND program_id = ?1")
        .bind(program)
        .bind(id)
        .bind(title)
        .bind(body)
        .bind(now)
}

pub fn resource_delete(program: &ProgramId, id: &str) -> Stmt {
    Stmt::new("DELETE FROM resource WHERE id = ?2 AND program_id = ?1").bind(program).bind(id)
}
