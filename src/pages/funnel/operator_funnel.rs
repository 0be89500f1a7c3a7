//! A week of a funnel in charts: how far visitors got, how that compares with the target ranges, and what to do next.

use crate::base::time::Week;
use crate::engine::funnel::{BandComparison, FunnelFigures, PartnerFunnelReport, Place};
use crate::http::context::Platform;
use crate::pages::chart;
use crate::pages::chart::Step;
use crate::pages::components;
use crate::pages::components::{number, text};
use crate::pages::context::{PageContext, PageResult};
use crate::pages::operator::helpers;
use crate::pages::operator::text as wording;
use crate::program::document::Document;
use crate::service::error::{AppError, ErrorKind};
use crate::service::funnel::{Name, WeeklyReport, weekly_of, weekly_reads};
use crate::store::program;
use maud::{Markup, html};

const HERE: &str = "/operator/funnel";

/// Partners with a chart; the table has all of them.
const PICTURES: usize = 3;
/// Partners in the table: large samples come first.
const TABLE_MAX: usize = 40;

pub async fn show<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let week = match cx.request.param("week").filter(|text| !text.is_empty()) {
        None => Week::of(cx.now()).plus(-1),
        Some(text) => Week::parse(&text)
            .ok_or_else(|| AppError::new(ErrorKind::BadRequest, "malformed", "enter a week such as 2026-W24"))?,
    };
    let Some(program) = cx.request.param("program").filter(|text| !text.is_empty()) else {
        return choose(cx).await;
    };
    let (session, rows) = cx.operator(weekly_reads(&program, week, cx.now())).await?;
    let weekly = weekly_of(&rows, &program, week, cx.now())?;
    let catalog = program::catalog(&rows[0])?;
    let measured: Vec<&Document> = catalog.all_in_force(cx.now()).into_iter().filter(|d| d.funnel.is_some()).collect();
    let locale = &*cx.locale;
    let of_week = |week: Week| format!("{HERE}?program={}&week={week}", components::escaped(&program));
    let title = format!("{}, week {week}", weekly.title);
    let content = html! {
        (components::heading(&title, "How far referred visitors got, and what to do next.", html! {}))
        p { (components::utc(locale, week.start())) " to " (components::utc(locale, week.end())) ", program version " (weekly.version) "." }
        nav.pager aria-label="Weeks" {
            a href=(of_week(week.plus(-1))) { "Previous week" }
            @if week.end() <= cx.now() { a href=(of_week(week.plus(1))) { "Next week" } }
            @if measured.len() > 1 { @for d in &measured { a href={ (HERE) "?program=" (components::escaped(&d.id)) } aria-current=[(d.id == program).then_some("page")] { (d.title) } } }
        }
        @if weekly.report.partners.is_empty() {
            (components::empty("No visits this week", html! { "Visits are counted when someone follows a partner's link. Later stages are counted when your site or app sends events." }))
        } @else {
            h2 { "All partners" }
            (picture(cx, "All partners", &weekly.report.program))
            (table(cx, &weekly))
            h2 { "By partner" }
            @for partner in weekly.report.partners.iter().take(PICTURES) { (card(cx, &weekly, partner)) }
            @if weekly.report.partners.len() > PICTURES { p.quiet { "Charts are shown for the first " (PICTURES) " partners. The table above lists the rest." } }
        }
    };
    Ok(helpers::frame(cx, &session, 200, (HERE, "Funnel"), content))
}

/// Without a program: redirects to the only one with a funnel, or lists those that have one.
async fn choose<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let (session, rows) = cx.operator(vec![program::program_list()]).await?;
    let catalog = program::catalog(&rows[0])?;
    let measured: Vec<&Document> = catalog.all_in_force(cx.now()).into_iter().filter(|d| d.funnel.is_some()).collect();
    let path = |d: &Document| format!("{HERE}?program={}", components::escaped(&d.id));
    if let [only] = measured[..] {
        return Ok(cx.redirect_after_post(&path(only)));
    }
    let content = html! {
        (components::heading("Funnel", "How far referred visitors got.", html! {}))
        @if measured.is_empty() {
            (components::empty("No program has a funnel", html! { "Add a " code { "funnel" } " with stages to a program's document." }))
        } @else {
            ul { @for d in &measured { li { a href=(path(d)) { (d.title) } } } }
        }
    };
    Ok(helpers::frame(cx, &session, 200, (HERE, "Funnel"), content))
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
                Some(rate) => format!(
                    "{} of {}, {}",
                    locale.number(s.visitors),
                    locale.number(rate.sample),
                    locale.percent(rate.rate_bps)
                ),
                None => locale.number(s.visitors),
            },
        })
        .collect();
    chart::steps(&format!("Funnel: {title}"), &steps, &|bps| locale.percent(bps))
}

fn name_of<'a>(weekly: &'a WeeklyReport, partner: &'a str) -> (Option<&'a str>, Option<&'a str>) {
    let found: Option<&Name> = weekly.names.get(partner);
    (found.and_then(|n| n.external_id.as_deref()), found.and_then(|n| n.name.as_deref()))
}

fn standing(standing: Option<BandComparison>) -> Markup {
    html! {
        @if let Some(s) = standing {
            @let sure = if s.sure { "clearly " } else { "" };
            " " span.quiet { (sure) @match s.is { Place::Below => "below", Place::Within => "within", Place::Above => "above" } " target" }
        }
    }
}

fn card<S: Platform>(cx: &PageContext<'_, S>, weekly: &WeeklyReport, report: &PartnerFunnelReport) -> Markup {
    let (external_id, name) = name_of(weekly, &report.partner);
    let known = name.or(external_id).unwrap_or(&report.partner);
    html! {
        article.sheet {
            h3 { (helpers::partner(&report.partner, external_id, name)) @if report.figures.small_sample { " " span.quiet { "small sample" } } }
            p { strong { (report.action.what) } br; span.quiet { (report.action.reason) } }
            (picture(cx, known, &report.figures))
            ul {
                @for s in &report.figures.stages { @if s.against_band.is_some() { li { (s.title) (standing(s.against_band)) } } }
            }
            @if let Some(weakest) = report.figures.weakest.as_deref().and_then(|id| report.figures.stage(id)) { p { "Weakest step: " (weakest.title) "." } }
            details {
                summary { "Three tasks for this partner" }
                @for task in &report.tasks { h3 { (task.title) } p { (task.brief) } }
            }
        }
    }
}

fn table<S: Platform>(cx: &PageContext<'_, S>, weekly: &WeeklyReport) -> Markup {
    let locale = &*cx.locale;
    let all = &weekly.report;
    let cells = |r: &PartnerFunnelReport| {
        let (external_id, name) = name_of(weekly, &r.partner);
        let reached: Vec<String> = r.figures.stages.iter().skip(1).map(|s| locale.number(s.visitors)).collect();
        vec![
            helpers::partner(&r.partner, external_id, name),
            html! { (locale.number(r.figures.visits)) },
            html! { (reached.join(" · ")) },
            html! { (r.figures.weakest.as_deref().and_then(|id| r.figures.stage(id)).map_or("", |s| s.title.as_str())) },
            html! { (r.action.what) },
        ]
    };
    let later: Vec<&str> = all.program.stages.iter().skip(1).map(|s| s.title.as_str()).collect();
    html! {
        p.quiet { "Later stages, in order: " (later.join(" · ")) "." }
        (components::table("Partners this week", &[text("Partner"), number("Visits"), text("Later stages"), text("Weakest step"), text("What to do")],
            &all.partners.iter().take(TABLE_MAX).map(cells).collect::<Vec<_>>()))
        @if all.partners.len() > TABLE_MAX { p.quiet { (wording::first_shown(TABLE_MAX)) } }
    }
}
