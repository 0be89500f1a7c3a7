//! Lists of partners, links, accounts, accruals and invoices, for programs that copy the books: in the order of their last
//! change, from `updated_since` on.

use crate::base::time::UtcMillis;
use crate::engine::accrual::payment::{ON_ITS_WAY, PAID};
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::exchange::Request;
use crate::http::page;
use crate::http::page::Page;
use crate::http::partner::partners::entry;
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::service::partner::enroll;
use crate::store::program::programs;
use crate::store::report::lists;
use crate::store::report::lists::{AccountRow, InvoiceRow, Place};
use serde_json::{Value, json};

/// Longest text that partners are searched for, in characters.
const SEARCH_CHARS_MAX: usize = 100;

/// States of accruals as they are shown.
pub const STATES: [&str; 10] =
    ["pending", "held", "disputed", "available", "waiting", "reversed", "void", "settled", ON_ITS_WAY, PAID];
const STANDINGS: [&str; 3] = ["active", "suspended", "banned"];

/// A request for a page: its filters, and the place after which it begins.
struct Listing<'a> {
    request: &'a Request,
    page: Page,
    after: Place,
}

impl<'a> Listing<'a> {
    fn of(request: &'a Request) -> Result<Listing<'a>, AppError> {
        let page = Page::of(request)?;
        let since = match request.param("updated_since").filter(|text| !text.is_empty()) {
            None => UtcMillis(0),
            Some(text) => UtcMillis::parse(&text).ok_or_else(|| {
                let detail = "must be an RFC 3339 date and time such as 2026-05-10T00:00:00Z";
                AppError::new(ErrorKind::BadRequest, "malformed", detail).field("updated_since")
            })?,
        };
        // No key comes before an empty one.
        let (list_at, list_key) = page.instant_and_id(since.0)?;
        Ok(Listing { request, page, after: Place { list_at, list_key } })
    }

    fn filter(&self, name: &str) -> String {
        self.request.param(name).unwrap_or_default()
    }

    fn filters<const N: usize>(&self, names: [&str; N]) -> [String; N] {
        names.map(|name| self.filter(name))
    }

    /// The page, from the rows found (one more than fit, if there are) and the last row that was looked at.
    fn answer<T>(&self, mut found: Vec<(Place, T)>, end: Option<Place>, view: impl Fn(&T) -> Value) -> StoredResponse {
        let cursor = |place: &Place| format!("{}.{}", place.list_at, place.list_key);
        let next = self.page.cut(&mut found, |(place, _)| cursor(place)).or_else(|| end.as_ref().map(cursor));
        let data: Vec<Value> = found.iter().map(|(_, row)| view(row)).collect();
        (200, json!({"data": data, "next_cursor": next}))
    }
}

fn texts<const N: usize>(filters: &[String; N]) -> [&str; N] {
    filters.each_ref().map(String::as_str)
}

/// A view with the time of the row's last change.
fn updated(mut view: Value, at: UtcMillis) -> Value {
    view["updated_at"] = json!(at.to_rfc3339());
    view
}

/// `GET /v1/partners?program=&standing=&external_id=&q=`.
pub async fn partners<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let list = Listing::of(call.request)?;
    let mut filters = list.filters(["program", "standing", "external_id", "q"]);
    page::one_of(call.request, "standing", &STANDINGS)?;
    if filters[3].chars().count() > SEARCH_CHARS_MAX {
        let detail = format!("must be at most {SEARCH_CHARS_MAX} characters");
        return Err(AppError::new(ErrorKind::BadRequest, "too_long", detail).field("q"));
    }
    // Like SQLite's lower(): ASCII only.
    filters[3].make_ascii_lowercase();
    let (rows, end) = lists::partner_page(texts(&filters), &list.after, list.page.limit + 1);
    let (found, end, catalog) = call.context().read((rows, end, programs())).await?;
    let base_url = call.base_url();
    Ok(list.answer(found, end, |(row, changed)| {
        let document = catalog.current(&row.program_id, call.app.now);
        let mut view = enroll::view(row, document, &base_url, &[]);
        view["notes"] = json!(row.notes);
        // They are of one partner's own view.
        view.as_object_mut().map(|fields| fields.remove("balances"));
        updated(view, changed.updated_at_ms)
    }))
}

/// `GET /v1/links?program=&partner=&campaign=`.
pub async fn links<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let list = Listing::of(call.request)?;
    let filters = list.filters(["program", "partner", "campaign"]);
    let (found, end) = call.context().read(lists::link_page(texts(&filters), &list.after, list.page.limit + 1)).await?;
    let base_url = call.base_url();
    Ok(list.answer(found, end, |(row, changed)| updated(enroll::link_view(row, &base_url), changed.updated_at_ms)))
}

/// `GET /v1/accounts?program=&partner=&account=`.
pub async fn accounts<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let list = Listing::of(call.request)?;
    let filters = list.filters(["program", "partner", "account"]);
    let reads = lists::account_page(texts(&filters), &list.after, list.page.limit + 1);
    let (found, end) = call.context().read(reads).await?;
    Ok(list.answer(found, end, account_view))
}

/// `GET /v1/accruals?program=&partner=&account=&state=&period=`.
pub async fn accruals<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let list = Listing::of(call.request)?;
    let filters = list.filters(["program", "partner", "account", "state", "period"]);
    page::one_of(call.request, "state", &STATES)?;
    let (rows, end) = lists::accrual_page(texts(&filters), &list.after, list.page.limit + 1);
    let (found, end, catalog) = call.context().read((rows, end, programs())).await?;
    let at: Vec<UtcMillis> = found.iter().map(|(place, _)| UtcMillis(place.list_at)).collect();
    let found = found.into_iter().zip(at).map(|((place, row), at)| (place, (row, at))).collect();
    Ok(list.answer(found, end, |(shown, at)| {
        let mut view = entry(shown, &catalog, call.app.now);
        view["partner"] = json!(Some(&shown.0.partner_id).filter(|id| !id.is_empty()));
        updated(view, *at)
    }))
}

/// `GET /v1/invoices?program=&partner=&account=&period=`.
pub async fn invoices<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let list = Listing::of(call.request)?;
    let filters = list.filters(["program", "partner", "account", "period"]);
    let reads = lists::invoice_page(texts(&filters), &list.after, list.page.limit + 1);
    let (found, end) = call.context().read(reads).await?;
    Ok(list.answer(found, end, invoice_view))
}

pub fn account_view(a: &AccountRow) -> Value {
    json!({
        "id": a.account_id, "group": a.group_id, "program": a.program_id, "partner": a.partner_id, "code": a.code,
        "method": a.method, "signed_up_at": a.signed_up_at_ms.to_rfc3339(),
        "first_paid_at": a.qualified_at_ms.map(UtcMillis::to_rfc3339), "held": a.held != 0,
        "updated_at": a.decided_at_ms.to_rfc3339(),
    })
}

pub fn invoice_view(i: &InvoiceRow) -> Value {
    json!({
        "id": i.invoice_id, "account": i.account_id, "event": i.event_id, "amount_cents": i.amount_cents,
        "currency": i.currency, "state": i.state, "refunded_cents": i.refunded_cents, "disputed": i.disputed != 0,
        "paid_at": i.occurred_at_ms.to_rfc3339(), "updated_at": i.updated_at_ms.to_rfc3339(),
    })
}
