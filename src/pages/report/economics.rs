//! What a referred account costs compared with other channels, and the channels of a month.

use crate::base::time::Month;
use crate::engine::report::economics::{Channel, DEFINITIONS, Economics};
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::{Figure, number, text};
use crate::pages::context::{PageContext, PageResult};
use crate::pages::operator::helpers;
use crate::pages::operator::text as wording;
use crate::program::document::{Cadence, Document};
use crate::service::error::{AppError, ErrorKind};
use crate::service::report::{economics_of, economics_reads};
use crate::store::program;
use crate::store::report::{ChannelRow, channel_list};
use maud::{Markup, html};

const HERE: &str = "/operator/economics";

/// Channels in the table: those that earned most come first.
const CHANNELS_MAX: usize = 40;

pub async fn show<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let month = |name: &str, otherwise: Month| match cx.request.param(name).filter(|text| !text.is_empty()) {
        None => Ok(otherwise),
        Some(text) => Month::parse(&text)
            .ok_or_else(|| AppError::new(ErrorKind::BadRequest, "malformed", "enter a month such as 2026-06")),
    };
    let last = Month::of(cx.now()).plus(-1);
    let to = month("to", last)?;
    let from = month("from", to.plus(-11))?;
    if from > to {
        return Err(
            AppError::new(ErrorKind::BadRequest, "malformed", "the first month can't be after the last month").into()
        );
    }
    let Some(program) = cx.request.param("program").filter(|text| !text.is_empty()) else {
        return choose(cx).await;
    };
    let mut read = economics_reads(&program, from.start(), to.end(), cx.now());
    read.push(channel_list(&program, to.start(), to.end()));
    let (session, rows) = cx.operator(read).await?;
    let (document, found) = economics_of(&rows[..3], &program, to.end(), cx.now())?;
    let channels: Vec<ChannelRow> = rows[3].decode()?;
    let catalog = program::catalog(&rows[0])?;
    let programs = paying(catalog.all_in_force(cx.now()));
    let locale = &*cx.locale;
    let title = format!("{} economics", document.title);
    let content = html! {
        (components::heading(&title, "What a referred account costs compared with other channels.", html! {}))
        @if programs.len() > 1 {
            nav.pager aria-label="Programs" { @for d in &programs { a href={ (HERE) "?program=" (components::escaped(&d.id)) } aria-current=[(d.id == program).then_some("page")] { (d.title) } } }
        }
        form.inline-form method="get" action=(HERE) {
            input type="hidden" name="program" value=(program);
            div.field { label for="from" { "First month" } input id="from" name="from" type="month" value=(from) placeholder="2026-06" maxlength="7"; }
            div.field { label for="to" { "Last month" } input id="to" name="to" type="month" value=(to) placeholder="2026-06" maxlength="7"; }
            button.second { "Show" }
        }
        p.quiet { (components::utc(locale, from.start())) " to " (components::utc(locale, to.end())) }
        (reach(cx, &found))
        (cost(cx, &document, &found))
        h2 { "Channels in " (to) }
        (by_channel(cx, &document, &channels))
        details {
            summary { "Definitions" }
            dl.facts { @for (name, what) in DEFINITIONS { div { dt { (name.replace('_', " ")) } dd { (what) } } } }
        }
    };
    Ok(helpers::frame(cx, &session, 200, (HERE, "Economics"), content))
}

fn paying(documents: Vec<&Document>) -> Vec<&Document> {
    documents.into_iter().filter(|d| d.settlement.cadence != Cadence::None).collect()
}

/// Without a program: redirects to the first that pays rewards, which links to the others.
async fn choose<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let (session, rows) = cx.operator(vec![program::program_list()]).await?;
    let catalog = program::catalog(&rows[0])?;
    if let Some(first) = paying(catalog.all_in_force(cx.now())).first() {
        return Ok(cx.redirect_after_post(&format!("{HERE}?program={}", components::escaped(&first.id))));
    }
    let content = html! {
        (components::heading("Economics", "", html! {}))
        (components::empty("No program pays rewards", html! { "There is nothing to compare yet." }))
    };
    Ok(helpers::frame(cx, &session, 200, (HERE, "Economics"), content))
}

/// 1234 thousandths as `1.23`.
fn hundredths(thousandths: Option<i64>) -> String {
    thousandths.map_or("—".to_owned(), |n| format!("{}.{:02}", n / 1_000, n % 1_000 / 10))
}

fn reach<S: Platform>(cx: &PageContext<'_, S>, found: &Economics) -> Markup {
    let locale = &*cx.locale;
    let figure = |label: &'static str, value: String, note: String| Figure {
        label,
        value: html! { (value) },
        note: html! { (note) },
    };
    components::figures(&[
        figure("Clicks", locale.number(found.clicks), String::new()),
        figure(
            "Sign-ups",
            locale.number(found.referred_signups),
            format!("by {}", helpers::many(cx, found.active_referrers, "referrer", "referrers")),
        ),
        figure("Rewarded", locale.number(found.rewarded_referrals), String::new()),
        figure("Sign-ups per referrer", hundredths(found.referral_rate_thousandths), String::new()),
        figure(
            "Viral coefficient",
            hundredths(found.viral_coefficient_thousandths),
            format!("{} at the start", helpers::many(cx, found.existing_accounts, "account", "accounts")),
        ),
    ])
}

fn cost<S: Platform>(cx: &PageContext<'_, S>, document: &Document, found: &Economics) -> Markup {
    let locale = &*cx.locale;
    let money = |cents: i64| components::amount(locale, cents, &document.currency);
    let cells = |c: &Channel| {
        vec![
            html! { (c.channel) },
            money(c.acquisition_cost_cents.0),
            html! { @match c.first_year_margin_cents { Some(cents) => (money(cents.0)), None => "—" } },
            html! { @match c.margin_over_cost_hundredths { Some(n) => { @if n < 0 { "-" } (n.abs() / 100) "." (format!("{:02}", n.abs() % 100)) "×" } None => "—" } },
        ]
    };
    let rows: Vec<Vec<Markup>> = found.referral.iter().chain(&found.paid_channels).map(cells).collect();
    html! {
        h2 { "Cost per account" }
        @if rows.is_empty() {
            (components::empty("Nothing to compare yet", html! { "The cost appears here after the first referral is rewarded. The program's document sets the cost of paid channels." }))
        } @else {
            @if found.referral.is_none() { p { "No referral was rewarded in this period, so there is no cost to compare yet." } }
            (components::table("Cost per account by channel", &[text("Channel"), number("Cost"), number("First-year margin"), number("Margin over cost")], &rows))
            @if let (Some(reward), Some(benefit)) = (found.reward_cents, found.benefit_cents) {
                p.quiet { "The cost of a referral is " (money(reward.0)) " for the reward and " (money(benefit.0)) " for the friend's discount." }
            }
            @if let Some(revenue) = found.first_year_revenue_cents {
                p.quiet { "First-year revenue: " (money(revenue.0)) ", averaged over " (helpers::many(cx, found.revenue_sample, "account", "accounts")) "." }
            }
        }
    }
}

fn by_channel<S: Platform>(cx: &PageContext<'_, S>, document: &Document, rows: &[ChannelRow]) -> Markup {
    let locale = &*cx.locale;
    let cells = |r: &ChannelRow| {
        vec![
            helpers::partner(&r.partner, r.external_id.as_deref(), None),
            html! { (r.channel.replace('_', " ")) },
            html! { (locale.number(r.clicks)) },
            html! { (locale.number(r.signups)) },
            html! { (locale.number(r.qualified)) },
            html! { (locale.number(r.rewarded)) },
            components::amount(locale, r.gross_cents, &crate::pages::program::document::unit_of(document)),
        ]
    };
    let columns = [
        text("Partner"),
        text("Channel"),
        number("Clicks"),
        number("Sign-ups"),
        number("Paying"),
        number("Rewarded"),
        number("Earned"),
    ];
    html! {
        @if rows.is_empty() { p.quiet { "No activity in this month." } } @else {
            (components::table("Channels", &columns, &rows.iter().take(CHANNELS_MAX).map(cells).collect::<Vec<_>>()))
            @if rows.len() > CHANNELS_MAX { p.quiet { (wording::first_shown(CHANNELS_MAX)) } }
        }
    }
}
