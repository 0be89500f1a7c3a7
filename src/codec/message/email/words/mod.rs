//! What each message type says, one file per audience, in the order of the types: its texts by key, how its email is made
//! of them, and what the settings and the unsubscribe page call it. Plain text: the caller lays it out and escapes it.

pub mod account;
pub mod operator;
pub mod partner;
pub mod parts;
pub mod shared;
pub mod sign_in;

use crate::codec::message::email::fields::MessageFields;
use crate::codec::message::email::words::parts::{MessageWords, Written};
use crate::engine::message::{Audience, MessageType};

/// Longest name used in a greeting.
const NAME_CHARS_MAX: usize = 60;

/// The words of a type to an audience. `None`: no email of the type goes to it.
fn words(kind: MessageType, to: Audience) -> Option<MessageWords> {
    match to {
        Audience::Partner => partner::of(kind),
        Audience::Account => account::of(kind),
        Audience::Operator => operator::of(kind),
    }
}

/// Subject and body.
pub fn of(f: &MessageFields) -> Written {
    words(f.kind, f.to)
        .map_or_else(|| (shared::untitled(f.program, f.kind.name()), Vec::new()), |words| (words.email)(f))
}

/// Ends the sentence "emails …", for a type that people may unsubscribe from.
pub fn when(kind: MessageType) -> &'static str {
    kind.audiences().iter().find_map(|to| words(kind, *to)?.when).unwrap_or_default()
}

/// A partner's choice to get a type of message.
pub fn choice(kind: MessageType) -> &'static str {
    partner::of(kind).and_then(|words| words.choice).unwrap_or_default()
}

/// Greets by name, unless the name looks like a web or email address.
pub fn greeting(name: Option<&str>) -> String {
    let plain = |n: &&str| {
        !n.contains("://") && !n.contains('@') && !n.to_ascii_lowercase().contains("www.") && !n.contains('/')
    };
    match name.map(str::trim).filter(|n| !n.is_empty() && n.chars().count() <= NAME_CHARS_MAX).filter(plain) {
        Some(name) => shared::hello(name),
        None => shared::HELLO.to_owned(),
    }
}

/// Why the reader receives the email.
pub fn why(f: &MessageFields) -> String {
    let text = match f.to {
        Audience::Partner => partner::why,
        Audience::Account => account::why,
        Audience::Operator => operator::why,
    };
    text(f.program, f.site_name)
}
