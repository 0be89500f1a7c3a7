//! Replaying a past period with a draft: what it would have paid compared with what was accrued, per partner and
//! reward. Nothing is written.
//!
//! Accounts that are bound in the program's group are recomputed from all their facts as if the draft had always been
//! in force during the period. The period's accruals are compared by gross and net.

use crate::base::ids::{AccountId, PartnerId, ProgramId, RewardId};
use crate::base::time::UtcMillis;
use crate::codec::operator::DryRunRequest;
use crate::engine::account::decision;
use crate::engine::accrual::invoice::PartnerModifiers;
use crate::engine::accrual::modifiers::ModifierInputs;
use crate::engine::accrual::source::AccrualOrigin;
use crate::engine::accrual::{Accrual, AccrualState};
use crate::engine::settlement::schedule;
use crate::program::catalog::Catalog;
use crate::program::check;
use crate::program::document::{Cadence, Document, Trigger};
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
    let standing = saved.in_force(id, request.to.plus_ms(-1)).ok_or_else(|| AppError::not_found("program"))?;
    let draft = match &request.document {
        Some(text) => check::read(text).map_err(Refusal::Findings)?,
        None => standing.clone(),
    };
    if draft.id != *id {
        let rule = format!("the program in the URL, {id}");
        return Err(Refusal::Findings(vec![check::Finding {
            path: "document.id".to_owned(),
            value: draft.id.into(),
            rule,
        }]));
    }
    super::same_money(&draft, standing, "document.currency")?;
    let (catalog, runs) = (with_draft(&saved, &draft), runs_of(&draft, request, ctx.now));
    let replay = Replay { catalog, draft, request, runs, as_of: last_run(ctx, id, request.to).await? };
    // A partner's modifiers depend on all its accounts, so an account's earnings are known only in a second pass.
    let mut gathered = ModifierInputs::default();
    let complete = if replay.draft.modifiers.is_empty() && replay.draft.caps.is_empty() {
        true
    } else {
        let look =
            |books: &AccountSnapshots, account: &AccountId| replay.gather(ctx.now, books, account, &mut gathered);
        // The second pass reads as much as this one.
        let _for_second = ctx.keep(ctx.left() / 2);
        books::each_of_group(ctx, standing.group(), PAGES, look).await?.1
    };
    let modifiers = gathered.modifiers(&replay.draft, replay.as_of);
    let capped = gathered.capped(&replay.draft, replay.as_of);
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
fn with_draft(saved: &Catalog, draft: &Document) -> Catalog {
    let others = saved.all().filter(|d| d.id != draft.id).cloned();
    let always = Document { version: 1, effective_from: UtcMillis(0), ..draft.clone() };
    Catalog::new(others.chain([always]).map(Rc::new).collect())
}

/// An accrual's amount in cents: its net, plus what waits for a budget.
fn owed(accrual: &Accrual) -> i64 {
    if accrual.state == AccrualState::Waiting { accrual.kept().0 } else { accrual.net_cents.0 }
}

/// The instants of the runs that settle the requested period's weeks or months, and of the last run before them.
fn runs_of(draft: &Document, request: &DryRunRequest, now: UtcMillis) -> Vec<UtcMillis> {
    let cadence = draft.settlement.cadence;
    let by_runs = matches!(cadence, Cadence::Weekly | Cadence::Monthly);
    if !by_runs || !draft.rewards.iter().any(|r| matches!(r.on, Trigger::State(_))) {
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
    draft: Document,
    request: &'a DryRunRequest,
    runs: Vec<UtcMillis>,
    as_of: UtcMillis,
}

impl Replay<'_> {
    /// Adds one account's contribution to its partner's modifiers.
    fn gather(&self, now: UtcMillis, books: &AccountSnapshots, account: &AccountId, gathered: &mut ModifierInputs) {
        let (no_modifiers, nothing_capped) = (HashMap::new(), HashMap::new());
        let terms = PartnerModifiers { modifiers: &no_modifiers, capped: &nothing_capped };
        let decision = books.with_case(account, now, |_, case| {
            decision::decide(&self.catalog, &decision::DecisionInput { accruals: &[], terms, ..*case })
        });
        gathered.add(&self.draft, account, &decision);
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
        let by_runs = matches!(self.draft.settlement.cadence, Cadence::Weekly | Cadence::Monthly);
        by_runs && matches!(accrual.source.origin(), AccrualOrigin::Milestone(_))
    }

    fn is_inside(&self, accrual: &Accrual) -> bool {
        let place = self.place(accrual);
        accrual.program_id == self.draft.id && place >= self.request.from && place < self.request.to
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
