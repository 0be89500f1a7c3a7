//! Reports as figures: the funnel's week, the month's channels, the economics of a period. Each is available as JSON
//! or, if `Accept` requests it, as Markdown, with the meaning of every figure.

use crate::base::ids::ProgramId;
use crate::base::time::{Month, UtcMillis, Week};
use crate::engine::report::economics;
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::exchange::{Request, Response};
use crate::http::markdown;
use crate::http::markdown::FUNNEL_DEFINITIONS;
use crate::service::error::{AppError, ErrorKind};
use crate::service::funnel;
use crate::service::funnel::WeeklyReport;
use crate::service::report;
use crate::service::report::kept::Gathered;
use serde_json::{Map, Value, json};

/// `GET /v1/reports/funnel?program=&week=2026-W24`; by default the last complete week.
pub async fn funnel<S: Platform>(call: OperatorCall<'_, S>) -> Result<Response, AppError> {
    let program: ProgramId = required(call.request, "program")?.into();
    let week = match call.request.param("week") {
        None => Week::of(call.app.now).plus(-1),
        Some(text) => Week::parse(&text).ok_or_else(|| malformed("week", "an ISO week such as 2026-W24"))?,
    };
    let weekly = funnel::weekly(&call.context(), &program, week).await?;
    Ok(answer(call.request, || markdown::funnel(&weekly), || funnel_view(&weekly)))
}

fn funnel_view(weekly: &WeeklyReport) -> Value {
    let mut report = json!(weekly.report);
    for partner in report["partners"].as_array_mut().into_iter().flatten() {
        let shown = partner["partner"].as_str().and_then(|id| weekly.names.get(id)).cloned().unwrap_or_default();
        partner["external_id"] = json!(shown.external_id);
        partner["name"] = json!(shown.name);
    }
    json!({
        "program": weekly.program, "program_version": weekly.version, "week": weekly.week.to_string(),
        "from": weekly.week.start().to_rfc3339(), "to": weekly.week.end().to_rfc3339(), "as_of": as_of_view(weekly.as_of),
        "sample_min": report["sample_min"], "average": report["program"], "partners": report["partners"], "other_partners": report["other_partners"],
        "definitions": definitions(FUNNEL_DEFINITIONS),
    })
}

/// `GET /v1/reports/channels?program=&month=2026-06`; by default the last complete month.
pub async fn channels<S: Platform>(call: OperatorCall<'_, S>) -> Result<Response, AppError> {
    let program: ProgramId = required(call.request, "program")?.into();
    let month = match call.request.param("month") {
        None => Month::of(call.app.now).plus(-1),
        Some(text) => Month::parse(&text).ok_or_else(|| malformed("month", "a month such as 2026-06"))?,
    };
    let found = report::channels(&call.context(), &program, month).await?;
    let view = || {
        let rows: Vec<Value> = found
            .rows
            .iter()
            .map(|r| {
                json!({
                    "partner": r.partner, "external_id": r.external_id, "channel": r.channel, "clicks": r.clicks,
                    "signups": r.signups, "qualified": r.qualified, "rewarded": r.rewarded,
                    "gross_cents": r.gross_cents,
                })
            })
            .collect();
        json!({
            "program": program, "month": month.to_string(), "unit": found.document.settlement.unit.name(),
            "currency": found.document.currency, "as_of": as_of_view(found.as_of), "data": rows, "definitions": definitions(markdown::CHANNEL_DEFINITIONS),
        })
    };
    Ok(answer(call.request, || markdown::channels(&found, &month.to_string()), view))
}

/// `GET /v1/reports/economics?program=&from=&to=`.
pub async fn economics<S: Platform>(call: OperatorCall<'_, S>) -> Result<Response, AppError> {
    let program: ProgramId = required(call.request, "program")?.into();
    let (from, to) = (instant(call.request, "from")?, instant(call.request, "to")?);
    if to <= from {
        return Err(malformed("to", "later than from"));
    }
    let (document, Gathered { rows: found, as_of }) = report::economics(&call.context(), &program, from, to).await?;
    let view = || {
        let mut body = json!({
            "program": program, "from": from.to_rfc3339(), "to": to.to_rfc3339(), "currency": document.currency, "as_of": as_of_view(as_of),
            "definitions": definitions(economics::DEFINITIONS),
        });
        if let (Some(body), Value::Object(figures)) = (body.as_object_mut(), json!(found)) {
            body.extend(figures);
        }
        body
    };
    Ok(answer(call.request, || markdown::economics(&document, &found, from, to), view))
}

/// As of when a large report is; null: now.
fn as_of_view(at: Option<UtcMillis>) -> Value {
    json!(at.map(|at| at.to_rfc3339()))
}

fn answer(request: &Request, text: impl Fn() -> String, view: impl Fn() -> Value) -> Response {
    let mut response = match wants_markdown(request) {
        true => Response::text("text/markdown; charset=utf-8", text()),
        false => Response::json(200, &view()),
    };
    response.headers.push(("vary", "accept".to_owned()));
    response
}

/// Whether `Accept` names Markdown, and before JSON if it names both.
fn wants_markdown(request: &Request) -> bool {
    let accepted = request.header("accept").unwrap_or_default().to_ascii_lowercase();
    let place =
        |kind: &str| accepted.split(',').position(|part| part.split(';').next().is_some_and(|k| k.trim() == kind));
    match (place("text/markdown"), place("application/json")) {
        (Some(markdown), Some(json)) => markdown < json,
        (markdown, _) => markdown.is_some(),
    }
}

fn definitions(list: &[(&str, &str)]) -> Value {
    Value::Object(list.iter().map(|(name, text)| ((*name).to_owned(), json!(text))).collect::<Map<String, Value>>())
}

fn required(request: &Request, name: &'static str) -> Result<String, AppError> {
    let missing = || AppError::new(ErrorKind::BadRequest, "missing", format!("{name} is required")).field(name);
    request.param(name).filter(|text| !text.is_empty()).ok_or_else(missing)
}

/// An instant, or a day, which means its first instant.
fn instant(request: &Request, name: &'static str) -> Result<UtcMillis, AppError> {
    let text = required(request, name)?;
    let at = UtcMillis::parse(&text).or_else(|| UtcMillis::parse(&format!("{text}T00:00:00Z")));
    at.filter(|at| at.0 >= 0)
        .ok_or_else(|| malformed(name, "a time such as 2026-06-01T00:00:00Z or a date such as 2026-06-01"))
}

fn malformed(name: &'static str, must: &str) -> AppError {
    AppError::new(ErrorKind::BadRequest, "malformed", format!("{name} must be {must}")).field(name)
}
