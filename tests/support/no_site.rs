//! A world in which there is no EmDash site: nobody is signed in there.

use crate::support::world::World;
use manicule::flow::sign_in::Leaving;
use manicule::http::limit::Limited;
use manicule::http::shell::Site;
use manicule::wire::session::SiteUser;
use std::cell::Cell;

thread_local! {
    /// Whether visitors have done too often what they may do only so often.
    pub static TOO_OFTEN: Cell<bool> = const { Cell::new(false) };
}

impl Site for World {
    async fn session(&self, _: &str) -> Result<Option<SiteUser>, String> {
        Ok(None)
    }

    fn has_site(&self) -> bool {
        false
    }

    async fn forget_link(&self, _: &str) {}

    async fn admits(&self, _: Limited, _: String) -> bool {
        !TOO_OFTEN.get()
    }

    fn mail_after(&self, leaving: Leaving) {
        panic!("nobody signs in here: {leaving:?}");
    }
}
