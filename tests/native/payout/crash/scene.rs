//! What happens around the payout that is interrupted, and what its partner ends with.

/// The operations besides the ten-minute job, and the initial state of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// A payout to be planned, sent and settled.
    Plain,
    /// The platform's balance is too low at first.
    Short,
    /// The partner's account accepts no transfers: nothing leaves, and the amount becomes available again.
    Closed,
    /// The partner's account is gone: nothing leaves, the amount becomes available again, and the account is not used.
    Gone,
    /// It was sent, and the result is unknown. An operator has it sent again.
    Again,
    /// The payout is paid, and part of it is reversed.
    Reversal,
    /// An accrual is refunded in part after the plan.
    Refunded,
    /// The same, after the first invocation, which may have sent it.
    RefundedLate,
    /// The partner owes something since the plan.
    Owing,
    /// An accrual is disputed after the plan.
    Disputed,
    /// The same, and the partner owes more than the rest: nothing is left to send.
    Nothing,
}

/// What the accrual earned and loses, and what a partner owes.
pub const ACCRUED: i64 = 300;
pub const REFUND: i64 = 100;
pub const DEBT: i64 = 250;

impl Scene {
    /// The state in which payouts end.
    pub fn ends(self) -> &'static str {
        match self {
            Scene::Closed | Scene::Gone => "failed",
            Scene::Nothing => "cancelled",
            _ => "paid",
        }
    }

    /// What the partner lost, what stays frozen, and whether all of it may have been sent before.
    pub fn changes(self) -> (i64, i64, bool) {
        match self {
            Scene::Refunded => (REFUND, 0, false),
            Scene::RefundedLate => (REFUND, 0, true),
            Scene::Owing => (DEBT, 0, false),
            Scene::Disputed => (0, ACCRUED, false),
            Scene::Nothing => (DEBT, ACCRUED, true),
            _ => (0, 0, true),
        }
    }
}
