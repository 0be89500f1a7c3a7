//! Who did what, and why. Entries never change.

use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::text;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::operator::helpers;
use crate::store::identity::token;
use crate::store::identity::token::AuditRow;
use maud::{Markup, html};

/// How much of a change is shown: it may be a program's whole document.
const CHANGE_CHARS_MAX: usize = 200;

pub async fn list<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let (before_ms, before_id) = list.instant_and_id(helpers::LATEST)?;
    let (session, rows) = cx.operator(vec![token::audit_page(before_ms, &before_id, list.limit + 1)]).await?;
    let (rows, next) = helpers::paged(&list, rows[0].decode()?, |a: &AuditRow| format!("{}.{}", a.at_ms.0, a.id));
    let columns = [text("Date"), text("Operator"), text("Action"), text("Subject"), text("Reason"), text("Change")];
    let cells = |a: &AuditRow| {
        vec![
            components::instant(&*cx.locale, a.at_ms),
            html! { (a.actor) },
            html! { code { (a.action) } },
            about(a),
            html! { (a.reason.as_deref().unwrap_or("")) },
            change(a),
        ]
    };
    let lead = "Everything operators have done, newest first. Entries can't be changed or deleted.";
    let content = html! {
        (components::heading("Audit log", lead, html! {}))
        @if rows.is_empty() {
            (components::empty("No activity yet", html! { "Operators' decisions appear here with their reasons." }))
        } @else {
            (components::table("Operator activity", &columns, &rows.iter().map(cells).collect::<Vec<_>>()))
        }
        (components::pager("/operator/audit", next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &session, 200, ("/operator/audit", "Audit log"), content))
}

/// The subject of an action, as a link where it has a page.
fn about(a: &AuditRow) -> Markup {
    let subject = a.subject.as_str();
    let page = match a.action.split('.').next().unwrap_or("") {
        "program" | "budget" => Some("programs"),
        "partner" => Some("partners"),
        "account" => Some("accounts"),
        "review" => Some("reviews"),
        "run" => Some("runs"),
        "payout" if a.action == "payout.approve" => Some("runs"),
        "payout" => Some("payouts"),
        _ => None,
    };
    html! {
        @match page {
            Some(page) => a href={ "/operator/" (page) "/" (components::escaped(subject)) } { (subject) },
            None => (subject),
        }
    }
}

fn change(a: &AuditRow) -> Markup {
    let short = |text: &str| -> String {
        let cut: String = text.chars().take(CHANGE_CHARS_MAX).collect();
        if cut.len() < text.len() { format!("{cut}…") } else { cut }
    };
    html! {
        @if a.before.is_some() || a.after.is_some() {
            details {
                summary { "Show" }
                @if let Some(before) = &a.before { p { span.quiet { "Before " } code { (short(before)) } } }
                @if let Some(after) = &a.after { p { span.quiet { "After " } code { (short(after)) } } }
            }
        }
    }
}
