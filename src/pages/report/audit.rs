//! Who did what, and why. Entries never change.

use crate::base::percent;
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::text;
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::operator::helpers;
use crate::pages::text::operator::{common, navigation, report as wording};
use crate::pages::viewer::{Gate, Operator};
use crate::store::identity::audit;
use crate::store::identity::audit::AuditRow;
use maud::{Markup, html};

/// How much of a change is shown: it may be a program's whole document.
const CHANGE_CHARS_MAX: usize = 200;

pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let (before_ms, before_id) = list.instant_and_id(helpers::LATEST)?;
    let read = audit::audit_page(before_ms, &before_id, list.limit + 1);
    let (operator, rows) = gate.open(cx, read).await?;
    let (rows, next) = helpers::paged(&list, rows, |a: &AuditRow| format!("{}.{}", a.at_ms.0, a.id));

    let columns = [
        text(common::DATE, |a: &AuditRow| components::instant(&*cx.locale, a.at_ms)),
        text(navigation::OPERATOR, |a: &AuditRow| html! { (a.actor) }),
        text(wording::ACTION, |a: &AuditRow| html! { code { (a.action) } }),
        text(common::SUBJECT, |a: &AuditRow| about(a)),
        text(common::REASON, |a: &AuditRow| html! { (a.reason.as_deref().unwrap_or("")) }),
        text(wording::CHANGE, |a: &AuditRow| change(a)),
    ];
    let lead = wording::AUDIT_LEAD;
    let content = html! {
        (components::heading(navigation::AUDIT, lead, html! {}))
        @if rows.is_empty() {
            (components::empty(wording::AUDIT_EMPTY, html! { (wording::AUDIT_EMPTY_HINT) }))
        } @else {
            (columns::table(wording::OPERATOR_ACTIVITY, &rows, &columns))
        }
        (components::pager("/operator/audit", next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &operator, 200, ("/operator/audit", navigation::AUDIT), content))
}

/// The subject of an action, as a link if it has a page.
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
            Some(page) => a href={ "/operator/" (page) "/" (percent::escaped(subject)) } { (subject) },
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
                summary { (wording::SHOW) }
                @if let Some(before) = &a.before { p { span.quiet { (wording::BEFORE) } code { (short(before)) } } }
                @if let Some(after) = &a.after { p { span.quiet { (wording::AFTER) } code { (short(after)) } } }
            }
        }
    }
}
