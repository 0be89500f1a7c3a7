//! What happens to a few accounts: raw facts, deliberately often at boundary instants, in the order they happened.

mod payments;
pub mod stripe;
mod stripe_money;

use super::calendar::{DAY, HOUR, MINUTE, firsts, mondays, plus_months, print};
use super::facts::{Click, Sent};
use super::rng::Rng;
use serde_json::{Value, json};

/// The choices available to stories.
#[derive(Clone, Debug, Default)]
pub struct StoryOptions {
    pub start: i64,
    /// Whether accounts stay for more than a year.
    pub is_long: bool,
    /// Program and code.
    pub codes: Vec<(String, String)>,
    /// The codes of these that are turned off on the way.
    pub spare: Vec<String>,
    /// The program whose codes most accounts use.
    pub favourite: &'static str,
    /// Partners who may sign up themselves.
    pub own: Vec<Own>,
}

/// A partner's address, and a code of the same partner.
#[derive(Clone, Debug)]
pub struct Own {
    pub program: &'static str,
    pub email: String,
    pub code: String,
}

impl StoryOptions {
    pub fn of<'a>(&'a self, program: &'a str) -> impl Iterator<Item = &'a String> {
        self.codes.iter().filter(move |(of, _)| of == program).map(|(_, code)| code)
    }
}

/// Milliseconds around a boundary: just before it, on it, and just after it.
pub const EDGES: [i64; 3] = [-1, 0, 1];

/// An account that first pays this long after its sign-up is still active for 90 days, and can still leave within 30
/// days of paying.
pub const LATE: i64 = 88 * DAY;

/// How long after paying it leaves: within the 30 days, and just outside.
pub const SOON: [i64; 4] = [5 * DAY, 20 * DAY, 30 * DAY - 1, 30 * DAY];

/// The facts of one account, generated in order.
pub struct Story<'a> {
    pub rng: &'a mut Rng,
    pub options: &'a StoryOptions,
    pub account: String,
    pub email: Option<String>,
    /// The code that it mostly uses, for example that of a partner with its email address.
    pub own: Option<String>,
    /// Whether it pays little at first and much later, for long enough to exercise rules that depend on growth.
    pub grows: bool,
    pub has_subscription: bool,
    pub events: Vec<Sent>,
    pub clicks: Vec<Click>,
}

/// An invoice for which an event was sent.
#[derive(Clone)]
pub struct IssuedInvoice {
    id: String,
    at: i64,
    pub cents: i64,
    currency: &'static str,
}

/// One account, from its sign-up to its end.
pub fn tell(rng: &mut Rng, options: &StoryOptions, number: usize) -> (Vec<Sent>, Vec<Click>) {
    let mut own = None;
    let email = match rng.next() % 12 {
        0 | 1 => {
            // Half of them through user-referral, because there only this rule holds a reward.
            let program = if rng.percent(50) { "user-referral" } else { options.favourite };
            let partner = rng.pick(&options.own.iter().filter(|o| o.program == program).collect::<Vec<_>>());
            own = Some(partner.code.clone());
            // By another name of the same mailbox.
            let (name, domain) = partner.email.split_once('@').expect("an address");
            Some(rng.pick(&[partner.email.to_uppercase(), format!("{name}+me@{domain}")]))
        }
        2..=4 => Some(format!("friend{number}@example.net")),
        5 | 6 => Some(format!("friend{number}@acme.example")),
        7 | 9 => Some(format!("friend{number}@gmail.com")),
        10 => Some(format!("fr.iend{}+again@googlemail.com", number.saturating_sub(1))),
        8 => Some(rng.pick(&["x@ada.example", "y@mail.ada-studio.example", "z@ali.example"]).to_owned()),
        _ => None,
    };
    let has_subscription = rng.percent(40);
    let account = format!("acct_{number}");
    let grows = options.favourite == "developer-affiliate" && rng.percent(60);
    if grows {
        own = Some(rng.pick(&options.of(options.favourite).cloned().collect::<Vec<_>>()));
    }
    let mut story = Story { own, grows, has_subscription, ..Story::new(rng, options, account, email) };
    let sign_up = story.sign_up();
    story.maybe_has_another_mailbox(sign_up, number);
    story.pay_and_leave(sign_up);
    story.use_it(sign_up);
    if story.rng.percent(if options.favourite == "tiered-credits" { 90 } else { 50 }) {
        story.visit_salon(sign_up);
    }
    let (account, events, clicks) = (story.account, story.events, story.clicks);
    (stripe::maybe_retell(rng, options, &account, events), clicks)
}

impl<'a> Story<'a> {
    pub fn new(rng: &'a mut Rng, options: &'a StoryOptions, account: String, email: Option<String>) -> Story<'a> {
        let (events, clicks) = (Vec::new(), Vec::new());
        Story { rng, options, account, email, own: None, grows: false, has_subscription: false, events, clicks }
    }

    pub fn event(&mut self, kind: &str, at: i64, rest: Value) -> usize {
        // Ids in random order, so that events at one instant are ordered by id and not by creation.
        let id = format!("e{:04x}_{}_{}", self.rng.next() % 0x1_0000, self.account, self.events.len());
        let mut body = json!({"id": id, "type": kind, "occurred_at": print(at), "account": {"id": self.account}});
        for (key, value) in rest.as_object().expect("an object") {
            body[key] = value.clone();
        }
        let account = body["account"]["id"].as_str().unwrap_or_default().to_owned();
        self.events.push(Sent { id, at, kind: kind.to_owned(), account, body, ..Sent::default() });
        self.events.len() - 1
    }

    /// Signs up once, never, or several times. Returns the instant that the rest of the story counts from.
    fn sign_up(&mut self) -> i64 {
        let at = self.sign_up_at();
        match self.rng.next() % 20 {
            0 => {}
            1..=3 => {
                let mut when = at;
                for _ in 0..self.rng.pick(&[2, 2, 3, 4]) {
                    self.one_sign_up(when);
                    when += self.rng.pick(&[1, HOUR, 5 * DAY, 40 * DAY]);
                }
            }
            4..=6 => {
                self.event("account.signed_up", at, json!({}));
                let later = at + self.rng.pick(&[1, HOUR, 3 * DAY, 35 * DAY]);
                let code = self.code();
                self.event("account.active", later, json!({"attribution": {"code": code}, "data": {"api_calls": 7}}));
            }
            _ => self.one_sign_up(at),
        }
        at
    }

    /// Some name another address, before or after the sign-up: their own, or one of the account told about just before. It
    /// has choices of its own, so that the rest of the story stays as it is.
    fn maybe_has_another_mailbox(&mut self, sign_up: i64, number: usize) {
        let said = self.events.iter().flat_map(|event| event.id.bytes());
        let mut aside = Rng::new(said.fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))));
        if !aside.percent(12) {
            return;
        }
        let before = number.saturating_sub(1);
        let email = aside.pick(&[
            format!("friend{number}.two@gmail.com"),
            format!("friend{before}@gmail.com"),
            format!("friend{before}@example.net"),
            format!("friend{before}@acme.example"),
        ]);
        let at = sign_up + aside.pick(&[-DAY, 1, HOUR, 3 * DAY, 35 * DAY]);
        let mut told = Story::new(&mut aside, self.options, self.account.clone(), None);
        let account = json!({"id": self.account, "email": email});
        told.event("account.active", at, json!({"account": account, "data": {"api_calls": 3}}));
        told.events[0].id.push_str("_mailbox");
        told.events[0].body["id"] = json!(told.events[0].id);
        self.events.append(&mut told.events);
    }

    /// Often chosen so that 14, 7 or 30 days end at a run.
    fn sign_up_at(&mut self) -> i64 {
        let start = self.options.start;
        let free = start + self.rng.within(0, 40 * DAY);
        let edge = self.rng.pick(&EDGES);
        match self.rng.next() % 8 {
            0 => self.rng.pick(&mondays(start + 15 * DAY, start + 60 * DAY)) - 14 * DAY + edge,
            1 => self.rng.pick(&mondays(start, start + 40 * DAY)),
            2 => self.rng.pick(&firsts(start + 31 * DAY, start + 70 * DAY)) - self.rng.pick(&[7, 30]) * DAY + edge,
            _ => free,
        }
    }

    pub fn one_sign_up(&mut self, at: i64) {
        let mut rest = json!({});
        if let Some(email) = self.email.clone() {
            rest["account"] = json!({"id": self.account, "email": email});
        }
        if self.rng.percent(30) {
            rest["attribution"] = json!({"code": self.code()});
        }
        if self.rng.percent(35) {
            rest["attribution"]["visitor"] = json!(self.clicks_before(at));
        }
        let index = self.event("account.signed_up", at, rest);
        // An account that shares a domain with others may have nothing else to be attributed by.
        let is_shared =
            self.email.as_ref().is_some_and(|e| e.ends_with("@example.net") || e.ends_with("@acme.example"));
        if self.rng.percent(if is_shared { 50 } else { 85 }) {
            self.events[index].touches = self.touches(at);
        }
    }

    /// Up to eight clicks before a sign-up, oldest first, each at another instant.
    fn touches(&mut self, sign_up: i64) -> Vec<(String, i64)> {
        let count = self.rng.within(1, 9);
        let mut found: Vec<(String, i64)> = Vec::new();
        for _ in 0..count {
            let code = self.code();
            let is_developers = self.options.of("developer-affiliate").any(|c| *c == code);
            let window = if is_developers { 90 } else { 30 };
            let age = match self.rng.next() % 8 {
                0 => window * DAY,
                1 => window * DAY + self.rng.pick(&EDGES),
                2 => 0,
                3 => self.rng.within(window, window + 15) * DAY,
                4 => (window - 1) * DAY + self.rng.within(0, DAY),
                _ => self.rng.within(1, (window - 1) * DAY),
            };
            if found.iter().all(|(_, at)| *at != sign_up - age) {
                found.push((code, sign_up - age));
            }
        }
        found.sort_by_key(|(_, at)| *at);
        found
    }

    /// The clicks of a visitor without a cookie. Returns its name.
    fn clicks_before(&mut self, sign_up: i64) -> String {
        let visitor = format!("fp_{}_{}", self.account, self.events.len());
        for _ in 0..self.rng.within(1, 3) {
            let age = match self.rng.next() % 4 {
                0 => 30 * DAY + self.rng.pick(&EDGES),
                _ => self.rng.within(1, 32 * DAY),
            };
            let code = self.rng.pick(&self.options.of("tiered-credits").cloned().collect::<Vec<_>>());
            self.clicks.push(Click { visitor: visitor.clone(), code, at: sign_up - age });
        }
        visitor
    }

    pub fn code(&mut self) -> String {
        if let Some(own) = self.own.clone().filter(|_| self.rng.percent(80)) {
            return own;
        }
        match self.rng.next() % 100 {
            0..=9 => "NoSuchCode".to_owned(),
            10..=49 => self.rng.pick(&self.options.of(self.options.favourite).cloned().collect::<Vec<_>>()),
            _ => self.rng.pick(&self.options.codes).1,
        }
    }
}
