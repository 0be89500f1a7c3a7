//! Row numbers that are no column: an export or a VACUUM gives other ones, so nothing may depend on them.

use crate::support::sqlite::Sqlite;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Tables whose rows have hidden numbers. Their rows are found by keys and ordered by columns. What depends on the order in
/// which rows were written has a column for it (`seq`), and what is written often and in large numbers has no row numbers.
const HIDDEN: &[&str] = &[
    "adjustment",
    "api_token",
    "audit",
    "ban_kept",
    "cap_reduction",
    "credit_question",
    "credit_transfer",
    "event_person",
    "heartbeat",
    "idempotency",
    "job_cursor",
    "kept_report",
    "leaderboard",
    "magic_link",
    "partner_modifier",
    "partner_person",
    "payee",
    "payee_closed",
    "payout",
    "payout_approval",
    "payout_return",
    "payout_reversal",
    "preview",
    "program_version",
    "promotion_code",
    "promotion_coupon",
    "redemption",
    "redemption_return",
    "reported_transfer",
    "resource",
    "revenue_span",
    "review",
    "reward_budget",
    "run",
    "run_partner",
    "session",
    "stripe_customer",
    "stripe_customer_person",
    "stripe_event",
    "stripe_fact",
    "stripe_payment",
    "stripe_payment_fact",
    "stripe_platform",
    "stripe_waiting",
    "suspension",
    "unsubscribe",
    "webhook_endpoint",
];

/// Sources that name row numbers of such tables, and why they may.
const NAMED: &[(&str, &str)] = &[
    ("src/store/accrual/modifiers.rs", "selects and deletes in one statement"),
    ("src/store/retention.rs", "selects and deletes in one statement"),
    ("src/store/person/copy.rs", "pages of one answer"),
];

/// Sources that name the row numbers of tables with a column for them, by SQLite's name.
const NUMBERED: &[&str] = &[
    "src/store/attribution/search.rs",
    "src/store/credit/webhook.rs",
    "src/store/event/mod.rs",
    "src/store/ledger/mod.rs",
    "src/store/message/delivery.rs",
    "src/store/message/outbox.rs",
    "src/store/partner/page.rs",
    "src/store/report/lists.rs",
    "src/store/report/operator.rs",
    "src/store/report/payout.rs",
];

#[test]
fn a_table_with_hidden_row_numbers_is_named_here() {
    let sqlite = Sqlite::new();
    let connection = sqlite.connection.borrow();
    let sql = "SELECT l.name FROM pragma_table_list l WHERE l.schema = 'main' AND l.type = 'table' AND l.wr = 0 AND l.name NOT LIKE 'sqlite_%'
       AND (SELECT COUNT(*) FROM pragma_table_xinfo(l.name) c WHERE c.pk > 0 AND c.type = 'INTEGER'
         AND (SELECT COUNT(*) FROM pragma_table_xinfo(l.name) k WHERE k.pk > 0) = 1) = 0";
    let mut statement = connection.prepare(sql).expect("a statement");
    let found: BTreeSet<String> =
        statement.query_map([], |row| row.get(0)).expect("tables").map(|name| name.expect("a name")).collect();
    assert_eq!(found, HIDDEN.iter().map(|name| (*name).to_owned()).collect());
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "sql") {
            found.push(path);
        }
    }
}

#[test]
fn row_numbers_are_named_where_they_stay() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    sources(&root.join("src"), &mut paths);
    sources(&root.join("migrations"), &mut paths);
    let mut named = BTreeSet::new();
    for path in &paths {
        let text = fs::read_to_string(path).expect("a text").to_lowercase().replace("without rowid", "");
        if ["rowid", "_rowid_", " oid"].iter().any(|name| text.contains(name)) {
            named.insert(path.strip_prefix(root).expect("below it").to_string_lossy().into_owned());
        }
    }
    let known = NAMED.iter().map(|(path, _)| *path).chain(NUMBERED.iter().copied()).map(str::to_owned).collect();
    assert_eq!(named, known);
}
