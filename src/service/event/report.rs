//! What the sender of an event is told, the first time and each time after.

use crate::base::ids::{AccountId, AccrualId, EventId, LinkCode, PartnerId, ProgramId, RewardId};
use crate::base::time::UtcMillis;
use crate::engine::account::decision::AccountDecision;
use crate::engine::accrual::{Accrual, AccrualState};
use crate::engine::attribution::binding::AttributionMethod;
use crate::engine::event::Event;
use crate::program::catalog::Catalog;
use serde::Serialize;

const EMAIL_IGNORED: &str = "the email address is not one, and counts as absent";

/// The response to the sender, and to a repeat.
#[derive(Serialize)]
pub struct IngestReport {
    event: EventId,
    /// `applied`, `stored` if no decision uses the type or what it says, or `waiting` if the decision is refused for now.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<AccountId>,
    attribution: Vec<AttributionOutcome>,
    pub(super) accruals: Vec<AccrualOutcome>,
    /// What the event brought and nobody can use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<&'static str>,
}

#[derive(Serialize)]
pub(super) struct AttributionOutcome {
    group: String,
    attributed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<ProgramId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<PartnerId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<AttributionMethod>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<LinkCode>,
    reason: String,
    /// The referred side's benefit.
    #[serde(skip_serializing_if = "Option::is_none")]
    benefit: Option<crate::program::document::Benefit>,
}

#[derive(Serialize)]
pub(super) struct AccrualOutcome {
    id: AccrualId,
    program: ProgramId,
    reward_id: RewardId,
    #[serde(skip_serializing_if = "str::is_empty")]
    partner: PartnerId,
    unit: String,
    gross_cents: i64,
    net_cents: i64,
    state: AccrualState,
    reason: String,
}

impl AccrualOutcome {
    pub(super) fn of(accrual: &Accrual) -> AccrualOutcome {
        AccrualOutcome {
            id: accrual.id.clone(),
            program: accrual.program_id.clone(),
            reward_id: accrual.reward_id.clone(),
            partner: accrual.partner_id.clone(),
            unit: accrual.unit.clone(),
            gross_cents: accrual.gross_cents.0,
            net_cents: accrual.net_cents.0,
            state: accrual.state,
            reason: accrual.reason.clone(),
        }
    }
}

/// What the event brought and nobody can use.
pub fn warnings(event: &Event) -> Vec<&'static str> {
    event.person.email_ignored.then_some(EMAIL_IGNORED).into_iter().collect()
}

impl IngestReport {
    pub(super) fn new(event: &Event, known: bool) -> IngestReport {
        IngestReport {
            event: event.id.clone(),
            outcome: if known { "applied" } else { "stored" },
            account: event.account_id.clone(),
            attribution: Vec::new(),
            accruals: Vec::new(),
            warnings: warnings(event),
        }
    }

    /// The same, but not applied yet.
    pub(super) fn waiting(self) -> IngestReport {
        IngestReport { outcome: "waiting", ..self }
    }

    pub(super) fn decided(&mut self, catalog: &Catalog, decision: &AccountDecision, now: UtcMillis) {
        for group in &decision.groups {
            let result = &group.result;
            let binding = result.binding.as_ref();
            self.attribution.push(AttributionOutcome {
                group: result.group.clone(),
                attributed: binding.is_some(),
                program: binding.map(|b| b.program.clone()),
                partner: binding.map(|b| b.partner.clone()),
                method: binding.map(|b| b.method),
                code: binding.map(|b| b.code.clone()),
                reason: result.reason.clone(),
                benefit: binding.and_then(|b| catalog.in_force(&b.program, now)?.benefit.clone()),
            });
        }
    }
}
