//! What emails to every audience share.

pub const HELLO: &str = "Hello,";
pub const UNSUBSCRIBE: &str = "Unsubscribe";

pub const AMOUNT: &str = "Amount";
pub const VIEW_PAYOUT: &str = "View this payout";
/// Comes before a period.
pub const FOR: &str = "For";
pub const REASON: &str = "Reason";

pub fn hello(name: &str) -> String {
    format!("Hello {name},")
}

/// The subject of a message type that has no text of its own.
pub fn untitled(program: &str, kind: &str) -> String {
    format!("{program}: {kind}")
}
