//! Sign-ups that nobody sends as an event: the site's own answers tell of them while they are passed on.
//!
//! Which of a site's paths do, besides EmDash's, `SIGNUP_PATHS` says: `/path=field.of.answer`, several separated by
//! spaces. The field is where the answer, JSON with a status of 2xx, holds the account's id. An answer without it is no
//! sign-up.

use crate::base::time::UtcMillis;
use crate::codec::fields::PART_ID;
use crate::codec::json;
use crate::codec::message::email::is_address;
use crate::engine::event::{Credential, Event, Payload, Person};
use crate::program::event::EventType;
use serde_json::Value;

/// A user or account that the site has just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    pub id: String,
    pub email: Option<String>,
}

impl NewUser {
    /// `None` if this can't be an account's id. Something else than an address counts as none.
    pub fn of(id: String, email: Option<String>) -> Option<NewUser> {
        let email = email.filter(|email| is_address(email));
        (!id.is_empty() && PART_ID.allows(&id)).then_some(NewUser { id, email })
    }

    /// Its sign-up: one, however often it is told. `from` keeps the ids of different places apart.
    pub fn sign_up(self, from: &str, token: Option<String>, now: UtcMillis) -> Event {
        Event {
            id: format!("{from}:{}", self.id).into(),
            kind: EventType::AccountSignedUp.name().to_owned(),
            occurred_at: now,
            account_id: Some(self.id.into()),
            person: Person { email: self.email, ..Person::default() },
            credential: Credential { token, ..Credential::default() },
            payload: Payload::SignedUp { plan: None, team_size: None },
        }
    }
}

/// A path of the site's own at which accounts are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignUpPath {
    pub path: String,
    field: String,
}

impl SignUpPath {
    /// Reads one entry of the setting, or says what is wrong with it.
    pub fn parse(entry: &str) -> Result<SignUpPath, String> {
        let must = |what: &str| Err(format!("SIGNUP_PATHS: {entry}: {what}"));
        let Some((path, field)) = entry.split_once('=') else {
            return must("write the path and where the answer holds the account's id, as in /api/join=account.id");
        };
        let is_clean = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
        let is_normal =
            path.starts_with('/') && !path.contains("//") && !path.split('/').any(|part| part == "." || part == "..");
        if !is_normal || !path.bytes().all(is_clean) {
            return must(
                "the path must be as requests have it, from its first slash on, without a host, query or escapes",
            );
        }
        if path.starts_with("/_emdash/") {
            return must("EmDash's own sign-ups are noticed without this");
        }
        if field.is_empty() || field.split('.').any(str::is_empty) {
            return must("after = comes the name of a field of the answer, with dots between levels, as in account.id");
        }
        Ok(SignUpPath { path: path.to_owned(), field: field.to_owned() })
    }

    /// The account's id in an answer.
    pub fn account(&self, answer: &[u8]) -> Option<String> {
        let answer = json::read(answer).ok()?;
        match self.field.split('.').try_fold(&answer, |at, name| at.get(name))? {
            Value::String(id) => Some(id.clone()),
            Value::Number(id) if !id.is_f64() => Some(id.to_string()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_where_the_id_is() {
        let path = SignUpPath::parse("/api/demo=account.id").unwrap();
        assert_eq!(path.path, "/api/demo");
        for (answer, id) in [
            (r#"{"account":{"id":"a-1"}}"#, Some("a-1")),
            (r#"{"account":{"id":17}}"#, Some("17")),
            (r#"{"account":{"id":1.5}}"#, None),
            (r#"{"account":{"id":null}}"#, None),
            (r#"{"account":{"id":{"id":"a"}}}"#, None),
            (r#"{"account":"a-1"}"#, None),
            (r#"{"id":"a-1"}"#, None),
            ("[]", None),
            ("account.id", None),
        ] {
            assert_eq!(path.account(answer.as_bytes()).as_deref(), id, "{answer}");
        }
        let long = format!(r#"{{"account":{{"id":"{}"}}}}"#, "a".repeat(70_000));
        assert_eq!(path.account(long.as_bytes()), None);
    }

    #[test]
    fn a_broken_entry_says_what_to_write() {
        for (entry, what) in [
            ("/api/demo", "write the path and where"),
            ("api/demo=id", "the path must be"),
            ("https://a.example/api=id", "the path must be"),
            ("/a?b=id", "the path must be"),
            ("/a%2Fb=id", "the path must be"),
            ("/a//b=id", "the path must be"),
            ("/a/../b=id", "the path must be"),
            ("/_emdash/api/auth/me=data.id", "EmDash's own"),
            ("/a=", "after = comes"),
            ("/a=b..c", "after = comes"),
        ] {
            let why = SignUpPath::parse(entry).unwrap_err();
            assert!(why.starts_with(&format!("SIGNUP_PATHS: {entry}: {what}")), "{why}");
        }
    }

    #[test]
    fn an_id_is_printable_and_an_email_an_address() {
        for id in ["", "a b", "é", &"a".repeat(129)] {
            assert_eq!(NewUser::of(id.to_owned(), None), None, "{id}");
        }
        for none in ["none", "did-plc-abc@atproto.invalid"] {
            assert_eq!(NewUser::of("u-1".to_owned(), Some(none.to_owned())).unwrap().email, None, "{none}");
        }
        let user = NewUser::of("u-1".to_owned(), None).unwrap();
        let event = user.sign_up("from", None, UtcMillis(1));
        assert_eq!((event.id.as_str(), event.account_id.as_deref()), ("from:u-1", Some("u-1")));
    }
}
