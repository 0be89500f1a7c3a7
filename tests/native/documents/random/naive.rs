//! A naive interpreter of documents, straight from their JSON. It shares no code with the product.

mod granted;
mod lines;
mod seen;

use crate::simulation::calendar::DAY;
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
                if !found.iter().any(taken) {
                    found.push(Bound { account, program, partner, at: deed.at });
                }
            }
        }
        found
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
