//! What each email says, as plain words. The caller lays them out and escapes them.

use crate::base::time::UtcMillis;
use crate::codec::message::email::money::{instant, money, percent};
use crate::codec::message::email::{Audience, EmailPart, MessageFields};
use serde_json::Value;

/// Longest name used in a greeting.
const NAME_CHARS_MAX: usize = 60;

/// Subject and body.
pub fn of(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let p = f.program;
    match f.kind.name {
        "referral.joined" => joined(f),
        "reward.granted.referrer" => (
            format!("You earned {} with {p}", amount(f, "amount_cents")),
            vec![
                EmailPart::Say("Someone you referred has earned you a reward.".to_owned()),
                EmailPart::Table(rows(vec![
                    ("Reward", amount(f, "amount_cents")),
                    ("Awarded", instant(f.at)),
                    ("Period", text(f, "period")),
                ])),
            ],
        ),
        "reward.granted.referee" => referee(f),
        "statement.commission" => statement(f),
        "payout.sent" => (
            format!("{} is on its way to you", amount(f, "amount_cents")),
            vec![
                EmailPart::Say(format!("Your payout from {p} has been sent to your connected account.")),
                EmailPart::Table(rows(vec![
                    ("Amount", amount(f, "amount_cents")),
                    ("For", text(f, "period")),
                    ("Sent", instant(f.at)),
                    ("Transfer", text(f, "transfer")),
                ])),
                EmailPart::Say("It will reach your bank on your connected account's payout schedule.".to_owned()),
                link("Your payouts", "/partner/payouts".to_owned()),
            ],
        ),
        "payout.failed" => (
            format!("Your payout of {} did not go through", amount(f, "amount_cents")),
            vec![
                EmailPart::Say(format!(
                    "Your payout from {p} could not be sent. The money is still yours, and we're looking into it."
                )),
                EmailPart::Table(rows(vec![
                    ("Amount", amount(f, "amount_cents")),
                    ("For", text(f, "period")),
                    ("Reason", text(f, "reason")),
                ])),
            ],
        ),
        "payout.onboarding" => onboarding(f),
        "payout.approval" => approval(f),
        "payout.review" => undecided(f),
        "payout.funds" => (
            format!("{p}: payouts are waiting for funds in Stripe"),
            vec![
                EmailPart::Say(
                    "Your Stripe balance is too low to cover the payouts that are due. Add funds in Stripe; we retry \
                     every few hours."
                        .to_owned(),
                ),
                EmailPart::Table(rows(vec![
                    ("First payout waiting", amount(f, "amount_cents")),
                    ("Stripe's message", text(f, "reason")),
                ])),
                link("View waiting payouts", "/operator/payouts?state=planned".to_owned()),
            ],
        ),
        "payout.access" => (
            format!("{p}: Stripe rejected the API key"),
            vec![
                EmailPart::Say(
                    "Stripe rejected STRIPE_API_KEY, so no payouts can be sent. Nothing is lost: payouts that are due go \
                     out automatically once the key works."
                        .to_owned(),
                ),
                EmailPart::Table(rows(vec![("Stripe's message", text(f, "reason"))])),
            ],
        ),
        "credit.review" => (
            format!("{p}: a credit of {} needs a decision", amount(f, "amount_cents")),
            vec![
                EmailPart::Say(
                    "We couldn't confirm whether this credit reached the customer's Stripe balance. It is on hold until \
                     you decide."
                        .to_owned(),
                ),
                EmailPart::Table(rows(vec![("Credit", text(f, "credit")), ("Reason", text(f, "reason"))])),
                link("View credits under review", "/v1/credits/deliveries?state=review".to_owned()),
            ],
        ),
        "credit.failed" => (
            format!("{p}: a credit of {} could not be delivered", amount(f, "amount_cents")),
            vec![
                EmailPart::Say(
                    "Stripe refused to change the customer's balance. Fix the customer in Stripe; we retry every day."
                        .to_owned(),
                ),
                EmailPart::Table(rows(vec![
                    ("Credit", text(f, "credit")),
                    ("Partner", text(f, "partner")),
                    ("Stripe's message", text(f, "reason")),
                ])),
                link("View failed credits", "/v1/credits/deliveries?state=failed".to_owned()),
            ],
        ),
        "review.opened" => review(f),
        "budget.low" => budget(f),
        "report.funnel" => (
            format!("{p}: funnel report for {}", text(f, "week")),
            vec![
                EmailPart::Say(format!(
                    "The funnel report for week {} is ready, with one recommended action for each partner.",
                    text(f, "week")
                )),
                // The message links the API's report; people get the page.
                link("View the report", text(f, "report").replacen("/v1/reports/funnel", "/operator/funnel", 1)),
            ],
        ),
        other => (format!("{p}: {other}"), Vec::new()),
    }
}

/// Greets by name, unless the name looks like a web or email address.
pub fn greeting(name: Option<&str>) -> String {
    let plain = |n: &&str| {
        !n.contains("://") && !n.contains('@') && !n.to_ascii_lowercase().contains("www.") && !n.contains('/')
    };
    match name.map(str::trim).filter(|n| !n.is_empty() && n.chars().count() <= NAME_CHARS_MAX).filter(plain) {
        Some(name) => format!("Hello {name},"),
        None => "Hello,".to_owned(),
    }
}

/// Why the reader receives the email.
pub fn why(f: &MessageFields) -> String {
    match f.kind.to {
        Audience::Partner => format!("You're receiving this email because you're a partner in {}.", f.program),
        Audience::Account => {
            format!("You're receiving this email because you signed up through a {} referral.", f.program)
        }
        Audience::Operator => format!("You're receiving this email because you're an operator of {}.", f.program),
    }
}

fn joined(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let at = UtcMillis(f.payload["signed_up_at_ms"].as_i64().unwrap_or(f.at.0));
    (
        format!("{}: someone signed up with your link", f.program),
        vec![
            EmailPart::Say("Someone signed up with your link.".to_owned()),
            EmailPart::Table(vec![("Signed up", instant(at))]),
            EmailPart::Say(
                "The program's terms say what you earn and when. We'll email you when you earn a reward.".to_owned(),
            ),
        ],
    )
}

fn referee(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let mut parts = vec![EmailPart::Say(format!(
        "Someone referred you to us, and they have now received a reward of {}.",
        amount(f, "amount_cents")
    ))];
    parts.extend(f.benefit_bps.map(|bps| EmailPart::Say(format!("You get {} off your first invoice.", percent(bps)))));
    (format!("Thank you for joining through {}", f.program), parts)
}

fn statement(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let period = text(f, "period");
    let cents = |name: &str| f.payload[name].as_i64().unwrap_or_default();
    let mut parts = vec![
        EmailPart::Say(format!("Your {} statement for {period}:", f.program)),
        EmailPart::Table(vec![
            ("Vested this period", amount(f, "settled_cents")),
            ("Still pending", amount(f, "pending_cents")),
            ("Available", amount(f, "available_cents")),
            ("Ready to pay out", amount(f, "payable_cents")),
        ]),
    ];
    if cents("available_cents") < 0 {
        parts.push(EmailPart::Say(
            "Refunds and disputes exceeded your available balance. Your next earnings will make up the difference."
                .to_owned(),
        ));
    } else if cents("payable_cents") == 0 && cents("available_cents") > 0 {
        parts.push(EmailPart::Say(
            "The balance that can't be paid out yet carries forward to the next statement.".to_owned(),
        ));
    }
    parts.push(link("Your earnings", "/partner/earnings".to_owned()));
    (format!("Your {} statement for {period}", f.program), parts)
}

fn onboarding(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let due: Vec<&str> = f.payload["due"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut parts = vec![
        EmailPart::Say(format!(
            "You have {} from {} waiting. Finish setting up your payout account so that we can send it.",
            amount(f, "amount_cents"),
            f.program
        )),
        EmailPart::Table(rows(vec![("Waiting", amount(f, "amount_cents")), ("Still needed", due.join(", "))])),
    ];
    parts.push(link("Set up payouts", "/partner/payouts/setup".to_owned()));
    (format!("Set up payouts to receive {}", amount(f, "amount_cents")), parts)
}

fn approval(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let run = text(f, "run");
    let payouts = f.payload["payouts"].as_i64().unwrap_or_default();
    (
        format!("{}: payouts of {} need your approval", f.program, amount(f, "amount_cents")),
        vec![
            EmailPart::Say("A run's payouts are ready. None will be sent until you approve them.".to_owned()),
            EmailPart::Table(rows(vec![
                ("Run", run.clone()),
                ("For", text(f, "period")),
                ("Payouts", payouts.to_string()),
                ("Total", amount(f, "amount_cents")),
            ])),
            link("Review and approve", format!("/operator/runs/{run}")),
        ],
    )
}

fn undecided(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let payout = text(f, "payout");
    (
        format!("{}: a payout of {} needs your review", f.program, amount(f, "amount_cents")),
        vec![
            EmailPart::Say(
                "Stripe's records don't match the payout we requested. We won't send anything more for it until you decide."
                    .to_owned(),
            ),
            EmailPart::Table(rows(vec![
                ("Payout", payout.clone()),
                ("Amount", amount(f, "amount_cents")),
                ("For", text(f, "period")),
                ("Finding", text(f, "reason")),
            ])),
            link("Review and decide", format!("/operator/payouts/{payout}")),
        ],
    )
}

fn review(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let holds = f.payload["holds"].as_i64() == Some(1);
    let what = if holds {
        "The account's earnings are on hold until you decide."
    } else {
        "Nothing is on hold because of it."
    };
    (
        format!("{}: a referral needs your review ({})", f.program, text(f, "rule")),
        vec![
            EmailPart::Say(format!("We opened a review. {what}")),
            EmailPart::Table(rows(vec![
                ("Review", text(f, "review")),
                ("Rule", text(f, "rule")),
                ("Partner", f.partner.unwrap_or_default().to_owned()),
                ("Account", f.account.unwrap_or_default().to_owned()),
                ("Invoice", text(f, "subject")),
                ("Evidence", text(f, "evidence")),
            ])),
            link("Review and decide", format!("/operator/reviews/{}", text(f, "review"))),
        ],
    )
}

fn budget(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let waiting = f.payload["waiting"].as_i64().unwrap_or_default();
    let mut parts = vec![EmailPart::Table(vec![
        ("Budget left", amount(f, "balance_cents")),
        ("Alert threshold", amount(f, "low_cents")),
        ("Rewards waiting", waiting.to_string()),
    ])];
    parts.push(EmailPart::Say("Rewards that the budget can't cover wait, in order, until you add funds.".to_owned()));
    (format!("{}: the reward budget is low", f.program), parts)
}

/// A link to a path on this site. Anything else leads to the home page.
fn link(name: &'static str, path: String) -> EmailPart {
    let ours = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    EmailPart::Link(name, if ours { path } else { "/".to_owned() })
}

/// The rows that aren't empty.
fn rows(all: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn amount(f: &MessageFields, name: &str) -> String {
    money(f.payload[name].as_i64().unwrap_or_default(), f.payload["unit"].as_str().unwrap_or_default())
}

fn text(f: &MessageFields, name: &str) -> String {
    f.payload[name].as_str().unwrap_or_default().to_owned()
}
