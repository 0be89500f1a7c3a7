//! Real shapes of Stripe's events, typed by hand from its API reference and its changelog: each type in an old and a new
//! version, and the odd ones. Beside them is what each means to us.

use super::bodies::CREATED;
use manicule::base::time::UtcMillis;
use manicule::codec::stripe::{Draft, EventObject, StripeEndpoint, StripeEvent, Translated, translate};
use manicule::engine::event::{Amount, Payload, Subscription};
use serde_json::{Value, json};

#[test]
fn real_shapes_mean_what_the_table_says() {
    let table: Vec<Value> = serde_json::from_str(include_str!("real_shapes.json")).expect("JSON");
    let mut differences = Vec::new();
    for row in &table {
        let mut event = json!({
            "id": "evt_1", "object": "event", "api_version": row["api_version"], "created": CREATED, "livemode": false,
            "pending_webhooks": 1, "type": row["type"],
            "data": {"object": row["object"], "previous_attributes": row["previous_attributes"]},
        });
        if row["account"].is_string() {
            event["account"] = row["account"].clone();
        }
        let read = translate(&event, StripeEndpoint::Own, UtcMillis((CREATED + 60) * 1_000));
        let result = read.map_or_else(|why| format!("refused: {}", why.detail), |translated| result(&translated));
        if row["result"] != result {
            differences.push(format!("{}:\n  {}\n  {result}", row["name"], row["result"]));
        }
    }
    assert!(table.len() >= 25 && differences.is_empty(), "{}", differences.join("\n"));
}

/// What an event means: its facts, its customer, and the payments that it links to invoices.
fn result(event: &Translated) -> String {
    let what = match &event.what {
        StripeEvent::Facts(drafts) => drafts.iter().map(fact).collect::<Vec<_>>().join("; "),
        StripeEvent::Ignored(why) => format!("ignored: {why}"),
        StripeEvent::TransferReversed { transfer_id, group, reversed_cents } => {
            format!("transfer {transfer_id} of {group} reversed by {reversed_cents}")
        }
        other => format!("{other:?}"),
    };
    let customer = event.customer.as_ref().map(|c| format!("{} {}", c.id, c.email.as_deref().unwrap_or("-")));
    let payments = event.paid_by.iter().map(|p| match p.paid_cents {
        Some(cents) => format!("{} {cents}", p.payment),
        None => p.payment.clone(),
    });
    let payments = payments.collect::<Vec<_>>().join(", ");
    let parts = [Some(what), customer, (!payments.is_empty()).then_some(payments)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" | ")
}

fn fact(draft: &Draft) -> String {
    let by = match &draft.of {
        EventObject::Payment { intent, charge } => {
            let [intent, charge] = [intent, charge].map(|id| id.as_deref().unwrap_or("-"));
            format!(" by {intent} {charge}")
        }
        EventObject::Customer | EventObject::InPart(_) => String::new(),
    };
    let money = |id: &str, amount: &Amount| format!(" {id} {} {}{by}", amount.cents.0, amount.currency);
    let worth = |s: &Subscription| {
        let annual = s.annual_value_cents.map_or("-".to_owned(), |cents| cents.0.to_string());
        format!(" {} {annual} a year", s.subscription_id)
    };
    let rest = match &draft.payload {
        Payload::SignedUp { .. } => format!(" {} a token", if draft.token.is_some() { "with" } else { "without" }),
        Payload::InvoicePaid(invoice) => format!(
            " {} of {}: {} {}, {} months, {} off, {} charged",
            invoice.invoice_id,
            invoice.subscription_id.as_deref().unwrap_or("-"),
            invoice.amount.cents.0,
            invoice.amount.currency,
            invoice.months,
            invoice.discount_cents.0,
            invoice.charged().0
        ),
        Payload::InvoiceRefunded { refund_id: id, amount, .. }
        | Payload::InvoiceRefundFailed { refund_id: id, amount, .. }
        | Payload::InvoiceRefundedTotal { charge_id: id, amount, .. } => money(id, amount),
        Payload::DisputeOpened(d) | Payload::DisputeWon(d) | Payload::DisputeLost(d) => money(&d.dispute_id, &d.amount),
        Payload::SubscriptionStarted(s) | Payload::SubscriptionUpdated(s) | Payload::SubscriptionCancelled(s) => {
            worth(s)
        }
        other => format!(" {other:?}"),
    };
    format!("{}{rest}", draft.kind.name())
}
