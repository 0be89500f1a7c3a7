//! How previews of runs and drafts go on: the next step of one that is not finished, and the next page of its result.

use crate::base::percent;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::context::PageContext;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::text::operator::common;
use maud::{Markup, html};
use serde_json::Value;

/// How far a preview is that is not finished, and the way on.
pub fn unfinished<S: Platform>(cx: &PageContext<'_, S>, preview: &Value) -> Markup {
    html! {
        @if preview["complete"] == false {
            p.notice { (common::calculated_so_far(&helpers::many(cx, preview["accounts"].as_i64().unwrap_or(0), common::ACCOUNT_OR_ACCOUNTS))) }
            form method="post" action=(path(preview)) {
                (csrf(cx))
                button { (common::CONTINUE) }
            }
        }
    }
}

/// The way to the next page of a result.
pub fn pager(preview: &Value, is_first: bool) -> Markup {
    components::pager(&path(preview), preview["next_cursor"].as_str(), is_first)
}

fn path(preview: &Value) -> String {
    format!("/operator/previews/{}", percent::escaped(preview["id"].as_str().unwrap_or_default()))
}
