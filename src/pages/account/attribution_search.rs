//! The operators' search for why accounts were or were not attributed, as `GET /v1/attribution/search` has it.

use crate::base::percent;
use crate::base::time::UtcMillis;
use crate::engine::link::pasted::code_of;
use crate::http::context::Platform;
use crate::http::report::search as api;
use crate::pages::columns;
use crate::pages::columns::text;
use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::operator::helpers;
use crate::pages::text::operator::{account, attribution_search as wording, common};
use crate::pages::viewer::{Gate, Operator};
use crate::service::attribution::search::{CodeState, Explained, Search, SearchResult, search};
use crate::store::attribution::search::Span;
use maud::{Markup, html};

pub const HERE: &str = "/operator/attribution";
const FIELDS: [&str; 4] = ["code", "email_domain", "from", "to"];

/// `?code=&email_domain=&from=&to=`: the form, and what is found if something is given.
pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let after = api::place(&list)?;
    let given = FIELDS.map(|name| (name, cx.request.param(name).unwrap_or_default()));
    let mut form = SubmittedForm::filled(&[]);
    given.iter().for_each(|(name, value)| form.put(name, value));
    let span = span(&mut form, cx.now());
    let (operator, ()) = gate.open(cx, ()).await?;
    let mut found = None;
    if form.is_good() && FIELDS.iter().any(|name| form.given(name).is_some()) {
        let code = code_of(form.get("code"));
        let wanted = Search { code: &code, domain: form.given("email_domain"), span, after, limit: list.limit };
        found = Some(search(&cx.context(&operator.session), &wanted).await?);
    }
    let content = html! {
        (components::heading(wording::TITLE, wording::LEAD, html! {}))
        (components::problems(&form))
        (search_form(&form))
        @if let Some(found) = &found {
            (results(cx, found))
            @let query = given.iter().map(|(name, value)| format!("{name}={}", percent::escaped(value))).collect::<Vec<_>>().join("&");
            (components::pager(&format!("{HERE}?{query}"), found.next.as_ref().map(api::cursor).as_deref(), list.cursor.is_empty()))
        }
    };
    Ok(helpers::frame(cx, &operator, helpers::status(&form), ("/operator/accounts", wording::TITLE), content))
}

/// The days, both included. Without them, any time.
fn span(form: &mut SubmittedForm, now: UtcMillis) -> Span {
    let mut day = |name: &str| {
        let day = UtcMillis::parse(&format!("{}T00:00:00Z", form.given(name)?));
        if day.is_none() {
            form.refuse(name, wording::ENTER_DAY);
        }
        day
    };
    let (from, to) = (day("from").unwrap_or(UtcMillis(0)), day("to").unwrap_or(now).plus_days(1));
    if to <= from {
        form.refuse("to", wording::WRONG_ORDER);
    }
    for (name, max) in [("code", api::CODE_CHARS_MAX), ("email_domain", api::DOMAIN_CHARS_MAX)] {
        if form.get(name).chars().count() > max {
            form.refuse(name, wording::TOO_LONG);
        }
    }
    Span { from, to }
}

fn search_form(form: &SubmittedForm) -> Markup {
    let field = |name: &'static str, label: &'static str, hint: &'static str, kind: &'static str, max: usize| {
        components::field(form, Field { name, label, hint, kind, max, autocomplete: "off", ..Field::default() })
    };
    html! {
        form.stack method="get" action=(HERE) role="search" {
            (field("code", wording::CODE, "", "", api::CODE_CHARS_MAX))
            (field("email_domain", wording::DOMAIN, wording::DOMAIN_HINT, "", api::DOMAIN_CHARS_MAX))
            (field("from", wording::FROM, wording::DAY_HINT, "date", 0))
            (field("to", wording::TO, wording::DAY_HINT, "date", 0))
            button { (common::SEARCH) }
        }
    }
}

fn results<S: Platform>(cx: &PageContext<'_, S>, found: &SearchResult) -> Markup {
    let number = |n: i64| html! { (cx.locale.number(n)) };
    let columns = [
        text(common::ACCOUNT, |a: &Explained| helpers::account(&a.account)),
        text(
            common::SIGNED_UP,
            |a: &Explained| html! { @if let Some(at) = a.signed_up_at { (components::instant(&*cx.locale, at)) } },
        ),
        text(common::ATTRIBUTION, attributed),
        text(wording::CARRIED, |a: &Explained| {
            html! {
                @for touch in &a.touches { p {
                    code { (touch.code) } " "
                    @if touch.credited { (wording::CREDITED) } @else { span.quiet { (touch.reason) } }
                } }
            }
        }),
    ];
    html! {
        @if let Some(code) = &found.code { h2 { (wording::THE_CODE) } (the_code(cx, code)) }
        h2 { (common::REFERRED_ACCOUNTS) }
        (components::facts(&[
            (common::SIGN_UPS, number(found.signups.signups)),
            (wording::WITHOUT_TOUCH, number(found.signups.without_touch)),
        ]))
        @if found.accounts.is_empty() {
            (components::empty(wording::NONE_FOUND, html! { (wording::NONE_FOUND_HINT) }))
        } @else { (columns::table(wording::TITLE, &found.accounts, &columns)) }
    }
}

fn the_code<S: Platform>(cx: &PageContext<'_, S>, CodeState { row, why_not }: &CodeState) -> Markup {
    components::facts(&[
        (common::CODE, html! { code { (row.code) } }),
        (common::PARTNER, helpers::partner(&row.partner_id, None, None)),
        (common::PROGRAM, helpers::program(&row.program_id)),
        (common::STATE, html! { (why_not.map_or(wording::WORKS, |why| why.sentence())) }),
        (wording::VISITS, html! { (cx.locale.number(row.clicks)) }),
    ])
}

fn attributed(found: &Explained) -> Markup {
    html! {
        @for program in &found.programs {
            p { @match &program.result.binding {
                Some(b) => {
                    (helpers::partner(&b.partner, None, None)) " "
                    span.quiet { (account::by_method(&b.program, &b.method.name().replace('_', " "))) }
                },
                None => span.quiet { (program.result.group) ": " (program.result.reason) },
            } }
        }
        @if found.is_undecided { p.quiet { (account::UNDECIDED_NOW) } }
    }
}
