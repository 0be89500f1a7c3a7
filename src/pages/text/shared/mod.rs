//! What pages of every audience share.

pub mod accrual;
pub mod chart;
pub mod component;
pub mod country;
pub mod error;
pub mod field;
pub mod frame;
pub mod payout;
pub mod person;
pub mod state;
