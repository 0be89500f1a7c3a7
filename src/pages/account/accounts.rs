//! Accounts: to whom each is bound and why, what it reached, what it earned; and moving one to another partner.

use crate::base::decode;
use crate::base::id;
use crate::codec::operator as asked;
use crate::engine::account::lifecycle::LifecycleTransition;
use crate::engine::accrual::Accrual;
use crate::engine::attribution::AttributionResult;
use crate::engine::attribution::binding::AttributionCandidate;
use crate::engine::identity::access::Scope;
use crate::http::auth::hex_sha256;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::{Field, text};
use crate::pages::form::SubmittedForm;
use crate::pages::operator::helpers;
use crate::pages::partner::partners::lines_table;
use crate::pages::route::with_refusal;
use crate::pages::visit::{PageContext, PageResult};
use crate::program::catalog::Catalog;
use crate::service::attribution::reassign as rebinding;
use crate::service::error::AppError;
use crate::store::account;
use crate::store::account::{AccountRow, BindingRow};
use crate::store::port::DbError;
use crate::store::program;
use crate::store::report::operator as reads;
use crate::store::report::operator::{AccountFound, KnownAccount};
use crate::store::review;
use crate::store::review::ReviewRow;
use maud::{Markup, html};
use serde::Deserialize;

/// Reviews of an account that its page shows; the page of reviews has all.
const REVIEWS_MAX: usize = 10;

#[derive(Deserialize)]
struct BoundProgram {
    program: String,
    partner: String,
    external_id: Option<String>,
    name: Option<String>,
    method: Option<String>,
}

pub async fn list<S: Platform>(visit: &PageContext<'_, S>) -> PageResult {
    let list = helpers::list(visit, helpers::ROWS)?;
    let asked = visit.request.param("q").unwrap_or_default().trim().to_owned();
    let read = match asked.as_str() {
        "" => reads::account_page(list.number(helpers::LAST_ROW)?, list.limit + 1),
        text => reads::account_search(text),
    };
    let (session, rows) = visit.operator(vec![read]).await?;
    let found: Vec<AccountFound> = rows[0].decode()?;
    let (found, next) = match asked.is_empty() {
        true => helpers::paged(&list, found, |a| a.row.to_string()),
        false => (found, None),
    };
    let cells = |a: &AccountFound| {
        let bound: Vec<BoundProgram> = serde_json::from_str(&a.bound).unwrap_or_default();
        let to = html! {
            @if bound.is_empty() { span.quiet { "nobody" } }
            @for (n, b) in bound.iter().enumerate() {
                @if n > 0 { br; }
                (helpers::partner(&b.partner, b.external_id.as_deref(), b.name.as_deref())) " " span.quiet { (b.program) ", by " (b.method.as_deref().unwrap_or("?")) }
            }
        };
        let signed_up = html! { @if let Some(at) = a.signed_up_at_ms { (components::instant(&*visit.words, at)) } };
        vec![helpers::account(&a.id), to, signed_up]
    };
    let hint = "How its id begins, an email address or its domain, or a partner's id for the accounts that it brought.";
    let content = html! {
        (components::heading("Accounts", "Who was brought, by whom, and why it counts so.", html! {}))
        (helpers::search("/operator/accounts", &asked, "Find an account", hint))
        @if found.is_empty() && asked.is_empty() {
            (components::empty("There is no account yet", html! { "Accounts come with your application's events: " code { "POST /v1/webhooks/events" } "." }))
        } @else if found.is_empty() {
            (components::empty("Nothing is found", html! { "Ids are searched from their beginning, in exactly the letters that your application sent." }))
        } @else {
            (components::table("Accounts", &[text("Account"), text("Brought by"), text("Signed up")], &found.iter().map(cells).collect::<Vec<_>>()))
            @if i64::try_from(found.len()).unwrap_or(0) == reads::FOUND_MAX && !asked.is_empty() {
                p.quiet { "The first " (reads::FOUND_MAX) " are shown. Type more to find the others." }
            }
        }
        (components::pager("/operator/accounts", next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(visit, &session, 200, ("/operator/accounts", "Accounts"), content))
}

pub async fn show<S: Platform>(visit: &PageContext<'_, S>, id: &str) -> PageResult {
    shown(visit, id, &SubmittedForm::default()).await
}

async fn shown<S: Platform>(visit: &PageContext<'_, S>, id: &str, form: &SubmittedForm) -> PageResult {
    let list = helpers::list(visit, helpers::ROWS)?;
    let ids = [id.to_owned()];
    let read = vec![
        account::account_find(id),
        account::binding_list(id),
        reads::account_lines(id, &list.cursor, list.limit + 1),
        review::review_of_accounts(&ids),
        program::program_list(),
        reads::partners_of_account(id),
    ];
    let (session, rows) = visit.operator(read).await?;
    rows[0].first::<AccountRow>()?.ok_or_else(|| AppError::not_found("account"))?;
    let bindings: Vec<BindingRow> = rows[1].decode()?;
    let (lines, next) = helpers::paged(&list, rows[2].decode()?, |l: &Accrual| l.id.clone());
    let reviews: Vec<ReviewRow> = rows[3].decode()?;
    let catalog = program::catalog(&rows[4])?;
    let known: Vec<KnownAccount> = rows[5].decode()?;
    let path = format!("/operator/accounts/{}", components::escaped(id));
    let content = html! {
        (components::heading(id, "To whom this account is bound, by which touch, and why the others lost.", html! { a.button.second href="#reassign" { "Move it" } }))
        @if bindings.is_empty() { p.quiet { "It has not signed up yet, so nothing is decided about it." } }
        @for row in &bindings { (receipt(visit, row, &known)?) }
        @if !reviews.is_empty() {
            h2 { "Reviews" }
            ul { @for r in reviews.iter().take(REVIEWS_MAX) { li {
                a href={ "/operator/reviews/" (components::escaped(&r.id)) } { (r.rule.replace('_', " ")) } " " (components::state(&r.state)) " " span.quiet { (r.evidence) }
            } } }
        }
        h2 { "Entries" }
        (lines_table(visit, &lines, Some(&known)))
        (components::pager(&path, next.as_deref(), list.cursor.is_empty()))
        (rebind_form(visit, &path, form, &catalog))
    };
    Ok(helpers::frame(visit, &session, helpers::status(form), ("/operator/accounts", id), content))
}

fn receipt<S: Platform>(
    visit: &PageContext<'_, S>,
    row: &BindingRow,
    known: &[KnownAccount],
) -> Result<Markup, DbError> {
    let verdict: AttributionResult = decode::from_text(&row.receipt).map_err(|e| DbError::Fault(e.to_string()))?;
    let states: Vec<LifecycleTransition> = decode::from_text(&row.states).map_err(|e| DbError::Fault(e.to_string()))?;
    let name = |id: &str| helpers::partner_of(known, id);
    let words = &*visit.words;
    let cells = |c: &AttributionCandidate| {
        vec![
            html! { @if let Some(at) = c.at { (components::instant(words, at)) } },
            html! { (c.method.replace('_', " ")) },
            html! { @if let Some(partner) = &c.partner { (name(partner)) } " " code { (c.code) } },
            html! { @if c.chosen { (components::state("chosen")) } @else { span.quiet { "lost" } } },
            html! { (c.reason) },
        ]
    };
    let columns = [text("Touched"), text("Method"), text("Partner and code"), text("Verdict"), text("Why")];
    let shown = verdict.candidates.iter().map(cells).collect::<Vec<_>>();
    Ok(html! {
        section.sheet {
            h2 { (verdict.group) }
            @match &verdict.binding {
                Some(b) => p {
                    "Bound to " (name(&b.partner)) " in " (helpers::program(&b.program)) " by " (b.method.replace('_', " ")) ", code " code { (b.code) }
                    ", since " (components::instant(words, b.from)) ". " span.quiet { (verdict.reason) }
                },
                None => p { (verdict.reason) },
            }
            @if !shown.is_empty() { (components::table("What was candidates", &columns, &shown)) }
            @if !states.is_empty() {
                h3 { "States" }
                ol { @for s in &states { li {
                    (s.state.replace('_', " ")) " " (components::instant(words, s.at))
                    @if s.at > visit.now() { " " span.quiet { "if nothing happens before" } }
                } } }
            }
            p.quiet { "Decided " (components::instant(words, row.decided_at_ms)) }
        }
    })
}

fn rebind_form<S: Platform>(visit: &PageContext<'_, S>, path: &str, form: &SubmittedForm, catalog: &Catalog) -> Markup {
    let documents = catalog.all_in_force(visit.now());
    let choices: Vec<(&str, &str)> = documents.iter().map(|d| (d.id.as_str(), d.title.as_str())).collect();
    html! {
        section id="reassign" {
            h2 { "Move this account" }
            p {
                "What it earned its partner is taken back, and the new partner earns it instead, by the program's rules and from the account's own facts. "
                "Left empty, it belongs to nobody."
            }
            (components::problems(form))
            @if visit.may(Scope::Partners) {
                form.stack method="post" action={ (path) "#reassign" } {
                    (helpers::hidden(visit))
                    (components::select(form, Field { name: "program", label: "Program", required: true, ..Field::default() }, &choices))
                    (components::field(form, Field {
                        name: "partner", label: "Partner's id", hint: "As on its page: ptn_…. Empty: nobody.", autocomplete: "off", max: 255, ..Field::default()
                    }))
                    (helpers::reason(form, ""))
                    button.danger { "Move the account" }
                }
            }
        }
    }
}

pub async fn reassign<S: Platform>(visit: &PageContext<'_, S>, id: &str) -> PageResult {
    let (session, _) = visit.operator(Vec::new()).await?;
    let move_it = async {
        let asked = asked::reassign(&helpers::body(&visit.form, &["program", "partner", "reason"]))?;
        let event = id::derived("reb", &[id, &helpers::key(visit)]);
        rebinding::reassign(&visit.context(&session), id, &asked, event, hex_sha256(&visit.request.body)).await
    };
    match move_it.await {
        Ok(_) => Ok(visit.see(&format!("/operator/accounts/{}?done=reassigned", components::escaped(id)))),
        Err(error) => shown(visit, id, &with_refusal(visit, error)?).await,
    }
}
