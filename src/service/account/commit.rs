//! Decisions of one batch, collected and written together: bindings, reviews, accruals, transfers, and the accounts
//! that need to be recomputed because of them.

use crate::base::ids::{AccountId, PartnerId, ProgramId};
use crate::base::money::Cents;
use crate::base::sort::sort_by;
use crate::base::time::{Month, UtcMillis};
use crate::engine::account::decision::{AccountDecision, GroupDecision};
use crate::engine::account::invoice_status::InvoiceStatus;
use crate::engine::accrual::{Accrual, AccrualState, Balance};
use crate::engine::ledger::account::{FundingAccount, TransferCode};
use crate::engine::ledger::posting;
use crate::engine::ledger::posting::Transfer;
use crate::engine::review::relation::VISITOR_DAYS;
use crate::engine::review::risk::Suspicion;
use crate::program::document::{Cadence, Method, Risk};
use crate::service::account::books::AccountSnapshots;
use crate::store::account;
use crate::store::account::{AccountAdvance, AccountRow, BoundRow, DomainMark, SharedMark, SignupVelocityMark};
use crate::store::attribution::evidence;
use crate::store::attribution::evidence::UplineMark;
use crate::store::attribution::suspicion;
use crate::store::attribution::suspicion::{IdentityMark, NamedMark};
use crate::store::ledger::budget;
use crate::store::ledger::budget::BudgetRow;
use crate::store::message::outbox;
use crate::store::port::Stmt;
use crate::store::{ledger, review};

#[derive(Default)]
pub struct Commit {
    accounts: Vec<DecidedAccount>,
    /// Accounts' decisions that are not written yet.
    groups: Vec<(AccountId, GroupDecision)>,
    suspicions: Vec<(AccountId, Suspicion)>,
    pub accruals: Vec<Accrual>,
    /// Rewards that this batch grants for the first time, outside of any run.
    granted: Vec<Accrual>,
    transfers: Vec<Transfer>,
    budgets: Vec<BudgetRow>,
    /// Accounts that depend on what changed.
    named: Vec<NamedMark>,
    signup_velocities: Vec<SignupVelocityMark>,
    shared: Vec<SharedMark>,
    uplines: Vec<UplineMark>,
    unbound: Vec<AccountId>,
    joined: Vec<CustomerJoined>,
}

/// A partner that an account is newly bound to.
struct CustomerJoined {
    program: ProgramId,
    partner: PartnerId,
    account: AccountId,
    signed_up: UtcMillis,
}

/// Statements that write the decisions of one page of accounts, without those for accounts that lose their decisions.
/// Each megabyte of bindings, accruals or transfers beyond the first takes one more.
pub const COMMIT_STATEMENTS: u64 = 16;
/// Statements that remove accounts' decisions.
pub const UNBIND_STATEMENTS: u64 = 3;

/// A sign-up that arrives later than this, in days, was imported and is not announced.
const NEWS_DAYS: i64 = 30;

/// An account that was decided.
struct DecidedAccount {
    read: AccountRow,
    signed_up: Option<UtcMillis>,
    written: String,
    /// `None`: they are as they were.
    invoices: Option<Vec<InvoiceStatus>>,
}

impl DecidedAccount {
    fn advance(&self) -> AccountAdvance<'_> {
        let AccountRow { id, revision, .. } = &self.read;
        let invoices = self.invoices.as_deref();
        AccountAdvance { id, revision: *revision, signed_up: self.signed_up, written: &self.written, invoices }
    }
}

impl Commit {
    /// Adds a decision about one account. `cause` is the event or review behind it. The decision is also added to the
    /// snapshot, so that the next decision of the batch builds on it.
    pub fn add(&mut self, books: &mut AccountSnapshots, account: &AccountRow, decision: AccountDecision, cause: &str) {
        let (accruals, transfers) = posting::settle(books.accruals(&account.id), decision.accruals, cause);
        self.draw_on_budgets(books, &accruals, &transfers);
        self.granted.extend(accruals.iter().filter(|l| is_instant_grant(books, l)).cloned());
        self.note_dependants(books, &account.id, &decision.groups);
        books.record(&account.id, &decision.groups);
        self.accruals.extend(accruals);
        self.transfers.extend(transfers);
        self.suspicions.extend(decision.suspicions.into_iter().map(|s| (account.id.clone(), s)));
        // Every group of an account has the same sign-up.
        let signed_up = decision.groups.first().map(|group| group.signed_up.0);
        let written = account::digest(&decision.groups, &decision.invoices);
        let is_new = account.written.as_ref() != Some(&written);
        if is_new {
            self.groups.extend(decision.groups.into_iter().map(|g| (account.id.clone(), g)));
        }
        let invoices = is_new.then_some(decision.invoices);
        self.accounts.push(DecidedAccount { read: account.clone(), signed_up, written, invoices });
    }

    /// Removes the decisions of an account whose sign-up turned out to belong to another account. Must be called before
    /// its facts are moved.
    pub fn unbind(&mut self, books: &mut AccountSnapshots, account: &AccountId) {
        for before in books.unbind(account) {
            self.note_change(books, account, Some(&before), None);
        }
        books.record(account, &[]);
        self.unbound.push(account.to_owned());
    }

    /// Marks every account whose sign-up at or after `from` named this domain to be recomputed.
    pub fn domain_changed(&mut self, domain: String, from: UtcMillis) {
        self.named.push(NamedMark::Domain(DomainMark { domain, from }));
    }

    /// Marks the accounts that an event concerns by the mailbox or the customer that it names.
    pub fn identity_named(&mut self, named: IdentityMark) {
        self.named.push(NamedMark::Identity(named));
    }

    /// The statements, for one batch.
    pub fn statements(&self, now: UtcMillis) -> Vec<Stmt> {
        let ids: Vec<AccountId> = self.accounts.iter().map(|a| a.read.id.clone()).collect();
        let groups: Vec<(&AccountId, &GroupDecision)> = self.groups.iter().map(|(id, g)| (id, g)).collect();
        let mut statements = Vec::new();
        if !self.accounts.is_empty() {
            let rows: Vec<AccountAdvance> = self.accounts.iter().map(DecidedAccount::advance).collect();
            statements.push(account::account_advance(&rows, now));
        }
        if !self.budgets.is_empty() {
            let budgets: Vec<_> = self.budgets.iter().map(|p| (&p.budget.program_id, p.revision)).collect();
            statements.push(budget::budget_advance(&budgets));
        }
        if !self.unbound.is_empty() {
            statements.extend(account::binding_clear(&self.unbound));
        }
        if !groups.is_empty() {
            statements.extend(account::binding_write(&groups, now));
            statements.extend(account::revenue_write(&groups));
        }
        statements.extend(review::review_open(&self.suspicions, now));
        if !self.suspicions.is_empty() {
            let reviews: Vec<_> = self.suspicions.iter().map(|(id, s)| review::review_id(id, s)).collect();
            statements.push(outbox::outbox_reviews(&reviews, now));
        }
        if !self.transfers.is_empty() {
            statements.push(ledger::ledger_accounts_ensure(&self.transfers));
        }
        // Sorted by id, because neighboring rows then go to neighboring index pages. Reversals come first: a reward
        // that moves can then pay for itself from an empty budget. A batch posts an accrual once.
        let (mut accruals, mut transfers) = (self.accruals.clone(), self.transfers.clone());
        sort_by(&mut accruals, |a, b| a.id.cmp(&b.id));
        sort_by(&mut transfers, |a, b| {
            (a.code == TransferCode::Accrue, &a.accrual_id).cmp(&(b.code == TransferCode::Accrue, &b.accrual_id))
        });
        statements.extend(account::accrual_write(&accruals, now));
        statements.extend(ledger::transfer_insert(&transfers, now));
        if !self.granted.is_empty() {
            statements.push(outbox::outbox_rewards(&self.granted, now));
        }
        if !self.named.is_empty() {
            statements.push(suspicion::recompute_by_named(&self.named, &ids, now));
        }
        if !self.signup_velocities.is_empty() {
            statements.push(account::recompute_by_signup_velocity(&self.signup_velocities, &ids, now));
        }
        if !self.shared.is_empty() {
            statements.push(account::recompute_by_shared(&self.shared, &ids, now));
        }
        if !self.uplines.is_empty() {
            statements.push(evidence::recompute_by_uplines(&self.uplines, now));
        }
        let news = self.joined.iter().filter(|j| j.signed_up.plus_days(NEWS_DAYS) > now);
        let joined: Vec<_> = news.map(|j| outbox::joined(&j.program, &j.partner, &j.account, j.signed_up)).collect();
        if !joined.is_empty() {
            statements.push(outbox::outbox_insert(&joined, now));
        }
        statements
    }

    /// Keeps what the batch draws from budgets or queues behind them for the next decision, and guards it.
    fn draw_on_budgets(&mut self, books: &mut AccountSnapshots, accruals: &[Accrual], transfers: &[Transfer]) {
        for accrual in accruals.iter().filter(|l| l.funding_account == FundingAccount::Budget) {
            let Some(row) = books.budgets.iter_mut().find(|p| p.budget.program_id == accrual.program_id) else {
                continue;
            };
            if !self.budgets.iter().any(|p| p.budget.program_id == accrual.program_id) {
                self.budgets.push(row.clone());
            }
            row.budget.waiting += i64::from(accrual.state == AccrualState::Waiting);
            for transfer in transfers.iter().filter(|t| t.accrual_id == accrual.id) {
                let sign = if transfer.code == TransferCode::Accrue { -1 } else { 1 };
                row.budget.balance_cents += sign * transfer.amount_cents.0;
            }
        }
    }

    /// Marks the accounts that a changed binding affects: later sign-ups of the same email domain, of the same partner
    /// and month, and of the same visitor. If the account is a partner's own, also those that may form a ring with it.
    fn note_dependants(&mut self, books: &AccountSnapshots, account: &AccountId, groups: &[GroupDecision]) {
        for group in groups {
            let before = books.bound(account).iter().find(|b| b.group_id == group.result.group);
            let after = group.result.binding.as_ref();
            let same = match (before, after) {
                (None, None) => true,
                (Some(b), Some(a)) => {
                    b.program_id == a.program
                        && b.partner_id == a.partner
                        // A same-domain account copies the link. Its source may differ from the partner's kind.
                        && b.code == a.code
                        && (b.from_ms, &b.event_id) == (a.from, &a.event)
                        && (b.signed_up_at_ms, &b.signup_event_id) == (group.signed_up.0, &group.signed_up.1)
                        && (&b.visitor, &b.domain) == (&a.visitor, &a.domain)
                }
                _ => false,
            };
            if !same {
                self.note_change(books, account, before, Some(group));
            }
            if let Some(binding) = after
                && before.is_none_or(|b| (&b.program_id, &b.partner_id) != (&binding.program, &binding.partner))
            {
                self.joined.push(CustomerJoined {
                    program: binding.program.clone(),
                    partner: binding.partner.clone(),
                    account: account.to_owned(),
                    signed_up: group.signed_up.0,
                });
            }
        }
    }

    fn note_change(
        &mut self,
        books: &AccountSnapshots,
        account: &AccountId,
        before: Option<&BoundRow>,
        group: Option<&GroupDecision>,
    ) {
        let after = group.and_then(|g| g.result.binding.as_ref());
        let signed_up = group.map(|g| g.signed_up.0).or(before.map(|b| b.signed_up_at_ms)).unwrap_or_default();
        let programs = before.map(|b| &b.program_id).into_iter().chain(after.map(|a| &a.program));
        let documents: Vec<_> = programs.filter_map(|p| books.catalog.in_force(p, signed_up)).collect();
        let from = before.map(|b| b.from_ms).into_iter().chain(after.map(|a| a.from)).min().unwrap_or(signed_up);
        if documents.iter().any(|d| d.attribution.methods.contains(&Method::EmailDomain)) {
            let domains = books.facts.signup_domains(account).into_iter();
            self.named.extend(domains.map(|domain| NamedMark::Domain(DomainMark { domain, from })));
        }
        let partners = before.map(|b| &b.partner_id).into_iter().chain(after.map(|a| &a.partner));
        self.uplines
            .extend(partners.map(|partner| UplineMark { account: account.to_owned(), partner: partner.clone() }));
        let places = [
            before.map(|b| (b.visitor.clone(), b.domain.clone(), b.signed_up_at_ms)),
            after.map(|a| (a.visitor.clone(), a.domain.clone(), signed_up)),
        ];
        // A visitor's days reach no less far than the rest of a month.
        let shared = places.into_iter().flatten().filter(|(visitor, domain, _)| visitor.is_some() || domain.is_some());
        self.shared.extend(shared.map(|(visitor, domain, from)| SharedMark {
            visitor,
            domain,
            from,
            to: from.plus_days(VISITOR_DAYS.max(31)),
        }));
        let crowded = documents.iter().any(|d| d.risk.iter().any(|r| matches!(r.when, Risk::SignupsInMonth { .. })));
        if crowded {
            let places = before
                .map(|b| (b.program_id.clone(), b.partner_id.clone(), b.signed_up_at_ms))
                .into_iter()
                .chain(after.map(|a| (a.program.clone(), a.partner.clone(), signed_up)));
            let signup_velocity =
                |(program, partner, from)| SignupVelocityMark { program, partner, from, to: Month::of(from).end() };
            self.signup_velocities.extend(places.map(signup_velocity));
        }
    }
}

/// A reward that was available as soon as it was created, in a program that settles instantly. One that only moved with
/// its binding was announced when it was granted, unless it was only waiting for the budget. Runs announce their own
/// grants.
fn is_instant_grant(books: &AccountSnapshots, accrual: &Accrual) -> bool {
    let document = books.catalog.in_force(&accrual.program_id, accrual.at_ms);
    let same = |l: &Accrual| {
        l.program_id == accrual.program_id && l.reward_id == accrual.reward_id && l.source == accrual.source
    };
    // A held reward was pending, and the partner was not notified of it.
    let stood = |l: &Accrual| same(l) && l.postings > 0 && l.balance == Balance::Available;
    document.is_some_and(|d| d.settlement.cadence == Cadence::Instant)
        && accrual.is_granted()
        && accrual.state == AccrualState::Available
        && accrual.net_cents > Cents::ZERO
        && !books.accruals(&accrual.account_id).iter().any(stood)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::attribution::binding::AttributionResult;
    use crate::engine::ledger::account::{LedgerAccount, LedgerAccountKind};
    use serde_json::json;

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
        let suspicion = Suspicion {
            program: Default::default(),
            partner: Default::default(),
            rule: text(),
            subject: text(),
            holds: true,
            evidence: text(),
        };
        let group = GroupDecision {
            result: AttributionResult { group: text(), binding: None, candidates: Vec::new(), reason: text() },
            signed_up: (at, text().into()),
            states: Vec::new(),
            grant_due_at: None,
            qualified_at: None,
            held: false,
            revenue: Vec::new(),
        };
        let budget =
            serde_json::from_value(json!({"program_id": "p", "balance_cents": 1, "waiting": 0})).expect("a budget");
        Commit {
            accounts: vec![DecidedAccount {
                read: AccountRow::new(Default::default()),
                signed_up: None,
                written: text(),
                invoices: None,
            }],
            groups: vec![(Default::default(), group)],
            suspicions: vec![(Default::default(), suspicion)],
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
            }],
            shared: vec![SharedMark { visitor: Some(text()), domain: None, from: at, to: at }],
            uplines: vec![UplineMark { account: Default::default(), partner: Default::default() }],
            unbound: vec![Default::default()],
            joined: vec![CustomerJoined {
                program: Default::default(),
                partner: Default::default(),
                account: Default::default(),
                signed_up: at,
            }],
        }
    }

    #[test]
    fn a_batch_with_everything_sends_as_much_as_it_says() {
        let statements = everything().statements(UtcMillis(0)).len() as u64;
        assert_eq!(statements, COMMIT_STATEMENTS + UNBIND_STATEMENTS);
    }
}
