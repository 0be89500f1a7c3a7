//! The leaderboard.

pub use crate::pages::text::partner::common::{EARNED, PARTNER};

pub const LEAD: &str = "Partners ranked by rewarded customers. Earnings are private.";
pub const RANK: &str = "Rank";
pub const REWARDED: &str = "Rewarded customers";
/// Before the instant.
pub const AS_OF: &str = "As of ";
/// After the partner's own name.
pub const YOU_SUFFIX: &str = " (you)";
pub const YOU: &str = "You";
pub const ANONYMOUS: &str = "Anonymous";
pub const EMPTY: &str = "No rankings yet";
pub const EMPTY_HINT: &str = "The leaderboard starts with the first reward and updates with each settlement.";
pub const NAMED: &str = "Others see the name you chose. ";
pub const CHANGE_NAME: &str = "Change name";
pub const UNNAMED: &str = "Others don't see your name. ";
pub const CHOOSE_NAME: &str = "Choose a name";
pub const CHOOSE_NAME_WHY: &str = " to show it.";
