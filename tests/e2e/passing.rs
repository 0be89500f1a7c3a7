//! The site behind the Worker as one setting: what is passed on, what its answers tell, and what happens without it.

use super::client::{Ask, now_ms, step};
use super::server::{Server, WRITTEN_WITHIN};
use super::stand_in::{Asked, StandIn};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const COMPLETE: &str = "/_emdash/api/auth/invite/complete";
const CALLBACK: &str = "/_emdash/api/auth/oauth/github/callback";
const SUBMIT: &str = "/_emdash/api/plugins/emdash-forms/submit";
const SESSION: &str = "set-cookie: astro-session=new; Path=/; HttpOnly; SameSite=Lax\r\n";

/// A ULID of this instant.
fn ulid(at_ms: i64) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let instant = (0..10).rev().map(|place| char::from(DIGITS[usize::try_from(at_ms >> (5 * place) & 31).unwrap()]));
    instant.chain("89TWKFX499T6M6QS".chars()).collect()
}

/// Answers as EmDash does. A header `x-id` of the request says which user.
fn emdash(asked: &Asked) -> (u16, String, String) {
    let id = asked.header("x-id").unwrap_or_default();
    let json_kind = "content-type: application/json\r\n";
    let path = asked.target.split('?').next().unwrap_or_default();
    let answered = |body: Value| (200, json_kind.to_owned(), body.to_string());
    let user = |id: &str| json!({"id": id, "email": "fay@friends.example", "name": null, "role": 10});
    match path {
        COMPLETE | "/forged" | "/_emdash/api/auth/passkey/verify" => {
            let data = json!({"success": true, "user": user(id)});
            (200, format!("{json_kind}{SESSION}"), json!({"success": true, "data": data}).to_string())
        }
        CALLBACK if asked.target.contains("error") => (302, String::new(), "/_emdash/admin/login?error=no".to_owned()),
        // The session names the user.
        CALLBACK => (302, format!("set-cookie: astro-session={id}; Path=/\r\n"), "/_emdash/admin".to_owned()),
        "/_emdash/api/auth/me" => {
            let session = asked.header("cookie").and_then(|c| c.split("astro-session=").nth(1)).unwrap_or_default();
            answered(json!({"success": true, "data": user(session)}))
        }
        "/_emdash/api/auth/logout" => {
            (200, format!("{json_kind}set-cookie: astro-session=deleted; Path=/\r\n"), "{}".to_owned())
        }
        SUBMIT => answered(json!({"success": true, "data": {"success": !asked.body.contains("\"none\"")}})),
        "/api/join" => answered(json!({"account": {"id": id}})),
        "/several" => (200, "set-cookie: a=1\r\nset-cookie: b=2\r\nset-cookie: c=3\r\n".to_owned(), String::new()),
        "/part" => (206, "content-range: bytes 3-6/27\r\n".to_owned(), "defg".to_owned()),
        target => (200, String::new(), format!("{} {target} {}", asked.method, asked.body)),
    }
}

fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

/// Which partner the account is attributed to, once it is known: its id and the method.
fn bound(server: &Server, account: &str) -> (Value, Value) {
    let until = Instant::now() + WRITTEN_WITHIN;
    loop {
        let rows = server.read(&format!("/v1/accounts?account={account}"))["data"].clone();
        let rows = rows.as_array().expect("rows");
        if let Some(row) = rows.iter().find(|row| !row["partner"].is_null()).or(rows.first()) {
            return (row["partner"].clone(), row["method"].clone());
        }
        assert!(Instant::now() < until, "{account}: nobody told of it");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn accounts(server: &Server) -> Vec<String> {
    server.database_texts("SELECT DISTINCT account_id FROM event WHERE account_id IS NOT NULL ORDER BY 1")
}

#[test]
fn one_address_is_the_site() {
    let site = StandIn::with_headers(emdash);
    let mut server = Server::with(&[("ORIGIN_URL", &site.base)]);
    let ann = server.enrol("user-referral", "ann");

    step("links lead to this address, not to the origin's");
    assert_eq!(server.visit(&format!("/r/{}", ann.code)).send().location(), "/");
    assert_eq!(server.visit("/r/zzzzzzzz").send().location(), "/");

    step("a path of the site's own below /api arrives with its body; ours never do");
    let posted = server.ask("POST", "/api/own?a=%2F").body("{\"hello\":1}").send().expect(200);
    assert_eq!(posted.text, "POST /api/own {\"hello\":1}");
    site.asked();
    server.ask("POST", "/api/referral/nothing").body("{}").send().problem(404, "not_found");
    server.ask("POST", "/v1/nothing").body("{}").send().problem(404, "not_found");
    assert!(site.asked().is_empty());

    step("several cookies arrive, and a range stays one");
    let several = server.visit("/several").send().expect(200);
    let cookies: Vec<&str> =
        several.headers.iter().filter(|(n, _)| n == "set-cookie").map(|(_, v)| v.as_str()).collect();
    assert_eq!(cookies, ["a=1", "b=2", "c=3"]);
    let part = server.visit("/part").header("range", "bytes=3-6").send().expect(206);
    assert_eq!((part.text.as_str(), part.header("content-range")), ("defg", Some("bytes 3-6/27")));

    step("a site that is down is told by a page of ours, and our own pages go on");
    server.restart(&[("ORIGIN_URL", &nowhere())]);
    let page = server.visit("/").header("accept", "text/html").send().expect(502);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    server.ask("POST", "/api/own").body("{}").send().problem(502, "site_down");
    server.visit("/sign-in").header("sec-fetch-site", "none").send().expect(200);
    server.get("/v1/attribution").send().expect(200);

    step("older settings go on, with a word in /healthz");
    let advice = |server: &Server| server.get("/healthz").operator().send().json()["advice"].to_string();
    assert_eq!(advice(&server), "[]");
    server.restart(&[("SITE_URL", &site.base), ("EMDASH_ORIGIN", &site.base)]);
    assert!(advice(&server).contains("ORIGIN_URL"));
    assert_eq!(server.visit("/blog").send().expect(200).text, "GET /blog ");
}

#[test]
fn sign_ups_are_seen_while_they_are_passed_on() {
    let site = StandIn::with_headers(emdash);
    let server = Server::with(&[("ORIGIN_URL", &site.base), ("SIGNUP_PATHS", "/api/join=account.id")]);
    let ann = server.enrol("user-referral", "ann");
    let cookie = server.visit(&format!("/r/{}", ann.code)).send().cookie().expect("the cookie");
    let by_token = (json!(ann.id), json!("token"));
    let ask = |method: &str, path: &str, id: &str| -> Ask<'_> {
        server.ask(method, path).header("x-id", id).header("cookie", cookie.clone())
    };
    let post = |path: &str, id: &str| ask("POST", path, id).body("{\"email\":\"typed@friends.example\"}");

    step("a completed sign-up, with and without the cookie, and again");
    let (first, second) = (ulid(now_ms()), ulid(now_ms() + 1));
    for _ in 0..2 {
        assert!(post(COMPLETE, &first).send().expect(200).text.contains(&first));
    }
    assert_eq!(bound(&server, &first), by_token);
    post(COMPLETE, &second).without("cookie").send().expect(200);
    assert_eq!(bound(&server, &second).0, json!(null));

    step("a callback of a new user; of yesterday's, and a refused one, nothing");
    let (third, old) = (ulid(now_ms() + 2), ulid(now_ms() - 86_400_000));
    ask("GET", CALLBACK, &old).send().expect(302);
    ask("GET", &format!("{CALLBACK}?error=1"), &ulid(now_ms() + 3)).send().expect(302);
    ask("GET", CALLBACK, &third).send().expect(302);
    assert_eq!(bound(&server, &third), by_token);

    step("neither another path with the same answer nor a sign-in");
    for path in ["/forged", "/_emdash/api/auth/passkey/verify", "/_emdash/api/auth/invite%2Fcomplete"] {
        post(path, &ulid(now_ms() + 4)).send().expect(200);
    }

    step("a path of the site's own; its email joins no customer");
    post("/api/join", "").send().expect(200);
    post("/api/join", "acct-1").send().expect(200);
    assert_eq!(bound(&server, "acct-1"), by_token);
    let mut known = vec![first, second, third, "acct-1".to_owned()];
    known.sort();
    assert_eq!(accounts(&server), known);
    server.audit();
}

#[test]
fn a_form_is_one_event_however_it_is_told() {
    let site = StandIn::with_headers(emdash);
    let server = Server::with(&[("ORIGIN_URL", &site.base)]);
    let ann = server.enrol("user-referral", "ann");
    let cookie = server.visit(&format!("/r/{}", ann.code)).send().cookie().expect("the cookie");
    let data = json!({"email": "Lea@friends.example", "ref": "", "manicule_event": "account.signed_up"});
    let submit = |data: &Value| {
        let body = json!({"formId": "01M8FORM", "data": data});
        server.post(SUBMIT, &body).header("cookie", cookie.clone()).send().expect(200);
    };
    let events = || server.database_rows("SELECT count(*) FROM event WHERE source = 'emdash-forms'");

    step("what is refused or a robot's is none; what is taken is one, again as well");
    let with = |name: &str, value: &str| {
        let mut other = data.clone();
        other[name] = json!(value);
        other
    };
    for none in [with("email", "none"), with("_hp", "robot"), with("account_id", "somebody")] {
        submit(&none);
    }
    submit(&data);
    let until = Instant::now() + WRITTEN_WITHIN;
    while events() == 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    submit(&data);

    step("its webhook, which says the slug and the validated fields, is the same event");
    let hook = json!({
        "event": "form.submission", "formId": "signup", "formName": "Signup", "submissionId": "01M8SUB",
        "data": {"email": "lea@friends.example", "manicule_event": "account.signed_up"}, "files": [],
        "submittedAt": super::facts::ahead(0),
    });
    let address = format!("/v1/webhooks/emdash-forms/{}", server.forms_secret);
    let outcome = server.post(&address, &hook).send().expect(200).json();
    assert_eq!(
        (&outcome["attribution"][0]["partner"], &outcome["attribution"][0]["method"]),
        (&json!(ann.id), &json!("token"))
    );
    assert_eq!((events(), accounts(&server).len()), (1, 1));

    step("another's is another");
    let mut other = hook.clone();
    other["data"]["email"] = json!("max@friends.example");
    other["submissionId"] = json!("01M8SUB2");
    server.post(&address, &other).send().expect(200);
    assert_eq!((events(), accounts(&server).len()), (2, 2));
    server.audit();
}
