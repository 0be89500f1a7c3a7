//! The runtime: besides `lib.rs`, the only place that names `worker` and JavaScript. Compiled for WASM only.

pub mod body;
pub mod d1;
pub mod general;
pub mod intl;
pub mod invocation;
pub mod limiter;
pub mod link;
pub mod mail;
pub mod origin;
pub mod outgoing;
pub mod passing;
mod random;
mod site_script;
pub mod state;
pub mod time_limit;
