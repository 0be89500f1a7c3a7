//! Operators adjust partners' balances in some seeds, and what the rules make of it.
//!
//! They choose by a randomness of their own, so that the other seeds stay as they are.

use super::calendar::DAY;
use super::life::Life;
use super::model_state::{Key, Line, Status};
use super::play::Play;
use super::rng::Rng;
use super::{credit_model, delivery};
use crate::support::sqlite::Fault;
use crate::support::world::now as done;
use manicule::base::money::Cents;
use manicule::base::time::UtcMillis;
use manicule::codec::operator::AdjustmentRequest;
use manicule::codec::operator::adjustment::NamedEntry;
use manicule::engine::accrual::Balance;
use manicule::service::accrual::adjust;
use manicule::service::once::IdempotentRequest;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Whether operators adjust anything in a seed. Every fifth seed is told again in order, without operators.
pub fn happen_in(seed: u64) -> bool {
    !seed.is_multiple_of(5) && seed % 4 < 2
}

/// An accrual that an operator made.
#[derive(Clone, Debug)]
struct Made {
    key: Key,
    amount: i64,
    at: i64,
    vests_at: i64,
    invoice: String,
}

/// A change of an accrual.
#[derive(Clone, Debug)]
struct Change {
    id: String,
    target: Key,
    amount: i64,
    /// What of it was taken back.
    undone: i64,
    is_undo: bool,
}

#[derive(Default)]
pub struct Adjustments {
    made: Vec<Made>,
    changes: Vec<Change>,
    pub met: BTreeMap<&'static str, u64>,
}

impl Adjustments {
    fn count(&self) -> i64 {
        (self.made.len() + self.changes.len()) as i64
    }

    /// The accruals that operators made: each without its invoice's share.
    pub fn lines(&self, lives: &BTreeMap<String, Life>) -> impl Iterator<Item = Line> {
        self.made.iter().map(move |made| {
            let life = lives.get(&made.key.account);
            let invoice = life.and_then(|life| life.payments.iter().find(|i| i.id == made.invoice));
            let lost = invoice
                .map_or(0, |i| (i128::from(made.amount.abs()) * i128::from(i.returned) / i128::from(i.charged)) as i64);
            let net = made.amount - made.amount.signum() * lost;
            let is_frozen = net > 0 && invoice.is_some_and(|i| i.frozen);
            let status = if is_frozen { Status::Frozen } else { Status::Stands };
            Line { key: made.key.clone(), at: made.at, earned: made.amount, net, vests_at: Some(made.vests_at), status }
        })
    }

    /// Changes what they name, as far as something is left of it.
    pub fn apply(&self, lines: &mut [Line]) {
        if self.changes.is_empty() {
            return;
        }
        for line in lines {
            let change: i64 = self.changes.iter().filter(|c| c.target == line.key).map(|c| c.amount).sum();
            let left = line.net + change;
            line.net = if line.earned < 0 { left.min(0) } else { left.max(0) };
        }
    }
}

impl Play {
    pub(super) fn adjust(&mut self, now: i64) -> Result<(), String> {
        let mut rng = Rng::new(self.seed ^ now as u64);
        let asked = match rng.next() % 5 {
            0 | 1 => self.of_its_own(&mut rng, now),
            2 | 3 => self.takes_from_an_accrual(&mut rng),
            _ => self.takes_back(&mut rng),
        };
        let Some((request, target)) = asked else { return Ok(()) };
        let once =
            IdempotentRequest { key: format!("adjust-{now}"), route: "POST".to_owned(), body_sha256: String::new() };
        if rng.percent(40) {
            let kind = rng.pick(&[Fault::Before, Fault::AfterCommit]);
            self.world.db.fault.set(Some((self.world.db.calls.get() + rng.within(0, 6) as u64, kind)));
        }
        let first = done(adjust::request(&self.world.at(UtcMillis(now)), &request, Some(&once)));
        self.world.db.fault.set(None);
        if let Err(error) = &first
            && error.code != "partner_banned"
        {
            self.was_injected(error)?;
        }
        if self.auditor.register.standings.is_banned(&request.partner) {
            let refused = done(adjust::request(&self.world.at(UtcMillis(now)), &request, Some(&once)));
            return match refused {
                Err(error) if error.code == "partner_banned" => Ok(()),
                other => Err(format!("{request:?} of a banned partner: {other:?}")),
            };
        }
        // The same key again: booked once, whatever became of the first.
        let again = done(adjust::request(&self.world.at(UtcMillis(now)), &request, Some(&once)));
        let (_, answer) = again.map_err(|e| format!("{request:?}: {e}"))?;
        self.record(&answer, &request, target, now);
        delivery::catch_up(&self.world, now)?;
        let booked = self.world.db.number("SELECT COUNT(*) FROM adjustment WHERE state = 'booked'");
        match booked == self.auditor.adjustments.count() {
            true => Ok(()),
            false => {
                Err(format!("{booked} adjustments are booked, {} were asked for", self.auditor.adjustments.count()))
            }
        }
    }

    fn rows(&self, sql: &str) -> Vec<Map<String, Value>> {
        self.world.db.look(sql)
    }

    fn of_its_own(&self, rng: &mut Rng, now: i64) -> Option<(AdjustmentRequest, Option<Key>)> {
        let partners = "SELECT id, program_id FROM partner WHERE program_id <> 'partner-funnel' ORDER BY id";
        let partner = rng.pick(&self.rows(partners));
        let amount = rng.pick(&[1, 250, 5_001, 20_000, -1, -777, -9_000]);
        let can_wait = amount > 0 && text(&partner, "program_id") != credit_model::PROGRAM && rng.percent(40);
        let paid = "SELECT account_id, invoice_id FROM event WHERE type = 'invoice.paid' AND account_id IN (SELECT id FROM account) ORDER BY id";
        let paid = self.rows(paid);
        let named = (!paid.is_empty() && rng.percent(60)).then(|| rng.pick(&paid));
        let of = |name: &str| named.as_ref().map(|row| text(row, name));
        let request = AdjustmentRequest {
            partner: text(&partner, "id").into(),
            amount: Cents(amount),
            currency: None,
            balance: can_wait.then_some(Balance::Pending),
            vests_at: (can_wait && rng.percent(50)).then(|| UtcMillis(now + rng.pick(&[0, 1, 20 * DAY, 70 * DAY]))),
            account: of("account_id").map(Into::into),
            invoice: of("invoice_id").filter(|_| rng.percent(70)).map(Into::into),
            names: None,
            note: "simulated".to_owned(),
            reason: "simulated".to_owned(),
        };
        Some((request, None))
    }

    fn takes_from_an_accrual(&self, rng: &mut Rng) -> Option<(AdjustmentRequest, Option<Key>)> {
        let sql = format!(
            "SELECT id, program_id, account_id, partner_id, reward_id, source, net_cents FROM accrual
             WHERE net_cents <> 0 AND partner_id <> '' AND program_id <> '{}' ORDER BY id",
            credit_model::PROGRAM
        );
        let rows = self.rows(&sql);
        if rows.is_empty() {
            return None;
        }
        let row = rng.pick(&rows);
        let left = row["net_cents"].as_i64().expect("a number");
        let amount = -left.signum() * rng.pick(&[1, left.abs() / 3 + 1, left.abs()]).min(left.abs());
        let key = Key {
            program: text(&row, "program_id"),
            account: text(&row, "account_id"),
            partner: text(&row, "partner_id"),
            rule: text(&row, "reward_id"),
            source: text(&row, "source"),
        };
        Some((naming(NamedEntry::Accrual(text(&row, "id").into()), &key, amount), Some(key)))
    }

    fn takes_back(&self, rng: &mut Rng) -> Option<(AdjustmentRequest, Option<Key>)> {
        let open = self.auditor.adjustments.changes.iter().filter(|c| !c.is_undo && c.amount + c.undone != 0);
        let open: Vec<Change> = open.cloned().collect();
        if open.is_empty() {
            return None;
        }
        let change = rng.pick(&open);
        let left = change.amount + change.undone;
        let amount = -left.signum() * rng.pick(&[1, left.abs()]);
        Some((naming(NamedEntry::Adjustment(change.id.as_str().into()), &change.target, amount), Some(change.target)))
    }

    fn record(&mut self, answer: &Value, request: &AdjustmentRequest, target: Option<Key>, now: i64) {
        let (id, amount) = (answer["id"].as_str().expect("an id").to_owned(), request.amount.0);
        let adjustments = &mut self.auditor.adjustments;
        let undoes = answer["undoes"].as_str();
        if let Some(target) = target {
            if let Some(change) = adjustments.changes.iter_mut().find(|c| Some(c.id.as_str()) == undoes) {
                change.undone += amount;
                *adjustments.met.entry("an adjustment that is taken back").or_default() += 1;
            }
            adjustments.changes.push(Change { id, target, amount, undone: 0, is_undo: undoes.is_some() });
            return;
        }
        let key = Key {
            program: answer["program"].as_str().expect("a program").to_owned(),
            account: answer["account"].as_str().unwrap_or_default().to_owned(),
            partner: request.partner.to_string(),
            rule: "adjustment".to_owned(),
            source: format!("adjustment:{id}"),
        };
        let invoice = answer["invoice"].as_str().unwrap_or_default().to_owned();
        let vests_at = request.vests_at.map_or(now, |at| at.0.max(now));
        if request.balance.is_none() {
            self.auditor.vested.insert(key.clone());
        }
        adjustments.made.push(Made { key, amount, at: now, vests_at, invoice });
    }
}

fn naming(names: NamedEntry, key: &Key, amount: i64) -> AdjustmentRequest {
    AdjustmentRequest {
        partner: key.partner.as_str().into(),
        amount: Cents(amount),
        currency: None,
        balance: None,
        vests_at: None,
        account: None,
        invoice: None,
        names: Some(names),
        note: String::new(),
        reason: "simulated".to_owned(),
    }
}

fn text(row: &Map<String, Value>, name: &str) -> String {
    row[name].as_str().expect("a text").to_owned()
}
