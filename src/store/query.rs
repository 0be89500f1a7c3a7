//! Typed reads: a statement that knows its row, and sets of them that one batch answers.

use crate::store::port::{DbError, Rows, Stmt};
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

/// Where counting what waits for a person ends. Pages say "more than" beyond it.
pub const COUNTED_MAX: i64 = 50;

/// What counts what a condition selects, up to one more than [`COUNTED_MAX`]: `list` is everything after SELECT.
pub fn counted(list: &str) -> String {
    format!("(SELECT {list} LIMIT {})", COUNTED_MAX + 1)
}

/// A statement whose rows are `T`.
#[derive(Clone, Debug)]
pub struct Query<T> {
    pub statement: Stmt,
    row: PhantomData<fn() -> T>,
}

/// A query of which only the first row counts, if there is one.
#[derive(Clone, Debug)]
pub struct First<T>(Query<T>);

/// A query whose rows are read together into one value, such as the catalog of programs.
#[derive(Clone, Debug)]
pub struct Parsed<T> {
    pub statement: Stmt,
    parse: fn(Rows) -> Result<T, DbError>,
}

impl Stmt {
    /// The statement as a query. The return type of its function names the row.
    pub fn query<T>(self) -> Query<T> {
        Query { statement: self, row: PhantomData }
    }

    /// The statement as a query whose rows `parse` reads.
    pub fn parsed<T>(self, parse: fn(Rows) -> Result<T, DbError>) -> Parsed<T> {
        Parsed { statement: self, parse }
    }

    /// The statement as a query of which each row holds two values.
    pub fn pairs<A: DeserializeOwned, B: DeserializeOwned>(self) -> Parsed<Vec<(A, B)>> {
        self.parsed(|rows| rows.decode_pairs())
    }
}

impl<T> Query<T> {
    /// The same query for at most one row.
    pub fn first(self) -> First<T> {
        First(self)
    }
}

/// The rows of a batch that nobody has taken yet, in the order of its statements.
pub type Answers = std::vec::IntoIter<Rows>;

/// What one batch reads: a query, or a tuple or list of reads. Its rows come back in the same shape.
pub trait Reads: Sized {
    type Rows;
    /// What remains of the reads when their statements are sent: how many rows belong to each list.
    type Shape;

    /// Appends the statements, in order.
    fn send(self, statements: &mut Vec<Stmt>) -> Self::Shape;

    /// Takes the rows of these statements.
    fn take(shape: Self::Shape, answers: &mut Answers) -> Result<Self::Rows, DbError>;
}

fn next(answers: &mut Answers) -> Result<Rows, DbError> {
    answers.next().ok_or_else(|| DbError::Fault("a statement without an answer".to_owned()))
}

impl<T: DeserializeOwned> Reads for Query<T> {
    type Rows = Vec<T>;
    type Shape = ();

    fn send(self, statements: &mut Vec<Stmt>) {
        statements.push(self.statement);
    }

    fn take((): (), answers: &mut Answers) -> Result<Vec<T>, DbError> {
        next(answers)?.take()
    }
}

impl<T: DeserializeOwned> Reads for First<T> {
    type Rows = Option<T>;
    type Shape = ();

    fn send(self, statements: &mut Vec<Stmt>) {
        statements.push(self.0.statement);
    }

    fn take((): (), answers: &mut Answers) -> Result<Option<T>, DbError> {
        let mut rows = next(answers)?;
        rows.0.truncate(1);
        Ok(rows.take()?.pop())
    }
}

impl<T> Reads for Parsed<T> {
    type Rows = T;
    type Shape = fn(Rows) -> Result<T, DbError>;

    fn send(self, statements: &mut Vec<Stmt>) -> Self::Shape {
        statements.push(self.statement);
        self.parse
    }

    fn take(parse: Self::Shape, answers: &mut Answers) -> Result<T, DbError> {
        parse(next(answers)?)
    }
}

/// A statement that is read without a type of its own.
impl Reads for Stmt {
    type Rows = Rows;
    type Shape = ();

    fn send(self, statements: &mut Vec<Stmt>) {
        statements.push(self);
    }

    fn take((): (), answers: &mut Answers) -> Result<Rows, DbError> {
        next(answers)
    }
}

impl<R: Reads> Reads for Vec<R> {
    type Rows = Vec<R::Rows>;
    type Shape = Vec<R::Shape>;

    fn send(self, statements: &mut Vec<Stmt>) -> Vec<R::Shape> {
        self.into_iter().map(|reads| reads.send(statements)).collect()
    }

    fn take(shape: Vec<R::Shape>, answers: &mut Answers) -> Result<Vec<R::Rows>, DbError> {
        shape.into_iter().map(|shape| R::take(shape, answers)).collect()
    }
}

impl<R: Reads> Reads for Option<R> {
    type Rows = Option<R::Rows>;
    type Shape = Option<R::Shape>;

    fn send(self, statements: &mut Vec<Stmt>) -> Option<R::Shape> {
        self.map(|reads| reads.send(statements))
    }

    fn take(shape: Option<R::Shape>, answers: &mut Answers) -> Result<Option<R::Rows>, DbError> {
        shape.map(|shape| R::take(shape, answers)).transpose()
    }
}

impl Reads for () {
    type Rows = ();
    type Shape = ();

    fn send(self, _: &mut Vec<Stmt>) {}

    fn take((): (), _: &mut Answers) -> Result<(), DbError> {
        Ok(())
    }
}

/// Tuples: their parts in order. A larger page nests them.
macro_rules! tuple {
    ($($part:ident)+) => {
        #[allow(non_snake_case, reason = "parts are named by their types")]
        impl<$($part: Reads),+> Reads for ($($part,)+) {
            type Rows = ($($part::Rows,)+);
            type Shape = ($($part::Shape,)+);

            fn send(self, statements: &mut Vec<Stmt>) -> Self::Shape {
                let ($($part,)+) = self;
                ($($part.send(statements),)+)
            }

            fn take(shape: Self::Shape, answers: &mut Answers) -> Result<Self::Rows, DbError> {
                let ($($part,)+) = shape;
                Ok(($($part::take($part, answers)?,)+))
            }
        }
    };
}

tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);
tuple!(A B C D E F G);
tuple!(A B C D E F G H);
tuple!(A B C D E F G H I);
tuple!(A B C D E F G H I J);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rows(ids: &[&str]) -> Rows {
        Rows(ids.iter().map(|id| json!({"id": id}).as_object().cloned().unwrap_or_default()).collect())
    }

    #[test]
    fn rows_come_back_in_the_shape_of_the_reads() {
        let query = |sql: &'static str| Stmt::new(sql).query::<String>();
        let reads =
            (query("a"), query("b").first(), vec![query("c"), query("d")], None::<Query<String>>, query("e").first());
        let mut statements = Vec::new();
        let shape = reads.send(&mut statements);
        let sent: Vec<&str> = statements.iter().map(|s| s.sql.as_ref()).collect();
        assert_eq!(sent, ["a", "b", "c", "d", "e"]);
        let mut answers = vec![rows(&["1", "2"]), rows(&["3", "4"]), rows(&[]), rows(&["5"]), rows(&[])].into_iter();
        #[derive(Debug, PartialEq, serde::Deserialize)]
        struct Row {
            id: String,
        }
        let row = |id: &str| Row { id: id.to_owned() };
        type Shape = (Query<Row>, First<Row>, Vec<Query<Row>>, Option<Query<Row>>, First<Row>);
        let found = Shape::take(shape, &mut answers).expect("rows");
        assert_eq!(found, (vec![row("1"), row("2")], Some(row("3")), vec![vec![], vec![row("5")]], None, None));
        assert!(<Query<Row>>::take((), &mut answers).is_err(), "an answer is missing");
    }
}
