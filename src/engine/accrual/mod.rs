//! An accrual: who earns what, for which fact, by which rule of which version, and where it stands.

pub mod backfill;
pub mod hold;
pub mod invoice;
pub mod milestone;
pub mod modifiers;

use crate::base::id;
use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::engine::settlement::schedule;
use crate::program::document::{Document, Hold};
use serde::{Deserialize, Serialize};

/// Where an accrual is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccrualState {
    Pending,
    /// Waits for a person's decision.
    Held,
    /// A dispute is open: neither vests nor pays.
    Disputed,
    Available,
    /// The budget cannot cover it yet; it is in no balance.
    Waiting,
    /// Taken back in full by refunds or lost disputes.
    Reversed,
    /// Never to be earned; the reason says why.
    Void,
    /// A cost that is borne when it arises, owed to nobody: the friend's discount.
    Settled,
}

impl AccrualState {
    pub fn name(self) -> &'static str {
        match self {
            AccrualState::Pending => "pending",
            AccrualState::Held => "held",
            AccrualState::Disputed => "disputed",
            AccrualState::Available => "available",
            AccrualState::Waiting => "waiting",
            AccrualState::Reversed => "reversed",
            AccrualState::Void => "void",
            AccrualState::Settled => "settled",
        }
    }
}

/// Which balance an accrual stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    Pending,
    Available,
    Benefit,
}

impl Balance {
    /// Where a program's fresh accruals stand: without a hold they are available as they are made.
    pub fn first(document: &Document) -> Balance {
        if matches!(document.vesting.hold, Hold::None {}) { Balance::Available } else { Balance::Pending }
    }

    pub fn name(self) -> &'static str {
        match self {
            Balance::Pending => "pending",
            Balance::Available => "available",
            Balance::Benefit => "benefit",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accrual {
    pub id: String,
    pub program_id: String,
    pub program_version: i64,
    pub reward_id: String,
    /// Empty for the referred side's benefit.
    pub partner_id: String,
    pub account_id: String,
    /// The event that made it.
    pub event_id: String,
    /// `invoice:<id>`, `state:<name>` or `event:<type>`.
    pub source: String,
    pub at_ms: UtcMillis,
    pub period: String,
    /// `cash:usd`, `credit:usd`.
    pub unit: String,
    /// Before caps, and before anything was taken back.
    pub gross_cents: Cents,
    /// What a cap took, for good.
    pub cap_reduction_cents: Cents,
    /// What stands.
    pub net_cents: Cents,
    pub balance: Balance,
    /// The kind of ledger account that it is debited from: `expense`, or `budget` where the operator funds one.
    pub funding_account: String,
    pub state: AccrualState,
    /// From which instant on a run vests it.
    pub vests_at_ms: UtcMillis,
    pub reason: String,
    /// How many ledger rows it has: the next row's number is one more.
    pub postings: i64,
}

/// The fact that an accrual is about.
pub struct AccrualCause<'a> {
    pub rule: &'a str,
    pub source: String,
    pub event: &'a str,
    pub at: UtcMillis,
    pub reason: String,
}

impl Accrual {
    /// A fresh accrual of `earned` cents. Without a hold it stands in available as it is made.
    pub fn new(document: &Document, partner: &str, account: &str, ground: AccrualCause, earned: Cents) -> Accrual {
        let balance = Balance::first(document);
        let state = if balance == Balance::Pending { AccrualState::Pending } else { AccrualState::Available };
        Accrual {
            id: accrual_id(&document.id, partner, ground.rule, account, &ground.source),
            program_id: document.id.clone(),
            program_version: document.version,
            reward_id: ground.rule.to_owned(),
            partner_id: partner.to_owned(),
            account_id: account.to_owned(),
            event_id: ground.event.to_owned(),
            source: ground.source,
            at_ms: ground.at,
            period: schedule::period_at(document.settlement.cadence, ground.at),
            unit: format!("{}:{}", document.settlement.unit.name(), document.currency),
            gross_cents: earned,
            cap_reduction_cents: Cents::ZERO,
            net_cents: earned,
            balance,
            funding_account: if document.settlement.budget { "budget" } else { "expense" }.to_owned(),
            state,
            vests_at_ms: ground.at,
            reason: ground.reason,
            postings: 0,
        }
    }

    /// What it really earned: what is left after caps.
    pub fn kept(&self) -> Cents {
        Cents(self.gross_cents.0 - self.cap_reduction_cents.0)
    }

    /// It will never be earned.
    pub fn void(&mut self, reason: String) {
        self.net_cents = Cents::ZERO;
        self.state = AccrualState::Void;
        self.reason = reason;
    }

    /// Whether it is for a state or an event: what was granted is remembered, and comes back with a binding.
    pub fn is_granted(&self) -> bool {
        self.source.starts_with("state:") || self.source.starts_with("event:")
    }

    /// Nothing to be decided about it any more.
    pub fn is_over(&self) -> bool {
        matches!(self.state, AccrualState::Void | AccrualState::Reversed)
    }
}

/// An accrual's identity: the same program, beneficiary, rule, account and fact are the same accrual. A run vests partner by
/// partner, so a partner's accruals stand near each other.
pub fn accrual_id(program: &str, partner: &str, rule: &str, account: &str, source: &str) -> String {
    id::derived_near("acr", partner, &[program, partner, rule, account, source])
}
