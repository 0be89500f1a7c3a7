//! What is stored about visitors: nothing without consent if the site requires it, and no fingerprint of visitors who
//! send `Sec-GPC: 1`.

use super::client::{CHROME, step};
use super::facts::{Partner, ahead, signed_up};
use super::redirect::{clicks, wait_for_the_hour};
use super::server::Server;
use manicule::base::time::{UtcMillis, Week};
use serde_json::{Value, json};

fn reached(server: &Server) -> Vec<i64> {
    let week = Week::of(UtcMillis(super::client::now_ms()));
    let report = server.read(&format!("/v1/reports/funnel?program=partner-funnel&week={week}"));
    let stages = report["average"]["stages"].as_array().expect("stages").clone();
    stages.iter().map(|s| s["visitors"].as_i64().expect("a count")).collect()
}

#[test]
fn nothing_is_stored_without_consent() {
    let server = Server::with(&[("CONSENT_COOKIE", "cookie_consent")]);
    wait_for_the_hour();
    let seo = server.enrol("partner-funnel", "seo");
    let salon = server.enrol("tiered-credits", "salon");
    let demo = json!({"event": "demo.requested", "partner": seo.code, "campaign": "migration-playbook"});
    let beacon = || {
        let ask = server.post("/v1/collect", &demo).header("user-agent", CHROME);
        ask.header("sec-fetch-site", "same-origin").header("referer", format!("{}/?ref={}", server.base, seo.code))
    };
    let pixel = |code: &str| {
        server
            .get(&format!("/v1/stage.gif?partner={code}"))
            .header("referer", format!("{}/?ref={code}", server.base))
            .header("user-agent", CHROME)
            .header("sec-fetch-site", "same-origin")
    };
    // The code stays in the address.
    let led_on = |partner: &Partner| format!("/?ref={}", partner.code);
    step("no consent, an empty value, a no, another cookie: only the redirect");
    for cookie in ["", "theme=dark", "cookie_consent=", "cookie_consent=deny", "xcookie_consent=1"] {
        for partner in [&seo, &salon] {
            let reply = server.visit(&format!("/r/{}", partner.code)).header("cookie", cookie).send();
            assert_eq!((reply.location(), reply.cookie()), (led_on(partner), None), "{cookie}");
        }
        assert_eq!(beacon().header("cookie", cookie).send().expect(204).cookie(), None);
        assert_eq!(pixel(&seo.code).header("cookie", cookie).send().expect(200).cookie(), None);
        let asked = server.get("/v1/attribution").header("user-agent", CHROME).header("cookie", cookie).send();
        let nothing = json!({"token": null, "program": null, "benefit": null, "visitor": null});
        assert_eq!(asked.expect(200).json(), nothing, "{cookie}");
    }
    step("with consent everything is stored; the counts show that nothing was before");
    let consent = "theme=dark; cookie_consent=yes";
    let reply = server.visit(&format!("/r/{}", salon.code)).header("cookie", consent).send();
    let ours = reply.cookie().expect("the cookie");
    assert_eq!(clicks(&server, &salon, (1, 0)), (1, 0));
    assert!(pixel(&seo.code).header("cookie", consent).send().expect(200).cookie().is_some());
    beacon().header("cookie", consent).send().expect(204);
    assert_eq!((clicks(&server, &seo, (1, 0)), reached(&server)), ((1, 0), vec![1, 1, 0, 1, 0]));
    let asked = server.get("/v1/attribution").header("user-agent", CHROME);
    let told = asked.header("cookie", format!("{consent}; {ours}")).send().expect(200).json();
    assert_eq!(told["program"], "tiered-credits");
    assert!(told["visitor"].is_string(), "{told}");
    step("what was consented to can be withdrawn, in any answer");
    let gone = format!("cookie_consent=no; {ours}");
    for path in [format!("/r/{}", salon.code), "/v1/attribution".to_owned(), "/openapi.json".to_owned()] {
        let reply = server.visit(&path).header("cookie", &*gone).send();
        assert!(reply.header("set-cookie").is_some_and(|header| header.contains("manicule=; Max-Age=0;")), "{path}");
    }
}

#[test]
fn consent_that_comes_later_makes_the_touch() {
    let server = Server::with(&[("CONSENT_COOKIE", "consent=all|ads")]);
    wait_for_the_hour();
    let salon = server.enrol("tiered-credits", "salon");
    let body = json!({"code": salon.code});
    let ask = |cookie: &str| {
        let ask = server.post("/v1/attribution", &body).header("user-agent", CHROME).header("cookie", cookie);
        ask.header("origin", &*server.base).send()
    };
    ask("consent=necessary").problem(403, "no_consent");
    ask("consent=yes").problem(403, "no_consent");
    let made = ask("consent=%22ALL%22").expect(200);
    let cookie = made.cookie().expect("the cookie");
    assert_eq!(made.json()["program"], "tiered-credits");
    assert_eq!(clicks(&server, &salon, (1, 0)), (1, 0));
    assert_eq!(ask(&format!("consent=ads; {cookie}")).expect(200).cookie(), None, "once an hour");
    assert_eq!(clicks(&server, &salon, (1, 0)), (1, 0));
}

#[test]
fn visitors_who_opt_out_are_not_fingerprinted() {
    let server = Server::start();
    wait_for_the_hour();
    let salon = server.enrol("tiered-credits", "salon");
    let fund = json!({"amount_cents": 10_000, "reason": "to begin with"});
    server.post("/v1/programs/tiered-credits/budget", &fund).operator().send().expect(201);
    let visit = || server.visit(&format!("/?ref={}", salon.code)).header("sec-gpc", "1");
    step("the cookie alone says who referred the visitor, and the visitor can see it");
    let cookie = visit().send().cookie().expect("the cookie");
    visit().send();
    assert_eq!(clicks(&server, &salon, (2, 0)), (2, 0), "without a fingerprint two visits are two");
    let ask = |gpc: bool, cookie: &str| -> Value {
        let ask = server.get("/v1/attribution").header("user-agent", CHROME).header("cookie", cookie);
        let ask = if gpc { ask.header("sec-gpc", "1") } else { ask };
        ask.send().expect(200).json()
    };
    let told = ask(true, &cookie);
    assert_eq!((told["token"].is_string(), &told["visitor"]), (true, &json!(null)), "{told}");
    server.tell(&[signed_up("by-cookie", &ahead(0), json!({"token": told["token"]}))]);
    assert_eq!(server.balance(&salon), (0, 500));

    step("without the cookie such a visitor is unknown, even to a later form");
    server.visit(&format!("/?ref={}", salon.code)).header("user-agent", format!("{CHROME} else")).send();
    assert_eq!(clicks(&server, &salon, (3, 0)), (3, 0), "another visitor's click makes this month's salt");
    let visitor = ask(false, "")["visitor"].clone();
    assert!(visitor.is_string());
    let up = server.deliver(&signed_up("by-nothing", &ahead(0), json!({"visitor": visitor}))).expect(200).json();
    let group = up["attribution"].as_array().expect("groups").iter().find(|g| g["group"] == json!("salonhub")).cloned();
    assert_eq!(group.map(|g| g["attributed"].clone()), Some(json!(false)), "{up}");
    server.audit();
}
