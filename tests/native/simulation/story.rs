//! What happens to a handful of accounts: raw facts with boundary instants on purpose, in the order they happened.

use super::calendar::{DAY, HOUR, MINUTE, firsts, mondays, plus_months, print};
use super::facts::{Click, Sent};
use super::rng::Rng;
use serde_json::{Value, json};

/// What the stories may choose from.
#[derive(Clone, Debug, Default)]
pub struct StoryOptions {
    pub start: i64,
    /// Whether accounts stay for more than a year.
    pub is_long: bool,
    /// Program and code.
    pub codes: Vec<(String, String)>,
    /// Codes of these that are switched off on the way.
    pub spare: Vec<String>,
    /// The program whose codes most accounts come by.
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

/// Milliseconds around a boundary: just before it, on it, just after it.
pub const EDGES: [i64; 3] = [-1, 0, 1];

/// Who pays first so long after signing up is active for 90 days all the same, and can still leave within 30 days of
/// paying.
pub const LATE: i64 = 88 * DAY;

/// How long after paying it leaves: inside the 30 days, and just outside.
pub const SOON: [i64; 4] = [5 * DAY, 20 * DAY, 30 * DAY - 1, 30 * DAY];

/// The facts of one account, told as they happen.
pub struct Story<'a> {
    pub rng: &'a mut Rng,
    pub options: &'a StoryOptions,
    pub account: String,
    pub email: Option<String>,
    /// The code that it mostly comes by, as with a partner whose address it has.
    pub own: Option<String>,
    /// Whether it pays little first and much later, for long enough to tell what depends on that.
    pub grows: bool,
    pub has_subscription: bool,
    pub events: Vec<Sent>,
    pub clicks: Vec<Click>,
}

/// An invoice that was told.
#[derive(Clone)]
pub struct Told {
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
            // Half of them by user-referral: there only this holds a reward.
            let program = if rng.percent(50) { "user-referral" } else { options.favourite };
            let partner = rng.pick(&options.own.iter().filter(|o| o.program == program).collect::<Vec<_>>());
            own = Some(partner.code.clone());
            Some(partner.email.to_uppercase())
        }
        2..=4 => Some(format!("friend{number}@example.net")),
        5 | 6 => Some(format!("friend{number}@acme.example")),
        7 => Some(format!("friend{number}@gmail.com")),
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
    story.pay_and_leave(sign_up);
    story.use_it(sign_up);
    if story.rng.percent(if options.favourite == "tiered-credits" { 90 } else { 50 }) {
        story.visit_salon(sign_up);
    }
    (story.events, story.clicks)
}

impl<'a> Story<'a> {
    pub fn new(rng: &'a mut Rng, options: &'a StoryOptions, account: String, email: Option<String>) -> Story<'a> {
        let (events, clicks) = (Vec::new(), Vec::new());
        Story { rng, options, account, email, own: None, grows: false, has_subscription: false, events, clicks }
    }

    pub fn event(&mut self, kind: &str, at: i64, rest: Value) -> usize {
        // Ids in no order, so that events of one instant stand by id and not by how they were told.
        let id = format!("e{:04x}_{}_{}", self.rng.next() % 0x1_0000, self.account, self.events.len());
        let mut body = json!({"id": id, "type": kind, "occurred_at": print(at), "account": {"id": self.account}});
        for (key, value) in rest.as_object().expect("an object") {
            body[key] = value.clone();
        }
        let account = body["account"]["id"].as_str().unwrap_or_default().to_owned();
        self.events.push(Sent { id, at, kind: kind.to_owned(), account, body, touches: Vec::new() });
        self.events.len() - 1
    }

    /// Signs up, or not, or more than once; the instant that the rest of the story counts from.
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

    /// Often so that 14, 7 or 30 days end at a run.
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
        // Who shares a domain with others may have nothing else to be attributed by.
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

    /// The clicks of a visitor without a cookie: its name.
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

    /// Pays month by month, with all that can go wrong, leaves, and sometimes comes back.
    fn pay_and_leave(&mut self, sign_up: i64) {
        let first = self.first_payment_at(sign_up);
        let is_long = self.options.is_long && self.rng.percent(60);
        let months = match (is_long, self.grows) {
            (true, _) => self.rng.within(12, 15),
            (false, true) => self.rng.within(8, 10),
            (false, false) => self.rng.within(1, 5),
        };
        let small = if self.grows { self.rng.within(1, 4) } else { 0 };
        let mut told = self.months(first, months, small);
        let is_late = first >= sign_up + LATE;
        let leaves = self.rng.percent(if is_late { 70 } else { 35 });
        if leaves {
            let at = self.leaving_at(sign_up, first);
            self.leave(at, sign_up, 1);
            if self.rng.percent(50) {
                let back = at.max(first) + self.rng.pick(&[1, HOUR, 6 * DAY, 31 * DAY, 320 * DAY]);
                let months = self.rng.within(1, 4);
                told.extend(self.months(back, months, 0));
                if self.rng.percent(30) {
                    let again = back + 60 * DAY + self.rng.pick(&[-1, 0, 1, -40 * DAY]);
                    self.leave(again, sign_up, 2);
                }
            }
        }
        for invoice in told {
            self.trouble(&invoice);
        }
    }

    /// Often so that a span ends at a run.
    fn first_payment_at(&mut self, sign_up: i64) -> i64 {
        match self.rng.next() % 9 {
            4 | 5 => sign_up + self.rng.pick(&[LATE, 90 * DAY, 95 * DAY]),
            0 => self.rng.pick(&firsts(sign_up + 60 * DAY, sign_up + 100 * DAY)) - 60 * DAY + self.rng.pick(&EDGES),
            1 => self.rng.pick(&mondays(sign_up + 30 * DAY, sign_up + 45 * DAY)) - 30 * DAY + self.rng.pick(&EDGES),
            2 => self.rng.pick(&firsts(sign_up, sign_up + 32 * DAY)),
            3 => sign_up + self.rng.pick(&EDGES),
            _ => sign_up + self.rng.within(0, 12 * DAY),
        }
    }

    /// So many months, of which the first few may be `small` before the account grows: then all are about a border that
    /// a program may draw.
    fn months(&mut self, first: i64, months: i64, small: i64) -> Vec<Told> {
        let mut told = Vec::new();
        if self.has_subscription {
            for part in 0..self.rng.within(1, 3) {
                let id = format!("sub_{}_{first}_{part}", self.account);
                let mut data = json!({"subscription_id": id, "monthly_cents": self.rng.pick(&[900, 600_000])});
                if self.rng.percent(50) {
                    data["annual_value_cents"] = json!(self.rng.pick(&[499_999, 500_000, 3_000_000, 5_000_000]));
                }
                let at = first - self.rng.pick(&[0, 0, HOUR]);
                self.event("subscription.started", at, json!({"data": data}));
            }
        }
        let large = self.rng.pick(&[[50_001, 90_000], [1_333_334, 2_500_000]]);
        for month in 0..months {
            let mut at = plus_months(first, month);
            if month == 12 {
                at += self.rng.pick(&[-1, -1, 0, 1]);
            }
            let cents = match month {
                _ if small == 0 => self.some_cents(),
                _ if month < small => self.rng.pick(&[900, 49_999, 50_000]),
                _ => self.rng.pick(&large),
            };
            told.push(self.invoice(at, cents));
        }
        if self.rng.percent(15) {
            let at = first + self.rng.within(1, 29 * DAY);
            let cents = self.some_cents();
            told.push(self.invoice(at, cents));
        }
        told
    }

    pub fn some_cents(&mut self) -> i64 {
        match self.rng.next() % 14 {
            0 => 0,
            1 => self.rng.within(1, 12),
            2 | 3 => 50_000,
            4 => 2_320,
            5 => 50_001,
            6 => self.rng.pick(&[1_333_333, 1_333_334, 2_500_000, 2_500_001, 6_666_667]),
            7 => self.rng.within(300_000, 3_000_000),
            _ => self.rng.within(100, 190_000),
        }
    }

    pub fn invoice(&mut self, at: i64, cents: i64) -> Told {
        let id = format!("in_{}_{}", self.account, self.events.len());
        let currency = if self.rng.percent(3) { "eur" } else { "usd" };
        let mut data = json!({"invoice_id": id});
        if self.rng.percent(50) {
            let started = self.events.iter().rfind(|e| e.kind == "subscription.started" && e.at <= at);
            if let Some(event) = started {
                data["subscription_id"] = json!(event.data("subscription_id"));
            }
        }
        if self.rng.percent(20) {
            data["months"] = json!(self.rng.pick(&[1, 3, 12]));
        }
        if cents > 0 && self.rng.percent(30) {
            data["discount_cents"] = json!(cents / 4);
        }
        let rest = json!({"amount": {"cents": cents, "currency": currency}, "data": data});
        self.event("invoice.paid", at, rest.clone());
        if self.rng.percent(8) {
            self.same_invoice_again(at, &rest);
        }
        Told { id, at, cents, currency }
    }

    /// The same invoice under another event id: as it was, with another content, or of another account.
    fn same_invoice_again(&mut self, at: i64, rest: &Value) {
        let mut again = rest.clone();
        let when = at + self.rng.pick(&[-HOUR, -1, 0, 1, 2 * DAY]);
        match self.rng.next() % 3 {
            0 => {}
            1 => again["amount"]["cents"] = json!(self.rng.within(0, 60_000)),
            _ => {
                again["account"] = json!({"id": "acct_0"});
            }
        }
        let index = self.event("invoice.paid", when, again);
        let account = self.events[index].body["account"]["id"].as_str().expect("an id").to_owned();
        self.events[index].account = account;
    }

    fn leaving_at(&mut self, sign_up: i64, first: i64) -> i64 {
        if first >= sign_up + LATE && self.rng.percent(75) {
            return first + self.rng.pick(&SOON);
        }
        let at = match self.rng.next() % 8 {
            0 => sign_up + self.rng.pick(&[7, 14, 30, 90]) * DAY + self.rng.pick(&EDGES),
            1 | 2 => first + 60 * DAY + self.rng.pick(&EDGES),
            4 => first + 30 * DAY + self.rng.pick(&EDGES),
            5 => sign_up + 90 * DAY + self.rng.pick(&EDGES),
            3 => plus_months(first, 1),
            _ => first + self.rng.within(1, 100 * DAY),
        };
        at.max(sign_up + 1)
    }

    /// Cancels the account, or the subscriptions one after the other: the last one decides.
    fn leave(&mut self, at: i64, sign_up: i64, time: usize) {
        let started = self.events.iter().filter(|e| e.kind == "subscription.started" && e.at <= at);
        let mut open: Vec<String> = started.map(|e| e.data("subscription_id").to_owned()).collect();
        let ended = |id: &String| {
            self.events.iter().any(|e| e.kind == "subscription.cancelled" && e.data("subscription_id") == id)
        };
        open.retain(|id| !ended(id));
        if open.is_empty() || time > 1 && self.rng.percent(20) {
            self.event("account.cancelled", at, json!({}));
            return;
        }
        for (index, id) in open.iter().rev().enumerate() {
            let before = (index as i64) * self.rng.pick(&[0, HOUR]);
            self.event(
                "subscription.cancelled",
                (at - before).max(sign_up + 1),
                json!({"data": {"subscription_id": id}}),
            );
        }
    }

    /// Refunds and disputes of an invoice.
    pub fn trouble(&mut self, invoice: &Told) {
        if invoice.cents > 0 && self.rng.percent(22) {
            self.refunds(invoice);
        }
        if invoice.cents > 0 && self.rng.percent(14) {
            self.dispute(invoice);
        }
    }

    fn refunds(&mut self, invoice: &Told) {
        let count = self.rng.within(1, 4);
        for number in 0..count {
            let cents = match self.rng.next() % 4 {
                0 => invoice.cents,
                1 => invoice.cents * 2,
                _ => self.rng.within(1, invoice.cents + 1),
            };
            let id = format!("re_{}_{number}", invoice.id);
            let at = invoice.at + self.rng.pick(&[1, HOUR, 10 * DAY, 59 * DAY, 75 * DAY]) + number;
            let rest = json!({"amount": {"cents": cents, "currency": invoice.currency},
                "data": {"refund_id": id, "invoice_id": invoice.id}});
            self.event("invoice.refunded", at, rest.clone());
            if self.rng.percent(25) {
                let again = at + self.rng.pick(&[0, MINUTE, DAY]);
                self.event("invoice.refunded", again, rest);
            }
        }
    }

    fn dispute(&mut self, invoice: &Told) {
        let cents = self.rng.pick(&[invoice.cents, (invoice.cents / 3).max(1)]);
        let rest = json!({"amount": {"cents": cents, "currency": invoice.currency},
            "data": {"dispute_id": format!("dp_{}", invoice.id), "invoice_id": invoice.id}});
        let mut at = invoice.at + self.rng.pick(&[1, DAY, 30 * DAY, 58 * DAY, 70 * DAY]);
        if self.rng.percent(85) {
            self.event("dispute.opened", at, rest.clone());
        }
        for _ in 0..self.rng.pick(&[0, 1, 1, 1, 2]) {
            at += self.rng.pick(&[1, 5 * DAY, 20 * DAY]);
            let end = self.rng.pick(&["dispute.won", "dispute.lost"]);
            self.event(end, at, rest.clone());
        }
    }
}
