//! Compares the stored state with the auditor's.

use super::auditor::Auditor;
use super::binding::GROUPS;
use super::calendar::DAY;
use super::credit_model;
use super::funnel;
use super::model_state::{Key, Line, Status};
use crate::support::sqlite::Sqlite;
use crate::support::world::{World, now};
use manicule::base::time::{UtcMillis, Week};
use manicule::store::message::outbox::arrived_late;
use std::collections::{BTreeMap, BTreeSet};

/// Pending and available cents per partner.
type Balances = BTreeMap<String, (i64, i64)>;

/// Accounts marked for recomputation, accounts that share an email domain with one, and accounts of partners for whom an interrupted run still has to add the
/// backfill of their new modifiers: their stored state may be out of date.
const UNFINISHED: &str = "SELECT id, '' FROM account WHERE needs_recompute_since_ms IS NOT NULL
    UNION SELECT o.account_id, '' FROM account a
      JOIN event e ON e.account_id = a.id AND e.type = 'account.signed_up'
      JOIN event o ON o.email_domain = e.email_domain AND o.type = 'account.signed_up'
      WHERE a.needs_recompute_since_ms IS NOT NULL
    UNION SELECT b.account_id, '' FROM run r
      JOIN partner_modifier t ON t.program_id = r.program_id AND t.changed_run = r.id AND t.partner_id > r.cursor
      JOIN binding b ON b.program_id = t.program_id AND b.partner_id = t.partner_id
      WHERE r.state = 'backfilling'";

/// Compares every binding and accrual with the stored ones, except those of unfinished accounts. Also compares the
/// budget.
pub fn compare(auditor: &Auditor, db: &Sqlite) -> Result<(), String> {
    let stale: BTreeSet<String> = texts(db, UNFINISHED).into_keys().collect();
    auditor.complaint()?;
    compare_bindings(auditor, db, &stale)?;
    compare_lines(auditor, db, &stale)?;
    auditor.payouts.compare(db)?;
    let sql =
        "SELECT kind, SUM(cr_posted_cents - dr_posted_cents) FROM ledger_account WHERE kind = 'budget' GROUP BY 1";
    let budget = numbers(db, sql).get("budget").copied().unwrap_or_default();
    if budget == auditor.credit_model.balance {
        Ok(())
    } else {
        Err(format!("the budget holds {budget}, by the rules {}", auditor.credit_model.balance))
    }
}

/// The situations that occurred in a world, with their number.
pub fn met(db: &Sqlite) -> BTreeMap<String, u64> {
    let sql = "SELECT what, COUNT(*) FROM (
        SELECT 'bound to ' || program_id || ' by ' || method AS what FROM binding WHERE method IS NOT NULL
        UNION ALL SELECT program_id || ' ' || reward_id || ' ' || state FROM accrual WHERE state <> 'void' OR gross_cents > 0
        UNION ALL SELECT program_id || ' ' || reward_id || ' capped' FROM accrual WHERE cap_reduction_cents > 0
        UNION ALL SELECT 'review by ' || rule FROM review
        UNION ALL SELECT 'customer by ' || matched_by FROM stripe_customer
        UNION ALL SELECT 'visitor at ' || stage FROM funnel_event) GROUP BY what";
    numbers(db, sql).into_iter().map(|(what, times)| (what, times as u64)).collect()
}

/// The number of accounts marked for recomputation.
pub fn stale(db: &Sqlite) -> i64 {
    db.number("SELECT COUNT(*) FROM account WHERE needs_recompute_since_ms IS NOT NULL")
}

fn compare_lines(auditor: &Auditor, db: &Sqlite, stale: &BTreeSet<String>) -> Result<(), String> {
    let accruals = auditor.accruals().into_iter().filter(|l| l.earned != 0 && !stale.contains(&l.key.account));
    let mut expected: BTreeMap<Key, Line> = accruals.map(|l| (l.key.clone(), l)).collect();
    let connection = db.connection.borrow();
    let sql = "SELECT program_id, account_id, partner_id, reward_id, source, gross_cents, net_cents, balance, state FROM accrual";
    let mut statement = connection.prepare_cached(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let text = |i: usize| row.get::<_, String>(i).unwrap();
        let key = Key { program: text(0), account: text(1), partner: text(2), rule: text(3), source: text(4) };
        let (earned, net): (i64, i64) = (row.get(5).unwrap(), row.get(6).unwrap());
        let (balance, state) = (text(7), text(8));
        match expected.remove(&key) {
            _ if stale.contains(&key.account) => {}
            Some(wanted) => {
                let bucket_wanted = auditor.balance(&wanted);
                let state_wanted = state_of(&wanted, bucket_wanted);
                let same_bucket = net == 0 || bucket_wanted.is_none_or(|b| b == balance);
                let same_state = state_wanted.is_none_or(|s| s == state);
                if earned != wanted.earned || net != wanted.net || !same_bucket || !same_state {
                    return Err(format!(
                        "{key:?} stands at {net} of {earned} in {balance}, {state}; by the rules in {bucket_wanted:?}, {state_wanted:?}: {wanted:?}"
                    ));
                }
            }
            None if net == 0 && state != "waiting" => {}
            None => {
                return Err(format!("{key:?} stands at {net} in {balance}, {state}; by the rules it earns nothing"));
            }
        }
    }
    let owed = |l: &Line| l.net != 0 || l.status == Status::Waiting;
    match expected.into_values().find(owed) {
        Some(wanted) => Err(format!("missing by the rules: {wanted:?}")),
        None => Ok(()),
    }
}

/// `None`: several states are correct, as after a reassignment.
fn state_of(accrual: &Line, balance: Option<&'static str>) -> Option<&'static str> {
    match accrual.status {
        _ if balance == Some("benefit") => Some("settled"),
        Status::Void => Some("void"),
        Status::Waiting => Some("waiting"),
        _ if accrual.net == 0 => Some("reversed"),
        Status::Frozen => Some("disputed"),
        Status::Held => Some("held"),
        Status::Stands => balance,
    }
}

fn compare_bindings(auditor: &Auditor, db: &Sqlite, stale: &BTreeSet<String>) -> Result<(), String> {
    let sql = "SELECT account_id || '|' || group_id, COALESCE(program_id || ' ' || partner_id || ' ' || code, '') FROM binding";
    let stored = texts(db, sql);
    for account in auditor.model_state.lives.keys().filter(|a| !stale.contains(*a)) {
        for group in &GROUPS {
            let bound = auditor.model_state.bindings.in_group(account, group.name);
            let wanted = bound.map_or_else(String::new, |b| format!("{} {} {}", b.program, b.partner, b.code));
            let stands = stored.get(&format!("{account}|{}", group.name)).cloned().unwrap_or_default();
            if stands != wanted {
                return Err(format!("{account} is bound to {stands:?} in {}, by the rules to {wanted:?}", group.name));
            }
        }
    }
    Ok(())
}

/// Compares the announcements of tiered-credits: each reward that was ever issued, once, except those for what arrived late.
pub fn compare_announced(auditor: &Auditor, db: &Sqlite) -> Result<(), String> {
    let sql =
        "SELECT a.account_id || ' ' || a.reward_id, o.id FROM outbox o JOIN accrual a ON a.id = o.payload ->> '$.accrual_id'
               WHERE a.program_id = 'tiered-credits' AND a.source NOT GLOB 'adjustment:*'";
    let stored: BTreeSet<String> = texts(db, sql).into_keys().collect();
    let issued: BTreeSet<String> = auditor.credit_model.issued.iter().map(|(a, rule)| format!("{a} {rule}")).collect();
    let late = format!(
        "SELECT a.account_id || ' ' || a.reward_id, a.id FROM accrual a WHERE a.program_id = 'tiered-credits' AND {}",
        arrived_late("a.event_id")
    );
    let late: BTreeSet<String> = texts(db, &late).into_keys().collect();
    let is_right = stored.is_subset(&issued) && issued.difference(&stored).all(|reward| late.contains(reward));
    if is_right { Ok(()) } else { Err(format!("announced is {stored:?}, issued was {issued:?}")) }
}

/// Each partner's balances, in the ledger and by the rules.
pub fn compare_statements(auditor: &Auditor, db: &Sqlite) -> Result<(), String> {
    for program in ["user-referral", "agency-partner", "developer-affiliate", credit_model::PROGRAM] {
        let (found, wanted) = (stored(db, program), by_rules(auditor, program));
        // A reward that was reassigned may wait for its next run.
        let may_move = ["user-referral", "developer-affiliate"].contains(&program);
        let same = if may_move { totals(&found) == totals(&wanted) } else { found == wanted };
        if !same {
            return Err(format!("{program}: the ledger says {found:?}, the rules {wanted:?}"));
        }
    }
    Ok(())
}

fn by_rules(auditor: &Auditor, program: &str) -> Balances {
    let mut sums = Balances::new();
    for accrual in auditor.accruals().into_iter().filter(|l| l.key.program == program && !l.key.partner.is_empty()) {
        let sum = sums.entry(accrual.key.partner.clone()).or_default();
        match auditor.balance(&accrual) {
            Some("pending") => sum.0 += accrual.net,
            _ => sum.1 += accrual.net,
        }
    }
    for (partner, cents) in auditor.payouts.sent(program) {
        sums.entry(partner).or_default().1 -= cents;
    }
    sums.retain(|_, sum| *sum != (0, 0));
    sums
}

/// Balances of every partner of a program, from the ledger.
fn stored(db: &Sqlite, program: &str) -> Balances {
    let of = |kind: &str| {
        numbers(
            db,
            &format!(
                "SELECT partner_id, cr_posted_cents - dr_posted_cents FROM ledger_account
                 WHERE program_id = '{program}' AND kind = '{kind}'"
            ),
        )
    };
    let mut balances = Balances::new();
    for (partner, cents) in of("pending") {
        balances.entry(partner).or_default().0 += cents;
    }
    for (partner, cents) in of("available") {
        balances.entry(partner).or_default().1 += cents;
    }
    balances.retain(|_, sums| *sums != (0, 0));
    balances
}

fn totals(balances: &Balances) -> BTreeMap<&str, i64> {
    balances.iter().map(|(partner, (pending, available))| (partner.as_str(), pending + available)).collect()
}

/// The weekly reports of the funnel: visitors by partner, campaign and stage.
pub fn compare_funnel(auditor: &Auditor, world: &World) -> Result<(), String> {
    let mut expected = funnel::counts(&auditor.known, &auditor.register);
    let weeks: BTreeSet<i64> = expected.keys().map(|(week, ..)| *week).collect();
    for week in weeks {
        let start = UtcMillis(week * 7 * DAY + 4 * DAY);
        let ctx = world.at(start.plus_days(9));
        let weekly = now(manicule::service::funnel::weekly(&ctx, &funnel::PROGRAM.into(), Week::of(start)));
        for partner in weekly.map_err(|e| e.to_string())?.report.partners {
            for campaign in &partner.campaigns {
                for figures in campaign.figures.stages.iter().filter(|s| s.visitors > 0) {
                    let wanted = expected.iter().find(|((w, p, c, s), _)| {
                        *w == week && partner.partner == p.as_str() && *c == campaign.campaign && *s == figures.stage
                    });
                    let (key, wanted) = wanted.map_or((None, 0), |(key, n)| (Some(key.clone()), *n as i64));
                    if figures.visitors != wanted {
                        return Err(format!(
                            "funnel, week of {start:?}, {} {}: {} reached {}, by the rules {wanted}",
                            partner.partner, campaign.campaign, figures.visitors, figures.stage
                        ));
                    }
                    key.map(|key| expected.remove(&key));
                }
            }
        }
    }
    match expected.first_key_value() {
        None => Ok(()),
        Some(missing) => Err(format!("funnel: {missing:?} is in no report")),
    }
}

fn texts(db: &Sqlite, sql: &str) -> BTreeMap<String, String> {
    let connection = db.connection.borrow();
    let mut statement = connection.prepare_cached(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(|row| row.unwrap()).collect()
}

fn numbers(db: &Sqlite, sql: &str) -> BTreeMap<String, i64> {
    let connection = db.connection.borrow();
    let mut statement = connection.prepare_cached(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(|row| row.unwrap()).collect()
}
