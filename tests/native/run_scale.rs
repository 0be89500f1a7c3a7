//! Runs settle a month and not the past: no statement of a run or a sweep scans a table that grows, and each costs the
//! same whether few or many months were settled before.

use crate::payout_uses::fixture::PayoutFixture;
use crate::support::scan::scanned;
use crate::support::world::{at, now};
use manicule::base::time::{Month, UtcMillis};
use manicule::jobs;
use manicule::service::settlement::settle;
use manicule::service::setup::PayoutApproval;
use manicule::store::health::ledger_balance;
use manicule::store::settlement::leaderboard::Ranked;
use manicule::store::settlement::{leaderboard, run};
use serde_json::{Map, Value, json};
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
        // Reports read what they are about, however much it is, so they are put together apart from runs.
        self.fixture.world.db.connection.borrow().execute("DELETE FROM kept_report", []).expect("no report is wanted");
    }

    /// Two clients of each partner sign up, subscribe and pay.
    fn trade(&self, month: Month) {
        for (number, (program, code)) in self.partners.iter().enumerate() {
            for client in 0..if *program == "agency-partner" { 2 } else { 1 } {
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

/// Turns statistics into those of a business ten thousand times as large: more rows, and more rows of the same program,
/// but not of the same partner or account. In small tables, reading all rows is right.
fn grow(statistics: Vec<Map<String, Value>>, run: impl Fn(String)) {
    const TIMES: i64 = 10_000;
    for of_index in statistics {
        let numbers: Vec<&str> = of_index["stat"].as_str().expect("a text").split(' ').collect();
        let rows: i64 = numbers[0].parse().expect("a number");
        let grown = numbers.iter().map(|number| match number.parse::<i64>() {
            Ok(alike) if alike * 6 >= rows && alike > 1 => (alike * TIMES).to_string(),
            Ok(alike) => alike.to_string(),
            Err(_) => (*number).to_owned(),
        });
        let mut grown: Vec<String> = grown.collect();
        grown[0] = (rows * TIMES).to_string();
        run(format!("UPDATE sqlite_stat1 SET stat = '{}' WHERE rowid = {}", grown.join(" "), of_index["row"]));
    }
    run("ANALYZE sqlite_schema".to_owned());
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
    let mut heard = db.heard.take().expect("it listened");
    // The check of the ledger adds up all of its accounts.
    assert!(heard.remove(&*ledger_balance(UtcMillis(0), UtcMillis(0)).sql));
    assert!(heard.len() > 120, "{} statements", heard.len());
    let explain = || -> Vec<String> {
        let connection = db.connection.borrow();
        let of = |sql: &String| {
            scanned(&connection, sql).into_iter().map(|step| format!("{step}: {}", short(sql))).collect()
        };
        heard.iter().flat_map(|sql| -> Vec<String> { of(sql) }).collect()
    };
    let mut faults = explain();
    db.connection.borrow().execute_batch("ANALYZE").expect("statistics");
    grow(business.fixture.world.db.look("SELECT rowid AS row, stat FROM sqlite_stat1"), |sql| {
        db.connection.borrow().execute_batch(&sql).expect("larger statistics");
    });
    faults.extend(explain().into_iter().map(|fault| format!("with statistics: {fault}")));
    assert_eq!(faults, Vec::<String>::new());
    assert!(business.fixture.world.faults().is_empty(), "{:?}", business.fixture.world.faults());
}

/// The most steps that each statement takes when a month of so many partners of each program is settled after so many
/// others.
fn costs(months: i64, partners: usize) -> BTreeMap<String, i64> {
    let business = Business::new(partners);
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
fn a_month_costs_in_proportion_to_its_partners() {
    let (few, many) = (costs(2, 4), costs(2, 40));
    let mut faults = Vec::new();
    for (sql, steps) in &many {
        let Some(before) = few.get(sql) else { continue };
        if *steps > before * 13 + 1_500 {
            faults.push(format!("{before} steps of 4 partners became {steps} of 40: {}", short(sql)));
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn a_month_costs_the_same_after_few_and_many_others() {
    let (few, many) = (costs(9, 2), costs(90, 2));
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

/// Accruals, balances, statements, places and messages.
fn books(business: &Business) -> Vec<String> {
    [
        "SELECT id, state, net_cents, payout_cents FROM accrual ORDER BY id",
        "SELECT id, dr_posted_cents, cr_posted_cents, dr_pending_cents FROM ledger_account ORDER BY id",
        "SELECT run_id, partner_id, settled_cents, pending_cents, available_cents, payable_cents FROM run_partner ORDER BY 1, 2, unit",
        "SELECT id, amount_cents, state FROM payout ORDER BY id",
        "SELECT partner_id, rank, referrals, gross_cents FROM leaderboard ORDER BY program_id, partner_id",
        "SELECT partner_id, modifier_id, quarter, from_ms FROM partner_modifier ORDER BY 1, 2, 3",
        "SELECT id FROM outbox ORDER BY id",
    ]
    .iter()
    .flat_map(|sql| business.fixture.world.db.look(sql))
    .map(|row| json!(row).to_string())
    .collect()
}

#[test]
fn pages_of_partners_end_in_the_same_books() {
    let settled = |most: u64| {
        let mut business = Business::new(4);
        // Partners without clients fill pages: with few statements, one has 500 partners, and 200 of whom terms are looked for.
        for number in 0..530 {
            business.fixture.partner("agency-partner", &format!("idle-{number}"));
        }
        let world = &business.fixture.world;
        before(4).into_iter().for_each(|month| business.trade(month));
        world.statements_max.set(Some(most));
        let first = at("2029-06-01T06:00:00Z");
        business.cron(MONTHLY, first);
        let open = || world.db.number("SELECT COUNT(*) FROM run WHERE state <> 'done'");
        let mut sweeps = 0;
        while open() > 0 {
            sweeps += 1;
            assert!(sweeps < 100, "it never ends");
            now(settle::sweep(&world.at(first.plus_ms(sweeps)))).expect("a sweep");
        }
        assert_eq!(world.faults(), Vec::<String>::new());
        assert_eq!(
            world.db.number("SELECT COUNT(*) FROM terms_mark WHERE latest_ms < (SELECT MAX(as_of_ms) FROM run)"),
            0
        );
        business.partners.clear();
        (sweeps, world.db.number("SELECT SUM(step) FROM run WHERE cadence = 'monthly'"), books(&business))
    };
    let ((roomy, few_steps, wanted), (tight, many_steps, found)) = (settled(1_000), settled(50));
    println!("{roomy} sweeps and {few_steps} steps, with 50 statements {tight} sweeps and {many_steps} steps");
    assert_eq!((roomy, found), (0, wanted));
    assert!(many_steps >= few_steps + 4, "{few_steps} steps, in smaller pages {many_steps}");
}

#[test]
fn partners_with_the_same_totals_share_a_rank_across_pages() {
    let business = Business::new(1);
    let first = at("2029-06-01T06:00:00Z");
    business.cron(MONTHLY, first);
    let world = &business.fixture.world;
    let run = now(world.at(first).read(run::run_page(i64::MAX >> 11, "", 1).first())).expect("read").expect("a run");
    let totals = [(9, 50), (7, 70), (7, 70), (7, 70), (7, 60), (3, 1), (3, 1), (1, 900)];
    let rows = |sql: &str| world.db.connection.borrow().execute_batch(sql).expect("rows");
    rows("DELETE FROM leaderboard");
    for (number, (referrals, gross)) in totals.iter().enumerate() {
        rows(&format!(
            "INSERT INTO leaderboard (program_id, partner_id, referrals, gross_cents, unit, refreshed_at_ms)
             VALUES ('{}', 'p{number}', {referrals}, {gross}, 'cash:usd', 0)",
            run.program_id
        ));
    }
    for limit in [1, 2, 3, 8, 9] {
        rows("UPDATE leaderboard SET rank = NULL");
        let mut after = Ranked::of("");
        while let Some(last) =
            now(world.at(first).read(leaderboard::rank_page_end(&run, &after, limit).first())).expect("a page")
        {
            now(world.at(first).batch(vec![leaderboard::rank_page(&run, &after, limit, first)])).expect("ranked");
            after = Ranked::of(&json!(last).to_string());
        }
        let ranks: Vec<i64> = world
            .db
            .look("SELECT rank FROM leaderboard ORDER BY partner_id")
            .iter()
            .map(|row| row["rank"].as_i64().expect("a rank"))
            .collect();
        assert_eq!(ranks, [1, 2, 2, 2, 5, 6, 6, 8], "pages of {limit}");
    }
}
