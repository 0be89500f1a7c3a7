//! The fields of `openapi.json`'s schemas are those that the code writes. (The end-to-end tests hold every answer to its
//! schema; here also a field that no answer has any more is found.)

use crate::support::openapi::document;
use manicule::base::time::UtcMillis;
use manicule::engine::payout::{OutboundTransfer, TransferKind};
use manicule::http::exchange::Response;
use manicule::http::partner::partners;
use manicule::program::catalog::Catalog;
use manicule::program::settlement::Benefit;
use manicule::service::accrual::adjust;
use manicule::service::credit::redeem;
use manicule::service::error::{AppError, ErrorKind};
use manicule::service::event::stripe_failed;
use manicule::service::message::{endpoint, replay};
use manicule::service::partner::{enroll, standing};
use manicule::service::payout;
use manicule::service::payout::{onboard, unexpected};
use manicule::service::review;
use manicule::service::settlement::start;
use manicule::store::settlement::run::RunTotal;
use manicule::store::settlement::run_partner::RunPartner;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Any row of this type: each field has the first of these values that its type takes.
fn sample<T: DeserializeOwned>() -> T {
    let texts = [
        "x",
        "pending",
        "paid",
        "payout",
        "expense",
        "open",
        "done",
        "code",
        "active",
        "accrue",
        "invoice.paid",
        "invoice:i",
        "booked",
    ]
    .map(Value::from);
    let values = [&texts[..], &[json!(0), json!(false), json!([])]].concat();
    let mut row = Map::new();
    let mut missing = missing_field::<T>(&row);
    while let Some(field) = missing {
        let next = values.iter().find_map(|value| {
            row.insert(field.clone(), value.clone());
            match serde_json::from_value::<T>(Value::Object(row.clone())) {
                Ok(_) => Some(None),
                Err(_) => missing_field::<T>(&row).map(Some),
            }
        });
        missing = next.unwrap_or_else(|| panic!("no value for {field}"));
    }
    serde_json::from_value(Value::Object(row)).expect("a row")
}

/// The field that a row lacks, if that is what is wrong with it.
fn missing_field<T: DeserializeOwned>(row: &Map<String, Value>) -> Option<String> {
    let why = serde_json::from_value::<T>(Value::Object(row.clone())).err()?.to_string();
    Some(why.strip_prefix("missing field `")?.split('`').next()?.to_owned())
}

fn transfer(kind: TransferKind) -> Value {
    payout::view(&OutboundTransfer { kind, ..sample() })
}

fn problem() -> Value {
    let error = AppError::new(ErrorKind::Unprocessable, "program_refused", "why").field("x");
    serde_json::from_slice(&Response::problem(&error).body).expect("JSON")
}

/// A schema's name, what the code writes, and what a handler adds to it.
fn written() -> Vec<(&'static str, Value, &'static [&'static str])> {
    let benefit: Benefit =
        serde_json::from_value(json!({"rate_bps": 1, "on": "first_invoice", "months": 1, "as_promotion_code": true}))
            .expect("a benefit");
    vec![
        ("Problem", problem(), &["findings"]),
        ("Partner", enroll::view(&sample(), None, "", &[]), &["notes", "payability", "requested_email", "suspensions"]),
        ("Suspension", standing::view(&sample()), &[]),
        ("Balance", partners::balance(&sample()), &[]),
        ("BalanceTransaction", partners::entry(&(sample(), sample()), &Catalog::default(), UtcMillis(0)), &[]),
        ("PaidBalanceTransaction", partners::paid_entry(&sample()), &[]),
        ("Link", enroll::link_view(&sample(), ""), &["clicks"]),
        ("Run", start::view(&sample()), &["totals", "partners"]),
        ("RunTotal", json!(sample::<RunTotal>()), &[]),
        ("RunPartner", json!(sample::<RunPartner>()), &[]),
        ("Review", review::view(&sample()), &[]),
        ("Adjustment", adjust::view(&sample()), &[]),
        ("Benefit", json!(benefit), &[]),
        ("Redemption", redeem::redemption_view(&sample()), &[]),
        ("Payout", transfer(TransferKind::Payout), &[]),
        ("Reversal", transfer(TransferKind::Reversal), &[]),
        ("CreditDelivery", transfer(TransferKind::Credit), &[]),
        ("Approval", payout::approval_view(&sample()), &[]),
        ("Payability", onboard::payability(None, &[]), &[]),
        ("UnexpectedTransfer", unexpected::view(&sample()), &[]),
        ("FailedEvent", stripe_failed::view(&sample()), &[]),
        ("Delivery", replay::view(&sample()), &[]),
        ("WebhookEndpoint", endpoint::view(&sample()), &[]),
    ]
}

/// Where the document and the code differ.
fn differences(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value, added) in written() {
        let keys = value.as_object().expect("an object").keys().map(String::as_str);
        let wanted: BTreeSet<&str> = keys.chain(added.iter().copied()).collect();
        let properties = document["components"]["schemas"][name]["properties"].as_object().expect("properties");
        let described: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        found.extend(described.symmetric_difference(&wanted).map(|field| format!("{name}.{field}")));
    }
    found
}

#[test]
fn fields_are_those_that_the_code_writes() {
    assert_eq!(differences(&document()), Vec::<String>::new());
}

#[test]
fn a_field_that_drifts_is_found() {
    let mut document = document();
    let payout = document.pointer_mut("/components/schemas/Payout/properties").expect("its fields");
    let fields = payout.as_object_mut().expect("fields");
    let renamed = fields.remove("paid_at").expect("a field");
    fields.insert("sent_at".to_owned(), renamed);
    assert_eq!(differences(&document), ["Payout.paid_at", "Payout.sent_at"]);
}
