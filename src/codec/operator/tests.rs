use crate::base::time::UtcMillis;
use crate::codec::json::Invalid;
use crate::codec::operator::*;
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: UtcMillis = UtcMillis(1_778_371_200_000); // 2026-05-10T00:00:00Z

fn bytes(body: Value) -> Vec<u8> {
    body.to_string().into_bytes()
}

fn refused<T: std::fmt::Debug>(result: Result<T, Invalid>) -> (String, &'static str) {
    let invalid = result.expect_err("refused");
    (invalid.field, invalid.code)
}

/// One valid body for each call.
fn bodies() -> Vec<Vec<u8>> {
    vec![
        bytes(json!({"program": "p", "external_id": "e", "name": "N", "email": "a@b.example", "website": "b.example",
                     "country": "de", "type": "agency", "disclosure_accepted": true})),
        bytes(json!({"partner": "ptn_1", "destination": "/pricing", "campaign": "may", "utm": {"source": "x"},
                     "source": "content", "expires_at": "2026-06-01T00:00:00Z"})),
        bytes(json!({"program": "p", "cadence": "weekly", "period": "2026-W20"})),
        bytes(json!({"decision": "reject", "reason": "their own account"})),
        bytes(json!({"name": " Ann ", "website": "https://a.example", "country": "fr", "display_name": " "})),
    ]
}

#[test]
fn addresses_begin_as_phones_write_them() {
    for (typed, stored) in [("Https://A.Example/Us", "https://a.example/Us"), ("HTTP://a.example", "http://a.example")]
    {
        let body = bytes(json!({"name": "Ann", "website": typed}));
        assert_eq!(profile(&body).expect("a profile").website.as_deref(), Some(stored));
        let body = bytes(json!({"return_url": typed}));
        assert_eq!(onboarding(&body).expect("an onboarding").return_url.as_deref(), Some(stored));
    }
    for typed in ["/us", "//a.example", "ftp://a.example", "javascript:alert(1)"] {
        assert!(profile(&bytes(json!({"name": "Ann", "website": typed}))).is_err(), "{typed}");
        assert!(onboarding(&bytes(json!({"return_url": typed}))).is_err(), "{typed}");
    }
}

fn read_all(body: &[u8]) {
    let _ = (partner(body), link(body, NOW), run(body), review(body), generate(body), profile(body));
}

#[test]
fn good_bodies_are_read() {
    let all = bodies();
    assert_eq!(partner(&all[0]).unwrap().country.as_deref(), Some("DE"));
    let link = link(&all[1], NOW).unwrap();
    assert_eq!(link.utm, Some(json!({"utm_source": "x"})));
    assert_eq!(run(&all[2]).unwrap().period, "2026-W20");
    assert!(!review(&all[3]).unwrap().release);
    let profile = profile(&all[4]).unwrap();
    assert_eq!(
        (profile.name.as_deref(), profile.country.as_deref(), profile.display_name),
        (Some("Ann"), Some("FR"), None)
    );
    assert_eq!(generate(b" \n"), Ok(GenerateLinkRequest::default()));
}

#[test]
fn names_are_seen_and_hide_nothing() {
    let called = |name: &str| {
        let joins = partner(&bytes(json!({"program": "p", "external_id": "e", "name": name})));
        let keeps = profile(&bytes(json!({"name": "Ann", "display_name": name})));
        assert_eq!(joins.is_ok(), keeps.is_ok(), "{name:?}");
        joins.is_ok()
    };
    for good in ["Ann", "Käse & Co", "‏סטודיו צפון", "👩‍👩‍👧 Studio", "株式会社", ""] {
        assert!(called(good), "{good:?}");
    }
    for bad in ["\u{202e}gpj.exe", "A\u{2066}B", "A\u{2028}B", "\u{200b}", "\u{2800}\u{3164}", "a\u{0}b", "a\nb"] {
        assert!(!called(bad), "{bad:?}");
    }
}

#[test]
fn errors_name_the_field() {
    let partner_with = |field: &str, value: Value| {
        let mut body = json!({"program": "p", "external_id": "e"});
        body[field] = value;
        refused(partner(&bytes(body)))
    };
    for (field, value, code) in [
        ("program", Value::Null, "missing"),
        ("external_id", json!(""), "malformed"),
        ("email", json!("nobody"), "malformed"),
        ("type", json!("friend"), "unsupported"),
        ("country", json!("Germany"), "malformed"),
        ("website", json!("javascript:alert(1)"), "malformed"),
        ("disclosure_accepted", json!("yes"), "wrong_type"),
    ] {
        assert_eq!(partner_with(field, value.clone()), (field.to_owned(), code), "{field} = {value}");
    }
    for (field, value, code) in [
        ("destination", json!("//evil.example"), "malformed"),
        ("destination", json!("https://u:p@evil.example"), "malformed"),
        ("campaign", json!("a".repeat(65)), "too_long"),
        ("campaign", json!("<b>"), "malformed"),
        ("utm", json!({"source": 1}), "malformed"),
        ("utm", json!([]), "wrong_type"),
        ("expires_at", json!("2026-05-10T00:00:00Z"), "malformed"),
        ("source", json!("billboard"), "unsupported"),
    ] {
        let mut body = json!({"partner": "ptn_1"});
        body[field] = value.clone();
        assert_eq!(refused(link(&bytes(body), NOW)), (field.to_owned(), code), "{field} = {value}");
    }
    assert_eq!(refused(review(b"{\"decision\":\"release\",\"reason\":\" \"}")), ("reason".to_owned(), "missing"));
    assert_eq!(refused(run(b"{\"program\":\"p\",\"cadence\":\"daily\"}")), ("cadence".to_owned(), "unsupported"));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        read_all(&body);
    }

    #[test]
    fn mutated_bodies_never_panic(which in 0usize..4, at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0u8..3) {
        let mut body = bodies().swap_remove(which);
        let at = at.index(body.len());
        match how {
            0 => body[at] = byte,
            1 => body.insert(at, byte),
            _ => drop(body.remove(at)),
        }
        read_all(&body);
    }
}
