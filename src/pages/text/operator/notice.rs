//! What an operator's form did, shown on the next page.

pub const ADJUSTED: &str = "Balance adjusted.";
pub const ADJUSTMENT_REQUESTED: &str = "Approval requested. Nothing is booked until another operator approves.";
pub const APPROVED: &str = "Run approved. Its payouts will be sent within ten minutes.";
pub const CANCELED: &str = "Payout canceled. The amount is available again.";
pub const CODE_CHANGED: &str = "Code changed. It works within a few minutes, and the old one goes on working.";
pub const DECIDED: &str = "Decision saved.";
pub const FUNDED: &str = "Funds added to the reward budget.";
pub const HELD: &str = "Payout on hold until someone releases it.";
pub const PROGRAM_SAVED: &str = "New program version saved.";
pub const REASSIGNED: &str = "Account reassigned.";
pub const RELEASED: &str = "Payout released.";
pub const RESENT: &str = "Message queued for delivery.";
pub const PAGE_PUBLISHED: &str = "Page published. Partners can see it now.";
pub const PAGE_DELETED: &str = "Page deleted.";
pub const SUSPENDED: &str = "Partner suspended. Nothing is paid out until you reinstate.";
pub const BANNED: &str = "Partner banned.";
pub const REINSTATED: &str = "Partner reinstated.";
pub const RUN_STARTED: &str = "Run started.";
pub const TOKEN_REVOKED: &str = "Token revoked.";
pub const QUESTION_REPLIED: &str = "Reply sent.";
