//! Suspected fraud is flagged or put on hold with its evidence. Only an operator releases it.

use crate::base::time::{Month, UtcMillis};
use crate::engine::account::grouped::{Grouped, Keyed};
use crate::engine::review::relation::Relations;
use crate::engine::sabotage;
use crate::engine::sabotage::Fault;
use crate::program::document::{Document, Risk, RiskAction};
use serde::{Deserialize, Serialize};

/// Something an operator has to review.
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

/// What reviews mean for the earnings of one account with one partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewStatus {
    Clear,
    Held,
    Rejected(String),
}

/// The input of the risk rules.
pub struct RiskInput<'a> {
    pub account: &'a str,
    /// The account's email addresses.
    pub emails: &'a [String],
    pub partner: &'a str,
    pub partner_email: Option<&'a str>,
    pub partner_website: Option<&'a str>,
    pub signed_up: (UtcMillis, &'a str),
    /// When it was bound, and by which event.
    pub bound: (UtcMillis, &'a str),
    /// Whose touches bound it.
    pub visitor: Option<&'a str>,
    /// Referred sign-ups by partner.
    pub signup_velocity: &'a Grouped<ReferredSignup>,
    pub relations: &'a Relations,
}

/// A referred sign-up of a partner.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ReferredSignup {
    pub program_id: String,
    pub partner_id: String,
    pub account_id: String,
    pub signed_up_at_ms: UtcMillis,
    pub signup_event_id: String,
}

impl Keyed for ReferredSignup {
    fn key(&self) -> &str {
        &self.partner_id
    }

    fn account(&self) -> &str {
        &self.account_id
    }
}

/// The suspicions that a document's rules raise about an account attributed to a partner, and those of the built-in
/// rules, which no document can turn off.
pub fn assess(document: &Document, s: &RiskInput) -> Vec<Suspicion> {
    let mut found = Vec::new();
    if !document.rewards.is_empty() {
        found.extend(always(document, s));
    }
    for rule in &document.risk {
        let raised = match rule.when {
            Risk::SameEmail {} => same_email(s).map(|evidence| ("same_email", evidence)),
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

/// The built-in rules, which always hold.
fn always(document: &Document, s: &RiskInput) -> Vec<Suspicion> {
    let raised = [
        s.relations.one_visitor(s).map(|evidence| (ONE_VISITOR, evidence)),
        s.relations.own_account(s).map(|evidence| (OWN_ACCOUNT, evidence)),
        s.relations.ring(s).map(|evidence| (RING, evidence)),
    ];
    let suspicion = |(rule, evidence): (&str, String)| Suspicion {
        program: document.id.clone(),
        partner: s.partner.to_owned(),
        rule: rule.to_owned(),
        subject: String::new(),
        holds: true,
        evidence,
    };
    raised.into_iter().flatten().map(suspicion).collect()
}

const CROWD: &str = "signups_in_month";
const ONE_VISITOR: &str = "one_visitor";
const OWN_ACCOUNT: &str = "own_account";
const RING: &str = "referral_ring";

/// Rules that depend on other accounts. The current facts decide whom they hold, regardless of the order of arrival.
const OF_OTHERS: [&str; 3] = [CROWD, ONE_VISITOR, RING];

/// A currency other than the program's always needs a review; no document configures this rule.
pub const CURRENCY: &str = "currency";

fn same_email(s: &RiskInput) -> Option<String> {
    let own = normalise_email(s.partner_email?);
    let same = s.emails.iter().any(|e| normalise_email(e) == own);
    same.then(|| "the account has the partner's email address".to_owned())
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

fn crowded(document: &Document, s: &RiskInput, more_than: i64) -> Option<String> {
    let month = Month::of(s.signed_up.0);
    let before = s.signup_velocity.of(s.partner).iter().filter(|r| {
        r.program_id == document.id
            && r.account_id != s.account
            && Month::of(r.signed_up_at_ms) == month
            && (r.signed_up_at_ms, r.signup_event_id.as_str()) < s.signed_up
    });
    let count = i64::try_from(before.count()).unwrap_or(i64::MAX);
    let limit = more_than + i64::from(sabotage::is(Fault::CrowdFromTwelfth));
    (count >= limit).then(|| format!("the partner referred more than {more_than} sign-ups in {month}"))
}

/// Whether earnings of this program and partner are on hold: by a stored review that is not released, or by a new
/// suspicion. An operator's decision is final. An open review that depends on other accounts holds only while the facts
/// still raise it.
pub fn standing(program: &str, partner: &str, reviews: &[Review], suspicions: &[Suspicion]) -> ReviewStatus {
    let raised = |rule: &str| suspicions.iter().any(|s| s.program == program && s.partner == partner && s.rule == rule);
    let mine = |r: &&Review| {
        r.program_id == program
            && r.partner_id == partner
            && r.holds != 0
            && r.subject.is_empty()
            && (!OF_OTHERS.contains(&r.rule.as_str()) || r.state == "rejected" || raised(&r.rule))
    };
    if let Some(rejected) = reviews.iter().filter(mine).find(|r| r.state == "rejected") {
        return ReviewStatus::Rejected(rejected.reason.clone().unwrap_or_default());
    }
    if reviews.iter().filter(mine).any(|r| r.state == "open") {
        return ReviewStatus::Held;
    }
    let known = |s: &Suspicion| {
        reviews.iter().any(|r| r.program_id == s.program && r.partner_id == s.partner && r.rule == s.rule)
    };
    let new = suspicions
        .iter()
        .any(|s| s.program == program && s.partner == partner && s.holds && s.subject.is_empty() && !known(s));
    if new { ReviewStatus::Held } else { ReviewStatus::Clear }
}

/// The domain of an address, in lower case; `None` for a public email provider.
pub fn email_domain(email: &str) -> Option<String> {
    let domain = email.rsplit_once('@')?.1.trim().to_lowercase();
    (!domain.is_empty() && !FREE_MAIL.contains(&domain.as_str())).then_some(domain)
}

/// The host of a website's address.
fn site_domain(site: &str) -> Option<String> {
    let rest = site.split_once("://").map_or(site, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#', ':']).next()?.trim_start_matches("www.").to_lowercase();
    (!host.is_empty() && !FREE_MAIL.contains(&host.as_str())).then_some(host)
}

/// Whether two hosts belong to one registrable domain.
fn is_same_site(a: &str, b: &str) -> bool {
    registrable(a) == registrable(b)
}

/// The last two labels, or three where a country's registry uses the second-level one (`co.uk`, `com.au`). The public
/// suffix list is more complete, but as large as the rest of the Worker. An operator sees a false match in the review.
fn registrable(host: &str) -> &str {
    const SHARED: &[&str] = &["co", "com", "org", "net", "gov", "edu", "ac", "or", "ne", "gob", "gouv"];
    let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
    let (Some(last), Some(second)) = (dots.next(), dots.next()) else { return host };
    let country = host.len() - last - 1 == 2;
    let cut = if country && SHARED.contains(&&host[second + 1..last]) { dots.next() } else { Some(second) };
    cut.map_or(host, |at| &host[at + 1..])
}

/// Public email providers: the largest ones and their country domains.
const FREE_MAIL: &[&str] = &[
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "msn.com",
    "yahoo.com",
    "ymail.com",
    "aol.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "proton.me",
    "protonmail.com",
    "pm.me",
    "gmx.com",
    "gmx.net",
    "gmx.de",
    "gmx.at",
    "gmx.ch",
    "web.de",
    "t-online.de",
    "freenet.de",
    "mail.com",
    "mail.ru",
    "yandex.ru",
    "yandex.com",
    "zoho.com",
    "fastmail.com",
    "hey.com",
    "tutanota.com",
    "tuta.io",
    "qq.com",
    "163.com",
    "126.com",
    "naver.com",
    "hotmail.co.uk",
    "hotmail.fr",
    "live.co.uk",
    "yahoo.co.uk",
    "yahoo.co.jp",
    "yahoo.fr",
    "yahoo.de",
    "yahoo.co.in",
    "outlook.fr",
    "outlook.de",
    "orange.fr",
    "free.fr",
    "laposte.net",
    "libero.it",
    "btinternet.com",
    "comcast.net",
    "verizon.net",
    "att.net",
    "rediffmail.com",
    "uol.com.br",
    "bol.com.br",
    "duck.com",
];

/// The same text for the same mailbox: case and plus tags don't distinguish people, nor do dots at Gmail.
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
    use super::{is_same_site, normalise_email};

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

    #[test]
    fn one_registrable_domain_one_site() {
        for (a, b, same) in [
            ("agency.example", "mail.agency.example", true),
            ("a.agency.example", "b.agency.example", true),
            ("agency.co.uk", "other.co.uk", false),
            ("shop.agency.co.uk", "agency.co.uk", true),
            ("co.uk", "ac.uk", false),
            ("agency.de", "agency.com", false),
            ("localhost", "localhost", true),
        ] {
            assert_eq!(is_same_site(a, b), same, "{a} {b}");
        }
    }
}
