//! Transfers, their reversals and customers' balance transactions in Stripe's format: the request form, and the values
//! read from a response.

use crate::base::time::{SECOND_MS, UtcMillis};
use crate::codec::stripe::form::FormEncoder;
use crate::engine::payout::{OutboundTransfer, StripeObject, TransferKind};
use serde_json::Value;

/// The request form. It is built once and stored, so that every retry sends the same bytes.
pub fn form(s: &OutboundTransfer) -> String {
    // On a customer's balance, Stripe shows a credit as a negative amount.
    let sign = if s.kind == TransferKind::Credit { -1 } else { 1 };
    let form = FormEncoder::new().with("amount", (sign * s.amount_cents.0).to_string());
    let form = match s.kind {
        TransferKind::Payout => form
            .with("currency", &s.currency)
            .with("destination", &s.target)
            .with("transfer_group", &s.id)
            .with("description", format!("{} {}", s.program_id, s.parent))
            .with("metadata[payout]", &s.id)
            .with("metadata[run]", &s.parent)
            .with("metadata[partner]", &s.partner_id),
        TransferKind::Reversal => form
            .with("metadata[reversal]", &s.id)
            .with("metadata[payout]", &s.parent)
            .with("metadata[partner]", &s.partner_id),
        TransferKind::Credit | TransferKind::Debit => form
            .with("currency", &s.currency)
            .with("description", &s.program_id)
            .with("metadata[credit]", &s.id)
            .with("metadata[line]", &s.parent)
            .with("metadata[partner]", &s.partner_id),
    };
    form.encode()
}

/// The path of the request.
pub fn path(s: &OutboundTransfer) -> String {
    match s.kind {
        TransferKind::Payout => "/v1/transfers".to_owned(),
        TransferKind::Reversal => format!("/v1/transfers/{}/reversals", s.target),
        TransferKind::Credit | TransferKind::Debit => format!("/v1/customers/{}/balance_transactions", s.target),
    }
}

/// The query that lists everything Stripe has under the transfer's name.
pub fn list_query(s: &OutboundTransfer) -> FormEncoder {
    match s.kind {
        TransferKind::Payout => FormEncoder::new().with("transfer_group", &s.id).with("limit", "10"),
        TransferKind::Reversal | TransferKind::Credit | TransferKind::Debit => FormEncoder::new().with("limit", "100"),
    }
}

/// One transfer, reversal or balance transaction. `None` if the response is none of them.
pub fn made(kind: TransferKind, value: &Value) -> Option<StripeObject> {
    let (object, target) = match kind {
        TransferKind::Payout => ("transfer", &value["destination"]),
        TransferKind::Reversal => ("transfer_reversal", &value["transfer"]),
        TransferKind::Credit | TransferKind::Debit => ("customer_balance_transaction", &value["customer"]),
    };
    if value["object"].as_str() != Some(object) {
        return None;
    }
    Some(StripeObject {
        id: value["id"].as_str()?.to_owned(),
        amount_cents: value["amount"].as_i64()?.checked_mul(if kind == TransferKind::Credit { -1 } else { 1 })?,
        currency: value["currency"].as_str()?.to_owned(),
        // The object may be expanded or only an id.
        target: target.as_str().or_else(|| target["id"].as_str())?.to_owned(),
        reversed_cents: if kind == TransferKind::Payout { value["amount_reversed"].as_i64()? } else { 0 },
        at: UtcMillis(value["created"].as_i64()?.checked_mul(SECOND_MS)?),
    })
}

/// The items of a list that belong to `s`: those in its transfer group, or the ones whose metadata names it. `None` if
/// the list can't be read, or if nothing was found and the list has more pages.
pub fn listed(s: &OutboundTransfer, value: &Value) -> Option<Vec<StripeObject>> {
    let items = value["data"].as_array()?;
    let ours = |item: &&Value| match s.kind {
        TransferKind::Payout => item["transfer_group"].as_str() == Some(s.id.as_str()),
        TransferKind::Reversal => item["metadata"]["reversal"].as_str() == Some(s.id.as_str()),
        TransferKind::Credit | TransferKind::Debit => item["metadata"]["credit"].as_str() == Some(s.id.as_str()),
    };
    let found: Option<Vec<StripeObject>> = items.iter().filter(ours).map(|item| made(s.kind, item)).collect();
    // There may be more than one page of a transfer's reversals or a customer's transactions, so absence from the first
    // page proves nothing.
    let is_cut = value["has_more"].as_bool()?;
    found.filter(|found| !is_cut || !found.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_lack_something_are_none() {
        let whole = serde_json::json!({
            "object": "transfer", "id": "tr_1", "amount": 5, "currency": "usd", "destination": {"id": "acct_1"},
            "created": 7, "amount_reversed": 0,
        });
        assert_eq!(made(TransferKind::Payout, &whole).map(|m| (m.target, m.at.0)), Some(("acct_1".to_owned(), 7_000)));
        for name in ["object", "id", "amount", "currency", "destination", "created", "amount_reversed"] {
            let mut part = whole.clone();
            part[name] = Value::Null;
            assert_eq!(made(TransferKind::Payout, &part), None, "{name}");
        }
        assert_eq!(made(TransferKind::Reversal, &whole), None);
        let credit = serde_json::json!({
            "object": "customer_balance_transaction", "id": "cbtxn_1", "amount": -5, "currency": "usd",
            "customer": "cus_1", "created": 7,
        });
        let amount = |kind| made(kind, &credit).map(|m| (m.amount_cents, m.target));
        assert_eq!(amount(TransferKind::Credit), Some((5, "cus_1".to_owned())));
        assert_eq!(amount(TransferKind::Debit), Some((-5, "cus_1".to_owned())), "what does not fit is seen");
    }
}
