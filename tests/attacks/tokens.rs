//! A token is used for another purpose, outlives its year, or is used without leaving a trace.

use super::browser::Browser;
use super::world::{Outside, assert_unharmed};
use crate::client::{Ask, Reply, step};
use crate::server::Server;
use manicule::engine::identity::access::Scope;
use manicule::http::auth::Access;
use manicule::http::route::{ROUTES, Route};
use serde_json::{Value, json};

/// Creates a token through the form. Returns the response, and the secret if there is one.
fn make(operator: &Browser<'_>, name: &str, days: &str, scopes: &[&str]) -> (Reply, String) {
    let fields: Vec<String> = scopes.iter().map(|scope| format!("scope_{scope}")).collect();
    let mut form = vec![("name", name), ("expires", days)];
    form.extend(fields.iter().map(|field| (field.as_str(), "yes")));
    let reply = operator.send("/operator/tokens", &form);
    let secret = reply.text.find("mop_").and_then(|at| reply.text.get(at..at + 68)).unwrap_or_default().to_owned();
    (reply, secret)
}

#[track_caller]
fn made(operator: &Browser<'_>, name: &str, scopes: &[&str]) -> String {
    let (reply, secret) = make(operator, name, "30", scopes);
    assert_eq!((reply.status, secret.len()), (200, 68), "{name}");
    secret
}

/// A call to a route that would take effect if it were allowed and its ids were known.
fn call<'a>(server: &'a Server, route: &Route, method: &str) -> Ask<'a> {
    let path: String =
        route.path.split('/').map(|p| if p.starts_with('{') { "none" } else { p }).collect::<Vec<_>>().join("/");
    let ask = server.ask(method, &path);
    if route.method == "GET" || route.method == "DELETE" { ask } else { ask.body("{}").header("idempotency-key", "k") }
}

fn audited(server: &Server, action: &str, actor: &str) -> usize {
    let log = server.read("/v1/audit?limit=200");
    let rows = log["data"].as_array().expect("rows");
    rows.iter().filter(|row| row["action"] == action && row["actor"] == actor).count()
}

#[test]
fn tokens_work_only_for_their_purpose() {
    let outside = Outside::start();
    let server = outside.worker(&[]);
    let operator = Browser::of_token(&server, &server.operator_token);
    every_route(&server, &operator);
    no_more_than_the_maker(&server, &operator);
    a_year(&server, &operator);
    traced(&server, &operator);
    strangers(&outside, &server);
    assert_unharmed(&server);
}

fn every_route(server: &Server, operator: &Browser<'_>) {
    let tokens: Vec<(Scope, String)> =
        Scope::ALL.iter().map(|s| (*s, made(operator, &format!("of-{}", s.name()), &[s.name()]))).collect();
    let mut tried = 0;
    for route in ROUTES {
        let Access::Operator(wanted) = route.access else { continue };
        step(&format!("{} {}", route.method, route.path));
        for (scope, token) in &tokens {
            let reading = route.method == "GET" && wanted != Scope::Admin && *scope == Scope::Read;
            let may = *scope == wanted || *scope == Scope::Admin || reading;
            let methods: &[&str] = if route.method == "GET" { &["GET", "HEAD"] } else { &[route.method] };
            for method in methods {
                let reply = call(server, route, method).bearer(token).send();
                let is_refused = reply.status == 403;
                assert_eq!(
                    is_refused,
                    !may,
                    "{method} {} by {}: {} {}",
                    route.path,
                    scope.name(),
                    reply.status,
                    reply.text
                );
                assert!(![401, 405].contains(&reply.status) && reply.status < 500, "{}: {}", route.path, reply.text);
                tried += 1;
            }
            if !may && route.method != "GET" {
                // A refused caller also learns nothing about the validity of the body.
                let huge = call(server, route, route.method).bearer(token).body("x".repeat(70_000)).send();
                huge.problem(403, "insufficient_scope");
            }
        }
    }
    assert!(tried > 300, "{tried}");
    step("several scopes allow exactly their sum");
    let two = made(operator, "of-two", &["credits", "events"]);
    for (path, may) in [("/v1/credits?partner=none", true), ("/v1/payouts", false), ("/v1/audit", false)] {
        assert_eq!(server.get(path).bearer(&two).send().status != 403, may, "{path}");
    }
    step("details of /healthz need the scope to read");
    for (scope, token) in &tokens {
        let may = [Scope::Read, Scope::Admin].contains(scope);
        let reply = server.get("/healthz").bearer(token).send();
        assert_eq!(
            (reply.status, reply.text.contains("schema")),
            (if may { 200 } else { 403 }, may),
            "{}",
            scope.name()
        );
    }
}

fn no_more_than_the_maker(server: &Server, operator: &Browser<'_>) {
    step("only operators with the scope create tokens, and a token without access to pages opens none");
    for scope in Scope::ALL.iter().copied().filter(|s| *s != Scope::Admin) {
        let token = made(operator, &format!("way-in-{}", scope.name()), &[scope.name()]);
        let visitor = Browser::new(server);
        let reply = visitor.send("/sign-in/token", &[("token", &token), ("to", "/operator/tokens")]);
        if scope != Scope::Read {
            assert_eq!((reply.status, visitor.cookie("__Host-manicule_session")), (422, None), "{}", scope.name());
            continue;
        }
        assert_eq!((visitor.get("/operator").status, visitor.get("/operator/tokens").status), (200, 403));
        let (refused, secret) = make(&visitor, "climber", "30", &["admin"]);
        assert_eq!((refused.status, secret.as_str()), (403, ""));
    }
    step("unknown scopes are refused");
    for scopes in [&[][..], &["root"], &["Admin"], &["admin "], &["read admin"]] {
        let (reply, secret) = make(operator, "odd", "30", scopes);
        assert_eq!((reply.status, secret.as_str()), (422, ""), "{scopes:?}");
    }
    step("reserved and invalid names are refused");
    for name in ["bootstrap", "", "token:bootstrap", "a b", "a\nb", "<b>", "é", &"a".repeat(61)] {
        let (reply, secret) = make(operator, name, "30", &["read"]);
        assert_eq!((reply.status, secret.as_str()), (422, ""), "{name:?}");
    }
}

fn a_year(server: &Server, operator: &Browser<'_>) {
    step("no token is valid for longer than a year");
    for days in ["366", "0", "-1", "", "never", "99999999999999999999", "1e2", "30.0"] {
        let (reply, secret) = make(operator, "eternal", days, &["read"]);
        assert_eq!((reply.status, secret.as_str()), (422, ""), "{days:?}");
    }
    let (reply, _) = make(operator, "yearling", "365", &["read"]);
    assert_eq!(reply.status, 200);
    let longest = server.database_rows("SELECT MAX(expires_at_ms - created_at_ms) FROM api_token");
    assert!(longest <= 365 * 86_400_000, "{longest}");
    assert_eq!(server.database_rows("SELECT COUNT(*) FROM api_token WHERE name IN ('eternal', 'odd', 'climber')"), 0);
}

fn traced(server: &Server, operator: &Browser<'_>) {
    step("creation, the first of many concurrent uses, and revocation are in the audit log once each");
    let token = made(operator, "traced", &["read"]);
    let used: Vec<u16> = std::thread::scope(|scope| {
        let asking: Vec<_> =
            (0..30).map(|_| scope.spawn(|| server.get("/v1/runs").bearer(&token).send().status)).collect();
        asking.into_iter().map(|one| one.join().expect("an answer")).collect()
    });
    assert!(used.iter().all(|status| *status == 200), "{used:?}");
    assert_eq!(audited(server, "token.first_use", "token:traced"), 1);
    let visitor = Browser::of_token(server, &token);
    let page = operator.get("/operator/tokens").text;
    let ids: Vec<&str> =
        page.split("/operator/tokens/").skip(1).filter_map(|rest| rest.split("/revoke").next()).collect();
    let rows = server.read("/v1/audit?limit=200");
    let row = rows["data"]
        .as_array()
        .expect("rows")
        .iter()
        .find(|r| r["actor"] == "token:traced" && r["action"] == "token.first_use")
        .cloned();
    let id = row.expect("the first use")["subject"].as_str().expect("an id").to_owned();
    assert!(ids.contains(&id.as_str()), "{id}: {ids:?}");
    for _ in 0..2 {
        operator.send(&format!("/operator/tokens/{id}/revoke"), &[]).expect(303);
    }
    assert_eq!(audited(server, "token.revoke", "token:bootstrap"), 1);
    assert!(audited(server, "token.make", "token:bootstrap") >= 10);
    step("a revoked token ends immediately, with the sessions it opened");
    server.get("/v1/runs").bearer(&token).send().problem(401, "unauthorized");
    assert_eq!(visitor.get("/operator").status, 303);
    let again = Browser::new(server);
    assert_eq!(again.send("/sign-in/token", &[("token", &token)]).status, 422);
    step("sign-ins and sign-outs of operators are audited, and failed ones are logged");
    assert_eq!(audited(server, "operator.sign_in", "token:traced"), 1);
    let leaving = Browser::of_token(server, &server.operator_token);
    leaving.send("/sign-out", &[]).expect(303);
    let leaving = Browser::of_token(server, &made(operator, "leaver", &["read"]));
    leaving.send("/sign-out", &[("everywhere", "yes")]).expect(303);
    assert_eq!(audited(server, "operator.sign_out", "token:bootstrap"), 1);
    assert_eq!(audited(server, "operator.sign_out_everywhere", "token:leaver"), 1);
    assert!(server.log().contains("sign_in_refused"));
    assert!(!server.log().contains("mop_") && !server.read("/v1/audit?limit=200").to_string().contains("mop_"));
    step("spellings of the header");
    let good = made(operator, "spelled", &["read"]);
    for (header, status) in [
        (format!("Bearer {good}"), 200),
        (format!("bearer {good}"), 200),
        (format!("Bearer {good} {good}"), 401),
        (format!("Bearer {}", good.to_uppercase()), 401),
        (format!("Basic {good}"), 401),
        (good.clone(), 401),
        ("Bearer".to_owned(), 401),
        (format!("Bearer {}", &good[..67]), 401),
        (format!("Bearer {good}0"), 401),
        (format!("Bearer {}", manicule::http::auth::hex_sha256(good.as_bytes())), 401),
        ("Bearer ' OR 1=1 --".to_owned(), 401),
    ] {
        assert_eq!(server.get("/v1/runs").header("authorization", &*header).send().status, status, "{header}");
    }
}

fn strangers(outside: &Outside, server: &Server) {
    step("no cookie, no other endpoint's secret and no hash opens the API");
    let person = Browser::of_site(server, "thief.50");
    let session = person.cookie("__Host-manicule_session").expect("a session");
    let token = session.split('.').next().expect("a token");
    let sha256 = manicule::http::auth::hex_sha256(token.as_bytes());
    let others = [token, &sha256, &server.emdash_token, &server.forms_secret, &server.webhook_secret, "thief.50"];
    for route in ROUTES.iter().filter(|route| matches!(route.access, Access::Operator(_))) {
        for other in others {
            let ask = call(server, route, route.method).header("cookie", person.cookies());
            assert_eq!(ask.clone().send().status, 401, "{} by cookie", route.path);
            assert_eq!(ask.bearer(other).elsewhere().send().status, 401, "{} by {other}", route.path);
        }
    }
    assert!(!outside.site.asked().iter().any(|asked| asked.target.starts_with("/v1/")));
    let value: Value = server.get("/healthz").header("cookie", person.cookies()).send().json();
    assert_eq!(value, json!({"ok": true}));
}
