mod clicks;

use crate::codec::attribution::cookie::*;
use crate::engine::attribution::kept::{PartnerMark, TOUCHES_MAX};
use crate::engine::attribution::touch::TouchHistory;
use crate::program::document::Model;
use proptest::prelude::*;

const NOW: UtcMillis = UtcMillis(1_790_000_000_000);

fn keys() -> CookieKeys {
    CookieKeys::parse(&format!("k1:{},k0:{}", "1f".repeat(32), "2e".repeat(32))).unwrap()
}

fn touch(code: &str, at: UtcMillis) -> Touch {
    Touch {
        program: "user-referral".into(),
        code: code.into(),
        campaign: "spring".into(),
        click_id: "clk_0123".into(),
        at,
    }
}

/// The terms of a program with this window.
fn window(window_days: i64) -> TouchTerms {
    TouchTerms { partner: PartnerMark(0xabc), model: Model::LastTouch, window_days }
}

fn signed() -> SignedCookie {
    let new = SignedCookie::new("vis_1".into());
    let other = TouchTerms { partner: PartnerMark(7), ..window(60) };
    new.with_touch(touch("AbC12345", NOW), window(30), &keys()).with_touch(touch("PARTNER_0A", NOW), other, &keys())
}

#[test]
fn what_is_written_is_read() {
    let value = write(&keys(), &signed());
    assert!(value.starts_with("v1.k1."));
    assert_eq!(read_value(&keys(), &value), Some(signed()));
    assert_eq!(signed().until, NOW.plus_days(60));
    for header in [
        format!("__Host-manicule={value}"),
        format!("a=b; __Host-manicule={value}; c=d"),
        format!("__Host-manicule=v1.k1.broken.mac;__Host-manicule={value}"),
        format!("__Host-manicule={value} ; __Host-manicule=x"),
    ] {
        assert_eq!(read(&keys(), &header), Some(signed()), "{header}");
    }
    assert_eq!(read(&keys(), &format!("x__Host-manicule={value}")), None);
    assert_eq!(read(&keys(), &format!("__Secure-manicule={value}")), None);
    assert_eq!(read(&keys(), ""), None);
}

#[test]
fn of_several_the_newest_counts_and_no_flood_hides_it() {
    let touched = |visitor: &str, at: i64| {
        let touch = Touch { at: UtcMillis(at), ..signed().touchpoints.touches[0].clone() };
        write(&keys(), &SignedCookie::new(visitor.into()).with_touch(touch, window(30), &keys()))
    };
    let (old, new, none) =
        (touched("vis_old", 1), touched("vis_new", 2), write(&keys(), &SignedCookie::new("vis_2".into())));
    for header in [
        format!("__Host-manicule={old}; __Host-manicule={new}; __Host-manicule={none}"),
        format!("__Host-manicule={none}; __Host-manicule={new}; __Host-manicule={old}"),
        format!("{}__Host-manicule={new}", "__Host-manicule=v1.k1.x.y;".repeat(2_000)),
        format!("\u{2000}__Host-manicule={old};__Host-manicule={new}"),
    ] {
        assert_eq!(
            read(&keys(), &header).unwrap().touchpoints.visitor,
            "vis_new",
            "{}",
            &header[..60.min(header.len())]
        );
    }
    // A planted cookie whose name only resembles ours.
    for space in ["\u{2000}", "\u{a0}", "\u{85}"] {
        assert_eq!(read(&keys(), &format!("{space}__Host-manicule={new}")), None);
        assert_eq!(read(&keys(), &format!("__Host-manicule{space}={new}")), None);
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let value = write(&keys(), &signed()).into_bytes();
    for at in 0..value.len() {
        for bit in 0..7 {
            let mut flipped = value.clone();
            flipped[at] ^= 1 << bit;
            let text = String::from_utf8(flipped).unwrap();
            assert_eq!(read_value(&keys(), &text), None, "byte {at} bit {bit}");
        }
    }
    for len in 0..value.len() {
        assert_eq!(read_value(&keys(), std::str::from_utf8(&value[..len]).unwrap()), None, "cut to {len}");
    }
}

#[test]
fn versions_kids_and_names_are_bound() {
    let value = write(&keys(), &signed());
    assert_eq!(read_value(&keys(), &value.replacen("v1.", "v2.", 1)), None);
    assert_eq!(read_value(&keys(), &value.replacen(".k1.", ".k0.", 1)), None);
    assert_eq!(read_value(&keys(), &value.replacen(".k1.", ".k9.", 1)), None);
    assert_eq!(read_value(&keys(), &format!("{value}=")), None);
    assert_eq!(read_value(&keys(), &format!("{value}.x")), None);
    let shared = keys().with_domain("example.com").unwrap();
    assert_eq!(read_value(&shared, &value), None, "a cookie of another name");
    // A kid that runs into the payload must not sign the same bytes.
    assert_eq!(read_value(&keys(), &value.replacen(".k1.", ".k1..", 1)), None);
}

#[test]
fn rotation_keeps_old_cookies_until_their_key_goes() {
    let old = CookieKeys::parse(&format!("k0:{}", "2e".repeat(32))).unwrap();
    let value = write(&old, &signed());
    assert_eq!(read_value(&keys(), &value), Some(signed()));
    let gone = CookieKeys::parse(&format!("k1:{}", "1f".repeat(32))).unwrap();
    assert_eq!(read_value(&gone, &value), None);
    let changed = CookieKeys::parse(&format!("k0:{}", "3d".repeat(32))).unwrap();
    assert_eq!(read_value(&changed, &value), None);
}

#[test]
fn oversize_is_refused_before_any_work() {
    let long = format!("v1.k1.{}.mac", "A".repeat(VALUE_BYTES_MAX));
    assert_eq!(read_value(&keys(), &long), None);
}

#[test]
fn signed_nonsense_is_refused_too() {
    let sign = |payload: &[u8]| {
        let mut value = format!("v1.k1.{}", URL_SAFE_NO_PAD.encode(payload));
        let mut hmac = keys().keys[0].prepared.clone();
        hmac.update(&value.as_bytes()["v1.k1.".len()..]);
        value.push('.');
        value.push_str(&URL_SAFE_NO_PAD.encode(hmac.finalize().into_bytes()));
        value
    };
    assert!(read_value(&keys(), &sign(b"v\t1\np\tc\t\tk\t1\t0\tL1\n=A\tc\t\tk\t1\t0")).is_some());
    let many = format!("v\t1\np\tc\t\tk\t1\t0\tL1{}", "\n=A\tc\t\tk\t1\t0".repeat(TOUCHES_MAX));
    for payload in [
        &b""[..],
        b"v",
        b"\t1",
        b"v\t01",
        b"v\t+1",
        b"v\t1\n",
        b"v\t1\np\tc\t\tk\t1\t0",
        b"v\t1\np\tc\t\tk\t1\t0\tL1\t",
        b"v\t1\n\tc\t\tk\t1\t0\tL1",
        b"v\t1\np\tc d\t\tk\t1\t0\tL1",
        b"v\t1\np\tc\t\xff\tk\t1\t0\tL1",
        b"v\t1\np\tc\t\tk\t1\t10000\tL1",
        b"v\t1\np\tc\t\tk\t1\t0\tL0",
        b"v\t1\np\tc\t\tk\t1\t0\tX1",
        b"v\t1\np\tc\t\tk\t1\t0\tL6H",
        b"v\t1\n=A\tc\t\tk\t1\t0",
        b"v\t1\np\tc\t\tk\t1\t0\tL1\n=B\tc\t\tk\t1\t0",
        b"v\t1\np\tc\t\tk\t1\t0\tL1\np\tc\t\tk\t1\t0\tL1",
        b"v\tzzzzzzzzz",
        many.as_bytes(),
    ] {
        assert_eq!(read_value(&keys(), &sign(payload)), None, "{}", String::from_utf8_lossy(payload));
    }
}

#[test]
fn the_header_says_what_it_must() {
    let header = set_cookie(&keys(), &signed(), NOW);
    assert!(header.starts_with("__Host-manicule=v1.k1."));
    assert!(header.ends_with("; Max-Age=5184000; Path=/; Secure; HttpOnly; SameSite=Lax"), "{header}");
    let shared = set_cookie(&keys().with_domain("example.com").unwrap(), &signed(), NOW);
    assert!(shared.starts_with("__Secure-manicule=") && shared.contains("; Domain=example.com;"), "{shared}");
    let forever = SignedCookie::new("v".into()).with_touch(touch("a", NOW), window(100_000), &keys());
    assert!(set_cookie(&keys(), &forever, NOW).contains("; Max-Age=34560000;"));
    let earlier = SignedCookie::new("v".into()).with_touch(touch("a", NOW), window(90), &keys());
    let earlier = earlier.with_touch(touch("b", NOW.plus_days(1)), window(30), &keys());
    assert!(set_cookie(&keys(), &earlier, NOW.plus_days(1)).contains(&format!("; Max-Age={};", 89 * 86_400)));
}

#[test]
fn bad_keys_are_named() {
    let good = "1f".repeat(32);
    for (text, error) in [
        ("", KeyError::Empty),
        (" , ", KeyError::Empty),
        ("k1", KeyError::Form(1)),
        (":aa", KeyError::Form(1)),
        ("k 1:aa", KeyError::Form(1)),
        ("k.1:aa", KeyError::Form(1)),
        ("k1:zz", KeyError::Form(1)),
        ("k1:abc", KeyError::Form(1)),
        ("k1:é", KeyError::Form(1)),
        ("k1:ab", KeyError::Short("k1".into())),
        (&format!("k1:{}", "1f".repeat(31)), KeyError::Short("k1".into())),
        (&format!("k1:{}", "00".repeat(32)), KeyError::Zero("k1".into())),
        (&format!("k1:{good},k1:{good}"), KeyError::DuplicateKid("k1".into())),
        (&format!("k1:{good},k0:"), KeyError::Short("k0".into())),
    ] {
        assert_eq!(CookieKeys::parse(text).unwrap_err(), error, "{text}");
    }
    for domain in ["", ".example.com", "exa mple.com", "example.com; Path=/x", "ex\r\nample"] {
        assert_eq!(keys().with_domain(domain).unwrap_err(), KeyError::Domain, "{domain}");
    }
    assert_eq!(format!("{:?}", keys()), r#"["k1", "k0"]"#);
}

proptest! {
    #[test]
    fn reading_never_panics(text in ".{0,300}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&keys(), &text);
        read_value(&keys(), &text);
        read_value(&keys(), &format!("v1.k1.{text}"));
        decode(&bytes);
    }

    #[test]
    fn touchpoints_round_trip(
        visitor in "[A-Za-z0-9_]{1,40}",
        touches in prop::collection::vec(("[a-z-]{1,2}", "[A-Za-z0-9_-]{1,128}", "[A-Za-z0-9_.-]{0,64}", "[a-z0-9_]{1,40}", 0i64..1_000_000_000_000_000), 0..=24),
        until in 0i64..1_000_000_000_000_000,
    ) {
        let touches = touches.into_iter().map(|(program, code, campaign, click_id, at)| Touch { program: program.into(), code: code.into(), campaign, click_id, at: UtcMillis(at) }).collect();
        let signed = SignedCookie::of(TouchHistory { visitor, touches }, UtcMillis(until));
        prop_assert_eq!(decode(encode(&signed).as_bytes()), Some(signed));
    }

    #[test]
    fn decoding_is_injective(bytes in "v\t[0-2]{1,2}(\n(p|q|=A|=B)\t[ab]\t\tk\t[0-2]{1,2}\t[01](\tL[1-3])?){0,4}") {
        if let Some(signed) = decode(bytes.as_bytes()) {
            prop_assert_eq!(encode(&signed), bytes);
        }
    }
}
