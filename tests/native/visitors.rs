//! What visitors' browsers ask for: their token and its short form, the touch of a visitor who consents later, and that
//! nothing is told once they withdraw.

use crate::funnel::fixture::{BROWSER, FunnelFixture};
use crate::support::site::LEADS_BACK;
use crate::support::world::at;
use manicule::base::time::UtcMillis;
use manicule::codec::attribution::token;
use manicule::http::config::Config;
use manicule::http::exchange::{PASSED, Response};
use serde_json::{Value, json};

const NOW: &str = "2026-05-05T10:00:00Z";
const HERE: (&str, &str) = ("sec-fetch-site", "same-origin");
const YES: &str = "consent=yes";

fn told(response: &Response) -> Value {
    serde_json::from_slice(&response.body).expect("JSON")
}

fn set_cookie(response: &Response) -> Option<&str> {
    response.headers.iter().find(|(name, _)| *name == "set-cookie").map(|(_, value)| value.as_str())
}

fn asking() -> FunnelFixture {
    let mut fixture = FunnelFixture::new(11);
    fixture.config.consent_cookie = YES.to_owned();
    fixture
}

fn post(fixture: &FunnelFixture, when: UtcMillis, body: &Value, headers: &[(&str, &str)]) -> Response {
    fixture.send(when, "POST", "/v1/attribution", "", body.to_string().as_bytes(), headers)
}

fn clicks(fixture: &FunnelFixture) -> i64 {
    let db = fixture.world.db.connection.borrow();
    db.query_row("SELECT COUNT(*) FROM click", [], |row| row.get(0)).expect("a count")
}

#[test]
fn the_short_reference_binds_as_the_token_does() {
    let fixture = FunnelFixture::new(3);
    let ann = fixture.partner("user-referral", "ann");
    let salon = fixture.partner("tiered-credits", "salon");
    let now = at(NOW);
    let touches = [
        ("user-referral", ann.1.as_str(), "spring", now.plus_days(-2)),
        ("tiered-credits", salon.1.as_str(), "", now.plus_days(-1)),
        ("tiered-credits", "gone", "", now.plus_days(-300)),
    ];
    let cookie = fixture.cookie("vis_1", &touches);
    let offered = told(&fixture.send(now, "GET", "/v1/attribution", "", b"", &[("cookie", &cookie)]));
    let reference = offered["reference"].as_str().expect("a reference");
    assert!(reference.len() <= 190 && reference.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'));
    assert_eq!(offered["reference_programs"], json!(["tiered-credits", "user-referral"]));
    assert_eq!(offered["program"], "tiered-credits");
    let keys = fixture.config.cookie_keys.as_ref().expect("keys");
    let bound = |id: &str, text: &Value| {
        let touchpoints = token::read(keys, text.as_str().expect("a text")).expect("a valid one");
        let event =
            json!({"id": id, "type": "account.signed_up", "occurred_at": NOW, "account": {"id": format!("acct_{id}")}});
        let taken = fixture.world.take(now, &event, Some(touchpoints)).expect("taken");
        taken.outcome["attribution"].clone()
    };
    let (by_token, by_reference) = (bound("e1", &offered["token"]), bound("e2", &json!(reference)));
    assert_eq!(by_reference, by_token);
    assert!(by_token.to_string().contains(&ann.0) && by_token.to_string().contains(&salon.0), "{by_token}");
}

#[test]
fn a_visitor_who_consents_later_is_a_touch() {
    let fixture = asking();
    let ann = fixture.partner("user-referral", "ann");
    let now = at(NOW);
    let body = json!({"code": ann.1, "campaign": "spring"});
    for headers in [&[HERE][..], &[HERE, ("cookie", "consent=deny")], &[HERE, ("cookie", "consent=yes; consent=yes")]] {
        let refused = post(&fixture, now, &body, headers);
        assert_eq!((refused.status, told(&refused)["code"].as_str()), (403, Some("no_consent")));
    }
    let consents = ("cookie", YES);
    for elsewhere in
        [&[consents][..], &[consents, ("origin", "https://evil.example")], &[consents, ("sec-fetch-site", "same-site")]]
    {
        assert_eq!(told(&post(&fixture, now, &body, elsewhere))["code"], "cross_origin", "{elsewhere:?}");
    }
    for (headers, body) in [
        (&[HERE, consents, ("user-agent", "curl/8.5.0")][..], body.clone()),
        (&[HERE, consents, ("sec-purpose", "prefetch")], body.clone()),
        (&[HERE, consents], json!({"code": "nobody00"})),
        (&[HERE, consents], json!({"code": "no code"})),
    ] {
        let nothing = post(&fixture, now, &body, headers);
        assert_eq!(
            (nothing.status, &told(&nothing)["token"], set_cookie(&nothing)),
            (200, &json!(null), None),
            "{body}"
        );
    }
    assert_eq!(clicks(&fixture), 0);

    // Older Safari says its origin alone.
    let made = post(&fixture, now, &body, &[consents, ("origin", "https://site.example")]);
    let cookie = set_cookie(&made).expect("a cookie").split(';').next().expect("a pair").to_owned();
    assert_eq!((&told(&made)["program"], clicks(&fixture)), (&json!("user-referral"), 1));
    let held = format!("{YES}; {cookie}");
    let again = post(&fixture, now.plus_ms(1), &body, &[HERE, ("cookie", &held)]);
    assert_eq!((set_cookie(&again), clicks(&fixture)), (None, 1));
    assert_eq!(told(&again)["token"], told(&made)["token"]);
    let asked = fixture.send(now, "GET", "/v1/attribution", "", b"", &[("cookie", &held)]);
    assert_eq!((&told(&asked)["token"], set_cookie(&asked)), (&told(&made)["token"], None));
}

#[test]
fn what_was_consented_to_can_be_withdrawn() {
    let fixture = asking();
    let ann = fixture.partner("user-referral", "ann");
    let now = at(NOW);
    let cookie = fixture.cookie("vis_1", &[("user-referral", &ann.1, "", now)]);
    for withdrawn in [cookie.clone(), format!("consent=no; {cookie}"), format!("{cookie}; consent=maybe")] {
        for path in ["/v1/attribution", "/healthz", "/openapi.json"] {
            let response = fixture.send(now, "GET", path, "", b"", &[("cookie", &withdrawn)]);
            let response = hardened(&fixture, response, &withdrawn);
            let deletion = set_cookie(&response).unwrap_or_else(|| panic!("{path}"));
            assert!(deletion.starts_with("__Host-manicule=; Max-Age=0; Path=/; Secure"), "{deletion}");
            assert!(path != "/v1/attribution" || told(&response)["token"].is_null());
        }
    }
    let quiet = hardened(&fixture, fixture.send(now, "GET", "/healthz", "", b"", &[]), "a=b");
    assert_eq!(set_cookie(&quiet), None);
}

/// As the runtime sends it.
fn hardened(fixture: &FunnelFixture, mut response: Response, cookie: &str) -> Response {
    let headers = vec![("cookie".to_owned(), cookie.to_owned())];
    let request = manicule::http::exchange::Request { headers, ..Default::default() };
    manicule::http::hardening::harden(&fixture.config, &request, &mut response);
    response
}

#[test]
fn beacons_of_browsers_without_fetch_metadata_are_judged_by_origin() {
    let fixture = FunnelFixture::new(5);
    let ann = fixture.partner("user-referral", "ann");
    let now = at(NOW);
    let body = json!({"event": "page.viewed", "partner": ann.1}).to_string();
    let page = format!("https://site.example/?ref={}", ann.1);
    let beacon = |headers: &[(&str, &str)]| {
        let mut all = vec![("referer", page.as_str()), ("user-agent", BROWSER)];
        all.extend(headers);
        set_cookie(&fixture.post(now, body.as_bytes(), &all)).is_some()
    };
    assert!(beacon(&[("origin", "https://site.example")]) && beacon(&[HERE]));
    for other in ["https://evil.example", "null", "http://site.example"] {
        assert!(!beacon(&[("origin", other)]), "{other}");
    }
    assert!(!beacon(&[]) && !beacon(&[("sec-fetch-site", "cross-site"), ("origin", "https://site.example")]));
}

#[test]
fn a_site_that_leads_back_is_not_healthy() {
    let mut fixture = FunnelFixture::new(9);
    let site = |name: &str| if name == "SITE_URL" { "https://site.example".to_owned() } else { String::new() };
    fixture.config.site_url = Config::read(site).site_url;
    let told_by = |fixture: &FunnelFixture| {
        told(&fixture.send(at(NOW), "GET", "/healthz", "", b"", &[fixture.operator()]))["configuration"].to_string()
    };
    assert!(!told_by(&fixture).contains("SITE_URL"));
    LEADS_BACK.set(true);
    assert!(told_by(&fixture).contains("SITE_URL: leads back"));
    fixture.config.site_url = String::new();
    assert!(!told_by(&fixture).contains("SITE_URL"), "nothing is passed on");
    fixture.config.site_url = "https://www.elsewhere.example".to_owned();
    LEADS_BACK.set(false);
    assert!(told_by(&fixture).contains("SITE_URL: pages of www.elsewhere.example"), "the requested host counts");
    // The question itself.
    assert_eq!(told(&fixture.send(at(NOW), "GET", "/healthz", "", b"", &[(PASSED, "1")])), json!({"ok": true}));
}

/// What is pasted, written in another case or unknown is looked up as often as a code that is right.
#[test]
fn a_miss_costs_at_most_one_read_more() {
    let cost = |spelled: &dyn Fn(&str) -> String, is_page: bool| {
        let fixture = FunnelFixture::new(29);
        let (_, code) = fixture.partner("tiered-credits", "one");
        let code = spelled(&code);
        let before = fixture.world.db.statements.get();
        if is_page {
            post(&fixture, at(NOW), &json!({"code": code}), &[HERE]);
        } else {
            let up = json!({
                "id": "up", "type": "account.signed_up", "occurred_at": NOW, "account": {"id": "a"}, "attribution": {"code": code},
            });
            fixture.world.take(at(NOW), &up, None).expect("it is taken");
        }
        fixture.world.db.statements.get() - before
    };
    for is_page in [true, false] {
        let plain = cost(&str::to_owned, is_page);
        assert!(plain > 0);
        for spelled in [
            &(|code: &str| format!("{code}.")) as &dyn Fn(&str) -> String,
            &|code: &str| code.to_lowercase(),
            &|code: &str| format!("https://go.example/R/{}%22", code.to_uppercase()),
            &|_: &str| "nosuchcode".to_owned(),
            &|_: &str| "nosuchcode%E2%80%8B".to_owned(),
        ] {
            let taken = cost(spelled, is_page);
            assert!(taken <= plain + 1, "{} {is_page}: {taken}, not {plain}", spelled("CODE"));
        }
    }
}
