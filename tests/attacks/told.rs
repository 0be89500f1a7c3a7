//! What is told to whom: how the installation is doing, what a library said, cells of files that a table program runs.

use super::browser::Browser;
use super::world::{Outside, unharmed};
use crate::client::{Reply, step};
use crate::facts::{ahead, signed_up};
use crate::server::Server;
use crate::stand_in::StandIn;
use serde_json::json;

/// Words of libraries, of the runtime and of SQL, which say how to go on.
const INSIDES: [&str; 22] = [
    "line 1",
    "column",
    "expected",
    "serde",
    "invalid type",
    "SQLITE",
    "SQL",
    "D1_",
    "constraint",
    "panick",
    "unwrap",
    "src/",
    "RuntimeError",
    "TypeError",
    "fetch failed",
    "ECONN",
    "connect",
    "127.0.0.1:",
    "kj/",
    "workerd",
    "wasm",
    "stack",
];

fn says_nothing(reply: &Reply, what: &str) {
    for word in INSIDES {
        assert!(!reply.text.contains(word), "{what} says {word}: {}", reply.text);
    }
}

#[test]
fn nobody_is_told_what_is_not_theirs() {
    let outside = Outside::start();
    let mut server = outside.worker(&[]);
    health(&mut server);
    broken_services(&mut server);
    files(&mut server, &outside);
    unharmed(&server);
}

fn health(server: &mut Server) {
    step("/healthz says whether all is well, and no more, to whoever shows no token; a bad token is no way around");
    assert_eq!(server.get("/healthz").send().expect(200).text, "{\"ok\":true}");
    assert_eq!(server.get("/healthz?details=1").header("x-forwarded-for", "127.0.0.1").send().text, "{\"ok\":true}");
    for token in ["", "Bearer", "Bearer wrong", "Basic b3A6b3A=", "Bearer undefined"] {
        let reply = server.get("/healthz").header("authorization", token).send();
        assert!(
            reply.status == 401 || (token.is_empty() && reply.text == "{\"ok\":true}"),
            "{token:?}: {}",
            reply.text
        );
        assert!(!reply.text.contains("schema"), "{token:?}: {}", reply.text);
    }
    let whole = server.get("/healthz").operator().send().expect(200).json();
    assert!(whole["schema"].is_object() && whole["crons"].is_array(), "{whole}");
    step("what is not well is told to operators alone, a missing secret of webhooks by its name");
    server.restart(&[("WEBHOOK_SECRETS", ""), ("STRIPE_API_KEY", "none")]);
    assert_eq!(server.get("/healthz").send().expect(503).text, "{\"ok\":false}");
    let told = server.get("/healthz").operator().send().expect(503).json()["configuration"].to_string();
    assert!(told.contains("WEBHOOK_SECRETS") && told.contains("STRIPE_API_KEY"), "{told}");
    let event = signed_up("nobody", &ahead(0), json!({})).to_string();
    let refused =
        server.deliver_signed(event.as_bytes(), &server.webhook_secret.clone(), crate::client::now_ms() / 1_000);
    says_nothing(&refused.expect(503), "a closed door");
}

/// A service that answers what `way` says.
fn broken(way: &'static str) -> StandIn {
    StandIn::start(move |_| {
        match way {
        "garbled" => (200, "<html>jane@corp.example".to_owned()),
        "odd" => (200, json!({"success": true, "data": {"id": "u", "email": "jane@corp.example", "name": null, "role": "jane@corp.example"}}).to_string()),
        "huge" => (200, "x".repeat(3_000_000)),
        "redirect" => (302, "https://evil.example/?jane@corp.example".to_owned()),
        "refused" => (422, "{\"message\":\"invalid `to` field: jane@corp.example\"}".to_owned()),
        _ => (500, "at handler (/srv/app/src/index.js:1:1) jane@corp.example".to_owned()),
    }
    })
}

fn broken_services(server: &mut Server) {
    for way in ["garbled", "odd", "huge", "redirect", "refused", "failing"] {
        step(&format!(
            "the site and the mail service are {way}: 503 without a word of theirs, neither told nor logged"
        ));
        let site = broken(way);
        let mails = format!("{}/mails", site.base);
        server.restart(&[
            ("EMDASH_ORIGIN", &site.base),
            ("MAIL_API_URL", &mails),
            ("MAIL_API_KEY", "re_b1946ac92492d2347c6235b4d2611184"),
            ("MAIL_FROM", "Manicule <hello@site.example>"),
            ("PUBLIC_URL", "https://go.site.example"),
        ]);
        let ask = server.ask("POST", "/api/referral/generate").header("cookie", format!("astro-session=s-{way}"));
        let reply = ask.send();
        assert!(reply.status == 503 || way == "refused", "{way}: {} {}", reply.status, reply.text);
        says_nothing(&reply, way);
        let browser = Browser::new(server);
        browser.keep("astro-session", &format!("t-{way}"));
        for reply in [browser.get("/sign-in"), browser.get("/partner/join")] {
            assert!(!reply.text.contains("jane@") && !reply.text.contains("srv/app"), "{way}: {}", reply.text);
        }
        let fields = [
            ("name", "x"),
            ("email", "jane@corp.example"),
            ("website", "x.example"),
            ("country", "US"),
            ("disclosure", "yes"),
        ];
        let joined = browser.send("/partner/join", &fields);
        assert!(!joined.text.contains("srv/app") && !joined.text.contains("invalid `to`"), "{way}: {}", joined.text);
        browser.send("/sign-in", &[("email", "jane@corp.example")]);
        let log = server.log();
        let line = log.lines().find(|line| line.contains("jane@corp.example") || line.contains("/srv/app"));
        assert_eq!(line, None, "{way}");
    }
    step("nobody at all there");
    server.restart(&[("EMDASH_ORIGIN", "http://127.0.0.1:9")]);
    let ask = server.ask("POST", "/api/referral/generate").header("cookie", "astro-session=nowhere");
    says_nothing(&ask.send().expect(503), "nobody there");
}

fn files(server: &mut Server, outside: &Outside) {
    step("no cell of a file is a formula, after whichever sign a table program parts it");
    let (stripe, more) = (crate::stripe::Stripe::start(), outside.vars());
    let more: Vec<(&str, &str)> = more.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut vars = stripe.vars(&more);
    vars.push(("PAYOUT_APPROVAL", "automatic"));
    server.restart(&vars);
    stripe.post_to(server);
    let name = "x;=1+1|@cmd,-2+3\t+4, \"=5 ＝6;＋7";
    let body = json!({
        "program": "agency-partner", "external_id": "=HYPERLINK(1)", "name": name, "email": "+formula@a.example", "country": "US",
        "disclosure_accepted": true,
    });
    let made = server.post("/v1/partners", &body).operator().send().expect(201).json();
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    let partner = crate::facts::Partner { id: text("id"), code: text("code") };
    stripe.onboards(server, &partner);
    server.tell(&[
        signed_up("client", "2024-09-01T00:00:00Z", json!({"code": partner.code})),
        crate::facts::paid("client", "in-1", "2024-09-01T01:00:00Z", 10_000),
    ]);
    server.settle("agency-partner", "monthly", "2024-11");
    server.cron("*/10 * * * *", crate::client::now_ms());
    let person = Browser::of_site(server, "=HYPERLINK(1).10");
    let year = &crate::facts::ahead(0)[..4];
    let office = server.get(&format!("/v1/reports/payouts?year={year}&format=csv")).operator().send().expect(200);
    for file in [office.text, person.get("/partner/payouts.csv").expect(200).text] {
        let lines: Vec<&str> = file.split("\r\n").filter(|line| !line.is_empty()).collect();
        assert!(lines.len() >= 2, "{file}");
        for line in &lines[1..] {
            assert!(line.starts_with('"') && line.ends_with('"'), "{line}");
            harmless(line);
        }
    }
}

/// However the line is cut, no cell begins like a formula.
fn harmless(line: &str) {
    let cells = line.split([',', ';', '\t', '|']).map(|cell| cell.trim_start_matches([' ', '"', '\u{a0}']));
    for cell in cells {
        assert!(!cell.starts_with(['=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠']), "{cell:?} of {line}");
    }
}
