//! What an accrual is for, as it is stored: `invoice:<id>`, `invoice:<id>:<reward>` for what a modifier adds to the
//! reward, `state:<name>`, `event:<type>`, or `adjustment:<id>` for one that an operator made.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccrualSource(String);

/// A source, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccrualOrigin<'a> {
    /// An invoice, with the reward that a modifier adds to. Invoice ids may contain colons, so they aren't told apart.
    Invoice(&'a str),
    /// A state that the account reached.
    Milestone(&'a str),
    /// A type of event.
    Event(&'a str),
    /// An operator's adjustment.
    Adjustment(&'a str),
    Unknown(&'a str),
}

impl AccrualSource {
    /// How the sources of all invoices begin, up to the colon.
    pub const INVOICE: &str = "invoice";
    const MILESTONE: &str = "state";
    const EVENT: &str = "event";
    /// How the sources of all adjustments begin, up to the colon.
    pub const ADJUSTMENT: &str = "adjustment";

    pub fn invoice(id: &str) -> AccrualSource {
        AccrualSource(format!("{}:{id}", AccrualSource::INVOICE))
    }

    pub fn milestone(state: &str) -> AccrualSource {
        AccrualSource(format!("{}:{state}", AccrualSource::MILESTONE))
    }

    pub fn event(kind: &str) -> AccrualSource {
        AccrualSource(format!("{}:{kind}", AccrualSource::EVENT))
    }

    pub fn adjustment(id: &str) -> AccrualSource {
        AccrualSource(format!("{}:{id}", AccrualSource::ADJUSTMENT))
    }

    /// The source of what a modifier adds to the accrual of `reward` for this source.
    pub fn modifier(&self, reward: &str) -> AccrualSource {
        AccrualSource(format!("{}:{reward}", self.0))
    }

    /// Whether it is what a modifier adds to `reward`, if the accrual is a modifier's.
    pub fn is_added_to(&self, reward: &str) -> bool {
        let rest = self.0.strip_suffix(reward).and_then(|rest| rest.strip_suffix(':'));
        rest.is_some() && matches!(self.origin(), AccrualOrigin::Invoice(_))
    }

    pub fn origin(&self) -> AccrualOrigin<'_> {
        match self.0.split_once(':') {
            Some((AccrualSource::INVOICE, rest)) => AccrualOrigin::Invoice(rest),
            Some((AccrualSource::MILESTONE, state)) => AccrualOrigin::Milestone(state),
            Some((AccrualSource::EVENT, kind)) => AccrualOrigin::Event(kind),
            Some((AccrualSource::ADJUSTMENT, id)) => AccrualOrigin::Adjustment(id),
            _ => AccrualOrigin::Unknown(&self.0),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_what_it_was_made_of() {
        let invoice = AccrualSource::invoice("in:1");
        assert_eq!(invoice.origin(), AccrualOrigin::Invoice("in:1"));
        assert_eq!(invoice.modifier("tier-1").as_str(), "invoice:in:1:tier-1");
        assert_eq!(AccrualSource::milestone("sustained").origin(), AccrualOrigin::Milestone("sustained"));
        assert_eq!(AccrualSource::event("rfq.submitted").origin(), AccrualOrigin::Event("rfq.submitted"));
        let stored: AccrualSource = serde_json::from_str("\"event:rfq.submitted\"").expect("a source");
        assert_eq!(stored, AccrualSource::event("rfq.submitted"));
    }
}
