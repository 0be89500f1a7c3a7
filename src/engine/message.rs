//! The types of messages, who receives each by email, and whether it has to arrive.

use crate::base::names::names;
use crate::base::time::UtcMillis;

/// What arrives so many days after it happened, or later, was imported: nothing that follows from it is announced to
/// anybody.
pub const NEWS_DAYS: i64 = 30;

/// Whether an event that arrives at `now` is announced.
pub fn is_news(happened: UtcMillis, now: UtcMillis) -> bool {
    happened.plus_days(NEWS_DAYS) > now
}

names! {
    /// What a message in the outbox is about.
    pub enum MessageType {
        PartnerJoined = "partner.joined",
        ReferralJoined = "referral.joined",
        AccrualCreated = "accrual.created",
        AccrualUpdated = "accrual.updated",
        AccrualVoided = "accrual.voided",
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
        AdjustmentApproval = "adjustment.approval",
        ReviewOpened = "review.opened",
        BudgetLow = "budget.low",
        ReportFunnel = "report.funnel",
        ReportLedger = "report.ledger",
        AttributionQuestion = "attribution.question",
        AttributionReply = "attribution.reply",
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

/// Whether a message has to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It is about money or needs a decision: somebody has to receive it.
    Required,
    /// Readers can unsubscribe from it.
    Optional,
    /// For endpoints that subscribe to it. The API has what it says, too.
    Subscribed,
}

impl MessageType {
    /// Who receives it by email. Nobody: it goes to webhooks alone.
    pub const fn audiences(self) -> &'static [Audience] {
        use MessageType::*;
        match self {
            ReferralJoined
            | AccrualCreated
            | RewardGrantedReferrer
            | StatementCommission
            | PayoutSent
            | PayoutOnboarding
            | AttributionReply => &[Audience::Partner],
            PayoutFailed => &[Audience::Partner, Audience::Operator],
            RewardGrantedReferee => &[Audience::Account],
            PayoutApproval | PayoutReview | PayoutFunds | PayoutAccess | TransferUnexpected | CreditReview
            | CreditFailed | AdjustmentApproval | ReviewOpened | BudgetLow | ReportFunnel | ReportLedger
            | AttributionQuestion => &[Audience::Operator],
            PartnerJoined | AccrualUpdated | AccrualVoided | RewardReversed => &[],
        }
    }

    pub const fn need(self) -> Need {
        use MessageType::*;
        match self {
            ReferralJoined | AccrualCreated | RewardGrantedReferee | ReportFunnel => Need::Optional,
            PartnerJoined | AccrualUpdated | AccrualVoided => Need::Subscribed,
            RewardGrantedReferrer
            | RewardReversed
            | StatementCommission
            | PayoutSent
            | PayoutFailed
            | PayoutOnboarding
            | PayoutApproval
            | PayoutReview
            | PayoutFunds
            | PayoutAccess
            | TransferUnexpected
            | CreditReview
            | CreditFailed
            | AdjustmentApproval
            | ReviewOpened
            | BudgetLow
            | ReportLedger
            | AttributionQuestion
            | AttributionReply => Need::Required,
        }
    }

    /// Whether readers can unsubscribe from it.
    pub const fn is_optional(self) -> bool {
        matches!(self.need(), Need::Optional)
    }

    /// The types that are sent by email, with each audience.
    pub fn emailed() -> impl Iterator<Item = (MessageType, Audience)> {
        MessageType::ALL.iter().flat_map(|kind| kind.audiences().iter().map(|to| (*kind, *to)))
    }

    /// Whether a subscription to `name` includes it: its own name, or its beginning up to a dot.
    pub fn is_named_by(self, name: &str) -> bool {
        self.name().strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}
