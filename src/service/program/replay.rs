//! Replaying a past period with a draft: what it would have paid compared with what was accrued, per partner and
//! reward. Nothing is written.
//!
//! Accounts that are bound in the program's group are recomputed from all their facts as if the draft had always been
//! in force during the period. The period's accruals are compared by gross and net.

use crate::base::ids::{AccountId, ProgramId};
use crate::base::time::UtcMillis;
use crate::codec::operator::DryRunRequest;
use crate::engine::account::decision;
use crate::engine::account::decision::AccountDecision;
use crate::engine::accrual::invoice::PartnerModifiers;
use crate::engine::accrual::source::AccrualOrigin;
use crate::engine::accrual::{Accrual, AccrualState};
use crate::engine::settlement::schedule;
use crate::program::catalog::Catalog;
use crate::program::check;
use crate::program::compiled::Program;
use crate::service::account::books::AccountSnapshots;
use crate::service::error::{AppError, ErrorKind};
use crate::service::preview::subject::{Part, PreviewSums, Subject};
use crate::store::preview::PreviewRow;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::rc::Rc;

/// The catalog with the draft as the program's only version.
fn with_draft(saved: &Catalog, draft: &Program) -> Catalog {
    let others = saved.all().filter(|d| d.id != draft.id).cloned();
    Catalog::new(others.chain([draft.always()]).map(Rc::new).collect())
}

/// An accrual's amount in cents: its net, plus what waits for a budget.
fn owed(accrual: &Accrual) -> i64 {
    if accrual.state == AccrualState::Waiting { accrual.kept().0 } else { accrual.net_cents.0 }
}

/// The instants of the runs that settle the requested period's weeks or months, and of the last run before them.
fn runs_of(draft: &Program, request: &DryRunRequest, now: UtcMillis) -> Vec<UtcMillis> {
    let cadence = draft.settlement.cadence;
    if !draft.is_settled_by_runs() || draft.per_milestone().next().is_none() {
        return Vec::new();
    }
    let mut before = None;
    let mut runs = Vec::new();
    let mut at = schedule::next_run_at(cadence, request.from);
    while at <= now && schedule::settled_from(cadence, at) < request.to {
        if schedule::settled_from(cadence, at) < request.from {
            before = Some(at);
        } else {
            runs.push(at);
        }
        at = schedule::next_run_at(cadence, at.plus_ms(1));
    }
    before.into_iter().chain(runs).collect()
}

/// A draft and the period to replay.
pub struct Replay {
    catalog: Catalog,
    draft: Program,
    request: DryRunRequest,
    runs: Vec<UtcMillis>,
    now: UtcMillis,
}

impl Replay {
    pub fn of(saved: &Catalog, draft: Program, request: DryRunRequest, now: UtcMillis) -> Replay {
        let (catalog, runs) = (with_draft(saved, &draft), runs_of(&draft, &request, now));
        Replay { catalog, draft, request, runs, now }
    }

    /// The version of the program that was in force in the period. A period ends just before its end instant, so it is that of
    /// this moment.
    pub fn standing<'a>(saved: &'a Catalog, id: &ProgramId, request: &DryRunRequest) -> Result<&'a Program, AppError> {
        let standing = saved.in_force(id, request.to.plus_ms(-1)).or_else(|| saved.versions(id).next());
        standing.ok_or_else(|| AppError::not_found("program"))
    }

    /// The requested document of a preview that was started, or the version in force.
    pub fn draft<'a>(
        saved: &'a Catalog,
        id: &ProgramId,
        request: &DryRunRequest,
    ) -> Result<Cow<'a, Program>, AppError> {
        match &request.document {
            Some(text) => check::read(text).map(Cow::Owned).map_err(|findings| {
                let path = findings.first().map_or("", |f| f.path.as_str()).to_owned();
                AppError::new(ErrorKind::Fault, "preview", format!("its document is refused by now: {path}"))
            }),
            None => Replay::standing(saved, id, request).map(Cow::Borrowed),
        }
    }

    /// The account's accruals of the period with the draft.
    fn accruals(&self, case: &decision::DecisionInput, terms: PartnerModifiers) -> Vec<Accrual> {
        // What was granted under the versions in force says nothing about the draft.
        let fresh = decision::DecisionInput { accruals: &[], terms, ..*case };
        let granted = self.granted(&fresh, case.accruals);
        // A granted reward is judged by everything that happened later, like stored ones.
        let mut accruals =
            decision::decide(&self.catalog, &decision::DecisionInput { accruals: &granted, ..fresh }).accruals;
        accruals.retain(|accrual| self.is_inside(accrual));
        accruals
    }

    /// What runs granted before the period, and what its runs would have granted in addition.
    fn granted(&self, fresh: &decision::DecisionInput, standing: &[Accrual]) -> Vec<Accrual> {
        let before = standing.iter().filter(|l| l.program_id == self.draft.id && self.is_granted_by_run(l));
        let mut known: Vec<Accrual> = before.filter(|l| self.place(l) < self.request.from).cloned().collect();
        for as_of in &self.runs {
            let case = decision::DecisionInput { accruals: &known, ..*fresh };
            let due = decision::grants(&self.catalog, &self.draft, &case, *as_of).0;
            known.extend(due);
        }
        known
    }

    fn is_granted_by_run(&self, accrual: &Accrual) -> bool {
        self.draft.is_settled_by_runs() && matches!(accrual.source.origin(), AccrualOrigin::Milestone(_))
    }

    fn is_inside(&self, accrual: &Accrual) -> bool {
        let place = self.place(accrual);
        let is_drafts = accrual.program_id == self.draft.id && !accrual.is_adjustment();
        is_drafts && place >= self.request.from && place < self.request.to
    }

    /// An accrual's date: a reward granted by a run has the period that the run settled, everything else that of its
    /// fact.
    fn place(&self, accrual: &Accrual) -> UtcMillis {
        if self.is_granted_by_run(accrual) {
            schedule::settled_from(self.draft.settlement.cadence, accrual.at_ms)
        } else {
            accrual.at_ms
        }
    }
}

impl Subject for Replay {
    fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    fn is_run(&self) -> bool {
        false
    }

    /// The decision about an account with the draft, as if nothing had been granted yet.
    fn decide(&self, books: &AccountSnapshots, account: &AccountId, terms: PartnerModifiers) -> AccountDecision {
        books.with_case(account, self.now, |_, case| {
            decision::decide(&self.catalog, &decision::DecisionInput { accruals: &[], terms, ..*case })
        })
    }

    /// Compares one account's accruals of the period: stored, and with the draft.
    fn compare(&self, books: &AccountSnapshots, account: &AccountId, terms: PartnerModifiers, sums: &mut PreviewSums) {
        for accrual in books.accruals(account).iter().filter(|l| self.is_inside(l)) {
            let sum = sums.of(Part::Reward, &accrual.partner_id, &accrual.unit, accrual.reward_id.clone());
            sum.actual_gross_cents.0 += accrual.kept().0;
            sum.actual_net_cents.0 += owed(accrual);
        }
        for accrual in books.with_case(account, self.now, |_, case| self.accruals(case, terms)) {
            let sum = sums.of(Part::Reward, &accrual.partner_id, &accrual.unit, accrual.reward_id.clone());
            sum.accruals += 1;
            sum.gross_cents.0 += accrual.kept().0;
            sum.net_cents.0 += owed(&accrual);
        }
    }

    fn view(&self, rows: &[PreviewRow], totals: &[PreviewRow]) -> Value {
        let row = |r: &PreviewRow| {
            json!({
                "partner": r.partner_id, "reward_id": r.reward_id, "was_earned_cents": r.actual_gross_cents,
                "actual_net_cents": r.actual_net_cents, "would_earn_cents": r.gross_cents, "simulated_net_cents": r.net_cents,
                "difference_cents": r.net_cents.0 - r.actual_net_cents.0,
            })
        };
        let total = |pick: fn(&PreviewRow) -> i64| totals.iter().map(pick).sum::<i64>();
        json!({
            "version": self.draft.version, "from": self.request.from.to_rfc3339(), "to": self.request.to.to_rfc3339(),
            "unit": self.draft.settlement.unit, "currency": self.draft.currency,
            "actual_net_cents": total(|r| r.actual_net_cents.0), "simulated_net_cents": total(|r| r.net_cents.0),
            "rows": rows.iter().map(row).collect::<Vec<Value>>(),
        })
    }
}
