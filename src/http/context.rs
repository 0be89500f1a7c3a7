//! What a request comes with: the ports, the configuration, the time.

use crate::base::ids::{ActorId, LinkCode};
use crate::base::time::UtcMillis;
use crate::codec::identity::session;
use crate::codec::identity::session::SiteUser;
use crate::engine::link::click::Click;
use crate::http::config::Config;
use crate::http::exchange::Request;
use crate::service::context::{Context, Ports};
use crate::service::identity::sign_in::QueuedEmail;

/// Actions that are rate limited per network. The limits are in wrangler.toml, under these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimited {
    /// Sends an email to an address that the visitor typed.
    Mail,
    /// Has Stripe make a promotion code.
    Promotion,
    /// Reports what happened on a page.
    Beacon,
    /// Asks for a code that is no link's.
    Guess,
    /// Sends a token that is not valid.
    WrongToken,
}

impl RateLimited {
    pub fn binding(self) -> &'static str {
        match self {
            RateLimited::Mail => "MAIL_LIMIT",
            RateLimited::Promotion => "PROMOTION_LIMIT",
            RateLimited::Beacon => "BEACON_LIMIT",
            RateLimited::Guess => "GUESS_LIMIT",
            RateLimited::WrongToken => "TOKEN_LIMIT",
        }
    }
}

/// The outside world as routes need it.
pub trait Platform: Ports {
    /// The user of an EmDash site's session. `cookie` is its `name=value`, and the site receives nothing else. An error
    /// never counts as signed in.
    fn session(&self, cookie: &str) -> impl Future<Output = Result<Option<SiteUser>, String>>;

    /// Drops what is cached about a session: the site has just started it anew, for whoever signed in.
    fn forget_session(&self, _cookie: &str) {}

    /// Whether the site is a service that this Worker is bound to.
    fn is_site_bound(&self) -> bool {
        false
    }

    /// Whether an EmDash site is configured.
    fn has_site(&self) -> bool;

    /// A static file, by its address.
    fn asset(&self, path: &str) -> impl Future<Output = Result<Vec<u8>, String>>;

    /// Deletes the cached copies of a link that was changed.
    fn forget_link(&self, code: &LinkCode) -> impl Future<Output = ()>;

    /// The same for several.
    fn forget_links(&self, codes: Vec<LinkCode>) -> impl Future<Output = ()> {
        async move {
            for code in codes {
                self.forget_link(&code).await;
            }
        }
    }

    /// Takes a click that will be written after the response, with what other visitors clicked.
    fn count_click(&self, click: Click);

    /// Counts one more rate-limited action of this network, and returns whether it is within the limit.
    fn admits(&self, what: RateLimited, network: String) -> impl Future<Output = bool>;

    /// The Worker's health as last reported to the public, if it is cached.
    fn cached_health(&self) -> Option<bool> {
        None
    }

    /// Caches what is reported.
    fn cache_health(&self, _ok: bool) {}

    /// Whether a request to the site's address arrives here.
    fn site_leads_back(&self) -> impl Future<Output = bool>;

    /// Sends an email after the response: its duration or success would reveal which addresses are known.
    fn mail_after(&self, leaving: QueuedEmail);
}

/// One request's context.
pub struct RequestContext<'a, S: Platform> {
    pub site: &'a S,
    pub config: &'a Config,
    pub now: UtcMillis,
}

impl<S: Platform> RequestContext<'_, S> {
    /// The cookie of the EmDash site's session, if a request has it.
    pub fn site_cookie(&self, request: &Request) -> Option<String> {
        session::session_cookie(request.header("cookie")?, &self.config.emdash_session_cookie)
    }

    pub fn context(&self, actor: impl Into<ActorId>) -> Context<'_, S> {
        Context::new(self.site, &self.config.setup, self.now, actor)
    }
}
