//! Sign-in emails: a link that proves that the reader owns the address. They are written and sent while the browser
//! waits, and never stored, because they hold the secret.

use crate::codec::message::email::render::{Email, EmailPart, written};
use crate::codec::message::email::words::{greeting, sign_in as text};

/// What a link is for.
#[derive(Clone, Copy, Debug)]
pub enum Invitation<'a> {
    SignIn,
    /// Joins a program with this title. What a stranger typed next to the address stays out of the email.
    Join {
        program: &'a str,
    },
    /// Becomes a partner's address.
    ChangeEmail,
}

/// The email with the link to `path` on `site`, valid for `minutes`.
pub fn invitation(what: Invitation<'_>, site: &str, path: &str, minutes: i64) -> Email {
    let host = site.split_once("://").map_or(site, |(_, host)| host);
    let (subject, say, link) = match what {
        Invitation::SignIn => (text::sign_in_subject(host), text::SIGN_IN_INSTRUCTIONS.to_owned(), text::SIGN_IN),
        Invitation::Join { program } => (text::join_subject(program), text::join_instructions(program), text::JOIN),
        Invitation::ChangeEmail => (text::change_subject(host), text::CHANGE_INSTRUCTIONS.to_owned(), text::CHANGE),
    };
    let parts = [
        EmailPart::Say(greeting(None)),
        EmailPart::Say(say),
        EmailPart::Link(link, path.to_owned()),
        EmailPart::Say(text::expires(minutes)),
    ];
    written(&subject, &parts, &[EmailPart::Say(text::why(host))], site)
}

/// The email that tells a partner's old address that there is another one.
pub fn address_changed(site: &str) -> Email {
    let host = site.split_once("://").map_or(site, |(_, host)| host);
    let parts = [EmailPart::Say(greeting(None)), EmailPart::Say(text::CHANGED.to_owned())];
    written(&text::changed_subject(host), &parts, &[EmailPart::Say(text::changed_why(host))], site)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_title_stays_a_title() {
        let evil = Invitation::Join { program: "<b>P</b>\r\nBcc: x@y.example" };
        let letter = invitation(evil, "https://a.example", "/partner/join/0a\"1", 1_440);
        assert_eq!(letter.subject, "Confirm your email address for <b>P</b> Bcc: x@y.example");
        assert!(!letter.html.contains("<b>P"), "{}", letter.html);
        assert!(letter.html.contains("href=\"https://a.example/partner/join/0a&quot;1\""), "{}", letter.html);
        assert!(letter.text.contains("after 24 hours"));
    }

    #[test]
    fn nobody_is_greeted_by_what_a_stranger_typed() {
        let letter = invitation(Invitation::Join { program: "P" }, "https://a.example", "/x", 15);
        assert!(letter.text.starts_with("Hello,\n"), "{}", letter.text);
        assert!(letter.text.contains("Confirm and join: https://a.example/x") && letter.text.contains("15 minutes"));
        let sign_in = invitation(Invitation::SignIn, "https://a.example", "/x", 15);
        assert_eq!(sign_in.subject, "Sign in to a.example");
        assert!(sign_in.text.contains("Sign in: https://a.example/x"));
    }
}
