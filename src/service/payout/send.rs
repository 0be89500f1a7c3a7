//! Sending payouts, their reversals and credits to Stripe, in pages of what is due. (1) What may already have happened
//! is looked up; (2) one batch stores the results, and reserves what is about to be sent; (3) it is sent, a few at a
//! time; (4) one batch stores the responses, with their ledger rows. An invocation that is cut off anywhere leaves rows
//! from which the next one continues (`engine/payout/mod.rs`).

use crate::base::ids::PayoutId;
use crate::base::time::DAY_MS;
use crate::codec::payout::transfer;
use crate::engine::message::{Audience, MessageType};
use crate::engine::payout;
use crate::engine::payout::{
    OutboundTransfer, PayoutNotice, PayoutState, TransferChange, TransferKind, TransferResult, TransferStep,
};
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::payout::closed;
pub use crate::service::payout::look_up::look_up;
use crate::service::payout::reduce;
use crate::service::setup::PayoutApproval;
use crate::service::stripe;
use crate::service::stripe::{StripeRefusal, StripeReply as Reply};
use crate::store::credit;
use crate::store::payout as rows;
use crate::store::payout::NoticeRow;
use crate::store::payout::closed::payee_doubt;
use crate::store::port::{DbError, Stmt};
use futures_util::future::{LocalBoxFuture, join_all};
use std::collections::BTreeSet;

/// Outbound transfers per page: two batches and twenty calls.
pub const PAGE: i64 = 20;
/// Pages that a cron invocation processes: 1,000 payouts, with about 400 statements.
pub const SWEEP_PAGES: u32 = 50;
/// The same when statements are scarce: requests to other services are too, 50 per invocation.
const TIGHT_PAGES: u32 = 2;
/// Statements of one page: what is due, the accounts that are gone, what is left of it, its reservations, its responses. A
/// page is started only if all of them fit: what was sent but not recorded is sent again with its key, and eventually
/// looked up.
const PAGE_STATEMENTS: u64 = 2 + reduce::STATEMENTS + 2 * CHANGE_STATEMENTS - 1;
/// Statements that store changes to outbound transfers of one kind: rows, ledger, messages, and what a failure means, which
/// only a lookup shows.
const CHANGE_STATEMENTS: u64 = 4;
/// Pages processed while an operator waits for the response; the sweep does the rest.
pub const PROMPT_PAGES: u32 = 2;

/// Concurrent calls: the runtime allows six.
const AT_ONCE: usize = 5;
/// The pause between two groups: 5 in 200 ms are the 25 per second that Stripe allows a sandbox.
const PAUSE_MS: u32 = 200;
/// How often a change to an outbound transfer is retried if another write changed it in the meantime.
const SETTLE_TRIES: u32 = 5;

/// Why a call was skipped.
const UNSENT: &str = "not sent, because Stripe rejected the calls before it";

/// How fast one invocation calls Stripe, and whether it should stop.
#[derive(Default)]
struct SendLimits {
    has_asked: bool,
    stop: Option<SendError>,
    /// What a rule refuses to change, and the rule. It stays due, so it comes first in each page.
    refused: BTreeSet<PayoutId>,
    violation: Option<DbError>,
}

/// What has to wait for the next sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SendError {
    /// Payouts: the balance is used up. Credits take nothing from it, and reversals add to it.
    Payouts,
    /// Everything: Stripe limits the rate, or the key is refused.
    All,
}

/// Processes up to `pages` pages of what is due. If Stripe is not set up, nothing is.
pub async fn drive<P: Ports>(ctx: &Context<'_, P>, pages: u32) -> Result<(), AppError> {
    if ctx.setup.stripe.is_none() {
        return Ok(());
    }
    let mut pace = SendLimits::default();
    let mut left = if ctx.is_tight() { pages.min(TIGHT_PAGES) } else { pages };
    let due = ctx.read(rows::kinds_due(ctx.now).first()).await?.unwrap_or_default();
    for kind in [TransferKind::Payout, TransferKind::Reversal, TransferKind::Credit, TransferKind::Debit]
        .into_iter()
        .filter(|kind| due.has(*kind))
    {
        pace.stop = pace.stop.filter(|stop| *stop == SendError::All);
        while left > 0 && pace.stop.is_none() && ctx.has_room(PAGE_STATEMENTS + ctx.reserve()) {
            let due = rows::transfer_due_list(kind, approval_name(ctx.setup.payout_approval), ctx.now, PAGE);
            let page = ctx.read(due).await?;
            if page.iter().all(|s| pace.refused.contains(&s.id)) {
                break;
            }
            left -= 1;
            take(ctx, page, &mut pace).await?;
        }
    }
    pace.violation.map_or(Ok(()), |error| Err(error.into()))
}

/// Processes outbound transfers of one kind as far as possible now, for a caller who is waiting.
pub async fn prompt<P: Ports>(ctx: &Context<'_, P>, page: Vec<OutboundTransfer>) -> Result<(), AppError> {
    let mut pace = SendLimits::default();
    take(ctx, page, &mut pace).await?;
    pace.violation.map_or(Ok(()), |error| Err(error.into()))
}

/// The approval rule's name in the store.
pub fn approval_name(approval: PayoutApproval) -> &'static str {
    match approval {
        PayoutApproval::UntilFirst => "until_first",
        PayoutApproval::Manual => "manual",
        PayoutApproval::Automatic => "automatic",
    }
}

/// The statements that store changes to outbound transfers of one kind: rows, ledger, messages.
pub fn statements<P: Ports>(ctx: &Context<'_, P>, kind: TransferKind, changes: &[TransferChange]) -> Vec<Stmt> {
    let to: Vec<&OutboundTransfer> = changes.iter().map(|c| &c.to).collect();
    let mut statements = vec![rows::outbound_write(kind, &to)];
    statements.extend(consequences(ctx, kind, changes));
    statements
}

/// The statements that follow once the rows are written: ledger, messages, and what a failure means.
pub fn consequences<P: Ports>(ctx: &Context<'_, P>, kind: TransferKind, changes: &[TransferChange]) -> Vec<Stmt> {
    let to: Vec<&OutboundTransfer> = changes.iter().map(|c| &c.to).collect();
    let is_over =
        |s: &&&OutboundTransfer| matches!(s.state, PayoutState::Paid | PayoutState::Failed | PayoutState::Cancelled);
    let over: Vec<&PayoutId> = to.iter().filter(is_over).map(|s| &s.id).collect();
    let tellings: Vec<NoticeRow> = changes.iter().filter_map(|c| telling(ctx, c)).collect();
    let mut statements = Vec::new();
    if !over.is_empty() {
        statements.push(rows::transfer_post(kind, &over, &ctx.actor, ctx.now));
    }
    statements.extend(reduce::returned(&to));
    let is_credit = matches!(kind, TransferKind::Credit | TransferKind::Debit);
    if is_credit && changes.iter().any(|c| c.to.state == PayoutState::Failed) {
        statements.push(credit::undelivered(&over));
    }
    let gone: Vec<&str> = to.iter().filter(|s| payout::shows_account_gone(s)).map(|s| payout_of(s)).collect();
    if !gone.is_empty() {
        statements.push(payee_doubt(&gone));
    }
    if !tellings.is_empty() {
        let tell = if is_credit { credit::outbound_notice } else { rows::outbound_notice };
        statements.push(tell(&tellings, ctx.now));
    }
    statements
}

/// The payout that a payout or its reversal is about.
fn payout_of(s: &OutboundTransfer) -> &str {
    if s.kind == TransferKind::Payout { &s.id } else { &s.parent }
}

/// The message that a change requires. Operators are notified once a day of problems that affect all of a program's
/// payouts.
fn telling<'a, P: Ports>(ctx: &Context<'_, P>, change: &'a TransferChange) -> Option<NoticeRow<'a>> {
    let s = &change.to;
    let day = ctx.now.0.div_euclid(DAY_MS);
    let once = |kind: MessageType| (kind, format!("{kind}:{}", s.id));
    let by_revision = |kind: MessageType| (kind, format!("{kind}:{}:{}", s.id, s.revision));
    let of_day = |kind: MessageType| (kind, format!("{kind}:{}:{day}", s.program_id));
    let (kind, id) = match (s.kind, change.notice?) {
        (TransferKind::Payout, PayoutNotice::Sent) => once(MessageType::PayoutSent),
        (TransferKind::Payout, PayoutNotice::Failed) => once(MessageType::PayoutFailed),
        (TransferKind::Credit | TransferKind::Debit, PayoutNotice::Review) => by_revision(MessageType::CreditReview),
        (TransferKind::Credit | TransferKind::Debit, PayoutNotice::Failed) => once(MessageType::CreditFailed),
        // The referrer was notified of the credit when it was granted.
        (TransferKind::Credit | TransferKind::Debit, PayoutNotice::Sent) => return None,
        (_, PayoutNotice::Review) => by_revision(MessageType::PayoutReview),
        (_, PayoutNotice::Funds) => of_day(MessageType::PayoutFunds),
        (_, PayoutNotice::Access) => of_day(MessageType::PayoutAccess),
        // The operator who requested a reversal can see its state, and the partner's statement shows it.
        (TransferKind::Reversal, PayoutNotice::Sent | PayoutNotice::Failed) => return None,
    };
    let to_partner = kind.audiences().contains(&Audience::Partner);
    let (name, detail) = match kind {
        MessageType::PayoutSent => ("transfer", s.stripe_id.as_deref().unwrap_or("")),
        _ => ("reason", s.reason.as_str()),
    };
    Some(NoticeRow { id, kind, sending: &s.id, to_partner, name, detail })
}

/// One page: look up, reserve, send, settle.
async fn take<P: Ports>(
    ctx: &Context<'_, P>,
    page: Vec<OutboundTransfer>,
    pace: &mut SendLimits,
) -> Result<(), DbError> {
    let Some(kind) = page.first().map(|s| s.kind) else { return Ok(()) };
    let mut changes = Vec::new();
    let mut attempts = Vec::new();
    let (mut fresh, mut doubtful) = (Vec::new(), Vec::new());
    for s in page {
        match payout::next(&s, ctx.now) {
            TransferStep::Claim => fresh.push(s),
            TransferStep::Send => attempts.push(payout::again(&s, ctx.now)),
            TransferStep::LookUp => doubtful.push(s),
            TransferStep::Wait => {}
        }
    }
    let found = handfuls(ctx, pace, &doubtful, |s| Box::pin(look_up(ctx, s))).await;
    for (s, found) in doubtful.iter().zip(found) {
        match found.map(|found| found.map(|listed| payout::looked_up(s, &listed, ctx.now))) {
            Some(Ok(Some(change))) => changes.push(change),
            Some(Ok(None)) if s.state == PayoutState::Submitting => attempts.push(payout::again(s, ctx.now)),
            Some(Ok(None)) => fresh.push(s.clone()),
            Some(Err(why)) => changes.push(payout::not_looked_up(s, &describe(&why), ctx.now)),
            None => changes.push(payout::not_looked_up(s, UNSENT, ctx.now)),
        }
    }
    let (carried, fresh) = closed::carry(ctx, fresh).await?;
    changes.extend(carried);
    let fresh = reduce::still_due(ctx, kind, fresh).await?;
    attempts.extend(fresh.iter().map(|s| payout::begin_attempt(s, &transfer::form(s), ctx.now)));
    let refused: Vec<String> =
        changes.iter().filter(|c| payout::shows_account_gone(&c.to)).map(|c| c.to.target.clone()).collect();
    let begun = store(ctx, kind, (changes, attempts), pace).await?;
    let results = send(ctx, pace, &begun).await;
    settle(ctx, kind, &begun, &results).await?;
    if kind == TransferKind::Payout {
        closed::confirm_refused(ctx, &refused).await;
    }
    Ok(())
}

/// Stores the lookups' results and the reservations. Returns the reservations that are ours to send. If another write
/// changed one of them first, or a rule refuses one, each is tried separately, so that none blocks the others.
async fn store<P: Ports>(
    ctx: &Context<'_, P>,
    kind: TransferKind,
    (changes, attempts): (Vec<TransferChange>, Vec<OutboundTransfer>),
    pace: &mut SendLimits,
) -> Result<Vec<OutboundTransfer>, DbError> {
    let mut all = changes;
    all.extend(attempts.iter().map(|attempt| TransferChange { to: attempt.clone(), notice: None }));
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let mut begun = Vec::new();
    match ctx.batch(statements(ctx, kind, &all)).await {
        Ok(_) => begun = attempts,
        Err(DbError::LostRace(_) | DbError::Violation(_)) => {
            for change in all {
                match ctx.batch(statements(ctx, kind, std::slice::from_ref(&change))).await {
                    Ok(_) if attempts.contains(&change.to) => begun.push(change.to),
                    Ok(_) | Err(DbError::LostRace(_)) => {}
                    Err(error @ DbError::Violation(_)) => {
                        pace.refused.insert(change.to.id);
                        pace.violation.get_or_insert(error);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        // It may have been written: then the reservations wait, and are sent with the same key when they are due again.
        Err(error) => return Err(error),
    }
    for attempt in &mut begun {
        attempt.revision += 1;
    }
    Ok(begun)
}

async fn send<P: Ports>(
    ctx: &Context<'_, P>,
    pace: &mut SendLimits,
    begun: &[OutboundTransfer],
) -> Vec<TransferResult> {
    let results = handfuls(ctx, pace, begun, |s| Box::pin(ask(ctx, s))).await;
    let read = |results: Option<Result<payout::StripeObject, Reply>>| match results {
        None => TransferResult::Unsent(UNSENT.to_owned()),
        Some(Ok(made)) => TransferResult::Done(made),
        Some(Err(Reply::Refused(StripeRefusal { status, code, message, .. }))) => {
            TransferResult::Refused { status, code, message }
        }
        Some(Err(other)) => TransferResult::Unsure(describe(&other)),
    };
    results.into_iter().map(read).collect()
}

async fn ask<P: Ports>(ctx: &Context<'_, P>, s: &OutboundTransfer) -> Result<payout::StripeObject, Reply> {
    let form = s.request.clone().unwrap_or_default();
    match stripe::post_encoded(ctx, &transfer::path(s), form, &payout::key(s)).await {
        Ok(Reply::Done(value)) => {
            transfer::made(s.kind, &value).ok_or_else(|| Reply::Unsure("the response can't be read".to_owned()))
        }
        Ok(other) => Err(other),
        Err(error) => Err(Reply::Unsure(error.to_string())),
    }
}

/// Stores responses with their ledger rows: all at once, or, if that fails, one by one on the current state.
async fn settle<P: Ports>(
    ctx: &Context<'_, P>,
    kind: TransferKind,
    sent: &[OutboundTransfer],
    results: &[TransferResult],
) -> Result<(), DbError> {
    let changes: Vec<TransferChange> =
        sent.iter().zip(results).filter_map(|(s, results)| payout::after(s, s.attempt, results, ctx.now)).collect();
    if changes.is_empty() {
        return Ok(());
    }
    if ctx.batch(statements(ctx, kind, &changes)).await.is_ok() {
        return Ok(());
    }
    let mut failed = None;
    for (s, results) in sent.iter().zip(results) {
        // What is not settled is sent again with the same key, and gets the same response.
        if let Err(error) = settle_one(ctx, s, results).await {
            failed.get_or_insert(error);
        }
    }
    failed.map_or(Ok(()), Err)
}

async fn settle_one<P: Ports>(
    ctx: &Context<'_, P>,
    sent: &OutboundTransfer,
    results: &TransferResult,
) -> Result<(), DbError> {
    let mut last = DbError::Fault(format!("{} no longer exists", sent.id));
    for tries in 0..SETTLE_TRIES {
        let find = rows::outbound_find(sent.kind, std::slice::from_ref(&sent.id));
        let change = ctx.read(find.first()).await?.and_then(|now| payout::after(&now, sent.attempt, results, ctx.now));
        let Some(change) = change else { return Ok(()) };
        match ctx.batch(statements(ctx, sent.kind, std::slice::from_ref(&change))).await {
            Ok(_) => return Ok(()),
            Err(error @ DbError::Violation(_)) => return Err(error),
            Err(error) => last = error,
        }
        ctx.back_off(tries).await;
    }
    Err(last)
}

/// Calls a few at a time. Once a response shows that the next ones would also fail, the rest is skipped: `None`.
async fn handfuls<'a, P: Ports, T>(
    ctx: &Context<'_, P>,
    pace: &mut SendLimits,
    sendings: &'a [OutboundTransfer],
    call: impl Fn(&'a OutboundTransfer) -> LocalBoxFuture<'a, Result<T, Reply>>,
) -> Vec<Option<Result<T, Reply>>> {
    let mut answers = Vec::with_capacity(sendings.len());
    for handful in sendings.chunks(AT_ONCE) {
        if pace.stop.is_some() {
            answers.extend(handful.iter().map(|_| None));
            continue;
        }
        if pace.has_asked {
            ctx.ports.pause(PAUSE_MS).await;
        }
        pace.has_asked = true;
        let results = join_all(handful.iter().map(&call)).await;
        pace.stop = results.iter().zip(handful).filter_map(|(t, s)| stops(s.kind, t.as_ref().err()?)).max();
        answers.extend(results.into_iter().map(Some));
    }
    answers
}

/// Which further calls a response also applies to. For a reversal, it is the partner's balance that is too low.
fn stops(kind: TransferKind, reply: &Reply) -> Option<SendError> {
    match reply {
        Reply::Limited => Some(SendError::All),
        Reply::Refused(r) if r.status == 401 || (r.status == 403 && r.code != "account_invalid") => {
            Some(SendError::All)
        }
        Reply::Refused(r) if r.code == "balance_insufficient" && kind == TransferKind::Payout => {
            Some(SendError::Payouts)
        }
        Reply::Refused(_) | Reply::Done(_) | Reply::Unsure(_) | Reply::TooLong(_) => None,
    }
}

fn describe(reply: &Reply) -> String {
    match reply {
        Reply::Limited => "Stripe asks to slow down".to_owned(),
        Reply::Unsure(why) => why.clone(),
        Reply::Refused(r) => format!("{} {}: {}", r.status, r.code, r.message),
        Reply::TooLong(_) => "Stripe's response is too long".to_owned(),
        Reply::Done(_) => String::new(),
    }
}
