//! A friend's promotion code is created once, whatever fails on the way, and a retry gets it in the end.

use super::fixture::{Call, CrashFixture, DATABASE, Fault, SERVICE};
use super::stripe;
use crate::support::world::{World, at, now};
use manicule::base::ids::AccountId;
use manicule::program::document::Document;
use manicule::service::credit::promotion;
use manicule::service::credit::promotion::Recipient;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::sync::LazyLock;

const HOUR: i64 = 3_600_000;

fn document() -> Document {
    let mut preset: Value = serde_json::from_str(manicule::program::catalog::PRESETS[0].1).expect("JSON");
    preset["benefit"]["as_promotion_code"] = json!(true);
    manicule::program::check::read(&preset.to_string()).expect("a document").document().clone()
}

const VISITOR: Recipient = Recipient { account: None, visitor: Some("v1"), requested_by: "" };
static FRIEND: LazyLock<AccountId> = LazyLock::new(|| "friend".into());

fn account() -> Recipient<'static> {
    Recipient { account: Some(&FRIEND), visitor: Some("v1"), requested_by: "" }
}

/// The response to a visitor, then to the same person's sign-up, with a fault; and the response in the end.
fn play(fixture: &CrashFixture, faults: &[(usize, Fault)], step: i64) -> (Vec<Option<String>>, Vec<Call>) {
    let document = document();
    fixture.db.execute("BEGIN");
    *fixture.stripe.borrow_mut() = stripe::Stripe::default();
    fixture.now.set(at("2026-06-01T00:00:00Z").0);
    fixture.script.plan(faults);
    let told = RefCell::new(Vec::new());
    for friend in [VISITOR, account()] {
        let mut job: std::pin::Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(async {
            let code = promotion::code(&fixture.context(), &document, friend).await;
            told.borrow_mut().push(code);
        });
        while !fixture.poll(&mut job) {}
        fixture.now.set(fixture.now.get() + step);
    }
    let calls = fixture.script.calls.borrow().clone();
    fixture.script.plan(&[]);
    for friend in [account(), VISITOR, account()] {
        fixture.now.set(fixture.now.get() + step.max(HOUR));
        let code = now(promotion::code(&fixture.context(), &document, friend));
        told.borrow_mut().push(code);
    }
    (told.into_inner(), calls)
}

#[test]
fn each_friend_gets_one_code_despite_faults() {
    let fixture = CrashFixture::new(World::new(7).db);
    let mut cases = 0;
    for step in [1_000, 2 * HOUR, 25 * HOUR] {
        let (told, calls) = play(&fixture, &[], step);
        fixture.db.execute("ROLLBACK");
        assert!(told.iter().all(|code| code.is_some() && *code == told[0]), "{told:?}");
        for (place, call) in calls.iter().enumerate() {
            for fault in if *call == Call::Database { DATABASE } else { SERVICE } {
                let (told, _) = play(&fixture, &[(place, *fault)], step);
                let what = format!("{step} {fault:?} at {place} ({call:?}): {told:?}");
                let last = told.last().expect("an answer");
                assert!(last.is_some(), "{what}");
                assert!(told.iter().flatten().all(|code| Some(code) == last.as_ref()), "{what}");
                let stripe = fixture.stripe.borrow();
                assert_eq!((stripe.coupons.len(), stripe.promotions.len()), (1, 1), "{what}");
                assert_eq!(stripe.promotions[0]["code"], json!(last), "{what}");
                drop(stripe);
                fixture.db.execute("ROLLBACK");
                cases += 1;
            }
        }
    }
    println!("promotion codes: {cases} cases");
}

#[test]
fn each_friend_has_a_code_and_without_a_key_the_data_is_returned() {
    let mut fixture = CrashFixture::new(World::new(7).db);
    fixture.now.set(at("2026-06-01T00:00:00Z").0);
    let asking = document();
    let ask = |fixture: &CrashFixture, document: &Document, friend| {
        now(promotion::code(&fixture.context(), document, friend))
    };
    let mine = ask(&fixture, &asking, VISITOR);
    assert_eq!(ask(&fixture, &asking, account()), mine, "the visitor's becomes the account's");
    let other = Recipient { account: Some(&"other".into()), visitor: Some("v1"), requested_by: "" };
    let theirs = ask(&fixture, &asking, other);
    assert!(theirs.is_some() && theirs != mine, "an account's code belongs to no other account");
    assert_eq!(ask(&fixture, &asking, other), theirs);
    assert_eq!(fixture.stripe.borrow().coupons.len(), 1, "one coupon for the version");
    let mut second = asking.clone();
    second.version = 2;
    let friend = Recipient { account: Some(&"third".into()), visitor: None, requested_by: "" };
    assert!(ask(&fixture, &second, friend).is_some());
    assert_eq!(fixture.stripe.borrow().coupons.len(), 2, "and one for the next");
    let mut plain = asking.clone();
    plain.benefit.as_mut().expect("a benefit").as_promotion_code = false;
    let fourth = Recipient { account: Some(&"fourth".into()), visitor: None, requested_by: "" };
    assert_eq!(ask(&fixture, &plain, fourth), None, "it does not ask for one");
    fixture.setup.stripe = None;
    assert_eq!(ask(&fixture, &asking, fourth), None, "without a key there is no code");
}
