//! Which invoices a payment is for, and what it paid of each, from any event or list that shows it.

use crate::base::money::CENTS_MAX;
use crate::base::sort::sort;
use crate::codec::stripe::event::InvoicePayment;
use crate::codec::stripe::read;
use crate::codec::stripe::read::{id, integer, text};
use serde_json::Value;

/// The payments that an event links to invoices.
pub fn paid_by(kind: &str, object: &Value) -> Vec<InvoicePayment> {
    let whole = |invoice: Option<String>, payments: [Option<String>; 2]| -> Vec<InvoicePayment> {
        let Some(invoice) = invoice else { return Vec::new() };
        let of = |payment| InvoicePayment { payment, invoice: invoice.as_str().into(), paid_cents: None };
        payments.into_iter().flatten().map(of).collect()
    };
    let mut found = match kind {
        "invoice.paid" => {
            let invoice = id(object, "id");
            let mut found = whole(invoice.clone(), [id(object, "payment_intent"), id(object, "charge")]);
            let listed = read::list(object, "payments").iter();
            found.extend(listed.flat_map(|payment| of_invoice_payment(payment, invoice.as_deref(), None)));
            found
        }
        "invoice_payment.paid" => of_invoice_payment(object, None, None),
        "charge.refunded" => whole(id(object, "invoice"), [id(object, "payment_intent"), id(object, "id")]),
        // A credit note's refund outside of Stripe has no payment of its own: the note stands for it.
        _ if kind.starts_with("credit_note.") => whole(id(object, "invoice"), [id(object, "id"), None]),
        _ if kind.starts_with("checkout.session.") => {
            let intent = id(object, "payment_intent");
            let invoice = id(object, "invoice").or_else(|| crate::codec::stripe::checkout::one_time_id(object));
            whole(invoice, [intent, None])
        }
        _ => Vec::new(),
    };
    sort(&mut found);
    found.dedup();
    found
}

/// What one page of `GET /v1/invoice_payments` for a payment says.
pub fn invoice_payments(page: &[Value], intent: &str) -> Vec<InvoicePayment> {
    let mut found: Vec<_> = page.iter().flat_map(|payment| of_invoice_payment(payment, None, Some(intent))).collect();
    sort(&mut found);
    found.dedup();
    found
}

/// The payment in an invoice payment object, under each of its ids. One that did not succeed paid nothing.
fn of_invoice_payment(object: &Value, invoice: Option<&str>, intent: Option<&str>) -> Vec<InvoicePayment> {
    let Some(invoice) = id(object, "invoice").or_else(|| invoice.map(str::to_owned)) else { return Vec::new() };
    if text(object, "status").is_some_and(|status| status != "paid") {
        return Vec::new();
    }
    let paid_cents = integer(object, "amount_paid").filter(|cents| (1..=CENTS_MAX).contains(cents));
    let payment = object.get("payment").unwrap_or(&Value::Null);
    let named = id(payment, "payment_intent").or_else(|| intent.map(str::to_owned));
    let of = |payment| InvoicePayment { payment, invoice: invoice.as_str().into(), paid_cents };
    named.into_iter().chain(id(payment, "charge")).map(of).collect()
}
