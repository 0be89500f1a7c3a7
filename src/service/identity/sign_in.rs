//! Signing in: links that prove an address, and the sessions that they start.
//!
//! In scope: what is stored of a link and a session, and the email. Not in scope: cookies and pages. A token goes only
//! to the person who requested it: the database has only its hash.

use crate::base::id;
use crate::base::ids::ActorId;
use crate::base::limits::MAIL_LINKS_PER_HOUR;
use crate::base::time::{DAY_MS, HOUR_MS, MINUTE_MS, UtcMillis};
use crate::codec::identity::mailed_token;
use crate::codec::message::email;
use crate::codec::message::email::{Email, From, Invitation, Mail};
use crate::service::context::{Context, Ports, fresh_secret};
use crate::service::error::AppError;
use crate::service::message::deliver::{DeliveryAttempt, hand_over};
use crate::store::identity::session;
use crate::store::identity::session::{LinkLimits, NewLink, NewSession, Proof, SessionRow};
use crate::store::port::{DbError, Stmt};
use sha2::{Digest, Sha256};

/// How long an emailed link is valid: to sign in, and to join, which may wait until the next morning.
pub const SIGN_IN_MS: i64 = 15 * MINUTE_MS;
pub const JOIN_MS: i64 = DAY_MS;
/// Links of one purpose that one address is emailed per hour: requested from one network, and in total. A sign-in link
/// is always sent to a network that requested none in the last hour, so that nobody can lock others out by requesting
/// links.
const LINKS_PER_HOUR: i64 = 5;
const LINKS_PER_HOUR_IN_ALL: i64 = 20;
/// The pause between two attempts at an email that nobody waits for. Both attempts with their time limits must fit into
/// the 30 s that the runtime allows after a response.
const AGAIN_MS: u32 = 2_000;
/// When a session expires, however much it is used.
const SESSION_MS: i64 = 60 * DAY_MS;
const SESSION_OPERATOR_MS: i64 = 7 * DAY_MS;
const SESSION_TOKEN_MS: i64 = 12 * HOUR_MS;
/// How often a session's token is rotated, its use recorded, and its site checked.
const ROTATE_MS: i64 = DAY_MS;
const SEEN_MS: i64 = HOUR_MS;
const CHECK_MS: i64 = 5 * MINUTE_MS;
/// Longest browser name that is stored.
const AGENT_CHARS_MAX: usize = 200;

/// A secret and its stored hash.
pub struct Token {
    pub text: String,
    pub sha256: String,
}

impl Token {
    pub fn of(text: String) -> Token {
        let sha256 = id::hex(&Sha256::digest(text.as_bytes()));
        Token { text, sha256 }
    }

    /// A new one for an emailed link.
    fn mailed<P: Ports>(ctx: &Context<'_, P>, purpose: Purpose) -> Token {
        let (keys, secret) = (ctx.setup.cookie_keys.as_ref(), fresh_secret(ctx.ports));
        Token::of(mailed_token::write(keys, purpose.name(), secret))
    }
}

/// What an emailed link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    SignIn,
    Join,
    ChangeEmail,
}

impl Purpose {
    pub fn name(self) -> &'static str {
        match self {
            Purpose::SignIn => "sign_in",
            Purpose::Join => "join",
            Purpose::ChangeEmail => "change_email",
        }
    }

    /// The link's path, before its token.
    fn path(self) -> &'static str {
        match self {
            Purpose::SignIn => "/sign-in/mail/",
            Purpose::Join => "/partner/join/",
            Purpose::ChangeEmail => "/partner/email/",
        }
    }

    fn good_ms(self) -> i64 {
        match self {
            Purpose::SignIn => SIGN_IN_MS,
            Purpose::Join | Purpose::ChangeEmail => JOIN_MS,
        }
    }
}

/// Whether we wrote the token of an emailed link for this purpose, as far as the token says. `None`: we have no key to know.
pub fn is_ours<P: Ports>(ctx: &Context<'_, P>, purpose: Purpose, token: &str) -> Option<bool> {
    let keys = ctx.setup.cookie_keys.as_ref()?;
    Some(mailed_token::is_ours(keys, purpose.name(), token))
}

/// A request for an emailed link.
pub struct MagicLinkRequest<'a> {
    /// As typed; it has the form of an email address.
    pub email: &'a str,
    /// JSON: data that belongs to the link.
    pub detail: &'a str,
    /// Whether the address may get a link even if no partner has it.
    pub any_address: bool,
    /// Keyed hash of the requester's network; empty if unknown.
    pub requested_by: &'a str,
    pub says: Invitation<'a>,
}

/// The result of a request.
#[derive(Debug)]
pub enum MagicLinkOutcome {
    /// Email is not set up.
    NotSetUp,
    /// This address is not emailed a link: it is unknown or has reached its limit. The requester must not learn which.
    Nothing,
    /// The link is stored and ready to be emailed.
    Ready(Box<QueuedEmail>),
}

/// An email that is ready to send, with a link.
#[derive(Debug)]
pub struct QueuedEmail {
    mail: Mail,
    /// Of the link in it; empty if it has none.
    token_sha256: String,
}

/// Creates a link, if the address may have one.
pub async fn link<P: Ports>(
    ctx: &Context<'_, P>,
    request: &MagicLinkRequest<'_>,
) -> Result<MagicLinkOutcome, AppError> {
    let Some((from, _)) = ctx.setup.mail() else { return Ok(MagicLinkOutcome::NotSetUp) };
    let purpose = match request.says {
        Invitation::SignIn => Purpose::SignIn,
        Invitation::Join { .. } => Purpose::Join,
        Invitation::ChangeEmail => Purpose::ChangeEmail,
    };
    let token = Token::mailed(ctx, purpose);
    let limits = LinkLimits {
        since: ctx.now.plus_ms(-HOUR_MS),
        most_by_one: LINKS_PER_HOUR,
        most_in_all: LINKS_PER_HOUR_IN_ALL,
        most_to_anybody: MAIL_LINKS_PER_HOUR,
    };
    let link = NewLink {
        requested_by: request.requested_by,
        first_gets_through: purpose == Purpose::SignIn,
        token_sha256: &token.sha256,
        purpose: purpose.name(),
        email: &request.email.to_ascii_lowercase(),
        detail: request.detail,
        expires_at: ctx.now.plus_ms(purpose.good_ms()),
        any_address: request.any_address,
    };
    let stored = ctx.read(session::magic_link_insert(&link, &limits, ctx.now).first()).await?;
    if stored.is_none_or(|stored| stored.is_live == 0) {
        return Ok(MagicLinkOutcome::Nothing);
    }
    let path = format!("{}{}", purpose.path(), token.text);
    let letter = email::invitation(request.says, &ctx.setup.public_url, &path, purpose.good_ms() / MINUTE_MS);
    let mail = addressed(ctx, letter, request.email, from);
    Ok(MagicLinkOutcome::Ready(Box::new(QueuedEmail { mail, token_sha256: token.sha256 })))
}

/// The email that tells a partner's old address that there is another one, if email is set up.
pub fn address_changed<P: Ports>(ctx: &Context<'_, P>, old: &str) -> Option<Box<QueuedEmail>> {
    let (from, _) = ctx.setup.mail()?;
    let mail = addressed(ctx, email::address_changed(&ctx.setup.public_url), old, from);
    Some(Box::new(QueuedEmail { mail, token_sha256: String::new() }))
}

fn addressed<P: Ports>(ctx: &Context<'_, P>, letter: Email, to: &str, from: &From) -> Mail {
    let id = ctx.fresh_id("msg");
    Mail {
        headers: vec![("X-Manicule-Message", id.clone())],
        id,
        to: to.to_owned(),
        from: from.clone(),
        subject: letter.subject,
        text: letter.text,
        html: letter.html,
    }
}

/// Deletes a link that is not mailed after all.
pub async fn withdraw<P: Ports>(ctx: &Context<'_, P>, leaving: &QueuedEmail) -> Result<(), DbError> {
    ctx.query(session::magic_link_delete(&leaving.token_sha256)).await.map(|_| ())
}

/// Emails a link. If that fails, the link is deleted, so that it does not count, and the reason is returned.
pub async fn mail<P: Ports>(ctx: &Context<'_, P>, leaving: &QueuedEmail) -> Result<(), String> {
    let Some(why) = attempt(ctx, leaving).await else { return Ok(()) };
    match ctx.query(session::magic_link_delete(&leaving.token_sha256)).await {
        Ok(_) => Err(why),
        Err(error) => Err(format!("{why}; the unsent link still counts toward the limit: {error}")),
    }
}

/// Emails a link while nobody is waiting, and retries once if that fails.
pub async fn mail_unwaited<P: Ports>(ctx: &Context<'_, P>, leaving: &QueuedEmail) -> Result<(), String> {
    if attempt(ctx, leaving).await.is_none() {
        return Ok(());
    }
    ctx.ports.pause(AGAIN_MS).await;
    mail(ctx, leaving).await
}

/// Why the email was not sent, if so.
async fn attempt<P: Ports>(ctx: &Context<'_, P>, leaving: &QueuedEmail) -> Option<String> {
    let Some((_, way)) = ctx.setup.mail() else { return Some("email is not set up".to_owned()) };
    match hand_over(ctx, way, &leaving.mail).await {
        DeliveryAttempt::Sent => None,
        DeliveryAttempt::Failed(why)
        | DeliveryAttempt::Busy(why, _)
        | DeliveryAttempt::Silent(why)
        | DeliveryAttempt::Broken(why) => Some(why),
        // Only the outbox has these results.
        DeliveryAttempt::Later | DeliveryAttempt::Suppressed(_) | DeliveryAttempt::Gone => {
            Some("the email was not sent".to_owned())
        }
    }
}

/// The person who signs in, by what they proved.
pub struct NewSessionPlan<'a> {
    pub proof: Proof<'a>,
    pub operator: bool,
    /// As written to the audit trail.
    pub actor: ActorId,
    /// The browser's User-Agent.
    pub agent: &'a str,
}

/// A new session with the statement that stores it.
pub struct OpenedSession {
    pub token: String,
    /// As written to the audit trail.
    pub actor: ActorId,
    pub operator: bool,
    pub expires_at: UtcMillis,
    pub statements: Vec<Stmt>,
}

/// A new session that replaces this browser's previous one.
pub fn open<P: Ports>(ctx: &Context<'_, P>, who: &NewSessionPlan<'_>, before_sha256: Option<&str>) -> OpenedSession {
    // The first half survives rotations and protects the forms.
    let token = Token::of(format!("{}-{}", fresh_secret(ctx.ports), fresh_secret(ctx.ports)));
    let lasts = match who.proof {
        Proof::Token(_) => SESSION_TOKEN_MS,
        _ if who.operator => SESSION_OPERATOR_MS,
        _ => SESSION_MS,
    };
    let agent: String = who.agent.chars().map(|c| if c.is_control() { ' ' } else { c }).take(AGENT_CHARS_MAX).collect();
    let expires_at = ctx.now.plus_ms(lasts);
    let row = NewSession {
        id: &ctx.fresh_id("ses"),
        token_sha256: &token.sha256,
        proof: who.proof,
        operator: who.operator,
        actor: &who.actor,
        agent: &agent,
        expires_at,
    };
    let mut statements = vec![session::session_insert(&row, ctx.now)];
    statements.extend(before_sha256.map(|sha256| session::session_end_by_token(sha256, ctx.now)));
    OpenedSession { token: token.text, actor: who.actor.clone(), operator: who.operator, expires_at, statements }
}

/// The actor for a proven address: operators by their address, which the configuration also contains; partners by a
/// name that reveals nothing but stays the same.
pub fn actor_of(email: &str, operator: bool) -> ActorId {
    let email = email.to_ascii_lowercase();
    let name = if operator { format!("operator:{email}") } else { format!("person:{}", id::derived("per", &[&email])) };
    name.into()
}

/// What a session needs beyond the lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRefresh {
    /// The site must be checked before anything is shown.
    pub check: bool,
    pub rotate: bool,
    pub seen: bool,
}

pub fn upkeep(s: &SessionRow, now: UtcMillis) -> SessionRefresh {
    let over = |since: UtcMillis, ms: i64| now >= since.plus_ms(ms);
    SessionRefresh {
        check: s.site_user.is_some() && over(s.checked_at_ms, CHECK_MS),
        // A request with the previous token is about to receive the current one.
        rotate: s.is_current == 1 && over(s.rotated_at_ms, ROTATE_MS),
        seen: over(s.seen_at_ms, SEEN_MS),
    }
}
