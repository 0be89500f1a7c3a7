//! The rules of partner-funnel, implemented independently: distinct visitors by week, partner, campaign and stage.
//!
//! Source: section 5 of the design, rule 24.

use super::calendar::{DAY, week};
use super::facts::{Known, Register};
use std::collections::{BTreeMap, BTreeSet};

pub const PROGRAM: &str = "partner-funnel";

/// From week, partner, campaign and stage to the visitors who reached it.
pub type Counts = BTreeMap<(i64, String, String, &'static str), usize>;

fn stage(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "page.viewed" => "landing",
        "lead_magnet.downloaded" => "lead",
        "demo.requested" | "newsletter.joined" => "demo",
        "activation.reached" => "activation",
        _ => return None,
    })
}

pub fn counts(known: &Known, register: &Register) -> Counts {
    let mut visitors: BTreeMap<(i64, String, String, &'static str), BTreeSet<String>> = BTreeMap::new();
    let works = |code: &str, at: i64| register.links.get(code).filter(|l| l.program == PROGRAM && l.works(at));
    for click in &register.clicks {
        if let Some(link) = works(&click.code, click.at) {
            let key = (week(click.at), link.partner.clone(), String::new(), "click");
            visitors.entry(key).or_default().insert(click.visitor.clone());
        }
    }
    for event in &known.events {
        let Some(stage) = stage(&event.kind) else { continue };
        // If there is a code, it alone counts. Otherwise the last touch that leads to a partner of the funnel counts.
        let link = if let Some(code) = event.code() {
            works(code, event.at)
        } else {
            let inside = event.touches.iter().filter(|(_, at)| *at <= event.at && event.at < at + 30 * DAY);
            let working = inside.filter_map(|(code, at)| Some((at, works(code, *at)?)));
            working.max_by_key(|(at, _)| **at).map(|(_, link)| link)
        };
        if let Some(link) = link {
            let key = (week(event.at), link.partner.clone(), event.data("campaign").to_owned(), stage);
            let told = event.visitor().or((!event.touches.is_empty()).then(|| event.browser()));
            let alone = format!("event {}", event.id);
            visitors.entry(key).or_default().insert(told.map_or(alone, str::to_owned));
        }
    }
    visitors.into_iter().map(|(key, who)| (key, who.len())).collect()
}
