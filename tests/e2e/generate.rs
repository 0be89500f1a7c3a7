//! `POST /api/referral/generate`, with a stand-in that answers `auth/me` as EmDash does.

use super::client::{Ask, Reply, step};
use super::server::Server;
use super::stand_in::{Answer, Asked, StandIn};
use serde_json::json;
use std::time::{Duration, Instant};

/// The maximum time to wait for a site that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The session cookie's value selects the stand-in's answer.
fn emdash(asked: &Asked) -> Answer {
    let session = asked.header("cookie").and_then(|c| c.split("astro-session=").nth(1)).unwrap_or("");
    let session = session.split(';').next().unwrap_or("");
    let me = |id: &str, role: u32| {
        let user = json!({
            "id": id, "email": format!("{id}@example.com"), "name": id, "role": role, "avatarUrl": null,
            "isFirstLogin": true,
        });
        (200, json!({"success": true, "data": user}).to_string())
    };
    let refused = |status: u16, code: &str| {
        (status, json!({"success": false, "error": {"code": code, "message": code}}).to_string())
    };
    match session {
        "slow" => {
            std::thread::sleep(Duration::from_secs(55));
            me("slow", 10)
        }
        "broken" => (500, me("broken", 50).1),
        "garbled" => (200, "<html>".to_owned()),
        "disabled" => refused(403, "ACCOUNT_DISABLED"),
        "visitor" => me("visitor", 0),
        known if known.starts_with("user-") => me(known, 10),
        _ => refused(401, "NOT_AUTHENTICATED"),
    }
}

fn generate<'a>(server: &'a Server, session: &str) -> Ask<'a> {
    server.ask("POST", "/api/referral/generate").header("cookie", format!("theme=dark; astro-session={session}"))
}

#[test]
fn signed_in_users_get_their_link() {
    let site = StandIn::start(emdash);
    let server = Server::with(&[("EMDASH_ORIGIN", &site.base)]);

    step("signed in: 201, then 200 with the same code");
    let first = generate(&server, "user-1").header("authorization", "Bearer something-else").send().expect(201).json();
    let code = first["code"].as_str().expect("a code").to_owned();
    assert!(code.len() == 8 && code.bytes().all(|b| b.is_ascii_alphanumeric()), "{code}");
    assert_eq!(first["url"], json!(format!("{}/r/{code}", server.base)));
    assert_eq!(first["query_url"], json!(format!("{}/?ref={code}", server.base)));
    let again = generate(&server, "user-1").send().expect(200).json();
    assert_eq!(again, first);

    step("EmDash was queried once, with only its own cookie");
    let asked = site.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!((asked[0].method.as_str(), asked[0].target.as_str()), ("GET", "/_emdash/api/auth/me"));
    assert_eq!(asked[0].header("cookie"), Some("astro-session=user-1"));
    assert_eq!(asked[0].header("authorization"), None);

    step("the link works, and another user has another");
    assert!(server.visit(&format!("/r/{code}")).send().cookie().is_some());
    assert_ne!(generate(&server, "user-2").send().expect(201).json()["code"], json!(code));

    step("users who are signed out, disabled, or below subscriber get none");
    generate(&server, "expired").send().problem(401, "not_signed_in");
    generate(&server, "disabled").send().problem(401, "not_signed_in");
    generate(&server, "visitor").send().problem(403, "role_too_low");
    site.asked();
    server.ask("POST", "/api/referral/generate").send().problem(401, "not_signed_in");
    server
        .ask("POST", "/api/referral/generate")
        .header("cookie", "astro-session=")
        .send()
        .problem(401, "not_signed_in");
    assert!(site.asked().is_empty(), "without a session nobody is asked");

    step("another site's page cannot send requests as the user");
    let cross = generate(&server, "user-1").header("origin", "https://evil.example");
    cross.send().problem(403, "cross_origin");
    generate(&server, "user-1").header("sec-fetch-site", "cross-site").send().problem(403, "cross_origin");
    generate(&server, "user-1").header("origin", server.base.clone()).send().expect(200);

    step("a program by name; one that does not exist is named");
    let body = |program: &str| json!({"program": program, "disclosure_accepted": true}).to_string();
    let agency = generate(&server, "user-1").body(body("agency-partner")).send().expect(201).json();
    assert!(agency["code"].as_str().is_some_and(|c| c.starts_with("PARTNER_")), "{agency}");
    let problem = generate(&server, "user-1").body(body("no-such")).send().problem(404, "not_found");
    assert_eq!(problem["detail"], "program open for joining not found");
    outages(&server);
}

fn outages(server: &Server) {
    step("if EmDash fails, talks nonsense or takes too long: 503 with a time to retry, never signed in");
    for session in ["broken", "garbled"] {
        retry_later(&generate(server, session).send());
    }
    // The fastest of a few requests, because a busy machine may delay one of them.
    let patience = || {
        let started = Instant::now();
        retry_later(&generate(server, "slow").send());
        started.elapsed()
    };
    let took: Vec<Duration> = std::iter::repeat_with(patience).take_while(|took| *took >= PATIENCE).take(5).collect();
    assert!(took.len() < 5, "gave up after {took:?}");
}

/// 503, with a header that says when to retry.
fn retry_later(reply: &Reply) {
    reply.clone().problem(503, "session_unavailable");
    assert!(reply.header("retry-after").is_some_and(|s| s.parse::<u32>().is_ok()), "{reply:?}");
}

#[test]
fn without_an_emdash_nobody_is_signed_in() {
    step("a site that does not answer");
    let nowhere = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}", listener.local_addr().expect("an address"))
    };
    let mut server = Server::with(&[("EMDASH_ORIGIN", &nowhere)]);
    retry_later(&generate(&server, "user-1").send());

    step("no site configured");
    server.restart(&[]);
    generate(&server, "user-1").send().problem(503, "not_configured");
}
