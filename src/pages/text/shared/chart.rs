//! Around charts.

pub const TABLE: &str = "View as a table";
pub const DATE: &str = "Date";
pub const STEPS: &str = "Each step has its own scale. The shaded area is the target range, the bar is the share of \
    visits, and the thin line is the 95% interval.";
