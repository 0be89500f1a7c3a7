//! The auditor notices a broken engine: each deliberate fault is caught within a few seeds, and without one the same
//! seeds pass.
#![cfg(feature = "sabotage")]

#[path = "simulation/mod.rs"]
mod sim;
mod support;

use manicule::engine::sabotage::{self, ALL, Fault};
use sim::play::play;
use std::panic::catch_unwind;
use std::sync::Mutex;

/// Seeds in which a fault must show: several times as many as the one that is hardest to meet needs today.
const SEEDS: u64 = 200;

/// The first seed in which `fault` is noticed, and what was.
fn caught(fault: Fault) -> Option<(u64, String)> {
    (1..=SEEDS).find_map(|seed| {
        sabotage::set(Some(fault));
        let played = catch_unwind(|| play(seed));
        sabotage::set(None);
        match played {
            Ok(Ok(_)) => None,
            Ok(Err(what)) => Some((seed, what)),
            Err(_) => Some((seed, "a panic".to_owned())),
        }
    })
}

#[test]
fn every_fault_is_caught() {
    let queue = Mutex::new(ALL.to_vec());
    let missed = Mutex::new(Vec::new());
    // A switched-on fault is its thread's own.
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(fault) = take(&queue) {
                    if let Err(what) = notice(fault) {
                        missed.lock().expect("no thread panics").push(what);
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().expect("no thread panics");
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

fn take(queue: &Mutex<Vec<Fault>>) -> Option<Fault> {
    queue.lock().expect("no thread panics").pop()
}

/// A fault must be caught, in a seed that passes without it.
fn notice(fault: Fault) -> Result<(), String> {
    let (seed, what) = caught(fault).ok_or_else(|| format!("{fault:?} is not caught within {SEEDS} seeds"))?;
    println!("{fault:?} in seed {seed}: {}", what.chars().take(200).collect::<String>());
    play(seed).map(|_| ()).map_err(|e| format!("seed {seed} fails without a fault: {e}"))
}
