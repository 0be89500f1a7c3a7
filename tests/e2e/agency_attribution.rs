//! `agency-partner`, attribution: disclosure first, the link's three forms, the last of several partners, a code typed
//! during setup, and holds for accounts that look like the partner's own.

use super::client::{Ask, step};
use super::facts::{Partner, ahead, event, merge, paid, signed_up};
use super::redirect::wait_for_the_hour;
use super::server::Server;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PROGRAM: &str = "agency-partner";

/// The image's bytes: GIF89a, spelled out.
const GIF_HEAD: &[u8] = b"GIF89a\x01\x00\x01\x00";

fn token(server: &Server, cookie: &str) -> Value {
    server.get("/v1/attribution").header("cookie", cookie).send().expect(200).json()["token"].clone()
}

fn cookie_of(ask: Ask<'_>) -> String {
    ask.send().cookie().expect("the cookie")
}

/// The part of an attribution report about the exclusive group of the agency program.
fn verdict(server: &Server, account: &str) -> Value {
    let receipt = server.read(&format!("/v1/accounts/{account}/attribution"));
    let found =
        receipt["programs"].as_array().and_then(|all| all.iter().find(|p| p["group"] == json!("aikit")).cloned());
    found.unwrap_or_else(|| panic!("no verdict: {receipt}"))
}

#[track_caller]
fn bound_to(server: &Server, account: &str, partner: &Partner, method: &str) -> Value {
    let found = verdict(server, account);
    assert_eq!((&found["partner"], &found["method"]), (&json!(partner.id), &json!(method)), "{found}");
    found
}

#[test]
fn a_link_works_once_the_disclosure_is_accepted() {
    let server = Server::start();
    step("without it: no cookie, no binding by code, and the attribution report says why");
    let asked = json!({"program": PROGRAM, "external_id": "quiet", "name": "Quiet", "email": "hi@quiet.example"});
    let made = server.post("/v1/partners", &asked).operator().send().expect(201).json();
    assert_eq!((&made["active"], &made["disclosure_accepted"]), (&json!(false), &json!(false)), "{made}");
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    let quiet = Partner { id: text("id"), code: text("code") };
    assert_eq!(server.visit(&format!("/?ref={}", quiet.code)).send().cookie(), None);
    server.tell(&[signed_up("early", "2025-01-06T00:00:00Z", json!({"code": quiet.code}))]);
    let early = verdict(&server, "early");
    assert_eq!(early["attributed"], json!(false), "{early}");
    assert_eq!(early["candidates"][0]["reason"], "the partner has not accepted the disclosure", "{early}");

    step("accepted: its links work, and no other partner's links changed");
    let mut accepted = asked.clone();
    accepted["disclosure_accepted"] = json!(true);
    let now = server.post("/v1/partners", &accepted).operator().send().expect(200).json();
    assert_eq!((&now["active"], &now["id"]), (&json!(true), &json!(quiet.id)), "{now}");
    // Another link of the partner, because the isolate caches for a while that the first one did not work.
    let fresh = server.link(&quiet, json!({}));
    assert!(server.visit(&format!("/r/{fresh}")).send().cookie().is_some());
    server.tell(&[signed_up("late", "2025-01-07T00:00:00Z", json!({"code": quiet.code}))]);
    bound_to(&server, "late", &quiet, "code");
    server.audit();
}

#[test]
fn the_last_of_several_partners_is_credited() {
    let server = Server::start();
    let [one, two, three] = ["one", "two", "three"].map(|name| server.enrol(PROGRAM, name));

    step("a link, an email's parameter, a third link: the last touch wins, and the report says why the others lost");
    let first = cookie_of(server.visit(&format!("/r/{}", one.code)));
    let mailed = format!("/pricing?partner={}&campaign=may_mail&x=1", two.code);
    let reply = server.visit(&mailed).header("cookie", &first).send();
    assert_eq!(reply.location(), format!("{}/pricing?x=1", server.base));
    let second = reply.cookie().expect("the cookie");
    let third = cookie_of(server.visit(&format!("/r/{}", three.code)).header("cookie", &second));
    server.tell(&[signed_up("last", &ahead(0), json!({"token": token(&server, &third)}))]);
    let found = bound_to(&server, "last", &three, "token");
    let losers: Vec<&Value> =
        found["candidates"].as_array().expect("touches").iter().filter(|c| c["chosen"] == json!(false)).collect();
    assert_eq!(losers.len(), 2, "{found}");
    assert!(losers.iter().all(|c| c["reason"] == json!("a later touch wins")), "{found}");

    step("the email's parameter alone");
    server.tell(&[signed_up("mailed", &ahead(0), json!({"token": token(&server, &second)}))]);
    bound_to(&server, "mailed", &two, "token");

    step("a code typed during setup beats every touch");
    let typed = json!({"token": token(&server, &third), "code": one.code});
    server.tell(&[signed_up("typed", &ahead(0), typed)]);
    let found = bound_to(&server, "typed", &one, "code");
    let reasons: Vec<&str> =
        found["candidates"].as_array().expect("all").iter().filter_map(|c| c["reason"].as_str()).collect();
    assert!(reasons.contains(&"code goes before token"), "{found}");

    step("a client without a partner is bound by the first later event that carries a code, from there on");
    server.tell(&[
        signed_up("later", "2025-01-06T00:00:00Z", json!({})),
        paid("later", "in-before", "2025-01-07T00:00:00Z", 50_000),
    ]);
    assert_eq!(verdict(&server, "later")["attributed"], json!(false));
    let mut coded = paid("later", "in-with-code", "2025-02-07T00:00:00Z", 50_000);
    merge(&mut coded, json!({"attribution": {"code": two.code}}));
    server.tell(&[coded, paid("later", "in-after", "2025-03-07T00:00:00Z", 50_000)]);
    bound_to(&server, "later", &two, "code");
    let earned: Vec<Value> = server.entries(&two).iter().map(|e| e["source"].clone()).collect();
    assert_eq!(earned, [json!("invoice:in-with-code"), json!("invoice:in-after")]);
    assert_eq!(server.balance(&two), (20_000, 0), "20 % of two");

    step("an unknown code is reported as unknown, and nothing is bound");
    server.tell(&[signed_up("wrong", "2025-01-06T00:00:00Z", json!({"code": "PARTNER_00000000"}))]);
    assert_eq!(verdict(&server, "wrong")["candidates"][0]["reason"], "no such code");
    server.audit();
}

#[test]
fn the_pixel_captures_the_agency_on_the_sites_own_pages() {
    let server = Server::start();
    wait_for_the_hour();
    let agency = server.enrol(PROGRAM, "agency");
    let other = server.enrol(PROGRAM, "other");
    let path = format!("/v1/stage.gif?partner={}&campaign=may_mail", agency.code);
    let pixel = |site: &str| {
        server
            .get(&path)
            .header("user-agent", super::client::CHROME)
            .header("sec-fetch-mode", "no-cors")
            .header("sec-fetch-dest", "image")
            .header("sec-fetch-site", site)
            .header("referer", format!("{}/prices?ref={}", server.base, agency.code))
    };
    step("always the same image; another site's page gets no cookie from it");
    for site in ["cross-site", "same-site", "none"] {
        let reply = pixel(site).send().expect(200);
        assert_eq!((reply.header("content-type"), reply.cookie()), (Some("image/gif"), None), "{site}");
        assert_eq!((&reply.bytes[..10], reply.bytes.len()), (GIF_HEAD, 43), "{site}");
    }
    let bot = pixel("same-origin").header("user-agent", "Googlebot/2.1").send().expect(200);
    assert_eq!(bot.cookie(), None);
    for page in ["/prices".to_owned(), format!("/prices?ref={}", other.code), format!("/prices?x={}", agency.code)] {
        let reply = pixel("same-origin").header("referer", format!("{}{page}", server.base)).send().expect(200);
        assert_eq!(reply.cookie(), None, "{page}: its address does not carry the code");
    }

    step("a page of the site does what the redirect does");
    let reply = pixel("same-origin").send().expect(200);
    let set = reply.header("set-cookie").expect("the cookie").to_owned();
    for part in ["__Host-manicule=v1.", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax", "; Max-Age=2592000"] {
        assert!(set.contains(part), "{part} is missing in {set}");
    }
    let cookie = reply.cookie().expect("the cookie");
    let again = pixel("same-origin").header("cookie", &cookie).send().expect(200);
    assert_eq!(again.cookie(), None, "the touch is in the cookie already");
    // Clicks are written after the response.
    let visits = || server.read(&format!("/v1/links/{}", agency.code))["clicks"]["visits"].clone();
    let until = Instant::now() + Duration::from_secs(10);
    while visits() == json!(0) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(visits(), json!(1));

    step("and a later partner's link still wins");
    server.tell(&[signed_up("seen", &ahead(0), json!({"token": token(&server, &cookie)}))]);
    bound_to(&server, "seen", &agency, "token");
    let later = cookie_of(server.visit(&format!("/r/{}", other.code)).header("cookie", &cookie));
    server.tell(&[signed_up("moved-on", &ahead(0), json!({"token": token(&server, &later)}))]);
    bound_to(&server, "moved-on", &other, "token");
}

#[test]
fn a_client_with_the_agencys_own_domain_is_held_for_review() {
    let server = Server::start();
    let body = json!({
        "program": PROGRAM, "external_id": "studio", "name": "Studio", "email": "owner@gmail.com",
        "website": "https://www.studio.example/about", "disclosure_accepted": true,
    });
    let made = server.post("/v1/partners", &body).operator().send().expect(201).json();
    let studio =
        Partner { id: made["id"].as_str().expect("an id").into(), code: made["code"].as_str().expect("a code").into() };
    step("the site's domain, at any of its hosts; a public email provider proves nothing");
    for (account, email) in [("own", "me@mail.studio.example"), ("stranger", "someone@gmail.com")] {
        let mut up = signed_up(account, "2025-01-06T00:00:00Z", json!({"code": studio.code}));
        merge(&mut up, json!({"account": {"email": email}}));
        server.tell(&[up, paid(account, &format!("in-{account}"), "2025-01-07T00:00:00Z", 50_000)]);
    }
    let reviews = server.read("/v1/reviews");
    let open = reviews["data"].as_array().expect("reviews");
    assert_eq!(open.len(), 1, "{reviews}");
    assert_eq!((&open[0]["rule"], &open[0]["account"]), (&json!("same_domain"), &json!("own")), "{reviews}");
    server.settle(PROGRAM, "monthly", "2025-03");
    assert_eq!(server.balance(&studio), (10_000, 10_000), "held: pending, and not vested");

    step("rejected: void, with the reason; the rest continues");
    let id = open[0]["id"].as_str().expect("an id");
    server
        .post(&format!("/v1/reviews/{id}"), &json!({"decision": "reject", "reason": "their own shop"}))
        .operator()
        .send()
        .expect(200);
    assert_eq!(server.balance(&studio), (0, 10_000));
    let void = server.entries(&studio).into_iter().find(|e| e["account"] == json!("own")).expect("its line");
    assert_eq!((&void["state"], &void["reason"]), (&json!("void"), &json!("rejected in review: their own shop")));
    server.audit();
}

#[test]
fn the_eleventh_client_of_a_month_is_held_for_review() {
    let server = Server::start();
    let agency = server.enrol(PROGRAM, "agency");
    step("twelve clients in January, each with an invoice of $500");
    for n in 1..=12 {
        let account = format!("client-{n:02}");
        server.tell(&[
            signed_up(&account, &format!("2025-01-{n:02}T00:00:00Z"), json!({"code": agency.code})),
            paid(&account, &format!("in-{n:02}"), "2025-01-20T00:00:00Z", 50_000),
        ]);
    }
    let reviews = server.read("/v1/reviews");
    let mut held: Vec<&str> =
        reviews["data"].as_array().expect("reviews").iter().filter_map(|r| r["account"].as_str()).collect();
    held.sort_unstable();
    assert_eq!(held, ["client-11", "client-12"], "{reviews}");
    assert!(reviews["data"].as_array().expect("reviews").iter().all(|r| r["rule"] == json!("signups_in_month")));
    assert_eq!(server.balance(&agency), (120_000, 0));

    step("the hold is over: ten vest with the volume bonus, two wait and count for nothing");
    server.settle(PROGRAM, "monthly", "2025-03");
    let of = |account: &str| -> Vec<(String, i64, String)> {
        let text = |e: &Value, name: &str| e[name].as_str().expect("a text").to_owned();
        let mine = server.entries(&agency).into_iter().filter(|e| e["account"] == json!(account));
        mine.map(|e| (text(&e, "reward_id"), e["amount_cents"].as_i64().expect("cents"), text(&e, "state"))).collect()
    };
    assert_eq!(server.balance(&agency).1, 125_000);
    assert!(of("client-11").iter().all(|(_, _, state)| state == "held"), "{:?}", of("client-11"));

    step("released: the next run vests it; the other one stays held");
    let id = reviews["data"].as_array().expect("reviews").iter().find(|r| r["account"] == json!("client-11"));
    let id = id.and_then(|r| r["id"].as_str()).expect("its review");
    server
        .post(&format!("/v1/reviews/{id}"), &json!({"decision": "release", "reason": "a busy month"}))
        .operator()
        .send()
        .expect(200);
    server.settle(PROGRAM, "monthly", "2025-04");
    assert_eq!(server.balance(&agency).1, 137_500, "{:?}", of("client-11"));
    assert!(of("client-12").iter().all(|(_, _, state)| state == "held"), "{:?}", of("client-12"));

    step("the decision is in the audit log, with before and after");
    let audit = server.read("/v1/audit");
    let entry = audit["data"].as_array().expect("entries").iter().find(|a| a["action"] == json!("review.decide"));
    let entry = entry.unwrap_or_else(|| panic!("no entry: {audit}"));
    assert_eq!(
        (&entry["subject"], &entry["reason"], &entry["before"], &entry["after"]),
        (&json!(id), &json!("a busy month"), &json!({"state": "open"}), &json!({"state": "released"}))
    );

    step("a client who signs up late in the month but is reported first moves the hold, not the money");
    server.tell(&[event("bye", "account.cancelled", "2025-06-01T00:00:00Z", "client-01", json!({}))]);
    assert_eq!(server.balance(&agency).1, 137_500, "left after the hold");
    server.audit();
}
