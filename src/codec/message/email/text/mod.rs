//! Every text of the emails, by key: one file per audience, in the order of the message types. Plain text: the caller
//! lays it out and escapes it.

pub mod account;
pub mod operator;
pub mod partner;
pub mod shared;
pub mod sign_in;
