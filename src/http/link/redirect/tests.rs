mod mended;

use crate::base::time::HOUR_MS;
use crate::http::link::redirect::*;
use crate::program::document::Model;
use std::collections::BTreeMap;

const NOW: UtcMillis = UtcMillis(1_790_000_000_000);
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0.0.0 Safari/537.36";

fn settings(mode: RefMode, site: &str) -> RedirectSettings {
    let keys = CookieKeys::parse(&format!("k1:{}", "1f".repeat(32))).unwrap();
    RedirectSettings { keys: Some(keys), mode, site: site.to_owned(), consent_cookie: String::new() }
}

fn link() -> LinkRecord {
    LinkRecord {
        chosen: false,
        code: "AbC".into(),
        partner_id: "ptn_1".into(),
        program_id: "user-referral".into(),
        destination: Some("/pricing".into()),
        campaign: Some("launch".into()),
        utm: BTreeMap::from([("utm_source".into(), "partner".into())]),
        window_days: 30,
        model: Model::LastTouch,
        params: vec!["ref".into(), "campaign".into()],
        expires_at_ms: None,
        disabled_at_ms: None,
        left_at_ms: None,
        undisclosed: false,
        fingerprinted: false,
    }
}

fn browser() -> RedirectInput<'static> {
    RedirectInput {
        signals: RequestSignals { method: "GET", user_agent: Some(AGENT), ..RequestSignals::default() },
        ip: "192.0.2.7",
        country: Some("DE"),
        referrer: Some("https://Blog.example:443/post?x"),
        ..RedirectInput::default()
    }
}

struct Case<'a> {
    url: &'a str,
    link: Option<LinkRecord>,
    parts: RedirectInput<'a>,
    mode: RefMode,
    site: &'a str,
    now: UtcMillis,
}

fn case(url: &str) -> Case<'_> {
    Case { url, link: Some(link()), parts: browser(), mode: RefMode::Redirect, site: "", now: NOW }
}

fn run(case: &Case<'_>) -> RedirectDecision {
    let settings = settings(case.mode, case.site);
    let resolved = case.link.clone().map(|link| ResolvedLink::new(link, &settings));
    let mut count = 0;
    let mut random = || {
        count += 1;
        [count; ID_BYTES]
    };
    decide(&reflink::find(case.url).unwrap(), resolved.as_ref(), &case.parts, &settings, case.now, &mut random)
}

fn touchpoints(decision: &RedirectDecision) -> SignedCookie {
    let keys = settings(RefMode::Redirect, "").keys.unwrap();
    cookie::read(&keys, decision.set_cookie.as_ref().unwrap().split(';').next().unwrap()).unwrap()
}

fn plain(go: &str) -> RedirectDecision {
    only(Redirect::To(go.to_owned()))
}

fn only(go: Redirect) -> RedirectDecision {
    RedirectDecision { go, set_cookie: None, click: None }
}

#[test]
fn a_visit_is_redirected_counted_and_remembered() {
    let decision = run(&case("https://go.example/r/AbC"));
    assert_eq!(decision.go, Redirect::To("/pricing?utm_source=partner".into()));
    let click = decision.click.clone().unwrap();
    assert_eq!(click.referrer_host.as_deref(), Some("blog.example"));
    assert_eq!(
        (click.country.as_deref(), click.utm_source.as_deref(), click.bot),
        (Some("DE"), Some("partner"), false)
    );
    assert_eq!(click.visitor, Visitor::Fingerprint { user_agent: AGENT.into() });
    let touch = &touchpoints(&decision).touchpoints.touches[0];
    assert_eq!((touch.click_id.as_str(), touch.code.as_str(), touch.at), (click.id.as_str(), "AbC", NOW));
    assert_eq!((touch.program.as_str(), touch.campaign.as_str()), ("user-referral", "launch"));
    assert_eq!(touchpoints(&decision).until, NOW.plus_days(30));
}

#[test]
fn dead_links_are_plain_visits() {
    let at = Some(NOW);
    for (what, dead) in [
        ("unknown", None),
        ("expired", Some(LinkRecord { expires_at_ms: at, ..link() })),
        ("disabled", Some(LinkRecord { disabled_at_ms: at, ..link() })),
        ("partner left", Some(LinkRecord { left_at_ms: at, ..link() })),
        ("undisclosed", Some(LinkRecord { undisclosed: true, ..link() })),
    ] {
        for (url, site, go) in [
            ("https://go.example/r/AbC", "", "/"),
            ("https://go.example/r/AbC", "https://site.example/", "https://site.example/"),
            ("https://go.example/r/AbC?utm_source=x", "https://site.example/", "https://site.example/?utm_source=x"),
        ] {
            assert_eq!(run(&Case { link: dead.clone(), site, ..case(url) }), plain(go), "{what} {url}");
        }
        for mode in [RefMode::Pass, RefMode::Redirect] {
            let pass = run(&Case { link: dead.clone(), mode, ..case("https://go.example/p?ref=AbC&x=1") });
            assert_eq!(pass, only(Redirect::Pass), "{what}: the site's own parameter");
        }
    }
    let live = LinkRecord { expires_at_ms: Some(NOW.plus_ms(1)), ..link() };
    assert!(run(&Case { link: Some(live), ..case("https://go.example/r/AbC") }).set_cookie.is_some());
}

#[test]
fn parameters_count_where_the_program_accepts_them() {
    let stripped = run(&case("https://go.example/p?ref=AbC&x=1"));
    assert_eq!(stripped.go, Redirect::To("https://go.example/p?x=1".into()));
    assert!(stripped.set_cookie.is_some() && stripped.click.is_some());
    assert_eq!(run(&case("https://go.example/p?partner=AbC")), only(Redirect::Pass));
    let named = |link: LinkRecord, url| {
        touchpoints(&run(&Case { link: Some(link), ..case(url) })).touchpoints.touches[0].campaign.clone()
    };
    assert_eq!(named(link(), "https://go.example/?ref=AbC&campaign=q3"), "q3");
    assert_eq!(named(link(), "https://go.example/r/AbC?campaign=q3"), "q3");
    assert_eq!(named(link(), "https://go.example/r/AbC?campaign=q%203"), "q 3");
    assert_eq!(named(LinkRecord { params: vec![], ..link() }, "https://go.example/r/AbC?campaign=q3"), "launch");
    assert_eq!(named(LinkRecord { campaign: None, ..link() }, "https://go.example/r/AbC"), "");
}

#[test]
fn passing_on_adds_the_cookie() {
    let decision = run(&Case { mode: RefMode::Pass, ..case("https://go.example/p?ref=AbC") });
    assert_eq!(decision.go, Redirect::Pass);
    assert!(decision.set_cookie.is_some());
    // A short link has no page to pass on to.
    let short = run(&Case { mode: RefMode::Pass, ..case("https://go.example/r/AbC") });
    assert_eq!(short.go, Redirect::To("/pricing?utm_source=partner".into()));
}

#[test]
fn only_visits_get_a_cookie() {
    let with = |signals| RedirectInput { signals, ..browser() };
    let get = browser().signals;
    for (parts, bot) in [
        (with(RequestSignals { method: "HEAD", ..get }), None),
        (with(RequestSignals { method: "HEAD", purposes: [Some("prefetch"), None, None, None], ..get }), None),
        (with(RequestSignals { fetch_dest: Some("image"), ..get }), None),
        (with(RequestSignals { fetch_dest: Some("iframe"), fetch_mode: Some("navigate"), ..get }), None),
        (with(RequestSignals { user_agent: Some("Slackbot 1.0"), ..get }), Some(true)),
        (with(RequestSignals { user_agent: None, ..get }), Some(true)),
    ] {
        let decision = run(&Case { parts, ..case("https://go.example/r/AbC") });
        assert_eq!(decision.go, Redirect::To("/pricing?utm_source=partner".into()));
        assert_eq!(decision.set_cookie, None);
        assert_eq!(decision.click.map(|click| click.bot), bot, "{parts:?}");
    }
    let worker = RequestSignals { fetch_mode: Some("navigate"), fetch_dest: Some("empty"), ..get };
    assert!(run(&Case { parts: with(worker), ..case("https://go.example/r/AbC") }).set_cookie.is_some());
}

#[test]
fn what_nobody_sees_yet_is_asked_for_again() {
    for (place, purpose) in [
        (0, "prefetch"),
        (0, "prefetch;prerender"),
        (0, "prefetch;anonymous-client-ip"),
        (1, "prefetch"),
        (2, "preview"),
        (3, "prefetch"),
    ] {
        let mut purposes = [None; 4];
        purposes[place] = Some(purpose);
        let parts = RedirectInput { signals: RequestSignals { purposes, ..browser().signals }, ..browser() };
        for mode in [RefMode::Pass, RefMode::Redirect] {
            for url in ["https://go.example/r/AbC", "https://go.example/p?ref=AbC"] {
                assert_eq!(run(&Case { parts, mode, ..case(url) }), only(Redirect::NotYet), "{purpose} {url}");
            }
            let other = Case { parts, link: None, mode, ..case("https://go.example/docs?ref=main") };
            assert_eq!(run(&other), only(Redirect::Pass), "{purpose}");
        }
        let unknown = Case { parts, link: None, ..case("https://go.example/r/AbC") };
        assert_eq!(run(&unknown), plain("/"), "{purpose}");
    }
}

#[test]
fn a_pages_own_requests_stay_untouched() {
    for (mode, dest) in [("no-cors", "image"), ("cors", "empty"), ("no-cors", "script"), ("navigate", "iframe")] {
        let signals = RequestSignals { fetch_mode: Some(mode), fetch_dest: Some(dest), ..browser().signals };
        let found = reflink::find("https://go.example/p?ref=AbC").unwrap();
        assert!(!is_worth_a_look(&found, &signals));
        let parts = RedirectInput { signals, ..browser() };
        assert_eq!(run(&Case { parts, ..case("https://go.example/p?ref=AbC") }), only(Redirect::Pass), "{mode} {dest}");
    }
}

#[test]
fn a_site_that_leads_back_to_the_parameter_does_not_loop() {
    let url = "https://go.example/docs?ref=AbC";
    let first = run(&case(url));
    assert_eq!(first.go, Redirect::To("https://go.example/docs".into()));
    let cookie = first.set_cookie.clone().unwrap();
    let parts = RedirectInput { cookie: cookie.split(';').next(), ..browser() };
    let second = run(&Case { parts, ..case(url) });
    assert_eq!((second.go, second.click), (Redirect::Pass, None));
    assert!(second.set_cookie.is_some());
}

#[test]
fn office_programs_get_a_page_that_leads_on() {
    for method in ["GET", "HEAD"] {
        let agent = Some("Mozilla/4.0 (compatible; ms-office; MSOffice 16)");
        let signals = RequestSignals { method, user_agent: agent, ..browser().signals };
        let parts = RedirectInput { signals, ..browser() };
        for (url, link) in [
            ("https://go.example/r/AbC?x=\"&y", "url=https://go.example/r/AbC?x=&quot;&amp;y\""),
            ("https://go.example/p?ref=AbC", "url=https://go.example/p?ref=AbC\""),
        ] {
            let decision = run(&Case { parts, ..case(url) });
            let Redirect::Page(page) = &decision.go else { panic!("{decision:?}") };
            assert!(page.contains(link), "{page}");
            assert_eq!((decision.set_cookie, decision.click), (None, None));
        }
        assert_eq!(run(&Case { parts, link: None, ..case("https://go.example/r/AbC") }), plain("/"));
    }
}

#[test]
fn plain_http_goes_to_https_first() {
    let parts = RedirectInput { is_plain: true, ..browser() };
    for (url, link, go) in [
        ("http://go.example/r/AbC?x=1", Some(link()), Redirect::To("https://go.example/r/AbC?x=1".into())),
        ("http://go.example/r/AbC", None, Redirect::To("https://go.example/r/AbC".into())),
        ("http://go.example/p?ref=AbC", Some(link()), Redirect::To("https://go.example/p?ref=AbC".into())),
        ("http://go.example/p?ref=AbC", None, Redirect::Pass),
    ] {
        assert_eq!(run(&Case { parts, link, ..case(url) }), only(go), "{url}");
    }
}

#[test]
fn a_cookie_is_extended_and_its_hour_counted_once() {
    let first = run(&case("https://go.example/r/AbC"));
    let cookie = first.set_cookie.clone().unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let again = |url, now| run(&Case { parts: RedirectInput { cookie: Some(cookie), ..browser() }, now, ..case(url) });
    let hour_end = UtcMillis((NOW.0 / HOUR_MS + 1) * HOUR_MS);

    let repeat = again("https://go.example/r/AbC", hour_end.plus_ms(-1));
    assert_eq!(repeat.click, None);
    assert_eq!(touchpoints(&repeat).touchpoints.touches.len(), 1);
    assert_eq!(touchpoints(&repeat).touchpoints.touches[0].click_id, first.click.clone().unwrap().id);
    assert_eq!(touchpoints(&repeat).touchpoints.touches[0].at, hour_end.plus_ms(-1));

    let campaign = again("https://go.example/r/AbC?campaign=x", NOW);
    assert_eq!(campaign.click, None, "one click per link and hour");
    assert_eq!(touchpoints(&campaign).touchpoints.touches.len(), 2);

    let later = again("https://go.example/r/AbC", hour_end);
    assert_eq!(later.click.clone().unwrap().visitor, Visitor::Known(touchpoints(&first).touchpoints.visitor));
    assert_eq!(touchpoints(&later).touchpoints.touches.len(), 1, "the last touch decides");
    let first_touch =
        Case { link: Some(LinkRecord { model: Model::FirstTouch, ..link() }), ..case("https://go.example/r/AbC") };
    let kept = |now| {
        let repeat = run(&Case {
            parts: RedirectInput { cookie: Some(cookie), ..browser() },
            now,
            link: first_touch.link.clone(),
            ..first_touch
        });
        touchpoints(&repeat).touchpoints.touches.iter().map(|touch| touch.at).collect::<Vec<_>>()
    };
    assert_eq!(kept(hour_end.plus_ms(-1)), [NOW], "the first touch keeps its instant");
    assert_eq!(kept(hour_end), [NOW, hour_end]);
    assert_eq!(touchpoints(&later).touchpoints.visitor, touchpoints(&first).touchpoints.visitor);
}

#[test]
fn privacy_signals_are_kept() {
    let private = RedirectInput { private: true, ..browser() };
    let click = run(&Case { parts: private, ..case("https://go.example/r/AbC") }).click.unwrap();
    assert_eq!(click.visitor, Visitor::Private);
    assert_eq!(click.visitor_key(&crate::engine::link::click::Salt::none()), click.id);
    let long = "ä".repeat(400);
    let wide = RedirectInput { signals: RequestSignals { user_agent: Some(&long), ..browser().signals }, ..browser() };
    assert!(run(&Case { parts: wide, ..case("https://go.example/r/AbC") }).click.is_some());
}

#[test]
fn what_is_recorded_is_short_and_clean() {
    let url = "https://go.example/r/AbC?utm_medium=a%0d%0ab&utm_source=ignored";
    let parts = RedirectInput { country: Some("D\n"), referrer: Some("javascript:x"), ..browser() };
    let click = run(&Case { parts, ..case(url) }).click.unwrap();
    assert_eq!((click.utm_medium.as_deref(), click.utm_source.as_deref()), (Some("ab"), Some("partner")));
    assert_eq!((click.country, click.referrer_host), (None, None));
    for (referrer, host) in [
        ("https://a.example", Some("a.example")),
        ("https://user@b.example:1/x", Some("b.example")),
        ("https://", None),
        ("https://é/", None),
        ("", None),
    ] {
        assert_eq!(referrer_host(referrer).as_deref(), host, "{referrer}");
    }
}

#[test]
fn without_keys_visitors_are_still_redirected() {
    let settings = RedirectSettings { keys: None, ..settings(RefMode::Redirect, "") };
    let resolved = ResolvedLink::new(link(), &settings);
    let found = reflink::find("https://go.example/r/AbC").unwrap();
    let decision = decide(&found, Some(&resolved), &browser(), &settings, NOW, &mut || [7; ID_BYTES]);
    assert_eq!(decision.go, Redirect::To("/pricing?utm_source=partner".into()));
    assert_eq!((decision.set_cookie, decision.click.map(|c| c.bot)), (None, Some(false)));
}

#[test]
fn without_consent_nothing_is_stored() {
    let asking = RedirectSettings { consent_cookie: "consent".to_owned(), ..settings(RefMode::Redirect, "") };
    let found = reflink::find("https://a.example/r/ABC").unwrap();
    let resolved = ResolvedLink::new(link(), &asking);
    for (cookies, stored) in [
        (None, false),
        (Some("other=1"), false),
        (Some("consent="), false),
        (Some("xconsent=1"), false),
        (Some("a=1; consent=yes"), true),
    ] {
        let parts = RedirectInput { cookie: cookies, ..browser() };
        let decision = decide(&found, Some(&resolved), &parts, &asking, UtcMillis(1_000), &mut || [7; ID_BYTES]);
        assert_eq!(decision.set_cookie.is_some(), stored, "{cookies:?}");
        assert_eq!(decision.click.is_some(), stored, "{cookies:?}");
        let code = if stored { "" } else { "&ref=AbC" };
        assert_eq!(decision.go, Redirect::To(format!("/pricing?utm_source=partner{code}")));
    }
}

#[test]
fn without_consent_the_code_stays_in_the_address() {
    let decided = |url: &str, destination: &str, params: &[&str], site: &str, cookies: Option<&str>| {
        let asking = RedirectSettings { consent_cookie: "consent=yes".to_owned(), ..settings(RefMode::Redirect, site) };
        let params = params.iter().map(|param| (*param).to_owned()).collect();
        let link = LinkRecord { destination: Some(destination.into()), utm: BTreeMap::new(), params, ..link() };
        let resolved = ResolvedLink::new(link, &asking);
        let parts = RedirectInput { cookie: cookies, ..browser() };
        decide(&reflink::find(url).unwrap(), Some(&resolved), &parts, &asking, NOW, &mut || [7; ID_BYTES])
    };
    let site = "https://www.example.com";
    for (url, destination, params, go) in [
        ("https://go.example/r/AbC", "/a", &["ref"][..], "https://www.example.com/a?ref=AbC"),
        (
            "https://go.example/r/AbC?campaign=x&y=1",
            "/a?b=c#d",
            &["ref"],
            "https://www.example.com/a?b=c&y=1&ref=AbC&campaign=x#d",
        ),
        ("https://go.example/r/AbC", "/a", &["partner"], "https://www.example.com/a?partner=AbC"),
        ("https://go.example/r/AbC", "/a?ref=own", &["ref"], "https://www.example.com/a?ref=own"),
        ("https://go.example/r/AbC", "https://WWW.example.com/b", &["ref"], "https://WWW.example.com/b?ref=AbC"),
        ("https://go.example/r/AbC", "https://shop.other/b", &["ref"], "https://shop.other/b"),
    ] {
        assert_eq!(
            decided(url, destination, params, site, Some("consent=no")).go,
            Redirect::To(go.to_owned()),
            "{url}"
        );
    }
    let on_page = decided("https://go.example/p?ref=AbC", "/a", &["ref"], site, None);
    assert_eq!(on_page, RedirectDecision { go: Redirect::Pass, set_cookie: None, click: None });

    let held = decided("https://go.example/r/AbC", "/a", &["ref"], site, Some("consent=yes")).set_cookie.unwrap();
    let pair = held.split(';').next().unwrap();
    for url in ["https://go.example/r/AbC", "https://go.example/p?ref=AbC"] {
        let cookies = format!("consent=no; {pair}");
        let deletion = decided(url, "/a", &["ref"], site, Some(&cookies)).set_cookie.unwrap();
        assert!(deletion.starts_with("__Host-manicule=; Max-Age=0; Path=/"), "{deletion}");
        let cookies = format!("consent=yes; {pair}");
        assert!(decided(url, "/a", &["ref"], site, Some(&cookies)).set_cookie.unwrap().contains("=v1."));
    }
}
