//! What the database refuses: every trigger is known by name, a lost race is tried again within bounds, and a violation
//! stops at once and is seen.

use crate::support::sqlite::migrations;
use crate::support::world::{World, at, now};
use manicule::base::time::UtcMillis;
use manicule::jobs;
use manicule::program::document::Cadence;
use manicule::service::account::recompute;
use manicule::service::error::{AppError, ErrorKind};
use manicule::service::overdue::is_undecided;
use manicule::service::settlement::settle;
use manicule::store::account::waiting::{WAITING_MAX, WaitingAccounts};
use manicule::store::guard::{Guard, INSERTED_BY_ANYONE};
use serde_json::{Value, json};
use std::collections::BTreeSet;

mod refused;

const AGENCY: &str = "agency-partner";
const SWEEP: &str = "*/10 * * * *";

/// The names in `RAISE(ABORT, 'guard:NAME')`.
fn raised(sql: &str) -> Vec<String> {
    sql.split("RAISE(")
        .skip(1)
        .filter_map(|rest| rest.strip_prefix("ABORT, '")?.split('\'').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_trigger_that_aborts_names_a_guard_and_every_guard_has_a_trigger() {
    let sql = migrations().concat();
    let named: BTreeSet<String> = raised(&sql).into_iter().collect();
    let known: BTreeSet<String> = Guard::ALL.iter().map(|guard| format!("guard:{}", guard.name())).collect();
    assert_eq!(named, known);
    // Nothing else raises, and no name is another one's beginning.
    let aborts = sql.matches("RAISE(").count() - sql.matches("RAISE(IGNORE)").count();
    assert_eq!(aborts, raised(&sql).len());
    assert_eq!(known.len(), Guard::ALL.len(), "a name is given once");
}

#[test]
fn tables_that_anyone_may_insert_into_exist_and_have_a_key() {
    let world = World::new(1);
    for table in INSERTED_BY_ANYONE {
        let sql = format!("SELECT COUNT(*) FROM pragma_index_list('{table}') WHERE [unique] = 1");
        assert!(world.db.number(&sql) > 0, "{table}");
    }
}
