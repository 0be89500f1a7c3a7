//! An attacker sends by the thousand what anybody may send: no more is left behind than `docs/limits.md` says, the books
//! stay as they are, and people are still answered.

use super::browser::Browser;
use super::world::{Outside, assert_unharmed, at_once};
use crate::client::{Reply, step};
use crate::facts::Partner;
use crate::server::Server;
use crate::stripe::{CONNECT_SECRET, SECRET};
use serde_json::{Value, json};

const FUNNEL: &str = "partner-funnel";
const AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const FLOOD: usize = 1_000;
/// Requests that are under way at once.
const AT_ONCE: usize = 25;

/// Sends all of them, some at once. Each is answered, and none by a fault.
fn flood(ask: impl Fn(usize) -> Reply + Sync) -> Vec<u16> {
    let mut statuses = Vec::new();
    for first in (0..FLOOD).step_by(AT_ONCE) {
        statuses.extend(at_once(AT_ONCE, |n| ask(first + n)).iter().map(|reply| reply.status));
    }
    assert!(statuses.iter().all(|status| *status < 500), "{statuses:?}");
    statuses
}

fn rows(server: &Server, table: &str) -> i64 {
    server.database_rows(&format!("SELECT COUNT(*) FROM {table}"))
}

fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|found| **found == status).count()
}

#[test]
fn floods_leave_no_more_than_is_said() {
    let outside = Outside::start();
    let server =
        outside.worker(&[("STRIPE_WEBHOOK_SECRETS", SECRET), ("STRIPE_CONNECT_WEBHOOK_SECRETS", CONNECT_SECRET)]);
    let partner = partner(&server);
    beacons(&server, &partner);
    campaigns(&server, &partner);
    tokens(&server);
    links(&server);
    health(&server);
    joining(&server);
    reading(&server);
    assert_unharmed(&server);
}

fn partner(server: &Server) -> Partner {
    let body = json!({"program": FUNNEL, "external_id": "seo", "name": "Seo", "email": "seo@p.example", "disclosure_accepted": true});
    let made = server.post("/v1/partners", &body).operator().send().expect(201).json();
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    Partner { id: text("id"), code: text("code") }
}

fn beacons(server: &Server, partner: &Partner) {
    step("beacons of one machine, each with a User-Agent of its own: 60 a minute for a network and link");
    let body = json!({"event": "lead_magnet.downloaded", "partner": partner.code}).to_string();
    let began = std::time::Instant::now();
    let statuses = flood(|n| {
        let ask = server.ask("POST", "/v1/collect").header("cf-connecting-ip", "198.51.100.1");
        ask.header("user-agent", format!("{AGENT} {n}")).body(body.clone()).send()
    });
    let minutes = i64::try_from(began.elapsed().as_secs() / 60).expect("minutes") + 2;
    assert_eq!(count(&statuses, 204), FLOOD, "the answer is always the same");
    let stored = rows(server, "funnel_event");
    assert!((1..=60 * minutes).contains(&stored), "{stored} rows in {minutes} minutes");
}

fn campaigns(server: &Server, partner: &Partner) {
    step("clicks with campaigns of the attacker's own: 50 names, and one for all others");
    let statuses = flood(|n| {
        let ask = server.ask("GET", &format!("/r/{}?campaign=made-up-{n}", partner.code));
        ask.header("cf-connecting-ip", format!("198.51.{}.{}", n / 250, n % 250)).header("user-agent", AGENT).send()
    });
    assert_eq!(count(&statuses, 302), FLOOD, "every visitor goes where the link leads");
    // Clicks are written after the response.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let names = server.database_rows("SELECT COUNT(DISTINCT campaign) FROM click");
    assert!(names <= 51, "{names} names");
    assert!(rows(server, "campaign_week") <= 100, "of this week, and the next if it just began");
}

fn tokens(server: &Server) {
    step("wrong tokens: 20 a minute are looked up, and nothing is left behind");
    let (sessions, audit) = (rows(server, "session"), rows(server, "audit"));
    let statuses = flood(|n| {
        server.get("/v1/partners").header("cf-connecting-ip", "198.51.100.2").bearer(&format!("mop_guess{n}")).send()
    });
    assert_eq!(count(&statuses, 401) + count(&statuses, 429), FLOOD);
    assert!(count(&statuses, 429) >= FLOOD / 2, "{} were refused without a look", count(&statuses, 429));
    assert_eq!((rows(server, "session"), rows(server, "audit")), (sessions, audit));
    server.get("/v1/partners").header("cf-connecting-ip", "198.51.100.2").operator().send().expect(200);
}

fn links(server: &Server) {
    step("wrong links in emails: none is looked up, and nobody is refused for them");
    let statuses = flood(|n| {
        let ask = server.ask("GET", &format!("/sign-in/mail/guess{n}")).header("cf-connecting-ip", "198.51.100.3");
        ask.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document").send()
    });
    assert_eq!(count(&statuses, 410), FLOOD);
    server.get("/v1/partners").header("cf-connecting-ip", "198.51.100.3").bearer("mop_wrong").send().expect(401);
}

fn health(server: &Server) {
    step("/healthz answers everybody, and looks once in some seconds");
    let statuses = flood(|_| server.get("/healthz").send());
    assert_eq!(count(&statuses, 200), FLOOD);
}

fn joining(server: &Server) {
    step("join links to a thousand addresses: 10 a minute from a network, 120 an hour");
    let before = rows(server, "magic_link");
    let browser = Browser::from(server, "198.51.100.4");
    let mut statuses = Vec::new();
    for n in 0..200 {
        let email = format!("victim{n}@people.example");
        let fields = [
            ("program", "agency-partner"),
            ("name", "x"),
            ("email", &*email),
            ("website", "https://evil.example/x"),
            ("country", "US"),
            ("disclosure", "yes"),
        ];
        statuses.push(browser.send("/partner/join", &fields).status);
    }
    assert!(count(&statuses, 429) > 0, "{statuses:?}");
    let stored = rows(server, "magic_link") - before;
    assert!(stored <= 120, "{stored} links");
}

fn reading(server: &Server) {
    step("what only reads leaves nothing");
    let tables = ["promotion_code", "session", "click", "funnel_event", "magic_link", "partner", "audit", "event"];
    let before = tables.map(|table| rows(server, table));
    let paths =
        ["/v1/attribution", "/api/referral/link", "/openapi.json", "/program.schema.json", "/sign-in", "/partner/join"];
    flood(|n| {
        let ask = server.ask("GET", paths[n % paths.len()]).header("sec-fetch-site", "same-origin");
        ask.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document").header("user-agent", AGENT).send()
    });
    flood(|n| {
        let hooks = [
            "/v1/webhooks/events",
            "/v1/webhooks/emdash",
            "/v1/webhooks/emdash-forms/guess",
            "/v1/webhooks/stripe",
            "/v1/webhooks/stripe-connect",
        ];
        server.ask("POST", hooks[n % hooks.len()]).body(json!({"id": n}).to_string()).send()
    });
    let button = flood(|_| {
        let ask = server.ask("POST", "/v1/attribution/promotion-code").header("sec-fetch-site", "same-origin");
        ask.header("user-agent", AGENT).body(Value::Null.to_string().replace("null", "{}")).send()
    });
    assert_eq!(count(&button, 200), FLOOD);
    assert_eq!(tables.map(|table| rows(server, table)), before);
}
