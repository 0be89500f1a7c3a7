//! An email with its envelope, and the request to an HTTP email service.
//!
//! The request body is a template: a JSON value whose strings hold `{{to}}`, `{{from}}`, `{{subject}}`, `{{text}}`,
//! `{{html}}`, `{{id}}`; a string that is exactly `{{headers}}` becomes an object of headers. Inserted values are not
//! searched for placeholders and can't escape their string: the value is built first, then serialized as JSON.

use crate::codec::fields::{is_blank, turns_around};
use crate::codec::outgoing::OutgoingRequest;
use serde_json::{Map, Value};

/// Resend's address and request format.
pub const RESEND_API: &str = "https://api.resend.com/emails";
pub const RESEND_TEMPLATE: &str = r#"{"from":"{{from}}","to":["{{to}}"],"subject":"{{subject}}","text":"{{text}}","html":"{{html}}","headers":"{{headers}}"}"#;

/// Timeout in milliseconds.
const LIMIT_MS: u32 = 10_000;

/// The sender of an email.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct From {
    pub name: Option<String>,
    pub address: String,
}

/// One email to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The same for every attempt to send it.
    pub id: String,
    pub to: String,
    pub from: From,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub headers: Vec<(&'static str, String)>,
}

/// An HTTP email service.
#[derive(Clone, PartialEq, Eq)]
pub struct MailApi {
    pub url: String,
    pub key: String,
    pub template: Value,
}

impl From {
    /// Reads `Name <user@host>` or `user@host`.
    pub fn parse(text: &str) -> Option<From> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>').and_then(|t| t.rsplit_once('<')) {
            Some((name, address)) => (name.trim().trim_matches('"').trim(), address.trim()),
            None => ("", text),
        };
        let plain = !name.chars().any(|c| c.is_control() || matches!(c, '<' | '>' | '"' | '\\' | '@' | ','));
        let name = (!name.is_empty()).then(|| name.to_owned());
        (plain && is_address(address)).then(|| From { name, address: address.to_owned() })
    }
}

/// Whether it is a single email address that can't smuggle in a header or a list. Below `.invalid` there is none: EmDash
/// makes up such an address for a user who signs in by AT Protocol, with the same domain for all.
pub fn is_address(text: &str) -> bool {
    let allowed = |c: char| {
        let unseen = c.is_control() || turns_around(c) || is_blank(c);
        !unseen && !matches!(c, '<' | '>' | ',' | ';' | '"' | '\\' | '(' | ')')
    };
    text.len() <= 254
        && text.chars().all(allowed)
        && text
            .split_once('@')
            .filter(|(user, host)| !user.is_empty() && !host.contains('@'))
            .and_then(|(_, host)| host.rsplit_once('.'))
            .is_some_and(|(_, top)| !top.eq_ignore_ascii_case("invalid"))
}

impl std::fmt::Display for From {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => f.write_str(&self.address),
        }
    }
}

impl Mail {
    fn headers(&self) -> Value {
        let pairs = self.headers.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())));
        Value::Object(pairs.collect::<Map<String, Value>>())
    }

    /// The message in the format of the `send_email` binding.
    pub fn for_binding(&self) -> Value {
        let mut from = Map::new();
        from.insert("email".to_owned(), Value::from(self.from.address.as_str()));
        from.insert("name".to_owned(), Value::from(self.from.name.as_deref().unwrap_or(&self.from.address)));
        let mut message = Map::new();
        for (name, value) in [("to", &self.to), ("subject", &self.subject), ("text", &self.text), ("html", &self.html)]
        {
            message.insert(name.to_owned(), Value::from(value.as_str()));
        }
        message.insert("from".to_owned(), Value::Object(from));
        message.insert("headers".to_owned(), self.headers());
        Value::Object(message)
    }
}

impl MailApi {
    /// Reads a template. It must have a place for the recipient and the subject.
    pub fn template(text: &str) -> Result<Value, String> {
        let value: Value = serde_json::from_str(text).map_err(|e| format!("the template is not JSON: {e}"))?;
        for place in ["{{to}}", "{{subject}}"] {
            if !text.contains(place) {
                return Err(format!("the template has no {place}"));
            }
        }
        Ok(value)
    }

    /// The request. A service that supports `Idempotency-Key` sends the email once, even if the request repeats.
    pub fn request(&self, mail: &Mail) -> OutgoingRequest {
        let mut headers = vec![("content-type", "application/json".to_owned()), ("idempotency-key", mail.id.clone())];
        if !self.key.is_empty() {
            headers.push(("authorization", format!("Bearer {}", self.key)));
        }
        let body = fill(&self.template, mail).to_string().into_bytes();
        OutgoingRequest { method: "POST", url: self.url.clone(), headers, body, limit_ms: LIMIT_MS }
    }
}

fn fill(template: &Value, mail: &Mail) -> Value {
    match template {
        Value::String(text) if text == "{{headers}}" => mail.headers(),
        Value::String(text) => Value::String(fill_text(text, mail)),
        Value::Array(items) => Value::Array(items.iter().map(|item| fill(item, mail)).collect()),
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), fill(v, mail))).collect()),
        other => other.clone(),
    }
}

fn fill_text(template: &str, mail: &Mail) -> String {
    let (mut out, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((name, behind)) = after.split_once("}}") else {
            out.push_str("{{");
            rest = after;
            break;
        };
        match name {
            "to" => out.push_str(&mail.to),
            "from" => out.push_str(&mail.from.to_string()),
            "subject" => out.push_str(&mail.subject),
            "text" => out.push_str(&mail.text),
            "html" => out.push_str(&mail.html),
            "id" => out.push_str(&mail.id),
            // Not our placeholder: keep it.
            other => out.push_str(&format!("{{{{{other}}}}}")),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

// Keeps the key out of logs.
impl std::fmt::Debug for MailApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MailApi({})", self.url)
    }
}
