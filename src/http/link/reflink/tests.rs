use crate::http::link::reflink::*;
use proptest::prelude::*;

fn code(url: &str) -> Option<(Option<&'static str>, Option<String>, Option<String>)> {
    find(url).map(|f| (f.param, f.code.map(Cow::into_owned), f.campaign.map(Cow::into_owned)))
}

#[test]
fn links_are_found() {
    let path = |code: &str| Some((None, Some(code.to_owned()), None));
    let bad_path = Some((None, None, None));
    let query = |param, code: &str| Some((Some(param), Some(code.to_owned()), None));
    let campaign = |param, code: &str, name: &str| Some((param, Some(code.to_owned()), Some(name.to_owned())));
    for (rest, expected) in [
        ("/r/AbC", path("AbC")),
        ("/r/a_b-C9", path("a_b-C9")),
        ("/r/%41bC", path("AbC")),
        ("/r/AbC?x=1", path("AbC")),
        ("/r/AbC?campaign=spring", campaign(None, "AbC", "spring")),
        ("/r/AbC?campaign=a%2Eb", campaign(None, "AbC", "a.b")),
        ("/r/AbC?campaign=a%20b", path("AbC")),
        ("/r/AbC?campaign=a+b", path("AbC")),
        ("/r/AbC?campaign=", path("AbC")),
        ("/r/", bad_path.clone()),
        ("/r/a/b", bad_path.clone()),
        ("/r/a%2Fb", bad_path.clone()),
        ("/r/a%0d%0aSet-Cookie:x", bad_path.clone()),
        ("/r/%ff", bad_path.clone()),
        ("/r/%zz", bad_path.clone()),
        ("/r", None),
        ("/R/AbC", None),
        ("/x/r/AbC", None),
        ("/?ref=AbC", query("ref", "AbC")),
        ("/a/b?x=1&ref=AbC&y=2", query("ref", "AbC")),
        ("/?partner=P_1&campaign=q3", campaign(Some("partner"), "P_1", "q3")),
        ("/?campaign=q3&partner=P_1", campaign(Some("partner"), "P_1", "q3")),
        ("/?campaign=q3", None),
        ("/?%72ef=AbC", query("ref", "AbC")),
        ("/?ref=%41bC", query("ref", "AbC")),
        ("/?ref=", Some((Some("ref"), None, None))),
        ("/?ref", Some((Some("ref"), None, None))),
        ("/?ref=a+b", Some((Some("ref"), None, None))),
        ("/?ref=a%20b", Some((Some("ref"), None, None))),
        ("/?ref=&ref=AbC", query("ref", "AbC")),
        ("/?ref=one&ref=two", query("ref", "one")),
        ("/?ref=b%20d&partner=good", query("partner", "good")),
        ("/?REF=AbC", None),
        ("/?xref=AbC&refx=AbC", None),
        ("/?q=ref=AbC", None),
        ("/?", None),
        ("/", None),
        ("/v1/attribution?ref=AbC", None),
        ("/api/referral/generate?ref=AbC", None),
        ("/px.gif?ref=AbC", None),
    ] {
        assert_eq!(code(&format!("https://go.example{rest}")), expected, "{rest}");
    }
    assert_eq!(code("https://go.example"), None);
    assert_eq!(code(""), None);
    assert_eq!(code(&format!("https://go.example/r/{}", "a".repeat(128))), path(&"a".repeat(128)));
    assert_eq!(code(&format!("https://go.example/r/{}", "a".repeat(129))), bad_path);
    let long = format!("https://go.example/r/a?campaign={}", "c".repeat(65));
    assert_eq!(code(&long), path("a"));
}

#[test]
fn addresses_are_stripped_byte_for_byte() {
    for (from, to) in [
        ("https://s.example/?ref=a", "https://s.example/"),
        ("https://s.example/p?ref=a&x=1", "https://s.example/p?x=1"),
        ("https://s.example/p?x=%20+&ref=a&&y", "https://s.example/p?x=%20+&&y"),
        ("https://s.example/p?partner=a&campaign=b&utm_source=c", "https://s.example/p?utm_source=c"),
        ("https://s.example/p?ref=&ref=a&%72ef=b", "https://s.example/p"),
        ("https://s.example/p?ref=a#frag", "https://s.example/p#frag"),
        ("https://s.example//evil.example/?ref=a", "https://s.example//evil.example/"),
        ("https://s.example/p?ref=a&next=//evil", "https://s.example/p?next=//evil"),
    ] {
        assert_eq!(find(from).unwrap().stripped(), to, "{from}");
    }
}

fn link(destination: Option<&str>, utm: &[(&str, &str)]) -> LinkRecord {
    LinkRecord {
        chosen: false,
        code: "AbC".into(),
        partner_id: "ptn".into(),
        program_id: "p".into(),
        destination: destination.map(str::to_owned),
        campaign: None,
        utm: utm.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        window_days: 30,
        model: Default::default(),
        params: vec![],
        expires_at_ms: None,
        disabled_at_ms: None,
        left_at_ms: None,
        undisclosed: false,
        fingerprinted: false,
    }
}

#[test]
fn destinations_are_what_was_stored() {
    let utm = [("utm_source", "a b"), ("utm_medium", "x&y=\r\n")];
    let site = "https://site.example/home";
    for (destination, utm, at, expected) in [
        (Some("/pricing"), &[][..], "", "/pricing"),
        (Some("/pricing"), &[], site, "https://site.example/pricing"),
        (
            Some("https://other.example/x#f"),
            &utm,
            site,
            "https://other.example/x?utm_medium=x%26y%3D%0D%0A&utm_source=a%20b#f",
        ),
        (Some("/x?utm_source=own"), &utm, "", "/x?utm_source=own&utm_medium=x%26y%3D%0D%0A"),
        (None, &[], "", "/"),
        (None, &[], site, site),
        (Some("//evil.example"), &[], "", "/"),
        (Some("/\\evil.example"), &[], site, site),
        (Some("javascript:alert(1)"), &[], "", "/"),
        (Some("https://a@evil.example/"), &[], site, site),
        (Some("/x\r\nSet-Cookie: a=b"), &[], "", "/"),
        (Some("https://bücher.example/"), &[], "", "/"),
    ] {
        assert_eq!(crate::http::link::reflink::destination(&link(destination, utm), at), expected, "{destination:?}");
    }
}

#[test]
fn the_request_adds_only_what_is_missing() {
    for (query, base, expected) in [
        ("", "/p", "/p"),
        ("?x=1", "/p", "/p?x=1"),
        ("?x=1&y=%20", "https://a.example/p?y=2#f", "https://a.example/p?y=2&x=1#f"),
        ("?utm_source=q", "/p?utm_source=own", "/p?utm_source=own"),
        ("?utm_source=q", "/p?utm%5Fsource=own", "/p?utm%5Fsource=own"),
        ("?a=1&a=2", "/p", "/p?a=1&a=2"),
        ("?ref=x&partner=y&campaign=z&k", "/p?", "/p?k"),
        ("?&&", "/p", "/p"),
        ("?x=//evil.example", "/", "/?x=//evil.example"),
    ] {
        let url = format!("https://go.example/r/AbC{query}");
        assert_eq!(find(&url).unwrap().carried_to(base), expected, "{query}");
    }
}

proptest! {
    #[test]
    fn nothing_unprintable_reaches_a_header(rest in ".{0,60}") {
        for url in [format!("https://h/r/a?{rest}"), format!("https://h/{rest}?ref=a&{rest}"), rest.clone()] {
            if let Some(found) = find(&url) {
                for out in [found.stripped(), found.carried_to("/x"), found.carried_to("https://a/?b#c")] {
                    prop_assert!(out.bytes().all(|b| b.is_ascii_graphic()), "{out:?}");
                }
            }
        }
    }

    #[test]
    fn a_stripped_address_is_no_ref_link(query in "[a-z%0-9=&+]{0,30}", tail in "(ref|partner|campaign|%72ef)=[a-z]{0,3}") {
        let url = format!("https://h/p?{query}&{tail}&{query}");
        if let Some(found) = find(&url) {
            let stripped = found.stripped();
            prop_assert_eq!(find(&stripped), None, "{}", stripped);
            prop_assert!(stripped.starts_with("https://h/p"));
        }
    }

    #[test]
    fn the_destination_keeps_its_host(query in ".{0,40}") {
        let url = format!("https://go.example/r/a?{query}");
        if let Some(found) = find(&url) {
            prop_assert!(found.carried_to("https://a.example/x").starts_with("https://a.example/x"));
            let to_root = found.carried_to("/");
            prop_assert!(to_root == "/" || to_root.starts_with("/?") || to_root.starts_with("/#"), "{}", to_root);
        }
    }
}
