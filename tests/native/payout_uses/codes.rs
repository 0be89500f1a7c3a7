//! Codes that operators choose.

use super::fixture::PayoutFixture;
use super::{AGENCY, APRIL};
use crate::support::site::FORGOTTEN;
use manicule::service::setup::PayoutApproval;
use serde_json::{Value, json};

fn fixture() -> PayoutFixture {
    PayoutFixture::new(PayoutApproval::Manual)
}

fn enrol(fixture: &PayoutFixture, who: &str, code: &str) -> (u16, Value) {
    fixture.post(
        APRIL,
        "/v1/partners",
        json!({"program": AGENCY, "external_id": who, "code": code, "disclosure_accepted": true}),
    )
}

fn refusal((status, problem): (u16, Value)) -> (u16, String) {
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 20), "{problem}");
    assert_eq!(problem["field"], "code", "{problem}");
    (status, problem["code"].as_str().expect("a code").to_owned())
}

/// To whom an account belongs that typed this code at its sign-up.
fn bound(fixture: &PayoutFixture, account: &str, code: &str) -> Option<String> {
    let when = "2026-04-02T00:00:00Z";
    fixture.event(&format!("s_{account}"), "account.signed_up", when, account, json!({"attribution": {"code": code}}));
    let rows = fixture
        .world
        .db
        .look(&format!("SELECT partner_id FROM binding WHERE account_id = '{account}' AND program_id = '{AGENCY}'"));
    rows.first().and_then(|row| row["partner_id"].as_str().map(str::to_owned))
}

#[test]
fn a_code_is_the_partners_whatever_its_case() {
    let fixture = fixture();
    let (status, partner) = enrol(&fixture, "agency", "PARTNER_AGENCY42");
    assert_eq!((status, &partner["code"]), (201, &json!("PARTNER_AGENCY42")));
    let id = partner["id"].as_str().expect("an id");
    for (account, code) in [("a", "PARTNER_AGENCY42"), ("b", "partner_agency42"), ("c", "Partner_Agency42")] {
        assert_eq!(bound(&fixture, account, code).as_deref(), Some(id), "{code}");
    }
    // Bound by the link's own code, so that the link counts it.
    assert_eq!(fixture.world.db.number("SELECT COUNT(DISTINCT code) FROM binding WHERE code IS NOT NULL"), 1);
    // A drawn code, too: apps and keyboards change the case of what is pasted.
    let (drawn_id, drawn) = fixture.partner(AGENCY, "drawn");
    assert_eq!(bound(&fixture, "d", &drawn).as_ref(), Some(&drawn_id));
    assert_eq!(bound(&fixture, "e", &drawn.to_ascii_lowercase()).as_ref(), Some(&drawn_id));
    // Repeated, it is the same partner. With another code it would be dropped in silence.
    assert_eq!(enrol(&fixture, "agency", "partner_agency42").0, 200);
    assert_eq!(refusal(enrol(&fixture, "agency", "AGENCY43")), (409, "partner_has_code".to_owned()));
}

#[test]
fn a_code_that_is_taken_looks_like_another_or_is_reserved_is_refused() {
    let fixture = fixture();
    let owner = enrol(&fixture, "owner", "ADA20").1["id"].as_str().expect("an id").to_owned();
    let off = json!({"partner": owner, "code": "FORMER"});
    assert_eq!(fixture.post(APRIL, "/v1/links", off).0, 201);
    assert_eq!(fixture.delete(APRIL, "/v1/links/FORMER"), 200);
    let rival = fixture.partner(AGENCY, "rival").0;
    for (code, status, why) in [
        ("ADA20", 409, "code_taken"),
        ("ada20", 409, "code_taken"),
        ("former", 409, "code_taken"),
        ("ADA2O", 409, "code_looks_like_another"),
        ("Admin", 422, "code_reserved"),
        ("0fficial", 422, "code_reserved"),
        ("ab", 422, "malformed"),
        ("a b c", 422, "malformed"),
        ("", 422, "malformed"),
    ] {
        let link = |code: &str| fixture.post(APRIL, "/v1/links", json!({"partner": rival, "code": code}));
        assert_eq!(refusal(link(code)), (status, why.to_owned()), "{code}");
        assert_eq!(refusal(enrol(&fixture, "new", code)), (status, why.to_owned()), "{code}");
        let change = fixture.patch(APRIL, &format!("/v1/partners/{rival}"), json!({"code": code}));
        assert_eq!(refusal(change), (status, why.to_owned()), "{code}");
    }
    // What looked like a link that works no more may be had; and of one's own, too.
    assert_eq!(fixture.post(APRIL, "/v1/links", json!({"partner": rival, "code": "F0RMER"})).0, 201);
    assert_eq!(fixture.post(APRIL, "/v1/links", json!({"partner": owner, "code": "ADA2O"})).0, 201);
    // The database holds to it whoever writes.
    let raw = |code: &str, skeleton: &str, chosen: u8| {
        fixture.world.db.connection.borrow().execute_batch(&format!(
            "INSERT INTO link (code, chosen, skeleton, partner_id, program_id, created_at_ms)
             VALUES ('{code}', {chosen}, '{skeleton}', '{rival}', '{AGENCY}', 1)"
        ))
    };
    assert!(raw("aDa20", "other", 0).is_err(), "by case alone");
    assert!(raw("AdaZO", "ada2o", 0).is_err(), "a drawn code that looks like a chosen one");
}

#[test]
fn an_old_code_goes_on_working() {
    let fixture = fixture();
    let (id, drawn) = fixture.partner(AGENCY, "p");
    FORGOTTEN.take();
    let (status, partner) =
        fixture.patch(APRIL, &format!("/v1/partners/{id}"), json!({"code": "ADA20", "notes": "met\nin May"}));
    assert_eq!(
        (status, &partner["code"], &partner["notes"]),
        (200, &json!("ADA20"), &json!("met\nin May")),
        "{partner}"
    );
    assert_eq!(FORGOTTEN.take(), [drawn.clone(), "ADA20".to_owned()]);
    assert_eq!(bound(&fixture, "a", &drawn).as_deref(), Some(id.as_str()));
    assert_eq!(bound(&fixture, "b", "ada20").as_deref(), Some(id.as_str()));
    let audited =
        |action: &str| fixture.world.db.number(&format!("SELECT COUNT(*) FROM audit WHERE action = '{action}'"));
    let before = audited("link.change");
    assert_eq!(fixture.patch(APRIL, &format!("/v1/partners/{id}"), json!({"code": "ada20"})).0, 200);
    assert_eq!(audited("link.change"), before, "the same again changes nothing");
    // And back.
    let (_, partner) = fixture.patch(APRIL, &format!("/v1/partners/{id}"), json!({"code": drawn}));
    assert_eq!(partner["code"], drawn.as_str(), "{partner}");
    assert_eq!(fixture.get(APRIL, "/v1/links/ADA20")["partner"], id.as_str());
}

#[test]
fn a_link_changes() {
    let fixture = fixture();
    let (id, _) = fixture.partner(AGENCY, "p");
    let (_, link) = fixture.post(
        APRIL,
        "/v1/links",
        json!({"partner": id, "destination": "/a", "campaign": "may", "utm": {"source": "x"}}),
    );
    let code = link["code"].as_str().expect("a code").to_owned();
    let path = format!("/v1/links/{code}");
    FORGOTTEN.take();
    let (status, changed) = fixture.patch(APRIL, &path, json!({"destination": "/b", "campaign": null}));
    assert_eq!((status, &changed["destination"], &changed["campaign"]), (200, &json!("/b"), &Value::Null));
    assert_eq!(changed["utm"], json!({"utm_source": "x"}), "what is left out stays");
    assert_eq!(FORGOTTEN.take(), std::slice::from_ref(&code));
    let (status, chosen) = fixture.patch(APRIL, &path, json!({"code": "SPRING-SALE", "destination": "/c"}));
    assert_eq!((status, &chosen["code"], &chosen["chosen"]), (200, &json!("SPRING-SALE"), &json!(true)));
    // Both lead to the new destination.
    for code in [&code, "SPRING-SALE"] {
        assert_eq!(fixture.get(APRIL, &format!("/v1/links/{code}"))["destination"], "/c");
    }
    assert_eq!(fixture.patch(APRIL, "/v1/links/nobodys", json!({"destination": "/c"})).0, 404);
    assert_eq!(fixture.delete(APRIL, &path), 200);
    assert_eq!(fixture.patch(APRIL, &path, json!({"destination": "/d"})).1["code"], "link_disabled");
}

#[test]
fn a_link_is_found_whatever_the_case_of_its_code() {
    let fixture = fixture();
    let (id, _) = fixture.partner(AGENCY, "p");
    assert_eq!(fixture.post(APRIL, "/v1/links", json!({"partner": id, "code": "SPRING"})).0, 201);
    assert_eq!(fixture.get(APRIL, "/v1/links/spring")["code"], "SPRING");
    FORGOTTEN.take();
    let (status, changed) = fixture.patch(APRIL, "/v1/links/Spring", json!({"destination": "/b"}));
    assert_eq!((status, &changed["code"], &changed["destination"]), (200, &json!("SPRING"), &json!("/b")));
    assert_eq!(fixture.delete(APRIL, "/v1/links/sPRING"), 200);
    assert_eq!(FORGOTTEN.take(), ["SPRING", "SPRING"]);
    assert!(fixture.get(APRIL, "/v1/links/SPRING")["disabled_at"].is_string());
}

#[test]
fn a_main_code_works() {
    let fixture = fixture();
    let (id, _) = fixture.partner(AGENCY, "p");
    let choose = |code: &str| fixture.patch(APRIL, &format!("/v1/partners/{id}"), json!({"code": code}));
    // A link that ends is nobody's main link, and one that was turned off is not the last word.
    let ending = json!({"partner": id, "code": "SUMMER", "expires_at": "2026-09-01T00:00:00Z"});
    assert_eq!(fixture.post(APRIL, "/v1/links", ending).0, 201);
    assert_eq!(refusal(choose("SUMMER")), (409, "code_taken".to_owned()));
    fixture.sql("UPDATE link SET expires_at_ms = 1 WHERE code = 'SUMMER'");
    assert_eq!(refusal(choose("SUMMER")), (409, "code_taken".to_owned()));
    assert_eq!(choose("AGENCY42").0, 200);
    assert_eq!(fixture.delete(APRIL, "/v1/links/AGENCY42"), 200);
    assert_eq!(refusal(choose("AGENCY42")), (409, "code_taken".to_owned()));
    let (status, partner) = choose("AGENCY43");
    assert_eq!((status, &partner["code"]), (200, &json!("AGENCY43")), "{partner}");
    assert_eq!(fixture.get(APRIL, "/v1/links/AGENCY43")["disabled_at"], Value::Null);
    assert_eq!(bound(&fixture, "a", "agency43").as_deref(), Some(id.as_str()));
    assert_eq!(bound(&fixture, "b", "AGENCY42"), None, "off stays off");
}

#[test]
fn what_cannot_be_removed_is_refused() {
    let fixture = fixture();
    let (id, code) = fixture.partner(AGENCY, "p");
    for (path, field, value) in [
        (format!("/v1/partners/{id}"), "code", Value::Null),
        (format!("/v1/partners/{id}"), "email", Value::Null),
        (format!("/v1/partners/{id}"), "email", json!("")),
        (format!("/v1/links/{code}"), "code", Value::Null),
    ] {
        let (status, problem) = fixture.patch(APRIL, &path, json!({field: value}));
        assert_eq!((status, &problem["field"]), (422, &json!(field)), "{path} {field}: {problem}");
    }
}
