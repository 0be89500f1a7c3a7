//! `GET /v1/attribution/search`: each reason why a touch or code did not decide, what the code itself is, and the list's
//! limits.

use crate::payout_uses::fixture::PayoutFixture;
use crate::support::scan::plan;
use crate::support::world::at;
use manicule::base::ids::{AccountId, LinkCode, PartnerId};
use manicule::engine::attribution::touch::{Touch, TouchHistory};
use manicule::service::setup::PayoutApproval;
use manicule::store::attribution::search::{Among, Carried, Place, Span, search};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const AGENCY: &str = "agency-partner";
const DEVELOPERS: &str = "developer-affiliate";
/// When everybody signs up, if the test doesn't say.
const MARCH: &str = "2026-03-10T00:00:00Z";
const APRIL: &str = "2026-04-01T00:00:00Z";

struct Fixture {
    api: PayoutFixture,
    /// Ids and codes of two partners of one program.
    ann: (String, String),
    bob: (String, String),
}

impl Fixture {
    fn new() -> Fixture {
        let api = PayoutFixture::new(PayoutApproval::UntilFirst);
        let (ann, bob) = (api.partner(AGENCY, "ann"), api.partner(AGENCY, "bob"));
        Fixture { api, ann, bob }
    }

    /// A sign-up with touches: (program, code, instant).
    fn touched(&self, account: &str, when: &str, touches: &[(&str, &str, &str)]) {
        let touch = |(n, (program, code, when)): (usize, &(&str, &str, &str))| Touch {
            program: (*program).into(),
            code: (*code).into(),
            campaign: String::new(),
            click_id: format!("clk_{account}_{n}"),
            at: at(when),
        };
        let history = TouchHistory {
            visitor: format!("vis_{account}"),
            touches: touches.iter().enumerate().map(touch).collect(),
        };
        let event = json!({"id": format!("s_{account}"), "type": "account.signed_up", "occurred_at": when,
            "account": {"id": account, "email": format!("jo@{account}.example")}});
        self.api.world.take(at(when), &event, Some(history)).expect("accepted");
    }

    fn typed(&self, account: &str, when: &str, code: &str) {
        self.event(account, "account.signed_up", when, json!({"attribution": {"code": code}}));
    }

    fn event(&self, account: &str, kind: &str, when: &str, mut more: Value) {
        more["account"] = json!({"id": account, "email": format!("jo@{account}.example")});
        self.api.event(&format!("{kind}:{account}:{when}"), kind, when, account, more);
    }

    fn find(&self, query: &str) -> Value {
        self.api.get(APRIL, &format!("/v1/attribution/search?{query}"))
    }

    /// Why touches of `code` by an account did not decide; `None`: it did.
    fn why(&self, account: &str, code: &str) -> Vec<Option<String>> {
        let found = self.find(&format!("email_domain={account}.example"));
        let data = found["data"].as_array().expect("a list");
        let one = data.iter().find(|row| row["account"] == account).unwrap_or_else(|| panic!("no {account}: {found}"));
        let touches = one["touches"].as_array().expect("touches").iter().filter(|t| t["code"] == code);
        touches
            .map(|t| {
                assert_eq!(t["credited"] == true, t["why"].is_null(), "{t}");
                assert!(t["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{t}");
                t["why"].as_str().map(str::to_owned)
            })
            .collect()
    }

    fn accounts(&self, query: &str) -> BTreeSet<String> {
        let found = self.find(query);
        found["data"].as_array().unwrap().iter().map(|row| row["account"].as_str().unwrap().to_owned()).collect()
    }
}

#[track_caller]
fn is(found: Vec<Option<String>>, wanted: &[&str]) {
    let found: Vec<&str> = found.iter().map(|why| why.as_deref().unwrap_or("credited")).collect();
    assert_eq!(found, wanted);
}

#[test]
fn touches_say_why_they_did_not_decide() {
    let f = Fixture::new();
    let (ann, bob) = (f.ann.1.as_str(), f.bob.1.as_str());
    let (_, friend) = f.api.partner("user-referral", "cyd");
    f.touched("late", MARCH, &[(AGENCY, ann, "2026-01-10T00:00:00Z")]);
    is(f.why("late", ann), &["outside_window"]);
    f.touched("edge", MARCH, &[(AGENCY, ann, "2026-02-08T00:00:00Z"), (AGENCY, bob, "2026-02-08T00:00:01Z")]);
    is(f.why("edge", ann), &["outside_window"]);
    is(f.why("edge", bob), &["credited"]);
    f.touched("two", MARCH, &[(AGENCY, ann, "2026-03-01T00:00:00Z"), (AGENCY, bob, "2026-03-02T00:00:00Z")]);
    is(f.why("two", ann), &["later_touch"]);
    f.touched(
        "group",
        MARCH,
        &[(AGENCY, ann, "2026-03-01T00:00:00Z"), ("user-referral", &friend, "2026-03-02T00:00:00Z")],
    );
    is(f.why("group", ann), &["later_touch_in_group"]);
    f.touched("after", MARCH, &[(AGENCY, ann, "2026-03-10T01:00:00Z")]);
    is(f.why("after", ann), &["after_sign_up"]);
    f.touched("lost", MARCH, &[(AGENCY, "gone4ever", "2026-03-01T00:00:00Z")]);
    is(f.why("lost", "gone4ever"), &["code_gone"]);
    f.api.sql(&format!("UPDATE link SET expires_at_ms = {} WHERE code = '{ann}'", at("2026-03-01T00:00:00Z").0));
    f.touched("ended", MARCH, &[(AGENCY, ann, "2026-03-01T00:00:00Z")]);
    is(f.why("ended", ann), &["link_expired"]);
}

#[test]
fn codes_say_why_they_did_not_decide() {
    let f = Fixture::new();
    let (ann, bob) = (f.ann.1.as_str(), f.bob.1.as_str());
    f.typed("fine", MARCH, ann);
    is(f.why("fine", ann), &["credited"]);
    f.typed("typo", MARCH, "n0such");
    is(f.why("typo", "n0such"), &["unknown_code"]);
    // The account was bound before it came with Ann's code.
    f.typed("bound", "2026-03-01T00:00:00Z", bob);
    f.event("bound", "account.active", MARCH, json!({"attribution": {"code": ann}}));
    is(f.why("bound", ann), &["already_bound"]);
    // It was there before, and nobody's: the code binds it, and a touch would not.
    f.event("old", "account.signed_up", "2026-03-01T00:00:00Z", json!({}));
    f.event("old", "account.active", MARCH, json!({"attribution": {"code": ann}}));
    is(f.why("old", ann), &["credited"]);
    f.event("never", "account.active", MARCH, json!({"attribution": {"code": ann}}));
    is(f.why("never", ann), &["no_sign_up"]);
    f.typed("moved", MARCH, ann);
    let move_to = json!({"program": AGENCY, "partner": f.bob.0, "reason": "a secret reason"});
    assert_eq!(f.api.post(APRIL, "/v1/accounts/moved/reassign", move_to).0, 200);
    is(f.why("moved", ann), &["assigned_by_operator"]);
    f.api.sql(&format!("UPDATE link SET disabled_at_ms = {} WHERE code = '{ann}'", at("2026-03-05T00:00:00Z").0));
    f.typed("off", MARCH, ann);
    is(f.why("off", ann), &["link_disabled"]);
    f.api.sql(&format!("UPDATE partner SET left_at_ms = {} WHERE id = '{}'", at(MARCH).0, f.bob.0));
    f.typed("left", MARCH, bob);
    is(f.why("left", bob), &["partner_left"]);
}

#[test]
fn suspended_and_banned_partners_and_reviews_are_said() {
    let f = Fixture::new();
    let (ann, bob) = (f.ann.1.as_str(), f.bob.1.as_str());
    // Held, because it is the partner's own address; then rejected.
    let own = json!({"attribution": {"code": ann}, "account": {"id": "own", "email": "ann@partners.example"}});
    f.api.event("s_own", "account.signed_up", MARCH, "own", own);
    let of_own = |f: &Fixture| {
        let found = f.find(&format!("code={ann}"));
        let row = found["data"].as_array().unwrap().iter().find(|row| row["account"] == "own").unwrap().clone();
        row["programs"].as_array().unwrap().iter().find(|p| p["program"] == AGENCY).unwrap().clone()
    };
    let held = of_own(&f);
    assert_eq!((&held["attributed"], &held["held"], &held["review"]), (&json!(true), &json!(true), &json!("open")));
    let reviews = f.api.get(APRIL, "/v1/reviews");
    for review in reviews["data"].as_array().unwrap() {
        let path = format!("/v1/reviews/{}", review["id"].as_str().unwrap());
        assert_eq!(f.api.post(APRIL, &path, json!({"decision": "reject", "reason": "own account"})).0, 200);
    }
    assert_eq!(of_own(&f)["review"], "rejected");
    for (who, action, why) in [(&f.ann, "suspend", "partner_suspended"), (&f.bob, "ban", "partner_banned")] {
        let path = format!("/v1/partners/{}/{action}", who.0);
        assert_eq!(f.api.post(MARCH, &path, json!({"reason": "private"})).0, 200);
        f.typed(action, "2026-03-11T00:00:00Z", &who.1);
        is(f.why(action, &who.1), &[why]);
        let code = f.find(&format!("code={}", who.1))["code"].clone();
        assert_eq!((&code["works"], &code["why"]), (&json!(false), &json!(why)), "{code}");
    }
    assert_ne!(ann, bob);
}

#[test]
fn another_account_of_the_domain_decides() {
    let f = Fixture::new();
    let (_, dev) = f.api.partner(DEVELOPERS, "dev");
    let (_, late) = f.api.partner(DEVELOPERS, "late");
    let at_acme = |account: &str, when: &str, more: Value| {
        let mut more = more;
        more["account"] = json!({"id": account, "email": format!("{account}@acme.example")});
        f.api.event(&format!("s_{account}"), "account.signed_up", when, account, more);
    };
    at_acme("first", "2026-03-01T00:00:00Z", json!({"attribution": {"code": dev}}));
    at_acme("second", MARCH, json!({}));
    let found = f.find("email_domain=ACME.example");
    assert_eq!((&found["signups"], &found["signups_without_touch"]), (&json!(2), &json!(1)));
    let second = &found["data"][1];
    let program = second["programs"].as_array().unwrap().iter().find(|p| p["program"] == DEVELOPERS).unwrap();
    assert_eq!((&program["method"], &program["code"]), (&json!("email_domain"), &json!(dev)));
    // The other partner of the program never appears.
    assert_eq!(f.accounts(&format!("code={late}")), BTreeSet::new());
    assert_eq!(f.accounts(&format!("code={dev}")), BTreeSet::from(["first".to_owned(), "second".to_owned()]));
}

#[test]
fn the_code_itself_is_explained() {
    let f = Fixture::new();
    let code = f.find(&format!("code={}", f.ann.1))["code"].clone();
    assert_eq!((&code["works"], &code["why"], &code["partner"]), (&json!(true), &json!(null), &json!(f.ann.0)));
    assert_eq!(code["clicks"], 0);
    f.api.sql(&format!(
        "INSERT INTO link_day (partner_id, code, day, clicks) VALUES ('{p}', '{c}', 20522, 3), ('{p}', '{c}', 20523, 4), ('{p}', '{c}', 20600, 9)",
        p = f.ann.0, c = f.ann.1
    ));
    // Days 20522 and 20523 are March 10 and 11, 2026.
    let days =
        |from: &str, to: &str| f.find(&format!("code={}&from={from}&to={to}", f.ann.1))["code"]["clicks"].clone();
    assert_eq!(days("2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z"), 3);
    assert_eq!(days("2026-03-10T12:00:00Z", "2026-03-11T00:00:01Z"), 7);
    let link = format!("code=https%3A%2F%2Fgo.example%2Fr%2F{}%3Fa%3Db", f.ann.1);
    assert_eq!(f.find(&link)["code"]["code"], f.ann.1.as_str());
    let unknown = f.find("code=nobody5")["code"].clone();
    assert_eq!((&unknown["works"], &unknown["why"]), (&json!(false), &json!("unknown_code")));
    // A code that never existed still finds who carried it.
    f.typed("typo", MARCH, "nobody5");
    assert_eq!(f.accounts("code=nobody5"), BTreeSet::from(["typo".to_owned()]));
    assert_eq!(f.find("from=2026-01-01T00:00:00Z")["code"], json!(null));
}

#[test]
fn the_span_is_half_open_and_pages_go_on() {
    let f = Fixture::new();
    for n in 0..7 {
        f.typed(&format!("a{n}"), &format!("2026-03-1{n}T00:00:00Z"), &f.ann.1);
    }
    // A later fact in the span shows an account whose sign-up is before it, once.
    f.event("a0", "account.active", "2026-03-12T00:00:00Z", json!({"attribution": {"code": f.bob.1}}));
    let query = "from=2026-03-11T00:00:00Z&to=2026-03-14T00:00:00Z";
    let all = BTreeSet::from(["a0", "a1", "a2", "a3"].map(str::to_owned));
    assert_eq!(f.accounts(query), all);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = f.find(&format!("{query}&limit=1&cursor={cursor}"));
        seen.extend(page["data"].as_array().unwrap().iter().map(|row| row["account"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all);
    assert_eq!(f.accounts(&format!("{query}&code={}", f.bob.1)), BTreeSet::from(["a0".to_owned()]));
    for bad in [
        "from=tuesday",
        "to=2026-13-01T00:00:00Z",
        "from=2026-03-02T00:00:00Z&to=2026-03-02T00:00:00Z",
        "cursor=x",
        "cursor=1.x",
        "limit=0",
    ] {
        assert_eq!(f.api.status(APRIL, &format!("/v1/attribution/search?{bad}")), 400, "{bad}");
    }
    let long = "x".repeat(254);
    assert_eq!(f.api.status(APRIL, &format!("/v1/attribution/search?email_domain={long}")), 400);
}

#[test]
fn codes_and_domains_are_found_as_they_are_pasted() {
    let f = Fixture::new();
    f.typed("acme", MARCH, &f.ann.1);
    for around in
        ["%22{}%22", "{}.", "%E2%80%9C{}%E2%80%9D", "ref%3D{}", "HTTPS%3A%2F%2FGO.EXAMPLE%2FR%2F{}", "%20{}%E2%80%8B"]
    {
        let given = around.replace("{}", &f.ann.1);
        assert_eq!(f.find(&format!("code={given}"))["code"]["code"], f.ann.1.as_str(), "{given}");
    }
    for given in ["acme.example", "%40ACME.example", "jo%40acme.example", "acme.example."] {
        assert_eq!(f.accounts(&format!("email_domain={given}")), BTreeSet::from(["acme".to_owned()]), "{given}");
    }
    f.api.event(
        "s_m",
        "account.signed_up",
        MARCH,
        "munich",
        json!({"account": {"id": "munich", "email": "jo@m\u{fc}nchen.example"}}),
    );
    for given in ["m%C3%BCnchen.example", "M%C3%9CNCHEN.example", "xn--mnchen-3ya.example"] {
        assert_eq!(f.accounts(&format!("email_domain={given}")), BTreeSet::from(["munich".to_owned()]), "{given}");
    }
    assert!(f.accounts("email_domain=%25").is_empty());
}

/// Each way to search walks an index from the span's beginning.
#[test]
fn searches_use_indexes() {
    let f = Fixture::new();
    let span = Span { from: at(MARCH), to: at(APRIL) };
    let (partner, code, account, start) =
        (PartnerId::from("p"), LinkCode::from("c"), AccountId::from("a"), Place { at_ms: -1, row: 0 });
    for (among, index) in [
        (Among::All, "event_presented"),
        (Among::Domain("x.example"), "event_email_domain"),
        (Among::Account(&account), "event_account"),
    ] {
        for carried in [
            Carried::Anything,
            Carried::Unknown("x"),
            Carried::OfPartner(&partner),
            Carried::ByItself(&partner),
            Carried::Code(&partner, &code),
        ] {
            let (found, _) = search(span, among, carried, &start, 10);
            let steps = plan(&f.api.world.db.connection.borrow(), &found.statement.sql);
            assert!(steps.iter().any(|step| step.contains("SEARCH e USING") && step.contains(index)), "{steps:?}");
            let scans =
                |step: &&String| ["SCAN e", "SCAN f", "SCAN o", "SCAN l", "SCAN b", "SCAN r"].contains(&step.as_str());
            assert_eq!(steps.iter().find(scans), None, "{steps:?}");
        }
    }
}
