//! Signing in: links that prove an address, and the sessions that follow from a proof.
//!
//! In scope: what is stored of a link and a session, and the mail. Not in scope: cookies and pages. Tokens are handed to
//! whoever asked for them and to nobody else: the database has their hashes.

use crate::base::id;
use crate::base::time::{DAY_MS, HOUR_MS, MINUTE_MS, UtcMillis};
use crate::codec::message::email;
use crate::codec::message::email::{Invitation, Mail};
use crate::service::context::{Context, Ports, fresh_secret};
use crate::service::error::AppError;
use crate::service::message::deliver::{DeliveryAttempt, hand_over};
use crate::store::identity::session;
use crate::store::identity::session::{LinkLimits, NewLink, NewSession, Proof, SessionRow};
use crate::store::port::Stmt;
use sha2::{Digest, Sha256};

/// How long a mailed link is good: to sign in, and to join, which may wait for the next morning.
pub const SIGN_IN_MS: i64 = 15 * MINUTE_MS;
pub const JOIN_MS: i64 = DAY_MS;
/// Links of one purpose that one address is mailed in an hour: asked for from one network, and in all. A sign-in gets
/// through to whoever has asked for none in the hour, so that nobody can lock others out by asking.
const LINKS_PER_HOUR: i64 = 5;
const LINKS_PER_HOUR_IN_ALL: i64 = 20;
/// Between two tries of a mail that nobody waits for: both, with their time limits, within the 30 s that the runtime
/// gives to what is done after an answer.
const AGAIN_MS: u32 = 2_000;
/// When a session is over, however much it is used.
const SESSION_MS: i64 = 60 * DAY_MS;
const SESSION_OPERATOR_MS: i64 = 7 * DAY_MS;
const SESSION_TOKEN_MS: i64 = 12 * HOUR_MS;
/// How often a session's token is exchanged, its use noted, and its site asked.
const ROTATE_MS: i64 = DAY_MS;
const SEEN_MS: i64 = HOUR_MS;
const CHECK_MS: i64 = 5 * MINUTE_MS;
/// Longest name of a browser that is kept.
const AGENT_CHARS_MAX: usize = 200;

/// A secret and the hash that is stored of it.
pub struct Token {
    pub text: String,
    pub sha256: String,
}

impl Token {
    pub fn of(text: String) -> Token {
        let sha256 = id::hex(&Sha256::digest(text.as_bytes()));
        Token { text, sha256 }
    }

    pub fn fresh<P: Ports>(ports: &P) -> Token {
        Token::of(fresh_secret(ports))
    }
}

/// What a mailed link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    SignIn,
    Join,
}

impl Purpose {
    pub fn name(self) -> &'static str {
        match self {
            Purpose::SignIn => "sign_in",
            Purpose::Join => "join",
        }
    }

    /// Where the link leads, before its token.
    fn path(self) -> &'static str {
        match self {
            Purpose::SignIn => "/sign-in/mail/",
            Purpose::Join => "/partner/join/",
        }
    }

    fn good_ms(self) -> i64 {
        match self {
            Purpose::SignIn => SIGN_IN_MS,
            Purpose::Join => JOIN_MS,
        }
    }
}

/// A wish for a mailed link.
pub struct MagicLinkRequest<'a> {
    /// As typed; it has the form of an address.
    pub email: &'a str,
    /// JSON: what the link remembers.
    pub detail: &'a str,
    /// Whether the address may have a link though it is no partner's.
    pub any_address: bool,
    /// Keyed hash of the network that asks; empty where nobody can say.
    pub requested_by: &'a str,
    pub says: Invitation<'a>,
}

/// What became of a wish.
#[derive(Debug)]
pub enum MagicLinkOutcome {
    /// There is no way for mails to leave.
    NotSetUp,
    /// This address is not mailed a link: nobody knows it, or it has had enough. Whoever asks must not learn which.
    Nothing,
    /// The link is stored, and waits to be mailed.
    Ready(Box<QueuedEmail>),
}

/// A mail about to leave, with a link.
#[derive(Debug)]
pub struct QueuedEmail {
    mail: Mail,
    token_sha256: String,
}

/// Makes a link, if the address may have one.
pub async fn link<P: Ports>(
    ctx: &Context<'_, P>,
    request: &MagicLinkRequest<'_>,
) -> Result<MagicLinkOutcome, AppError> {
    let Some((from, _)) = ctx.setup.mail() else { return Ok(MagicLinkOutcome::NotSetUp) };
    let purpose = match request.says {
        Invitation::SignIn => Purpose::SignIn,
        Invitation::Join { .. } => Purpose::Join,
    };
    let token = Token::fresh(ctx.ports);
    let limits = LinkLimits {
        since: ctx.now.plus_ms(-HOUR_MS),
        most_by_one: LINKS_PER_HOUR,
        most_in_all: LINKS_PER_HOUR_IN_ALL,
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
    let id = ctx.fresh_id("msg");
    let mail = Mail {
        headers: vec![("X-Manicule-Message", id.clone())],
        id,
        to: request.email.to_owned(),
        from: from.clone(),
        subject: letter.subject,
        text: letter.text,
        html: letter.html,
    };
    Ok(MagicLinkOutcome::Ready(Box::new(QueuedEmail { mail, token_sha256: token.sha256 })))
}

/// Mails a link. When it does not leave, the link is forgotten, so that it does not count, and why is told.
pub async fn mail<P: Ports>(ctx: &Context<'_, P>, leaving: &QueuedEmail) -> Result<(), String> {
    let Some(why) = attempt(ctx, leaving).await else { return Ok(()) };
    match ctx.query(session::magic_link_delete(&leaving.token_sha256)).await {
        Ok(_) => Err(why),
        Err(error) => Err(format!("{why}; the unsent link still counts toward the limit: {error}")),
    }
}

/// Mails a link while nobody waits for it, and once more where that failed.
pub async fn mail_unwaited<P: Ports>(ctx: &Context<'_, P>, leaving: &QueuedEmail) -> Result<(), String> {
    if attempt(ctx, leaving).await.is_none() {
        return Ok(());
    }
    ctx.ports.pause(AGAIN_MS).await;
    mail(ctx, leaving).await
}

/// Why the mail did not leave, if so.
async fn attempt<P: Ports>(ctx: &Context<'_, P>, leaving: &QueuedEmail) -> Option<String> {
    let Some((_, way)) = ctx.setup.mail() else { return Some("email is not set up".to_owned()) };
    match hand_over(ctx, way, &leaving.mail).await {
        DeliveryAttempt::Sent => None,
        DeliveryAttempt::Failed(why)
        | DeliveryAttempt::Busy(why, _)
        | DeliveryAttempt::Silent(why)
        | DeliveryAttempt::Broken(why) => Some(why),
        // What only the outbox knows of.
        DeliveryAttempt::Later | DeliveryAttempt::Suppressed(_) | DeliveryAttempt::Gone => {
            Some("the email was not sent".to_owned())
        }
    }
}

/// Who signs in, by what they have proved.
pub struct NewSessionPlan<'a> {
    pub proof: Proof<'a>,
    pub operator: bool,
    /// As the audit log will say it.
    pub actor: String,
    /// What the browser calls itself.
    pub agent: &'a str,
}

/// A session that comes to be with its statement.
pub struct OpenedSession {
    pub token: String,
    /// As the audit log will say it.
    pub actor: String,
    pub operator: bool,
    pub expires_at: UtcMillis,
    pub statements: Vec<Stmt>,
}

/// A new session, in place of the one that this browser had.
pub fn open<P: Ports>(ctx: &Context<'_, P>, who: &NewSessionPlan<'_>, before_sha256: Option<&str>) -> OpenedSession {
    // The first half stays through rotations and protects the forms.
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

/// Who acts, where an address was proved: operators by their address, which the configuration holds too; partners by a
/// name that says nothing but stays the same.
pub fn actor_of(email: &str, operator: bool) -> String {
    let email = email.to_ascii_lowercase();
    if operator { format!("operator:{email}") } else { format!("person:{}", id::derived("per", &[&email])) }
}

/// What a session needs besides being looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRefresh {
    /// Its site must be asked before anything is shown.
    pub check: bool,
    pub rotate: bool,
    pub seen: bool,
}

pub fn upkeep(s: &SessionRow, now: UtcMillis) -> SessionRefresh {
    let over = |since: UtcMillis, ms: i64| now >= since.plus_ms(ms);
    SessionRefresh {
        check: s.site_user.is_some() && over(s.checked_at_ms, CHECK_MS),
        // Whoever came with the token before this one is about to get the other.
        rotate: s.is_current == 1 && over(s.rotated_at_ms, ROTATE_MS),
        seen: over(s.seen_at_ms, SEEN_MS),
    }
}

/// Removes sessions and links that are over.
pub async fn purge<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    ctx.batch(session::purge(ctx.now).into()).await?;
    Ok(())
}
