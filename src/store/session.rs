//! Who is signed in: sessions of browsers, and mailed links on their way.

use super::port::Stmt;
use crate::base::time::{DAY_MS, HOUR_MS, MINUTE_MS, UtcMillis};
use serde::{Deserialize, Serialize};

/// A session that nobody has used for this long is over.
pub const IDLE_MS: i64 = 14 * DAY_MS;
/// An operator's, sooner.
pub const IDLE_OPERATOR_MS: i64 = 12 * HOUR_MS;
/// How long the token before the current one is good: requests that were under way when it was exchanged carry it.
pub const BEFORE_MS: i64 = MINUTE_MS;

/// A session as a request finds it, with the partner that the request claims to be, where it is one of the session's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionRow {
    pub id: String,
    pub way: String,
    pub email: Option<String>,
    pub site_user: Option<String>,
    /// 1: an operator's.
    pub operator: i64,
    pub actor: String,
    pub rotated_at_ms: UtcMillis,
    pub checked_at_ms: UtcMillis,
    pub seen_at_ms: UtcMillis,
    /// `None`: the session has no such partner.
    pub partner_id: Option<String>,
    pub program_id: Option<String>,
    pub external_id: Option<String>,
    pub code: Option<String>,
    pub name: Option<String>,
    pub partner_email: Option<String>,
    pub left_at_ms: Option<UtcMillis>,
    /// How many partners the session's person is.
    pub partners: i64,
}

/// Whether partner `p`, with its person `x`, is the session `s`'s: by the proved address, or by the site's user.
const IS_OF: &str =
    "((s.email IS NOT NULL AND lower(x.email) = s.email) OR (s.site_user IS NOT NULL AND p.external_id = s.site_user))";

/// The live session of a token, and the partner it claims to be.
pub fn session_find(token_sha256: &str, partner: &str, now: UtcMillis) -> Stmt {
    Stmt::new(format!(
        "SELECT s.id, s.way, s.email, s.site_user, s.operator, s.actor, s.rotated_at_ms, s.checked_at_ms, s.seen_at_ms,
           p.id AS partner_id, p.program_id, p.external_id, p.code, x.name, x.email AS partner_email, p.left_at_ms,
           (SELECT COUNT(*) FROM partner_person y WHERE s.email IS NOT NULL AND lower(y.email) = s.email)
             + (SELECT COUNT(*) FROM partner q WHERE s.site_user IS NOT NULL AND q.external_id = s.site_user) AS partners
         FROM session s LEFT JOIN partner_person x ON x.partner_id = ?2 LEFT JOIN partner p ON p.id = x.partner_id AND {IS_OF}
         WHERE (s.token_sha256 = ?1 OR (s.before_sha256 = ?1 AND s.rotated_at_ms > ?3)) AND s.ended_at_ms IS NULL AND s.expires_at_ms > ?4
           AND s.seen_at_ms > IIF(s.operator = 1, ?5, ?6)"
    ))
    .bind(token_sha256)
    .bind(partner)
    .bind(now.plus_ms(-BEFORE_MS))
    .bind(now)
    .bind(now.plus_ms(-IDLE_OPERATOR_MS))
    .bind(now.plus_ms(-IDLE_MS))
}
