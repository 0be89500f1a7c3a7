//! What partners have earned.

pub mod accruals_table;
pub mod adjust;
pub mod adjustments;
pub mod calculation;
pub mod earnings;
