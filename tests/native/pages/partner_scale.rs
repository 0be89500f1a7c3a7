//! Pages of a partner with 100,000 accruals open as fast as those of a partner with a few hundred.

use super::partner_books::{AGENCY, Books};
use crate::support::scan::scanned;
use crate::support::sqlite::STEPS;
use std::collections::BTreeMap;

/// Ann's accruals with numbers in a range, five per client, with their ledger rows. One in ten is in each of the rarer
/// states.
fn stuff(books: &Books, from: i64, to: i64) {
    let (ann, code) = &books.ann;
    let start = crate::support::world::at("2026-04-01T00:00:00Z").0;
    let clients =
        format!("WITH RECURSIVE n(i) AS (SELECT {from} / 5 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {to} / 5)");
    let lines = format!("WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {to})");
    books.sql(&format!(
        "BEGIN;
         {clients} INSERT INTO account (id, revision, created_at_ms) SELECT 'x' || i, 1, 0 FROM n;
         {clients} INSERT INTO binding (account_id, group_id, program_id, partner_id, code, method, from_ms, signed_up_at_ms, signup_event_id, held, receipt, states, decided_at_ms)
           SELECT 'x' || i, 'aikit', '{AGENCY}', '{ann}', '{code}', 'code', 0, {start} + i * 60000, 'e' || i, 0,
             '{{\"group\":\"aikit\",\"binding\":null,\"considered\":[],\"reason\":\"\"}}', '[]', 0 FROM n;
         {lines} INSERT INTO accrual (id, program_id, program_version, reward_id, partner_id, account_id, event_id, source, at_ms, period, unit, gross_cents,
             cap_reduction_cents, net_cents, balance, funding_account, state, vests_at_ms, reason, postings)
           SELECT 'acr_' || printf('%09d', i), '{AGENCY}', 1, 'first-year', '{ann}', 'x' || (i / 5), 'e' || i, 'invoice:x' || i, {start} + i * 12000, '2026-04', 'cash:usd', 100,
             0, IIF(i % 10 = 1, 0, 100), IIF(i % 3 = 0, 'pending', 'available'), 'expense',
             IIF(i % 10 = 1, 'void', IIF(i % 10 = 2, 'held', IIF(i % 3 = 0, 'pending', 'available'))), 0, 'x', 1 FROM n;
         {lines} INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, program_id, event_id, reason, created_at_ms)
           SELECT 'acr_' || printf('%09d', i) || '.1', 'acr_' || printf('%09d', i), 'accrue', 'single', '{AGENCY}/cash:usd/expense', '{AGENCY}/cash:usd/pending/{ann}', 100,
             '{AGENCY}', 'e' || i, 'x', 0 FROM n;
         {lines} INSERT INTO click (id, code, program_id, partner_id, visitor, clicked_at_ms, hour, dedupe)
           SELECT 'k' || i, '{code}', '{AGENCY}', '{ann}', 'v' || i, {start} + i * 40000, ({start} + i * 40000) / 3600000, i FROM n;
         {lines} INSERT INTO link_day (partner_id, code, day, clicks)
           SELECT '{ann}', '{code}', ({start} + i * 40000) / 86400000, COUNT(*) FROM n WHERE true GROUP BY 3
           ON CONFLICT DO UPDATE SET clicks = clicks + excluded.clicks;
         COMMIT;"
    ));
}

/// The cost of each page: statements, and steps of SQLite's virtual machine.
fn costs(books: &Books, paths: &[String]) -> BTreeMap<String, (u64, i64)> {
    let browser = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let db = &books.fixture.world.db;
    paths
        .iter()
        .map(|path| {
            let (statements, steps) = (db.statements.get(), STEPS.get());
            let shown = browser.get(path);
            assert_eq!(shown.status, 200, "{path}: {}", shown.text());
            assert!(
                path.contains("qr.") || path.contains(".csv") || shown.html.len() < 60_000,
                "{path}: {} bytes",
                shown.html.len()
            );
            (path.clone(), (db.statements.get() - statements, STEPS.get() - steps))
        })
        .collect()
}

#[test]
fn a_hundred_thousand_accruals_cost_no_more_than_a_few_hundred() {
    let books = Books::new();
    let mut paths = books.pages_of_ann();
    paths.extend(["pending", "held", "void", "disputed"].map(|state| format!("/partner/earnings?state={state}")));
    paths.push("/partner/payouts.csv".to_owned());
    paths.push(format!("/partner/links/{}/qr.svg", books.spring));
    stuff(&books, 0, 1_000);
    // A late page of each list.
    let middle = crate::support::world::at("2026-04-01T00:30:00Z").0;
    paths.push(format!("/partner/earnings?cursor={middle}.z"));
    paths.push(format!("/partner/earnings?state=void&cursor={middle}.z"));
    paths.push(format!("/partner/clients?cursor={middle}.9"));
    let before = costs(&books, &paths);
    stuff(&books, 1_000, 100_000);
    let after = costs(&books, &paths);
    for (path, (statements, steps)) in &after {
        let (few_statements, few_steps) = before[path];
        println!("{path}: {statements} statements, {few_steps} steps, then {steps}");
        assert_eq!(*statements, few_statements, "{path}");
        assert!(*steps <= few_steps * 2 + 2_000, "{path}: {few_steps} steps became {steps}");
    }
}

#[test]
fn no_page_scans_a_growing_table() {
    let books = Books::new();
    let paths = books.pages_of_ann();
    let db = &books.fixture.world.db;
    *db.heard.borrow_mut() = Some(Default::default());
    costs(&books, &paths);
    let heard = db.heard.take().expect("it listened");
    assert!(heard.len() > 25, "{} statements", heard.len());
    let mut faults = Vec::new();
    for sql in &heard {
        for step in scanned(&db.connection.borrow(), sql) {
            faults.push(format!("{step}: {}", sql.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}
