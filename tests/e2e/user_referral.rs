//! `user-referral` as a business: the friend's benefit and its cost, the leaderboard, the month by channel, the
//! economics compared with paid channels, and the rate at which referrals multiply.

use super::client::step;
use super::facts::{Partner, ahead, discounted, monday_after, paid, signed_up};
use super::redirect::{clicks, wait_for_the_hour};
use super::server::Server;
use manicule::base::time::{Month, UtcMillis};
use serde_json::{Value, json};

const PROGRAM: &str = "user-referral";
const DAY_MS: i64 = 86_400_000;

#[test]
fn a_referral_costs_less_than_it_brings() {
    let server = Server::start();
    wait_for_the_hour();
    let began = UtcMillis(super::client::now_ms());
    let ann = server.enrol(PROGRAM, "ann");
    let bob = server.enrol(PROGRAM, "bob");
    for n in 0..4 {
        server.tell(&[signed_up(&format!("old-{n}"), "2025-01-06T00:00:00Z", json!({}))]);
    }
    a_friend_signs_up_from_the_newsletter(&server, &ann);

    step("a second friend types the code, and a third person only clicks");
    let typed = server.deliver(&signed_up("typed", &ahead(0), json!({"code": ann.code}))).expect(200).json();
    assert_eq!(typed["attribution"][0]["benefit"]["rate_bps"], 2_000, "{typed}");
    server.visit(&format!("/r/{}", bob.code)).send();
    assert_eq!(clicks(&server, &bob, (1, 0)), (1, 0));

    step("this month by referrer and channel");
    let month = Month::of(began);
    let report = server.read(&format!("/v1/reports/channels?program={PROGRAM}&month={month}"));
    let row = |partner: &Partner, channel: &str, figures: [i64; 5]| {
        let name = if partner.id == ann.id { "ann" } else { "bob" };
        json!({
            "partner": partner.id, "external_id": name, "channel": channel, "clicks": figures[0], "signups": figures[1],
            "qualified": figures[2], "rewarded": figures[3], "gross_cents": figures[4],
        })
    };
    let monday = monday_after(15);
    let wanted = [
        row(&ann, "newsletter", [1, 1, 1, 0, 0]),
        row(&ann, "code", [0, 1, 0, 0, 0]),
        row(&bob, "direct_link", [1, 0, 0, 0, 0]),
    ];
    same_rows(&report["data"], &wanted);

    step("the Monday after fourteen days: $50, and nothing for the account that never paid");
    server.weekly(monday);
    assert_eq!((server.balance(&ann), server.balance(&bob)), ((0, 5_000), (0, 0)));
    let board = server.read("/v1/leaderboard?program=user-referral");
    let first = &board["data"][0];
    assert_eq!((&first["partner"], &first["referrals"]), (&json!(ann.id), &json!(1)), "{board}");
    assert_eq!((&first["rank"], &first["gross_cents"]), (&json!(1), &json!(5_000)), "{board}");
    assert_eq!(board["data"].as_array().map(Vec::len), Some(1), "{board}");
    rewards_by_month(&server, &ann, Month::of(UtcMillis(monday)));

    let from = began.plus_ms(-DAY_MS).to_rfc3339();
    let to = UtcMillis(monday + DAY_MS).to_rfc3339();
    economics(&server, &from, &to);
    server.audit();
}

fn a_friend_signs_up_from_the_newsletter(server: &Server, ann: &Partner) {
    step("the benefit is offered on the site and in the sign-up event's answer");
    let code = server.link(ann, json!({"campaign": "spring", "utm": {"source": "newsletter"}}));
    let cookie = server.visit(&format!("/r/{code}")).send().cookie().expect("the cookie");
    let offered = server.get("/v1/attribution").header("cookie", cookie).send().expect(200).json();
    let benefit = json!({"rate_bps": 2_000, "on": "first_invoice", "months": 1});
    assert_eq!((&offered["program"], &offered["benefit"]), (&json!(PROGRAM), &benefit), "{offered}");
    let by_link = Partner { id: ann.id.clone(), code };
    assert_eq!(clicks(server, &by_link, (1, 0)), (1, 0));
    let up = server.deliver(&signed_up("friend", &ahead(0), json!({"token": offered["token"]}))).expect(200).json();
    assert_eq!(up["attribution"][0]["benefit"], benefit, "{up}");
    let nobody = server.deliver(&signed_up("nobody", &ahead(0), json!({}))).expect(200).json();
    assert_eq!(nobody["attribution"][0]["attributed"], json!(false), "{nobody}");
    assert_eq!(nobody["attribution"][0].get("benefit"), None, "{nobody}");

    step("the click is marked as converted, and the attribution report names it");
    let link = server.read(&format!("/v1/links/{}", by_link.code));
    assert_eq!(link["clicks"], json!({"visits": 1, "bots": 0, "limited": 0, "converted": 1}), "{link}");
    let receipt = server.read("/v1/accounts/friend/attribution");
    let bound = receipt["programs"].as_array().and_then(|all| all.iter().find(|p| p["program"] == json!(PROGRAM)));
    assert!(bound.is_some_and(|p| p["click"].as_str().is_some_and(|c| c.starts_with("clk_"))), "{receipt}");

    step("its cost is the discount of the first invoice; a later discount does not count");
    let first = server.deliver(&discounted("friend", "in-1", &ahead(0), 2_320, 580)).expect(200).json();
    let line = &first["accruals"][0];
    assert_eq!(
        (&line["reward_id"], &line["net_cents"], &line["state"]),
        (&json!("benefit"), &json!(580), &json!("settled"))
    );
    assert_eq!((&line["unit"], line.get("partner")), (&json!("cash:usd"), None), "{first}");
    server.tell(&[discounted("friend", "in-2", &ahead(0), 2_320, 580)]);
    let mut moved: Vec<i64> = server.transfers().iter().filter_map(|t| t["amount_cents"].as_i64()).collect();
    moved.sort_unstable();
    assert_eq!(moved, [580], "{:?}", server.transfers());
}

/// A reward counts for the month of the run that granted it.
fn rewards_by_month(server: &Server, ann: &Partner, month: Month) {
    step("the reward in its month's report, as JSON and as Markdown");
    let path = format!("/v1/reports/channels?program={PROGRAM}&month={month}");
    let report = server.read(&path);
    let found = report["data"].as_array().and_then(|rows| {
        rows.iter().find(|r| r["partner"] == json!(ann.id) && r["channel"] == json!("newsletter")).cloned()
    });
    let row = found.unwrap_or_else(|| panic!("no row: {report}"));
    assert_eq!((&row["rewarded"], &row["gross_cents"]), (&json!(1), &json!(5_000)), "{report}");
    let text = server.get(&path).operator().header("accept", "text/markdown").send().expect(200);
    assert_eq!(text.header("content-type"), Some("text/markdown; charset=utf-8"));
    let line = text.text.lines().find(|l| l.starts_with("| ann | newsletter |")).expect("a line of the table");
    assert!(line.ends_with("| 1 | 50.00 |"), "{line}");
    assert!(text.text.contains("- `qualified`: "), "{}", text.text);
}

fn economics(server: &Server, from: &str, to: &str) {
    step("$55.80 against $120, $180 and $45; 292.20 of margin, 5.23 times its cost");
    let path = format!("/v1/reports/economics?program={PROGRAM}&from={from}&to={to}");
    let found = server.read(&path);
    let channel = |name: &str, cost: i64, margin: i64, ratio: i64| {
        json!({
            "channel": name, "acquisition_cost_cents": cost, "first_year_margin_cents": margin,
            "margin_over_cost_hundredths": ratio,
        })
    };
    assert_eq!(found["referral"], channel("User referral", 5_580, 29_220, 523), "{found}");
    let paid = [
        channel("Google Ads", 12_000, 22_800, 190),
        channel("LinkedIn Ads", 18_000, 16_800, 93),
        channel("Content Marketing", 4_500, 30_300, 673),
    ];
    assert_eq!(found["paid_channels"], json!(paid), "{found}");
    for (name, wanted) in [
        ("rewarded_referrals", 1),
        ("reward_cents", 5_000),
        ("benefit_cents", 580),
        ("revenue_sample", 1),
        ("first_year_revenue_cents", 34_800),
        ("clicks", 2),
        ("referred_signups", 2),
        ("active_referrers", 2),
        ("existing_accounts", 4),
        ("referral_rate_thousandths", 1_000),
        ("viral_coefficient_thousandths", 500),
    ] {
        assert_eq!(found[name], json!(wanted), "{name}: {found}");
    }
    let text = server.get(&path).operator().header("accept", "text/markdown").send().expect(200).text;
    for line in [
        "| Google Ads | 120.00 | 348.00 | 228.00 | 1.90x |",
        "| LinkedIn Ads | 180.00 | 348.00 | 168.00 | 0.93x |",
        "| Content Marketing | 45.00 | 348.00 | 303.00 | 6.73x |",
        "| **User referral** | 55.80 | 348.00 | 292.20 | 5.23x |",
        "| 2 | 2 | 2 | 4 | 1.000 | 0.500 |",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }
}

#[track_caller]
fn same_rows(found: &Value, wanted: &[Value]) {
    let sorted = |rows: &[Value]| {
        let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
        rows.sort();
        rows
    };
    assert_eq!(sorted(found.as_array().expect("rows")), sorted(wanted));
}

/// A month that was not paid in full does not qualify: the reward waits for the payment, and a rejected review ends it.
#[test]
fn a_refunded_month_does_not_qualify() {
    let server = Server::start();
    let ann = server.enrol(PROGRAM, "ann");
    step("one month paid and refunded in full, another account with a partial refund");
    server.tell(&[
        signed_up("gone", "2025-01-06T00:00:00Z", json!({"code": ann.code})),
        paid("gone", "in-gone", "2025-01-07T00:00:00Z", 2_900),
        super::facts::refunded("gone", "in-gone", "2025-01-20T00:00:00Z", 2_900),
        signed_up("stays", "2025-01-06T00:00:00Z", json!({"code": ann.code})),
        paid("stays", "in-stays", "2025-01-07T00:00:00Z", 2_900),
        super::facts::refunded("stays", "in-stays", "2025-01-20T00:00:00Z", 2_899),
    ]);
    step("a Monday before thirty days of it, and the one after");
    server.settle(PROGRAM, "weekly", "2025-W05");
    assert_eq!(server.balance(&ann), (0, 0));
    let run = server.settle(PROGRAM, "weekly", "2025-W06");
    assert_eq!(server.balance(&ann), (0, 5_000), "{run}");
    assert_eq!(server.entries(&ann)[0]["account"], "stays");
    server.audit();
}
