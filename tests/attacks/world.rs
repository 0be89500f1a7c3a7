//! A Worker with everything that an attack needs around it: a site whose sessions are trusted, an email service that
//! keeps what it receives, and operators of every role. Also the checks that end every attack.

use crate::client::Reply;
use crate::server::Server;
use crate::stand_in::{Answer, Asked, StandIn};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub const ADMIN: &str = "boss@site.example";
pub const FINANCE: &str = "money@site.example";
pub const VIEWER: &str = "looks@site.example";
pub const PUBLIC_URL: &str = "https://go.site.example";

/// An email as the service received it.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    /// The whole request body.
    pub whole: String,
    /// The path of the link in it. Empty if there is none.
    pub link: String,
}

/// The site and the email service. Records the requests and the emails.
pub struct Outside {
    pub site: StandIn,
    mails: Arc<Mutex<Vec<Mail>>>,
}

impl Outside {
    pub fn start() -> Outside {
        let mails = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&mails);
        let site = StandIn::start(move |asked| match asked.target.as_str() {
            "/mails" => {
                kept.lock().expect("the mails").push(mail(asked));
                (200, "{}".to_owned())
            }
            "/_emdash/api/auth/me" => who(asked),
            _ => (200, "the site".to_owned()),
        });
        Outside { site, mails }
    }

    /// The settings of a Worker that uses this site and email service.
    pub fn vars(&self) -> Vec<(&'static str, String)> {
        vec![
            ("EMDASH_ORIGIN", self.site.base.clone()),
            ("MAIL_API_URL", format!("{}/mails", self.site.base)),
            ("MAIL_API_KEY", "re_b1946ac92492d2347c6235b4d2611184".to_owned()),
            ("MAIL_FROM", "Manicule <hello@site.example>".to_owned()),
            ("PUBLIC_URL", PUBLIC_URL.to_owned()),
            ("OPERATORS", format!("{ADMIN} {FINANCE}:finance {VIEWER}:viewer")),
        ]
    }

    /// Starts a Worker that uses them, with additional or overriding settings.
    pub fn worker(&self, more: &[(&str, &str)]) -> Server {
        let own = self.vars();
        let set = |name: &str| more.iter().any(|(known, _)| *known == name);
        let own = own.iter().filter(|(name, _)| !set(name)).map(|(name, value)| (*name, value.as_str()));
        Server::with(&own.chain(more.iter().copied()).collect::<Vec<_>>())
    }

    /// The emails to an address, as soon as there are `least` of them, or those that have arrived when time runs out.
    pub fn mails_to(&self, to: &str, least: usize) -> Vec<Mail> {
        let began = Instant::now();
        loop {
            let all = self.mails.lock().expect("the mails").clone();
            let found: Vec<Mail> = all.into_iter().filter(|mail| mail.to.eq_ignore_ascii_case(to)).collect();
            if found.len() >= least || began.elapsed() > Duration::from_secs(10) {
                return found;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn mail(asked: &Asked) -> Mail {
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let to = body["to"].as_str().or(body["to"][0].as_str()).unwrap_or_default().to_owned();
    let text = body["text"].as_str().unwrap_or_default();
    let link = text.split_whitespace().find_map(|word| word.strip_prefix(PUBLIC_URL)).unwrap_or_default().to_owned();
    Mail { to, link, whole: asked.body.clone() }
}

/// A cookie's value as npm's `cookie` 1.1 and 2.0 read it, which the site uses for its sessions: only SP and HTAB are
/// trimmed around names and values, and the first of several cookies counts.
fn npm_cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let trimmed = |text: &'a str| text.trim_matches([' ', '\t']);
    header.split(';').filter_map(|pair| pair.split_once('=')).find(|(n, _)| trimmed(n) == name).map(|(_, v)| trimmed(v))
}

/// The session's value names the user: `ann.10` is the user `ann` with role 10.
fn who(asked: &Asked) -> Answer {
    let header = asked.header("cookie").unwrap_or("");
    let session = npm_cookie(header, "astro-session").or_else(|| npm_cookie(header, "site_sid")).unwrap_or("");
    match session.split_once('.').and_then(|(id, role)| Some((id, role.parse::<i64>().ok()?))) {
        Some((id, role)) => {
            let user = json!({"id": id, "email": format!("{id}@people.example"), "name": id, "role": role});
            (200, json!({"success": true, "data": user}).to_string())
        }
        None => (401, json!({"success": false, "error": {"code": "NOT_AUTHENTICATED"}}).to_string()),
    }
}

/// The check that ends every attack: no panic, no response with status 500, and no failed ledger check.
#[track_caller]
pub fn assert_unharmed(server: &Server) {
    let log = server.log();
    for sign in ["panicked", "unreachable", "RuntimeError", "has trapped", "database_fault", "refused_by_guard"] {
        let line = log.lines().find(|line| line.contains(sign));
        assert_eq!(line, None, "{sign}");
    }
    let fault = log.lines().find(|line| line.contains("\"status\":500"));
    assert_eq!(fault, None);
    assert_eq!(
        server.get("/healthz").operator().send().json()["ok"],
        true,
        "{}",
        server.get("/healthz").operator().send().text
    );
    assert_eq!(server.get("/healthz").send().expect(200).json(), json!({"ok": true}));
    server.audit();
}

/// Sends `many` concurrent requests and returns their replies in order.
pub fn at_once(many: usize, ask: impl Fn(usize) -> Reply + Sync) -> Vec<Reply> {
    std::thread::scope(|scope| {
        let ask = &ask;
        let asking: Vec<_> = (0..many).map(|n| scope.spawn(move || ask(n))).collect();
        asking.into_iter().map(|one| one.join().expect("an answer")).collect()
    })
}
