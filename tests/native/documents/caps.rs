//! A cap is over the sum of what a reward and its modifiers earn: the reward's own accruals first, then the modifiers'.

use super::{PROGRAM, Tried, document, volume};
use crate::support::world::at;
use manicule::base::time::Month;
use manicule::codec::operator::DryRunRequest;
use manicule::engine::settlement::schedule;
use manicule::program::document::Cadence;
use manicule::service::settlement::settle::Due;
use serde_json::{Value, json};

/// At most $2,000 a month, with a volume bonus.
fn capped() -> Value {
    document(|d| {
        d["caps"] = json!([{"reward": "share", "per_partner_month_cents": 200_000}]);
        d["modifiers"] = json!([volume()]);
    })
}

/// What a reward's and the modifier's accruals are worth, by invoice.
fn by_invoice(tried: &Tried) -> Vec<(String, i64, i64)> {
    let sql = format!(
        "SELECT i.value AS invoice,
                (SELECT SUM(net_cents) FROM accrual WHERE source = 'invoice:' || i.value AND reward_id = 'share') AS own,
                (SELECT SUM(net_cents) FROM accrual WHERE source = 'invoice:' || i.value || ':share' AND program_id = '{PROGRAM}') AS more
         FROM json_each('[\"in_1\",\"in_2\",\"in_3\"]') i"
    );
    let cents = |value: &Value| value.as_i64().unwrap_or_default();
    let rows = tried.world.db.look(&sql);
    rows.iter()
        .map(|r| (r["invoice"].as_str().unwrap_or_default().to_owned(), cents(&r["own"]), cents(&r["more"])))
        .collect()
}

/// The dry run of April with the document in force, which must equal what is stored.
fn holds_dry(tried: &Tried, when: &str) {
    let april = Month::parse("2026-04").expect("a month");
    let asked = DryRunRequest { document: None, from: april.start(), to: april.end() };
    let Ok(answer) = tried.world.tried(at(when), PROGRAM, &asked) else { panic!("the dry run is refused") };
    assert_eq!(answer["complete"], true);
    for row in answer["rows"].as_array().expect("rows") {
        assert_eq!(row["difference_cents"], 0, "{answer}");
    }
}

/// Previews a run, performs it, and compares.
fn run(tried: &Tried, when: &str) -> i64 {
    let as_of = at(when);
    let cadence = Cadence::Monthly;
    let due = Due { program: PROGRAM.into(), cadence, period: schedule::period_before(cadence, as_of), as_of };
    let shown = tried.world.previewed(as_of, &due);
    assert_eq!(shown["complete"], true);
    let changes: i64 =
        shown["terms"].as_array().expect("terms").iter().filter_map(|t| t["difference_cents"].as_i64()).sum();
    let before = tried.has();
    tried.world.run(cadence, as_of).expect("a run");
    assert_eq!(tried.has() - before, changes, "the run does what its preview shows: {shown}");
    tried.has()
}

#[test]
fn a_cap_and_a_modifier_pay_at_most_the_cap() {
    for (cents, expected) in [
        // 900 + 900 of 2,000, so 200 of the 225 + 225 that the modifier adds.
        (450_000, [90_000, 90_000, 0, 20_000, 0, 0]),
        // The third invoice's own share comes before the first one's bonus.
        (300_000, [60_000, 60_000, 60_000, 15_000, 5_000, 0]),
        // One invoice fills it.
        (10_000_000, [200_000, 0, 0, 0, 0, 0]),
    ] {
        let tried = Tried::new(&capped());
        for n in 1..=3 {
            let account = format!("a{n}");
            tried.sign_up(&account, "2026-04-01T00:00:00Z");
            if cents != 450_000 || n < 3 {
                tried.pay(&account, &format!("in_{n}"), &format!("2026-04-1{n}T00:00:00Z"), cents);
            }
        }
        assert_eq!(run(&tried, "2026-05-01T06:00:00Z"), 200_000.min(expected.iter().sum()), "{cents}");
        let found = by_invoice(&tried);
        let flat: Vec<i64> = found.iter().map(|f| f.1).chain(found.iter().map(|f| f.2)).collect();
        assert_eq!(flat, expected, "{cents}");
        holds_dry(&tried, "2026-05-02T00:00:00Z");
        // Later runs find the same.
        assert_eq!(run(&tried, "2026-06-01T06:00:00Z"), 200_000);
        assert_eq!(by_invoice(&tried), found);
    }
}

#[test]
fn what_no_longer_is_earned_takes_no_room() {
    let tried = Tried::new(&document(|d| {
        d["caps"] = json!([{"reward": "share", "per_partner_month_cents": 40_000}]);
        let mut better = volume();
        better["id"] = json!("more");
        better["when_any"][0]["qualifying_referrals"]["at_least"] = json!(2);
        better["then"]["add_bps"] = json!(1_000);
        d["modifiers"] = json!([volume(), better]);
    }));
    tried.sign_up("a1", "2026-04-01T00:00:00Z");
    tried.pay("a1", "in_1", "2026-04-11T00:00:00Z", 100_000);
    assert_eq!(run(&tried, "2026-05-01T06:00:00Z"), 25_000);
    tried.sign_up("a2", "2026-05-01T00:00:00Z");
    tried.pay("a2", "in_2", "2026-05-11T00:00:00Z", 10_000);
    // The better modifier replaces the other one's accrual: 30,000 of 40,000, and 3,000 in May.
    assert_eq!(run(&tried, "2026-06-01T06:00:00Z"), 33_000);
    holds_dry(&tried, "2026-06-02T00:00:00Z");
}

#[test]
fn a_cap_per_account_is_over_both_too() {
    let tried = Tried::new(&document(|d| {
        d["rewards"][0]["amount"]["cap_cents"] = json!(100_000);
        d["modifiers"] = json!([volume()]);
    }));
    tried.sign_up("a1", "2026-04-01T00:00:00Z");
    tried.pay("a1", "in_1", "2026-04-11T00:00:00Z", 300_000);
    tried.pay("a1", "in_2", "2026-04-12T00:00:00Z", 300_000);
    assert_eq!(run(&tried, "2026-05-01T06:00:00Z"), 100_000);
    assert_eq!(by_invoice(&tried)[..2], [("in_1".to_owned(), 60_000, 15_000), ("in_2".to_owned(), 25_000, 0)]);
    holds_dry(&tried, "2026-05-02T00:00:00Z");
}

#[test]
fn an_invoice_whose_id_ends_like_a_reward_is_no_modifiers() {
    let tried = Tried::new(&document(|d| {
        d["caps"] = json!([{"reward": "share", "per_partner_month_cents": 30_000}]);
        d["rewards"].as_array_mut().expect("rewards").push(json!({
            "id": "other", "source": "test", "on": {"event": "invoice.paid"}, "to": "referrer",
            "amount": {"rate_bps": 1_000}, "span": {"months": {"from": 0}}
        }));
        d["modifiers"] = json!([volume()]);
        d["modifiers"][0]["then"] = json!({"replace_bps": {"share": 2_500}});
    }));
    tried.sign_up("a1", "2026-04-01T00:00:00Z");
    tried.pay("a1", "in:share", "2026-04-11T00:00:00Z", 100_000);
    // 20,000 and 5,000 under the cap of 30,000; the other reward's 10,000 has none.
    assert_eq!(run(&tried, "2026-05-01T06:00:00Z"), 35_000);
    holds_dry(&tried, "2026-05-02T00:00:00Z");
}

#[test]
fn of_two_caps_the_lower_one_counts() {
    for caps in [[10_000, 15_000], [15_000, 10_000]] {
        let cap = |most: i64| json!({"reward": "share", "per_partner_month_cents": most});
        let tried = Tried::new(&document(|d| d["caps"] = json!([cap(caps[0]), cap(caps[1])])));
        tried.sign_up("a1", "2026-04-01T00:00:00Z");
        tried.pay("a1", "in_1", "2026-04-11T00:00:00Z", 100_000);
        assert_eq!(run(&tried, "2026-05-01T06:00:00Z"), 10_000);
    }
}
