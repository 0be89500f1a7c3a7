//! Webhooks to the host: where they may be sent, and what is sent.
//!
//! In scope: reading an operator's endpoint, the body and the signed request (Standard Webhooks). Not in scope: when it
//! is sent. An endpoint is an https address of a public name; what a name resolves to is not known here, but a Worker's
//! `fetch` reaches the public internet alone.

use super::destination;
use super::fields::{DOMAIN, Fields, Form, ID, NAME};
use super::json::{self, Invalid};
use super::mail;
use super::outgoing::Outgoing;
use super::standard_webhooks::{Secret, sign};
use crate::base::time::{SECOND_MS, UtcMillis};
use serde_json::{Value, json};

/// How long an endpoint may take, in milliseconds.
const LIMIT_MS: u32 = 10_000;
/// Kinds that one endpoint lists.
const KINDS_MAX: usize = 20;
const URL: Form = Form::destination();

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEndpoint {
    pub url: String,
    /// Kinds or their beginnings up to a dot; empty for all.
    pub kinds: Vec<String>,
    /// The host's own; `None`: one is made.
    pub secret: Option<String>,
}

/// An operator's wish to have a message sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// One recipient, or `None` for all that it did not reach.
    pub target: Option<String>,
    pub reason: String,
}

/// `{"url", "kinds"?, "secret"?}`. With `anywhere` an address of this machine and plain http will do.
pub fn read(body: &[u8], anywhere: bool) -> Result<NewEndpoint, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::of_body(&value)?;
    let url = fields.required_text("url", &URL)?;
    check(&url, anywhere).map_err(|must| fields.invalid("url", "malformed", must))?;
    let secret = fields.text("secret", &ID)?;
    if let Some(Err(why)) = secret.as_deref().map(Secret::parse) {
        return Err(fields.invalid("secret", "malformed", &format!("be a signing secret: {why}")));
    }
    Ok(NewEndpoint { url, kinds: kinds(&fields, value.get("kinds"))?, secret })
}

pub fn replay(body: &[u8]) -> Result<Replay, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::of_body(&value)?;
    let reason = fields.text("reason", &NAME)?.filter(|r| !r.trim().is_empty());
    Ok(Replay { target: fields.text("target", &ID)?, reason: reason.ok_or_else(|| fields.missing("reason"))? })
}

fn kinds(fields: &Fields, given: Option<&Value>) -> Result<Vec<String>, Invalid> {
    let Some(given) = given.filter(|v| !v.is_null()) else { return Ok(Vec::new()) };
    let known = |k: &str| {
        mail::KINDS.iter().any(|kind| kind.name == k || kind.name.strip_prefix(k).is_some_and(|r| r.starts_with('.')))
    };
    let listed: Option<Vec<String>> = given
        .as_array()
        .and_then(|all| all.iter().map(|v| v.as_str().filter(|k| known(k)).map(str::to_owned)).collect());
    listed.filter(|all| all.len() <= KINDS_MAX).ok_or_else(|| {
        let rule = format!("be a list of at most {KINDS_MAX} kinds of messages, such as reward.granted");
        fields.invalid("kinds", "unsupported", &rule)
    })
}

/// Whether webhooks may be sent there; else what the address must do.
pub fn check(url: &str, anywhere: bool) -> Result<(), &'static str> {
    let https = url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
    let absolute = !url.starts_with('/');
    if !absolute || destination::check(url).is_err() || url.contains('#') {
        return Err("be an absolute https address without credentials and fragment");
    }
    if anywhere {
        return Ok(());
    }
    if !https {
        return Err("begin with https://");
    }
    let host = url[8..].split(['/', '?', ':']).next().unwrap_or_default().to_ascii_lowercase();
    // Names that never leave a machine or a house (RFC 6761, RFC 6762, RFC 8375, and what is in use).
    let private =
        ["localhost", "local", "internal", "home.arpa", "lan", "intranet", "corp", "home", "test", "invalid", "onion"];
    let is_private = |name: &&str| host == **name || host.ends_with(&format!(".{name}"));
    // A number is no name: every address is refused, public or not.
    if !DOMAIN.allows(&host) || private.iter().any(is_private) {
        return Err("name a public host; addresses in numbers and names of private networks are not called");
    }
    Ok(())
}

/// A message as its receiver gets it: the same bytes in every attempt.
pub fn body(kind: &str, at: UtcMillis, data: &Value) -> Vec<u8> {
    json!({"type": kind, "timestamp": at.to_rfc3339(), "data": data}).to_string().into_bytes()
}

/// The signed request. `id` is the message's and holds no dot; `now` is when it leaves.
pub fn request(url: &str, secret: &Secret, id: &str, body: Vec<u8>, now: UtcMillis) -> Outgoing {
    let timestamp = now.0.div_euclid(SECOND_MS);
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("user-agent", "Manicule".to_owned()),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", sign(secret, id, timestamp, &body)),
    ];
    Outgoing { method: "POST", url: url.to_owned(), headers, body, limit_ms: LIMIT_MS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_names_are_called() {
        for url in ["https://a.example/hook", "https://hooks.a.example:8443/x?y=%20z", "HTTPS://A.example"] {
            assert_eq!(check(url, false), Ok(()), "{url}");
        }
        for url in [
            "http://a.example/hook",
            "ftp://a.example",
            "/hook",
            "//a.example",
            "https://",
            "https://localhost/hook",
            "https://a.localhost",
            "https://printer.local",
            "https://db.internal:443/",
            "https://127.0.0.1",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest",
            "https://8.8.8.8/",
            "https://[::1]/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://a.example.:443/",
            "https://user@a.example/",
            "https://a.example#@localhost",
            "https://a.example\\@localhost",
            "https://intranet/",
            "https://a.example/\r\nx: y",
        ] {
            assert!(check(url, false).is_err(), "{url}");
        }
        assert_eq!(check("http://127.0.0.1:9000/hook", true), Ok(()));
        assert!(check("http://u@127.0.0.1", true).is_err());
        assert!(check("/hook", true).is_err());
    }

    #[test]
    fn endpoints_are_read_strictly() {
        let read = |body: &str| read(body.as_bytes(), false).map_err(|e| (e.field, e.code));
        let good = read(r#"{"url":"https://a.example/h","kinds":["reward.granted","payout"]}"#).unwrap();
        assert_eq!(good.kinds, ["reward.granted", "payout"]);
        assert_eq!(good.secret, None);
        let field = |body: &str| read(body).unwrap_err();
        assert_eq!(field(r#"{}"#), ("url".into(), "missing"));
        assert_eq!(field(r#"{"url":"https://10.0.0.1"}"#), ("url".into(), "malformed"));
        assert_eq!(field(r#"{"url":"https://a.example","secret":"whsec_short"}"#), ("secret".into(), "malformed"));
        for kinds in [r#""reward""#, r#"["rew"]"#, r#"["reward."]"#, "[1]", r#"["nothing"]"#] {
            let body = format!(r#"{{"url":"https://a.example","kinds":{kinds}}}"#);
            assert_eq!(field(&body), ("kinds".into(), "unsupported"), "{kinds}");
        }
    }
}
