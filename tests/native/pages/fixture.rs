//! A world with pages, and browsers with a cookie jar that submit forms as their page has them.
#![allow(dead_code)]

pub use crate::support::site::{FORGOTTEN, TOO_OFTEN};
use crate::support::site::{LEAVING, SITE};
use crate::support::world::{World, now};
use hmac::{Hmac, Mac};
use manicule::base::time::UtcMillis;
use manicule::codec::identity::session::SiteUser;
use manicule::codec::message::email::Mail;
use manicule::http::auth::hex_sha256;
use manicule::http::config::Config;
use manicule::http::context::RequestContext;
use manicule::http::exchange::{Request, Response};
use manicule::pages::locale::{Formatter, Locale, Plain};
use manicule::pages::route;
use manicule::service::identity::sign_in;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

pub const ORIGIN: &str = "https://ref.example";

/// The operator's first token. The configuration holds its hash.
pub const OPERATOR_TOKEN: &str = "4f1d9c07e2ab5836d0f97c41be6a2358";

impl Formatter for World {
    fn locale(&self, _: &str) -> Box<dyn Locale> {
        Box::new(Plain)
    }
}

pub struct PagesFixture {
    pub world: World,
    pub config: Config,
    pub now: Cell<UtcMillis>,
}

/// A response as the browser received it.
#[derive(Clone, Debug)]
pub struct Shown {
    pub status: u16,
    pub html: String,
    pub location: String,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// Batches sent to the database for this response.
    pub batches: u64,
}

pub struct Browser<'a> {
    fixture: &'a PagesFixture,
    cookies: RefCell<BTreeMap<String, String>>,
    /// The hidden fields of the last page's forms.
    token: RefCell<String>,
}

impl PagesFixture {
    pub fn new(when: UtcMillis) -> PagesFixture {
        SITE.set(None);
        TOO_OFTEN.take();
        let operator_token_sha256 = Some(hex_sha256(OPERATOR_TOKEN.as_bytes()));
        let config = Config { operator_token_sha256, ..Config::default() };
        PagesFixture { world: World::new(5), config, now: Cell::new(when) }
    }

    /// Sets who is signed in at the EmDash site.
    pub fn site_says(&self, user: Result<Option<SiteUser>, String>) {
        SITE.set(Some(user));
    }

    /// Configures email. Sent emails are kept, the latest last.
    pub fn post_office(&mut self) -> Rc<RefCell<Vec<Mail>>> {
        let keys = "k1:517bd8823e6ea4497977a22a9a0761f3176c639de5b0828c788e7c345d4d08b0".to_owned();
        self.config.setup = Config::read(|name| match name {
            "COOKIE_KEYS" => keys.clone(),
            "PUBLIC_URL" => ORIGIN.to_owned(),
            "MAIL_FROM" => "Manicule <hello@ref.example>".to_owned(),
            _ => String::new(),
        })
        .setup;
        self.config.setup.mail.binding = true;
        let mails = Rc::new(RefCell::new(Vec::new()));
        let taken = Rc::clone(&mails);
        *self.world.mailer.borrow_mut() = Box::new(move |mail| {
            taken.borrow_mut().push(mail.clone());
            Ok(())
        });
        mails
    }

    /// A browser that is not signed in.
    pub fn browser(&self) -> Browser<'_> {
        Browser { fixture: self, cookies: RefCell::default(), token: RefCell::default() }
    }

    /// A browser that is signed in with this address and views this partner's pages.
    pub fn signed_in(&self, email: &str, partner: &str) -> Browser<'_> {
        self.session("email", Some(email), None, 0, partner)
    }

    /// An operator's browser.
    pub fn operator(&self) -> Browser<'_> {
        self.session("token", None, Some(OPERATOR_TOKEN), 1, "")
    }

    /// The browser of an operator whom the configuration knows by this address.
    pub fn operator_by_email(&self, email: &str) -> Browser<'_> {
        self.session("email", Some(email), None, 1, "")
    }

    /// The browser of an operator who signed in with an API token of these scopes.
    pub fn operator_with(&self, scopes: &str) -> Browser<'_> {
        let (token, at) = (format!("{:064x}", self.world.next()), self.now.get().0);
        self.world
            .db
            .connection
            .borrow()
            .execute(
                "INSERT INTO api_token (id, name, sha256, scopes, created_at_ms, expires_at_ms) VALUES (?1, ?1, ?2, ?3, ?4, ?4 + 86400000)",
                rusqlite::params![token, hex_sha256(token.as_bytes()), scopes, at],
            )
            .expect("a token");
        self.session("token", None, Some(&token), 1, "")
    }

    fn session(
        &self,
        way: &str,
        email: Option<&str>,
        credential: Option<&str>,
        operator: i64,
        partner: &str,
    ) -> Browser<'_> {
        let id = format!("ses_{}", self.world.next());
        let token = format!("{:064x}", self.world.next());
        let at = self.now.get().0;
        let (sha, actor) = (hex_sha256(token.as_bytes()), format!("session:{id}"));
        let credential = credential.map(|token| hex_sha256(token.as_bytes()));
        self.world
            .db
            .connection
            .borrow()
            .execute(
                "INSERT INTO session (id, token_sha256, rotated_at_ms, way, email, credential_sha256, operator, actor, agent, created_at_ms, checked_at_ms, seen_at_ms, expires_at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?8, ?6, ?7, 'a browser', ?3, ?3, ?3, ?3 + 3600000000)",
                rusqlite::params![id, sha, at, way, email.map(str::to_lowercase), operator, actor, credential],
            )
            .expect("a session");
        let browser = self.browser();
        browser.cookies.borrow_mut().insert("__Host-manicule_session".to_owned(), format!("{token}.{partner}"));
        browser
    }
}

/// The status of a request that is passed on to the site.
const PASSED_ON: u16 = 0;

impl Browser<'_> {
    pub fn get(&self, path: &str) -> Shown {
        self.ask("GET", path, &[], "")
    }

    /// Submits a form with the token of the last page that had one.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Shown {
        self.post_with(&[], path, fields)
    }

    /// The same with additional headers.
    pub fn post_with(&self, headers: &[(&str, &str)], path: &str, fields: &[(&str, &str)]) -> Shown {
        let token = self.token.borrow().clone();
        let mut pairs = vec![("form_token", token.as_str())];
        pairs.extend(fields);
        let body: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let headers = [&[("origin", ORIGIN)], headers].concat();
        self.ask("POST", path, &headers, &body.join("&"))
    }

    /// Sends any request.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Shown {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let cookies: Vec<String> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut all = vec![("cookie".to_owned(), cookies.join("; "))];
        all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            origin: ORIGIN.to_owned(),
            headers: all,
            body: body.as_bytes().to_vec(),
        };
        self.fixture.world.request(self.fixture.now.get());
        let before = self.fixture.world.db.calls.get();
        let app =
            RequestContext { site: &self.fixture.world, config: &self.fixture.config, now: self.fixture.now.get() };
        let response =
            now(route::answer(&app, &request)).unwrap_or(Response { status: PASSED_ON, ..Response::nothing() });
        let batches = self.fixture.world.db.calls.get() - before;
        // The reason why an email was not sent belongs in the log only.
        for leaving in LEAVING.take() {
            let _ = now(sign_in::mail_unwaited(&app.context(""), &leaving));
        }
        let headers: Vec<(String, String)> =
            response.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        for (_, cookie) in headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            if cookie.contains("Max-Age=0") {
                self.cookies.borrow_mut().remove(name);
            } else {
                self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
            }
        }
        let html = String::from_utf8_lossy(&response.body).into_owned();
        let token = html.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        if let Some(token) = token {
            token.clone_into(&mut self.token.borrow_mut());
        }
        let location = headers.iter().find(|(name, _)| name == "location").map(|(_, v)| v.clone()).unwrap_or_default();
        Shown { status: response.status, html, location, headers, batches }
    }

    /// Adds a cookie set by someone else, or an older one of ours.
    pub fn keep(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    /// What the forms of this browser's session carry, without a page that shows one.
    pub fn form_token(&self) -> String {
        let cookie = self.cookie("__Host-manicule_session").expect("a session");
        let secret = cookie.split('.').next().expect("a token");
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
        mac.update(b"manicule form");
        format!("{}{}", "0".repeat(64), manicule::base::id::hex(&mac.finalize().into_bytes()))
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }
}

impl Shown {
    /// Asserts that the path is no page of ours.
    pub fn is_passed_on(&self) {
        assert_eq!(self.status, PASSED_ON, "{}", self.location);
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// The page's text without markup.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut inside = false;
        for c in self.html.chars() {
            match c {
                '<' => inside = true,
                '>' => {
                    inside = false;
                    out.push(' ');
                }
                c if !inside => out.push(c),
                _ => {}
            }
        }
        out.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    pub fn says(&self, what: &str) -> &Shown {
        assert!(self.text().contains(what), "{what:?} is not in: {}", self.text());
        self
    }

    #[track_caller]
    pub fn is(&self, status: u16) -> &Shown {
        assert_eq!(self.status, status, "{} {}", self.location, self.text());
        self
    }

    /// Asserts that the page is shown and took one batch of reads, or another for each report on it.
    #[track_caller]
    pub fn is_page(&self) -> &Shown {
        self.is(200);
        let reports = [("/operator/funnel", 1), ("/operator/economics", 2), ("/operator/runs", 1)];
        let here = |path: &str| self.html.contains(&format!("href=\"{path}\" aria-current=\"page\""));
        let reports = reports.iter().find(|(path, _)| here(path)).map_or(0, |(_, reports)| *reports);
        assert!(self.batches == 1 || self.batches == 1 + reports, "one batch of reads, not {}", self.batches);
        assert!(self.html.len() < 60_000, "{} bytes of HTML", self.html.len());
        assert_eq!(self.header("cache-control"), "no-store");
        assert!(self.header("content-security-policy").starts_with("default-src 'none'"));
        self
    }
}

/// The path of the link in an email.
pub fn link_of(mail: &Mail) -> String {
    let (_, rest) = mail.text.split_once(ORIGIN).expect("a link");
    rest.split_whitespace().next().expect("a path").to_owned()
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
