//! The partner's pages by name: in the navigation, and as their titles.

pub const OVERVIEW: &str = "Overview";
pub const LINKS: &str = "Links";
pub const SHARE_KIT: &str = "Share kit";
pub const CUSTOMERS: &str = "Customers";
pub const EARNINGS: &str = "Earnings";
pub const PAYOUTS: &str = "Payouts";
pub const LEADERBOARD: &str = "Leaderboard";
pub const RESOURCES: &str = "Resources";
pub const SETTINGS: &str = "Settings";
