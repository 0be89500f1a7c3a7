//! Operators' forms that write what others read: programs, pages for partners, tokens.

use super::fixture::PagesFixture;
use super::operator_fixture::{AGENCY, EVIL, NOW, OperatorFixture, key_of};
use crate::support::world::{at, now};
use manicule::http::auth::hex_sha256;
use manicule::http::context::RequestContext;
use manicule::http::exchange::Request;
use manicule::http::route;
use manicule::pages::locale::Plain;
use manicule::pages::text::operator::{document, notice, program, token};
use manicule::pages::text::terms::{Audience, Reader};
use manicule::program::catalog::PRESETS;
use manicule::program::check;
use serde_json::{Value, json};

fn preset(change: impl Fn(&mut Value)) -> String {
    let text = PRESETS.iter().find(|(id, _)| *id == AGENCY).expect("the preset").1;
    let mut document: Value = serde_json::from_str(text).expect("JSON");
    document["version"] = json!(2);
    document["effective_from"] = json!("2026-05-01T00:00:00Z");
    change(&mut document);
    document.to_string()
}

#[test]
fn a_program_is_shown_in_words_and_changes_by_version() {
    let pages = PagesFixture::new(at(NOW));
    let operator = pages.operator();
    let path = format!("/operator/programs/{AGENCY}");
    let shown = operator.get(&path);
    shown.is_page();
    let original = PRESETS.iter().find(|(id, _)| *id == AGENCY).expect("the preset").1;
    let saved = check::read(original).expect("a document");
    let reader = Reader::new(&saved, &Plain, Audience::Operator);
    for sentence in saved.rewards.iter().map(|r| reader.reward(r)).chain([reader.hold()]) {
        shown.says(&sentence);
    }
    shown.says(document::HELD);
    let page = operator.get(&format!("{path}/edit"));
    page.is_page();
    assert!(page.html.contains("&quot;version&quot;: 2"), "the next version is begun");
    let saved =
        operator.post(&format!("{path}/edit"), &[("do", "save"), ("document", &preset(|d| d["title"] = json!(EVIL)))]);
    assert_eq!((saved.status, saved.location.as_str()), (303, format!("{path}?done=program-saved").as_str()));
    // The very same form again is the same version.
    operator
        .post(&format!("{path}/edit"), &[("do", "save"), ("document", &preset(|d| d["title"] = json!(EVIL)))])
        .is(303);
    assert_eq!(
        pages.world.db.number(&format!("SELECT COUNT(*) FROM program_version WHERE program_id = '{AGENCY}'")),
        2
    );
    assert_eq!(
        pages.world.db.number("SELECT COUNT(*) FROM audit WHERE action = 'program.save' AND actor LIKE 'session:%'"),
        1
    );
    operator.get(&format!("{path}?done=program-saved")).is_page().says(notice::PROGRAM_SAVED).says("planned");
    pages.now.set(at("2026-05-02T00:00:00Z"));
    for path in ["/operator/programs", &path, "/operator/runs", "/operator/economics?program=agency-partner"] {
        let shown = pages.operator().get(path);
        shown.is_page();
        assert!(!shown.html.contains("<script>alert") && shown.html.contains("&lt;script&gt;alert"), "{path}");
    }
}

#[test]
fn all_document_errors_are_shown_at_once() {
    let pages = PagesFixture::new(at(NOW));
    let operator = pages.operator();
    let path = format!("/operator/programs/{AGENCY}/edit");
    operator.get(&path).is_page().says(program::GUIDE_TITLE).says(program::SCHEMA);
    let broken = preset(|d| {
        d["colour"] = json!(1);
        d["vesting"]["colour"] = json!(1);
        d["caps"] = json!([{"reward": "first-year", "per_partner_month_cents": 1, "colour": 1}]);
        d["rewards"][0]["amount"] = json!({"rate_bps": "much", "cap_cents": true});
    });
    let broken = broken.replacen("\"title\":", "\"title\":\"Twice\",\"title\":", 1);
    for button in ["save", "dry-run"] {
        let refused = operator.post(&path, &[("do", button), ("document", &broken), ("period", "2026-03")]);
        refused.is(422);
        for says in ["title", "colour", "vesting.colour", "caps[0].colour", "amount.rate_bps", "amount.cap_cents"] {
            assert!(refused.html.contains(&format!("{says}</code>")), "{button}: {says}");
        }
    }
}

#[test]
fn document_errors_are_shown_beside_the_document() {
    let pages = PagesFixture::new(at(NOW));
    let operator = pages.operator();
    let path = format!("/operator/programs/{AGENCY}/edit");
    operator.get(&path);
    let broken = preset(|d| {
        d["attribution"]["window_days"] = json!(900);
        d["rewards"][0]["id"] = json!("<script>alert(1)</script>");
    });
    let cases = [
        (broken.as_str(), "attribution.window_days"),
        ("{\"id\": 1", program::WHOLE_DOCUMENT),
        (&preset(|d| d["surprise"] = json!(true)), "surprise"),
        (&preset(|d| d["version"] = json!(7)), "version"),
        (&preset(|d| d["effective_from"] = json!("2020-01-01T00:00:00Z")), "effective_from"),
        (&preset(|d| d["id"] = json!("another")), "id"),
    ];
    for (text, says) in cases {
        for button in ["save", "dry-run"] {
            // A draft is tried whatever its number and date.
            if button == "dry-run" && ["version", "effective_from"].contains(&says) {
                continue;
            }
            let refused = operator.post(&path, &[("do", button), ("document", text), ("period", "2026-03")]);
            refused.is(422).says(program::PROBLEM).says(says);
            assert!(
                refused.html.contains("aria-invalid=\"true\"") && !refused.html.contains("<script>alert"),
                "{says}"
            );
            let kept = maud_escaped(text);
            assert!(refused.html.contains(&kept), "{kept} is kept");
        }
    }
    let taken = operator.post(&path, &[("do", "save"), ("document", &preset(|d| d["version"] = json!(1)))]);
    taken.is(422).says("Version 1 is already saved and can't change");
    operator.post("/operator/programs/none/edit", &[("do", "save"), ("document", "{}")]).is(404);
    assert_eq!(
        pages.world.db.number(&format!("SELECT COUNT(*) FROM program_version WHERE program_id = '{AGENCY}'")),
        1
    );
}

#[test]
fn every_version_can_be_viewed() {
    let pages = PagesFixture::new(at(NOW));
    let operator = pages.operator();
    let path = format!("/operator/programs/{AGENCY}");
    operator.get(&format!("{path}/edit"));
    let second = preset(|d| {
        d["version"] = json!(2);
        d["effective_from"] = json!("2026-12-01T00:00:00Z");
        d["attribution"]["window_days"] = json!(77);
    });
    operator.post(&format!("{path}/edit"), &[("do", "save"), ("document", &second)]).is(303);
    let now = operator.get(&path);
    now.is_page().says(&document::days(30));
    assert!(now.html.contains("?version=2") && !now.text().contains(&document::days(77)));
    operator
        .get(&format!("{path}?version=2"))
        .is_page()
        .says(&document::days(77))
        .says(program::TAKES_EFFECT[0])
        .says("2026-12-01");
    pages.now.set(at("2026-12-02T00:00:00Z"));
    let later = pages.operator();
    later.get(&path).is_page().says(&document::days(77));
    later.get(&format!("{path}?version=1")).is_page().says(&document::days(30)).says(program::REPLACED);
    for none in ["3", "0", "x", "1e0", "99999999999999999999"] {
        later.get(&format!("{path}?version={none}")).is(404);
    }
}

/// As the template writes a text.
fn maud_escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[test]
fn a_draft_is_compared_with_what_was_paid() {
    let fixture = OperatorFixture::new();
    let operator = fixture.operator();
    let path = format!("/operator/programs/{AGENCY}/edit");
    operator.get(&path);
    let draft = preset(|d| d["rewards"][0]["amount"]["rate_bps"] = json!(3_000));
    let before = fixture.count("SELECT COUNT(*) FROM transfer");
    let told = operator.post(&path, &[("do", "dry-run"), ("document", &draft), ("period", "2026-01")]);
    // Two accounts of $500 each: 30 % instead of 20 %.
    told.is(200)
        .says(&format!("{}USD 300.00{}USD 200.00", program::WOULD_HAVE_PAID[0], program::WOULD_HAVE_PAID[1]))
        .says(program::VALID)
        .says("first-year");
    assert!(told.html.contains(&maud_escaped(&draft)), "the draft is preserved");
    assert!(!told.html.contains("<script>alert"));
    let month = operator.post(&path, &[("do", "dry-run"), ("document", &draft), ("period", "soon")]);
    month.is(422).says("must be a month such as 2026-06".replace("must", "Period must").as_str());
    assert_eq!(fixture.count("SELECT COUNT(*) FROM transfer"), before, "nothing was booked");
    assert_eq!(fixture.count(&format!("SELECT COUNT(*) FROM program_version WHERE program_id = '{AGENCY}'")), 1);
}

fn interface(pages: &PagesFixture, token: &str) -> u16 {
    let request = Request {
        method: "GET".to_owned(),
        path: "/v1/programs".to_owned(),
        headers: vec![("authorization".to_owned(), format!("Bearer {token}"))],
        ..Request::default()
    };
    pages.world.request(pages.now.get());
    let app = RequestContext { site: &pages.world, config: &pages.config, now: pages.now.get() };
    now(route::answer(&app, &request)).expect("a route").status
}

/// The token that a page shows once.
fn secret_of(html: &str) -> String {
    let rest = html.split("value=\"mop_").nth(1).and_then(|rest| rest.split('"').next());
    format!("mop_{}", rest.expect("a secret"))
}

#[test]
fn a_token_is_shown_once_works_and_is_revoked() {
    let pages = PagesFixture::new(at(NOW));
    let operator = pages.operator();
    let page = operator.get("/operator/tokens");
    page.is_page().says(token::NONE);
    let key = key_of(&page.html);
    let fields = [("idempotency", key.as_str()), ("name", "crm"), ("expires", "30"), ("scope_read", "yes")];
    let made = operator.post("/operator/tokens", &fields);
    made.is(200).says(&token::created("crm")).says(token::COPY_NOW);
    let secret = secret_of(&made.html);
    assert_eq!(made.header("cache-control"), "no-store");
    assert_eq!(interface(&pages, &secret), 200);
    assert_eq!(pages.world.db.look("SELECT sha256 FROM api_token")[0]["sha256"], hex_sha256(secret.as_bytes()));
    assert!(!operator.get("/operator/tokens").html.contains(&secret));
    for table in ["audit", "api_token", "idempotency"] {
        let rows = format!("{:?}", pages.world.db.look(&format!("SELECT * FROM {table}")));
        assert!(!rows.contains(&secret), "{table} has the secret");
    }
    // The form sent twice makes one token.
    operator.post("/operator/tokens", &fields).is(422).says("This form was sent already");
    assert_eq!(pages.world.db.number("SELECT COUNT(*) FROM api_token"), 1);
    let id = pages.world.db.look("SELECT id FROM api_token")[0]["id"].as_str().expect("an id").to_owned();
    for _ in 0..2 {
        let gone = operator.post(&format!("/operator/tokens/{id}/revoke"), &[]);
        assert_eq!((gone.status, gone.location.as_str()), (303, "/operator/tokens?done=token-revoked"));
    }
    assert_eq!(interface(&pages, &secret), 401);
    operator.get("/operator/tokens?done=token-revoked").is_page().says(notice::TOKEN_REVOKED).says("revoked");
    for action in ["token.make", "token.revoke"] {
        let sql = format!("SELECT COUNT(*) FROM audit WHERE action = '{action}' AND actor LIKE 'session:%'");
        assert_eq!(pages.world.db.number(&sql), 1, "{action}");
    }
    for (name, expires, scope) in [
        ("", "30", "scope_read"),
        (EVIL, "30", "scope_read"),
        ("bootstrap", "30", "scope_read"),
        ("ok", "0", "scope_read"),
        ("ok", "soon", "scope_read"),
        ("ok", "366", "scope_read"),
        ("ok", "never", "scope_read"),
        ("ok", "30", "scope_root"),
    ] {
        let refused = operator.post("/operator/tokens", &[("name", name), ("expires", expires), (scope, "yes")]);
        refused.is(422);
        assert!(!refused.html.contains("<script>alert"));
    }
    operator.post("/operator/tokens/tok_none/revoke", &[]).is(404);
    // One that expires stops by itself.
    let made = operator.post(
        "/operator/tokens",
        &[("name", "short"), ("expires", "30"), ("scope_credits", "yes"), ("scope_read", "yes")],
    );
    let secret = secret_of(&made.html);
    pages.now.set(at("2026-05-02T12:00:00Z"));
    assert_eq!(interface(&pages, &secret), 401);
    pages.operator().get("/operator/tokens").says("expired");
}

#[test]
fn partner_resources_are_created_changed_and_removed() {
    let pages = PagesFixture::new(at(NOW));
    let operator = pages.operator();
    let program = format!("/operator/programs/{AGENCY}");
    let page = operator.get(&format!("{program}/resources/new"));
    page.is_page();
    let key = key_of(&page.html);
    let fields =
        [("idempotency", key.as_str()), ("title", EVIL), ("body", "# Hello\n\n</textarea><script>alert(2)</script>")];
    for _ in 0..2 {
        let kept = operator.post(&format!("{program}/resources"), &fields);
        assert_eq!((kept.status, kept.location.as_str()), (303, format!("{program}?done=resource-kept").as_str()));
    }
    let rows = pages.world.db.look("SELECT id, title, body FROM resource");
    assert_eq!((rows.len(), rows[0]["title"].as_str()), (1, Some(EVIL)));
    let own = format!("{program}/resources/{}", rows[0]["id"].as_str().expect("an id"));
    for path in [program.as_str(), &own] {
        let shown = operator.get(path);
        shown.is_page();
        assert!(!shown.html.contains("<script>alert") && shown.html.contains("&lt;script&gt;alert"), "{path}");
    }
    let refused = operator.post(&own, &[("title", ""), ("body", "kept as typed")]);
    refused.is(422).says("The title must have 1 to 120 characters").says("kept as typed");
    operator.post(&own, &[("title", "How to start"), ("body", "Say **what it does**.")]).is(303);
    assert_eq!(pages.world.db.look("SELECT title FROM resource")[0]["title"], "How to start");
    operator.post(&format!("{program}/resources/rsc_none"), &[("title", "x"), ("body", "y")]).is(404);
    operator.post("/operator/programs/none/resources", &[("title", "x"), ("body", "y")]).is(404);
    // Of another program it is no page.
    let foreign = own.replace(AGENCY, "user-referral");
    operator.get(&foreign).is(404);
    operator.get(&own);
    operator.post(&format!("{foreign}/remove"), &[]).is(303);
    assert_eq!(pages.world.db.number("SELECT COUNT(*) FROM resource"), 1);
    for _ in 0..2 {
        operator.post(&format!("{own}/remove"), &[]).is(303);
    }
    assert_eq!(pages.world.db.number("SELECT COUNT(*) FROM resource"), 0);
    let sql = "SELECT group_concat(action, ' ') AS all_of_them FROM (SELECT action FROM audit WHERE action LIKE 'resource.%' ORDER BY rowid)";
    assert_eq!(pages.world.db.look(sql)[0]["all_of_them"], "resource.add resource.edit resource.remove");
}
