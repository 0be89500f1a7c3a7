//! The leaderboard of the partner's program: all partners are ranked, and named if they choose to be.

use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::{Column, number, text};
use crate::pages::context::{PageContext, PageResult};
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::locale::Locale;
use crate::store::partner::page as reads;
use crate::store::partner::page::PlaceRow;
use maud::{Markup, html};

/// Places shown; the partner's own is always shown.
const PLACES: i64 = 50;

const COLUMNS: &[Column] = &[number("Rank"), text("Partner"), number("Rewarded customers"), number("Earned")];

pub async fn show<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let claimed_partner = cx.claimed_partner();
    let (partner, rows) =
        cx.partner(vec![reads::place_list(claimed_partner, PLACES), reads::place_own(claimed_partner)]).await?;
    let mut places: Vec<PlaceRow> = rows[0].decode()?;
    let own: Option<PlaceRow> = rows[1].first()?;
    let named = own.as_ref().is_some_and(|o| o.display_name.is_some());
    if !places.iter().any(|p| p.own == 1) {
        places.extend(own);
    }
    let locale = cx.locale.as_ref();
    let content = html! {
        (components::heading("Leaderboard", "Partners ranked by rewarded customers. Earnings are private.", html! {}))
        @if places.is_empty() {
            (components::empty("No rankings yet", html! { "The leaderboard starts with the first reward and updates with each settlement." }))
        } @else {
            (components::table("Leaderboard", COLUMNS, &places.iter().map(|p| cells(locale, p)).collect::<Vec<_>>()))
            @if let Some(first) = places.first() { p.quiet { "As of " (components::utc(locale, first.refreshed_at_ms)) "." } }
        }
        p {
            @if named { "Others see the name you chose. " a href="/partner/settings" { "Change name" } }
            @else { "Others don't see your name. " a href="/partner/settings" { "Choose a name" } " to show it." }
        }
    };
    let page = Page { title: "Leaderboard", area: Area::Partner(&partner), here: "/partner/leaderboard", content };
    Ok(layout::show(cx, 200, page))
}

fn cells(locale: &dyn Locale, p: &PlaceRow) -> Vec<Markup> {
    let name = p.display_name.as_deref().filter(|name| !name.trim().is_empty());
    vec![
        html! { (locale.number(p.rank)) },
        html! {
            @match (name, p.own) {
                (Some(name), 1) => { strong { (name) } " (you)" }
                (None, 1) => strong { "You" },
                (Some(name), _) => (name),
                (None, _) => span.quiet { "Anonymous" },
            }
        },
        html! { (locale.number(p.referrals)) },
        html! { @if p.own == 1 { (components::amount(locale, p.gross_cents, &p.unit)) } },
    ]
}
