//! What operator pages share: frames, links to partners, accounts and programs, and forms that act once.

use crate::base::percent;
use crate::base::time::UtcMillis;
use crate::http::auth::hex_sha256;
use crate::http::context::Platform;
use crate::http::exchange::Response;
use crate::http::page::Page as List;
use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::context::PageContext;
use crate::pages::form::SubmittedForm;
use crate::pages::layout;
use crate::pages::layout::{Area, Page, csrf};
use crate::pages::text::operator::common;
use crate::pages::viewer::Operator;
use crate::service::context::fresh_secret;
use crate::service::error::AppError;
use crate::service::once::IdempotentRequest;
use crate::store::report::operator::KnownAccount;
use maud::{Markup, html};
use serde_json::{Map, Value};

/// The hidden field that makes a form act once.
pub const KEY: &str = "idempotency";

/// Rows per page of a list. With this many, a page stays well under 60 KB of HTML.
pub const ROWS: i64 = 25;

/// Rows per page at most, whatever limit the address has.
pub const ROWS_MAX: usize = 200;

/// Sorts after every row that a list can hold.
pub const LAST_ROW: i64 = crate::base::money::EXACT_MAX;

/// Sorts before every instant that a list can hold.
pub const LATEST: i64 = u32::MAX as i64 * 1_000_000;

/// Frames an operator's page. `path` is its entry in the navigation.
pub fn frame<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: &Operator,
    status: u16,
    (path, title): (&str, &str),
    content: Markup,
) -> Response {
    layout::show(cx, status, Page { title, area: Area::Operator(operator), here: path, content })
}

/// The status of a page with a form: 200 when it is first shown, 422 if something in it was refused.
pub fn status(form: &SubmittedForm) -> u16 {
    if form.is_good() { 200 } else { 422 }
}

/// A partner's name, with a link to the partner's page.
pub fn partner(id: &str, external_id: Option<&str>, name: Option<&str>) -> Markup {
    let known = name.filter(|n| !n.is_empty()).or(external_id).unwrap_or(id);
    html! { a href={ "/operator/partners/" (percent::escaped(id)) } { (known) } }
}

/// The same, looked up in a list that was read for the whole page.
pub fn partner_of(known: &[KnownAccount], id: &str) -> Markup {
    let found = known.iter().find(|k| k.id == id);
    partner(id, found.map(|k| k.external_id.as_str()), found.and_then(|k| k.name.as_deref()))
}

/// The partners in the first rows of an API response.
pub fn partners_in(rows: &Value, most: usize) -> impl Iterator<Item = &str> {
    rows.as_array().into_iter().flatten().take(most).filter_map(|row| row["partner"].as_str())
}

pub fn account(id: &str) -> Markup {
    if id.is_empty() {
        return html! { (common::NONE) };
    }
    html! { a href={ "/operator/accounts/" (percent::escaped(id)) } { (id) } }
}

pub fn program(id: &str) -> Markup {
    html! { a href={ "/operator/programs/" (percent::escaped(id)) } { (id) } }
}

/// The hidden fields of every form: the CSRF token and the idempotency key.
pub fn hidden<S: Platform>(cx: &PageContext<'_, S>) -> Markup {
    html! {
        (csrf(cx))
        input type="hidden" name=(KEY) value=(fresh_secret(cx.app.site));
    }
}

/// The idempotency record of a form, so that submitting it twice acts once.
pub fn once<S: Platform>(cx: &PageContext<'_, S>) -> Option<IdempotentRequest> {
    let key = cx.form.given(KEY)?.to_owned();
    let well_formed = key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit());
    let route = format!("{} {}", cx.request.method, cx.request.path);
    well_formed.then(|| IdempotentRequest { key, route, body_sha256: hex_sha256(&cx.request.body) })
}

/// The form's key, or a new one.
pub fn key<S: Platform>(cx: &PageContext<'_, S>) -> String {
    cx.form.given(KEY).filter(|key| key.len() == 64).map_or_else(|| fresh_secret(cx.app.site), str::to_owned)
}

/// The reason for a decision, which the audit log keeps.
pub fn reason(form: &SubmittedForm, hint: &str) -> Markup {
    let hint = if hint.is_empty() { common::AUDITED } else { hint };
    components::field(
        form,
        Field { name: "reason", label: common::REASON, hint, required: true, max: 200, ..Field::default() },
    )
}

/// Fields of the form as the body of the API call that does the same, so that both are checked in one place. Empty
/// fields are left out.
pub fn body(form: &SubmittedForm, names: &[&str]) -> Vec<u8> {
    let given = names.iter().filter_map(|name| Some(((*name).to_owned(), Value::from(form.given(name)?))));
    Value::Object(given.collect::<Map<String, Value>>()).to_string().into_bytes()
}

/// An error reworded for a form: the API mentions a header, but a person needs to hear that the form was already
/// submitted.
pub fn refusal_of(error: AppError) -> AppError {
    if error.code != "idempotency_key_reused" {
        return error;
    }
    let detail = common::SUBMITTED_ALREADY;
    AppError::new(error.kind, error.code, detail)
}

/// A count with its noun: `1 payout`, `3 payouts`.
pub fn many<S: Platform>(cx: &PageContext<'_, S>, number: i64, [one, several]: [&str; 2]) -> String {
    format!("{} {}", cx.locale.number(number), if number == 1 { one } else { several })
}

/// As of when a report is, if it is not of now.
pub fn as_of<S: Platform>(cx: &PageContext<'_, S>, at: Option<UtcMillis>) -> Markup {
    html! { @if let Some(at) = at { " " span.quiet { (common::AS_OF) (components::instant(&*cx.locale, at)) "." } } }
}

/// The same for what is counted only up to a number: "More than 50 reviews".
pub fn counted<S: Platform>(cx: &PageContext<'_, S>, number: i64, max: i64, words: [&str; 2]) -> String {
    if number > max { common::more_than(&many(cx, max, words)) } else { many(cx, number, words) }
}

/// Links to a list filtered by state. The current one is marked.
pub fn tabs(label: &str, path: &str, param: &str, chosen: &str, choices: &[(&str, &str)]) -> Markup {
    html! {
        nav.pager aria-label=(label) {
            @for (value, title) in choices {
                @let query = if value.is_empty() { String::new() } else { format!("?{param}={}", percent::escaped(value)) };
                a href={ (path) (query) } aria-current=[(*value == chosen).then_some("page")] { (title) }
            }
        }
    }
}

/// A search box. The query is part of the URL.
pub fn search(path: &str, text: &str, label: &str, hint: &str) -> Markup {
    html! {
        form.inline-form method="get" action=(path) role="search" {
            div.field {
                label for="q" { (label) }
                input id="q" name="q" type="search" value=(text) maxlength="255" autocomplete="off" aria-describedby="q-hint";
                p.hint id="q-hint" { (hint) }
            }
            button.second { (common::SEARCH) }
        }
    }
}

/// The first rows of a list, at most this many.
pub fn at_most<T>(rows: &[T], most: usize) -> &[T] {
    rows.get(..most).unwrap_or(rows)
}

/// The requested page of a list: `rows` rows, unless the URL has a limit.
pub fn list<S: Platform>(cx: &PageContext<'_, S>, rows: i64) -> Result<List, AppError> {
    let list = List::of(cx.request)?;
    let limit = if cx.request.param("limit").is_some() { list.limit } else { rows };
    Ok(List { limit, ..list })
}

/// The rows of one page from a list that was read with one extra row, and the cursor of the next page.
pub fn paged<T>(list: &List, mut rows: Vec<T>, cursor: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let limit = usize::try_from(list.limit).unwrap_or(0);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(cursor) } else { None };
    (rows, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_knows_whether_there_is_another() {
        let list = List { limit: 50, cursor: String::new() };
        let rows = |n: i64| paged(&list, (0..n).collect::<Vec<_>>(), |n| n.to_string());
        assert_eq!((rows(50).0.len(), rows(50).1), (50, None));
        assert_eq!((rows(51).0.len(), rows(51).1), (50, Some("49".to_owned())));
    }
}
