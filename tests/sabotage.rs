//! The auditor notices a broken engine: each deliberate fault is caught within a few seeds, and without one the same
//! seeds pass.
#![cfg(feature = "sabotage")]

#[path = "simulation/mod.rs"]
mod sim;
mod support;

use manicule::engine::sabotage::{self, ALL, Fault};
use sim::play::play;
use std::panic::catch_unwind;

/// Seeds in which a fault must show. The rarest one needs an invoice of the thirteenth month at a leap day.
const SEEDS: u64 = 120;

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
    let mut missed = Vec::new();
    for fault in ALL {
        match caught(*fault) {
            Some((seed, what)) => {
                println!("{fault:?} in seed {seed}: {}", what.chars().take(200).collect::<String>());
                assert!(play(seed).is_ok(), "seed {seed} fails without a fault");
            }
            None => missed.push(fault),
        }
    }
    assert!(missed.is_empty(), "not caught within {SEEDS} seeds: {missed:?}");
}
