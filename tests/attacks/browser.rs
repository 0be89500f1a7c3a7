//! A person's browser: keeps cookies, opens pages and submits their forms as browsers do.

use crate::client::{Ask, CHROME, Reply};
use crate::server::Server;
use std::cell::RefCell;
use std::collections::BTreeMap;

pub struct Browser<'a> {
    pub server: &'a Server,
    cookies: RefCell<BTreeMap<String, String>>,
    /// The network that its requests come from.
    ip: String,
}

impl<'a> Browser<'a> {
    pub fn new(server: &'a Server) -> Browser<'a> {
        Browser::from(server, "192.0.2.1")
    }

    pub fn from(server: &'a Server, ip: &str) -> Browser<'a> {
        Browser { server, cookies: RefCell::default(), ip: ip.to_owned() }
    }

    /// A person who is signed in at the site as `session`, and signed in here through the site.
    #[track_caller]
    pub fn of_site(server: &'a Server, session: &str) -> Browser<'a> {
        let browser = Browser::new(server);
        browser.keep("astro-session", session);
        browser.get("/sign-in").expect(303);
        assert!(browser.cookie("__Host-manicule_session").is_some(), "{session} is not signed in");
        // Pages use our own session. The site's session is added only where a test needs it.
        browser.forget("astro-session");
        browser
    }

    /// An operator who signed in with a token.
    #[track_caller]
    pub fn of_token(server: &'a Server, token: &str) -> Browser<'a> {
        let browser = Browser::new(server);
        let reply = browser.send("/sign-in/token", &[("token", token), ("to", "/operator")]);
        assert_eq!(reply.expect(303).header("location"), Some("/operator"));
        browser
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    pub fn keep(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    pub fn forget(&self, name: &str) {
        self.cookies.borrow_mut().remove(name);
    }

    pub fn cookies(&self) -> String {
        self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// A request with the headers that a browser adds to each.
    pub fn ask(&self, method: &str, path: &str) -> Ask<'a> {
        let ask = self.server.ask(method, path).header("user-agent", CHROME).header("cf-connecting-ip", &*self.ip);
        let cookies = self.cookies();
        if cookies.is_empty() { ask } else { ask.header("cookie", cookies) }
    }

    /// Opens a page.
    pub fn visit(&self, path: &str) -> Ask<'a> {
        self.ask("GET", path).header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document")
    }

    /// Submits one of our forms with these fields and the other entries of `fields`.
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> Ask<'a> {
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        self.ask("POST", path)
            .body(body.join("&"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", self.server.base.clone())
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Reply {
        self.kept(self.visit(path).send())
    }

    /// Submits a form as a person does, with the page's form token.
    #[track_caller]
    pub fn send(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let token = self.token();
        let all: Vec<(&str, &str)> =
            [("form_token", token.as_str())].into_iter().chain(fields.iter().copied()).collect();
        self.kept(self.form(path, &all).send())
    }

    /// This browser's form token, read from a form that anyone can open.
    #[track_caller]
    pub fn token(&self) -> String {
        token_in(&self.get("/sign-out").expect(200).text)
    }

    fn kept(&self, reply: Reply) -> Reply {
        for (_, header) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let Some((name, value)) = header.split(';').next().and_then(|pair| pair.split_once('=')) else { continue };
            if value.is_empty() { self.forget(name) } else { self.keep(name, value) }
        }
        reply
    }
}

/// The first form token on a page.
#[track_caller]
pub fn token_in(page: &str) -> String {
    let token = page.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    token.unwrap_or_else(|| panic!("no form in {}", &page[..page.len().min(400)])).to_owned()
}

pub fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
