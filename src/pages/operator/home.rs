//! What needs the operator's attention, each with a link to the page that deals with it.

use crate::base::time::{DAY_MS, HOUR_MS, MINUTE_MS, UtcMillis};
use crate::engine::settlement::schedule;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::Figure;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::operator::{helpers, text};
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

/// How long a failed payout is shown. The next run includes its amount automatically.
const FAILED_MS: i64 = 14 * DAY_MS;
/// A run that takes longer than this is stuck.
const RUN_MS: i64 = HOUR_MS;
/// The sweep runs every ten minutes.
const SWEEP_MS: i64 = 30 * MINUTE_MS;

/// One thing that needs attention.
struct Task {
    title: String,
    what: Markup,
    /// The path of the page that deals with it, and the text of its link.
    way: Option<(String, &'static str)>,
}

fn task(title: impl Into<String>, what: Markup, path: impl Into<String>, way: &'static str) -> Task {
    Task { title: title.into(), what, way: Some((path.into(), way)) }
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let now = cx.now();
    let rule = approval_name(cx.app.config.setup.payout_approval);
    let reads = vec![
        reads::reviews_waiting(),
        reads::runs_unapproved(rule),
        reads::outbound_stopped(now.plus_ms(-FAILED_MS)),
        outbox::outbox_backlog(),
        program::program_list(),
        budget::budget_list(),
        health::heartbeat_list(),
        reads::units_unbalanced(),
        run::run_open_list(20),
        reads::outbound_in_review(),
    ];
    let (session, rows) = cx.operator(reads).await?;
    let reviews: WaitingCount = rows[0].first()?.unwrap_or_default();
    let backlog: Backlog = rows[3].first()?.unwrap_or_default();
    let catalog = program::catalog(&rows[4])?;
    let open_runs: Vec<RunRow> = rows[8].decode()?;
    let unapproved: Vec<UnapprovedRun> = rows[1].decode()?;
    let mut tasks = unbalanced(&rows[7])?;
    tasks.extend(reviewing(cx, &reviews));
    tasks.extend(unapproved.iter().map(|run| approval(cx, run)));
    tasks.extend(stopped(cx, &rows[2].decode()?, &rows[9])?);
    tasks.extend(stuck(cx, &open_runs));
    tasks.extend(budgets(cx, &catalog, &rows[5])?);
    tasks.extend(failed(cx, &backlog));
    tasks.extend(late(cx, &catalog, &rows[6].decode()?));
    tasks.extend(setup(cx));
    let content = html! {
        (components::heading("Home", "Needs your attention.", html! {}))
        @if tasks.is_empty() {
            (components::empty("Nothing needs your attention", html! {
                "Reviews, payouts, reward budgets, messages and scheduled jobs are all up to date. See the " a href="/operator/runs" { "upcoming runs" } "."
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
            figure(cx, "Open reviews", reviews.many),
            figure(cx, "Runs in progress", i64::try_from(open_runs.len()).unwrap_or(0)),
            figure(cx, "Messages waiting", backlog.queued),
            figure(cx, "Programs", i64::try_from(catalog.all_in_force(now).len()).unwrap_or(0)),
        ]))
    };
    Ok(helpers::frame(cx, &session, 200, ("/operator", "Home"), content))
}

fn figure<'a, S: Platform>(cx: &PageContext<'_, S>, label: &'a str, number: i64) -> Figure<'a> {
    Figure { label, value: html! { (cx.locale.number(number)) }, note: html! {} }
}

fn unbalanced(rows: &Rows) -> Result<Vec<Task>, crate::store::port::DbError> {
    #[derive(Deserialize)]
    struct Row {
        unit: String,
    }
    let found: Vec<Row> = rows.decode()?;
    let one = |row: &Row| {
        let what = html! { (text::UNBALANCED) " " (text::APPROVE_NOTHING) };
        task(
            format!("The ledger does not balance in {}", row.unit),
            what,
            "/operator/ledger/faults",
            "View ledger checks",
        )
    };
    Ok(found.iter().map(one).collect())
}

fn reviewing<S: Platform>(cx: &PageContext<'_, S>, reviews: &WaitingCount) -> Option<Task> {
    let since = reviews.since_ms.filter(|_| reviews.many > 0)?;
    let title = helpers::many(cx, reviews.many, "review needs your decision", "reviews need your decision");
    let what = html! { "The oldest has been open since " (components::day(&*cx.locale, since)) ". Earnings are on hold until you decide." };
    Some(task(title, what, "/operator/reviews", "Review"))
}

fn approval<S: Platform>(cx: &PageContext<'_, S>, run: &UnapprovedRun) -> Task {
    let what = html! {
        (run.program_id) ", " (run.period) ": " (helpers::many(cx, run.payouts, "payout", "payouts")) " of "
        (components::amount(&*cx.locale, run.cents, &run.unit)) " in total. Nothing is sent until you approve the run."
    };
    let path = format!("/operator/runs/{}", components::escaped(&run.run_id));
    task("A run needs your approval", what, path, "View run")
}

fn stopped<S: Platform>(
    cx: &PageContext<'_, S>,
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
                helpers::many(cx, s.many, "payout needs a decision", "payouts need a decision"),
                "Stripe's response did not match. Nothing else is sent until you resolve it.",
                "/operator/payouts?state=review",
                "Resolve",
            ),
            "held" => (
                helpers::many(cx, s.many, "payout is on hold", "payouts are on hold"),
                "An operator put it on hold. Release or cancel it to continue.",
                "/operator/payouts?state=held",
                "Release or cancel",
            ),
            "failed" => (
                helpers::many(cx, s.many, "payout failed recently", "payouts failed recently"),
                "The amount is available again and will be included in the next run. The partner may need to update their Stripe account.",
                "/operator/payouts?state=failed",
                "View details",
            ),
            "reversal" => (
                helpers::many(cx, s.many, "reversal needs a decision", "reversals need a decision"),
                "Stripe's response did not match.",
                "",
                "Resolve",
            ),
            _ => (
                helpers::many(cx, s.many, "credit needs a decision", "credits need a decision"),
                "Stripe did not add it to the customer's balance as expected.",
                "",
                "Resolve",
            ),
        };
        let what = html! { (components::amount(&*cx.locale, s.cents, &s.unit)) ". " (why) };
        let prefix = if s.what == "reversal" { "rvl_" } else { "crd_" };
        let first = ids.iter().find(|i| i.id.starts_with(prefix)).map_or("", |i| i.id.as_str());
        let path =
            if path.is_empty() { format!("/operator/payouts/{}", components::escaped(first)) } else { path.to_owned() };
        task(title, what, path, way)
    };
    Ok(found.iter().map(one).collect())
}

fn stuck<S: Platform>(cx: &PageContext<'_, S>, open: &[RunRow]) -> Vec<Task> {
    let long = open.iter().filter(|run| run.started_at_ms.plus_ms(RUN_MS) < cx.now());
    let one = |run: &RunRow| {
        let what = html! {
            (run.program_id) ", " (run.period) ": started " (components::instant(&*cx.locale, run.started_at_ms)) ", " (run.state) ", "
            (cx.locale.number(run.executed)) " of " (cx.locale.number(run.items)) " items done. It resumes automatically every ten minutes."
        };
        task(
            "A run is taking longer than expected",
            what,
            format!("/operator/runs/{}", components::escaped(&run.id)),
            "View run",
        )
    };
    long.map(one).collect()
}

fn budgets<S: Platform>(
    cx: &PageContext<'_, S>,
    catalog: &Catalog,
    rows: &Rows,
) -> Result<Vec<Task>, crate::store::port::DbError> {
    let mut tasks = Vec::new();
    for row in books::budgets(rows)? {
        let budget = row.budget;
        let Some(document) = catalog.in_force(&budget.program_id, cx.now()).filter(|d| d.settlement.budget) else {
            continue;
        };
        if budget.balance_cents >= document.budget_low_cents().0 && budget.waiting == 0 {
            continue;
        }
        let title = if budget.balance_cents == 0 { "A reward budget is empty" } else { "A reward budget is low" };
        let unit = format!("{}:{}", document.settlement.unit.name(), document.currency);
        let what = html! {
            (document.title) " has " (components::amount(&*cx.locale, budget.balance_cents, &unit)) " left. "
            (helpers::many(cx, budget.waiting, "reward is", "rewards are")) " waiting for funds."
        };
        tasks.push(task(
            title,
            what,
            format!("/operator/programs/{}#budget", components::escaped(&budget.program_id)),
            "Add funds",
        ));
    }
    Ok(tasks)
}

fn failed<S: Platform>(cx: &PageContext<'_, S>, backlog: &Backlog) -> Vec<Task> {
    let mut tasks = Vec::new();
    if backlog.failed > 0 {
        let title = helpers::many(cx, backlog.failed, "message was not delivered", "messages were not delivered");
        let what = html! { "Delivery was retried for three days." };
        tasks.push(task(title, what, "/operator/outbox?state=failed", "View failed messages"));
    }
    let mail_is_off = cx.app.config.setup.mail().is_none();
    let oldest = backlog.oldest_ms.map(UtcMillis).filter(|at| at.plus_ms(DAY_MS) < cx.now() && !mail_is_off);
    if let Some(oldest) = oldest {
        let what = html! { "The oldest is from "(components::instant(&*cx.locale, oldest)) "." };
        tasks.push(task(
            "Messages have been waiting for more than a day",
            what,
            "/operator/outbox?state=queued",
            "View waiting messages",
        ));
    }
    tasks
}

/// Scheduled jobs that did not run on time.
fn late<S: Platform>(cx: &PageContext<'_, S>, catalog: &Catalog, beats: &[Heartbeat]) -> Vec<Task> {
    let now = cx.now();
    let beat = |job: &str| beats.iter().find(|b| b.job == job);
    let mut tasks = Vec::new();
    let mut add = |job: &str, last: Option<&Heartbeat>| {
        let what = html! {
            @match last {
                Some(b) => { "It last ran " (components::instant(&*cx.locale, b.finished_at_ms)) "." }
                None => { "It has never run." }
            }
            " Check the Worker's cron triggers and its log."
        };
        tasks.push(Task { title: format!("The {job} job is late"), what, way: None });
    };
    let sweep = beat("sweep");
    if sweep.is_none_or(|b| b.finished_at_ms.plus_ms(SWEEP_MS) < now) {
        add("ten-minute", sweep);
    }
    for cadence in [Cadence::Weekly, Cadence::Monthly] {
        // Without a first run there is no time to compare with.
        let Some(last) = beat(cadence.name()) else { continue };
        let is_used = catalog.all_in_force(now).iter().any(|d| d.settlement.cadence == cadence);
        let next = schedule::next_run_at(cadence, last.scheduled_at_ms.plus_ms(1));
        if is_used && next.plus_ms(HOUR_MS) < now {
            add(cadence.name(), Some(last));
        }
    }
    tasks
}

fn setup<S: Platform>(cx: &PageContext<'_, S>) -> Vec<Task> {
    let config = cx.app.config;
    let mut tasks = Vec::new();
    let mut add = |title: &str, what: Markup| tasks.push(Task { title: title.to_owned(), what, way: None });
    if config.setup.stripe.is_none() {
        add(
            "Stripe is not set up",
            html! { "Earnings are recorded, but partners are not paid. Set " code { "STRIPE_API_KEY" } "." },
        );
    }
    if config.setup.mail().is_none() {
        add(
            "Email is not set up",
            html! {
                "Messages are not sent, and nobody can sign in by email. Set " code { "MAIL_FROM" } ", " code { "PUBLIC_URL" } " and an email provider."
            },
        );
    } else if config.setup.mail.operator.is_none() {
        add("No address receives operator emails", html! { "Set " code { "OPERATOR_EMAIL" } "." });
    }
    if !config.complaints.is_empty() {
        add(
            "There is a problem with your configuration",
            html! {
                @for (n, complaint) in config.complaints.iter().enumerate() { @if n > 0 { br; } (complaint) }
            },
        );
    }
    tasks
}
