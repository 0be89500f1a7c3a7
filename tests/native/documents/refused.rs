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

#[test]
fn terms_that_would_never_hold_are_refused() {
    let with = |d: &mut Value, path: &str, value: Value| {
        let (parent, name) = path.rsplit_once('/').expect("a pointer");
        d.pointer_mut(parent).expect("it is there")[name] = value;
    };
    for (draft, path) in [
        (instant(budgeted), "rewards[0].on.event"),
        (instant(|d| d["modifiers"] = json!([volume()])), "modifiers"),
        (instant(|d| d["caps"] = json!([{"reward": "share", "per_partner_month_cents": 1}])), "caps"),
        (instant(|d| d["settlement"]["unit"] = json!("cash")), "settlement.unit"),
        (instant(|d| d["settlement"]["delay_days"] = json!(1)), "settlement.delay_days"),
        (instant(|d| d["settlement"]["minimum_cents"] = json!(1)), "settlement.minimum_cents"),
        (document(|d| d["settlement"]["cadence"] = json!("none")), "settlement.cadence"),
        (
            document(|d| d["risk"] = json!([{"when": {"signups_in_month": {"more_than": 201}}, "then": "hold"}])),
            "risk[0].when.signups_in_month.more_than",
        ),
        (
            document(|d| with(d, "/rewards/0/when", json!({"annual_at_least_cents": 1}))),
            "rewards[0].when.annual_at_least_cents",
        ),
        (
            document(|d| {
                on_state(d);
                with(d, "/rewards/0/when", json!({"monthly_over_cents": 1}));
            }),
            "rewards[0].when.monthly_over_cents",
        ),
        (
            document(|d| {
                on_state(d);
                with(d, "/rewards/0/when", json!({"annual_at_least_cents": 1}));
            }),
            "rewards[0].when.annual_at_least_cents",
        ),
        (
            document(|d| {
                on_state(d);
                d["rewards"][0]["on"] = json!({"event": "demo.asked"});
                with(d, "/rewards/0/when", json!({"monthly_over_cents": 1}));
            }),
            "rewards[0].when.monthly_over_cents",
        ),
        (
            document(|d| {
                on_state(d);
                d["rewards"][0]["on"] = json!({"event": "demo.asked"});
                with(d, "/rewards/0/when", json!({"annual_at_least_cents": 1}));
            }),
            "rewards[0].when.annual_at_least_cents",
        ),
        (
            document(|d| {
                on_state(d);
                with(d, "/rewards/0/amount", json!({"rate_bps": 1}));
            }),
            "rewards[0].amount",
        ),
        (
            document(|d| {
                on_state(d);
                with(d, "/rewards/0/span", json!({"months": {"from": 0}}));
            }),
            "rewards[0].span",
        ),
        (
            document(|d| {
                d["modifiers"] = json!([volume()]);
                d["modifiers"][0]["then"] = json!({"add_bps": 8_001});
            }),
            "modifiers[0].then.add_bps",
        ),
        (
            document(|d| {
                on_state(d);
                d["modifiers"] = json!([volume()]);
            }),
            "modifiers[0].then.add_bps",
        ),
        (
            document(|d| {
                d["rewards"][0]["on"] = json!({"event": "purchase.completed"});
                d["rewards"][0]["span"] = json!({"once": {}});
                d["caps"] = json!([{"reward": "share", "per_partner_month_cents": 1}]);
            }),
            "caps[0].reward",
        ),
        (
            document(|d| {
                d["rewards"][0]["on"] = json!({"event": "purchase.completed"});
                d["rewards"][0]["span"] = json!({"once": {}});
                d["modifiers"] = json!([volume()]);
                d["modifiers"][0]["then"] = json!({"replace_bps": {"share": 3_000}});
            }),
            "modifiers[0].then.replace_bps.share",
        ),
    ] {
        refused(&draft, path);
    }
    for good in [
        document(|d| {
            d["modifiers"] = json!([volume()]);
            d["modifiers"][0]["then"] = json!({"add_bps": 8_000});
        }),
        document(|d| d["risk"] = json!([{"when": {"signups_in_month": {"more_than": 200}}, "then": "hold"}])),
        instant(|d| {
            on_state(d);
            d["settlement"]["budget"] = json!(true);
        }),
    ] {
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
