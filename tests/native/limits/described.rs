//! `docs/limits.md` names every anonymous way and every setting, and the code's numbers.

use crate::support::world::World;
use manicule::base::limits;
use manicule::codec::message::unsubscribe;
use manicule::http::auth::Access;
use manicule::http::route::ROUTES;
use manicule::pages::route::{Viewers, all};
use manicule::service::kept_days::RULES;
use manicule::service::partner::resource;
use std::collections::BTreeSet;

const DOCS: &str = include_str!("../../../docs/limits.md");
const README: &str = include_str!("../../../README.md");

/// The rows of the table below a heading, each with its cells.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let section = DOCS.split("\n## ").find(|section| section.starts_with(heading)).expect("the section");
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim_matches([' ', '|'])).collect()).collect()
}

/// The operations in a cell, `GET /x`.
fn named(cell: &str) -> impl Iterator<Item = String> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.filter(|text| text.starts_with("GET /") || text.starts_with("POST /")).map(str::to_owned)
}

#[test]
fn every_anonymous_way_is_listed_with_its_bound_and_no_other() {
    let mut ways: BTreeSet<String> = ROUTES
        .iter()
        .filter(|route| !matches!(route.access, Access::Operator(_)))
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let pages = all::<World>().into_iter().filter(|(whose, _)| *whose == Viewers::Anybody);
    ways.extend(pages.map(|(_, entry)| format!("{} {}", entry.method, entry.path)));
    ways.extend(["GET", "POST"].map(|method| format!("{method} {}", unsubscribe::PATH)));
    ways.insert("GET /r/{code}".to_owned());
    let rows = table("What anybody can send");
    let listed: Vec<String> = rows.iter().flat_map(|row| named(row[0])).collect();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), ways);
    assert_eq!(listed.len(), ways.len(), "each is listed once");
    for row in rows {
        // What leaves something has a bound.
        let leaves_nothing = row[1] == "nothing" || row[1].starts_with("nothing;");
        assert!(
            leaves_nothing
                || row.get(2).is_some_and(|bound| !bound.is_empty())
                || row[1].starts_with("nothing without"),
            "{row:?}"
        );
    }
}

#[test]
fn the_numbers_are_those_of_the_code() {
    let thousands = |number: i64| format!("{},{:03}", number / 1_000, number % 1_000);
    for number in [
        format!(
            "| {}; a partner's own pages make them up to {} |",
            thousands(limits::LINKS_MAX),
            limits::OWN_LINKS_MAX
        ),
        format!("| {} | 409 `too_many_endpoints` |", limits::ENDPOINTS_MAX),
        format!("| {} | 409 `too_many_resources` |", limits::RESOURCES_MAX),
        format!("| {} characters of any script |", thousands(resource::BODY_CHARS_MAX as i64)),
        format!(
            "| {} new ones, {} of the week before, and the link's own | the others are `{}` |",
            limits::CAMPAIGNS_MAX,
            limits::CAMPAIGNS_CARRIED_MAX,
            limits::OTHER_CAMPAIGNS
        ),
        format!("at least {} visitors clicked it", limits::CAMPAIGN_VISITORS_MIN),
        format!("campaigns by name: {} new ones for a link and week", limits::CAMPAIGNS_MAX),
        format!("{} an hour for a program", limits::PROMOTION_CODES_PER_HOUR),
        format!("and {} an hour for a network, without", limits::PROMOTION_CODES_PER_NETWORK),
        format!("{} a minute for a sender look into the database", limits::UNKNOWN_CODES_PER_MINUTE),
        format!("{} a minute for a network and link", limits::STAGES_PER_MINUTE),
        format!("{} for a network;", limits::MAIL_LINKS_PER_HOUR),
        format!("after {} wrong ones in a minute", limits::WRONG_TOKENS_PER_MINUTE),
    ] {
        assert!(DOCS.contains(&number), "{number}");
    }
    // The triggers have the same numbers.
    let sql = include_str!("../../../migrations/0015_limits.sql");
    for number in [
        format!("LIMIT {0})) >= {0}", limits::LINKS_MAX),
        format!("LIMIT {0})) >= {0}", limits::RESOURCES_MAX),
        format!("w.since = NEW.week) < {})", limits::CAMPAIGNS_MAX),
        format!("(p.since, p.place)) < {})", limits::CAMPAIGNS_CARRIED_MAX),
        format!("AND length(visitors) < {}", limits::CAMPAIGN_VISITORS_MIN),
        format!("length(p.visitors) = {}", limits::CAMPAIGN_VISITORS_MIN),
        format!("(length(w.visitors) = {} OR", limits::CAMPAIGN_VISITORS_MIN),
        format!("'{}'", limits::OTHER_CAMPAIGNS),
    ] {
        assert!(sql.contains(&number), "{number}");
    }
}

#[test]
fn every_setting_of_retention_is_described() {
    let rows: Vec<Vec<String>> =
        table("How long things are kept").into_iter().map(|row| row.into_iter().map(str::to_owned).collect()).collect();
    let rules: Vec<Vec<String>> = RULES
        .iter()
        .map(|r| vec![r.what.to_owned(), format!("`{}`", r.setting), r.days.to_string(), r.days_min.to_string()])
        .collect();
    assert_eq!(rows, rules);
    for rule in &RULES {
        assert!(README.contains(&format!("`{}`", rule.setting)), "{}", rule.setting);
    }
    assert!(README.contains("(docs/limits.md)"));
}
