//! What accounts and visitors do besides paying: use the product, join through an agency's workspace, earn the tiers of
//! tiered-credits (the "salon"), move through the funnel. Also many small accounts that one agency refers.

use super::calendar::{DAY, HOUR, print};
use super::facts::{Click, Sent};
use super::rng::Rng;
use super::story::{EDGES, LATE, SOON, Story, StoryOptions, stripe};
use serde_json::json;

impl Story<'_> {
    /// Calls, team members, invitations of its domain.
    pub fn use_it(&mut self, sign_up: i64) {
        if self.rng.percent(45) {
            let at = sign_up + self.rng.within(0, 45 * DAY);
            let size = self.rng.pick(&[5, 6, 40]);
            let account = json!({"id": self.account, "team_size": size});
            self.event("account.active", at, json!({"account": account, "data": {"api_calls": 1_200}}));
        }
        let is_of_acme = self.email.as_ref().is_some_and(|e| e.ends_with("@acme.example"));
        if is_of_acme && self.rng.percent(50) {
            let at = sign_up + self.rng.pick(&[-3 * DAY, -DAY, -1, 0, 1]);
            let codes: Vec<String> = self.options.of("developer-affiliate").cloned().collect();
            let code = if self.rng.percent(80) { self.rng.pick(&codes) } else { self.code() };
            let data = json!({"agency_code": code, "domain": "acme.example"});
            self.event("workspace.invited", at, json!({"account": {}, "data": data}));
        }
        if self.rng.percent(8) {
            let at = sign_up + self.rng.pick(&[-DAY, 0, DAY]);
            let code = self.code();
            self.event("account.handed_off", at, json!({"data": {"agency_code": code}}));
        }
    }

    /// Events for the five tiers, including some that just miss a tier, and each tier more than once.
    pub fn visit_salon(&mut self, sign_up: i64) {
        let start = sign_up + self.rng.pick(&[-2 * DAY, 1, HOUR, 5 * DAY]);
        if self.rng.percent(70) {
            let (mut at, is_slow) = (start, self.rng.percent(30));
            for number in 0..self.rng.within(2, 6) {
                let listing = if self.rng.percent(20) { 0 } else { number };
                self.event("listing.viewed", at, json!({"data": {"listing_id": format!("listing_{listing}")}}));
                at += if is_slow || self.rng.percent(20) {
                    15 * DAY + self.rng.pick(&EDGES)
                } else {
                    self.rng.within(1, 12 * DAY)
                };
            }
        }
        for (kind, chance) in [("newsletter.confirmed", 50), ("rfq.submitted", 50)] {
            for _ in 0..2 {
                if self.rng.percent(chance) {
                    let at = start + self.rng.within(0, 40 * DAY);
                    self.event(kind, at, json!({}));
                }
            }
        }
        for number in 0..self.rng.within(0, 3) {
            let at = start + self.rng.within(0, 50 * DAY);
            let cents = self.rng.pick(&[9, 4_999, 249_999, 250_000, 250_010, 900_000]);
            let id = format!("buy_{}_{number}", self.account);
            let rest = json!({"amount": {"cents": cents, "currency": "usd"}, "data": {"purchase_id": id}});
            self.event("purchase.completed", at, rest);
        }
    }

    /// Signs up with one code or with none, pays a little from `first` on, and seldom leaves.
    fn small(&mut self, at: i64, first: i64, code: Option<&str>) {
        let account = self
            .email
            .as_ref()
            .map_or(json!({"id": self.account}), |email| json!({"id": self.account, "email": email}));
        let is_typed = self.rng.percent(50);
        let attribution = code.filter(|_| is_typed).map_or(json!({}), |code| json!({"code": code}));
        let index = self.event("account.signed_up", at, json!({"account": account, "attribution": attribution}));
        if let Some(code) = code.filter(|_| !is_typed) {
            let age = self.rng.within(0, 31 * DAY);
            self.events[index].touches = vec![(code.to_owned(), at - age)];
        }
        if self.has_subscription {
            let data = json!({"subscription_id": format!("sub_{}", self.account), "monthly_cents": 30_000,
                "annual_value_cents": self.rng.pick(&[360_000, 600_000, 2_000_000, 5_000_000])});
            self.event("subscription.started", first, json!({"data": data}));
        }
        for month in 0..self.rng.pick(&[0, 1, 1, 2, 3]) {
            let cents = self.some_cents();
            let told = self.invoice(first + month * 31 * DAY, cents);
            self.trouble(&told);
        }
        let (chance, after) =
            if first >= at + LATE { (50, SOON) } else { (12, [10 * DAY, 60 * DAY, 60 * DAY - 1, 80 * DAY]) };
        if self.rng.percent(chance) {
            let away = first + self.rng.pick(&after);
            self.event("account.cancelled", away, json!({}));
        }
    }
}

/// This many small accounts, referred by one agency within `days`.
pub fn crowd(rng: &mut Rng, options: &StoryOptions, count: i64, days: i64) -> Vec<Sent> {
    let code = rng.pick(&options.of("agency-partner").cloned().collect::<Vec<_>>());
    let start = options.start + rng.within(0, 20 * DAY);
    let mut events = Vec::new();
    for number in 0..count {
        let email = match rng.next() % 12 {
            0 | 1 => Some("them@mail.ada-studio.example".to_owned()),
            2 | 3 => Some("them@ali.example".to_owned()),
            4 | 5 => Some(format!("c{number}@crowd.example")),
            _ => None,
        };
        let (account, has_subscription) = (format!("small_{number}"), rng.percent(25));
        let at = start + rng.within(0, days * 24) * HOUR;
        let first = at + rng.within(0, 6 * DAY);
        let mut story = Story { has_subscription, ..Story::new(rng, options, account, email) };
        story.small(at, first, Some(&code));
        let (account, told) = (story.account, story.events);
        events.append(&mut stripe::maybe_retell(rng, options, &account, told));
    }
    events
}

/// This many accounts with one email domain, one after the other. Some sign up with different codes, the others are
/// attributed by their domain alone.
pub fn colleagues(rng: &mut Rng, options: &StoryOptions, count: i64) -> Vec<Sent> {
    let codes: Vec<String> = options.of("developer-affiliate").cloned().collect();
    let mut at = options.start + rng.within(0, 20 * DAY);
    let mut events = Vec::new();
    for number in 0..count {
        let email = format!("mate{number}@team.example");
        let code = rng.percent(50).then(|| rng.pick(&codes));
        let first = at + if rng.percent(25) { LATE } else { rng.within(0, 6 * DAY) };
        let mut story = Story::new(rng, options, format!("mate_{number}"), Some(email));
        story.small(at, first, code.as_deref());
        let (account, told) = (story.account, story.events);
        events.append(&mut stripe::maybe_retell(rng, options, &account, told));
        at += rng.pick(&[0, 1, HOUR, 5 * DAY]);
    }
    events
}

/// The prefix of the guests' account ids.
pub const GUEST: &str = "guest_";

/// This many members of the salon who sign up with its own codes, each with a few small rewards close together.
pub fn guests(rng: &mut Rng, options: &StoryOptions, count: i64) -> Vec<Sent> {
    let codes: Vec<String> = options.of("tiered-credits").cloned().collect();
    let mut events = Vec::new();
    for number in 0..count {
        let at = options.start + rng.within(0, 60 * DAY);
        let code = rng.pick(&codes);
        let mut story = Story::new(rng, options, format!("{GUEST}{number}"), None);
        story.event("account.signed_up", at, json!({"attribution": {"code": code}}));
        for kind in ["newsletter.confirmed", "rfq.submitted"] {
            if story.rng.percent(60) {
                let when = at + story.rng.within(1, 3 * DAY);
                story.event(kind, when, json!({}));
            }
        }
        if story.rng.percent(30) {
            let cents = story.rng.pick(&[4_999, 30_000, 60_000]);
            let data = json!({"purchase_id": format!("buy_{number}")});
            let rest = json!({"amount": {"cents": cents, "currency": "usd"}, "data": data});
            let when = at + story.rng.within(1, 3 * DAY);
            story.event("purchase.completed", when, rest);
        }
        events.append(&mut story.events);
    }
    events
}

/// Visitors of the funnel: clicks, and stages attributed by code, by touch, or not at all.
pub fn visitors(rng: &mut Rng, options: &StoryOptions) -> (Vec<Sent>, Vec<Click>) {
    let (mut events, mut clicks) = (Vec::new(), Vec::new());
    let codes: Vec<String> = options.of("partner-funnel").cloned().collect();
    for number in 0..rng.within(2, 7) {
        let visitor = format!("vis_{number}");
        let code = if rng.percent(80) { rng.pick(&codes) } else { rng.pick(&options.codes).1 };
        let start = options.start + rng.within(0, 30) * DAY + rng.pick(&[-1, 0, 0, 1, 5 * HOUR]);
        if codes.contains(&code) && rng.percent(60) {
            clicks.push(Click { visitor: visitor.clone(), code: code.clone(), at: start });
        }
        let kinds = [
            "page.viewed",
            "page.viewed",
            "lead_magnet.downloaded",
            "demo.requested",
            "newsletter.joined",
            "activation.reached",
        ];
        let mut at = start;
        for kind in kinds.iter().take(rng.within(1, 7) as usize) {
            at += rng.pick(&[1, HOUR, DAY, 7 * DAY]);
            let id = format!("f{:04x}_{number}_{}", rng.next() % 0x1_0000, events.len());
            let mut body = json!({"id": id, "type": kind, "occurred_at": print(at), "data": {}});
            if rng.percent(85) {
                body["data"]["visitor"] = json!(visitor);
            }
            if rng.percent(60) {
                body["data"]["campaign"] = json!(rng.pick(&["migration-playbook", "other"]));
            }
            let mut touches = Vec::new();
            match rng.next() % 10 {
                0 => {}
                1..=3 => {
                    let age = rng.pick(&[30 * DAY, 30 * DAY - 1, 30 * DAY + 1, HOUR]);
                    touches.push((code.clone(), at - age));
                    let other = (rng.pick(&options.codes).1, at - age / 2 - 7);
                    touches.extend(rng.percent(40).then_some(other));
                }
                _ => body["attribution"] = json!({"code": code}),
            }
            let (kind, account) = ((*kind).to_owned(), String::new());
            events.push(Sent { id, at, kind, account, body, touches, ..Sent::default() });
        }
    }
    (events, clicks)
}
