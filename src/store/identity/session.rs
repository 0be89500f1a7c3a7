//! Sign-in: browsers' sessions, and emailed links.

use crate::base::ids::{ActorId, LinkCode, PartnerId, ProgramId};
use crate::base::time::{DAY_MS, HOUR_MS, MINUTE_MS, UtcMillis};
use crate::engine::review::suspension::PartnerStanding;
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::{Deserialize, Serialize};

/// A session that was not used for this long expires.
pub const IDLE_MS: i64 = 14 * DAY_MS;
/// An operator's session expires sooner.
pub const IDLE_OPERATOR_MS: i64 = 12 * HOUR_MS;
/// How long the previous token stays valid: requests that were in flight when it was rotated carry it.
pub const BEFORE_MS: i64 = MINUTE_MS;
/// The most partners and sessions of one person that are listed.
pub const LIST_MAX: i64 = 100;

/// A session as a request finds it, with the partner that the request names, if it is one of the session's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionRow {
    pub id: String,
    pub way: String,
    pub email: Option<String>,
    pub site_user: Option<String>,
    /// The operator's token that it was created with.
    pub credential_sha256: Option<String>,
    /// The scopes of the live API token with this hash; `None` if there is none.
    pub token_scopes: Option<String>,
    /// 1: an operator's.
    pub operator: i64,
    pub actor: ActorId,
    /// 1: the request carried the current token, not the previous one.
    pub is_current: i64,
    pub rotated_at_ms: UtcMillis,
    pub checked_at_ms: UtcMillis,
    pub seen_at_ms: UtcMillis,
    pub expires_at_ms: UtcMillis,
    /// `None`: the session has no such partner.
    pub partner_id: Option<PartnerId>,
    pub program_id: Option<ProgramId>,
    pub external_id: Option<String>,
    pub code: Option<LinkCode>,
    pub name: Option<String>,
    pub partner_email: Option<String>,
    pub left_at_ms: Option<UtcMillis>,
    pub standing: Option<PartnerStanding>,
    /// How many partners the session's person has.
    pub partners: i64,
}

/// Whether partner `p`, with its person `x`, belongs to the session `s`: by the proven address, or by the site's user. A
/// banned one is nobody's.
const IS_OF: &str = "p.standing <> 'banned' AND ((s.email IS NOT NULL AND lower(x.email) = s.email) OR (s.site_user IS NOT NULL AND p.external_id = s.site_user))";

/// A token's live session, and the partner that the request names. A partner that isn't the session's is not returned.
/// `+`: with the column's affinity SQLite would not use the index on the lower-case address, and every page would scan
/// all partners.
pub fn session_find(token_sha256: &str, partner: &PartnerId, now: UtcMillis) -> Query<SessionRow> {
    Stmt::new(format!(
        "SELECT s.id, s.way, s.email, s.site_user, s.credential_sha256, s.operator, s.actor, s.token_sha256 = ?1 AS is_current,
           s.rotated_at_ms, s.checked_at_ms, s.seen_at_ms, s.expires_at_ms,
           (SELECT t.scopes FROM api_token t WHERE t.sha256 = s.credential_sha256 AND t.revoked_at_ms IS NULL
             AND t.expires_at_ms > ?4) AS token_scopes,
           p.id AS partner_id, p.program_id, p.external_id, p.code, IIF(p.id IS NULL, NULL, x.name) AS name,
           IIF(p.id IS NULL, NULL, x.email) AS partner_email, p.left_at_ms, p.standing,
           (SELECT COUNT(*) FROM partner_person y WHERE s.email IS NOT NULL AND lower(y.email) = +s.email)
             + (SELECT COUNT(*) FROM partner q WHERE s.site_user IS NOT NULL AND q.external_id = s.site_user) AS partners
         FROM session s LEFT JOIN partner_person x ON x.partner_id = ?2 LEFT JOIN partner p ON p.id = ?2 AND {IS_OF}
         WHERE (s.token_sha256 = ?1 OR (s.before_sha256 = ?1 AND s.rotated_at_ms > ?3)) AND s.ended_at_ms IS NULL AND s.expires_at_ms > ?4
           AND s.seen_at_ms > IIF(s.operator = 1, ?5, ?6)"
    ))
    .bind(token_sha256)
    .bind(partner)
    .bind(now.plus_ms(-BEFORE_MS))
    .bind(now)
    .bind(now.plus_ms(-IDLE_OPERATOR_MS))
    .bind(now.plus_ms(-IDLE_MS)).query()
}

/// Whose session it is: what was proven when it was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof<'a> {
    Email(&'a str),
    SiteUser(&'a str),
    Token(&'a str),
}

impl<'a> Proof<'a> {
    fn column(self) -> (&'static str, &'a str) {
        match self {
            Proof::Email(email) => ("email", email),
            Proof::SiteUser(user) => ("site_user", user),
            Proof::Token(sha256) => ("credential_sha256", sha256),
        }
    }
}

impl SessionRow {
    pub fn proof(&self) -> Proof<'_> {
        match (&self.email, &self.site_user) {
            (Some(email), _) => Proof::Email(email),
            (None, Some(user)) => Proof::SiteUser(user),
            (None, None) => Proof::Token(self.credential_sha256.as_deref().unwrap_or_default()),
        }
    }
}

/// A session about to be created.
pub struct NewSession<'a> {
    pub id: &'a str,
    pub token_sha256: &'a str,
    pub proof: Proof<'a>,
    pub operator: bool,
    pub actor: &'a ActorId,
    pub agent: &'a str,
    pub expires_at: UtcMillis,
}

pub fn session_insert(s: &NewSession<'_>, now: UtcMillis) -> Stmt {
    let (column, proved) = s.proof.column();
    let way = match s.proof {
        Proof::Email(_) => "email",
        Proof::SiteUser(_) => "site",
        Proof::Token(_) => "token",
    };
    Stmt::new(format!(
        "INSERT INTO session (id, token_sha256, way, {column}, operator, actor, agent, expires_at_ms, rotated_at_ms, created_at_ms, checked_at_ms, seen_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?9, ?9)"
    ))
    .bind(s.id)
    .bind(s.token_sha256)
    .bind(way)
    .bind(proved)
    .bind(s.operator)
    .bind(s.actor)
    .bind(s.agent)
    .bind(s.expires_at)
    .bind(now)
}

/// Rotates the token. No row: another request has done so already.
pub fn session_rotate(id: &str, token_sha256: &str, next_sha256: &str, now: UtcMillis) -> Stmt {
    Stmt::new(
        "UPDATE session SET before_sha256 = token_sha256, token_sha256 = ?3, rotated_at_ms = ?4
         WHERE id = ?1 AND token_sha256 = ?2 AND ended_at_ms IS NULL RETURNING id",
    )
    .bind(id)
    .bind(token_sha256)
    .bind(next_sha256)
    .bind(now)
}

/// Records that a session was used and, if `checked`, that its site was checked.
pub fn session_seen(id: &str, checked: bool, now: UtcMillis) -> Stmt {
    Stmt::new("UPDATE session SET seen_at_ms = ?2, checked_at_ms = IIF(?3 = 1, ?2, checked_at_ms) WHERE id = ?1")
        .bind(id)
        .bind(now)
        .bind(checked)
}

/// Ends the session of a token, including the previous token.
pub fn session_end_by_token(token_sha256: &str, now: UtcMillis) -> Stmt {
    Stmt::new(
        "UPDATE session SET ended_at_ms = ?2 WHERE (token_sha256 = ?1 OR before_sha256 = ?1) AND ended_at_ms IS NULL",
    )
    .bind(token_sha256)
    .bind(now)
}

/// Ends a session if it belongs to this person. No row: it doesn't, or it has ended.
pub fn session_end(id: &str, person: Proof<'_>, now: UtcMillis) -> Stmt {
    let (column, proved) = person.column();
    Stmt::new(format!(
        "UPDATE session SET ended_at_ms = ?3 WHERE id = ?1 AND {column} = ?2 AND ended_at_ms IS NULL RETURNING id"
    ))
    .bind(id)
    .bind(proved)
    .bind(now)
}

/// Ends every session of a person.
pub fn session_end_all(person: Proof<'_>, now: UtcMillis) -> Stmt {
    let (column, proved) = person.column();
    Stmt::new(format!("UPDATE session SET ended_at_ms = ?2 WHERE {column} = ?1 AND ended_at_ms IS NULL"))
        .bind(proved)
        .bind(now)
}

/// A session as its person sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct OpenSession {
    pub id: String,
    pub way: String,
    pub agent: String,
    pub created_at_ms: UtcMillis,
    pub seen_at_ms: UtcMillis,
    pub expires_at_ms: UtcMillis,
    /// 1: the session of this request.
    pub is_this: i64,
}

/// The live sessions of the person whose session has this token, last used first.
pub fn session_list(token_sha256: &str, now: UtcMillis) -> Query<OpenSession> {
    let of = |column: &str| {
        format!(
            "SELECT o.id, o.way, o.agent, o.created_at_ms, o.seen_at_ms, o.expires_at_ms, o.id = s.id AS is_this
             FROM session s CROSS JOIN session o ON o.{column} = s.{column}
             WHERE (s.token_sha256 = ?1 OR s.before_sha256 = ?1) AND o.{column} IS NOT NULL AND o.ended_at_ms IS NULL
               AND o.expires_at_ms > ?2 AND o.seen_at_ms > IIF(o.operator = 1, ?3, ?4)"
        )
    };
    let (mail, site) = (of("email"), of("site_user"));
    Stmt::new(format!("{mail} UNION ALL {site} ORDER BY 5 DESC, 1 LIMIT {LIST_MAX}"))
        .bind(token_sha256)
        .bind(now)
        .bind(now.plus_ms(-IDLE_OPERATOR_MS))
        .bind(now.plus_ms(-IDLE_MS))
        .query()
}

/// One of a person's partners.
#[derive(Clone, Debug, Deserialize)]
pub struct OwnPartner {
    pub id: PartnerId,
    pub program_id: ProgramId,
    pub external_id: String,
    pub code: LinkCode,
    pub name: Option<String>,
    pub left_at_ms: Option<UtcMillis>,
    pub created_at_ms: UtcMillis,
}

const OWN: &str = "SELECT p.id, p.program_id, p.external_id, p.code, x.name, p.left_at_ms, p.created_at_ms";

/// The partners of the person whose session has this token, oldest first.
pub fn own_partners(token_sha256: &str) -> Query<OwnPartner> {
    Stmt::new(format!(
        "{OWN} FROM session s CROSS JOIN partner_person x ON lower(x.email) = +s.email JOIN partner p ON p.id = x.partner_id
         WHERE (s.token_sha256 = ?1 OR s.before_sha256 = ?1) AND p.standing <> 'banned'
         UNION ALL
         {OWN} FROM session s CROSS JOIN partner p ON p.external_id = s.site_user LEFT JOIN partner_person x ON x.partner_id = p.id
         WHERE (s.token_sha256 = ?1 OR s.before_sha256 = ?1) AND p.standing <> 'banned' ORDER BY 7, 1 LIMIT {LIST_MAX}"
    ))
    .bind(token_sha256).query()
}

/// The partners of a person with this proof, oldest first. A token proves none.
pub fn partners_of(person: Proof<'_>) -> Query<OwnPartner> {
    let (from, proved) = match person {
        Proof::Email(email) => (
            "partner_person x JOIN partner p ON p.id = x.partner_id WHERE lower(x.email) = ?1 AND p.standing <> 'banned'",
            email,
        ),
        Proof::SiteUser(user) => (
            "partner p LEFT JOIN partner_person x ON x.partner_id = p.id WHERE p.external_id = ?1 AND p.standing <> 'banned'",
            user,
        ),
        Proof::Token(sha256) => {
            ("partner p JOIN partner_person x ON x.partner_id = p.id WHERE p.id = ?1 AND 0", sha256)
        }
    };
    Stmt::new(format!("{OWN} FROM {from} ORDER BY p.created_at_ms, p.id LIMIT {LIST_MAX}")).bind(proved).query()
}

/// The oldest partner of a program with this address.
pub fn partner_of(program: &ProgramId, email: &str) -> Query<OwnPartner> {
    Stmt::new(format!(
        "{OWN} FROM partner_person x JOIN partner p ON p.id = x.partner_id
         WHERE lower(x.email) = ?2 AND p.program_id = ?1 ORDER BY p.created_at_ms, p.id LIMIT 1"
    ))
    .bind(program)
    .bind(email)
    .query()
}

/// A link to be emailed.
pub struct NewLink<'a> {
    pub token_sha256: &'a str,
    pub purpose: &'a str,
    /// In lower case.
    pub email: &'a str,
    /// Keyed hash of the requester's network; empty if unknown.
    pub requested_by: &'a str,
    /// JSON.
    pub detail: &'a str,
    pub expires_at: UtcMillis,
    /// Whether the address may get a link even if no partner has it.
    pub any_address: bool,
    /// Whether a network that requested no link yet gets one even if others have used up the total.
    pub first_gets_through: bool,
}

/// How many links of one purpose an address may have requested since an instant.
pub struct LinkLimits {
    pub since: UtcMillis,
    /// Requested from one network.
    pub most_by_one: i64,
    pub most_in_all: i64,
    /// Requested from one network, for all addresses and purposes.
    pub most_to_anybody: i64,
}

/// Stores a link within the limits. The returned row says whether to email it. For an unknown address the same row is
/// written but nothing is sent, so that the response time reveals nothing.
pub fn magic_link_insert(l: &NewLink<'_>, limits: &LinkLimits, now: UtcMillis) -> Query<StoredLink> {
    let had = "SELECT COUNT(*) FROM magic_link m WHERE m.email = ?3 AND m.purpose = ?2 AND m.created_at_ms > ?9";
    Stmt::new(format!(
        "INSERT INTO magic_link (token_sha256, purpose, email, requested_by, is_live, detail, expires_at_ms, created_at_ms)
         SELECT ?1, ?2, ?3, ?4, ?7 = 1 OR EXISTS (SELECT 1 FROM partner_person x JOIN partner p ON p.id = x.partner_id WHERE lower(x.email) = ?3 AND p.standing <> 'banned'), ?5, ?6, ?8
         WHERE ((({had} AND m.requested_by = ?4) < ?10 AND ({had}) < ?11) OR (?12 = 1 AND ({had} AND m.requested_by = ?4) = 0))
           AND (?12 = 1 AND EXISTS (SELECT 1 FROM partner_person x WHERE lower(x.email) = ?3)
             OR (SELECT COUNT(*) FROM magic_link m WHERE m.requested_by = ?4 AND m.requested_by <> '' AND m.created_at_ms > ?9) < ?13)
         RETURNING is_live"
    ))
    .bind(l.token_sha256)
    .bind(l.purpose)
    .bind(l.email)
    .bind(l.requested_by)
    .bind(l.detail)
    .bind(l.expires_at)
    .bind(l.any_address)
    .bind(now)
    .bind(limits.since)
    .bind(limits.most_by_one)
    .bind(limits.most_in_all)
    .bind(l.first_gets_through)
    .bind(limits.most_to_anybody)
    .query()
}

/// Whether a stored link is to be emailed.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct StoredLink {
    pub is_live: i64,
}

/// A link that someone followed.
#[derive(Clone, Debug, Deserialize)]
pub struct MailedLink {
    pub email: String,
    pub detail: String,
}

/// The link of this token, while it is valid.
pub fn magic_link_find(token_sha256: &str, purpose: &str, now: UtcMillis) -> Query<MailedLink> {
    Stmt::new(
        "SELECT email, detail FROM magic_link
         WHERE token_sha256 = ?1 AND purpose = ?2 AND expires_at_ms > ?3 AND used_at_ms IS NULL AND is_live = 1",
    )
    .bind(token_sha256)
    .bind(purpose)
    .bind(now)
    .query()
}

/// Uses a link up. A second use aborts the batch.
pub fn magic_link_use(token_sha256: &str, now: UtcMillis) -> Stmt {
    Stmt::new("UPDATE magic_link SET used_at_ms = ?2 WHERE token_sha256 = ?1").bind(token_sha256).bind(now)
}

/// Deletes a link that could not be emailed: it does not count.
pub fn magic_link_delete(token_sha256: &str) -> Stmt {
    Stmt::new("DELETE FROM magic_link WHERE token_sha256 = ?1 AND used_at_ms IS NULL").bind(token_sha256)
}
