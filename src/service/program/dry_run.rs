//! Replaying a past period with a draft: what it would have paid compared with what was accrued, per partner and
//! reward. Nothing is written.
//!
//! Accounts that are bound in the program's group are recomputed from all their facts as if the draft had always been
//! in force during the period. The period's accruals are compared by gross and net.

use crate::base::ids::{AccountId, PartnerId, ProgramId, RewardId};
use crate::base::time::UtcMillis;
use crate::codec::operator::DryRunRequest;
use crate::engine::account::decision;
use crate::engine::account::decision::AccountDecision;
use crate::engine::accrual::invoice::PartnerModifiers;
use crate::engine::accrual::modifiers::ModifierInputs;
use crate::engine::accrual::source::AccrualOrigin;
use crate::engine::accrual::{Accrual, AccrualState};
use crate::engine::settlement::schedule;
use crate::program::catalog::Catalog;
use crate::program::check;
use crate::program::compiled::Program;
use crate::service::account::books;
use crate::service::account::books::AccountSnapshots;
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::program::Refusal;
use crate::store::port::DbError;
use crate::store::settlement::operator_runs::run_latest;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// The most pages of accounts that one dry run reads, within one invocation's statements; the response says if there
/// are more.
const PAGES: u32 = 25;

#[derive(Default)]
struct Sum {
    was_earned: i64,
    was_net: i64,
    would_earn: i64,
    would_net: i64,
}

/// By partner and reward, in cents.
type Sums = BTreeMap<(PartnerId, RewardId), Sum>;

pub async fn dry_run<P: Ports>(
    ctx: &Context<'_, P>,
    id: &ProgramId,
    request: &DryRunRequest,
) -> Result<Value, Refusal> {
    let saved = ctx.programs().await?;
    // A period ends just before its end instant, so the version of that moment was in force.
    let standing = saved.in_force(id, request.to.plus_ms(-1)).or_else(|| saved.versions(id).next());
    let standing = standing.ok_or_else(|| AppError::not_found("program"))?;
    let draft = match &request.document {
        Some(text) => check::read(text).map_err(Refusal::Findings)?,
        None => standing.clone(),
    };
    if draft.id != *id {
        let rule = format!("the program in the URL, {id}");
        return Err(Refusal::Findings(vec![check::Finding {
            path: "document.id".to_owned(),
            value: draft.id.to_string(),
            rule,
        }]));
    }
    super::same_money(&draft, standing, "document.currency")?;
    let (catalog, runs) = (with_draft(&saved, &draft), runs_of(&draft, request, ctx.now));
    let replay = Replay { catalog, draft, request, runs, as_of: last_run(ctx, id, request.to).await? };
    // A partner's modifiers depend on all its accounts, so an account's earnings are known only in a further pass; and
    // where modifiers share the room under a cap, one more.
    let (mut gathered, mut complete) = (ModifierInputs::default(), true);
    let mut modifiers = HashMap::new();
    let passes = replay.draft.passes();
    for pass in 1..passes {
        let terms = PartnerModifiers { modifiers: &modifiers, capped: &HashMap::new() };
        let look = |books: &AccountSnapshots, account: &AccountId| {
            let decision = replay.decide(ctx.now, books, account, terms);
            if pass == 1 {
                gathered.add(&replay.catalog, &replay.draft, account, &decision);
            } else {
                gathered.add_rooms(&replay.catalog, id, &decision);
            }
        };
        // Each further pass reads as much as this one.
        let further = passes - pass;
        let _for_further = ctx.keep(ctx.left() * further / (further + 1));
        complete &= books::each_of_group(ctx, standing.group(), PAGES, look).await?.1;
        modifiers = gathered.modifiers(&replay.catalog, id, replay.as_of);
    }
    let capped = gathered.capped(replay.as_of);
    let terms = PartnerModifiers { modifiers: &modifiers, capped: &capped };
    let mut sums = Sums::new();
    let look =
        |books: &AccountSnapshots, account: &AccountId| replay.compare(ctx.now, books, account, terms, &mut sums);
    let (accounts, all) = books::each_of_group(ctx, standing.group(), PAGES, look).await?;
    Ok(replay.answer(&sums, accounts, complete && all))
}

/// The instant as of which partners' modifiers are evaluated: that of the program's latest run, as for the stored ones.
async fn last_run<P: Ports>(ctx: &Context<'_, P>, id: &ProgramId, otherwise: UtcMillis) -> Result<UtcMillis, DbError> {
    let row = ctx.read(run_latest(id).first()).await?;
    Ok(row.and_then(|r| r.as_of_ms).unwrap_or(otherwise))
}

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
struct Replay<'a> {
    catalog: Catalog,
    draft: Program,
    request: &'a DryRunRequest,
    runs: Vec<UtcMillis>,
    as_of: UtcMillis,
}

impl Replay<'_> {
    /// The decision about an account with the draft, as if nothing had been granted yet.
    fn decide(
        &self,
        now: UtcMillis,
        books: &AccountSnapshots,
        account: &AccountId,
        terms: PartnerModifiers,
    ) -> AccountDecision {
        books.with_case(account, now, |_, case| {
            decision::decide(&self.catalog, &decision::DecisionInput { accruals: &[], terms, ..*case })
        })
    }

    /// Compares one account's accruals of the period: stored, and with the draft.
    fn compare(
        &self,
        now: UtcMillis,
        books: &AccountSnapshots,
        account: &AccountId,
        terms: PartnerModifiers,
        sums: &mut Sums,
    ) {
        for accrual in books.accruals(account).iter().filter(|l| self.is_inside(l)) {
            let sum = sums.entry((accrual.partner_id.clone(), accrual.reward_id.clone())).or_default();
            sum.was_earned += accrual.kept().0;
            sum.was_net += owed(accrual);
        }
        for accrual in books.with_case(account, now, |_, case| self.accruals(case, terms)) {
            let sum = sums.entry((accrual.partner_id.clone(), accrual.reward_id.clone())).or_default();
            sum.would_earn += accrual.kept().0;
            sum.would_net += owed(&accrual);
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
        accrual.program_id == self.draft.id
            && !accrual.is_adjustment()
            && place >= self.request.from
            && place < self.request.to
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

    fn answer(&self, sums: &Sums, accounts: usize, complete: bool) -> Value {
        let rows: Vec<Value> = sums
            .iter()
            .map(|((partner, rule), s)| {
                json!({
                    "partner": partner, "reward_id": rule, "was_earned_cents": s.was_earned, "actual_net_cents": s.was_net,
                    "would_earn_cents": s.would_earn, "simulated_net_cents": s.would_net,
                    "difference_cents": s.would_net - s.was_net,
                })
            })
            .collect();
        let total = |pick: fn(&Sum) -> i64| sums.values().map(pick).sum::<i64>();
        json!({
            "program": self.draft.id, "version": self.draft.version,
            "from": self.request.from.to_rfc3339(), "to": self.request.to.to_rfc3339(),
            "unit": self.draft.settlement.unit, "currency": self.draft.currency,
            "accounts": accounts, "complete": complete,
            "actual_net_cents": total(|s| s.was_net), "simulated_net_cents": total(|s| s.would_net), "rows": rows,
        })
    }
}
