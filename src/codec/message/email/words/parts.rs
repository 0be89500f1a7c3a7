//! What the words of a message type are, and what emails are put together from.

use crate::codec::message::email::fields::MessageFields;
use crate::codec::message::email::money::money;
use crate::codec::message::email::render::EmailPart;

/// Subject and body.
pub type Written = (String, Vec<EmailPart>);

/// Everything that people read about one message type.
#[derive(Clone, Copy)]
pub struct MessageWords {
    pub email: fn(&MessageFields) -> Written,
    /// Ends the sentence "emails …" on the unsubscribe page, for a type that people may unsubscribe from.
    pub when: Option<&'static str>,
    /// The same as a choice in a partner's settings.
    pub choice: Option<&'static str>,
}

impl MessageWords {
    /// Of a type that is always sent.
    pub const fn required(email: fn(&MessageFields) -> Written) -> MessageWords {
        MessageWords { email, when: None, choice: None }
    }

    /// Of a type that people may unsubscribe from.
    pub const fn optional(email: fn(&MessageFields) -> Written, when: &'static str) -> MessageWords {
        MessageWords { email, when: Some(when), choice: None }
    }

    /// Partners also choose it in their settings.
    pub const fn choice(mut self, choice: &'static str) -> MessageWords {
        self.choice = Some(choice);
        self
    }
}

pub fn say(words: impl Into<String>) -> EmailPart {
    EmailPart::Say(words.into())
}

/// A link to a path on this site.
pub fn link(name: &'static str, path: String) -> EmailPart {
    EmailPart::Link(name, path)
}

/// A table of the rows that aren't empty.
pub fn rows(all: Vec<(&'static str, String)>) -> EmailPart {
    EmailPart::Table(all.into_iter().filter(|(_, value)| !value.is_empty()).collect())
}

pub fn amount(f: &MessageFields, name: &str) -> String {
    money(f.payload[name].as_i64().unwrap_or_default(), f.payload["unit"].as_str().unwrap_or_default())
}

pub fn text(f: &MessageFields, name: &str) -> String {
    f.payload[name].as_str().unwrap_or_default().to_owned()
}

/// A list of sentences, each on its own.
pub fn sentences(f: &MessageFields, name: &str) -> Vec<EmailPart> {
    f.payload[name].as_array().into_iter().flatten().filter_map(|text| text.as_str()).map(say).collect()
}
