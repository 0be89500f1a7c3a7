//! Emails: their types, what each says, and how it is rendered as text and as HTML.
//!
//! In scope: from a message's fields to an email, and the request to the email service. Not in scope: who receives it
//! and whether it was sent. Everything that varies is escaped here, in one place: `words` holds plain text, never
//! markup, a link or a header.

pub mod api;
pub mod money;
pub mod sign_in;
pub mod words;

#[cfg(test)]
mod tests;

pub use crate::codec::message::email::api::{From, Mail, MailApi, RESEND_API, RESEND_TEMPLATE, is_address};
pub use crate::codec::message::email::sign_in::{Invitation, invitation};

use crate::base::time::UtcMillis;
use serde_json::Value;

/// Who receives a type of message by email.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Partner,
    /// The referred side.
    Account,
    Operator,
}

impl Audience {
    pub fn name(self) -> &'static str {
        match self {
            Audience::Partner => "partner",
            Audience::Account => "account",
            Audience::Operator => "operator",
        }
    }
}

/// A type of message.
#[derive(Clone, Copy, Debug)]
pub struct MessageType {
    pub name: &'static str,
    pub to: Audience,
    /// Whether readers can unsubscribe: true unless the message is about money or needs an operator's decision.
    pub optional: bool,
}

const fn kind(name: &'static str, to: Audience, optional: bool) -> MessageType {
    MessageType { name, to, optional }
}

/// Every type of message.
pub const KINDS: &[MessageType] = &[
    kind("referral.joined", Audience::Partner, true),
    kind("reward.granted.referrer", Audience::Partner, false),
    kind("reward.granted.referee", Audience::Account, true),
    kind("statement.commission", Audience::Partner, false),
    kind("payout.sent", Audience::Partner, false),
    kind("payout.failed", Audience::Partner, false),
    kind("payout.onboarding", Audience::Partner, false),
    kind("payout.approval", Audience::Operator, false),
    kind("payout.review", Audience::Operator, false),
    kind("payout.funds", Audience::Operator, false),
    kind("payout.access", Audience::Operator, false),
    kind("credit.review", Audience::Operator, false),
    kind("credit.failed", Audience::Operator, false),
    kind("review.opened", Audience::Operator, false),
    kind("budget.low", Audience::Operator, false),
    kind("report.funnel", Audience::Operator, true),
];

pub fn find(name: &str) -> Option<&'static MessageType> {
    KINDS.iter().find(|k| k.name == name)
}

/// What an email is written from.
#[derive(Clone, Debug)]
pub struct MessageFields<'a> {
    pub kind: &'static MessageType,
    /// The program's title.
    pub program: &'a str,
    /// The reader's own name. An email never names anyone else, because people choose their own names.
    pub name: Option<&'a str>,
    pub partner: Option<&'a str>,
    pub account: Option<&'a str>,
    pub payload: &'a Value,
    /// What the referred side gets: basis points, on its first invoice.
    pub benefit_bps: Option<i64>,
    /// The Worker's address, without a slash at its end.
    pub site: &'a str,
    /// Path and query of the unsubscribe link.
    pub unsubscribe: Option<&'a str>,
    /// When the message was queued.
    pub at: UtcMillis,
}

/// An email without its envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// A part of an email, as plain text.
pub enum EmailPart {
    Say(String),
    Table(Vec<(&'static str, String)>),
    /// The link text, and a path on the site.
    Link(&'static str, String),
}

/// Longest subject: mail clients cut off more.
const SUBJECT_CHARS_MAX: usize = 150;
/// Longest value inserted into an email.
const VALUE_CHARS_MAX: usize = 500;

pub fn letter(facts: &MessageFields) -> Email {
    let (subject, mut parts) = words::of(facts);
    parts.insert(0, EmailPart::Say(words::greeting(facts.name)));
    let mut footer = vec![EmailPart::Say(words::why(facts))];
    footer.extend(facts.unsubscribe.map(|path| EmailPart::Link("Unsubscribe", path.to_owned())));
    written(&subject, &parts, &footer, facts.site)
}

fn written(subject: &str, parts: &[EmailPart], footer: &[EmailPart], site: &str) -> Email {
    let subject: String = clean(subject).chars().take(SUBJECT_CHARS_MAX).collect();
    let html = html(&subject, parts, footer, site);
    Email { text: format!("{}\n\n-- \n{}\n", text(parts, site), text(footer, site)), html, subject }
}

fn text(parts: &[EmailPart], site: &str) -> String {
    let part = |part: &EmailPart| match part {
        EmailPart::Say(words) => clean(words),
        EmailPart::Table(rows) => {
            rows.iter().map(|(name, value)| format!("{name}: {}", clean(value))).collect::<Vec<_>>().join("\n")
        }
        EmailPart::Link(name, path) => format!("{name}: {}", clean(&format!("{site}{path}"))),
    };
    parts.iter().map(part).collect::<Vec<_>>().join("\n\n")
}

fn html(subject: &str, parts: &[EmailPart], footer: &[EmailPart], site: &str) -> String {
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\
         <body style=\"font-family:sans-serif;line-height:1.5;max-width:36em;margin:1em auto;padding:0 1em\">",
        escape(subject)
    );
    parts.iter().for_each(|part| html_part(&mut out, part, site));
    out.push_str("<hr><div style=\"color:#555;font-size:85%\">");
    footer.iter().for_each(|part| html_part(&mut out, part, site));
    out.push_str("</div></body></html>");
    out
}

fn html_part(out: &mut String, part: &EmailPart, site: &str) {
    match part {
        EmailPart::Say(words) => out.push_str(&format!("<p>{}</p>", escape(&clean(words)))),
        EmailPart::Table(rows) => {
            out.push_str("<table>");
            for (name, value) in rows {
                let value = escape(&clean(value));
                out.push_str(&format!("<tr><td style=\"padding-right:1em\">{name}</td><td><b>{value}</b></td></tr>"));
            }
            out.push_str("</table>");
        }
        EmailPart::Link(name, path) => {
            out.push_str(&format!("<p><a href=\"{}\">{name}</a></p>", escape(&clean(&format!("{site}{path}")))));
        }
    }
}

/// One line without characters that control how it is read: line feeds, other controls, and marks that turn or hide
/// what stands beside them.
fn clean(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{61c}')
    };
    let plain: String = text.chars().take(VALUE_CHARS_MAX).map(|c| if hidden(c) { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Safe between tags and inside a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
