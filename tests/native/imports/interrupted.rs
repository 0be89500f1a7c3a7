//! Imports that are cut off, that fail halfway, or that meet another request about the same account.

use super::{TODAY, import, one_by_one, paid, post, same, sign_up, story, world};
use crate::support::sqlite::Fault;
use crate::support::world::at;
use manicule::service::setup::STATEMENTS_FREE;
use serde_json::{Value, json};
use std::rc::Rc;

#[test]
fn with_few_statements_the_rest_waits_for_the_sweep() {
    let (single, code) = world();
    let (many, _) = world();
    let of = |account: String| [sign_up(&account, &code, 1), paid(&account, 1, 5), paid(&account, 2, 36)];
    let events: Vec<Value> = (0..160).flat_map(|n| of(format!("a{n:03}"))).collect();
    one_by_one(&single, &events);
    many.statements_max.set(Some(STATEMENTS_FREE));
    let answer = import(&many, &events);
    assert!(answer["waiting"].as_i64().is_some_and(|waiting| waiting > 0), "{answer}");
    assert_eq!(many.db.number("SELECT COUNT(*) FROM event"), 480);
    many.catch_up(at(TODAY));
    same(&single, &many, "after sweeps");
    assert_eq!(import(&many, &events)["waiting"], 0);
    assert!(many.db.most.get() <= STATEMENTS_FREE && many.faults().is_empty());
}

#[test]
fn a_failure_at_any_call_of_the_database_loses_nothing() {
    let (single, code) = world();
    let events: Vec<Value> = ["acme", "beta"].iter().flat_map(|account| story(account, &code)).collect();
    one_by_one(&single, &events);
    let mut calls = 0;
    for call in 0..40 {
        for fault in [Fault::Before, Fault::AfterCommit] {
            let (many, _) = world();
            let begun = many.db.calls.get();
            many.db.fault.set(Some((begun + call, fault)));
            let first = post(&many, json!({"events": events}).to_string().as_bytes());
            assert!(matches!(first.0, 200 | 503), "{first:?}");
            calls = many.db.calls.get() - begun;
            many.db.fault.set(None);
            many.catch_up(at(TODAY));
            let again = import(&many, &events);
            assert_eq!((&again["refused"], &again["waiting"]), (&json!(0), &json!(0)), "{again}");
            same(&single, &many, &format!("{fault:?} at call {call}"));
            assert!(many.faults().is_empty());
        }
        if call > calls {
            return;
        }
    }
    panic!("it makes {calls} calls");
}

#[test]
fn an_import_and_a_webhook_about_one_account_lose_nothing() {
    let (_, code) = world();
    let events = story("acme", &code);
    let (webhook, rest) =
        (paid("acme", 1, 5), events.iter().filter(|e| e["id"] != "acme:p1").cloned().collect::<Vec<_>>());
    let single = world().0;
    one_by_one(&single, &events);
    let mut met = 0;
    for import_first in [true, false] {
        for call in 0..12 {
            let many = Rc::new(world().0);
            let begun = many.db.calls.get();
            let (other, webhook_body, rest_events) = (many.clone(), webhook.clone(), rest.clone());
            let meanwhile = move || {
                if import_first {
                    other.take(at(TODAY), &webhook_body, None).expect("an answer");
                } else {
                    other.import(at(TODAY), &rest_events.into_iter().map(|body| (body, None)).collect::<Vec<_>>());
                }
            };
            *many.db.meanwhile.borrow_mut() = Some((begun + call, Box::new(meanwhile)));
            if import_first {
                let outcomes =
                    many.import(at(TODAY), &rest.iter().map(|body| (body.clone(), None)).collect::<Vec<_>>());
                assert!(outcomes.iter().all(Result::is_ok));
            } else {
                many.take(at(TODAY), &webhook, None).expect("an answer");
            }
            // It ended before that call.
            if many.db.meanwhile.borrow_mut().take().is_some() {
                continue;
            }
            met += 1;
            many.catch_up(at(TODAY));
            same(&single, &many, &format!("import first: {import_first}, at call {call}"));
            assert!(many.faults().is_empty());
        }
    }
    assert!(met > 6, "{met}");
}
