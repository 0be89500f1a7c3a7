//! Rows about accounts, indexed by what they share: a partner or an email domain. A page of accounts is decided against
//! thousands of these rows.

use crate::base::ids::AccountId;
use std::collections::HashMap;

/// A row about an account, and its lookup key.
pub trait Keyed {
    fn key(&self) -> &str;
    /// The account whose decision replaces the row; `None` if no decision does.
    fn account(&self) -> Option<&AccountId>;
}

#[derive(Clone, Debug)]
pub struct Grouped<T> {
    by_key: HashMap<String, Vec<T>>,
    /// The keys under which an account has rows.
    keys: HashMap<AccountId, Vec<String>>,
}

impl<T: Keyed + PartialEq> Grouped<T> {
    pub fn new(rows: Vec<T>) -> Grouped<T> {
        let mut grouped = Grouped { by_key: HashMap::new(), keys: HashMap::new() };
        rows.into_iter().for_each(|row| grouped.add(row));
        grouped
    }

    /// The rows of a key.
    pub fn of(&self, key: &str) -> &[T] {
        self.by_key.get(key).map_or(&[], Vec::as_slice)
    }

    /// Replaces an account's rows. If they are unchanged, nothing moves.
    pub fn replace(&mut self, account: &AccountId, rows: Vec<T>) {
        let keys = self.keys.get(account).map_or(&[][..], Vec::as_slice);
        let standing = keys.iter().flat_map(|key| self.of(key)).filter(|row| row.account() == Some(account));
        let same = standing.clone().count() == rows.len() && rows.iter().all(|row| standing.clone().any(|r| r == row));
        if same {
            return;
        }
        for key in self.keys.remove(account).unwrap_or_default() {
            if let Some(rows) = self.by_key.get_mut(&key) {
                rows.retain(|row| row.account() != Some(account));
            }
        }
        rows.into_iter().for_each(|row| self.add(row));
    }

    /// Changes rows, but not their keys and accounts.
    pub fn change(&mut self, change: impl FnMut(&mut T)) {
        self.by_key.values_mut().flatten().for_each(change);
    }

    pub fn add(&mut self, row: T) {
        if let Some(account) = row.account() {
            let keys = self.keys.entry(account.clone()).or_default();
            if keys.iter().all(|key| key != row.key()) {
                keys.push(row.key().to_owned());
            }
        }
        self.by_key.entry(row.key().to_owned()).or_default().push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::{AccountId, Grouped, Keyed};

    type Row = (&'static str, AccountId, u8);

    impl Keyed for Row {
        fn key(&self) -> &str {
            self.0
        }

        fn account(&self) -> Option<&AccountId> {
            Some(&self.1)
        }
    }

    fn row(key: &'static str, account: &str, value: u8) -> Row {
        (key, account.into(), value)
    }

    #[test]
    fn an_accounts_rows_are_replaced_under_every_key() {
        let mut rows: Grouped<Row> = Grouped::new(vec![row("p", "a", 1), row("p", "b", 2), row("q", "a", 3)]);
        assert_eq!(rows.of("p"), [row("p", "a", 1), row("p", "b", 2)]);
        assert!(rows.of("r").is_empty());
        rows.replace(&"a".into(), vec![row("q", "a", 3), row("p", "a", 1)]);
        assert_eq!(rows.of("p"), [row("p", "a", 1), row("p", "b", 2)], "the same rows stay where they are");
        rows.replace(&"a".into(), vec![row("r", "a", 4)]);
        assert_eq!(
            (rows.of("p"), rows.of("q"), rows.of("r")),
            (&[row("p", "b", 2)][..], &[][..], &[row("r", "a", 4)][..])
        );
        rows.replace(&"b".into(), vec![]);
        rows.replace(&"c".into(), vec![row("p", "c", 5)]);
        assert_eq!(rows.of("p"), [row("p", "c", 5)]);
    }
}
