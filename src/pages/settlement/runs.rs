//! Runs: past and upcoming ones, the progress of each, its payouts and their approval.

use crate::base::time::UtcMillis;
use crate::codec::Invalid;
use crate::codec::operator as forms;
use crate::codec::operator::NewRun;
use crate::engine::identity::access::Scope;
use crate::engine::settlement::RunState;
use crate::engine::settlement::schedule;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::{Field, Figure, number, text};
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::payout::payout_table::payout_table;
use crate::pages::refusal::{with_refusal, without_stripe};
use crate::pages::text::operator::{common, navigation, payout, settlement as wording};
use crate::program::catalog::Catalog;
use crate::program::document::{Cadence, Document};
use crate::service::error::AppError;
use crate::service::payout as deciding;
use crate::service::payout::send::approval_name;
use crate::service::settlement::start as starting;
use crate::store::payout::plan;
use crate::store::payout::plan::ApprovalRow;
use crate::store::program;
use crate::store::report::payout as reports;
use crate::store::report::payout::{CarriedSum, StateSum};
use crate::store::settlement::operator_runs as reads;
use crate::store::settlement::operator_runs::{LastPeriod, PayoutShown, StatementSum};
use crate::store::settlement::run;
use crate::store::settlement::run::RunRow;
use maud::{Markup, html};

const HERE: &str = "/operator/runs";

pub async fn list<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    listed(cx, &SubmittedForm::default()).await
}

async fn listed<S: Platform>(cx: &PageContext<'_, S>, form: &SubmittedForm) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let (before_ms, before_id) = list.instant_and_id(helpers::LATEST)?;
    let read =
        vec![run::run_page(before_ms, &before_id, list.limit + 1), program::program_list(), reads::run_last_periods()];
    let (session, rows) = cx.operator(read).await?;
    let (runs, next) = helpers::paged(&list, rows[0].decode()?, |r: &RunRow| format!("{}.{}", r.started_at_ms.0, r.id));
    let catalog = program::catalog(&rows[1])?;
    let cells = |r: &RunRow| {
        vec![
            html! { a href={ (HERE) "/" (components::escaped(&r.id)) } { (wording::title(&r.program_id, &r.period)) } },
            components::state(r.state.name()),
            html! { (wording::done_of(&cx.locale.number(r.executed), &cx.locale.number(r.items))) },
            html! { (r.actor) },
            components::instant(&*cx.locale, r.started_at_ms),
        ]
    };
    let columns = [
        text(common::RUN),
        text(common::STATE),
        number(common::DONE),
        text(common::STARTED_BY),
        text(wording::STARTED),
    ];
    let lead = wording::LEAD;
    let content = html! {
        (components::heading(navigation::RUNS, lead, html! { a.button.second href="/operator/payouts" { (common::ALL_PAYOUTS) } }))
        (components::problems(form))
        (upcoming(cx, &catalog, &rows[2].decode()?))
        h2 { (wording::PAST) }
        @if runs.is_empty() {
            (components::empty(wording::NONE, html! { (wording::NONE_HINT) }))
        } @else {
            (components::table(wording::NEWEST_FIRST, &columns, &runs.iter().map(cells).collect::<Vec<_>>()))
        }
        (components::pager(HERE, next.as_deref(), list.cursor.is_empty()))
        (start_form(cx, form, &catalog))
    };
    Ok(helpers::frame(cx, &session, helpers::status(form), (HERE, navigation::RUNS), content))
}

/// Programs that pay weekly or monthly: the next run, and whether the last completed period has a run.
fn upcoming<S: Platform>(cx: &PageContext<'_, S>, catalog: &Catalog, last: &[LastPeriod]) -> Markup {
    let now = cx.now();
    let in_force = catalog.all_in_force(now);
    let cells = |d: &&Document| {
        let cadence = d.settlement.cadence;
        let at = schedule::next_run_at(cadence, now.plus_ms(1));
        let (next, over) = (schedule::period_before(cadence, at), schedule::period_before(cadence, now));
        let scheduled = schedule::scheduled_at(cadence, &over).filter(|at| *at <= now);
        let is_settled = last.iter().any(|l| l.program_id == d.id && l.cadence == cadence.name() && l.period >= over);
        let preview = |period: &str| format!("{HERE}/preview?program={}&period={period}", components::escaped(&d.id));
        vec![
            html! { a href={ "/operator/programs/" (components::escaped(&d.id)) } { (d.title) } },
            html! { (next) ", " (components::utc(&*cx.locale, at)) },
            html! { a href=(preview(&next)) { (wording::PREVIEW) } },
            html! {
                (over) " "
                @if is_settled { (components::state("settled")) }
                @else if scheduled.is_some() { (components::state("waiting")) " " a href=(preview(&over)) { (wording::PREVIEW_AND_START) } }
                @else { span.quiet { (wording::NOT_DUE) } }
            },
        ]
    };
    let rows: Vec<Vec<Markup>> = in_force.iter().filter(|d| is_settled_by_runs(d)).map(cells).collect();
    html! {
        @if !rows.is_empty() {
            h2 { (wording::UPCOMING) }
            (components::table(wording::UPCOMING_RUNS, &[text(common::PROGRAM), text(wording::NEXT_RUN), text(""), text(wording::LAST_COMPLETED)], &rows))
        }
    }
}

fn start_form<S: Platform>(cx: &PageContext<'_, S>, form: &SubmittedForm, catalog: &Catalog) -> Markup {
    let choices = settled_by_runs(catalog, cx.now());
    html! {
        @if !choices.is_empty() {
            section id="start" {
                h2 { (wording::START) }
                p { (wording::START_LEAD) }
                @if cx.may(Scope::Payouts) {
                    form.stack method="post" action=(HERE) {
                        (csrf(cx))
                        (which(form, &choices))
                        button { (common::START_RUN) }
                    }
                }
            }
        }
    }
}

fn is_settled_by_runs(d: &Document) -> bool {
    matches!(d.settlement.cadence, Cadence::Weekly | Cadence::Monthly)
}

/// Ids and titles of the programs that have runs.
pub fn settled_by_runs(catalog: &Catalog, now: UtcMillis) -> Vec<(&str, &str)> {
    let by_runs = catalog.all_in_force(now).into_iter().filter(|d| is_settled_by_runs(d));
    by_runs.map(|d| (d.id.as_str(), d.title.as_str())).collect()
}

/// The fields that identify a run.
pub fn which(form: &SubmittedForm, programs: &[(&str, &str)]) -> Markup {
    html! {
        (components::select(form, Field { name: "program", label: common::PROGRAM, required: true, ..Field::default() }, programs))
        (components::field(form, Field {
            name: "period", label: common::PERIOD, hint: common::PERIOD_HINT,
            required: true, autocomplete: "off", max: 10, ..Field::default()
        }))
    }
}

/// The run that a form requests. The format of the period gives the cadence.
pub fn wanted(form: &SubmittedForm) -> Result<NewRun, Invalid> {
    let cadence = if form.get("period").contains('W') { "weekly" } else { "monthly" };
    let mut form = form.clone();
    form.put("cadence", cadence);
    forms::run(&helpers::body(&form, &["program", "cadence", "period"]))
}

pub async fn start<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let (session, _) = cx.operator(()).await?;
    let start_it = async { starting::start_requested(&cx.context(&session), wanted(&cx.form)?).await };
    match start_it.await {
        Ok((_, run)) => {
            let id = run["id"].as_str().unwrap_or_default();
            Ok(cx.redirect_after_post(&format!("{HERE}/{}?done=run-started", components::escaped(id))))
        }
        Err(error) => listed(cx, &with_refusal(cx, error)?).await,
    }
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, id: &str) -> PageResult {
    shown(cx, id, &SubmittedForm::default()).await
}

/// What a run's page shows.
struct Report {
    run: RunRow,
    rule: &'static str,
    approval: Option<ApprovalRow>,
    statements: Vec<StatementSum>,
    sums: Vec<StateSum>,
    carried_forward: Vec<CarriedSum>,
}

async fn shown<S: Platform>(cx: &PageContext<'_, S>, id: &str, form: &SubmittedForm) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let (after_unit, after_partner) = list.cursor.split_once('.').unwrap_or(("", &list.cursor));
    let rule = approval_name(cx.app.config.setup.payout_approval);
    let read = vec![
        run::run_find(id),
        plan::approval_find(id, rule),
        reads::run_statement_sums(id),
        reports::run_payout_sums(id),
        reports::run_carried_sums(id),
        reads::run_payout_page(id, after_partner, after_unit, list.limit + 1),
    ];
    let (session, rows) = cx.operator(read).await?;
    let report = Report {
        run: rows[0].first()?.ok_or_else(|| AppError::not_found("run"))?,
        rule,
        approval: rows[1].first()?,
        statements: rows[2].decode()?,
        sums: rows[3].decode()?,
        carried_forward: rows[4].decode()?,
    };
    let (payouts, next) =
        helpers::paged(&list, rows[5].decode()?, |p: &PayoutShown| format!("{}.{}", p.unit, p.partner_id));
    let path = format!("{HERE}/{}", components::escaped(id));
    let title = wording::title(&report.run.program_id, &report.run.period);
    let content = html! {
        (components::heading(&title, "", html! { a.button.second href={ (path) "/plan" } { (wording::VIEW_PLAN) } }))
        (components::problems(form))
        (progress(cx, &report))
        (approving(cx, &path, &report, form))
        (money(cx, &report))
        h2 { (common::PAYOUTS) }
        @if payouts.is_empty() {
            p.quiet { (wording::NO_PAYOUTS) }
        } @else {
            (payout_table(cx, &payouts, false))
        }
        (components::pager(&path, next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &session, helpers::status(form), (HERE, &title), content))
}

fn progress<S: Platform>(cx: &PageContext<'_, S>, report: &Report) -> Markup {
    let (run, locale) = (&report.run, &*cx.locale);
    html! {
        (components::figures(&[
            Figure { label: common::STATE, value: html! { (run.state) }, note: html! { @if let Some(at) = run.finished_at_ms { (components::instant(locale, at)) } } },
            Figure { label: common::DONE, value: html! { (locale.number(run.executed)) }, note: html! { (wording::of_planned(&locale.number(run.items))) } },
            Figure { label: common::PERIOD, value: html! { (run.period) }, note: html! { (wording::ACTIVITY_BEFORE) (components::utc(locale, run.as_of_ms)) } },
            Figure { label: common::STARTED_BY, value: html! { (run.actor) }, note: html! { (wording::program_version(run.program_version)) } },
        ]))
        @if run.state != RunState::Done {
            p { (wording::RESUMES) }
            @if cx.may(Scope::Payouts) {
                form method="post" action=(HERE) {
                    (csrf(cx))
                    input type="hidden" name="program" value=(run.program_id);
                    input type="hidden" name="period" value=(run.period);
                    button.second { (wording::RESUME) }
                }
            }
        }
    }
}

/// The approval of its payouts, or the form that gives it.
fn approving<S: Platform>(cx: &PageContext<'_, S>, path: &str, report: &Report, form: &SubmittedForm) -> Markup {
    let planned: Vec<&StateSum> = report.sums.iter().filter(|s| s.state == "planned").collect();
    let locale = &*cx.locale;
    if let Some(a) = &report.approval {
        let own = a.run_id == report.run.id;
        return html! {
            p {
                @if own { (wording::approved_by(&a.actor)) } @else { (wording::approved_earlier_by(&a.actor)) }
                (components::instant(locale, a.at_ms)) @if let Some(reason) = a.reason.as_deref().filter(|_| own) { ": " (reason) } "."
            }
        };
    }
    if report.rule == "automatic" || planned.is_empty() || report.run.state != RunState::Done {
        return html! {};
    }
    let payouts = helpers::many(cx, planned.iter().map(|s| s.payouts).sum(), common::PAYOUT_OR_PAYOUTS);
    html! {
        section.todo aria-labelledby="approve" {
            h2 id="approve" { (wording::APPROVE_TITLE) }
            p {
                (payouts) (wording::ONE_PER_PARTNER)
                @for (n, s) in planned.iter().enumerate() { @if n > 0 { (wording::AND) } strong { (components::amount(locale, s.cents, &s.unit)) } }
                (wording::APPROVE_EFFECT)
                @if report.rule == "until_first" { (wording::LATER_RUNS) }
            }
            @if cx.may(Scope::Payouts) {
                form.stack method="post" action={ (path) "/approve" } {
                    (csrf(cx))
                    (components::field(form, Field { name: "reason", label: wording::NOTE, hint: common::AUDITED, max: 200, ..Field::default() }))
                    button { (wording::approve(&payouts)) }
                }
            }
        }
    }
}

fn money<S: Platform>(cx: &PageContext<'_, S>, report: &Report) -> Markup {
    let locale = &*cx.locale;
    let settled = |s: &StatementSum| {
        vec![
            html! { (s.unit) },
            html! { (locale.number(s.partners)) },
            components::amount(locale, s.settled_cents, &s.unit),
            components::amount(locale, s.payable_cents, &s.unit),
        ]
    };
    let by_state = |s: &StateSum| {
        vec![
            components::state(&s.state),
            html! { (locale.number(s.payouts)) },
            components::amount(locale, s.cents, &s.unit),
        ]
    };
    let carried_forward = |c: &CarriedSum| {
        let why = wording::carried_because(&c.why);
        vec![html! { (why) }, html! { (locale.number(c.partners)) }, components::amount(locale, c.cents, &c.unit)]
    };
    html! {
        @if !report.statements.is_empty() {
            h2 { (wording::SETTLED) }
            (components::table(wording::SETTLED_BY_UNIT, &[text(common::UNIT), number(navigation::PARTNERS), number(wording::GRANTED_AND_VESTED), number(wording::PAYABLE_AFTERWARD)],
                &report.statements.iter().map(settled).collect::<Vec<_>>()))
        }
        @if !report.sums.is_empty() {
            h2 { (payout::BY_STATE) }
            (components::table(payout::BY_STATE, &[text(common::STATE), number(common::PAYOUTS), number(common::AMOUNT)], &report.sums.iter().map(by_state).collect::<Vec<_>>()))
        }
        @if !report.carried_forward.is_empty() {
            h2 { (wording::CARRIED_FORWARD) }
            (components::table(wording::CARRIED_FORWARD, &[text(wording::WHY), number(navigation::PARTNERS), number(common::AMOUNT)], &report.carried_forward.iter().map(carried_forward).collect::<Vec<_>>()))
        }
    }
}

pub async fn approve<S: Platform>(cx: &PageContext<'_, S>, id: &str) -> PageResult {
    let (session, _) = cx.operator(()).await?;
    let approve_it = async {
        let remark = forms::remark(&helpers::body(&cx.form, &["reason"]))?;
        deciding::approve(&cx.context(&session), id, remark.as_deref()).await
    };
    match approve_it.await {
        Ok(_) => Ok(cx.redirect_after_post(&format!("{HERE}/{}?done=approved", components::escaped(id)))),
        Err(error) => shown(cx, id, &without_stripe(cx, error)?).await,
    }
}
