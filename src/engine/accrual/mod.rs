//! An accrual: who earns what, for which fact, by which rule of which version, and its current state.

pub mod adjustment;
pub mod backfill;
pub mod event;
pub mod hold;
pub mod invoice;
pub mod milestone;
pub mod modifiers;
pub mod payment;
pub mod source;

use crate::base::id;
use crate::base::ids::{AccountId, AccrualId, EventId, PartnerId, ProgramId, RewardId};
use crate::base::money::Cents;
use crate::base::names::names;
use crate::base::time::UtcMillis;
use crate::engine::accrual::source::{AccrualOrigin, AccrualSource};
use crate::engine::ledger::account::{FundingAccount, LedgerAccountKind};
use crate::engine::settlement::schedule;
use crate::program::document::{Document, Hold};
use serde::{Deserialize, Serialize};

names! {
    /// How far an accrual has come.
    pub enum AccrualState {
        Pending = "pending",
        /// Waits for a person's decision.
        Held = "held",
        /// A dispute is open: the accrual neither vests nor pays.
        Disputed = "disputed",
        Available = "available",
        /// The budget cannot cover it yet; it is in no balance.
        Waiting = "waiting",
        /// Reversed in full by refunds, lost disputes or adjustments.
        Reversed = "reversed",
        /// Will never be earned; the reason says why.
        Void = "void",
        /// A cost that is final when it arises and owed to no one: the friend's discount.
        Settled = "settled",
    }
}

/// The balance that an accrual is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    Pending,
    Available,
    Benefit,
}

impl Balance {
    /// The first balance of a program's new accruals: without a hold, they are available immediately.
    pub fn first(document: &Document) -> Balance {
        if matches!(document.vesting.hold, Hold::None {}) { Balance::Available } else { Balance::Pending }
    }

    /// The kind of ledger account that holds it.
    pub const fn kind(self) -> LedgerAccountKind {
        match self {
            Balance::Pending => LedgerAccountKind::Pending,
            Balance::Available => LedgerAccountKind::Available,
            Balance::Benefit => LedgerAccountKind::Benefit,
        }
    }

    pub const fn name(self) -> &'static str {
        self.kind().name()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accrual {
    pub id: AccrualId,
    pub program_id: ProgramId,
    pub program_version: i64,
    pub reward_id: RewardId,
    /// Empty for the referred side's benefit.
    pub partner_id: PartnerId,
    pub account_id: AccountId,
    /// The event that created it.
    pub event_id: EventId,
    pub source: AccrualSource,
    pub at_ms: UtcMillis,
    pub period: String,
    /// `cash:usd`, `credit:usd`.
    pub unit: String,
    /// Before caps, refunds and disputes.
    pub gross_cents: Cents,
    /// What a cap removed, permanently.
    pub cap_reduction_cents: Cents,
    /// What adjustments that name it changed, as part of what remains.
    pub adjusted_cents: Cents,
    /// What remains. Negative: an operator's deduction.
    pub net_cents: Cents,
    pub balance: Balance,
    /// What it is debited from.
    pub funding_account: FundingAccount,
    pub state: AccrualState,
    /// From when a run vests it.
    pub vests_at_ms: UtcMillis,
    pub reason: String,
    /// How many ledger rows it has. The next row's number is one higher.
    pub postings: i64,
}

/// The fact that an accrual is for.
pub struct AccrualCause<'a> {
    pub rule: &'a str,
    pub source: AccrualSource,
    pub event: &'a EventId,
    pub at: UtcMillis,
    pub reason: String,
}

impl Accrual {
    /// A new accrual of `earned` cents. Without a hold, it is available immediately.
    pub fn new(
        document: &Document,
        partner: &PartnerId,
        account: &AccountId,
        ground: AccrualCause,
        earned: Cents,
    ) -> Accrual {
        let balance = Balance::first(document);
        let state = if balance == Balance::Pending { AccrualState::Pending } else { AccrualState::Available };
        Accrual {
            id: accrual_id(&document.id, partner, ground.rule, account, &ground.source),
            program_id: document.id.clone(),
            program_version: document.version,
            reward_id: ground.rule.into(),
            partner_id: partner.to_owned(),
            account_id: account.to_owned(),
            event_id: ground.event.to_owned(),
            source: ground.source,
            at_ms: ground.at,
            period: schedule::period_at(document.settlement.cadence, ground.at),
            unit: format!("{}:{}", document.settlement.unit.name(), document.currency),
            gross_cents: earned,
            cap_reduction_cents: Cents::ZERO,
            adjusted_cents: Cents::ZERO,
            net_cents: earned,
            balance,
            funding_account: if document.settlement.budget { FundingAccount::Budget } else { FundingAccount::Expense },
            state,
            vests_at_ms: ground.at,
            reason: ground.reason,
            postings: 0,
        }
    }

    /// What it really earned: the amount after caps.
    pub fn kept(&self) -> Cents {
        Cents(self.gross_cents.0 - self.cap_reduction_cents.0)
    }

    /// It will never be earned.
    pub fn void(&mut self, reason: String) {
        self.net_cents = Cents::ZERO;
        self.adjusted_cents = Cents::ZERO;
        self.state = AccrualState::Void;
        self.reason = reason;
    }

    /// Whether it is for a state or an event. Such an accrual is kept once granted, and comes back with a binding.
    pub fn is_granted(&self) -> bool {
        matches!(self.source.origin(), AccrualOrigin::Milestone(_) | AccrualOrigin::Event(_))
    }

    /// Whether an operator made it. It counts in no cap, modifier or rank.
    pub fn is_adjustment(&self) -> bool {
        matches!(self.source.origin(), AccrualOrigin::Adjustment(_))
    }

    /// Nothing about it will change anymore.
    pub fn is_over(&self) -> bool {
        matches!(self.state, AccrualState::Void | AccrualState::Reversed)
    }
}

/// An accrual's identity: the same program, beneficiary, rule, account and fact give the same accrual. A run vests
/// partner by partner, so the ids of a partner's accruals are adjacent.
pub fn accrual_id(
    program: &ProgramId,
    partner: &PartnerId,
    rule: &str,
    account: &AccountId,
    source: &AccrualSource,
) -> AccrualId {
    id::derived_near("acr", partner, &[program, partner, rule, account, source.as_str()]).into()
}
