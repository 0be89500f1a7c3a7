//! Sign-ups that are seen while requests are passed on to the site: a visitor's own request, with the visitor's cookie,
//! and the site's answer to it.
//!
//! In scope: which requests are watched, by their whole path as sent, and what an answer to one tells. Not in scope:
//! passing on, which is in `runtime`. Only the origin answers, so an answer is believed; what a request says is not.

use crate::codec::attribution::cookie;
use crate::codec::cookie_header;
use crate::codec::event::emdash::{answer, submission};
use crate::codec::event::sign_up::{NewUser, SignUpPath};
use crate::codec::identity::session;
use crate::engine::event::Event;
use crate::http::auth::hex_sha256;
use crate::http::config::Config;
use crate::http::context::{Platform, RequestContext};
use crate::http::event::{submissions, webhooks};
use crate::http::exchange::Request;
use crate::http::link::redirect::consents;
use crate::service::error::{AppError, ErrorKind};
use crate::store::account::customer;

/// EmDash's paths. All of them, and nothing that only starts or ends like one.
const AUTH: &str = "/_emdash/api/auth/";
const COMPLETE: &[&str] = &["invite/complete", "signup/complete", "atproto/complete-profile"];
const CALLBACKS: &[&str] = &["atproto/callback", "atproto/verify-email"];
const LOGOUT: &str = "logout";
const SUBMIT: &str = "/_emdash/api/plugins/emdash-forms/submit";

/// Who tells of a sign-up, as events name it.
const USERS: &str = "emdash-user";

/// What a passed request may turn out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// A sign-up at EmDash, whose answer names the user.
    Complete,
    /// A sign-in elsewhere that may have made the user.
    Callback,
    Logout,
    /// A form of EmDash's plugin.
    Form,
    /// A sign-up at a path of the site's own.
    Own(SignUpPath),
}

impl Watched {
    /// `None`: the request is passed on and not looked at.
    pub fn of(method: &str, path: &str, config: &Config) -> Option<Watched> {
        let auth = path.strip_prefix(AUTH);
        match (method, auth) {
            ("POST", Some(LOGOUT)) => Some(Watched::Logout),
            ("POST", Some(rest)) if COMPLETE.contains(&rest) => Some(Watched::Complete),
            ("GET", Some(rest)) if CALLBACKS.contains(&rest) || is_oauth(rest) => Some(Watched::Callback),
            ("POST", None) if path == SUBMIT => Some(Watched::Form),
            ("POST" | "PUT", None) => {
                config.sign_up_paths.iter().find(|own| own.path == path).cloned().map(Watched::Own)
            }
            _ => None,
        }
    }

    /// Whether the request's body is read.
    pub fn reads_request(&self) -> bool {
        matches!(self, Watched::Form | Watched::Own(_))
    }

    /// Whether an answer with this status can tell of a sign-up.
    pub fn is_answer(&self, status: u16) -> bool {
        match self {
            Watched::Complete | Watched::Form => status == 200,
            Watched::Callback => status == 302,
            Watched::Logout => matches!(status, 200 | 302),
            Watched::Own(_) => (200..300).contains(&status),
        }
    }

    /// Whether the answer's body is read.
    pub fn reads_answer(&self) -> bool {
        matches!(self, Watched::Complete | Watched::Form | Watched::Own(_))
    }
}

/// How the paths begin that are watched.
pub fn beginnings(config: &Config) -> impl Iterator<Item = String> + '_ {
    let own = config.sign_up_paths.iter().map(|own| own.path.clone());
    own.chain([AUTH.to_owned(), SUBMIT.to_owned()])
}

fn is_oauth(rest: &str) -> bool {
    let provider = rest.strip_prefix("oauth/").and_then(|rest| rest.strip_suffix("/callback"));
    provider.is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
}

/// A watched request and the site's answer to it.
#[derive(Default)]
pub struct Passed {
    /// The visitor's request. Its body is empty unless it is read.
    pub request: Request,
    pub set_cookies: Vec<String>,
    /// The answer's body; empty unless it is read, or if it is too long.
    pub answer: Vec<u8>,
}

impl Passed {
    /// The session that the answer starts, `name=value`.
    pub fn session(&self, config: &Config) -> Option<String> {
        session::started(self.set_cookies.iter().map(String::as_str), &config.emdash_session_cookie)
    }

    /// Whether the answer ends the session.
    pub fn ends_session(&self, config: &Config) -> bool {
        session::ended(self.set_cookies.iter().map(String::as_str), &config.emdash_session_cookie)
    }
}

/// Takes the sign-up in, if it is one. Again it changes nothing.
pub async fn tell<S: Platform>(
    app: &RequestContext<'_, S>,
    watched: &Watched,
    passed: &Passed,
) -> Result<(), AppError> {
    let Some((source, event)) = event(app, watched, passed).await? else { return Ok(()) };
    // The same user is the same sign-up, whatever else an answer says.
    let digest = hex_sha256(event.id.as_bytes());
    webhooks::take_in(app, source, digest, event).await.map(|_| ())
}

async fn event<S: Platform>(
    app: &RequestContext<'_, S>,
    watched: &Watched,
    passed: &Passed,
) -> Result<Option<(&'static str, Event)>, AppError> {
    let (source, from, user) = match watched {
        Watched::Complete => (USERS, USERS, answer::completed(&passed.answer)),
        Watched::Callback => (USERS, USERS, called_back(app, passed).await?),
        Watched::Own(own) => (customer::SITE_FORMS, customer::SITE_FORMS, own_user(own, passed)),
        Watched::Form => return Ok(submitted(app, passed).await?.map(|event| (webhooks::FORMS, event))),
        Watched::Logout => return Ok(None),
    };
    Ok(user.map(|user| (source, user.sign_up(from, token(app, &passed.request), app.now))))
}

/// The user of the session that a callback started, if the callback made the user.
async fn called_back<S: Platform>(app: &RequestContext<'_, S>, passed: &Passed) -> Result<Option<NewUser>, AppError> {
    let Some(cookie) = passed.session(app.config) else { return Ok(None) };
    // EmDash keeps a session's id when another user signs in with it.
    app.site.forget_session(&cookie);
    let user = app.site.session(&cookie).await.map_err(|why| {
        AppError::new(ErrorKind::Transient, "session_unavailable", "the site can't say who signed in").cause(why)
    })?;
    Ok(user.and_then(|user| answer::just_made(user, app.now)))
}

/// The event of a form that the site took, unless it was told a moment ago.
async fn submitted<S: Platform>(app: &RequestContext<'_, S>, passed: &Passed) -> Result<Option<Event>, AppError> {
    let body = &passed.request.body;
    let names = if answer::submitted(&passed.answer) { submissions::names(app, body, app.now) } else { None };
    let Some(names) = names else { return Ok(None) };
    if submissions::earlier_outcome(app, &names).await?.is_some() {
        return Ok(None);
    }
    Ok(submission::event(body, &names[0], token(app, &passed.request), app.now)?)
}

fn own_user(own: &SignUpPath, passed: &Passed) -> Option<NewUser> {
    NewUser::of(own.account(&passed.answer)?, typed_email(&passed.request))
}

/// The address that a request names, in JSON or as a form.
fn typed_email(request: &Request) -> Option<String> {
    let kind = request.header("content-type").unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        let form = Request { query: String::from_utf8(request.body.clone()).ok()?, ..Request::default() };
        return form.param("email").map(|email| email.trim().to_owned());
    }
    let body: serde_json::Value = serde_json::from_slice(&request.body).ok()?;
    Some(body.get("email")?.as_str()?.trim().to_owned())
}

/// The token of the visitor's cookie. None without the visitor's consent.
fn token<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Option<String> {
    let cookies = request.header("cookie")?;
    let keys = app.config.cookie_keys.as_ref().filter(|_| consents(Some(cookies), &app.config.consent_cookie))?;
    // Only a good one: a sign-up without a token may still have been referred otherwise.
    cookie::read(keys, cookies)?;
    cookie_header::only(cookies, keys.name()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_paths_are_watched_and_nothing_like_them() {
        let own = SignUpPath::parse("/api/demo=account.id").unwrap();
        let config = Config { sign_up_paths: vec![own.clone()], ..Config::default() };
        for (method, path, watched) in [
            ("POST", "/_emdash/api/auth/invite/complete", Some(Watched::Complete)),
            ("POST", "/_emdash/api/auth/signup/complete", Some(Watched::Complete)),
            ("POST", "/_emdash/api/auth/atproto/complete-profile", Some(Watched::Complete)),
            ("GET", "/_emdash/api/auth/oauth/github/callback", Some(Watched::Callback)),
            ("GET", "/_emdash/api/auth/atproto/verify-email", Some(Watched::Callback)),
            ("GET", "/_emdash/api/auth/atproto/callback", Some(Watched::Callback)),
            ("POST", "/_emdash/api/auth/logout", Some(Watched::Logout)),
            ("POST", "/_emdash/api/plugins/emdash-forms/submit", Some(Watched::Form)),
            ("POST", "/_emdash/api/plugins/emdash-forms/submit/x", None),
            ("POST", "/api/demo", Some(Watched::Own(own))),
            ("GET", "/_emdash/api/auth/invite/complete", None),
            ("HEAD", "/_emdash/api/auth/oauth/github/callback", None),
            ("POST", "/_emdash/api/auth/oauth/github/callback", None),
            ("GET", "/_emdash/api/auth/oauth//callback", None),
            ("GET", "/_emdash/api/auth/oauth/a/b/callback", None),
            ("GET", "/_emdash/api/auth/oauth/a%2Fb/callback", None),
            ("POST", "/_emdash/api/auth/invite%2Fcomplete", None),
            ("POST", "/x/_emdash/api/auth/invite/complete", None),
            ("POST", "/_emdash/api/auth/invite/complete/x", None),
            ("POST", "//_emdash/api/auth/invite/complete", None),
            ("POST", "/_emdash/api/auth/passkey/verify", None),
            ("POST", "/_emdash/api/setup/admin/verify", None),
            ("GET", "/_emdash/api/auth/magic-link/verify", None),
            ("GET", "/api/demo", None),
            ("POST", "/api/demo/", None),
            ("POST", "/api/demos", None),
        ] {
            assert_eq!(Watched::of(method, path, &config), watched, "{method} {path}");
        }
    }

    #[test]
    fn a_request_may_name_an_email() {
        let of = |kind: &str, body: &str| {
            let headers = vec![("content-type".to_owned(), kind.to_owned())];
            typed_email(&Request { headers, body: body.as_bytes().to_vec(), ..Request::default() })
        };
        assert_eq!(of("application/json", r#"{"email":" a@b.example "}"#).as_deref(), Some("a@b.example"));
        assert_eq!(of("application/x-www-form-urlencoded", "x=1&email=a%40b.example").as_deref(), Some("a@b.example"));
        for (kind, body) in [("application/json", r#"{"email":7}"#), ("", ""), ("text/plain", "email=a@b.example")] {
            assert_eq!(of(kind, body), None, "{body}");
        }
    }
}
