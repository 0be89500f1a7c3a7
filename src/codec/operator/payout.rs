//! Bodies about payouts, and about how partners receive them.

use crate::base::money::{CENTS_MAX, Cents};
use crate::codec::fields::{Fields, ID, NAME};
use crate::codec::json;
use crate::codec::json::Invalid;
use crate::codec::link::destination;
use crate::codec::operator::shared::{DESTINATION, country, one_of, reason};

/// What a payout made at Stripe.
const TRANSFER: &str = "transfer";

/// How an operator resolves a payout that is under review.
#[derive(Clone, Debug, PartialEq)]
pub enum ResolutionRequest {
    /// Stripe made this transfer, and it is valid. `amount`: what it has, if that is not what is planned here.
    Paid { transfer: String, amount: Option<Cents> },
    /// Look it up, and send it again if nothing is found.
    Again,
    /// No money moved, and none will.
    Failed,
}

/// How much of a payout to reverse.
#[derive(Clone, Debug, PartialEq)]
pub struct ReversalRequest {
    /// `None`: all that remains.
    pub amount: Option<Cents>,
    pub reason: String,
}

/// How a partner is onboarded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OnboardingRequest {
    pub return_url: Option<String>,
    pub refresh_url: Option<String>,
    /// Of a new account. Another than the present account's: the partner moved.
    pub country: Option<String>,
}

/// `{"reason": …}`.
pub fn decision(body: &[u8]) -> Result<String, Invalid> {
    let value = json::read(body)?;
    reason(&Fields::closed(&value, &["reason"])?)
}

/// The same, but the reason is optional.
pub fn remark(body: &[u8]) -> Result<Option<String>, Invalid> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let value = json::read(body)?;
    Fields::closed(&value, &["reason"])?.text("reason", &NAME)
}

/// Of a request that says everything by its address: an empty body, or `{}`.
pub fn nothing(body: &[u8]) -> Result<(), Invalid> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    Fields::closed(&json::read(body)?, &[]).map(|_| ())
}

/// `made` is the name of the Stripe object: a transfer, a transaction. Only a transfer may have another amount than planned.
pub fn resolution(body: &[u8], made: &str) -> Result<(ResolutionRequest, String), Invalid> {
    let value = json::read(body)?;
    let known = ["decision", made, "reason", "amount_cents"];
    let known = if made == TRANSFER { &known[..] } else { &known[..3] };
    let fields = Fields::closed(&value, known)?;
    let decision = one_of(&fields, "decision", &["paid", "again", "failed"])?;
    let amount = if made == TRANSFER { fields.integer("amount_cents", 1..=CENTS_MAX)?.map(Cents) } else { None };
    let resolution = match decision.as_deref() {
        Some("paid") => ResolutionRequest::Paid { transfer: fields.required_text(made, &ID)?, amount },
        Some("again") => ResolutionRequest::Again,
        Some(_) => ResolutionRequest::Failed,
        None => return Err(fields.missing("decision")),
    };
    Ok((resolution, reason(&fields)?))
}

pub fn reversal(body: &[u8]) -> Result<ReversalRequest, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["amount_cents", "reason"])?;
    let amount = fields.integer("amount_cents", 1..=CENTS_MAX)?.map(Cents);
    Ok(ReversalRequest { amount, reason: reason(&fields)? })
}

pub fn onboarding(body: &[u8]) -> Result<OnboardingRequest, Invalid> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(OnboardingRequest::default());
    }
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["return_url", "refresh_url", "country"])?;
    let address = |name: &str| match fields.text(name, &DESTINATION)? {
        Some(text) => match destination::absolute(&text) {
            Some(address) => Ok(Some(address)),
            None => Err(fields.invalid(name, "malformed", "be an http(s) URL")),
        },
        None => Ok(None),
    };
    Ok(OnboardingRequest {
        return_url: address("return_url")?,
        refresh_url: address("refresh_url")?,
        country: country(&fields)?,
    })
}
