//! Results of seeds: how much was done, and which situations occurred.

use std::collections::BTreeMap;

/// Work done, over all seeds.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub seeds: u64,
    pub events: u64,
    pub deliveries: u64,
    pub faults: u64,
    pub runs: u64,
    pub reviews: u64,
    pub transfers: u64,
    pub credits: u64,
    pub vested: u64,
    pub fundings: u64,
    /// Situations and their number: attribution methods, rules with the final states of their accruals, reviews.
    pub met: BTreeMap<String, u64>,
}

impl Stats {
    #[allow(dead_code, reason = "not every test sums them up")]
    pub fn add(&mut self, other: Stats) {
        self.seeds += other.seeds;
        self.events += other.events;
        self.deliveries += other.deliveries;
        self.faults += other.faults;
        self.runs += other.runs;
        self.reviews += other.reviews;
        self.transfers += other.transfers;
        self.credits += other.credits;
        self.vested += other.vested;
        self.fundings += other.fundings;
        for (what, times) in other.met {
            *self.met.entry(what).or_default() += times;
        }
    }
}
