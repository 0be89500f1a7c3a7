//! What a partner sees: own links, clients, earnings and payouts. Every read is bound to the partner's own id, so another
//! partner's ids find nothing.

mod data;
mod programs;
mod settings;

use super::join;
use super::route::Handled;
use super::visit::Visit;
use crate::http::shell::Site;

/// The page of a path, `["partner", …]`.
pub fn page<'a, S: Site>(visit: &'a Visit<'a, S>, method: &str, parts: &[&'a str]) -> Option<Handled<'a>> {
    join::page(visit, method, parts)
        .or_else(|| programs::page(visit, method, parts))
        .or_else(|| settings::page(visit, method, parts))
}
