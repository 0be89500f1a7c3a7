//! State across a restart: the ledger, the secrets, the cookie keys, and a link's end survive or expire as they should.
//! Also the site behind the Worker.

use super::client::{Ask, step};
use super::facts::{ahead, paid, signed_up};
use super::server::Server;
use super::stand_in::{Asked, StandIn};
use serde_json::json;

const OLD_KEY: &str = "k1:5f0c2b7e91d4483aa6be17c05d92f83e6b41d7a0c9358ef21764ab90d3ce5872";
const NEW_KEY: &str = "k2:a83d19f6527bc04e8d15e0397f6ac2b4510e98d7364fab1c82c65d07b9f3e41a";

#[test]
fn a_restart_keeps_the_ledger_and_keys_rotate() {
    let mut server = Server::with(&[("COOKIE_KEYS", OLD_KEY)]);
    let ann = server.enrol("user-referral", "ann");
    let agency = server.enrol("agency-partner", "agency");
    step("click, warm up a second link and turn it off, earn something");
    let cookie = server.visit(&format!("/r/{}", ann.code)).send().cookie().expect("the cookie");
    assert!(cookie.contains("=v1.k1."), "{cookie}");
    let off = server.link(&ann, json!({}));
    assert!(server.visit(&format!("/r/{off}")).send().cookie().is_some());
    server.ask("DELETE", &format!("/v1/links/{off}")).operator().send().expect(200);
    server.tell(&[
        signed_up("client", "2025-01-06T00:00:00Z", json!({"code": agency.code})),
        paid("client", "in-1", "2025-01-07T00:00:00Z", 10_000),
    ]);
    server.settle("agency-partner", "monthly", "2025-03");
    let read = |server: &Server| {
        let partner = format!("/v1/partners/{}", agency.id);
        let receipt = "/v1/accounts/client/attribution";
        [partner.as_str(), receipt, "/v1/runs", "/v1/ledger/transfers", "/v1/programs", "/v1/outbox"]
            .map(|path| server.read(path).to_string().replace(&server.base, "BASE"))
    };
    let before = read(&server);
    let token = server.operator_token.clone();

    step("restarted with a new first key: everything is there, and the old key's cookie is accepted");
    server.restart(&[("COOKIE_KEYS", &format!("{NEW_KEY},{OLD_KEY}"))]);
    assert_eq!(read(&server), before);
    assert_eq!(server.operator_token, token);
    let attribution = |server: &Server, cookie: &str| {
        server.get("/v1/attribution").header("cookie", cookie).send().expect(200).json()["token"].clone()
    };
    let renewed = attribution(&server, &cookie);
    assert!(renewed.as_str().is_some_and(|t| t.starts_with("v1.k2.")), "signed anew: {renewed}");
    step("a token of the old key binds; the next click signs with the new one and keeps the touch");
    let old_token = cookie.split_once('=').expect("a value").1;
    let up = server.deliver(&signed_up("by-old", &ahead(0), json!({"token": old_token}))).expect(200).json();
    assert_eq!(up["attribution"][0]["partner"], json!(ann.id), "{up}");
    let clicked = server.visit(&format!("/r/{}", agency.code)).header("cookie", &cookie).send().cookie();
    let clicked = clicked.expect("the cookie");
    assert!(clicked.contains("=v1.k2."), "{clicked}");

    step("a link that was turned off is off for an isolate that never saw it");
    assert_eq!(server.visit(&format!("/r/{off}")).send().cookie(), None);

    step("once the old key is removed its cookies are invalid; renewed ones remain valid");
    server.restart(&[("COOKIE_KEYS", NEW_KEY)]);
    assert_eq!(attribution(&server, &cookie), json!(null));
    assert!(attribution(&server, &clicked).is_string());

    step("without a usable key visitors are redirected, nothing is attributed, and /healthz says why");
    server.restart(&[("COOKIE_KEYS", "k1:00")]);
    let reply = server.visit(&format!("/r/{}", ann.code)).header("cookie", &clicked).send();
    assert_eq!((reply.location().as_str(), reply.cookie()), ("/", None));
    let health = server.get("/healthz").operator().send().expect(503).json();
    assert!(health["configuration"][0].as_str().is_some_and(|c| c.starts_with("COOKIE_KEYS")), "{health}");
    server.audit();
}

/// Echoes the request to the site.
fn site() -> StandIn {
    StandIn::start(|asked: &Asked| match asked.target.as_str() {
        "/missing" => (404, "the site's own 404".to_owned()),
        target => (200, format!("{} {target} {}", asked.method, asked.body)),
    })
}

#[test]
fn requests_reach_the_site_behind_the_worker() {
    let site = site();
    let mut server = Server::with(&[("SITE_URL", &site.base), ("REF_MODE", "pass")]);
    let ann = server.enrol("user-referral", "ann");

    step("?ref= forwards the request and adds the cookie");
    let page = format!("/blog?a=1&ref={}", ann.code);
    let reply = server.visit(&page).header("cookie", "theme=dark").send().expect(200);
    assert_eq!(reply.text, format!("GET {page} "));
    assert!(reply.cookie().is_some_and(|c| c.starts_with("__Host-manicule=v1.")), "{reply:?}");
    assert_eq!(reply.header("cache-control"), Some("private, no-store"));
    let asked = site.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("cookie"), Some("theme=dark"), "the visitor's own headers arrive");

    step("our sign-in cookies are not forwarded");
    for (sent, arrives) in [
        ("theme=dark; __Host-manicule_session=secret.ptn_1; a=b", Some("theme=dark; a=b")),
        ("__Host-manicule_form=secret", None),
    ] {
        server.visit("/blog").header("cookie", sent).send().expect(200);
        assert_eq!(site.asked()[0].header("cookie"), arrives, "{sent}");
    }

    step("an unknown code, a bot and a plain visit get the site's answer as it is");
    let plain: Vec<Ask<'_>> = vec![
        server.visit("/blog?ref=zzzzzzzz"),
        server.visit(&page).header("user-agent", "curl/8.5.0"),
        server.visit("/blog"),
    ];
    for ask in plain {
        let reply = ask.send().expect(200);
        assert_eq!((reply.cookie(), reply.header("cache-control")), (None, None));
    }
    step("the site's own errors and posts pass through; requests to our own URLs never reach it");
    site.asked();
    assert_eq!(server.visit("/missing").send().expect(404).text, "the site's own 404");
    let posted = server.ask("POST", "/contact").body("{\"hello\":1}").send().expect(200);
    assert_eq!(posted.text, "POST /contact {\"hello\":1}");
    server.get("/v1/nothing-here").send().problem(404, "not_found");
    server.get("/healthz").operator().send().expect(200);
    let asked = site.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[2].header("manicule-passed"), Some("1"), "whether the site is this Worker");

    step("/r/CODE leads to the site, destinations that are paths too");
    assert_eq!(server.visit(&format!("/r/{}", ann.code)).send().location(), site.base);
    let landing = server.link(&ann, json!({"destination": "/landing?x=1"}));
    assert_eq!(server.visit(&format!("/r/{landing}")).send().location(), format!("{}/landing?x=1", site.base));
    assert_eq!(server.visit("/r/zzzzzzzz?utm_source=a").send().location(), format!("{}?utm_source=a", site.base));

    step("REF_MODE=redirect sends the visitor to the page without the parameter");
    server.restart(&[("SITE_URL", &site.base)]);
    let reply = server.visit(&page).send();
    assert_eq!(reply.location(), format!("{}/blog?a=1", server.base));
    assert!(reply.cookie().is_some());
}

#[test]
fn a_site_that_is_this_worker_does_not_loop() {
    let mut server = Server::start();
    let own = server.base.clone();
    server.restart(&[("SITE_URL", &own)]);
    // A runtime may cut off a request to itself before it arrives.
    let status = server.visit("/blog").send().status;
    assert!(matches!(status, 502 | 503), "{status}");
}
