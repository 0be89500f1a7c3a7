//! End to end: the Worker on workerd, with HTTP requests like those of visitors, senders, operators and Cloudflare's
//! cron.
//!
//! Each test starts its own Worker with a fresh state (about a second), so tests run in parallel and cannot affect each
//! other. Within a test the steps run in order, and the last announced step is the one that failed.

mod agency_attribution;
mod agency_chain;
mod agency_terms;
mod assets;
#[path = "../attacks/mod.rs"]
mod attacks;
mod client;
mod credits;
mod crowd;
mod developer_attribution;
mod developer_money;
mod emdash;
mod exclusive_groups;
mod facts;
mod generate;
mod imports;
mod limits;
mod notify;
mod operations;
mod operator;
mod partner_funnel;
mod passing;
mod payout_kills;
mod privacy;
mod redirect;
mod referral_chain;
mod refusals;
mod restored;
mod routes;
mod server;
mod stand_in;
mod state;
mod stripe;
mod stripe_doors;
mod stripe_money;
mod stripe_year;
#[path = "../support/mod.rs"]
mod support;
mod tiered_credits;
mod user_referral;
mod webhooks;
