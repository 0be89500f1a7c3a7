//! An outbound transfer: money that Stripe must move exactly once. There are four kinds: a payout, its reversal, a
//! credit on a customer's balance, and a debit that takes back part of a credit.
//!
//! In scope: what to do next, and what a response or a lookup means. Not in scope: calls and storage. The rules: the
//! request is fixed and stored before the call. Each attempt has one key and one body. An unanswered attempt is sent
//! again under the same key while the key is younger than [`KEY_TRUSTED_MS`], and never after that: silence is unknown,
//! so if a lookup finds nothing either, a person decides. A refusal is an answer: once a lookup confirms it, money is made
//! available again, and a further attempt has a new key. A payout that is known not to have reached Stripe is planned
//! again, under the same key. What a database that is lost may have sent before it was restored from a backup is looked up
//! before it is sent, whatever is known of its keys.

pub mod payee;
pub mod region;

use crate::base::ids::{PartnerId, PayoutId, ProgramId};
use crate::base::money::Cents;
use crate::base::names::names;
use crate::base::time::{DAY_MS, HOUR_MS, MINUTE_MS, UtcMillis};
use crate::engine::payout::payee::{CloseReason, is_account_gone};
use serde::{Deserialize, Serialize};

/// Stripe keeps a key for at least 24 hours. One hour less leaves room for a call in progress and for clock
/// differences.
pub const KEY_TRUSTED_MS: i64 = 23 * HOUR_MS;
/// How long a payout waits if the platform's balance was too small.
pub const FUNDS_WAIT_MS: i64 = 6 * HOUR_MS;
/// How long an outbound transfer is reserved for one worker: the longest that a cron invocation may run.
pub const LEASE_MS: i64 = 15 * MINUTE_MS;
/// Limits the pause between two tries of one attempt: a minute doubled at most this often is about four hours, so that
/// a key is tried several times while it is trusted.
const DOUBLINGS_MAX: i64 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferKind {
    Payout,
    Reversal,
    /// A credit on a customer's balance.
    Credit,
    /// A debit that takes back part of such a credit: the opposite transaction.
    Debit,
}

names! {
    pub enum PayoutState {
        Planned = "planned",
        /// Requested; the outcome is not known yet.
        Submitting = "submitting",
        Paid = "paid",
        /// Permanently refused: the amount is available again.
        Failed = "failed",
        /// A person has to review it.
        Review = "review",
        Cancelled = "cancelled",
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboundTransfer {
    pub kind: TransferKind,
    pub id: PayoutId,
    /// A payout's run, a reversal's payout, or a credit's accrual.
    pub parent: String,
    pub program_id: ProgramId,
    pub partner_id: PartnerId,
    pub unit: String,
    pub currency: String,
    /// What it was planned with. A payout's amount can fall until it is sent.
    pub planned_cents: Cents,
    pub amount_cents: Cents,
    /// It was cancelled because no more than this was left of it, which is carried forward.
    pub carried_cents: Option<Cents>,
    /// The recipient: the partner's account, the transfer to reverse, or the customer.
    pub target: String,
    pub revision: i64,
    pub state: PayoutState,
    /// 1 if an operator stopped it: nothing more is sent, but earlier requests are still looked up.
    pub held: i64,
    /// The form of this attempt, once it was sent.
    pub request: Option<String>,
    /// How many keys have been used.
    pub attempt: i64,
    /// How often this attempt was sent or looked up. 0 while it is known that none of it reached Stripe, or that Stripe
    /// lacked the funds for it.
    pub tries: i64,
    pub first_sent_at_ms: Option<UtcMillis>,
    pub due_at_ms: UtcMillis,
    /// Why Stripe permanently refused it, until a lookup confirms that no money moved.
    pub refusal: Option<String>,
    pub reason: String,
    /// The transfer, reversal or balance transaction that Stripe created.
    pub stripe_id: Option<String>,
    pub done_at_ms: Option<UtcMillis>,
    pub created_at_ms: UtcMillis,
    /// 1 if the database was restored from a backup: Stripe may have it without its being known here.
    #[serde(default)]
    pub look_first: i64,
}

/// What to do with an outbound transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferStep {
    Wait,
    /// Look up what Stripe has for it.
    LookUp,
    /// Start the next attempt, then send it.
    Claim,
    /// Send it again, under the same key.
    Send,
}

/// An object at Stripe: a transfer, a reversal or a balance transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeObject {
    pub id: String,
    pub amount_cents: i64,
    pub currency: String,
    pub target: String,
    /// How much of it has been reversed since.
    pub reversed_cents: i64,
    pub at: UtcMillis,
}

/// The result of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferResult {
    Done(StripeObject),
    Refused {
        status: u16,
        code: String,
        message: String,
    },
    /// Too many calls, an error at Stripe, or no response: the money may have moved.
    Unsure(String),
    /// It was not sent, and why.
    Unsent(String),
}

/// What to notify someone about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutNotice {
    Sent,
    Failed,
    /// A person has to review it.
    Review,
    /// The platform's balance is too small.
    Funds,
    /// Stripe rejects the API key.
    Access,
}

/// An outbound transfer to write, at the revision at which it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferChange {
    pub to: OutboundTransfer,
    pub notice: Option<PayoutNotice>,
}

/// What to do now.
pub fn next(s: &OutboundTransfer, now: UtcMillis) -> TransferStep {
    if now < s.due_at_ms {
        return TransferStep::Wait;
    }
    match s.state {
        PayoutState::Planned if s.held != 0 => TransferStep::Wait,
        PayoutState::Planned if s.attempt == 0 && s.look_first == 0 => TransferStep::Claim,
        PayoutState::Planned => TransferStep::LookUp,
        PayoutState::Submitting if s.refusal.is_some() || is_key_old(s, now) => TransferStep::LookUp,
        PayoutState::Submitting if s.held != 0 => TransferStep::Wait,
        PayoutState::Submitting if s.look_first != 0 => TransferStep::LookUp,
        PayoutState::Submitting => TransferStep::Send,
        _ => TransferStep::Wait,
    }
}

/// Whether Stripe may have forgotten the key that was used.
fn is_key_old(s: &OutboundTransfer, now: UtcMillis) -> bool {
    s.tries > 0 && s.first_sent_at_ms.is_some_and(|first| now >= first.plus_ms(KEY_TRUSTED_MS))
}

/// The next attempt, just before it is sent. A payout may have less left than its previous attempt asked for, and a new
/// key may have a new body.
pub fn begin_attempt(s: &OutboundTransfer, request: &str, now: UtcMillis) -> OutboundTransfer {
    let kept = s.request.clone().filter(|_| s.kind != TransferKind::Payout);
    OutboundTransfer {
        state: PayoutState::Submitting,
        request: Some(kept.unwrap_or_else(|| request.to_owned())),
        attempt: s.attempt + 1,
        tries: 1,
        first_sent_at_ms: Some(now),
        due_at_ms: now.plus_ms(LEASE_MS),
        refusal: None,
        reason: "sent; no answer yet".to_owned(),
        ..s.clone()
    }
}

/// The same attempt, just before it is sent again.
pub fn again(s: &OutboundTransfer, now: UtcMillis) -> OutboundTransfer {
    let first_sent_at_ms = if s.tries == 0 { Some(now) } else { s.first_sent_at_ms };
    OutboundTransfer { tries: s.tries + 1, first_sent_at_ms, due_at_ms: now.plus_ms(LEASE_MS), ..s.clone() }
}

/// The attempt's idempotency key.
pub fn key(s: &OutboundTransfer) -> String {
    format!("{}-a{}", s.id, s.attempt)
}

/// What the response to `attempt` changes. `None`: nothing, because the transfer was already resolved.
pub fn after(s: &OutboundTransfer, attempt: i64, result: &TransferResult, now: UtcMillis) -> Option<TransferChange> {
    if let TransferResult::Done(made) = result {
        return match s.state {
            PayoutState::Paid | PayoutState::Failed | PayoutState::Cancelled => None,
            _ if attempt != s.attempt => Some(review(s, format!("attempt {attempt} was answered late: {}", made.id))),
            _ => Some(done(s, made)),
        };
    }
    if s.state != PayoutState::Submitting || s.attempt != attempt {
        return None;
    }
    Some(match result {
        TransferResult::Refused { code, message, .. } if code == "idempotency_error" => {
            review(s, format!("Stripe knows the key with another body: {message}"))
        }
        TransferResult::Refused { code, message, .. }
            if code == "balance_insufficient" && s.kind == TransferKind::Payout =>
        {
            let reason = format!("the platform's balance at Stripe is too small: {message}");
            let to = OutboundTransfer {
                state: PayoutState::Planned,
                tries: 0,
                due_at_ms: now.plus_ms(FUNDS_WAIT_MS),
                reason,
                ..s.clone()
            };
            TransferChange { to, notice: Some(PayoutNotice::Funds) }
        }
        TransferResult::Refused { status, code, message } if is_definite(*status, code) => {
            let refusal = format!("{code}: {message}");
            TransferChange {
                to: OutboundTransfer { refusal: Some(refusal.clone()), reason: refusal, due_at_ms: now, ..s.clone() },
                notice: None,
            }
        }
        // A rejected API key does not show what happened before, and neither does an unknown refusal. But Stripe did not
        // look at this request.
        TransferResult::Refused { status, code, message } => {
            let notice = matches!(status, 401 | 403).then_some(PayoutNotice::Access);
            let reason = format!("{status} {code}: {message}");
            let is_unread = notice.is_some() && !code.is_empty();
            TransferChange { to: if is_unread { unsent(s, reason, now) } else { later(s, reason, now) }, notice }
        }
        TransferResult::Unsent(why) => TransferChange { to: unsent(s, why.clone(), now), notice: None },
        TransferResult::Unsure(why) => TransferChange { to: later(s, why.clone(), now), notice: None },
        TransferResult::Done(_) => return None,
    })
}

/// Whether a refusal comes from Stripe and is about the request itself, not about the caller or the timing. A refusal
/// without a code comes from something between us and Stripe.
fn is_definite(status: u16, code: &str) -> bool {
    let is_about_it = matches!(status, 400..=499) && !matches!(status, 401 | 403 | 408 | 409 | 429);
    (is_about_it && !code.is_empty()) || (status, code) == (403, "account_invalid")
}

/// What a lookup changes; `listed` is everything that Stripe has under the transfer's name. `None`: Stripe has nothing
/// for the planned request, so a new attempt with a new key may start, or for one whose key can still be used. If the last
/// attempt was never answered, an empty list does not prove that it had no effect.
pub fn looked_up(s: &OutboundTransfer, listed: &[StripeObject], now: UtcMillis) -> Option<TransferChange> {
    Some(match listed {
        [made] => done(s, made),
        [] if s.state == PayoutState::Planned => return None,
        [] if s.look_first != 0 && s.refusal.is_none() && !is_key_old(s, now) => return None,
        [] => match &s.refusal {
            Some(refusal) => failed(s, refusal),
            None => review(s, unanswered(s)),
        },
        several => review(s, format!("Stripe has it {} times", several.len())),
    })
}

/// The lookup got no response: try later.
pub fn not_looked_up(s: &OutboundTransfer, why: &str, now: UtcMillis) -> TransferChange {
    let to = OutboundTransfer { tries: s.tries + 1, ..later(s, format!("it could not be looked up: {why}"), now) };
    TransferChange { to, notice: None }
}

/// Completed as Stripe reports, if that matches the request.
pub fn done(s: &OutboundTransfer, made: &StripeObject) -> TransferChange {
    let fits = made.amount_cents == s.amount_cents.0 && made.currency == s.currency && made.target == s.target;
    if !fits {
        let found = format!("{} {} to {}", made.amount_cents, made.currency, made.target);
        return review(s, format!("{} is not what was asked for: {found}", made.id));
    }
    if made.reversed_cents != 0 {
        return review(s, format!("{} was taken back in part or whole before it was known here", made.id));
    }
    let to = OutboundTransfer {
        state: PayoutState::Paid,
        reason: format!("Stripe made {}", made.id),
        stripe_id: Some(made.id.clone()),
        done_at_ms: Some(made.at),
        refusal: None,
        ..s.clone()
    };
    TransferChange { to, notice: Some(PayoutNotice::Sent) }
}

/// Completed with the amount that Stripe has, whatever is planned here: another copy of the database sent it.
pub fn done_as_made(s: &OutboundTransfer, made: &StripeObject) -> TransferChange {
    done(&OutboundTransfer { amount_cents: Cents(made.amount_cents), ..s.clone() }, made)
}

/// Finished without moving money.
pub fn failed(s: &OutboundTransfer, why: &str) -> TransferChange {
    let to = OutboundTransfer { state: PayoutState::Failed, reason: why.to_owned(), refusal: None, ..s.clone() };
    TransferChange { to, notice: Some(PayoutNotice::Failed) }
}

/// Nothing was sent and the partner's account is gone: the amount is in the next run.
pub fn carried(s: &OutboundTransfer, why: CloseReason) -> TransferChange {
    let reason = format!("carried to the next run, because the account {} is gone: {why}", s.target);
    let to = OutboundTransfer { state: PayoutState::Cancelled, refusal: None, reason, ..s.clone() };
    TransferChange { to, notice: None }
}

/// Whether a failed transfer's refusal may mean that the partner's account is gone. What a reversal lacks is its transfer.
pub fn shows_account_gone(s: &OutboundTransfer) -> bool {
    let (code, message) = s.reason.split_once(": ").unwrap_or((&s.reason, ""));
    let is_about_account =
        s.kind == TransferKind::Payout || (s.kind == TransferKind::Reversal && code == "account_invalid");
    s.state == PayoutState::Failed && is_about_account && is_account_gone(code, message)
}

fn review(s: &OutboundTransfer, reason: String) -> TransferChange {
    TransferChange {
        to: OutboundTransfer { state: PayoutState::Review, refusal: None, reason, ..s.clone() },
        notice: Some(PayoutNotice::Review),
    }
}

/// What was asked, for the person who decides what became of it.
fn unanswered(s: &OutboundTransfer) -> String {
    let first = s.first_sent_at_ms.map(UtcMillis::to_rfc3339).unwrap_or_default();
    format!(
        "Stripe never answered, and a look-up found nothing: {} {} to {} was asked under the key {}, first at {first}",
        s.amount_cents.0,
        s.currency,
        s.target,
        key(s),
    )
}

/// The last try did not reach Stripe. If none of a payout's attempt did, it is only planned again: less may be left of it
/// by the time its key is used.
fn unsent(s: &OutboundTransfer, reason: String, now: UtcMillis) -> OutboundTransfer {
    let to = OutboundTransfer { tries: (s.tries - 1).max(0), ..later(s, reason, now) };
    if to.tries > 0 || s.kind != TransferKind::Payout {
        return to;
    }
    let first_sent_at_ms = s.first_sent_at_ms.filter(|_| s.attempt > 1);
    OutboundTransfer { state: PayoutState::Planned, attempt: s.attempt - 1, request: None, first_sent_at_ms, ..to }
}

fn later(s: &OutboundTransfer, reason: String, now: UtcMillis) -> OutboundTransfer {
    let pause = (MINUTE_MS << s.tries.clamp(0, DOUBLINGS_MAX)).min(DAY_MS);
    OutboundTransfer { due_at_ms: now.plus_ms(pause), reason, ..s.clone() }
}

#[cfg(test)]
mod tests;
