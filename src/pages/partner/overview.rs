//! The partner's first page: earnings, activity, and what to do next.

use crate::base::ids::LinkCode;
use crate::base::time::{DAY_MS, Month, UtcMillis};
use crate::codec::operator::NewPartner;
use crate::engine::review::suspension::PartnerStanding;
use crate::http::context::Platform;
use crate::pages::accrual::earnings;
use crate::pages::chart;
use crate::pages::chart::{Chart, Series};
use crate::pages::components;
use crate::pages::components::Figure;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::locale::Locale;
use crate::pages::partner::wording;
use crate::pages::text::partner::{navigation, overview as text};
use crate::pages::viewer::{Gate, Partner};
use crate::program::document::{Cadence, Document};
use crate::service::partner::enroll;
use crate::store::ledger;
use crate::store::ledger::BalanceRow;
use crate::store::partner;
use crate::store::partner::PartnerRow;
use crate::store::partner::page as reads;
use crate::store::partner::page::{DayRow, EarnedRow};
use crate::store::payout::payee;
use crate::store::payout::payee::PayeeRow;
use crate::store::payout::platform::payout_reach;
use crate::store::program::programs;
use maud::{Markup, html};

/// Days that the chart shows, today included.
const DAYS: i64 = 30;
/// Newest commissions shown.
const LATEST: i64 = 5;
/// Links refreshed at once when the disclosure is accepted; others follow within a minute.
const LINKS: i64 = 100;

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    let (claimed_partner, now) = (cx.claimed_partner(), cx.now());
    let month = Month::of(now);
    let first = reads::day_of(now) - DAYS + 1;
    let (partner, (row, balances, (payee, reach), catalog, (days, month_sums, accruals), own, further)) = gate
        .open(
            cx,
            (
                partner::partner_find(claimed_partner).first(),
                ledger::balance_list(claimed_partner),
                (payee::payee_find(claimed_partner).first(), payout_reach(claimed_partner).first()),
                programs(),
                (
                    reads::day_list(claimed_partner, first),
                    reads::earned_sums(claimed_partner, reads::day_of(month.start()), reads::day_of(month.end())),
                    reads::accrual_page(claimed_partner, "", now.plus_days(1).0, "~", LATEST),
                ),
                reads::link_own(claimed_partner, &LinkCode::default(), 0).first(),
                reads::link_page(claimed_partner, 0, now.plus_days(1).0, "~", 1).first(),
            ),
        )
        .await?;
    let document = catalog.current(&partner.program, now);
    let todo = Todo {
        row: row.as_ref(),
        document,
        payee,
        is_reached: reach.is_none_or(|r| r.is_offered()),
        shared: own.is_some_and(|l| l.clicks > 0) || days.iter().any(|d| d.clicks > 0),
        linked: further.is_some(),
        owed: balances.iter().any(|b| b.unit.starts_with("cash:") && b.pending_cents + b.available_cents > 0),
    };
    let locale = cx.locale.as_ref();
    let url = format!("{}/r/{}", cx.base_url(), partner.code);
    let content = html! {
        (components::heading(&text::hello(&partner.name), document.map_or("", |d| d.title.as_str()), html! {}))
        (todo.shown(cx, &partner))
        (money(locale, document, &balances, &month_sums, month.end()))
        h2 { (text::YOUR_LINK) }
        (components::copyable(text::YOUR_LINK, &url))
        h2 { (text::LAST_30_DAYS) }
        (course(locale, &days, first))
        h2 { (text::LATEST) }
        @if accruals.is_empty() {
            (components::empty(text::NOTHING_EARNED, html! { (text::NOTHING_EARNED_HINT) }))
        } @else {
            (earnings::table(cx, &catalog, &partner.id, &accruals))
            p { a href="/partner/earnings" { (text::ALL_EARNINGS) } }
        }
    };
    Ok(layout::show(
        cx,
        200,
        Page { title: navigation::OVERVIEW, area: Area::Partner(&partner), here: "/partner", content },
    ))
}

/// What a partner may still have to do.
struct Todo<'a> {
    row: Option<&'a PartnerRow>,
    document: Option<&'a Document>,
    payee: Option<PayeeRow>,
    /// Stripe pays in the partner's country.
    is_reached: bool,
    /// A link has been clicked.
    shared: bool,
    /// There is a link besides the default one.
    linked: bool,
    /// The partner has cash earnings that are not paid yet.
    owed: bool,
}

impl Todo<'_> {
    fn shown<S: Platform>(&self, cx: &PageContext<'_, S>, partner: &Partner) -> Markup {
        let locale = cx.locale.as_ref();
        if partner.session.standing == Some(PartnerStanding::Suspended) {
            return html! {
                div.todo {
                    h2 { (text::SUSPENDED) }
                    p { (text::SUSPENDED_EFFECT) }
                }
            };
        }
        if let Some(left) = partner.session.left_at_ms {
            return html! {
                div.todo {
                    h2 { (text::LEFT) }
                    p { (text::LEFT_ON) (components::day(locale, left)) (text::LEFT_KEEPS) }
                }
            };
        }
        let accepts = self.row.is_some_and(|r| r.disclosure_accepted_at_ms.is_none());
        let undisclosed = self.document.filter(|d| d.requires_disclosure && accepts);
        let steps = [self.money().filter(|_| cx.app.config.setup.stripe.is_some()), self.sharing()];
        if undisclosed.is_none() && steps.iter().all(Option::is_none) {
            return html! {};
        }
        html! {
            div.todo {
                h2 { (text::NEXT_STEPS) }
                @if let Some(document) = undisclosed {
                    p { strong { (text::UNDISCLOSED) } " " (text::disclosure_required(document)) }
                    form method="post" action="/partner/disclosure" {
                        (layout::csrf(cx))
                        button { (text::DISCLOSE) }
                    }
                }
                @if steps.iter().any(Option::is_some) {
                    ul { @for step in steps.iter().flatten() { li { (step) } } }
                }
            }
        }
    }

    fn money(&self) -> Option<Markup> {
        if !wording::pays_cash(self.document) {
            return None;
        }
        let Some(payee) = &self.payee else {
            // There is nothing to set up where Stripe can't pay.
            if !self.is_reached {
                return None;
            }
            let set_up = if self.owed { text::SET_UP_PAYOUTS_OWED } else { text::SET_UP_PAYOUTS };
            return Some(html! { a href="/partner/payouts/setup" { (set_up) } (text::STRIPE_ASKS) });
        };
        if payee.is_payable() {
            return None;
        }
        let due = crate::pages::payout::onboarding::due(payee);
        Some(html! {
            a href="/partner/payouts/setup" { (text::FINISH_STRIPE) }
            (text::stripe_setup(&due))
        })
    }

    fn sharing(&self) -> Option<Markup> {
        if !self.shared {
            return Some(html! { a href="/partner/share" { (text::SHARE_YOUR_LINK) } (text::SHARE_DRAFTED) });
        }
        if !self.linked {
            return Some(html! { a href="/partner/links" { (text::CREATE_LINKS) } (text::CREATE_LINKS_WHY) });
        }
        None
    }
}

/// A row of figures for each unit with a balance.
fn money(
    locale: &dyn Locale,
    document: Option<&Document>,
    balances: &[BalanceRow],
    month: &[EarnedRow],
    until: UtcMillis,
) -> Markup {
    let fresh =
        document.filter(|d| d.settlement.cadence != Cadence::None && d.pays() && balances.is_empty()).map(|d| {
            BalanceRow {
                unit: format!("{}:{}", d.settlement.unit.name(), d.currency),
                pending_cents: 0,
                available_cents: 0,
                leaving_cents: 0,
                paid_cents: 0,
                redeemed_cents: 0,
            }
        });
    html! {
        @for balance in balances.iter().chain(fresh.as_ref()) {
            @let so_far = month.iter().find(|m| m.unit == balance.unit).map_or(0, |m| m.cents);
            (components::figures(&figures(locale, balance, so_far, until)))
        }
    }
}

fn figures<'a>(locale: &dyn Locale, b: &BalanceRow, month_cents: i64, until: UtcMillis) -> Vec<Figure<'a>> {
    let amount = |cents: i64| components::amount(locale, cents, &b.unit);
    let credit = b.unit.starts_with("credit:");
    let out = b.paid_cents + b.redeemed_cents;
    let earned = b.pending_cents + b.available_cents + b.leaving_cents + out;
    let available = html! {
        @if b.available_cents < 0 && b.leaving_cents > 0 { (text::WAITING_PAYOUT) }
        @else if b.available_cents < 0 { (text::OVERDRAWN_NOTE) (text::FUTURE_EARNINGS) }
        @else if b.leaving_cents > 0 { (amount(b.leaving_cents)) (text::ON_ITS_WAY_NOTE) }
        @else if credit { (text::AVAILABLE_CREDIT_NOTE) }
        @else { (text::AVAILABLE_NOTE) }
    };
    let (used, note) = if credit { (text::USED, text::USED_NOTE) } else { (text::PAID, text::PAID_NOTE) };
    vec![
        Figure { label: text::EARNED, value: amount(earned), note: html! { (text::EARNED_NOTE) } },
        Figure {
            label: text::THIS_MONTH,
            value: amount(month_cents),
            note: html! { (text::THIS_MONTH_NOTE) (components::instant(locale, until)) },
        },
        Figure { label: text::PENDING, value: amount(b.pending_cents), note: html! { (text::PENDING_NOTE) } },
        Figure { label: text::AVAILABLE, value: amount(b.available_cents), note: available },
        Figure { label: used, value: amount(out), note: html! { (note) } },
    ]
}

/// Clicks, sign-ups, and first payments by day.
pub fn course(locale: &dyn Locale, days: &[DayRow], first: i64) -> Markup {
    if days.is_empty() {
        return components::empty(
            text::NO_VISITS,
            html! { a href="/partner/share" { (text::SHARE_YOUR_LINK) } (text::CLICKS_SOON) },
        );
    }
    let all: Vec<i64> = (first..first + DAYS).collect();
    let of = |count: fn(&DayRow) -> i64| -> Vec<i64> {
        all.iter().map(|day| days.iter().find(|d| d.day == *day).map_or(0, count)).collect()
    };
    let (clicks, signups, paid) = (of(|d| d.clicks), of(|d| d.signups), of(|d| d.conversions));
    let places: Vec<String> = all.iter().map(|day| locale.date(UtcMillis(day * DAY_MS))).collect();
    let write = |n: i64| locale.number(n);
    let sum = |list: &[i64]| html! { (locale.number(list.iter().sum())) };
    let days = html! { (text::IN_30_DAYS) };
    let figure = |label, list: &[i64]| Figure { label, value: sum(list), note: days.clone() };
    html! {
        (components::figures(&[figure(text::CLICKS, &clicks), figure(text::SIGN_UPS, &signups), figure(text::PAYING_CUSTOMERS, &paid)]))
        (chart::lines(&Chart {
            title: text::CHART,
            places: &places,
            series: &[
                Series { title: text::CLICKS, values: &clicks },
                Series { title: text::SIGN_UPS, values: &signups },
                Series { title: text::PAYING_CUSTOMERS, values: &paid },
            ],
            write: &write,
        }))
    }
}

/// The partner accepts the disclosure.
pub async fn disclose<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    let claimed_partner = cx.claimed_partner();
    let reads_of_page =
        (partner::partner_find(claimed_partner).first(), reads::link_choices(claimed_partner, cx.now(), LINKS));
    let (partner, (row, links)) = gate.open(cx, reads_of_page).await?;
    let external_id = row.map(|r| r.external_id).unwrap_or_default();
    let new = NewPartner {
        program: partner.program.clone(),
        external_id,
        name: None,
        email: None,
        website: None,
        country: None,
        kind: None,
        disclosure_accepted: true,
        code: None,
    };
    enroll::partner(&cx.context(&partner.session), &new, &cx.base_url(), None).await?;
    for link in links {
        cx.app.site.forget_link(&link.code).await;
    }
    Ok(cx.redirect_after_post("/partner?done=disclosed"))
}
