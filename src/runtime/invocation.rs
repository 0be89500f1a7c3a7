//! The ports on the runtime: D1, randomness, sessions of the EmDash site, the link caches.

use crate::base::ids::LinkCode;
use crate::base::time::UtcMillis;
use crate::codec::identity::session;
use crate::codec::identity::session::SiteUser;
use crate::codec::message::email::Mail;
use crate::codec::outgoing::{IncomingResponse, OutgoingRequest, RequestFailed};
use crate::engine::link::click::Click;
use crate::http::config::Config;
use crate::http::context::Platform;
use crate::http::context::RateLimited;
use crate::pages::locale::{Formatter, Locale};
use crate::runtime::d1::D1;
use crate::runtime::intl::Viewer;
use crate::runtime::limiter;
use crate::runtime::link::{clicks, links};
use crate::runtime::mail;
use crate::runtime::origin;
use crate::runtime::outgoing;
use crate::runtime::random;
use crate::runtime::time_limit::within;
use crate::service::context::Ports;
use crate::service::identity::sign_in::QueuedEmail;
use crate::store::port::{Allowance, Db, DbError, Rows, Stmt};
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;
use worker::{Delay, Env, Fetch, Headers, Method, Request, RequestInit, web_sys};

/// A batch that takes longer is reported as unavailable. It may have been written, which every use case expects.
const DATABASE_LIMIT: Duration = Duration::from_secs(25);
/// How long the site may take to return who is signed in.
const SESSION_LIMIT: Duration = Duration::from_secs(3);
/// How long the runtime may take to read a static file.
const ASSET_LIMIT: Duration = Duration::from_secs(3);
/// How long a session's answer is cached: so long may another isolate name the user who had the session before.
const SESSION_MS: f64 = 10_000.0;
/// Sessions cached by one isolate; beyond that the cache is cleared.
const SESSIONS_MAX: usize = 1_000;

pub struct Runtime {
    database: LimitedD1,
    env: Env,
    sessions_at: String,
    origin: String,
    leaving: RefCell<Vec<QueuedEmail>>,
    flush_due: Cell<bool>,
}

pub struct LimitedD1(D1);

/// How long the health that the public sees is cached.
const HEALTH_MS: f64 = 5_000.0;

/// The site's answer about a session, and until when (milliseconds since 1970) it is cached.
struct SiteReply {
    user: Option<SiteUser>,
    until: f64,
}

thread_local! {
    /// Keyed by the hash of the cookie that was sent to the site.
    static SESSIONS: RefCell<HashMap<[u8; 32], SiteReply>> = RefCell::new(HashMap::new());
    /// Whether the Worker is healthy, and until when that is reported.
    static HEALTH: Cell<(bool, f64)> = const { Cell::new((false, 0.0)) };
}

fn key(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie.as_bytes()).into()
}

fn forget(cookie: &str) {
    SESSIONS.with_borrow_mut(|all| all.remove(&key(cookie)));
}

/// Drops what is cached about a session if an answer of the site sets its cookie: somebody has just signed in or out,
/// and a session keeps its id when another user signs in with it. Other isolates keep theirs for [`SESSION_MS`].
pub fn forget_sessions(request: &web_sys::Request, answer: &web_sys::Response, name: &str) {
    if SESSIONS.with_borrow(HashMap::is_empty) {
        return;
    }
    let set = Headers(answer.headers()).get_all("set-cookie").unwrap_or_default();
    let set = || set.iter().map(String::as_str);
    if let Some(started) = session::started(set(), name) {
        forget(&started);
    } else if !session::ended(set(), name) {
        return;
    }
    let cookies = request.headers().get("cookie").ok().flatten();
    if let Some(sent) = cookies.and_then(|cookies| session::session_cookie(&cookies, name)) {
        forget(&sent);
    }
}

impl Runtime {
    /// The ports of one invocation, which may send as many statements as the configuration allows.
    pub fn of(env: Env, config: &Config) -> Result<Runtime, DbError> {
        Runtime::within(env, config, config.setup.statements_max)
    }

    /// The same within fewer statements.
    pub fn within(env: Env, config: &Config, statements_max: u64) -> Result<Runtime, DbError> {
        let database = LimitedD1(D1::of(&env, statements_max)?);
        let sessions_at = config.sessions_at().to_owned();
        let origin = config.origin().to_owned();
        Ok(Runtime { database, sessions_at, origin, env, leaving: RefCell::default(), flush_due: Cell::default() })
    }

    /// How many statements this invocation has sent; other invocations may be running in the same isolate.
    pub fn statements_sent(&self) -> u64 {
        self.database.allowance().map_or(0, |allowance| allowance.sent())
    }

    /// Whether clicks wait that are to be written after the response.
    pub fn flush_due(&self) -> bool {
        self.flush_due.get()
    }

    /// The emails to send after the response.
    pub fn leaving(&self) -> Vec<QueuedEmail> {
        self.leaving.take()
    }

    async fn ask(&self, cookie: &str) -> Result<Option<SiteUser>, String> {
        let bound = self.env.service(origin::SERVICE).ok();
        // A service binding routes by itself; the host in the URL is only for the site.
        let origin = match (&bound, self.sessions_at.as_str()) {
            (Some(_), "") => "https://emdash",
            (_, origin) => origin,
        };
        let url = format!("{origin}{}", session::PATH);
        let headers = Headers::new();
        // Only this cookie: with another one the site might identify someone else, and the answer is cached under this
        // cookie. A foreign Authorization header would be refused.
        headers.set("cookie", cookie).map_err(|e| e.to_string())?;
        let mut init = RequestInit::new();
        init.with_method(Method::Get).with_headers(headers);
        init.redirect = worker::RequestRedirect::Manual;
        let answer = async {
            let mut response = match bound {
                Some(service) => service.fetch(url, Some(init)).await,
                None => Fetch::Request(Request::new_with_init(&url, &init)?).send().await,
            }?;
            Ok::<_, worker::Error>((response.status_code(), response.text().await?))
        };
        let (status, body) = within(SESSION_LIMIT, answer)
            .await
            .ok_or_else(|| "no answer in time".to_owned())?
            .map_err(|e| e.to_string())?;
        session::read(status, &body)
    }
}

impl Db for LimitedD1 {
    async fn batch(&self, statements: Vec<Stmt>) -> Result<Vec<Rows>, DbError> {
        let answer = within(DATABASE_LIMIT, self.0.batch(statements)).await;
        answer.unwrap_or_else(|| Err(DbError::Unavailable("no answer in time".to_owned())))
    }

    fn allowance(&self) -> Option<Allowance> {
        self.0.allowance()
    }
}

impl Ports for Runtime {
    type Db = LimitedD1;

    fn db(&self) -> &LimitedD1 {
        &self.database
    }

    async fn send(&self, request: OutgoingRequest) -> Result<IncomingResponse, RequestFailed> {
        outgoing::send(request).await
    }

    async fn mail(&self, mail: &Mail) -> Result<(), RequestFailed> {
        mail::send(&self.env, mail).await
    }

    fn clock(&self) -> UtcMillis {
        UtcMillis(js_sys::Date::now() as i64)
    }

    fn random(&self, bytes: &mut [u8]) {
        random::fill(bytes);
    }

    async fn pause(&self, millis: u32) {
        Delay::from(Duration::from_millis(u64::from(millis))).await;
    }
}

impl Formatter for Runtime {
    fn locale(&self, language: &str) -> Box<dyn Locale> {
        Box::new(Viewer::of(language))
    }
}

impl Platform for Runtime {
    async fn session(&self, cookie: &str) -> Result<Option<SiteUser>, String> {
        // Cached under the cookie that was sent, and nothing else.
        let key = key(cookie);
        let now = js_sys::Date::now();
        let known =
            SESSIONS.with_borrow(|all| all.get(&key).filter(|known| known.until > now).map(|known| known.user.clone()));
        if let Some(user) = known {
            return Ok(user);
        }
        let user = self.ask(cookie).await?;
        SESSIONS.with_borrow_mut(|all| {
            if all.len() >= SESSIONS_MAX {
                all.clear();
            }
            all.insert(key, SiteReply { user: user.clone(), until: now + SESSION_MS });
        });
        Ok(user)
    }

    fn forget_session(&self, cookie: &str) {
        forget(cookie);
    }

    fn is_site_bound(&self) -> bool {
        self.env.service(origin::SERVICE).is_ok()
    }

    fn has_site(&self) -> bool {
        !self.sessions_at.is_empty() || self.is_site_bound()
    }

    async fn asset(&self, path: &str) -> Result<Vec<u8>, String> {
        let found = async {
            // The host is for the form alone: the binding looks at the path.
            let mut response = self.env.assets("ASSETS")?.fetch(format!("https://assets{path}"), None).await?;
            Ok::<_, worker::Error>((response.status_code(), response.bytes().await?))
        };
        match within(ASSET_LIMIT, found).await {
            Some(Ok((200, bytes))) => Ok(bytes),
            Some(Ok((status, _))) => Err(format!("{path}: status {status}")),
            Some(Err(why)) => Err(format!("{path}: {why}")),
            None => Err(format!("{path}: no answer in time")),
        }
    }

    async fn forget_link(&self, code: &LinkCode) {
        links::forget(&self.env, code).await;
    }

    async fn admits(&self, what: RateLimited, network: String) -> bool {
        limiter::admits(&self.env, what, network).await
    }

    fn count_click(&self, click: Click) {
        if clicks::push(click, UtcMillis(js_sys::Date::now() as i64)) {
            self.flush_due.set(true);
        }
    }

    fn cached_health(&self) -> Option<bool> {
        let (ok, until) = HEALTH.get();
        (until > js_sys::Date::now()).then_some(ok)
    }

    fn cache_health(&self, ok: bool) {
        HEALTH.set((ok, js_sys::Date::now() + HEALTH_MS));
    }

    async fn site_leads_back(&self) -> bool {
        origin::leads_back(&self.origin).await
    }

    fn mail_after(&self, leaving: QueuedEmail) {
        self.leaving.borrow_mut().push(leaving);
    }
}
