//! The result of the rules for the known events: lives, bindings, and accounts on hold for review.
//!
//! Source: section 5 of the design, rules 17, 23 and 25.

use super::binding::{Bindings, Bound};
use super::calendar::{DAY, month};
use super::facts::{Known, Place, Register};
use super::life::{Invoice, Life};
use super::mailboxes::mailbox;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub struct ModelState {
    pub lives: BTreeMap<String, Life>,
    pub bindings: Bindings,
}

/// The effect of reviews on an account's rewards with one partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Clear,
    Held,
    Rejected,
}

/// A reward as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub key: Key,
    pub at: i64,
    /// Before caps and reversals.
    pub earned: i64,
    pub net: i64,
    /// `None`: not known yet.
    pub vests_at: Option<i64>,
    pub status: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Stands,
    Held,
    Frozen,
    Void,
    /// Waits for the budget.
    Waiting,
}

/// An accrual's identity: program, account, partner, rule, and source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub program: String,
    pub account: String,
    pub partner: String,
    pub rule: String,
    pub source: String,
}

impl Line {
    pub fn new(account: &str, bound: &Bound, rule: &str, source: String, at: i64, earned: i64) -> Line {
        let key = Key {
            program: bound.program.clone(),
            account: account.to_owned(),
            partner: bound.partner.clone(),
            rule: rule.to_owned(),
            source,
        };
        Line { key, at, earned, net: earned, vests_at: Some(at), status: Status::Stands }
    }

    pub fn void(&mut self) {
        self.net = 0;
        self.status = Status::Void;
    }

    /// Applies a person's decision and an open dispute.
    pub fn judge(&mut self, standing: Standing, is_frozen: bool) {
        match standing {
            _ if self.status == Status::Void => {}
            Standing::Rejected => self.void(),
            _ if is_frozen => self.status = Status::Frozen,
            Standing::Held => self.status = Status::Held,
            Standing::Clear => {}
        }
    }

    pub fn can_vest(&self) -> bool {
        self.status == Status::Stands && self.net > 0
    }
}

impl ModelState {
    pub fn of(known: &Known, register: &Register) -> ModelState {
        let lives = known.accounts().into_iter().map(|a| (a.clone(), Life::of(known, &a))).collect();
        let bindings = Bindings::all_of(&lives, known, register);
        ModelState { lives, bindings }
    }

    /// The payments that count for the account's current partner: since the binding, in the programs' currency.
    pub fn payments<'a>(&'a self, account: &str, bound: &'a Bound) -> impl Iterator<Item = &'a Invoice> {
        self.lives[account].payments.iter().filter(move |i| i.is_ours() && i.place >= bound.from)
    }

    pub fn standing(&self, register: &Register, account: &str, program: &str, partner: &str) -> Standing {
        // Velocity and ring suspicions depend on all the facts. An account rejected for one stays rejected, whatever
        // the facts say later.
        for crowd in ["signups_in_month", "one_visitor", "referral_ring", "one_mailbox", "one_domain", "own_account"] {
            let about = (account.to_owned(), partner.to_owned(), crowd.to_owned());
            if register.reviews.get(&about) == Some(&false) {
                return Standing::Rejected;
            }
        }
        let mut standing = Standing::Clear;
        for rule in self.suspicions(register, account, program, partner) {
            match register.reviews.get(&(account.to_owned(), partner.to_owned(), rule.to_owned())) {
                Some(false) => return Standing::Rejected,
                Some(true) => {}
                None => standing = Standing::Held,
            }
        }
        standing
    }

    /// The rules of a program that hold an account's rewards for review.
    fn suspicions(&self, register: &Register, account: &str, program: &str, partner: &str) -> Vec<&'static str> {
        let life = &self.lives[account];
        let mut found = Vec::new();
        if self.signed_up_in_the_same_browser(account, program) >= 5 {
            found.push("one_visitor");
        }
        if self.is_referral_ring(register, account, program, partner) {
            found.push("referral_ring");
        }
        found.extend(self.same_person(register, account, partner));
        if self.is_of_a_crowded_domain(account, program) {
            found.push("one_domain");
        }
        let own = register.partner_email.get(partner).map(|e| e.to_lowercase());
        if program != "agency-partner" {
            return found;
        }
        let site = register.partner_site.get(partner).map(|s| s.trim_start_matches("https://www.").to_owned());
        let theirs: Vec<String> = [own.and_then(|e| Some(e.split_once('@')?.1.to_owned())), site]
            .into_iter()
            .flatten()
            .map(|domain| last_two_labels(&domain))
            .collect();
        if life.events.iter().filter_map(|e| e.domain()).any(|d| theirs.contains(&last_two_labels(&d))) {
            found.push("same_domain");
        }
        if self.came_before(account, program, partner) >= 10 {
            found.push("signups_in_month");
        }
        found
    }

    /// The number of accounts that the visitor behind the binding brought within 30 days before it.
    fn signed_up_in_the_same_browser(&self, account: &str, program: &str) -> usize {
        let Some(visitor) = self.bindings.to(account, program).and_then(|b| b.visitor.as_deref()) else { return 0 };
        let place = |account: &str| self.lives[account].sign_up.as_ref().expect("it is bound").place();
        let mine = place(account);
        let before = self.bindings.by_visitor(visitor).map(|other| place(other));
        before.filter(|theirs| *theirs < mine && theirs.0 > mine.0 - 30 * DAY).count()
    }

    /// Whether the partner's own accounts were referred, before this binding and from partner to partner, by the owner
    /// of this account. An account's owner is determined by its mailboxes.
    fn is_referral_ring(&self, register: &Register, account: &str, program: &str, partner: &str) -> bool {
        let address = |partner: &str| register.partner_email.get(partner).map(|e| mailbox(e));
        let has =
            |life: &Life, address: &str| life.events.iter().any(|e| e.email().is_some_and(|e| mailbox(e) == address));
        let bound = &self.bindings.to(account, program).expect("it is bound").from;
        let mut reached = vec![(partner.to_owned(), None)];
        for _ in 0..8 {
            let mut next = Vec::new();
            for (below, latest) in &reached {
                let Some(address) = address(below) else { continue };
                for (own, _) in self.lives.iter().filter(|(_, life)| has(life, &address)) {
                    next.extend(
                        self.bindings.of(own).map(|b| (b.partner.clone(), latest.clone().max(Some(b.from.clone())))),
                    );
                }
            }
            next.sort();
            next.dedup();
            let closes = |(above, latest): &(String, Option<Place>)| {
                latest.as_ref() < Some(bound) && address(above).is_some_and(|a| has(&self.lives[account], &a))
            };
            if next.iter().any(closes) {
                return true;
            }
            reached = next;
        }
        false
    }

    /// The number of sign-ups that the partner referred in the account's month before it.
    fn came_before(&self, account: &str, program: &str, partner: &str) -> usize {
        let sign_up = |account: &str| self.lives[account].sign_up.as_ref().expect("it is bound").place();
        let mine = if self.lives[account].sign_up.is_some() { sign_up(account) } else { return 0 };
        let same = self.bindings.all(program).filter(|(_, bound)| bound.partner == partner);
        let before = same.filter(|(other, _)| {
            let theirs = sign_up(other);
            month(theirs.0) == month(mine.0) && theirs < mine
        });
        before.count()
    }
}

fn last_two_labels(domain: &str) -> String {
    let labels: Vec<&str> = domain.rsplit('.').take(2).collect();
    labels.join(".")
}
