//! Runs: past and upcoming ones, the progress of each, its payouts and their approval.

use crate::base::ids::RunId;
use crate::base::percent;
use crate::base::time::UtcMillis;
use crate::codec::Invalid;
use crate::codec::operator as forms;
use crate::codec::operator::NewRun;
use crate::engine::identity::access::Scope;
use crate::engine::settlement::RunState;
use crate::engine::settlement::schedule;
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::components::{Field, Figure};
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::payout::changes;
use crate::pages::payout::payout_table::payout_table;
use crate::pages::refusal::{with_refusal, without_stripe};
use crate::pages::text::operator::{common, navigation, payout, settlement as wording};
use crate::pages::viewer::{Gate, Operator};
use crate::program::catalog::Catalog;
use crate::program::document::{Cadence, Document};
use crate::service::error::AppError;
use crate::service::payout as deciding;
use crate::service::payout::send::approval_name;
use crate::service::report::kept::{Gathered, gather, kept_reads, run_key, run_rows};
use crate::service::settlement::start as starting;
use crate::store::payout::plan;
use crate::store::payout::plan::ApprovalRow;
use crate::store::program;
use crate::store::report::payout::{CarriedSum, StateSum};
use crate::store::report::payout_accruals::UnsentSum;
use crate::store::settlement::operator_runs as reads;
use crate::store::settlement::operator_runs::{LastPeriod, PayoutShown, StatementSum};
use crate::store::settlement::run;
use crate::store::settlement::run::RunRow;
use maud::{Markup, html};

const HERE: &str = "/operator/runs";

pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    listed(cx, gate, &SubmittedForm::default()).await
}

async fn listed<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, form: &SubmittedForm) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let (before_ms, before_id) = list.instant_and_id(helpers::LATEST)?;
    let page = run::run_page(before_ms, &before_id, list.limit + 1);
    let read = (page, program::programs(), reads::run_last_periods());
    let (operator, (runs, catalog, last_periods)) = gate.open(cx, read).await?;
    let (runs, next) = helpers::paged(&list, runs, |r: &RunRow| format!("{}.{}", r.started_at_ms.0, r.id));
    let columns = [
        text(
            common::RUN,
            |r: &RunRow| html! { a href={ (HERE) "/" (percent::escaped(&r.id)) } { (wording::title(&r.program_id, &r.period)) } },
        ),
        text(common::STATE, |r: &RunRow| components::state(r.state.name())),
        number(
            common::DONE,
            |r: &RunRow| html! { (wording::done_of(&cx.locale.number(r.executed), &cx.locale.number(r.items))) },
        ),
        text(common::STARTED_BY, |r: &RunRow| html! { (r.actor) }),
        text(wording::STARTED, |r: &RunRow| components::instant(&*cx.locale, r.started_at_ms)),
    ];

    let lead = wording::LEAD;
    let content = html! {
        (components::heading(navigation::RUNS, lead, html! { a.button.second href="/operator/payouts" { (common::ALL_PAYOUTS) } }))
        (components::problems(form))
        (upcoming(cx, &catalog, &last_periods))
        h2 { (wording::PAST) }
        @if runs.is_empty() {
            (components::empty(wording::NONE, html! { (wording::NONE_HINT) }))
        } @else {
            (columns::table(wording::NEWEST_FIRST, &runs, &columns))
        }
        (components::pager(HERE, next.as_deref(), list.cursor.is_empty()))
        (start_form(cx, &operator, form, &catalog))
    };
    Ok(helpers::frame(cx, &operator, helpers::status(form), (HERE, navigation::RUNS), content))
}

/// A program's next run, and its last completed period.
struct Upcoming<'a> {
    document: &'a Document,
    next: String,
    at: UtcMillis,
    over: String,
    is_settled: bool,
    /// The last completed period has a run that is due.
    is_due: bool,
}

impl<'a> Upcoming<'a> {
    fn of(document: &'a Document, last: &[LastPeriod], now: UtcMillis) -> Upcoming<'a> {
        let cadence = document.settlement.cadence;
        let at = schedule::next_run_at(cadence, now.plus_ms(1));
        let (next, over) = (schedule::period_before(cadence, at), schedule::period_before(cadence, now));
        let is_it = |l: &&LastPeriod| l.program_id == document.id && l.cadence == cadence.name();
        Upcoming {
            document,
            next,
            at,
            is_settled: last.iter().filter(is_it).any(|l| l.period >= over),
            is_due: schedule::scheduled_at(cadence, &over).is_some_and(|at| at <= now),
            over,
        }
    }

    fn preview(&self, period: &str) -> String {
        format!("{HERE}/preview?program={}&period={period}", percent::escaped(&self.document.id))
    }
}

/// Programs that pay weekly or monthly: the next run, and whether the last completed period has a run.
fn upcoming<S: Platform>(cx: &PageContext<'_, S>, catalog: &Catalog, last: &[LastPeriod]) -> Markup {
    let by_runs = catalog.all_current(cx.now()).into_iter().filter(|d| is_settled_by_runs(d));
    let rows: Vec<Upcoming<'_>> = by_runs.map(|d| Upcoming::of(d, last, cx.now())).collect();
    let columns = [
        text(
            common::PROGRAM,
            |u: &Upcoming<'_>| html! { a href={ "/operator/programs/" (percent::escaped(&u.document.id)) } { (u.document.title) } },
        ),
        text(wording::NEXT_RUN, |u: &Upcoming<'_>| html! { (u.next) ", " (components::instant(&*cx.locale, u.at)) }),
        text("", |u: &Upcoming<'_>| html! { a href=(u.preview(&u.next)) { (wording::PREVIEW) } }),
        text(wording::LAST_COMPLETED, |u: &Upcoming<'_>| {
            html! {
                (u.over) " "
                @if u.is_settled { (components::state("settled")) }
                @else if u.is_due { (components::state("waiting")) " " a href=(u.preview(&u.over)) { (wording::PREVIEW_AND_START) } }
                @else { span.quiet { (wording::NOT_DUE) } }
            }
        }),
    ];
    html! {
        @if !rows.is_empty() {
            h2 { (wording::UPCOMING) }
            (columns::table(wording::UPCOMING_RUNS, &rows, &columns))
        }
    }
}

fn start_form<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: &Operator,
    form: &SubmittedForm,
    catalog: &Catalog,
) -> Markup {
    let choices = settled_by_runs(catalog, cx.now());
    html! {
        @if !choices.is_empty() {
            section id="start" {
                h2 { (wording::START) }
                p { (wording::START_LEAD) }
                @if operator.may(Scope::Payouts) {
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
    let by_runs = catalog.all_current(now).into_iter().filter(|d| is_settled_by_runs(d));
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

pub async fn start<S: Platform>(cx: &PageContext<'_, S>, operator: Operator) -> PageResult {
    let start_it = async { starting::start_requested(&cx.context(&operator.session), wanted(&cx.form)?, 0).await };
    match start_it.await {
        Ok((_, run)) => {
            let id = run["id"].as_str().unwrap_or_default();
            Ok(cx.redirect_after_post(&format!("{HERE}/{}?done=run-started", percent::escaped(id))))
        }
        Err(error) => listed(cx, operator.into(), &with_refusal(cx, error)?).await,
    }
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, id: RunId) -> PageResult {
    shown(cx, gate, &id, &SubmittedForm::default()).await
}

/// What a run's page shows.
struct Report {
    run: RunRow,
    rule: &'static str,
    approval: Option<ApprovalRow>,
    statements: Vec<StatementSum>,
    sums: Vec<StateSum>,
    carried_forward: Vec<CarriedSum>,
    unsent: Vec<UnsentSum>,
}

async fn shown<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Operator>,
    id: &RunId,
    form: &SubmittedForm,
) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let (after_unit, after_partner) = list.cursor.split_once('.').unwrap_or(("", &list.cursor));
    let rule = approval_name(cx.app.config.setup.payout_approval);
    let key = run_key(id);
    let read = (
        run::run_find(id).first(),
        plan::approval_find(id, rule).first(),
        reads::run_payout_page(id, after_partner, after_unit, list.limit + 1),
        kept_reads(&key),
    );
    let (operator, (run, approval, payouts, found)) = gate.open(cx, read).await?;
    let run = run.ok_or_else(|| AppError::not_found("run"))?;
    let Gathered { rows, as_of } = gather(&cx.app.context(""), &key, found, run_rows(id)).await?;
    let (statements, sums, carried_forward, unsent, changed) = rows;
    let report = Report { run, rule, approval, statements, sums, carried_forward, unsent };
    let (payouts, next) = helpers::paged(&list, payouts, |p: &PayoutShown| format!("{}.{}", p.unit, p.partner_id));
    let path = format!("{HERE}/{}", percent::escaped(id));
    let title = wording::title(&report.run.program_id, &report.run.period);
    let content = html! {
        (components::heading(&title, "", html! { a.button.second href={ (path) "/plan" } { (wording::VIEW_PLAN) } }))
        (components::problems(form))
        (progress(cx, &operator, &report))
        @if as_of.is_some() { p { (helpers::as_of(cx, as_of)) } }
        (approving(cx, &operator, &path, &report, form))
        (changes::to_operator(&*cx.locale, &changed, true))
        (money(cx, &report))
        h2 { (common::PAYOUTS) }
        @if payouts.is_empty() {
            p.quiet { (wording::NO_PAYOUTS) }
        } @else {
            (payout_table(cx, &payouts, false))
        }
        (components::pager(&path, next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &operator, helpers::status(form), (HERE, &title), content))
}

fn progress<S: Platform>(cx: &PageContext<'_, S>, operator: &Operator, report: &Report) -> Markup {
    let (run, locale) = (&report.run, &*cx.locale);
    html! {
        (components::figures(&[
            Figure { label: common::STATE, value: html! { (run.state) }, note: html! { @if let Some(at) = run.finished_at_ms { (components::instant(locale, at)) } } },
            Figure { label: common::DONE, value: html! { (locale.number(run.executed)) }, note: html! { (wording::of_planned(&locale.number(run.items))) } },
            Figure { label: common::PERIOD, value: html! { (run.period) }, note: html! { (wording::ACTIVITY_BEFORE) (components::instant(locale, run.as_of_ms)) } },
            Figure { label: common::STARTED_BY, value: html! { (run.actor) }, note: html! { (wording::program_version(run.program_version)) } },
        ]))
        @if run.state != RunState::Done {
            p { (wording::RESUMES) }
            @if let Some(name) = &run.refused_by { p.notice { (wording::refused_by(name)) } }
            @if operator.may(Scope::Payouts) {
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
fn approving<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: &Operator,
    path: &str,
    report: &Report,
    form: &SubmittedForm,
) -> Markup {
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
                @for s in report.unsent.iter().filter(|s| s.amount_cents != s.planned_cents) {
                    (wording::LEFT_TO_SEND[0]) strong { (components::amount(locale, s.amount_cents, &s.unit)) } (wording::LEFT_TO_SEND[1])
                }
                @if report.rule == "until_first" { (wording::LATER_RUNS) }
            }
            @if operator.may(Scope::Payouts) {
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
    let settled = [
        text(common::UNIT, |s: &StatementSum| html! { (s.unit) }),
        number(navigation::PARTNERS, |s: &StatementSum| html! { (locale.number(s.partners)) }),
        number(wording::GRANTED_AND_VESTED, |s: &StatementSum| components::amount(locale, s.settled_cents, &s.unit)),
        number(wording::PAYABLE_AFTERWARD, |s: &StatementSum| components::amount(locale, s.payable_cents, &s.unit)),
    ];
    let by_state = [
        text(common::STATE, |s: &StateSum| components::state(&s.state)),
        number(common::PAYOUTS, |s: &StateSum| html! { (locale.number(s.payouts)) }),
        number(common::AMOUNT, |s: &StateSum| components::amount(locale, s.cents, &s.unit)),
    ];
    let carried_forward = [
        text(wording::WHY, |c: &CarriedSum| html! { (wording::carried_because(&c.why)) }),
        number(navigation::PARTNERS, |c: &CarriedSum| html! { (locale.number(c.partners)) }),
        number(common::AMOUNT, |c: &CarriedSum| components::amount(locale, c.cents, &c.unit)),
    ];
    html! {
        @if !report.statements.is_empty() {
            h2 { (wording::SETTLED) }
            (columns::table(wording::SETTLED_BY_UNIT, &report.statements, &settled))
        }
        @if !report.sums.is_empty() {
            h2 { (payout::BY_STATE) }
            (columns::table(payout::BY_STATE, &report.sums, &by_state))
        }
        @if !report.carried_forward.is_empty() {
            h2 { (wording::CARRIED_FORWARD) }
            (columns::table(wording::CARRIED_FORWARD, &report.carried_forward, &carried_forward))
        }
    }
}

pub async fn approve<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: RunId) -> PageResult {
    let approve_it = async {
        let remark = forms::remark(&helpers::body(&cx.form, &["reason"]))?;
        deciding::approve(&cx.context(&operator.session), &id, remark.as_deref()).await
    };
    match approve_it.await {
        Ok(_) => Ok(cx.redirect_after_post(&format!("{HERE}/{}?done=approved", percent::escaped(&id)))),
        Err(error) => shown(cx, operator.into(), &id, &without_stripe(cx, error)?).await,
    }
}
