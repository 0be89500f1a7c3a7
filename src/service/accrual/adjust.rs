//! Adjustments by operators: added to a partner's balance or taken from it, as an accrual of its own or as a change of
//! one that exists. Above an amount of the program's document, a second operator approves before anything is booked.
//!
//! Everything that is booked goes against the program's expense, also in programs with a budget: a correction waits for
//! nothing and overtakes nobody.

use crate::base::ids::AdjustmentId;
use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::codec::operator::AdjustmentRequest;
use crate::codec::operator::adjustment::NamedEntry;
use crate::engine::accrual::adjustment::AdjustmentState;
use crate::engine::accrual::source::AccrualSource;
use crate::engine::accrual::{Accrual, AccrualState, Balance, accrual_id};
use crate::engine::ledger::account::FundingAccount;
use crate::engine::review::suspension::PartnerStanding;
use crate::engine::settlement::schedule;
use crate::program::catalog::Catalog;
use crate::program::document::{Cadence, Document};
use crate::program::reward::ADJUSTMENT;
use crate::service::account::recompute;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::{IdempotentRequest, StoredResponse, restored};
use crate::store::account;
use crate::store::accrual::adjustment;
use crate::store::accrual::adjustment::AdjustmentRow;
use crate::store::message::outbox::{adjustment_approval, outbox_insert};
use crate::store::partner;
use crate::store::partner::PartnerRow;
use crate::store::port::{DbError, Stmt};
use crate::store::program;
use serde_json::{Value, json};

/// How long a request waits for its approval, in days.
const APPROVAL_DAYS: i64 = 30;
const LAPSED: &str = "nobody decided it within 30 days";

/// Asks for an adjustment, and books it at once if it needs no approval.
pub async fn request<P: Ports>(
    ctx: &Context<'_, P>,
    request: &AdjustmentRequest,
    once: Option<&IdempotentRequest>,
) -> Result<StoredResponse, AppError> {
    let answer = ctx
        .retry(async || {
            if let Some(answer) = IdempotentRequest::replied(ctx, once).await? {
                let id = answer.1["id"].as_str().unwrap_or_default().into();
                let row = ctx.read(adjustment::adjustment_find(&id).first()).await?;
                return Ok(restored(answer, &row.map_or(Value::Null, |row| view(&row))));
            }
            let (catalog, mut row) = checked(ctx, request).await?;
            let mut batch = vec![adjustment::adjustment_insert(&row)];
            let needs_approval = row.expires_at_ms.is_some();
            if needs_approval {
                batch.push(outbox_insert(&[adjustment_approval(&row)], ctx.now));
            } else {
                (row.state, row.decided_at_ms) = (AdjustmentState::Booked, Some(ctx.now));
                batch.extend(booking(ctx, &catalog, &row));
            }
            let answer: StoredResponse = (if needs_approval { 202 } else { 201 }, view(&row));
            batch.push(ctx.audit("adjustment.request", &row.id, Some(&row.reason), None, Some(answer.1.clone())));
            batch.extend(once.map(|o| o.keep_for_good(&answer, ctx.now)));
            ctx.batch(batch).await?;
            Ok(answer)
        })
        .await?;
    follow_up(ctx).await;
    Ok(answer)
}

/// What a request would store. Nothing is written.
pub async fn prepared<P: Ports>(ctx: &Context<'_, P>, request: &AdjustmentRequest) -> Result<AdjustmentRow, AppError> {
    checked(ctx, request).await.map(|(_, row)| row)
}

/// Decides a request. Repeating the same decision returns the same result; a different one is refused.
pub async fn decide<P: Ports>(
    ctx: &Context<'_, P>,
    id: &AdjustmentId,
    approve: bool,
    reason: &str,
) -> Result<StoredResponse, AppError> {
    let wanted = if approve { AdjustmentState::Booked } else { AdjustmentState::Rejected };
    let answer = ctx
        .retry(async || {
            let (catalog, row) = ctx.read((program::programs(), adjustment::adjustment_find(id).first())).await?;
            let row = row.ok_or_else(|| AppError::not_found("adjustment"))?;
            if row.state == wanted && row.decided_by.is_some() {
                return Ok((200, view(&row)));
            }
            check_open(ctx, &row, approve)?;
            if approve {
                let partner = ctx.read(partner::partner_find(&row.partner_id).first()).await?;
                partner.iter().try_for_each(check_standing)?;
                check_left(ctx, &row).await?;
            }
            let mut decided = row.clone();
            (decided.state, decided.decided_at_ms) = (wanted, Some(ctx.now));
            (decided.decided_by, decided.decision_reason) = (Some(ctx.actor.clone()), Some(reason.to_owned()));
            let mut batch = match approve {
                true => booking(ctx, &catalog, &decided),
                false => vec![decision(&decided, ctx.now)],
            };
            let (before, after) = (json!({"state": row.state}), json!({"state": wanted}));
            batch.push(ctx.audit("adjustment.decide", id, Some(reason), Some(before), Some(after)));
            ctx.batch(batch).await?;
            Ok((200, view(&decided)))
        })
        .await?;
    follow_up(ctx).await;
    Ok(answer)
}

/// Lets requests lapse that nobody decided in time.
pub async fn expire<P: Ports>(ctx: &Context<'_, P>) -> Result<(), DbError> {
    ctx.batch(adjustment::adjustments_expire(&ctx.actor, LAPSED, ctx.now).into()).await.map(|_| ())
}

pub fn view(r: &AdjustmentRow) -> Value {
    let (unit, currency) = r.unit.split_once(':').unwrap_or((&r.unit, ""));
    let instant = |at: Option<UtcMillis>| at.map(UtcMillis::to_rfc3339);
    let account = Some(&r.account_id).filter(|id| !id.is_empty());
    json!({
        "id": r.id, "program": r.program_id, "partner": r.partner_id, "account": account, "accrual": r.accrual_id,
        "makes_accrual": r.makes_accrual == 1, "undoes": r.undoes_id, "invoice": r.invoice_id, "unit": unit, "currency": currency,
        "amount_cents": r.amount_cents, "balance": r.balance.name(),
        "vests_at": (r.makes_accrual == 1 && r.balance == Balance::Pending).then(|| r.vests_at_ms.to_rfc3339()),
        "note": r.note, "reason": r.reason, "actor": r.actor, "state": r.state, "expires_at": instant(r.expires_at_ms),
        "decided_by": r.decided_by, "decision_reason": r.decision_reason, "decided_at": instant(r.decided_at_ms),
        "created_at": r.created_at_ms.to_rfc3339(),
    })
}

/// Recomputes what the adjustment marked. The sweep does it otherwise.
async fn follow_up<P: Ports>(ctx: &Context<'_, P>) {
    let _ = recompute::process_marked(ctx, 1).await;
}

fn refused(code: &'static str, detail: impl Into<String>, field: &str) -> AppError {
    AppError::new(ErrorKind::Unprocessable, code, detail).field(field)
}

async fn checked<P: Ports>(
    ctx: &Context<'_, P>,
    request: &AdjustmentRequest,
) -> Result<(Catalog, AdjustmentRow), AppError> {
    let reads = (program::programs(), partner::partner_find(&request.partner).first());
    let (catalog, partner) = ctx.read(reads).await?;
    let partner = partner.ok_or_else(|| refused("unknown_partner", "no partner has this id", "partner"))?;
    check_standing(&partner)?;
    let document = catalog
        .current(&partner.program_id, ctx.now)
        .ok_or_else(|| refused("unknown_program", "the partner's program has no document", "partner"))?;
    let row = requested(ctx, document, &partner, request).await?;
    Ok((catalog, row))
}

/// A ban voids everything up to its end, so nothing is added and nothing taken while it lasts.
fn check_standing(partner: &PartnerRow) -> Result<(), AppError> {
    if partner.standing != PartnerStanding::Banned {
        return Ok(());
    }
    let detail = "the partner is banned, which voids everything up to its reinstatement: reinstate it first";
    Err(AppError::new(ErrorKind::Conflict, "partner_banned", detail))
}

/// The request as it is stored, if what it names allows it.
async fn requested<P: Ports>(
    ctx: &Context<'_, P>,
    document: &Document,
    partner: &PartnerRow,
    request: &AdjustmentRequest,
) -> Result<AdjustmentRow, AppError> {
    let id = AdjustmentId::from(ctx.fresh_id("adj"));
    let is_large = document.settlement.approval_above_cents.is_some_and(|above| request.amount.0.abs() > above.0);
    let account = request.account.clone().unwrap_or_default();
    let source = AccrualSource::adjustment(&id);
    let mut row = AdjustmentRow {
        accrual_id: accrual_id(&partner.program_id, &partner.id, ADJUSTMENT, &account, &source),
        id,
        program_id: partner.program_id.clone(),
        partner_id: partner.id.clone(),
        account_id: account,
        makes_accrual: 1,
        undoes_id: None,
        invoice_id: request.invoice.clone(),
        unit: format!("{}:{}", document.settlement.unit.name(), document.currency),
        amount_cents: request.amount,
        balance: request.balance.unwrap_or(Balance::Available),
        vests_at_ms: request.vests_at.unwrap_or(ctx.now),
        note: request.note.clone(),
        reason: request.reason.clone(),
        actor: ctx.actor.clone(),
        state: AdjustmentState::Requested,
        expires_at_ms: is_large.then(|| ctx.now.plus_days(APPROVAL_DAYS)),
        decided_by: None,
        decision_reason: None,
        decided_at_ms: None,
        created_at_ms: ctx.now,
    };
    match &request.names {
        Some(named) => of_named(ctx, &mut row, named).await?,
        None => check_own(ctx, document, &row).await?,
    }
    let currency = row.unit.split_once(':').map_or("", |(_, currency)| currency);
    if request.currency.as_ref().is_some_and(|given| given != currency) {
        return Err(refused(
            "wrong_currency",
            format!("this is booked in {currency}, and amounts are not converted"),
            "currency",
        ));
    }
    Ok(row)
}

/// Checks what an accrual of its own names.
async fn check_own<P: Ports>(ctx: &Context<'_, P>, document: &Document, row: &AdjustmentRow) -> Result<(), AppError> {
    let cadence = document.settlement.cadence;
    if cadence == Cadence::None {
        return Err(refused("no_money", "this program pays nothing", "partner"));
    }
    if row.balance == Balance::Pending && cadence == Cadence::Instant {
        let detail = "this program has no runs, so nothing pending would ever vest: send balance available";
        return Err(refused("no_runs", detail, "balance"));
    }
    if row.account_id.is_empty() {
        return Ok(());
    }
    let invoice = row.invoice_id.clone().unwrap_or_default();
    let reads =
        (account::account_find(&row.account_id).first(), adjustment::invoice_paid(&row.account_id, &invoice).first());
    let (known, paid) = ctx.read(reads).await?;
    known.ok_or_else(|| refused("unknown_account", "no event named this account yet", "account"))?;
    if row.invoice_id.is_some() && paid.is_none() {
        let detail = "this account has paid no such invoice: name one that it paid, or none";
        return Err(refused("unknown_invoice", detail, "invoice"));
    }
    Ok(())
}

/// Fills in what follows from the entry that is changed, and checks what is left of it.
async fn of_named<P: Ports>(ctx: &Context<'_, P>, row: &mut AdjustmentRow, named: &NamedEntry) -> Result<(), AppError> {
    let (accrual, field) = match named {
        NamedEntry::Accrual(id) => (id.clone(), "accrual"),
        NamedEntry::Adjustment(id) => {
            let found = ctx.read(adjustment::adjustment_find(id).first()).await?;
            let found = found.filter(|f| f.partner_id == row.partner_id && f.state == AdjustmentState::Booked);
            let found = found.ok_or_else(|| {
                refused("unknown_adjustment", "this partner has no booked adjustment with this id", "adjustment")
            })?;
            if found.undoes_id.is_some() {
                let detail = "this one takes another one back: adjust the accrual instead";
                return Err(refused("undoes_another", detail, "adjustment"));
            }
            row.undoes_id = (found.makes_accrual == 0).then_some(found.id);
            (found.accrual_id, "adjustment")
        }
    };
    let found = ctx.read(adjustment::accrual_find(&accrual).first()).await?;
    let found = found.filter(|a| a.partner_id == row.partner_id);
    let found = found.ok_or_else(|| refused("unknown_accrual", "this partner has no accrual with this id", field))?;
    row.makes_accrual = 0;
    (row.accrual_id, row.account_id) = (found.id, found.account_id);
    (row.program_id, row.unit) = (found.program_id, found.unit);
    (row.balance, row.vests_at_ms) = (found.balance, found.vests_at_ms);
    check_left(ctx, row).await
}

/// Refuses what takes more than is left of what it names. The database checks it again when it is booked.
async fn check_left<P: Ports>(ctx: &Context<'_, P>, row: &AdjustmentRow) -> Result<(), AppError> {
    if row.makes_accrual == 1 {
        return Ok(());
    }
    let left = match &row.undoes_id {
        None => ctx.read(adjustment::accrual_find(&row.accrual_id).first()).await?.map_or(0, |a| a.net_cents.0),
        Some(id) => {
            let reads = (adjustment::adjustment_find(id).first(), adjustment::undone_sum(id).first());
            let (first, undone) = ctx.read(reads).await?;
            first.map_or(0, |f| f.amount_cents.0) + undone.unwrap_or_default().cents
        }
    };
    let amount = row.amount_cents.0;
    if left != 0 && left.signum() != amount.signum() && amount.abs() <= left.abs() {
        return Ok(());
    }
    let detail = match left {
        0 => "nothing is left of it, so nothing can be changed".to_owned(),
        left => format!("{left} cents are left of it, so amount_cents must be {}", span(left)),
    };
    Err(refused("more_than_is_left", detail, "amount_cents"))
}

/// The amounts that take at most `left` back.
fn span(left: i64) -> String {
    if left > 0 { format!("from -{left} to -1") } else { format!("from 1 to {}", -left) }
}

/// Refuses a decision about what is decided already, and one's own approval.
fn check_open<P: Ports>(ctx: &Context<'_, P>, row: &AdjustmentRow, approve: bool) -> Result<(), AppError> {
    let conflict = |code: &'static str, detail: String| Err(AppError::new(ErrorKind::Conflict, code, detail));
    if row.state != AdjustmentState::Requested {
        return conflict("adjustment_decided", format!("this adjustment is {} and can't be changed", row.state));
    }
    if row.expires_at_ms.is_some_and(|at| at <= ctx.now) {
        return conflict("adjustment_expired", "this request has expired: send it again as a new one".to_owned());
    }
    if approve && is_same_person(&row.actor, &ctx.actor) {
        let detail = "you asked for this adjustment, so another operator has to approve it";
        return Err(AppError::new(ErrorKind::Forbidden, "own_request", detail));
    }
    Ok(())
}

/// Whether two actors have the same name: `token:ada@corp.example` is a token of `operator:ada@corp.example`.
pub fn is_same_person(one: &str, other: &str) -> bool {
    let name = |actor: &str| actor.split_once(':').map_or(actor, |(_, name)| name).to_ascii_lowercase();
    name(one) == name(other)
}

fn decision(row: &AdjustmentRow, now: UtcMillis) -> Stmt {
    adjustment::adjustment_decide(&row.id, row.state, row.decided_by.as_ref(), row.decision_reason.as_deref(), now)
}

/// The statements that decide the adjustment and book it, for one batch. The account is recomputed if its facts take
/// part in what is left.
fn booking<P: Ports>(ctx: &Context<'_, P>, catalog: &Catalog, row: &AdjustmentRow) -> Vec<Stmt> {
    let made = (row.makes_accrual == 1)
        .then(|| catalog.current(&row.program_id, ctx.now).map(|document| accrual(document, row, ctx.now)))
        .flatten();
    let mut batch = vec![decision(row, ctx.now)];
    batch.extend(adjustment::book(row, made.as_ref(), ctx.now));
    if !row.account_id.is_empty() && (row.makes_accrual == 0 || row.invoice_id.is_some()) {
        batch.push(account::recompute_by_ids(std::slice::from_ref(&row.account_id), ctx.now));
    }
    batch
}

/// The accrual that an adjustment makes, with its first ledger row counted.
fn accrual(document: &Document, row: &AdjustmentRow, now: UtcMillis) -> Accrual {
    let is_pending = row.balance == Balance::Pending;
    Accrual {
        id: row.accrual_id.clone(),
        program_id: row.program_id.clone(),
        program_version: document.version,
        reward_id: ADJUSTMENT.into(),
        partner_id: row.partner_id.clone(),
        account_id: row.account_id.clone(),
        event_id: row.id.as_str().into(),
        source: AccrualSource::adjustment(&row.id),
        at_ms: now,
        period: schedule::period_at(document.settlement.cadence, now),
        unit: row.unit.clone(),
        gross_cents: row.amount_cents,
        cap_reduction_cents: Cents::ZERO,
        adjusted_cents: Cents::ZERO,
        net_cents: row.amount_cents,
        balance: row.balance,
        funding_account: FundingAccount::Expense,
        state: if is_pending { AccrualState::Pending } else { AccrualState::Available },
        // An available one matures from now on.
        vests_at_ms: if is_pending { row.vests_at_ms.max(now) } else { now },
        reason: row.note.clone(),
        postings: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_as_the_operator_it_is_named_after() {
        for (one, other, same) in [
            ("operator:ada@corp.example", "token:Ada@corp.example", true),
            ("token:billing", "token:billing", true),
            ("token:billing", "operator:ada@corp.example", false),
            ("test", "token:bootstrap", false),
        ] {
            assert_eq!(is_same_person(one, other), same, "{one} {other}");
        }
    }
}
