//! The program's resources for its partners.

use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::{Column, text};
use crate::pages::context::{PageContext, PageResult};
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::markdown;
use crate::service::error::AppError;
use crate::store::partner::resource::{Resource, resource_find_of_partner, resource_list_of_partner};
use maud::html;

/// Pages listed: people write them by hand.
const PAGES: i64 = 200;

const COLUMNS: &[Column] = &[text("Page"), text("Last updated")];

pub async fn list<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let (partner, rows) = cx.partner(vec![resource_list_of_partner(cx.claimed_partner(), PAGES)]).await?;
    let pages: Vec<Resource> = rows[0].decode()?;
    let row = |r: &Resource| {
        vec![
            html! { a href={ "/partner/resources/" (components::escaped(&r.id)) } { (r.title) } },
            components::day(cx.locale.as_ref(), r.updated_at_ms),
        ]
    };
    let content = html! {
        (components::heading("Resources", "Materials, answers, and tips from the program.", html! {}))
        @if pages.is_empty() {
            (components::empty("Nothing here yet", html! { "The program hasn't added any resources. The " a href="/partner/share" { "share kit" } " has messages to get you started." }))
        } @else {
            (components::table("Resources", COLUMNS, &pages.iter().map(row).collect::<Vec<_>>()))
        }
    };
    let page = Page { title: "Resources", area: Area::Partner(&partner), here: "/partner/resources", content };
    Ok(layout::show(cx, 200, page))
}

pub async fn detail<S: Platform>(cx: &PageContext<'_, S>, id: &str) -> PageResult {
    let (partner, rows) = cx.partner(vec![resource_find_of_partner(cx.claimed_partner(), id)]).await?;
    let found: Resource = rows[0].first()?.ok_or_else(|| AppError::not_found("page"))?;
    let content = html! {
        (components::heading(&found.title, "", html! {}))
        div.prose { (markdown::rendered(&found.body)) }
        p.quiet { "Last updated " (components::day(cx.locale.as_ref(), found.updated_at_ms)) ". " a href="/partner/resources" { "All resources" } }
    };
    let page = Page { title: &found.title, area: Area::Partner(&partner), here: "/partner/resources", content };
    Ok(layout::show(cx, 200, page))
}
