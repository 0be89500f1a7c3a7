use crate::http::link::reflink::*;
use proptest::prelude::*;

/// Whether it is a short link, its codes with their parameters, and the campaign.
type Found = (bool, Vec<(Option<&'static str>, String)>, Option<String>);

fn code(url: &str) -> Option<Found> {
    find(url).map(|f| {
        let codes = f.candidates.iter().map(|c| (c.param, c.code.to_string())).collect();
        (f.is_short, codes, f.campaign())
    })
}

#[test]
fn links_are_found() {
    let short = |code: &str, name: Option<&str>| Some((true, vec![(None, code.to_owned())], name.map(str::to_owned)));
    let path = |code: &str| short(code, None);
    let bad_path = Some((true, vec![], None));
    for (rest, expected) in [
        ("/r/AbC", path("AbC")),
        ("/r/a_b-C9", path("a_b-C9")),
        ("/r/%41bC", path("AbC")),
        ("/r/AbC?x=1", path("AbC")),
        ("/r/AbC?campaign=spring", short("AbC", Some("spring"))),
        ("/r/AbC?campaign=a%2Eb", short("AbC", Some("a.b"))),
        ("/r/AbC?campaign=a%20b", short("AbC", Some("a b"))),
        ("/r/AbC?campaign=a+b", short("AbC", Some("a b"))),
        ("/r/AbC?campaign=fr%C3%BChling!", short("AbC", Some("fr\u{fc}hling!"))),
        ("/r/AbC?campaign=", path("AbC")),
        ("/r/AbC?campaign=%ff", path("AbC")),
        ("/r/", bad_path.clone()),
        ("/r//", bad_path.clone()),
        ("/r/%ff", bad_path.clone()),
        ("/r/%zz", bad_path.clone()),
        ("/r/..%2f..", bad_path.clone()),
        ("/r", None),
        ("/x/r/AbC", None),
    ] {
        assert_eq!(code(&format!("https://go.example{rest}")), expected, "{rest}");
    }
    assert_eq!(code("https://go.example"), None);
    assert_eq!(code(""), None);
    assert_eq!(code(&format!("https://go.example/r/{}", "a".repeat(128))), path(&"a".repeat(128)));
    assert_eq!(code(&format!("https://go.example/r/{}", "a".repeat(129))), bad_path);
    let long = format!("https://go.example/r/a?campaign={}", "c".repeat(65));
    assert_eq!(code(&long), short("a", Some(&"c".repeat(64))));
}

#[test]
fn links_are_found_as_they_arrive() {
    for (rest, campaign) in [
        ("/r/AbC/", None),
        ("/r/AbC/b", None),
        ("/r/AbC.", None),
        ("/r/AbC),", None),
        ("/r/AbC%22", None),
        ("/r/AbC'", None),
        ("/r/AbC%E2%80%9D", None),
        ("/r/AbC%20", None),
        ("/r/%20AbC", None),
        ("/r/AbC%E2%80%8B", None),
        ("/r/%E2%80%8BAbC", None),
        ("/r/AbC%0d%0aSet-Cookie:x", None),
        ("/r/AbC&utm_source=x", None),
        ("/r/AbC&campaign=spring", Some("spring")),
        ("/r/AbC%3Fcampaign=spring", Some("spring")),
        ("/r/AbC?x=1&amp;campaign=spring", Some("spring")),
        ("/r/AbC%3Fcampaign%3Dspring%26x%3D1", Some("spring")),
        ("/r%2FAbC", None),
        ("/r/AbC!", None),
        ("/r/AbC;", None),
        ("/r/AbC>", None),
        ("/r/AbC%3E", None),
        ("/r/AbC/?x=1", None),
        ("//r/AbC", None),
        ("///r//AbC", None),
        ("/R/AbC", None),
    ] {
        let found = Some((true, vec![(None, "AbC".to_owned())], campaign.map(str::to_owned)));
        assert_eq!(code(&format!("https://go.example{rest}")), found, "{rest}");
    }
}

#[test]
fn parameters_are_found() {
    let codes = |codes: &[(&'static str, &str)], name: Option<&str>| {
        let codes = codes.iter().map(|(param, code)| (Some(*param), (*code).to_owned())).collect();
        Some((false, codes, name.map(str::to_owned)))
    };
    let query = |param, code: &str| codes(&[(param, code)], None);
    for (rest, expected) in [
        ("/?ref=AbC", query("ref", "AbC")),
        ("/a/b?x=1&ref=AbC&y=2", query("ref", "AbC")),
        ("/?partner=P_1&campaign=q3", codes(&[("partner", "P_1")], Some("q3"))),
        ("/?campaign=q3&partner=P_1", codes(&[("partner", "P_1")], Some("q3"))),
        ("/?campaign=q3", None),
        ("/?%72ef=AbC", query("ref", "AbC")),
        ("/?ref=%41bC", query("ref", "AbC")),
        ("/?ref=", None),
        ("/?ref", None),
        ("/?ref=/docs/main", None),
        ("/?ref=%C3%A9cole", None),
        ("/?ref=a+b", query("ref", "a")),
        ("/?ref=%20a", query("ref", "a")),
        ("/?ref=&ref=AbC", query("ref", "AbC")),
        ("/?ref=one&ref=two", codes(&[("ref", "one"), ("ref", "two")], None)),
        ("/?ref=AbC.", query("ref", "AbC")),
        ("/?ref=AbC?utm_source=mail", query("ref", "AbC")),
        ("/?ref=AbC?campaign=q3", codes(&[("ref", "AbC")], Some("q3"))),
        ("/?x=1&amp;ref=AbC", query("ref", "AbC")),
        ("/?amp%3Bref=AbC", query("ref", "AbC")),
        ("/??ref=AbC", query("ref", "AbC")),
        ("/?REF=AbC&Campaign=q3", codes(&[("ref", "AbC")], Some("q3"))),
        ("/?Partner=AbC", query("partner", "AbC")),
        ("/?ref%3DAbC", query("ref", "AbC")),
        ("/?x=1&ref%3dAbC%26campaign%3Dq3", codes(&[("ref", "AbC")], Some("q3"))),
        ("/?+ref%20=AbC", query("ref", "AbC")),
        ("/?next=/p%3Fref%3DAbC", None),
        ("/?ref=1&ref=2&ref=3&ref=4&ref=5", codes(&[("ref", "1"), ("ref", "2"), ("ref", "3"), ("ref", "4")], None)),
        ("/?xref=AbC&refx=AbC", None),
        ("/?q=ref=AbC", None),
        ("/?", None),
        ("/", None),
        ("/v1/attribution?ref=AbC", None),
        ("/api/referral/generate?ref=AbC", None),
    ] {
        assert_eq!(code(&format!("https://go.example{rest}")), expected, "{rest}");
    }
}

#[test]
fn addresses_lose_what_counts_and_nothing_else() {
    for (chosen, from, to) in [
        (0, "https://s.example/?ref=a", "https://s.example/"),
        (0, "https://s.example/p?ref=a&x=1", "https://s.example/p?x=1"),
        (0, "https://s.example/p?x=%20+&ref=a&&y", "https://s.example/p?x=%20+&&y"),
        (0, "https://s.example/p?partner=a&campaign=b&utm_source=c", "https://s.example/p?utm_source=c"),
        (0, "https://s.example/p?ref=&ref=a&%72ef=b", "https://s.example/p?ref="),
        (0, "https://s.example/p?ref=a#frag", "https://s.example/p#frag"),
        (0, "https://s.example//evil.example/?ref=a", "https://s.example//evil.example/"),
        (0, "https://s.example/p?ref=a&next=//evil", "https://s.example/p?next=//evil"),
        (0, "https://s.example/p?ref=a?utm_source=mail&x", "https://s.example/p?utm_source=mail&x"),
        (0, "https://s.example/p?x=1&amp;REF=a.", "https://s.example/p?x=1"),
        (0, "https://s.example/p?x=1&ref%3Da%26y%3D2&z", "https://s.example/p?x=1&y=2&z"),
        // Of several the second is live: the first is the site's own, and the third would count after the redirect.
        (1, "https://s.example/p?ref=main&partner=a&ref=b", "https://s.example/p?ref=main"),
    ] {
        let mut found = find(from).unwrap();
        found.chosen = chosen;
        assert_eq!(found.stripped(true), to, "{from}");
    }
    assert_eq!(find("https://s.example/?ref=a&campaign=b").unwrap().stripped(false), "https://s.example/?campaign=b");
}

#[test]
fn a_pages_address_is_mended() {
    for (url, want) in [
        ("https://s.example/p&ref=a", Some("https://s.example/p?ref=a")),
        ("https://s.example/&ref=a&x=1#f", Some("https://s.example/?ref=a&x=1#f")),
        ("https://s.example/p&x=1&amp;Ref=a?y=2", Some("https://s.example/p?x=1&amp;Ref=a&y=2")),
        ("https://s.example/p%3Fref=a", Some("https://s.example/p?ref=a")),
        ("https://s.example/a/p%3fx%3D1%26partner%3Da%2520?y", Some("https://s.example/a/p?x=1&partner=a%20&y")),
        ("https://s.example/p&x=1", None),
        ("https://s.example/p&campaign=a", None),
        ("https://s.example/p&ref=", None),
        ("https://s.example/p&ref=a/b", None),
        ("https://s.example/p%26?ref=a", None),
        ("https://s.example/r/a&ref=b", None),
        ("https://s.example/p?x&ref=a", None),
        ("https://s.example", None),
        ("", None),
    ] {
        assert_eq!(mended(url).as_deref(), want, "{url}");
    }
}

#[test]
fn plain_http_has_a_secure_address() {
    let secure = |url| find(url).unwrap().over_https();
    assert_eq!(secure("http://s.example:80/r/a?x=1#f").as_deref(), Some("https://s.example:80/r/a?x=1#f"));
    assert_eq!(secure("https://s.example/r/a"), None);
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
        ("&utm_source=q?x=1", "/p", "/p?utm_source=q&x=1"),
        ("?x=1&amp;utm_source=q", "/p", "/p?x=1&utm_source=q"),
        ("./", "/p", "/p"),
        ("%3Futm_source%3Dq%26y%3Da%2520b", "/p", "/p?utm_source=q&y=a%20b"),
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
                for out in [found.stripped(true), found.carried_to("/x"), found.carried_to("https://a/?b#c")] {
                    prop_assert!(out.bytes().all(|b| b.is_ascii_graphic()), "{out:?}");
                }
            }
        }
    }

    #[test]
    fn a_stripped_address_is_no_ref_link(query in "[a-z%0-9=&+?;]{0,30}", tail in "(ref|partner|campaign|%72ef)=[a-z]{0,3}") {
        let url = format!("https://h/p?{query}&{tail}&{query}");
        if let Some(mut found) = find(&url) {
            found.chosen = found.candidates.len() - 1;
            prop_assert!(found.stripped(true).starts_with("https://h/p"));
            found.chosen = 0;
            let first = found.stripped(true);
            let nested = found.candidates[0].query.contains("=");
            prop_assert!(nested || find(&first).is_none(), "{}", first);
        }
    }

    #[test]
    fn a_code_is_found_whatever_follows_it(
        code in "[A-Za-z0-9_-]{1,40}",
        after in "([.,;:!?)/'&]|%22|%20|%E2%80%8B|%E2%80%9D|%E2%80%A6|%0A){0,3}",
    ) {
        for url in [format!("https://h/r/{code}{after}"), format!("https://h//R/{code}{after}?x=1")] {
            let found = find(&url).map(|found| found.candidates[0].code.to_string());
            prop_assert_eq!(found, Some(code.clone()), "{}", url);
        }
        let url = format!("https://h/p?x=1&amp;Ref={code}{after}");
        prop_assert_eq!(find(&url).map(|found| found.candidates[0].code.to_string()), Some(code.clone()), "{}", url);
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
