//! Which other accounts depend on a changed binding.

use crate::base::ids::{AccountId, EventId, PartnerId, ProgramId};
use crate::base::time::{Month, UtcMillis};
use crate::engine::account::decision::GroupDecision;
use crate::engine::review::relation::VISITOR_DAYS;
use crate::program::document::Method;
use crate::service::account::books::AccountSnapshots;
use crate::service::account::commit::{Commit, CustomerJoined};
use crate::store::account::{BoundRow, DomainMark, SharedMark, SignupVelocityMark};
use crate::store::attribution::evidence::UplineMark;
use crate::store::attribution::suspicion::NamedMark;

impl Commit {
    /// Marks the accounts that a changed binding affects: later sign-ups of the same email domain, of the same partner
    /// and month, and of the same visitor. If the account is a partner's own, also those that may form a ring with it.
    pub(super) fn note_dependants(&mut self, books: &AccountSnapshots, account: &AccountId, groups: &[GroupDecision]) {
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

    pub(super) fn note_change(
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
        let limits: Vec<i64> =
            documents.iter().flat_map(|d| &d.risk).filter_map(|rule| rule.when.signups_limit()).collect();
        if !limits.is_empty() {
            self.signup_limits.extend(limits);
            let mark =
                |program: &ProgramId, partner: &PartnerId, at: UtcMillis, event: &EventId, left| SignupVelocityMark {
                    program: program.clone(),
                    partner: partner.clone(),
                    from: Month::of(at).start(),
                    to: Month::of(at).end(),
                    account: account.clone(),
                    signed_up: at,
                    signup_event: event.clone(),
                    left,
                };
            let left = before.map(|b| mark(&b.program_id, &b.partner_id, b.signed_up_at_ms, &b.signup_event_id, true));
            let joined =
                group.zip(after).map(|(g, a)| mark(&a.program, &a.partner, g.signed_up.0, &g.signed_up.1, false));
            self.signup_velocities.extend(left.into_iter().chain(joined));
        }
    }
}
