//! Whose mailbox an address is, and whose domain: who is bound by a domain, and who is held because accounts are the same
//! person's. In every order of arrival.

use crate::support::world::{World, at};
use manicule::base::time::{DAY_MS, UtcMillis};
use manicule::service::review::ReviewDecision;
use serde_json::{Value, json};

/// One program that binds by email domain, and one that does not hold the partner's own address by its document.
const BY_DOMAIN: &str = "developer-affiliate";
const PLAIN: &str = "tiered-credits";

struct Told {
    at: UtcMillis,
    body: Value,
}

/// A sign-up on a day of March 2026.
fn sign_up(account: &str, day: i64, email: &str, code: Option<&str>) -> Told {
    event("account.signed_up", account, day, json!({"account": {"email": email}, "attribution": {"code": code}}))
}

fn event(kind: &str, account: &str, day: i64, rest: Value) -> Told {
    let when = at("2026-03-01T00:00:00Z").plus_ms(day * DAY_MS);
    let id = format!("{kind}-{account}-{day}");
    let mut body = json!({"id": id, "type": kind, "occurred_at": when.to_rfc3339(), "account": {}});
    for (key, value) in rest.as_object().expect("an object") {
        body[key] = value.clone();
    }
    body["account"]["id"] = json!(account);
    Told { at: when, body }
}

/// A world with a partner, whose code each `{code}` of the events stands for, and events that arrive in an order.
fn told(program: &str, external_id: &str, events: &dyn Fn(&str) -> Vec<Told>, backwards: bool) -> World {
    let world = World::new(7);
    let (_, code) =
        world.partner(at("2026-01-01T00:00:00Z"), program, external_id, "pal@partner.example").expect("a partner");
    let mut events = events(&code);
    let end = events.iter().map(|e| e.at).max().expect("events").plus_ms(DAY_MS);
    if backwards {
        events.reverse();
    }
    for event in events {
        world.take(end, &event.body, None).unwrap_or_else(|e| panic!("{}: {e}", event.body));
    }
    world.catch_up(end);
    assert_eq!(world.faults(), Vec::<String>::new());
    world
}

/// The same in both orders: the accounts that are bound and held, in their order.
fn held(program: &str, external_id: &str, events: &dyn Fn(&str) -> Vec<Told>) -> Vec<String> {
    let both = [false, true].map(|backwards| held_in(&told(program, external_id, events, backwards), program));
    assert_eq!(both[0], both[1], "the order of arrival decides");
    both[0].clone()
}

fn held_in(world: &World, program: &str) -> Vec<String> {
    accounts(world, &format!("program_id = '{program}' AND partner_id IS NOT NULL AND held = 1"))
}

fn accounts(world: &World, condition: &str) -> Vec<String> {
    let rows = world.db.look(&format!("SELECT account_id FROM binding WHERE {condition} ORDER BY account_id"));
    rows.iter().map(|row| row["account_id"].as_str().unwrap_or_default().to_owned()).collect()
}

fn reviews(world: &World, account: &str) -> Vec<String> {
    let rows = world.db.look(&format!("SELECT rule FROM review WHERE account_id = '{account}' ORDER BY rule"));
    rows.iter().map(|row| row["rule"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn strangers_are_not_bound_by_their_providers_domain() {
    for (host, is_bound) in [
        ("privaterelay.appleid.com", false),
        ("seznam.cz", false),
        ("hotmail.it", false),
        ("sbcglobal.net", false),
        ("gmail.com.", false),
        ("GMAIL.com", false),
        ("yahoo.co.jp", false),
        ("mozmail.com", false),
        ("ann.anonaddy.com", false),
        ("users.noreply.github.com", false),
        ("mailinator.com", false),
        ("adv.br", false),
        ("github.io", false),
        ("silva.adv.br", true),
        ("acme.example", true),
        ("ACME.example.", true),
        ("b\u{fc}cher.example", true),
        ("notyahoo.com", true),
    ] {
        let events = |code: &str| {
            vec![
                sign_up("first", 1, &format!("one@{host}"), Some(code)),
                sign_up("second", 2, &format!("two@{host}"), None),
            ]
        };
        for backwards in [false, true] {
            let world = told(BY_DOMAIN, "dev", &events, backwards);
            let bound = accounts(&world, "method = 'email_domain'");
            assert_eq!(bound == ["second"], is_bound, "{host}: {bound:?}");
        }
    }
    // One domain in two spellings, and two offices that share a suffix.
    for (one, other, is_bound) in [
        ("xn--bcher-kva.example", "B\u{dc}CHER.example", true),
        ("silva.adv.br", "costa.adv.br", false),
        ("lincoln.k12.ca.us", "washington.k12.ca.us", false),
    ] {
        let events = |code: &str| {
            vec![
                sign_up("first", 1, &format!("one@{one}"), Some(code)),
                sign_up("second", 2, &format!("two@{other}"), None),
            ]
        };
        let world = told(BY_DOMAIN, "dev", &events, false);
        assert_eq!(accounts(&world, "method = 'email_domain'") == ["second"], is_bound, "{one} {other}");
    }
}

/// One colleague by code, and as many by their domain, some on the first day of the next month.
fn colleagues(code: &str, count: i64) -> Vec<Told> {
    let mut all = vec![sign_up("c00", 0, "a@acme.example", Some(code))];
    all.extend((1..=count).map(|n| sign_up(&format!("c{n:02}"), 1, &format!("a{n}@acme.example"), None)));
    all.extend((1..=2).map(|n| sign_up(&format!("d{n}"), 31, &format!("d{n}@acme.example"), None)));
    all.push(sign_up("typed", 30, "typed@acme.example", Some(code)));
    all.push(sign_up("other", 30, "x@other.example", Some(code)));
    all
}

#[test]
fn from_the_twenty_first_account_of_a_domain_in_a_month_on_they_are_held() {
    assert_eq!(held(BY_DOMAIN, "dev", &|code| colleagues(code, 20)), Vec::<String>::new());
    assert_eq!(held(BY_DOMAIN, "dev", &|code| colleagues(code, 23)), ["c21", "c22", "c23"]);
}

#[test]
fn a_released_account_says_nothing_of_the_others_and_a_released_domain_does() {
    let world = told(BY_DOMAIN, "dev", &|code| colleagues(code, 23), false);
    let review = |account: &str| {
        let rows = world.db.look(&format!("SELECT id FROM review WHERE account_id = '{account}'"));
        rows[0]["id"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(reviews(&world, "c22"), ["one_domain"]);
    let later = at("2026-05-01T00:00:00Z");
    world.decide(later, &review("c21"), ReviewDecision::Release).expect("it is released");
    assert_eq!(held_in(&world, BY_DOMAIN), ["c22", "c23"]);
    for _ in 0..2 {
        world.decide(later, &review("c22"), ReviewDecision::ReleaseDomain).expect("it is released");
    }
    world.catch_up(later);
    assert_eq!(held_in(&world, BY_DOMAIN), Vec::<String>::new());
    assert_eq!(world.db.number("SELECT COUNT(*) FROM review WHERE state = 'open'"), 0);
    let audit = world.db.look("SELECT after FROM audit WHERE action = 'review.decide'");
    assert!(
        audit.iter().any(|row| row["after"].as_str().is_some_and(|after| after.contains("\"organization\":\"dom_")))
    );
    // Not held for this again, and other domains are.
    for n in 0..30 {
        for domain in ["acme", "other"] {
            let body = sign_up(&format!("{domain}-{n:02}"), 40, &format!("n{n}@{domain}.example"), None).body;
            world.take(later, &body, None).expect("it is taken in");
        }
    }
    world.catch_up(later);
    let held = held_in(&world, BY_DOMAIN);
    assert!(held.len() == 10 && held.iter().all(|account| account.starts_with("other-")), "{held:?}");
}

#[test]
fn only_a_review_about_a_domain_releases_one() {
    let twice = |code: &str| vec![sign_up("a", 1, "x@a.example", None), sign_up("b", 2, "x+1@a.example", Some(code))];
    let world = told(PLAIN, "salon", &twice, false);
    let review = world.db.look("SELECT id FROM review").remove(0)["id"].as_str().unwrap_or_default().to_owned();
    let refused = world.decide(at("2026-05-01T00:00:00Z"), &review, ReviewDecision::ReleaseDomain).unwrap_err();
    assert_eq!(refused.code, "not_about_a_domain");
}

#[test]
fn one_mailbox_is_one_account() {
    for (emails, want) in [
        (["pal@gmail.com", "pal+1@gmail.com", "p.al@googlemail.com", "pal@gmail.com"], vec!["a1", "a2", "a3"]),
        (["pal@acme.example", "Pal+x@ACME.example.", " pal@acme.example ", "p.al@acme.example"], vec!["a1", "a2"]),
        (["pal@yahoo.com", "pal-x@yahoo.com", "pal@yahoo.co.jp", "pal-y@yahoo.co.jp"], vec!["a1", "a3"]),
        (["pal@outlook.com", "pal-x@outlook.com", "p.al@outlook.com", "pal+x@outlook.com"], vec!["a3"]),
        (["pal@proton.me", "p_al@pm.me", "pal@protonmail.com", "pal@proton.example"], vec!["a1", "a2"]),
        (["x@ann.anonaddy.com", "y@ann.anonaddy.com", "x@ben.anonaddy.com", "z@anonaddy.com"], vec!["a1"]),
        (["a@acme.example", "b@acme.example", "c@acme.example", ""], vec![]),
    ] {
        for program in [PLAIN, BY_DOMAIN, "agency-partner"] {
            let events = |code: &str| {
                let one = |(n, email): (usize, &&str)| sign_up(&format!("a{n}"), n as i64, email, Some(code));
                emails.iter().enumerate().map(one).collect::<Vec<_>>()
            };
            assert_eq!(held(program, "boss", &events), want, "{program} {emails:?}");
        }
    }
}

#[test]
fn the_earlier_account_may_be_anybodys() {
    // Bound to nobody, known by a later event than its sign-up, or by another event than a sign-up.
    let first = |event| move |code: &str| vec![event, sign_up("late", 9, "pal+x@gmail.com", Some(code))];
    let is_held = |make: &dyn Fn() -> Told| held(PLAIN, "salon", &|code| first(make())(code));
    assert_eq!(is_held(&|| sign_up("early", 1, "pal@gmail.com", None)), ["late"]);
    let active = |day| event("account.active", "early", day, json!({"account": {"email": "pal@gmail.com"}}));
    assert_eq!(is_held(&|| active(3)), ["late"]);
    assert_eq!(is_held(&|| active(12)), Vec::<String>::new(), "it had the mailbox first");
    // An account that takes the mailbox later is the later one.
    let takes = |code: &str| {
        let named = event("account.active", "early", 12, json!({"account": {"email": "pal@gmail.com"}}));
        vec![sign_up("early", 1, "x@x.example", Some(code)), sign_up("late", 9, "pal@gmail.com", Some(code)), named]
    };
    assert_eq!(held(PLAIN, "salon", &takes), ["early"]);
}

#[test]
fn nobody_refers_himself_whatever_the_document_says() {
    for program in [PLAIN, BY_DOMAIN, "user-referral", "agency-partner"] {
        // The partner's address is pal@partner.example, and its account at the host is `boss`.
        let customer =
            |account: &str, day| event("account.active", account, day, json!({"data": {"stripe_customer": "cus_pal"}}));
        let by_mailbox = |code: &str| {
            vec![sign_up("a", 1, "Pal+again@partner.example", Some(code)), sign_up("b", 2, "z@z.example", Some(code))]
        };
        assert_eq!(held(program, "boss", &by_mailbox), ["a"], "{program}: mailbox");
        let by_id = |code: &str| vec![sign_up("boss", 1, "z@z.example", Some(code))];
        assert_eq!(held(program, "boss", &by_id), ["boss"], "{program}: id");
        let by_customer = |code: &str| {
            vec![
                sign_up("boss", 1, "other@else.example", None),
                sign_up("a", 2, "z@z.example", Some(code)),
                sign_up("b", 2, "y@y.example", Some(code)),
                customer("a", 3),
                customer("boss", 4),
            ]
        };
        assert_eq!(held(program, "boss", &by_customer), ["a"], "{program}: customer");
        // The partner's own account, by its mailbox, not by its id.
        let by_known = |code: &str| {
            vec![
                sign_up("mine", 1, "pal@partner.example", None),
                sign_up("a", 2, "z@z.example", Some(code)),
                customer("mine", 3),
                customer("a", 4),
            ]
        };
        assert_eq!(held(program, "boss", &by_known), ["a"], "{program}: customer of the mailbox");
        // Another address of the partner's own account.
        let by_other = |code: &str| {
            vec![sign_up("a", 1, "private@gmail.com", Some(code)), sign_up("boss", 2, "private+x@gmail.com", None)]
        };
        assert_eq!(held(program, "boss", &by_other), ["a"], "{program}: another mailbox");
    }
}

#[test]
fn a_disposable_address_is_flagged_and_not_held() {
    let events = |code: &str| vec![sign_up("a", 1, "x@mailinator.com", Some(code))];
    let world = told(PLAIN, "salon", &events, false);
    assert_eq!((held_in(&world, PLAIN), reviews(&world, "a")), (vec![], vec!["disposable_email".to_owned()]));
}

#[test]
fn a_sign_up_is_not_refused_for_its_email() {
    for (email, warned) in [
        (json!(" ann@acme.example "), false),
        (json!(""), false),
        (json!("  "), false),
        (json!("nobody"), true),
        (json!("Ann <ann@acme.example>"), true),
        (json!(7), true),
    ] {
        let world = World::new(7);
        let when = at("2026-03-01T00:00:00Z");
        let (_, code) = world.partner(when, PLAIN, "salon", "pal@partner.example").expect("a partner");
        let mut told = sign_up("a", 1, "", Some(&code));
        told.body["account"]["email"] = email.clone();
        let taken = world.take(told.at, &told.body, None).unwrap_or_else(|e| panic!("{email}: {e}"));
        assert_eq!(taken.outcome["attribution"].as_array().map(Vec::len), Some(4), "{}", taken.outcome);
        assert_eq!(accounts(&world, "partner_id IS NOT NULL"), ["a"], "{email}");
        assert_eq!(taken.outcome["warnings"].is_array(), warned, "{email}: {}", taken.outcome);
        let stored = world.db.look("SELECT email FROM event_person");
        let stored: Vec<_> = stored.iter().filter_map(|row| row["email"].as_str()).collect();
        assert_eq!(stored, Vec::from_iter((email == " ann@acme.example ").then_some("ann@acme.example")), "{email}");
    }
}
