//! Concurrent redemptions with faults in between: never above the balance, and each key once.

use super::fixture::{CrashFixture, DATABASE};
use crate::support::world::{World, at, now};
use manicule::base::money::Cents;
use manicule::codec::credit::{CreditOwner, RedeemRequest};
use manicule::service::credit::redeem;
use manicule::service::once::IdempotentRequest;
use serde_json::{Value, json};
use std::pin::Pin;

const TIERED: &str = "tiered-credits";
const NOW: &str = "2026-03-01T00:00:00Z";

/// A partner with $55.
fn earned() -> (World, String) {
    let world = World::new(7);
    let (id, code) = world.partner(at("2026-01-01T00:00:00Z"), TIERED, "owner", "o@p.example").expect("enrolled");
    world.fund(at("2026-01-02T00:00:00Z"), TIERED, 100_000).expect("funded");
    let tell = |id: &str, kind: &str, more: Value| {
        let when = "2026-01-05T00:00:00Z";
        let mut event = json!({"id": id, "type": kind, "occurred_at": when, "account": {"id": "friend"}});
        event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        world.take(at(when), &event, None).expect("accepted");
    };
    tell("s", "account.signed_up", json!({"attribution": {"code": code}}));
    tell("z_rfq", "rfq.submitted", json!({}));
    (world, id)
}

/// Several concurrent redemptions, one step at a time. The seed decides whose turn it is, and failures are retried.
#[test]
fn concurrent_redemptions_never_exceed_the_balance() {
    let mut refused = 0;
    for seed in 0..200 {
        let (world, partner) = earned();
        let fixture = CrashFixture::new(world.db);
        fixture.now.set(at(NOW).0);
        fixture.reseed(seed);
        fixture.script.gives_way.set(true);
        if seed % 3 == 0 {
            fixture.script.plan(&[((seed / 3) as usize % 24, DATABASE[seed as usize % 4])]);
        }
        let told = std::cell::RefCell::new(Vec::new());
        let job = |n: usize| -> Pin<Box<dyn Future<Output = ()> + '_>> {
            let (fixture, partner, told) = (&fixture, &partner, &told);
            Box::pin(async move {
                // The third repeats the second's request with the same key.
                let n = n.min(1);
                let asked = RedeemRequest {
                    whose: CreditOwner::Partner(partner.clone().into()),
                    amount: Cents(3_000 + n as i64),
                    currency: None,
                    reason: "at once".to_owned(),
                };
                let once = IdempotentRequest {
                    key: format!("k{n}"),
                    route: "POST /v1/credits/redeem".to_owned(),
                    body_sha256: format!("{n}"),
                };
                let answer = redeem::redeem(&fixture.context(), &asked, &once).await;
                told.borrow_mut().push((n, answer));
            })
        };
        let mut jobs: Vec<_> = (0..3).map(job).collect();
        while !jobs.is_empty() {
            let turn = (fixture.next() % jobs.len() as u64) as usize;
            if fixture.poll(&mut jobs[turn]) {
                drop(jobs.remove(turn));
            }
        }
        fixture.script.plan(&[]);
        fixture.script.gives_way.set(false);
        // A caller without a response retries with the same key.
        for n in 0..2 {
            now(job(n));
        }
        let told = told.take();
        let last = |n: usize| told.iter().rev().find(|(m, _)| *m == n).map(|(_, a)| a.clone()).expect("an answer");
        let (first, second) = (last(0), last(1));
        let taken = first.is_ok() as usize + second.is_ok() as usize;
        assert_eq!(taken, 1, "seed {seed}: {first:?} {second:?}");
        for answer in [&first, &second] {
            if let Err(error) = answer {
                assert_eq!(error.code, "above_balance", "seed {seed}");
                refused += 1;
            }
        }
        let rows = fixture.db.sqlite.number("SELECT COUNT(*) FROM transfer WHERE code = 'redeem'");
        assert_eq!(rows, 1, "seed {seed}");
        assert_eq!(fixture.db.sqlite.look("SELECT what FROM ledger_check UNION ALL SELECT what FROM credit_check"), []);
    }
    assert_eq!(refused, 200);
}
