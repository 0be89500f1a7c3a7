//! Emails: what each says, and how it is rendered as text and as HTML.
//!
//! In scope: from a message's fields to an email, and the request to the email service. Not in scope: who receives it
//! and whether it was sent. Everything that varies is escaped here, in one place: `words`
//! holds plain text, never markup, a link or a header.

pub mod api;
pub mod fields;
pub mod money;
pub mod render;
pub mod requirements;
pub mod sign_in;
pub mod words;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

pub use crate::codec::message::email::api::{From, Mail, MailApi, RESEND_API, RESEND_TEMPLATE, is_address};
pub use crate::codec::message::email::fields::MessageFields;
pub use crate::codec::message::email::render::{Email, EmailPart};
pub use crate::codec::message::email::sign_in::{Invitation, address_changed, invitation};

use crate::codec::message::email::render::written;

pub fn letter(facts: &MessageFields) -> Email {
    let (subject, mut parts) = words::of(facts);
    parts.insert(0, EmailPart::Say(words::greeting(facts.name)));
    let mut footer = vec![EmailPart::Say(words::why(facts))];
    footer.extend(facts.unsubscribe.map(|path| EmailPart::Link(words::shared::UNSUBSCRIBE, path.to_owned())));
    written(&subject, &parts, &footer, facts.site)
}
