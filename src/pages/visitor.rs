//! The pages of visitors: signing in and out.

use crate::http::context::Platform;
use crate::pages::table::Page;
use crate::pages::viewer::Visitor;

pub fn pages<S: Platform>() -> Vec<Page<S, Visitor>> {
    Vec::new()
}
