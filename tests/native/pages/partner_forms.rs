//! Partners' forms: create links, turn them off, QR codes, sharing, and payout setup.

use super::fixture::FORGOTTEN;
use super::partner_books::{Books, EVIL};
use crate::support::world::at;
use manicule::pages::text::partner::{common, link, notice, overview, payout_setup, share};
use manicule::pages::text::shared::field;

#[test]
fn forms_without_their_token_are_refused() {
    let books = Books::new();
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let disable = format!("/partner/links/{}/disable", books.spring);
    for path in [
        "/partner/links",
        &disable,
        "/partner/disclosure",
        "/partner/share",
        "/partner/payouts/setup",
        "/partner/payouts/dashboard",
    ] {
        for body in ["", "form_token=", "form_token=0000000000000000000000000000000000000000000000000000000000000000"] {
            browser.ask("POST", path, &[("origin", super::fixture::ORIGIN)], body).is(403);
        }
        browser.get("/partner/links");
        browser.ask("POST", path, &[("origin", "https://evil.example")], "").is(403);
    }
    assert_eq!(books.number("SELECT COUNT(*) FROM link WHERE disabled_at_ms IS NOT NULL"), 0);
}

#[test]
fn a_link_is_created_and_leads_to_the_site() {
    let books = Books::new();
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    browser.get("/partner/links").is_page();
    let stored_as = |to| if to == "HTTPS://SHOP.example:443/" { "https://shop.example:443/" } else { to };
    for to in ["/docs?plan=pro#top", "https://shop.example/docs", "HTTPS://SHOP.example:443/", ""] {
        let fields = [
            ("destination", to),
            ("campaign", "summer_26"),
            ("utm_source", "news letter"),
            ("utm_medium", ""),
            ("source", "agency"),
        ];
        let made = browser.post("/partner/links", &fields);
        assert_eq!(made.status, 303, "{to}: {}", made.text());
        let code = made
            .location
            .strip_prefix("/partner/links/")
            .and_then(|rest| rest.strip_suffix("?done=link-made"))
            .expect("a link");
        let stored = &books.fixture.world.db.look(&format!("SELECT * FROM link WHERE code = '{code}'"))[0];
        assert_eq!(stored["partner_id"], books.ann.0.as_str());
        assert_eq!(stored["destination"].as_str().unwrap_or(""), stored_as(to));
        assert_eq!(
            (stored["campaign"].as_str(), stored["utm"].as_str()),
            (Some("summer_26"), Some("{\"utm_source\":\"news letter\"}"))
        );
        assert!(stored["source"].is_null(), "how a link brings accounts decides about rates");
        browser.get(&made.location).is_page().says(notice::LINK_CREATED).says("summer_26").says("news letter");
    }
    let actor = books.text("SELECT actor FROM audit WHERE action = 'link.make' ORDER BY at_ms DESC LIMIT 1");
    assert!(actor.starts_with("session:"), "{actor}");
    browser.get("/partner/links").is_page().says("summer_26");
}

#[test]
fn a_link_leads_nowhere_else() {
    let books = Books::new();
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    browser.get("/partner/links");
    let links = books.number("SELECT COUNT(*) FROM link");
    for to in [
        "https://evil.example/",
        "https://shop.example.evil.example/",
        "https://shop.example@evil.example/",
        "http://shop.example/",
        "https://shop.example:8443/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        EVIL,
        "/x\r\nSet-Cookie: a=b",
    ] {
        let shown = browser.post("/partner/links", &[("destination", to), ("campaign", "kept")]);
        shown.is(422).says(&format!("{} {}", field::PROBLEM, field::NOTHING_SAVED));
        assert!(shown.html.contains("value=\"kept\"") && shown.html.contains("aria-invalid=\"true\""), "{to}");
        assert!(!shown.html.contains("<script>alert"), "{to}");
    }
    let shown = browser.post("/partner/links", &[("destination", "/x"), ("campaign", EVIL)]);
    shown.is(422).says("A-Z a-z 0-9");
    assert!(shown.html.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !shown.html.contains("<script>alert"));
    let long = "x".repeat(300);
    browser.post("/partner/links", &[("destination", "/x"), ("utm_source", &long)]).is(422).says("200 characters");
    assert_eq!(books.number("SELECT COUNT(*) FROM link"), links);
}

#[test]
fn a_link_is_turned_off_permanently() {
    let books = Books::new();
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let path = format!("/partner/links/{}/disable", books.spring);
    browser.get(&path).is_page().says(link::TURN_OFF_HEADING);
    assert_eq!(
        books.number("SELECT COUNT(*) FROM link WHERE disabled_at_ms IS NOT NULL"),
        0,
        "looking changes nothing"
    );
    let done = browser.post(&path, &[]);
    assert_eq!((done.status, done.location.as_str()), (303, "/partner/links?done=link-disabled"));
    assert_eq!(
        books.number(&format!("SELECT disabled_at_ms FROM link WHERE code = '{}'", books.spring)),
        books.fixture.now.get().0
    );
    assert_eq!(FORGOTTEN.take(), std::slice::from_ref(&books.spring), "the cache entry is removed");
    browser.get(&format!("/partner/links/{}", books.spring)).is_page().says("off").says(link::TURNED_OFF);
    browser.get(&format!("/partner/share?link={}", books.spring)).is_page();
    browser.post(&format!("/partner/links/{}/disable", books.ann.1), &[]).is(409).says(link::DEFAULT_STAYS);
}

#[test]
fn a_partner_who_left_cannot_create_links() {
    let books = Books::new();
    books.sql(&format!(
        "UPDATE partner SET left_at_ms = {} WHERE id = '{}'",
        at("2026-05-19T00:00:00Z").0,
        books.ann.0
    ));
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    browser.get("/partner").is_page().says(overview::LEFT);
    let shown = browser.get("/partner/links");
    assert!(!shown.html.contains("action=\"/partner/links\""));
    browser.get("/partner/payouts");
    browser.post("/partner/links", &[("campaign", "x")]).is(409);
    browser.get("/partner/share").is_page().says(share::NO_LINKS);
}

#[test]
fn clicks_are_counted_per_link() {
    let books = Books::new();
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let list = browser.get("/partner/links");
    list.is_page();
    let row = |code: &str| {
        let row = list
            .html
            .split("<tr>")
            .find(|tr| tr.contains(&format!("/partner/links/{code}\"")))
            .expect("a row")
            .to_owned();
        row.split("class=\"num\"")
            .skip(1)
            .map(|cell| cell.split('>').nth(2).and_then(|c| c.split('<').next()).unwrap_or("").to_owned())
            .collect::<Vec<_>>()
    };
    // The list counts 90 days, so the clicks of January are not included.
    assert_eq!(row(&books.ann.1), ["7", "1", "0"]);
    assert_eq!(row(&books.spring), ["3", "1", "1"]);
    let (own, spring) = (list.html.find(&books.ann.1).expect("first"), list.html.find(&books.spring).expect("second"));
    assert!(own < spring, "the default link comes first");
    browser
        .get(&format!("/partner/links/{}", books.spring))
        .is_page()
        .says(&format!("{} 8 {}", link::CLICKS, link::CLICKS_NOTE))
        .says(&format!("{} 2", link::SIGN_UPS))
        .says(&format!("{} 2 {}", link::PAYING_CUSTOMERS, link::PAYING_NOTE));
    browser
        .get(&format!("/partner/links/{}", books.ann.1))
        .is_page()
        .says(&format!("{} 7", link::CLICKS))
        .says(&format!("{} 2", link::SIGN_UPS))
        .says(&format!("{} 1", link::PAYING_CUSTOMERS));
}

#[test]
fn hostile_campaigns_are_shown_as_text() {
    let books = Books::new();
    let evil = EVIL.replace('\'', "''");
    books.sql(&format!("UPDATE link SET campaign = '{evil}', destination = '{evil}', utm = json_object('utm_source', '{evil}') WHERE code = '{}'", books.spring));
    books.sql(&format!("UPDATE partner_person SET name = '{evil}' WHERE partner_id = '{}'", books.ann.0));
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    for path in books.pages_of_ann() {
        let shown = browser.get(&path);
        shown.is_page();
        assert!(!shown.html.contains("<script>alert") && shown.html.contains("&lt;script&gt;alert(1)"), "{path}");
    }
}

#[test]
fn qr_codes_can_be_downloaded() {
    let books = Books::new();
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    for (ending, kind, begins) in [("svg", "image/svg+xml", "<svg xmlns"), ("png", "image/png", "\u{fffd}PNG")] {
        let shown = browser.get(&format!("/partner/links/{}/qr.{ending}", books.spring));
        shown.is(200);
        assert_eq!(shown.batches, 1);
        assert_eq!(shown.header("content-type"), kind);
        assert_eq!(shown.header("content-disposition"), format!("attachment; filename=\"{}.{ending}\"", books.spring));
        assert_eq!((shown.header("cache-control"), shown.header("x-content-type-options")), ("no-store", "nosniff"));
        assert!(shown.html.starts_with(begins), "{:?}", &shown.html[..20]);
    }
}

#[test]
fn the_share_kit_has_the_link_in_every_text() {
    let books = Books::new();
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let mut texts = Vec::new();
    for tone in ["friendly", "plain", "client", "nonsense"] {
        let shown = browser.get(&format!("/partner/share?link={}&tone={tone}", books.spring));
        shown.is_page().says("I may earn a commission").says("shop.example");
        let url = format!("https://ref.example/r/{}", books.spring);
        assert_eq!(shown.html.matches(&url).count(), 3, "{tone}: in the email and both posts");
        let mail = shown.html.split("href=\"mailto:").nth(1).and_then(|rest| rest.split('"').next()).expect("a mail");
        assert!(mail.contains("https%3A%2F%2Fref.example%2Fr%2F") && !mail.contains(' '), "{mail}");
        texts.push(mail.to_owned());
    }
    assert!(texts[0] != texts[1] && texts[1] != texts[2] && texts[0] == texts[3]);
    browser.get("/partner/share").is_page().says(&books.ann.1);
    books
        .fixture
        .signed_in("cyd@partners.example", &books.cyd.0)
        .get("/partner/share")
        .is_page()
        .says(share::benefit("20%").trim())
        .says("I may earn account credit");
}

#[test]
fn edited_texts_are_kept_for_the_email() {
    let books = Books::new();
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    browser.get("/partner/share");
    let subject = format!("Hi?bcc=all@evil.example&cc=x{EVIL}");
    let fields = [
        ("link", books.spring.as_str()),
        ("tone", "plain"),
        ("subject", &subject),
        ("body", "one\r\ntwo & <b>three</b></textarea>"),
        ("post", "p"),
        ("short", "s"),
    ];
    let shown = browser.post("/partner/share", &fields);
    shown.is_page();
    let mail = shown.html.split("href=\"mailto:").nth(1).and_then(|rest| rest.split('"').next()).expect("a mail");
    assert!(mail.starts_with("?subject=Hi%3Fbcc%3Dall%40evil.example%26cc%3Dx%22%3E%3Cscript"), "{mail}");
    assert_eq!(mail.matches('&').count(), 1, "subject and body: {mail}");
    assert!(mail.ends_with("&amp;body=one%0D%0Atwo%20%26%20%3Cb%3Ethree%3C%2Fb%3E%3C%2Ftextarea%3E"), "{mail}");
    assert!(
        shown.html.contains("two &amp; &lt;b&gt;three&lt;/b&gt;&lt;/textarea&gt;")
            && !shown.html.contains("<script>alert")
    );
}

#[test]
fn a_partner_sets_up_payouts() {
    let books = Books::new();
    let cyd = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    books.sql(&format!("DELETE FROM payee WHERE partner_id = '{}'", books.ann.0));
    cyd.get("/partner/payouts").is_page().says(common::SET_UP_PAYOUTS);
    cyd.get("/partner/payouts/setup").is_page().says(field::COUNTRY).says("Switzerland");
    for country in ["", "XX", EVIL] {
        let shown = cyd.post("/partner/payouts/setup", &[("country", country)]);
        shown.is(422).says(field::CHOOSE_COUNTRY);
        assert!(!shown.html.contains("<script>alert"));
    }
    cyd.post("/partner/payouts/dashboard", &[]).is(409);
    let shown = cyd.post("/partner/payouts/setup", &[("country", "CH")]);
    shown.is(200).says(payout_setup::TO_STRIPE).says(payout_setup::ONCE);
    assert!(shown.html.contains("<a class=\"button\" href=\"https://"), "a plain link: {}", shown.html);
    let account = books.text(&format!("SELECT stripe_account_id FROM payee WHERE partner_id = '{}'", books.ann.0));
    books.sql(&format!(
        "UPDATE payee SET transfers_active = 0, payouts_enabled = 0, currently_due = '[\"external_account\",\"individual.dob.day\",\"individual.dob.year\",\"<b>odd\"]' WHERE partner_id = '{}'",
        books.ann.0
    ));
    let list = cyd.get("/partner/payouts");
    list.is_page().says(payout_setup::NOT_YET).says("a bank account").says("your date of birth");
    assert_eq!(list.text().matches("your date of birth").count(), 1);
    assert!(!list.html.contains("<b>odd"));
    cyd.get("/partner").is_page().says(overview::FINISH_STRIPE);
    // A new link each time, to the same account.
    let again = cyd.post("/partner/payouts/setup", &[]);
    again.is(200).says(payout_setup::TO_STRIPE);
    assert_eq!(
        books.text(&format!("SELECT stripe_account_id FROM payee WHERE partner_id = '{}'", books.ann.0)),
        account
    );
    cyd.post("/partner/payouts/dashboard", &[]).is(200).says(payout_setup::TO_STRIPE);
}

#[test]
fn without_stripe_it_says_so() {
    let mut books = Books::new();
    books.fixture.config.setup.stripe = None;
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    browser.get("/partner/payouts/setup").is_page().says(payout_setup::NOT_CONNECTED);
    browser.get("/partner/payouts");
    let refused = browser.post("/partner/payouts/setup", &[("country", "CH")]);
    refused.is(409).says(payout_setup::NOT_CONNECTED_PROBLEM);
    assert!(!refused.text().contains("STRIPE_API_KEY"));
    books.sql(&format!("DELETE FROM payee WHERE partner_id = '{}'", books.ann.0));
    browser.get("/partner/payouts").is_page().says(payout_setup::NOT_CONNECTED);
    assert!(!browser.get("/partner").text().contains(common::SET_UP_PAYOUTS));
}
