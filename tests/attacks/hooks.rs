//! Tries to make the Worker call hosts it must not: our own hosts, IP addresses, private names, redirect targets, and
//! more endpoints than allowed. Also tries secrets that are publicly known.

use super::world::{Outside, assert_unharmed, at_once};
use crate::client::{Reply, now_ms, step};
use crate::facts::{ahead, signed_up};
use crate::server::Server;
use crate::stand_in::StandIn;
use serde_json::{Value, json};

const SWEEP: &str = "*/10 * * * *";

fn make(server: &Server, url: &str) -> Reply {
    server.post("/v1/webhook-endpoints", &json!({"url": url})).operator().send()
}

#[test]
fn only_public_hosts_are_called() {
    let outside = Outside::start();
    let mut server =
        outside.worker(&[("SITE_URL", "https://shop.example/store"), ("EMDASH_ORIGIN", "https://cms.example")]);
    refused(&server);
    let live =
        |server: &Server| server.database_rows("SELECT COUNT(*) FROM webhook_endpoint WHERE disabled_at_ms IS NULL");
    assert_eq!(live(&server), 0);
    step("public hosts are called");
    for url in
        ["https://hooks.zapier.com/x", "https://HOOKS.other-shop.example:8443/?a=b", "https://go-site.example:443/"]
    {
        make(&server, url).expect(201);
    }
    step("at most twenty are live, even with concurrent requests; turning one off makes room for one");
    let replies = at_once(60, |n| make(&server, &format!("https://race-{n}.hooks.example/")));
    assert!(replies.iter().all(|reply| [201, 409].contains(&reply.status)), "{replies:?}");
    assert_eq!((live(&server), replies.iter().filter(|reply| reply.status == 201).count()), (20, 17));
    make(&server, "https://one-more.example/").problem(409, "too_many_endpoints");
    let id = replies.iter().find(|reply| reply.status == 201).expect("one").json()["id"].clone();
    server
        .ask("DELETE", &format!("/v1/webhook-endpoints/{}", id.as_str().expect("an id")))
        .operator()
        .send()
        .expect(200);
    let replies = at_once(20, |n| make(&server, &format!("https://again-{n}.hooks.example/")));
    assert_eq!((live(&server), replies.iter().filter(|reply| reply.status == 201).count()), (20, 1));
    redirects(&mut server);
    assert_unharmed(&server);
    guessed(&mut server);
}

/// URLs that no webhook may be sent to.
const FORBIDDEN: &[&str] = &[
    "https://go.site.example/hook",
    "https://GO.Site.Example./hook",
    "https://go.site.example:8443/hook",
    "https://deep.below.go.site.example/",
    "https://shop.example/",
    "https://api.shop.example/",
    "https://cms.example/_emdash/api",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.1.:443/",
    "https://8.8.8.8/",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fd00::1]:8443/",
    "https://[::]/",
    "https://１２７.０.０.１/",
    "https://①②⑦.0.0.1/",
    "https://127。0。0。1/",
    "https://%31%32%37.0.0.1/",
    "https://localhost/",
    "https://LOCALHOST:8443/",
    "https://localhost./",
    "https://a.localhost/",
    "https://intranet/",
    "https://db.internal/",
    "https://printer.local/",
    "https://router.home.arpa/",
    "https://x.svc/",
    "https://nas.lan/",
    "https://x.onion/",
    "https://1.0.0.127.in-addr.arpa/",
    "https://127.0.0.1.nip.io/",
    "https://app.10-0-0-1.sslip.io/",
    "https://7f000001.nip.io/",
    "https://localtest.me/",
    "https://a.lvh.me/",
    "https://10.0.0.1.evil.example/",
    "https://a.192-168-1-1.evil.example/",
    "https://hooks.example:80/",
    "https://hooks.example:22/",
    "https://hooks.example:25/",
    "https://hooks.example:6379/",
    "https://hooks.example:0/",
    "https://hooks.example:65536/",
    "https://hooks.example:/",
    "http://hooks.example/",
    "ftp://hooks.example/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "//hooks.example/",
    "/hook",
    "hooks.example",
    "https://user@hooks.example/",
    "https://user:pw@hooks.example/",
    "https://hooks.example\\@localhost/",
    "https://hooks.example#@localhost/",
    "https://localhost%2f@hooks.example/",
    "https://hooks.example%00.evil.example/",
    "https://hooks.example%2elocal/",
    "https:///hooks.example/",
    "https:hooks.example",
    "https://hooks.example /",
    "https://hooks.example/\r\nx: y",
    "https://hooks..example/",
    "",
];

fn refused(server: &Server) {
    step("our own hosts, IP addresses in every notation, private names, other ports and schemes, tricks with URLs");
    let own = server.base.replace("http://", "https://");
    for url in FORBIDDEN.iter().copied().chain([own.as_str()]) {
        let reply = make(server, url);
        assert_eq!((reply.status, reply.json()["field"].clone()), (422, json!("url")), "{url}: {}", reply.text);
    }
    step("an endpoint's secret is neither a published one nor a patterned one");
    let zeros = format!("whsec_{}", "A".repeat(43) + "=");
    let abc = format!("whsec_{}", "QUJD".repeat(11));
    for secret in ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &zeros, &abc, "whsec_", "secret", "whsec_c2hvcnQ="] {
        let body = json!({"url": "https://hooks.example/", "secret": secret});
        let problem = server.post("/v1/webhook-endpoints", &body).operator().send().expect(422).json();
        assert_eq!(problem["field"], "secret", "{secret}");
    }
}

fn redirects(server: &mut Server) {
    step("a redirect does not count as delivered and is not followed");
    let host = StandIn::start(|asked| match asked.target.as_str() {
        "/hook" => (302, "/secret".to_owned()),
        _ => (200, "{}".to_owned()),
    });
    server.restart(&[("WEBHOOKS_ANYWHERE", "yes")]);
    for id in server.database_texts("SELECT id FROM webhook_endpoint WHERE disabled_at_ms IS NULL") {
        server.ask("DELETE", &format!("/v1/webhook-endpoints/{id}")).operator().send().expect(200);
    }
    make(server, &format!("{}/hook", host.base)).expect(201);
    let ann = server.enrol("user-referral", "ann");
    server.tell(&[signed_up("friend", &ahead(-1_000), json!({"code": ann.code}))]);
    server.cron(SWEEP, now_ms());
    let asked: Vec<String> = host.asked().into_iter().map(|asked| asked.target).collect();
    assert!(!asked.is_empty() && asked.iter().all(|target| target == "/hook"), "{asked:?}");
    assert_eq!(server.read("/v1/outbox?state=sent")["data"], json!([]));
}

fn guessed(server: &mut Server) {
    step("a published secret opens nothing, wherever it is configured, and /healthz tells operators");
    let published = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let counted = "0123456789abcdef0123456789abcdef";
    let zeros = "00000000000000000000000000000000";
    server.restart(&[
        ("WEBHOOK_SECRETS", published),
        ("EMDASH_TOKENS", counted),
        ("FORMS_SECRETS", zeros),
        ("STRIPE_API_KEY", "sk_test_4eC39HqLyjWDarjtT1zdp7dc"),
        ("STRIPE_WEBHOOK_SECRETS", &format!("whsec_{zeros}")),
        ("STRIPE_CONNECT_WEBHOOK_SECRETS", "whsec_test_secret"),
        ("COOKIE_KEYS", &format!("k1:{}", "ab".repeat(32))),
        ("PUBLIC_URL", "https://go.site.example"),
        ("WEBHOOKS_OWN_ZONE", "yes"),
    ]);
    let event = signed_up("guessed", &ahead(0), json!({})).to_string();
    server.deliver_signed(event.as_bytes(), published, now_ms() / 1_000).expect(503);
    let hook = json!({"event": "content:create", "timestamp": ahead(0), "resourceId": "01M7"});
    server.post("/v1/webhooks/emdash", &hook).bearer(counted).send().expect(503);
    server.post(&format!("/v1/webhooks/emdash-forms/{zeros}"), &json!({})).send().expect(503);
    for (door, secret) in [("stripe", format!("whsec_{zeros}")), ("stripe-connect", "whsec_test_secret".to_owned())] {
        let body = json!({"id": "evt_1", "type": "plan.created", "created": now_ms() / 1_000, "livemode": false, "data": {"object": {"id": "p"}}}).to_string();
        let signature = crate::facts::stripe_signature(&secret, now_ms() / 1_000, body.as_bytes());
        server
            .ask("POST", &format!("/v1/webhooks/{door}"))
            .body(body)
            .header("stripe-signature", signature)
            .send()
            .expect(503);
    }
    let told: Value = server.get("/healthz").operator().send().expect(503).json();
    let complaints = told["configuration"].to_string();
    for name in [
        "COOKIE_KEYS",
        "WEBHOOK_SECRETS",
        "EMDASH_TOKENS",
        "FORMS_SECRETS",
        "STRIPE_API_KEY",
        "STRIPE_WEBHOOK_SECRETS",
        "STRIPE_CONNECT_WEBHOOK_SECRETS",
    ] {
        assert!(complaints.contains(&format!("\"{name}: ")), "{name}: {complaints}");
    }
    for secret in [published, counted, zeros] {
        assert!(!complaints.contains(secret) && !server.log().contains(secret), "{secret} is told");
    }
    step("no cookie is set with a patterned key; WEBHOOKS_OWN_ZONE allows hosts of our own zone");
    make(server, "https://go.site.example/hook").expect(201);
    assert_eq!(server.visit("/r/none").send().cookie(), None);
    assert_eq!(server.get("/healthz").send().expect(503).json(), json!({"ok": false}));
}
