//! Information leaks: the health of the installation, errors of libraries, and cells of exported files that a
//! spreadsheet would run.

use super::browser::Browser;
use super::world::assert_unharmed;
use crate::client::{Reply, step};
use crate::facts::{ahead, signed_up};
use crate::server::Server;
use crate::stand_in::{Answer, Asked, StandIn};
use crate::stripe::Stripe;
use serde_json::json;

/// Words from errors of libraries, the runtime and SQL, which would help an attacker.
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

fn reveals_nothing(reply: &Reply, what: &str) {
    for word in INSIDES {
        assert!(!reply.text.contains(word), "{what} says {word}: {}", reply.text);
    }
}

/// Ways in which a service can be broken. The session's value or the recipient's address selects one.
const BROKEN: [&str; 6] = ["garbled", "odd", "huge", "redirect", "refused", "failing"];
/// The person whom the broken services mention.
const JANE: &str = "jane@corp.example";

fn broken(asked: &Asked) -> Answer {
    let said = format!("{} {}", asked.header("cookie").unwrap_or(""), asked.body);
    let odd = json!({"success": true, "data": {"id": "u", "email": JANE, "name": null, "role": JANE}}).to_string();
    match BROKEN.into_iter().find(|way| said.contains(way)) {
        Some("garbled") => (200, format!("<html>{JANE}")),
        Some("odd") => (200, odd),
        Some("huge") => (200, "x".repeat(3_000_000)),
        Some("redirect") => (302, format!("https://evil.example/?{JANE}")),
        Some("refused") => (422, format!("{{\"message\":\"invalid `to` field: {JANE}\"}}")),
        Some(_) => (500, format!("at handler (/srv/app/src/index.js:1:1) {JANE}")),
        // Any other session is a valid user, who may be a partner.
        None => {
            let user = json!({"id": "=HYPERLINK(1)", "email": "a@b.example", "name": null, "role": 10});
            (200, json!({"success": true, "data": user}).to_string())
        }
    }
}

#[test]
fn responses_and_exports_leak_nothing() {
    let site = StandIn::start(broken);
    let mails = format!("{}/mails", site.base);
    let (stripe, mut server) = Stripe::beside(&[
        ("EMDASH_ORIGIN", &site.base),
        ("MAIL_API_URL", &mails),
        ("MAIL_API_KEY", "re_b1946ac92492d2347c6235b4d2611184"),
        ("MAIL_FROM", "Manicule <hello@site.example>"),
        ("PUBLIC_URL", "https://go.site.example"),
        ("PAYOUT_APPROVAL", "automatic"),
    ]);
    health(&server);
    broken_services(&server);
    files(&server, &stripe);
    assert_unharmed(&server);
    unwell(&mut server);
}

fn health(server: &Server) {
    step("without a token /healthz says only whether all is well; an invalid token gets no more");
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
}

fn unwell(server: &mut Server) {
    step("only operators see what is wrong, and a missing webhook secret by name");
    server.restart(&[("WEBHOOK_SECRETS", ""), ("STRIPE_API_KEY", "none"), ("EMDASH_ORIGIN", "http://127.0.0.1:9")]);
    assert_eq!(server.get("/healthz").send().expect(503).text, "{\"ok\":false}");
    let told = server.get("/healthz").operator().send().expect(503).json()["configuration"].to_string();
    assert!(told.contains("WEBHOOK_SECRETS") && told.contains("STRIPE_API_KEY"), "{told}");
    let event = signed_up("nobody", &ahead(0), json!({})).to_string();
    let refused = server.deliver_signed(event.as_bytes(), &server.webhook_secret, crate::client::now_ms() / 1_000);
    reveals_nothing(&refused.expect(503), "a closed door");
    let ask = server.ask("POST", "/api/referral/generate").header("cookie", "astro-session=nowhere");
    reveals_nothing(&ask.send().expect(503), "nobody there");
}

fn broken_services(server: &Server) {
    for (n, way) in BROKEN.into_iter().enumerate() {
        step(&format!("the site and the mail service are {way}: not a word of theirs, neither told nor logged"));
        let ask = server.ask("POST", "/api/referral/generate").header("cookie", format!("astro-session={way}"));
        let reply = ask.send().expect(503);
        reveals_nothing(&reply, way);
        let browser = Browser::from(server, &format!("198.51.100.{n}"));
        browser.keep("astro-session", &format!("{way}-too"));
        let email = format!("{way}@corp.example");
        let fields =
            [("name", "x"), ("email", &*email), ("website", "x.example"), ("country", "US"), ("disclosure", "yes")];
        let replies = [
            browser.get("/sign-in"),
            browser.get("/partner/join"),
            browser.send("/partner/join", &fields),
            browser.send("/sign-in", &[("email", &email)]),
        ];
        for reply in replies {
            for word in [JANE, "srv/app", "invalid `to`", "is wanted"] {
                assert!(!reply.text.contains(word), "{way} reveals {word}: {}", reply.text);
            }
        }
        let log = server.log();
        let line = log.lines().find(|line| line.contains("corp.example") || line.contains("/srv/app"));
        assert_eq!(line, None, "{way}");
    }
}

fn files(server: &Server, stripe: &Stripe) {
    step("no cell of a file is a formula, whichever separator a spreadsheet uses");
    let name = "x;=1+1|@cmd,-2+3; +4, \"=5 ＝6;＋7";
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
    let person = Browser::of_site(server, "somebody");
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

/// No cell begins like a formula, whichever separator splits the line.
fn harmless(line: &str) {
    let cells = line.split([',', ';', '\t', '|']).map(|cell| cell.trim_start_matches([' ', '"', '\u{a0}']));
    for cell in cells {
        assert!(!cell.starts_with(['=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠']), "{cell:?} of {line}");
    }
}
