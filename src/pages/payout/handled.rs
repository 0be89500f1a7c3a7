//! Lists of what an operator looks at and marks as handled, with a reason: what they share.

use crate::base::percent;
use crate::codec::operator as forms;
use crate::http::context::Platform;
use crate::http::exchange::Response;
use crate::pages::columns;
use crate::pages::columns::Column;
use crate::pages::components;
use crate::pages::context::PageContext;
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::text::operator::common;
use crate::pages::viewer::Operator;
use crate::service::error::AppError;
use maud::{Markup, html};

/// Where such a list is, and what it says.
pub struct Handled {
    pub path: &'static str,
    pub title: &'static str,
    pub lead: &'static str,
    pub none: &'static str,
    pub none_hint: &'static str,
    pub reason_hint: &'static str,
}

impl Handled {
    /// A page of the list. `next`: the cursor of the next one.
    pub fn list<S: Platform, R>(
        &self,
        cx: &PageContext<'_, S>,
        operator: &Operator,
        (rows, columns): (&[R], &[Column<'_, R>]),
        (next, is_first): (Option<&str>, bool),
    ) -> Response {
        let content = html! {
            (components::heading(self.title, self.lead, html! { a.button.second href="/operator/payouts" { (common::ALL_PAYOUTS) } }))
            @if rows.is_empty() {
                (components::empty(self.none, html! { (self.none_hint) }))
            } @else {
                (columns::table(self.title, rows, columns))
            }
            (components::pager(self.path, next, is_first))
        };
        helpers::frame(cx, operator, 200, ("/operator/runs", self.title), content)
    }

    /// The form by which an operator says what became of one.
    pub fn form<S: Platform>(&self, cx: &PageContext<'_, S>, id: &str) -> Markup {
        html! {
            form.inline-form method="post" action={ (self.path) "/" (percent::escaped(id)) } {
                (csrf(cx))
                (helpers::reason(&SubmittedForm::default(), self.reason_hint))
                button.second { (common::MARK_AS_HANDLED) }
            }
        }
    }
}

/// The reason in that form.
pub fn reason<S: Platform>(cx: &PageContext<'_, S>) -> Result<String, AppError> {
    Ok(forms::decision(&helpers::body(&cx.form, &["reason"]))?)
}
