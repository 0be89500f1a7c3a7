//! The parsers, each with its samples and what holds for whatever it is given.

use super::samples;
use crate::support::world::at;
use manicule::base::time::{Month, UtcMillis, Week};
use manicule::base::{domain, percent};
use manicule::codec::attribution::cookie::{CookieKeys, SignedCookie};
use manicule::codec::attribution::{cookie, reference, token, touch_request};
use manicule::codec::event::emdash;
use manicule::codec::event::emdash::{answer, submission};
use manicule::codec::event::{batch, envelope};
use manicule::codec::funnel::beacon;
use manicule::codec::identity::{bearer, session};
use manicule::codec::link::destination;
use manicule::codec::message::endpoint;
use manicule::codec::message::standard_webhooks;
use manicule::codec::stripe::{StripeEndpoint, signature};
use manicule::codec::web_address::WebAddress;
use manicule::codec::{Invalid, cookie_header, operator, stripe};
use manicule::engine::attribution::touch::{Touch, TouchHistory};
use manicule::engine::link::{campaign, is_code, pasted};
use manicule::http::consent;
use manicule::http::exchange::{Address, Request, decode, moved};
use manicule::http::link::reflink;
use manicule::http::page::Page;
use manicule::http::route;
use manicule::pages::form::SubmittedForm;
use manicule::program::catalog::PRESETS;
use manicule::program::check;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::sync::LazyLock;

pub struct Parser {
    pub name: &'static str,
    pub samples: &'static [&'static str],
    /// Parses the input, asserts what holds, and returns whether it was accepted.
    pub look: fn(&[u8]) -> bool,
}

/// A refusal's longest sentence. It may name every field of the body.
const DETAIL_MAX: usize = 2_000;

static NOW: LazyLock<UtcMillis> = LazyLock::new(|| at("2026-11-21T00:00:00Z"));
static KEYS: LazyLock<CookieKeys> =
    LazyLock::new(|| CookieKeys::parse(&format!("k1:{},k0:{}", "1f".repeat(32), "2e".repeat(32))).expect("keys"));

/// What holds for a body of JSON: its text as JSON is written by anybody else means the same.
fn body<T: Debug>(bytes: &[u8], parse: impl Fn(&[u8]) -> Result<T, Invalid>) -> bool {
    match parse(bytes) {
        Ok(read) => {
            if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
                let again = parse(value.to_string().as_bytes());
                assert_eq!(format!("{:?}", again.expect("its canonical form is accepted")), format!("{read:?}"));
            }
            true
        }
        Err(refused) => {
            assert!(refused.detail.len() <= DETAIL_MAX, "{} bytes: {}", refused.detail.len(), refused.code);
            assert!(refused.field.len() <= DETAIL_MAX);
            assert!(refused.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit()));
            false
        }
    }
}

fn text(bytes: &[u8], look: impl Fn(&str) -> bool) -> bool {
    look(&String::from_utf8_lossy(bytes))
}

pub const PARSERS: &[Parser] = &[
    Parser { name: "event", samples: samples::EVENTS, look: |b| body(b, |b| envelope::parse(b, *NOW)) },
    Parser { name: "batch", samples: samples::BATCHES, look: batched },
    Parser {
        name: "stripe",
        samples: samples::STRIPE,
        look: |b| body(b, |b| stripe::parse(b, StripeEndpoint::Own, *NOW)),
    },
    Parser {
        name: "stripe, connected",
        samples: samples::STRIPE,
        look: |b| body(b, |b| stripe::parse(b, StripeEndpoint::Connect, *NOW)),
    },
    Parser { name: "hook", samples: samples::HOOKS, look: |b| body(b, |b| emdash::content_hook(b, *NOW)) },
    Parser { name: "form", samples: samples::FORMS, look: |b| body(b, |b| emdash::form_submission(b, *NOW)) },
    Parser { name: "submission", samples: samples::FORMS, look: submitted },
    Parser { name: "the site's answers", samples: samples::SITE_ANSWERS, look: answered },
    Parser { name: "beacon", samples: samples::BEACONS, look: reported },
    Parser { name: "touch", samples: samples::TOUCHES, look: touched },
    Parser { name: "cookie header", samples: samples::COOKIES, look: |b| text(b, cookies) },
    Parser { name: "set-cookie", samples: samples::SET_COOKIES, look: |b| text(b, set_cookies) },
    Parser { name: "signed cookie", samples: &["0", "1", "2"], look: signed },
    Parser { name: "ref link", samples: samples::URLS, look: |b| text(b, linked) },
    Parser { name: "address", samples: samples::URLS, look: |b| text(b, addressed) },
    Parser { name: "query", samples: samples::QUERIES, look: |b| text(b, queried) },
    Parser { name: "page form", samples: samples::PAGE_FORMS, look: filled },
    Parser { name: "headers", samples: samples::HEADERS, look: headers },
    Parser { name: "instant", samples: samples::INSTANTS, look: |b| text(b, dated) },
    Parser { name: "host", samples: samples::HOSTS, look: |b| text(b, hosted) },
    Parser { name: "campaign", samples: samples::QUERIES, look: |b| text(b, named) },
    Parser { name: "operator's bodies", samples: samples::OPERATOR, look: operated },
    Parser { name: "program", samples: &["0", "1", "2", "3", "4"], look: checked },
];

/// Each event of a batch means what it means alone.
fn batched(bytes: &[u8]) -> bool {
    let Ok(events) = batch::parse(bytes, *NOW) else { return body(bytes, |b| batch::parse(b, *NOW).map(|_| ())) };
    assert!(events.len() <= batch::EVENTS_MAX);
    for event in events {
        assert!(event.event == envelope::parse(event.text.as_bytes(), *NOW) || event.event.is_err(), "{}", event.text);
    }
    true
}

fn submitted(bytes: &[u8]) -> bool {
    let token = || Some("v1.k.p.m".to_owned());
    let read = submission::identity(bytes);
    if let (Some(read), Ok(value)) = (&read, serde_json::from_slice::<Value>(bytes)) {
        assert_eq!(submission::identity(value.to_string().as_bytes()).as_ref(), Some(read));
    }
    body(bytes, |b| submission::event(b, "edge_1", token(), *NOW)) && read.is_some()
}

fn answered(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    for status in [200, 401, 500] {
        if let Err(why) = session::read(status, &text) {
            assert!(why.len() < DETAIL_MAX, "{} bytes", why.len());
        }
    }
    let _ = answer::completed(bytes);
    let _ = answer::submitted(bytes);
    session::read(200, &text).is_ok_and(|user| user.is_some_and(|user| !user.id.is_empty()))
}

fn reported(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let pixel = beacon::pixel(Some(text.clone()), Some(text.clone()), Some(text.clone()), Some(&text));
    for sound in [Some(pixel), beacon::parse(bytes).ok()].into_iter().flatten().filter(|beacon| beacon.is_sound()) {
        assert!(sound.event.len() <= 128 && sound.path.as_ref().is_none_or(|path| path.len() <= 512));
        assert!(sound.campaign.as_ref().is_none_or(|name| campaign::is_campaign(name)));
        let again =
            json!({"event": sound.event, "campaign": sound.campaign, "partner": sound.partner, "path": sound.path});
        assert_eq!(beacon::parse(again.to_string().as_bytes()), Ok(sound));
    }
    body(bytes, beacon::parse)
}

fn touched(bytes: &[u8]) -> bool {
    if let Ok(request) = touch_request::parse(bytes) {
        // What is no code may be the beginning of something long that has one.
        if is_code(&request.code) {
            let again = json!({"code": request.code, "campaign": request.campaign}).to_string();
            assert_eq!(touch_request::parse(again.as_bytes()), Ok(request.clone()));
        }
        let address = request.address("https://go.example");
        assert!(address.len() < 1_000);
        assert!(address.is_empty() || reflink::find(&address).is_some_and(|found| found.is_short), "{address}");
    }
    body(bytes, touch_request::parse)
}

fn cookies(header: &str) -> bool {
    let pairs: Vec<_> = cookie_header::pairs(header).collect();
    for (name, value) in &pairs {
        assert!(cookie_header::all(header, name).any(|found| found == *value));
    }
    // The pairs written in one way are the same pairs.
    let written =
        pairs.iter().map(|(n, v)| if n.is_empty() && !v.contains('=') { (*v).to_owned() } else { format!("{n}={v}") });
    let written = written.collect::<Vec<_>>().join("; ");
    assert_eq!(cookie_header::only(&written, "astro-session"), cookie_header::only(header, "astro-session"));
    assert!(cookie::read(&KEYS, header).is_none(), "nobody else can sign one");
    for setting in ["consent", "consent=yes|all", header] {
        let _ = (consent::is_given(header, setting), consent::complaint(setting));
    }
    session::session_cookie(header, "").is_some()
}

fn set_cookies(header: &str) -> bool {
    let both = || [header, "other=1"].into_iter();
    let (started, ended) = (session::started(both(), ""), session::ended(both(), ""));
    assert!(started.is_none() || !ended, "{header:?}");
    started.is_some()
}

/// A cookie of ours, changed: it is refused, or it says what ours says.
fn signed(bytes: &[u8]) -> bool {
    let touches = (0..3).map(|n| Touch {
        program: format!("program-{n}").into(),
        code: format!("Code{n}").into(),
        campaign: "spring".to_owned(),
        click_id: format!("clk_{n}"),
        at: NOW.plus_days(-n),
    });
    let history = TouchHistory { visitor: "vis_1".to_owned(), touches: touches.collect() };
    let ours = SignedCookie::of(history.clone(), NOW.plus_days(30));
    let value = cookie::write(&KEYS, &ours);
    let short =
        reference::write(&KEYS, "vis_1", &history.touches.iter().take(1).collect::<Vec<_>>()).expect("a reference").0;
    // The input says where and how: the first byte a place, the others what stands there.
    let place = bytes.first().map_or(0, |b| usize::from(*b) * 7);
    for written in [&value, &short] {
        let mut changed = written.clone().into_bytes();
        let at = place % (changed.len() + 1);
        let end = (at + bytes.len()).min(changed.len());
        changed.splice(at..end, bytes.iter().skip(1).copied());
        let changed = String::from_utf8_lossy(&changed);
        if let Some(read) = cookie::read_value(&KEYS, &changed) {
            assert_eq!(read, ours, "{changed}");
        }
        if let Some(read) = token::read(&KEYS, &changed) {
            // What follows a token in a text is no part of it.
            assert_eq!(Some(read), token::read(&KEYS, written), "{changed}");
        }
        let _ = (token::is_token(&changed), reference::read(&KEYS, &changed));
    }
    cookie::read_value(&KEYS, &value) == Some(ours)
}

fn linked(url: &str) -> bool {
    let bound = 16 * url.len() + 1_000;
    let again = reflink::mended(url).and_then(|mended| reflink::mended(&mended));
    assert!(again.is_none_or(|text| text.len() <= bound));
    let _ = moved(url, "https://site.example");
    let typed = pasted::code_of(url);
    // What has no code is returned for a person to read, and is none.
    if is_code(&typed) {
        assert_eq!(pasted::code_of(&typed), typed, "a code in a code");
    }
    assert!(pasted::codes_of(url).0.iter().all(|code| code.len() <= bound));
    let address = Address::of(url);
    let _ = (route::is_ours(address.path), route::is_public(address.path), route::body_bytes_max(address.path));
    let Some(found) = reflink::find(url) else { return false };
    for text in
        [found.stripped(true), found.stripped(false), found.itself(), found.carried_to("https://s.example/p?q=1#f")]
    {
        assert!(text.len() <= bound, "{} of {}", text.len(), url.len());
    }
    assert!(
        found.candidates.len() <= bound
            && found.campaign().is_none_or(|name| name.len() <= campaign::CAMPAIGN_BYTES_MAX)
    );
    true
}

fn addressed(text: &str) -> bool {
    if let Ok(normal) = destination::normal(text) {
        assert_eq!(destination::normal(&normal).as_deref(), Ok(normal.as_str()), "{text}");
        assert!(normal.len() <= destination::DESTINATION_BYTES_MAX);
        assert!(
            !normal.contains(['\r', '\n', '\\']) && (normal.starts_with('/') || normal.starts_with("http")),
            "{normal}"
        );
        assert!(!normal.starts_with("//"), "{normal}");
    }
    let _ = endpoint::check(text, &endpoint::HostRules::default());
    WebAddress::parse(text).is_some()
}

fn queried(query: &str) -> bool {
    let request = Request { query: query.to_owned(), ..Request::default() };
    for name in ["limit", "cursor", "state", "ref"] {
        let _ = request.param(name);
    }
    let Ok(page) = Page::of(&request) else { return false };
    assert!((1..=1_000).contains(&page.limit));
    let _ = (page.number(0), page.instant_and_id(0));
    true
}

fn filled(bytes: &[u8]) -> bool {
    let form = SubmittedForm::read(bytes);
    let first = form.get("name").to_owned();
    // Written as browsers do, the field is the same.
    let again = SubmittedForm::read(format!("name={}", percent::escaped(&first)).as_bytes());
    assert_eq!(again.get("name"), first.replace("\r\n", "\n").trim());
    if let Some(decoded) = decode(&String::from_utf8_lossy(bytes)) {
        assert_eq!(decode(&percent::escaped(&decoded)).as_deref(), Some(decoded.as_str()));
    }
    !first.is_empty()
}

fn headers(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let secrets = ["whsec_0123456789abcdef0123456789abcdef".to_owned()];
    assert!(signature::verify(&secrets, Some(&text), b"{}", *NOW).is_err(), "nobody else can sign");
    let secret = standard_webhooks::Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
    let (id, now) = ("msg_1", (NOW.0 / 1_000).to_string());
    for headers in [
        standard_webhooks::Headers { id: Some(id), timestamp: Some(&now), signature: Some(&text) },
        standard_webhooks::Headers { id: Some(&text), timestamp: Some(&text), signature: Some("v1,x") },
    ] {
        assert!(standard_webhooks::verify(std::slice::from_ref(&secret), &headers, b"{}", *NOW).is_err());
    }
    bearer::token(&text).is_some_and(|token| !bearer::matches(token, &secrets))
}

fn dated(text: &str) -> bool {
    let instant = UtcMillis::parse(text);
    if let Some(instant) = instant {
        assert_eq!(UtcMillis::parse(&instant.to_rfc3339()), Some(instant), "{text}");
    }
    for (read, written) in [
        (Month::parse(text).map(|month| month.start()), Month::parse(text).map(|month| month.to_string())),
        (Week::parse(text).map(|week| week.start()), Week::parse(text).map(|week| week.to_string())),
    ] {
        assert!(written.is_none_or(|written| written == text && read.is_some()), "{text}");
    }
    instant.is_some()
}

fn hosted(text: &str) -> bool {
    let Some(normal) = domain::normal(text) else { return false };
    assert_eq!(domain::normal(&normal).as_deref(), Some(normal.as_str()), "{text}");
    assert!(normal.len() <= 253 && normal.is_ascii());
    true
}

fn named(text: &str) -> bool {
    let Some(name) = campaign::campaign_of(text) else { return false };
    assert!(name.len() <= campaign::CAMPAIGN_BYTES_MAX);
    assert_eq!(campaign::campaign_of(&name).as_deref(), Some(&*name));
    true
}

fn operated(bytes: &[u8]) -> bool {
    let rules = endpoint::HostRules::default();
    [
        body(bytes, operator::partner),
        body(bytes, operator::partner_change),
        body(bytes, |b| operator::link(b, *NOW)),
        body(bytes, operator::link_change),
        body(bytes, operator::generate),
        body(bytes, operator::review),
        body(bytes, |b| operator::reconciliation(b, *NOW)),
        body(bytes, operator::reassign),
        body(bytes, operator::adjustment),
        body(bytes, operator::adjustment_decision),
        body(bytes, operator::decision),
        body(bytes, operator::remark),
        body(bytes, operator::nothing),
        body(bytes, |b| operator::resolution(b, "transfer")),
        body(bytes, operator::reversal),
        body(bytes, operator::onboarding),
        body(bytes, operator::run),
        body(bytes, operator::dry_run),
        body(bytes, operator::funding),
        body(bytes, |b| endpoint::read(b, &rules)),
        body(bytes, endpoint::replay),
    ]
    .contains(&true)
}

/// A preset with the input put somewhere into it: the first byte says which one and where.
fn checked(bytes: &[u8]) -> bool {
    let first = bytes.first().map_or(0, |b| usize::from(*b));
    let preset = PRESETS[first % PRESETS.len()].1;
    let mut document = preset.as_bytes().to_vec();
    let at = (first * 131 + bytes.len() * 17) % document.len();
    document.splice(at..at, bytes.iter().skip(1).copied());
    let document = String::from_utf8_lossy(&document);
    match check::read(&document) {
        Ok(program) => {
            let again = serde_json::from_str::<Value>(&document).expect("JSON").to_string();
            assert_eq!(
                check::read(&again).ok().map(|again| again.document().clone()),
                Some(program.document().clone())
            );
            true
        }
        Err(findings) => {
            assert!(!findings.is_empty() && findings.len() < 1_000, "{}", findings.len());
            false
        }
    }
}
