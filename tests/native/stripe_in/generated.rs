//! Every type of event that is used, generated from Stripe's type declarations: one to three customers from a seed, in
//! the shapes of three API versions, with amounts, currencies, equal seconds and orders of arrival at random. Each
//! delivery is answered 2xx, and the ledger agrees with an auditor that only knows the story.
//!
//! `STRIPE_SEEDS` seeds (150), or the one in `STRIPE_SEED`. `make test-long` runs more.

mod auditor;
mod declarations;
mod render;
mod story;
mod telling;

use super::fixture::{CONNECT_SECRET, SECRET, StripeFixture};
use crate::simulation::rng::Rng;
use auditor::{Accruals, accruals};
use declarations::Declarations;
use render::Renderer;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use story::{DAY, SignUp, Story, story};
use telling::{Fact, What};

const SEEDS: u64 = 150;
const BROKEN_SEEDS: u64 = 60;

/// After all that happens in a story.
const LATER: i64 = 2_500 * DAY;

/// What the stories met: types of events by version and outcome.
type Met = BTreeMap<(String, String, String), u64>;

#[test]
fn the_ledger_agrees_with_the_auditor_in_every_shape() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, count) = match number("STRIPE_SEED") {
        Some(seed) => (seed, number("STRIPE_SEEDS").unwrap_or(1)),
        None => (1, number("STRIPE_SEEDS").unwrap_or(SEEDS)),
    };
    let all = Declarations::all();
    assert_eq!(
        all[2].version,
        manicule::codec::stripe::API_VERSION,
        "the declarations are older than the pinned version"
    );
    let next = AtomicU64::new(first);
    let done = Mutex::new((Met::new(), Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&next, first + count, &all, &done));
        }
    });
    let (met, failures) = done.into_inner().expect("no thread panics");
    println!("{met:?}");
    if count == 1 {
        println!("{:#?}", story(&mut Rng::new(first)));
    }
    let first_ones: Vec<&String> = failures.iter().take(5).collect();
    assert!(failures.is_empty(), "{} of {count} seeds failed: {first_ones:#?}", failures.len());
    if count >= SEEDS {
        everything_was_met(&met, &all);
    }
}

fn work(next: &AtomicU64, end: u64, all: &[Declarations], done: &Mutex<(Met, Vec<String>)>) {
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return;
        }
        let mut met = Met::new();
        let played = catch_unwind(AssertUnwindSafe(|| play(seed, all, &mut met)));
        let mut done = done.lock().expect("no thread panics");
        met.into_iter().for_each(|(key, times)| *done.0.entry(key).or_default() += times);
        match played {
            Ok(Ok(())) => {}
            Ok(Err(why)) => done.1.push(format!("STRIPE_SEED={seed}: {why}")),
            Err(_) => done.1.push(format!("STRIPE_SEED={seed}: a panic, printed above")),
        }
    }
}

/// A proof about a type of event needs some of it that had an effect.
fn everything_was_met(met: &Met, all: &[Declarations]) {
    let mut missing = BTreeSet::new();
    for kind in manicule::codec::stripe::OWN_EVENTS.into_iter().chain([
        "charge.refund.updated",
        "credit_note.updated",
        "account.updated",
    ]) {
        for of in all.iter().filter(|of| render::exists(of, kind)) {
            let of_kind = |outcome: &str| met.get(&(of.version.clone(), kind.to_owned(), outcome.to_owned()));
            let wanted = match kind {
                "customer.created" | "customer.updated" | "invoice_payment.paid" | "transfer.reversed" => "ignored",
                _ => "applied",
            };
            if of_kind(wanted).is_none_or(|times| *times < 2) {
                missing.insert(format!("{kind} of {} {wanted}", of.version));
            }
        }
    }
    assert!(missing.is_empty(), "hardly met: {missing:?}");
}

fn play(seed: u64, all: &[Declarations], met: &mut Met) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let story = story(&mut rng);
    let fixture = StripeFixture::new();
    fixture.later(LATER);
    fixture.payee("acct_7");
    let token = fixture.token();
    let mut facts = story.facts.clone();
    arrange(&mut facts, &mut rng);
    let mut first = BTreeMap::new();
    for fact in &facts {
        let customer = &story.customers[fact.customer];
        if matches!(fact.what, What::HostSignUp) {
            host_signs_up(&fixture, fact, customer);
            continue;
        }
        let of = version(all, &story, fact, &mut rng);
        let body = Renderer { of, rng: &mut rng, token: &token }.event(fact, customer);
        let (status, answer) = deliver(&fixture, fact, &body);
        if status != 200 {
            return Err(format!("{status} {answer} for {body}"));
        }
        let outcome = answer["outcome"].as_str().unwrap_or_default().to_owned();
        *met.entry((of.version.clone(), fact.kind.to_owned(), outcome)).or_default() += 1;
        if first.entry(fact.id.clone()).or_insert_with(|| answer.clone()) != &answer {
            return Err(format!("{} was answered {answer}, and {} before", fact.id, first[&fact.id]));
        }
        if rng.percent(5) {
            fixture.sweep();
        }
    }
    fixture.catch_up_customers();
    fixture.sound();
    compare(&fixture, &story)
}

fn deliver(fixture: &StripeFixture, fact: &Fact, body: &Value) -> (u16, Value) {
    match fact.what {
        What::Account => fixture.deliver("stripe-connect", CONNECT_SECRET, body, 0),
        _ => fixture.deliver("stripe", SECRET, body, 0),
    }
}

/// In order, or shuffled, or one of them late; and some of them twice.
fn arrange(facts: &mut Vec<Fact>, rng: &mut Rng) {
    facts.sort_by_key(|fact| fact.at);
    match rng.within(0, 3) {
        0 => {}
        1 => {
            let late = facts.remove(rng.within(0, facts.len() as i64) as usize);
            facts.push(late);
        }
        _ => {
            for i in (1..facts.len()).rev() {
                facts.swap(i, rng.within(0, i as i64 + 1) as usize);
            }
        }
    }
    for _ in 0..rng.within(0, facts.len() as i64 / 2 + 1) {
        let again = facts[rng.within(0, facts.len() as i64) as usize].clone();
        if !matches!(again.what, What::HostSignUp) {
            facts.insert(rng.within(0, facts.len() as i64 + 1) as usize, again);
        }
    }
}

/// One of the versions that can show the story's facts: an operator's endpoints can have different ones.
fn version<'a>(all: &'a [Declarations], story: &Story, fact: &Fact, rng: &mut Rng) -> &'a Declarations {
    let able: Vec<&Declarations> =
        all[story.first_version..].iter().filter(|of| render::exists(of, fact.kind)).collect();
    rng.pick(&able)
}

fn host_signs_up(fixture: &StripeFixture, fact: &Fact, customer: &story::Customer) {
    let mut body = json!({"account": {"email": customer.email}});
    if let SignUp::Code { names_customer } = customer.by {
        body["attribution"] = json!({"code": fixture.code()});
        if names_customer {
            body["data"] = json!({"stripe_customer": customer.id});
            body["account"] = json!({});
        }
    }
    fixture.host_at(&fact.id, fact.kind, &customer.account, fact.at, &body);
}

#[test]
fn what_no_version_sends_is_refused_by_name() {
    let all = Declarations::all();
    let mut refused = BTreeMap::<String, u64>::new();
    for seed in 1..=BROKEN_SEEDS {
        let mut rng = Rng::new(seed);
        let story = story(&mut rng);
        let fixture = StripeFixture::new();
        fixture.later(LATER);
        let token = fixture.token();
        for fact in story.facts.iter().filter(|fact| !matches!(fact.what, What::HostSignUp)) {
            let of = version(&all, &story, fact, &mut rng);
            let mut body = Renderer { of, rng: &mut rng, token: &token }.event(fact, &story.customers[fact.customer]);
            let place = break_something(&mut body, &mut rng);
            let (status, answer) = deliver(&fixture, fact, &body);
            let code = answer["code"].as_str();
            assert!(
                status == 200 || ((400..500).contains(&status) && code.is_some()),
                "seed {seed}, {place}: {status} {answer} for {body}"
            );
            *refused.entry(code.unwrap_or("accepted").to_owned()).or_default() += 1;
        }
        fixture.catch_up_customers();
        fixture.sound();
    }
    assert!(refused.len() > 1, "{refused:?}");
}

/// Gives one place of a body a value that is not declared. Returns its path.
fn break_something(body: &mut Value, rng: &mut Rng) -> String {
    let mut path = "/data/object".to_owned();
    loop {
        let keys: Vec<String> = match body.pointer(&path) {
            Some(Value::Object(map)) => map.keys().cloned().collect(),
            Some(Value::Array(items)) => (0..items.len()).map(|i| i.to_string()).collect(),
            _ => Vec::new(),
        };
        if keys.is_empty() || (path != "/data/object" && rng.percent(40)) {
            break;
        }
        path = format!("{path}/{}", rng.pick(&keys));
    }
    let odd = rng.pick(&[
        json!(null),
        json!(-1),
        json!(1.5),
        json!(i64::MAX),
        json!(""),
        json!("\u{0}"),
        json!("x".repeat(300)),
        json!([]),
        json!({}),
        json!([null]),
        json!(true),
    ]);
    *body.pointer_mut(&path).expect("a place") = odd;
    path
}

fn compare(fixture: &StripeFixture, story: &Story) -> Result<(), String> {
    let rows = fixture.rows("SELECT account_id || ' ' || source || ' ' || net_cents AS t FROM accrual ORDER BY 1");
    let found: Accruals = rows
        .iter()
        .map(|row| row.rsplit_once(' ').expect("cents"))
        .map(|(key, cents)| (key.to_owned(), cents.parse().expect("a number")))
        .collect();
    let wanted = accruals(story);
    if found == wanted {
        return Ok(());
    }
    let keys: BTreeSet<&String> = found.keys().chain(wanted.keys()).collect();
    let differences = keys.into_iter().filter(|key| found.get(*key) != wanted.get(*key));
    let differences: Vec<String> = differences
        .map(|key| format!("{key}: {:?}, but the rules say {:?}", found.get(key), wanted.get(key)))
        .collect();
    Err(format!("{differences:#?}"))
}
