//! The list of programs against collections of User-Agents that it was not made from.

use manicule::engine::link::bots::{Agent, agent_of};
use std::path::Path;

fn agents(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/native/agents").join(name);
    let text = std::fs::read_to_string(path).expect("a list of agents");
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect()
}

/// `crawlers.txt`: all instances of the npm package `crawler-user-agents`.
#[test]
fn of_crawlers_at_most_two_percent_pass_as_people() {
    let all = agents("crawlers.txt");
    let passed: Vec<&String> = all.iter().filter(|agent| agent_of(agent) == Agent::Person).collect();
    assert!(all.len() > 2_000);
    assert!(passed.len() * 50 <= all.len(), "{} of {}: {passed:#?}", passed.len(), all.len());
}

/// `people.txt`: every agent from which the npm package `user-agents` draws. `browsers.txt`: browsers that robots' lists
/// mistook. `apps.txt`: the browsers in people's apps.
#[test]
fn no_browser_of_people_is_refused() {
    for (name, least) in [("people.txt", 900), ("browsers.txt", 500), ("apps.txt", 40)] {
        let all = agents(name);
        assert!(all.len() >= least, "{name}: {}", all.len());
        let refused: Vec<&String> = all.iter().filter(|agent| agent_of(agent) != Agent::Person).collect();
        assert!(refused.is_empty(), "{name}: {refused:#?}");
    }
}
