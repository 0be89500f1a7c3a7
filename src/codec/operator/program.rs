//! Bodies about programs: dry runs, runs and reward budgets.

use crate::base::ids::ProgramId;
use crate::base::money::{CENTS_MAX, Cents};
use crate::base::time::{Month, UtcMillis, Week};
use crate::codec::fields::{Fields, ID};
use crate::codec::json;
use crate::codec::json::Invalid;
use crate::codec::operator::shared::{one_of, reason};
use serde_json::Value;

/// Which run to start or resume.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    pub program: ProgramId,
    pub cadence: String,
    pub period: String,
    /// Only show what it would do.
    pub preview: bool,
}

/// A draft and the period to replay it over.
#[derive(Clone, Debug, PartialEq)]
pub struct DryRunRequest {
    /// The document as sent, or `None` for the one in force.
    pub document: Option<String>,
    pub from: UtcMillis,
    pub to: UtcMillis,
}

/// Money to add to a program's budget.
#[derive(Clone, Debug, PartialEq)]
pub struct FundingRequest {
    pub amount: Cents,
    pub reason: String,
}

pub fn run(body: &[u8]) -> Result<NewRun, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["program", "cadence", "period", "preview"])?;
    let cadence = one_of(&fields, "cadence", &["weekly", "monthly"])?.ok_or_else(|| fields.missing("cadence"))?;
    Ok(NewRun {
        program: fields.required_text("program", &ID)?.into(),
        cadence,
        period: fields.required_text("period", &ID)?,
        preview: fields.boolean("preview")?.unwrap_or(false),
    })
}

/// Longest period that a dry run replays: it tries a year of weekly runs for each account.
const DRY_RUN_DAYS_MAX: i64 = 366;

/// `{"document": {…}, "period": "2026-06"}`, or `"from"` and `"to"` as instants.
pub fn dry_run(body: &[u8]) -> Result<DryRunRequest, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["document", "period", "from", "to"])?;
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
    let document = fields.get("document").map(Value::to_string);
    Ok(DryRunRequest { document, from, to })
}

fn instant(fields: &Fields, name: &str) -> Result<UtcMillis, Invalid> {
    let text = fields.required_text(name, &ID)?;
    UtcMillis::parse(&text).ok_or_else(|| fields.invalid(name, "malformed", "be an RFC 3339 date and time"))
}

pub fn funding(body: &[u8]) -> Result<FundingRequest, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["amount_cents", "reason"])?;
    let cents = fields.integer("amount_cents", 1..=CENTS_MAX)?.ok_or_else(|| fields.missing("amount_cents"))?;
    Ok(FundingRequest { amount: Cents(cents), reason: reason(&fields)? })
}
