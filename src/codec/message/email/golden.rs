//! Emails as people read them, compared with `golden.txt`. `GOLDEN=write cargo test` rewrites the file.

use crate::base::time::UtcMillis;
use crate::codec::message::email::tests::payload;
use crate::codec::message::email::{Email, MessageFields, letter};
use crate::engine::message::{Audience, MessageType};
use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/codec/message/email/golden.txt");

fn adjustment() -> Value {
    let mut request = json!({"adjustment": "adj_1", "amount_cents": -50_000, "unit": "cash:usd"});
    (request["reason"], request["actor"]) = (json!("paid twice"), json!("operator:ada@corp.example"));
    request
}

/// Messages as they are queued: the type, what is special about it, and its payload.
fn messages() -> Vec<(MessageType, &'static str, Value)> {
    use MessageType::*;
    let earned = json!({"accrual_id": "acr_1", "unit": "cash:usd", "amount_cents": 5_800, "gross_cents": 5_800,
        "base_cents": 29_000, "rate_bps": 2_000, "state": "pending", "reward_id": "first-year"});
    let mut capped = earned.clone();
    capped["amount_cents"] = json!(5_000);
    capped["state"] = json!("available");
    let mut flat = earned.clone();
    (flat["base_cents"], flat["rate_bps"]) = (Value::Null, Value::Null);
    let statement = |payouts: &str, available: i64, payable: i64| {
        json!({"run": "run_1", "period": "2026-05", "unit": "cash:usd", "settled_cents": 5_800, "pending_cents": 1_200,
            "available_cents": available, "payable_cents": payable, "payouts": payouts})
    };
    let payout = |name: &str, value: Value| {
        let mut payload = json!({"payout": "po_1", "amount_cents": 12_345, "unit": "cash:usd", "period": "2026-05"});
        payload[name] = value;
        payload
    };
    let reason = || payout("reason", json!("account_closed: the account acct_1 was closed"));
    let run = json!({"run": "run_1", "payouts": 2, "amount_cents": 123_456, "unit": "cash:usd", "period": "2026-05"});
    let review = |holds: i64| json!({"review": "rev_1", "rule": "same_domain", "subject": "", "holds": holds, "evidence": "both use a.example"});
    vec![
        (ReferralJoined, "", json!({"signed_up_at_ms": 1_781_000_000_000_i64})),
        (AccrualCreated, "a share", earned),
        (AccrualCreated, "a share over a limit", capped),
        (AccrualCreated, "a flat amount", flat),
        (
            RewardGrantedReferrer,
            "",
            json!({"accrual_id": "acr_1", "unit": "credit:usd", "amount_cents": 5_000, "period": "2026-W24"}),
        ),
        (
            RewardGrantedReferee,
            "",
            json!({"accrual_id": "acr_1", "unit": "credit:usd", "amount_cents": 5_000, "period": "2026-W24"}),
        ),
        (StatementCommission, "to someone who can be paid", statement("ready", 5_800, 5_800)),
        (StatementCommission, "below the minimum", statement("ready", 1_000, 0)),
        (StatementCommission, "to someone who can't be paid yet", statement("setup", 5_800, 5_800)),
        (StatementCommission, "where nothing can be sent", statement("none", 5_800, 5_800)),
        (StatementCommission, "overdrawn", statement("setup", -500, 0)),
        (PayoutSent, "", payout("transfer", json!("tr_1"))),
        (PayoutFailed, "", reason()),
        (
            PayoutOnboarding,
            "",
            payout("due", json!(["external_account", "individual.dob.day", "individual.dob.month", "x.y_z"])),
        ),
        (PayoutApproval, "", run),
        (PayoutReview, "", reason()),
        (PayoutFunds, "", reason()),
        (PayoutAccess, "", payout("reason", json!("401 api_key_expired: Expired API Key"))),
        (CreditReview, "", credit()),
        (CreditFailed, "", credit()),
        (AdjustmentApproval, "", adjustment()),
        (ReviewOpened, "", review(1)),
        (ReviewOpened, "that holds nothing", review(0)),
        (BudgetLow, "", json!({"unit": "credit:usd", "balance_cents": 100, "low_cents": 25_000, "waiting": 3})),
        (
            ReportFunnel,
            "",
            json!({"week": "2026-W24", "version": 1, "report": "/v1/reports/funnel?program=p&week=2026-W24"}),
        ),
        (ReportLedger, "", sealed()),
        (AttributionQuestion, "", question()),
        (AttributionReply, "", question()),
    ]
}

fn sealed() -> Value {
    json!({"month": "2026-05", "head": format!("12:{}", "5e".repeat(32)), "sealed_at": "2026-06-01T05:50:00Z"})
}

fn credit() -> Value {
    json!({"credit": "crd_1", "accrual_id": "acr_1", "partner": "ptn_1", "amount_cents": 5_000, "unit": "credit:usd",
        "reason": "resource_missing: No such customer"})
}

fn question() -> Value {
    json!({
        "question": "que_1", "code": "SPRING", "about": "acme.example", "answer": ["Your link works.", "We found nothing of yours."],
        "message": "They told me that they used it.", "reply": "They typed another code."
    })
}

fn read(kind: MessageType, to: Audience, payload: &Value) -> Email {
    letter(&MessageFields {
        kind,
        to,
        program: "Agency partner",
        program_id: "agencies",
        site_name: "Inkwell",
        name: (to != Audience::Operator).then_some("Ann"),
        partner: Some("ptn_1"),
        account: Some("acct_1"),
        payload,
        benefit_bps: Some(2_000),
        site: "https://go.inkwell.example",
        unsubscribe: kind.is_optional().then_some("/unsubscribe?type=t&to=h&mac=m"),
        at: UtcMillis::parse("2026-06-15T09:00:00Z").expect("an instant"),
    })
}

fn emails() -> Vec<(MessageType, Audience, &'static str, Email)> {
    let each = |(kind, note, payload): (MessageType, &'static str, Value)| {
        kind.audiences().iter().map(move |to| (kind, *to, note, read(kind, *to, &payload))).collect::<Vec<_>>()
    };
    messages().into_iter().flat_map(each).collect()
}

#[test]
fn emails_read_as_reviewed() {
    let mut all = String::new();
    for (kind, to, note, email) in emails() {
        let note = if note.is_empty() { String::new() } else { format!(", {note}") };
        all.push_str(&format!("==== {kind} to {}{note}\nSubject: {}\n\n{}\n", to.name(), email.subject, email.text));
    }
    if std::env::var("GOLDEN").is_ok_and(|what| what == "write") {
        std::fs::write(FILE, &all).expect("the file can be written");
    }
    let reviewed = std::fs::read_to_string(FILE).unwrap_or_default();
    for (written, reviewed) in all.split("==== ").zip(reviewed.split("==== ")) {
        assert_eq!(written, reviewed);
    }
    assert_eq!(all.len(), reviewed.len());
}

#[test]
fn every_email_names_the_site_and_links_to_a_page() {
    let general = payload("2026-06");
    let all = MessageType::emailed().map(|(kind, to)| (kind, to, "in general", read(kind, to, &general)));
    for (kind, to, note, email) in all.chain(emails()) {
        assert!(email.text.contains("Inkwell"), "{kind} {note}: {}", email.text);
        let pages = match to {
            Audience::Partner => "https://go.inkwell.example/partner/",
            Audience::Operator => "https://go.inkwell.example/operator/",
            Audience::Account => "",
        };
        assert!(email.text.contains(pages) && !email.text.contains("/v1/"), "{kind} {note}: {}", email.text);
        if to != Audience::Operator {
            for secret in ["acct_", "account_closed", "external_account", "dob", "x.y_z"] {
                assert!(!email.text.contains(secret) && !email.html.contains(secret), "{kind}: {}", email.text);
            }
        }
    }
}

#[test]
fn what_is_payable_is_named_only_if_it_can_be_sent() {
    for (kind, _, note, email) in emails().into_iter().filter(|(kind, ..)| *kind == MessageType::StatementCommission) {
        let is_named = email.text.contains(crate::codec::message::email::words::partner::PAYABLE);
        assert_eq!(
            is_named,
            ["to someone who can be paid", "below the minimum"].contains(&note),
            "{kind}: {}",
            email.text
        );
    }
}
