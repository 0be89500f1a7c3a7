//! What each email is made of: its text by key, and the message's fields. The caller lays it out and escapes it.

use crate::base::time::UtcMillis;
use crate::codec::message::email::fields::MessageFields;
use crate::codec::message::email::money::{instant, money, percent};
use crate::codec::message::email::render::EmailPart;
use crate::codec::message::email::text::{account, operator, partner, shared};
use crate::engine::message::{Audience, MessageType};
use serde_json::Value;

/// Longest name used in a greeting.
const NAME_CHARS_MAX: usize = 60;

/// Subject and body.
type Written = (String, Vec<EmailPart>);

/// Subject and body.
pub fn of(f: &MessageFields) -> Written {
    match f.kind {
        MessageType::ReferralJoined => joined(f),
        MessageType::RewardGrantedReferrer => rewarded(f),
        MessageType::RewardGrantedReferee => referee(f),
        MessageType::StatementCommission => statement(f),
        MessageType::PayoutSent => sent(f),
        MessageType::PayoutFailed => failed(f),
        MessageType::PayoutOnboarding => onboarding(f),
        MessageType::PayoutApproval => approval(f),
        MessageType::PayoutReview => payout_review(f),
        MessageType::PayoutFunds => funds(f),
        MessageType::PayoutAccess => access(f),
        MessageType::TransferUnexpected => transfer_unexpected(f),
        MessageType::CreditReview => credit_review(f),
        MessageType::CreditFailed => credit_failed(f),
        MessageType::ReviewOpened => review(f),
        MessageType::BudgetLow => budget(f),
        MessageType::ReportFunnel => funnel(f),
        MessageType::RewardReversed => (shared::untitled(f.program, f.kind.name()), Vec::new()),
    }
}

/// Greets by name, unless the name looks like a web or email address.
pub fn greeting(name: Option<&str>) -> String {
    let plain = |n: &&str| {
        !n.contains("://") && !n.contains('@') && !n.to_ascii_lowercase().contains("www.") && !n.contains('/')
    };
    match name.map(str::trim).filter(|n| !n.is_empty() && n.chars().count() <= NAME_CHARS_MAX).filter(plain) {
        Some(name) => shared::hello(name),
        None => shared::HELLO.to_owned(),
    }
}

/// Why the reader receives the email.
pub fn why(f: &MessageFields) -> String {
    match f.to {
        Audience::Partner => partner::why(f.program),
        Audience::Account => account::why(f.program),
        Audience::Operator => operator::why(f.program),
    }
}

fn joined(f: &MessageFields) -> Written {
    let at = UtcMillis(f.payload["signed_up_at_ms"].as_i64().unwrap_or(f.at.0));
    let parts = vec![
        say(partner::JOINED),
        EmailPart::Table(vec![(partner::SIGNED_UP, instant(at))]),
        say(partner::JOINED_TERMS),
    ];
    (partner::joined_subject(f.program), parts)
}

fn rewarded(f: &MessageFields) -> Written {
    let facts = rows(vec![
        (partner::REWARD, amount(f, "amount_cents")),
        (partner::AWARDED, instant(f.at)),
        (partner::PERIOD, text(f, "period")),
    ]);
    (partner::rewarded_subject(&amount(f, "amount_cents"), f.program), vec![say(partner::REWARDED), facts])
}

fn referee(f: &MessageFields) -> Written {
    let mut parts = vec![say(account::referrer_rewarded(&amount(f, "amount_cents")))];
    parts.extend(f.benefit_bps.map(|bps| say(account::benefit(&percent(bps)))));
    (account::thanks(f.program), parts)
}

fn statement(f: &MessageFields) -> Written {
    let period = text(f, "period");
    let cents = |name: &str| f.payload[name].as_i64().unwrap_or_default();
    let mut parts = vec![
        say(partner::statement(f.program, &period)),
        EmailPart::Table(vec![
            (partner::VESTED, amount(f, "settled_cents")),
            (partner::PENDING, amount(f, "pending_cents")),
            (partner::AVAILABLE, amount(f, "available_cents")),
            (partner::PAYABLE, amount(f, "payable_cents")),
        ]),
    ];
    if cents("available_cents") < 0 {
        parts.push(say(partner::OVERDRAWN));
    } else if cents("payable_cents") == 0 && cents("available_cents") > 0 {
        parts.push(say(partner::CARRIED_FORWARD));
    }
    parts.push(link(partner::YOUR_EARNINGS, "/partner/earnings".to_owned()));
    (partner::statement_subject(f.program, &period), parts)
}

fn sent(f: &MessageFields) -> Written {
    let parts = vec![
        say(partner::sent(f.program)),
        rows(vec![
            (partner::AMOUNT, amount(f, "amount_cents")),
            (partner::FOR, text(f, "period")),
            (partner::SENT, instant(f.at)),
            (partner::TRANSFER, text(f, "transfer")),
        ]),
        say(partner::SENT_SCHEDULE),
        link(partner::YOUR_PAYOUTS, "/partner/payouts".to_owned()),
    ];
    (partner::sent_subject(&amount(f, "amount_cents")), parts)
}

fn failed(f: &MessageFields) -> Written {
    let facts = rows(vec![
        (partner::AMOUNT, amount(f, "amount_cents")),
        (partner::FOR, text(f, "period")),
        (partner::REASON, text(f, "reason")),
    ]);
    (partner::failed_subject(&amount(f, "amount_cents")), vec![say(partner::failed(f.program)), facts])
}

fn onboarding(f: &MessageFields) -> Written {
    let due: Vec<&str> = f.payload["due"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let waiting = amount(f, "amount_cents");
    let parts = vec![
        say(partner::onboarding(&waiting, f.program)),
        rows(vec![(partner::WAITING, waiting.clone()), (partner::STILL_NEEDED, due.join(", "))]),
        link(partner::SET_UP_PAYOUTS, "/partner/payouts/setup".to_owned()),
    ];
    (partner::onboarding_subject(&waiting), parts)
}

fn approval(f: &MessageFields) -> Written {
    let run = text(f, "run");
    let payouts = f.payload["payouts"].as_i64().unwrap_or_default();
    let parts = vec![
        say(operator::APPROVAL),
        rows(vec![
            (operator::RUN, run.clone()),
            (operator::FOR, text(f, "period")),
            (operator::PAYOUTS, payouts.to_string()),
            (operator::TOTAL, amount(f, "amount_cents")),
        ]),
        link(operator::APPROVE, format!("/operator/runs/{run}")),
    ];
    (operator::approval_subject(f.program, &amount(f, "amount_cents")), parts)
}

fn payout_review(f: &MessageFields) -> Written {
    let payout = text(f, "payout");
    let parts = vec![
        say(operator::PAYOUT_REVIEW),
        rows(vec![
            (operator::PAYOUT, payout.clone()),
            (operator::AMOUNT, amount(f, "amount_cents")),
            (operator::FOR, text(f, "period")),
            (operator::FINDING, text(f, "reason")),
        ]),
        link(operator::DECIDE, format!("/operator/payouts/{payout}")),
    ];
    (operator::payout_review_subject(f.program, &amount(f, "amount_cents")), parts)
}

fn transfer_unexpected(f: &MessageFields) -> Written {
    let parts = vec![
        say(operator::TRANSFER_UNEXPECTED),
        rows(vec![
            (operator::TRANSFER, text(f, "transfer")),
            (operator::AMOUNT, amount(f, "amount_cents")),
            (operator::TO_ACCOUNT, text(f, "destination")),
        ]),
        link(operator::DECIDE, "/operator/transfers".to_owned()),
    ];
    (operator::transfer_unexpected_subject(f.program, &amount(f, "amount_cents")), parts)
}

fn funds(f: &MessageFields) -> Written {
    let parts = vec![
        say(operator::FUNDS),
        rows(vec![(operator::FIRST_WAITING, amount(f, "amount_cents")), (operator::STRIPE_MESSAGE, text(f, "reason"))]),
        link(operator::VIEW_WAITING, "/operator/payouts?state=planned".to_owned()),
    ];
    (operator::funds_subject(f.program), parts)
}

fn access(f: &MessageFields) -> Written {
    let parts = vec![say(operator::ACCESS), rows(vec![(operator::STRIPE_MESSAGE, text(f, "reason"))])];
    (operator::access_subject(f.program), parts)
}

fn credit_review(f: &MessageFields) -> Written {
    let parts = vec![
        say(operator::CREDIT_REVIEW),
        rows(vec![(operator::CREDIT, text(f, "credit")), (operator::REASON, text(f, "reason"))]),
        link(operator::VIEW_CREDITS_REVIEWED, "/v1/credits/deliveries?state=review".to_owned()),
    ];
    (operator::credit_review_subject(f.program, &amount(f, "amount_cents")), parts)
}

fn credit_failed(f: &MessageFields) -> Written {
    let parts = vec![
        say(operator::CREDIT_FAILED),
        rows(vec![
            (operator::CREDIT, text(f, "credit")),
            (operator::PARTNER, text(f, "partner")),
            (operator::STRIPE_MESSAGE, text(f, "reason")),
        ]),
        link(operator::VIEW_CREDITS_FAILED, "/v1/credits/deliveries?state=failed".to_owned()),
    ];
    (operator::credit_failed_subject(f.program, &amount(f, "amount_cents")), parts)
}

fn review(f: &MessageFields) -> Written {
    let holds = f.payload["holds"].as_i64() == Some(1);
    let parts = vec![
        say(if holds { operator::REVIEW_HOLDS } else { operator::REVIEW_HOLDS_NOTHING }),
        rows(vec![
            (operator::REVIEW, text(f, "review")),
            (operator::RULE, text(f, "rule")),
            (operator::PARTNER, f.partner.unwrap_or_default().to_owned()),
            (operator::ACCOUNT, f.account.unwrap_or_default().to_owned()),
            (operator::INVOICE, text(f, "subject")),
            (operator::EVIDENCE, text(f, "evidence")),
        ]),
        link(operator::DECIDE, format!("/operator/reviews/{}", text(f, "review"))),
    ];
    (operator::review_subject(f.program, &text(f, "rule")), parts)
}

fn budget(f: &MessageFields) -> Written {
    let waiting = f.payload["waiting"].as_i64().unwrap_or_default();
    let facts = EmailPart::Table(vec![
        (operator::BUDGET_LEFT, amount(f, "balance_cents")),
        (operator::BUDGET_THRESHOLD, amount(f, "low_cents")),
        (operator::REWARDS_WAITING, waiting.to_string()),
    ]);
    (operator::budget_subject(f.program), vec![facts, say(operator::BUDGET)])
}

fn funnel(f: &MessageFields) -> Written {
    let week = text(f, "week");
    // The message links the API's report; people get the page.
    let page = text(f, "report").replacen("/v1/reports/funnel", "/operator/funnel", 1);
    let parts = vec![say(operator::funnel(&week)), link(operator::VIEW_REPORT, page)];
    (operator::funnel_subject(f.program, &week), parts)
}

fn say(words: impl Into<String>) -> EmailPart {
    EmailPart::Say(words.into())
}

/// A link to a path on this site. Anything else leads to the home page.
fn link(name: &'static str, path: String) -> EmailPart {
    let ours = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    EmailPart::Link(name, if ours { path } else { "/".to_owned() })
}

/// A table of the rows that aren't empty.
fn rows(all: Vec<(&'static str, String)>) -> EmailPart {
    EmailPart::Table(all.into_iter().filter(|(_, value)| !value.is_empty()).collect())
}

fn amount(f: &MessageFields, name: &str) -> String {
    money(f.payload[name].as_i64().unwrap_or_default(), f.payload["unit"].as_str().unwrap_or_default())
}

fn text(f: &MessageFields, name: &str) -> String {
    f.payload[name].as_str().unwrap_or_default().to_owned()
}
