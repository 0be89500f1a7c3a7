//! Decisions of one batch, gathered and written together: bindings, reviews, lines, transfers, and who is to be
//! decided again because of them.

use super::books::{Books, PoolRow};
use crate::base::money::Cents;
use crate::base::time::{Month, UtcMillis};
use crate::engine::decision::{Decision, GroupDecision};
use crate::engine::line::{Line, LineState};
use crate::engine::posting::{self, Transfer};
use crate::engine::risk::Suspicion;
use crate::program::document::{Method, Risk};
use crate::store::account::{self, AccountRow, BoundRow};
use crate::store::port::Stmt;
use crate::store::{ledger, outbox, pool, review};

#[derive(Default)]
pub struct Commit {
    accounts: Vec<AccountRow>,
    groups: Vec<(String, GroupDecision)>,
    suspicions: Vec<(String, Suspicion)>,
    pub lines: Vec<Line>,
    transfers: Vec<Transfer>,
    pools: Vec<PoolRow>,
    stale: Vec<Stale>,
    joined: Vec<Joined>,
}

/// A partner to whom an account is bound that was not before.
struct Joined {
    program: String,
    partner: String,
    account: String,
    signed_up: UtcMillis,
}

/// A sign-up that is taken in later than this, in days, is no news: it was imported.
const NEWS_DAYS: i64 = 30;

/// Accounts that depend on what changed.
enum Stale {
    Domain { domain: String, from: UtcMillis },
    Crowd { program: String, partner: String, from: UtcMillis },
}

impl Commit {
    /// Takes a decision about one account in. `cause` is the event or review behind it. The books learn of it, so that
    /// the next decision of the batch rests on it.
    pub fn add(&mut self, books: &mut Books, account: &AccountRow, decision: Decision, cause: &str) {
        let (lines, transfers) = posting::settle(books.lines(&account.id), decision.lines, cause);
        self.draw_on_pools(books, &lines, &transfers);
        self.note_dependants(books, &account.id, &decision.groups);
        books.learn(&account.id, &decision.groups);
        self.lines.extend(lines);
        self.transfers.extend(transfers);
        self.suspicions.extend(decision.suspicions.into_iter().map(|s| (account.id.clone(), s)));
        self.groups.extend(decision.groups.into_iter().map(|g| (account.id.clone(), g)));
        self.accounts.push(account.clone());
    }

    /// Everybody whose sign-up at or after `from` named this domain is to be decided again.
    pub fn domain_changed(&mut self, domain: String, from: UtcMillis) {
        self.stale.push(Stale::Domain { domain, from });
    }

    /// The statements, for one batch.
    pub fn statements(&self, now: UtcMillis) -> Vec<Stmt> {
        let ids: Vec<String> = self.accounts.iter().map(|a| a.id.clone()).collect();
        let mut statements = Vec::new();
        if !self.accounts.is_empty() {
            statements.push(account::account_advance(&self.accounts.iter().collect::<Vec<_>>(), now));
        }
        statements.extend(self.pools.iter().map(|p| pool::pool_advance(&p.pool.program_id, p.revision)));
        let groups: Vec<(&str, &GroupDecision)> = self.groups.iter().map(|(id, g)| (id.as_str(), g)).collect();
        if !groups.is_empty() {
            statements.push(account::binding_write(&groups, now));
            statements.extend(account::revenue_write(&ids, &groups));
        }
        statements.extend(self.suspicions.iter().map(|(id, s)| review::review_open(id, s, now)));
        if !self.suspicions.is_empty() {
            let reviews: Vec<String> = self.suspicions.iter().map(|(id, s)| review::review_id(id, s)).collect();
            statements.push(outbox::outbox_reviews(&reviews, now));
        }
        if !self.transfers.is_empty() {
            statements.push(ledger::ledger_accounts_ensure(&self.transfers));
        }
        if !self.lines.is_empty() {
            statements.push(account::line_write(&self.lines));
        }
        if !self.transfers.is_empty() {
            statements.push(ledger::transfer_insert(&self.transfers, now));
        }
        statements.extend(self.lines.iter().filter(|l| is_instant_grant(l)).map(|l| outbox::outbox_reward(l, now)));
        statements.extend(self.stale.iter().map(|s| s.statement(&ids, now)));
        let news = self.joined.iter().filter(|j| j.signed_up.plus_days(NEWS_DAYS) > now);
        let joined: Vec<_> = news.map(|j| outbox::joined(&j.program, &j.partner, &j.account, j.signed_up)).collect();
        if !joined.is_empty() {
            statements.push(outbox::outbox_insert(&joined, now));
        }
        statements
    }

    /// What the batch draws from pools, or queues behind them, is kept for the next decision, and guarded.
    fn draw_on_pools(&mut self, books: &mut Books, lines: &[Line], transfers: &[Transfer]) {
        for line in lines.iter().filter(|l| l.payer == "pool") {
            let Some(row) = books.pools.iter_mut().find(|p| p.pool.program_id == line.program_id) else { continue };
            if !self.pools.iter().any(|p| p.pool.program_id == line.program_id) {
                self.pools.push(row.clone());
            }
            row.pool.waiting += i64::from(line.state == LineState::Waiting);
            for transfer in transfers.iter().filter(|t| t.line == line.id) {
                let sign = if transfer.code == "accrue" { -1 } else { 1 };
                row.pool.balance_cents += sign * transfer.amount_cents.0;
            }
        }
    }

    /// Whom a changed binding concerns: later sign-ups of the same email domain, and of the same partner and month.
    fn note_dependants(&mut self, books: &Books, account: &str, groups: &[GroupDecision]) {
        for group in groups {
            let before = books.bound.iter().find(|b| b.account_id == account && b.group_id == group.verdict.group);
            let after = group.verdict.binding.as_ref();
            let same = match (before, after) {
                (None, None) => true,
                (Some(b), Some(a)) => {
                    b.program_id == a.program
                        && b.partner_id == a.partner
                        // Who follows by domain follows the link: its source may differ from the partner's kind.
                        && b.code == a.code
                        && (b.from_ms, &b.event_id) == (a.from, &a.event)
                        && (b.signed_up_at_ms, &b.signup_event_id) == (group.signed_up.0, &group.signed_up.1)
                }
                _ => false,
            };
            if !same {
                self.note_change(books, account, before, group);
            }
            if let Some(binding) = after
                && before.is_none_or(|b| (&b.program_id, &b.partner_id) != (&binding.program, &binding.partner))
            {
                self.joined.push(Joined {
                    program: binding.program.clone(),
                    partner: binding.partner.clone(),
                    account: account.to_owned(),
                    signed_up: group.signed_up.0,
                });
            }
        }
    }

    fn note_change(&mut self, books: &Books, account: &str, before: Option<&BoundRow>, group: &GroupDecision) {
        let after = group.verdict.binding.as_ref();
        let programs = before.map(|b| b.program_id.as_str()).into_iter().chain(after.map(|a| a.program.as_str()));
        let documents: Vec<_> = programs.filter_map(|p| books.catalog.in_force(p, group.signed_up.0)).collect();
        let from =
            before.map(|b| b.from_ms).into_iter().chain(after.map(|a| a.from)).min().unwrap_or(group.signed_up.0);
        if documents.iter().any(|d| d.attribution.methods.contains(&Method::EmailDomain)) {
            for domain in books.signup_domains(account) {
                self.stale.push(Stale::Domain { domain, from });
            }
        }
        let crowded = documents.iter().any(|d| d.risk.iter().any(|r| matches!(r.when, Risk::SignupsInMonth { .. })));
        if crowded {
            let places = before
                .map(|b| (b.program_id.clone(), b.partner_id.clone(), b.signed_up_at_ms))
                .into_iter()
                .chain(after.map(|a| (a.program.clone(), a.partner.clone(), group.signed_up.0)));
            self.stale.extend(places.map(|(program, partner, from)| Stale::Crowd { program, partner, from }));
        }
    }
}

/// A reward that became available as it was made, outside of any run.
fn is_instant_grant(line: &Line) -> bool {
    line.state == LineState::Available
        && line.postings == 1
        && line.net_cents > Cents::ZERO
        && !line.partner_id.is_empty()
        && (line.basis.starts_with("event:") || line.basis.starts_with("state:"))
}

impl Stale {
    fn statement(&self, except: &[String], now: UtcMillis) -> Stmt {
        match self {
            Stale::Domain { domain, from } => account::stale_by_domain(domain, *from, except, now),
            Stale::Crowd { program, partner, from } => {
                account::stale_by_crowd(program, partner, *from, Month::of(*from).end(), except, now)
            }
        }
    }
}
