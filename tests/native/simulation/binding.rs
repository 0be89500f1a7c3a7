//! Who referred an account, by the rules: in each exclusive group, the first method that gives a result.
//!
//! Source: section 3 of the design and rules 7 to 10 and 19.

use super::calendar::{DAY, MINUTE};
use super::facts::{Known, Link, Place, Register, Sent};
use super::life::Life;
use std::collections::BTreeMap;

/// The exclusive groups, with the programs and the attribution window of each.
pub struct Group {
    pub name: &'static str,
    pub programs: &'static [&'static str],
    pub window_days: i64,
}

pub const GROUPS: [Group; 4] = [
    Group { name: "aikit", programs: &["user-referral", "agency-partner"], window_days: 30 },
    Group { name: "emdash", programs: &["developer-affiliate"], window_days: 90 },
    Group { name: "salonhub", programs: &["tiered-credits"], window_days: 30 },
    Group { name: "partner-funnel", programs: &["partner-funnel"], window_days: 30 },
];

/// The partner that an account is bound to, and since when.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    pub program: String,
    pub partner: String,
    pub code: String,
    pub source: &'static str,
    pub from: Place,
    /// The visitor whose touches it was bound by.
    pub visitor: Option<String>,
    /// The email domain that it was bound by.
    pub domain: Option<String>,
}

/// By account and program.
#[derive(Clone, Debug, Default)]
pub struct Bindings(BTreeMap<String, BTreeMap<&'static str, Bound>>);

impl Bindings {
    pub fn all_of(lives: &BTreeMap<String, Life>, known: &Known, register: &Register) -> Bindings {
        let mut order: Vec<(&String, &Life, &Sent)> =
            lives.iter().filter_map(|(id, life)| Some((id, life, &**life.sign_up.as_ref()?))).collect();
        // Earlier sign-ups are bound first, because later ones may be attributed by their domain.
        order.sort_by_key(|(_, _, sign_up)| sign_up.place());
        let mut done = Bindings::default();
        for (account, life, sign_up) in order {
            let mut found = BTreeMap::new();
            for group in &GROUPS {
                let search = Search { group, known, register, done: &done, lives };
                found.extend(search.bound(account, life, sign_up).map(|b| (group.name, b)));
            }
            done.0.insert(account.clone(), found);
        }
        done
    }

    pub fn in_group(&self, account: &str, group: &str) -> Option<&Bound> {
        self.0.get(account)?.get(group)
    }

    pub fn to(&self, account: &str, program: &str) -> Option<&Bound> {
        self.0.get(account)?.values().find(|b| b.program == program)
    }

    pub fn of(&self, account: &str) -> impl Iterator<Item = &Bound> {
        self.0.get(account).into_iter().flat_map(BTreeMap::values)
    }

    /// Every account bound by a visitor's touches, in any group.
    pub fn by_visitor<'a>(&'a self, visitor: &'a str) -> impl Iterator<Item = &'a String> {
        let bound = |of: &BTreeMap<&str, Bound>| of.values().any(|b| b.visitor.as_deref() == Some(visitor));
        self.0.iter().filter_map(move |(account, of)| bound(of).then_some(account))
    }

    /// All accounts bound to a program.
    pub fn all<'a>(&'a self, program: &'a str) -> impl Iterator<Item = (&'a String, &'a Bound)> {
        self.0.iter().filter_map(move |(account, of)| Some((account, of.values().find(|b| b.program == program)?)))
    }
}

struct Search<'a> {
    group: &'a Group,
    known: &'a Known,
    register: &'a Register,
    done: &'a Bindings,
    lives: &'a BTreeMap<String, Life>,
}

impl Search<'_> {
    fn bound(&self, account: &str, life: &Life, sign_up: &Sent) -> Option<Bound> {
        let is_developers = self.group.name == "emdash";
        let parts = &life.sign_ups;
        if let Some(bound) = parts.iter().find_map(|e| self.by_code(e.code()?, sign_up, sign_up.at)) {
            return Some(bound);
        }
        if let Some(bound) = self.by_workspace(account, life, sign_up).filter(|_| is_developers) {
            return Some(bound);
        }
        let touches = || parts.iter().flat_map(|e| &e.touches).map(|(code, at)| (code.as_str(), *at));
        if let Some(bound) = self.last(sign_up, touches()) {
            return Some(Bound { visitor: Some(sign_up.browser().to_owned()), ..bound });
        }
        if let Some(bound) = self.by_domain(life, sign_up).filter(|_| is_developers) {
            return Some(bound);
        }
        if let Some(bound) = self.by_fingerprint(life, sign_up).filter(|_| self.group.name == "salonhub") {
            return Some(bound);
        }
        life.later_codes().into_iter().find_map(|(place, e)| {
            let bound = self.by_code(e.code()?, e, place.0)?;
            Some(Bound { from: place, ..bound })
        })
    }

    fn link(&self, code: &str) -> Option<&Link> {
        self.register.links.get(code).filter(|l| self.group.programs.contains(&l.program.as_str()))
    }

    /// A binding from `event` on, by a code that works at `at`.
    fn by_code(&self, code: &str, event: &Sent, at: i64) -> Option<Bound> {
        let link = self.link(code).filter(|l| l.works(at) && self.register.standings.binds(&l.partner, at))?;
        Some(Bound {
            program: link.program.clone(),
            partner: link.partner.clone(),
            code: code.to_owned(),
            source: link.source,
            from: event.place(),
            visitor: None,
            domain: None,
        })
    }

    /// The first valid invitation or hand-off before the sign-up.
    fn by_workspace(&self, account: &str, life: &Life, sign_up: &Sent) -> Option<Bound> {
        let domains: Vec<String> = life.sign_ups.iter().filter_map(|s| s.domain()).collect();
        let calls = self.known.events.iter().filter(|e| e.place() <= sign_up.place()).filter(|e| {
            let same = domains.iter().any(|d| d == e.data("domain"));
            match e.kind.as_str() {
                "workspace.invited" => same,
                "account.handed_off" => same || e.account == account,
                _ => false,
            }
        });
        let mut found = calls.filter_map(|e| self.by_code(e.data("agency_code"), sign_up, e.at));
        found.next().map(|b| Bound { source: "agency", ..b })
    }

    fn last<'b>(&self, sign_up: &Sent, touches: impl Iterator<Item = (&'b str, i64)>) -> Option<Bound> {
        let start = sign_up.at - self.group.window_days * DAY;
        let inside = touches.filter(|(_, at)| *at <= sign_up.at + 5 * MINUTE && *at > start);
        let working = inside.filter_map(|(code, at)| Some((at, self.by_code(code, sign_up, at)?)));
        working.max_by_key(|(at, _)| *at).map(|(_, bound)| bound)
    }

    /// The partner of the account with the same domain that was bound first.
    fn by_domain(&self, life: &Life, sign_up: &Sent) -> Option<Bound> {
        let domains: Vec<String> = life.sign_ups.iter().filter_map(|s| s.domain()).collect();
        let same_domain_accounts = self.done.all("developer-affiliate").filter(|(account, bound)| {
            let theirs = self.lives[*account].sign_ups.iter().filter_map(|s| s.domain());
            theirs.into_iter().any(|d| domains.contains(&d)) && bound.from < sign_up.place()
        });
        let (_, first) = same_domain_accounts.min_by_key(|(_, bound)| bound.from.clone())?;
        let bound = self.by_code(&first.code, sign_up, sign_up.at)?;
        Some(Bound { domain: domains.into_iter().next(), ..bound })
    }

    /// The visitor's clicks, if they all belong to exactly one partner.
    fn by_fingerprint(&self, life: &Life, sign_up: &Sent) -> Option<Bound> {
        let visitors: Vec<&str> = life.sign_ups.iter().filter_map(|s| s.visitor()).collect();
        let start = sign_up.at - self.group.window_days * DAY;
        let inside = |at: i64| at <= sign_up.at + 5 * MINUTE && at > start;
        let mine = || self.register.clicks.iter().filter(|c| visitors.contains(&c.visitor.as_str()) && inside(c.at));
        let mut partners: Vec<&str> =
            mine().filter_map(|c| self.link(&c.code).filter(|l| l.works(c.at))).map(|l| l.partner.as_str()).collect();
        partners.sort_unstable();
        partners.dedup();
        if partners.len() != 1 {
            return None;
        }
        let bound = self.last(sign_up, mine().map(|c| (c.code.as_str(), c.at)))?;
        let visitor = mine().filter(|c| c.code == bound.code).max_by_key(|c| c.at).map(|c| c.visitor.clone());
        Some(Bound { visitor, ..bound })
    }
}
