//! The runtime: the only place, with `lib.rs`, that names `worker` and JavaScript. Compiled for WASM alone.

mod clicks;
pub mod d1;
pub mod general;
mod hot;
mod intl;
pub mod links;
mod mail;
pub mod origin;
mod outgoing;
mod random;
mod runtime;
mod state;
mod time_limit;
