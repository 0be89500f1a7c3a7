use super::*;
use crate::engine::attribution::binding::AttributionResult;
use crate::engine::ledger::account::{LedgerAccount, LedgerAccountKind};
use serde_json::json;

fn suspicion() -> Suspicion {
    Suspicion {
        program: Default::default(),
        partner: Default::default(),
        rule: String::new(),
        subject: String::new(),
        holds: true,
        evidence: String::new(),
    }
}

fn group() -> GroupDecision {
    let text = String::new;
    GroupDecision {
        result: AttributionResult { group: text(), binding: None, candidates: Vec::new(), reason: text() },
        signed_up: (UtcMillis(0), text().into()),
        states: Vec::new(),
        grant_due_at: None,
        qualified_at: None,
        held: false,
        revenue: Vec::new(),
    }
}

/// A batch that contains one of everything.
fn everything() -> Commit {
    let (at, text) = (UtcMillis(0), String::new);
    let accrual: Accrual = serde_json::from_value(json!({
        "id": "l", "program_id": "p", "program_version": 1, "reward_id": "r", "partner_id": "", "account_id": "a", "event_id": "e",
        "source": "", "at_ms": 0, "period": "", "unit": "", "gross_cents": 1, "cap_reduction_cents": 0, "adjusted_cents": 0, "net_cents": 1,
        "balance": "pending", "funding_account": "budget", "state": "pending", "vests_at_ms": 0, "reason": "", "postings": 1,
    }))
    .expect("a line");
    let account = LedgerAccount::new(&"p".into(), "credit:usd", LedgerAccountKind::Budget, &"".into());
    let transfer = Transfer {
        id: text(),
        accrual_id: text().into(),
        code: TransferCode::Accrue,
        debit: account.clone(),
        credit: account,
        amount_cents: Cents(1),
        program_id: Default::default(),
        event_id: text().into(),
        reason: text(),
    };
    let budget =
        serde_json::from_value(json!({"program_id": "p", "balance_cents": 1, "waiting": 0})).expect("a budget");
    Commit {
        accounts: vec![DecidedAccount {
            read: AccountRow::new(Default::default()),
            signed_up: None,
            written: text(),
            invoices: None,
            usage_questions: text(),
            closed: None,
        }],
        groups: vec![(Default::default(), group())],
        suspicions: vec![(Default::default(), suspicion())],
        accruals: vec![accrual.clone()],
        granted: vec![accrual],
        transfers: vec![transfer],
        budgets: vec![BudgetRow { budget, revision: 1 }],
        named: vec![NamedMark::Domain(DomainMark { domain: text(), from: at })],
        signup_velocities: vec![SignupVelocityMark {
            program: Default::default(),
            partner: Default::default(),
            from: at,
            to: at,
            account: Default::default(),
            signed_up: at,
            signup_event: Default::default(),
            left: false,
        }],
        signup_limits: [1].into(),
        shared: vec![SharedMark { visitor: Some(text()), domain: None, from: at, to: at }],
        uplines: vec![UplineMark { account: Default::default(), partner: Default::default() }],
        unbound: vec![Default::default()],
        joined: vec![CustomerJoined {
            program: Default::default(),
            partner: Default::default(),
            account: Default::default(),
            signed_up: at,
        }],
        states: vec![EventStateChange { event: text().into(), state: EventState::Moot }],
        closed: vec![Default::default()],
        whole: (vec![Default::default()], Vec::new()),
        quiet: false,
    }
}

#[test]
fn a_batch_with_everything_sends_as_much_as_it_says() {
    let statements = everything().statements(UtcMillis(0)).len() as u64;
    assert_eq!(statements, COMMIT_STATEMENTS + UNBIND_STATEMENTS);
}
