//! The Stripe stand-in next to a Worker, as a separate process, so that it keeps running when the Worker is restarted.
//! tests/support/stripe/README.md describes what it can do.

use super::facts::{DELIVERIES, Partner, at};
use super::server::{Server, agent};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub const KEY: &str = "sk_test_standin";
pub const SECRET: &str = "whsec_7d31c0e94b8f26a5d1930fb7c46e8a02";
pub const CONNECT_SECRET: &str = "whsec_e25a91f6c3074bd88f1c6e90a4d7b532";

/// The platform's initial balance, enough for every test that is not about it.
const BALANCE_CENTS: i64 = 100_000_000;

pub struct Stripe {
    /// `None` if it runs in the Worker's own process.
    process: Option<Child>,
    pub agent: ureq::Agent,
    pub base: String,
    /// Whether the Worker next to it may send only few statements per invocation.
    is_tight: bool,
}

/// A Node program, with the pinned Node and packages.
pub fn node(script: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(root.join("node_modules/.bin/node"));
    command.arg(root.join(script)).current_dir(root);
    command
}

impl Stripe {
    /// A stand-in and a Worker that is configured for it. They send each other's webhooks, too.
    pub fn beside(more: &[(&str, &str)]) -> (Stripe, Server) {
        let (stripe, server) = Stripe::silent(more);
        stripe.post_to(&server);
        (stripe, server)
    }

    /// The same without Stripe's webhooks.
    pub fn silent(more: &[(&str, &str)]) -> (Stripe, Server) {
        let mut stripe = Stripe::start();
        let server = Server::with(&stripe.vars(more));
        stripe.is_tight = server.is_tight;
        (stripe, server)
    }

    pub fn start() -> Stripe {
        let mut process = node("tests/support/stripe/serve.mjs")
            .args(["--port", "0", "--until-parent-ends", "--balance", &BALANCE_CENTS.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the Stripe stand-in");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("the stand-in did not start: {line:?}"));
        Stripe::of(ready["url"].as_str().expect("an address"), Some(process))
    }

    /// The stand-in that a Worker has started.
    pub fn within(server: &Server) -> Stripe {
        Stripe::of(&server.stripe_base, None)
    }

    fn of(base: &str, process: Option<Child>) -> Stripe {
        Stripe { process, agent: agent(), base: base.to_owned(), is_tight: false }
    }

    /// The settings of a Worker that uses it.
    pub fn vars<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let own = [
            ("STRIPE_API_KEY", KEY),
            ("STRIPE_API_BASE", self.base.as_str()),
            ("STRIPE_WEBHOOK_SECRETS", SECRET),
            ("STRIPE_CONNECT_WEBHOOK_SECRETS", CONNECT_SECRET),
        ];
        let set = |name: &str| more.iter().any(|(n, _)| *n == name);
        own.into_iter().filter(|(name, _)| !set(name)).chain(more.iter().copied()).collect()
    }

    /// Sends its events to this Worker from now on.
    #[track_caller]
    pub fn post_to(&self, server: &Server) {
        self.control(
            "webhooks",
            &json!({"url": server.base, "secrets": [SECRET], "connect_secrets": [CONNECT_SECRET]}),
        );
    }

    /// Calls a control, which must succeed.
    #[track_caller]
    pub fn control(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/_test/{path}", self.base);
        let mut answer = self.agent.post(&url).send(body.to_string()).unwrap_or_else(|why| panic!("{path}: {why}"));
        let text = answer.body_mut().read_to_string().expect("a body");
        assert_eq!(answer.status().as_u16(), 200, "{path} {body}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// All its objects of a type.
    #[track_caller]
    pub fn list(&self, kind: &str) -> Vec<Value> {
        self.look(&format!("state/{kind}")).as_array().expect("a list").clone()
    }

    #[track_caller]
    pub fn look(&self, path: &str) -> Value {
        let url = format!("{}/_test/{path}", self.base);
        let mut answer = self.agent.get(&url).call().unwrap_or_else(|why| panic!("{path}: {why}"));
        let text = answer.body_mut().read_to_string().expect("a body");
        assert_eq!(answer.status().as_u16(), 200, "{path}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Sets its clock to this instant, until it is changed again.
    #[track_caller]
    pub fn at(&self, when: &str) {
        self.control("clock", &json!({"set": at(when) / 1_000, "frozen": true}));
    }

    /// Triggers a scenario at Stripe. The Worker accepts each of its events.
    #[track_caller]
    pub fn happens(&self, scenario: &str, body: &Value) -> Value {
        let made = self.control(&format!("scenarios/{scenario}"), body);
        let was_taken = |event: &Value| event["delivery"]["state"] == "succeeded";
        let events = made["events"].as_array().expect("events");
        if self.is_tight && !events.iter().all(was_taken) {
            // Stripe redelivers an event that one invocation could not process.
            let left = |_| self.control("webhooks/retry", &json!({}))["retried"] != json!([]);
            assert!(!(0..DELIVERIES).all(left), "{scenario} {body}: {made}");
            return made;
        }
        for event in events {
            assert!(was_taken(event), "{scenario} {body}: {event}");
        }
        made
    }

    /// Onboards the partner as a person would: through the link to the account that the Worker created. Returns the
    /// account's id.
    #[track_caller]
    pub fn onboards(&self, server: &Server, partner: &Partner) -> String {
        let path = format!("/v1/partners/{}/onboarding", partner.id);
        let asked = json!({"country": "US", "return_url": "https://site.example/partner"});
        let link = server.post(&path, &asked).operator().send().expect(200).json();
        let url = link["url"].as_str().expect("a link");
        server.get(url).send().expect(200);
        let done = server.ask("POST", url).send().expect(302);
        assert_eq!(done.header("location"), Some("https://site.example/partner"));
        self.control("webhooks/settle", &json!({}));
        let shown = server.read(&format!("/v1/partners/{}", partner.id));
        assert_eq!(
            (&shown["payability"]["payable"], &shown["payability"]["currently_due"]),
            (&json!(true), &json!([]))
        );
        shown["payability"]["account"].as_str().expect("an account").to_owned()
    }

    /// A connected account created at Stripe itself, onboarded or not. Returns its id.
    #[track_caller]
    pub fn account(&self, is_onboarded: bool) -> String {
        let form = "country=US&capabilities[transfers][requested]=true&controller[stripe_dashboard][type]=express\
            &controller[losses][payments]=application&controller[fees][payer]=application&controller[requirement_collection]=stripe";
        let url = format!("{}/v1/accounts", self.base);
        let asked = self.agent.post(&url).header("authorization", format!("Bearer {KEY}"));
        let asked = asked.header("content-type", "application/x-www-form-urlencoded");
        let mut answer = asked.header("stripe-version", "2026-10-28.endive").send(form).expect("an answer");
        let text = answer.body_mut().read_to_string().expect("a body");
        let made: Value = serde_json::from_str(&text).expect("JSON");
        let id = made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        if is_onboarded {
            self.control(&format!("accounts/{id}/onboard"), &json!({}));
        }
        id
    }

    /// What an account has received and not returned.
    #[track_caller]
    pub fn received(&self, account: &str) -> i64 {
        let all = self.list("transfer");
        let cents = |t: &Value, name: &str| t[name].as_i64().expect("cents");
        let to = all.iter().filter(|t| t["destination"] == account);
        to.map(|t| cents(t, "amount") - cents(t, "amount_reversed")).sum()
    }
}

impl Drop for Stripe {
    fn drop(&mut self) {
        // It keeps no state. If this process is killed, it notices and exits.
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// The value of `Stripe-Signature`, made by Stripe's own library for Node.
pub fn official_signature(body: &str, secret: &str, second: i64) -> String {
    let asked = json!({"payload": body, "secret": secret, "timestamp": second});
    let mut process = node("tests/support/stripe/official-signature.mjs")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Stripe's library");
    process.stdin.take().expect("its input").write_all(asked.to_string().as_bytes()).expect("written");
    let output = process.wait_with_output().expect("a signature");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("a header").trim().to_owned()
}
