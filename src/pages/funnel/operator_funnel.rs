//! A week of a funnel in charts: how far visitors got, how that compares with the target ranges, and what to do next.

use crate::base::ids::{PartnerId, ProgramId};
use crate::base::percent;
use crate::base::time::Week;
use crate::engine::funnel::{BandComparison, FunnelFigures, PartnerFunnelReport, Place};
use crate::http::context::Platform;
use crate::pages::chart;
use crate::pages::chart::Step;
use crate::pages::columns;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::operator::helpers;
use crate::pages::text::operator::{common, funnel as wording, navigation};
use crate::pages::viewer::{Gate, Operator};
use crate::program::document::Document;
use crate::service::error::{AppError, ErrorKind};
use crate::service::funnel::{WeeklyReport, weekly_of, weekly_reads};
use crate::store::funnel::Name;
use crate::store::program;
use maud::{Markup, html};

const HERE: &str = "/operator/funnel";

/// Partners with a chart; the table has all of them.
const PICTURES: usize = 3;
/// Partners in the table: large samples come first.
const TABLE_MAX: usize = 40;

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let week = match cx.request.param("week").filter(|text| !text.is_empty()) {
        None => Week::of(cx.now()).plus(-1),
        Some(text) => {
            Week::parse(&text).ok_or_else(|| AppError::new(ErrorKind::BadRequest, "malformed", wording::ENTER_WEEK))?
        }
    };
    let Some(program) = cx.request.param("program").filter(|text| !text.is_empty()).map(ProgramId::from) else {
        return choose(cx, gate).await;
    };
    let (operator, (catalog, found)) = gate.open(cx, weekly_reads(&program, week)).await?;
    let weekly = weekly_of(&cx.app.context(""), &catalog, found, &program, week).await?;
    let measured: Vec<&Document> = catalog.all_current(cx.now()).into_iter().filter(|d| d.funnel.is_some()).collect();
    let locale = &*cx.locale;
    let of_week = |week: Week| format!("{HERE}?program={}&week={week}", percent::escaped(&program));
    let title = wording::title(&weekly.title, &week.to_string());
    let content = html! {
        (components::heading(&title, wording::LEAD, html! {}))
        p { (components::instant(locale, week.start())) (common::TO) (components::instant(locale, week.end())) (wording::version(weekly.version)) (helpers::as_of(cx, weekly.as_of)) }
        nav.pager aria-label=(wording::WEEKS) {
            a href=(of_week(week.plus(-1))) { (wording::PREVIOUS_WEEK) }
            @if week.end() <= cx.now() { a href=(of_week(week.plus(1))) { (wording::NEXT_WEEK) } }
            @if measured.len() > 1 { @for d in &measured { a href={ (HERE) "?program=" (percent::escaped(&d.id)) } aria-current=[(d.id == program).then_some("page")] { (d.title) } } }
        }
        @if weekly.report.partners.is_empty() {
            (components::empty(wording::NO_VISITS, html! { (wording::NO_VISITS_HINT) }))
        } @else {
            h2 { (wording::ALL_PARTNERS) }
            (picture(cx, wording::ALL_PARTNERS, &weekly.report.program))
            (table(cx, &weekly))
            @if let Some(others) = &weekly.report.other_partners { p.quiet { (wording::other_partners(&locale.number(others.visits))) } }
            h2 { (wording::BY_PARTNER) }
            @for partner in weekly.report.partners.iter().take(PICTURES) { (card(cx, &weekly, partner)) }
            @if weekly.report.partners.len() > PICTURES { p.quiet { (wording::first_charts(PICTURES)) } }
        }
    };
    Ok(helpers::frame(cx, &operator, 200, (HERE, navigation::FUNNEL), content))
}

/// Without a program: redirects to the only one with a funnel, or lists those that have one.
async fn choose<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let (operator, catalog) = gate.open(cx, program::programs()).await?;
    let measured: Vec<&Document> = catalog.all_current(cx.now()).into_iter().filter(|d| d.funnel.is_some()).collect();
    let path = |d: &Document| format!("{HERE}?program={}", percent::escaped(&d.id));
    if let [only] = measured[..] {
        return Ok(cx.redirect_after_post(&path(only)));
    }
    let content = html! {
        (components::heading(navigation::FUNNEL, wording::CHOOSE_LEAD, html! {}))
        @if measured.is_empty() {
            (components::empty(wording::NO_FUNNEL, html! { (wording::NO_FUNNEL_HINT[0]) code { "funnel" } (wording::NO_FUNNEL_HINT[1]) }))
        } @else {
            ul { @for d in &measured { li { a href=(path(d)) { (d.title) } } } }
        }
    };
    Ok(helpers::frame(cx, &operator, 200, (HERE, navigation::FUNNEL), content))
}

fn picture<S: Platform>(cx: &PageContext<'_, S>, title: &str, figures: &FunnelFigures) -> Markup {
    let locale = &*cx.locale;
    let steps: Vec<Step<'_>> = figures
        .stages
        .iter()
        .map(|s| Step {
            title: &s.title,
            rate: s.of_visits.map(|r| (r.rate_bps, r.low_bps, r.high_bps)),
            band: s.band_bps.map(|b| (b.from.0, b.to.0)),
            says: match s.of_visits {
                Some(rate) => wording::share(
                    &locale.number(s.visitors),
                    &locale.number(rate.sample),
                    &locale.percent(rate.rate_bps),
                ),
                None => locale.number(s.visitors),
            },
        })
        .collect();
    chart::steps(&wording::chart(title), &steps, &|bps| locale.percent(bps))
}

fn name_of<'a>(weekly: &'a WeeklyReport, partner: &'a PartnerId) -> (Option<&'a str>, Option<&'a str>) {
    let found: Option<&Name> = weekly.names.get(partner);
    (found.and_then(|n| n.external_id.as_deref()), found.and_then(|n| n.name.as_deref()))
}

fn standing(standing: Option<BandComparison>) -> Markup {
    html! {
        @if let Some(s) = standing {
            @let compared = match s.is { Place::Below => wording::BELOW, Place::Within => wording::WITHIN, Place::Above => wording::ABOVE };
            " " span.quiet { @if s.sure { (wording::clearly(compared)) } @else { (compared) } }
        }
    }
}

fn card<S: Platform>(cx: &PageContext<'_, S>, weekly: &WeeklyReport, report: &PartnerFunnelReport) -> Markup {
    let (external_id, name) = name_of(weekly, &report.partner);
    let known = name.or(external_id).unwrap_or(&report.partner);
    html! {
        article.sheet {
            h3 { (helpers::partner(&report.partner, external_id, name)) @if report.figures.small_sample { " " span.quiet { (wording::SMALL_SAMPLE) } } }
            p { strong { (report.action.what) } br; span.quiet { (report.action.reason) } }
            (picture(cx, known, &report.figures))
            ul {
                @for s in &report.figures.stages { @if s.against_band.is_some() { li { (s.title) (standing(s.against_band)) } } }
            }
            @if let Some(weakest) = report.figures.weakest.as_deref().and_then(|id| report.figures.stage(id)) { p { (wording::weakest_step(&weakest.title)) } }
            details {
                summary { (wording::THREE_TASKS) }
                @for task in &report.tasks { h3 { (task.title) } p { (task.brief) } }
            }
        }
    }
}

fn table<S: Platform>(cx: &PageContext<'_, S>, weekly: &WeeklyReport) -> Markup {
    let locale = &*cx.locale;
    let all = &weekly.report;
    let columns = [
        text(common::PARTNER, |r: &PartnerFunnelReport| {
            let (external_id, name) = name_of(weekly, &r.partner);
            helpers::partner(&r.partner, external_id, name)
        }),
        number(wording::VISITS, |r: &PartnerFunnelReport| html! { (locale.number(r.figures.visits)) }),
        text(wording::LATER_STAGES, |r: &PartnerFunnelReport| {
            let reached: Vec<String> = r.figures.stages.iter().skip(1).map(|s| locale.number(s.visitors)).collect();
            html! { (reached.join(" · ")) }
        }),
        text(
            wording::WEAKEST_STEP,
            |r: &PartnerFunnelReport| html! { (r.figures.weakest.as_deref().and_then(|id| r.figures.stage(id)).map_or("", |s| s.title.as_str())) },
        ),
        text(wording::WHAT_TO_DO, |r: &PartnerFunnelReport| html! { (r.action.what) }),
    ];
    let later: Vec<&str> = all.program.stages.iter().skip(1).map(|s| s.title.as_str()).collect();
    html! {
        p.quiet { (wording::later_stages(&later.join(" · "))) }
        (columns::table(wording::PARTNERS_THIS_WEEK, helpers::at_most(&all.partners, TABLE_MAX), &columns))
        @if all.partners.len() > TABLE_MAX { p.quiet { (common::first_shown(TABLE_MAX)) } }
    }
}
