//! What EmDash's own answers say of a user who has just been made, as the Worker sees them while passing them on.
//!
//! Source: EmDash 0.32.0, run. `invite/complete` and `signup/complete` answer
//! `{"success":true,"data":{"success":true,"user":{"id","email","name","role"}}}`. Its failures have another status, or
//! no user. A callback has no body: who signed in is asked with the session that it sets. Ids are ULIDs, made at the
//! instant of the sign-up.

use crate::base::time::{MINUTE_MS, UtcMillis};
use crate::codec::event::sign_up::NewUser;
use crate::codec::identity::session::SiteUser;
use serde::Deserialize;

/// A callback serves sign-ins, too. It made the user only if the user's id is younger than this.
const FRESH_MS: i64 = 10 * MINUTE_MS;
/// Characters of a ULID, and those of them that are its instant.
const ULID_CHARS: usize = 26;
const INSTANT_CHARS: usize = 10;
const CROCKFORD: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The user whom a completed sign-up made.
pub fn completed(body: &[u8]) -> Option<NewUser> {
    #[derive(Deserialize)]
    struct Answer {
        success: bool,
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        success: Option<bool>,
        user: User,
    }
    #[derive(Deserialize)]
    struct User {
        id: String,
        email: Option<String>,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let is_made = answer.success && answer.data.success != Some(false);
    is_made.then(|| NewUser::of(answer.data.user.id, answer.data.user.email)).flatten()
}

/// The user who signed in, if the sign-in also made the user. Nothing but the id decides.
pub fn just_made(user: SiteUser, now: UtcMillis) -> Option<NewUser> {
    let age = now.0 - made_at(&user.id)?.0;
    // The clocks of two machines differ.
    (age.abs() < FRESH_MS).then(|| NewUser::of(user.id, Some(user.email))).flatten()
}

/// The instant in a ULID. `None` for other ids.
fn made_at(id: &str) -> Option<UtcMillis> {
    if id.len() != ULID_CHARS {
        return None;
    }
    let digit = |byte: u8| CROCKFORD.iter().position(|known| *known == byte).map(|at| at as i64);
    let digits: Vec<i64> = id.bytes().map(digit).collect::<Option<_>>()?;
    // 128 bits in 26 characters: the first holds three.
    (digits[0] < 8).then(|| UtcMillis(digits[..INSTANT_CHARS].iter().fold(0, |sum, digit| sum * 32 + digit)))
}

/// Whether a form's answer says that the submission was taken. Refused fields are answered with 200 as well.
pub fn submitted(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Answer {
        success: bool,
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        success: bool,
    }
    serde_json::from_slice::<Answer>(body).is_ok_and(|answer| answer.success && answer.data.success)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01M8JH2ZC89TWKFX499T6M6QS0";

    fn user(id: &str) -> SiteUser {
        SiteUser { id: id.to_owned(), email: "fay@friends.example".to_owned(), name: None, role: 10 }
    }

    #[test]
    fn a_completed_sign_up_names_its_user() {
        let body = r#"{"success":true,"data":{"success":true,"user":{"id":"01M8JH2ZC89TWKFX499T6M6QS0","email":"fay@friends.example","name":"Fay","role":10}}}"#;
        let made = completed(body.as_bytes()).unwrap();
        assert_eq!((made.id.as_str(), made.email.as_deref()), (ID, Some("fay@friends.example")));
        for other in [
            body.replacen("true", "false", 1),
            body.replacen("{\"success\":true,\"user\"", "{\"success\":false,\"user\"", 1),
            body.replace(ID, ""),
            body.replace(ID, "a b"),
            body.replace("\"user\"", "\"account\""),
            r#"{"success":false,"error":{"code":"INVALID_TOKEN","message":"m"}}"#.to_owned(),
            "<html>".to_owned(),
            String::new(),
        ] {
            assert!(completed(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn only_a_fresh_ulid_was_made_just_now() {
        let at = made_at(ID).unwrap();
        assert_eq!(at.to_rfc3339().get(..10), Some("2026-11-29"), "{at:?}");
        for (age, is_new) in
            [(0, true), (FRESH_MS - 1, true), (FRESH_MS, false), (86_400_000, false), (-FRESH_MS, false)]
        {
            assert_eq!(just_made(user(ID), at.plus_ms(age)).is_some(), is_new, "{age}");
        }
        for other in [
            "",
            "1",
            &ID.to_lowercase(),
            &ID[1..],
            &format!("{ID}0"),
            &ID.replace('M', "U"),
            "81M8JH2ZC89TWKFX499T6M6QS0",
        ] {
            assert!(just_made(user(other), at).is_none(), "{other}");
        }
    }

    #[test]
    fn refused_fields_are_no_submission() {
        for (body, is_taken) in [
            (r#"{"success":true,"data":{"success":true,"message":"Thank you for your submission."}}"#, true),
            (r#"{"success":true,"data":{"success":false,"errors":[{"field":"email","message":"m"}]}}"#, false),
            (r#"{"success":false,"error":{"code":"NOT_FOUND","message":"m"}}"#, false),
            (r#"{"success":true}"#, false),
            ("", false),
        ] {
            assert_eq!(submitted(body.as_bytes()), is_taken, "{body}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(body in "\\PC*", id in "\\PC{0,30}") {
            let _ = (completed(body.as_bytes()), submitted(body.as_bytes()), made_at(&id));
        }
    }
}
