//! D1 as the database port.

use crate::base::money::EXACT_MAX;
use crate::store::port::{Allowance, Db, DbError, Rows, Stmt, Value};
use js_sys::{Array, Error};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::{D1Database, Env};

#[wasm_bindgen(module = "/src/runtime/d1.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn d1_batch(database: &JsValue, statements: Array) -> Result<JsValue, JsValue>;
    fn d1_rows_read() -> f64;
    fn d1_rows_written() -> f64;
    fn d1_sql_ms() -> f64;
}

/// What D1 did for this isolate.
#[derive(Clone, Copy)]
pub struct Used {
    /// As it bills them.
    pub rows_read: f64,
    /// Those of indexes included.
    pub rows_written: f64,
    /// The time that D1 itself took for statements.
    pub sql_ms: f64,
}

impl Used {
    pub fn so_far() -> Used {
        Used { rows_read: d1_rows_read(), rows_written: d1_rows_written(), sql_ms: d1_sql_ms() }
    }

    /// What it did since then.
    pub fn since(self) -> Used {
        let now = Used::so_far();
        Used {
            rows_read: now.rows_read - self.rows_read,
            rows_written: now.rows_written - self.rows_written,
            sql_ms: now.sql_ms - self.sql_ms,
        }
    }
}

/// The database, limited to what one invocation may use.
pub struct D1 {
    database: D1Database,
    allowance: Allowance,
}

impl D1 {
    /// The binding `DB`, limited to this many statements.
    pub fn of(env: &Env, statements_max: u64) -> Result<D1, DbError> {
        let database = env.d1("DB").map_err(|why| DbError::Fault(why.to_string()))?;
        Ok(D1 { database, allowance: Allowance::new(statements_max) })
    }
}

impl Db for D1 {
    fn allowance(&self) -> Option<Allowance> {
        Some(self.allowance.clone())
    }

    async fn batch(&self, statements: Vec<Stmt>) -> Result<Vec<Rows>, DbError> {
        self.allowance.take(statements.len())?;
        let statements = statements.iter().map(statement).collect::<Result<Array, DbError>>()?;
        let answer = d1_batch(self.database.as_ref(), statements).await.map_err(|why| classify(&why))?;
        let text = answer.as_string().ok_or_else(|| DbError::Fault("D1 answered no text".to_owned()))?;
        let rows: Vec<_> = serde_json::from_str(&text).map_err(|why| DbError::Fault(why.to_string()))?;
        Ok(rows.into_iter().map(Rows).collect())
    }
}

/// `[sql, ...params]`.
fn statement(stmt: &Stmt) -> Result<Array, DbError> {
    let parts = Array::of1(&JsValue::from_str(&stmt.sql));
    for value in &stmt.params {
        parts.push(&match value {
            Value::Null => JsValue::NULL,
            Value::Int(number) if (-EXACT_MAX..=EXACT_MAX).contains(number) => JsValue::from_f64(*number as f64),
            Value::Int(number) => return Err(DbError::Fault(format!("{number} does not fit into D1"))),
            Value::Text(text) => JsValue::from_str(text),
        });
    }
    Ok(parts)
}

/// D1 reports errors only as English text, with SQLite's part in the error's cause.
fn classify(thrown: &JsValue) -> DbError {
    let message = |value: &JsValue| value.dyn_ref::<Error>().map(|error| String::from(error.message()));
    let mut why = message(thrown).unwrap_or_else(|| format!("{thrown:?}"));
    if let Some(cause) = thrown.dyn_ref::<Error>().and_then(|error| message(&error.cause()))
        && !why.contains(&cause)
    {
        why = format!("{why}: {cause}");
    }
    DbError::of(why)
}
