//! The simulation: `SIM_SEEDS` seeds (500), or the one that `SIM_SEED` names (with `SIM_SEEDS`: so many from there on).

#[path = "simulation/mod.rs"]
mod sim;
mod support;

use sim::play::{Stats, play};
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

const SEEDS: u64 = 500;

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
    let lines = failures.iter().take(5).map(|(seed, what)| {
        format!("seed {seed}: {what}\n  reproduce: SIM_SEED={seed} cargo test --test simulation -- --nocapture")
    });
    lines.collect::<Vec<_>>().join("\n")
}
