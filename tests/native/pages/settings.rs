//! A partner's settings: profile, emails, sessions, the data export, leaving.

use super::fixture::{Browser, PagesFixture, Shown};
use crate::support::world::at;
use manicule::codec::message::email::words;
use manicule::codec::message::unsubscribe::address_sha256;
use manicule::engine::message::MessageType;
use manicule::pages::text::partner::{notice, settings};
use manicule::pages::text::shared::field;
use serde_json::Value;
use std::collections::BTreeSet;

const SESSION: &str = "__Host-manicule_session";

struct Ann {
    fixture: PagesFixture,
    id: String,
    code: String,
}

fn ann() -> Ann {
    let mut fixture = PagesFixture::new(at("2026-06-01T00:00:00Z"));
    fixture.post_office();
    let (id, code) =
        fixture.world.partner(fixture.now.get(), "agency-partner", "ann", "Ann@example.com").expect("a partner");
    Ann { fixture, id, code }
}

impl Ann {
    fn browser(&self) -> Browser<'_> {
        self.fixture.signed_in("ann@example.com", &self.id)
    }

    fn one(&self, sql: &str) -> Value {
        self.fixture.world.db.look(sql)[0].values().next().expect("a column").clone()
    }
}

fn json(shown: &Shown) -> Value {
    serde_json::from_str(&shown.html).expect("JSON")
}

#[test]
fn the_profile_is_shown_and_saved() {
    let ann = ann();
    let browser = ann.browser();
    browser.get("/partner/settings").is_page().says("Ann@example.com").says(settings::THIS_BROWSER);
    let good = [
        ("name", "Ann & Co"),
        ("website", "https://ann.example/"),
        ("country", "FR"),
        ("display_name", "Ann the Great"),
    ];
    assert_eq!(browser.post("/partner/settings", &good).location, "/partner/settings?done=profile-kept");
    let shown = browser.get("/partner/settings?done=profile-kept");
    shown.is_page().says(notice::PROFILE_SAVED);
    for value in [
        "value=\"Ann &amp; Co\"",
        "value=\"https://ann.example/\"",
        "<option value=\"FR\" selected>",
        "value=\"Ann the Great\"",
    ] {
        assert!(shown.html.contains(value), "{value}");
    }
    let audit = ann.one("SELECT before || after FROM audit WHERE action = 'partner.profile'").to_string();
    assert!(audit.contains("ann.example") && !audit.contains("Great") && !audit.contains("Co"), "{audit}");
    // An unchanged profile is not recorded.
    browser.post("/partner/settings", &good);
    assert_eq!(ann.one("SELECT COUNT(*) FROM audit WHERE action = 'partner.profile'"), 1);
    // Emptying the field undoes the opt-in.
    browser.post("/partner/settings", &[("name", "Ann"), ("display_name", "")]);
    assert_eq!(ann.one("SELECT display_name FROM partner_person"), Value::Null);
}

#[test]
fn an_invalid_profile_is_refused_and_keeps_its_values() {
    let ann = ann();
    let browser = ann.browser();
    browser.get("/partner/settings");
    let evil = "\"><script>alert(1)</script>";
    for (field, value) in [
        ("name", ""),
        ("name", "a\u{7}b"),
        ("website", evil),
        ("website", "ftp://x"),
        ("country", "XX"),
        ("country", evil),
        ("display_name", "x\u{1}"),
    ] {
        let mut form = vec![("name", "Typed"), ("display_name", "Shown")];
        form.retain(|(n, _)| *n != field);
        form.push((field, value));
        let shown = browser.post("/partner/settings", &form);
        shown.is(422).says(field::NOTHING_SAVED);
        assert!(!shown.html.contains("<script>alert"), "{field}");
        assert!(field == "name" || shown.html.contains("value=\"Typed\""), "{field}");
    }
    assert_eq!(ann.one("SELECT name FROM partner_person"), "ann");
    browser.post("/partner/settings", &[("name", evil), ("display_name", evil)]).is(303);
    let shown = browser.get("/partner/settings");
    shown.is_page();
    assert!(shown.html.contains("&lt;script&gt;alert(1)") && !shown.html.contains("<script>alert"));
    browser.ask("POST", "/partner/settings", &[("origin", super::fixture::ORIGIN)], "name=x").is(403);
}

#[test]
fn a_changed_website_recomputes_the_accounts() {
    let ann = ann();
    let sign_up = serde_json::json!({
        "id": "e1", "type": "account.signed_up", "occurred_at": "2026-06-01T00:00:00Z",
        "account": {"id": "acct_1", "email": "friend@ann.example"}, "attribution": {"code": ann.code},
    });
    ann.fixture.world.take(ann.fixture.now.get(), &sign_up, None).expect("it is accepted");
    assert_eq!(ann.one("SELECT COUNT(*) FROM account WHERE needs_recompute_since_ms IS NOT NULL"), 0);
    let browser = ann.browser();
    browser.get("/partner/settings");
    browser.post("/partner/settings", &[("name", "Ann"), ("country", "DE")]).is(303);
    assert_eq!(ann.one("SELECT COUNT(*) FROM account WHERE needs_recompute_since_ms IS NOT NULL"), 0);
    browser.post("/partner/settings", &[("name", "Ann"), ("website", "ann.example")]).is(303);
    assert_eq!(ann.one("SELECT COUNT(*) FROM account WHERE needs_recompute_since_ms IS NOT NULL"), 1);
    let ctx = ann.fixture.world.at(ann.fixture.now.get());
    crate::support::world::now(manicule::service::account::recompute::process_marked(&ctx, 1)).expect("decided again");
    assert_eq!(ann.one("SELECT rule FROM review"), "same_domain");
}

#[test]
fn email_preferences_are_saved() {
    let ann = ann();
    let browser = ann.browser();
    let checked = "name=\"referral.joined\" type=\"checkbox\" value=\"yes\" checked";
    let shown = browser.get("/partner/settings/emails");
    shown.is_page().says(words::choice(MessageType::ReferralJoined));
    assert!(shown.html.contains(checked));
    assert_eq!(browser.post("/partner/settings/emails", &[]).location, "/partner/settings/emails?done=choice-kept");
    assert_eq!(
        ann.one("SELECT address_sha256 FROM unsubscribe WHERE kind = 'referral.joined'"),
        address_sha256("ann@example.com").as_str()
    );
    let shown = browser.get("/partner/settings/emails");
    assert!(!shown.is_page().html.contains(checked));
    // Emails to another partner with the address are not affected.
    let (bob, _) = ann
        .fixture
        .world
        .partner(ann.fixture.now.get(), "agency-partner", "bob", "bob@example.com")
        .expect("a partner");
    assert!(
        ann.fixture.signed_in("bob@example.com", &bob).get("/partner/settings/emails").is_page().html.contains(checked)
    );
    // Messages about money cannot be turned off.
    browser.post("/partner/settings/emails", &[("referral.joined", "yes"), ("payout.sent", "")]).is(303);
    assert_eq!(ann.one("SELECT COUNT(*) FROM unsubscribe WHERE kind IN ('referral.joined', 'payout.sent')"), 0);
    assert!(browser.get("/partner/settings/emails").html.contains(checked));
}

/// The id of a browser's session.
fn id_of(ann: &Ann, browser: &Browser<'_>) -> String {
    let cookie = browser.cookie(SESSION).expect("a session");
    let sha = manicule::http::auth::hex_sha256(cookie.split('.').next().expect("a token").as_bytes());
    ann.one(&format!("SELECT id FROM session WHERE token_sha256 = '{sha}'")).as_str().expect("an id").to_owned()
}

#[test]
fn people_see_and_end_only_their_own_sessions() {
    let ann = ann();
    let (here, there) = (ann.browser(), ann.browser());
    let (bob_id, _) = ann
        .fixture
        .world
        .partner(ann.fixture.now.get(), "agency-partner", "bob", "bob@example.com")
        .expect("a partner");
    let bob = ann.fixture.signed_in("bob@example.com", &bob_id);
    let shown = here.get("/partner/settings");
    shown.is_page();
    let (mine, other, foreign) = (id_of(&ann, &here), id_of(&ann, &there), id_of(&ann, &bob));
    assert!(shown.html.contains(&mine) && shown.html.contains(&other) && !shown.html.contains(&foreign));
    for wrong in [foreign.as_str(), "", "ses_x", "' OR 1"] {
        here.post("/partner/settings/sessions", &[("session", wrong)]).is(404);
    }
    bob.get("/partner/settings").is_page();
    assert_eq!(
        here.post("/partner/settings/sessions", &[("session", &other)]).location,
        "/partner/settings?done=session-ended"
    );
    assert!(there.get("/partner/settings").location.starts_with("/sign-in?to="));
    here.post("/partner/settings/sessions", &[("session", &other)]).is(404);
    assert_eq!(here.post("/partner/settings/sessions", &[("session", &mine)]).location, "/sign-in?done=signed-out");
    assert_eq!(here.cookie(SESSION), None);
    assert_eq!(ann.one("SELECT COUNT(*) FROM session WHERE ended_at_ms IS NULL"), 1);
}

#[test]
fn the_data_export_is_complete() {
    let ann = ann();
    let browser = ann.browser();
    browser.get("/partner/settings");
    browser.post("/partner/settings", &[("name", "Ann"), ("display_name", "A.")]);
    let (bob_id, bob_code) = ann
        .fixture
        .world
        .partner(ann.fixture.now.get(), "agency-partner", "bob", "bob@example.com")
        .expect("a partner");
    // More accruals than two files hold, many at the same instant, with another partner's among them.
    let insert = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999)
        INSERT INTO accrual (id, program_id, program_version, reward_id, partner_id, account_id, event_id, source, at_ms, period, unit,
          gross_cents, cap_reduction_cents, net_cents, balance, funding_account, state, vests_at_ms, reason, postings)
        SELECT 'acr_' || printf('%06d', i), 'agency-partner', 1, 'first-year', IIF(i % 50 = 0, ?2, ?1), 'a', 'e', 'invoice:' || i,
          1780000000000 + (i / 700) * 1000, '2026-05', 'cash:usd', i, 0, i, 'pending', 'expense', 'pending', 0, 'r', 1 FROM n";
    ann.fixture.world.db.connection.borrow().execute(insert, [&ann.id, &bob_id]).expect("lines");

    let first = browser.get("/partner/settings/data");
    first.is(200);
    assert_eq!((first.batches, first.header("cache-control")), (1, "no-store"));
    assert_eq!(first.header("content-disposition"), format!("attachment; filename=\"manicule-{}.json\"", ann.code));
    let mut all = vec![json(&first)];
    while let Some(next) = all.last().and_then(|part| part["next"].as_str()).map(str::to_owned) {
        let part = browser.get(&next);
        part.is(200);
        assert_eq!(part.batches, 1);
        all.push(json(&part));
    }
    assert_eq!(all.len(), 3);
    let of =
        |list: &str| all.iter().flat_map(|part| part[list].as_array().expect("a list").clone()).collect::<Vec<Value>>();
    let earned = of("earnings");
    let ids: BTreeSet<&str> = earned.iter().filter_map(|e| e["id"].as_str()).collect();
    assert_eq!((earned.len(), ids.len()), (4_900, 4_900), "each once");
    let cents: i64 = earned.iter().filter_map(|e| e["amount_cents"].as_i64()).sum();
    assert_eq!(
        cents,
        ann.fixture.world.db.number(&format!("SELECT SUM(net_cents) FROM accrual WHERE partner_id = '{}'", ann.id))
    );
    assert_eq!(of("links").iter().map(|l| l["code"].clone()).collect::<Vec<_>>(), [ann.code.as_str()]);
    assert_eq!(of("actions").iter().map(|a| a["action"].clone()).collect::<Vec<_>>(), ["partner.profile"]);
    assert_eq!(of("payouts").len(), 0);
    let partner = &all[0]["partner"];
    assert_eq!((&partner["email"], &partner["display_name"]), (&Value::from("Ann@example.com"), &Value::from("A.")));
    assert_eq!((all[0]["sessions"].as_array().map(Vec::len), all[1]["sessions"].is_null()), (Some(1), true));
    let text = all.iter().map(Value::to_string).collect::<String>();
    assert!(!text.contains("bob@") && !text.contains(&bob_id) && !text.contains(&bob_code) && !text.contains("sha256"));
    for broken in ["x", "1", "1.9.a", "-5.0.a", "99999999999999999999.0.a"] {
        browser.get(&format!("/partner/settings/data?cursor={broken}")).is(400);
    }
}

#[test]
fn leaving_requires_the_code_and_ends_the_links() {
    let ann = ann();
    let browser = ann.browser();
    browser.get("/partner/settings").is_page().says(settings::LEAVE);
    for wrong in ["", "x", "\"><script>alert(1)</script>"] {
        let shown = browser.post("/partner/settings/leave", &[("code", wrong)]);
        shown.is(422).says(&settings::wrong_code(&ann.code));
        assert!(!shown.html.contains("<script>alert"));
    }
    assert_eq!(ann.one("SELECT left_at_ms FROM partner"), Value::Null);
    assert_eq!(browser.post("/partner/settings/leave", &[("code", &ann.code)]).location, "/partner/settings?done=left");
    assert_eq!(ann.one("SELECT left_at_ms FROM partner"), ann.fixture.now.get().0);
    assert_eq!(
        ann.one("SELECT actor FROM audit WHERE action = 'partner.leave'")
            .as_str()
            .map(|a| a.starts_with("session:ses_")),
        Some(true)
    );
    browser.get("/partner/settings").is_page().says(settings::LEFT_ON.trim());
    // Leaving twice has no further effect.
    browser.post("/partner/settings/leave", &[("code", &ann.code)]).is(303);
    assert_eq!(ann.one("SELECT COUNT(*) FROM audit WHERE action = 'partner.leave'"), 1);
    // The link is dead: a sign-up through it is not attributed.
    let later = ann.fixture.now.get().plus_ms(60_000);
    let sign_up = serde_json::json!({
        "id": "e1", "type": "account.signed_up", "occurred_at": later.to_rfc3339(),
        "account": {"id": "acct_1", "email": "friend@example.org"}, "attribution": {"code": ann.code},
    });
    ann.fixture.world.take(later, &sign_up, None).expect("it is accepted");
    assert_eq!(ann.one("SELECT COUNT(*) FROM binding WHERE partner_id IS NOT NULL"), 0);
}

#[test]
fn nobody_else_sees_them() {
    let ann = ann();
    for path in ["/partner/settings", "/partner/settings/emails", "/partner/settings/data", "/partner/programs"] {
        let shown = ann.fixture.browser().get(path);
        assert!(shown.status == 303 && shown.location.starts_with("/sign-in?to="), "{path}");
        if path != "/partner/programs" {
            let bob = ann.fixture.signed_in("bob@example.com", &ann.id);
            assert_eq!(bob.get(path).location, "/partner/programs", "{path}: a claim is no proof");
        }
    }
    let bob = ann.fixture.signed_in("bob@example.com", &ann.id);
    bob.get("/partner/programs");
    bob.post("/partner/settings", &[("name", "Bob was here")]).is(303);
    bob.post("/partner/settings/leave", &[("code", &ann.code)]).is(303);
    bob.post("/partner/settings/emails", &[]).is(303);
    assert_eq!(ann.one("SELECT name FROM partner_person"), "ann");
    assert_eq!(ann.one("SELECT COUNT(*) FROM unsubscribe"), 0);
    assert_eq!(ann.one("SELECT left_at_ms FROM partner"), Value::Null);
}
