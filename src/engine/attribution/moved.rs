//! Accounts that an operator moved to a partner, or away from all.

use crate::base::ids::ProgramId;
use crate::engine::account::fact::Fact;
use crate::engine::account::timeline::Timeline;
use crate::engine::attribution::Search;
use crate::engine::attribution::binding::{AttributionCandidate, AttributionLink, AttributionMethod, Binding};
use crate::engine::event::Payload;
use crate::program::document::Source;

impl Search<'_> {
    /// The latest decision of an operator takes precedence over everything.
    pub(super) fn moved(&mut self, signup: &Fact, timeline: &Timeline) -> Option<(Option<Binding>, String)> {
        let mine = |program: &ProgramId| self.programs.iter().any(|d| d.id == *program);
        let (fact, partner, code, program, reason) = timeline.facts.iter().rev().find_map(|f| match &f.payload {
            Payload::Reassigned { program, partner, code, reason } if mine(program) => {
                Some((f, partner, code, program, reason))
            }
            _ => None,
        })?;
        let why = format!("moved by an operator: {reason}");
        let (Some(partner), Some(code)) = (partner, code) else { return Some((None, why)) };
        let source = self.evidence.links.get(code).map_or(Source::DirectLink, AttributionLink::brings);
        self.candidates.push(AttributionCandidate {
            method: AttributionMethod::Operator,
            event: fact.event_id.clone(),
            program: Some(program.clone()),
            partner: Some(partner.clone()),
            code: code.clone(),
            at: Some(fact.at),
            chosen: true,
            reason: why.clone(),
        });
        let binding = Binding {
            program: program.clone(),
            partner: partner.clone(),
            code: code.clone(),
            method: AttributionMethod::Operator,
            source,
            click: None,
            visitor: None,
            domain: None,
            from: signup.at,
            event: signup.event_id.clone(),
        };
        Some((Some(binding), why))
    }
}
