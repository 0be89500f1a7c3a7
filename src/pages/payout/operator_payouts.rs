//! Payouts: the list by state, how each was calculated, and the operator's decisions.

use crate::codec::operator as asked;
use crate::engine::identity::access::Scope;
use crate::engine::payout::{OutboundTransfer, PayoutState, TransferKind as Moved};
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::{Field, Figure, number, text};
use crate::pages::context::{PageContext, PageError, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::route::with_refusal;
use crate::pages::settlement::runs::payout_table;
use crate::service::error::{AppError, ErrorKind};
use crate::service::payout as deciding;
use crate::service::payout::PayoutAction;
use crate::store::payout as rows;
use crate::store::payout::report as reports;
use crate::store::payout::report::{Movement, ReceiptSums};
use crate::store::report::operator::KnownAccount;
use crate::store::settlement::operator_runs as reads;
use crate::store::settlement::operator_runs::PayoutShown;
use maud::{Markup, html};

const HERE: &str = "/operator/payouts";

const STATES: &[(&str, &str)] = &[
    ("", "All"),
    ("planned", "Planned"),
    ("submitting", "Sending"),
    ("paid", "Paid"),
    ("held", "On hold"),
    ("review", "Needs review"),
    ("failed", "Failed"),
    ("cancelled", "Canceled"),
];

pub async fn list<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let state = cx.request.param("state").unwrap_or_default();
    if !STATES.iter().any(|(value, _)| *value == state) {
        return Err(AppError::new(ErrorKind::BadRequest, "unsupported", "unknown payout state").into());
    }
    let (before_ms, before_id) = list.instant_and_id(helpers::LATEST)?;
    let read = reads::payout_shown_page(&state, before_ms, &before_id, list.limit + 1);
    let (session, rows) = cx.operator(vec![read]).await?;
    let (found, next) =
        helpers::paged(&list, rows[0].decode()?, |p: &PayoutShown| format!("{}.{}", p.created_at_ms.0, p.id));
    let path = if state.is_empty() { HERE.to_owned() } else { format!("{HERE}?state={state}") };
    let content = html! {
        (components::heading("Payouts", "Runs plan payouts, you approve them, and Stripe sends them.", html! { a.button.second href="/operator/runs" { "Runs" } }))
        (helpers::tabs("Payouts by state", HERE, "state", &state, STATES))
        @if found.is_empty() {
            (components::empty("No payouts", html! { "A run plans a payout for each partner with a payable balance and a Stripe account." }))
        } @else {
            (payout_table(cx, &found, true))
        }
        (components::pager(&path, next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &session, 200, ("/operator/runs", "Payouts"), content))
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
        Moved::Payout => "Payout",
        Moved::Reversal => "Reversal",
        Moved::Credit => "Credit",
        Moved::Debit => "Credit reversal",
    }
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, id: &str) -> PageResult {
    shown(cx, id, &SubmittedForm::default()).await
}

async fn shown<S: Platform>(cx: &PageContext<'_, S>, id: &str, form: &SubmittedForm) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let mut read = vec![
        rows::outbound_find(kind_of(id), &[id.to_owned()]),
        reads::partner_of_outbound(id),
        rows::reversal_list(id),
    ];
    read.extend(reports::receipt_of(id, list.number(0)?, list.limit + 1));
    let (session, found) = cx.operator(read).await?;
    let s: OutboundTransfer = found[0].first()?.ok_or_else(|| AppError::not_found("payout"))?;
    let known: Option<KnownAccount> = found[1].first()?;
    let reversals: Vec<OutboundTransfer> = found[2].decode()?;
    let sums: Option<ReceiptSums> = found[3].first()?;
    let (movements, next) = helpers::paged(&list, found[4].decode()?, |m: &Movement| m.row.to_string());
    let path = format!("{HERE}/{}", components::escaped(id));
    let name = known.as_ref().map_or(s.partner_id.as_str(), |k| k.name.as_deref().unwrap_or(&k.external_id));
    let title = format!("{} to {name}", title_of(s.kind));
    let content = html! {
        (components::heading(&title, "", html! { a.button.second href=(HERE) { "All payouts" } }))
        (components::problems(form))
        (figures(cx, &s))
        (facts(cx, &s, name))
        (decisions(cx, &path, &s, form))
        @if let Some(sums) = &sums { (receipt(cx, &s, sums, &movements)) (components::pager(&path, next.as_deref(), list.cursor.is_empty())) }
        @if !reversals.is_empty() {
            h2 { "Reversals" }
            (components::table("Reversals", &[text("Reversal"), text("State"), number("Amount")], &reversals.iter().map(|r| vec![
                html! { a href={ (HERE) "/" (components::escaped(&r.id)) } { (components::day(&*cx.locale, r.created_at_ms)) } },
                components::state_with(state_of(r), &r.reason),
                components::amount(&*cx.locale, r.amount_cents.0, &r.unit),
            ]).collect::<Vec<_>>()))
        }
    };
    Ok(helpers::frame(cx, &session, helpers::status(form), ("/operator/runs", &title), content))
}

fn figures<S: Platform>(cx: &PageContext<'_, S>, s: &OutboundTransfer) -> Markup {
    let locale = &*cx.locale;
    components::figures(&[
        Figure { label: "Amount", value: components::amount(locale, s.amount_cents.0, &s.unit), note: html! {} },
        Figure {
            label: "State",
            value: components::state(state_of(s)),
            note: html! { @if s.reason != state_of(s) { (s.reason) } },
        },
        Figure {
            label: if s.done_at_ms.is_some() { "Done" } else { "Planned" },
            value: components::day(locale, s.done_at_ms.unwrap_or(s.created_at_ms)),
            note: html! {},
        },
    ])
}

fn facts<S: Platform>(cx: &PageContext<'_, S>, s: &OutboundTransfer, name: &str) -> Markup {
    let locale = &*cx.locale;
    let (parent, target) = match s.kind {
        Moved::Payout => ("Run", "Stripe account"),
        Moved::Reversal => ("Reversed payout", "Stripe transfer"),
        Moved::Credit | Moved::Debit => ("Earning", "Stripe customer"),
    };
    let of = html! {
        @match s.kind {
            Moved::Payout => a href={ "/operator/runs/" (components::escaped(&s.parent)) } { (s.parent) },
            Moved::Reversal => a href={ (HERE) "/" (components::escaped(&s.parent)) } { (s.parent) },
            Moved::Credit | Moved::Debit => code { (s.parent) },
        }
    };
    let next = matches!(s.state, PayoutState::Planned | PayoutState::Submitting).then_some(s.due_at_ms);
    components::facts(&[
        ("ID", html! { code { (s.id) } }),
        ("Partner", helpers::partner(&s.partner_id, None, Some(name))),
        ("Program", helpers::program(&s.program_id)),
        (parent, of),
        (target, html! { code { (s.target) } }),
        ("Stripe ID", html! { @match &s.stripe_id { Some(id) => code { (id) }, None => "—" } }),
        (
            "Attempts",
            html! { (locale.number(s.attempt)) @if let Some(at) = s.first_sent_at_ms { ", first sent " (components::instant(locale, at)) } },
        ),
        ("Next attempt", html! { @match next { Some(at) => (components::instant(locale, at)), None => "—" } }),
    ])
}

/// The decisions that its state allows, in one form with one reason.
fn decisions<S: Platform>(cx: &PageContext<'_, S>, path: &str, s: &OutboundTransfer, form: &SubmittedForm) -> Markup {
    let is_open = matches!(s.state, PayoutState::Planned | PayoutState::Submitting);
    if !is_open && s.state != PayoutState::Review {
        return html! {};
    }
    let amount = components::amount(&*cx.locale, s.amount_cents.0, &s.unit);
    html! {
        section.sheet aria-labelledby="decide" {
            h2 id="decide" { (if s.state == PayoutState::Review { "Resolve" } else { "Actions" }) }
            @if cx.may(Scope::Payouts) {
                form.stack method="post" action=(path) {
                    (csrf(cx))
                    (helpers::reason(form, ""))
                    @if s.state == PayoutState::Review {
                        p {
                            "Check your Stripe dashboard first: is there a transfer of " (amount) "? We compare your answer with Stripe before we save anything."
                        }
                        (components::field(form, Field {
                            name: "transfer", label: "Stripe transfer ID", hint: "Required only if it was paid.", autocomplete: "off", max: 255, ..Field::default()
                        }))
                        div.actions {
                            button name="decision" value="paid" { "Mark as paid" }
                            button.second name="decision" value="again" { "Check Stripe and retry" }
                            button.danger name="decision" value="failed" { "Mark as failed" }
                        }
                    } @else {
                        ul {
                            @if s.held == 0 { li { "Hold: " (amount) " stays reserved and isn't sent until someone releases it." } }
                            @else { li { "Release: " (amount) " is sent when its run is approved, or immediately if it already is." } }
                            @if s.state == PayoutState::Planned { li { "Cancel: nothing is sent, and " (amount) " returns to the partner's available balance for the next run." } }
                        }
                        div.actions {
                            @if s.held == 0 { button.second name="decision" value="hold" { "Hold payout" } }
                            @else { button name="decision" value="release" { "Release payout" } }
                            @if s.state == PayoutState::Planned { button.danger name="decision" value="cancel" { "Cancel payout" } }
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
    let cells = |m: &Movement| {
        let what = match (m.code.as_str(), m.phase.as_str()) {
            ("payout", "void") => "payout returned",
            ("vest", _) => "became available",
            ("reverse", _) => "reversed",
            ("accrue", _) => "earned",
            ("payout_return", _) => "reversed payout",
            (code, _) => code,
        };
        vec![
            components::instant(locale, m.created_at_ms),
            html! { (what) },
            html! { @if let Some(account) = &m.account_id { (helpers::account(account)) } },
            html! { (m.reward_id.as_deref().unwrap_or("")) " " span.quiet { (m.source.as_deref().unwrap_or(&m.reason)) } },
            amount(m.amount_cents),
        ]
    };
    html! {
        h2 { "How this amount was calculated" }
        (components::facts(&[
            ("Period", html! { (sums.period) }),
            ("Opening balance", amount(sums.opening_cents)),
            ("Change since then", amount(sums.moved_cents)),
            ("Not yet payable, on hold or disputed", amount(sums.available_cents - sums.payable_cents)),
            ("Payout", html! { strong { (amount(s.amount_cents.0)) } }),
        ]))
        @if movements.is_empty() { p.quiet { "No activity since the previous payout." } } @else {
            (components::table("Activity since the previous payout", &[text("Date"), text("Type"), text("Account"), text("Source"), number("Amount")],
                &movements.iter().map(cells).collect::<Vec<_>>()))
        }
    }
}

pub async fn decide<S: Platform>(cx: &PageContext<'_, S>, id: &str) -> PageResult {
    let (session, _) = cx.operator(Vec::new()).await?;
    let ctx = cx.context(&session);
    let decide_it = async {
        let given = helpers::body(&cx.form, &["reason"]);
        let (decision, done) = match cx.form.get("decision") {
            "hold" => (PayoutAction::Hold, "held"),
            "release" => (PayoutAction::Release, "released"),
            "cancel" => (PayoutAction::Cancel, "cancelled"),
            _ => {
                let made = if kind_of(id) == Moved::Credit { "transaction" } else { "transfer" };
                let mut form = cx.form.clone();
                form.put(made, cx.form.get("transfer"));
                let (resolution, _) = asked::resolution(&helpers::body(&form, &["decision", "reason", made]), made)?;
                (PayoutAction::Resolve(resolution), "decided")
            }
        };
        let reason = asked::decision(&given)?;
        deciding::decide(&ctx, id, &decision, &reason).await.map(|_| done)
    };
    match decide_it.await {
        Ok(done) => Ok(cx.redirect_after_post(&format!("{HERE}/{}?done={done}", components::escaped(id)))),
        Err(error) => shown(cx, id, &without_stripe(cx, error)?).await,
    }
}

/// An error of a form. If Stripe is not set up or does not respond, the form says so too and keeps its values.
pub fn without_stripe<S: Platform>(cx: &PageContext<'_, S>, error: AppError) -> Result<SubmittedForm, PageError> {
    if error.kind == ErrorKind::Transient {
        let mut form = cx.form.clone();
        form.refused(&error);
        return Ok(form);
    }
    with_refusal(cx, error)
}
