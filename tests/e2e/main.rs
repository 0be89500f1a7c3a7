//! End to end: the Worker on workerd, asked over HTTP as visitors, senders, operators and Cloudflare's cron ask it.
//!
//! Each test starts a Worker of its own on a fresh state (about a second), so they run side by side and nothing that
//! one does can be seen by another; within a test the steps run in order and the last step shown is the one that
//! failed.

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
mod limits;
mod notify;
mod operations;
mod operator;
mod partner_funnel;
mod payout_kills;
mod privacy;
mod redirect;
mod referral_chain;
mod refusals;
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
