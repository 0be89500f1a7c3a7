//! How to write a program: `docs/programs.md`, which is a static file beside the Worker.

use crate::http::assets;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::markdown;
use crate::pages::operator::helpers;
use crate::pages::program::operator_programs::HERE;
use crate::pages::text::operator::program as wording;
use crate::pages::viewer::{Gate, Operator};
use crate::service::error::{AppError, ErrorKind};
use maud::html;

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let (operator, ()) = gate.open(cx, ()).await?;
    let text = cx.app.site.asset(assets::GUIDE).await.map_err(|why| {
        AppError::new(ErrorKind::Fault, "asset_missing", "the guide is not among the static files").cause(why)
    })?;
    let back = html! { a.button.second href=(HERE) { (wording::BACK_TO_PROGRAMS) } };
    let content = html! {
        (components::heading(wording::GUIDE_TITLE, wording::GUIDE_LEAD, back))
        div.prose { (markdown::rendered(&String::from_utf8_lossy(&text))) }
    };
    Ok(helpers::frame(cx, &operator, 200, (HERE, wording::GUIDE_TITLE), content))
}
