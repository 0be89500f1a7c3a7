//! Invariants of the stored ledger after every step, computed independently from the raw rows.

use crate::support::sqlite::Sqlite;
use manicule::engine::ledger::account::{LedgerAccountKind, TransferCode};
use manicule::store::message::outbox::arrived_late;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// Debits and credits, in cents.
type Sums = BTreeMap<String, (i64, i64)>;

/// The sums so far. Transfers are immutable, so each row is read once.
#[derive(Default)]
pub struct Books {
    seen_rowid: i64,
    seen: i64,
    by_account: Sums,
    /// Accrued minus reversed, by accrual.
    by_line: BTreeMap<String, i64>,
    /// What payouts took of each balance.
    paid_of: BTreeMap<String, i64>,
    /// Accruals that a run granted.
    grants: Vec<String>,
}

impl Books {
    pub fn transfers(&self) -> i64 {
        self.seen
    }

    pub fn check(&mut self, db: &Sqlite) -> Result<(), String> {
        let connection = db.connection.borrow();
        let faults = texts(
            &connection,
            "SELECT what FROM ledger_check UNION ALL SELECT what FROM payout_check UNION ALL SELECT what FROM adjustment_check",
        );
        if !faults.is_empty() {
            return Err(format!("ledger_check: {faults:?}"));
        }
        self.read_transfers(&connection)?;
        self.check_units()?;
        self.check_accounts(&connection)?;
        self.check_lines(&connection)?;
        self.check_outbox(&connection)
    }

    fn read_transfers(&mut self, connection: &Connection) -> Result<(), String> {
        let sql = "SELECT rowid, COALESCE(accrual_id, ''), code, phase, debit, credit, amount_cents, run_id FROM transfer WHERE rowid > ?1";
        let mut statement = connection.prepare_cached(sql).unwrap();
        let mut rows = statement.query([self.seen_rowid]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let text = |i: usize| row.get::<_, Option<String>>(i).unwrap().unwrap_or_default();
            let (accrual, code, phase, debit, credit, run) = (text(1), text(2), text(3), text(4), text(5), text(7));
            let cents: i64 = row.get(6).unwrap();
            if (phase == "single" || !accrual.is_empty()) && (phase != "single" || cents <= 0) {
                return Err(format!("a transfer of {accrual} is {phase} of {cents}"));
            }
            if unit(&debit) != unit(&credit) {
                return Err(format!("a transfer moves from {debit} to {credit}: another unit"));
            }
            if !is_allowed(&code, &debit, &credit) {
                return Err(format!("a transfer moves from {debit} to {credit}: not what {code} is for"));
            }
            if matches!(phase.as_str(), "single" | "post") {
                *self.paid_of.entry(debit.clone()).or_default() += if code == "payout" { cents } else { 0 };
                self.by_account.entry(debit).or_default().0 += cents;
                self.by_account.entry(credit).or_default().1 += cents;
            }
            match code.as_str() {
                "accrue" | "adjust" => *self.by_line.entry(accrual.clone()).or_default() += cents,
                "reverse" | "deduct" => *self.by_line.entry(accrual.clone()).or_default() -= cents,
                _ => {}
            }
            if code == "accrue" && !run.is_empty() {
                self.grants.push(accrual);
            }
            self.seen_rowid = row.get(0).unwrap();
            self.seen += 1;
        }
        Ok(())
    }

    fn check_units(&self) -> Result<(), String> {
        let mut units: Sums = Sums::new();
        for (account, (debits, credits)) in &self.by_account {
            let sum = units.entry(unit(account)).or_default();
            sum.0 += debits;
            sum.1 += credits;
        }
        match units.iter().find(|(_, (debits, credits))| debits != credits) {
            Some((unit, sums)) => Err(format!("unit {unit}: debits and credits are {sums:?}")),
            None => Ok(()),
        }
    }

    fn check_accounts(&self, connection: &Connection) -> Result<(), String> {
        let sql = "SELECT id, kind, dr_posted_cents, cr_posted_cents FROM ledger_account";
        let mut statement = connection.prepare_cached(sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        let mut known = 0;
        while let Some(row) = rows.next().unwrap() {
            let (id, kind): (String, String) = (row.get(0).unwrap(), row.get(1).unwrap());
            let expected_cents: (i64, i64) = (row.get(2).unwrap(), row.get(3).unwrap());
            let expected = self.by_account.get(&id).copied().unwrap_or_default();
            known += i64::from(self.by_account.contains_key(&id));
            if expected_cents != expected {
                return Err(format!(
                    "account {id} expected_cents at {expected_cents:?}, its transfers sum to {expected:?}"
                ));
            }
            if kind == "pending" && expected_cents.1 < expected_cents.0 {
                return Err(format!("account {id}: negative pending"));
            }
        }
        if known != self.by_account.len() as i64 {
            return Err("a transfer names an account that is not there".to_owned());
        }
        Ok(())
    }

    fn check_lines(&self, connection: &Connection) -> Result<(), String> {
        let sql = "SELECT id, gross_cents, net_cents, balance, account_id, reward_id, source, program_id || '/' || unit || '/' || balance || '/' || partner_id,
                          program_id FROM accrual";
        let mut statement = connection.prepare_cached(sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        let mut buckets: BTreeMap<String, i64> = BTreeMap::new();
        let mut by_state: BTreeMap<(String, String), i64> = BTreeMap::new();
        let mut accruals = 0;
        while let Some(row) = rows.next().unwrap() {
            let text = |i: usize| row.get::<_, String>(i).unwrap();
            let (id, earned, net): (String, i64, i64) = (text(0), row.get(1).unwrap(), row.get(2).unwrap());
            let expected = self.by_line.get(&id).copied().unwrap_or_default();
            accruals += usize::from(self.by_line.contains_key(&id));
            if net != expected || net < earned.min(0) || net > earned.max(0) {
                return Err(format!("line {id}: net {net} of {earned}, its transfers sum to {expected}"));
            }
            *buckets.entry(text(7)).or_default() += net;
            if text(6).starts_with("state:") && net > 0 {
                let count = by_state.entry((text(8) + &text(4), text(5))).or_default();
                *count += 1;
                if *count > 1 {
                    return Err(format!("account {}: {} was granted twice", text(4), text(5)));
                }
            }
        }
        if accruals != self.by_line.len() {
            return Err("a transfer names a line that is not there".to_owned());
        }
        for (account, (debits, credits)) in &self.by_account {
            let paid = self.paid_of.get(account).copied().unwrap_or_default();
            let accruals = buckets.get(account).copied().unwrap_or_default() - paid;
            if ["/pending/", "/available/"].iter().any(|kind| account.contains(kind)) && credits - debits != accruals {
                return Err(format!("account {account} holds {}, its lines {accruals}", credits - debits));
            }
        }
        Ok(())
    }

    /// One message per side and grant, unless its event arrived late: a grant is an accrual that a run posted, once. Messages of tiered-credits are
    /// compared with its rewards.
    fn check_outbox(&self, connection: &Connection) -> Result<(), String> {
        let sql = "SELECT payload ->> '$.accrual_id' || ' ' || kind FROM outbox
             WHERE kind LIKE 'reward.%' AND program_id <> 'tiered-credits' ORDER BY 1";
        let stored = texts(connection, sql);
        let mut expected: Vec<String> = Vec::new();
        let late = format!(
            "SELECT i.accrual_id FROM run_item i WHERE i.kind = 'grant' AND {}",
            arrived_late("i.accrual ->> '$.event_id'")
        );
        let late = texts(connection, &late);
        for side in ["referrer", "referee"] {
            let announced = self.grants.iter().filter(|accrual| !late.contains(&accrual.to_string()));
            expected.extend(announced.map(|accrual| format!("{accrual} reward.granted.{side}")));
        }
        expected.sort();
        if stored != expected {
            return Err(format!("the outbox holds {stored:?}, the grants are {expected:?}"));
        }
        Ok(())
    }
}

/// The unit in a ledger account's id, `program/unit/kind[/partner]`.
fn unit(account: &str) -> String {
    account.split('/').nth(1).unwrap_or_default().to_owned()
}

fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare_cached(sql).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(|text| text.unwrap()).collect()
}

/// Whether the table of codes has such a transfer.
fn is_allowed(code: &str, debit: &str, credit: &str) -> bool {
    let kind = |account: &str| account.split('/').nth(2).and_then(LedgerAccountKind::parse);
    let allows = |kinds: &[LedgerAccountKind], account: &str| kind(account).is_some_and(|kind| kinds.contains(&kind));
    TransferCode::parse(code).is_some_and(|code| {
        let (debited, credited) = code.moves();
        allows(debited, debit) && allows(credited, credit)
    })
}
