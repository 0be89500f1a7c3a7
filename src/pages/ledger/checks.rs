//! The ledger: its accounts and their balances, its entries, and the checks that compare them.

use crate::base::money::EXACT_MAX;
use crate::base::percent;
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::components::Figure;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::operator::helpers;
use crate::pages::text::operator::{common, ledger as wording, navigation};
use crate::pages::viewer::{Gate, Operator};
use crate::service::error::AppError;
use crate::service::ledger::seal;
use crate::service::ledger::seal::SealState;
use crate::store::health;
use crate::store::ledger;
use crate::store::ledger::TransferRow;
use crate::store::report::operator as reads;
use crate::store::report::operator::LedgerAccount;
use maud::{Markup, html};

const HERE: &str = "/operator/ledger";

fn ways() -> Markup {
    html! {
        a.button.second href={ (HERE) "/transfers" } { (wording::ALL_ENTRIES) }
        a.button.second href={ (HERE) "/checks" } { (wording::RUN_CHECKS) }
    }
}

fn account_link(id: &str) -> Markup {
    html! { a href={ (HERE) "/transfers?account=" (percent::escaped(id)) } { (id) } }
}

/// What each type of account holds.
pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let read =
        (reads::ledger_account_page(&list.cursor, list.limit + 1), health::heartbeat_list(), seal::state_reads());
    let (operator, (accounts, beats, sealed)) = gate.open(cx, read).await?;
    let (accounts, next) = helpers::paged(&list, accounts, |a: &LedgerAccount| a.id.clone());
    let locale = &*cx.locale;
    let columns = [
        text(common::ACCOUNT, |a: &LedgerAccount| account_link(&a.id)),
        text(common::TYPE, |a: &LedgerAccount| html! { (a.kind) " " span.quiet { (wording::holds(&a.kind)) } }),
        number(common::DEBITS, |a: &LedgerAccount| components::amount(locale, a.dr_posted_cents, &a.unit)),
        number(common::CREDITS, |a: &LedgerAccount| components::amount(locale, a.cr_posted_cents, &a.unit)),
        number(common::BALANCE, |a: &LedgerAccount| {
            components::amount(locale, a.cr_posted_cents - a.dr_posted_cents, &a.unit)
        }),
        number(wording::OUTGOING, |a: &LedgerAccount| {
            let waits = a.dr_pending_cents - a.cr_pending_cents;
            html! { @if waits != 0 { (components::amount(locale, waits, &a.unit)) } }
        }),
    ];

    let content = html! {
        (components::heading(navigation::LEDGER, wording::LEAD, ways()))
        @if health::units_unbalanced(&beats).next().is_some() { div.problems role="alert" { p { strong { (common::UNBALANCED) } " " a href={ (HERE) "/checks" } { (common::VIEW_CHECKS) } } } }
        @if accounts.is_empty() {
            (components::empty(wording::NO_ACCOUNTS, html! { (wording::NO_ACCOUNTS_HINT) }))
        } @else {
            (columns::table(wording::LEDGER_ACCOUNTS, &accounts, &columns))
        }
        (components::pager(HERE, next.as_deref(), list.cursor.is_empty()))
        (seal_state(cx, &SealState::of(sealed)))
    };
    Ok(helpers::frame(cx, &operator, 200, (HERE, navigation::LEDGER), content))
}

/// Up to which block the ledger is sealed, and what is not.
fn seal_state<S: Platform>(cx: &PageContext<'_, S>, state: &SealState) -> Markup {
    let locale = &*cx.locale;
    let waiting = locale.number(state.unsealed.unsealed);
    html! {
        @if let Some(last) = &state.last {
            dl.facts {
                div { dt { (wording::SEALED_TO) } dd { (components::instant(locale, last.sealed_at_ms)) } }
                div { dt { (wording::SEAL) } dd { code { (last.head()) } } }
                div { dt { (wording::UNSEALED) } dd { (waiting) } }
            }
            p.quiet { (wording::SEAL_NOTE) }
        }
        @if state.is_late(cx.now()) { div.problems role="alert" { p { strong { (wording::SEAL_LATE) } } } }
    }
}

/// `?account=`: the entries of one account that belong to no single earning; without it, all entries.
pub async fn transfers<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let before = list.number(EXACT_MAX)?;
    let account = cx.request.param("account").unwrap_or_default();
    let read = match account.as_str() {
        "" => (reads::transfer_latest(before, list.limit + 1), None),
        id => {
            let of_account = reads::transfer_of_account(id, before, list.limit + 1);
            (of_account, Some(reads::ledger_account_find(id).first()))
        }
    };
    let (operator, (found, of)) = gate.open(cx, read).await?;
    let (found, next) = helpers::paged(&list, found, |t: &TransferRow| t.row.to_string());
    let of = of.map(|account| account.ok_or_else(|| AppError::not_found("account"))).transpose()?;
    let path = match of {
        Some(_) => format!("{HERE}/transfers?account={}", percent::escaped(&account)),
        None => format!("{HERE}/transfers"),
    };
    let title = if of.is_some() { wording::ACCOUNT_ENTRIES } else { wording::ENTRIES };
    let content = html! {
        (components::heading(title, wording::ENTRIES_LEAD, html! { a.button.second href=(HERE) { (navigation::ACCOUNTS) } }))
        @if let Some(a) = &of { (about(cx, a)) }
        @if found.is_empty() { p.quiet { (wording::NO_ENTRIES) } } @else { (table(cx, &found)) }
        (components::pager(&path, next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &operator, 200, (HERE, title), content))
}

fn about<S: Platform>(cx: &PageContext<'_, S>, a: &LedgerAccount) -> Markup {
    let amount = |cents: i64| components::amount(&*cx.locale, cents, &a.unit);
    html! {
        p { code { (a.id) } " " span.quiet { (wording::holds(&a.kind)) } }
        (components::figures(&[
            Figure { label: common::DEBITS, value: amount(a.dr_posted_cents), note: html! {} },
            Figure { label: common::CREDITS, value: amount(a.cr_posted_cents), note: html! {} },
            Figure { label: common::BALANCE, value: amount(a.cr_posted_cents - a.dr_posted_cents), note: html! {} },
        ]))
        @if !a.partner_id.is_empty() {
            p {
                (wording::OF_PARTNER[0])
                a href={ "/operator/partners/" (percent::escaped(&a.partner_id)) } { (wording::PARTNERS_PAGE) } (wording::OF_PARTNER[1])
            }
        } @else {
            p.quiet { (wording::OF_PROGRAM) }
        }
    }
}

fn table<S: Platform>(cx: &PageContext<'_, S>, rows: &[TransferRow]) -> Markup {
    let locale = &*cx.locale;
    let columns = [
        text(common::DATE, |t: &TransferRow| components::instant(locale, t.created_at_ms)),
        text(common::TYPE, |t: &TransferRow| {
            let what = if t.phase == "single" {
                t.code.replace('_', " ")
            } else {
                format!("{}, {}", t.code.replace('_', " "), t.phase)
            };
            html! { (what) " " span.quiet { (t.reason) } }
        }),
        text(wording::DEBIT, |t: &TransferRow| account_link(&t.debit)),
        text(common::CREDIT, |t: &TransferRow| account_link(&t.credit)),
        text(common::SOURCE, |t: &TransferRow| {
            html! {
                @if let Some(run) = &t.run_id { a href={ "/operator/runs/" (percent::escaped(run)) } { (wording::ENTRY_RUN) } " " }
                @if let Some(event) = &t.event_id { code { (event) } }
                @if let Some(actor) = &t.actor { span.quiet { (actor) } }
            }
        }),
        number(common::AMOUNT, |t: &TransferRow| {
            // Both sides have the same unit, which is part of their ids.
            let unit = t.debit.split('/').nth(1).unwrap_or("");
            components::amount(locale, t.amount_cents, unit)
        }),
    ];

    columns::table(wording::ENTRIES, rows, &columns)
}

/// Reads every entry, so it takes longer as the ledger grows.
pub async fn checks<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let (operator, found) = gate.open(cx, ledger::failed_checks()).await?;
    let content = html! {
        (components::heading(wording::CHECKS, wording::CHECKS_LEAD, html! { a.button.second href=(HERE) { (navigation::LEDGER) } }))
        @if found.is_empty() {
            (components::empty(wording::PASSED, html! { (wording::PASSED_HINT) }))
        } @else {
            p { strong { (wording::SOME_FAILED) } " " (common::APPROVE_NOTHING) " " (wording::REPORT_FAILURES) }
            ul { @for row in found.iter().take(200) { li { (row.what) } } }
        }
    };
    Ok(helpers::frame(cx, &operator, 200, (HERE, wording::CHECKS), content))
}
