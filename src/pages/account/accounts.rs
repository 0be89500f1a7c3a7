//! Accounts: the attribution of each, its milestones and earnings, and the form that reassigns it.

use crate::base::decode;
use crate::base::id;
use crate::base::ids::{AccountId, PartnerId, ProgramId};
use crate::base::percent;
use crate::codec::operator as query;
use crate::engine::account::lifecycle::LifecycleTransition;
use crate::engine::attribution::AttributionResult;
use crate::engine::attribution::binding::AttributionCandidate;
use crate::engine::identity::access::Scope;
use crate::http::auth::hex_sha256;
use crate::http::context::Platform;
use crate::pages::account::attribution_search;
use crate::pages::account::unearned;
use crate::pages::accrual::accruals_table::accruals_table;
use crate::pages::accrual::adjust;
use crate::pages::columns;
use crate::pages::columns::text;
use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::operator::helpers;
use crate::pages::refusal::with_refusal;
use crate::pages::text::operator::{account as wording, adjustment, attribution_search as search, common, navigation};
use crate::pages::text::shared::person;
use crate::pages::viewer::{Gate, Operator};
use crate::program::catalog::Catalog;
use crate::service::attribution::reassign as rebinding;
use crate::service::attribution::report as attribution;
use crate::service::error::AppError;
use crate::store::account;
use crate::store::account::BindingRow;
use crate::store::account::waiting::undecided_find;
use crate::store::event as events;
use crate::store::event::stripe::waiting_of_account;
use crate::store::port::DbError;
use crate::store::program;
use crate::store::report::operator as reads;
use crate::store::report::operator::{AccountFound, KnownAccount};
use crate::store::review;
use maud::{Markup, html};
use serde::Deserialize;

/// Reviews that an account's page shows; the page of reviews has all.
const REVIEWS_MAX: usize = 10;

#[derive(Deserialize)]
struct BoundProgram {
    program: ProgramId,
    partner: PartnerId,
    external_id: Option<String>,
    name: Option<String>,
    method: Option<String>,
}

pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let query = cx.request.param("q").unwrap_or_default().trim().to_owned();
    let read = match query.as_str() {
        "" => reads::account_page(list.number(helpers::LAST_ROW)?, list.limit + 1),
        text => reads::account_search(text),
    };
    let (operator, found) = gate.open(cx, read).await?;
    let (found, next) = match query.is_empty() {
        true => helpers::paged(&list, found, |a| a.row.to_string()),
        false => (found, None),
    };
    let columns = [
        text(common::ACCOUNT, |a: &AccountFound| helpers::account(&a.id)),
        text(wording::REFERRED_BY, |a: &AccountFound| {
            let bound: Vec<BoundProgram> = serde_json::from_str(&a.bound).unwrap_or_default();
            html! {
                @if bound.is_empty() { span.quiet { (wording::NO_PARTNER) } }
                @for (n, b) in bound.iter().enumerate() {
                    @if n > 0 { br; }
                    (helpers::partner(&b.partner, b.external_id.as_deref(), b.name.as_deref())) " " span.quiet { (wording::by_method(&b.program, b.method.as_deref().unwrap_or(wording::UNKNOWN_METHOD))) }
                }
            }
        }),
        text(
            common::SIGNED_UP,
            |a: &AccountFound| html! { @if let Some(at) = a.signed_up_at_ms { (components::instant(&*cx.locale, at)) } },
        ),
    ];
    let hint = wording::FIND_HINT;
    let content = html! {
        (components::heading(navigation::ACCOUNTS, wording::LEAD, html! { a.button.second href=(attribution_search::HERE) { (search::TITLE) } }))
        (helpers::search("/operator/accounts", &query, wording::FIND, hint))
        @if found.is_empty() && query.is_empty() {
            (components::empty(wording::NONE_YET, html! { (wording::NONE_YET_HINT[0]) code { "POST /v1/webhooks/events" } (wording::NONE_YET_HINT[1]) }))
        } @else if found.is_empty() {
            (components::empty(wording::NONE_FOUND, html! { (wording::NONE_FOUND_HINT) }))
        } @else {
            (columns::table(navigation::ACCOUNTS, &found, &columns))
            @if i64::try_from(found.len()).unwrap_or(0) == reads::FOUND_MAX && !query.is_empty() {
                p.quiet { (common::first_found(reads::FOUND_MAX)) }
            }
        }
        (components::pager("/operator/accounts", next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &operator, 200, ("/operator/accounts", navigation::ACCOUNTS), content))
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, id: AccountId) -> PageResult {
    shown(cx, gate, &id, &SubmittedForm::default()).await
}

async fn shown<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Operator>,
    id: &AccountId,
    form: &SubmittedForm,
) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let ids = [id.to_owned()];
    let read = (
        account::account_find(id).first(),
        account::binding_list(id),
        reads::account_accruals(id, &list.cursor, list.limit + 1),
        review::review_of_accounts(&ids),
        program::programs(),
        reads::partners_of_account(id, &list.cursor, list.limit + 1),
        (events::other_amounts(id, attribution::SHOWN_MAX), waiting_of_account(id, attribution::SHOWN_MAX)),
        undecided_find(id).first(),
    );
    let (operator, (found, bindings, accruals, reviews, catalog, known, (amounts, waiting), undecided)) =
        gate.open(cx, read).await?;
    found.ok_or_else(|| AppError::not_found("account"))?;
    let (accruals, next) = helpers::paged(&list, accruals, |(l, _)| l.id.to_string());
    let path = format!("/operator/accounts/{}", percent::escaped(id));
    let content = html! {
        (components::heading(id, wording::ACCOUNT_LEAD, html! { a.button.second href="#reassign" { (wording::REASSIGN) } @if operator.may(Scope::Admin) { a.button.second href={ (path) "/data" } { (person::HELD) } } }))
        @if let Some(u) = &undecided {
            p.notice {
                (wording::UNDECIDED[0]) (components::instant(&*cx.locale, u.since_ms)) (wording::UNDECIDED[1])
                @if let Some(name) = &u.refused_by { (wording::refused_by(name)) }
            }
        }
        @if bindings.is_empty() { p.quiet { (wording::NO_ATTRIBUTION) } } @else { h2 { (common::ATTRIBUTION) } }
        @for row in &bindings { (receipt(cx, id, row, &known)?) }
        (unearned::other_currencies(cx, &bindings, &amounts, &catalog))
        (unearned::waiting(cx, &waiting))
        @if !reviews.is_empty() {
            h2 { (navigation::REVIEWS) }
            ul { @for r in reviews.iter().take(REVIEWS_MAX) { li {
                a href={ "/operator/reviews/" (percent::escaped(&r.id)) } { (r.rule.replace('_', " ")) } " " (components::state(r.state.name())) " " span.quiet { (r.evidence) }
            } } }
        }
        h2 { (common::EARNINGS) }
        (accruals_table(cx, &catalog, &accruals, Some(&known)))
        (components::pager(&path, next.as_deref(), list.cursor.is_empty()))
        (reassign_form(cx, &operator, &path, form, &catalog))
    };
    Ok(helpers::frame(cx, &operator, helpers::status(form), ("/operator/accounts", id), content))
}

fn receipt<S: Platform>(
    cx: &PageContext<'_, S>,
    id: &AccountId,
    row: &BindingRow,
    known: &[KnownAccount],
) -> Result<Markup, DbError> {
    let verdict: AttributionResult = decode::from_text(&row.receipt).map_err(|e| DbError::Fault(e.to_string()))?;
    let states: Vec<LifecycleTransition> = decode::from_text(&row.states).map_err(|e| DbError::Fault(e.to_string()))?;
    let name = |id: &str| helpers::partner_of(known, id);
    let locale = &*cx.locale;
    let columns = [
        text(
            common::DATE,
            |c: &AttributionCandidate| html! { @if let Some(at) = c.at { (components::instant(locale, at)) } },
        ),
        text(common::METHOD, |c: &AttributionCandidate| html! { (c.method.name().replace('_', " ")) }),
        text(
            wording::PARTNER_AND_CODE,
            |c: &AttributionCandidate| html! { @if let Some(partner) = &c.partner { (name(partner)) } " " code { (c.code) } },
        ),
        text(
            wording::RESULT,
            |c: &AttributionCandidate| html! { @if c.chosen { (components::state("chosen")) } @else { span.quiet { (wording::NOT_CHOSEN) } } },
        ),
        text(common::REASON, |c: &AttributionCandidate| html! { (c.reason) }),
    ];
    let candidates = &verdict.candidates;
    Ok(html! {
        section.sheet {
            h2 { (verdict.group) }
            @match &verdict.binding {
                Some(b) => p {
                    (wording::ATTRIBUTED_TO[0]) (name(&b.partner)) (wording::ATTRIBUTED_TO[1]) (helpers::program(&b.program))
                    (wording::by_method_and_code(&b.method.name().replace('_', " "))) code { (b.code) }
                    (wording::ATTRIBUTED_TO[2]) (components::instant(locale, b.from)) (wording::ATTRIBUTED_TO[3]) span.quiet { (verdict.reason) } " "
                    a href=(adjust::path_for_account(&b.partner, id)) { (adjustment::ADJUST) }
                },
                None => p { (verdict.reason) },
            }
            @if !candidates.is_empty() { (columns::table(wording::CANDIDATES, candidates, &columns)) }
            @if !states.is_empty() {
                h3 { (common::MILESTONES) }
                ol { @for s in &states { li {
                    (s.state.replace('_', " ")) " " (components::instant(locale, s.at))
                    @if s.at > cx.now() { " " span.quiet { (wording::EXPECTED) } }
                } } }
            }
            p.quiet { (wording::ATTRIBUTION_UPDATED) (components::instant(locale, row.decided_at_ms)) }
        }
    })
}

fn reassign_form<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: &Operator,
    path: &str,
    form: &SubmittedForm,
    catalog: &Catalog,
) -> Markup {
    let documents = catalog.all_current(cx.now());
    let choices: Vec<(&str, &str)> = documents.iter().map(|d| (d.id.as_str(), d.title.as_str())).collect();
    html! {
        section id="reassign" {
            h2 { (wording::REASSIGN_TITLE) }
            p {
                (wording::REASSIGN_LEAD)
            }
            (components::problems(form))
            @if operator.may(Scope::Partners) {
                form.stack method="post" action={ (path) "#reassign" } {
                    (helpers::hidden(cx))
                    (components::select(form, Field { name: "program", label: common::PROGRAM, required: true, ..Field::default() }, &choices))
                    (components::field(form, Field {
                        name: "partner", label: common::PARTNER_ID, hint: wording::PARTNER_ID_HINT, autocomplete: "off", max: 255, ..Field::default()
                    }))
                    (helpers::reason(form, ""))
                    button.danger { (wording::REASSIGN_BUTTON) }
                }
            }
        }
    }
}

pub async fn reassign<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: AccountId) -> PageResult {
    let move_it = async {
        let query = query::reassign(&helpers::body(&cx.form, &["program", "partner", "reason"]))?;
        let event = id::derived("reb", &[&id, &helpers::key(cx)]).into();
        rebinding::reassign(&cx.context(&operator.session), &id, &query, event, hex_sha256(&cx.request.body)).await
    };
    match move_it.await {
        Ok(_) => Ok(cx.redirect_after_post(&format!("/operator/accounts/{}?done=reassigned", percent::escaped(&id)))),
        Err(error) => shown(cx, operator.into(), &id, &with_refusal(cx, error)?).await,
    }
}
