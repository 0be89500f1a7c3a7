//! The types of events that the code knows by name. A program may name any other type, which counts by its name alone.

use crate::base::names::names;

names! {
    pub enum EventType {
        AccountSignedUp = "account.signed_up",
        AccountActive = "account.active",
        AccountCancelled = "account.cancelled",
        AccountHandedOff = "account.handed_off",
        SubscriptionStarted = "subscription.started",
        SubscriptionUpdated = "subscription.updated",
        SubscriptionCancelled = "subscription.cancelled",
        InvoicePaid = "invoice.paid",
        InvoiceRefunded = "invoice.refunded",
        InvoiceRefundFailed = "invoice.refund_failed",
        InvoiceRefundedTotal = "invoice.refunded_total",
        DisputeOpened = "dispute.opened",
        DisputeWon = "dispute.won",
        DisputeLost = "dispute.lost",
        PurchaseCompleted = "purchase.completed",
        ListingViewed = "listing.viewed",
        WorkspaceInvited = "workspace.invited",
        EmailConfirmed = "email.confirmed",
        NewsletterConfirmed = "newsletter.confirmed",
        RfqSubmitted = "rfq.submitted",
        LeadMagnetDownloaded = "lead_magnet.downloaded",
        DemoRequested = "demo.requested",
        NewsletterJoined = "newsletter.joined",
        ActivationReached = "activation.reached",
        PageViewed = "page.viewed",
        /// An operator's own; a sender can't reassign.
        OperatorReassigned = "operator.reassigned",
    }
}

/// Families of types that are all about an account, whether known or not.
const ACCOUNT_FAMILIES: [&str; 4] = ["account.", "subscription.", "invoice.", "dispute."];

impl EventType {
    /// Whether it is a stage of a funnel. Visitors reach these before they have an account.
    pub const fn is_funnel(self) -> bool {
        matches!(
            self,
            EventType::LeadMagnetDownloaded
                | EventType::DemoRequested
                | EventType::NewsletterJoined
                | EventType::ActivationReached
                | EventType::PageViewed
        )
    }

    /// Whether it is about an account, though its name belongs to none of the families that are.
    const fn is_accounts(self) -> bool {
        matches!(
            self,
            EventType::PurchaseCompleted
                | EventType::ListingViewed
                | EventType::EmailConfirmed
                | EventType::NewsletterConfirmed
                | EventType::RfqSubmitted
        )
    }
}

/// Whether an event of the type with this name, known or not, must name its account.
pub fn is_about_account(name: &str) -> bool {
    ACCOUNT_FAMILIES.iter().any(|family| name.starts_with(family))
        || EventType::parse(name).is_some_and(EventType::is_accounts)
}
