//! Payouts, their reversals and credits on their way to Stripe: what is due is taken in pages. (1) What may have happened is
//! looked up; (2) one batch stores what that says, and claims what is about to be sent; (3) it is sent, a few at a
//! time; (4) one batch stores what was answered, with its ledger rows. An invocation that is cut off anywhere leaves
//! rows from which the next one goes on (`engine/payout/mod.rs`).

use crate::base::time::{DAY_MS, SECOND_MS};
use crate::codec::payout::transfer;
use crate::codec::stripe as wire;
use crate::codec::stripe::form::FormEncoder;
use crate::engine::message::{Audience, MessageType};
use crate::engine::payout;
use crate::engine::payout::{
    OutboundTransfer, PayoutNotice, PayoutState, TransferChange, TransferKind, TransferResult, TransferStep,
};
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::setup::PayoutApproval;
use crate::service::stripe;
use crate::service::stripe::{StripeRefusal, StripeReply as Reply};
use crate::store::credit;
use crate::store::payout as rows;
use crate::store::payout::NoticeRow;
use crate::store::port::{DbError, Stmt};
use futures_util::future::{LocalBoxFuture, join_all};
use serde_json::{Value, json};

/// Sendings of one page: two batches and twenty calls.
pub const PAGE: i64 = 20;
/// Pages that a cron invocation takes: 1,000 payouts, with some 400 statements.
pub const SWEEP_PAGES: u32 = 50;
/// The same where statements are few: requests to other services are, too, 50 an invocation.
const TIGHT_PAGES: u32 = 2;
/// Statements of one page: what is due, its claims, its answers. A page is taken where all of them fit: what was sent and
/// is not written down is sent again under its key, and looked up in the end.
const PAGE_STATEMENTS: u64 = 1 + 2 * CHANGE_STATEMENTS;
/// Statements that store changes to sendings of one kind.
const CHANGE_STATEMENTS: u64 = 4;
/// Pages taken while an operator waits for the answer; the sweep takes the rest.
pub const PROMPT_PAGES: u32 = 2;

/// Calls at one time: the runtime allows six.
const AT_ONCE: usize = 5;
/// Pause between one handful and the next: 5 in 200 ms are the 25 a second that Stripe allows a sandbox.
const PAUSE_MS: u32 = 200;
/// Pages of a hundred balance transactions that one look-up reads.
const LOOK_UP_PAGES_MAX: u32 = 20;
/// How often a sending is decided again where somebody changed it in between.
const SETTLE_TRIES: u32 = 5;

/// How fast one invocation asks, and whether it should stop asking.
#[derive(Default)]
struct SendLimits {
    has_asked: bool,
    stop: Option<SendError>,
}

/// What waits for the next sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SendError {
    /// The payouts: the balance is used up. Credits take none of it, and reversals fill it.
    Payouts,
    /// Everything: Stripe asked to slow down, or the key is refused.
    All,
}

/// Takes up to `pages` pages of what is due. Where Stripe is not set up nothing is.
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
            if page.is_empty() {
                break;
            }
            left -= 1;
            take(ctx, page, &mut pace).await?;
        }
    }
    Ok(())
}

/// Takes sendings of one kind as far as they go now, for whoever waits for them.
pub async fn prompt<P: Ports>(ctx: &Context<'_, P>, page: Vec<OutboundTransfer>) -> Result<(), AppError> {
    Ok(take(ctx, page, &mut SendLimits::default()).await?)
}

/// The name of an approval's rule in the store.
pub fn approval_name(approval: PayoutApproval) -> &'static str {
    match approval {
        PayoutApproval::UntilFirst => "until_first",
        PayoutApproval::Manual => "manual",
        PayoutApproval::Automatic => "automatic",
    }
}

/// What Stripe has of a sending, or why nobody knows.
pub async fn look_up<P: Ports>(ctx: &Context<'_, P>, s: &OutboundTransfer) -> Result<Vec<payout::StripeObject>, Reply> {
    if matches!(s.kind, TransferKind::Credit | TransferKind::Debit) {
        return look_through(ctx, s).await;
    }
    let list = list(ctx, s, transfer::list_query(s)).await?;
    transfer::listed(s, &list).ok_or_else(|| Reply::Unsure("the list can't be read".to_owned()))
}

/// A customer's balance moves with every invoice: its transactions are read back to the day before the sending was
/// planned. A part of them is no answer.
async fn look_through<P: Ports>(
    ctx: &Context<'_, P>,
    s: &OutboundTransfer,
) -> Result<Vec<payout::StripeObject>, Reply> {
    let unreadable = || Reply::Unsure("the list can't be read".to_owned());
    let (mut found, mut after) = (Vec::new(), None::<String>);
    for _ in 0..LOOK_UP_PAGES_MAX {
        let mut list = list(ctx, s, transfer::list_query(s).with_some("starting_after", after.as_deref())).await?;
        let (members, next) = wire::page(&list);
        let oldest = members.last().and_then(|m| m["created"].as_i64());
        let is_through = oldest.is_some_and(|at| at < (s.created_at_ms.0 - DAY_MS) / SECOND_MS);
        // Whether there are more pages is seen here.
        list["has_more"] = Value::Bool(false);
        found.extend(transfer::listed(s, &list).ok_or_else(unreadable)?);
        match next.filter(|_| !is_through) {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
    Err(Reply::Unsure("the customer has too many balance transactions to search".to_owned()))
}

async fn list<P: Ports>(ctx: &Context<'_, P>, s: &OutboundTransfer, query: FormEncoder) -> Result<Value, Reply> {
    match stripe::get(ctx, &transfer::path(s), &query).await {
        Ok(Reply::Done(list)) => Ok(list),
        // A customer that is not there has nothing on its balance.
        Ok(Reply::Refused(why))
            if why.code == "resource_missing" && matches!(s.kind, TransferKind::Credit | TransferKind::Debit) =>
        {
            Ok(json!({"data": [], "has_more": false}))
        }
        Ok(other) => Err(other),
        Err(error) => Err(Reply::Unsure(error.to_string())),
    }
}

/// The statements that store changes to sendings of one kind: rows, ledger, messages.
pub fn statements<P: Ports>(ctx: &Context<'_, P>, kind: TransferKind, changes: &[TransferChange]) -> Vec<Stmt> {
    let to: Vec<&OutboundTransfer> = changes.iter().map(|c| &c.to).collect();
    let is_over =
        |s: &&&OutboundTransfer| matches!(s.state, PayoutState::Paid | PayoutState::Failed | PayoutState::Cancelled);
    let over: Vec<&str> = to.iter().filter(is_over).map(|s| s.id.as_str()).collect();
    let tellings: Vec<NoticeRow> = changes.iter().filter_map(|c| telling(ctx, c)).collect();
    let mut statements = vec![rows::outbound_write(kind, &to)];
    if !over.is_empty() {
        statements.push(rows::transfer_post(kind, &over, &ctx.actor, ctx.now));
    }
    let is_credit = matches!(kind, TransferKind::Credit | TransferKind::Debit);
    if is_credit && changes.iter().any(|c| c.to.state == PayoutState::Failed) {
        statements.push(credit::undelivered(&over));
    }
    if !tellings.is_empty() {
        let tell = if is_credit { credit::outbound_notice } else { rows::outbound_notice };
        statements.push(tell(&tellings, ctx.now));
    }
    statements
}

/// The message that a change calls for. Operators are told once a day of what concerns all of a program's payouts.
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
        // The referrer was told of the credit when it was granted.
        (TransferKind::Credit | TransferKind::Debit, PayoutNotice::Sent) => return None,
        (_, PayoutNotice::Review) => by_revision(MessageType::PayoutReview),
        (_, PayoutNotice::Funds) => of_day(MessageType::PayoutFunds),
        (_, PayoutNotice::Access) => of_day(MessageType::PayoutAccess),
        // Whoever asked for a reversal reads its state; the partner's statement shows it.
        (TransferKind::Reversal, PayoutNotice::Sent | PayoutNotice::Failed) => return None,
    };
    let to_partner = kind.audience() == Some(Audience::Partner);
    let (name, detail) = match kind {
        MessageType::PayoutSent => ("transfer", s.stripe_id.as_deref().unwrap_or("")),
        _ => ("reason", s.reason.as_str()),
    };
    Some(NoticeRow { id, kind, sending: &s.id, to_partner, name, detail })
}

/// One page: looked up, claimed, sent, settled.
async fn take<P: Ports>(
    ctx: &Context<'_, P>,
    page: Vec<OutboundTransfer>,
    pace: &mut SendLimits,
) -> Result<(), DbError> {
    let Some(kind) = page.first().map(|s| s.kind) else { return Ok(()) };
    let mut changes = Vec::new();
    let mut attempts = Vec::new();
    let mut doubtful = Vec::new();
    for s in page {
        match payout::next(&s, ctx.now) {
            TransferStep::Claim => attempts.push(payout::begin_attempt(&s, &transfer::form(&s), ctx.now)),
            TransferStep::Send => attempts.push(payout::again(&s, ctx.now)),
            TransferStep::LookUp => doubtful.push(s),
            TransferStep::Wait => {}
        }
    }
    let found = handfuls(ctx, pace, &doubtful, |s| Box::pin(look_up(ctx, s))).await;
    for (s, found) in doubtful.iter().zip(found) {
        match found.map(|listed| payout::looked_up(s, &listed, ctx.now)) {
            Ok(Some(change)) => changes.push(change),
            Ok(None) => attempts.push(payout::begin_attempt(s, &transfer::form(s), ctx.now)),
            Err(why) => changes.push(payout::not_looked_up(s, &describe(&why), ctx.now)),
        }
    }
    let begun = store(ctx, kind, changes, attempts).await?;
    let results = send(ctx, pace, &begun).await;
    settle(ctx, kind, &begun, &results).await
}

/// Stores what look-ups said, and the claims; answers the claims that are ours to send. Where somebody else was first
/// with one of them each is tried alone, so that none holds up the others.
async fn store<P: Ports>(
    ctx: &Context<'_, P>,
    kind: TransferKind,
    changes: Vec<TransferChange>,
    attempts: Vec<OutboundTransfer>,
) -> Result<Vec<OutboundTransfer>, DbError> {
    let mut all = changes;
    all.extend(attempts.iter().map(|attempt| TransferChange { to: attempt.clone(), notice: None }));
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let mut begun = Vec::new();
    match ctx.batch(statements(ctx, kind, &all)).await {
        Ok(_) => begun = attempts,
        Err(DbError::Guard(_)) => {
            for change in all {
                match ctx.batch(statements(ctx, kind, std::slice::from_ref(&change))).await {
                    Ok(_) if attempts.contains(&change.to) => begun.push(change.to),
                    Ok(_) | Err(DbError::Guard(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        // It may have been written: then the claims wait, and are sent under the same key when they are due again.
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
    let read = |results: Result<payout::StripeObject, Reply>| match results {
        Ok(made) => TransferResult::Done(made),
        Err(Reply::Refused(StripeRefusal { status, code, message, .. })) => {
            TransferResult::Refused { status, code, message }
        }
        Err(other) => TransferResult::Unsure(describe(&other)),
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

/// Stores answers with their ledger rows: all at once, or, where that fails, one by one on what stands by now.
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
        // What is not settled is sent again under the same key, and answered the same.
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
            Err(error) => last = error,
        }
        ctx.back_off(tries).await;
    }
    Err(last)
}

/// Calls a few at a time. Once an answer says that the next ones would fare no better, the rest is not asked.
async fn handfuls<'a, P: Ports, T>(
    ctx: &Context<'_, P>,
    pace: &mut SendLimits,
    sendings: &'a [OutboundTransfer],
    call: impl Fn(&'a OutboundTransfer) -> LocalBoxFuture<'a, Result<T, Reply>>,
) -> Vec<Result<T, Reply>> {
    let mut answers = Vec::with_capacity(sendings.len());
    for handful in sendings.chunks(AT_ONCE) {
        if pace.stop.is_some() {
            let unasked = || Err(Reply::Unsure("not sent, because Stripe rejected the calls before it".to_owned()));
            answers.extend(handful.iter().map(|_| unasked()));
            continue;
        }
        if pace.has_asked {
            ctx.ports.pause(PAUSE_MS).await;
        }
        pace.has_asked = true;
        let results = join_all(handful.iter().map(&call)).await;
        pace.stop = results.iter().zip(handful).filter_map(|(t, s)| stops(s.kind, t.as_ref().err()?)).max();
        answers.extend(results);
    }
    answers
}

/// For which calls what was said of one holds as well. Of a reversal it is the partner's balance that is too small.
fn stops(kind: TransferKind, reply: &Reply) -> Option<SendError> {
    match reply {
        Reply::Limited => Some(SendError::All),
        Reply::Refused(r) if r.status == 401 || (r.status == 403 && r.code != "account_invalid") => {
            Some(SendError::All)
        }
        Reply::Refused(r) if r.code == "balance_insufficient" && kind == TransferKind::Payout => {
            Some(SendError::Payouts)
        }
        Reply::Refused(_) | Reply::Done(_) | Reply::Unsure(_) => None,
    }
}

fn describe(reply: &Reply) -> String {
    match reply {
        Reply::Limited => "Stripe asks to slow down".to_owned(),
        Reply::Unsure(why) => why.clone(),
        Reply::Refused(r) => format!("{} {}: {}", r.status, r.code, r.message),
        Reply::Done(_) => String::new(),
    }
}
