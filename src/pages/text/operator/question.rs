//! Partners' questions about accounts that were not credited to them.

pub use crate::pages::text::operator::message::MESSAGE;

pub const TITLE: &str = "Partners' questions";
pub const LEAD: &str = "Partners who looked up why an account isn't theirs and asked about the answer.";
pub const BY_REPLY: &str = "Questions by reply";
pub const UNANSWERED: &str = "Unanswered";
pub const NONE: &str = "No questions";
pub const NONE_HINT: &str = "Partners ask on the page where they look up a customer.";
pub const QUESTION: &str = "Question";
pub const LOOKED_UP: &str = "Looked up";
pub const FOUND: &str = "What the partner was shown";
pub const REPLY: &str = "Reply";
pub const REPLY_HINT: &str = "The partner gets it by email. It can't be changed.";
pub const SEND_REPLY: &str = "Send reply";
pub const ENTER_REPLY: &str = "Enter a reply of at most 1,000 characters";
pub const REPLIED: &str = "Replied";
pub const BY: &str = " by ";
pub const ALL: &str = "All questions";
