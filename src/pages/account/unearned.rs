//! What an account has not earned anyone: amounts in other currencies than its programs', and events that wait for their
//! payment's invoice.

use crate::base::decode;
use crate::engine::attribution::AttributionResult;
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::context::PageContext;
use crate::pages::text::operator::{account as wording, common};
use crate::program::catalog::Catalog;
use crate::service::attribution::report;
use crate::service::attribution::report::OtherCurrency;
use crate::store::account::BindingRow;
use crate::store::event::OtherAmount;
use crate::store::event::stripe::WaitingEvent;
use maud::{Markup, html};

/// The amounts in other currencies, for each program that the account is attributed to.
pub fn other_currencies<S: Platform>(
    cx: &PageContext<'_, S>,
    bindings: &[BindingRow],
    amounts: &[OtherAmount],
    catalog: &Catalog,
) -> Markup {
    let columns = [
        text(common::DATE, |o: &OtherCurrency| components::instant(&*cx.locale, o.amount.at_ms)),
        text(common::SOURCE, |o: &OtherCurrency| html! { (o.amount.kind) " " code { (o.amount.subject) } }),
        text(common::REASON, |o: &OtherCurrency| html! { (o.reason) }),
        number(common::AMOUNT, |o: &OtherCurrency| {
            html! { @if let Some(cents) = o.amount.cents { (cx.locale.money(cents, &o.amount.currency)) } }
        }),
    ];
    let of_program = |row: &BindingRow| {
        let result = decode::from_text::<AttributionResult>(&row.receipt).ok()?;
        let binding = result.binding?;
        let document = catalog.current(&binding.program, cx.now())?;
        let others = report::others(amounts, binding.from, row.signed_up_at_ms, &document.currency);
        (!others.is_empty()).then(|| (document.title.clone(), others))
    };
    html! {
        @for (title, others) in bindings.iter().filter_map(of_program) {
            h2 { (wording::other_currencies(&title)) }
            (columns::table(&wording::other_currencies(&title), &others, &columns))
        }
    }
}

/// The events that wait for their payment's invoice.
pub fn waiting<S: Platform>(cx: &PageContext<'_, S>, waiting: &[WaitingEvent]) -> Markup {
    let payment = |w: &WaitingEvent| w.payment_intent.clone().or_else(|| w.charge.clone()).unwrap_or_default();
    let columns = [
        text(common::DATE, |w: &WaitingEvent| components::instant(&*cx.locale, w.occurred_at_ms)),
        text(common::EVENT, |w: &WaitingEvent| html! { (w.r#type) " " code { (w.id) } }),
        text(wording::PAYMENT, |w: &WaitingEvent| html! { code { (payment(w)) } }),
    ];
    html! {
        @if !waiting.is_empty() {
            h2 { (wording::WAITING) }
            p.quiet { (wording::WAITING_LEAD) }
            (columns::table(wording::WAITING, waiting, &columns))
        }
    }
}
