//! End to end: the Worker on workerd, asked over HTTP as visitors, senders, operators and Cloudflare's cron ask it.
//!
//! Each test starts a Worker of its own on a fresh state (about a second), so they run side by side and nothing that
//! one does can be seen by another; within a test the steps run in order and the last step shown is the one that
//! failed.

mod agency_chain;
mod client;
mod emdash;
mod facts;
mod generate;
mod notify;
mod operator;
mod redirect;
mod referral_chain;
mod refusals;
mod routes;
mod server;
mod stand_in;
mod state;
mod webhooks;
