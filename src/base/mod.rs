//! Values that every layer uses: money, time, ids. No clock, no randomness, no I/O.

pub mod currency;
pub mod decode;
pub mod id;
pub mod ids;
pub mod json;
pub mod money;
pub(crate) mod names;
pub mod sort;
pub mod suffix;
pub mod time;
