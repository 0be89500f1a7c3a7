//! What each kind of mail says. Plain words: how they are written, and escaped, is the caller's.

use crate::base::time::UtcMillis;
use crate::codec::message::email::money::{instant, money, percent};
use crate::codec::message::email::{Audience, EmailPart, MessageFields};
use serde_json::Value;

/// Longest name that is greeted by.
const NAME_CHARS_MAX: usize = 60;

/// Subject and body.
pub fn of(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let p = f.program;
    match f.kind.name {
        "referral.joined" => joined(f),
        "reward.granted.referrer" => (
            format!("You earned {} with {p}", amount(f, "amount_cents")),
            vec![
                EmailPart::Say("Somebody whom you referred has earned you a reward.".to_owned()),
                EmailPart::Table(rows(vec![
                    ("Reward", amount(f, "amount_cents")),
                    ("Granted", instant(f.at)),
                    ("Period", text(f, "period")),
                ])),
            ],
        ),
        "reward.granted.referee" => referee(f),
        "statement.commission" => statement(f),
        "payout.sent" => (
            format!("{} is on its way to you", amount(f, "amount_cents")),
            vec![
                EmailPart::Say(format!("Your payout of {p} has been sent to your connected account.")),
                EmailPart::Table(rows(vec![
                    ("Amount", amount(f, "amount_cents")),
                    ("For", text(f, "period")),
                    ("Sent", instant(f.at)),
                    ("Transfer", text(f, "transfer")),
                ])),
                EmailPart::Say("It reaches your bank on the schedule of your connected account.".to_owned()),
                link("Your payouts", "/partner/payouts".to_owned()),
            ],
        ),
        "payout.failed" => (
            format!("Your payout of {} did not go through", amount(f, "amount_cents")),
            vec![
                EmailPart::Say(format!(
                    "Your payout of {p} could not be sent. The money is still yours, and we look into it."
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
            format!("{p}: payouts wait for money at Stripe"),
            vec![
                EmailPart::Say(
                    "Your balance at Stripe is too small for what is due. It is tried again every few hours, so topping \
                     it up is all there is to do."
                        .to_owned(),
                ),
                EmailPart::Table(rows(vec![
                    ("The first that waits", amount(f, "amount_cents")),
                    ("Stripe says", text(f, "reason")),
                ])),
                link("Payouts that wait", "/operator/payouts?state=planned".to_owned()),
            ],
        ),
        "payout.access" => (
            format!("{p}: Stripe does not take the API key"),
            vec![
                EmailPart::Say(
                    "Stripe refuses STRIPE_API_KEY, so no payout leaves. Nothing is lost: what is due goes by itself once \
                     the key is right."
                        .to_owned(),
                ),
                EmailPart::Table(rows(vec![("Stripe says", text(f, "reason"))])),
            ],
        ),
        "credit.review" => (
            format!("{p}: a credit of {} needs a decision", amount(f, "amount_cents")),
            vec![
                EmailPart::Say(
                    "Nobody can say by machine whether this credit is on the customer's balance at Stripe. It waits until \
                     somebody has looked."
                        .to_owned(),
                ),
                EmailPart::Table(rows(vec![("Credit", text(f, "credit")), ("Reason", text(f, "reason"))])),
                link("Credits under review", "/v1/credits/deliveries?state=review".to_owned()),
            ],
        ),
        "credit.failed" => (
            format!("{p}: a credit of {} could not be delivered", amount(f, "amount_cents")),
            vec![
                EmailPart::Say(
                    "Stripe refused to change the customer's balance. It is tried again every day, so setting the customer \
                     right is all there is to do."
                        .to_owned(),
                ),
                EmailPart::Table(rows(vec![
                    ("Credit", text(f, "credit")),
                    ("Partner", text(f, "partner")),
                    ("Stripe says", text(f, "reason")),
                ])),
                link("Credits that were refused", "/v1/credits/deliveries?state=failed".to_owned()),
            ],
        ),
        "review.opened" => review(f),
        "pool.low" => pool(f),
        "report.funnel" => (
            format!("Funnel report of {p}, {}", text(f, "week")),
            vec![
                EmailPart::Say(format!(
                    "The report of the week {} is ready, with one action proposed for each partner.",
                    text(f, "week")
                )),
                // The message names the report that programs read; people get the page of the same.
                link("The report", text(f, "report").replacen("/v1/reports/funnel", "/operator/funnel", 1)),
            ],
        ),
        other => (format!("{p}: {other}"), Vec::new()),
    }
}

/// A name that reads like an address is no greeting.
pub fn greeting(name: Option<&str>) -> String {
    let plain = |n: &&str| {
        !n.contains("://") && !n.contains('@') && !n.to_ascii_lowercase().contains("www.") && !n.contains('/')
    };
    match name.map(str::trim).filter(|n| !n.is_empty() && n.chars().count() <= NAME_CHARS_MAX).filter(plain) {
        Some(name) => format!("Hello {name},"),
        None => "Hello,".to_owned(),
    }
}

/// Why the reader gets this.
pub fn why(f: &MessageFields) -> String {
    match f.kind.to {
        Audience::Partner => format!("You get this because you are a partner of {}.", f.program),
        Audience::Account => format!("You get this because you came through a recommendation of {}.", f.program),
        Audience::Operator => format!("You get this because you operate {}.", f.program),
    }
}

fn joined(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let at = UtcMillis(f.payload["signed_up_at_ms"].as_i64().unwrap_or(f.at.0));
    (
        format!("A referral of yours has joined {}", f.program),
        vec![
            EmailPart::Say("Somebody signed up through you.".to_owned()),
            EmailPart::Table(vec![("Signed up", instant(at))]),
            EmailPart::Say(
                "What it earns you, and when, is what the program's terms say; you will hear from us.".to_owned(),
            ),
        ],
    )
}

fn referee(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let mut parts = vec![EmailPart::Say(format!(
        "You came to us through a recommendation, and whoever recommended us was thanked with {}.",
        amount(f, "amount_cents")
    ))];
    parts.extend(
        f.benefit_bps
            .map(|bps| EmailPart::Say(format!("Your own part of it: {} off your first invoice.", percent(bps)))),
    );
    (format!("Thank you for joining through {}", f.program), parts)
}

fn statement(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let period = text(f, "period");
    let cents = |name: &str| f.payload[name].as_i64().unwrap_or_default();
    let mut parts = vec![
        EmailPart::Say(format!("Your statement of {} for {period}:", f.program)),
        EmailPart::Table(vec![
            ("Vested in this run", amount(f, "settled_cents")),
            ("Still pending", amount(f, "pending_cents")),
            ("Available", amount(f, "available_cents")),
            ("Payable now", amount(f, "payable_cents")),
        ]),
    ];
    if cents("available_cents") < 0 {
        parts.push(EmailPart::Say(
            "More was taken back than was available: what you earn next makes up for it.".to_owned(),
        ));
    } else if cents("payable_cents") == 0 && cents("available_cents") > 0 {
        parts.push(EmailPart::Say("What is not payable yet is carried forward to the next run.".to_owned()));
    }
    parts.push(link("Your earnings", "/partner/earnings".to_owned()));
    (format!("Your {} statement for {period}", f.program), parts)
}

fn onboarding(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let due: Vec<&str> = f.payload["due"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut parts = vec![
        EmailPart::Say(format!(
            "{} of {} waits for you, and cannot be sent before your payout account is complete.",
            amount(f, "amount_cents"),
            f.program
        )),
        EmailPart::Table(rows(vec![("Waiting", amount(f, "amount_cents")), ("Still needed", due.join(", "))])),
    ];
    parts.push(link("Complete your payout account", "/partner/payouts/setup".to_owned()));
    (format!("{} waits for your payout details", amount(f, "amount_cents")), parts)
}

fn approval(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let run = text(f, "run");
    let payouts = f.payload["payouts"].as_i64().unwrap_or_default();
    (
        format!("{}: payouts of {} wait for your approval", f.program, amount(f, "amount_cents")),
        vec![
            EmailPart::Say("The payouts of a run wait for your approval. None of them leaves before.".to_owned()),
            EmailPart::Table(rows(vec![
                ("Run", run.clone()),
                ("For", text(f, "period")),
                ("Payouts", payouts.to_string()),
                ("Together", amount(f, "amount_cents")),
            ])),
            link("Look at them and approve", format!("/operator/runs/{run}")),
        ],
    )
}

fn undecided(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let payout = text(f, "payout");
    (
        format!("{}: a payout of {} to look at", f.program, amount(f, "amount_cents")),
        vec![
            EmailPart::Say(
                "What Stripe has and what was asked for do not agree, so nothing more is sent until you have decided."
                    .to_owned(),
            ),
            EmailPart::Table(rows(vec![
                ("Payout", payout.clone()),
                ("Amount", amount(f, "amount_cents")),
                ("For", text(f, "period")),
                ("What was found", text(f, "reason")),
            ])),
            link("Look at it and decide", format!("/operator/payouts/{payout}")),
        ],
    )
}

fn review(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let holds = f.payload["holds"].as_i64() == Some(1);
    let what =
        if holds { "What the account earns is held until it is decided." } else { "Nothing is held because of it." };
    (
        format!("{}: a referral to look at ({})", f.program, text(f, "rule")),
        vec![
            EmailPart::Say(format!("A review was opened. {what}")),
            EmailPart::Table(rows(vec![
                ("Review", text(f, "review")),
                ("Rule", text(f, "rule")),
                ("Partner", f.partner.unwrap_or_default().to_owned()),
                ("Account", f.account.unwrap_or_default().to_owned()),
                ("Invoice", text(f, "subject")),
                ("Evidence", text(f, "evidence")),
            ])),
            link("Look at it and decide", format!("/operator/reviews/{}", text(f, "review"))),
        ],
    )
}

fn pool(f: &MessageFields) -> (String, Vec<EmailPart>) {
    let waiting = f.payload["waiting"].as_i64().unwrap_or_default();
    let mut parts = vec![EmailPart::Table(vec![
        ("In the pool", amount(f, "balance_cents")),
        ("Low below", amount(f, "low_cents")),
        ("Rewards waiting", waiting.to_string()),
    ])];
    parts.push(EmailPart::Say("Rewards that it cannot cover wait, in their order, until it is funded.".to_owned()));
    (format!("The credit pool of {} is low", f.program), parts)
}

/// A path of ours. What is none leads to the site's front.
fn link(name: &'static str, path: String) -> EmailPart {
    let ours = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    EmailPart::Link(name, if ours { path } else { "/".to_owned() })
}

/// The rows that have something in them.
fn rows(all: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn amount(f: &MessageFields, name: &str) -> String {
    money(f.payload[name].as_i64().unwrap_or_default(), f.payload["unit"].as_str().unwrap_or_default())
}

fn text(f: &MessageFields, name: &str) -> String {
    f.payload[name].as_str().unwrap_or_default().to_owned()
}
