//! A form's submission as the visitor's browser sends it to plugin-forms, `{"formId","data"}`, seen while it is passed
//! on.
//!
//! It becomes the event that the plugin's webhook would (see the parent), with two differences. The token of the
//! visitor's cookie takes the place of an empty `ref`. And fields that the form does not have arrive here as well,
//! because only the plugin knows them, so a submission that names an account is left to the webhook: anybody could
//! name anybody's.
//!
//! Neither the plugin's answer nor the request has the webhook's `submissionId`. What both have is [`identity`]: the
//! type with the email, or else with all that was typed. Together with the time it is one submission.

use crate::base::time::UtcMillis;
use crate::codec::event::emdash::{form_credential, form_event, form_kind};
use crate::codec::fields::Fields;
use crate::codec::json;
use crate::codec::json::Invalid;
use crate::engine::event::Event;
use serde_json::Value;

/// Fields that say who referred a visitor, not what was submitted. The last is the trap for robots.
const NOT_TYPED: [&str; 5] = ["ref", "visitor", "partner", "code", TRAP];
/// A person leaves it empty. The plugin answers a robot as if it had been taken.
const TRAP: &str = "_hp";
/// Fields that name an account.
const ACCOUNT: [&str; 2] = ["account_id", "user_id"];

/// What a submission is known by, in the browser's request and in the plugin's webhook. `None`: it can't be read.
pub fn identity(body: &[u8]) -> Option<String> {
    let json = json::read(body).ok()?;
    let data = Fields::of_body(&json).ok()?.object("data").ok()?.typed();
    let kind = form_kind(&data).ok()?;
    if let Ok(Some(email)) = data.email("email") {
        return Some(format!("{kind} {}", email.to_lowercase()));
    }
    let fields = json.get("data")?.as_object()?;
    let mut typed: Vec<String> = fields
        .iter()
        .filter(|(name, _)| !NOT_TYPED.contains(&name.as_str()))
        .filter_map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned());
            (!text.is_empty() && !value.is_null()).then(|| Value::from(vec![name.clone(), text]).to_string())
        })
        .collect();
    typed.sort();
    Some(format!("{kind} {}", typed.join(" ")))
}

/// The event of a submission that the plugin has taken. `None`: a robot's, or one that is the webhook's to tell.
pub fn event(body: &[u8], id: &str, token: Option<String>, now: UtcMillis) -> Result<Option<Event>, Invalid> {
    let json = json::read(body)?;
    let data = Fields::of_body(&json)?.object("data")?.typed();
    let is_filled =
        |name: &&str| data.get(name).is_some_and(|value| value.as_str().is_none_or(|text| !text.is_empty()));
    if data.is_absent() || is_filled(&TRAP) || ACCOUNT.iter().any(is_filled) {
        return Ok(None);
    }
    let mut credential = form_credential(&data)?;
    if credential.token.is_none() && credential.code.is_none() {
        credential.token = token;
    }
    Ok(Some(Event { credential, ..form_event(&data, id, now)? }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: UtcMillis = UtcMillis(1_795_169_415_487);

    fn read(data: &Value) -> Option<Event> {
        let body = json!({"formId": "signup", "data": data}).to_string();
        event(body.as_bytes(), "edge_1", Some("v1.k.p.m".to_owned()), NOW).unwrap()
    }

    #[test]
    fn the_cookie_takes_the_place_of_an_empty_ref() {
        let event = read(&json!({"email": "a@b.example", "ref": "", "manicule_event": "account.signed_up"})).unwrap();
        assert_eq!((event.id.as_str(), event.account_id.as_deref()), ("emdash-form:edge_1", Some("form:edge_1")));
        assert_eq!(event.credential.token.as_deref(), Some("v1.k.p.m"));
        let named = read(&json!({"email": "a@b.example", "ref": "PARTNER_1"})).unwrap();
        assert_eq!((named.credential.token, named.credential.code.as_deref()), (None, Some("PARTNER_1")));
        for none in [json!({"_hp": "robot"}), json!({"_hp": 1}), json!({"account_id": "a"}), json!({"user_id": "a"})] {
            assert_eq!(read(&none), None, "{none}");
        }
        assert!(read(&json!({"_hp": "", "account_id": ""})).is_some());
    }

    #[test]
    fn the_request_and_the_webhook_are_known_by_the_same() {
        let of = |data: Value| identity(json!({"formId": "x", "data": data}).to_string().as_bytes());
        let request = of(json!({"email": " A@b.example ", "ref": "", "_hp": "", "unknown": 1}));
        assert_eq!(request, of(json!({"email": "a@b.example", "name": "n"})));
        assert!(request.is_some());
        assert_ne!(request, of(json!({"email": "a@b.example", "manicule_event": "demo.requested"})));
        let typed = of(json!({"message": " hello ", "ref": "v1.x", "empty": ""}));
        assert_eq!(typed, of(json!({"message": "hello", "_hp": ""})));
        assert_ne!(typed, of(json!({"message": "hullo"})));
        assert_eq!((identity(b"[]"), identity(b"{\"data\":7}"), identity(b"")), (None, None, None));
    }
}
