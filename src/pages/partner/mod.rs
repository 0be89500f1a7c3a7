//! What a partner sees: own links, clients, earnings and payouts. Every read is bound to the partner's own id, so another
//! partner's ids find nothing.

use super::route::Handled;
use super::visit::Visit;
use crate::http::shell::Site;

/// The page of a path, `["partner", …]`.
pub fn page<'a, S: Site>(visit: &'a Visit<'a, S>, method: &str, parts: &[&'a str]) -> Option<Handled<'a>> {
    let _ = (visit, method, parts);
    None
}
