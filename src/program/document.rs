//! The document's types. Reward forms and conditions are a closed set without an expression language; unknown keys are
//! rejected. Amounts are in cents, rates in basis points, spans in days or calendar months in UTC.

use crate::base::ids::ProgramId;
use crate::base::money::Cents;
use crate::base::names::names;
use crate::base::time::UtcMillis;
use crate::program::measure::{Economics, Funnel};
pub use crate::program::modifier::*;
pub use crate::program::reward::*;
pub use crate::program::settlement::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub id: ProgramId,
    pub title: String,
    /// 1, 2, 3, …: a saved version never changes.
    pub version: i64,
    #[serde(with = "instant")]
    pub effective_from: UtcMillis,
    /// ISO 4217 in lower case.
    pub currency: String,
    /// Where the terms come from.
    pub source: String,
    pub code: CodeFormat,
    /// A link does not work until its partner has accepted the disclosure.
    #[serde(default)]
    pub requires_disclosure: bool,
    pub attribution: AttributionTerms,
    pub lifecycle: Vec<LifecycleState>,
    pub rewards: Vec<Reward>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modifiers: Vec<Modifier>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<Cap>,
    pub vesting: Vesting,
    pub settlement: Settlement,
    #[serde(default)]
    pub risk: Vec<RiskRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benefit: Option<Benefit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funnel: Option<Funnel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub economics: Option<Economics>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeFormat {
    pub form: CodeForm,
    /// URL parameters that carry a code of this program.
    pub params: Vec<Param>,
    /// Whether partners may choose the codes of their links, as operators may.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chosen_by_partners: bool,
}

/// The format of a partner's code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CodeForm {
    /// `length` base62 digits of a hash of the partner's external id and a random salt.
    Base62 { length: usize },
    /// `prefix` and `length` random upper-case hexadecimal digits.
    PrefixedHex { prefix: String, length: usize },
    /// `length` random lower-case hexadecimal digits.
    Hex { length: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Param {
    Ref,
    Partner,
    /// The parameter that names the campaign next to a code.
    Campaign,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributionTerms {
    pub model: Model,
    /// A touch counts while it is younger than this many times 24 hours.
    pub window_days: i64,
    /// In order of precedence.
    pub methods: Vec<Method>,
    /// At most one program of a group pays for an account. Absent: the program has its own group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusive_group: Option<String>,
    /// How many accounts of one email domain may be attributed in a month by the domain alone without a review. Absent:
    /// [`DOMAIN_ACCOUNTS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain_accounts_in_month: Option<i64>,
}

pub const DOMAIN_ACCOUNTS: i64 = 20;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    FirstTouch,
    #[default]
    LastTouch,
}

names! {
    pub enum Method {
        /// A code that was typed at sign-up or that the event carries.
        Code = "code",
        /// An agency invited the account's domain, or handed it over.
        Workspace = "workspace",
        /// The signed token: the cookie's touches, from a form field or from the site.
        Token = "token",
        /// An account with the same email domain was attributed before. Free-mail domains do not count.
        EmailDomain = "email_domain",
        /// The visitor's fingerprint has touches of exactly one partner.
        Fingerprint = "fingerprint",
    }
}

/// A named state and the conditions to reach it, all of which must hold. States are listed from first to last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LifecycleState {
    pub state: String,
    pub when: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    SignedUp {},
    /// There is a paid invoice, even if it was refunded later.
    Paid {},
    /// The span since sign-up has passed without a cancellation.
    ActiveDays {
        days: i64,
    },
    /// A paid invoice that was not fully refunded, and either `days` have passed since or there is a second such
    /// invoice.
    PaidForDays {
        days: i64,
    },
    /// At least one of these holds.
    AnyOf {
        conditions: Vec<Condition>,
    },
    /// The running total of API calls is at least this.
    ApiCalls {
        at_least: i64,
    },
    /// The team has, or had, more people than this.
    TeamLarger {
        than: i64,
    },
    /// That many distinct listings were viewed within a span of that many days.
    ListingsViewed {
        distinct: i64,
        within_days: i64,
    },
    /// An event of this type happened.
    Happened {
        event: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vesting {
    pub hold: Hold,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Hold {
    /// Available as soon as it is granted.
    None {},
    /// Until `days` after the first payment since the account last (re)started.
    DaysAfterFirstPayment {
        days: i64,
        /// A cancellation during the hold voids what was accrued in it.
        void_if_cancelled: bool,
    },
    /// Until the account reaches a state. A cancellation before that, or within `churn_days` of the first payment,
    /// voids everything and ends the earning.
    UntilState { state: String, churn_days: i64 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskRule {
    pub when: Risk,
    pub then: RiskAction,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Risk {
    /// The account's normalized email is the partner's own.
    SameEmail {},
    /// The account's email domain is the partner's, and is not a free-mail domain.
    SameDomain {},
    /// More referred sign-ups of one partner in a calendar month (UTC) than allowed: the rule holds those beyond the
    /// limit.
    SignupsInMonth { more_than: i64 },
}

impl Risk {
    /// The number of sign-ups in a month beyond which they are reviewed.
    pub fn signups_limit(&self) -> Option<i64> {
        match self {
            Risk::SignupsInMonth { more_than } => Some(*more_than),
            Risk::SameEmail {} | Risk::SameDomain {} => None,
        }
    }
}

/// The most sign-ups of one partner and month that a rule counts: as many as a decision reads.
pub const SIGNUPS_COUNTED_MAX: i64 = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskAction {
    Flag,
    Hold,
}

impl Document {
    /// As JSON, in the order of its fields. The one place that serializes it, because that is compiled for each format.
    pub fn text(&self) -> String {
        // Plain data with text keys cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(&self.text()).unwrap_or_default()
    }

    /// Rule 10: the group within which only one program pays for an account.
    pub fn group(&self) -> &str {
        self.attribution.exclusive_group.as_deref().unwrap_or(&self.id)
    }

    /// Whether anybody earns anything. A program that only measures shows no currency.
    pub fn pays(&self) -> bool {
        !self.rewards.is_empty()
    }

    /// A budget below this counts as low.
    pub fn budget_low_cents(&self) -> Cents {
        let rewards = self.rewards.iter().filter_map(|r| r.amount.flat_cents.or(r.amount.cap_cents));
        self.settlement.budget_low_cents.unwrap_or_else(|| rewards.max().unwrap_or_default())
    }

    pub fn state(&self, name: &str) -> Option<&LifecycleState> {
        self.lifecycle.iter().find(|s| s.state == name)
    }

    pub fn reward(&self, id: &str) -> Option<&Reward> {
        self.rewards.iter().find(|r| r.id == id)
    }
}

/// Instants in documents are RFC 3339 text.
pub(in crate::program) mod instant {
    use crate::base::time::UtcMillis;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(at: &UtcMillis, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&at.to_rfc3339())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<UtcMillis, D::Error> {
        let text = String::deserialize(from)?;
        UtcMillis::parse(&text)
            .ok_or_else(|| D::Error::custom("must be an RFC 3339 date and time, such as 2026-01-01T00:00:00Z"))
    }
}
