use crate::codec::message::standard_webhooks::*;
use proptest::prelude::*;
use std::time::{SystemTime, UNIX_EPOCH};
use ureq::http::HeaderMap;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT: i64 = 1_614_265_330;
const BODY: &[u8] = b"{\"test\": 2432232314}";
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const NOW: UtcMillis = UtcMillis(AT * 1_000);

fn secret(text: &str) -> Secret {
    Secret::parse(text).unwrap()
}

fn headers<'a>(id: &'a str, timestamp: &'a str, signature: &'a str) -> Headers<'a> {
    Headers { id: Some(id), timestamp: Some(timestamp), signature: Some(signature) }
}

fn check(id: &str, timestamp: &str, signature: &str, body: &[u8]) -> Result<(), SignatureError> {
    verify(&[secret(SECRET)], &headers(id, timestamp, signature), body, NOW)
}

#[test]
fn the_vector_of_the_specification() {
    assert_eq!(sign(&secret(SECRET), ID, AT, BODY), SIGNATURE);
    assert_eq!(check(ID, "1614265330", SIGNATURE, BODY), Ok(()));
}

#[test]
fn a_missing_header_is_named() {
    let all = headers(ID, "1614265330", SIGNATURE);
    for (sent, name) in [
        (Headers { id: None, ..all }, "webhook-id"),
        (Headers { timestamp: None, ..all }, "webhook-timestamp"),
        (Headers { signature: None, ..all }, "webhook-signature"),
        (Headers::default(), "webhook-id"),
    ] {
        let refused = verify(&[secret(SECRET)], &sent, BODY, NOW).unwrap_err();
        assert_eq!(refused, SignatureError::MissingHeader(name));
        assert!(refused.to_string().contains(name) && refused.code() == "webhook_header_missing");
    }
}

#[test]
fn ids_at_their_limit() {
    for (id, well_formed) in [
        ("a".repeat(254), true),
        ("a".repeat(255), true),
        ("a".repeat(256), false),
        (String::new(), false),
        ("msg.1".to_owned(), false),
        ("msg 1".to_owned(), false),
        ("msg\u{e9}".to_owned(), false),
    ] {
        let signature = sign(&secret(SECRET), &id, AT, BODY);
        let want = if well_formed { Ok(()) } else { Err(SignatureError::MalformedId) };
        assert_eq!(check(&id, "1614265330", &signature, BODY), want, "{id}");
    }
}

#[test]
fn timestamps_at_their_limit() {
    for (timestamp, want) in [
        (AT - 299, Ok(())),
        (AT - 300, Ok(())),
        (AT - 301, Err(SignatureError::TooOld)),
        (AT + 299, Ok(())),
        (AT + 300, Ok(())),
        (AT + 301, Err(SignatureError::TooFarAhead)),
        (0, Err(SignatureError::TooOld)),
        (AT * 1_000, Err(SignatureError::TooFarAhead)),
        (i64::MAX, Err(SignatureError::TooFarAhead)),
    ] {
        let signature = sign(&secret(SECRET), ID, timestamp, BODY);
        let sent = timestamp.to_string();
        for within_the_second in [0, 999] {
            let now = UtcMillis(NOW.0 + within_the_second);
            let got = verify(&[secret(SECRET)], &headers(ID, &sent, &signature), BODY, now);
            assert_eq!(got, want, "{timestamp}");
        }
    }
    for timestamp in ["", "x", "-1", "+1614265330", "1614265330.0", " 1614265330", "1e9", "9223372036854775808", "١"] {
        assert_eq!(check(ID, timestamp, SIGNATURE, BODY), Err(SignatureError::MalformedTimestamp), "{timestamp}");
    }
}

#[test]
fn any_signature_under_any_active_secret_will_do() {
    let (mine, old, stranger) = (secret(SECRET), secret(OTHER), secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx"));
    let by = |secret: &Secret| sign(secret, ID, AT, BODY);
    let twice = format!("{} {}", by(&stranger), by(&old));
    for (signature, accepted) in [
        (by(&mine), true),
        (by(&old), true),
        (twice, true),
        (format!("v1a,zzzz v2,zzzz nonsense  {}", by(&mine)), true),
        (by(&stranger), false),
        (by(&mine).replacen("v1,", "v2,", 1), false),
        (by(&mine).replacen("v1,", "v1a,", 1), false),
        (by(&mine).replacen("v1,", "", 1), false),
        (by(&mine).trim_end_matches('=').to_owned(), false),
        (by(&mine).to_lowercase(), false),
        (format!("{}x", by(&mine)), false),
        ("v1,".to_owned(), false),
        (String::new(), false),
    ] {
        let got = verify(&[mine.clone(), old.clone()], &headers(ID, "1614265330", &signature), BODY, NOW);
        assert_eq!(got, if accepted { Ok(()) } else { Err(SignatureError::NoMatchingSignature) }, "{signature}");
    }
    let none = verify(&[], &headers(ID, "1614265330", SIGNATURE), BODY, NOW);
    assert_eq!(none, Err(SignatureError::NoMatchingSignature), "without a secret nobody is believed");
    assert_eq!(check(ID, "1614265330", SIGNATURE, &BODY[..10]), Err(SignatureError::NoMatchingSignature));
}

#[test]
fn secrets_at_their_limit() {
    for (bytes, fits) in [(0, false), (23, false), (24, true), (25, true), (63, true), (64, true), (65, false)] {
        let parsed = Secret::parse(&format!("whsec_{}", STANDARD.encode(vec![7; bytes])));
        assert_eq!(parsed.err(), (!fits).then_some(SecretError::Length(bytes)));
    }
    for (text, want) in [
        ("", SecretError::Prefix),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SecretError::Prefix),
        ("WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SecretError::Prefix),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", SecretError::Base64),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS\n", SecretError::Base64),
        ("whsec_change me", SecretError::Base64),
    ] {
        let error = Secret::parse(text).unwrap_err();
        assert_eq!(error, want, "{text}");
        assert!(error.to_string().contains("webhook secret"));
    }
    assert_eq!(format!("{:?}", secret(SECRET)), "Secret(…)");
}

#[test]
fn the_independent_library_signs_for_us_and_verifies_us() {
    let theirs = standardwebhooks::Webhook::new(SECRET).unwrap();
    let now_s = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    for body in ["", "{}", "{\"type\":\"invoice.paid\",\"name\":\"Zoë ☞\"}"] {
        let body = body.as_bytes();
        let (by_them, by_us) = (theirs.sign(ID, now_s, body).unwrap(), sign(&secret(SECRET), ID, now_s, body));
        let timestamp = now_s.to_string();
        let got = verify(&[secret(SECRET)], &headers(ID, &timestamp, &by_them), body, UtcMillis(now_s * 1_000));
        assert_eq!(got, Ok(()));
        let mut sent = HeaderMap::new();
        sent.insert("webhook-id", ID.parse().unwrap());
        sent.insert("webhook-timestamp", timestamp.parse().unwrap());
        sent.insert("webhook-signature", by_us.parse().unwrap());
        assert!(theirs.verify(body, &sent).is_ok());
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    for (part, text) in [ID.as_bytes(), b"1614265330", SIGNATURE.as_bytes(), BODY].into_iter().enumerate() {
        for bit in 0..text.len() * 8 {
            let mut flipped = text.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let header = String::from_utf8_lossy(&flipped).into_owned();
            let got = match part {
                0 => check(&header, "1614265330", SIGNATURE, BODY),
                1 => check(ID, &header, SIGNATURE, BODY),
                2 => check(ID, "1614265330", &header, BODY),
                _ => check(ID, "1614265330", SIGNATURE, &flipped),
            };
            assert!(got.is_err(), "bit {bit} of part {part}");
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_headers_are_refused(
        id in prop::option::of(any::<String>()),
        timestamp in prop::option::of(prop_oneof![any::<String>(), any::<i64>().prop_map(|n| n.to_string())]),
        signature in prop::option::of(prop_oneof![any::<String>(), "(v1,[A-Za-z0-9+/]{0,50}={0,2} ?){0,5}"]),
        body in prop::collection::vec(any::<u8>(), 0..64),
        now in any::<i64>(),
    ) {
        let sent = Headers { id: id.as_deref(), timestamp: timestamp.as_deref(), signature: signature.as_deref() };
        prop_assert!(verify(&[secret(SECRET)], &sent, &body, UtcMillis(now)).is_err());
    }

    #[test]
    fn what_is_signed_verifies_under_its_secret_alone(
        key in prop::collection::vec(any::<u8>(), 24..=64),
        id in "[!-\\-/-~]{1,255}",
        timestamp in 0i64..253_402_300_799,
        body in prop::collection::vec(any::<u8>(), 0..200),
        off in -300i64..=300,
    ) {
        let mine = secret(&format!("whsec_{}", STANDARD.encode(&key)));
        let (sent, signature) = (timestamp.to_string(), sign(&mine, &id, timestamp, &body));
        let (sent, now) = (headers(&id, &sent, &signature), UtcMillis((timestamp + off) * 1_000));
        prop_assert_eq!(verify(&[secret(OTHER), mine], &sent, &body, now), Ok(()));
        prop_assert_eq!(verify(&[secret(OTHER)], &sent, &body, now), Err(SignatureError::NoMatchingSignature));
    }

    #[test]
    fn any_text_is_a_secret_or_an_error(text in "(whsec_)?[A-Za-z0-9+/=]{0,100}|.{0,20}") {
        let _ = Secret::parse(&text);
    }
}
