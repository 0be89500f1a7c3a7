//! The tables of pages, so that a new page is attacked without being named here. (The routes of the API are data, too:
//! `manicule::http::route::ROUTES`.)

use crate::support::world::World;
use manicule::engine::identity::access::Need;
use manicule::pages::route::{Viewers, all};
use manicule::pages::table::Entry;

/// One page or form. Path segments that are parameters are empty here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub method: &'static str,
    parts: Vec<String>,
    /// What it requires of an operator: `Look`, or the name of a scope.
    pub need: String,
}

impl Page {
    /// Its path with each parameter replaced by the next of `values`, and by the last one after that.
    pub fn path(&self, values: &[&str]) -> String {
        let mut values = values.iter();
        let mut last = "none";
        let mut path = String::new();
        for part in &self.parts {
            path.push('/');
            if part.is_empty() {
                last = values.next().copied().unwrap_or(last);
                path.push_str(&super::browser::escaped(last));
            } else {
                path.push_str(part);
            }
        }
        path
    }

    pub fn parameters(&self) -> usize {
        self.parts.iter().filter(|part| part.is_empty()).count()
    }
}

/// The pages of the tables that are for these viewers.
fn of_table(whose: &[Viewers]) -> Vec<Page> {
    let pages = all::<World>().into_iter().filter(|(viewers, _)| whose.contains(viewers));
    let row = |entry: Entry| {
        let part = |part: &str| if part.starts_with('{') { String::new() } else { part.to_owned() };
        let need = match entry.need {
            Need::Look => "look".to_owned(),
            Need::Act(scope) => scope.name().to_owned(),
        };
        Page { method: entry.method, parts: entry.path.split('/').skip(1).map(part).collect(), need }
    };
    pages.map(|(_, entry)| row(entry)).collect()
}

pub fn operators() -> Vec<Page> {
    of_table(&[Viewers::Operators])
}

pub fn partners() -> Vec<Page> {
    of_table(&[Viewers::Partners, Viewers::Persons])
}

pub fn sign_in() -> Vec<Page> {
    of_table(&[Viewers::Anybody])
}

pub fn everywhere() -> Vec<Page> {
    [operators(), partners(), sign_in()].concat()
}
