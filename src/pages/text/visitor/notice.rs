//! What a form did, shown on the next page.

pub const SIGNED_OUT: &str = "You are signed out.";
pub const SIGNED_OUT_EVERYWHERE: &str = "You are signed out of every browser.";
