//! Editing a program: its next version as a document, checked, and tried on a past period before it is saved.

use crate::base::ids::ProgramId;
use crate::base::json;
use crate::base::percent;
use crate::base::time::Month;
use crate::codec::operator as forms;
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::text;
use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::program::operator_programs::{GUIDE, HERE};
use crate::pages::program::{comparison, document};
use crate::pages::text::operator::{common, program as wording};
use crate::pages::viewer::{Gate, Operator};
use crate::program::check;
use crate::program::check::Finding;
use crate::program::compiled::Program;
use crate::program::document::Document;
use crate::service::error::AppError;
use crate::service::preview;
use crate::service::program as saving;
use crate::service::program::Refusal;
use crate::service::program::dry_run as trying;
use crate::store::program;
use crate::store::report::operator::partners_known;
use maud::{Markup, html};
use serde_json::{Value, json};

pub async fn edit<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, id: ProgramId) -> PageResult {
    shown(cx, gate, &id, None, &DryRunResult::default()).await
}

/// The result of a submitted form.
#[derive(Default)]
struct DryRunResult {
    findings: Vec<Finding>,
    dry_run: Option<Value>,
    /// The document is valid.
    checked: bool,
}

async fn shown<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Operator>,
    id: &ProgramId,
    typed: Option<&SubmittedForm>,
    tried: &DryRunResult,
) -> PageResult {
    let dry_run = tried.dry_run.as_ref().map(|dry_run| &dry_run["rows"]);
    let ids: Vec<&str> = dry_run.into_iter().flat_map(|rows| helpers::partners_in(rows, helpers::ROWS_MAX)).collect();
    let (operator, (catalog, known)) = gate.open(cx, (program::programs(), partners_known(&ids))).await?;
    let found = catalog.current(id, cx.now()).ok_or_else(|| AppError::not_found("program"))?;
    let newest = catalog.versions(id).last().map_or(found, Program::document);
    let last_month = Month::of(cx.now()).plus(-1).to_string();
    let next = json::indented(&successor(cx, newest).text());
    let first = SubmittedForm::filled(&[("document", &next), ("period", &last_month)]);
    let form = typed.unwrap_or(&first);
    let path = format!("{HERE}/{}", percent::escaped(id));
    let title = wording::edit(&found.title);
    let lead = wording::EDITOR_LEAD;
    let is_good = form.is_good() && tried.findings.is_empty();
    let content = html! {
        (components::heading(&title, lead, html! { a.button.second href=(path) { (common::BACK_TO_PROGRAM) } }))
        (components::problems(form))
        (findings(&tried.findings))
        @if let Some(dry_run) = &tried.dry_run { (comparison::of(cx, found, dry_run, &known)) }
        form method="post" action={ (path) "/edit" } {
            (csrf(cx))
            (textarea(form, &tried.findings))
            div.inline-form {
                (components::field(form, Field {
                    name: "period", label: wording::TEST_PERIOD, hint: common::PERIOD_HINT, autocomplete: "off", max: 10, ..Field::default()
                }))
                button.second name="do" value="dry-run" { (wording::RUN_TEST) }
                button name="do" value="save" { (wording::SAVE) }
            }
        }
        @if tried.checked { p { (wording::VALID) } }
        details { summary { (wording::CURRENT_IN_WORDS) } (document::readable(&*cx.locale, found)) }
    };
    let status = if is_good { 200 } else { 422 };
    Ok(helpers::frame(cx, &operator, status, (HERE, &title), content))
}

/// A draft of the next version: the newest one with the next number, effective from the next full hour.
fn successor<S: Platform>(cx: &PageContext<'_, S>, newest: &Document) -> Document {
    use crate::base::time::{HOUR_MS, UtcMillis};
    let soon = UtcMillis((cx.now().0.div_euclid(HOUR_MS) + 1) * HOUR_MS);
    Document { version: newest.version + 1, effective_from: soon.max(newest.effective_from), ..newest.clone() }
}

fn textarea(form: &SubmittedForm, findings: &[Finding]) -> Markup {
    let wrong = form.problem("document").is_some() || !findings.is_empty();
    let described = if findings.is_empty() { "document-hint" } else { "document-hint findings" };
    html! {
        div.field.wrong[wrong] {
            label for="document" { (wording::DOCUMENT) }
            textarea.code id="document" name="document" rows="28" required spellcheck="false" autocapitalize="off" aria-describedby=(described)
                aria-invalid=[wrong.then_some("true")] { "\n" (form.get("document")) }
            p.hint id="document-hint" { (wording::DOCUMENT_HINT) a href=(GUIDE) { (wording::GUIDE_TITLE) } (wording::OR) a href="/program.schema.json" { (wording::SCHEMA) } }
            @if let Some(problem) = form.problem("document") { p.problem { (problem) } }
        }
    }
}

/// The problems in a document: where each is, the value there, and what is allowed.
fn findings(list: &[Finding]) -> Markup {
    let columns = [
        text(
            wording::FIELD,
            |f: &Finding| html! { code { @if f.path.is_empty() { (wording::WHOLE_DOCUMENT) } @else { (f.path) } } },
        ),
        text(wording::VALUE, |f: &Finding| html! { code { (f.value) } }),
        text(wording::EXPECTED, |f: &Finding| html! { (f.rule) }),
    ];
    html! {
        @if !list.is_empty() {
            div.problems id="findings" role="alert" {
                p { strong { (wording::PROBLEM) } " " (wording::NOT_SAVED) }
                (columns::table(wording::PROBLEMS, list, &columns))
            }
        }
    }
}

pub async fn save<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: ProgramId) -> PageResult {
    let ctx = cx.context(&operator.session);
    let form = &cx.form;
    let text = form.get("document");
    let refusal = if form.get("do") == "save" {
        match saving::save(&ctx, &id, text).await {
            Ok(_) => {
                return Ok(cx.redirect_after_post(&format!("{HERE}/{}?done=program-saved", percent::escaped(&id))));
            }
            Err(refusal) => refusal,
        }
    } else {
        let body = match draft(text, form.get("period")) {
            Ok(body) => match trying::start(&ctx, &id, &body).await {
                Ok(started) => preview::show(&ctx, &started, None, ("", helpers::ROWS)).await.map_err(Refusal::Error),
                Err(refusal) => Err(refusal),
            },
            Err(refusal) => Err(refusal),
        };
        match body {
            Ok(dry_run) => {
                let tried = DryRunResult { dry_run: Some(dry_run), checked: true, ..DryRunResult::default() };
                return shown(cx, operator.into(), &id, Some(form), &tried).await;
            }
            Err(refusal) => refusal,
        }
    };
    match refusal {
        Refusal::Findings(findings) => {
            shown(cx, operator.into(), &id, Some(form), &DryRunResult { findings, ..DryRunResult::default() }).await
        }
        Refusal::Error(error) => {
            let form = crate::pages::refusal::without_stripe(cx, error)?;
            shown(cx, operator.into(), &id, Some(&form), &DryRunResult::default()).await
        }
    }
}

/// The dry run of a draft. The document is parsed here, so that each problem is reported with its field.
fn draft(text: &str, period: &str) -> Result<forms::DryRunRequest, Refusal> {
    check::read(text).map_err(Refusal::Findings)?;
    let body = json!({"period": period}).to_string();
    let body = forms::dry_run(body.as_bytes()).map_err(AppError::from)?;
    Ok(forms::DryRunRequest { document: Some(text.to_owned()), ..body })
}
