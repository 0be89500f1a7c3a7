//! Whether statements scan tables that grow with the business, according to SQLite's own plan.

use rusqlite::Connection;

/// Tables with a row for each event of the business.
pub const GROWING: [&str; 36] = [
    "transfer",
    "event",
    "event_person",
    "partner_person",
    "accrual",
    "account",
    "binding",
    "ledger_account",
    "partner",
    "payout",
    "payout_reversal",
    "payout_accrual",
    "payout_return",
    "run_item",
    "run_partner",
    "outbox",
    "click",
    "link_day",
    "earned_day",
    "redemption",
    "redemption_return",
    "credit_transfer",
    "leaderboard",
    "link",
    "revenue_span",
    "partner_modifier",
    "cap_reduction",
    "partner_total",
    "invoice_status",
    "review",
    "adjustment",
    "suspension",
    "ban_kept",
    "delivery",
    "audit",
    "funnel_event",
];

/// Indexes that cover only unfinished work, bans, and what operators do message by message. They hold few rows, however many
/// the table has.
const QUEUES: [&str; 7] = [
    "account_stale",
    "account_refused",
    "adjustment_requested",
    "audit_replay",
    "partner_banned",
    "reported_transfer_open",
    "run_open",
];

/// The steps of SQLite's plan for a statement.
pub fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a statement");
    let mut rows = explained.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().expect("a plan") {
        steps.push(row.get("detail").expect("a text"));
    }
    steps
}

/// The tables in this list that a statement scans in full.
pub fn scanned(connection: &Connection, sql: &str) -> Vec<String> {
    scanned_of(&GROWING, connection, sql)
}

/// The same of other tables.
pub fn scanned_of(tables: &[&str], connection: &Connection, sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    for step in plan(connection, sql) {
        let is_queue = step.rsplit(' ').next().is_some_and(|index| QUEUES.contains(&index));
        if let Some(name) = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next()).filter(|_| !is_queue) {
            found.extend(
                tables.iter().filter(|table| is_called(sql, table, name)).map(|table| format!("{table}: {step}")),
            );
        }
    }
    found
}

/// Whether a statement uses the table under this name.
pub fn is_called(sql: &str, table: &str, name: &str) -> bool {
    let mut spaced = String::new();
    for c in sql.chars() {
        let is_word = c.is_ascii_alphanumeric() || c == '_';
        spaced.push_str(&if is_word { c.to_string() } else { format!(" {c} ") });
    }
    let words: Vec<&str> = spaced.split_whitespace().collect();
    table == name
        || words.windows(2).any(|pair| pair == [table, name])
        || words.windows(3).any(|three| three == [table, "AS", name])
}
