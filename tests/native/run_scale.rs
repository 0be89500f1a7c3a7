//! Runs settle a month and not the past: no statement of a run or a sweep scans a table that grows, and each costs the
//! same whether few or many months were settled before.

use crate::payout_uses::fixture::PayoutFixture;
use crate::support::scan::scanned;
use crate::support::world::{at, now};
use manicule::base::time::{Month, UtcMillis};
use manicule::jobs;
use manicule::service::setup::PayoutApproval;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const MONTHLY: &str = "0 6 1 * *";
const WEEKLY: &str = "0 9 * * MON";
const SWEEP: &str = "*/10 * * * *";
const PROGRAMS: [&str; 3] = ["agency-partner", "developer-affiliate", "user-referral"];

struct Business {
    fixture: PayoutFixture,
    /// Program and code.
    partners: Vec<(&'static str, String)>,
}

impl Business {
    /// Partners of three programs. Every second one can be paid; the others' balances grow.
    fn new(each: usize) -> Business {
        let fixture = PayoutFixture::new(PayoutApproval::Automatic);
        let mut partners = Vec::new();
        for program in PROGRAMS {
            for number in 0..each {
                let (id, code) = fixture.partner(program, &format!("{program}-{number}"));
                if number % 2 == 0 {
                    fixture.payable(&id);
                }
                partners.push((program, code));
            }
        }
        Business { fixture, partners }
    }

    fn cron(&self, trigger: &str, when: UtcMillis) {
        now(jobs::run(&self.fixture.world.at(when), trigger, when)).unwrap_or_else(|why| panic!("{trigger}: {why}"));
    }

    /// Two clients of each partner sign up, subscribe and pay.
    fn trade(&self, month: Month) {
        for (number, (program, code)) in self.partners.iter().enumerate() {
            for client in 0..2 {
                let account = format!("{month}-{number}-{client}");
                let take = |n: i64, kind: &str, rest: Value| {
                    let when = month.start().plus_days(2 + n);
                    let mut body = rest;
                    body["id"] = json!(format!("{account}-{n}"));
                    body["type"] = json!(kind);
                    body["occurred_at"] = json!(when.to_rfc3339());
                    body["account"] = json!({"id": account, "email": format!("c@{account}.example")});
                    self.fixture.world.take(when, &body, None).expect("it is accepted");
                };
                take(0, "account.signed_up", json!({"attribution": {"code": code}}));
                if *program == "developer-affiliate" {
                    take(1, "account.active", json!({"data": {"api_calls": 5_000}}));
                }
                let amount = json!({"cents": 90_000, "currency": "usd"});
                let data = json!({"subscription_id": format!("{account}-s"), "monthly_cents": 90_000});
                take(2, "subscription.started", json!({"data": data}));
                take(3, "invoice.paid", json!({"amount": amount, "data": {"invoice_id": format!("{account}-i")}}));
            }
        }
    }

    /// A month of trade, and the runs after it, with sweeps that pay and deliver.
    fn month(&self, month: Month) {
        self.trade(month);
        self.settle(month);
    }

    fn settle(&self, month: Month) {
        let first = month.end().plus_ms(6 * 3_600_000);
        self.cron(MONTHLY, first);
        self.cron(WEEKLY, first.plus_days(4));
        for sweep in 1..4 {
            self.cron(SWEEP, first.plus_days(4).plus_ms(sweep * 600_000));
        }
        assert_eq!(self.fixture.world.db.number("SELECT COUNT(*) FROM run WHERE state <> 'done'"), 0);
    }
}

/// The months before June 2029.
fn before(months: i64) -> Vec<Month> {
    let last = Month::of(at("2029-06-01T00:00:00Z"));
    (1..=months).rev().map(|back| last.plus(-back)).collect()
}

fn short(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn no_statement_of_a_run_or_sweep_scans_a_growing_table() {
    let business = Business::new(4);
    let db = &business.fixture.world.db;
    *db.heard.borrow_mut() = Some(BTreeSet::new());
    before(5).into_iter().for_each(|month| business.month(month));
    let heard = db.heard.take().expect("it listened");
    assert!(heard.len() > 120, "{} statements", heard.len());
    let explain = || -> Vec<String> {
        let connection = db.connection.borrow();
        let of = |sql: &String| {
            scanned(&connection, sql).into_iter().map(|step| format!("{step}: {}", short(sql))).collect()
        };
        heard.iter().flat_map(|sql| -> Vec<String> { of(sql) }).collect()
    };
    assert_eq!(explain(), Vec::<String>::new(), "without statistics");
    db.connection.borrow().execute_batch("ANALYZE").expect("statistics");
    assert_eq!(explain(), Vec::<String>::new(), "with statistics");
    assert!(business.fixture.world.faults().is_empty(), "{:?}", business.fixture.world.faults());
}

/// The most steps that each statement takes when a month is settled after so many others.
fn costs(months: i64) -> BTreeMap<String, i64> {
    let business = Business::new(4);
    let mut months = before(months);
    let last = months.pop().expect("a month");
    months.into_iter().for_each(|month| business.month(month));
    business.trade(last);
    let db = &business.fixture.world.db;
    *db.costs.borrow_mut() = Some(BTreeMap::new());
    business.settle(last);
    db.costs.take().expect("it counted")
}

#[test]
fn a_month_costs_the_same_after_few_and_many_others() {
    let (few, many) = (costs(4), costs(40));
    let mut faults = Vec::new();
    for (sql, steps) in &many {
        // A statement that only one of them needed.
        let Some(before) = few.get(sql) else { continue };
        if *steps > before * 11 / 10 + 150 {
            faults.push(format!("{before} steps became {steps}: {}", short(sql)));
        }
    }
    println!("{} statements", many.len());
    assert_eq!(faults, Vec::<String>::new());
}
