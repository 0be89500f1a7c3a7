//! Who referred an account: one binding per exclusive group, and the report that explains it.
//!
//! Section 3 of the design and rules 7 to 9: only a sign-up binds by touch; an account that signed up unattributed is
//! bound by the first later event that carries a code.

pub mod binding;
pub mod deciding;
mod eligibility;
pub mod kept;
mod moved;
mod presented;
pub mod reason;
pub mod touch;

use crate::base::ids::{AccountId, EventId, LinkCode, PartnerId};
use crate::base::sort::{distinct, sort_by};
use crate::base::time::UtcMillis;
use crate::engine::account::fact::Fact;
use crate::engine::account::grouped::Grouped;
use crate::engine::account::order::{SignUp, position};
use crate::engine::account::timeline::Timeline;
pub use crate::engine::attribution::binding::{
    AttributionCandidate, AttributionLink, AttributionResult, Binding, SameDomainAccount,
};
use crate::engine::attribution::eligibility::{rank, refusal, window};
use crate::engine::attribution::presented::Presented;
use crate::engine::attribution::reason::LossReason;
use crate::engine::attribution::touch::Touch;
use crate::engine::event::Payload;
use crate::program::catalog::Catalog;
use crate::program::document::{Document, Method, Model, Source};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What attribution depends on besides the account's own timeline.
pub struct Evidence<'a> {
    pub account: &'a AccountId,
    pub facts: &'a [&'a Fact],
    pub links: &'a HashMap<LinkCode, AttributionLink>,
    /// By email domain.
    pub same_domain_accounts: &'a Grouped<SameDomainAccount>,
}

/// A touch or code that could bind.
struct Candidate<'a> {
    document: &'a Document,
    link: &'a AttributionLink,
    method: Method,
    at: UtcMillis,
    click: Option<&'a str>,
    /// The visitor whose touch it is.
    visitor: Option<&'a str>,
    /// The email domain, if it is what binds.
    domain: Option<&'a str>,
    candidates: usize,
}

/// The programs of one group, and all candidates considered for them.
struct Search<'a> {
    programs: &'a [&'a Document],
    evidence: &'a Evidence<'a>,
    signup: &'a SignUp<'a>,
    candidates: Vec<AttributionCandidate>,
}

/// Decides every group of the programs in force at the sign-up.
pub fn attribute(catalog: &Catalog, timeline: &Timeline, evidence: &Evidence) -> Vec<AttributionResult> {
    let Some(signup) = timeline.signup.first() else { return Vec::new() };
    let mut groups: BTreeMap<&str, Vec<&Document>> = BTreeMap::new();
    for document in catalog.all_in_force(signup.at) {
        groups.entry(document.group()).or_default().push(document);
    }
    groups.into_iter().map(|(group, programs)| decide_group(group, &programs, signup, timeline, evidence)).collect()
}

fn decide_group(
    group: &str,
    programs: &[&Document],
    signup: &Fact,
    timeline: &Timeline,
    evidence: &Evidence,
) -> AttributionResult {
    let mut search = Search { programs, evidence, signup: &timeline.signup, candidates: Vec::new() };
    let (binding, reason) = search.bind(signup, timeline);
    AttributionResult { group: group.to_owned(), binding, candidates: search.candidates, reason }
}

impl<'a> Search<'a> {
    /// Rule 8: an operator's decision comes first, then the sign-up, then the first later event with a code.
    fn bind(&mut self, signup: &'a Fact, timeline: &Timeline<'a>) -> (Option<Binding>, String) {
        if let Some(moved) = self.moved(signup, timeline) {
            return moved;
        }
        if let Some(binding) = self.by_signup(signup) {
            let reason = format!("bound at sign-up by {}", binding.method);
            return (Some(binding), reason);
        }
        for (at, fact) in self.later(signup, timeline) {
            if let Some(candidate) = self.by_code(fact, at) {
                let binding = self.choose(&candidate, at, fact, "a code carried by a later event binds");
                return (Some(binding), "signed up unattributed, bound by a later event's code".to_owned());
            }
        }
        let refused = self.signup.events.iter().any(|event| event.credential.token_refused);
        let reason = match (self.candidates.is_empty(), refused) {
            (_, true) => "not attributed: the sign-up's token does not verify",
            (true, false) => "not attributed: the sign-up carried no code and no touch of these programs",
            (false, false) => "not attributed: nothing that was considered could bind",
        };
        (None, reason.to_owned())
    }

    /// The events after the sign-up that carry a code, in order, each with its instant in it.
    fn later(&self, signup: &Fact, timeline: &Timeline<'a>) -> Vec<(UtcMillis, &'a Fact)> {
        let is_sign_up = |fact: &Fact| self.signup.events.iter().any(|event| event.event_id == fact.event_id);
        let later = timeline.facts.iter().copied().filter(|f| f.credential.code.is_some() && !is_sign_up(f));
        let placed = later.map(|f| (self.signup.position_of(f), f)).filter(|(place, _)| *place > position(signup));
        let mut found: Vec<(UtcMillis, &Fact)> = placed.map(|(place, f)| (place.0, f)).collect();
        // All of them are codes, whatever else they say.
        sort_by(&mut found, |a, b| (a.0, &a.1.event_id).cmp(&(b.0, &b.1.event_id)));
        found
    }

    /// Rule 9: tries the methods in the document's order of precedence; the first one with a result binds.
    fn by_signup(&mut self, signup: &'a Fact) -> Option<Binding> {
        let mut answers: Vec<(usize, Candidate<'a>)> = Vec::new();
        for event in &self.signup.events {
            if let Some(candidate) = self.by_code(event, signup.at) {
                answers.push((rank(candidate.document, Method::Code), candidate));
            }
        }
        for document in self.programs {
            for method in &document.attribution.methods {
                let answer = match method {
                    Method::Code => None,
                    Method::Workspace => self.by_workspace(document, signup),
                    Method::Token => self.by_touch(document, signup, &presented::touches(self.signup), Method::Token),
                    Method::EmailDomain => self.by_domain(document, signup),
                    Method::Fingerprint => self.by_fingerprint(document, signup),
                };
                answers.extend(answer.map(|candidate| (rank(document, *method), candidate)));
            }
        }
        let best = answers.iter().map(|(rank, _)| *rank).min()?;
        let mut best_answers = answers.iter().filter(|(rank, _)| *rank == best).map(|(_, candidate)| candidate);
        // Of two codes of one sign-up, the first counts.
        let is_code = answers.iter().any(|(rank, c)| *rank == best && c.method == Method::Code);
        let winner = if is_code { best_answers.next() } else { best_answers.max_by_key(|c| (c.at, c.candidates)) }?;
        for (rank, candidate) in &answers {
            self.candidates[candidate.candidates].reason = if *rank == best && is_code {
                LossReason::SecondCode.text()
            } else if *rank == best {
                LossReason::LaterTouchInGroup.text()
            } else {
                LossReason::other_method(winner.method.name(), candidate.method.name())
            };
        }
        let why = match (winner.method, winner.document.attribution.model) {
            (Method::Code, _) => "a code typed at sign-up goes first",
            (Method::Workspace, _) => "the agency's workspace invited this domain, or handed it over",
            (Method::EmailDomain, _) => "an account of the same email domain was attributed before",
            (Method::Fingerprint, _) => "the visitor's clicks lead to this partner alone",
            (Method::Token, Model::LastTouch) => "the last touch inside its window",
            (Method::Token, Model::FirstTouch) => "the first touch inside its window",
        };
        Some(self.choose(winner, signup.at, signup, why))
    }

    fn choose(&mut self, winner: &Candidate, at: UtcMillis, fact: &Fact, why: &str) -> Binding {
        let entry = &mut self.candidates[winner.candidates];
        entry.chosen = true;
        entry.reason = why.to_owned();
        Binding {
            program: winner.document.id.clone(),
            partner: winner.link.partner_id.clone(),
            code: winner.link.code.clone(),
            method: winner.method.into(),
            // A workspace binding always comes from an agency, regardless of its link's source.
            source: if winner.method == Method::Workspace { Source::Agency } else { winner.link.brings() },
            click: winner.click.map(str::to_owned),
            visitor: winner.visitor.map(str::to_owned),
            domain: winner.domain.map(str::to_owned),
            from: at,
            event: fact.event_id.clone(),
        }
    }

    fn consider(
        &mut self,
        method: Method,
        event: &EventId,
        document: Option<&Document>,
        code: &LinkCode,
        at: Option<UtcMillis>,
    ) -> usize {
        self.candidates.push(AttributionCandidate {
            method: method.into(),
            event: event.to_owned(),
            program: document.map(|d| d.id.clone()),
            partner: self.evidence.links.get(code).map(|l| l.partner_id.clone()),
            code: code.to_owned(),
            at,
            chosen: false,
            reason: String::new(),
        });
        self.candidates.len() - 1
    }

    /// The event's code, if it is a code of one of these programs that works at that instant.
    fn by_code(&mut self, fact: &'a Fact, at: UtcMillis) -> Option<Candidate<'a>> {
        let code = fact.credential.code.as_ref()?;
        let link = self.evidence.links.get(code);
        let document = link.and_then(|l| self.programs.iter().copied().find(|d| d.id == l.program_id));
        if link.is_some() && document.is_none() {
            // A code of a program outside this group is decided in that group.
            return None;
        }
        let candidates = self.consider(Method::Code, &fact.event_id, document, code, None);
        let (Some(link), Some(document)) = (link, document) else {
            self.candidates[candidates].reason = LossReason::UnknownCode.text();
            return None;
        };
        let refused = if document.attribution.methods.contains(&Method::Code) {
            refusal(link, document, at)
        } else {
            Some(LossReason::CodeNotAccepted.text())
        };
        if let Some(why) = refused {
            self.candidates[candidates].reason = why;
            return None;
        }
        Some(Candidate {
            document,
            link,
            method: Method::Code,
            at,
            click: None,
            visitor: None,
            domain: None,
            candidates,
        })
    }

    /// The first invitation or hand-off of the sign-up's domain, or of the account itself, that names a working code.
    fn by_workspace(&mut self, document: &'a Document, signup: &'a Fact) -> Option<Candidate<'a>> {
        let is_own = |domain: &str| self.domains().contains(&domain);
        let mut calls: Vec<(&'a Fact, &'a LinkCode)> = Vec::new();
        for fact in self.evidence.facts.iter().filter(|f| position(f) <= position(signup)) {
            match &fact.payload {
                Payload::WorkspaceInvited { agency_code, domain } if is_own(domain) => {
                    calls.push((fact, agency_code));
                }
                Payload::HandedOff { agency_code, domain }
                    if fact.account_id == *self.evidence.account || domain.as_deref().is_some_and(is_own) =>
                {
                    calls.push((fact, agency_code));
                }
                _ => {}
            }
        }
        sort_by(&mut calls, |a, b| (a.0.at, &a.0.event_id).cmp(&(b.0.at, &b.0.event_id)));
        let mut found: Option<Candidate> = None;
        for (fact, code) in calls {
            let Some(link) = self.evidence.links.get(code) else {
                let candidates = self.consider(Method::Workspace, &fact.event_id, None, code, Some(fact.at));
                self.candidates[candidates].reason = LossReason::UnknownCode.text();
                continue;
            };
            if link.program_id != document.id {
                continue;
            }
            let candidates = self.consider(Method::Workspace, &fact.event_id, Some(document), code, Some(fact.at));
            if let Some(why) = refusal(link, document, fact.at) {
                self.candidates[candidates].reason = why;
            } else if found.is_some() {
                self.candidates[candidates].reason = LossReason::SecondInvitation.text();
            } else {
                let method = Method::Workspace;
                let (click, visitor, domain) = (None, None, None);
                found = Some(Candidate { document, link, method, at: fact.at, click, visitor, domain, candidates });
            }
        }
        found
    }

    /// The email domains of the sign-up, the earliest event's first.
    fn domains(&self) -> Vec<&'a str> {
        self.signup.events.iter().filter_map(|event| event.email_domain.as_deref()).collect()
    }

    /// Rule 10: the first account with the sign-up's email domain that was bound to this program before it.
    fn by_domain(&mut self, document: &'a Document, signup: &'a Fact) -> Option<Candidate<'a>> {
        let known = self.domains().into_iter().flat_map(|domain| self.evidence.same_domain_accounts.of(domain));
        let before = known.filter(|n| {
            n.program_id == document.id && n.account_id != *self.evidence.account && n.position() < position(signup)
        });
        let first = before.min_by(|a, b| a.position().cmp(&b.position()))?;
        let link = self.evidence.links.get(&first.code)?;
        let candidates =
            self.consider(Method::EmailDomain, &first.event_id, Some(document), &first.code, Some(first.from_ms));
        if let Some(why) = refusal(link, document, signup.at) {
            self.candidates[candidates].reason = why;
            return None;
        }
        let (method, domain) = (Method::EmailDomain, Some(first.email_domain.as_str()));
        Some(Candidate { document, link, method, at: first.from_ms, click: None, visitor: None, domain, candidates })
    }

    /// The touches of the visitor's fingerprint, if they all belong to exactly one partner.
    fn by_fingerprint(&mut self, document: &'a Document, signup: &'a Fact) -> Option<Candidate<'a>> {
        let clicks = presented::clicks(self.signup);
        let in_window = |c: &&Touch| {
            c.program == document.id
                && window(document, c.at, signup.at).is_none()
                && self.evidence.links.get(&c.code).is_some_and(|l| refusal(l, document, c.at).is_none())
        };
        let partners: BTreeSet<&PartnerId> = distinct(
            clicks
                .iter()
                .map(|presented| presented.touch)
                .filter(in_window)
                .filter_map(|c| self.evidence.links.get(&c.code).map(|l| &l.partner_id)),
        );
        let alone = partners.len() == 1;
        let candidate = self.by_touch(document, signup, &clicks, Method::Fingerprint)?;
        if alone {
            return Some(candidate);
        }
        self.candidates[candidate.candidates].reason = LossReason::SeveralPartners.text();
        None
    }

    /// The touch of this program that the attribution model selects.
    fn by_touch(
        &mut self,
        document: &'a Document,
        signup: &'a Fact,
        touches: &[Presented<'a>],
        method: Method,
    ) -> Option<Candidate<'a>> {
        let mut best: Option<Candidate<'a>> = None;
        for Presented { by, touch, visitor } in touches.iter().filter(|t| t.touch.program == document.id) {
            let link = self.evidence.links.get(&touch.code).filter(|l| l.program_id == document.id);
            let candidates = self.consider(method, &by.event_id, Some(document), &touch.code, Some(touch.at));
            let why = match link {
                None => Some(LossReason::CodeGone.text()),
                Some(link) => window(document, touch.at, signup.at).or_else(|| refusal(link, document, touch.at)),
            };
            let (Some(link), None) = (link, &why) else {
                self.candidates[candidates].reason = why.unwrap_or_default();
                continue;
            };
            // A short reference may have had no room for them.
            let click = Some(touch.click_id.as_str()).filter(|click| !click.is_empty());
            let visitor = visitor.filter(|visitor| !visitor.is_empty());
            let (at, domain) = (touch.at, None);
            let candidate = Candidate { document, link, method, at, click, visitor, domain, candidates };
            let better = best.as_ref().is_none_or(|b| match document.attribution.model {
                Model::LastTouch => candidate.at >= b.at,
                Model::FirstTouch => candidate.at < b.at,
            });
            let loser = if better { best.replace(candidate) } else { Some(candidate) };
            if let Some(loser) = loser {
                self.candidates[loser.candidates].reason = match document.attribution.model {
                    Model::LastTouch => LossReason::LaterTouch.text(),
                    Model::FirstTouch => LossReason::EarlierTouch.text(),
                };
            }
        }
        best
    }
}
