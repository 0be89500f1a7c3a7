//! Suspected fraud is flagged or put on hold with its evidence. Only an operator releases it.

use crate::base::ids::{AccountId, EventId, PartnerId, ProgramId};
use crate::base::sort::distinct;
use crate::base::time::{DAY_MS, Month, UtcMillis};
use crate::engine::account::grouped::{Grouped, Keyed};
use crate::engine::review::ReviewState;
use crate::engine::review::address::{MailboxKey, email_domain, is_disposable, is_same_site, site_domain};
use crate::engine::review::relation::{MailboxAccount, Relations, Upline, VISITOR_ACCOUNTS, VISITOR_DAYS};
use crate::program::document::{DOMAIN_ACCOUNTS, Document, Risk, RiskAction};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Something an operator has to review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suspicion {
    pub program: ProgramId,
    pub partner: PartnerId,
    pub rule: String,
    /// What it is about: empty for the whole account, else a currency.
    pub subject: String,
    pub holds: bool,
    pub evidence: String,
}

/// A stored suspicion and what an operator decided about it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Review {
    pub program_id: ProgramId,
    pub partner_id: PartnerId,
    pub rule: String,
    pub subject: String,
    pub holds: i64,
    pub state: ReviewState,
    pub reason: Option<String>,
}

/// What reviews mean for the earnings of one account with one partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewStatus {
    Clear,
    Held,
    Rejected(String),
}

/// The input of the risk rules.
pub struct RiskInput<'a> {
    pub account: &'a AccountId,
    /// The account's email addresses.
    pub emails: &'a [String],
    /// Their digests, and those of erased ones.
    pub addresses: &'a [String],
    /// The mailboxes that they lead to.
    pub mailboxes: &'a BTreeSet<MailboxKey>,
    /// Its customers at Stripe.
    pub customers: &'a [String],
    pub partner: &'a PartnerId,
    pub partner_email: Option<&'a str>,
    pub partner_mailbox: Option<&'a MailboxKey>,
    pub partner_website: Option<&'a str>,
    pub signed_up: (UtcMillis, &'a str),
    /// When it was bound, and by which event.
    pub bound: (UtcMillis, &'a str),
    /// Whose touches bound it.
    pub visitor: Option<&'a str>,
    /// The email domain that bound it, if nothing else did.
    pub domain: Option<&'a str>,
    /// Referred sign-ups by partner.
    pub signup_velocity: &'a Grouped<ReferredSignup>,
    pub relations: &'a Relations,
}

/// A referred sign-up of a partner.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ReferredSignup {
    pub program_id: ProgramId,
    pub partner_id: PartnerId,
    pub account_id: AccountId,
    pub signed_up_at_ms: UtcMillis,
    pub signup_event_id: EventId,
}

impl Keyed for ReferredSignup {
    fn key(&self) -> &str {
        &self.partner_id
    }

    fn account(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }
}

/// The suspicions that a document's rules raise about an account attributed to a partner, and those of the built-in
/// rules, which no document can turn off.
pub fn assess(document: &Document, s: &RiskInput) -> Vec<Suspicion> {
    let mut found = Vec::new();
    if document.pays() {
        found.extend(always(document, s));
    }
    for rule in &document.risk {
        let raised = match rule.when {
            // Where it pays, it is held above, whatever the document says.
            Risk::SameEmail {} if document.pays() => None,
            Risk::SameEmail {} => same_email(s).map(|evidence| (SAME_EMAIL, evidence)),
            Risk::SameDomain {} => same_domain(s).map(|evidence| ("same_domain", evidence)),
            Risk::SignupsInMonth { more_than } => crowded(document, s, more_than).map(|evidence| (CROWD, evidence)),
        };
        if let Some((name, evidence)) = raised {
            found.push(Suspicion {
                program: document.id.clone(),
                partner: s.partner.to_owned(),
                rule: name.to_owned(),
                subject: String::new(),
                holds: rule.then == RiskAction::Hold,
                evidence,
            });
        }
    }
    found
}

/// The built-in rules. All but one hold.
fn always(document: &Document, s: &RiskInput) -> Vec<Suspicion> {
    // One mailbox is one suspicion: the first of these.
    let named = || own_account(s).map(|evidence| (OWN_ACCOUNT, evidence));
    let shared = || own_key(s).map(|evidence| (OWN_ACCOUNT, evidence));
    let again = || one_mailbox(s).map(|evidence| (ONE_MAILBOX, evidence));
    let raised = [
        one_visitor(s).map(|evidence| (ONE_VISITOR, evidence)),
        one_domain(document, s).map(|evidence| (ONE_DOMAIN, evidence)),
        named(),
        same_email(s).map(|evidence| (SAME_EMAIL, evidence)).or_else(|| named().is_none().then(shared)?).or_else(again),
        ring(s).map(|evidence| (RING, evidence)),
        thrown_away(s).map(|evidence| (DISPOSABLE_EMAIL, evidence)),
    ];
    let suspicion = |(rule, evidence): (&str, String)| Suspicion {
        program: document.id.clone(),
        partner: s.partner.to_owned(),
        rule: rule.to_owned(),
        subject: String::new(),
        holds: rule != DISPOSABLE_EMAIL,
        evidence,
    };
    raised.into_iter().flatten().map(suspicion).collect()
}

pub const CROWD: &str = "signups_in_month";
const ONE_VISITOR: &str = "one_visitor";
const OWN_ACCOUNT: &str = "own_account";
const RING: &str = "referral_ring";
const SAME_EMAIL: &str = "same_email";
const ONE_MAILBOX: &str = "one_mailbox";
const DISPOSABLE_EMAIL: &str = "disposable_email";
/// Its release may say that the domain is one organization.
pub const ONE_DOMAIN: &str = "one_domain";

/// Rules that depend on other accounts. The current facts decide whom they hold, regardless of the order of arrival.
const OF_OTHERS: [&str; 6] = [CROWD, ONE_VISITOR, RING, ONE_MAILBOX, ONE_DOMAIN, OWN_ACCOUNT];

/// A currency other than the program's always needs a review; no document configures this rule.
pub const CURRENCY: &str = "currency";

fn same_email(s: &RiskInput) -> Option<String> {
    s.mailboxes.contains(s.partner_mailbox?).then(|| "the account has the partner's mailbox".to_owned())
}

fn same_domain(s: &RiskInput) -> Option<String> {
    let own: Vec<String> = [s.partner_email.and_then(email_domain), s.partner_website.and_then(site_domain)]
        .into_iter()
        .flatten()
        .collect();
    let theirs = s.emails.iter().filter_map(|e| email_domain(e));
    let domain = theirs.into_iter().find(|d| own.iter().any(|o| is_same_site(o, d)))?;
    Some(format!("the account's email domain {domain} is the same as the partner's"))
}

/// Rule 17: whether the sign-up is beyond the number that a partner may refer in its month.
fn crowded(document: &Document, s: &RiskInput, more_than: i64) -> Option<String> {
    let month = Month::of(s.signed_up.0);
    let before = s.signup_velocity.of(s.partner).iter().filter(|r| {
        r.program_id == document.id
            && r.account_id != *s.account
            && Month::of(r.signed_up_at_ms) == month
            && (r.signed_up_at_ms, r.signup_event_id.as_str()) < s.signed_up
    });
    let count = i64::try_from(before.count()).unwrap_or(i64::MAX);
    (count >= more_than).then(|| format!("the partner referred more than {more_than} sign-ups in {month}"))
}

/// Whether too many earlier accounts were attributed through the same visitor.
fn one_visitor(s: &RiskInput) -> Option<String> {
    let since = s.signed_up.0.plus_ms(-VISITOR_DAYS * DAY_MS);
    let before: BTreeSet<&AccountId> = distinct(
        s.relations
            .visitors
            .of(s.visitor?)
            .iter()
            .filter(|o| {
                o.account_id != *s.account
                    && o.signed_up_at_ms > since
                    && (o.signed_up_at_ms, o.signup_event_id.as_str()) < s.signed_up
            })
            .map(|o| &o.account_id),
    );
    let is_many = before.len() >= VISITOR_ACCOUNTS;
    is_many.then(|| format!("more than {VISITOR_ACCOUNTS} accounts came from one browser in {VISITOR_DAYS} days"))
}

/// Whether the mailbox is that of an account that named it earlier.
fn one_mailbox(s: &RiskInput) -> Option<String> {
    let place = |m: &MailboxAccount| (m.at_ms, m.event_id.clone());
    let is_mine = |m: &MailboxAccount| m.account_id == *s.account;
    // A customer that paid before its account was known becomes that account, by this very address.
    let becomes_mine = |m: &MailboxAccount| m.is_customer != 0 && s.addresses.contains(&m.address);
    let found = s.mailboxes.iter().find_map(|mailbox| {
        let all = s.relations.mailboxes.of(mailbox);
        let mine = all.iter().filter(|m| is_mine(m));
        let is_customer = mine.clone().all(|m| m.is_customer != 0);
        let first = mine.map(place).min()?;
        all.iter().find(|m| !is_mine(m) && place(m) < first && (is_customer || !becomes_mine(m)))
    })?;
    Some(format!("the account has the mailbox of an earlier account, {}", found.account_id))
}

/// Whether enough other accounts of its email domain were attributed before it in its month, by the domain alone.
fn one_domain(document: &Document, s: &RiskInput) -> Option<String> {
    let domain = s.domain?;
    let (all, month) = (s.relations.domains.of(domain), Month::of(s.signed_up.0));
    let before = all.iter().filter(|a| {
        a.program_id == document.id
            && a.account_id != *s.account
            && Month::of(a.signed_up_at_ms) == month
            && (a.signed_up_at_ms, a.signup_event_id.as_str()) < s.signed_up
    });
    let most = document.attribution.domain_accounts_in_month.unwrap_or(DOMAIN_ACCOUNTS);
    let is_crowd = i64::try_from(before.count()).unwrap_or(i64::MAX) >= most;
    (is_crowd && all.iter().all(|a| a.is_organization == 0))
        .then(|| format!("more than {most} accounts were attributed by their email domain alone in {month}"))
}

fn thrown_away(s: &RiskInput) -> Option<String> {
    s.emails.iter().any(|email| is_disposable(email)).then(|| "the account has a disposable email address".to_owned())
}

/// Whether the account is the partner's own, because both have the same external id.
fn own_account(s: &RiskInput) -> Option<String> {
    let own = s.relations.uplines.of(s.partner).iter().any(|u| u.depth == 0 && *s.account == u.external_id.as_str());
    own.then(|| "the account belongs to the partner".to_owned())
}

/// Whether the account has a mailbox or a customer at Stripe of one of the partner's own accounts.
fn own_key(s: &RiskInput) -> Option<String> {
    let is_mine = |key: &String| s.mailboxes.contains(key) || s.customers.contains(key) || *s.account == key.as_str();
    let known = s.relations.own.of(s.partner).iter().any(|own| is_mine(&own.key));
    known.then(|| "the account has the mailbox or the payment customer of the partner's own account".to_owned())
}

/// Whether the attribution closes a ring: the partner's own account was referred, directly or through others, by the
/// owner of this account.
fn ring(s: &RiskInput) -> Option<String> {
    let is_own = |u: &&Upline| {
        *s.account == u.external_id.as_str() || u.mailbox.as_ref().is_some_and(|mailbox| s.mailboxes.contains(mailbox))
    };
    let closes = |u: &&Upline| u.depth > 0 && (u.latest_ms, u.latest_event.as_str()) < s.bound;
    let found = s.relations.uplines.of(s.partner).iter().filter(closes).find(is_own)?;
    Some(match found.depth {
        1 => "the owner of this account referred the partner's own account".to_owned(),
        _ => "a chain of referrals leads from the owner of this account to the partner's own account".to_owned(),
    })
}

/// Whether earnings of this program and partner are on hold: by a stored review that is not released, or by a new
/// suspicion. An operator's decision is final. An open review that depends on other accounts holds only while the facts
/// still raise it.
pub fn standing(
    program: &ProgramId,
    partner: &PartnerId,
    reviews: &[Review],
    suspicions: &[Suspicion],
) -> ReviewStatus {
    let raised =
        |rule: &str| suspicions.iter().any(|s| s.program == *program && s.partner == *partner && s.rule == rule);
    let mine = |r: &&Review| {
        r.program_id == *program
            && r.partner_id == *partner
            && r.holds != 0
            && r.subject.is_empty()
            && (!OF_OTHERS.contains(&r.rule.as_str()) || r.state == ReviewState::Rejected || raised(&r.rule))
    };
    if let Some(rejected) = reviews.iter().filter(mine).find(|r| r.state == ReviewState::Rejected) {
        return ReviewStatus::Rejected(rejected.reason.clone().unwrap_or_default());
    }
    if reviews.iter().filter(mine).any(|r| r.state == ReviewState::Open) {
        return ReviewStatus::Held;
    }
    let known = |s: &Suspicion| {
        reviews.iter().any(|r| r.program_id == s.program && r.partner_id == s.partner && r.rule == s.rule)
    };
    let new = suspicions
        .iter()
        .any(|s| s.program == *program && s.partner == *partner && s.holds && s.subject.is_empty() && !known(s));
    if new { ReviewStatus::Held } else { ReviewStatus::Clear }
}
