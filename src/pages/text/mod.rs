//! Texts that several pages share.

pub mod partner;
