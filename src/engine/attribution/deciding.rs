//! Which touches would decide if the visitor signed up now: one in each exclusive group.

use crate::base::sort::sort_by;
use crate::base::time::UtcMillis;
use crate::engine::attribution::eligibility::window;
use crate::engine::attribution::touch::Touch;
use crate::program::catalog::Catalog;
use crate::program::document::{Document, Method, Model};
use std::cmp::Reverse;

/// The touch that decides in each group, the newest first. Whether its link still works then is not asked.
pub fn deciding<'a>(catalog: &'a Catalog, touches: &'a [Touch], now: UtcMillis) -> Vec<(&'a Document, &'a Touch)> {
    let mut found: Vec<(&Document, &Touch)> = Vec::new();
    for program in catalog.all_in_force(now) {
        let document = program.document();
        let inside = touches.iter().filter(|t| t.program == document.id && window(document, t.at, now).is_none());
        let chosen = match document.attribution.model {
            Model::FirstTouch => inside.reduce(|best, touch| if touch.at < best.at { touch } else { best }),
            Model::LastTouch => inside.reduce(|best, touch| if touch.at >= best.at { touch } else { best }),
        };
        let Some(touch) = chosen.filter(|_| document.attribution.methods.contains(&Method::Token)) else { continue };
        // The last touch inside the group wins.
        match found.iter_mut().find(|(other, _)| other.group() == document.group()) {
            Some(held) if held.1.at <= touch.at => *held = (document, touch),
            Some(_) => {}
            None => found.push((document, touch)),
        }
    }
    sort_by(&mut found, |a, b| Reverse(a.1.at).cmp(&Reverse(b.1.at)));
    found
}
