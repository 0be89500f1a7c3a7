//! The form that adjusts a partner's balance, and its confirmation, which shows the balance before and after.

use crate::base::currency;
use crate::base::ids::{AccountId, PartnerId};
use crate::base::percent;
use crate::codec::operator as forms;
use crate::codec::operator::AdjustmentRequest;
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::operator::helpers;
use crate::pages::refusal::with_refusal;
use crate::pages::text::operator::{adjustment as wording, common, partner as balances, program as amounts};
use crate::pages::viewer::{Gate, Operator};
use crate::service::accrual::adjust;
use crate::service::error::{AppError, ErrorKind};
use crate::store::accrual::adjustment::AdjustmentRow;
use crate::store::ledger;
use crate::store::ledger::BalanceRow;
use crate::store::partner;
use crate::store::partner::PartnerRow;
use crate::store::program;
use maud::{Markup, html};
use serde_json::{Value, json};

/// The fields of the form, in its order.
const FIELDS: [&str; 10] =
    ["direction", "amount", "balance", "vests_on", "account", "invoice", "accrual", "adjustment", "note", "reason"];

/// `?account=&accrual=&adjustment=`: the form, with what it is about.
pub async fn ask<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, id: PartnerId) -> PageResult {
    let param = |name: &str| cx.request.param(name).unwrap_or_default();
    let given = FIELDS.map(|name| (name, param(name)));
    let mut form = SubmittedForm::filled(&[]);
    given.iter().for_each(|(name, value)| form.put(name, value));
    asking(cx, gate, &id, &form).await
}

async fn asking<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Operator>,
    id: &PartnerId,
    form: &SubmittedForm,
) -> PageResult {
    let (operator, (found, catalog)) = gate.open(cx, (partner::partner_find(id).first(), program::programs())).await?;
    let found = found.ok_or_else(|| AppError::not_found("partner"))?;
    let currency = catalog.current(&found.program_id, cx.now()).map(|d| d.currency.to_uppercase()).unwrap_or_default();
    let named = ["accrual", "adjustment"].into_iter().find(|name| form.given(name).is_some());
    let choices = |name: &'static str, label: &'static str, hint: &'static str, of: &[(&str, &str)]| {
        components::select(form, Field { name, label, hint, required: true, ..Field::default() }, of)
    };
    let field = |name: &'static str, label: &'static str, hint: &'static str, max: usize| {
        components::field(form, Field { name, label, hint, max, autocomplete: "off", ..Field::default() })
    };
    let amount = amounts::amount_in(&currency);
    let content = html! {
        (components::heading(wording::ADJUST, wording::FORM_LEAD, of_partner(&found)))
        (components::problems(form))
        form.stack method="post" action={ (path_of(id)) "/confirm" } {
            (helpers::hidden(cx))
            (choices("direction", wording::DIRECTION, "", &[("add", wording::ADD), ("take", wording::TAKE)]))
            (components::field(form, Field { name: "amount", label: &amount, hint: wording::AMOUNT_HINT, required: true, autocomplete: "off", max: 20, ..Field::default() }))
            @if let Some(name) = named {
                input type="hidden" name=(name) value=(form.get(name));
                p.quiet { (wording::CHANGES) ": " code { (form.get(name)) } }
            } @else {
                (choices("balance", common::BALANCE, wording::BALANCE_HINT, &[("available", balances::AVAILABLE), ("pending", balances::PENDING)]))
                (field("vests_on", wording::VESTS_ON, wording::VESTS_ON_HINT, 10))
                (field("account", common::ACCOUNT, wording::ACCOUNT_HINT, 255))
                (field("invoice", wording::INVOICE, wording::INVOICE_HINT, 255))
            }
            (field("note", wording::NOTE, wording::NOTE_HINT, 200))
            (helpers::reason(form, wording::REASON_HINT))
            button { (common::CONTINUE) }
        }
    };
    Ok(helpers::frame(cx, &operator, helpers::status(form), ("/operator/partners", wording::ADJUST), content))
}

/// Shows what it would do. Nothing is written.
pub async fn confirm<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, id: PartnerId) -> PageResult {
    let reads = (partner::partner_find(&id).first(), ledger::balance_list(&id));
    let (operator, (found, rows)) = gate.open(cx, reads).await?;
    let found = found.ok_or_else(|| AppError::not_found("partner"))?;
    let ctx = cx.context(&operator.session);
    let tried = async { adjust::prepared(&ctx, &requested(cx, &id).await?).await };
    let row = match tried.await {
        Ok(row) => row,
        Err(error) => return asking(cx, operator.into(), &id, &with_refusal(cx, error)?).await,
    };
    let needs_approval = row.expires_at_ms.is_some();
    let amount = components::amount(&*cx.locale, row.amount_cents.0, &row.unit);
    let content = html! {
        (components::heading(wording::CONFIRM, wording::CONFIRM_LEAD, of_partner(&found)))
        (components::facts(&[
            (common::PARTNER, helpers::partner(&found.id, Some(&found.external_id), found.name.as_deref())),
            (common::AMOUNT, amount),
            (wording::NOTE, html! { (row.note) }),
            (common::REASON, html! { (row.reason) }),
        ]))
        (before_and_after(cx, &row, &rows))
        @if needs_approval { p { strong { (wording::WAITS) } } }
        form.actions method="post" action=(path_of(&id)) {
            (helpers::hidden(cx))
            @for name in FIELDS { @if let Some(value) = cx.form.given(name) { input type="hidden" name=(name) value=(value); } }
            button { (if needs_approval { wording::REQUEST } else { wording::BOOK }) }
            a.button.second href=(path_of(&id)) { (wording::EDIT) }
        }
    };
    Ok(helpers::frame(cx, &operator, 200, ("/operator/partners", wording::CONFIRM), content))
}

fn before_and_after<S: Platform>(cx: &PageContext<'_, S>, row: &AdjustmentRow, rows: &[BalanceRow]) -> Markup {
    let now = rows.iter().find(|b| b.unit == row.unit);
    let kinds = [
        ("pending", balances::PENDING, now.map_or(0, |b| b.pending_cents)),
        ("available", balances::AVAILABLE, now.map_or(0, |b| b.available_cents)),
    ];
    let after = |(kind, _, cents): &(&str, &str, i64)| {
        if *kind == row.balance.name() { cents + row.amount_cents.0 } else { *cents }
    };
    type Kind = (&'static str, &'static str, i64);
    let columns = [
        text(common::BALANCE, |kind: &Kind| html! { (kind.1) }),
        number(wording::BEFORE, |kind: &Kind| components::amount(&*cx.locale, kind.2, &row.unit)),
        number(wording::AFTER, |kind: &Kind| components::amount(&*cx.locale, after(kind), &row.unit)),
    ];
    html! {
        (columns::table(common::BALANCE, &kinds, &columns))
        @if kinds.iter().any(|kind| after(kind) < 0) { p { (wording::BELOW_ZERO) } }
    }
}

pub async fn book<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: PartnerId) -> PageResult {
    let book_it = async {
        let once = helpers::once(cx);
        let request = requested(cx, &id).await?;
        adjust::request(&cx.context(&operator.session), &request, once.as_ref()).await.map_err(helpers::refusal_of)
    };
    match book_it.await {
        Ok((status, answer)) => {
            let (done, id) = (if status == 201 { "adjusted" } else { "adjustment-requested" }, answer["id"].as_str());
            let path = format!("/operator/adjustments/{}?done={done}", percent::escaped(id.unwrap_or_default()));
            Ok(cx.redirect_after_post(&path))
        }
        Err(error) => asking(cx, operator.into(), &id, &with_refusal(cx, error)?).await,
    }
}

/// The form as the body of the API call that does the same, so that both are checked in one place.
async fn requested<S: Platform>(cx: &PageContext<'_, S>, id: &PartnerId) -> Result<AdjustmentRequest, AppError> {
    let (found, catalog) = cx.app.context("").read((partner::partner_find(id).first(), program::programs())).await?;
    let found = found.ok_or_else(|| AppError::not_found("partner"))?;
    let document = catalog.current(&found.program_id, cx.now()).ok_or_else(|| AppError::not_found("program"))?;
    let form = &cx.form;
    let cents = currency::typed(form.get("amount"), &document.currency).ok_or_else(|| {
        let detail = amounts::enter_amount(&document.currency);
        AppError::new(ErrorKind::Unprocessable, "malformed", detail).field("amount")
    })?;
    let is_named = form.given("accrual").or(form.given("adjustment")).is_some();
    let mut body: Value =
        serde_json::from_slice(&helpers::body(form, &["accrual", "adjustment", "note", "reason"])).unwrap_or_default();
    body["partner"] = json!(id);
    body["amount_cents"] = json!(if form.get("direction") == "take" { -cents } else { cents });
    if !is_named {
        for name in ["balance", "account", "invoice"] {
            body[name] = json!(form.given(name));
        }
        body["vests_at"] = json!(form.given("vests_on").map(|day| format!("{day}T00:00:00Z")));
    }
    Ok(forms::adjustment(body.to_string().as_bytes())?)
}

fn of_partner(p: &PartnerRow) -> Markup {
    html! { (helpers::partner(&p.id, Some(&p.external_id), p.name.as_deref())) }
}

fn path_of(id: &PartnerId) -> String {
    format!("/operator/partners/{}/adjust", percent::escaped(id))
}

/// The address of the form for an account of a partner.
pub fn path_for_account(partner: &PartnerId, account: &AccountId) -> String {
    format!("{}?account={}", path_of(partner), percent::escaped(account))
}

/// The same for an accrual. Positive ones are mostly taken from, and deductions given back.
pub fn path_for_accrual(partner: &PartnerId, accrual: &str, net_cents: i64) -> String {
    let direction = if net_cents > 0 { "take" } else { "add" };
    format!("{}?accrual={}&direction={direction}", path_of(partner), percent::escaped(accrual))
}
