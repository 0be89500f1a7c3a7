//! The funnel, the channels and the economics on SQLite: events by beacon, pixel and webhook, and the reports.

mod economics;
pub mod fixture;
mod kept;
mod months;
mod removal;

use crate::support::world::{at, now};
use fixture::FunnelFixture;
use manicule::engine::attribution::touch::{Touch, TouchHistory};
use manicule::jobs;
use manicule::program::document::Cadence;
use serde_json::{Value, json};

const FUNNEL: &str = "partner-funnel";
const MONDAY: &str = "2026-06-08T00:00:00Z";

fn rows(fixture: &FunnelFixture) -> Vec<(String, String, String, Value)> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let sql = "SELECT stage, campaign, code, visitor FROM funnel_event ORDER BY seq";
    let shape = |r: &serde_json::Map<String, Value>| {
        (text(&r["stage"]), text(&r["campaign"]), text(&r["code"]), r["visitor"].clone())
    };
    fixture.world.db.look(sql).iter().map(shape).collect()
}

#[test]
fn beacons_above_the_limit_are_answered_but_not_counted() {
    let fixture = FunnelFixture::new(1);
    let (_, code) = fixture.partner(FUNNEL, "seo");
    let now = at("2026-06-10T12:00:00Z");
    let from = [("cf-connecting-ip", "192.0.2.1")];
    let body = json!({"event": "lead_magnet.downloaded", "partner": code});
    let tell = || fixture.collect(now, body.clone(), &from, 204);
    tell();
    crate::support::site::ALL_TOO_OFTEN.set(true);
    let calls = fixture.world.db.calls.get();
    let answer = fixture.post(now, body.to_string().as_bytes(), &from);
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert!(answer.fault.is_some_and(|fault| fault.starts_with("too_many_requests")), "the log says so");
    assert_eq!((fixture.world.db.calls.get() - calls, rows(&fixture).len()), (0, 1), "it costs nothing");
    crate::support::site::ALL_TOO_OFTEN.set(false);
    tell();
    assert_eq!(rows(&fixture).len(), 2);
}

#[test]
fn a_beacon_is_stored_once_for_the_partner_who_sent_the_visitor() {
    let fixture = FunnelFixture::new(1);
    let (_, code) = fixture.partner(FUNNEL, "seo");
    let (_, other) = fixture.partner(FUNNEL, "agency");
    let (_, friend) = fixture.partner("user-referral", "friend");
    let now = at("2026-06-10T12:00:00Z");
    let cookie = fixture.cookie(
        "vis_1",
        &[
            (FUNNEL, &code, "content-qa-checklist", now.plus_days(-29)),
            (FUNNEL, &other, "migration-playbook", now.plus_days(-30)),
            // The latest touch is of a program without a funnel.
            ("user-referral", &friend, "", now.plus_days(-1)),
        ],
    );
    let with_cookie = [("cookie", cookie.as_str())];
    let calls = fixture.world.db.calls.get();
    fixture.collect(now, json!({"event": "lead_magnet.downloaded", "path": "/a?email=x"}), &with_cookie, 204);
    assert_eq!(fixture.world.db.calls.get() - calls, 1, "one call of the database");
    fixture.collect(now, json!({"event": "newsletter.joined", "campaign": "else"}), &with_cookie, 204);
    fixture.collect(now, json!({"event": "demo.requested", "partner": other}), &with_cookie, 204);
    let seen =
        |stage: &str, campaign: &str, code: &str| (stage.into(), campaign.into(), code.to_owned(), json!("vis_1"));
    let wanted = [
        seen("lead", "content-qa-checklist", &code),
        seen("demo", "else", &code),
        seen("demo", "migration-playbook", &other),
    ];
    assert_eq!(rows(&fixture), wanted);
    assert_eq!(fixture.world.db.look("SELECT path FROM funnel_event LIMIT 1")[0]["path"], "/a");
    assert_eq!(fixture.world.db.look("SELECT week FROM funnel_event LIMIT 1")[0]["week"], "2026-W24");
}

#[test]
fn unattributed_beacons_are_not_stored_and_get_the_same_answer() {
    let fixture = FunnelFixture::new(2);
    let (partner, code) = fixture.partner(FUNNEL, "seo");
    let (_, friend) = fixture.partner("user-referral", "friend");
    let gone = fixture.world.link(at(MONDAY), &partner).unwrap();
    fixture.world.disable(at(MONDAY), &gone).unwrap();
    let now = at("2026-06-10T12:00:00Z");
    let lead = |code: &str| json!({"event": "lead_magnet.downloaded", "partner": code});
    let late = fixture.cookie("vis_1", &[(FUNNEL, &code, "", now.plus_days(-30))]);
    let mut forged = fixture.cookie("vis_1", &[(FUNNEL, &code, "", now)]);
    forged.pop();
    for (body, headers) in [
        (lead("zzzzzzzz"), vec![]),
        (lead("no such code!"), vec![]),
        (lead(&friend), vec![]),
        (lead(&gone), vec![]),
        (json!({"event": "lead_magnet.downloaded"}), vec![]),
        (json!({"event": "lead_magnet.downloaded"}), vec![("cookie", late.as_str())]),
        (json!({"event": "lead_magnet.downloaded"}), vec![("cookie", forged.as_str())]),
        (json!({"event": "never.heard.of", "partner": code}), vec![]),
        // Clicks are recorded only by the redirect.
        (json!({"event": "click", "partner": code}), vec![]),
        (lead(&code), vec![("user-agent", "Googlebot/2.1")]),
        (lead(&code), vec![("sec-purpose", "prefetch;prerender")]),
    ] {
        fixture.collect(now, body.clone(), &headers, 204);
        assert_eq!(rows(&fixture), [], "{body} {headers:?}");
    }
    for (body, status) in [("", 400), ("event=x", 400), ("{\"event\":", 400), ("{\"event\":7}", 422), ("{}", 422)] {
        let response = fixture.post(now, body.as_bytes(), &[]);
        assert_eq!(response.status, status, "{body}");
        assert_eq!(response.headers[0].1, "application/problem+json");
    }
    assert_eq!(rows(&fixture), []);
}

#[test]
fn visitors_are_identified_by_cookie_or_monthly_fingerprint_or_not_at_all() {
    let fixture = FunnelFixture::new(3);
    let (_, code) = fixture.partner(FUNNEL, "seo");
    let now = at("2026-06-10T12:00:00Z");
    let body = || json!({"event": "page.viewed", "partner": code});
    let ip = ("cf-connecting-ip", "192.0.2.1");
    fixture.collect(now, body(), &[ip], 204);
    fixture.collect(now, body(), &[ip], 204);
    fixture.collect(now, body(), &[("cf-connecting-ip", "192.0.2.2")], 204);
    fixture.collect(now, body(), &[ip, ("sec-gpc", "1")], 204);
    let cookie = fixture.cookie("vis_1", &[]);
    fixture.collect(now, body(), &[ip, ("sec-gpc", "1"), ("cookie", &cookie)], 204);
    let visitors: Vec<Value> = rows(&fixture).into_iter().map(|r| r.3).collect();
    assert!(visitors[0].as_str().unwrap().starts_with("fp_"));
    assert_eq!(visitors[0], visitors[1]);
    assert_ne!(visitors[0], visitors[2]);
    assert_eq!(visitors[3..], [Value::Null, json!("vis_1")]);
    assert!(!fixture.world.db.look("SELECT * FROM funnel_event")[0].values().any(|v| v.to_string().contains("192.0")));
    let week = fixture.funnel("2026-W24");
    assert_eq!(week["average"]["stages"][1]["visitors"], 4, "two fingerprints, one cookie, one for itself");
}

#[test]
fn the_pixel_is_an_image_for_every_query() {
    let fixture = FunnelFixture::new(4);
    let (_, code) = fixture.partner(FUNNEL, "seo");
    let now = at("2026-06-10T12:00:00Z");
    let ask = |method: &str, query: &str, headers: &[(&str, &str)]| {
        let response = fixture.send(now, method, "/v1/stage.gif", query, b"", headers);
        assert_eq!((response.status, response.headers[0].1.as_str()), (200, "image/gif"), "{query}");
        assert_eq!(response.headers[1], ("cache-control", "no-store".to_owned()));
        response.body
    };
    let page = [("referer", "https://site.example/guide?x=1")];
    let body = ask("GET", &format!("partner={code}&campaign=llms-txt-guide"), &page);
    assert_eq!((&body[..6], body.len()), (&b"GIF89a"[..], 43));
    ask("GET", &format!("event=activation.reached&partner={code}"), &[]);
    assert_eq!(ask("HEAD", &format!("partner={code}"), &[]), b"");
    for query in ["", "partner=", "partner=zzzzzzzz", "partner=%ff", "event=%00&partner=x y"] {
        assert_eq!(ask("GET", query, &[]).len(), 43);
    }
    ask("GET", &format!("partner={code}"), &[("user-agent", "curl/8.5.0")]);
    let stored: Vec<_> = rows(&fixture).into_iter().map(|r| (r.0, r.1)).collect();
    assert_eq!(stored, [("landing".to_owned(), "llms-txt-guide".to_owned()), ("activation".to_owned(), String::new())]);
    assert_eq!(fixture.world.db.look("SELECT path FROM funnel_event LIMIT 1")[0]["path"], "/guide");
}

#[test]
fn an_unavailable_database_delays_no_page_and_is_logged() {
    use crate::support::sqlite::Fault;
    let fixture = FunnelFixture::new(5);
    let (_, code) = fixture.partner(FUNNEL, "seo");
    let now = at("2026-06-10T12:00:00Z");
    let body = json!({"event": "page.viewed", "partner": code}).to_string();
    fixture.world.db.fault.set(Some((fixture.world.db.calls.get(), Fault::Before)));
    let response = fixture.post(now, body.as_bytes(), &[]);
    assert_eq!((response.status, response.fault.is_some()), (204, true));
}

#[test]
fn webhooks_count_in_the_same_table_once() {
    let fixture = FunnelFixture::new(6);
    let (_, code) = fixture.partner(FUNNEL, "seo");
    let when = at("2026-06-10T12:00:00Z");
    let event = |id: &str, kind: &str, rest: Value| {
        let mut body = json!({"id": id, "type": kind, "occurred_at": "2026-06-10T12:00:00Z"});
        body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        body
    };
    let by_code = event(
        "e1",
        "activation.reached",
        json!({"attribution": {"code": code, "visitor": "v9"}, "data": {"campaign": "migration-playbook", "visitor": "v1"}}),
    );
    let taken = fixture.world.take(when, &by_code, None).unwrap();
    assert!(taken.first && taken.known);
    assert_eq!(taken.outcome["outcome"], "applied");
    assert!(!fixture.world.take(when, &by_code, None).unwrap().first);
    let touch = |days: i64| Touch {
        program: FUNNEL.into(),
        code: code.clone().into(),
        campaign: "llms-txt-guide".into(),
        click_id: "c".into(),
        at: when.plus_days(-days),
    };
    let touchpoints = |days| Some(TouchHistory { visitor: "vis_2".into(), touches: vec![touch(days)] });
    fixture.world.take(when, &event("e2", "demo.requested", json!({})), touchpoints(29)).unwrap();
    fixture.world.take(when, &event("e3", "demo.requested", json!({})), touchpoints(30)).unwrap();
    fixture
        .world
        .take(when, &event("e4", "demo.requested", json!({"attribution": {"code": "zzzzzzzz"}})), None)
        .unwrap();
    fixture.world.take(when, &event("e5", "never.heard.of", json!({"attribution": {"code": code}})), None).unwrap();
    let wanted = [
        ("activation".to_owned(), "migration-playbook".to_owned(), code.clone(), json!("v1")),
        ("demo".to_owned(), "llms-txt-guide".to_owned(), code.clone(), json!("vis_2")),
    ];
    assert_eq!(rows(&fixture), wanted);
}

#[test]
fn a_week_runs_from_monday_to_the_millisecond() {
    let fixture = FunnelFixture::new(7);
    let partner = fixture.partner(FUNNEL, "seo");
    let monday = at(MONDAY);
    for (n, when) in
        [monday.plus_ms(-1), monday, monday.plus_days(7).plus_ms(-1), monday.plus_days(7)].iter().enumerate()
    {
        fixture.click(FUNNEL, &partner, "c", &format!("v{n}"), *when);
        fixture.collect(*when, json!({"event": "lead_magnet.downloaded", "partner": partner.1}), &[], 204);
    }
    let counts = |week: &str| {
        let stages = fixture.funnel(week)["average"]["stages"].clone();
        (stages[0]["visitors"].as_i64().unwrap(), stages[2]["visitors"].as_i64().unwrap())
    };
    assert_eq!(["2026-W23", "2026-W24", "2026-W25", "2026-W26"].map(counts), [(1, 1), (2, 2), (1, 1), (0, 0)]);
}

#[test]
fn visitors_are_distinct_by_partner_campaign_and_stage() {
    let fixture = FunnelFixture::new(8);
    let one = fixture.partner(FUNNEL, "one");
    let two = fixture.partner(FUNNEL, "two");
    let when = at("2026-06-09T10:00:00Z");
    // The same visitor twice, in another campaign, and through another partner.
    fixture.click(FUNNEL, &one, "a", "v1", when);
    fixture.click(FUNNEL, &one, "a", "v1", when.plus_ms(3_600_000));
    fixture.click(FUNNEL, &one, "b", "v1", when.plus_ms(7_200_000));
    fixture.click(FUNNEL, &two, "a", "v1", when);
    fixture.bot(FUNNEL, &two, "v2", when);
    let lead = |code: &str, visitor: &str| fixture.visitor_event(when, "lead_magnet.downloaded", code, "a", visitor);
    lead(&one.1, "v1");
    lead(&one.1, "v1");
    lead(&one.1, "v2");
    // Without a visitor id each event counts as one visitor.
    lead(&one.1, "");
    lead(&one.1, "");
    let week = fixture.funnel("2026-W24");
    let of = |partner: &str| {
        let found = week["partners"].as_array().unwrap().iter().find(|p| p["external_id"] == partner).unwrap().clone();
        let campaigns: Vec<i64> =
            found["campaigns"].as_array().unwrap().iter().map(|c| c["visits"].as_i64().unwrap()).collect();
        (found["visits"].as_i64().unwrap(), found["stages"][2]["visitors"].as_i64().unwrap(), campaigns)
    };
    assert_eq!(of("one"), (2, 4, vec![1, 1]));
    assert_eq!(of("two"), (1, 0, vec![1]));
    assert_eq!(week["average"]["visits"], 3);
}

/// The brief's Partner A (300 clicks, 2 downloads) and Partner B (40 clicks, 9 activations), and one partner within the
/// bands.
fn the_briefs_week(fixture: &FunnelFixture) {
    let when = at("2026-06-09T10:00:00Z");
    let fill = |who: &str, campaign: &str, [clicks, leads, demos, activations]: [i64; 4]| {
        let partner = fixture.partner(FUNNEL, who);
        for n in 0..clicks {
            fixture.click(FUNNEL, &partner, campaign, &format!("v{n}"), when);
        }
        for (event, count) in
            [("lead_magnet.downloaded", leads), ("demo.requested", demos), ("activation.reached", activations)]
        {
            for n in 0..count {
                fixture.visitor_event(when, event, &partner.1, campaign, &format!("v{n}"));
            }
        }
    };
    fill("Partner A", "content-qa-checklist", [300, 2, 0, 0]);
    fill("Partner B", "migration-playbook", [40, 12, 10, 9]);
    fill("Partner C", "cost-reduction-guide", [200, 50, 16, 4]);
}

#[test]
fn the_week_as_a_page() {
    let fixture = FunnelFixture::new(9);
    the_briefs_week(&fixture);
    let page = fixture.read("/v1/reports/funnel", "program=partner-funnel&week=2026-W24", Some("text/markdown"));
    fixture::golden("funnel.md", &page);
    let week = fixture.funnel("2026-W24");
    let partners = week["partners"].as_array().unwrap();
    let actions: Vec<_> = partners
        .iter()
        .map(|p| (p["external_id"].as_str().unwrap(), p["action"]["type"].as_str().unwrap(), p["weakest"].clone()))
        .collect();
    let wanted = [
        ("Partner A", "sharpen_landing_page", json!("lead")),
        ("Partner C", "keep_going", json!("lead")),
        ("Partner B", "offer_inventory", Value::Null),
    ];
    assert_eq!(actions, wanted);
    assert_eq!(
        partners[0]["stages"][2]["of_visits"],
        json!({"rate_bps": 67, "low_bps": 18, "high_bps": 240, "sample": 300})
    );
    assert!(partners.iter().all(|p| p["tasks"].as_array().unwrap().len() == 3));
    let asked = fixture.read(
        "/v1/reports/funnel",
        "program=partner-funnel&week=2026-W24",
        Some("application/json, text/markdown"),
    );
    assert!(asked.starts_with('{'));
}

#[test]
fn invalid_queries_name_the_field() {
    let fixture = FunnelFixture::new(10);
    let now = at("2026-06-20T00:00:00Z");
    for (path, query, status, field) in [
        ("funnel", "week=2026-W24", 400, "program"),
        ("funnel", "program=partner-funnel&week=2026-24", 400, "week"),
        ("funnel", "program=user-referral&week=2026-W24", 422, "program"),
        ("channels", "program=user-referral&month=2026-13", 400, "month"),
        ("channels", "month=2026-06", 400, "program"),
        ("economics", "program=user-referral&from=2026-06-01", 400, "to"),
        ("economics", "program=user-referral&from=2026-06-01&to=2026-06-01", 400, "to"),
        ("economics", "program=user-referral&from=June&to=2026-06-01", 400, "from"),
    ] {
        let response = fixture.send(now, "GET", &format!("/v1/reports/{path}"), query, b"", &[fixture.operator()]);
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!((response.status, body["field"].as_str()), (status, Some(field)), "{path}?{query}: {body}");
    }
    for path in [
        "funnel?program=none&week=2026-W24",
        "channels?program=none",
        "economics?program=none&from=2026-06-01&to=2026-07-01",
    ] {
        let (path, query) = path.split_once('?').unwrap();
        let path = format!("/v1/reports/{path}");
        assert_eq!(fixture.send(now, "GET", &path, query, b"", &[fixture.operator()]).status, 404, "{path}?{query}");
        assert_eq!(fixture.send(now, "GET", &path, query, b"", &[]).status, 401);
    }
}

#[test]
fn the_weekly_job_announces_each_report_once() {
    let fixture = FunnelFixture::new(11);
    let scheduled = at("2026-06-15T09:00:00Z");
    for late in [0, 60_000, 86_400_000] {
        let context = fixture.world.at(scheduled.plus_ms(late));
        now(jobs::run(&context, "0 9 * * MON", scheduled)).unwrap();
    }
    let sql = "SELECT program_id, payload FROM outbox WHERE kind = 'report.funnel'";
    let told = fixture.world.db.look(sql);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["program_id"], FUNNEL);
    let payload: Value = serde_json::from_str(told[0]["payload"].as_str().unwrap()).unwrap();
    assert_eq!(payload["week"], "2026-W24", "the week before the run");
    assert_eq!(payload["report"], "/v1/reports/funnel?program=partner-funnel&week=2026-W24");
}
