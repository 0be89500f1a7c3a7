//! What the engine does not interpret is refused: all findings at once, each with path, value and rule.

use super::{document, findings, instant, volume};
use manicule::program::catalog::PRESETS;
use manicule::program::check;
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
        "rewards[1]",
        "settlement.cadence",
        "vesting.until",
        "modifiers[0]",
    ] {
        assert!(found.iter().any(|f| f == path), "{path}: {found:?}");
    }
}

#[test]
fn the_presets_are_what_they_say() {
    for (id, text) in PRESETS {
        assert!(check::read(text).is_ok(), "{id}");
    }
}
