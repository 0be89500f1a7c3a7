//! The program's resources for its partners.

use crate::base::limits::RESOURCES_MAX;
use crate::base::percent;
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::text;
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::markdown;
use crate::pages::text::partner::{navigation, program as text};
use crate::pages::viewer::{Gate, Partner};
use crate::service::error::AppError;
use crate::store::partner::resource::{Resource, resource_find_of_partner, resource_list_of_partner};
use maud::html;

/// Pages listed: people write them by hand.
const PAGES: i64 = RESOURCES_MAX;

pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    let (partner, pages) = gate.open(cx, resource_list_of_partner(cx.claimed_partner(), PAGES)).await?;
    let columns = [
        text(
            text::PAGE,
            |r: &Resource| html! { a href={ "/partner/resources/" (percent::escaped(&r.id)) } { (r.title) } },
        ),
        text(text::UPDATED, |r: &Resource| components::day(cx.locale.as_ref(), r.updated_at_ms)),
    ];
    let content = html! {
        (components::heading(navigation::RESOURCES, text::RESOURCES_LEAD, html! {}))
        @if pages.is_empty() {
            (components::empty(text::NO_RESOURCES, html! { (text::NO_RESOURCES_HINT) a href="/partner/share" { (text::SHARE_KIT) } (text::SHARE_KIT_HAS) }))
        } @else {
            (columns::table(navigation::RESOURCES, &pages, &columns))
        }
    };
    let page =
        Page { title: navigation::RESOURCES, area: Area::Partner(&partner), here: "/partner/resources", content };
    Ok(layout::show(cx, 200, page))
}

pub async fn detail<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>, id: &str) -> PageResult {
    let (partner, found) = gate.open(cx, resource_find_of_partner(cx.claimed_partner(), id).first()).await?;
    let found = found.ok_or_else(|| AppError::not_found("page"))?;
    let content = html! {
        (components::heading(&found.title, "", html! {}))
        div.prose { (markdown::rendered(&found.body)) }
        p.quiet { (text::UPDATED) " " (components::day(cx.locale.as_ref(), found.updated_at_ms)) ". " a href="/partner/resources" { (text::ALL_RESOURCES) } }
    };
    let page = Page { title: &found.title, area: Area::Partner(&partner), here: "/partner/resources", content };
    Ok(layout::show(cx, 200, page))
}
