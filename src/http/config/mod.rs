//! The Worker's configuration, read once per isolate. A missing or weak value disables its own feature and is reported;
//! it never opens anything.

pub mod hosts;
pub mod origin;

use crate::base::id;
use crate::base::ids::ProgramId;
use crate::codec::attribution::cookie::CookieKeys;
use crate::codec::event::sign_up::SignUpPath;
use crate::codec::identity::guessable::{is_guessable, is_patterned};
use crate::codec::message::email::{self, MailApi};
use crate::codec::message::standard_webhooks::Secret;
use crate::codec::message::unsubscribe::UnsubscribeKeys;
use crate::codec::web_address::WebAddress;
use crate::engine::identity::access::Role;
use crate::http::consent;
use crate::http::hsts::hsts;
use crate::service::error::{AppError, ErrorKind};
use crate::service::setup;
use crate::service::setup::{EmailSetup, PayoutApproval, STRIPE_API, Setup, Stripe};
use sha2::{Digest, Sha256};

/// Shortest bearer token or URL secret that is accepted: 128 bits in hex.
const SECRET_CHARS_MIN: usize = 32;

/// The complaint about a guessable secret.
const GUESSABLE: &str = "this secret is published, an example or has a pattern; use a random one";

/// Words whose hash is not accepted as a token's.
const NO_TOKENS: [&str; 8] = ["", "admin", "changeme", "operator", "password", "secret", "test", "token"];

#[derive(Clone, Default)]
pub struct Config {
    /// The Worker's address as visitors see it; empty: that of the request.
    pub public_url: String,
    /// The site that links lead to; empty: this Worker's own address.
    pub site_url: String,
    /// Where the site behind the Worker answers; empty: `site_url`, unless a service is bound.
    pub origin_url: String,
    /// The EmDash site whose sessions are accepted; empty: none, unless a service is bound.
    pub emdash_origin: String,
    /// Webhooks may be sent to this installation's own hosts.
    pub owns_zone: bool,
    /// The site's name for people; empty: its host name.
    pub site_name: String,
    pub cookie_keys: Option<CookieKeys>,
    pub webhook_secrets: Vec<Secret>,
    pub emdash_tokens: Vec<String>,
    pub forms_secrets: Vec<String>,
    /// Lower-case hex SHA-256 of the operator's token.
    pub operator_token_sha256: Option<String>,
    /// Nothing is stored about a visitor who does not send this cookie; empty: no consent is required.
    pub consent_cookie: String,
    /// The name of the EmDash site's session cookie; empty: its default name.
    pub emdash_session_cookie: String,
    /// Paths of the site's own at which accounts are made.
    pub sign_up_paths: Vec<SignUpPath>,
    /// The program that a signed-in user joins without naming one.
    pub self_serve_program: ProgramId,
    /// The programs that can be joined with the form; the first if none is named. Empty: none.
    pub join_programs: Vec<ProgramId>,
    /// Addresses, in lower case, that may sign in as operators, and their roles.
    pub operators: Vec<(String, Role)>,
    /// The header of every response over https; `None`: it is turned off.
    pub hsts: Option<String>,
    /// The site's pages get the script of the site while they are passed on.
    pub injects_script: bool,
    /// URLs may point to this machine.
    pub is_development: bool,
    /// Which services to use.
    pub setup: Setup,
    /// What is wrong, for the log and the operator.
    pub complaints: Vec<String>,
}

impl Config {
    /// Reads the variables and secrets by name; a name without a value is an empty text.
    pub fn read(text: impl Fn(&str) -> String) -> Config {
        // Not generic from here on: the source would be copied into each of the twenty calls.
        Config::of(&text)
    }

    fn of(text: &dyn Fn(&str) -> String) -> Config {
        let mut config = Config {
            is_development: text("DEVELOPMENT").trim() == "yes",
            site_name: text("SITE_NAME").trim().to_owned(),
            self_serve_program: text("SELF_SERVE_PROGRAM").trim().into(),
            consent_cookie: text("CONSENT_COOKIE").trim().to_owned(),
            emdash_session_cookie: text("EMDASH_SESSION_COOKIE").trim().to_owned(),
            join_programs: text("JOIN_PROGRAM").split_whitespace().map(ProgramId::from).collect(),
            ..Config::default()
        };
        config
            .complaints
            .extend(Some(&config.consent_cookie).filter(|set| !set.is_empty()).and_then(|set| consent::complaint(set)));
        config.public_url = config.address("PUBLIC_URL", text);
        config.site_url = config.address("SITE_URL", text);
        config.origin_url = config.address("ORIGIN_URL", text);
        config.emdash_origin = config.address("EMDASH_ORIGIN", text);
        match text("INJECT_SCRIPT").trim() {
            "" | "no" => {}
            "yes" => config.injects_script = true,
            other => config.complaints.push(format!("INJECT_SCRIPT: must be yes or no, not {other:?}")),
        }
        config.sign_up_paths = config.each("SIGNUP_PATHS", text, SignUpPath::parse);
        match cookie_keys(&text("COOKIE_KEYS"), &text("COOKIE_DOMAIN")) {
            Ok(keys) => config.cookie_keys = Some(keys),
            Err(why) => config.complaints.push(why),
        }
        let domain = hosts::normal_domain(&text("COOKIE_DOMAIN"));
        if hosts::domain_form(&domain).is_none() || domain.is_empty() {
            config.complaints.extend(hosts::sharing(&config.public_url, &config.site_url, &domain));
        }
        for secret in text("WEBHOOK_SECRETS").split_whitespace() {
            match Secret::parse(secret) {
                _ if is_guessable(secret) => config.complaints.push(format!("WEBHOOK_SECRETS: {GUESSABLE}")),
                Ok(secret) => config.webhook_secrets.push(secret),
                Err(why) => config.complaints.push(format!("WEBHOOK_SECRETS: {why}")),
            }
        }
        match hsts(&text("HSTS")) {
            Ok(hsts) => config.hsts = hsts,
            Err(why) => config.complaints.push(format!("HSTS: {why}")),
        }
        if text("WEBHOOK_SECRETS").trim().is_empty() {
            config.complaints.push("WEBHOOK_SECRETS: not set, so /v1/webhooks/events rejects every event".to_owned());
        }
        config.emdash_tokens = config.strong("EMDASH_TOKENS", &text("EMDASH_TOKENS"));
        config.forms_secrets = config.strong("FORMS_SECRETS", &text("FORMS_SECRETS"));
        config.setup = config.services(text);
        config.setup.cookie_keys.clone_from(&config.cookie_keys);
        config.setup.site_name = config.name_of_site(&config.public_url);
        config.operators = config.operators(&text("OPERATORS"));
        let hash = text("OPERATOR_BOOTSTRAP_TOKEN_SHA256").trim().to_ascii_lowercase();
        let is_guessed = NO_TOKENS.iter().any(|word| id::hex(&Sha256::digest(word.as_bytes())) == hash);
        if is_guessed || (hash.len() == 64 && is_guessable(&hash)) {
            config.complaints.push(format!("OPERATOR_BOOTSTRAP_TOKEN_SHA256: {GUESSABLE}"));
        } else if hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()) {
            config.operator_token_sha256 = Some(hash);
        } else if !hash.is_empty() {
            config.complaints.push("OPERATOR_BOOTSTRAP_TOKEN_SHA256: must be 64 hex digits".to_owned());
        }
        config
    }

    /// The site's name, otherwise its host name. Without a site it is the Worker's own, at `base`.
    pub fn name_of_site(&self, base: &str) -> String {
        if !self.site_name.is_empty() {
            return self.site_name.clone();
        }
        let site = if self.site_url.is_empty() { base } else { &self.site_url };
        let host = site.split("://").last().unwrap_or("").split(['/', ':']).next().unwrap_or("");
        host.strip_prefix("www.").unwrap_or(host).to_owned()
    }

    /// The programs that people can join by themselves, in any way: those of `JOIN_PROGRAM`, the first of which is the
    /// form's default, and that of `SELF_SERVE_PROGRAM`.
    pub fn open_programs(&self) -> impl Iterator<Item = &ProgramId> {
        let own = Some(&self.self_serve_program).filter(|id| !id.is_empty() && !self.join_programs.contains(id));
        self.join_programs.iter().chain(own)
    }

    /// Whether the form exists: it needs a program that everyone can join.
    pub fn has_form(&self) -> bool {
        !self.join_programs.is_empty()
    }

    /// Whether a person with this proven address may sign in as an operator.
    pub fn is_operator(&self, email: &str) -> bool {
        self.role_of(email).is_some()
    }

    /// The operator role of a person with this proven address.
    pub fn role_of(&self, email: &str) -> Option<Role> {
        self.operators.iter().find(|(known, _)| known.eq_ignore_ascii_case(email)).map(|(_, role)| *role)
    }

    /// The base URL of links as shown to people.
    pub fn base_url(&self, origin: &str) -> String {
        if self.public_url.is_empty() { origin.to_owned() } else { self.public_url.clone() }
    }

    /// What is wrong with the configuration where the Worker was requested at this origin.
    pub fn complaints_at(&self, origin: &str) -> Vec<String> {
        let mut all = self.complaints.clone();
        let at = WebAddress::parse(origin).filter(|at| !at.is_loopback() && !at.is_at_or_below("workers.dev"));
        let domain = self.cookie_keys.as_ref().and_then(CookieKeys::domain).unwrap_or_default();
        if self.public_url.is_empty() && at.is_some() {
            all.extend(hosts::unsaid(&self.complaints, hosts::sharing(origin, &self.site_url, domain)));
        }
        all
    }

    /// The error of a feature that is disabled because its secret is not set.
    pub fn not_configured(name: &str) -> AppError {
        AppError::new(ErrorKind::Transient, "not_configured", format!("{name} is not set or too weak; see /healthz"))
    }

    fn services(&mut self, text: &dyn Fn(&str) -> String) -> Setup {
        let mut setup = Setup { public_url: self.public_url.clone(), ..Setup::default() };
        setup.unsubscribe = self.cookie_keys.as_ref().map(UnsubscribeKeys::of).unwrap_or_default();
        setup.mail = self.mail(text);
        let statements_max = setup::statements_max(text("D1_STATEMENTS_MAX").trim());
        statements_max.map_or_else(|why| self.complaints.push(why), |max| setup.statements_max = max);
        self.complaints.extend(setup.kept_days.read(text));
        setup.endpoints.anywhere = text("WEBHOOKS_ANYWHERE").trim() == "yes";
        self.owns_zone = text("WEBHOOKS_OWN_ZONE").trim() == "yes";
        if !self.owns_zone {
            for own in [&self.public_url, &self.site_url, &self.origin_url, &self.emdash_origin] {
                setup.endpoints = setup.endpoints.with_own_host(own);
            }
        }
        let key = text("STRIPE_API_KEY").trim().to_owned();
        let base = self.address("STRIPE_API_BASE", text);
        let known = ["sk_test_", "sk_live_", "rk_test_", "rk_live_"].iter().any(|p| key.starts_with(p));
        if known && is_guessable(&key) {
            self.complaints.push(format!("STRIPE_API_KEY: {GUESSABLE}"));
        } else if known {
            let stripe = Stripe { key, api_base: if base.is_empty() { STRIPE_API.to_owned() } else { base } };
            if stripe.is_live() && stripe.api_base != STRIPE_API {
                self.complaints
                    .push("STRIPE_API_BASE: a live key can only be used with Stripe's own address".to_owned());
            } else {
                setup.stripe = Some(stripe);
            }
        } else if !key.is_empty() {
            self.complaints.push("STRIPE_API_KEY: must start with sk_ or rk_, then test_ or live_".to_owned());
        }
        for (name, into) in [
            ("STRIPE_WEBHOOK_SECRETS", &mut setup.stripe_secrets),
            ("STRIPE_CONNECT_WEBHOOK_SECRETS", &mut setup.stripe_connect_secrets),
        ] {
            let strong = self.strong(name, &text(name));
            into.extend(strong);
        }
        setup.payout_approval = match text("PAYOUT_APPROVAL").trim() {
            "" => PayoutApproval::UntilFirst,
            "manual" => PayoutApproval::Manual,
            "automatic" => PayoutApproval::Automatic,
            other => {
                self.complaints.push(format!("PAYOUT_APPROVAL: must be manual or automatic, not {other:?}"));
                PayoutApproval::Manual
            }
        };
        setup
    }

    /// How emails are sent. Only the runtime knows whether there is a `send_email` binding.
    fn mail(&mut self, text: &dyn Fn(&str) -> String) -> EmailSetup {
        let given = |name: &str| Some(text(name).trim().to_owned()).filter(|value| !value.is_empty());
        let mut complain = |what: String| self.complaints.push(what);
        let from = given("MAIL_FROM").and_then(|value| {
            let from = email::From::parse(&value);
            if from.is_none() {
                complain("MAIL_FROM: must be an address, or a name and an address as in Name <user@host>".to_owned());
            }
            from
        });
        let operator = given("OPERATOR_EMAIL").filter(|value| {
            let good = email::is_address(value);
            if !good {
                complain("OPERATOR_EMAIL: must be an email address".to_owned());
            }
            good
        });
        let (url, key) = (given("MAIL_API_URL"), given("MAIL_API_KEY"));
        let is_development = self.is_development;
        let mut api = None;
        if url.is_some() || key.is_some() {
            let url = url.unwrap_or_else(|| email::RESEND_API.to_owned());
            let template = given("MAIL_API_TEMPLATE").unwrap_or_else(|| email::RESEND_TEMPLATE.to_owned());
            match MailApi::template(&template) {
                _ if address(&url, is_development).is_err() || !is_unread(&url) => {
                    complain(
                        "MAIL_API_URL: must be an https URL without a user name, and not on this machine".to_owned(),
                    );
                }
                Err(why) => complain(format!("MAIL_API_TEMPLATE: {why}")),
                Ok(template) => api = Some(MailApi { url, key: key.unwrap_or_default(), template }),
            }
        }
        if from.is_some() && self.public_url.is_empty() {
            self.complaints.push("MAIL_FROM: set PUBLIC_URL too, because emails contain links".to_owned());
        }
        EmailSetup { from, api, binding: false, operator }
    }

    /// The entries of `OPERATORS`, each `address` or `address:role`, and the address that receives operators'
    /// notifications.
    fn operators(&mut self, text: &str) -> Vec<(String, Role)> {
        let read = |word: &str| {
            let (address, role) = word.rsplit_once(':').unwrap_or((word, Role::Admin.name()));
            let role = Role::parse(role).filter(|_| email::is_address(address))?;
            Some((address.to_ascii_lowercase(), role))
        };
        let mut found: Vec<(String, Role)> = Vec::new();
        for word in text.split_whitespace() {
            match read(word) {
                Some((address, _)) if found.iter().any(|(known, _)| *known == address) => {
                    self.complaints.push(format!("OPERATORS: {address} is listed twice"));
                }
                Some(operator) => found.push(operator),
                None => self.complaints.push(
                    "OPERATORS: must be email addresses, separated by spaces, each alone (an admin) or followed by \
                     :viewer, :finance or :admin"
                        .to_owned(),
                ),
            }
        }
        let email = self.setup.mail.operator.as_deref().map(str::to_ascii_lowercase);
        let email = email.filter(|email| found.iter().all(|(known, _)| known != email));
        found.extend(email.map(|address| (address, Role::Admin)));
        found
    }

    /// The entries of a setting, separated by spaces, that can be read. The others are complained about.
    fn each<T>(&mut self, name: &str, text: &dyn Fn(&str) -> String, read: fn(&str) -> Result<T, String>) -> Vec<T> {
        let mut found = Vec::new();
        for entry in text(name).split_whitespace() {
            read(entry).map_or_else(|why| self.complaints.push(why), |one| found.push(one));
        }
        found
    }

    fn strong(&mut self, name: &str, text: &str) -> Vec<String> {
        let (strong, weak): (Vec<&str>, Vec<&str>) =
            text.split_whitespace().partition(|secret| secret.len() >= SECRET_CHARS_MIN);
        if !weak.is_empty() {
            self.complaints.push(format!("{name}: a secret must have at least {SECRET_CHARS_MIN} characters"));
        }
        let (guessable, good): (Vec<&str>, Vec<&str>) = strong.into_iter().partition(|secret| is_guessable(secret));
        if !guessable.is_empty() {
            self.complaints.push(format!("{name}: {GUESSABLE}"));
        }
        good.into_iter().map(str::to_owned).collect()
    }

    /// A URL from the configuration, without its trailing slash; empty if it is not set or not usable.
    fn address(&mut self, name: &str, text: &dyn Fn(&str) -> String) -> String {
        let given = text(name).trim().trim_end_matches('/').to_owned();
        match address(&given, self.is_development) {
            Ok(()) => {
                let may_have_path = !["PUBLIC_URL", "EMDASH_ORIGIN", "ORIGIN_URL"].contains(&name);
                self.complaints.extend(hosts::address_form(name, &given, may_have_path));
                given
            }
            Err(NO_URL) => {
                self.complaints.push(hosts::unreadable(name, &given));
                String::new()
            }
            Err(why) => {
                self.complaints.push(format!("{name}: {why}"));
                String::new()
            }
        }
    }
}

/// The complaint about a text that is no URL.
const NO_URL: &str = "must be a URL such as https://example.com, without a user name";

/// Whether a URL from the configuration may be used. An empty one may.
pub fn address(text: &str, is_development: bool) -> Result<(), &'static str> {
    if text.is_empty() {
        return Ok(());
    }
    let at = WebAddress::parse(text).ok_or(NO_URL)?;
    if at.is_loopback() && !is_development {
        return Err("points to this machine, which is only allowed in development (DEVELOPMENT=yes)");
    }
    Ok(())
}

/// Whether nobody in between can read what is sent there: https, or this machine.
fn is_unread(url: &str) -> bool {
    WebAddress::parse(url).is_some_and(|at| at.is_https || at.is_loopback())
}

/// The keys of `COOKIE_KEYS`, for the host or for `COOKIE_DOMAIN`, or what is wrong with one of them.
pub fn cookie_keys(keys: &str, domain: &str) -> Result<CookieKeys, String> {
    let domain = hosts::normal_domain(domain);
    let wrong = |why: &str| format!("COOKIE_KEYS: {why}");
    let secrets = keys.split(',').filter_map(|key| key.split_once(':')).filter_map(|(_, hex)| id::unhex(hex.trim()));
    if secrets.into_iter().any(|secret| is_patterned(&secret)) {
        return Err(wrong(GUESSABLE));
    }
    let keys = CookieKeys::parse(keys).map_err(|e| wrong(&e.to_string()))?;
    if domain.is_empty() {
        return Ok(keys);
    }
    match hosts::domain_form(&domain) {
        Some(why) => Err(why),
        None => keys.with_domain(&domain).map_err(|e| format!("COOKIE_DOMAIN: {e}")),
    }
}

#[cfg(test)]
mod tests;
