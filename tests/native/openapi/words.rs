//! Names that descriptions of `openapi.json` list in words are those of the code.

use super::enumerations::{Names, constraint};
use crate::support::openapi::document;
use manicule::codec::stripe::{ALARM_EVENT, OWN_EVENTS};
use manicule::program::event::EventType;
use serde_json::Value;

/// Names in backticks of a description.
fn named(description: &Value) -> Vec<&str> {
    description.as_str().expect("a description").split('`').skip(1).step_by(2).collect()
}

#[test]
fn event_types_in_words_are_those_of_the_code() {
    let document = document();
    let listed = named(&document["components"]["schemas"]["Event"]["properties"]["type"]["description"]);
    // What operators do is an event of ours; nobody sends it.
    let sent = EventType::ALL.iter().filter(|kind| **kind != EventType::OperatorReassigned);
    let known: Names = sent.map(|kind| kind.name().to_owned()).collect();
    assert_eq!(listed.into_iter().map(str::to_owned).collect::<Names>(), known);
}

#[test]
fn stripes_event_types_in_words_are_those_of_the_code() {
    let document = document();
    let description = &document["paths"]["/v1/webhooks/stripe"]["post"]["description"];
    let (mut family, mut listed) = (String::new(), Names::new());
    for name in named(description).into_iter().filter(|name| name.contains('.') && !name.contains(' ')) {
        if let Some(last) = name.strip_prefix('.') {
            listed.insert(format!("{family}.{last}"));
        } else {
            family = name.rsplit_once('.').map_or("", |(family, _)| family).to_owned();
            listed.insert(name.to_owned());
        }
    }
    assert_eq!(listed, OWN_EVENTS.into_iter().chain([ALARM_EVENT]).map(str::to_owned).collect::<Names>());
}

#[test]
fn movements_in_words_are_codes_of_transfers() {
    let document = document();
    let mut codes = constraint("transfer", "code");
    // A payout whose transfer is voided.
    codes.insert("payout_came_back".to_owned());
    for name in named(&document["components"]["schemas"]["Movement"]["properties"]["type"]["description"]) {
        assert!(codes.contains(name), "{name}");
    }
}
