//! Bodies of the operators' and partners' calls, with the same limits and errors as events have.

use crate::base::money::{CENTS_MAX, Cents};
use crate::base::time::{Month, UtcMillis, Week};
use crate::codec::fields::{CAMPAIGN, DOMAIN, EMAIL, Fields, ID, NAME, SHOWN_NAME, SHOWN_NAME_SHORT};
use crate::codec::json;
use crate::codec::json::Invalid;
use crate::codec::link::destination;
use serde_json::{Map, Value};

/// Who asks to be a partner of which program.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPartner {
    pub program: String,
    pub external_id: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub website: Option<String>,
    pub country: Option<String>,
    pub kind: Option<String>,
    pub disclosure_accepted: bool,
}

/// What a partner says of themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub name: Option<String>,
    pub website: Option<String>,
    pub country: Option<String>,
    /// How others may see them.
    pub display_name: Option<String>,
}

/// What is asked of a link.
#[derive(Clone, Debug, PartialEq)]
pub struct NewLink {
    pub partner: String,
    pub destination: Option<String>,
    pub campaign: Option<String>,
    pub utm: Option<Value>,
    pub source: Option<String>,
    pub expires_at: Option<UtcMillis>,
}

/// Which run to start or resume.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    pub program: String,
    pub cadence: String,
    pub period: String,
    /// Only show what it would do.
    pub preview: bool,
}

/// An operator's decision on a review.
#[derive(Clone, Debug, PartialEq)]
pub struct ReviewDecision {
    pub release: bool,
    pub reason: String,
}

/// A draft and the period that it is replayed over.
#[derive(Clone, Debug, PartialEq)]
pub struct DryRunRequest {
    /// The document as sent, or `None` for the one in force.
    pub document: Option<String>,
    pub from: UtcMillis,
    pub to: UtcMillis,
}

/// What the billing system says, account by account.
#[derive(Clone, Debug, PartialEq)]
pub struct ReconciliationRequest {
    pub as_of: UtcMillis,
    pub repair: bool,
    pub accounts: Vec<BilledAccount>,
}

/// One account's active subscriptions, with what each costs a month where that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct BilledAccount {
    pub id: String,
    pub subscriptions: Vec<(String, Option<Cents>)>,
}

/// Accounts of one reconciliation: their events are read whole.
const ACCOUNTS_MAX: usize = 200;

/// Money for a program's budget.
#[derive(Clone, Debug, PartialEq)]
pub struct FundingRequest {
    pub amount: Cents,
    pub reason: String,
}

/// Where an operator moves an account.
#[derive(Clone, Debug, PartialEq)]
pub struct ReassignRequest {
    pub program: String,
    /// `None`: to nobody.
    pub partner: Option<String>,
    pub reason: String,
}

/// What a signed-in user asks of `/api/referral/generate`; an empty body asks for the default program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GenerateLinkRequest {
    pub program: Option<String>,
    pub disclosure_accepted: bool,
}

/// Most UTM parameters a link carries: the five that are in use, and as many of one's own.
const UTM_MAX: usize = 10;

pub fn partner(body: &[u8]) -> Result<NewPartner, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::of_body(&value)?;
    Ok(NewPartner {
        program: fields.required_text("program", &ID)?,
        external_id: fields.required_text("external_id", &ID)?,
        name: fields.text("name", &SHOWN_NAME)?,
        email: fields.text("email", &EMAIL)?,
        website: website(&fields)?,
        country: country(&fields)?,
        kind: one_of(&fields, "type", &["developer", "agency", "content"])?,
        disclosure_accepted: fields.boolean("disclosure_accepted")?.unwrap_or(false),
    })
}

pub fn profile(body: &[u8]) -> Result<Profile, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::of_body(&value)?.typed();
    Ok(Profile {
        name: fields.text("name", &SHOWN_NAME)?,
        website: website(&fields)?,
        country: country(&fields)?,
        display_name: fields.text("display_name", &SHOWN_NAME_SHORT)?,
    })
}

pub fn link(body: &[u8], now: UtcMillis) -> Result<NewLink, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::of_body(&value)?;
    let destination = fields.text("destination", &DESTINATION)?;
    if let Some(Err(why)) = destination.as_deref().map(destination::check) {
        return Err(fields.invalid("destination", "malformed", &format!("be a safe destination: {why}")));
    }
    let expires_at = match fields.text("expires_at", &ID)? {
        None => None,
        Some(text) => match UtcMillis::parse(&text).filter(|at| *at > now) {
            Some(at) => Some(at),
            None => {
                return Err(fields.invalid("expires_at", "malformed", "be an RFC 3339 date and time in the future"));
            }
        },
    };
    let campaign = fields.text("campaign", &CAMPAIGN)?;
    if campaign.as_deref().is_some_and(|c| !c.bytes().all(is_campaign_byte)) {
        return Err(fields.invalid("campaign", "malformed", "contain only A-Z a-z 0-9 _ . -"));
    }
    Ok(NewLink {
        partner: fields.required_text("partner", &ID)?,
        destination,
        campaign,
        utm: utm(&fields, value.get("utm"))?,
        source: one_of(&fields, "source", &["direct_link", "agency", "content"])?,
        expires_at,
    })
}

pub fn run(body: &[u8]) -> Result<NewRun, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::of_body(&value)?;
    let cadence = one_of(&fields, "cadence", &["weekly", "monthly"])?.ok_or_else(|| fields.missing("cadence"))?;
    Ok(NewRun {
        program: fields.required_text("program", &ID)?,
        cadence,
        period: fields.required_text("period", &ID)?,
        preview: fields.boolean("preview")?.unwrap_or(false),
    })
}

pub fn review(body: &[u8]) -> Result<ReviewDecision, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::of_body(&value)?;
    let decision = one_of(&fields, "decision", &["release", "reject"])?.ok_or_else(|| fields.missing("decision"))?;
    Ok(ReviewDecision { release: decision == "release", reason: reason(&fields)? })
}

/// Longest period a dry run replays: a year of weekly runs is tried for each account.
const DRY_RUN_DAYS_MAX: i64 = 366;

/// `{"document": {…}, "period": "2026-06"}`, or `"from"` and `"to"` as instants.
pub fn dry_run(body: &[u8]) -> Result<DryRunRequest, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::of_body(&value)?;
    fields.object("document")?;
    let (from, to) = match fields.text("period", &ID)? {
        Some(text) => {
            let span = Month::parse(&text)
                .map(|m| (m.start(), m.end()))
                .or_else(|| Week::parse(&text).map(|w| (w.start(), w.end())));
            span.ok_or_else(|| {
                fields.invalid("period", "malformed", "be a month such as 2026-06 or a week such as 2026-W24")
            })?
        }
        None => (instant(&fields, "from")?, instant(&fields, "to")?),
    };
    if to <= from || to > from.plus_days(DRY_RUN_DAYS_MAX) {
        let rule = format!("be after from, by at most {DRY_RUN_DAYS_MAX} days");
        return Err(fields.invalid("to", "out_of_range", &rule));
    }
    let document = value.get("document").filter(|d| !d.is_null()).map(Value::to_string);
    Ok(DryRunRequest { document, from, to })
}

fn instant(fields: &Fields, name: &str) -> Result<UtcMillis, Invalid> {
    let text = fields.required_text(name, &ID)?;
    UtcMillis::parse(&text).ok_or_else(|| fields.invalid(name, "malformed", "be an RFC 3339 date and time"))
}

/// `{"as_of", "repair", "accounts": [{"id", "subscriptions": [{"id", "monthly_cents"}]}]}`: an account without
/// subscriptions has none that is active.
pub fn reconciliation(body: &[u8], now: UtcMillis) -> Result<ReconciliationRequest, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::of_body(&value)?;
    let listed = value.get("accounts").and_then(Value::as_array).filter(|a| (1..=ACCOUNTS_MAX).contains(&a.len()));
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
    let fields = Fields::of_body(value)?;
    let listed = value.get("subscriptions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let subscriptions: Result<Vec<_>, Invalid> = listed
        .iter()
        .map(|s| {
            let fields = Fields::of_body(s)?;
            Ok((fields.required_text("id", &ID)?, fields.integer("monthly_cents", 0..=CENTS_MAX)?.map(Cents)))
        })
        .collect();
    Ok(BilledAccount { id: fields.required_text("id", &ID)?, subscriptions: subscriptions? })
}

pub fn funding(body: &[u8]) -> Result<FundingRequest, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::of_body(&value)?;
    let cents = fields.integer("amount_cents", 1..=CENTS_MAX)?.ok_or_else(|| fields.missing("amount_cents"))?;
    Ok(FundingRequest { amount: Cents(cents), reason: reason(&fields)? })
}

pub fn reassign(body: &[u8]) -> Result<ReassignRequest, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::of_body(&value)?;
    Ok(ReassignRequest {
        program: fields.required_text("program", &ID)?,
        partner: fields.text("partner", &ID)?,
        reason: reason(&fields)?,
    })
}

/// How an operator resolves a payout that is under review.
#[derive(Clone, Debug, PartialEq)]
pub enum ResolutionRequest {
    /// Stripe made this transfer, and it stands.
    Paid { transfer: String },
    /// Look it up, and send it anew if nothing is found.
    Again,
    /// Nothing was moved, and nothing shall be.
    Failed,
}

/// What is taken back of a payout.
#[derive(Clone, Debug, PartialEq)]
pub struct ReversalRequest {
    /// `None`: all that is left.
    pub amount: Option<Cents>,
    pub reason: String,
}

/// How a partner is onboarded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OnboardingRequest {
    pub return_url: Option<String>,
    pub refresh_url: Option<String>,
    pub country: Option<String>,
    /// Whether the partner is paid across borders only.
    pub recipient_agreement: bool,
}

/// `{"reason": …}`.
pub fn decision(body: &[u8]) -> Result<String, Invalid> {
    let value = json::read(body)?;
    reason(&Fields::of_body(&value)?)
}

/// The same, where none is needed.
pub fn remark(body: &[u8]) -> Result<Option<String>, Invalid> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let value = json::read(body)?;
    Fields::of_body(&value)?.text("reason", &NAME)
}

/// `made` is what the thing is called that Stripe made: a transfer, a transaction.
pub fn resolution(body: &[u8], made: &str) -> Result<(ResolutionRequest, String), Invalid> {
    let value = json::read(body)?;
    let fields = Fields::of_body(&value)?;
    let decision = one_of(&fields, "decision", &["paid", "again", "failed"])?;
    let resolution = match decision.as_deref() {
        Some("paid") => ResolutionRequest::Paid { transfer: fields.required_text(made, &ID)? },
        Some("again") => ResolutionRequest::Again,
        Some(_) => ResolutionRequest::Failed,
        None => return Err(fields.missing("decision")),
    };
    Ok((resolution, reason(&fields)?))
}

pub fn reversal(body: &[u8]) -> Result<ReversalRequest, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::of_body(&value)?;
    let amount = fields.integer("amount_cents", 1..=CENTS_MAX)?.map(Cents);
    Ok(ReversalRequest { amount, reason: reason(&fields)? })
}

pub fn onboarding(body: &[u8]) -> Result<OnboardingRequest, Invalid> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(OnboardingRequest::default());
    }
    let value = json::read(body)?;
    let fields = Fields::of_body(&value)?;
    let address = |name: &str| match fields.text(name, &DESTINATION)? {
        Some(text) if destination::check(&text).is_err() || !text.starts_with("http") => {
            Err(fields.invalid(name, "malformed", "be an http(s) URL"))
        }
        text => Ok(text),
    };
    Ok(OnboardingRequest {
        return_url: address("return_url")?,
        refresh_url: address("refresh_url")?,
        country: country(&fields)?,
        recipient_agreement: fields.boolean("recipient_agreement")?.unwrap_or(false),
    })
}

fn reason(fields: &Fields) -> Result<String, Invalid> {
    fields.text("reason", &NAME)?.filter(|r| !r.trim().is_empty()).ok_or_else(|| fields.missing("reason"))
}

pub fn generate(body: &[u8]) -> Result<GenerateLinkRequest, Invalid> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(GenerateLinkRequest::default());
    }
    let value = json::read(body)?;
    let fields = Fields::of_body(&value)?;
    Ok(GenerateLinkRequest {
        program: fields.text("program", &ID)?,
        disclosure_accepted: fields.boolean("disclosure_accepted")?.unwrap_or(false),
    })
}

const DESTINATION: crate::codec::fields::Form = crate::codec::fields::Form::destination();

fn is_campaign_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

fn one_of(fields: &Fields, name: &str, allowed: &[&str]) -> Result<Option<String>, Invalid> {
    let text = fields.text(name, &ID)?;
    match text {
        Some(text) if !allowed.contains(&text.as_str()) => {
            Err(fields.invalid(name, "unsupported", &format!("be one of {}", allowed.join(", "))))
        }
        text => Ok(text),
    }
}

/// A site: a host name, or an http(s) address of one.
fn website(fields: &Fields) -> Result<Option<String>, Invalid> {
    let Some(text) = fields.text("website", &DESTINATION)? else { return Ok(None) };
    let address = text.starts_with("http://") || text.starts_with("https://");
    if (address && destination::check(&text).is_ok()) || DOMAIN.allows(&text) {
        return Ok(Some(text));
    }
    Err(fields.invalid("website", "malformed", "be a host name or an http(s) URL"))
}

fn country(fields: &Fields) -> Result<Option<String>, Invalid> {
    match fields.text("country", &ID)? {
        Some(c) if c.len() != 2 || !c.bytes().all(|b| b.is_ascii_alphabetic()) => {
            Err(fields.invalid("country", "malformed", "be a country code of two letters such as US"))
        }
        country => Ok(country.map(|c| c.to_ascii_uppercase())),
    }
}

/// `{"source": "newsletter", …}`, with or without the prefix `utm_`; stored with it.
fn utm(fields: &Fields, given: Option<&Value>) -> Result<Option<Value>, Invalid> {
    fields.object("utm")?;
    let Some(Value::Object(given)) = given else { return Ok(None) };
    let mut utm = Map::new();
    for (name, value) in given {
        let clean = !name.is_empty() && name.len() <= 64 && name.bytes().all(is_campaign_byte);
        let text = value.as_str().filter(|v| v.len() <= 200 && !v.chars().any(char::is_control));
        let (true, Some(text)) = (clean, text) else {
            return Err(fields.invalid(
                "utm",
                "malformed",
                "have names of A-Z a-z 0-9 _ . - with values of at most 200 characters",
            ));
        };
        let name = if name.starts_with("utm_") { name.clone() } else { format!("utm_{name}") };
        utm.insert(name, Value::from(text));
    }
    if utm.len() > UTM_MAX {
        return Err(fields.invalid("utm", "out_of_range", &format!("have at most {UTM_MAX} parameters")));
    }
    Ok(Some(Value::Object(utm)))
}

#[cfg(test)]
mod tests;
