//! Refunds, charges and disputes in the formats of old and new API versions.

use crate::codec::stripe::tests::*;

pub fn refund(status: &str) -> Value {
    json!({"id": "re_1", "object": "refund", "amount": 2_500, "currency": "USD", "charge": "ch_1",
        "payment_intent": "pi_1", "status": status})
}

#[test]
fn refunds_go_by_their_own_ids() {
    let (refund_id, invoice_id) = ("re_1".to_owned(), String::new());
    let refunded = Payload::InvoiceRefunded {
        refund_id: refund_id.clone(),
        invoice_id: invoice_id.clone().into(),
        amount: usd(2_500),
    };
    let failed = Payload::InvoiceRefundFailed { refund_id, invoice_id: invoice_id.into(), amount: usd(2_500) };
    for (kind, status, want) in [
        ("refund.created", "pending", &refunded),
        ("refund.created", "succeeded", &refunded),
        ("refund.updated", "succeeded", &refunded),
        ("refund.updated", "canceled", &failed),
        ("refund.failed", "failed", &failed),
        ("charge.refund.updated", "failed", &failed),
    ] {
        assert_eq!(fact(kind, &refund(status)).2, *want, "{kind} {status}");
    }
    let StripeEvent::Facts(drafts) = read("refund.created", &refund("succeeded")).what else { panic!("no fact") };
    let of = EventObject::Payment { intent: Some("pi_1".to_owned()), charge: Some("ch_1".to_owned()) };
    assert_eq!(drafts[0].of, of);
}

#[test]
fn a_charge_says_its_sum_and_in_old_shapes_its_refunds() {
    let new = json!({"id": "ch_1", "object": "charge", "amount": 10_000, "amount_refunded": 2_500, "currency": "usd",
        "payment_intent": "pi_1"});
    let total =
        Payload::InvoiceRefundedTotal { charge_id: "ch_1".to_owned(), invoice_id: "".into(), amount: usd(2_500) };
    assert_eq!(fact("charge.refunded", &new).2, total);
    let mut old = new.clone();
    old["invoice"] = json!("in_1");
    old["refunds"] =
        json!({"data": [refund("succeeded"), {"id": "re_2", "amount": 100, "currency": "usd", "status": "failed"}]});
    let translated = read("charge.refunded", &old);
    let StripeEvent::Facts(drafts) = translated.what else { panic!("no facts") };
    let found: Vec<(&str, &str)> = drafts.iter().map(|d| (d.id.as_str(), d.kind.name())).collect();
    assert_eq!(
        found,
        [
            ("evt_1", "invoice.refunded_total"),
            ("evt_1:re_1", "invoice.refunded"),
            ("evt_1:re_2", "invoice.refund_failed")
        ]
    );
    let of = EventObject::Payment { intent: Some("pi_1".to_owned()), charge: Some("ch_1".to_owned()) };
    assert!(drafts.iter().all(|d| d.of == of));
    assert_eq!(drafts[0].payload, total);
    assert_eq!(translated.paid_by, [paid("ch_1", None), paid("pi_1", None)]);
}

#[test]
fn disputes_go_by_their_funds() {
    let dispute = |status: &str| {
        json!({"id": "dp_1", "object": "dispute", "amount": 10_000, "currency": "usd", "charge": "ch_1",
            "payment_intent": "pi_1", "status": status})
    };
    let payload = Dispute { dispute_id: "dp_1".to_owned(), invoice_id: String::new().into(), amount: usd(10_000) };
    for (kind, status, want) in [
        ("created", "needs_response", Some("dispute.opened")),
        ("created", "warning_needs_response", Some("dispute.opened")),
        ("funds_withdrawn", "needs_response", Some("dispute.lost")),
        ("funds_reinstated", "won", Some("dispute.won")),
        ("closed", "lost", Some("dispute.lost")),
        ("closed", "won", Some("dispute.won")),
        ("closed", "warning_closed", Some("dispute.won")),
        ("created", "prevented", None),
        ("closed", "prevented", Some("dispute.won")),
        ("updated", "under_review", None),
    ] {
        let translated = read(&format!("charge.dispute.{kind}"), &dispute(status));
        let found: Vec<_> = match &translated.what {
            StripeEvent::Facts(drafts) => drafts.iter().map(|d| d.kind.name()).collect(),
            _ => Vec::new(),
        };
        assert_eq!(found, want.into_iter().collect::<Vec<_>>(), "{kind} {status}");
    }
    assert_eq!(fact("charge.dispute.created", &dispute("needs_response")).2, Payload::DisputeOpened(payload));
}
