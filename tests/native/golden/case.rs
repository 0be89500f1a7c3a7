//! The format of the cases in `tests/programs/*.json`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    pub program: String,
    #[allow(dead_code)]
    pub note: String,
    pub cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    /// The line in the brief, or the rule in the design.
    pub source: String,
    #[serde(default)]
    #[allow(dead_code)]
    pub note: String,
    /// If there are none: one partner of the program under test, `partner`.
    #[serde(default)]
    pub partners: Vec<Partner>,
    pub story: Vec<Step>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partner {
    pub name: String,
    pub program: String,
    pub email: Option<String>,
    pub website: Option<String>,
    /// developer, agency or content.
    pub kind: Option<String>,
    /// True if the partner has not accepted the disclosure.
    #[serde(default)]
    pub undisclosed: bool,
    /// Additional links by name, each with its source: direct_link, agency or content.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
}

/// One event or operation, or what is expected by then.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    #[allow(dead_code)]
    pub note: String,
    pub when: Option<String>,
    pub account: Option<String>,
    pub email: Option<String>,
    /// The event's id; by default `step` and its number in order.
    pub event_id: Option<String>,
    /// True for a sign-up.
    pub signs_up: bool,
    pub clicked: Vec<Click>,
    /// The partner whose code the event carries.
    pub typed_code_of: Option<String>,
    /// True for usage, which earns nothing but may carry a code.
    pub is_active: bool,
    pub uses: Option<Usage>,
    pub brings: Option<Clients>,
    /// Any other event, by its type.
    pub event: Option<Happening>,
    pub starts: Option<Subscription>,
    pub reviewed: Option<Decision>,
    pub funds_pool_cents: Option<i64>,
    pub pays: Option<Invoice>,
    pub pays_every_month: Option<Monthly>,
    pub is_refunded: Option<Refund>,
    pub dispute: Option<Dispute>,
    /// True for the whole account.
    pub cancels: bool,
    pub starts_subscription: Option<String>,
    pub cancels_subscription: Option<String>,
    /// `weekly` or `monthly`.
    pub run: Option<String>,
    pub runs_every_month: Option<Range>,
    pub expect: Option<Expect>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Click {
    pub link_of: String,
    pub when: String,
}

/// Usage: API calls as a running total, and the size of the team.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    pub api_calls: Option<i64>,
    pub team: Option<i64>,
}

/// This many clients, named `<named>-1` and so on, who sign up a minute apart with the partner's code and pay every
/// month from then on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clients {
    pub clients: i64,
    pub named: String,
    pub code_of: String,
    pub cents: i64,
    pub months: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Happening {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub data: Map<String, Value>,
    /// The partner whose code is put into `data.agency_code`.
    pub agency: Option<String>,
    pub cents: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    pub subscription: String,
    pub annual_cents: Option<i64>,
    pub monthly_cents: Option<i64>,
}

/// An operator's decision on the step's account: release or reject.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    pub release: bool,
    /// The rule that opened the review.
    pub rule: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invoice {
    pub invoice: String,
    pub cents: i64,
    /// Months of service that it pays for. One by default.
    #[serde(default)]
    pub months: Option<i64>,
    #[serde(default)]
    pub subscription: Option<String>,
    #[serde(default)]
    pub discount_cents: i64,
    #[serde(default)]
    pub currency: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monthly {
    pub cents: i64,
    pub months: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refund {
    pub refund: String,
    pub invoice: String,
    pub cents: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dispute {
    /// opened, won or lost.
    pub news: String,
    pub invoice: String,
    pub cents: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    pub from: String,
    pub months: i64,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    pub pending_cents: BTreeMap<String, i64>,
    pub available_cents: BTreeMap<String, i64>,
    /// The sum of an invoice's accruals.
    pub earned_cents_by_invoice: BTreeMap<String, i64>,
    pub earned_cents_by_month: BTreeMap<String, BTreeMap<String, i64>>,
    /// The amounts that the last run made payable.
    pub payable_cents: BTreeMap<String, i64>,
    /// Accounts and the states they reached, with the times.
    pub states: BTreeMap<String, BTreeMap<String, Option<String>>>,
    /// Any of: invoice, state_reached or event, partner, account, rule, gross_cents, net_cents, state, reason,
    /// vests_at.
    pub accruals: Vec<Map<String, Value>>,
    pub postings: Option<Vec<String>>,
    pub referred_by: BTreeMap<String, Option<String>>,
    pub messages: Option<i64>,
    pub economics: Option<Economics>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Economics {
    pub first_year_of_cents_per_month: i64,
    pub acquisition_cost_cents: i64,
    pub first_year_revenue_cents: i64,
    pub first_year_margin_cents: i64,
    pub margin_over_cost_tenths: i64,
    pub margin_of_other_channels_cents: BTreeMap<String, i64>,
}
