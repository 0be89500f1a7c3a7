//! What needs the operator's attention, each with a link to the page that deals with it.

use crate::base::percent;
use crate::base::time::{DAY_MS, HOUR_MS, MINUTE_MS, UtcMillis};
use crate::engine::settlement::schedule;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::Figure;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::operator::tasks::{Task, failed_events, stopped, task, unexpected, waiting_work};
use crate::pages::operator::{helpers, site_script};
use crate::pages::text::operator::{common, home as wording, navigation};
use crate::pages::viewer::{Gate, Operator};
use crate::program::catalog::Catalog;
use crate::program::document::Cadence;
use crate::service::overdue::is_undecided;
use crate::service::payout::send::approval_name;
use crate::store::account::AccountIdRow;
use crate::store::account::waiting::{
    RefusedBy, WAITING_MAX, WaitingAccounts, refused_accounts, refused_list, waiting_count,
};
use crate::store::accrual::adjustment::{RequestedCount, requested_count};
use crate::store::attribution::question::{OpenQuestions, question_open};
use crate::store::event::stripe_failed::failure_count;
use crate::store::health;
use crate::store::health::{Backlog, Heartbeat};
use crate::store::ledger::budget::{BudgetRow, budget_list};
use crate::store::link::click::dropped_count;
use crate::store::message::outbox;
use crate::store::payout::unexpected::unexpected_count;
use crate::store::program;
use crate::store::query::COUNTED_MAX;
use crate::store::report::operator as reads;
use crate::store::report::operator::{UnapprovedRun, WaitingCount};
use crate::store::settlement::run;
use crate::store::settlement::run::RunRow;
use maud::{Markup, html};

/// How long a failed payout is shown. The next run includes its amount automatically.
const FAILED_MS: i64 = 14 * DAY_MS;
/// A run that takes longer than this is stuck.
const RUN_MS: i64 = HOUR_MS;
/// The sweep runs every ten minutes.
const SWEEP_MS: i64 = 30 * MINUTE_MS;

/// How many of the accounts that are refused are named.
const REFUSED_SHOWN: i64 = 5;

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let now = cx.now();
    let rule = approval_name(cx.app.config.setup.payout_approval);
    let reads = (
        reads::reviews_waiting().first(),
        reads::runs_unapproved(rule),
        reads::outbound_stopped(now.plus_ms(-FAILED_MS)),
        outbox::outbox_backlog().first(),
        program::programs(),
        budget_list(),
        health::heartbeat_list(),
        (run::run_open_list(20), health::run_open_count().first(), dropped_count(now).first()),
        (
            (reads::outbound_in_review(), unexpected_count().first(), requested_count().first()),
            failure_count().first(),
            (waiting_count().first(), refused_list(), refused_accounts(REFUSED_SHOWN), question_open().first()),
        ),
    );
    let (operator, rows) = gate.open(cx, reads).await?;
    let (
        reviews,
        unapproved,
        stopped_payouts,
        backlog,
        catalog,
        all_budgets,
        beats,
        (open_runs, running, lost),
        ((in_review, transfers, requested), failures, (waiting, refused, refused_ids, questions)),
    ) = rows;
    let (reviews, backlog) = (reviews.unwrap_or_default(), backlog.unwrap_or_default());
    let mut tasks = unbalanced(&beats);
    tasks.extend(reviewing(cx, &reviews));
    tasks.extend(adjustments(cx, requested.unwrap_or_default()));
    tasks.extend(questioned(cx, questions.unwrap_or_default()));
    tasks.extend(unapproved.iter().map(|run| approval(cx, run)));
    tasks.extend(stopped(cx, &stopped_payouts, &in_review));
    tasks.extend(unexpected(cx, transfers.unwrap_or_default().unexpected));
    tasks.extend(failed_events(cx, failures.unwrap_or_default().failed));
    tasks.extend(dropped(cx, lost.unwrap_or_default().dropped));
    tasks.extend(stuck(cx, &open_runs));
    tasks.extend(undecided(cx, &waiting.unwrap_or_default(), &refused, &refused_ids));
    tasks.extend(budgets(cx, &catalog, &all_budgets));
    tasks.extend(failed(cx, &backlog));
    tasks.extend(late(cx, &catalog, &beats));
    tasks.extend(setup(cx));
    let content = html! {
        (components::heading(navigation::HOME, wording::LEAD, html! {}))
        @if tasks.is_empty() {
            (components::empty(wording::NOTHING, html! {
                (wording::NOTHING_HINT[0]) a href="/operator/runs" { (wording::UPCOMING_RUNS) } (wording::NOTHING_HINT[1])
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
        (figures(cx, [reviews.many, running.map_or(0, |r| r.open), backlog.queued], &catalog))
        (site_script::tag(cx.app.config))
    };
    Ok(helpers::frame(cx, &operator, 200, ("/operator", navigation::HOME), content))
}

fn figures<S: Platform>(cx: &PageContext<'_, S>, [reviews, runs, queued]: [i64; 3], catalog: &Catalog) -> Markup {
    components::figures(&[
        figure(cx, wording::OPEN_REVIEWS, reviews),
        figure(cx, wording::RUNS_IN_PROGRESS, runs),
        figure(cx, wording::MESSAGES_WAITING, queued),
        figure(cx, navigation::PROGRAMS, i64::try_from(catalog.all_current(cx.now()).len()).unwrap_or(0)),
    ])
}

fn figure<'a, S: Platform>(cx: &PageContext<'_, S>, label: &'a str, number: i64) -> Figure<'a> {
    let more = if number > COUNTED_MAX { "+" } else { "" };
    Figure { label, value: html! { (cx.locale.number(number.min(COUNTED_MAX))) (more) }, note: html! {} }
}

fn unbalanced(beats: &[Heartbeat]) -> Vec<Task> {
    let one = |unit: &str| {
        let what = html! { (common::UNBALANCED) " " (common::APPROVE_NOTHING) };
        task(wording::unbalanced(unit), what, "/operator/ledger/checks", common::VIEW_CHECKS)
    };
    health::units_unbalanced(beats).map(one).collect()
}

fn reviewing<S: Platform>(cx: &PageContext<'_, S>, reviews: &WaitingCount) -> Option<Task> {
    let since = reviews.since_ms.filter(|_| reviews.many > 0)?;
    let title = waiting_work(cx, reviews.many, wording::REVIEWS);
    let what = html! { (wording::reviews_of(reviews.many, reviews.accounts, &cx.locale.number(reviews.accounts))) (wording::REVIEWS_SINCE[0]) (components::day(&*cx.locale, since)) (wording::REVIEWS_SINCE[1]) };
    Some(task(title, what, "/operator/reviews", common::REVIEW))
}

fn approval<S: Platform>(cx: &PageContext<'_, S>, run: &UnapprovedRun) -> Task {
    let what = html! {
        (run.program_id) ", " (run.period) ": " (waiting_work(cx, run.payouts, common::PAYOUT_OR_PAYOUTS))
        @if run.payouts <= COUNTED_MAX { (wording::APPROVAL_OF[0]) (components::amount(&*cx.locale, run.cents, &run.unit)) (wording::APPROVAL_OF[1]) }
        @else { (wording::APPROVAL_FIRST) }
    };
    let path = format!("/operator/runs/{}", percent::escaped(&run.run_id));
    task(wording::APPROVAL, what, path, common::VIEW_RUN)
}

fn adjustments<S: Platform>(cx: &PageContext<'_, S>, requested: RequestedCount) -> Option<Task> {
    let title = waiting_work(cx, requested.requested, wording::ADJUSTMENTS_REQUESTED);
    let what = html! {
        (wording::ADJUSTMENTS_SINCE[0]) (components::instant(&*cx.locale, requested.oldest_ms?)) (wording::ADJUSTMENTS_SINCE[1])
    };
    Some(task(title, what, "/operator/adjustments?state=requested", wording::APPROVE_OR_REJECT))
}

fn questioned<S: Platform>(cx: &PageContext<'_, S>, questions: OpenQuestions) -> Option<Task> {
    let title = waiting_work(cx, questions.open, wording::QUESTIONS);
    let what = html! {
        (wording::QUESTIONS_SINCE[0]) (components::instant(&*cx.locale, questions.oldest_ms?)) (wording::QUESTIONS_SINCE[1])
    };
    Some(task(title, what, "/operator/questions", wording::REPLY_TO_QUESTIONS))
}

fn dropped<S: Platform>(cx: &PageContext<'_, S>, number: i64) -> Option<Task> {
    let what = html! { (wording::CLICKS_DROPPED_WHY) };
    (number > 0).then(|| Task { title: wording::clicks_dropped(&cx.locale.number(number)), what, way: None })
}

fn stuck<S: Platform>(cx: &PageContext<'_, S>, open: &[RunRow]) -> Vec<Task> {
    let long = open.iter().filter(|run| run.refused_by.is_some() || run.started_at_ms.plus_ms(RUN_MS) < cx.now());
    let one = |run: &RunRow| {
        let what = html! {
            (wording::run_started(&run.program_id, &run.period)) (components::instant(&*cx.locale, run.started_at_ms))
            (wording::run_progress(run.state.name(), &cx.locale.number(run.executed), &cx.locale.number(run.items)))
            @if let Some(name) = &run.refused_by { (wording::refused_by(name)) }
        };
        let title = if run.refused_by.is_some() { wording::RUN_REFUSED } else { wording::RUN_STUCK };
        task(title, what, format!("/operator/runs/{}", percent::escaped(&run.id)), common::VIEW_RUN)
    };
    long.map(one).collect()
}

/// Accounts whose decision the database refuses, and those that wait too long for theirs.
fn undecided<S: Platform>(
    cx: &PageContext<'_, S>,
    waiting: &WaitingAccounts,
    refused: &[RefusedBy],
    ids: &[AccountIdRow],
) -> Vec<Task> {
    let mut tasks = Vec::new();
    if waiting.refused > 0 {
        let what = html! {
            (wording::ACCOUNTS_REFUSED_WHY) @for by in refused { (wording::refused_by(&by.refused_by)) }
            @for row in ids { " " (helpers::account(&row.account_id)) }
        };
        let title = helpers::counted(cx, waiting.refused, WAITING_MAX - 1, wording::ACCOUNTS_REFUSED);
        tasks.push(Task { title, what, way: None });
    } else if let Some(since) = waiting.oldest_ms.filter(|_| is_undecided(waiting, cx.now())) {
        let what = html! {
            (helpers::counted(cx, waiting.waiting, WAITING_MAX - 1, wording::ACCOUNTS_WAIT)) (wording::ACCOUNTS_LATE_SINCE[0])
            (components::instant(&*cx.locale, since)) (wording::ACCOUNTS_LATE_SINCE[1])
        };
        tasks.push(Task { title: wording::ACCOUNTS_LATE.to_owned(), what, way: None });
    }
    tasks
}

fn budgets<S: Platform>(cx: &PageContext<'_, S>, catalog: &Catalog, rows: &[BudgetRow]) -> Vec<Task> {
    let mut tasks = Vec::new();
    for row in rows {
        let budget = &row.budget;
        let Some(document) = catalog.current(&budget.program_id, cx.now()).filter(|d| d.settlement.budget) else {
            continue;
        };
        if budget.balance_cents >= document.budget_low_cents().0 && budget.waiting == 0 {
            continue;
        }
        let title = if budget.balance_cents == 0 { wording::BUDGET_EMPTY } else { wording::BUDGET_LOW };
        let unit = format!("{}:{}", document.settlement.unit.name(), document.currency);
        let what = html! {
            (document.title) (wording::BUDGET_LEFT[0]) (components::amount(&*cx.locale, budget.balance_cents, &unit)) (wording::BUDGET_LEFT[1])
            (helpers::many(cx, budget.waiting, wording::REWARDS_WAITING)) (wording::BUDGET_LEFT[2])
        };
        tasks.push(task(
            title,
            what,
            format!("/operator/programs/{}#budget", percent::escaped(&budget.program_id)),
            wording::ADD_FUNDS,
        ));
    }
    tasks
}

fn failed<S: Platform>(cx: &PageContext<'_, S>, backlog: &Backlog) -> Vec<Task> {
    let mut tasks = Vec::new();
    if backlog.failed > 0 {
        let title = waiting_work(cx, backlog.failed, wording::MESSAGES_FAILED);
        let what = html! { (wording::MESSAGES_FAILED_WHY) };
        tasks.push(task(title, what, "/operator/outbox?state=failed", wording::VIEW_FAILED_MESSAGES));
    }
    if backlog.undelivered > 0 {
        let title = waiting_work(cx, backlog.undelivered, wording::MESSAGES_UNDELIVERED);
        let what = html! { (wording::MESSAGES_UNDELIVERED_WHY) };
        tasks.push(task(title, what, "/operator/outbox?state=undelivered", wording::VIEW_UNDELIVERED_MESSAGES));
    }
    let mail_is_off = cx.app.config.setup.mail().is_none();
    let oldest = backlog.oldest_ms.map(UtcMillis).filter(|at| at.plus_ms(DAY_MS) < cx.now() && !mail_is_off);
    if let Some(oldest) = oldest {
        let what = html! { (wording::MESSAGES_LATE_SINCE[0]) (components::instant(&*cx.locale, oldest)) (wording::MESSAGES_LATE_SINCE[1]) };
        tasks.push(task(wording::MESSAGES_LATE, what, "/operator/outbox?state=queued", wording::VIEW_WAITING_MESSAGES));
    }
    tasks
}

/// Scheduled jobs that did not run on time.
fn late<S: Platform>(cx: &PageContext<'_, S>, catalog: &Catalog, beats: &[Heartbeat]) -> Vec<Task> {
    let now = cx.now();
    let beat = |job: &str| beats.iter().find(|b| b.job == job);
    let mut tasks = Vec::new();
    if let Some(name) = beat("sweep").and_then(|b| b.refused_by.as_deref()) {
        tasks.push(Task {
            title: wording::SWEEP_REFUSED.to_owned(),
            what: html! { (wording::refused_by(name)) },
            way: None,
        });
    }
    let mut add = |job: &str, last: Option<&Heartbeat>| {
        let what = html! {
            @match last {
                Some(b) => { (wording::JOB_RAN[0]) (components::instant(&*cx.locale, b.finished_at_ms)) (wording::JOB_RAN[1]) }
                None => { (wording::JOB_NEVER_RAN) }
            }
            " " (wording::CHECK_TRIGGERS)
        };
        tasks.push(Task { title: wording::job_late(job), what, way: None });
    };
    let sweep = beat("sweep");
    if sweep.is_none_or(|b| b.finished_at_ms.plus_ms(SWEEP_MS) < now) {
        add(wording::TEN_MINUTE_JOB, sweep);
    }
    for cadence in [Cadence::Weekly, Cadence::Monthly] {
        // Without a first run there is no time to compare with.
        let Some(last) = beat(cadence.name()) else { continue };
        let is_used = catalog.all_current(now).iter().any(|d| d.settlement.cadence == cadence);
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
            wording::NO_STRIPE,
            html! { (wording::NO_STRIPE_HINT[0]) code { "STRIPE_API_KEY" } (wording::NO_STRIPE_HINT[1]) },
        );
    }
    if config.setup.mail().is_none() {
        add(
            wording::NO_EMAIL,
            html! {
                (wording::NO_EMAIL_HINT[0]) code { "MAIL_FROM" } (wording::NO_EMAIL_HINT[1]) code { "PUBLIC_URL" } (wording::NO_EMAIL_HINT[2])
            },
        );
    } else if config.setup.mail.operator.is_none() {
        add(
            wording::NO_OPERATOR_EMAIL,
            html! { (wording::NO_OPERATOR_EMAIL_HINT[0]) code { "OPERATOR_EMAIL" } (wording::NO_OPERATOR_EMAIL_HINT[1]) },
        );
    }
    if !config.complaints.is_empty() {
        add(
            wording::CONFIGURATION,
            html! {
                @for (n, complaint) in config.complaints.iter().enumerate() { @if n > 0 { br; } (complaint) }
            },
        );
    }
    tasks
}
