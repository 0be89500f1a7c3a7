//! The frame of every page.

pub const PRODUCT: &str = "Manicule";
pub const SKIP: &str = "Skip to content";
pub const NAVIGATION: &str = "Main";
pub const MENU: &str = "Menu";
pub const CHANGE_PROGRAM: &str = "Change program";
pub const SIGN_OUT: &str = "Sign out";
pub const SIGN_OUT_EVERYWHERE: &str = "Sign out everywhere";

/// The title of the browser's tab.
pub fn title(page: &str) -> String {
    format!("{page} · {PRODUCT}")
}
