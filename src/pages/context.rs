//! One browser request: its session, its locale, and its page's one batch of reads.

use crate::base::id;
use crate::base::ids::PartnerId;
use crate::base::time::UtcMillis;
use crate::codec::cookie_header;
use crate::engine::identity::access::Need;
use crate::http::auth::hex_sha256;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::{Request, Response};
use crate::pages::form::SubmittedForm;
use crate::pages::locale::Locale;
use crate::pages::text::shared::error as text;
use crate::service::context::{Context, fresh_secret};
use crate::service::error::{AppError, ErrorKind};
use crate::store::identity::session;
use crate::store::identity::session::SessionRow;
use crate::store::port::{DbError, Rows, Stmt};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::cell::RefCell;
use std::pin::Pin;
use subtle::ConstantTimeEq;

/// The session's token and, after a dot, the id of the partner that the pages are about.
pub const SESSION_COOKIE: &str = "__Host-manicule_session";
/// The secret that protects the forms of a person who is not signed in.
pub const FORM_COOKIE: &str = "__Host-manicule_form";
/// Where a person came from who went to sign in at the site.
pub const RETURN_COOKIE: &str = "__Host-manicule_return";
/// The form field that proves the form came from one of our pages.
pub const CSRF_FIELD: &str = "form_token";

/// Why a page cannot be shown.
#[derive(Debug)]
pub enum PageError {
    /// Nobody is signed in, or not in the role that this page is for.
    SignIn,
    /// The person has no program yet, or has several and has not chosen one.
    ChoosePartner,
    Error(AppError),
}

impl From<AppError> for PageError {
    fn from(error: AppError) -> PageError {
        PageError::Error(error)
    }
}

impl From<DbError> for PageError {
    fn from(error: DbError) -> PageError {
        PageError::Error(error.into())
    }
}

pub type PageResult = Result<Response, PageError>;

/// A page's future. Boxed: an unboxed one would be as large as the largest page's.
pub type Handled<'a> = Pin<Box<dyn Future<Output = PageResult> + 'a>>;

/// One entry of an area's navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NavigationEntry {
    pub path: &'static str,
    pub title: &'static str,
    /// What an operator needs in order to see it.
    pub need: Need,
}

pub struct PageContext<'a, S: Platform> {
    pub app: &'a RequestContext<'a, S>,
    pub request: &'a Request,
    pub locale: Box<dyn Locale>,
    /// The submitted form; empty for a GET.
    pub form: SubmittedForm,
    token: Option<String>,
    claimed_partner: PartnerId,
    form_secret: String,
    /// The area's navigation, in order.
    pub navigation: Vec<NavigationEntry>,
    /// Whether the form's secret is new and must be set as a cookie.
    fresh: bool,
    /// The session's Set-Cookie, if this request changed it.
    pub(crate) cookie: RefCell<Option<String>>,
    /// The session's new token, if this request rotated it.
    pub(crate) rotated: RefCell<Option<String>>,
}

impl<'a, S: Platform> PageContext<'a, S> {
    pub fn of(app: &'a RequestContext<'a, S>, request: &'a Request, locale: Box<dyn Locale>) -> PageContext<'a, S> {
        let cookie = |name: &str| cookie_header::only(request.header("cookie").unwrap_or(""), name).map(str::to_owned);
        let (token, claimed_partner) = match cookie(SESSION_COOKIE) {
            Some(value) => {
                let (token, claimed_partner) = value.split_once('.').unwrap_or((&value, ""));
                (Some(token.to_owned()).filter(|t| !t.is_empty()), PartnerId::from(claimed_partner))
            }
            None => (None, PartnerId::default()),
        };
        let kept = cookie(FORM_COOKIE).filter(|secret| secret.len() >= 32);
        let fresh = token.is_none() && kept.is_none();
        let form_secret = kept.unwrap_or_else(|| fresh_secret(app.site));
        let form = if request.method == "POST" { SubmittedForm::read(&request.body) } else { SubmittedForm::default() };
        let (cookie, rotated) = (RefCell::default(), RefCell::default());
        PageContext {
            app,
            request,
            locale,
            form,
            token,
            claimed_partner,
            form_secret,
            navigation: Vec::new(),
            fresh,
            cookie,
            rotated,
        }
    }

    pub fn now(&self) -> UtcMillis {
        self.app.now
    }

    /// The base URL of the links shown.
    pub fn base_url(&self) -> String {
        self.app.config.base_url(&self.request.origin)
    }

    /// The partner id that the browser claims. Reads may be bound to it: nothing they find is shown before
    /// it is known that the session has such a partner.
    pub fn claimed_partner(&self) -> &PartnerId {
        &self.claimed_partner
    }

    /// Hex SHA-256 of the session's token, if there is one.
    pub fn token_sha256(&self) -> Option<String> {
        self.token.as_ref().map(|token| hex_sha256(token.as_bytes()))
    }

    /// The session's token as the browser sent it.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The session, if there is one, and the answers to a page's statements, in one batch.
    pub(crate) async fn with_session(
        &self,
        statements: Vec<Stmt>,
    ) -> Result<(Option<SessionRow>, Vec<Rows>), PageError> {
        let ctx = self.app.context("");
        let Some(token) = self.token_sha256() else { return Ok((None, ctx.batch(statements).await?)) };
        let mut all = vec![session::session_find(&token, &self.claimed_partner, self.now()).statement];
        all.extend(statements);
        let mut answers = ctx.batch(all).await?;
        let rest = answers.split_off(1);
        let Some(found) = answers[0].first::<SessionRow>()? else { return Ok((None, rest)) };
        match self.admit(&found).await {
            Ok(()) => Ok((Some(found), rest)),
            Err(PageError::SignIn) => Ok((None, rest)),
            Err(stop) => Err(stop),
        }
    }

    /// The context for services: its actor goes into the audit log.
    pub fn context(&self, session: &SessionRow) -> Context<'_, S> {
        self.app.context(session.actor.clone())
    }

    /// The value of every form's hidden field. It is masked differently on each page, because the length of a
    /// compressed page that holds a secret beside text of an attacker's choosing would reveal the secret.
    pub fn csrf(&self) -> String {
        let Some(mac) = self.form_mac() else { return String::new() };
        let mut mask = [0; MAC_BYTES];
        self.app.site.random(&mut mask);
        id::hex(&mask) + &id::hex(&xor(&mask, &mac))
    }

    fn form_mac(&self) -> Option<[u8; MAC_BYTES]> {
        // The half of the session's token that rotation keeps, so that forms open in other tabs stay valid.
        let stays = self.token.as_deref().map(|token| token.split('-').next().unwrap_or(token));
        let secret = stays.unwrap_or(&self.form_secret);
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
        mac.update(b"manicule form");
        Some(mac.finalize().into_bytes().into())
    }

    /// Rejects a form that did not come from one of our pages, by its origin and its hidden field.
    pub fn check_form(&self) -> Result<(), AppError> {
        let origin = self.request.header("origin");
        let from_here = match origin {
            // A page whose URL is a secret sends neither a Referer nor an Origin.
            Some("null") | None => self.request.header("sec-fetch-site") == Some("same-origin"),
            Some(origin) => origin == self.request.origin || origin == self.base_url(),
        };
        let protected = self.token.is_some() || !self.fresh;
        let matches = match (unmasked(self.form.get(CSRF_FIELD)), self.form_mac()) {
            (Some(given), Some(wanted)) => given.ct_eq(&wanted).into(),
            _ => false,
        };
        if from_here && protected && matches {
            return Ok(());
        }
        let detail = text::FOREIGN_FORM;
        Err(AppError::new(ErrorKind::Forbidden, "foreign_form", detail))
    }

    /// The Set-Cookie that a page with a form needs, if the browser has none yet.
    pub fn form_cookie(&self) -> Option<String> {
        self.fresh.then(|| format!("{FORM_COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax", self.form_secret))
    }

    /// The redirect after a form, to the page that shows its result.
    pub fn redirect_after_post(&self, path: &str) -> Response {
        let headers = vec![("location", path.to_owned()), ("cache-control", "no-store".to_owned())];
        Response { status: 303, headers, body: Vec::new(), fault: None }
    }
}

/// Bytes of an HMAC-SHA-256.
const MAC_BYTES: usize = 32;

fn xor(a: &[u8; MAC_BYTES], b: &[u8; MAC_BYTES]) -> [u8; MAC_BYTES] {
    std::array::from_fn(|at| a[at] ^ b[at])
}

/// Unmasks a form field's value: the second half is masked by the first.
fn unmasked(field: &str) -> Option<[u8; MAC_BYTES]> {
    let bytes = id::unhex(field).filter(|bytes| bytes.len() == 2 * MAC_BYTES)?;
    let (mask, masked) = bytes.split_first_chunk::<MAC_BYTES>()?;
    Some(xor(mask, masked.first_chunk()?))
}

/// A Cookie header for the site behind the Worker, without our own cookies, which the site must not see. `None` if the
/// request has none of ours.
pub fn cookies_for_site(header: &str) -> Option<String> {
    let is_ours = |pair: &&str| {
        let name = pair.split_once('=').map_or(*pair, |(name, _)| name).trim();
        [SESSION_COOKIE, FORM_COOKIE, RETURN_COOKIE].contains(&name)
    };
    let pairs: Vec<&str> = header.split(';').collect();
    let kept: Vec<&str> = pairs.iter().filter(|pair| !is_ours(pair)).map(|pair| pair.trim()).collect();
    (kept.len() < pairs.len()).then(|| kept.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_sees_no_cookie_that_signs_in_here() {
        let of = |header: &str| cookies_for_site(header);
        assert_eq!(of("theme=dark; __Host-manicule=v1.a; __Host-manicule_sessions=1"), None);
        assert_eq!(
            of("a=1;__Host-manicule_session=x.y; b=2;  __Host-manicule_form=z; __Host-manicule_return=%2Fpartner")
                .as_deref(),
            Some("a=1; b=2")
        );
        assert_eq!(of("__Host-manicule_session=x=y").as_deref(), Some(""));
        assert_eq!(of(" __Host-manicule_session =x; __Host-manicule_form").as_deref(), Some(""));
    }
}
