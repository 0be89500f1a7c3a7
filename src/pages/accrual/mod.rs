//! What partners have earned.

pub mod accruals_table;
pub mod calculation;
pub mod earnings;
