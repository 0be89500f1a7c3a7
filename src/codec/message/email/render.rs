//! An email's parts as text and as HTML. Everything that varies is escaped here.

/// An email without its envelope.
use crate::base::html::escape;

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
pub(super) const SUBJECT_CHARS_MAX: usize = 150;
/// Longest value inserted into an email.
const VALUE_CHARS_MAX: usize = 500;

pub(super) fn written(subject: &str, parts: &[EmailPart], footer: &[EmailPart], site: &str) -> Email {
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

/// One line without characters that control how it is read: line feeds, other control characters, and marks that
/// reverse or hide the text around them.
fn clean(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{61c}')
    };
    let plain: String = text.chars().take(VALUE_CHARS_MAX).map(|c| if hidden(c) { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
