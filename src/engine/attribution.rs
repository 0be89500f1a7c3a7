//! Who referred an account: one binding per exclusive group, and the receipt that says why.
//!
//! Section 3 of the design and rules 7 to 9: only a sign-up binds by touch; of two sign-ups the earlier decides; an
//! account that signed up unattributed is bound by the first later event that carries a code.

use super::event::OCCURRED_AT_AHEAD_MAX_MS;
use super::sabotage::{self, Fault as Sabotage};
use super::timeline::{Fact, Timeline};
use crate::base::time::{DAY_MS, UtcMillis};
use crate::program::catalog::Catalog;
use crate::program::document::{Document, Method, Model};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// A partner's link, as far as attribution asks.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Link {
    pub code: String,
    pub program_id: String,
    pub partner_id: String,
    pub expires_at_ms: Option<UtcMillis>,
    pub disabled_at_ms: Option<UtcMillis>,
    /// When the partner accepted the disclosure.
    pub disclosure_accepted_at_ms: Option<UtcMillis>,
    /// When the partner left.
    pub left_at_ms: Option<UtcMillis>,
}

/// To whom an account is bound within a group of programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    pub program: String,
    pub partner: String,
    pub code: String,
    pub method: String,
    /// Rewards count from this event on, it included.
    pub from: UtcMillis,
    pub event: String,
}

/// One touch or code that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Considered {
    pub method: String,
    pub event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
    pub code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<UtcMillis>,
    /// Whether it was the one that chose.
    pub chosen: bool,
    /// Why it chose, or why it lost.
    pub reason: String,
}

/// The answer for one group, attributed or not, with everything that was considered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub group: String,
    pub binding: Option<Binding>,
    pub considered: Vec<Considered>,
    /// One sentence for a person.
    pub reason: String,
}

/// A touch or code that could bind.
struct Candidate<'a> {
    document: &'a Document,
    link: &'a Link,
    method: Method,
    at: UtcMillis,
    considered: usize,
}

/// Decides every group of the programs in force at the sign-up.
pub fn attribute(catalog: &Catalog, timeline: &Timeline, links: &HashMap<String, Link>) -> Vec<Verdict> {
    let Some(signup) = timeline.signup else { return Vec::new() };
    let mut groups: BTreeMap<&str, Vec<&Document>> = BTreeMap::new();
    for document in catalog.all_in_force(signup.at) {
        groups.entry(document.group()).or_default().push(document);
    }
    groups.into_iter().map(|(group, programs)| decide_group(group, &programs, signup, timeline, links)).collect()
}

fn decide_group(
    group: &str,
    programs: &[&Document],
    signup: &Fact,
    timeline: &Timeline,
    links: &HashMap<String, Link>,
) -> Verdict {
    let mut considered = Vec::new();
    if let Some(binding) = by_signup(programs, signup, links, &mut considered) {
        let reason = format!("bound at sign-up by {}", binding.method);
        return Verdict { group: group.to_owned(), binding: Some(binding), considered, reason };
    }
    let later = timeline.facts.iter().filter(|f| (f.at, &f.event_id) > (signup.at, &signup.event_id));
    for fact in later {
        let found = by_code(programs, fact, links, &mut considered);
        if let Some(candidate) = found {
            let mut binding = choose(&candidate, fact, &mut considered, "a code carried by a later event binds");
            if sabotage::is(Sabotage::BindsFromSignUp) {
                binding.from = signup.at;
            }
            let reason = "signed up unattributed, bound by a later event's code".to_owned();
            return Verdict { group: group.to_owned(), binding: Some(binding), considered, reason };
        }
    }
    let reason = match (considered.is_empty(), signup.credential.token_refused) {
        (_, true) => "not attributed: the sign-up's token does not verify",
        (true, false) => "not attributed: the sign-up carried no code and no touch of these programs",
        (false, false) => "not attributed: nothing that was considered could bind",
    };
    Verdict { group: group.to_owned(), binding: None, considered, reason: reason.to_owned() }
}

/// Methods in the documents' order of precedence; the first that answers binds.
fn by_signup(
    programs: &[&Document],
    signup: &Fact,
    links: &HashMap<String, Link>,
    considered: &mut Vec<Considered>,
) -> Option<Binding> {
    let mut answers: Vec<(usize, Candidate)> = Vec::new();
    if let Some(candidate) = by_code(programs, signup, links, considered) {
        answers.push((rank(candidate.document, Method::Code), candidate));
    }
    for document in programs {
        if let Some(candidate) = by_touch(document, signup, links, considered) {
            answers.push((rank(document, Method::Token), candidate));
        }
    }
    let best = answers.iter().map(|(rank, _)| *rank).min()?;
    let (_, winner) = answers.iter().filter(|(rank, _)| *rank == best).max_by_key(|(_, c)| (c.at, c.considered))?;
    for (rank, candidate) in &answers {
        let entry = &mut considered[candidate.considered];
        if *rank != best {
            entry.reason = format!("{} goes before {}", winner.method.name(), candidate.method.name());
        } else {
            entry.reason = "a later touch of the same group of programs wins".to_owned();
        }
    }
    let why = match winner.method {
        Method::Code => "a code typed at sign-up goes first",
        Method::Token => match winner.document.attribution.model {
            Model::LastTouch => "the last touch inside its window",
            Model::FirstTouch => "the first touch inside its window",
        },
    };
    Some(choose(winner, signup, considered, why))
}

fn choose(winner: &Candidate, fact: &Fact, considered: &mut [Considered], why: &str) -> Binding {
    let entry = &mut considered[winner.considered];
    entry.chosen = true;
    entry.reason = why.to_owned();
    Binding {
        program: winner.document.id.clone(),
        partner: winner.link.partner_id.clone(),
        code: winner.link.code.clone(),
        method: winner.method.name().to_owned(),
        from: fact.at,
        event: fact.event_id.clone(),
    }
}

/// The event's code, if it is a working one of these programs.
fn by_code<'a>(
    programs: &[&'a Document],
    fact: &Fact,
    links: &'a HashMap<String, Link>,
    considered: &mut Vec<Considered>,
) -> Option<Candidate<'a>> {
    let code = fact.credential.code.as_deref()?;
    let link = links.get(code);
    let document = link.and_then(|l| programs.iter().find(|d| d.id == l.program_id));
    if link.is_some() && document.is_none() {
        // A code of a program outside this group is that group's business.
        return None;
    }
    let refusal = match (link, document) {
        (Some(link), Some(document)) if document.attribution.methods.contains(&Method::Code) => {
            refusal(link, document, fact.at)
        }
        (Some(_), Some(_)) => Some("the program takes no typed codes".to_owned()),
        _ => Some("no such code".to_owned()),
    };
    considered.push(Considered {
        method: Method::Code.name().to_owned(),
        event: fact.event_id.clone(),
        program: document.map(|d| d.id.clone()),
        partner: link.map(|l| l.partner_id.clone()),
        code: code.to_owned(),
        at: None,
        chosen: false,
        reason: refusal.clone().unwrap_or_default(),
    });
    if refusal.is_some() {
        return None;
    }
    Some(Candidate {
        document: document?,
        link: link?,
        method: Method::Code,
        at: fact.at,
        considered: considered.len() - 1,
    })
}

/// The touch of this program that its model names, among those in the sign-up's token.
fn by_touch<'a>(
    document: &'a Document,
    signup: &Fact,
    links: &'a HashMap<String, Link>,
    considered: &mut Vec<Considered>,
) -> Option<Candidate<'a>> {
    if !document.attribution.methods.contains(&Method::Token) {
        return None;
    }
    let mut best: Option<Candidate> = None;
    let touches = signup.credential.trail.iter().flat_map(|t| &t.touches).filter(|t| t.program == document.id);
    for touch in touches {
        let link = links.get(&touch.code).filter(|l| l.program_id == document.id);
        let why = match link {
            None => Some("no such code any more".to_owned()),
            Some(link) => window(document, touch.at, signup.at).or_else(|| refusal(link, document, touch.at)),
        };
        considered.push(Considered {
            method: Method::Token.name().to_owned(),
            event: signup.event_id.clone(),
            program: Some(document.id.clone()),
            partner: link.map(|l| l.partner_id.clone()),
            code: touch.code.clone(),
            at: Some(touch.at),
            chosen: false,
            reason: why.clone().unwrap_or_default(),
        });
        let (Some(link), None) = (link, why) else { continue };
        let candidate =
            Candidate { document, link, method: Method::Token, at: touch.at, considered: considered.len() - 1 };
        let better = best.as_ref().is_none_or(|b| match document.attribution.model {
            Model::LastTouch => candidate.at >= b.at,
            Model::FirstTouch => candidate.at < b.at,
        });
        let loser = if better { best.replace(candidate) } else { Some(candidate) };
        if let Some(loser) = loser {
            considered[loser.considered].reason = match document.attribution.model {
                Model::LastTouch => "a later touch wins".to_owned(),
                Model::FirstTouch => "an earlier touch wins".to_owned(),
            };
        }
    }
    best
}

/// Why a touch lies outside the window that ends at the sign-up.
fn window(document: &Document, touched: UtcMillis, signed_up: UtcMillis) -> Option<String> {
    let days = document.attribution.window_days;
    // The touch is dated by our clock, the sign-up by the sender's, often in whole seconds: the same allowance that
    // facts have. Where it comes out later, its age is nothing.
    if touched > signed_up.plus_ms(OCCURRED_AT_AHEAD_MAX_MS) {
        return Some("touched after the sign-up".to_owned());
    }
    let out = if sabotage::is(Sabotage::WindowByDay) {
        signed_up.0 / DAY_MS - touched.0 / DAY_MS > days
    } else {
        touched.plus_days(days) <= signed_up
    };
    out.then(|| format!("older than the window of {days} days"))
}

/// Why a link did not work at an instant. Its age is no reason: a code is good for any date before it was made.
fn refusal(link: &Link, document: &Document, at: UtcMillis) -> Option<String> {
    if document.requires_disclosure && link.disclosure_accepted_at_ms.is_none() {
        return Some("the partner has not accepted the disclosure".to_owned());
    }
    let ended = |end: Option<UtcMillis>| end.is_some_and(|end| end <= at);
    if ended(link.expires_at_ms) {
        return Some("the link had expired".to_owned());
    }
    if ended(link.disabled_at_ms) {
        return Some("the link was disabled".to_owned());
    }
    ended(link.left_at_ms).then(|| "the partner had left the program".to_owned())
}

fn rank(document: &Document, method: Method) -> usize {
    document.attribution.methods.iter().position(|m| *m == method).unwrap_or(usize::MAX)
}
