//! A world in which there is no EmDash site: nobody is signed in there.

use crate::support::world::World;
use manicule::http::shell::Site;
use manicule::wire::session::SiteUser;

impl Site for World {
    async fn session(&self, _: &str) -> Result<Option<SiteUser>, String> {
        Ok(None)
    }

    fn has_site(&self) -> bool {
        false
    }

    async fn forget_link(&self, _: &str) {}
}
