//! Economics, and the audit log.

// Economics.
pub const LEAD: &str = "What a referred account costs compared with other channels.";
pub const FIRST_MONTH: &str = "First month";
pub const LAST_MONTH: &str = "Last month";
pub const SHOW: &str = "Show";
pub const DEFINITIONS_TITLE: &str = "Definitions";
pub const ENTER_MONTH: &str = "Enter a month such as 2026-06.";
pub const MONTHS_REVERSED: &str = "The first month can't be after the last month.";
pub const NO_REWARDS: &str = "No program pays rewards";
pub const NO_REWARDS_HINT: &str = "There is nothing to compare yet.";

pub fn title(program: &str) -> String {
    format!("{program} economics")
}

// Its figures.
pub const CLICKS: &str = "Clicks";
pub const REWARDED: &str = "Rewarded";
pub const SIGN_UPS_PER_REFERRER: &str = "Sign-ups per referrer";
pub const VIRAL_COEFFICIENT: &str = "Viral coefficient";
pub const REFERRER_OR_REFERRERS: [&str; 2] = ["referrer", "referrers"];

pub fn by(referrers: &str) -> String {
    format!("by {referrers}")
}

pub fn at_the_start(accounts: &str) -> String {
    format!("{accounts} at the start")
}

// Cost per account.
pub const COST_PER_ACCOUNT: &str = "Cost per account";
pub const NOTHING_TO_COMPARE: &str = "Nothing to compare yet";
pub const NOTHING_TO_COMPARE_HINT: &str = "The cost appears here after the first referral is rewarded. The program's document sets the cost of paid channels.";
pub const NO_REFERRAL_COST: &str = "No referral was rewarded in this period, so there is no cost to compare yet.";
pub const COST_BY_CHANNEL: &str = "Cost per account by channel";
pub const COST: &str = "Cost";
pub const FIRST_YEAR_MARGIN: &str = "First-year margin";
pub const MARGIN_OVER_COST: &str = "Margin over cost";
pub const COST_OF_REFERRAL: [&str; 3] =
    ["The cost of a referral is ", " for the reward and ", " for the friend's discount."];
pub const FIRST_YEAR_REVENUE: &str = "First-year revenue: ";

/// After the first-year revenue.
pub fn averaged_over(accounts: &str) -> String {
    format!(", averaged over {accounts}.")
}

// Channels of a month.
pub const CHANNELS: &str = "Channels";
pub const PAYING: &str = "Paying";
pub const EARNED: &str = "Earned";
pub const NO_ACTIVITY: &str = "No activity in this month.";

pub fn channels_in(month: &str) -> String {
    format!("Channels in {month}")
}

// The audit log.
pub const AUDIT_LEAD: &str = "Everything operators have done, newest first. Entries can't be changed or deleted.";
pub const AUDIT_EMPTY: &str = "No activity yet";
pub const AUDIT_EMPTY_HINT: &str = "Operators' decisions appear here with their reasons.";
pub const OPERATOR_ACTIVITY: &str = "Operator activity";
pub const ACTION: &str = "Action";
pub const CHANGE: &str = "Change";
pub const BEFORE: &str = "Before ";
pub const AFTER: &str = "After ";
