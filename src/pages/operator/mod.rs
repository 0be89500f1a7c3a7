//! What an operator sees: what needs a person, and the books.

use super::route::Handled;
use super::visit::Visit;
use crate::http::shell::Site;

/// The page of a path, `["operator", …]`.
pub fn page<'a, S: Site>(visit: &'a Visit<'a, S>, method: &str, parts: &[&'a str]) -> Option<Handled<'a>> {
    let _ = (visit, method, parts);
    None
}
