//! A database without its tables: every request is asked to retry later, and nothing is reported as an error of ours.

use crate::support::sqlite::Sqlite;
use crate::support::world::{World, at, now};
use manicule::http::auth::hex_sha256;
use manicule::http::config::Config;
use manicule::http::context::RequestContext;
use manicule::http::exchange::{Request, Response};
use manicule::http::route;
use manicule::http::route::ROUTES;
use manicule::jobs;
use manicule::pages;
use manicule::service::error::ErrorKind;
use rusqlite::Connection;
use serde_json::Value;

const WHEN: &str = "2026-05-01T06:00:00Z";

fn empty() -> World {
    World::on(Sqlite::of(Connection::open_in_memory().expect("a database")), 1)
}

fn config() -> Config {
    Config {
        operator_token_sha256: Some(hex_sha256(b"operator")),
        join_programs: vec!["agency-partner".into()],
        ..Config::default()
    }
}

fn request(method: &str, path: &str, (name, value): (&str, &str)) -> Request {
    Request {
        method: method.to_owned(),
        path: path.replace(['{', '}'], ""),
        origin: "https://ref.example".to_owned(),
        headers: vec![(name.to_owned(), value.to_owned())],
        body: if method == "GET" { Vec::new() } else { b"{}".to_vec() },
        ..Request::default()
    }
}

/// Whether the response asks to retry, in the form that clients understand.
fn asks_to_retry(response: &Response) -> bool {
    response.status == 503 && response.headers.iter().any(|(name, value)| *name == "retry-after" && !value.is_empty())
}

#[test]
fn every_url_asks_to_retry_later() {
    let (world, config) = (empty(), config());
    let app = RequestContext { site: &world, config: &config, now: at(WHEN) };
    let mut missing = 0;
    for route in ROUTES {
        world.request(at(WHEN));
        let asked = request(route.method, route.path, ("authorization", "Bearer operator"));
        let response = now(route::answer(&app, &asked)).expect("an address of ours");
        let name = format!("{} {}: {}", route.method, route.path, String::from_utf8_lossy(&response.body));
        assert_ne!(response.status, 500, "{name}");
        let said: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        if said["code"] == "schema_missing" {
            assert!(asks_to_retry(&response), "{name}");
            missing += 1;
        }
    }
    assert!(missing >= 20, "{missing} addresses came to the database");
}

#[test]
fn every_page_asks_to_retry_later() {
    let (world, config) = (empty(), config());
    let app = RequestContext { site: &world, config: &config, now: at(WHEN) };
    let session = format!("__Host-manicule_session={}.", "0f".repeat(32));
    for path in ["/operator", "/operator/runs", "/partner", "/partner/join"] {
        world.request(at(WHEN));
        let response = now(pages::route::answer(&app, &request("GET", path, ("cookie", &session)))).expect("a page");
        assert!(asks_to_retry(&response), "{path}: {}", response.status);
    }
}

#[test]
fn health_says_what_is_missing() {
    let (world, config) = (empty(), config());
    let app = RequestContext { site: &world, config: &config, now: at(WHEN) };
    let asked = request("GET", "/healthz", ("authorization", "Bearer operator"));
    let response = now(route::answer(&app, &asked)).expect("an address of ours");
    let said: Value = serde_json::from_slice(&response.body).expect("JSON");
    assert_eq!(response.status, 503);
    assert_eq!(
        said["schema"]["missing"].as_array().map(Vec::len),
        said["schema"]["expected"].as_u64().map(|n| n as usize)
    );
}

#[test]
fn cron_recovers_on_its_own() {
    let world = empty();
    for trigger in ["0 9 * * MON", "0 6 1 * *", "*/10 * * * *"] {
        let error = now(jobs::run(&world.at(at(WHEN)), trigger, at(WHEN))).expect_err("nothing can be done");
        assert_eq!((error.kind, error.code), (ErrorKind::Transient, "schema_missing"), "{trigger}");
    }
}
