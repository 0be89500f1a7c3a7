//! Sums of payouts: a run's, and a year's as CSV.

use crate::base::ids::RunId;
use crate::base::time::Month;
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::exchange::Response;
use crate::http::page::Page;
use crate::http::payout::payouts::change;
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::service::payout as deciding;
use crate::service::payout::send;
use crate::service::settlement::start::view as run_view;
use crate::store::payout::plan;
use crate::store::report::payout as reports;
use crate::store::report::payout::{CarriedSum, StateSum};
use crate::store::report::payout_accruals as accruals;
use crate::store::report::payout_accruals::UnsentSum;
use crate::store::settlement::run as runs;
use serde_json::{Value, json};

/// `GET /v1/runs/{id}/report`: what happened to a run's money, and page by page what changed since its plan.
pub async fn run_report<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let ctx = call.context();
    let rule = send::approval_name(ctx.setup.payout_approval);
    let id = &RunId::from(call.segment);
    let page = Page::of(call.request)?;
    let after = page.cursor.split_once('.').unwrap_or((&page.cursor, ""));
    let reads = (
        runs::run_find(id).first(),
        plan::approval_find(id, rule).first(),
        reports::run_payout_sums(id),
        reports::run_carried_sums(id),
        accruals::run_unsent_sums(id),
        accruals::run_change_page(id, after, page.limit + 1),
    );
    let (run, approval, payouts, carried_forward, unsent, changes) = ctx.read(reads).await?;
    let run = run.ok_or_else(|| AppError::not_found("run"))?;
    let state = |s: &StateSum| json!({"state": s.state, "currency": currency(&s.unit), "payouts": s.payouts, "amount_cents": s.cents});
    let carried = |s: &CarriedSum| json!({"why": s.why, "currency": currency(&s.unit), "partners": s.partners, "amount_cents": s.cents});
    let to_send = |s: &UnsentSum| {
        json!({
            "currency": currency(&s.unit), "payouts": s.payouts, "planned_cents": s.planned_cents,
            "amount_cents": s.amount_cents,
        })
    };
    let approval_view = json!({
        "policy": rule, "approved": approval.is_some() || rule == "automatic",
        "by": approval.as_ref().map(deciding::approval_view),
    });
    let view = json!({
        "run": run_view(&run), "approval": approval_view,
        "payouts": payouts.iter().map(state).collect::<Vec<Value>>(),
        "carried_forward": carried_forward.iter().map(carried).collect::<Vec<Value>>(),
        "to_send": unsent.iter().map(to_send).collect::<Vec<Value>>(),
        "changes": page.answer(changes, |c| format!("{}.{}", c.payout_id, c.accrual_id), change),
    });
    Ok((200, view))
}

fn currency(unit: &str) -> &str {
    unit.split_once(':').map_or("", |(_, currency)| currency)
}

/// `GET /v1/reports/payouts?year=2026`: totals per partner as CSV, for the tax forms that Stripe files.
pub async fn year<S: Platform>(call: OperatorCall<'_, S>) -> Result<Response, AppError> {
    let text = call.request.param("year").unwrap_or_else(|| call.app.now.to_rfc3339().chars().take(4).collect());
    let first = Month::parse(&format!("{text}-01"));
    let first = first.ok_or_else(|| {
        AppError::new(ErrorKind::BadRequest, "malformed", "year must be a year such as 2026").field("year")
    })?;
    let query = reports::year_list(first.start(), first.plus(12).start());
    let rows = call.context().read(query).await?;
    let mut csv = "year,program,partner,external_id,name,email,country,stripe_account,currency,payouts,paid_cents,returned_cents,net_cents\r\n".to_owned();
    for r in &rows {
        let some = |value: &Option<String>| value.clone().unwrap_or_default();
        let texts = [
            text.clone(),
            r.program_id.to_string(),
            r.partner_id.to_string(),
            r.external_id.clone(),
            some(&r.name),
            some(&r.email),
            some(&r.country),
            some(&r.stripe_account_id),
            r.currency.clone(),
        ];
        csv.extend(texts.iter().map(|text| cell(text) + ","));
        let net = r.paid_cents - r.returned_cents;
        csv.push_str(&format!("\"{}\",\"{}\",\"{}\",\"{net}\"\r\n", r.payouts, r.paid_cents, r.returned_cents));
    }
    let mut response = Response::text("text/csv; charset=utf-8", csv);
    let name = format!("attachment; filename=\"payouts-{text}.csv\"");
    response.headers.push(("content-disposition", name));
    Ok(response)
}

/// A cell according to RFC 4180, always quoted. What a spreadsheet would treat as a formula is turned into text. That
/// includes a formula after any delimiter at which a spreadsheet might split the line instead of at the comma.
pub fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut begins = true;
    for c in text.chars() {
        if begins && matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '|' | '%' | '＝' | '＋' | '－' | '＠') {
            out.push('\'');
        }
        // Some spreadsheets ignore spaces and empty quotes before a formula.
        begins = matches!(c, ',' | ';' | '\t' | '|' | '\n' | '\r') || (begins && matches!(c, ' ' | '"'));
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_texts() {
        for (text, want) in [
            ("plain", "\"plain\""),
            ("", "\"\""),
            ("x;=1+1", "\"x;'=1+1\""),
            ("x; \t=1+1", "\"x; '\t'=1+1\""),
            ("a|cmd,-2", "\"a|cmd,'-2\""),
            (" @x", "\" '@x\""),
            ("＝1", "\"'＝1\""),
            ("x;\"=1", "\"x;\"\"'=1\""),
            ("a-b+c=d@e", "\"a-b+c=d@e\""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=SUM(A1)", "\"'=SUM(A1)\""),
            ("two\nlines", "\"two\nlines\""),
        ] {
            assert_eq!(cell(text), want);
        }
    }
}
