//! Payouts: the list by state, how each was calculated, and the operator's decisions.

use crate::base::currency;
use crate::base::ids::{PartnerId, PayoutId};
use crate::base::money::Cents;
use crate::base::percent;
use crate::codec::operator as forms;
use crate::codec::operator::ResolutionRequest;
use crate::engine::accrual::Accrual;
use crate::engine::accrual::payment::ShownAccrual;
use crate::engine::accrual::source::AccrualSource;
use crate::engine::identity::access::Scope;
use crate::engine::payout::{OutboundTransfer, PayoutState, TransferKind as Moved};
use crate::http::context::Platform;
use crate::pages::accrual::accruals_table::accruals_table;
use crate::pages::columns;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::components::{Field, Figure};
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::payout::changes;
use crate::pages::payout::payout_table::payout_table;
use crate::pages::refusal::without_stripe;
use crate::pages::text::operator::transfer as unexpected;
use crate::pages::text::operator::{common, failed_event, navigation, payout as wording, program as amounts};
use crate::pages::text::shared::payout as words;
use crate::pages::viewer::{Gate, Operator};
use crate::service::error::{AppError, ErrorKind};
use crate::service::payout as deciding;
use crate::service::payout::PayoutAction;
use crate::store::payout as rows;
use crate::store::program::programs;
use crate::store::report::payout as reports;
use crate::store::report::payout::{Movement, ReceiptSums};
use crate::store::report::payout_accruals as accruals;
use crate::store::report::payout_accruals::{PayoutShare, UnsentSum};
use crate::store::settlement::operator_runs as reads;
use crate::store::settlement::operator_runs::PayoutShown;
use maud::{Markup, html};
use serde_json::{Value, json};

const HERE: &str = "/operator/payouts";

const STATES: &[(&str, &str)] = &[
    ("", common::ALL),
    ("planned", common::PLANNED),
    ("submitting", wording::SENDING),
    ("paid", common::PAID),
    ("held", common::ON_HOLD),
    ("review", wording::NEEDS_REVIEW),
    ("failed", common::FAILED),
    ("cancelled", wording::CANCELED),
];

pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let state = cx.request.param("state").unwrap_or_default();
    if !STATES.iter().any(|(value, _)| *value == state) {
        return Err(AppError::new(ErrorKind::BadRequest, "unsupported", wording::UNKNOWN_STATE).into());
    }
    let (before_ms, before_id) = list.instant_and_id(helpers::LATEST)?;
    let read = reads::payout_shown_page(&state, before_ms, &before_id, list.limit + 1);
    let (operator, found) = gate.open(cx, read).await?;
    let (found, next) = helpers::paged(&list, found, |p: &PayoutShown| format!("{}.{}", p.created_at_ms.0, p.id));
    let path = if state.is_empty() { HERE.to_owned() } else { format!("{HERE}?state={state}") };
    let content = html! {
        (components::heading(common::PAYOUTS, wording::LEAD, html! {
            a.button.second href="/operator/runs" { (navigation::RUNS) } " "
            a.button.second href="/operator/transfers" { (unexpected::TITLE) } " "
            a.button.second href="/operator/failed-events" { (failed_event::TITLE) }
        }))
        (helpers::tabs(wording::BY_STATE, HERE, "state", &state, STATES))
        @if found.is_empty() {
            (components::empty(wording::NONE, html! { (wording::NONE_HINT) }))
        } @else {
            (payout_table(cx, &found, true))
        }
        (components::pager(&path, next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &operator, 200, ("/operator/runs", common::PAYOUTS), content))
}

/// The state to show: a payout on hold has no state of its own.
pub fn state_of(s: &OutboundTransfer) -> &'static str {
    match (s.kind, s.state) {
        (_, PayoutState::Planned | PayoutState::Submitting) if s.held != 0 => "held",
        (Moved::Reversal, PayoutState::Paid) => "reversed",
        (Moved::Credit, PayoutState::Paid) => "delivered",
        (Moved::Debit, PayoutState::Paid) => "taken back",
        (_, state) => state.name(),
    }
}

/// The type of a transfer, from the prefix of its id.
fn kind_of(id: &str) -> Moved {
    match id.split_once('_').map_or("", |(kind, _)| kind) {
        "rvl" => Moved::Reversal,
        "crd" => Moved::Credit,
        _ => Moved::Payout,
    }
}

fn title_of(kind: Moved) -> &'static str {
    match kind {
        Moved::Payout => wording::PAYOUT,
        Moved::Reversal => wording::REVERSAL,
        Moved::Credit => common::CREDIT,
        Moved::Debit => wording::CREDIT_REVERSAL,
    }
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, id: PayoutId) -> PageResult {
    shown(cx, gate, &id, &SubmittedForm::default()).await
}

async fn shown<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Operator>,
    id: &PayoutId,
    form: &SubmittedForm,
) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let read = (
        rows::outbound_find(kind_of(id), &[id.to_owned()]).first(),
        reads::partner_of_outbound(id).first(),
        rows::reversal_list(id),
        reports::receipt_of(id, 0, helpers::ROWS),
        (
            accruals::payout_accrual_page(id, &PartnerId::default(), &list.cursor, list.limit + 1),
            accruals::payout_change_list(id, &PartnerId::default(), changes::SHOWN),
            accruals::payout_unsent_sum(id).first(),
            programs(),
        ),
    );
    let (operator, (found, known, reversals, (sums, movements), (included, changed, unsent, catalog))) =
        gate.open(cx, read).await?;
    let s = found.ok_or_else(|| AppError::not_found("payout"))?;
    let (included, next) = helpers::paged(&list, included, |(share, _)| share.accrual_id.to_string());
    let included: Vec<ShownAccrual> = included.into_iter().map(|(share, (l, p))| (with_share(l, &share), p)).collect();
    let path = format!("{HERE}/{}", percent::escaped(id));
    let name = known.as_ref().map_or(s.partner_id.as_str(), |k| k.name.as_deref().unwrap_or(&k.external_id));
    let title = wording::title(title_of(s.kind), name);
    let content = html! {
        (components::heading(&title, "", html! { a.button.second href=(HERE) { (common::ALL_PAYOUTS) } }))
        (components::problems(form))
        (figures(cx, &s, unsent.as_ref()))
        (facts(cx, &s, name))
        (changes::to_operator(&*cx.locale, &changed, false))
        (decisions(cx, &operator, &path, &s, form))
        @if let Some(sums) = &sums {
            (receipt(cx, &s, sums, &movements))
            h2 { (wording::INCLUDED) }
            (accruals_table(cx, &catalog, &included, None))
            (components::pager(&path, next.as_deref(), list.cursor.is_empty()))
        }
        @if !reversals.is_empty() {
            h2 { (common::REVERSALS) }
            (columns::table(common::REVERSALS, &reversals, &[
                text(wording::REVERSAL, |r: &OutboundTransfer| html! { a href={ (HERE) "/" (percent::escaped(&r.id)) } { (components::day(&*cx.locale, r.created_at_ms)) } }),
                text(common::STATE, |r: &OutboundTransfer| components::state_with(state_of(r), &r.reason)),
                number(common::AMOUNT, |r: &OutboundTransfer| components::amount(&*cx.locale, r.amount_cents.0, &r.unit)),
            ]))
        }
    };
    Ok(helpers::frame(cx, &operator, helpers::status(form), ("/operator/runs", &title), content))
}

fn figures<S: Platform>(cx: &PageContext<'_, S>, s: &OutboundTransfer, unsent: Option<&UnsentSum>) -> Markup {
    let locale = &*cx.locale;
    let amount = |cents: i64| components::amount(locale, cents, &s.unit);
    let left = unsent.map(|u| u.amount_cents).filter(|left| *left != s.amount_cents.0);
    let planned = html! {
        @if let Some(left) = left { (words::LEFT) ": " strong { (amount(left)) } }
        @else if s.planned_cents != s.amount_cents { (words::AS_PLANNED) ": " (amount(s.planned_cents.0)) }
    };
    components::figures(&[
        Figure { label: common::AMOUNT, value: amount(s.amount_cents.0), note: planned },
        Figure {
            label: common::STATE,
            value: components::state(state_of(s)),
            note: html! { @if s.reason != state_of(s) { (s.reason) } },
        },
        Figure {
            label: if s.done_at_ms.is_some() { common::DONE } else { common::PLANNED },
            value: components::day(locale, s.done_at_ms.unwrap_or(s.created_at_ms)),
            note: html! {},
        },
    ])
}

/// An accrual with the amount that a payout takes of it.
fn with_share(accrual: Accrual, share: &PayoutShare) -> Accrual {
    Accrual { net_cents: Cents(share.amount_cents - share.returned_cents), ..accrual }
}

fn facts<S: Platform>(cx: &PageContext<'_, S>, s: &OutboundTransfer, name: &str) -> Markup {
    let locale = &*cx.locale;
    let (parent, target) = match s.kind {
        Moved::Payout => (common::RUN, common::STRIPE_ACCOUNT),
        Moved::Reversal => (wording::REVERSED_PAYOUT, wording::STRIPE_TRANSFER),
        Moved::Credit | Moved::Debit => (wording::EARNING, wording::STRIPE_CUSTOMER),
    };
    let of = html! {
        @match s.kind {
            Moved::Payout => a href={ "/operator/runs/" (percent::escaped(&s.parent)) } { (s.parent) },
            Moved::Reversal => a href={ (HERE) "/" (percent::escaped(&s.parent)) } { (s.parent) },
            Moved::Credit | Moved::Debit => code { (s.parent) },
        }
    };
    let next = matches!(s.state, PayoutState::Planned | PayoutState::Submitting).then_some(s.due_at_ms);
    components::facts(&[
        (common::ID, html! { code { (s.id) } }),
        (common::PARTNER, helpers::partner(&s.partner_id, None, Some(name))),
        (common::PROGRAM, helpers::program(&s.program_id)),
        (parent, of),
        (target, html! { code { (s.target) } }),
        (wording::STRIPE_ID, html! { @match &s.stripe_id { Some(id) => code { (id) }, None => (common::NONE) } }),
        (
            wording::ATTEMPTS,
            html! { (locale.number(s.attempt)) @if let Some(at) = s.first_sent_at_ms { (wording::FIRST_SENT) (components::instant(locale, at)) } },
        ),
        (
            wording::NEXT_ATTEMPT,
            html! { @match next { Some(at) => (components::instant(locale, at)), None => (common::NONE) } },
        ),
    ])
}

/// The decisions that its state allows, in one form with one reason.
fn decisions<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: &Operator,
    path: &str,
    s: &OutboundTransfer,
    form: &SubmittedForm,
) -> Markup {
    let is_open = matches!(s.state, PayoutState::Planned | PayoutState::Submitting);
    if !is_open && s.state != PayoutState::Review {
        return html! {};
    }
    let amount = components::amount(&*cx.locale, s.amount_cents.0, &s.unit);
    html! {
        section.sheet aria-labelledby="decide" {
            h2 id="decide" { (if s.state == PayoutState::Review { common::RESOLVE } else { wording::ACTIONS }) }
            @if operator.may(Scope::Payouts) {
                form.stack method="post" action=(path) {
                    (csrf(cx))
                    (helpers::reason(form, ""))
                    @if s.state == PayoutState::Review {
                        p {
                            (wording::CHECK_STRIPE[0]) (amount) (wording::CHECK_STRIPE[1])
                        }
                        (components::field(form, Field {
                            name: "transfer", label: wording::TRANSFER_ID, hint: wording::TRANSFER_ID_HINT, autocomplete: "off", max: 255, ..Field::default()
                        }))
                        @if s.kind == Moved::Payout {
                            (components::field(form, Field {
                                name: "amount", label: wording::OTHER_AMOUNT, hint: wording::OTHER_AMOUNT_HINT, autocomplete: "off", max: 20, ..Field::default()
                            }))
                        }
                        div.actions {
                            button name="decision" value="paid" { (wording::MARK_PAID) }
                            button.second name="decision" value="again" { (wording::RETRY) }
                            button.danger name="decision" value="failed" { (wording::MARK_FAILED) }
                        }
                    } @else {
                        ul {
                            @if s.held == 0 { li { (wording::HOLD_EFFECT[0]) (amount) (wording::HOLD_EFFECT[1]) } }
                            @else { li { (wording::RELEASE_EFFECT[0]) (amount) (wording::RELEASE_EFFECT[1]) } }
                            @if s.state == PayoutState::Planned { li { (wording::CANCEL_EFFECT[0]) (amount) (wording::CANCEL_EFFECT[1]) } }
                        }
                        div.actions {
                            @if s.held == 0 { button.second name="decision" value="hold" { (wording::HOLD) } }
                            @else { button name="decision" value="release" { (wording::RELEASE) } }
                            @if s.state == PayoutState::Planned { button.danger name="decision" value="cancel" { (wording::CANCEL) } }
                        }
                    }
                }
            }
        }
    }
}

fn receipt<S: Platform>(
    cx: &PageContext<'_, S>,
    s: &OutboundTransfer,
    sums: &ReceiptSums,
    movements: &[Movement],
) -> Markup {
    let locale = &*cx.locale;
    let amount = |cents: i64| components::amount(locale, cents, &s.unit);
    let columns = [
        text(common::DATE, |m: &Movement| components::instant(locale, m.created_at_ms)),
        text(common::TYPE, |m: &Movement| html! { (wording::movement(&m.code, &m.phase)) }),
        text(
            common::ACCOUNT,
            |m: &Movement| html! { @if let Some(account) = &m.account_id { (helpers::account(account)) } },
        ),
        text(
            common::SOURCE,
            |m: &Movement| html! { (m.reward_id.as_deref().unwrap_or("")) " " span.quiet { (m.source.as_ref().map_or(m.reason.as_str(), AccrualSource::as_str)) } },
        ),
        number(common::AMOUNT, |m: &Movement| amount(m.amount_cents)),
    ];
    html! {
        h2 { (wording::CALCULATION) }
        (components::facts(&[
            (common::PERIOD, html! { (sums.period) }),
            (wording::OPENING_BALANCE, amount(sums.opening_cents)),
            (wording::CHANGE, amount(sums.moved_cents)),
            (wording::NOT_PAYABLE, amount(sums.available_cents - sums.payable_cents)),
            (wording::PAYOUT, html! { strong { (amount(s.amount_cents.0)) } }),
        ]))
        @if movements.is_empty() { p.quiet { (wording::NO_ACTIVITY) } } @else {
            (columns::table(wording::ACTIVITY, movements, &columns))
        }
    }
}

pub async fn decide<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: PayoutId) -> PageResult {
    let ctx = cx.context(&operator.session);
    let decide_it = async {
        let given = helpers::body(&cx.form, &["reason"]);
        let (decision, done) = match cx.form.get("decision") {
            "hold" => (PayoutAction::Hold, "held"),
            "release" => (PayoutAction::Release, "released"),
            "cancel" => (PayoutAction::Cancel, "cancelled"),
            _ => (PayoutAction::Resolve(resolution(cx, &deciding::find(&ctx, &id).await?)?), "decided"),
        };
        let reason = forms::decision(&given)?;
        deciding::decide(&ctx, &id, &decision, &reason).await.map(|_| done)
    };
    match decide_it.await {
        Ok(done) => Ok(cx.redirect_after_post(&format!("{HERE}/{}?done={done}", percent::escaped(&id)))),
        Err(error) => shown(cx, operator.into(), &id, &without_stripe(cx, error)?).await,
    }
}

/// How a payout under review is resolved, as the API reads it. An amount that differs is typed in the payout's currency.
fn resolution<S: Platform>(cx: &PageContext<'_, S>, s: &OutboundTransfer) -> Result<ResolutionRequest, AppError> {
    let made = if matches!(s.kind, Moved::Credit | Moved::Debit) { "transaction" } else { "transfer" };
    let mut form = cx.form.clone();
    form.put(made, cx.form.get("transfer"));
    let body = helpers::body(&form, &["decision", "reason", made]);
    let mut body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if s.kind == Moved::Payout
        && let Some(typed) = cx.form.given("amount")
    {
        let cents = currency::typed(typed, &s.currency).ok_or_else(|| {
            AppError::new(ErrorKind::Unprocessable, "malformed", amounts::enter_amount(&s.currency)).field("amount")
        })?;
        body["amount_cents"] = json!(cents);
    }
    Ok(forms::resolution(body.to_string().as_bytes(), made)?.0)
}
