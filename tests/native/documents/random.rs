//! Random documents: what is accepted earns what a naive interpreter of the same JSON says, to the cent, and what is
//! refused names a path. Each failure prints its seed. Runs `PROGRAM_SEEDS` seeds (300), or the one in `PROGRAM_SEED`.

mod drawn;
mod naive;

use super::{PROGRAM, findings, save, schema};
use crate::simulation::calendar::{DAY, firsts, instant, mondays, print};
use crate::simulation::rng::Rng;
use crate::support::sqlite::Sqlite;
use crate::support::world::World;
use manicule::base::time::UtcMillis;
use manicule::program::document::Cadence;
use naive::Fact;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// By account, rule and source: cents.
pub type Earned = BTreeMap<(String, String, String), i64>;

const FROM: (i64, i64, i64) = (2026, 1, 1);

/// An account: who referred it, and its facts in the order of their instants.
pub struct Account {
    pub id: String,
    pub partner: usize,
    pub facts: Vec<Fact>,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn seeds(part: u64) -> Vec<u64> {
    match number("PROGRAM_SEED") {
        Some(one) => {
            if part == 0 {
                vec![one]
            } else {
                Vec::new()
            }
        }
        None => (0..number("PROGRAM_SEEDS").unwrap_or(300)).filter(|seed| seed % 2 == part).collect(),
    }
}

/// Plays the seeds; most of the documents that are drawn must be accepted.
fn play_all(part: u64) {
    let seeds = seeds(part);
    let played = seeds.iter().filter(|seed| play(**seed)).count();
    assert!(seeds.len() < 10 || played * 2 > seeds.len(), "{played} of {} documents are accepted", seeds.len());
}

#[test]
fn random_documents_earn_what_they_say() {
    play_all(0);
}

#[test]
fn more_random_documents_earn_what_they_say() {
    play_all(1);
}

/// Whether the document of a seed was accepted.
fn play(seed: u64) -> bool {
    let mut rng = Rng::new(seed);
    let document = drawn::document(&mut rng);
    let found = findings(&document);
    schema::agrees(&document);
    if !found.is_empty() {
        assert!(found.iter().all(|f| !f.path.is_empty() && !f.rule.is_empty()), "seed {seed}: {found:?}");
        return false;
    }
    let accounts = drawn::accounts(&mut rng, &document);
    let world = World::on(Sqlite::new(), seed);
    let start = instant(FROM.0, FROM.1, FROM.2);
    save(&world, UtcMillis(start), &document);
    let partners: Vec<(String, String)> = (0..2)
        .map(|n| {
            let email = format!("p@partner{n}.example");
            world.partner(UtcMillis(start), PROGRAM, &format!("partner{n}"), &email).expect("a partner")
        })
        .collect();
    let last = settle(&world, &document, &accounts, &partners, seed);
    let expected = naive::earned(&document, &accounts, last);
    let stored = stored(&world);
    assert_eq!(stored, expected, "seed {seed}: {document}");
    assert_eq!(world.faults(), Vec::<String>::new(), "seed {seed}");
    for (n, (partner, _)) in partners.iter().enumerate() {
        let own = |account: &str| accounts.iter().any(|a| a.id == account && a.partner == n);
        let sum: i64 = expected.iter().filter(|((account, ..), _)| own(account)).map(|(_, cents)| cents).sum();
        let has = world.balance(partner, "pending") + world.balance(partner, "available");
        assert_eq!(has, sum, "seed {seed}: {document}");
    }
    true
}

/// Takes in all facts as they happen, with the runs in between. Returns the last run's instant.
fn settle(world: &World, document: &Value, accounts: &[Account], partners: &[(String, String)], seed: u64) -> i64 {
    let mut steps: Vec<(i64, Option<(&Account, &Fact)>)> =
        accounts.iter().flat_map(|a| a.facts.iter().map(move |fact| (fact.at, Some((a, fact))))).collect();
    let (from, to) = (instant(2026, 1, 2), instant(2026, 12, 31));
    let (cadence, runs) = match document["settlement"]["cadence"].as_str() {
        Some("weekly") => (Cadence::Weekly, mondays(from, to).into_iter().step_by(5).collect()),
        Some("monthly") => (Cadence::Monthly, firsts(from, to)),
        _ => (Cadence::Instant, Vec::new()),
    };
    steps.extend(runs.iter().map(|at| (*at, None)));
    steps.sort_by_key(|(at, step)| (*at, step.is_some()));
    for (at, step) in steps {
        match step {
            None => drop(world.run(cadence, UtcMillis(at)).unwrap_or_else(|e| panic!("seed {seed}: {e}"))),
            Some((account, fact)) => {
                let mut body = fact.body.clone();
                body["occurred_at"] = json!(print(at));
                body["account"] = json!({"id": account.id});
                if fact.body["type"] == "account.signed_up" {
                    body["attribution"] = json!({"code": partners[account.partner].1});
                }
                world.take(UtcMillis(at), &body, None).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
            }
        }
    }
    runs.last().copied().unwrap_or(to + DAY)
}

fn stored(world: &World) -> Earned {
    let rows = world.db.look("SELECT account_id, reward_id, source, net_cents FROM accrual WHERE net_cents <> 0");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |r: &serde_json::Map<String, Value>| {
        (
            (text(&r["account_id"]), text(&r["reward_id"]), text(&r["source"])),
            r["net_cents"].as_i64().unwrap_or_default(),
        )
    };
    rows.iter().map(row).collect()
}
