//! What decisions know of facts that they do not read.

use crate::base::ids::{EventId, ProgramId, RewardId};
use crate::base::time::UtcMillis;
use serde::{Deserialize, Serialize};

/// What is known of the facts that are closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClosedHistory {
    /// An older fact opens them.
    pub before: UtcMillis,
    /// What else decisions depended on. If it changes, they are opened.
    pub inputs: String,
    pub used: Vec<ProgramUse>,
}

/// What closed payments used up of a program's rewards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgramUse {
    pub program: ProgramId,
    pub used: Used,
}

/// Facts that are closed from now on, with all that were closed before.
#[derive(Clone, Debug, PartialEq)]
pub struct Closing {
    pub history: ClosedHistory,
    pub events: Vec<EventId>,
}

/// What an account's earlier payments leave of its earnings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Used {
    /// What they earned by each reward, whatever the version.
    pub earned: Vec<RewardUse>,
    /// Earnings that are earned once.
    pub once: Vec<RewardId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RewardUse {
    pub reward: RewardId,
    pub cents: i64,
}

impl Used {
    pub fn of(&self, reward: &RewardId) -> i64 {
        self.earned.iter().find(|of| of.reward == *reward).map_or(0, |of| of.cents)
    }

    pub fn earn(&mut self, reward: &RewardId, cents: i64) {
        match self.earned.iter_mut().find(|of| of.reward == *reward) {
            Some(of) => of.cents += cents,
            None => self.earned.push(RewardUse { reward: reward.clone(), cents }),
        }
    }

    pub fn add(&mut self, other: &Used) {
        other.earned.iter().for_each(|of| self.earn(&of.reward, of.cents));
        self.once.extend(other.once.iter().filter(|reward| !self.once.contains(reward)).cloned().collect::<Vec<_>>());
    }
}

/// What one payment used up of a program's rewards.
#[derive(Clone, Debug, PartialEq)]
pub struct PaymentUse {
    pub program: ProgramId,
    pub event: EventId,
    pub used: Used,
}
