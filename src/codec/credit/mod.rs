//! Requests about credit: whose it is, and how much of it to redeem.

pub mod promotion;

use crate::base::ids::{PartnerId, ProgramId};
use crate::base::money::{CENTS_MAX, Cents};
use crate::codec::fields::{CURRENCY, Fields, ID, NAME};
use crate::codec::json;
use crate::codec::json::Invalid;

/// The owner of the credit. An application knows its own ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreditOwner {
    Partner(PartnerId),
    External { program: ProgramId, external_id: String },
}

/// Credit to redeem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedeemRequest {
    pub whose: CreditOwner,
    pub amount: Cents,
    /// `None`: the program's unit.
    pub currency: Option<String>,
    pub reason: String,
}

pub fn redeem(body: &[u8]) -> Result<RedeemRequest, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["partner", "program", "external_id", "amount_cents", "currency", "reason"])?;
    let text = |name: &str| fields.text(name, &ID);
    let cents = fields.integer("amount_cents", 1..=CENTS_MAX)?.ok_or_else(|| fields.missing("amount_cents"))?;
    let reason = fields.text("reason", &NAME)?.filter(|r| !r.trim().is_empty());
    Ok(RedeemRequest {
        whose: whose(text("partner")?.map(Into::into), text("program")?.map(Into::into), text("external_id")?)?,
        amount: Cents(cents),
        currency: fields.text("currency", &CURRENCY)?.map(|c| c.to_ascii_lowercase()),
        reason: reason.ok_or_else(|| fields.missing("reason"))?,
    })
}

/// A partner by its own id, or by the host's id in a program.
pub fn whose(
    partner: Option<PartnerId>,
    program: Option<ProgramId>,
    external_id: Option<String>,
) -> Result<CreditOwner, Invalid> {
    match (partner, program, external_id) {
        (Some(partner), None, None) => Ok(CreditOwner::Partner(partner)),
        (None, Some(program), Some(external_id)) => Ok(CreditOwner::External { program, external_id }),
        _ => Err(Invalid {
            field: "partner".to_owned(),
            code: "missing",
            detail: "send partner, or both program and external_id".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_asked_is_read_or_says_what_is_wrong() {
        let good =
            json!({"program": "p", "external_id": "u", "amount_cents": 5, "currency": "EUR", "reason": "order 7"});
        let whose = CreditOwner::External { program: "p".into(), external_id: "u".to_owned() };
        let want =
            RedeemRequest { whose, amount: Cents(5), currency: Some("eur".to_owned()), reason: "order 7".to_owned() };
        assert_eq!(redeem(good.to_string().as_bytes()), Ok(want));
        for (name, value, field) in [
            ("external_id", json!(null), "partner"),
            ("partner", json!("ptn_1"), "partner"),
            ("amount_cents", json!(0), "amount_cents"),
            ("amount_cents", json!(null), "amount_cents"),
            ("amount_cents", json!(1.5), "amount_cents"),
            ("currency", json!("dollars"), "currency"),
            ("reason", json!(" "), "reason"),
        ] {
            let mut bad = good.clone();
            bad[name] = value;
            assert_eq!(redeem(bad.to_string().as_bytes()).map_err(|e| e.field), Err(field.to_owned()), "{bad}");
        }
    }
}
