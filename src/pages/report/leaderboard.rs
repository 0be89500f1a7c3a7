//! The leaderboard of the partner's program: it ranks all partners and names those who opted in.

use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::{Column, number, text};
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::locale::Locale;
use crate::pages::text::partner::{navigation, report as text};
use crate::pages::viewer::{Gate, Partner};
use crate::store::partner::page as reads;
use crate::store::partner::page::PlaceRow;
use maud::html;

/// Ranks shown. The partner's own rank is always shown.
const PLACES: i64 = 50;

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    let claimed_partner = cx.claimed_partner();
    let (partner, (mut places, own)) =
        gate.open(cx, (reads::place_list(claimed_partner, PLACES), reads::place_own(claimed_partner).first())).await?;
    let named = own.as_ref().is_some_and(|o| o.display_name.is_some());
    if !places.iter().any(|p| p.own == 1) {
        places.extend(own);
    }
    let locale = cx.locale.as_ref();
    let content = html! {
        (components::heading(navigation::LEADERBOARD, text::LEAD, html! {}))
        @if places.is_empty() {
            (components::empty(text::EMPTY, html! { (text::EMPTY_HINT) }))
        } @else {
            (columns::table(navigation::LEADERBOARD, &places, &columns(locale)))
            @if let Some(first) = places.first() { p.quiet { (text::AS_OF) (components::instant(locale, first.refreshed_at_ms)) "." } }
        }
        p {
            @if named { (text::NAMED) a href="/partner/settings" { (text::CHANGE_NAME) } }
            @else { (text::UNNAMED) a href="/partner/settings" { (text::CHOOSE_NAME) } (text::CHOOSE_NAME_WHY) }
        }
    };
    let page =
        Page { title: navigation::LEADERBOARD, area: Area::Partner(&partner), here: "/partner/leaderboard", content };
    Ok(layout::show(cx, 200, page))
}

fn columns(locale: &dyn Locale) -> [Column<'_, PlaceRow>; 4] {
    [
        number(text::RANK, move |p: &PlaceRow| html! { (locale.number(p.rank)) }),
        text(text::PARTNER, |p: &PlaceRow| {
            let name = p.display_name.as_deref().filter(|name| !name.trim().is_empty());
            html! {
                @match (name, p.own) {
                    (Some(name), 1) => { strong { (name) } (text::YOU_SUFFIX) }
                    (None, 1) => strong { (text::YOU) },
                    (Some(name), _) => (name),
                    (None, _) => span.quiet { (text::ANONYMOUS) },
                }
            }
        }),
        number(text::REWARDED, move |p: &PlaceRow| html! { (locale.number(p.referrals)) }),
        number(
            text::EARNED,
            move |p: &PlaceRow| html! { @if p.own == 1 { (components::amount(locale, p.gross_cents, &p.unit)) } },
        ),
    ]
}
