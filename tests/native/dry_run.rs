//! A draft tried on a past period: what each partner would have earned by each rule, compared with what it did earn.

use crate::support::world::{World, at};
use manicule::base::time::{Month, UtcMillis, Week};
use manicule::codec::operator::DryRunRequest;
use manicule::program::catalog::PRESETS;
use manicule::program::document::Cadence;
use manicule::service::program::Refusal;
use serde_json::{Value, json};

const AGENCY: &str = "agency-partner";

fn preset(id: &str) -> Value {
    let text = PRESETS.iter().find(|(name, _)| *name == id).unwrap().1;
    serde_json::from_str(text).unwrap()
}

fn event(id: &str, kind: &str, when: &str, account: &str, more: Value) -> Value {
    let mut event = json!({"id": id, "type": kind, "occurred_at": when, "account": {"id": account}});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

fn paid(world: &World, account: &str, invoice: &str, when: &str, cents: i64) {
    let more = json!({"amount": {"cents": cents, "currency": "usd"}, "data": {"invoice_id": invoice}});
    world.take(at(when), &event(invoice, "invoice.paid", when, account, more), None).unwrap();
}

fn signed_up(world: &World, account: &str, code: &str, when: &str) {
    let more = json!({"attribution": {"code": code}});
    world.take(at(when), &event(&format!("s_{account}"), "account.signed_up", when, account, more), None).unwrap();
}

fn over(from: UtcMillis, to: UtcMillis, document: Option<&Value>) -> DryRunRequest {
    DryRunRequest { document: document.map(Value::to_string), from, to }
}

/// The result of the dry run as (rule, actual, simulated) in cents.
fn tried(world: &World, when: &str, program: &str, asked: &DryRunRequest) -> Vec<(String, i64, i64)> {
    let answer = world.tried(at(when), program, asked).unwrap_or_else(|refusal| match refusal {
        Refusal::Error(error) => panic!("{error}"),
        Refusal::Findings(findings) => panic!("{findings:?}"),
    });
    assert_eq!(answer["complete"], true);
    let cents = |row: &Value, name: &str| row[name].as_i64().unwrap();
    let rows = answer["rows"].as_array().unwrap();
    for row in rows {
        let difference = cents(row, "simulated_net_cents") - cents(row, "actual_net_cents");
        assert_eq!(cents(row, "difference_cents"), difference);
    }
    let sum = |name: &str| rows.iter().map(|row| cents(row, name)).sum::<i64>();
    assert_eq!(cents(&answer, "actual_net_cents"), sum("actual_net_cents"));
    assert_eq!(cents(&answer, "simulated_net_cents"), sum("simulated_net_cents"));
    let shape = |r: &Value| {
        (r["reward_id"].as_str().unwrap().to_owned(), cents(r, "actual_net_cents"), cents(r, "simulated_net_cents"))
    };
    rows.iter().map(shape).collect()
}

fn row(rule: &str, was: i64, would: i64) -> (String, i64, i64) {
    (rule.to_owned(), was, would)
}

/// Five clients at $500 in April, after the run of May: 20% and 5% each.
fn an_agency_with_five() -> World {
    let world = World::new(1);
    let (_, code) = world.partner(at("2026-01-01T00:00:00Z"), AGENCY, "agency", "agency@agency.example").unwrap();
    for n in 0..5 {
        let account = format!("acct_{n}");
        signed_up(&world, &account, &code, &format!("2026-04-0{}T00:00:00Z", n + 1));
        paid(&world, &account, &format!("in_{n}"), &format!("2026-04-1{n}T00:00:00Z"), 50_000);
    }
    world.run(Cadence::Monthly, at("2026-05-01T06:00:00Z")).unwrap();
    world
}

#[test]
fn an_unchanged_document_changes_nothing() {
    let world = an_agency_with_five();
    let april = Month::parse("2026-04").unwrap();
    let asked = over(april.start(), april.end(), None);
    let rows = tried(&world, "2026-05-02T00:00:00Z", AGENCY, &asked);
    assert_eq!(rows.iter().map(|r| r.1).sum::<i64>(), 5 * 12_500);
    assert!(rows.iter().all(|r| r.1 == r.2), "{rows:?}");
}

#[test]
fn a_changed_threshold_is_applied() {
    let world = an_agency_with_five();
    let april = Month::parse("2026-04").unwrap();
    let mut draft = preset(AGENCY);
    let volume = draft["modifiers"]
        .as_array()
        .unwrap()
        .iter()
        .position(|m| m["when_any"][0]["qualifying_referrals"]["per"] == "quarter");
    let condition = format!("/modifiers/{}/when_any/0/qualifying_referrals/at_least", volume.unwrap());
    for (at_least, bonus) in [(5, 5 * 2_500), (6, 0), (1, 5 * 2_500)] {
        *draft.pointer_mut(&condition).unwrap() = json!(at_least);
        let rows = tried(&world, "2026-05-02T00:00:00Z", AGENCY, &over(april.start(), april.end(), Some(&draft)));
        let would: i64 = rows.iter().map(|r| r.2).sum();
        assert_eq!(would, 5 * 10_000 + bonus, "from {at_least} referrals: {rows:?}");
        assert_eq!(rows.iter().map(|r| r.1).sum::<i64>(), 5 * 12_500, "the actual amounts stay: {rows:?}");
    }
    assert_eq!(world.db.number("SELECT COUNT(*) FROM program_version WHERE program_id = 'agency-partner'"), 1);
}

#[test]
fn a_changed_rate_and_window_are_applied() {
    let world = an_agency_with_five();
    let april = Month::parse("2026-04").unwrap();
    let mut draft = preset(AGENCY);
    for reward in draft["rewards"].as_array_mut().unwrap() {
        if reward["amount"]["rate_bps"] == 2_000 {
            reward["amount"]["rate_bps"] = json!(3_000);
        }
    }
    let rows = tried(&world, "2026-05-02T00:00:00Z", AGENCY, &over(april.start(), april.end(), Some(&draft)));
    assert_eq!(rows.iter().map(|r| r.2).sum::<i64>(), 5 * (15_000 + 2_500), "{rows:?}");
    // Nothing is compared before and after the period.
    let march = Month::parse("2026-03").unwrap();
    assert_eq!(tried(&world, "2026-05-02T00:00:00Z", AGENCY, &over(march.start(), march.end(), Some(&draft))), []);
}

#[test]
fn a_cap_is_refilled_from_zero() {
    let program = "developer-affiliate";
    let world = World::new(2);
    let (_, code) = world.partner(at("2026-01-01T00:00:00Z"), program, "dev", "dev@dev.example").unwrap();
    for n in 0..3 {
        let account = format!("acct_{n}");
        signed_up(&world, &account, &code, "2026-04-01T00:00:00Z");
        paid(&world, &account, &format!("in_{n}"), &format!("2026-04-1{n}T00:00:00Z"), 600_000);
    }
    world.run(Cadence::Monthly, at("2026-05-01T06:00:00Z")).unwrap();
    let april = Month::parse("2026-04").unwrap();
    let mut draft = preset(program);
    let unchanged = tried(&world, "2026-05-02T00:00:00Z", program, &over(april.start(), april.end(), None));
    let tiers = [row("tier-1", 3 * 5_000, 3 * 5_000), row("tier-3", 200_000, 200_000)];
    assert_eq!(unchanged, tiers, "three times $900 are capped");
    for cap in draft["caps"].as_array_mut().unwrap() {
        cap["per_partner_month_cents"] = json!(100_000);
    }
    let halved = tried(&world, "2026-05-02T00:00:00Z", program, &over(april.start(), april.end(), Some(&draft)));
    assert_eq!(halved, [row("tier-1", 3 * 5_000, 3 * 5_000), row("tier-3", 200_000, 100_000)]);
}

#[test]
fn weekly_rewards_are_granted_by_the_weeks_run() {
    let program = "user-referral";
    let world = World::new(3);
    let (_, code) = world.partner(at("2026-01-01T00:00:00Z"), program, "bob", "bob@bob.example").unwrap();
    signed_up(&world, "acct_1", &code, "2026-05-10T00:00:00Z");
    paid(&world, "acct_1", "in_1", "2026-05-11T00:00:00Z", 2_900);
    for monday in ["2026-06-08T09:00:00Z", "2026-06-15T09:00:00Z", "2026-06-22T09:00:00Z"] {
        world.run(Cadence::Weekly, at(monday)).unwrap();
    }
    let draft = |days: i64| {
        let mut draft = preset(program);
        let text = draft
            .to_string()
            .replace("\"paid_for_days\":{\"days\":30}", &format!("\"paid_for_days\":{{\"days\":{days}}}"));
        draft = serde_json::from_str(&text).unwrap();
        draft
    };
    let week = |name: &str, document: Option<&Value>| {
        let week = Week::parse(name).unwrap();
        tried(&world, "2026-06-30T00:00:00Z", program, &over(week.start(), week.end(), document))
    };
    let reward = preset(program)["rewards"][0]["id"].as_str().unwrap().to_owned();
    for (name, was) in [("2026-W23", 0), ("2026-W24", 5_000), ("2026-W25", 0)] {
        let expected = if was > 0 { vec![row(&reward, was, was)] } else { Vec::new() };
        assert_eq!(week(name, None), expected, "{name} as it is");
    }
    // 20 days after the payment of May 11 is May 31, so the run of Monday, June 1, which settles W22.
    let sooner = draft(20);
    assert_eq!(week("2026-W22", Some(&sooner)), [row(&reward, 0, 5_000)]);
    assert_eq!(week("2026-W24", Some(&sooner)), [row(&reward, 5_000, 0)], "it would have been paid before");
    let later = draft(40);
    assert_eq!(week("2026-W24", Some(&later)), [row(&reward, 5_000, 0)]);
}

#[test]
fn granted_rewards_are_judged_by_later_events() {
    let program = "developer-affiliate";
    let world = World::new(5);
    let (_, code) = world.partner(at("2024-12-01T00:00:00Z"), program, "dev", "dev@dev.example").unwrap();
    for account in ["stays", "leaves", "refunded"] {
        signed_up(&world, account, &code, "2025-01-01T00:00:00Z");
        paid(&world, account, &format!("in_{account}"), "2025-01-04T00:00:00Z", 90_000);
    }
    let take = |body: Value, when: &str| world.take(at(when), &body, None).unwrap();
    take(event("c1", "account.cancelled", "2025-01-25T00:00:00Z", "leaves", json!({})), "2025-01-25T00:00:00Z");
    let months = ["02", "03", "04", "05", "06"];
    world.run(Cadence::Monthly, at("2025-02-01T06:00:00Z")).unwrap();
    let refund = json!({"amount": {"cents": 90_000, "currency": "usd"}, "data": {"refund_id": "re_1", "invoice_id": "in_refunded"}});
    take(event("r1", "invoice.refunded", "2025-03-01T00:00:00Z", "refunded", refund), "2025-03-01T00:00:00Z");
    for month in &months[1..] {
        world.run(Cadence::Monthly, at(&format!("2025-{month}-01T06:00:00Z"))).unwrap();
    }
    let asked = over(at("2025-01-01T00:00:00Z"), at("2025-12-31T00:00:00Z"), None);
    let rows = tried(&world, "2025-07-01T00:00:00Z", program, &asked);
    assert!(rows.iter().all(|r| r.1 == r.2), "{rows:?}");
    assert!(rows.contains(&row("tier-1", 5_000, 5_000)), "{rows:?}");
}

#[test]
fn an_invalid_draft_is_refused_with_the_path_of_the_error() {
    let world = World::new(4);
    let mut draft = preset(AGENCY);
    draft["rewards"][0]["amount"]["rate_bps"] = json!(10_001);
    let april = Month::parse("2026-04").unwrap();
    let asked = over(april.start(), april.end(), Some(&draft));
    match world.tried(at("2026-05-02T00:00:00Z"), AGENCY, &asked) {
        Err(Refusal::Findings(findings)) => {
            assert_eq!(findings[0].path, "rewards[0].amount.rate_bps");
            assert_eq!(findings[0].value, "10001");
            assert!(!findings[0].rule.is_empty());
        }
        _ => panic!("a draft over 100 % is refused"),
    }
}

#[test]
fn a_draft_has_the_currency_of_its_program() {
    let world = an_agency_with_five();
    let mut draft = preset(AGENCY);
    draft["currency"] = json!("eur");
    let asked = over(at("2026-04-01T00:00:00Z"), at("2026-05-01T00:00:00Z"), Some(&draft));
    match world.tried(at("2026-06-01T00:00:00Z"), AGENCY, &asked) {
        Err(Refusal::Findings(findings)) => assert_eq!(findings[0].path, "document.currency"),
        _ => panic!("dollars were compared with euros"),
    }
}
