//! A naive interpreter of documents, straight from their JSON. It shares no code with the product.

mod granted;
mod lines;
mod seen;

use crate::simulation::calendar::DAY;
use manicule::engine::review::suspension::PartnerStanding;
use serde_json::Value;
use std::collections::BTreeMap;

/// What an account did, and the code that came with it, as (program, partner).
pub struct Deed {
    pub at: i64,
    pub body: Value,
    pub code: Option<(usize, usize)>,
}

pub struct Account {
    pub id: String,
    /// In the order of their instants.
    pub deeds: Vec<Deed>,
}

pub struct Story {
    /// The versions of each program.
    pub programs: Vec<Vec<Value>>,
    /// How each partner brings accounts.
    pub sources: Vec<&'static str>,
    pub accounts: Vec<Account>,
    /// By program.
    pub runs: Vec<Vec<i64>>,
    /// What was put into budgets: when, for which program, how much.
    pub funds: Vec<(i64, usize, i64)>,
    /// When which partner of a program was suspended, banned or reinstated.
    pub standings: Vec<(i64, usize, usize, PartnerStanding)>,
}

/// A time in which a partner was suspended or banned.
pub struct Span {
    pub is_ban: bool,
    pub from: i64,
    /// The last instant there is: it lasts.
    pub to: i64,
}

impl Span {
    pub fn contains(&self, at: i64) -> bool {
        self.from <= at && at < self.to
    }
}

/// By account, program, rule and source: cents.
pub type Earned = BTreeMap<(String, String, String, String), i64>;

/// What partners have.
#[derive(Debug, Default, PartialEq)]
pub struct Books {
    pub earned: Earned,
    /// By program and partner: pending and available cents.
    pub balances: BTreeMap<(usize, usize), (i64, i64)>,
    /// The same, as the program's last run can pay it.
    pub payable: BTreeMap<(usize, usize), i64>,
}

/// Who gets what an account earns in a program, from when on.
#[derive(Clone, Copy)]
pub struct Bound {
    pub account: usize,
    pub program: usize,
    pub partner: usize,
    pub at: i64,
}

/// Something earned, with the instant at which it vests and the disputes that freeze it.
pub struct Item {
    pub bound: Bound,
    pub rule: String,
    pub source: String,
    pub at: i64,
    pub cents: i64,
    pub vests: Option<i64>,
    /// It waits for no run.
    pub at_once: bool,
    pub frozen: Vec<(i64, i64)>,
    /// A benefit is nobody's.
    pub is_partners: bool,
}

impl Story {
    /// The version of a program in force.
    pub fn in_force(&self, program: usize, at: i64) -> Option<&Value> {
        self.programs[program].iter().rfind(|d| starts(d) <= at)
    }

    pub fn cadence(&self, program: usize) -> &str {
        self.programs[program][0]["settlement"]["cadence"].as_str().unwrap_or_default()
    }

    fn group(&self, program: usize) -> &str {
        let document = &self.programs[program][0];
        let own = document["attribution"]["exclusive_group"].as_str();
        own.or(document["id"].as_str()).unwrap_or_default()
    }

    /// The first code of a group binds its account in that group.
    fn bound(&self) -> Vec<Bound> {
        let mut found: Vec<Bound> = Vec::new();
        for (account, one) in self.accounts.iter().enumerate() {
            for deed in &one.deeds {
                let Some((program, partner)) = deed.code else { continue };
                let taken = |b: &Bound| b.account == account && self.group(b.program) == self.group(program);
                let is_out = self.spans(program, partner).iter().any(|span| span.contains(deed.at));
                if !is_out && !found.iter().any(taken) {
                    found.push(Bound { account, program, partner, at: deed.at });
                }
            }
        }
        found
    }

    pub fn spans(&self, program: usize, partner: usize) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for (at, _, _, to) in self.standings.iter().filter(|s| (s.1, s.2) == (program, partner)) {
            if let Some(last) = spans.last_mut().filter(|span| span.to == i64::MAX) {
                last.to = *at;
            }
            if *to != PartnerStanding::Active {
                spans.push(Span { is_ban: *to == PartnerStanding::Banned, from: *at, to: i64::MAX });
            }
        }
        spans
    }

    /// A ban takes everything up to its end. What happens in a suspension waits for its end, and then for a run.
    fn suspend(&self, item: &mut Item) {
        for span in self.spans(item.bound.program, item.bound.partner) {
            if span.is_ban && item.at < span.to {
                item.cents = 0;
            } else if !span.is_ban && span.contains(item.at) {
                item.frozen.push((item.at - 1, span.to));
                item.at_once &= self.cadence(item.bound.program) == "instant" && span.to != i64::MAX;
            }
        }
    }

    /// Whether what an account is worth to its partner's tiers waits, by what happened last.
    pub fn is_held(&self, bound: &Bound, qualified: Option<i64>) -> bool {
        let spans = self.spans(bound.program, bound.partner);
        let mut open = spans.iter().filter(|span| span.to == i64::MAX);
        open.any(|span| span.is_ban || span.contains(qualified.unwrap_or(bound.at)))
    }

    fn is_brought(&self, reward: &Value, bound: &Bound) -> bool {
        let ways = list(&reward["when"], "source");
        ways.is_empty() || ways.iter().any(|way| *way == self.sources[bound.partner])
    }

    /// Everything that has been earned once all has happened.
    pub fn books(&self) -> Books {
        let bound = self.bound();
        let mut items = lines::lines(self, &bound);
        items.extend(granted::granted(self, &bound));
        items.iter_mut().filter(|item| item.is_partners).for_each(|item| self.suspend(item));
        let mut books = Books::default();
        for item in items.iter().filter(|item| item.cents > 0) {
            let program = &self.programs[item.bound.program][0]["id"];
            let account = self.accounts[item.bound.account].id.clone();
            let key = (account, text(program), item.rule.clone(), item.source.clone());
            *books.earned.entry(key).or_default() += item.cents;
            if !item.is_partners {
                continue;
            }
            let balance = books.balances.entry((item.bound.program, item.bound.partner)).or_default();
            let runs = &self.runs[item.bound.program];
            let by = |run: &i64| {
                item.at < *run
                    && item.vests.is_some_and(|at| at <= *run)
                    && !item.frozen.iter().any(|(from, to)| from < run && run <= to)
            };
            if !item.at_once && !runs.iter().any(by) {
                balance.0 += item.cents;
                continue;
            }
            balance.1 += item.cents;
            let Some(last) = runs.last() else { continue };
            let Some(document) = self.in_force(item.bound.program, *last) else { continue };
            let is_mature = item.vests.is_some_and(|at| at <= last - days(&document["settlement"], "delay_days"));
            if is_mature && !item.frozen.iter().any(|(from, to)| from < last && last <= to) {
                *books.payable.entry((item.bound.program, item.bound.partner)).or_default() += item.cents;
            }
        }
        books.payable.retain(|(program, _), cents| {
            let last = self.runs[*program].last().copied().unwrap_or_default();
            let least = self.in_force(*program, last).and_then(|d| d["settlement"]["minimum_cents"].as_i64());
            *cents >= least.unwrap_or_default()
        });
        books
    }
}

pub fn starts(document: &Value) -> i64 {
    let text = document["effective_from"].as_str().unwrap_or_default();
    manicule::base::time::UtcMillis::parse(text).map_or(i64::MAX, |at| at.0)
}

pub fn list(of: &Value, name: &str) -> Vec<Value> {
    of[name].as_array().cloned().unwrap_or_default()
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub fn days(of: &Value, name: &str) -> i64 {
    of[name].as_i64().unwrap_or_default() * DAY
}
