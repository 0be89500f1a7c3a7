//! Webhooks to the host: where they may be sent, and what is sent.
//!
//! In scope: reading an operator's endpoint, the body and the signed request (Standard Webhooks). Not in scope: when it
//! is sent. An endpoint is an https address with a public name that is not a host of this installation: a Worker's
//! `fetch` to its own zone bypasses the Worker and reaches the origin behind it. DNS is not resolved here; a Worker's
//! `fetch` can't reach private networks.

use crate::base::time::{SECOND_MS, UtcMillis};
use crate::codec::fields::{Fields, Form, ID, NAME};
use crate::codec::identity::guessable::is_guessable;
use crate::codec::json;
use crate::codec::json::Invalid;
use crate::codec::message::standard_webhooks::{Secret, sign};
use crate::codec::outgoing::OutgoingRequest;
use crate::codec::web_address::WebAddress;
use crate::engine::message::MessageType;
use serde_json::{Value, json};

/// Timeout in milliseconds.
const LIMIT_MS: u32 = 10_000;
/// Most types that one endpoint may list: every one by its name, and their beginnings.
const TYPES_MAX: usize = 2 * MessageType::ALL.len();
const URL: Form = Form::destination();

/// Ports that webhooks may be sent to.
const PORTS: [u16; 2] = [443, 8443];

/// Where webhooks may go, besides the fixed rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostRules {
    /// For development: allows this machine, and plain http.
    pub anywhere: bool,
    /// Hosts of this installation. Webhooks to them and their subdomains are not allowed.
    pub own_hosts: Vec<String>,
}

impl HostRules {
    /// The same rules, with the host of an address added to the own hosts.
    pub fn with_own_host(&self, address: &str) -> HostRules {
        let mut rules = self.clone();
        rules.own_hosts.extend(WebAddress::parse(address).map(|at| at.host));
        rules
    }
}

/// The endpoint that an operator requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEndpoint {
    pub url: String,
    /// Message types, or their prefixes up to a dot; empty for all.
    pub types: Vec<String>,
    /// The host's own secret; `None`: we generate one.
    pub secret: Option<String>,
}

/// An operator's request to send a message again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayRequest {
    /// One recipient, or `None` for all that did not receive it.
    pub target: Option<String>,
    pub reason: String,
}

/// `{"url", "types"?, "secret"?}`.
pub fn read(body: &[u8], rules: &HostRules) -> Result<NewEndpoint, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["url", "types", "secret"])?;
    let url = fields.required_text("url", &URL)?;
    check(&url, rules).map_err(|must| fields.invalid("url", "malformed", must))?;
    let secret = fields.text("secret", &ID)?;
    match secret.as_deref().map(|secret| (Secret::parse(secret), is_guessable(secret))) {
        Some((Err(why), _)) => {
            return Err(fields.invalid("secret", "malformed", &format!("be a signing secret: {why}")));
        }
        Some((_, true)) => {
            return Err(fields.invalid("secret", "malformed", "be random: this secret is published or has a pattern"));
        }
        _ => {}
    }
    Ok(NewEndpoint { url, types: types(&fields)?, secret })
}

pub fn replay(body: &[u8]) -> Result<ReplayRequest, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["target", "reason"])?;
    let reason = fields.text("reason", &NAME)?.filter(|r| !r.trim().is_empty());
    Ok(ReplayRequest { target: fields.text("target", &ID)?, reason: reason.ok_or_else(|| fields.missing("reason"))? })
}

fn types(fields: &Fields) -> Result<Vec<String>, Invalid> {
    let Some(given) = fields.get("types") else { return Ok(Vec::new()) };
    let known = |k: &str| MessageType::ALL.iter().any(|kind| kind.is_named_by(k));
    let listed: Option<Vec<String>> = given
        .as_array()
        .and_then(|all| all.iter().map(|v| v.as_str().filter(|k| known(k)).map(str::to_owned)).collect());
    listed.filter(|all| all.len() <= TYPES_MAX).ok_or_else(|| {
        let rule = format!("be a list of at most {TYPES_MAX} message types, such as reward or payout.sent");
        fields.invalid("types", "unsupported", &rule)
    })
}

/// Checks whether webhooks may be sent to this address; the error is the rule that it breaks.
pub fn check(url: &str, rules: &HostRules) -> Result<(), &'static str> {
    let at = WebAddress::parse(url).ok_or("be an absolute https URL without credentials or fragment")?;
    if rules.anywhere {
        return Ok(());
    }
    if !at.is_https {
        return Err("start with https://");
    }
    if at.port.is_some_and(|port| !PORTS.contains(&port)) {
        return Err("have no port, or port 443 or 8443");
    }
    if at.is_number() || at.is_private_name() {
        return Err("name a public host, not an IP address or a private network name");
    }
    if rules.own_hosts.iter().any(|own| at.is_at_or_below(own)) {
        return Err("not point to this installation's own hosts (unless WEBHOOKS_OWN_ZONE=yes is set)");
    }
    Ok(())
}

/// A message as its receiver gets it: the same bytes on every attempt.
pub fn body(kind: &str, at: UtcMillis, data: &Value) -> Vec<u8> {
    json!({"type": kind, "timestamp": at.to_rfc3339(), "data": data}).to_string().into_bytes()
}

/// The signed request. `id` is the message's id and contains no dot; `now` is when it is sent.
pub fn request(url: &str, secret: &Secret, id: &str, body: Vec<u8>, now: UtcMillis) -> OutgoingRequest {
    let timestamp = now.0.div_euclid(SECOND_MS);
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("user-agent", "Manicule".to_owned()),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", sign(secret, id, timestamp, &body)),
    ];
    OutgoingRequest { method: "POST", url: url.to_owned(), headers, body, limit_ms: LIMIT_MS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_names_are_called() {
        for url in ["https://a.example/hook", "https://hooks.a.example:8443/x?y=%20z", "HTTPS://A.example"] {
            assert_eq!(check(url, &HostRules::default()), Ok(()), "{url}");
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
            assert!(check(url, &HostRules::default()).is_err(), "{url}");
        }
        for url in [
            "https://a.example:80/",
            "https://a.example:22/",
            "https://a.example:9443/",
            "https://10.0.0.1.nip.io/",
            "https://x.svc/",
            "https://lvh.me",
        ] {
            assert!(check(url, &HostRules::default()).is_err(), "{url}");
        }
        let own = HostRules::default().with_own_host("https://Shop.example/x").with_own_host("nothing");
        for url in ["https://shop.example/hook", "https://hooks.shop.example/", "https://shop.example:8443/"] {
            assert!(check(url, &own).is_err(), "{url}");
        }
        assert_eq!(check("https://other-shop.example/", &own), Ok(()));
        let anywhere = HostRules { anywhere: true, ..own };
        assert_eq!(check("http://127.0.0.1:9000/hook", &anywhere), Ok(()));
        assert!(check("http://u@127.0.0.1", &anywhere).is_err());
        assert!(check("/hook", &anywhere).is_err());
    }

    #[test]
    fn endpoints_are_read_strictly() {
        let read = |body: &str| read(body.as_bytes(), &HostRules::default()).map_err(|e| (e.field, e.code));
        let good = read(r#"{"url":"https://a.example/h","types":["reward.granted","payout"]}"#).unwrap();
        assert_eq!(good.types, ["reward.granted", "payout"]);
        assert_eq!(good.secret, None);
        let field = |body: &str| read(body).unwrap_err();
        assert_eq!(field(r#"{}"#), ("url".into(), "missing"));
        assert_eq!(field(r#"{"url":"https://10.0.0.1"}"#), ("url".into(), "malformed"));
        assert_eq!(field(r#"{"url":"https://a.example","secret":"whsec_short"}"#), ("secret".into(), "malformed"));
        for secret in [format!("whsec_{}", "AAAA".repeat(11)), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()] {
            let body = format!(r#"{{"url":"https://a.example","secret":"{secret}"}}"#);
            assert_eq!(field(&body), ("secret".into(), "malformed"), "{secret}");
        }
        // Every type by its own name, also those that are no email.
        for kind in MessageType::ALL {
            let body = format!(r#"{{"url":"https://a.example/h","types":["{}"]}}"#, kind.name());
            assert_eq!(read(&body).map(|new| new.types), Ok(vec![kind.name().to_owned()]));
        }
        for types in [r#""reward""#, r#"["rew"]"#, r#"["reward."]"#, "[1]", r#"["nothing"]"#] {
            let body = format!(r#"{{"url":"https://a.example","types":{types}}}"#);
            assert_eq!(field(&body), ("types".into(), "unsupported"), "{types}");
        }
    }
}
