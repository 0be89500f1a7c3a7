//! Emails to operators.

pub use crate::codec::message::email::words::shared::{AMOUNT, FOR, REASON, VIEW_PAYOUT};

use crate::codec::message::email::fields::MessageFields;
use crate::codec::message::email::render::EmailPart;
use crate::codec::message::email::words::parts::{MessageWords, Written, amount, link, rows, say, sentences, text};
use crate::engine::message::MessageType;

/// What the message types to this audience say.
pub fn of(kind: MessageType) -> Option<MessageWords> {
    Some(match kind {
        MessageType::PayoutFailed => MessageWords::required(failed_email),
        MessageType::PayoutApproval => MessageWords::required(approval_email),
        MessageType::PayoutReview => MessageWords::required(payout_review_email),
        MessageType::PayoutFunds => MessageWords::required(funds_email),
        MessageType::PayoutAccess => MessageWords::required(access_email),
        MessageType::TransferUnexpected => MessageWords::required(transfer_unexpected_email),
        MessageType::CreditReview => MessageWords::required(credit_review_email),
        MessageType::CreditFailed => MessageWords::required(credit_failed_email),
        MessageType::AdjustmentApproval => MessageWords::required(adjustment_email),
        MessageType::ReviewOpened => MessageWords::required(review_email),
        MessageType::BudgetLow => MessageWords::required(budget_email),
        MessageType::ReportFunnel => MessageWords::optional(funnel_email, "when a funnel report is ready"),
        MessageType::ReportLedger => MessageWords::required(ledger_email),
        MessageType::AttributionQuestion => MessageWords::required(question_email),
        _ => return None,
    })
}

/// Why the reader receives the email.
pub fn why(program: &str, site: &str) -> String {
    format!("You're receiving this email because you're an operator of {program} at {site}.")
}

pub const STRIPE_MESSAGE: &str = "Stripe's message";
pub const PARTNER: &str = "Partner";
pub const DECIDE: &str = "Review and decide";

// payout.failed
pub fn failed_subject(program: &str, amount: &str) -> String {
    format!("{program}: a payout of {amount} failed")
}

pub const FAILED: &str = "No money moved. The amount is available again and will be included in the next run. The partner \
    may need to update their Stripe account.";

fn failed_email(f: &MessageFields) -> Written {
    let parts = vec![
        say(FAILED),
        rows(vec![
            (PAYOUT, text(f, "payout")),
            (AMOUNT, amount(f, "amount_cents")),
            (FOR, text(f, "period")),
            (PARTNER, f.partner.unwrap_or_default().to_owned()),
            (REASON, text(f, "reason")),
        ]),
        link(VIEW_PAYOUT, format!("/operator/payouts/{}", text(f, "payout"))),
    ];
    (failed_subject(f.program, &amount(f, "amount_cents")), parts)
}

// payout.approval
pub fn approval_subject(program: &str, amount: &str) -> String {
    format!("{program}: payouts of {amount} need your approval")
}

pub const APPROVAL: &str = "A run's payouts are ready. None will be sent until you approve them.";
pub const RUN: &str = "Run";
pub const PAYOUTS: &str = "Payouts";
pub const TOTAL: &str = "Total";
pub const APPROVE: &str = "Review and approve";

fn approval_email(f: &MessageFields) -> Written {
    let run = text(f, "run");
    let payouts = f.payload["payouts"].as_i64().unwrap_or_default();
    let parts = vec![
        say(APPROVAL),
        rows(vec![
            (RUN, run.clone()),
            (FOR, text(f, "period")),
            (PAYOUTS, payouts.to_string()),
            (TOTAL, amount(f, "amount_cents")),
        ]),
        link(APPROVE, format!("/operator/runs/{run}")),
    ];
    (approval_subject(f.program, &amount(f, "amount_cents")), parts)
}

// payout.review
pub fn payout_review_subject(program: &str, amount: &str) -> String {
    format!("{program}: a payout of {amount} needs your review")
}

pub const PAYOUT_REVIEW: &str = "Stripe's records don't match the payout we requested. We won't send anything more for it \
    until you decide.";
pub const PAYOUT: &str = "Payout";
pub const FINDING: &str = "Finding";

fn payout_review_email(f: &MessageFields) -> Written {
    let payout = text(f, "payout");
    let parts = vec![
        say(PAYOUT_REVIEW),
        rows(vec![
            (PAYOUT, payout.clone()),
            (AMOUNT, amount(f, "amount_cents")),
            (FOR, text(f, "period")),
            (FINDING, text(f, "reason")),
        ]),
        link(DECIDE, format!("/operator/payouts/{payout}")),
    ];
    (payout_review_subject(f.program, &amount(f, "amount_cents")), parts)
}

// transfer.unexpected
pub fn transfer_unexpected_subject(program: &str, amount: &str) -> String {
    format!("{program}: a transfer of {amount} that we didn't request")
}

pub const TRANSFER_UNEXPECTED: &str = "Stripe reports a transfer to a partner that no payout asked for. Someone may have \
    made it by hand, or another program uses the same key. If it shouldn't stand, reverse it in Stripe.";
pub const TRANSFER: &str = "Transfer";
pub const TO_ACCOUNT: &str = "Stripe account";

fn transfer_unexpected_email(f: &MessageFields) -> Written {
    let parts = vec![
        say(TRANSFER_UNEXPECTED),
        rows(vec![
            (TRANSFER, text(f, "transfer")),
            (AMOUNT, amount(f, "amount_cents")),
            (TO_ACCOUNT, text(f, "destination")),
        ]),
        link(DECIDE, "/operator/transfers".to_owned()),
    ];
    (transfer_unexpected_subject(f.program, &amount(f, "amount_cents")), parts)
}

// payout.funds
pub fn funds_subject(program: &str) -> String {
    format!("{program}: payouts are waiting for funds in Stripe")
}

pub const FUNDS: &str = "Your Stripe balance is too low to cover the payouts that are due. Add funds in Stripe; we retry \
    every few hours.";
pub const FIRST_WAITING: &str = "First payout waiting";
pub const VIEW_PAYOUTS: &str = "View payouts";
pub const VIEW_WAITING: &str = "View waiting payouts";

fn funds_email(f: &MessageFields) -> Written {
    let parts = vec![
        say(FUNDS),
        rows(vec![(FIRST_WAITING, amount(f, "amount_cents")), (STRIPE_MESSAGE, text(f, "reason"))]),
        link(VIEW_WAITING, "/operator/payouts?state=planned".to_owned()),
    ];
    (funds_subject(f.program), parts)
}

// payout.access
pub fn access_subject(program: &str) -> String {
    format!("{program}: Stripe rejected the API key")
}

pub const ACCESS: &str = "Stripe rejected STRIPE_API_KEY, so no payouts can be sent. Nothing is lost: payouts that are due \
    go out automatically once the key works.";

fn access_email(f: &MessageFields) -> Written {
    let parts = vec![
        say(ACCESS),
        rows(vec![(STRIPE_MESSAGE, text(f, "reason"))]),
        link(VIEW_PAYOUTS, "/operator/payouts".to_owned()),
    ];
    (access_subject(f.program), parts)
}

// credit.review
pub fn credit_review_subject(program: &str, amount: &str) -> String {
    format!("{program}: {amount} needs a decision")
}

pub const CREDIT_REVIEW: &str = "We couldn't confirm whether this credit reached the customer's Stripe balance. It is on \
    hold until you decide.";
pub const CREDIT: &str = "Credit";

fn credit_review_email(f: &MessageFields) -> Written {
    credit(f, credit_review_subject, CREDIT_REVIEW, DECIDE)
}

fn credit(f: &MessageFields, subject: fn(&str, &str) -> String, what: &'static str, view: &'static str) -> Written {
    let credit = text(f, "credit");
    let parts = vec![
        say(what),
        rows(vec![(CREDIT, credit.clone()), (PARTNER, text(f, "partner")), (REASON, text(f, "reason"))]),
        link(view, format!("/operator/payouts/{credit}")),
    ];
    (subject(f.program, &amount(f, "amount_cents")), parts)
}

// credit.failed
pub fn credit_failed_subject(program: &str, amount: &str) -> String {
    format!("{program}: {amount} could not be delivered")
}

pub const CREDIT_FAILED: &str =
    "Stripe refused to change the customer's balance. Fix the customer in Stripe; we retry every day.";
pub const VIEW_CREDIT: &str = "View this credit";

fn credit_failed_email(f: &MessageFields) -> Written {
    credit(f, credit_failed_subject, CREDIT_FAILED, VIEW_CREDIT)
}

// adjustment.approval
pub fn adjustment_subject(program: &str, amount: &str) -> String {
    format!("{program}: an adjustment of {amount} needs your approval")
}

pub const ADJUSTMENT: &str = "Another operator asked for an adjustment of a partner's balance. It is booked once a second operator approves it, \
    and lapses after 30 days.";
pub const ASKED_BY: &str = "Requested by";

fn adjustment_email(f: &MessageFields) -> Written {
    let parts = vec![
        say(ADJUSTMENT),
        rows(vec![
            (AMOUNT, amount(f, "amount_cents")),
            (PARTNER, f.partner.unwrap_or_default().to_owned()),
            (REASON, text(f, "reason")),
            (ASKED_BY, text(f, "actor")),
        ]),
        link(DECIDE, format!("/operator/adjustments/{}", text(f, "adjustment"))),
    ];
    (adjustment_subject(f.program, &amount(f, "amount_cents")), parts)
}

// review.opened
pub fn review_subject(program: &str, rule: &str) -> String {
    format!("{program}: a referral needs your review ({rule})")
}

pub const REVIEW_HOLDS: &str = "We opened a review. The account's earnings are on hold until you decide.";
pub const REVIEW_HOLDS_NOTHING: &str = "We opened a review. Nothing is on hold because of it.";
pub const REVIEW: &str = "Review";
pub const RULE: &str = "Rule";
pub const ACCOUNT: &str = "Account";
pub const INVOICE: &str = "Invoice";
pub const EVIDENCE: &str = "Evidence";

fn review_email(f: &MessageFields) -> Written {
    let holds = f.payload["holds"].as_i64() == Some(1);
    let parts = vec![
        say(if holds { REVIEW_HOLDS } else { REVIEW_HOLDS_NOTHING }),
        rows(vec![
            (REVIEW, text(f, "review")),
            (RULE, text(f, "rule")),
            (PARTNER, f.partner.unwrap_or_default().to_owned()),
            (ACCOUNT, f.account.unwrap_or_default().to_owned()),
            (INVOICE, text(f, "subject")),
            (EVIDENCE, text(f, "evidence")),
        ]),
        link(DECIDE, format!("/operator/reviews/{}", text(f, "review"))),
    ];
    (review_subject(f.program, &text(f, "rule")), parts)
}

// budget.low
pub fn budget_subject(program: &str) -> String {
    format!("{program}: the reward budget is low")
}

pub const BUDGET_LEFT: &str = "Budget left";
pub const BUDGET_THRESHOLD: &str = "Alert threshold";
pub const REWARDS_WAITING: &str = "Rewards waiting";
pub const ADD_FUNDS: &str = "Add funds";
pub const BUDGET: &str = "Rewards that the budget can't cover wait, in order, until you add funds.";

fn budget_email(f: &MessageFields) -> Written {
    let waiting = f.payload["waiting"].as_i64().unwrap_or_default();
    let facts = EmailPart::Table(vec![
        (BUDGET_LEFT, amount(f, "balance_cents")),
        (BUDGET_THRESHOLD, amount(f, "low_cents")),
        (REWARDS_WAITING, waiting.to_string()),
    ]);
    let funds = link(ADD_FUNDS, format!("/operator/programs/{}#budget", f.program_id));
    (budget_subject(f.program), vec![facts, say(BUDGET), funds])
}

// report.funnel
pub fn funnel_subject(program: &str, week: &str) -> String {
    format!("{program}: funnel report for {week}")
}

pub fn funnel(week: &str) -> String {
    format!("The funnel report for week {week} is ready, with one recommended action for each partner.")
}

pub const VIEW_REPORT: &str = "View the report";

fn funnel_email(f: &MessageFields) -> Written {
    let week = text(f, "week");
    let page = format!("/operator/funnel?program={}&week={week}", f.program_id);
    let parts = vec![say(funnel(&week)), link(VIEW_REPORT, page)];
    (funnel_subject(f.program, &week), parts)
}

// report.ledger
pub const LEDGER_SUBJECT: &str = "Ledger seal: keep this email";

pub const LEDGER: &str = "This is the seal of all programs' ledger entries so far. Keep it outside of Manicule: if someone \
    changes an old entry and seals the ledger again, only a seal that you kept shows it.";
pub const SEAL: &str = "Seal";
pub const SEALED_AT: &str = "Sealed at";
pub const VIEW_LEDGER: &str = "View the ledger";

fn ledger_email(f: &MessageFields) -> Written {
    let facts = rows(vec![(SEAL, text(f, "head")), (SEALED_AT, text(f, "sealed_at"))]);
    (LEDGER_SUBJECT.to_owned(), vec![say(LEDGER), facts, link(VIEW_LEDGER, "/operator/ledger".to_owned())])
}

// attribution.question
pub fn question_subject(program: &str) -> String {
    format!("{program}: a partner asks why an account isn't theirs")
}

pub const QUESTION: &str = "A partner looked up why an account was not credited to them, and has a question.";
pub const CODE: &str = "Code";
pub const LOOKED_UP: &str = "Looked up";
pub const MESSAGE: &str = "Message";
pub const ANSWERED: &str = "What the partner's page said:";
pub const REPLY: &str = "Read and reply";

fn question_email(f: &MessageFields) -> Written {
    let facts = rows(vec![
        (PARTNER, f.partner.unwrap_or_default().to_owned()),
        (CODE, text(f, "code")),
        (LOOKED_UP, text(f, "about")),
        (MESSAGE, text(f, "message")),
    ]);
    let mut parts = vec![say(QUESTION), facts, say(ANSWERED)];
    parts.extend(sentences(f, "answer"));
    parts.push(link(REPLY, format!("/operator/questions/{}", text(f, "question"))));
    (question_subject(f.program), parts)
}
