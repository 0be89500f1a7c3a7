//! `developer-affiliate`, attribution: a cookie for 90 days, the company's email domain, an agency's workspace, and the
//! account's lifecycle states.

use super::client::step;
use super::facts::{Partner, ahead, event, merge, paid};
use super::server::Server;
use serde_json::{Value, json};

const PROGRAM: &str = "developer-affiliate";

pub fn enrol(server: &Server, name: &str, kind: &str) -> Partner {
    let body = json!({
        "program": PROGRAM, "external_id": name, "name": name, "email": format!("{name}@partners.example"), "type": kind,
    });
    let made = server.post("/v1/partners", &body).operator().send().expect(201).json();
    let text = |field: &str| made[field].as_str().expect("a text").to_owned();
    Partner { id: text("id"), code: text("code") }
}

pub fn joined(account: &str, when: &str, email: &str, attribution: Value) -> Value {
    let rest = json!({"attribution": attribution, "account": {"email": email}});
    event(&format!("up-{account}"), "account.signed_up", when, account, rest)
}

/// A fact about a domain rather than an account.
fn invited(id: &str, when: &str, code: &str, domain: &str) -> Value {
    json!({"id": id, "type": "workspace.invited", "occurred_at": when, "data": {"agency_code": code, "domain": domain}})
}

fn verdict(server: &Server, account: &str) -> Value {
    let receipt = server.read(&format!("/v1/accounts/{account}/attribution"));
    let found =
        receipt["programs"].as_array().and_then(|all| all.iter().find(|p| p["group"] == json!("emdash")).cloned());
    found.unwrap_or_else(|| panic!("no verdict: {receipt}"))
}

#[track_caller]
fn bound_to(server: &Server, account: &str, partner: &Partner, method: &str) -> Value {
    let found = verdict(server, account);
    assert_eq!((&found["partner"], &found["method"]), (&json!(partner.id), &json!(method)), "{found}");
    found
}

#[test]
fn a_company_belongs_to_the_partner_of_its_first_account() {
    let server = Server::start();
    let dev = enrol(&server, "dev", "developer");
    let rival = enrol(&server, "rival", "developer");
    step("a cookie of ninety days");
    let reply = server.visit(&format!("/r/{}", dev.code)).send();
    assert!(reply.header("set-cookie").is_some_and(|c| c.contains("; Max-Age=7776000")), "{:?}", reply.headers);
    let token_of = |cookie: &str| server.get("/v1/attribution").header("cookie", cookie).send().json()["token"].clone();
    let token = token_of(&reply.cookie().expect("the cookie"));
    server.tell(&[joined("first", &ahead(-60_000), "ann@corp.example", json!({"token": token}))]);
    bound_to(&server, "first", &dev, "token");

    step("a colleague without any link, but not a stranger at the same public email provider");
    server.tell(&[
        joined("second", &ahead(-50_000), "Bob@CORP.example", json!({})),
        joined("mail-1", &ahead(-40_000), "someone@gmail.com", json!({"code": dev.code})),
        joined("mail-2", &ahead(-30_000), "another@gmail.com", json!({})),
    ]);
    bound_to(&server, "second", &dev, "email_domain");
    assert_eq!(verdict(&server, "mail-2")["attributed"], json!(false));

    step("the colleague's own touch beats the domain; a typed code beats both");
    let theirs = token_of(&server.visit(&format!("/r/{}", rival.code)).send().cookie().expect("the cookie"));
    server.tell(&[
        joined("third", &ahead(-20_000), "cleo@corp.example", json!({"token": theirs})),
        joined("fourth", &ahead(-10_000), "dan@corp.example", json!({"token": theirs, "code": dev.code})),
    ]);
    let third = bound_to(&server, "third", &rival, "token");
    let candidates = third["candidates"].to_string();
    assert!(candidates.contains("token goes before email_domain"), "{third}");
    bound_to(&server, "fourth", &dev, "code");
    server.audit();
}

#[test]
fn a_workspace_binds_its_domain_permanently() {
    let server = Server::start();
    let agency = enrol(&server, "agency", "agency");
    let second = enrol(&server, "second-agency", "agency");
    let dev = enrol(&server, "dev", "developer");
    step("an invitation, then another agency's: the first counts, before any touch");
    server.tell(&[
        invited("inv-1", "2025-01-02T00:00:00Z", &agency.code, "client.example"),
        invited("inv-2", "2025-01-03T00:00:00Z", &second.code, "client.example"),
    ]);
    let cookie = server.visit(&format!("/r/{}", dev.code)).send().cookie().expect("the cookie");
    let token = server.get("/v1/attribution").header("cookie", cookie).send().json()["token"].clone();
    server.tell(&[joined("client", &ahead(0), "cto@client.example", json!({"token": token}))]);
    let found = bound_to(&server, "client", &agency, "workspace");
    let text = found["candidates"].to_string();
    assert!(text.contains("workspace goes before token") && text.contains("the first counts"), "{found}");

    step("a typed code beats it");
    server.tell(&[joined("typed", &ahead(0), "dev@client.example", json!({"code": dev.code}))]);
    bound_to(&server, "typed", &dev, "code");

    step("a hand-off names the account itself, or its domain");
    let hand = |id: &str, account: &str, data: Value| {
        event(id, "account.handed_off", "2025-02-01T00:00:00Z", account, json!({"data": data}))
    };
    server.tell(&[
        hand("hand-1", "handed", json!({"agency_code": second.code})),
        joined("handed", "2025-02-02T00:00:00Z", "me@gmail.com", json!({})),
        hand("hand-2", "project", json!({"agency_code": second.code, "domain": "bakery.example"})),
        joined("baker", "2025-02-02T00:00:00Z", "hi@bakery.example", json!({})),
    ]);
    bound_to(&server, "handed", &second, "workspace");
    bound_to(&server, "baker", &second, "workspace");

    step("an invitation that arrives after the sign-up it precedes: the account, and what it earned, follow");
    server.tell(&[
        joined("early", "2025-03-02T00:00:00Z", "a@late.example", json!({})),
        paid("early", "in-early", "2025-03-03T00:00:00Z", 80_000),
    ]);
    assert_eq!(verdict(&server, "early")["attributed"], json!(false));
    server.tell(&[invited("inv-late", "2025-03-01T00:00:00Z", &agency.code, "late.example")]);
    bound_to(&server, "early", &agency, "workspace");
    assert_eq!(server.balance(&agency), (16_000, 0), "20 % of $800");

    step("an invitation after the sign-up has no effect");
    server.tell(&[
        joined("before", "2025-03-02T00:00:00Z", "a@after.example", json!({})),
        invited("inv-after", "2025-03-02T00:00:00.001Z", &agency.code, "after.example"),
    ]);
    assert_eq!(verdict(&server, "before")["attributed"], json!(false));
    server.audit();
}

#[test]
fn an_account_goes_through_its_states() {
    let server = Server::start();
    let dev = enrol(&server, "dev", "developer");
    let states = |account: &str| -> Vec<(String, String)> {
        let text = |s: &Value, name: &str| s[name].as_str().expect("a text").to_owned();
        let found = verdict(&server, account);
        let all = found["states"].as_array().expect("states").clone();
        all.iter().map(|s| (text(s, "state"), text(s, "at"))).collect()
    };
    let wanted = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter().map(|(state, at)| ((*state).to_owned(), (*at).to_owned())).collect()
    };
    let active = |id: &str, account: &str, when: &str, calls: i64, team: i64| {
        let mut event = event(id, "account.active", when, account, json!({"data": {"api_calls": calls}}));
        merge(&mut event, json!({"account": {"team_size": team}}));
        event
    };
    step("activated by a thousand calls, a team of six, paid, sustained after ninety days");
    server.tell(&[
        joined("busy", "2025-01-01T00:00:00Z", "a@busy.example", json!({"code": dev.code})),
        active("act-1", "busy", "2025-01-03T00:00:00Z", 999, 5),
        active("act-2", "busy", "2025-01-05T00:00:00Z", 1_000, 6),
        paid("busy", "in-busy", "2025-01-10T00:00:00Z", 2_900),
    ]);
    assert_eq!(
        states("busy"),
        wanted(&[
            ("signed_up", "2025-01-01T00:00:00Z"),
            ("activated", "2025-01-05T00:00:00Z"),
            ("casual", "2025-01-10T00:00:00Z"),
            ("team", "2025-01-31T00:00:00Z"),
            ("paid", "2025-01-10T00:00:00Z"),
            ("sustained", "2025-04-01T00:00:00Z"),
        ])
    );
    step("activated by thirty days alone, never paid");
    server.tell(&[joined("quiet", "2025-01-01T00:00:00Z", "a@quiet.example", json!({"code": dev.code}))]);
    assert_eq!(
        states("quiet"),
        wanted(&[("signed_up", "2025-01-01T00:00:00Z"), ("activated", "2025-01-31T00:00:00Z")])
    );
    step("signed up a moment ago: states reached by time are not reported yet");
    server.tell(&[joined("fresh", &ahead(0), "a@fresh.example", json!({"code": dev.code}))]);
    let fresh: Vec<String> = states("fresh").into_iter().map(|(state, _)| state).collect();
    assert_eq!(fresh, ["signed_up"]);

    step("the sweep changes no money");
    let before = server.transfers();
    server.cron("*/10 * * * *", super::client::now_ms());
    assert_eq!(server.transfers(), before);
    let health = server.get("/healthz").operator().send().expect(200).json();
    assert!(health["crons"].as_array().is_some_and(|c| c.iter().any(|c| c["job"] == json!("sweep"))), "{health}");
    server.audit();
}
