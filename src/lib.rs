//! Manicule: referral, affiliate and partner programs on one Worker.
pub mod base;
pub mod engine;
pub mod flow;
pub mod http;
pub mod program;
pub mod store;
pub mod wire;

#[cfg(target_arch = "wasm32")]
mod edge;
