//! Bindings, the evidence for them, and the report that explains them.

use crate::base::ids::{AccountId, EventId, LinkCode, PartnerId, ProgramId};
use crate::base::names::names;
use crate::base::time::UtcMillis;
use crate::engine::account::grouped::Keyed;
use crate::engine::account::order::{Position, SignUp};
use crate::engine::event::FactKind;
use crate::engine::review::suspension::Suspension;
use crate::program::document::Method;
use crate::program::document::Source;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};

/// A partner's link, with the fields that attribution needs.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct AttributionLink {
    pub code: LinkCode,
    pub program_id: ProgramId,
    pub partner_id: PartnerId,
    pub expires_at_ms: Option<UtcMillis>,
    pub disabled_at_ms: Option<UtcMillis>,
    /// When a partner chose the code. Otherwise partners could choose codes that people have typed already.
    #[serde(default)]
    pub chosen_at_ms: Option<UtcMillis>,
    /// When the partner accepted the disclosure.
    pub disclosure_accepted_at_ms: Option<UtcMillis>,
    /// When the partner left.
    pub left_at_ms: Option<UtcMillis>,
    /// The link's own source.
    pub source: Option<Source>,
    /// developer, agency or content.
    pub kind: Option<String>,
    pub partner_email: Option<String>,
    /// The digest of its mailbox, which stays when the partner is erased.
    pub partner_mailbox: Option<String>,
    pub partner_website: Option<String>,
    /// Its partner's.
    #[serde(default, deserialize_with = "listed")]
    pub suspensions: Vec<Suspension>,
}

/// A column with a JSON array; empty if it is NULL.
fn listed<'de, D: Deserializer<'de>, T: DeserializeOwned>(column: D) -> Result<Vec<T>, D::Error> {
    let text: Option<String> = Option::deserialize(column)?;
    text.map_or_else(|| Ok(Vec::new()), |text| serde_json::from_str(&text).map_err(D::Error::custom))
}

impl AttributionLink {
    /// Rule 19: how this link brings accounts: its own source, or the partner's kind.
    pub fn brings(&self) -> Source {
        self.source.unwrap_or(match self.kind.as_deref() {
            Some("agency") => Source::Agency,
            Some("content") => Source::Content,
            _ => Source::DirectLink,
        })
    }
}

/// Another account that signed up with the same email domain, and its current binding.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SameDomainAccount {
    pub account_id: AccountId,
    pub email_domain: String,
    pub program_id: ProgramId,
    pub code: LinkCode,
    pub from_ms: UtcMillis,
    pub event_id: EventId,
    /// 1 if it was bound by an event after its sign-up.
    pub bound_later: i64,
}

impl SameDomainAccount {
    /// Rule 5: where its binding stands among the facts.
    pub fn position(&self) -> Position<'_> {
        let kind = if self.bound_later == 0 { FactKind::SignUp } else { FactKind::Code };
        (self.from_ms, kind, &self.event_id)
    }
}

impl Keyed for SameDomainAccount {
    fn key(&self) -> &str {
        &self.email_domain
    }

    fn account(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }
}

names! {
    /// How a binding came about: one of a program's methods, or by an operator.
    pub enum AttributionMethod {
        Code = "code",
        Workspace = "workspace",
        Token = "token",
        EmailDomain = "email_domain",
        Fingerprint = "fingerprint",
        Operator = "operator",
    }
}

impl From<Method> for AttributionMethod {
    fn from(method: Method) -> AttributionMethod {
        match method {
            Method::Code => AttributionMethod::Code,
            Method::Workspace => AttributionMethod::Workspace,
            Method::Token => AttributionMethod::Token,
            Method::EmailDomain => AttributionMethod::EmailDomain,
            Method::Fingerprint => AttributionMethod::Fingerprint,
        }
    }
}

/// The partner that an account is bound to within a group of programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    pub program: ProgramId,
    pub partner: PartnerId,
    pub code: LinkCode,
    pub method: AttributionMethod,
    pub source: Source,
    /// The click behind the binding, if a touch won.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub click: Option<String>,
    /// The visitor whose touch it was: the cookie's visitor, or the fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visitor: Option<String>,
    /// The email domain, if nothing else bound it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Rewards count from this event on, including the event itself.
    pub from: UtcMillis,
    pub event: EventId,
}

impl Binding {
    /// Rule 5: where the binding stands among the account's facts: at its sign-up, or at the later event whose code
    /// bound it.
    pub fn position(&self, signup: &SignUp) -> Position<'_> {
        let at_sign_up = signup.first().is_some_and(|first| first.event_id == self.event);
        (self.from, if at_sign_up { FactKind::SignUp } else { FactKind::Code }, &self.event)
    }
}

/// One touch or code that was considered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributionCandidate {
    pub method: AttributionMethod,
    pub event: EventId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<ProgramId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<PartnerId>,
    pub code: LinkCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<UtcMillis>,
    /// Whether it won.
    pub chosen: bool,
    /// Why it won or lost.
    pub reason: String,
}

/// The result for one group, attributed or not, with all candidates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributionResult {
    pub group: String,
    pub binding: Option<Binding>,
    pub candidates: Vec<AttributionCandidate>,
    /// One sentence for people.
    pub reason: String,
}
