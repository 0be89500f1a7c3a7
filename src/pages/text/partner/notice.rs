//! What a form did, shown on the next page.

pub const WELCOME: &str = "Welcome! Your link works now.";
pub const DISCLOSED: &str = "Thank you. Your links will work within a minute.";
pub const LINK_CREATED: &str = "Link created. It works now.";
pub const LINK_CHANGED: &str = "Link changed. It works everywhere within a few minutes.";
pub const LINK_TURNED_OFF: &str = "Link turned off.";
pub const PROFILE_SAVED: &str = "Profile saved.";
pub const CHOICES_SAVED: &str = "Your choices are saved.";
pub const SESSION_SIGNED_OUT: &str = "Session signed out.";
pub const EMAIL_REQUESTED: &str = "Check your new address: open the link that we emailed to it.";
pub const LEFT: &str = "You left the program. You keep what you earned.";
pub const QUESTION_SENT: &str = "Your question is on its way to the program.";
