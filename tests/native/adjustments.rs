//! What operators add to partners' balances and take from them.

mod approval;
mod banned;
mod fixture;
mod named;
mod own;
