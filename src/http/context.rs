//! What a request is handed besides itself: the ports, the configuration, the instant.

use crate::base::time::UtcMillis;
use crate::codec::identity::session;
use crate::codec::identity::session::SiteUser;
use crate::http::config::Config;
use crate::http::exchange::Request;
use crate::service::context::{Context, Ports};
use crate::service::identity::sign_in::QueuedEmail;

/// What a visitor may do only so often. How often stands in wrangler.toml, under these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimited {
    /// Has a mail sent to an address that is typed.
    Mail,
    /// Tells what happened on a page.
    Beacon,
}

impl RateLimited {
    pub fn binding(self) -> &'static str {
        match self {
            RateLimited::Mail => "MAIL_LIMIT",
            RateLimited::Beacon => "BEACON_LIMIT",
        }
    }
}

/// The outside world as routes need it.
pub trait Platform: Ports {
    /// Who a session of the EmDash site belongs to. `cookie` is its `name=value`, of which alone the site is told. An
    /// error is never "signed in".
    fn session(&self, cookie: &str) -> impl Future<Output = Result<Option<SiteUser>, String>>;

    /// Whether an EmDash site is configured.
    fn has_site(&self) -> bool;

    /// A static file, by its address.
    fn asset(&self, path: &str) -> impl Future<Output = Result<Vec<u8>, String>>;

    /// A link was changed: what is cached of it is wrong.
    fn forget_link(&self, code: &str) -> impl Future<Output = ()>;

    /// Counts one more of what this visitor may do only so often, and whether it is still few enough.
    fn admits(&self, what: RateLimited, visitor: String) -> impl Future<Output = bool>;

    /// Has a mail leave after the answer: how long that takes, and whether it succeeds, would tell who is known.
    fn mail_after(&self, leaving: QueuedEmail);
}

/// One request's surroundings.
pub struct RequestContext<'a, S: Platform> {
    pub site: &'a S,
    pub config: &'a Config,
    pub now: UtcMillis,
}

impl<S: Platform> RequestContext<'_, S> {
    /// The cookie of the EmDash site's session that a request brings.
    pub fn site_cookie(&self, request: &Request) -> Option<String> {
        session::session_cookie(request.header("cookie")?, &self.config.emdash_session_cookie)
    }

    pub fn context(&self, actor: &str) -> Context<'_, S> {
        Context::new(self.site, &self.config.setup, self.now, actor)
    }
}
