//! Payouts for operators: lists and receipts, decisions, approvals, reversals, reports; and partners' onboarding.

use crate::base::time::Month;
use crate::codec::operator;
use crate::engine::ledger::posting;
use crate::engine::payout::{OutboundTransfer, TransferKind as Moved};
use crate::http::auth;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::{Request, Response};
use crate::http::page;
use crate::http::page::Page;
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use crate::service::payout as deciding;
use crate::service::payout::PayoutAction;
use crate::service::payout::onboard;
use crate::service::payout::{reverse as reversing, send};
use crate::service::settlement::start::view as run_view;
use crate::store::payout as rows;
use crate::store::payout::plan;
use crate::store::payout::plan::ApprovalRow;
use crate::store::payout::report as reports;
use crate::store::payout::report::{CarriedSum, Movement, ReceiptSums, StateSum, YearRow};
use crate::store::settlement::run as runs;
use crate::store::settlement::run::RunRow;
use serde_json::{Value, json};

const STATES: [&str; 7] = ["planned", "held", "submitting", "paid", "failed", "review", "cancelled"];

/// `GET /v1/payouts?run=&state=&partner=`: newest first.
pub async fn list<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<StoredResponse, AppError> {
    let page = Page::of(request)?;
    let filter = |name: &str| request.param(name).unwrap_or_default();
    let state = page::state(request, &STATES)?;
    let (before_ms, before_id) = page.instant_and_id(page::LAST)?;
    let query = rows::payout_page(&filter("run"), &state, &filter("partner"), before_ms, &before_id, page.limit + 1);
    let found: Vec<OutboundTransfer> = app.context("").query(query).await?.decode()?;
    Ok((200, page.answer(found, |s| format!("{}.{}", s.created_at_ms.0, s.id), deciding::view)))
}

/// `GET /v1/payouts/{id}`: the receipt, how the amount came about.
pub async fn receipt<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
) -> Result<StoredResponse, AppError> {
    let page = Page::of(request)?;
    let after = page.number(0)?;
    let ctx = app.context("");
    let s = deciding::find(&ctx, deciding::payout_id(id)?).await?;
    if s.kind == Moved::Reversal {
        return Ok((200, deciding::view(&s)));
    }
    let account = posting::account_id(&s.program_id, &s.unit, "available", &s.partner_id);
    let reads = vec![
        reports::receipt_sums(&account, id),
        reports::receipt_page(&account, id, after, page.limit + 1),
        rows::reversal_list(id),
    ];
    let rows = ctx.batch(reads).await?;
    let sums: ReceiptSums = rows[0].first()?.ok_or_else(|| AppError::not_found("payout"))?;
    let mut view = deciding::view(&s);
    view["period"] = json!(sums.period);
    view["opening_cents"] = json!(sums.opening_cents);
    view["moved_cents"] = json!(sums.moved_cents);
    view["immature_cents"] = json!(sums.available_cents - sums.payable_cents);
    view["movements"] = page.answer(rows[1].decode()?, |m: &Movement| m.row.to_string(), movement);
    view["reversals"] = rows[2].decode::<OutboundTransfer>()?.iter().map(deciding::view).collect();
    Ok((200, view))
}

fn movement(m: &Movement) -> Value {
    let kind = match (m.code.as_str(), m.phase.as_str()) {
        ("payout", "void") => "payout_came_back",
        (code, _) => code,
    };
    json!({
        "id": m.id, "type": kind, "amount_cents": m.amount_cents, "reward_id": m.reward_id, "account": m.account_id,
        "source": m.source, "event": m.event_id, "run": m.run_id, "reason": m.reason,
        "at": m.created_at_ms.to_rfc3339(),
    })
}

/// `POST /v1/payouts/{id}/hold`.
pub async fn hold<S: Platform>(
    s: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    decide(s, request, id, actor, &PayoutAction::Hold).await
}

/// `POST /v1/payouts/{id}/release`.
pub async fn release<S: Platform>(
    s: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    decide(s, request, id, actor, &PayoutAction::Release).await
}

/// `POST /v1/payouts/{id}/cancel`.
pub async fn cancel<S: Platform>(
    s: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    decide(s, request, id, actor, &PayoutAction::Cancel).await
}

async fn decide<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
    decision: &PayoutAction,
) -> Result<StoredResponse, AppError> {
    let reason = operator::decision(&request.body)?;
    deciding::decide(&app.context(actor), deciding::payout_id(id)?, decision, &reason).await
}

/// `POST /v1/payouts/{id}/resolve`.
pub async fn resolve<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let (resolution, reason) = operator::resolution(&request.body, "transfer")?;
    let id = deciding::payout_id(id)?;
    deciding::decide(&app.context(actor), id, &PayoutAction::Resolve(resolution), &reason).await
}

/// `POST /v1/payouts/{id}/reversals`.
pub async fn reverse<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let reads = operator::reversal(&request.body)?;
    let once = auth::once(request)?;
    reversing::reverse(&app.context(actor), id, reads.amount, &reads.reason, once.as_ref()).await
}

/// `POST /v1/runs/{id}/approve`.
pub async fn approve<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let reason = operator::remark(&request.body)?;
    deciding::approve(&app.context(actor), id, reason.as_deref()).await
}

/// `GET /v1/runs/{id}/report`: what became of a run's money.
pub async fn run_report<S: Platform>(app: &RequestContext<'_, S>, id: &str) -> Result<StoredResponse, AppError> {
    let ctx = app.context("");
    let rule = send::approval_name(ctx.setup.payout_approval);
    let reads = vec![
        runs::run_find(id),
        plan::approval_find(id, rule),
        reports::run_payout_sums(id),
        reports::run_carried_sums(id),
    ];
    let rows = ctx.batch(reads).await?;
    let run: RunRow = rows[0].first()?.ok_or_else(|| AppError::not_found("run"))?;
    let approval: Option<ApprovalRow> = rows[1].first()?;
    let state = |s: &StateSum| json!({"state": s.state, "currency": currency(&s.unit), "payouts": s.payouts, "amount_cents": s.cents});
    let carried_forward = |s: &CarriedSum| json!({"why": s.why, "currency": currency(&s.unit), "partners": s.partners, "amount_cents": s.cents});
    let approval_view = json!({
        "policy": rule, "approved": approval.is_some() || rule == "automatic",
        "by": approval.as_ref().map(deciding::approval_view),
    });
    let view = json!({
        "run": run_view(&run), "approval": approval_view,
        "payouts": rows[2].decode()?.iter().map(state).collect::<Vec<Value>>(),
        "carried_forward": rows[3].decode()?.iter().map(carried_forward).collect::<Vec<Value>>(),
    });
    Ok((200, view))
}

fn currency(unit: &str) -> &str {
    unit.split_once(':').map_or("", |(_, currency)| currency)
}

/// `GET /v1/reports/payouts?year=2026`: totals per partner as CSV, for the tax forms that Stripe files.
pub async fn year<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<Response, AppError> {
    let text = request.param("year").unwrap_or_else(|| app.now.to_rfc3339().chars().take(4).collect());
    let first = Month::parse(&format!("{text}-01"));
    let first = first.ok_or_else(|| {
        AppError::new(ErrorKind::BadRequest, "malformed", "year must be a year such as 2026").field("year")
    })?;
    let query = reports::year_list(first.start(), first.plus(12).start());
    let rows: Vec<YearRow> = app.context("").query(query).await?.decode()?;
    let mut csv = "year,program,partner,external_id,name,email,country,stripe_account,currency,payouts,paid_cents,returned_cents,net_cents\r\n".to_owned();
    for r in &rows {
        let some = |value: &Option<String>| value.clone().unwrap_or_default();
        let texts = [
            text.clone(),
            r.program_id.clone(),
            r.partner_id.clone(),
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

/// A cell as RFC 4180 writes it, always in quotes. What a table program would take for a formula is made a text, also
/// after each delimiter that one of them may cut the line at in place of the comma.
pub fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut begins = true;
    for c in text.chars() {
        if begins && matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '|' | '%' | '＝' | '＋' | '－' | '＠') {
            out.push('\'');
        }
        // Spaces before a formula are dropped by some, and quotes that hold nothing.
        begins = matches!(c, ',' | ';' | '\t' | '|' | '\n' | '\r') || (begins && matches!(c, ' ' | '"'));
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// `POST /v1/partners/{id}/onboarding`.
pub async fn onboarding<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let reads = operator::onboarding(&request.body)?;
    onboard::onboard(&app.context(actor), id, &reads, &app.config.base_url(&request.origin)).await
}

/// `POST /v1/partners/{id}/dashboard`.
pub async fn dashboard<S: Platform>(
    app: &RequestContext<'_, S>,
    id: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    onboard::dashboard(&app.context(actor), id).await
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
