//! What a program measures besides what it pays: the stages of its funnel, and the paid channels to compare its cost
//! with.

use crate::base::money::{Bps, Cents};
use serde::{Deserialize, Serialize};

/// What a program without money measures: visitors who reach each stage through a partner and campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Funnel {
    pub stages: Vec<Stage>,
    /// Minimum visits before a weakest step is named.
    pub sample_min: i64,
    pub promises: Vec<Promise>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    pub id: String,
    pub title: String,
    /// Types of events that reach it. A counted click on one of the program's links is `click`.
    pub events: Vec<String>,
    /// The healthy share of visits, in basis points of the first stage; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band_bps: Option<Band>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    pub from: Bps,
    pub to: Bps,
}

/// What a kind of partner promises its readers, and what it asks of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// The campaign that carries it.
    pub campaign: String,
    pub partner_type: String,
    pub promise: String,
    pub primary_cta: String,
    pub activation_event: String,
}

/// What the program's acquisition cost is compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Economics {
    pub paid_channels: Vec<PaidChannel>,
}

/// Another paid channel, and what one account costs there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaidChannel {
    pub channel: String,
    pub cost_cents: Cents,
}

/// The event of a counted click on a link. Only the redirect creates it.
pub const CLICK: &str = "click";

impl Funnel {
    /// The stage that counted clicks reach.
    pub fn click_stage(&self) -> Option<&Stage> {
        self.stages.iter().find(|s| s.events.iter().any(|e| e == CLICK))
    }

    pub fn counts(&self, event: &str) -> bool {
        event != CLICK && self.stages.iter().any(|s| s.events.iter().any(|e| e == event))
    }

    pub fn promise(&self, campaign: &str) -> Option<&Promise> {
        self.promises.iter().find(|p| p.campaign == campaign)
    }
}
