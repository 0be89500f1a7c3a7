//! The simulation: `SIM_SEEDS` seeds (500, and a few further ones), or the one in `SIM_SEED` (together with `SIM_SEEDS`: that many from there
//! on).

use super::play::play;
use super::stats::Stats;
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

const SEEDS: u64 = 500;

/// Seeds beyond these that have once found something.
const FURTHER: [u64; 2] = [1_157, 1_193];

/// The minimum number of times that each situation must occur. One occurrence may be chance, and vanish with the next
/// change of a story.
const LEAST: u64 = 3;

/// What must occur in a full simulation: it proves nothing about a rule that it never exercises.
const WANTED: &str = "\
bound to agency-partner by code
bound to agency-partner by token
bound to user-referral by token
bound to developer-affiliate by code
bound to developer-affiliate by workspace
bound to developer-affiliate by token
bound to developer-affiliate by email_domain
bound to tiered-credits by code
bound to tiered-credits by token
bound to tiered-credits by fingerprint
bound to partner-funnel by code
agency-partner first-year held
agency-partner recurring available
agency-partner volume available
agency-partner volume reversed
agency-partner platinum available
agency-partner high-value available
agency-partner high-value void
developer-affiliate tier-1 available
developer-affiliate tier-1 void
developer-affiliate tier-2 available
developer-affiliate tier-3 available
developer-affiliate tier-3 capped
developer-affiliate tier-4 available
developer-affiliate tier-4 capped
developer-affiliate tier-4 void
developer-affiliate content available
developer-affiliate content capped
tiered-credits tier-1 available
tiered-credits tier-2 available
tiered-credits tier-3 available
tiered-credits tier-4 available
tiered-credits tier-5 available
user-referral referrer-credit available
user-referral referrer-credit held
user-referral benefit settled
review by same_email
review by one_mailbox
review by one_visitor
review by same_domain
review by signups_in_month
review by currency
customer by id
customer by email
customer by nobody
a subscription that never ran
an update after the end
a late payment
several kinds in one instant
a one-time payment
an invoice of Stripe's without a subscription after leaving
an invoice paid twice
an invoice paid in part
a credit note
a voided credit note
a shared payment that is refunded
a refund that failed
a total with a refund that failed
a payment lost in a dispute
visitor at landing
visitor at activation
waits for the budget
agency-partner adjustment available
agency-partner adjustment reversed
developer-affiliate adjustment available
user-referral adjustment available
tiered-credits adjustment available
an adjustment that is taken back
a partner is suspended
a partner is banned
a partner is reinstated
a ban leaves what was paid
a ban leaves a debt
a reduced payout
a payout that nothing is left of
a payout that takes something back
a payout that pays a debt
a payout carried because its account is gone";

#[test]
fn the_books_are_right_after_every_step() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, count) = match number("SIM_SEED") {
        Some(seed) => (seed, number("SIM_SEEDS").unwrap_or(1)),
        None => (1, number("SIM_SEEDS").unwrap_or(SEEDS)),
    };
    let next = AtomicU64::new(first);
    let done = Mutex::new((Stats::default(), Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&next, first + count, &done));
        }
        if first == 1 && count >= SEEDS {
            for seed in FURTHER {
                work(&AtomicU64::new(seed), seed + 1, &done);
            }
        }
    });
    let (stats, mut failures) = done.into_inner().expect("no thread panics");
    failures.sort();
    println!(
        "{} seeds, {} events, {} deliveries, {} runs, {} faults injected, {} reviews, {} credits, {} lines vested, {} transfers",
        stats.seeds,
        stats.events,
        stats.deliveries,
        stats.runs,
        stats.faults,
        stats.reviews,
        stats.credits,
        stats.vested,
        stats.transfers
    );
    let met: Vec<String> = stats.met.iter().map(|(what, times)| format!("{what}: {times}")).collect();
    println!("{}", met.join("; "));
    assert!(failures.is_empty(), "{} seeds failed; the first ones:\n{}", failures.len(), report(&failures));
    if first == 1 && count >= SEEDS {
        let missing: Vec<&str> =
            WANTED.lines().filter(|what| stats.met.get(*what).is_none_or(|times| *times < LEAST)).collect();
        assert!(missing.is_empty(), "fewer than {LEAST} times: {missing:?}");
    }
}

fn work(next: &AtomicU64, end: u64, done: &Mutex<(Stats, Vec<(u64, String)>)>) {
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return;
        }
        let played = catch_unwind(|| play(seed)).unwrap_or_else(|_| Err("a panic, printed above".to_owned()));
        let mut done = done.lock().expect("no thread panics");
        match played {
            Ok(stats) => done.0.add(stats),
            Err(what) => done.1.push((seed, what)),
        }
    }
}

fn report(failures: &[(u64, String)]) -> String {
    let accruals = failures.iter().take(5).map(|(seed, what)| {
        format!("seed {seed}: {what}\n  reproduce: SIM_SEED={seed} cargo nextest run --test native simulation::seeds")
    });
    accruals.collect::<Vec<_>>().join("\n")
}
