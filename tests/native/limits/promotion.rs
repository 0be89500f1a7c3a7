//! Promotion codes that visitors ask for: one for a visitor, and so many of a program in an hour.

use super::floods::{FLOOD, NOW, rows};
use crate::funnel::fixture::FunnelFixture;
use crate::support::site::ALL_TOO_OFTEN;
use crate::support::world::{World, at, now};
use manicule::base::limits::{PROMOTION_CODES_PER_HOUR, PROMOTION_CODES_PER_NETWORK};
use manicule::base::time::UtcMillis;
use manicule::codec::outgoing::RequestFailed;
use manicule::service::credit::promotion;
use manicule::service::credit::promotion::Recipient;
use serde_json::{Value, json};
use std::cell::Cell;
use std::rc::Rc;

const PROGRAM: &str = "user-referral";
const PATH: &str = "/v1/attribution/promotion-code";

fn sql(world: &World, text: &str) {
    world.db.connection.borrow().execute_batch(text).expect("the statement of the test");
}

/// A program whose benefit is a promotion code, a partner's code in it, and how often Stripe was called. It never answers.
fn promoting() -> (FunnelFixture, String, Rc<Cell<u32>>) {
    let mut fixture = FunnelFixture::new(1);
    let (_, code) = fixture.partner(PROGRAM, "friend");
    sql(
        &fixture.world,
        "UPDATE program_version SET document = json_set(document, '$.benefit.as_promotion_code', json('true')) WHERE program_id = 'user-referral'",
    );
    fixture.config.setup.stripe = Some(manicule::service::setup::Stripe {
        key: "sk_test_517bd8823e6ea4497977a22a9a0761f3".to_owned(),
        api_base: "https://stripe.example".to_owned(),
    });
    let asked = Rc::new(Cell::new(0));
    let counted = Rc::clone(&asked);
    fixture.world.setup = fixture.config.setup.clone();
    *fixture.world.service.borrow_mut() = Box::new(move |_| {
        counted.set(counted.get() + 1);
        Err(RequestFailed("it does not answer".to_owned()))
    });
    (fixture, code, asked)
}

#[test]
fn visits_make_no_promotion_codes() {
    let (fixture, code, asked) = promoting();
    let program = PROGRAM;
    let now = at(NOW);
    let here = ("sec-fetch-site", "same-origin");
    let told = |n: usize, method: &str, path: &str, headers: &[(&str, &str)]| {
        let cookie = fixture.cookie(&format!("vis_{n}"), &[(program, &code, "", now)]);
        let mut all = vec![("cookie", cookie.as_str()), ("cf-connecting-ip", "192.0.2.1")];
        all.extend(headers);
        let response = fixture.send(now, method, path, "", b"", &all);
        (response.status, serde_json::from_slice::<Value>(&response.body).expect("JSON"))
    };
    for n in 0..FLOOD {
        let (status, body) = told(n, "GET", "/v1/attribution", &[here]);
        assert_eq!((status, &body["program"], &body["promotion_code"]), (200, &json!(program), &Value::Null), "{body}");
    }
    assert_eq!((rows(&fixture.world, "promotion_code"), asked.get()), (0, 0));
    // A person who presses the button gets one, from a page of this origin alone.
    let path = PATH;
    assert_eq!(told(1, "POST", path, &[("sec-fetch-site", "cross-site")]).0, 403);
    assert_eq!(told(1, "POST", path, &[here, ("user-agent", "Googlebot/2.1")]).1["program"], Value::Null);
    assert_eq!((rows(&fixture.world, "promotion_code"), asked.get()), (0, 0));
    let (status, body) = told(1, "POST", path, &[here]);
    assert_eq!(
        (status, &body["program"], &body["promotion_code"]),
        (200, &json!(program), &Value::Null),
        "Stripe is away"
    );
    assert_eq!(rows(&fixture.world, "promotion_code"), 1);
    assert!(asked.get() > 0);
    sql(&fixture.world, "UPDATE promotion_code SET promotion_id = 'promo_1', attempt = 1, revision = revision + 1");
    let known = told(1, "GET", "/v1/attribution", &[here]).1["promotion_code"].clone();
    assert!(known.is_string(), "{known}");
    assert_eq!(told(1, "POST", path, &[here]).1["promotion_code"], known);
    // Too many from one network: the known one is told all the same.
    ALL_TOO_OFTEN.set(true);
    assert_eq!(told(2, "POST", path, &[here]).0, 429);
    assert_eq!(told(1, "POST", path, &[here]).1["promotion_code"], known);
    ALL_TOO_OFTEN.set(false);
    assert_eq!(rows(&fixture.world, "promotion_code"), 1);
}

#[test]
fn a_program_makes_so_many_codes_by_press_in_an_hour() {
    let (fixture, code, asked) = promoting();
    let press = |n: usize, when: UtcMillis| {
        let cookie = fixture.cookie(&format!("vis_{n}"), &[(PROGRAM, &code, "", at(NOW))]);
        let ip = format!("192.0.{}.{}", n / 250, n % 250);
        let headers = [("cookie", &*cookie), ("cf-connecting-ip", &*ip), ("sec-fetch-site", "same-origin")];
        let response = fixture.send(when, "POST", PATH, "", b"", &headers);
        let body: Value = serde_json::from_slice(&response.body).expect("JSON");
        assert_eq!((response.status, &body["program"]), (200, &json!(PROGRAM)), "the page works on");
        assert!(body.get("promotion_code").is_some_and(Value::is_null), "{body}");
        response.fault
    };
    let most = PROMOTION_CODES_PER_HOUR as usize;
    let within: Vec<Option<String>> = (0..most).map(|n| press(n, at(NOW))).collect();
    assert!(within.iter().flatten().all(|fault| !fault.contains("too_many_promotion_codes")), "{within:?}");
    let called = asked.get();
    for n in most..3 * most {
        let fault = press(n, at(NOW)).expect("the log says it");
        assert!(fault.contains("too_many_promotion_codes") && fault.contains(PROGRAM), "{fault}");
    }
    let stored = || rows(&fixture.world, "promotion_code") as usize;
    assert_eq!((stored(), asked.get()), (most, called), "Stripe is not called for the others");
    // A visitor who has a row already goes on with it.
    press(0, at(NOW).plus_ms(60_000));
    assert!(asked.get() > called);
    // A sign-up is no press: its code is made whatever visitors have done.
    let context = fixture.world.at(at(NOW));
    let catalog = now(context.programs()).expect("programs");
    let document = catalog.current(&PROGRAM.into(), at(NOW)).expect("a document");
    let account = Recipient { account: Some(&"friend".into()), visitor: Some("vis_new"), requested_by: "" };
    now(promotion::code(&context, document, account));
    assert_eq!(stored(), most + 1);
    // So is a code that a sign-up took over, and the next hour has codes of its own.
    let first = Recipient { account: Some(&"another".into()), visitor: Some("vis_0"), requested_by: "" };
    now(promotion::code(&fixture.world.at(at(NOW).plus_ms(60_000)), document, first));
    assert_eq!(stored(), most + 1);
    press(5_000, at(NOW));
    assert_eq!(stored(), most + 2);
    press(5_001, at(NOW).plus_ms(3_600_000));
    assert_eq!(stored(), most + 3);
}

#[test]
fn one_network_does_not_take_all_codes_of_an_hour() {
    let (fixture, code, _) = promoting();
    let press = |n: usize, ip: &str, when: UtcMillis| {
        let cookie = fixture.cookie(&format!("vis_{n}"), &[(PROGRAM, &code, "", at(NOW))]);
        let headers = [("cookie", &*cookie), ("cf-connecting-ip", ip), ("sec-fetch-site", "same-origin")];
        assert_eq!(fixture.send(when, "POST", PATH, "", b"", &headers).status, 200);
        rows(&fixture.world, "promotion_code")
    };
    let most = PROMOTION_CODES_PER_NETWORK as usize;
    (0..3 * most).for_each(|n| {
        press(n, "192.0.2.1", at(NOW));
    });
    assert_eq!(rows(&fixture.world, "promotion_code"), PROMOTION_CODES_PER_NETWORK);
    assert_eq!(press(1_000, "192.0.2.2", at(NOW)), PROMOTION_CODES_PER_NETWORK + 1, "somebody else");
    assert_eq!(press(1_001, "192.0.2.1", at(NOW).plus_ms(3_600_000)), PROMOTION_CODES_PER_NETWORK + 2, "the next hour");
}
