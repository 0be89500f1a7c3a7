//! Decisions of one batch, collected and written together: bindings, reviews, accruals, transfers, and the accounts
//! that need to be recomputed because of them.

mod dependants;

use crate::base::ids::{AccountId, EventId, PartnerId, ProgramId};
use crate::base::money::Cents;
use crate::base::sort::sort_by;
use crate::base::time::UtcMillis;
use crate::engine::account::closed::Closing;
use crate::engine::account::decision::{AccountDecision, GroupDecision};
use crate::engine::account::invoice_status::InvoiceStatus;
use crate::engine::accrual::{Accrual, AccrualState, Balance};
use crate::engine::event::Event;
use crate::engine::ledger::account::{FundingAccount, TransferCode};
use crate::engine::ledger::posting;
use crate::engine::ledger::posting::Transfer;
use crate::engine::message::is_news;
use crate::engine::review::risk::Suspicion;
use crate::program::document::Cadence;
use crate::service::account::books::AccountSnapshots;
use crate::store::account;
use crate::store::account::{AccountAdvance, AccountRow, DomainMark, Marking, SharedMark, SignupVelocityMark};
use crate::store::attribution::evidence;
use crate::store::attribution::evidence::UplineMark;
use crate::store::attribution::suspicion;
use crate::store::attribution::suspicion::{IdentityMark, NamedMark};
use crate::store::event::{EventState, EventStateChange, FactReads};
use crate::store::ledger::budget;
use crate::store::ledger::budget::BudgetRow;
use crate::store::message::outbox;
use crate::store::port::Stmt;
use crate::store::{event, ledger, review};
use std::collections::{BTreeSet, HashSet};

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
    signup_limits: BTreeSet<i64>,
    shared: Vec<SharedMark>,
    uplines: Vec<UplineMark>,
    unbound: Vec<AccountId>,
    joined: Vec<CustomerJoined>,
    states: Vec<EventStateChange>,
    /// Events that are closed from now on, with their accruals.
    closed: Vec<EventId>,
    /// Accounts that were decided with all of their facts, and the events of these that are closed.
    whole: (Vec<AccountId>, Vec<EventId>),
    /// Whether nothing of this is announced, because it follows from events that arrived late.
    quiet: bool,
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
pub const COMMIT_STATEMENTS: u64 = 19;
/// Statements that remove accounts' decisions.
pub const UNBIND_STATEMENTS: u64 = 3;

/// An account that was decided.
struct DecidedAccount {
    read: AccountRow,
    signed_up: Option<UtcMillis>,
    written: String,
    usage_questions: String,
    closed: Option<String>,
    /// `None`: they are as they were.
    invoices: Option<Vec<InvoiceStatus>>,
}

impl DecidedAccount {
    fn advance(&self) -> AccountAdvance<'_> {
        let AccountRow { id, revision, .. } = &self.read;
        AccountAdvance {
            id,
            revision: *revision,
            signed_up: self.signed_up,
            written: &self.written,
            invoices: self.invoices.as_deref(),
            usage_questions: &self.usage_questions,
            closed: self.closed.as_deref(),
        }
    }
}

impl Commit {
    /// `quiet`: nothing that is decided is announced.
    pub fn new(quiet: bool) -> Commit {
        Commit { quiet, ..Commit::default() }
    }

    /// Adds a decision about one account. `cause` is the event or review behind it. The decision is also added to the
    /// snapshot, so that the next decision of the batch builds on it.
    pub fn add(&mut self, books: &mut AccountSnapshots, account: &AccountRow, decision: AccountDecision, cause: &str) {
        let (accruals, transfers) = posting::settle(books.accruals(&account.id), decision.accruals, cause);
        self.draw_on_budgets(books, &accruals, &transfers);
        self.granted.extend(accruals.iter().filter(|l| is_instant_grant(books, l)).cloned());
        self.note_dependants(books, &account.id, &decision.groups);
        books.record(&account.id, &decision.groups);
        let closed = self.close(books, account, decision.closing.as_ref(), &decision.moot);
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
        self.accounts.push(DecidedAccount {
            read: account.clone(),
            signed_up,
            written,
            invoices,
            usage_questions: books.catalog.usage_digest().to_owned(),
            closed,
        });
    }

    /// Notes which of the account's facts the next decisions read. Returns what is known of the others.
    fn close(
        &mut self,
        books: &AccountSnapshots,
        account: &AccountRow,
        closing: Option<&Closing>,
        moot: &HashSet<EventId>,
    ) -> Option<String> {
        let closed: HashSet<&EventId> = closing.iter().flat_map(|closing| &closing.events).collect();
        for fact in books.facts.own(&account.id) {
            let id = &fact.event_id;
            let (is_moot, is_closed) = (moot.contains(id), closed.contains(id));
            if (is_moot, is_closed) != (fact.is_moot, fact.is_closed) {
                let state = match (is_moot, is_closed) {
                    (true, _) => EventState::Moot,
                    (false, true) => EventState::Closed,
                    (false, false) => EventState::Open,
                };
                self.states.push(EventStateChange { event: id.clone(), state });
            }
        }
        let events = closed.into_iter().cloned();
        if books.reads == FactReads::Open {
            self.closed.extend(events);
        } else if closing.is_some() || account.closed.is_some() {
            self.whole.0.push(account.id.clone());
            self.whole.1.extend(events);
        }
        match closing {
            Some(closing) => serde_json::to_string(&closing.history).ok(),
            None if books.reads == FactReads::Open => account.closed.clone(),
            None => None,
        }
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

    /// Marks the accounts that an event concerns without being theirs: those of the mailbox or customer that it names, and
    /// sign-ups at or after it of the domain that it is about.
    pub fn named_by(&mut self, event: &Event) {
        let person = &event.person;
        if let Some(account) =
            event.account_id.clone().filter(|_| person.email.is_some() || person.stripe_customer.is_some())
        {
            self.named.push(NamedMark::Identity(IdentityMark {
                account,
                mailbox: person.keys.mailbox.clone(),
                customer: person.stripe_customer.clone(),
                at: event.occurred_at,
                event: event.id.clone(),
            }));
        }
        if let Some(domain) = event.payload.domain() {
            self.named.push(NamedMark::Domain(DomainMark { domain: domain.to_owned(), from: event.occurred_at }));
        }
    }

    /// Whether other accounts are to be decided again.
    pub fn marks_others(&self) -> bool {
        !(self.named.is_empty()
            && self.signup_velocities.is_empty()
            && self.shared.is_empty()
            && self.uplines.is_empty())
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
        if !self.states.is_empty() {
            statements.push(event::state_write(&self.states));
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
        statements.extend(review::review_open(&self.suspicions, self.quiet, now));
        if !self.suspicions.is_empty() && !self.quiet {
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
        statements.extend(account::accrual_write(&accruals, self.quiet, now));
        if !self.closed.is_empty() {
            statements.push(account::accrual_close(&ids, &self.closed));
        }
        if !self.whole.0.is_empty() {
            statements.push(account::accrual_close_only(&self.whole.0, &self.whole.1));
        }
        statements.extend(ledger::transfer_insert(&transfers, now));
        if !self.granted.is_empty() {
            statements.push(outbox::outbox_rewards(&self.granted, now));
        }
        let marking = Marking { now, quiet: self.quiet };
        if !self.named.is_empty() {
            statements.push(suspicion::recompute_by_named(&self.named, &ids, marking));
        }
        if !self.signup_velocities.is_empty() {
            statements.push(account::recompute_by_signup_velocity(
                &self.signup_velocities,
                &self.signup_limits,
                marking,
            ));
        }
        if !self.shared.is_empty() {
            statements.push(account::recompute_by_shared(&self.shared, &ids, marking));
        }
        if !self.uplines.is_empty() {
            statements.push(evidence::recompute_by_uplines(&self.uplines, marking));
        }
        statements.extend(self.joined_insert(now));
        statements
    }

    /// Announces who joined, unless that is old.
    fn joined_insert(&self, now: UtcMillis) -> Option<Stmt> {
        let news = self.joined.iter().filter(|j| is_news(j.signed_up, now));
        let joined: Vec<_> = news.map(|j| outbox::joined(&j.program, &j.partner, &j.account, j.signed_up)).collect();
        (!joined.is_empty()).then(|| outbox::outbox_insert(&joined, now))
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
mod tests;
