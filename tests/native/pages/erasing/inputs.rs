//! Every text that a request may have, and which of them say nothing of a person.

use crate::support::openapi::{document, resolve};
use manicule::http::route::ROUTES;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Fields that name no person, by route: ids, codes, and words of a list; what is not stored; and what operators write about
/// programs, runs and pages. Those of the API's senders have ids of their own for people, which are theirs to keep or change.
pub const OTHERS: &[(&str, &str)] = &[
    ("POST /v1/attribution", ".code .campaign"),
    ("POST /v1/collect", ".partner .event .campaign .path"),
    ("POST /v1/webhooks/stripe", ".id .type .account"),
    ("POST /v1/webhooks/stripe-connect", ".id .type .account"),
    ("POST /api/referral/generate", ".program"),
    (
        "POST /v1/webhooks/events",
        ".id .type .occurred_at .account.id .account.plan .amount.currency .attribution.code .attribution.token .attribution.visitor
         .data.charge_id .data.currency .data.dispute_id .data.invoice_id .data.refund_id .data.stripe_customer .data.subscription_id",
    ),
    (
        "POST /v1/events",
        ".events[].id .events[].type .events[].occurred_at .events[].account.id .events[].account.plan .events[].amount.currency .events[].attribution.code .events[].attribution.token .events[].attribution.visitor
         .events[].data.charge_id .events[].data.currency .events[].data.dispute_id .events[].data.invoice_id .events[].data.refund_id .events[].data.stripe_customer .events[].data.subscription_id",
    ),
    ("POST /v1/webhooks/emdash", ".event .collection .resourceId .resourceType .timestamp"),
    // Of a submission without an account nothing of the person is stored.
    (
        "POST /v1/webhooks/emdash-forms/{secret}",
        ".formId .formName .submissionId .submittedAt .data.account_id .data.email .data.ref",
    ),
    ("POST /v1/partners", ".program .external_id .code .country"),
    ("PATCH /v1/partners/{id}", ".code .country"),
    ("POST /v1/links", ".partner .code .expires_at"),
    ("PATCH /v1/links/{code}", ".code"),
    ("PUT /v1/programs/{id}", ".id .title .currency .effective_from"),
    ("POST /v1/runs", ".program .period"),
    ("POST /v1/unexpected-transfers/{id}", ".reason"),
    ("POST /v1/failed-events/{id}", ".reason"),
    ("POST /v1/payouts/{id}/resolve", ".reason .transfer"),
    ("POST /v1/payouts/{id}/reversals", ".reason"),
    ("POST /v1/runs/{id}/approve", ".reason"),
    ("POST /v1/partners/{id}/onboarding", ".country .return_url .refresh_url"),
    ("POST /v1/adjustments", ".partner .account .accrual .adjustment .currency .invoice .vests_at"),
    ("POST /v1/programs/{id}/budget", ".reason"),
    ("POST /v1/programs/{id}/dry-run", ".period .from .to"),
    ("POST /v1/accounts/{id}/reassign", ".program .partner"),
    ("POST /v1/reconciliations", ".as_of .accounts[].id .accounts[].subscriptions[].id .accounts[].subscriptions[].currency"),
    ("POST /v1/credits/redeem", ".program .partner .external_id .currency"),
    ("POST /v1/credits/deliveries/{id}/resolve", ".reason .transaction"),
    ("POST /v1/outbox/{id}/replay", ".target"),
    ("POST /v1/webhook-endpoints", ".url .secret .types[]"),
];

/// The texts of a schema, by place.
fn texts(document: &Value, schema: &Value, place: &str, found: &mut BTreeSet<String>) {
    let schema = resolve(document, schema);
    for kind in ["oneOf", "anyOf", "allOf"] {
        schema[kind].as_array().into_iter().flatten().for_each(|one| texts(document, one, place, found));
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        texts(document, field, &format!("{place}.{name}"), found);
    }
    if schema["items"].is_object() {
        texts(document, &schema["items"], &format!("{place}[]"), found);
    }
    let is_text =
        schema["type"] == "string" || schema["type"].as_array().is_some_and(|all| all.contains(&json!("string")));
    if is_text && schema["enum"].is_null() && schema["const"].is_null() {
        found.insert(place.to_owned());
    }
}

/// Every text that a request may have, as `POST /v1/partners .name`.
pub fn inputs() -> BTreeSet<String> {
    let document = document();
    let mut all = BTreeSet::new();
    for route in ROUTES {
        let body = &document["paths"][route.path][route.method.to_lowercase()]["requestBody"];
        let body = resolve(&document, body);
        for kind in body["content"].as_object().into_iter().flatten() {
            let mut found = BTreeSet::new();
            texts(&document, &kind.1["schema"], "", &mut found);
            all.extend(found.iter().map(|place| format!("{} {} {place}", route.method, route.path)));
        }
    }
    all
}
