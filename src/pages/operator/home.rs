//! What needs a person, each with the way to where it is dealt with. Quiet where nothing does.

use crate::base::time::{DAY_MS, HOUR_MS, MINUTE_MS, UtcMillis};
use crate::engine::settlement::schedule;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::Figure;
use crate::pages::operator::helpers;
use crate::pages::visit::{PageContext, PageResult};
use crate::program::catalog::Catalog;
use crate::program::document::Cadence;
use crate::service::account::books;
use crate::service::payout::send::approval_name;
use crate::store::health;
use crate::store::health::{Backlog, Heartbeat};
use crate::store::ledger::budget;
use crate::store::message::outbox;
use crate::store::port::Rows;
use crate::store::program;
use crate::store::report::operator as reads;
use crate::store::report::operator::{StoppedPayout, UnapprovedRun, WaitingCount};
use crate::store::settlement::run;
use crate::store::settlement::run::RunRow;
use maud::{Markup, html};
use serde::Deserialize;

/// How long a payout that failed is shown as news: its amount goes into the next run by itself.
const FAILED_MS: i64 = 14 * DAY_MS;
/// A run that takes longer than this is stuck.
const RUN_MS: i64 = HOUR_MS;
/// The sweep comes every ten minutes.
const SWEEP_MS: i64 = 30 * MINUTE_MS;

/// One thing to do.
struct Task {
    title: String,
    what: Markup,
    /// Where it is dealt with, and what the way there is called.
    way: Option<(String, &'static str)>,
}

fn task(title: impl Into<String>, what: Markup, path: impl Into<String>, way: &'static str) -> Task {
    Task { title: title.into(), what, way: Some((path.into(), way)) }
}

pub async fn show<S: Platform>(visit: &PageContext<'_, S>) -> PageResult {
    let now = visit.now();
    let rule = approval_name(visit.app.config.setup.payout_approval);
    let asked = vec![
        reads::reviews_waiting(),
        reads::runs_unapproved(rule),
        reads::sendings_stopped(now.plus_ms(-FAILED_MS)),
        outbox::outbox_backlog(),
        program::program_list(),
        budget::pool_list(),
        health::heartbeat_list(),
        reads::units_unbalanced(),
        run::run_open_list(20),
        reads::sendings_in_review(),
    ];
    let (session, rows) = visit.operator(asked).await?;
    let reviews: WaitingCount = rows[0].first()?.unwrap_or_default();
    let backlog: Backlog = rows[3].first()?.unwrap_or_default();
    let catalog = program::catalog(&rows[4])?;
    let open_runs: Vec<RunRow> = rows[8].decode()?;
    let unapproved: Vec<UnapprovedRun> = rows[1].decode()?;
    let mut tasks = unbalanced(&rows[7])?;
    tasks.extend(reviewing(visit, &reviews));
    tasks.extend(unapproved.iter().map(|run| approval(visit, run)));
    tasks.extend(stopped(visit, &rows[2].decode()?, &rows[9])?);
    tasks.extend(stuck(visit, &open_runs));
    tasks.extend(pools(visit, &catalog, &rows[5])?);
    tasks.extend(failed(visit, &backlog));
    tasks.extend(late(visit, &catalog, &rows[6].decode()?));
    tasks.extend(setup(visit));
    let content = html! {
        (components::heading("Home", "What needs a person. Everything else runs by itself.", html! {}))
        @if tasks.is_empty() {
            (components::empty("Nothing needs you", html! {
                "Reviews, payouts, pools, messages and jobs are as they should be. The " a href="/operator/runs" { "next runs" } " come by themselves."
            }))
        } @else {
            ul.tasks {
                @for task in &tasks {
                    li.todo {
                        h2 { (task.title) }
                        p { (task.what) }
                        @if let Some((path, way)) = &task.way { p { a href=(path) { (way) } } }
                    }
                }
            }
        }
        (components::figures(&[
            figure(visit, "Open reviews", reviews.many),
            figure(visit, "Runs under way", i64::try_from(open_runs.len()).unwrap_or(0)),
            figure(visit, "Messages waiting", backlog.queued),
            figure(visit, "Programs", i64::try_from(catalog.all_in_force(now).len()).unwrap_or(0)),
        ]))
    };
    Ok(helpers::frame(visit, &session, 200, ("/operator", "Home"), content))
}

fn figure<'a, S: Platform>(visit: &PageContext<'_, S>, label: &'a str, number: i64) -> Figure<'a> {
    Figure { label, value: html! { (visit.words.number(number)) }, note: html! {} }
}

fn unbalanced(rows: &Rows) -> Result<Vec<Task>, crate::store::port::DbError> {
    #[derive(Deserialize)]
    struct Row {
        unit: String,
    }
    let found: Vec<Row> = rows.decode()?;
    let one = |row: &Row| {
        let what = html! { "Debits and credits differ. Approve nothing before it is understood." };
        task(format!("The ledger does not balance in {}", row.unit), what, "/operator/ledger/faults", "See the faults")
    };
    Ok(found.iter().map(one).collect())
}

fn reviewing<S: Platform>(visit: &PageContext<'_, S>, reviews: &WaitingCount) -> Option<Task> {
    let since = reviews.since_ms.filter(|_| reviews.many > 0)?;
    let title = helpers::many(visit, reviews.many, "referral waits for a decision", "referrals wait for a decision");
    let what = html! { "The oldest has waited since " (components::day(&*visit.words, since)) ". What it earns stands still until then." };
    Some(task(title, what, "/operator/reviews", "Decide"))
}

fn approval<S: Platform>(visit: &PageContext<'_, S>, run: &UnapprovedRun) -> Task {
    let what = html! {
        (run.program_id) ", " (run.period) ": " (helpers::many(visit, run.payouts, "payout", "payouts")) " of "
        (components::amount(&*visit.words, run.cents, &run.unit)) " in all. Nothing leaves before you approve."
    };
    let path = format!("/operator/runs/{}", components::escaped(&run.run_id));
    task("A run waits for your approval", what, path, "Look at the run")
}

fn stopped<S: Platform>(
    visit: &PageContext<'_, S>,
    found: &[StoppedPayout],
    in_review: &Rows,
) -> Result<Vec<Task>, crate::store::port::DbError> {
    #[derive(Deserialize)]
    struct Id {
        id: String,
    }
    let ids: Vec<Id> = in_review.decode()?;
    let one = |s: &StoppedPayout| {
        let (title, why, path, way) = match s.what.as_str() {
            "review" => (
                helpers::many(visit, s.many, "payout needs a decision", "payouts need a decision"),
                "Stripe's answer does not fit, and nothing more is sent before you say what happened.",
                "/operator/payouts?state=review",
                "Resolve",
            ),
            "held" => (
                helpers::many(visit, s.many, "payout is held", "payouts are held"),
                "Somebody stopped it. It waits until it is released or cancelled.",
                "/operator/payouts?state=held",
                "Release or cancel",
            ),
            "failed" => (
                helpers::many(visit, s.many, "payout failed lately", "payouts failed lately"),
                "The amount is available again and goes into the next run. The partner may have to mend its account.",
                "/operator/payouts?state=failed",
                "See why",
            ),
            "reversal" => (
                helpers::many(visit, s.many, "reversal needs a decision", "reversals need a decision"),
                "Stripe's answer does not fit.",
                "",
                "Resolve",
            ),
            _ => (
                helpers::many(visit, s.many, "credit needs a decision", "credits need a decision"),
                "Putting it on the customer's balance at Stripe did not go as planned.",
                "",
                "Resolve",
            ),
        };
        let what = html! { (components::amount(&*visit.words, s.cents, &s.unit)) ". " (why) };
        let prefix = if s.what == "reversal" { "rvl_" } else { "crd_" };
        let first = ids.iter().find(|i| i.id.starts_with(prefix)).map_or("", |i| i.id.as_str());
        let path =
            if path.is_empty() { format!("/operator/payouts/{}", components::escaped(first)) } else { path.to_owned() };
        task(title, what, path, way)
    };
    Ok(found.iter().map(one).collect())
}

fn stuck<S: Platform>(visit: &PageContext<'_, S>, open: &[RunRow]) -> Vec<Task> {
    let long = open.iter().filter(|run| run.started_at_ms.plus_ms(RUN_MS) < visit.now());
    let one = |run: &RunRow| {
        let what = html! {
            (run.program_id) ", " (run.period) ": begun " (components::instant(&*visit.words, run.started_at_ms)) ", " (run.state) ", "
            (visit.words.number(run.executed)) " of " (visit.words.number(run.items)) " done. The sweep resumes it every ten minutes."
        };
        task("A run takes long", what, format!("/operator/runs/{}", components::escaped(&run.id)), "Look at the run")
    };
    long.map(one).collect()
}

fn pools<S: Platform>(
    visit: &PageContext<'_, S>,
    catalog: &Catalog,
    rows: &Rows,
) -> Result<Vec<Task>, crate::store::port::DbError> {
    let mut tasks = Vec::new();
    for row in books::pools(rows)? {
        let pool = row.pool;
        let Some(document) = catalog.in_force(&pool.program_id, visit.now()).filter(|d| d.settlement.pool) else {
            continue;
        };
        if pool.balance_cents >= document.pool_low_cents().0 && pool.waiting == 0 {
            continue;
        }
        let title = if pool.balance_cents == 0 { "A pool is empty" } else { "A pool is low" };
        let unit = format!("{}:{}", document.settlement.unit.name(), document.currency);
        let what = html! {
            (document.title) " has " (components::amount(&*visit.words, pool.balance_cents, &unit)) " left, and "
            (helpers::many(visit, pool.waiting, "reward waits", "rewards wait")) " for it."
        };
        tasks.push(task(
            title,
            what,
            format!("/operator/programs/{}#pool", components::escaped(&pool.program_id)),
            "Fund it",
        ));
    }
    Ok(tasks)
}

fn failed<S: Platform>(visit: &PageContext<'_, S>, backlog: &Backlog) -> Vec<Task> {
    let mut tasks = Vec::new();
    if backlog.failed > 0 {
        let title = helpers::many(visit, backlog.failed, "message did not arrive", "messages did not arrive");
        let what = html! { "They were tried for three days." };
        tasks.push(task(title, what, "/operator/outbox?state=failed", "Send again"));
    }
    let mail_is_off = visit.app.config.setup.mail().is_none();
    let oldest = backlog.oldest_ms.map(UtcMillis).filter(|at| at.plus_ms(DAY_MS) < visit.now() && !mail_is_off);
    if let Some(oldest) = oldest {
        let what = html! { "The oldest is of " (components::instant(&*visit.words, oldest)) "." };
        tasks.push(task("Messages have waited for more than a day", what, "/operator/outbox?state=queued", "See them"));
    }
    tasks
}

/// Jobs that did not come when they should have.
fn late<S: Platform>(visit: &PageContext<'_, S>, catalog: &Catalog, beats: &[Heartbeat]) -> Vec<Task> {
    let now = visit.now();
    let beat = |job: &str| beats.iter().find(|b| b.job == job);
    let mut tasks = Vec::new();
    let mut add = |job: &str, last: Option<&Heartbeat>| {
        let what = html! {
            @match last {
                Some(b) => { "It last ran " (components::instant(&*visit.words, b.finished_at_ms)) "." }
                None => { "It has never run." }
            }
            " See that the Worker's cron triggers are set and what its log says."
        };
        tasks.push(Task { title: format!("The {job} job is late"), what, way: None });
    };
    let sweep = beat("sweep");
    if sweep.is_none_or(|b| b.finished_at_ms.plus_ms(SWEEP_MS) < now) {
        add("ten-minute", sweep);
    }
    for cadence in [Cadence::Weekly, Cadence::Monthly] {
        // Before its first time nobody knows when it should have come.
        let Some(last) = beat(cadence.name()) else { continue };
        let is_used = catalog.all_in_force(now).iter().any(|d| d.settlement.cadence == cadence);
        let next = schedule::next_run_at(cadence, last.scheduled_at_ms.plus_ms(1));
        if is_used && next.plus_ms(HOUR_MS) < now {
            add(cadence.name(), Some(last));
        }
    }
    tasks
}

fn setup<S: Platform>(visit: &PageContext<'_, S>) -> Vec<Task> {
    let config = visit.app.config;
    let mut tasks = Vec::new();
    let mut add = |title: &str, what: Markup| tasks.push(Task { title: title.to_owned(), what, way: None });
    if config.setup.stripe.is_none() {
        add(
            "Stripe is not set up",
            html! { "Earnings are booked, and nobody is paid. Set " code { "STRIPE_API_KEY" } "." },
        );
    }
    if config.setup.mail().is_none() {
        add(
            "Mail is not set up",
            html! {
                "Messages wait, and nobody can sign in by mail. Set " code { "MAIL_FROM" } ", " code { "PUBLIC_URL" } " and a way to send."
            },
        );
    } else if config.setup.mail.operator.is_none() {
        add("Nobody gets the operator's mail", html! { "Set " code { "OPERATOR_EMAIL" } "." });
    }
    if !config.complaints.is_empty() {
        add(
            "Something is wrong in the configuration",
            html! {
                @for (n, complaint) in config.complaints.iter().enumerate() { @if n > 0 { br; } (complaint) }
            },
        );
    }
    tasks
}
