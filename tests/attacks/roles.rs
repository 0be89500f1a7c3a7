//! An operator with the viewer or finance role tries to do more: by pages, by forms, or with a session that has more
//! rights than the person has now.

use super::browser::Browser;
use super::tables;
use super::world::{ADMIN, FINANCE, Outside, VIEWER, assert_unharmed};
use crate::client::step;
use crate::server::Server;
use serde_json::json;

/// What each role may do besides viewing.
const ROLES: [(&str, &str, &[&str]); 3] = [
    ("viewer", VIEWER, &[]),
    ("finance", FINANCE, &["credits", "payouts"]),
    ("admin", ADMIN, &["credits", "payouts", "events", "partners", "programs", "admin"]),
];

fn signed_in<'a>(outside: &Outside, server: &'a Server, email: &str, n: usize) -> Browser<'a> {
    let browser = Browser::from(server, &format!("198.51.100.{n}"));
    let had = outside.mails_to(email, 0).len();
    browser.send("/sign-in", &[("email", email), ("to", "/operator")]).expect(303);
    let mail = outside.mails_to(email, had + 1).pop().expect("the mail");
    assert_eq!(browser.send(&mail.link, &[]).expect(303).header("location"), Some("/operator"), "{email}");
    browser
}

/// All stored rows, except those that signing in and refusals write.
fn rows(server: &Server) -> Vec<(String, i64)> {
    let is_effect = |(name, _): &(String, i64)| !["session", "magic_link", "audit"].contains(&name.as_str());
    server.database_sizes().into_iter().filter(is_effect).collect()
}

#[test]
fn operators_cannot_exceed_their_role() {
    let outside = Outside::start();
    let mut server = outside.worker(&[("OPERATOR_EMAIL", "told@site.example")]);
    server.enrol("agency-partner", "ann");
    for (n, (role, email, scopes)) in ROLES.into_iter().enumerate() {
        let browser = signed_in(&outside, &server, email, n);
        let seen = rows(&server);
        for page in tables::operators() {
            let path = page.path(&["none"]);
            let may = page.need == "look" || scopes.contains(&page.need.as_str());
            // An admin's forms take effect. Other tests cover what they do.
            if page.method == "POST" && may {
                continue;
            }
            step(&format!("{role}: {} {path}", page.method));
            let reply = if page.method == "POST" {
                browser.send(&path, &[("reason", "so"), ("amount", "1"), ("decision", "release")])
            } else {
                browser.get(&path)
            };
            assert_eq!(reply.status == 403, !may, "{role} {path}: {} {}", reply.status, reply.text.len());
            assert!(
                reply.status < 500 && !reply.header("location").is_some_and(|to| to.starts_with("/sign-in")),
                "{role} {path}: {}",
                reply.status
            );
        }
        assert_eq!(rows(&server), seen, "{role} has written");
        step(&format!("{role}: what may not be done is not offered"));
        let home = browser.get("/operator").expect(200).text;
        assert_eq!(home.contains("/operator/tokens"), role == "admin", "{role}");
    }
    shrunk(&outside, &mut server);
    assert_unharmed(&server);
}

fn shrunk(outside: &Outside, server: &mut Server) {
    step("a session follows the person's present role: less, then nothing");
    let session = signed_in(outside, server, ADMIN, 20).cookie("__Host-manicule_session").expect("a session");
    let with = |operators: &str, server: &mut Server| {
        let vars = outside.vars();
        let mut vars: Vec<(&str, &str)> =
            vars.iter().map(|(n, v)| (*n, v.as_str())).filter(|(n, _)| *n != "OPERATORS").collect();
        vars.push(("OPERATORS", operators));
        server.restart(&vars);
    };
    let status = |server: &Server, path: &str| {
        let cookie = format!("__Host-manicule_session={session}");
        server.visit(path).header("cookie", cookie).send().status
    };
    assert_eq!(status(server, "/operator/tokens"), 200);
    with("Boss@Site.example:finance", server);
    assert_eq!((status(server, "/operator/tokens"), status(server, "/operator/payouts")), (403, 200));
    with("boss@site.example:owner boss2@site.example:", server);
    assert_eq!(status(server, "/operator/payouts"), 303);
    step("an unknown role gives no access, and malformed roles make nobody an operator");
    for email in ["boss@site.example", "boss2@site.example", "boss@site.example:owner", "owner"] {
        let browser = Browser::from(server, "203.0.113.5");
        let had = outside.mails_to(email, 0).len();
        browser.send("/sign-in", &[("email", email)]);
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert_eq!(outside.mails_to(email, 0).len(), had, "{email}");
    }
    let told = server.get("/healthz").operator().send().expect(503).json();
    assert!(told["configuration"].to_string().contains("OPERATORS"), "{told}");
    with("boss@site.example:finance", server);
    assert_eq!(status(server, "/operator/payouts"), 303, "what has ended does not come back");
    assert_eq!(server.get("/healthz").send().json(), json!({"ok": true}));
}
