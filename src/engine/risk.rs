//! What looks like fraud is flagged or held with its evidence, and never released by itself.

use crate::program::document::{Document, Risk, RiskAction};
use serde::{Deserialize, Serialize};

/// Something a person has to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suspicion {
    pub program: String,
    pub partner: String,
    pub rule: String,
    /// What it is about: empty for the whole account, else an invoice.
    pub subject: String,
    pub holds: bool,
    pub evidence: String,
}

/// A stored suspicion and what an operator decided about it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Review {
    pub program_id: String,
    pub partner_id: String,
    pub rule: String,
    pub subject: String,
    pub holds: i64,
    /// open, released or rejected.
    pub state: String,
    pub reason: Option<String>,
}

/// What reviews mean for the lines of one account with one partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Clear,
    Held,
    Rejected(String),
}

/// The suspicions that a document's rules raise about an account bound to a partner.
pub fn assess(document: &Document, partner: &str, partner_email: Option<&str>, emails: &[String]) -> Vec<Suspicion> {
    let mut found = Vec::new();
    for rule in &document.risk {
        match rule.when {
            Risk::SameEmail {} => {
                let own = partner_email.map(normalise_email);
                if emails.iter().any(|e| own.as_deref() == Some(normalise_email(e).as_str())) {
                    found.push(Suspicion {
                        program: document.id.clone(),
                        partner: partner.to_owned(),
                        rule: "same_email".to_owned(),
                        subject: String::new(),
                        holds: rule.then == RiskAction::Hold,
                        evidence: "the account's email address is the partner's own".to_owned(),
                    });
                }
            }
        }
    }
    found
}

/// Whether lines of this program and partner are held: by a stored review that is not released, or by a suspicion
/// that is new.
pub fn standing(program: &str, partner: &str, reviews: &[Review], suspicions: &[Suspicion]) -> Standing {
    let mine = |r: &&Review| r.program_id == program && r.partner_id == partner && r.holds != 0 && r.subject.is_empty();
    if let Some(rejected) = reviews.iter().filter(mine).find(|r| r.state == "rejected") {
        return Standing::Rejected(rejected.reason.clone().unwrap_or_default());
    }
    if reviews.iter().filter(mine).any(|r| r.state == "open") {
        return Standing::Held;
    }
    let known = |s: &Suspicion| {
        reviews.iter().any(|r| r.program_id == s.program && r.partner_id == s.partner && r.rule == s.rule)
    };
    let new = suspicions
        .iter()
        .any(|s| s.program == program && s.partner == partner && s.holds && s.subject.is_empty() && !known(s));
    if new { Standing::Held } else { Standing::Clear }
}

/// One mailbox, one text: case and plus-tags do not tell people apart, nor do dots at Gmail.
pub fn normalise_email(email: &str) -> String {
    let lower = email.trim().to_lowercase();
    let Some((local, domain)) = lower.rsplit_once('@') else { return lower };
    let local = local.split('+').next().unwrap_or(local);
    match domain {
        "gmail.com" | "googlemail.com" => format!("{}@gmail.com", local.replace('.', "")),
        _ => format!("{local}@{domain}"),
    }
}

#[cfg(test)]
mod tests {
    use super::normalise_email;

    #[test]
    fn one_mailbox_one_text() {
        for (a, b, same) in [
            ("Ann@Example.com", "ann@example.com", true),
            ("ann+shop@example.com", "ann@example.com", true),
            ("a.n.n@gmail.com", "ann@googlemail.com", true),
            ("a.nn@example.com", "ann@example.com", false),
            ("ann@example.com", "ann@example.org", false),
        ] {
            assert_eq!(normalise_email(a) == normalise_email(b), same, "{a} {b}");
        }
    }
}
