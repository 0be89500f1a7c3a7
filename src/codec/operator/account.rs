//! Bodies about referred accounts: reviews, reassignments and reconciliations.

use crate::base::ids::{AccountId, PartnerId, ProgramId};
use crate::base::money::{CENTS_MAX, Cents};
use crate::base::time::UtcMillis;
use crate::codec::fields::{CURRENCY, Fields, ID};
use crate::codec::json;
use crate::codec::json::Invalid;
use crate::codec::operator::shared::{one_of, reason};
use crate::engine::event::Subscription;
use serde_json::Value;

/// An operator's decision on a review.
#[derive(Clone, Debug, PartialEq)]
pub struct ReviewDecision {
    pub release: bool,
    /// Of a release: the email domain is one organization.
    pub organization: bool,
    pub reason: String,
}

/// Data from the billing system, by account.
#[derive(Clone, Debug, PartialEq)]
pub struct ReconciliationRequest {
    pub as_of: UtcMillis,
    pub repair: bool,
    pub accounts: Vec<BilledAccount>,
}

/// One account's active subscriptions, with the value of each if known.
#[derive(Clone, Debug, PartialEq)]
pub struct BilledAccount {
    pub id: AccountId,
    pub subscriptions: Vec<Subscription>,
}

/// Most accounts in one reconciliation: all their events are read.
const ACCOUNTS_MAX: usize = 200;

/// Which partner an operator moves an account to.
#[derive(Clone, Debug, PartialEq)]
pub struct ReassignRequest {
    pub program: ProgramId,
    /// `None`: no partner.
    pub partner: Option<PartnerId>,
    pub reason: String,
}

pub fn review(body: &[u8]) -> Result<ReviewDecision, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["decision", "reason"])?;
    let decision = one_of(&fields, "decision", &["release", "release_domain", "reject"])?
        .ok_or_else(|| fields.missing("decision"))?;
    let organization = decision == "release_domain";
    Ok(ReviewDecision { release: organization || decision == "release", organization, reason: reason(&fields)? })
}

/// `{"as_of", "repair", "accounts": [{"id", "subscriptions": [{"id", "monthly_cents", "currency"}]}]}`. An
/// account without subscriptions has no active ones.
pub fn reconciliation(body: &[u8], now: UtcMillis) -> Result<ReconciliationRequest, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["as_of", "repair", "accounts"])?;
    let listed = fields.get("accounts").and_then(Value::as_array).filter(|a| (1..=ACCOUNTS_MAX).contains(&a.len()));
    let listed = listed.ok_or_else(|| {
        fields.invalid("accounts", "out_of_range", &format!("be a list of 1 to {ACCOUNTS_MAX} accounts"))
    })?;
    let accounts: Result<Vec<BilledAccount>, Invalid> = listed.iter().map(billed).collect();
    Ok(ReconciliationRequest {
        as_of: fields.occurred_at("as_of", now)?,
        repair: fields.boolean("repair")?.unwrap_or(false),
        accounts: accounts?,
    })
}

fn billed(value: &Value) -> Result<BilledAccount, Invalid> {
    let fields = Fields::closed_item(value, "accounts[]", &["id", "subscriptions"])?;
    let listed = match fields.get("subscriptions") {
        None => &[][..],
        Some(Value::Array(listed)) => listed,
        Some(_) => return Err(fields.invalid("subscriptions", "wrong_type", "be a list")),
    };
    let subscriptions: Result<Vec<_>, Invalid> = listed
        .iter()
        .map(|s| {
            let known = &["id", "monthly_cents", "currency"];
            let fields = Fields::closed_item(s, "accounts[].subscriptions[]", known)?;
            Ok(Subscription {
                subscription_id: fields.required_text("id", &ID)?,
                monthly_cents: fields.integer("monthly_cents", 0..=CENTS_MAX)?.map(Cents),
                annual_value_cents: None,
                currency: fields.text("currency", &CURRENCY)?.map(|currency| currency.to_ascii_lowercase()),
            })
        })
        .collect();
    Ok(BilledAccount { id: fields.required_text("id", &ID)?.into(), subscriptions: subscriptions? })
}

pub fn reassign(body: &[u8]) -> Result<ReassignRequest, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["program", "partner", "reason"])?;
    Ok(ReassignRequest {
        program: fields.required_text("program", &ID)?.into(),
        partner: fields.text("partner", &ID)?.map(Into::into),
        reason: reason(&fields)?,
    })
}
