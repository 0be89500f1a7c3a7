//! Bytes to types and back. No I/O, no clock: what is read is handed in, what is written is handed out.

pub mod cookie;
pub mod destination;
