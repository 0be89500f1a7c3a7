//! The weekly and monthly runs.

pub mod schedule;

use crate::base::names::names;

names! {
    /// What runs find about partners before they settle.
    pub enum TermsPart {
        /// Which modifiers they have earned.
        Modifiers = "modifier",
        /// What monthly caps remove.
        Caps = "cap",
    }
}

names! {
    /// How far a run has come. The order is the order of its steps.
    pub enum RunState {
        /// Milestone rewards are planned.
        Granting = "granting",
        /// Which partners have earned which modifiers is found.
        Terms = "terms",
        /// Newly earned modifiers are added.
        Backfilling = "backfilling",
        /// Marked accounts are recomputed.
        Deciding = "deciding",
        /// Accruals that vest are planned.
        Vesting = "vesting",
        /// The plan is posted.
        Executing = "executing",
        /// Statements and payouts are made, partner by partner.
        Closing = "closing",
        /// Partners are ranked for the leaderboard.
        Ranking = "ranking",
        Done = "done",
    }
}
