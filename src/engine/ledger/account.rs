//! Ledger accounts, and which code of a transfer moves money from which kind of account to which.

use crate::base::ids::{PartnerId, ProgramId};
use crate::base::names::names;
use serde::{Serialize, Serializer};
use std::fmt;

names! {
    /// What an account holds. A partner has one of each of `Pending`, `Available` and `Redeemed` per program and unit; the
    /// others are the program's own.
    pub enum LedgerAccountKind {
        /// What a program's rewards cost.
        Expense = "expense",
        /// What an operator funded and rewards have not used.
        Budget = "budget",
        Pending = "pending",
        Available = "available",
        /// What the referred sides' discounts came to.
        Benefit = "benefit",
        /// Where a budget's funding comes from.
        Clearing = "clearing",
        /// Where payouts go.
        Cash = "cash",
        /// Where redeemed and delivered credit goes.
        Redeemed = "redeemed",
    }
}

impl LedgerAccountKind {
    /// Whether each partner has its own. The program's accounts have no partner in their id.
    pub const fn is_partners(self) -> bool {
        match self {
            LedgerAccountKind::Pending | LedgerAccountKind::Available | LedgerAccountKind::Redeemed => true,
            LedgerAccountKind::Expense
            | LedgerAccountKind::Budget
            | LedgerAccountKind::Benefit
            | LedgerAccountKind::Clearing
            | LedgerAccountKind::Cash => false,
        }
    }
}

names! {
    /// The kind of account that accruals are debited from.
    pub enum FundingAccount {
        Expense = "expense",
        /// The operator funds a budget.
        Budget = "budget",
    }
}

impl FundingAccount {
    pub const fn kind(self) -> LedgerAccountKind {
        match self {
            FundingAccount::Expense => LedgerAccountKind::Expense,
            FundingAccount::Budget => LedgerAccountKind::Budget,
        }
    }
}

/// One account. Its id is `program/unit/kind`, then `/partner` for a partner's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerAccount {
    pub program: ProgramId,
    pub unit: String,
    pub kind: LedgerAccountKind,
    /// Empty for the program's own.
    pub partner: PartnerId,
}

impl LedgerAccount {
    pub fn new(program: &ProgramId, unit: &str, kind: LedgerAccountKind, partner: &PartnerId) -> LedgerAccount {
        let partner = if kind.is_partners() { partner.clone() } else { PartnerId::default() };
        LedgerAccount { program: program.to_owned(), unit: unit.to_owned(), kind, partner }
    }
}

impl fmt::Display for LedgerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LedgerAccount { program, unit, kind, partner } = self;
        let kind = kind.name();
        if partner.is_empty() {
            write!(f, "{program}/{unit}/{kind}")
        } else {
            write!(f, "{program}/{unit}/{kind}/{partner}")
        }
    }
}

impl Serialize for LedgerAccount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

names! {
    /// What a transfer is for.
    pub enum TransferCode {
        Accrue = "accrue",
        Reverse = "reverse",
        Vest = "vest",
        Fund = "fund",
        Payout = "payout",
        PayoutReturn = "payout_return",
        /// An operator adds to a partner's balance.
        Adjust = "adjust",
        /// An operator takes from a partner's balance.
        Deduct = "deduct",
        Redeem = "redeem",
        RedeemReturn = "redeem_return",
        Deliver = "deliver",
        DeliverReturn = "deliver_return",
    }
}

const FUNDING: &[LedgerAccountKind] = &[LedgerAccountKind::Expense, LedgerAccountKind::Budget];
const EXPENSE: &[LedgerAccountKind] = &[LedgerAccountKind::Expense];
const PARTNERS: &[LedgerAccountKind] = &[LedgerAccountKind::Pending, LedgerAccountKind::Available];
const BALANCES: &[LedgerAccountKind] =
    &[LedgerAccountKind::Pending, LedgerAccountKind::Available, LedgerAccountKind::Benefit];
const PENDING: &[LedgerAccountKind] = &[LedgerAccountKind::Pending];
const AVAILABLE: &[LedgerAccountKind] = &[LedgerAccountKind::Available];
const REDEEMED: &[LedgerAccountKind] = &[LedgerAccountKind::Redeemed];
const CASH: &[LedgerAccountKind] = &[LedgerAccountKind::Cash];
const CLEARING: &[LedgerAccountKind] = &[LedgerAccountKind::Clearing];
const BUDGET: &[LedgerAccountKind] = &[LedgerAccountKind::Budget];

impl TransferCode {
    /// The kinds of account that it debits, and those that it credits. An accrual says which of several.
    pub const fn moves(self) -> (&'static [LedgerAccountKind], &'static [LedgerAccountKind]) {
        match self {
            TransferCode::Accrue => (FUNDING, BALANCES),
            TransferCode::Reverse => (BALANCES, FUNDING),
            TransferCode::Vest => (PENDING, AVAILABLE),
            TransferCode::Fund => (CLEARING, BUDGET),
            TransferCode::Payout => (AVAILABLE, CASH),
            TransferCode::PayoutReturn => (CASH, AVAILABLE),
            TransferCode::Adjust => (EXPENSE, PARTNERS),
            TransferCode::Deduct => (PARTNERS, EXPENSE),
            TransferCode::Redeem | TransferCode::Deliver => (AVAILABLE, REDEEMED),
            TransferCode::RedeemReturn | TransferCode::DeliverReturn => (REDEEMED, AVAILABLE),
        }
    }
}
