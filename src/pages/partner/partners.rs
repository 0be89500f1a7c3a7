//! Partners: search, and each partner's profile, balances, links, accounts, payouts and earnings.

use crate::base::ids::{PartnerId, RunId};
use crate::base::percent;
use crate::codec::operator as forms;
use crate::engine::identity::access::Scope;
use crate::engine::payout::OutboundTransfer;
use crate::engine::review::suspension::PartnerStanding;
use crate::http::context::Platform;
use crate::pages::accrual::accruals_table::accruals_table;
use crate::pages::columns;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::components::Figure;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::operator::helpers;
use crate::pages::partner::{code, standing};
use crate::pages::payout::operator_payouts::state_of;
use crate::pages::refusal::with_refusal;
use crate::pages::text::operator::{adjustment, common, navigation, partner as wording};
use crate::pages::text::shared::person;
use crate::pages::viewer::{Gate, Operator};
use crate::program::catalog::Catalog;
use crate::service::error::AppError;
use crate::service::partner::link_change;
use crate::service::partner::standing as changing;
use crate::store::ledger;
use crate::store::ledger::BalanceRow;
use crate::store::partner;
use crate::store::partner::standing::suspension_list;
use crate::store::partner::{LinkRow, PartnerRow};
use crate::store::payout::closed::{ClosedAccount, closed_list};
use crate::store::payout::payee;
use crate::store::payout::payee::PayeeRow;
use crate::store::report::operator as reads;
use crate::store::report::operator::{BoundAccount, PartnerFound};
use crate::store::{payout, program};
use maud::{Markup, html};

/// How many links, accounts and payouts a partner's page shows.
const LATEST: i64 = 10;

pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let query = cx.request.param("q").unwrap_or_default().trim().to_owned();
    let read = match query.as_str() {
        "" => reads::partner_page(list.number(helpers::LAST_ROW)?, list.limit + 1),
        text => reads::partner_search(text),
    };
    let (operator, found) = gate.open(cx, read).await?;
    let (found, next) = match query.is_empty() {
        true => helpers::paged(&list, found, |p| p.row.to_string()),
        false => (found, None),
    };

    let columns = [
        text(
            common::PARTNER,
            |p: &PartnerFound| html! { (helpers::partner(&p.id, Some(&p.external_id), p.name.as_deref())) @if p.left_at_ms.is_some() { " " (components::state("left")) } },
        ),
        text(common::PROGRAM, |p: &PartnerFound| helpers::program(&p.program_id)),
        text(common::EMAIL, |p: &PartnerFound| html! { (p.email.as_deref().unwrap_or("")) }),
        text(common::CODE, |p: &PartnerFound| html! { code { (p.code) } }),
        text(common::JOINED, |p: &PartnerFound| components::day(&*cx.locale, p.created_at_ms)),
    ];
    let hint = wording::FIND_HINT;
    let content = html! {
        (components::heading(navigation::PARTNERS, wording::LEAD, html! {}))
        (helpers::search("/operator/partners", &query, wording::FIND, hint))
        @if found.is_empty() && query.is_empty() {
            (components::empty(wording::NONE_YET, html! { (wording::NONE_YET_HINT[0]) a href="/partner/join" { "/partner/join" } (wording::NONE_YET_HINT[1]) }))
        } @else if found.is_empty() {
            (components::empty(wording::NONE_FOUND, html! { (wording::NONE_FOUND_HINT) }))
        } @else {
            (columns::table(navigation::PARTNERS, &found, &columns))
            @if i64::try_from(found.len()).unwrap_or(0) == reads::FOUND_MAX && !query.is_empty() {
                p.quiet { (common::first_found(reads::FOUND_MAX)) }
            }
        }
        (components::pager("/operator/partners", next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &operator, 200, ("/operator/partners", navigation::PARTNERS), content))
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, id: PartnerId) -> PageResult {
    shown(cx, gate, &id, &SubmittedForm::default()).await
}

pub async fn shown<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Operator>,
    id: &PartnerId,
    form: &SubmittedForm,
) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let (before_ms, before_id) = list.instant_and_id(helpers::LATEST)?;
    let query = (
        (partner::partner_find(id).first(), suspension_list(id)),
        ledger::balance_list(id),
        program::programs(),
        (payee::payee_find(id).first(), closed_list(id)),
        reads::link_latest(id, LATEST),
        reads::accrual_latest(id, before_ms, &before_id, list.limit + 1),
        reads::bound_latest(id, LATEST),
        payout::payout_page(&RunId::default(), "", id, helpers::LATEST, "", LATEST),
    );
    let (operator, rows) = gate.open(cx, query).await?;
    let ((found, suspensions), balance_rows, catalog, (payee, closed), latest_links, lines, bound, latest_payouts) =
        rows;
    let found = found.ok_or_else(|| AppError::not_found("partner"))?;
    let (lines, next) = helpers::paged(&list, lines, |(l, _)| format!("{}.{}", l.at_ms.0, l.id));
    let name = found.name.clone().filter(|n| !n.is_empty()).unwrap_or_else(|| found.external_id.clone());
    let path = format!("/operator/partners/{}", percent::escaped(id));
    let content = html! {
        (components::heading(&name, "", html! {
            a.button.second href={ "/operator/accounts?q=" (percent::escaped(id)) } { (common::REFERRED_ACCOUNTS) }
            a.button.second href={ "/operator/adjustments?partner=" (percent::escaped(id)) } { (adjustment::OF_PARTNER) }
            @if operator.may(Scope::Payouts) { a.button.second href={ (path) "/adjust" } { (adjustment::ADJUST) } }
            @if operator.may(Scope::Admin) { a.button.second href={ (path) "/data" } { (person::HELD) } }
        }))
        (components::problems(form))
        @if found.standing != PartnerStanding::Active { p { (components::state(found.standing.name())) } }
        (balances(cx, &balance_rows))
        div.columns {
            section { h2 { (wording::PROFILE) } (profile(cx, &found, &catalog)) (code::section(cx, &operator, &found, form)) }
            section { h2 { (wording::PAYOUT_STATUS) } (payability(cx, payee.as_ref())) (closed_accounts(cx, &closed)) }
        }
        (standing::section(cx, &operator, &found, &suspensions, form))
        h2 { (wording::LINKS) }
        (links(cx, &latest_links))
        h2 { (common::REFERRED_ACCOUNTS) }
        (accounts(cx, &bound))
        h2 { (common::PAYOUTS) }
        (payouts(cx, &latest_payouts))
        h2 { (common::EARNINGS) }
        (accruals_table(cx, &catalog, &lines, None))
        (components::pager(&path, next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &operator, helpers::status(form), ("/operator/partners", &name), content))
}

pub async fn decide<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: PartnerId) -> PageResult {
    let decide_it = async {
        let (to, done) = match cx.form.get("decision") {
            "suspend" => (PartnerStanding::Suspended, "suspended"),
            "ban" => (PartnerStanding::Banned, "banned"),
            _ => (PartnerStanding::Active, "reinstated"),
        };
        let reason = forms::decision(&helpers::body(&cx.form, &["reason"]))?;
        let codes = changing::change(&cx.context(&operator.session), &id, to, &reason).await?;
        cx.app.site.forget_links(codes).await;
        Ok(done)
    };
    match decide_it.await {
        Ok(done) => Ok(cx.redirect_after_post(&format!("/operator/partners/{}?done={done}", percent::escaped(&id)))),
        Err(error) => shown(cx, operator.into(), &id, &with_refusal(cx, error)?).await,
    }
}

pub async fn change_code<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: PartnerId) -> PageResult {
    let change_it = async {
        let wanted = forms::partner_change(&helpers::body(&cx.form, &["code"]))?.code;
        let wanted = wanted.ok_or_else(|| AppError::from(forms::missing("code")))?;
        cx.app
            .site
            .forget_links(link_change::change_own(&cx.context(&operator.session), &id, &wanted, &cx.base_url()).await?)
            .await;
        Ok(())
    };
    match change_it.await {
        Ok(()) => {
            Ok(cx.redirect_after_post(&format!("/operator/partners/{}?done=code-changed", percent::escaped(&id))))
        }
        Err(error) => shown(cx, operator.into(), &id, &with_refusal(cx, error)?).await,
    }
}

fn balances<S: Platform>(cx: &PageContext<'_, S>, rows: &[BalanceRow]) -> Markup {
    let figure = |label: &'static str, cents: i64, unit: &str, note: &'static str| Figure {
        label,
        value: components::amount(&*cx.locale, cents, unit),
        note: html! { (note) },
    };
    html! {
        @if rows.is_empty() { p.quiet { (common::NO_EARNINGS) } }
        @for row in rows {
            @let used = if row.unit.starts_with("credit") { (wording::USED, row.redeemed_cents) } else { (common::PAID, row.paid_cents) };
            (components::figures(&[
                figure(wording::PENDING, row.pending_cents, &row.unit, wording::PENDING_NOTE),
                figure(wording::AVAILABLE, row.available_cents, &row.unit, if row.available_cents < 0 { wording::OWED_NOTE } else { "" }),
                figure(used.0, used.1, &row.unit, ""),
            ]))
        }
    }
}

fn profile<S: Platform>(cx: &PageContext<'_, S>, p: &PartnerRow, catalog: &Catalog) -> Markup {
    let or_none = |value: Option<&str>| html! { (value.filter(|v| !v.is_empty()).unwrap_or(common::NONE)) };
    let locale = &*cx.locale;
    let disclosure = match (p.disclosure_accepted_at_ms, catalog.current(&p.program_id, cx.now())) {
        (Some(at), _) => html! { (wording::DISCLOSED) (components::day(locale, at)) },
        (None, Some(document)) if document.requires_disclosure => {
            html! { (wording::NOT_DISCLOSED) }
        }
        _ => html! { (common::NOT_REQUIRED) },
    };
    components::facts(&[
        (common::ID, html! { code { (p.id) } }),
        (wording::EXTERNAL_ID, html! { (p.external_id) }),
        (common::PROGRAM, helpers::program(&p.program_id)),
        (common::CODE, html! { code { (p.code) } }),
        (common::EMAIL, or_none(p.email.as_deref())),
        (wording::WEBSITE, or_none(p.website.as_deref())),
        (common::COUNTRY, or_none(p.country.as_deref())),
        (common::TYPE, or_none(p.kind.as_deref())),
        (common::DISCLOSURE, disclosure),
        (common::JOINED, components::day(locale, p.created_at_ms)),
        (
            wording::LEFT,
            html! { @match p.left_at_ms { Some(at) => (components::day(locale, at)), None => (common::NONE) } },
        ),
    ])
}

fn payability<S: Platform>(cx: &PageContext<'_, S>, payee: Option<&PayeeRow>) -> Markup {
    let Some(p) = payee else {
        return html! { p { (wording::NO_STRIPE_ACCOUNT) } };
    };
    let due: Vec<String> = serde_json::from_str(&p.currently_due).unwrap_or_default();
    let can = p.is_payable();
    let missing = match (&p.disabled_reason, due.is_empty()) {
        (None, true) => html! { (wording::NOTHING_REQUIRED) },
        (reason, _) => html! { (due.join(", ")) @if let Some(reason) = reason { " (" (reason) ")" } },
    };
    components::facts(&[
        (
            common::STATE,
            html! { (components::state(if can { "active" } else { "waiting" })) @if !can { (wording::NO_PAYOUTS_YET_BY_STRIPE) } },
        ),
        (common::STRIPE_ACCOUNT, html! { code { (p.stripe_account_id) } }),
        (common::COUNTRY, html! { (p.country.as_deref().unwrap_or(common::NONE)) }),
        (wording::REQUIRED_BY_STRIPE, missing),
        (common::UPDATED, components::instant(&*cx.locale, p.updated_at_ms)),
    ])
}

/// The accounts that the partner had before.
fn closed_accounts<S: Platform>(cx: &PageContext<'_, S>, closed: &[ClosedAccount]) -> Markup {
    let columns = [
        text(common::STRIPE_ACCOUNT, |c: &ClosedAccount| html! { code { (c.stripe_account_id) } }),
        text(common::COUNTRY, |c: &ClosedAccount| html! { (c.country.as_deref().unwrap_or(common::NONE)) }),
        text(
            common::REASON,
            |c: &ClosedAccount| html! { (wording::close_reason(c.reason)) " " span.quiet { (c.detail) } },
        ),
        text(common::DATE, |c: &ClosedAccount| components::day(&*cx.locale, c.closed_at_ms)),
    ];
    html! { @if !closed.is_empty() { h3 { (wording::CLOSED_ACCOUNTS) } (columns::table(wording::CLOSED_ACCOUNTS, closed, &columns)) } }
}

fn links<S: Platform>(cx: &PageContext<'_, S>, rows: &[LinkRow]) -> Markup {
    let columns = [
        text(common::CODE, |l: &LinkRow| html! { code { (l.code) } }),
        text(wording::DESTINATION, |l: &LinkRow| html! { (l.destination.as_deref().unwrap_or(wording::HOME_PAGE)) }),
        text(wording::CAMPAIGN, |l: &LinkRow| html! { (l.campaign.as_deref().unwrap_or("")) }),
        text(common::STATE, |l: &LinkRow| {
            let over = l.disabled_at_ms.is_some() || l.expires_at_ms.is_some_and(|at| at <= cx.now());
            components::state(if over { "disabled" } else { "active" })
        }),
        text(common::CREATED, |l: &LinkRow| components::day(&*cx.locale, l.created_at_ms)),
    ];

    columns::table(wording::LINKS, rows, &columns)
}

fn accounts<S: Platform>(cx: &PageContext<'_, S>, rows: &[BoundAccount]) -> Markup {
    let columns = [
        text(common::ACCOUNT, |a: &BoundAccount| helpers::account(&a.account_id)),
        text(common::METHOD, |a: &BoundAccount| html! { (a.method.as_deref().unwrap_or("")) }),
        text(common::REVIEW, |a: &BoundAccount| html! { @if a.held != 0 { (components::state("held")) } }),
        text(common::SIGNED_UP, |a: &BoundAccount| components::instant(&*cx.locale, a.signed_up_at_ms)),
    ];
    html! {
        @if rows.is_empty() { p.quiet { (wording::NO_SIGN_UPS) } } @else {
            (columns::table(wording::ACCOUNTS_NEWEST_FIRST, rows, &columns))
        }
    }
}

fn payouts<S: Platform>(cx: &PageContext<'_, S>, rows: &[OutboundTransfer]) -> Markup {
    let columns = [
        text(
            common::PLANNED,
            |s: &OutboundTransfer| html! { a href={ "/operator/payouts/" (percent::escaped(&s.id)) } { (components::day(&*cx.locale, s.created_at_ms)) } },
        ),
        text(common::STATE, |s: &OutboundTransfer| components::state_with(state_of(s), &s.reason)),
        number(common::AMOUNT, |s: &OutboundTransfer| components::amount(&*cx.locale, s.amount_cents.0, &s.unit)),
    ];
    html! {
        @if rows.is_empty() { p.quiet { (wording::NO_PAYOUTS) } } @else {
            (columns::table(wording::PAYOUTS_NEWEST_FIRST, rows, &columns))
        }
    }
}
