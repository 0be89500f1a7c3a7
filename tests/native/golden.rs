//! Golden cases as data: `tests/programs/*.json`, run through the real services. A story's steps arrive in the order in
//! which they are written; `"when"` is when they happened.

pub mod case;
pub mod story;

use case::{Book, Case, Economics, Expect};
use manicule::service::setup::{STATEMENTS_FREE, STATEMENTS_PAID};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use story::Stage;

/// Statements per invocation on Cloudflare's free plan and on the paid one.
pub const PLANS: [u64; 2] = [STATEMENTS_FREE, STATEMENTS_PAID];

fn play_file(text: &str, wanted: &[&str]) {
    let book: Book = serde_json::from_str(text).expect("a book of cases");
    let mut failures = Vec::new();
    // Both of Cloudflare's plans give the same cents, and so do imports.
    let ways = PLANS.map(|max| [(max, false), (max, true)]).concat();
    for (case, (max, imported)) in book.cases.iter().flat_map(|case| ways.iter().map(move |way| (case, *way))) {
        let played = std::panic::catch_unwind(|| play(&book.program, case, max, imported));
        let found = played.unwrap_or_else(|_| vec!["a panic, printed above".to_owned()]);
        let told = |what| format!("{} ({}), {max} statements, imported: {imported}: {what}", case.name, case.source);
        failures.extend(found.into_iter().map(told));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let names: Vec<&str> = book.cases.iter().map(|c| c.name.as_str()).collect();
    assert!(wanted.iter().all(|name| names.contains(name)), "a figure of the brief has lost its case: {names:?}");
}

/// The order of arrival decides these. Of events that arrive in one call, the first is the one that happened first.
const IN_ORDER: [&str; 1] = ["The first purchase taken in stands"];

/// Runs a case and returns every difference from what is expected. An import leaves one ledger row for what single events
/// leave several for, so those are not compared.
fn play(program: &str, case: &Case, statements_max: u64, imported: bool) -> Vec<String> {
    let mut stage = Stage::new(program, case, statements_max);
    if imported && !IN_ORDER.contains(&case.name.as_str()) {
        stage = stage.imported();
    }
    let mut found = Vec::new();
    for step in &case.story {
        if let Some(expect) = &step.expect {
            stage.import();
            found.extend(
                differences(&stage, expect, imported).into_iter().map(|what| format!("as of {}: {what}", stage.now)),
            );
        } else {
            stage.play(step);
        }
    }
    found.extend(stage.world.faults());
    let most = stage.world.db.most.get();
    if most > statements_max {
        found.push(format!("an invocation sent {most} statements"));
    }
    found
}

fn differences(stage: &Stage, expect: &Expect, imported: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut same = |what: &str, is: Value, should: Value| {
        if is != should {
            found.push(format!("{what} is {is}, should be {should}"));
        }
    };
    let balances = expect
        .pending_cents
        .iter()
        .map(|b| ("pending", b))
        .chain(expect.available_cents.iter().map(|b| ("available", b)));
    for (kind, (partner, cents)) in balances {
        same(
            &format!("{kind} of {partner}"),
            json!(stage.world.balance(&stage.partner(partner).0, kind)),
            json!(cents),
        );
    }
    for (partner, months) in &expect.earned_cents_by_month {
        for (month, cents) in months {
            same(&format!("earned by {partner} in {month}"), json!(earned(stage, partner, month)), json!(cents));
        }
    }
    for (invoice, cents) in &expect.earned_cents_by_invoice {
        same(&format!("earned by {invoice}"), json!(earned_by(stage, invoice)), json!(cents));
    }
    for (partner, cents) in &expect.payable_cents {
        same(&format!("payable to {partner}"), json!(payable(stage, partner)), json!(cents));
    }
    for (account, states) in &expect.states {
        for (state, when) in states {
            same(&format!("{account} {state}"), reached(stage, account, state), json!(when));
        }
    }
    for accrual in &expect.accruals {
        same("the line", stored_line(stage, accrual), Value::Object(accrual.clone()));
    }
    if let Some(postings) = expect.postings.as_ref().filter(|_| !imported) {
        same("the ledger", json!(stored_postings(stage)), json!(postings));
    }
    for (account, partner) in &expect.referred_by {
        same(&format!("the referrer of {account}"), json!(referrer(stage, account)), json!(partner));
    }
    if let Some(messages) = expect.messages {
        same(
            "messages waiting",
            json!(stage.world.db.number("SELECT COUNT(*) FROM outbox WHERE kind LIKE 'reward.%'")),
            json!(messages),
        );
    }
    if let Some(figures) = &expect.economics {
        let is = economics(stage, figures.first_year_of_cents_per_month);
        same("economics", serde_json::to_value(is).expect("figures"), serde_json::to_value(figures).expect("figures"));
    }
    found
}

fn earned(stage: &Stage, partner: &str, month: &str) -> i64 {
    let id = &stage.partner(partner).0;
    stage.world.db.number(&format!(
        "SELECT COALESCE(SUM(net_cents), 0) FROM accrual WHERE partner_id = '{id}' AND period = '{month}'"
    ))
}

fn earned_by(stage: &Stage, invoice: &str) -> i64 {
    stage.world.db.number(&format!(
        "SELECT COALESCE(SUM(net_cents), 0) FROM accrual WHERE source = 'invoice:{invoice}' OR source LIKE 'invoice:{invoice}:%'"
    ))
}

/// The payable amounts in the last run's statement.
fn payable(stage: &Stage, partner: &str) -> i64 {
    let id = &stage.partner(partner).0;
    let rows = stage.world.db.look(&format!(
        "SELECT p.payable_cents FROM run_partner p JOIN run r ON r.id = p.run_id WHERE p.partner_id = '{id}'
         ORDER BY r.as_of_ms DESC LIMIT 1"
    ));
    rows.first().and_then(|row| row["payable_cents"].as_i64()).unwrap_or_default()
}

/// When an account reached a state, if it did, according to the latest decision.
fn reached(stage: &Stage, account: &str, state: &str) -> Value {
    let rows = stage.world.db.look(&format!(
        "SELECT s.value ->> '$.at' AS at FROM binding b, json_each(b.states) s
         WHERE b.account_id = '{account}' AND s.value ->> '$.state' = '{state}' AND b.partner_id IS NOT NULL"
    ));
    rows.first().map_or(Value::Null, |row| json!(story::print(row["at"].as_i64().unwrap_or_default())))
}

/// The fields that `line` names, read from the accrual of its invoice or state.
fn stored_line(stage: &Stage, accrual: &Map<String, Value>) -> Value {
    let named = [("invoice", "invoice"), ("state_reached", "state"), ("event", "event")];
    let mut bases = named.iter().filter_map(|(key, kind)| Some(format!("{kind}:{}", accrual.get(*key)?.as_str()?)));
    let source = bases.next().expect("a line names its invoice, its state or its event");
    let rows = stage.world.db.look(&format!(
        "SELECT reward_id AS rule, partner_id, account_id AS account, gross_cents, net_cents, state, reason, vests_at_ms
         FROM accrual WHERE (source = '{source}' OR source LIKE '{source}:%') ORDER BY net_cents DESC, reward_id"
    ));
    let named = |row: &&Map<String, Value>| {
        let mine = |key: &str| accrual.get(key).is_none_or(|v| *v == row[key]);
        let partner = accrual.get("partner").and_then(Value::as_str);
        mine("rule")
            && mine("account")
            && partner.is_none_or(|p| stage.partner(p).0 == row["partner_id"].as_str().unwrap_or_default())
    };
    let Some(row) = rows.iter().find(named) else { return json!(format!("not among {rows:?}")) };
    let mut is = Map::new();
    for key in accrual.keys() {
        let value = match key.as_str() {
            "invoice" | "state_reached" | "event" | "partner" => accrual[key].clone(),
            "vests_at" => json!(story::print(row["vests_at_ms"].as_i64().unwrap_or_default())),
            other => row.get(other).cloned().unwrap_or(Value::Null),
        };
        is.insert(key.clone(), value);
    }
    Value::Object(is)
}

/// Every row of the ledger in order: `accrue 10000 expense -> pending of agency`.
fn stored_postings(stage: &Stage) -> Vec<String> {
    let rows = stage.world.db.look(
        "SELECT t.code, t.amount_cents, d.kind AS from_kind, d.partner_id AS from_partner, c.kind AS to_kind, c.partner_id AS to_partner
         FROM transfer t JOIN ledger_account d ON d.id = t.debit JOIN ledger_account c ON c.id = t.credit ORDER BY t.rowid",
    );
    let side = |row: &Map<String, Value>, side: &str| {
        let kind = row[&format!("{side}_kind")].as_str().unwrap_or_default();
        match stage.name_of(row[&format!("{side}_partner")].as_str().unwrap_or_default()) {
            Some(name) => format!("{kind} of {name}"),
            None => kind.to_owned(),
        }
    };
    let accrual = |row: &Map<String, Value>| {
        let code = row["code"].as_str().unwrap_or_default();
        format!("{code} {}: {} -> {}", row["amount_cents"], side(row, "from"), side(row, "to"))
    };
    rows.iter().map(accrual).collect()
}

fn referrer(stage: &Stage, account: &str) -> Option<String> {
    let rows = stage
        .world
        .db
        .look(&format!("SELECT partner_id FROM binding WHERE account_id = '{account}' AND partner_id IS NOT NULL"));
    stage.name_of(rows.first()?["partner_id"].as_str()?)
}

/// The cost of the referral and its revenue, from the ledger: the cost is what the ledger charged the program. The
/// revenue is twelve months at list price, as in the brief, where the list price is the first invoice without its
/// discount.
fn economics(stage: &Stage, monthly_cents: i64) -> Economics {
    let number = |sql: &str| stage.world.db.number(sql);
    let cost = number(
        "SELECT SUM(IIF(d.kind = 'expense', amount_cents, -amount_cents)) FROM transfer t
         JOIN ledger_account d ON d.id = t.debit JOIN ledger_account c ON c.id = t.credit
         WHERE (d.kind = 'expense') <> (c.kind = 'expense')",
    );
    let list = number(
        "SELECT (payload ->> '$.\"invoice.paid\".amount.cents') + (payload ->> '$.\"invoice.paid\".discount_cents') FROM event
         WHERE type = 'invoice.paid' ORDER BY occurred_at_ms LIMIT 1",
    );
    assert_eq!(list, monthly_cents, "the stored list price");
    let (revenue, margin) = (12 * list, 12 * list - cost);
    Economics {
        first_year_of_cents_per_month: list,
        acquisition_cost_cents: cost,
        first_year_revenue_cents: revenue,
        first_year_margin_cents: margin,
        margin_over_cost_tenths: margin * 10 / cost,
        margin_of_other_channels_cents: BTreeMap::from([
            ("Google Ads at 12000".to_owned(), revenue - 12_000),
            ("LinkedIn Ads at 18000".to_owned(), revenue - 18_000),
            ("content at 4500".to_owned(), revenue - 4_500),
        ]),
    }
}

#[test]
fn user_referral_pays_what_its_brief_says() {
    play_file(include_str!("../programs/user-referral.json"), &["Fifty dollars and twenty percent of the first month"]);
}

#[test]
fn agency_partner_pays_what_its_brief_says() {
    let wanted = ["One client at $500 a month", "Three clients at $500 a month"];
    play_file(include_str!("../programs/agency-partner.json"), &wanted);
}

#[test]
fn agency_partner_pays_its_better_terms() {
    let wanted = ["Eight clients with the volume bonus", "Twenty clients, platinum", "A contract of $5,000 a year"];
    play_file(include_str!("../programs/agency-partner-terms.json"), &wanted);
}

#[test]
fn tiered_credits_pays_what_its_brief_says() {
    play_file(include_str!("../programs/tiered-credits.json"), &["The five tiers"]);
}

#[test]
fn developer_affiliate_pays_what_its_brief_says() {
    let wanted = ["Tiers 1 and 2", "Tier 3, an account at $600 a month", "Tier 4, an agency's client at $800 a month"];
    play_file(include_str!("../programs/developer-affiliate.json"), &wanted);
}

#[test]
fn partner_funnel_pays_nothing() {
    play_file(include_str!("../programs/partner-funnel.json"), &["All five stages, and no money"]);
}
