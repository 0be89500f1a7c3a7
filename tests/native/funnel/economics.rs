//! The cost of accounts from referrals and from paid channels, and the sources of visitors.

use super::*;

/// Two referrals that are rewarded in June, one that only signed up, and two accounts without a referrer.
fn a_month_of_referrals(fixture: &FunnelFixture) {
    let ann = fixture.partner("user-referral", "ann");
    let bob = fixture.partner("user-referral", "bob");
    let event = |id: &str, kind: &str, when: &str, account: &str, rest: Value| {
        let mut body = json!({"id": id, "type": kind, "occurred_at": when, "account": {"id": account}});
        body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        body
    };
    let take = |body: Value, touchpoints: Option<TouchHistory>| {
        let when = at(body["occurred_at"].as_str().unwrap()).plus_ms(1);
        fixture.world.take(when, &body, touchpoints).unwrap();
    };
    for (n, account) in ["old_1", "old_2", "old_3", "old_4"].iter().enumerate() {
        take(event(&format!("old{n}"), "account.signed_up", "2026-04-01T00:00:00Z", account, json!({})), None);
    }
    let clicked = at("2026-05-05T12:00:00Z");
    fixture.tagged_click("user-referral", &ann, "clk_1", "newsletter", clicked);
    let touch = Touch {
        program: "user-referral".into(),
        code: ann.1.clone().into(),
        campaign: String::new(),
        click_id: "clk_1".into(),
        at: clicked,
    };
    let touchpoints = TouchHistory { visitor: "v".into(), touches: vec![touch] };
    take(event("s1", "account.signed_up", "2026-05-10T00:00:00Z", "acct_1", json!({})), Some(touchpoints));
    for (id, account, code) in [("s2", "acct_2", &bob.1), ("s3", "acct_3", &bob.1)] {
        take(
            event(id, "account.signed_up", "2026-05-10T00:00:00Z", account, json!({"attribution": {"code": code}})),
            None,
        );
    }
    for (n, account) in ["acct_1", "acct_2"].iter().enumerate() {
        let invoice = json!({"amount": {"cents": 2_320, "currency": "usd"},
            "data": {"invoice_id": format!("in_{n}"), "discount_cents": 580}});
        take(event(&format!("p{n}"), "invoice.paid", "2026-05-11T00:00:00Z", account, invoice), None);
        let second = json!({"amount": {"cents": 2_900, "currency": "usd"}, "data": {"invoice_id": format!("in2_{n}")}});
        take(event(&format!("q{n}"), "invoice.paid", "2026-06-11T00:00:00Z", account, second), None);
    }
    fixture.click("user-referral", &bob, "", "v7", at("2026-06-02T00:00:00Z"));
    fixture.world.run(Cadence::Weekly, at("2026-06-15T09:00:00Z")).unwrap();
}

#[test]
fn the_economics_of_the_brief() {
    let fixture = FunnelFixture::new(11);
    a_month_of_referrals(&fixture);
    let query = "program=user-referral&from=2026-05-01&to=2026-07-01";
    fixture::golden("economics.md", &fixture.read("/v1/reports/economics", query, Some("text/markdown")));
    let found: Value = serde_json::from_str(&fixture.read("/v1/reports/economics", query, None)).unwrap();
    assert_eq!(found["rewarded_referrals"], 2);
    assert_eq!(found["first_year_revenue_cents"], 34_800);
    let figures = |c: &Value| {
        ["acquisition_cost_cents", "first_year_margin_cents", "margin_over_cost_hundredths"]
            .map(|k| c[k].as_i64().unwrap())
    };
    assert_eq!(figures(&found["referral"]), [5_580, 29_220, 523]);
    let paid: Vec<_> = found["paid_channels"].as_array().unwrap().iter().map(figures).collect();
    assert_eq!(paid, [[12_000, 22_800, 190], [18_000, 16_800, 93], [4_500, 30_300, 673]]);
    // Three referred sign-ups from two active referrers, and four accounts that existed before.
    assert_eq!(
        (&found["referral_rate_thousandths"], &found["viral_coefficient_thousandths"]),
        (&json!(1_500), &json!(750))
    );
    let before = "program=user-referral&from=2026-01-01&to=2026-05-01";
    let before: Value = serde_json::from_str(&fixture.read("/v1/reports/economics", before, None)).unwrap();
    assert_eq!((&before["rewarded_referrals"], &before["referral"]), (&json!(0), &Value::Null));
}

#[test]
fn channels_by_referrer() {
    let fixture = FunnelFixture::new(12);
    a_month_of_referrals(&fixture);
    let rows = |month: &str| -> Vec<(String, String, Vec<i64>)> {
        let query = format!("program=user-referral&month={month}");
        let found: Value = serde_json::from_str(&fixture.read("/v1/reports/channels", &query, None)).unwrap();
        let numbers = |r: &Value| {
            ["clicks", "signups", "qualified", "rewarded", "gross_cents"].map(|k| r[k].as_i64().unwrap()).to_vec()
        };
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        found["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| (text(&r["external_id"]), text(&r["channel"]), numbers(r)))
            .collect()
    };
    let row = |who: &str, channel: &str, numbers: [i64; 5]| (who.to_owned(), channel.to_owned(), numbers.to_vec());
    assert_eq!(rows("2026-05"), [row("bob", "code", [0, 2, 1, 0, 0]), row("ann", "newsletter", [1, 1, 1, 0, 0])]);
    let mut june = rows("2026-06");
    june.sort();
    let wanted = [
        row("ann", "newsletter", [0, 0, 0, 1, 5_000]),
        row("bob", "code", [0, 0, 0, 1, 5_000]),
        row("bob", "direct_link", [1, 0, 0, 0, 0]),
    ];
    assert_eq!(june, wanted);
    let page = fixture.read("/v1/reports/channels", "program=user-referral&month=2026-05", Some("text/markdown"));
    fixture::golden("channels.md", &page);
}
