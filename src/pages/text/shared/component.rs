//! Buttons and labels of the building blocks.

pub const BACK: &str = "Back";
pub const CANCEL: &str = "Cancel";
pub const CONTINUE: &str = "Continue";
pub const COPY: &str = "Copy";
pub const SAVE: &str = "Save";

/// After an amount that is credit, not cash.
pub const CREDIT: &str = "credit";

// The links below a list.
pub const PAGES: &str = "Pages";
pub const FIRST_PAGE: &str = "First page";
pub const NEXT_PAGE: &str = "Next page";
