//! Bodies about adjustments: what an operator adds to a partner's balance or takes from it, and the decision of the
//! second operator.

use crate::base::ids::{AccountId, AccrualId, AdjustmentId, InvoiceId, PartnerId};
use crate::base::money::{CENTS_MAX, Cents};
use crate::base::time::UtcMillis;
use crate::codec::fields::{CURRENCY, Fields, ID, NAME};
use crate::codec::json;
use crate::codec::json::Invalid;
use crate::codec::operator::shared::{one_of, reason};
use crate::engine::accrual::Balance;

#[derive(Clone, Debug, PartialEq)]
pub struct AdjustmentRequest {
    pub partner: PartnerId,
    /// Negative: take.
    pub amount: Cents,
    /// In lower case. `None`: the program's.
    pub currency: Option<String>,
    pub balance: Option<Balance>,
    pub vests_at: Option<UtcMillis>,
    pub account: Option<AccountId>,
    pub invoice: Option<InvoiceId>,
    /// What it changes, if it makes no accrual of its own.
    pub names: Option<NamedEntry>,
    /// What the partner reads.
    pub note: String,
    /// For operators only.
    pub reason: String,
}

/// What an adjustment changes.
#[derive(Clone, Debug, PartialEq)]
pub enum NamedEntry {
    Accrual(AccrualId),
    /// An earlier adjustment, which is taken back.
    Adjustment(AdjustmentId),
}

/// The decision of the second operator.
#[derive(Clone, Debug, PartialEq)]
pub struct AdjustmentDecision {
    pub approve: bool,
    pub reason: String,
}

/// `{"partner", "amount_cents", "currency"?, "balance"?, "vests_at"?, "account"?, "invoice"?, "accrual"?, "adjustment"?,
/// "note"?, "reason"}`.
pub fn adjustment(body: &[u8]) -> Result<AdjustmentRequest, Invalid> {
    let value = json::read(body)?;
    let known = [
        "partner",
        "amount_cents",
        "currency",
        "balance",
        "vests_at",
        "account",
        "invoice",
        "accrual",
        "adjustment",
        "note",
        "reason",
    ];
    let fields = Fields::closed(&value, &known)?;
    let cents =
        fields.integer("amount_cents", -CENTS_MAX..=CENTS_MAX)?.ok_or_else(|| fields.missing("amount_cents"))?;
    if cents == 0 {
        return Err(fields.invalid(
            "amount_cents",
            "out_of_range",
            "not be 0: a negative amount takes, a positive one adds",
        ));
    }
    let balance = one_of(&fields, "balance", &["pending", "available"])?;
    let accrual = fields.text("accrual", &ID)?.map(|id| NamedEntry::Accrual(id.into()));
    let undone = fields.text("adjustment", &ID)?.map(|id| NamedEntry::Adjustment(id.into()));
    let request = AdjustmentRequest {
        partner: fields.required_text("partner", &ID)?.into(),
        amount: Cents(cents),
        currency: fields.text("currency", &CURRENCY)?.map(|currency| currency.to_ascii_lowercase()),
        balance: balance.map(|name| if name == "pending" { Balance::Pending } else { Balance::Available }),
        vests_at: instant(&fields)?,
        account: fields.text("account", &ID)?.map(Into::into),
        invoice: fields.text("invoice", &ID)?.map(Into::into),
        names: accrual.or(undone),
        note: fields.text("note", &NAME)?.unwrap_or_default(),
        reason: reason(&fields)?,
    };
    check(&fields, &value["adjustment"], &request)?;
    Ok(request)
}

fn instant(fields: &Fields) -> Result<Option<UtcMillis>, Invalid> {
    let must = "be an RFC 3339 date and time from 2020 to 2099";
    let Some(text) = fields.text("vests_at", &ID)? else { return Ok(None) };
    let at = UtcMillis::parse(&text).filter(|at| (VESTS_AT_MIN..VESTS_AT_END).contains(at));
    at.map(Some).ok_or_else(|| fields.invalid("vests_at", "malformed", must))
}

/// 2020-01-01, the first instant that facts may have, and 2100-01-01: a later date is more likely a typo than a plan.
const VESTS_AT_MIN: UtcMillis = UtcMillis(1_577_836_800_000);
const VESTS_AT_END: UtcMillis = UtcMillis(4_102_444_800_000);

/// What does not fit together.
fn check(fields: &Fields, undone: &serde_json::Value, request: &AdjustmentRequest) -> Result<(), Invalid> {
    let wrong = |name: &str, must: &str| Err(fields.invalid(name, "unsupported", must));
    let is_pending = request.balance == Some(Balance::Pending);
    if request.names.is_some() {
        let takes_accruals = "be absent, because it is that of the accrual that is adjusted";
        let given = [
            ("adjustment", matches!(request.names, Some(NamedEntry::Accrual(_))) && !undone.is_null()),
            ("account", request.account.is_some()),
            ("invoice", request.invoice.is_some()),
            ("balance", request.balance.is_some()),
            ("vests_at", request.vests_at.is_some()),
        ];
        return match given.iter().find(|(_, is_given)| *is_given) {
            Some(("adjustment", _)) => wrong("adjustment", "be absent if accrual is given"),
            Some((name, _)) => wrong(name, takes_accruals),
            None => Ok(()),
        };
    }
    if is_pending && request.amount < Cents::ZERO {
        let must = "be available, because nothing is taken from pending unless accrual names what it is taken from";
        return wrong("balance", must);
    }
    if request.vests_at.is_some() && !is_pending {
        return wrong("vests_at", "be absent unless balance is pending");
    }
    if request.invoice.is_some() && request.account.is_none() {
        return Err(fields.missing("account"));
    }
    Ok(())
}

/// `{"decision": "approve" | "reject", "reason"}`.
pub fn adjustment_decision(body: &[u8]) -> Result<AdjustmentDecision, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["decision", "reason"])?;
    let decision = one_of(&fields, "decision", &["approve", "reject"])?.ok_or_else(|| fields.missing("decision"))?;
    Ok(AdjustmentDecision { approve: decision == "approve", reason: reason(&fields)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(more: &Value) -> Result<AdjustmentRequest, (String, &'static str)> {
        let mut body = json!({"partner": "ptn_1", "amount_cents": 500, "reason": "agreed by phone"});
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        adjustment(body.to_string().as_bytes()).map_err(|why| (why.field, why.code))
    }

    #[test]
    fn what_fits_together_is_read() {
        let plain = read(&json!({})).expect("it is right");
        assert_eq!((plain.amount, plain.names, plain.note.as_str()), (Cents(500), None, ""));
        let pending =
            json!({"balance": "pending", "vests_at": "2026-07-01T00:00:00Z", "account": "a", "invoice": "in_1"});
        let pending = read(&pending).expect("it is right");
        assert_eq!((pending.balance, pending.vests_at.is_some()), (Some(Balance::Pending), true));
        let named = read(&json!({"amount_cents": -500, "accrual": "acr_1"})).expect("it is right");
        assert_eq!(named.names, Some(NamedEntry::Accrual("acr_1".into())));
        let undone = read(&json!({"adjustment": "adj_1"})).expect("it is right");
        assert_eq!(undone.names, Some(NamedEntry::Adjustment("adj_1".into())));
    }

    #[test]
    fn what_does_not_fit_together_is_refused_by_its_field() {
        let of = |field: &str, code: &'static str| Err((field.to_owned(), code));
        for (more, refused) in [
            (json!({"amount_cents": 0}), of("amount_cents", "out_of_range")),
            (json!({"amount_cents": 1.5}), of("amount_cents", "not_an_integer")),
            (json!({"amount_cents": null}), of("amount_cents", "missing")),
            (json!({"amount_cents": CENTS_MAX + 1}), of("amount_cents", "out_of_range")),
            (json!({"partner": null}), of("partner", "missing")),
            (json!({"reason": " "}), of("reason", "missing")),
            (json!({"balance": "held"}), of("balance", "unsupported")),
            (json!({"amount_cents": -1, "balance": "pending"}), of("balance", "unsupported")),
            (json!({"vests_at": "2026-07-01T00:00:00Z"}), of("vests_at", "unsupported")),
            (json!({"balance": "pending", "vests_at": "2100-01-01T00:00:00Z"}), of("vests_at", "malformed")),
            (json!({"balance": "pending", "vests_at": "soon"}), of("vests_at", "malformed")),
            (json!({"invoice": "in_1"}), of("account", "missing")),
            (json!({"accrual": "acr_1", "adjustment": "adj_1"}), of("adjustment", "unsupported")),
            (json!({"accrual": "acr_1", "account": "a"}), of("account", "unsupported")),
            (json!({"adjustment": "adj_1", "balance": "available"}), of("balance", "unsupported")),
        ] {
            assert_eq!(read(&more).map(|r| r.amount), refused, "{more}");
        }
    }
}
