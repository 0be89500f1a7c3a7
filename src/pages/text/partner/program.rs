//! Choosing between one's programs, and a program's resources.

pub use crate::pages::text::visitor::sign_in::JOIN;

// Choosing.
pub const YOUR_PROGRAMS: &str = "Your programs";
pub const YOUR_PROGRAMS_LEAD: &str = "Choose which program to view.";
pub const OPEN: &str = "Open";
/// Between a partner's name and code.
pub const CODE: &str = ", code ";
/// Between a partner's code and the day it joined.
pub const JOINED: &str = ", joined ";
pub const LEFT: &str = "left";
pub const JOIN_ANOTHER: &str = "Join another program";

pub fn open(title: &str) -> String {
    format!("{OPEN} {title}")
}

// Without a program.
pub const NONE: &str = "You haven't joined a program yet";
pub const NONE_LEAD: &str = "You are signed in, but you are not a partner in any program.";
pub const EMPTY: &str = "No programs yet";
pub const ASK: &str = "Ask the program to add you as a partner with this address.";
pub const TO_OPERATOR: &str = "Go to operator pages";

// A link at one press.
pub const GET_LINK: &str = "Get my link";
/// Before what the person promises.
pub const BY_PRESSING: &str = "By pressing the button you agree:";

pub fn get_link_of(title: &str) -> String {
    format!("{GET_LINK}: {title}")
}

// Resources.
pub const RESOURCES_LEAD: &str = "Materials, answers, and tips from the program.";
pub const PAGE: &str = "Page";
pub const UPDATED: &str = "Last updated";
pub const NO_RESOURCES: &str = "Nothing here yet";
/// Around the link to the share kit.
pub const NO_RESOURCES_HINT: &str = "The program hasn't added any resources. The ";
pub const SHARE_KIT: &str = "share kit";
pub const SHARE_KIT_HAS: &str = " has messages to get you started.";
pub const ALL_RESOURCES: &str = "All resources";
