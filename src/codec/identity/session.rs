//! Who is signed in at the EmDash site, from its response to `GET /_emdash/api/auth/me`.

use crate::base::decode;
use crate::codec::cookie_header;
use serde::Deserialize;

/// The cookie that holds EmDash's session, unless EmDash is configured with another name.
pub const COOKIE: &str = "astro-session";
/// The path where EmDash reports who is signed in.
pub const PATH: &str = "/_emdash/api/auth/me";
/// An EmDash role: users with this role or a higher one may be partners.
pub const ROLE_SUBSCRIBER: i64 = 10;

/// A signed-in user of the site.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SiteUser {
    pub id: String,
    pub email: String,
    pub name: Option<String>,
    pub role: i64,
}

/// Reads the response: a user, nobody (401, 403), or an error, which never counts as signed in.
pub fn read(status: u16, body: &str) -> Result<Option<SiteUser>, String> {
    #[derive(Deserialize)]
    struct SiteSession {
        success: bool,
        data: Option<SiteUser>,
    }
    match status {
        200 => match decode::from_text::<SiteSession>(body) {
            Ok(SiteSession { success: true, data: Some(user) }) if !user.id.is_empty() => Ok(Some(user)),
            Ok(_) => Err("EmDash answered 200 without a user".to_owned()),
            Err(why) => Err(format!("EmDash's response can't be read: {why}")),
        },
        401 | 403 => Ok(None),
        status => Err(format!("EmDash answered {status}")),
    }
}

/// The name of the session's cookie, by the setting.
pub fn named(setting: &str) -> &str {
    if setting.is_empty() { COOKIE } else { setting }
}

/// Only the session cookie, `name=value`: the only part of a Cookie header that the site receives, and the key under
/// which its response is cached. Without this cookie, the site is not called.
pub fn session_cookie(header: &str, name: &str) -> Option<String> {
    let name = named(name);
    cookie_header::only(header, name).map(|value| format!("{name}={value}"))
}

/// The session that an answer of the site starts, `name=value`, from its Set-Cookie headers.
pub fn started<'a>(set_cookies: impl Iterator<Item = &'a str>, name: &str) -> Option<String> {
    let (name, value) = set_session(set_cookies, name)?;
    (!is_deleted(value)).then(|| format!("{name}={value}"))
}

/// Whether an answer of the site deletes the session's cookie.
pub fn ended<'a>(set_cookies: impl Iterator<Item = &'a str>, name: &str) -> bool {
    set_session(set_cookies, name).is_some_and(|(_, value)| is_deleted(value))
}

/// Astro writes this value when it deletes a cookie.
fn is_deleted(value: &str) -> bool {
    value.is_empty() || value == "deleted"
}

/// Name and value of the session's cookie. Of several, browsers keep the last.
fn set_session<'a>(set_cookies: impl Iterator<Item = &'a str>, name: &str) -> Option<(&'a str, &'a str)> {
    let wanted = named(name);
    let pairs = set_cookies.filter_map(|header| header.split(';').next()?.split_once('='));
    pairs.map(|(name, value)| (name.trim(), value.trim())).filter(|(name, _)| *name == wanted).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_named_user_is_signed_in() {
        let me = r#"{"success":true,"data":{"id":"01M7","email":"p@example.com","name":"p","role":10,"avatarUrl":null,"isFirstLogin":true}}"#;
        let user = read(200, me).unwrap().unwrap();
        assert_eq!((user.id.as_str(), user.role), ("01M7", 10));
        let refused = r#"{"success":false,"error":{"code":"NOT_AUTHENTICATED","message":"Not authenticated"}}"#;
        for (status, body, nobody) in [
            (401, refused, true),
            (403, refused, true),
            (200, refused, false),
            (200, "<html>", false),
            (200, "{}", false),
            (500, me, false),
            (302, me, false),
        ] {
            assert_eq!(read(status, body).is_ok_and(|u| u.is_none()), nobody, "{status} {body}");
        }
    }

    #[test]
    fn the_session_is_found_among_cookies() {
        let of = |header: &str| session_cookie(header, "");
        assert_eq!(of("a=1; astro-session=abc; b=2").as_deref(), Some("astro-session=abc"));
        for none in ["xastro-session=abc", "astro-session=", "", "\u{2000}astro-session=planted"] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(of("\u{2000}astro-session=planted; astro-session=own").as_deref(), Some("astro-session=own"));
        assert_eq!(of("astro-session=planted; astro-session=own"), None, "of two nobody can say which");
        assert_eq!(session_cookie("sid=a; astro-session=b", "sid").as_deref(), Some("sid=a"));
    }

    #[test]
    fn an_answer_starts_or_ends_a_session() {
        let uuid = "astro-session=a9cde0a6-1; Path=/; HttpOnly; Secure; SameSite=Lax";
        let deleted = "astro-session=deleted; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly";
        for (headers, start, end) in [
            (vec![uuid], Some("astro-session=a9cde0a6-1"), false),
            (vec!["theme=dark", uuid, "x=astro-session=b"], Some("astro-session=a9cde0a6-1"), false),
            (vec![deleted], None, true),
            (vec![uuid, deleted], None, true),
            (vec!["xastro-session=a", "astro-session", ""], None, false),
            (vec![], None, false),
        ] {
            assert_eq!(started(headers.iter().copied(), "").as_deref(), start, "{headers:?}");
            assert_eq!(ended(headers.iter().copied(), ""), end, "{headers:?}");
        }
        assert_eq!(started(["sid=a; Path=/"].into_iter(), "sid").as_deref(), Some("sid=a"));
    }

    proptest::proptest! {
        #[test]
        fn no_answer_panics_or_signs_in_by_accident(status in 100u16..600, body in "\\PC*") {
            let read = read(status, &body);
            proptest::prop_assert!(!matches!(read, Ok(Some(_))), "{body} signs somebody in");
        }
    }
}
