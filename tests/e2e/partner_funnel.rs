//! `partner-funnel`: five stages by link, beacon, pixel and webhook, and the weekly report with its recommended
//! actions.

use super::client::{Ask, CHROME, step};
use super::facts::Partner;
use super::redirect::{clicks, wait_for_the_hour};
use super::server::Server;
use manicule::base::time::{UtcMillis, Week};
use serde_json::{Value, json};

const PROGRAM: &str = "partner-funnel";
const CHECKLIST: &str = "content-qa-checklist";
const PLAYBOOK: &str = "migration-playbook";

fn this_week() -> Week {
    Week::of(UtcMillis(super::client::now_ms()))
}

fn report(server: &Server, week: Week) -> Value {
    server.read(&format!("/v1/reports/funnel?program={PROGRAM}&week={week}"))
}

/// A click by a new visitor.
fn visit<'a>(server: &'a Server, partner: &Partner, campaign: &str, who: &str) -> Ask<'a> {
    server
        .visit(&format!("/guide?partner={}&campaign={campaign}", partner.code))
        .header("user-agent", format!("{CHROME} {who}"))
}

fn beacon<'a>(server: &'a Server, cookie: &str, body: &Value) -> Ask<'a> {
    // As `navigator.sendBeacon` sends a string.
    let ask = server.post("/v1/collect", body).header("content-type", "text/plain;charset=UTF-8");
    ask.header("user-agent", CHROME).header("cookie", cookie)
}

fn of<'a>(report: &'a Value, partner: &Partner) -> &'a Value {
    let all = report["partners"].as_array().expect("partners");
    all.iter().find(|p| p["partner"] == json!(partner.id)).unwrap_or_else(|| panic!("not in {report}"))
}

/// Visitors by stage, in the funnel's order.
fn visitors(figures: &Value) -> Vec<i64> {
    figures["stages"].as_array().expect("stages").iter().map(|s| s["visitors"].as_i64().expect("a count")).collect()
}

#[test]
fn a_visitor_is_followed_through_five_stages() {
    let server = Server::start();
    wait_for_the_hour();
    let week = this_week();
    let seo = server.enrol(PROGRAM, "seo");
    step("the link leads to the page without the parameters, and the visitor has a cookie");
    let reply = visit(&server, &seo, CHECKLIST, "v1").send();
    assert_eq!(reply.location(), format!("{}/guide", server.base));
    let cookie = reply.cookie().expect("the cookie");
    assert_eq!(clicks(&server, &seo, (1, 0)), (1, 0));

    step("a beacon and a pixel need only the cookie and reveal nothing");
    let seen = beacon(&server, &cookie, &json!({"event": "page.viewed", "path": "/guide?email=x"})).send().expect(204);
    assert_eq!((seen.text.as_str(), seen.header("cache-control"), seen.cookie()), ("", Some("no-store"), None));
    for _ in 0..2 {
        let pixel = server.get("/v1/stage.gif?event=lead_magnet.downloaded").header("user-agent", CHROME);
        let reply = pixel.header("cookie", &cookie).send().expect(200);
        assert_eq!((reply.header("content-type"), reply.bytes.len()), (Some("image/gif"), 43));
    }

    step("webhooks with the visitor's token, delivered twice");
    let token = server.get("/v1/attribution").header("cookie", &cookie).send().expect(200).json()["token"].clone();
    for kind in ["demo.requested", "newsletter.joined", "activation.reached"] {
        let event = json!({
            "id": format!("evt-{kind}"), "type": kind, "occurred_at": super::facts::ahead(0), "attribution": {"token": token},
        });
        server.tell(std::slice::from_ref(&event));
        assert_eq!(server.deliver(&event).expect(200).json()["outcome"], "applied");
    }

    step("one visitor at each of five stages, under the campaign of the click");
    let found = report(&server, week);
    assert_eq!(visitors(&found["average"]), [1, 1, 1, 1, 1], "{found}");
    let mine = of(&found, &seo);
    assert_eq!((&mine["external_id"], visitors(mine)), (&json!("seo"), vec![1, 1, 1, 1, 1]));
    let campaigns = mine["campaigns"].as_array().expect("campaigns");
    assert_eq!((campaigns.len(), &campaigns[0]["campaign"]), (1, &json!(CHECKLIST)), "{found}");

    step("beacons without a visitor, without a partner, or claiming a click get the same response and count nowhere");
    let code = seo.code.as_str();
    let demo = json!({"event": "demo.requested", "partner": code, "campaign": CHECKLIST});
    beacon(&server, "", &demo).header("user-agent", "Googlebot/2.1").send().expect(204);
    beacon(&server, "", &demo).header("sec-purpose", "prefetch").send().expect(204);
    beacon(&server, "", &json!({"event": "demo.requested"})).send().expect(204);
    beacon(&server, "", &json!({"event": "demo.requested", "partner": "zzzzzzzz"})).send().expect(204);
    beacon(&server, "", &json!({"event": "click", "partner": code})).send().expect(204);
    beacon(&server, "", &json!({"event": "demo.requested", "partner": {}})).send().problem(422, "wrong_type");
    assert_eq!(visitors(&report(&server, week)["average"]), [1, 1, 1, 1, 1]);

    step("two visitors who opt out count as two; one recognized by address counts once");
    let private = || beacon(&server, "", &demo).header("sec-gpc", "1");
    private().send().expect(204);
    private().send().expect(204);
    assert_eq!(visitors(&report(&server, week)["average"]), [1, 1, 1, 3, 1]);

    step("no money: no accruals, no transfers, no run");
    assert_eq!((server.transfers(), server.balance(&seo)), (vec![], (0, 0)));
    server.audit();
}

#[test]
fn the_weekly_report_proposes_one_action_per_partner() {
    let server = Server::start();
    wait_for_the_hour();
    let week = this_week();
    let [many, few] = ["many clicks", "few clicks"].map(|name| server.enrol(PROGRAM, &name.replace(' ', "-")));
    step("300 visits with 2 downloads; 40 visits with 9 activations");
    let come = |partner: &Partner, campaign: &str, count: usize| -> Vec<String> {
        let who = |n: usize| format!("{campaign}-{n}");
        let from = |n: usize| format!("192.0.2.{}", n % 250);
        let come = |n: usize| visit(&server, partner, campaign, &who(n)).header("cf-connecting-ip", from(n)).send();
        (0..count).map(|n| come(n).cookie().expect("the cookie")).collect()
    };
    let readers = come(&many, CHECKLIST, 300);
    let movers = come(&few, PLAYBOOK, 40);
    for cookie in &readers[..2] {
        beacon(&server, cookie, &json!({"event": "lead_magnet.downloaded"})).send().expect(204);
    }
    for cookie in &movers[..9] {
        beacon(&server, cookie, &json!({"event": "activation.reached"})).send().expect(204);
    }
    assert_eq!((clicks(&server, &many, (300, 0)), clicks(&server, &few, (40, 0))), ((300, 0), (40, 0)));

    let found = report(&server, week);
    step("a large sample: the weakest step against its band, the rate with its sample and interval");
    let large = of(&found, &many);
    assert_eq!(
        (&large["visits"], &large["small_sample"], &large["weakest"]),
        (&json!(300), &json!(false), &json!("lead"))
    );
    let lead = &large["stages"][2];
    assert_eq!(
        (&lead["visitors"], &lead["of_visits"]["rate_bps"], &lead["of_visits"]["sample"]),
        (&json!(2), &json!(67), &json!(300)),
        "{lead}"
    );
    assert_eq!(lead["against_band"], json!({"is": "below", "sure": true}), "{lead}");
    assert_eq!(lead["band_bps"], json!({"from": 2_000, "to": 3_500}));
    let low = lead["of_visits"]["low_bps"].as_i64().expect("a bound");
    let high = lead["of_visits"]["high_bps"].as_i64().expect("a bound");
    assert!(low < 67 && 67 < high && high < 2_000, "{lead}");
    assert_eq!(large["action"]["type"], "sharpen_landing_page", "{large}");
    assert!(large["action"]["reason"].as_str().is_some_and(|r| r.contains("2 of 300 visits")), "{large}");

    step("a small sample is reported as small without a weakest step, but is surely above the activation band");
    let small = of(&found, &few);
    assert_eq!((&small["small_sample"], &small["weakest"]), (&json!(true), &json!(null)), "{small}");
    assert_eq!(small["action"]["type"], "offer_inventory", "{small}");
    assert_eq!(small["stages"][4]["against_band"], json!({"is": "above", "sure": true}), "{small}");
    assert_eq!(found["partners"][1]["partner"], json!(few.id), "small samples stand last");
    assert_eq!((&found["sample_min"], visitors(&found["average"])), (&json!(100), vec![340, 0, 2, 0, 9]));

    step("three tasks each, with the campaign's promise");
    for (partner, promise, cta) in
        [(large, "Content QA checklist", "Download checklist"), (small, "Migration playbook", "Book demo")]
    {
        let tasks = partner["tasks"].as_array().expect("tasks");
        let kinds: Vec<&str> = tasks.iter().filter_map(|t| t["type"].as_str()).collect();
        assert_eq!(kinds, ["blog_post", "enablement_email", "call_to_action"], "{partner}");
        assert!(tasks.iter().all(|t| t["promise"] == json!(promise) && t["primary_cta"] == json!(cta)), "{partner}");
        assert!(tasks.iter().all(|t| t["brief"].as_str().is_some_and(|b| b.len() > 40)), "{partner}");
    }
    markdown(&server, week);

    announced_once(&server, week, &found);
}

fn announced_once(server: &Server, week: Week, found: &Value) {
    step("the Monday after, the report is announced, once");
    let monday = week.end().0 + 9 * 3_600_000;
    server.weekly(monday);
    server.weekly(monday);
    let outbox = server.read("/v1/outbox");
    let told: Vec<&Value> =
        outbox["data"].as_array().expect("messages").iter().filter(|m| m["type"] == json!("report.funnel")).collect();
    assert_eq!(told.len(), 1, "{outbox}");
    assert_eq!(told[0]["payload"]["week"], json!(week.to_string()), "{outbox}");
    let announced = told[0]["payload"]["report"].as_str().expect("an address");
    assert_eq!(server.read(announced)["partners"], found["partners"]);
}

fn markdown(server: &Server, week: Week) {
    step("the same as Markdown");
    let path = format!("/v1/reports/funnel?program={PROGRAM}&week={week}");
    let reply = server.get(&path).operator().header("accept", "text/markdown").send().expect(200);
    assert_eq!(
        (reply.header("content-type"), reply.header("vary")),
        (Some("text/markdown; charset=utf-8"), Some("accept"))
    );
    let text = &reply.text;
    assert!(text.starts_with(&format!("# Partner funnel, week {week}\n")), "{text}");
    for part in [
        "| Stage | Visitors | Of visits | 95% interval | Sample | Target | Compared with target | Compared with average |",
        "\nSmall sample: 40 of the 100 visits needed to judge rates.\n",
        "\nWeakest step: Lead magnet download, below its target (300 visits).\n",
        "**Action: Sharpen the landing page",
        "1. **Write a post: Content QA checklist**",
        "2. **Email the partner their week in Partner funnel**",
        "3. **Change the call to action: Download checklist**",
        "- `small_sample`: ",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    assert_eq!(text.matches("**Action: ").count(), 2, "one for each partner");

    step("an empty week, and an invalid one");
    let empty = server.read(&format!("/v1/reports/funnel?program={PROGRAM}&week=2025-W10"));
    assert_eq!((&empty["partners"], visitors(&empty["average"])), (&json!([]), vec![0, 0, 0, 0, 0]), "{empty}");
    let bad = server.get(&format!("/v1/reports/funnel?program={PROGRAM}&week=2025-W54")).operator().send();
    assert_eq!(bad.problem(400, "malformed")["field"], "week");
    let none = server.get("/v1/reports/funnel?program=user-referral&week=2025-W10").operator().send();
    none.problem(422, "no_funnel");
}
