//! What a referred account costs compared with other channels, and the channels of a month.

use crate::base::ids::ProgramId;
use crate::base::percent;
use crate::base::time::Month;
use crate::engine::report::economics::{Channel, DEFINITIONS, Economics};
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::components::Figure;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::operator::helpers;
use crate::pages::text::operator::{common, navigation, report as wording};
use crate::pages::viewer::{Gate, Operator};
use crate::program::document::{Cadence, Document};
use crate::service::error::{AppError, ErrorKind};
use crate::service::report::kept::Gathered;
use crate::service::report::{channels_of, channels_reads, economics_of, economics_reads};
use crate::store::program;
use crate::store::report::ChannelRow;
use maud::{Markup, html};

const HERE: &str = "/operator/economics";

/// Channels in the table: those that earned the most come first.
const CHANNELS_MAX: usize = 40;

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let month = |name: &str, otherwise: Month| match cx.request.param(name).filter(|text| !text.is_empty()) {
        None => Ok(otherwise),
        Some(text) => {
            Month::parse(&text).ok_or_else(|| AppError::new(ErrorKind::BadRequest, "malformed", wording::ENTER_MONTH))
        }
    };
    let last = Month::of(cx.now()).plus(-1);
    let to = month("to", last)?;
    let from = month("from", to.plus(-11))?;
    if from > to {
        return Err(AppError::new(ErrorKind::BadRequest, "malformed", wording::MONTHS_REVERSED).into());
    }
    let Some(program) = cx.request.param("program").filter(|text| !text.is_empty()).map(ProgramId::from) else {
        return choose(cx, gate).await;
    };
    let period = (from.start(), to.end());
    let reads = (economics_reads(&program, period.0, period.1), channels_reads(&program, to));
    let (operator, ((catalog, sums), (_, listed))) = gate.open(cx, reads).await?;
    let ctx = cx.app.context("");
    // Both are wanted, even if the first is not ready.
    let economics = economics_of(&ctx, &catalog, sums, &program, period).await;
    let channels = channels_of(&ctx, &catalog, listed, &program, to).await;
    let ((document, Gathered { rows: found, as_of }), channels) = (economics?, channels?);
    let programs = paying(catalog.all_current(cx.now()));
    let locale = &*cx.locale;
    let title = wording::title(&document.title);
    let content = html! {
        (components::heading(&title, wording::LEAD, html! {}))
        @if programs.len() > 1 {
            nav.pager aria-label=(navigation::PROGRAMS) { @for d in &programs { a href={ (HERE) "?program=" (percent::escaped(&d.id)) } aria-current=[(d.id == program).then_some("page")] { (d.title) } } }
        }
        form.inline-form method="get" action=(HERE) {
            input type="hidden" name="program" value=(program);
            div.field { label for="from" { (wording::FIRST_MONTH) } input id="from" name="from" type="month" value=(from) placeholder="2026-06" maxlength="7"; }
            div.field { label for="to" { (wording::LAST_MONTH) } input id="to" name="to" type="month" value=(to) placeholder="2026-06" maxlength="7"; }
            button.second { (wording::SHOW) }
        }
        p.quiet { (components::instant(locale, from.start())) (common::TO) (components::instant(locale, to.end())) (helpers::as_of(cx, as_of)) }
        (reach(cx, &found))
        (cost(cx, &document, &found))
        h2 { (wording::channels_in(&to.to_string())) }
        (by_channel(cx, &document, &channels.rows))
        details {
            summary { (wording::DEFINITIONS_TITLE) }
            dl.facts { @for (name, what) in DEFINITIONS { div { dt { (name.replace('_', " ")) } dd { (what) } } } }
        }
    };
    Ok(helpers::frame(cx, &operator, 200, (HERE, navigation::ECONOMICS), content))
}

fn paying(documents: Vec<&Document>) -> Vec<&Document> {
    documents.into_iter().filter(|d| d.settlement.cadence != Cadence::None).collect()
}

/// Without a program: redirects to the first that pays rewards, which links to the others.
async fn choose<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let (operator, catalog) = gate.open(cx, program::programs()).await?;
    if let Some(first) = paying(catalog.all_current(cx.now())).first() {
        return Ok(cx.redirect_after_post(&format!("{HERE}?program={}", percent::escaped(&first.id))));
    }
    let content = html! {
        (components::heading(navigation::ECONOMICS, "", html! {}))
        (components::empty(wording::NO_REWARDS, html! { (wording::NO_REWARDS_HINT) }))
    };
    Ok(helpers::frame(cx, &operator, 200, (HERE, navigation::ECONOMICS), content))
}

/// 1234 thousandths as `1.23`.
fn hundredths(thousandths: Option<i64>) -> String {
    thousandths.map_or(common::NONE.to_owned(), |n| format!("{}.{:02}", n / 1_000, n % 1_000 / 10))
}

fn reach<S: Platform>(cx: &PageContext<'_, S>, found: &Economics) -> Markup {
    let locale = &*cx.locale;
    let figure = |label: &'static str, value: String, note: String| Figure {
        label,
        value: html! { (value) },
        note: html! { (note) },
    };
    components::figures(&[
        figure(wording::CLICKS, locale.number(found.clicks), String::new()),
        figure(
            common::SIGN_UPS,
            locale.number(found.referred_signups),
            wording::by(&helpers::many(cx, found.active_referrers, wording::REFERRER_OR_REFERRERS)),
        ),
        figure(wording::REWARDED, locale.number(found.rewarded_referrals), String::new()),
        figure(wording::SIGN_UPS_PER_REFERRER, hundredths(found.referral_rate_thousandths), String::new()),
        figure(
            wording::VIRAL_COEFFICIENT,
            hundredths(found.viral_coefficient_thousandths),
            wording::at_the_start(&helpers::many(cx, found.existing_accounts, common::ACCOUNT_OR_ACCOUNTS)),
        ),
    ])
}

fn cost<S: Platform>(cx: &PageContext<'_, S>, document: &Document, found: &Economics) -> Markup {
    let locale = &*cx.locale;
    let money = |cents: i64| components::amount(locale, cents, &document.currency);
    let columns = [
        text(common::CHANNEL, |c: &&Channel| html! { (c.channel) }),
        number(wording::COST, |c: &&Channel| money(c.acquisition_cost_cents.0)),
        number(
            wording::FIRST_YEAR_MARGIN,
            |c: &&Channel| html! { @match c.first_year_margin_cents { Some(cents) => (money(cents.0)), None => (common::NONE) } },
        ),
        number(
            wording::MARGIN_OVER_COST,
            |c: &&Channel| html! { @match c.margin_over_cost_hundredths { Some(n) => { @if n < 0 { "-" } (n.abs() / 100) "." (format!("{:02}", n.abs() % 100)) "×" } None => (common::NONE) } },
        ),
    ];
    let rows: Vec<&Channel> = found.referral.iter().chain(&found.paid_channels).collect();
    html! {
        h2 { (wording::COST_PER_ACCOUNT) }
        @if rows.is_empty() {
            (components::empty(wording::NOTHING_TO_COMPARE, html! { (wording::NOTHING_TO_COMPARE_HINT) }))
        } @else {
            @if found.referral.is_none() { p { (wording::NO_REFERRAL_COST) } }
            (columns::table(wording::COST_BY_CHANNEL, &rows, &columns))
            @if let (Some(reward), Some(benefit)) = (found.reward_cents, found.benefit_cents) {
                p.quiet { (wording::COST_OF_REFERRAL[0]) (money(reward.0)) (wording::COST_OF_REFERRAL[1]) (money(benefit.0)) (wording::COST_OF_REFERRAL[2]) }
            }
            @if let Some(revenue) = found.first_year_revenue_cents {
                p.quiet { (wording::FIRST_YEAR_REVENUE) (money(revenue.0)) (wording::averaged_over(&helpers::many(cx, found.revenue_sample, common::ACCOUNT_OR_ACCOUNTS))) }
            }
        }
    }
}

fn by_channel<S: Platform>(cx: &PageContext<'_, S>, document: &Document, rows: &[ChannelRow]) -> Markup {
    let locale = &*cx.locale;
    let columns = [
        text(common::PARTNER, |r: &ChannelRow| helpers::partner(&r.partner, r.external_id.as_deref(), None)),
        text(common::CHANNEL, |r: &ChannelRow| html! { (r.channel.replace('_', " ")) }),
        number(wording::CLICKS, |r: &ChannelRow| html! { (locale.number(r.clicks)) }),
        number(common::SIGN_UPS, |r: &ChannelRow| html! { (locale.number(r.signups)) }),
        number(wording::PAYING, |r: &ChannelRow| html! { (locale.number(r.qualified)) }),
        number(wording::REWARDED, |r: &ChannelRow| html! { (locale.number(r.rewarded)) }),
        number(wording::EARNED, |r: &ChannelRow| {
            components::amount(locale, r.gross_cents, &crate::pages::program::document::unit_of(document))
        }),
    ];

    html! {
        @if rows.is_empty() { p.quiet { (wording::NO_ACTIVITY) } } @else {
            (columns::table(wording::CHANNELS, helpers::at_most(rows, CHANNELS_MAX), &columns))
            @if rows.len() > CHANNELS_MAX { p.quiet { (common::first_shown(CHANNELS_MAX)) } }
        }
    }
}
