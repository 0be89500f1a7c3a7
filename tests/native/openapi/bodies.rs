//! What a request may have in its body is the same in the code and in `openapi.json`, and nothing else is accepted.

use crate::support::openapi::{document, resolve};
use crate::support::world::{World, at, now};
use manicule::codec::operator;
use manicule::http::auth::{Access, hex_sha256};
use manicule::http::config::Config;
use manicule::http::context::RequestContext;
use manicule::http::exchange::Request;
use manicule::http::route;
use manicule::http::route::{ROUTES, Route};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What nobody calls a field.
const UNKNOWN: &str = "surely_unknown";

/// Routes whose callers are people's programs, not senders of events.
fn closed() -> impl Iterator<Item = &'static Route> {
    ROUTES
        .iter()
        .filter(|route| route.method != "GET" && matches!(route.access, Access::Operator(_) | Access::SiteUser))
}

fn send(method: &str, path: &str, body: &Value) -> (u16, Value) {
    let world = World::new(3);
    let config = Config { operator_token_sha256: Some(hex_sha256(b"operator")), ..Config::default() };
    let request = Request {
        method: method.to_owned(),
        path: path.replace("{id}", "x").replace("{code}", "x"),
        headers: vec![("authorization".to_owned(), "Bearer operator".to_owned())],
        body: body.to_string().into_bytes(),
        ..Request::default()
    };
    let today = at("2026-06-01T00:00:00Z");
    let _ = world.at(today);
    let app = RequestContext { site: &world, config: &config, now: today };
    let response = now(route::answer(&app, &request)).expect("an answer");
    (response.status, serde_json::from_slice(&response.body).expect("JSON"))
}

/// The fields that a refusal lists.
fn listed(problem: &Value) -> BTreeSet<String> {
    let detail = problem["detail"].as_str().expect("a sentence");
    let fields = detail.split_once("(its fields: ").expect("the fields").1.trim_end_matches(')');
    fields.split(", ").filter(|name| *name != "none").map(str::to_owned).collect()
}

/// The schema of a route's body, if it has one.
fn described<'a>(document: &'a Value, route: &Route) -> &'a Value {
    let operation = &document["paths"][route.path][route.method.to_lowercase()];
    resolve(document, &operation["requestBody"]["content"]["application/json"]["schema"])
}

fn fields_of(schema: &Value) -> BTreeSet<String> {
    schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

#[test]
fn an_unknown_field_is_refused_by_name_on_every_route() {
    let document = document();
    let mut asked = 0;
    for route in closed().filter(|route| route.method != "DELETE" && route.access != Access::SiteUser) {
        let (status, problem) = send(route.method, route.path, &json!({UNKNOWN: 1}));
        let name = format!("{} {}: {problem}", route.method, route.path);
        asked += 1;
        assert_eq!(status, 422, "{name}");
        if route.method == "PUT" {
            // A program's document has a schema of its own.
            let found = problem["findings"].as_array().expect("findings");
            assert!(found.iter().any(|f| f["path"].as_str().is_some_and(|path| path.contains(UNKNOWN))), "{name}");
            continue;
        }
        assert_eq!((&problem["code"], &problem["field"]), (&json!("unknown_field"), &json!(UNKNOWN)), "{name}");
        assert_eq!(listed(&problem), fields_of(described(&document, route)), "{name}");
    }
    assert!(asked > 20, "{asked}");
    let generate = operator::generate(json!({UNKNOWN: 1}).to_string().as_bytes()).expect_err("refused");
    assert_eq!(generate.code, "unknown_field");
}

#[test]
fn so_is_one_of_a_nested_object() {
    for (account, field) in [
        (json!({"id": "a", UNKNOWN: 1}), "accounts[].surely_unknown"),
        (json!({"id": "a", "subscriptions": [{"id": "s", UNKNOWN: 1}]}), "accounts[].subscriptions[].surely_unknown"),
        (json!({"id": "a", "subscriptions": {"id": "s"}}), "accounts[].subscriptions"),
    ] {
        let body = json!({"as_of": "2026-06-01T00:00:00Z", "accounts": [account]});
        assert_eq!(send("POST", "/v1/reconciliations", &body).1["field"], field, "{body}");
    }
    let link = json!({"partner": "p", "utm": {UNKNOWN: "x"}});
    assert_eq!(send("POST", "/v1/links", &link).1["code"], "unknown_partner", "UTM parameters are free");
}

/// Objects of a schema that a request may extend, by place.
fn open(document: &Value, schema: &Value, place: &str, found: &mut Vec<String>) {
    let schema = resolve(document, schema);
    if schema["properties"].is_object() && schema["additionalProperties"] != json!(false) {
        found.push(place.to_owned());
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        open(document, field, &format!("{place}.{name}"), found);
    }
    if schema["items"].is_object() {
        open(document, &schema["items"], &format!("{place}[]"), found);
    }
}

#[test]
fn schemas_of_requests_are_closed() {
    let document = document();
    let mut found = Vec::new();
    for route in closed() {
        let schema = described(&document, route);
        if schema.is_null() {
            let operation = &document["paths"][route.path][route.method.to_lowercase()];
            assert!(operation.is_object() && operation["requestBody"].is_null(), "{}", route.path);
        } else {
            open(&document, schema, &format!("{} {}", route.method, route.path), &mut found);
        }
    }
    // A program's document is described by its own schema, at /program.schema.json.
    found.retain(|place| !place.contains(" /v1/programs/{id}"));
    // Senders of events may add fields.
    found.retain(|place| !place.starts_with("POST /v1/events.events[]"));
    assert_eq!(found, Vec::<String>::new());
}
