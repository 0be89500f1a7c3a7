//! The site next to the Worker, as a test defines it. Each test has its own: nextest gives it a process, cargo a
//! thread.

use crate::support::clicks;
use crate::support::world::{World, now};
use manicule::base::ids::LinkCode;
use manicule::codec::identity::session::SiteUser;
use manicule::engine::link::click::{Click, SALT_BYTES};
use manicule::http::context::Platform;
use manicule::http::context::RateLimited;
use manicule::service::identity::sign_in::QueuedEmail;
use manicule::service::link::click::{Buffer, load_salt};
use std::cell::{Cell, RefCell};

thread_local! {
    /// Who is signed in at the EmDash site, for requests with its cookie. `None`: there is no site.
    pub static SITE: RefCell<Option<Result<Option<SiteUser>, String>>> = const { RefCell::new(None) };
    /// What is rate limited, and for whom.
    pub static TOO_OFTEN: RefCell<Vec<(RateLimited, String)>> = const { RefCell::new(Vec::new()) };
    /// Whether everything is rate limited for everyone.
    pub static ALL_TOO_OFTEN: Cell<bool> = const { Cell::new(false) };
    /// Whether the site's address is the Worker's own.
    pub static LEADS_BACK: Cell<bool> = const { Cell::new(false) };
    /// Emails to send after the response.
    pub static LEAVING: RefCell<Vec<QueuedEmail>> = const { RefCell::new(Vec::new()) };
    /// Links whose cache entry was removed.
    pub static FORGOTTEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// The isolate's clicks. They are written at once.
    pub static CLICKS: RefCell<Buffer> = RefCell::new(Buffer::new([5; 16]));
}

impl Platform for World {
    async fn session(&self, _: &str) -> Result<Option<SiteUser>, String> {
        SITE.with_borrow(|site| site.clone().unwrap_or(Ok(None)))
    }

    fn has_site(&self) -> bool {
        SITE.with_borrow(Option::is_some)
    }

    async fn asset(&self, path: &str) -> Result<Vec<u8>, String> {
        if path.ends_with("/openapi.json") {
            return Ok(super::openapi::document().to_string().into_bytes());
        }
        if path.ends_with("/programs.md") {
            return Ok(include_bytes!("../../docs/programs.md").to_vec());
        }
        Err(format!("{path} is not there"))
    }

    async fn forget_link(&self, code: &LinkCode) {
        FORGOTTEN.with_borrow_mut(|all| all.push(code.to_string()));
    }

    async fn admits(&self, what: RateLimited, visitor: String) -> bool {
        !ALL_TOO_OFTEN.get() && TOO_OFTEN.with_borrow(|all| !all.contains(&(what, visitor)))
    }

    fn count_click(&self, click: Click) {
        let at = click.at;
        let salt = now(load_salt(&self.db, at, [7; SALT_BYTES])).expect("a salt");
        CLICKS.with_borrow_mut(|clicks| {
            clicks.push(click);
            clicks::flush(self, clicks, at, &salt);
        });
    }

    async fn site_leads_back(&self) -> bool {
        LEADS_BACK.get()
    }

    fn mail_after(&self, leaving: QueuedEmail) {
        LEAVING.with_borrow_mut(|all| all.push(leaving));
    }
}
