//! The tables of pages: a page is one value, with its address, who may see it, its place in the navigation, and its handler.
//!
//! Each kind of viewer has one table. The router, the navigation and the tests of access are made from them.

use crate::engine::identity::access::Need;
use crate::http::context::Platform;
use crate::pages::context::{Handled, NavigationEntry, PageContext};
use crate::pages::viewer::{Gate, Viewer};

/// The parts of an address that its path leaves open, in order; those that it does not have are empty.
pub type Params<'a> = [&'a str; PARAMS_MAX];

const PARAMS_MAX: usize = 2;

/// Shows something. The gate yields the viewer together with what the page reads.
pub type Show<S, V> = for<'a> fn(&'a PageContext<'a, S>, Gate<V>, Params<'a>) -> Handled<'a>;

/// Does something. The router has admitted the viewer before.
pub type Submit<S, V> = for<'a> fn(&'a PageContext<'a, S>, V, Params<'a>) -> Handled<'a>;

enum Handler<S: Platform, V> {
    Show(Show<S, V>),
    Submit(Submit<S, V>),
}

/// What a page's table says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub method: &'static str,
    /// As in `/operator/runs/{id}`.
    pub path: &'static str,
    /// What an operator needs; other viewers need nothing more than to be one.
    pub need: Need,
    /// Its title in the navigation.
    pub title: Option<&'static str>,
}

/// A page or a form for a viewer `V`.
pub struct Page<S: Platform, V> {
    pub entry: Entry,
    handler: Handler<S, V>,
}

impl<S: Platform, V: Viewer> Page<S, V> {
    pub const fn get(path: &'static str, show: Show<S, V>) -> Page<S, V> {
        Page::of("GET", path, Handler::Show(show))
    }

    /// A form. It finds its viewer admitted; if it shows its page again, [`Gate::from`] the viewer reads no session.
    pub const fn post(path: &'static str, submit: Submit<S, V>) -> Page<S, V> {
        Page::of("POST", path, Handler::Submit(submit))
    }

    /// A form whose own reads are sent together with the session's.
    pub const fn post_reading(path: &'static str, show: Show<S, V>) -> Page<S, V> {
        Page::of("POST", path, Handler::Show(show))
    }

    const fn of(method: &'static str, path: &'static str, handler: Handler<S, V>) -> Page<S, V> {
        Page { entry: Entry { method, path, need: Need::Look, title: None }, handler }
    }

    /// The page needs more of an operator than to look.
    pub const fn needs(mut self, need: Need) -> Page<S, V> {
        self.entry.need = need;
        self
    }

    /// The page is in the navigation, by this title.
    pub const fn navigation(mut self, title: &'static str) -> Page<S, V> {
        self.entry.title = Some(title);
        self
    }

    fn answer<'a>(self, cx: &'a PageContext<'a, S>, params: Params<'a>) -> Handled<'a>
    where
        V: 'a,
    {
        let gate = Gate::closed(self.entry.need);
        match self.handler {
            Handler::Show(show) => show(cx, gate, params),
            Handler::Submit(submit) => Box::pin(async move {
                let (viewer, ()) = gate.open(cx, ()).await?;
                submit(cx, viewer, params).await
            }),
        }
    }
}

/// Answers a path, given as its decoded segments, by the first page of the table that has it.
pub fn answer<'a, S: Platform, V: Viewer + 'a>(
    table: Vec<Page<S, V>>,
    cx: &'a PageContext<'a, S>,
    method: &str,
    segments: &[&'a str],
) -> Option<Handled<'a>> {
    let pages = table.into_iter().filter(|page| page.entry.method == method);
    let found = |page: Page<S, V>| Some((params(page.entry.path, segments)?, page));
    let (params, page) = pages.into_iter().find_map(found)?;
    Some(page.answer(cx, params))
}

/// The parts that `path` leaves open, if these are its segments.
fn params<'a>(path: &str, segments: &[&'a str]) -> Option<Params<'a>> {
    let mut params = [""; PARAMS_MAX];
    let mut open = params.iter_mut();
    let mut given = segments.iter();
    for part in path.split('/').skip(1) {
        let segment = given.next()?;
        if part.starts_with('{') {
            *open.next()? = segment;
        } else if part != *segment {
            return None;
        }
    }
    given.next().is_none().then_some(params)
}

pub fn entries<S: Platform, V>(table: &[Page<S, V>]) -> Vec<Entry> {
    table.iter().map(|page| page.entry).collect()
}

/// The pages of a table that are in the navigation, in the table's order.
pub fn navigation<S: Platform, V>(table: &[Page<S, V>]) -> Vec<NavigationEntry> {
    let entry = |e: Entry| Some(NavigationEntry { path: e.path, title: e.title?, need: e.need });
    entries(table).into_iter().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_fits_segment_by_segment() {
        let of = |path, segments: &[&'static str]| params(path, segments);
        assert_eq!(of("/operator", &["operator"]), Some(["", ""]));
        assert_eq!(of("/operator/runs/{id}/plan", &["operator", "runs", "r/1", "plan"]), Some(["r/1", ""]));
        assert_eq!(of("/a/{id}/{page}", &["a", "x", "y"]), Some(["x", "y"]));
        for other in
            [&["operator"][..], &["operator", "runs"], &["operator", "runs", "x", "y"], &["partner", "runs", "x"]]
        {
            assert_eq!(of("/operator/runs/{id}", other), None, "{other:?}");
        }
    }
}
