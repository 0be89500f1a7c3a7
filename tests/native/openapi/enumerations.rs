//! Every enumeration of `openapi.json` has the values of the type, the constraint or the parser that it comes from.

use crate::support::openapi::document;
use crate::support::world::at;
use manicule::codec::event::emdash::FORM_KINDS;
use manicule::codec::json::Invalid;
use manicule::codec::operator;
use manicule::engine::accrual::AccrualState;
use manicule::engine::accrual::payment::{ON_ITS_WAY, PAID};
use manicule::engine::attribution::reason::LossReason;
use manicule::engine::funnel::Place;
use manicule::engine::funnel::advice::{ActionKind, TaskKind};
use manicule::engine::ledger::seal::{HeadResult, SealFault};
use manicule::engine::message::MessageType;
use manicule::engine::payout::{OutboundTransfer, PayoutState, TransferKind};
use manicule::http::credit::credits;
use manicule::http::payout::payouts;
use manicule::program::document::Method;
use manicule::program::settlement::{BenefitOn, Cadence, Delivery, Unit};
use manicule::service::payout::send::approval_name;
use manicule::service::payout::state_name;
use manicule::service::setup::PayoutApproval;
use manicule::store::message::outbox::MessageState;
use manicule::store::report::payout::{paid_entry_page, run_carried_sums};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) type Names = BTreeSet<String>;

/// All variants of an enum. A variant that is missing here does not compile.
macro_rules! variants {
    ($kind:ident: $($variant:ident),+) => {{
        let complete = |value: $kind| match value { $($kind::$variant => value),+ };
        [$($kind::$variant),+].map(complete)
    }};
}

pub(super) fn names<const N: usize>(all: [&str; N]) -> Names {
    all.into_iter().map(str::to_owned).collect()
}

/// The names that values have in JSON.
fn serialized(all: impl IntoIterator<Item = impl Serialize>) -> Names {
    all.into_iter().map(|value| json!(value).as_str().expect("a name").to_owned()).collect()
}

/// Texts in single quotes.
fn quoted(sql: &str) -> Names {
    sql.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Texts in double quotes of the first function, constant or field of a source that begins with `from`.
fn literals(source: &str, from: &str) -> Names {
    let (_, rest) = source.split_once(from).unwrap_or_else(|| panic!("{from} is not there"));
    let end = match from.split(' ').next() {
        Some("fn") => "\n    }\n",
        Some("const") => ";\n",
        _ => "\n",
    };
    let text = rest.split_once(end).map_or(rest, |(text, _)| text);
    text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The values that a table's CHECK allows in a column.
pub(super) fn constraint(table: &str, column: &str) -> Names {
    let schema = include_str!("../../../schema.sql");
    let (_, from) = schema.split_once(&format!("CREATE TABLE {table} (")).expect("the table");
    let (_, from) = from.split_once(&format!("  {column} TEXT ")).expect("the column");
    let (_, from) = from.split_once(&format!("CHECK ({column} IN (")).expect("the constraint");
    quoted(from.split_once("))").expect("its end").0)
}

/// The values that a body's parser names when it refuses another.
fn parsed<T: std::fmt::Debug>(parse: impl Fn(&[u8]) -> Result<T, Invalid>, mut body: Value, field: &str) -> Names {
    body[field] = json!("invented");
    let refused = parse(body.to_string().as_bytes()).expect_err("another value is refused");
    assert_eq!(refused.field, field, "{refused:?}");
    let (_, listed) = refused.detail.split_once("one of ").expect("the values");
    listed.split(", ").map(str::to_owned).collect()
}

/// States as people see them, of what is sent to Stripe in these ways.
fn states(kinds: &[TransferKind]) -> Names {
    let mut found = Names::new();
    for kind in kinds {
        for state in variants!(PayoutState: Planned, Submitting, Paid, Failed, Review, Cancelled) {
            for held in [0, 1] {
                let row = json!({"kind": kind, "id": "", "parent": "", "program_id": "", "partner_id": "", "unit": "",
                    "currency": "", "planned_cents": 1, "carried_cents": null, "amount_cents": 1, "target": "", "revision": 1, "state": state, "held": held,
                    "request": null, "attempt": 1, "tries": 0, "first_sent_at_ms": null, "due_at_ms": 0,
                    "refusal": null, "reason": "", "stripe_id": null, "done_at_ms": null, "created_at_ms": 0});
                let transfer: OutboundTransfer = serde_json::from_value(row).expect("a transfer");
                found.insert(state_name(&transfer).to_owned());
            }
        }
    }
    found
}

fn message_types() -> Names {
    MessageType::ALL.iter().map(|kind| kind.name().to_owned()).collect()
}

/// The message types whose webhooks have this body.
fn sent_as(schema: &str) -> Names {
    let document = document();
    let hooks = document["webhooks"].as_object().expect("webhooks");
    let has = |hook: &Value| hook.to_string().contains(&format!("#/components/schemas/{schema}\""));
    let names: Names = hooks.iter().filter(|(_, hook)| has(hook)).map(|(name, _)| name.clone()).collect();
    assert!(names.is_subset(&message_types()), "{names:?}");
    names
}

fn message_states() -> Names {
    let all = constraint("outbox", "state");
    assert!(all.iter().all(|name| MessageState::parse(name).is_some()), "{all:?}");
    all
}

fn methods() -> Names {
    let methods = variants!(Method: Code, Workspace, Token, EmailDomain, Fingerprint).map(Method::name);
    // An operator who reassigns an account is a method, too.
    methods.into_iter().chain(["operator"]).map(str::to_owned).collect()
}

fn paid_types() -> Names {
    quoted(&paid_entry_page(&"".into(), 0, "", 0).statement.sql)
        .into_iter()
        .filter(|text| text.starts_with("payout"))
        .collect()
}

fn paid_states() -> Names {
    let mut all = states(&[TransferKind::Payout]);
    // What came back of a payout.
    assert!(quoted(&paid_entry_page(&"".into(), 0, "", 0).statement.sql).contains("reversed"));
    all.insert("reversed".to_owned());
    all
}

fn credit_states() -> Names {
    let mut all = states(&[TransferKind::Credit, TransferKind::Debit]);
    // Only payouts are canceled: a credit has no such call.
    all.remove("cancelled");
    all
}

fn jobs() -> Names {
    let sweep = include_str!("../../../src/service/event/stripe_sweep.rs");
    let parts = ["const MISSED: &str = ", "const RECONCILED: &str = ", "const RESTORED: &str = "]
        .map(|name| literals(sweep, name));
    let jobs = literals(include_str!("../../../src/jobs/mod.rs"), "fn name(self)");
    let ledger = literals(include_str!("../../../src/store/health.rs"), "pub const LEDGER_JOB: &str = ");
    let fetched = literals(include_str!("../../../src/store/restoration.rs"), "pub const TRANSFERS_FETCHED: &str = ");
    [constraint("run", "cadence"), jobs, ledger, fetched].into_iter().chain(parts).flatten().collect()
}

/// What became of an event, and of one of Stripe's, which may also wait or be ignored.
fn outcomes(also: &[&str]) -> Names {
    let mut all = literals(include_str!("../../../src/service/event/report.rs"), "outcome: if known ");
    let stripe = include_str!("../../../src/service/event/stripe_in.rs");
    for name in also {
        assert!(stripe.contains(&format!("\"{name}\"")), "{name} is no outcome");
        all.insert((*name).to_owned());
    }
    all
}

fn carried_forward() -> Names {
    let sql = run_carried_sums(&"".into()).statement.sql;
    let reasons = sql.lines().filter(|line| line.contains("AS why") || line.contains("carried_cents > 0"));
    reasons.flat_map(quoted).collect()
}

pub(super) fn units() -> Names {
    serialized(variants!(Unit: Credit, Cash))
}

fn run_cadences() -> Names {
    constraint("run", "cadence")
}

fn accrual_states() -> Names {
    serialized(variants!(AccrualState: Pending, Held, Disputed, Available, Waiting, Reversed, Void, Settled))
}

/// The states of accruals as people see them.
pub(super) fn shown_accrual_states() -> Names {
    accrual_states().into_iter().chain(names([PAID, ON_ITS_WAY])).collect()
}

fn payout_states() -> Names {
    states(&[TransferKind::Payout])
}

fn decisions(made: &str) -> Names {
    parsed(|body| operator::resolution(body, made), json!({"reason": "r"}), "decision")
}

/// Each enumeration's place and the values that it must have.
fn sources() -> Vec<(&'static str, Names)> {
    [lists_and_books(), outcomes_and_messages(), super::listed::sources()].concat()
}

fn lists_and_books() -> Vec<(&'static str, Names)> {
    let adjustment = json!({"partner": "p", "amount_cents": 1, "reason": "r"});
    let link = |body: &[u8]| operator::link(body, at("2026-01-01T00:00:00Z"));
    vec![
        ("GET /v1/reviews?state", constraint("review", "state")),
        ("GET /v1/outbox?state", message_states()),
        ("GET /v1/adjustments?state", constraint("adjustment", "state")),
        ("Adjustment.unit", units()),
        ("Adjustment.balance", constraint("adjustment", "balance")),
        ("Adjustment.state", constraint("adjustment", "state")),
        ("NewAdjustment.balance", parsed(operator::adjustment, adjustment, "balance")),
        ("AdjustmentDecision.decision", parsed(operator::adjustment_decision, json!({"reason": "r"}), "decision")),
        ("GET /v1/payouts?state", names(payouts::STATES)),
        ("GET /v1/credits/deliveries?state", names(credits::STATES)),
        ("Partner.standing", constraint("partner", "standing")),
        ("ListedInvoice.state", constraint("invoice_status", "state")),
        ("NewPartner.type", parsed(operator::partner, json!({"program": "p", "external_id": "e"}), "type")),
        ("Balance.unit", units()),
        ("BalanceTransaction.type", names(["accrual"])),
        ("BalanceTransaction.unit", units()),
        ("BalanceTransaction.state", shown_accrual_states()),
        ("PaidBalanceTransaction.type", paid_types()),
        ("PaidBalanceTransaction.unit", units()),
        ("PaidBalanceTransaction.state", paid_states()),
        ("NewLink.source", parsed(link, json!({"partner": "p"}), "source")),
        ("Considered.method", methods()),
        ("ReceiptProgram.method", methods()),
        ("AttributionOutcome.method", methods()),
        ("MatchProgram.method", methods()),
        ("MatchProgram.review", names(["open", "rejected"])),
        ("MatchTouch.method", methods()),
        ("HeadResult", HeadResult::ALL.iter().map(|result| result.name().to_owned()).collect()),
        ("SealFault", SealFault::ALL.iter().map(|fault| fault.name().to_owned()).collect()),
        ("LossReason", LossReason::ALL.iter().map(|reason| reason.name().to_owned()).collect()),
        ("ProgramSummary.cadence", serialized(variants!(Cadence: Instant, Weekly, Monthly, None))),
        ("ProgramSummary.unit", units()),
        ("NewRun.cadence", parsed(operator::run, json!({"program": "p", "period": "2026-01"}), "cadence")),
        ("RunTotal.type", constraint("run_item", "kind")),
        ("RunPreview.cadence", run_cadences()),
        ("RunPreview.type", names(["run"])),
        ("DryRunResult.type", names(["draft"])),
        ("PreviewTotal.part", constraint("preview_row", "part")),
        ("Run.cadence", run_cadences()),
        ("Run.state", constraint("run", "state")),
    ]
}

fn outcomes_and_messages() -> Vec<(&'static str, Names)> {
    let form_kinds = || FORM_KINDS.iter().map(|kind| kind.name()).chain([""]).map(str::to_owned).collect();
    let approvals = variants!(PayoutApproval: UntilFirst, Manual, Automatic).map(approval_name);
    vec![
        ("Transfer.code", constraint("transfer", "code")),
        ("Transfer.phase", constraint("transfer", "phase")),
        ("Rank.unit", units()),
        ("Standing.is", serialized(variants!(Place: Below, Within, Above))),
        (
            "FunnelAction.type",
            serialized(variants!(ActionKind: CheckLinks, GatherVisits, SharpenLandingPage, StrengthenCallToAction,
                GuideActivation, OfferInventory, KeepGoing)),
        ),
        ("FunnelTask.type", serialized(variants!(TaskKind: BlogPost, EnablementEmail, CallToAction))),
        ("ChannelReport.unit", units()),
        ("Review.state", constraint("review", "state")),
        ("ReviewDecision.decision", parsed(operator::review, json!({"reason": "r"}), "decision")),
        ("ClosedAccount.reason", constraint("payee_closed", "reason")),
        ("Message.type", message_types()),
        ("Message.state", message_states()),
        ("PartnerMessage.type", sent_as("PartnerMessage")),
        ("ReferralMessage.type", sent_as("ReferralMessage")),
        ("AccrualMessage.type", sent_as("AccrualMessage")),
        ("AccrualMessage.data.state", accrual_states()),
        ("RewardMessage.type", sent_as("RewardMessage")),
        ("Cron.job", jobs()),
        ("Health.runs.overdue.cadence", run_cadences()),
        ("Health.outbox.email", literals(include_str!("../../../src/service/setup.rs"), "fn mail_state(&self)")),
        ("Benefit.on", serialized(variants!(BenefitOn: FirstInvoice))),
        ("StripeOutcome.outcome", outcomes(&["waiting", "ignored"])),
        ("AccrualOutcome.state", accrual_states()),
        ("Outcome.outcome", outcomes(&["waiting"])),
        ("ImportOutcome.outcome", &outcomes(&["waiting"]) | &names(["refused"])),
        ("EmdashForm.data.manicule_event", form_kinds()),
        ("Credit.delivery", serialized(variants!(Delivery: Application, StripeBalance, Webhook))),
        ("CreditDelivery.type", serialized([TransferKind::Credit, TransferKind::Debit])),
        ("CreditDelivery.state", credit_states()),
        ("CreditResolution.decision", decisions("transaction")),
        ("Payout.state", payout_states()),
        ("Reversal.state", states(&[TransferKind::Reversal])),
        ("Receipted.state", payout_states()),
        ("PayoutResolution.decision", decisions("transfer")),
        ("RunReport.approval.policy", names(approvals)),
        ("RunReport.payouts.state", payout_states()),
        ("RunReport.carried_forward.why", carried_forward()),
        ("PayoutChange.type", constraint("payout_accrual", "change")),
        ("Delivery.channel", constraint("delivery", "channel")),
        ("Delivery.state", constraint("delivery", "state")),
    ]
}

/// The document's enumerations by place: `Schema.field` or `METHOD path?parameter`.
fn enumerations(document: &Value) -> BTreeMap<String, Names> {
    fn visit(schema: &Value, place: &str, found: &mut BTreeMap<String, Names>) {
        if !schema.is_object() {
            return;
        }
        if let Some(all) = schema["enum"].as_array() {
            found.insert(place.to_owned(), all.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            visit(field, &format!("{place}.{name}"), found);
        }
        for inner in [&schema["items"], &schema["additionalProperties"]] {
            visit(inner, place, found);
        }
        for inner in schema["oneOf"].as_array().into_iter().flatten() {
            visit(inner, place, found);
        }
    }
    let mut found = BTreeMap::new();
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        visit(schema, name, &mut found);
    }
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let operation_name = format!("{} {path}", method.to_uppercase());
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap_or_default();
                visit(&parameter["schema"], &format!("{operation_name}?{name}"), &mut found);
            }
            visit(&operation["requestBody"]["content"]["application/json"]["schema"], &operation_name, &mut found);
            for answer in operation["responses"].as_object().into_iter().flatten().map(|(_, answer)| answer) {
                visit(&answer["content"]["application/json"]["schema"], &operation_name, &mut found);
            }
        }
    }
    found
}

/// Where the document and the code differ.
fn differences(document: &Value) -> Vec<String> {
    let mut described = enumerations(document);
    let mut found = Vec::new();
    for (place, wanted) in sources() {
        match described.remove(place) {
            Some(listed) if listed == wanted => {}
            Some(listed) => found.push(format!("{place} lists {listed:?}, and there are {wanted:?}")),
            None => found.push(format!("{place} is not enumerated")),
        }
    }
    found.extend(described.into_keys().map(|place| format!("{place} is compared with nothing")));
    found
}

#[test]
fn enumerations_are_those_of_the_code() {
    assert_eq!(differences(&document()), Vec::<String>::new());
}

#[test]
fn an_enumeration_that_drifts_is_found() {
    let message = "/components/schemas/Message/properties/type";
    type Change = fn(&mut Value);
    let cases: [(&str, Change); 4] = [
        (&format!("{message}/enum"), |listed| drop(listed.as_array_mut().expect("a list").pop())),
        (&format!("{message}/enum"), |listed| listed.as_array_mut().expect("a list").push(json!("payout.invented"))),
        (message, |schema| drop(schema.as_object_mut().expect("a schema").remove("enum"))),
        ("/components/schemas/Message/properties/partner", |schema| schema["enum"] = json!(["nobody"])),
    ];
    for (place, change) in cases {
        let mut document = document();
        change(document.pointer_mut(place).expect("a place"));
        assert_eq!(differences(&document).len(), 1, "{place}: {:?}", differences(&document));
    }
}
