//! What a run would do if it started now: the plan without its execution, account by account.

use crate::base::ids::{AccountId, RewardId};
use crate::base::time::UtcMillis;
use crate::engine::account::decision;
use crate::engine::account::decision::AccountDecision;
use crate::engine::accrual::invoice::PartnerModifiers;
use crate::engine::accrual::{Accrual, AccrualState, Balance};
use crate::engine::ledger::posting;
use crate::program::catalog::Catalog;
use crate::program::compiled::Program;
use crate::service::account::books::AccountSnapshots;
use crate::service::error::{AppError, ErrorKind};
use crate::service::preview::subject::{Part, PreviewSums, Subject};
use crate::service::settlement::settle::Due;
use crate::store::preview::{PreviewRow, PreviewState};
use serde_json::{Value, json};

/// A run that is previewed.
pub struct RunPreview {
    catalog: Catalog,
    program: Program,
    /// The run's period and instant.
    period: Value,
    as_of: UtcMillis,
    now: UtcMillis,
}

impl RunPreview {
    /// What a preview of this run begins with. `latest`: the instant of the program's latest run, as of which every run finds
    /// modifiers and caps.
    pub fn begin(catalog: &Catalog, due: &Due, latest: Option<UtcMillis>) -> Result<PreviewState, AppError> {
        let document = catalog.in_force(&due.program, due.as_of).ok_or_else(|| AppError::not_found("program"))?;
        let period = json!({"cadence": due.cadence.name(), "period": due.period, "as_of": due.as_of.to_rfc3339()});
        let passes = catalog.versions(&due.program).map(Program::passes).max().unwrap_or(1);
        Ok(PreviewState {
            kind: "run".to_owned(),
            program_id: due.program.clone(),
            group_id: document.group().to_owned(),
            request: period.to_string(),
            as_of_ms: latest.map_or(due.as_of, |latest| latest.max(due.as_of)),
            passes: i64::try_from(passes).unwrap_or(1),
            ..PreviewState::default()
        })
    }

    /// The run's instant; `None` if it is about no run.
    pub fn instant(state: &PreviewState) -> Option<UtcMillis> {
        let period: Value = serde_json::from_str(&state.request).ok().filter(|_| state.kind == "run")?;
        UtcMillis::parse(period["as_of"].as_str()?)
    }

    pub fn of(catalog: &Catalog, state: &PreviewState) -> Result<RunPreview, AppError> {
        let period: Value = serde_json::from_str(&state.request).unwrap_or_default();
        let as_of = RunPreview::instant(state)
            .ok_or_else(|| AppError::new(ErrorKind::Fault, "preview", "without its instant"))?;
        let program = catalog.in_force(&state.program_id, as_of).ok_or_else(|| AppError::not_found("program"))?;
        Ok(RunPreview { catalog: catalog.clone(), program: program.clone(), period, as_of, now: state.created_at_ms })
    }

    fn vests(&self, accrual: &Accrual) -> bool {
        let pending = accrual.state == AccrualState::Pending && accrual.balance == Balance::Pending;
        pending && accrual.vests_at_ms <= self.as_of && accrual.at_ms < self.as_of
    }
}

impl Subject for RunPreview {
    fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    fn is_run(&self) -> bool {
        true
    }

    fn decide(&self, books: &AccountSnapshots, account: &AccountId, terms: PartnerModifiers) -> AccountDecision {
        books.with_case(account, self.now, |_, case| {
            decision::decide(&self.catalog, &decision::DecisionInput { terms, ..*case })
        })
    }

    /// What the run grants the account, what modifiers and caps change in its accruals, and what vests then.
    fn compare(&self, books: &AccountSnapshots, account: &AccountId, terms: PartnerModifiers, sums: &mut PreviewSums) {
        let grants = books
            .with_case(account, self.now, |_, case| decision::grants(&self.catalog, &self.program, case, self.as_of).0);
        let mut count = |part, accrual: &Accrual| {
            let sum = sums.of(part, &accrual.partner_id, &accrual.unit, RewardId::default());
            sum.accruals += 1;
            sum.net_cents.0 += accrual.net_cents.0;
        };
        grants.iter().for_each(|accrual| count(Part::Grant, accrual));
        let standing = books.accruals(account);
        let (mut changed, _) = posting::settle(standing, self.decide(books, account, terms).accruals, "");
        // Other programs of the group have their own modifiers, which this run does not look for.
        changed.retain(|accrual| accrual.program_id == self.program.id);
        let unchanged = standing.iter().filter(|old| changed.iter().all(|accrual| accrual.id != old.id));
        let of_program = unchanged.chain(&changed).filter(|l| l.program_id == self.program.id);
        of_program.filter(|l| self.vests(l)).for_each(|accrual| count(Part::Vest, accrual));
        for accrual in &changed {
            let stood = standing.iter().find(|old| old.id == accrual.id).map_or(0, |old| old.net_cents.0);
            let sum = sums.of(Part::Term, &accrual.partner_id, &accrual.unit, accrual.reward_id.clone());
            sum.net_cents.0 += accrual.net_cents.0 - stood;
        }
    }

    fn view(&self, rows: &[PreviewRow], _: &[PreviewRow]) -> Value {
        let of = |part: Part| rows.iter().filter(move |row| row.part == part.name());
        let counts = |part| -> Vec<Value> {
            let row = |r: &PreviewRow| json!({"partner": r.partner_id, "unit": r.unit, "accruals": r.accruals, "cents": r.net_cents});
            of(part).map(row).collect()
        };
        let term = |r: &PreviewRow| json!({"partner": r.partner_id, "modifier_id": r.reward_id, "difference_cents": r.net_cents});
        json!({
            "cadence": self.period["cadence"], "period": self.period["period"], "as_of": self.period["as_of"], "preview": true,
            "grants": counts(Part::Grant), "terms": of(Part::Term).map(term).collect::<Vec<Value>>(),
            "vests": counts(Part::Vest),
        })
    }
}
