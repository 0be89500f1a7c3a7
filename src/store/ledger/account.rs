//! Ledger accounts in SQL: their ids as expressions over a row's columns.

use crate::engine::ledger::account::{LedgerAccountKind, TransferCode};

/// The expressions that are the program, unit and partner of a row's ledger accounts.
pub struct AccountColumns {
    program: String,
    unit: String,
    partner: String,
}

impl AccountColumns {
    /// The columns of a table under its alias.
    pub fn of(alias: &str) -> AccountColumns {
        let column = |name: &str| format!("{alias}.{name}");
        AccountColumns { program: column("program_id"), unit: column("unit"), partner: column("partner_id") }
    }

    pub fn new(program: &str, unit: &str, partner: &str) -> AccountColumns {
        AccountColumns { program: program.to_owned(), unit: unit.to_owned(), partner: partner.to_owned() }
    }

    /// The id of an account of a kind.
    pub fn account(&self, kind: LedgerAccountKind) -> String {
        let partner = if kind.is_partners() { format!(" || '/' || {}", self.partner) } else { String::new() };
        format!("{} || '/' || {} || '/{}'{partner}", self.program, self.unit, kind.name())
    }

    /// What a code debits and what it credits, as two columns. For the codes that move between one pair of kinds.
    pub fn moved(&self, code: TransferCode) -> String {
        let (debited, credited) = code.moves();
        let accounts = debited.iter().take(1).chain(credited.iter().take(1));
        accounts.map(|kind| self.account(*kind)).collect::<Vec<String>>().join(", ")
    }

    /// The id of an account whose kind is an expression.
    pub fn account_of(&self, kind: &str) -> String {
        let AccountColumns { program, unit, partner } = self;
        let kinds = LedgerAccountKind::ALL.iter().filter(|kind| kind.is_partners());
        let partners: Vec<String> = kinds.map(|kind| format!("'{}'", kind.name())).collect();
        let partner = format!("IIF({kind} IN ({}), '/' || {partner}, '')", partners.join(", "));
        format!("{program} || '/' || {unit} || '/' || {kind} || {partner}")
    }

    /// What an accrual debits and credits, as two columns: `funding` and `balance` are expressions for the kinds.
    pub fn accrued(&self, funding: &str, balance: &str) -> String {
        format!("{}, {}", self.account_of(funding), self.account_of(balance))
    }

    /// Makes the accounts of a kind that do not exist. `rows` is what follows FROM, and ends in a condition.
    pub fn ensure(&self, kind: LedgerAccountKind, rows: &str) -> String {
        let AccountColumns { program, unit, partner } = self;
        let (id, name) = (self.account(kind), kind.name());
        let partner = if kind.is_partners() { partner } else { "''" };
        format!(
            "INSERT INTO ledger_account (id, program_id, unit, kind, partner_id)
             SELECT DISTINCT {id}, {program}, {unit}, '{name}', {partner} FROM {rows}
               AND NOT EXISTS (SELECT 1 FROM ledger_account a WHERE a.id = {id})"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ledger::account::LedgerAccount;

    #[test]
    fn an_expression_is_the_id_that_the_engine_prints() {
        let columns = AccountColumns::of("p");
        let connection = rusqlite::Connection::open_in_memory().expect("a database");
        for &kind in LedgerAccountKind::ALL {
            let name = format!("'{}'", kind.name());
            for id in [columns.account(kind), columns.account_of(&name)] {
                let row = "SELECT 'prg' AS program_id, 'cash:usd' AS unit, 'par' AS partner_id";
                let sql = format!("SELECT {id} FROM ({row}) p");
                let id: String = connection.query_row(&sql, [], |row| row.get(0)).expect("an id");
                assert_eq!(id, LedgerAccount::new(&"prg".into(), "cash:usd", kind, &"par".into()).to_string());
            }
        }
    }

    #[test]
    fn the_schema_knows_every_kind_and_code() {
        let schema = include_str!("../../../schema.sql");
        let list = |names: Vec<&str>| names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
        let kinds = list(LedgerAccountKind::ALL.iter().map(|kind| kind.name()).collect());
        assert!(schema.contains(&format!("CHECK (kind IN ({kinds}))")), "{kinds}");
        let codes = list(TransferCode::ALL.iter().map(|code| code.name()).collect());
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(schema).contains(&format!("CHECK (code IN ({codes}))")), "{codes}");
    }
}
