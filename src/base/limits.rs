//! How much of each thing there may be, where anybody, a partner or an operator can make more of it. `docs/limits.md`
//! lists them. Those that a trigger enforces have the same number in `migrations/0015_limits.sql`.

/// A partner's links in all, ended ones included: their codes are never given to others.
pub const LINKS_MAX: i64 = 1_000;
/// A partner's links, up to which it can make more on its pages. Operators can make more by the API.
pub const OWN_LINKS_MAX: i64 = 200;
/// The live webhook endpoints of an installation: every message may be sent to each.
pub const ENDPOINTS_MAX: i64 = 20;
/// A program's resources: its page lists all of them.
pub const RESOURCES_MAX: i64 = 50;
/// The new campaigns of a link that are kept by name in a week.
pub const CAMPAIGNS_MAX: i64 = 50;
/// The campaigns of a link that are kept beside them because several visitors clicked them the week before.
pub const CAMPAIGNS_CARRIED_MAX: i64 = 25;
/// Visitors whose clicks make a campaign one that is carried into the next week.
pub const CAMPAIGN_VISITORS_MIN: i64 = 3;
/// The name of all other campaigns.
pub const OTHER_CAMPAIGNS: &str = "(other)";
/// Rows of the funnel that pages may report from one network for one link in one minute.
pub const STAGES_PER_MINUTE: i64 = 60;
/// Links to sign in and to join that one network can request per hour, for all addresses together.
pub const MAIL_LINKS_PER_HOUR: i64 = 120;
/// Wrong tokens from one network in a minute, after which its tokens are refused without a look.
pub const WRONG_TOKENS_PER_MINUTE: u32 = 20;
/// Unknown codes that a network may ask for in a minute before the rate limiter counts them, too: typing errors, and sites
/// whose own parameter is called `ref`.
pub const UNKNOWN_CODES_PER_MINUTE: u32 = 20;
/// Promotion codes of a program that visitors may have made in an hour, by a press of a button. Codes for accounts do not
/// count.
pub const PROMOTION_CODES_PER_HOUR: i64 = 100;
/// The same from one network, so that one visitor does not take them all.
pub const PROMOTION_CODES_PER_NETWORK: i64 = 10;
