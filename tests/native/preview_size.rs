//! Previews of any size: continued from request to request, in pages that add up, and to the cent what the run then does.

use crate::support::world::{World, at, now};
use manicule::base::ids::PreviewId;
use manicule::base::time::{Month, UtcMillis};
use manicule::codec::operator::DryRunRequest;
use manicule::engine::settlement::schedule;
use manicule::jobs;
use manicule::program::document::Cadence;
use manicule::service::preview;
use manicule::service::program::dry_run;
use manicule::service::settlement::preview::RunPreview;
use manicule::service::settlement::settle::Due;
use manicule::store::preview as rows;
use manicule::store::preview::PreviewState;
use manicule::store::program;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const AGENCY: &str = "agency-partner";
const RUN_AT: &str = "2026-06-01T06:00:00Z";

/// Partners with clients that signed up over four months, five a month, each with two invoices.
fn business(partners: usize, clients: usize) -> World {
    let world = World::new(21);
    for p in 0..partners {
        let name = format!("p{p}");
        let (_, code) = world.partner(at("2026-01-01T00:00:00Z"), AGENCY, &name, &format!("{name}@a.example")).unwrap();
        for c in 0..clients {
            let account = format!("c{:05}", (p * clients + c) * 7_919 % 100_003);
            let month = 1 + c / 5 % 4;
            let event = |id: String, kind: &str, day: usize, rest: Value| {
                let mut body = rest;
                (body["id"], body["type"]) = (json!(id), json!(kind));
                body["occurred_at"] = json!(format!("2026-{month:02}-{day:02}T00:00:00Z"));
                body["account"] = json!({"id": account});
                world.take(at("2026-05-20T00:00:00Z"), &body, None).expect("it is accepted");
            };
            event(format!("s{account}"), "account.signed_up", 1 + c % 5, json!({"attribution": {"code": code}}));
            for n in 0..2 {
                let cents = 10_000 + (p * 13 + c * 7 + n) as i64;
                let rest = json!({"amount": {"cents": cents, "currency": "usd"}, "data": {"invoice_id": format!("in{n}{account}")}});
                event(format!("i{n}{account}"), "invoice.paid", 10 + n, rest);
            }
        }
    }
    world
}

fn due() -> Due {
    let (cadence, as_of) = (Cadence::Monthly, at(RUN_AT));
    Due { program: AGENCY.into(), cadence, period: schedule::period_before(cadence, as_of), as_of }
}

fn begun(world: &World) -> PreviewState {
    let ctx = world.at(at(RUN_AT));
    let catalog = now(ctx.read(program::programs())).unwrap();
    now(preview::start(&ctx, RunPreview::begin(&catalog, &due(), None).unwrap())).unwrap()
}

fn by_partner(rows: &Value, cents: &str) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for row in rows.as_array().unwrap() {
        *sums.entry(row["partner"].as_str().unwrap().to_owned()).or_default() += row[cents].as_i64().unwrap();
    }
    sums
}

/// Sums by partner, without those of nothing.
fn summed(world: &World, sql: &str) -> BTreeMap<String, i64> {
    let rows = world.db.look(sql);
    let row = |r: &serde_json::Map<String, Value>| Some((r["partner"].as_str()?.to_owned(), r["cents"].as_i64()?));
    rows.iter().filter_map(row).filter(|(_, cents)| *cents != 0).collect()
}

fn tables(world: &World) -> Vec<i64> {
    ["transfer", "accrual", "run", "run_item", "binding", "partner_modifier", "cap_reduction", "event"]
        .map(|table| world.db.number(&format!("SELECT COUNT(*) FROM {table}")))
        .into()
}

#[test]
fn thousands_of_accounts_are_previewed_over_many_requests_and_the_run_does_the_same_to_the_cent() {
    let world = business(150, 20);
    assert_eq!(world.db.number("SELECT COUNT(*) FROM account"), 3_000);
    let (before, standing) = (tables(&world), world.db.look("SELECT MAX(rowid) AS last FROM transfer"));
    world.statements_max.set(Some(50));
    world.db.most.set(0);
    let started = begun(&world);
    let (shown, requests) = world.all_pages(at(RUN_AT), &started.id, &["grants", "terms", "vests"], 40);
    println!("3,000 accounts: {requests} requests of 50 statements");
    assert!(requests >= 20 && world.db.most.get() <= 50, "{requests} requests, {}", world.db.most.get());
    assert_eq!((shown["accounts"].as_i64(), shown["complete"].as_bool()), (Some(3_000), Some(true)));
    assert_eq!((tables(&world), world.db.look("SELECT MAX(rowid) AS last FROM transfer")), (before, standing));
    let accrued = "SELECT partner_id AS partner, SUM(net_cents) AS cents FROM accrual GROUP BY partner_id";
    let was = summed(&world, accrued);
    world.statements_max.set(Some(1_000));
    world.run(Cadence::Monthly, at(RUN_AT)).unwrap();
    let vested = summed(
        &world,
        "SELECT partner_id AS partner, SUM(posted_cents) AS cents FROM run_item WHERE kind = 'vest' GROUP BY partner_id",
    );
    assert_eq!(by_partner(&shown["vests"], "cents"), vested);
    let mut changed = summed(&world, accrued);
    for (partner, cents) in was {
        *changed.entry(partner).or_default() -= cents;
    }
    changed.retain(|_, cents| *cents != 0);
    assert_eq!(by_partner(&shown["terms"], "difference_cents"), changed);
    assert!(vested.len() == 150 && !changed.is_empty());

    // A dry run of the same size: what it would have paid is what was paid, partner by partner.
    world.statements_max.set(Some(50));
    let asked = DryRunRequest {
        document: None,
        from: Month::parse("2026-01").unwrap().start(),
        to: Month::parse("2026-05").unwrap().end(),
    };
    let Ok(started) = now(dry_run::start(&world.at(at("2026-06-02T00:00:00Z")), &AGENCY.into(), &asked)) else {
        panic!("it is refused")
    };
    let (shown, requests) = world.all_pages(at("2026-06-02T00:00:00Z"), &started, &["rows"], 100);
    println!("a dry run of them: {requests} requests");
    assert!(shown["rows"].as_array().unwrap().iter().all(|row| row["difference_cents"] == 0));
    assert_eq!(by_partner(&shown["rows"], "simulated_net_cents"), summed(&world, accrued));
    assert_eq!(shown["totals"][0]["net_cents"], shown["simulated_net_cents"]);
}

/// A preview with pages of so many accounts, computed at once.
fn with_pages_of(world: &World, accounts: i64) -> (Value, Value, Value) {
    let ctx = world.at(at(RUN_AT));
    let state = begun(world);
    let catalog = now(ctx.read(program::programs())).unwrap();
    let subject = preview::subject_of(&catalog, &state).unwrap();
    let mut state = state;
    while !state.is_finished() {
        state = now(preview::advance(&world.at(at(RUN_AT)), &*subject, state, accounts)).unwrap();
    }
    let shown = now(preview::view(&world.at(at(RUN_AT)), &*subject, &state, ("", 200))).unwrap();
    (shown["terms"].clone(), shown["vests"].clone(), shown["totals"].clone())
}

#[test]
fn the_size_of_a_page_changes_nothing() {
    let world = business(6, 12);
    let whole = with_pages_of(&world, 1_000);
    assert!(!whole.0.as_array().unwrap().is_empty() && !whole.1.as_array().unwrap().is_empty(), "{whole:?}");
    for accounts in [1, 7, 71, 72, 73] {
        assert_eq!(with_pages_of(&world, accounts), whole, "pages of {accounts}");
    }
}

#[test]
fn requests_that_continue_the_same_preview_at_once_count_each_account_once() {
    let world = business(4, 10);
    let expected = with_pages_of(&world, 1_000);
    let catalog = now(world.at(at(RUN_AT)).read(program::programs())).unwrap();
    let mut state = begun(&world);
    let subject = preview::subject_of(&catalog, &state).unwrap();
    // Each request starts from a state that the other one has left behind.
    world.statements_max.set(Some(60));
    let mut left_behind = state.clone();
    for _ in 0..60 {
        let next = now(preview::advance(&world.at(at(RUN_AT)), &*subject, left_behind, 9)).unwrap();
        (left_behind, state) = (state, next);
    }
    assert!(state.is_finished());
    let shown = now(preview::view(&world.at(at(RUN_AT)), &*subject, &state, ("", 200))).unwrap();
    assert_eq!((shown["terms"].clone(), shown["vests"].clone(), shown["totals"].clone()), expected);
    assert_eq!(shown["accounts"], 40);
}

#[test]
fn a_preview_is_kept_for_a_day_and_nothing_of_it_stays() {
    let world = business(2, 5);
    let state = begun(&world);
    world.all_pages(at(RUN_AT), &state.id, &["vests"], 10);
    let left = |world: &World| {
        ["preview", "preview_referral", "preview_modifier", "preview_room", "preview_row"]
            .map(|table| world.db.number(&format!("SELECT COUNT(*) FROM {table}")))
    };
    assert!(left(&world)[0] == 1 && left(&world)[4] > 0);
    let sweep = |when: UtcMillis| now(jobs::run(&world.at(when), "*/10 * * * *", when)).unwrap();
    sweep(at(RUN_AT).plus_days(1));
    assert_eq!(left(&world)[0], 1);
    sweep(at(RUN_AT).plus_days(1).plus_ms(600_000));
    assert_eq!(left(&world), [0; 5]);
    let gone = now(preview::show(&world.at(at(RUN_AT)), &state.id, None, ("", 10)));
    assert_eq!(gone.expect_err("it is gone").code, "not_found");
}

#[test]
fn a_cursor_is_one_of_ours_and_a_kind_has_its_own_address() {
    let world = business(1, 2);
    let state = begun(&world);
    let asked = |cursor: &str, kind: Option<&str>| {
        now(preview::show(&world.at(at(RUN_AT)), &state.id, kind, (cursor, 10))).map_err(|error| error.code)
    };
    assert!(asked("", Some("run")).is_ok());
    assert_eq!(asked("soon", None).err(), Some("malformed"));
    assert_eq!(asked("", Some("draft")).err(), Some("not_found"));
    let none = now(preview::show(&world.at(at(RUN_AT)), &PreviewId::from("prv_none"), None, ("", 10)));
    assert_eq!(none.expect_err("there is none").code, "not_found");
}

#[test]
fn accounts_with_many_events_come_in_smaller_pages() {
    let world = business(1, 6);
    let state = begun(&world);
    let ctx = world.at(at(RUN_AT));
    // Three events each.
    for (facts, found) in [(1, 1), (6, 2), (9, 3), (100, 5)] {
        let page = now(ctx.read(rows::group_page(&state, 5, facts, true))).unwrap();
        assert_eq!((page.len(), page[0].found), (found, 6), "{facts} events");
    }
}
