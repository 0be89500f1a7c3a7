#[allow(dead_code)]
mod support;
use manicule::base::time::UtcMillis;
use manicule::flow::context::{Context, Ports};
use manicule::store::port::Value;
use manicule::store::port::{Db, DbError, Rows, Stmt};
use rusqlite::Connection;
use rusqlite::ErrorCode;
use rusqlite::types::{Value as Sql, ValueRef};
use serde_json::{Map, Value as Json};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Instant;
use support::sqlite::Sqlite;

struct Timed {
    inner: Sqlite,
    per: RefCell<HashMap<String, (u64, f64, usize)>>,
    sql: Cell<f64>,
}
impl Db for Timed {
    async fn batch(&self, statements: Vec<Stmt>) -> Result<Vec<Rows>, DbError> {
        let t0 = Instant::now();
        self.inner.connection.borrow().execute_batch("BEGIN").unwrap();
        let mut out = Vec::new();
        for s in statements {
            let t = Instant::now();
            let rows = run(&self.inner.connection.borrow(), &s).map(Rows);
            let d = t.elapsed().as_secs_f64() * 1e3;
            let key = s.sql.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(110).collect::<String>();
            let mut per = self.per.borrow_mut();
            let e = per.entry(key).or_default();
            e.0 += 1;
            e.1 += d;
            e.2 += rows.as_ref().map_or(0, |r| r.0.len());
            match rows {
                Ok(r) => out.push(r),
                Err(e) => {
                    self.inner.connection.borrow().execute_batch("ROLLBACK").unwrap();
                    return Err(e);
                }
            }
        }
        self.inner.connection.borrow().execute_batch("COMMIT").unwrap();
        self.sql.set(self.sql.get() + t0.elapsed().as_secs_f64() * 1e3);
        Ok(out)
    }
}
struct W {
    db: Timed,
}
impl Ports for W {
    type Db = Timed;
    fn db(&self) -> &Timed {
        &self.db
    }
    fn random(&self, b: &mut [u8]) {
        b.fill(7)
    }
    async fn pause(&self, _: u32) {}
}

#[test]
fn profile() {
    let src = std::env::var("PROFILE_DB").unwrap();
    let tmp = "/tmp/mb/prof.sqlite";
    for e in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{tmp}{e}"));
    }
    for e in ["", "-wal", "-shm"] {
        let _ = std::fs::copy(format!("{src}{e}"), format!("{tmp}{e}"));
    }
    let c = Connection::open(tmp).unwrap();
    c.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA foreign_keys=ON;").unwrap();
    if let Ok(x) = std::env::var("CACHE") {
        c.execute_batch(&format!("PRAGMA cache_size=-{x}")).unwrap();
    }
    c.set_prepared_statement_cache_capacity(256);
    let inner =
        Sqlite { connection: RefCell::new(c), calls: Cell::new(0), fault: Cell::new(None), statements: Cell::new(0) };
    let w = W { db: Timed { inner, per: Default::default(), sql: Cell::new(0.0) } };
    let at = UtcMillis(std::env::var("PROFILE_AT").unwrap().parse().unwrap());
    let t = Instant::now();
    let mut cron = "0 6 1 * *";
    loop {
        let ctx = Context::new(&w, UtcMillis(at.0 + 200 * 86400000), "cron");
        futures_executor::block_on(manicule::jobs::run(&ctx, cron, at)).unwrap();
        cron = "*/10 * * * *";
        if w.db.inner.number("SELECT COUNT(*) FROM run WHERE state<>'done'") == 0 {
            break;
        }
    }
    let total = t.elapsed().as_secs_f64() * 1e3;
    println!("TOTAL {total:.0} ms, batches {:.0} ms, rust {:.0} ms", w.db.sql.get(), total - w.db.sql.get());
    println!("CENTS {:?} {:?} f {} stale {}", w.db.inner.look("SELECT COUNT(*) n,SUM(net_cents) c,SUM(IIF(bucket='available',net_cents,0)) v,SUM(earned_cents) e,SUM(postings) p FROM accrual"), w.db.inner.look("SELECT COUNT(*) n,SUM(amount_cents) a FROM transfer"), w.db.inner.number("SELECT COUNT(*) FROM ledger_fault"), w.db.inner.number("SELECT COUNT(*) FROM account WHERE stale_since_ms IS NOT NULL"));
    let mut per: Vec<_> = w.db.per.borrow().clone().into_iter().collect();
    per.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
    for (k, (n, ms, rows)) in per.iter().take(30) {
        println!("{ms:7.0} ms {n:4} {rows:7} rows  {k}");
    }
}

fn run(connection: &Connection, statement: &Stmt) -> Result<Vec<Map<String, Json>>, DbError> {
    let mut prepared =
        connection.prepare_cached(&statement.sql).map_err(|e| DbError::Fault(format!("{e}: {}", statement.sql)))?;
    let names: Vec<String> = prepared.column_names().iter().map(|n| (*n).to_owned()).collect();
    let params = statement.params.iter().map(|value| match value {
        Value::Null => Sql::Null,
        Value::Int(n) => Sql::Real(*n as f64),
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
                // A JavaScript number knows no difference: a whole REAL comes back as an integer.
                ValueRef::Real(x) if x.fract() == 0.0 && x.abs() < 9e15 => Json::from(x as i64),
                ValueRef::Real(x) => Json::from(x),
                ValueRef::Text(text) => Json::from(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(_) => return Err(DbError::Fault("a blob".to_owned())),
            };
            map.insert(name.clone(), value);
        }
        out.push(map);
    }
    Ok(out)
}

fn classify(error: rusqlite::Error) -> DbError {
    match &error {
        rusqlite::Error::SqliteFailure(e, _) if e.code == ErrorCode::ConstraintViolation => {
            DbError::Guard(error.to_string())
        }
        _ => DbError::Fault(error.to_string()),
    }
}
