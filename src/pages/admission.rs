//! Checks that a session is still valid and maintains it: the site or the configuration may have revoked it, its token
//! is rotated once a day, and its use is recorded once an hour. Most requests need none of this, and so no second
//! batch.

use crate::base::ids::{ActorId, PartnerId};
use crate::base::time::UtcMillis;
use crate::codec::identity::session::{ROLE_SUBSCRIBER, SiteUser};
use crate::engine::identity::access::{Role, Scopes};
use crate::http::auth;
use crate::http::context::Platform;
use crate::http::exchange::Response;
use crate::pages::context::{PageContext, PageError, SESSION_COOKIE};
use crate::pages::text::shared::error as text;
use crate::service::context::fresh_secret;
use crate::service::error::{AppError, ErrorKind};
use crate::service::identity::sign_in;
use crate::service::identity::sign_in::{NewSessionPlan, OpenedSession, Token, upkeep};
use crate::store::identity::session;
use crate::store::identity::session::{Proof, SessionRow};
use crate::store::port::Stmt;
use std::pin::Pin;

/// The Set-Cookie that takes the session's cookie from a browser.
pub const DROPPED_COOKIE: &str = "__Host-manicule_session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax";

/// The EmDash role of operators.
pub const ROLE_OPERATOR: i64 = 50;

impl<S: Platform> PageContext<'_, S> {
    /// Admits the session, or returns why not. Boxed: every page waits for it.
    pub(crate) fn admit<'v>(
        &'v self,
        found: &'v SessionRow,
    ) -> Pin<Box<dyn Future<Output = Result<(), PageError>> + 'v>> {
        Box::pin(async move {
            if !self.stands(found) {
                self.end(found).await?;
                return Err(PageError::SignIn);
            }
            let due = upkeep(found, self.now());
            if due.check && !self.site_stands(found).await? {
                self.end(found).await?;
                return Err(PageError::SignIn);
            }
            let next = due.rotate.then(|| self.next_token());
            let mut writes: Vec<Stmt> = Vec::new();
            if let (Some(next), Some(now)) = (&next, self.token_sha256()) {
                writes.push(session::session_rotate(&found.id, &now, &next.sha256, self.now()));
            }
            if due.check || due.seen {
                writes.push(session::session_seen(&found.id, due.check, self.now()));
            }
            if writes.is_empty() {
                return Ok(());
            }
            // If this write fails, the next request tries again.
            let Ok(rows) = self.app.context("").batch(writes).await else { return Ok(()) };
            if let Some(next) = next.filter(|_| rows.first().is_some_and(|changed| !changed.0.is_empty())) {
                self.rotated.replace(Some(next.text));
                self.keep_cookie(self.claimed_partner(), found.expires_at_ms);
            }
            Ok(())
        })
    }

    /// An operator's scopes, according to the current configuration or token.
    pub fn scopes(&self, session: &SessionRow) -> Scopes {
        if session.operator != 1 {
            return Scopes::NONE;
        }
        match session.proof() {
            Proof::Token(sha256) if auth::is_bootstrap(self.app, sha256) => Role::Admin.scopes(),
            Proof::Token(_) => session.token_scopes.as_deref().and_then(Scopes::parse).unwrap_or(Scopes::NONE),
            Proof::Email(email) => self.app.config.role_of(email).map_or(Scopes::NONE, Role::scopes),
            // Only the site's administrators are operators.
            Proof::SiteUser(_) => Role::Admin.scopes(),
        }
    }

    /// Whether the configuration and the token still vouch for an operator.
    fn stands(&self, found: &SessionRow) -> bool {
        match found.proof() {
            Proof::Token(sha256) => found.token_scopes.is_some() || auth::is_bootstrap(self.app, sha256),
            Proof::Email(email) => found.operator == 0 || self.app.config.is_operator(email),
            Proof::SiteUser(_) => true,
        }
    }

    /// Whether the site still vouches for its user. An error does not count as a yes, and does not end the session.
    async fn site_stands(&self, found: &SessionRow) -> Result<bool, PageError> {
        let user = self.site_user().await.map_err(|why| {
            let detail = text::SITE_UNAVAILABLE;
            AppError::new(ErrorKind::Transient, "session_unavailable", detail).cause(why)
        })?;
        let least = if found.operator == 1 { ROLE_OPERATOR } else { ROLE_SUBSCRIBER };
        Ok(user.is_some_and(|user| Some(&user.id) == found.site_user.as_ref() && user.role >= least))
    }

    /// The browser's session cookie for the EmDash site, if there is a site.
    pub(crate) fn site_cookie(&self) -> Option<String> {
        if self.app.site.has_site() { self.app.site_cookie(self.request) } else { None }
    }

    /// The user who is signed in to the EmDash site in this browser.
    pub(crate) async fn site_user(&self) -> Result<Option<SiteUser>, String> {
        match self.site_cookie() {
            Some(cookie) => self.app.site.session(&cookie).await,
            None => Ok(None),
        }
    }

    async fn end(&self, found: &SessionRow) -> Result<(), PageError> {
        self.app.context("").query(session::session_end(&found.id, found.proof(), self.now())).await?;
        Ok(())
    }

    /// The first half stays, because forms on open pages are checked against it.
    fn next_token(&self) -> Token {
        let stays = self.token().and_then(|token| token.split('-').next()).unwrap_or_default();
        Token::of(format!("{stays}-{}", fresh_secret(self.app.site)))
    }

    /// A new session to replace this browser's. It takes effect once it is written and adopted.
    pub(crate) fn open(&self, proof: Proof<'_>, operator: bool, actor: ActorId) -> OpenedSession {
        let agent = self.request.header("user-agent").unwrap_or("");
        let who = NewSessionPlan { proof, operator, actor, agent };
        sign_in::open(&self.app.context(""), &who, self.token_sha256().as_deref())
    }

    /// The same for a user of the site, who is an operator by role.
    pub(crate) fn open_site(&self, user: &SiteUser) -> OpenedSession {
        let actor = format!("session:{}", user.id).into();
        self.open(Proof::SiteUser(&user.id), user.role >= ROLE_OPERATOR, actor)
    }

    /// A new session for a person who confirmed an address.
    pub(crate) fn open_email(&self, email: &str) -> OpenedSession {
        let operator = self.app.config.is_operator(email);
        self.open(Proof::Email(email), operator, sign_in::actor_of(email, operator))
    }

    /// Sets the cookie of a session that was written. With several partners, the person chooses one.
    pub(crate) fn adopt(&self, opened: OpenedSession, partner: &PartnerId) {
        self.rotated.replace(Some(opened.token));
        self.keep_cookie(partner, opened.expires_at);
    }

    /// Sets the session's cookie with the partner that the pages are about.
    pub(crate) fn keep_cookie(&self, partner: &PartnerId, expires_at: UtcMillis) {
        let rotated = self.rotated.borrow();
        let Some(token) = rotated.as_deref().or(self.token()) else { return };
        let seconds = (expires_at.0 - self.now().0).max(1_000) / 1_000;
        self.cookie.replace(Some(format!(
            "{SESSION_COOKIE}={token}.{partner}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"
        )));
    }

    /// Removes the session's cookie.
    pub(crate) fn drop_cookie(&self) {
        self.cookie.replace(Some(DROPPED_COOKIE.to_owned()));
    }

    /// Adds the session's Set-Cookie to the response.
    pub(crate) fn finish(&self, response: &mut Response) {
        response.headers.extend(self.cookie.take().map(|cookie| ("set-cookie", cookie)));
    }
}

/// A page whose URL is a secret.
pub fn is_not_referred(mut response: Response) -> Response {
    response.headers.retain(|(name, _)| *name != "referrer-policy");
    response.headers.push(("referrer-policy", "no-referrer".to_owned()));
    response
}

/// A redirect target that is allowed after signing in: a partner's or an operator's page, and nothing else.
pub fn local(to: &str) -> Option<&str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~?&=%+:,".contains(&b);
    let path = to.split('?').next().unwrap_or("");
    let mut parts = path.strip_prefix('/')?.split('/');
    let known = parts.next().is_some_and(|area| ["partner", "operator"].contains(&area));
    let clean = parts.all(|part| !part.is_empty() && !part.contains('%') && part != "." && part != "..");
    (known && clean && to.len() <= 500 && to.bytes().all(plain)).then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_are_led_to() {
        for good in ["/partner", "/operator/runs/run_1?cursor=1.a&x=%2F", "/partner/links/A_b-c"] {
            assert_eq!(local(good), Some(good));
        }
        for bad in [
            "",
            "/",
            "partner",
            "/partners",
            "//evil.example",
            "//partner",
            "/\\evil.example",
            "/partner\\..\\x",
            "https://evil.example/partner",
            "https:/partner",
            "javascript:alert(1)",
            "/partner//evil.example",
            "/partner/../evil",
            "/partner/%2e%2e/evil",
            "/partner/",
            "/partner/\r\nset-cookie: a=b",
            "/partner#@evil.example",
            "/sign-in?to=/partner",
            "/partner @evil.example",
            "\t/partner",
        ] {
            assert_eq!(local(bad), None, "{bad:?}");
        }
        assert_eq!(local(&format!("/partner/{}", "a".repeat(500))), None);
    }
}
