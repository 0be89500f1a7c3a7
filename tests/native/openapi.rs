//! `openapi.json` describes exactly the routes that exist.

mod bodies;
mod enumerations;
mod fields;
mod listed;
mod words;

use crate::support::openapi::{check, document, faults, resolve};
use manicule::http::auth::Access;
use manicule::http::route::ROUTES;
use manicule::http::signed::Webhook;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Ref links are handled separately and are not in the table of routes.
const REDIRECT: (&str, &str) = ("GET", "/r/{code}");

/// Every operation as (method, path, operation).
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let mut all = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("operations") {
            all.push((method.to_uppercase(), path.clone(), operation));
        }
    }
    all
}

#[test]
fn the_description_has_exactly_the_routes_that_exist() {
    let document = document();
    let described: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let routes = ROUTES.iter().map(|r| (r.method, r.path)).chain([REDIRECT]);
    let routes: BTreeSet<(String, String)> = routes.map(|(m, p)| (m.to_owned(), p.to_owned())).collect();
    assert_eq!(described, routes);
}

#[test]
fn only_operator_routes_are_marked_as_such() {
    let document = document();
    let operator = json!([{"operator": []}]);
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        let (wanted, name) = (matches!(route.access, Access::Operator(_)), format!("{} {}", route.method, route.path));
        assert_eq!(operation["security"] == operator, wanted, "{name}: {}", operation["security"]);
        assert_eq!(
            operation["responses"]["401"].is_object(),
            route.access != Access::Public || route.path == "/healthz",
            "{name}"
        );
        let schemes = match route.access {
            Access::Signed(Webhook::Events) => json!([{"standard_webhooks": []}]),
            Access::Signed(Webhook::Emdash) => json!([{"emdash_token": []}]),
            Access::Signed(Webhook::Stripe(_)) => json!([{"stripe_signature": []}]),
            // The secret is a part of the address.
            Access::Signed(Webhook::EmdashForms) => json!([]),
            Access::SiteUser => json!([{"emdash_session": []}]),
            Access::Public | Access::Operator(_) => operation["security"].clone(),
        };
        assert_eq!(operation["security"], schemes, "{name}");
        let scope = match route.access {
            Access::Operator(scope) => json!(scope.name()),
            Access::Public | Access::Signed(_) | Access::SiteUser => Value::Null,
        };
        assert_eq!(operation["x-scope"], scope, "{name}");
        assert!(!wanted || operation["responses"]["403"].is_object(), "{name}: a token may lack the scope");
        for scheme in operation["security"]
            .as_array()
            .expect("security")
            .iter()
            .flat_map(|s| s.as_object().expect("schemes").keys())
        {
            assert!(document["components"]["securitySchemes"][scheme].is_object(), "{name}: {scheme}");
        }
    }
}

#[test]
fn operations_are_complete() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let name = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].to_string()), "{name}: its operationId is another's");
        assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()), "{name} has no summary");
        let parameters: Vec<&Value> =
            operation["parameters"].as_array().into_iter().flatten().map(|p| resolve(&document, p)).collect();
        for part in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let is_it = |p: &&&Value| p["name"] == part && p["in"] == "path" && p["required"] == json!(true);
            assert_eq!(parameters.iter().filter(is_it).count(), 1, "{name}: {part}");
        }
        for (status, answer) in operation["responses"].as_object().expect("responses") {
            let answer = resolve(&document, answer);
            assert!(
                answer["description"].as_str().is_some_and(|d| !d.is_empty()),
                "{name}: {status} has no description"
            );
        }
    }
}

#[test]
fn references_resolve_and_examples_fit() {
    let document = document();
    let mut references = 0;
    visit(&document, &mut |value| {
        if value["$ref"].is_string() {
            resolve(&document, value);
            references += 1;
        }
        if !value["example"].is_null() && !value["schema"].is_null() {
            let mut faults = Vec::new();
            check(&document, &value["schema"], &value["example"], "$", &mut faults);
            assert!(faults.is_empty(), "{}: {faults:?}", value["example"]);
        }
    });
    assert!(references > 50, "{references}");
    let used = ["paths", "webhooks", "components"].map(|part| document[part].to_string()).concat();
    for (kind, parts) in document["components"].as_object().expect("components") {
        for name in parts.as_object().expect("parts").keys().filter(|_| kind != "securitySchemes") {
            assert!(used.contains(&format!("\"#/components/{kind}/{name}\"")), "{kind}/{name} is used by nothing");
        }
    }
}

/// The end-to-end tests rely on it.
#[test]
fn undescribed_answers_are_reported() {
    let document = document();
    let saved = |status, body: &Value| faults(&document, "PUT", "/v1/programs/{id}", status, body);
    let good = json!({"id": "p", "version": 1, "effective_from": "2026-01-01T00:00:00Z"});
    assert_eq!(saved(200, &good), Vec::<String>::new());
    for (name, bad) in [
        ("version", json!("1")),
        ("version", json!(1.5)),
        ("effective_from", json!("soon")),
        ("more", json!(1)),
        ("id", Value::Null),
    ] {
        let mut body = good.clone();
        body[name] = bad;
        assert_eq!(saved(200, &body).len(), 1, "{body}");
    }
    assert_eq!(saved(200, &json!({"id": "p"})).len(), 2, "two fields are missing");
    assert_eq!(saved(200, &json!([])).len(), 1, "a list is no object");
    assert_eq!(saved(204, &good).len(), 1, "an answer that is not described");
    assert_eq!(saved(422, &good).len(), 8, "no problem at all: five fields missing, three too many");
}

/// Amounts, rates and instants state their unit, in the name or in the description.
#[test]
fn numbers_have_units() {
    visit(&document(), &mut |value| {
        for (name, schema) in value["properties"].as_object().into_iter().flatten() {
            let described = schema["description"].as_str().unwrap_or("");
            if name.ends_with("cents") {
                assert!(described.contains("cents") || described.contains("minor units"), "{name}: {described:?}");
            }
            assert!(!name.ends_with("_bps") || described.contains("basis points"), "{name}: {described:?}");
            assert!(!name.ends_with("_at") || schema["format"] == "date-time", "{name}: {schema}");
        }
    });
}

fn visit(value: &Value, look: &mut impl FnMut(&Value)) {
    look(value);
    match value {
        Value::Object(parts) => parts.values().for_each(|part| visit(part, look)),
        Value::Array(items) => items.iter().for_each(|item| visit(item, look)),
        _ => {}
    }
}
