//! Several reads in one statement: D1 counts statements, and each has its own cost.

use crate::store::port::{DbError, Rows, Stmt};
use crate::store::query::{Answers, Reads};
use serde_json::Value as Json;

/// D1 takes five terms of a compound statement.
pub const PARTS_MAX: usize = 5;

/// Reads that are sent as one statement, and the columns that each of them has.
pub struct Together<R> {
    columns: &'static [&'static str],
    reads: R,
}

/// `columns`: of each statement of the reads, separated by commas.
pub fn together<R: Reads>(columns: &'static [&'static str], reads: R) -> Together<R> {
    Together { columns, reads }
}

impl<R: Reads> Reads for Together<R> {
    type Rows = R::Rows;
    type Shape = (R::Shape, usize);

    fn send(self, statements: &mut Vec<Stmt>) -> Self::Shape {
        let mut parts = Vec::new();
        let shape = self.reads.send(&mut parts);
        debug_assert!(parts.len() == self.columns.len() && parts.len() <= PARTS_MAX, "columns of every part");
        let count = parts.len();
        statements.push(joined(self.columns, parts));
        (shape, count)
    }

    fn take((shape, count): Self::Shape, answers: &mut Answers) -> Result<R::Rows, DbError> {
        R::take(shape, &mut separated(answers, count)?.into_iter())
    }
}

fn joined(columns: &[&str], parts: Vec<Stmt>) -> Stmt {
    let mut all = Stmt::new(String::new());
    let mut terms = Vec::new();
    for (part, (columns, statement)) in columns.iter().zip(parts).enumerate() {
        let pairs: Vec<String> = columns.split(", ").map(|column| format!("'{column}', {column}")).collect();
        let sql = renumbered(&statement.sql, all.params.len());
        terms.push(format!("SELECT {part} AS part, json_object({}) AS row FROM ({sql})", pairs.join(", ")));
        all.params.extend(statement.params);
    }
    Stmt { sql: terms.join(" UNION ALL ").into(), ..all }
}

/// The statement with its parameters counted from after `offset` others.
fn renumbered(sql: &str, offset: usize) -> String {
    let mut parts = sql.split('?');
    let mut moved = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = part.split_at(digits);
        let number = number.parse::<usize>().map_or(String::new(), |number| (number + offset).to_string());
        moved.extend(["?", &number, rest]);
    }
    moved
}

fn separated(answers: &mut Answers, count: usize) -> Result<Vec<Rows>, DbError> {
    let fault = || DbError::Fault("a row of no part".to_owned());
    let mut parts = vec![Rows::default(); count];
    for mut row in answers.next().ok_or_else(fault)?.0 {
        let part = row.get("part").and_then(Json::as_u64).and_then(|part| parts.get_mut(usize::try_from(part).ok()?));
        let Some(Json::String(text)) = row.remove("row") else { return Err(fault()) };
        let Ok(Json::Object(row)) = serde_json::from_str(&text) else { return Err(fault()) };
        part.ok_or_else(fault)?.0.push(row);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_counted_on() {
        let first = Stmt::new("SELECT a, b FROM t WHERE a = ?1 AND b = ?2").bind("x").bind(1);
        let second = Stmt::new("SELECT c FROM u WHERE c = ?12 OR d = ?1").bind("y");
        let all = joined(&["a, b", "c"], vec![first, second]);
        assert_eq!(
            all.sql,
            "SELECT 0 AS part, json_object('a', a, 'b', b) AS row FROM (SELECT a, b FROM t WHERE a = ?1 AND b = ?2) \
             UNION ALL SELECT 1 AS part, json_object('c', c) AS row FROM (SELECT c FROM u WHERE c = ?14 OR d = ?3)"
        );
        assert_eq!(all.params.len(), 3);
    }
}
