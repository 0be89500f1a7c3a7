//! Values that every layer uses: money, time, ids. No clock, no randomness, no I/O.

pub mod currency;
pub mod decode;
pub mod domain;
pub mod fnv;
pub mod html;
pub mod id;
pub mod ids;
pub mod json;
pub mod limits;
pub mod money;
pub(crate) mod names;
pub mod network;
pub mod percent;
pub mod sort;
pub mod time;
