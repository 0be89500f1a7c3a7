//! Stripe's events that could not be taken in.

pub const TITLE: &str = "Failed Stripe events";
pub const LEAD: &str = "Stripe reports these events, but they could not be taken in. They are tried again until they are. After a \
                        restore, payouts wait for those about transfers.";
pub const TRIES: &str = "Tries";
pub const NONE: &str = "No failed events";
pub const NONE_HINT: &str = "Every event that Stripe listed was taken in.";
pub const REASON_HINT: &str = "What it reports, and what you did about it. It is not tried again.";
