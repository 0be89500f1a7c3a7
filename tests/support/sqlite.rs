//! The database port on SQLite, with D1's behavior: integers are bound as REAL, a batch is one transaction, and
//! integers come back as numbers.

use manicule::store::port::{Allowance, Db, DbError, Rows, Stmt, Value};
use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, ErrorCode, StatementStatus};
use serde_json::{Map, Value as Json};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

/// What happens to one call of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It returns an error, and nothing was written.
    Before,
    /// It returns an error, but everything was written.
    AfterCommit,
}

thread_local! {
    /// Steps of SQLite's virtual machine so far: a measure of the work of statements, without a clock.
    pub static STEPS: Cell<i64> = const { Cell::new(0) };
}

/// What another request does.
pub type Meanwhile = Box<dyn FnOnce()>;

pub struct Sqlite {
    pub connection: RefCell<Connection>,
    /// Calls so far.
    pub calls: Cell<u64>,
    /// The fault of the call with this number.
    pub fault: Cell<Option<(u64, Fault)>>,
    pub statements: Cell<u64>,
    /// What the current invocation may still send, as the Worker's port counts it.
    pub allowance: RefCell<Option<Allowance>>,
    /// The most statements that one invocation has sent so far.
    pub most: Cell<u64>,
    /// What another request does right before the call with this number.
    pub meanwhile: RefCell<Option<(u64, Meanwhile)>>,
    /// The texts of statements, recorded once a test asks for them.
    pub heard: RefCell<Option<BTreeSet<String>>>,
    /// The most steps that one execution of each statement took, recorded once a test asks for them.
    pub costs: RefCell<Option<BTreeMap<String, i64>>>,
}

impl Sqlite {
    /// A new database in memory with the migrations applied.
    pub fn new() -> Sqlite {
        let sqlite = Sqlite::of(Connection::open_in_memory().expect("an in-memory database opens"));
        for migration in migrations() {
            sqlite.connection.borrow().execute_batch(&migration).expect("the migration applies");
        }
        sqlite
    }

    /// A database that already has its tables, such as that of a stopped Worker.
    pub fn of(connection: Connection) -> Sqlite {
        // Configured like D1: double quotes are for names only, and foreign keys are enforced.
        connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DQS_DML, false).expect("a setting");
        connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DQS_DDL, false).expect("a setting");
        connection.pragma_update(None, "foreign_keys", true).expect("a pragma");
        // One plan per statement, whatever its parameters: without this, other parameters mean preparing it again.
        connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).expect("a setting");
        // The product's statements and the auditor's, each prepared once.
        connection.set_prepared_statement_cache_capacity(256);
        Sqlite {
            connection: RefCell::new(connection),
            calls: Cell::new(0),
            fault: Cell::new(None),
            statements: Cell::new(0),
            allowance: RefCell::default(),
            most: Cell::new(0),
            meanwhile: RefCell::new(None),
            heard: RefCell::new(None),
            costs: RefCell::new(None),
        }
    }

    /// Starts a new invocation, which may send `max` statements; `None`: no limit.
    pub fn invocation(&self, max: Option<u64>) {
        *self.allowance.borrow_mut() = max.map(Allowance::new);
    }

    /// Deducts statements from the invocation's allowance.
    pub fn take(&self, statements: usize) -> Result<(), DbError> {
        let Some(allowance) = &*self.allowance.borrow() else { return Ok(()) };
        allowance.take(statements)?;
        self.most.set(self.most.get().max(allowance.max() - allowance.left()));
        Ok(())
    }

    /// Rows of a query, bypassing the port, for tests that inspect the ledger.
    pub fn look(&self, sql: &str) -> Vec<Map<String, Json>> {
        run(&self.connection.borrow(), &Stmt::new(sql.to_owned())).expect("a query of the test")
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.look(sql)[0].values().next().and_then(Json::as_i64).expect("a number")
    }
}

impl Db for Sqlite {
    async fn batch(&self, statements: Vec<Stmt>) -> Result<Vec<Rows>, DbError> {
        self.take(statements.len())?;
        let call = self.calls.get();
        self.calls.set(call + 1);
        let meanwhile = self.meanwhile.borrow_mut().take_if(|(at, _)| *at == call);
        if let Some((_, happens)) = meanwhile {
            happens();
        }
        self.statements.set(self.statements.get() + statements.len() as u64);
        let fault = self.fault.get().filter(|(at, _)| *at == call).map(|(_, fault)| fault);
        if fault == Some(Fault::Before) {
            return Err(DbError::Unavailable("injected: nothing was written".to_owned()));
        }
        let mut connection = self.connection.borrow_mut();
        let transaction = connection.transaction().map_err(classify)?;
        let mut answers = Vec::with_capacity(statements.len());
        for statement in &statements {
            if let Some(heard) = self.heard.borrow_mut().as_mut() {
                heard.insert(statement.sql.to_string());
            }
            let before = STEPS.get();
            answers.push(Rows(run(&transaction, statement)?));
            if let Some(costs) = self.costs.borrow_mut().as_mut() {
                let most = costs.entry(statement.sql.to_string()).or_default();
                *most = (*most).max(STEPS.get() - before);
            }
        }
        transaction.commit().map_err(classify)?;
        if fault == Some(Fault::AfterCommit) {
            return Err(DbError::Unavailable("injected: it was written all the same".to_owned()));
        }
        Ok(answers)
    }

    fn allowance(&self) -> Option<Allowance> {
        self.allowance.borrow().clone()
    }
}

/// The migrations in order.
pub fn migrations() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("migrations/").map(|f| f.expect("a file").path()).collect();
    files.sort();
    files.iter().map(|f| std::fs::read_to_string(f).expect("a migration")).collect()
}

pub fn run(connection: &Connection, statement: &Stmt) -> Result<Vec<Map<String, Json>>, DbError> {
    let mut prepared = connection.prepare_cached(&statement.sql).map_err(|e| match classify(e) {
        DbError::Fault(why) => DbError::Fault(format!("{why}: {}", statement.sql)),
        other => other,
    })?;
    let names: Vec<String> = prepared.column_names().iter().map(|n| (*n).to_owned()).collect();
    let params = statement.params.iter().map(|value| match value {
        Value::Null => Sql::Null,
        Value::Int(n) => {
            assert!(n.unsigned_abs() < 1 << 53, "{n} does not fit into D1");
            Sql::Real(*n as f64)
        }
        Value::Text(text) => Sql::Text(text.clone()),
    });
    let mut rows = prepared.query(rusqlite::params_from_iter(params)).map_err(classify)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next().map_err(classify)? {
        let mut map = Map::new();
        for (i, name) in names.iter().enumerate() {
            let value = match row.get_ref(i).map_err(classify)? {
                ValueRef::Null => Json::Null,
                ValueRef::Integer(n) => Json::from(n),
                // JavaScript numbers make no difference: a whole REAL comes back as an integer.
                ValueRef::Real(x) if x.fract() == 0.0 && x.abs() < 9e15 => Json::from(x as i64),
                ValueRef::Real(x) => Json::from(x),
                ValueRef::Text(text) => Json::from(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(_) => return Err(DbError::Fault("a blob".to_owned())),
            };
            map.insert(name.clone(), value);
        }
        out.push(map);
    }
    drop(rows);
    STEPS.set(STEPS.get() + i64::from(prepared.reset_status(StatementStatus::VmStep)));
    Ok(out)
}

pub fn classify(error: rusqlite::Error) -> DbError {
    match &error {
        rusqlite::Error::SqliteFailure(e, _) if e.code == ErrorCode::ConstraintViolation => {
            DbError::of(error.to_string())
        }
        _ => match DbError::of(error.to_string()) {
            missing @ DbError::NoSchema(_) => missing,
            _ => DbError::Fault(error.to_string()),
        },
    }
}
