//! What the engine does not interpret is refused: all findings at once, each with path, value and rule.

use super::{PROGRAM, Tried, document, findings, instant, volume};
use crate::support::world::{at, now};
use manicule::program::catalog::PRESETS;
use manicule::program::check;
use manicule::service::program::{Refusal, save};
use serde_json::{Value, json};

fn budgeted(d: &mut Value) {
    d["settlement"]["budget"] = json!(true);
    d["rewards"][0]["amount"] = json!({"flat_cents": 500});
    d["rewards"][0]["span"] = json!({"once": {}});
}

fn refused(draft: &Value, path: &str) {
    let found = findings(draft);
    assert!(found.iter().any(|f| f.path == path && !f.rule.is_empty()), "{path} in {draft}: {found:?}");
}

fn on_state(d: &mut Value) {
    d["rewards"][0]["on"] = json!({"state": "paid"});
    d["rewards"][0]["amount"] = json!({"flat_cents": 500});
    d["rewards"][0]["span"] = json!({"once": {}});
}

/// A document with the values at these pointers changed.
fn with(mut base: Value, changes: Value) -> Value {
    for (pointer, value) in changes.as_object().expect("changes") {
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        base.pointer_mut(parent).expect("it is there")[name] = value.clone();
    }
    base
}

fn share() -> Value {
    document(|_| {})
}

#[test]
fn terms_that_would_never_hold_are_refused() {
    let (cap, once) = (json!([{"reward": "share", "per_partner_month_cents": 1}]), json!({"once": {}}));
    let state = || document(on_state);
    let bonus = || with(share(), json!({"/modifiers": [volume()]}));
    let event = || with(state(), json!({"/rewards/0/on": {"event": "demo.asked"}}));
    let bought =
        || with(share(), json!({"/rewards/0/on": {"event": "purchase.completed"}, "/rewards/0/span": once.clone()}));
    let crowd = json!([{"when": {"signups_in_month": {"more_than": 201}}, "then": "hold"}]);
    let (monthly, annual) = (json!({"monthly_over_cents": 1}), json!({"annual_at_least_cents": 1}));
    let replaced = json!([{"id": "v", "source": "test", "then": {"replace_bps": {"share": 3_000}},
                           "when_any": [{"annual_revenue": {"at_least_cents": 1}}]}]);
    for (base, changes, path) in [
        (instant(budgeted), json!({}), "rewards[0].on.event"),
        (instant(|_| {}), json!({"/modifiers": [volume()]}), "modifiers"),
        (instant(|_| {}), json!({"/caps": cap}), "caps"),
        (instant(|_| {}), json!({"/settlement/unit": "cash"}), "settlement.unit"),
        (instant(|_| {}), json!({"/settlement/delay_days": 1}), "settlement.delay_days"),
        (instant(|_| {}), json!({"/settlement/minimum_cents": 1}), "settlement.minimum_cents"),
        (share(), json!({"/settlement/cadence": "none"}), "settlement.cadence"),
        (share(), json!({"/risk": crowd}), "risk[0].when.signups_in_month.more_than"),
        (share(), json!({"/rewards/0/when": annual}), "rewards[0].when.annual_at_least_cents"),
        (state(), json!({"/rewards/0/when": monthly}), "rewards[0].when.monthly_over_cents"),
        (state(), json!({"/rewards/0/when": annual}), "rewards[0].when.annual_at_least_cents"),
        (event(), json!({"/rewards/0/when": monthly}), "rewards[0].when.monthly_over_cents"),
        (event(), json!({"/rewards/0/when": annual}), "rewards[0].when.annual_at_least_cents"),
        (event(), json!({"/rewards/0/amount": {"rate_bps": 1}}), "rewards[0].amount"),
        (event(), json!({"/rewards/0/span": {"months": {"from": 0}}}), "rewards[0].span"),
        (state(), json!({"/rewards/0/amount": {"rate_bps": 1}}), "rewards[0].amount"),
        (state(), json!({"/rewards/0/span": {"months": {"from": 0}}}), "rewards[0].span"),
        (bonus(), json!({"/modifiers/0/then": {"add_bps": 8_001}}), "modifiers[0].then.add_bps"),
        (state(), json!({"/modifiers": [volume()]}), "modifiers[0].then.add_bps"),
        (bought(), json!({"/caps": cap}), "caps[0].reward"),
        (bought(), json!({"/modifiers": replaced}), "modifiers[0].then.replace_bps.share"),
    ] {
        refused(&with(base, changes), path);
    }
    for (base, changes) in [
        (bonus(), json!({"/modifiers/0/then": {"add_bps": 8_000}})),
        (share(), json!({"/risk": [{"when": {"signups_in_month": {"more_than": 200}}, "then": "hold"}]})),
        (instant(on_state), json!({"/settlement/budget": true})),
    ] {
        let good = with(base, changes);
        assert_eq!(findings(&good), [], "{good}");
    }
}

#[test]
fn a_key_given_twice_is_refused_at_any_depth() {
    let good = document(|_| {}).to_string();
    for (from, to, path) in [
        ("\"currency\":\"usd\"", "\"currency\":\"usd\",\"currency\":\"usd\"", "currency"),
        ("\"rate_bps\":2000", "\"rate_bps\":2000,\"rate_bps\":3000", "rewards[0].amount.rate_bps"),
        ("\"signed_up\":{}", "\"signed_up\":{},\"\\u0073igned_up\":{}", "lifecycle[0].when[0].signed_up"),
    ] {
        assert!(good.contains(from), "{from} in {good}");
        let found = check::read(&good.replacen(from, to, 1)).expect_err(to);
        assert!(found.iter().any(|f| f.path == path && f.rule.contains("once")), "{path}: {found:?}");
    }
}

#[test]
fn all_findings_come_at_once() {
    let twice = document(|d| {
        d["currency"] = json!("USD");
        d["rewards"][0]["amount"]["rate_bps"] = json!(20_000);
        d["caps"] = json!([{"reward": "nothing", "per_partner_month_cents": 0}]);
    })
    .to_string()
    .replacen("\"source\":\"test\"", "\"source\":\"a\",\"source\":\"test\"", 1);
    let found: Vec<String> = check::read(&twice).expect_err("refused").into_iter().map(|f| f.path).collect();
    for path in ["currency", "rewards[0].amount.rate_bps", "caps[0].reward", "caps[0].per_partner_month_cents"] {
        assert!(found.iter().any(|f| f == path), "{path}: {found:?}");
    }
    assert!(found.iter().any(|f| f.ends_with("source")), "{found:?}");
}

#[test]
fn all_values_of_a_wrong_form_are_found_at_once() {
    let draft = document(|d| {
        d["title"] = json!(7);
        d["colour"] = json!("red");
        d["size"] = json!("big");
        d["rewards"][0]["amount"] = json!({"rate_bps": "much"});
        d["rewards"][0]["span"] = json!({"forever": {}});
        d["rewards"].as_array_mut().expect("rewards").push(json!({"id": "x"}));
        d["settlement"]["cadence"] = json!("hourly");
        d["vesting"]["until"] = json!(1);
        d["modifiers"] = json!([3]);
    });
    let found: Vec<String> = findings(&draft).into_iter().map(|f| f.path).collect();
    for path in [
        "title",
        "colour",
        "size",
        "rewards[0].amount.rate_bps",
        "rewards[0].span",
        "rewards[1].on",
        "rewards[1].amount",
        "settlement.cadence",
        "vesting.until",
        "modifiers[0]",
    ] {
        assert!(found.iter().any(|f| f == path), "{path}: {found:?}");
    }
}

/// Each kind of error, several times: in one object, beside each other and at any depth.
#[test]
fn no_finding_hides_another() {
    let draft = document(|d| {
        d["colour"] = json!(1);
        d["code"]["colour"] = json!(1);
        d["rewards"][0]["on"] = json!({"state": 7});
        d["rewards"][0]["when"] = json!({"monthly_over_cents": "much", "annual_at_least_cents": null, "colour": 1});
        d["rewards"][0]["amount"] = json!({"rate_bps": 1.5, "cap_cents": true});
        d["rewards"][0]["span"] = json!({"months": {"from": "now", "to": []}});
        d["attribution"] = json!({"model": "best", "window_days": 0, "methods": ["code", "crystal_ball", 3]});
        d["lifecycle"][1] =
            json!({"when": [{"any_of": {"conditions": [{"any_of": {"conditions": []}}, {"paid": 1}]}}, "paid", {}]});
        d["vesting"]["hold"] = json!({"none": {}, "until_state": {}});
        d["settlement"] = json!({"cadence": {"weekly": null}, "unit": "cash", "minimum_cents": -1});
        d["currency"] = json!("USD");
        d["effective_from"] = json!("soon");
        d["benefit"] = json!(null);
    });
    let twice = draft.to_string().replacen("\"title\":", "\"title\":\"Twice\",\"title\":", 1);
    let found: Vec<String> = check::read(&twice).expect_err("refused").into_iter().map(|f| f.path).collect();
    let paths = [
        "title",
        "colour",
        "code.colour",
        "rewards[0].on.state",
        "rewards[0].when.monthly_over_cents",
        "rewards[0].when.annual_at_least_cents",
        "rewards[0].when.colour",
        "rewards[0].amount.rate_bps",
        "rewards[0].amount.cap_cents",
        "rewards[0].span.months.from",
        "rewards[0].span.months.to",
        "attribution.model",
        "attribution.window_days",
        "attribution.methods[1]",
        "attribution.methods[2]",
        "lifecycle[1].state",
        "lifecycle[1].when[0].any_of.conditions[0]",
        "lifecycle[1].when[0].any_of.conditions[1].paid",
        "lifecycle[1].when[1]",
        "lifecycle[1].when[2]",
        "vesting.hold",
        "settlement.cadence",
        "settlement.minimum_cents",
        "settlement.delay_days",
        "currency",
        "effective_from",
        "benefit",
    ];
    let missed: Vec<&str> = paths.into_iter().filter(|path| !found.iter().any(|f| f == path)).collect();
    assert_eq!(missed, Vec::<&str>::new(), "{found:?}");
    assert_eq!(found.len(), paths.len(), "{found:?}");
}

/// What an unknown key hides otherwise: the rules about what the rest says.
#[test]
fn rules_are_checked_beside_unknown_keys() {
    let draft = document(|d| {
        d["colour"] = json!(1);
        d["caps"] = json!([{"reward": "nothing", "per_partner_month_cents": 1, "colour": 1}]);
    });
    let found: Vec<String> = findings(&draft).into_iter().map(|f| f.path).collect();
    assert_eq!(found, ["caps[0].colour", "colour", "caps[0].reward"]);
}

#[test]
fn findings_are_limited_and_say_so() {
    let draft = document(|d| {
        for n in 0..300 {
            d[format!("key{n}")] = json!("x".repeat(1_000));
        }
    });
    let found = findings(&draft);
    assert_eq!(found.len(), 101);
    assert!(found[0].value.chars().count() < 210, "{}", found[0].value);
    assert!(found[100].path.is_empty() && found[100].rule.contains("more"), "{:?}", found[100]);
}

#[test]
fn an_editors_schema_key_is_ignored() {
    let plain = document(|_| {});
    let pointed = document(|d| d["$schema"] = json!("https://example.com/program.schema.json"));
    assert_eq!(check::read(&pointed.to_string()), check::read(&plain.to_string()));
    refused(&document(|d| d["code"]["$schema"] = json!("x")), "code.$schema");
}

/// What is found when a document is saved a month after the first version.
fn forbidden(id: &str, draft: &Value) -> Vec<String> {
    let tried = Tried::new(&document(|_| {}));
    match now(save(&tried.world.at(at("2026-02-01T00:00:00Z")), &id.into(), &draft.to_string())) {
        Err(Refusal::Findings(found)) => found.into_iter().map(|f| f.path).collect(),
        _ => panic!("it is refused"),
    }
}

#[test]
fn what_a_saved_program_forbids_is_found_at_once() {
    let next = document(|d| {
        d["version"] = json!(7);
        d["currency"] = json!("eur");
        d["effective_from"] = json!("2025-01-01T00:00:00Z");
        d["settlement"]["unit"] = json!("credit");
    });
    assert_eq!(forbidden(PROGRAM, &next), ["version", "effective_from", "currency", "settlement.unit"]);
    assert_eq!(forbidden("other", &document(|d| d["version"] = json!(2))), ["id", "version"]);
}

#[test]
fn the_presets_are_what_they_say() {
    for (id, text) in PRESETS {
        assert!(check::read(text).is_ok(), "{id}");
    }
}
