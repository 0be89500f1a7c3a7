//! The types of messages, and who receives each by email.

use crate::base::names::names;

names! {
    /// What a message in the outbox is about.
    pub enum MessageType {
        ReferralJoined = "referral.joined",
        RewardGrantedReferrer = "reward.granted.referrer",
        RewardGrantedReferee = "reward.granted.referee",
        RewardReversed = "reward.reversed",
        StatementCommission = "statement.commission",
        PayoutSent = "payout.sent",
        PayoutFailed = "payout.failed",
        PayoutOnboarding = "payout.onboarding",
        PayoutApproval = "payout.approval",
        PayoutReview = "payout.review",
        PayoutFunds = "payout.funds",
        PayoutAccess = "payout.access",
        TransferUnexpected = "transfer.unexpected",
        CreditReview = "credit.review",
        CreditFailed = "credit.failed",
        ReviewOpened = "review.opened",
        BudgetLow = "budget.low",
        ReportFunnel = "report.funnel",
    }
}

names! {
    /// Who receives a type of message by email.
    pub enum Audience {
        Partner = "partner",
        /// The referred side.
        Account = "account",
        Operator = "operator",
    }
}

impl MessageType {
    /// Who receives it by email. `None`: it goes to webhooks alone.
    pub const fn audience(self) -> Option<Audience> {
        match self {
            MessageType::ReferralJoined
            | MessageType::RewardGrantedReferrer
            | MessageType::StatementCommission
            | MessageType::PayoutSent
            | MessageType::PayoutFailed
            | MessageType::PayoutOnboarding => Some(Audience::Partner),
            MessageType::RewardGrantedReferee => Some(Audience::Account),
            MessageType::PayoutApproval
            | MessageType::PayoutReview
            | MessageType::PayoutFunds
            | MessageType::PayoutAccess
            | MessageType::TransferUnexpected
            | MessageType::CreditReview
            | MessageType::CreditFailed
            | MessageType::ReviewOpened
            | MessageType::BudgetLow
            | MessageType::ReportFunnel => Some(Audience::Operator),
            MessageType::RewardReversed => None,
        }
    }

    /// Whether readers can unsubscribe: unless the message is about money or needs an operator's decision.
    pub const fn is_optional(self) -> bool {
        matches!(self, MessageType::ReferralJoined | MessageType::RewardGrantedReferee | MessageType::ReportFunnel)
    }

    /// The types that are sent by email.
    pub fn emailed() -> impl Iterator<Item = (MessageType, Audience)> {
        MessageType::ALL.iter().filter_map(|kind| Some((*kind, kind.audience()?)))
    }
}
