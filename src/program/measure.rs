//! What a program measures beside what it pays: the stages of its funnel, and the paid channels that its cost is
//! compared with.

use crate::base::money::{Bps, Cents};
use crate::program::check::Checker;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// What a program without money measures: visitors who reach each stage through a partner and campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Funnel {
    pub stages: Vec<Stage>,
    /// Visits that must stand before a weakest step is named.
    pub sample_min: i64,
    pub promises: Vec<Promise>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    pub id: String,
    pub title: String,
    /// Types of events that reach it. A counted click of the program's links is `click`.
    pub events: Vec<String>,
    /// The share of visits that is healthy, in basis points of the first stage; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band_bps: Option<Band>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    pub from: Bps,
    pub to: Bps,
}

/// What a kind of partner promises its readers, and what is asked of them.
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

/// What the program's acquisition cost stands beside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Economics {
    pub paid_channels: Vec<PaidChannel>,
}

/// A channel that is paid for otherwise, and what one account costs there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaidChannel {
    pub channel: String,
    pub cost_cents: Cents,
}

/// The event that a counted click of a link is. It comes from the redirect alone.
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

pub(crate) fn check_funnel(c: &mut Checker, funnel: &Funnel) {
    let sample = (1..=1_000_000).contains(&funnel.sample_min);
    c.rule("funnel.sample_min", funnel.sample_min, sample, "1 to 1000000 visits");
    c.list("funnel.stages", funnel.stages.len(), 2);
    let (mut stages, mut events) = (HashSet::new(), HashSet::new());
    for (i, stage) in funnel.stages.iter().enumerate() {
        let path = |part: &str| format!("funnel.stages[{i}].{part}");
        c.name(&path("id"), &stage.id);
        c.rule(&path("id"), &stage.id, stages.insert(&stage.id), "no duplicate stages");
        c.label(&path("title"), &stage.title);
        c.list(&path("events"), stage.events.len(), 1);
        for event in &stage.events {
            c.event(&path("events"), event);
            c.rule(&path("events"), event, events.insert(event), "each event in only one stage");
        }
        if let Some(band) = stage.band_bps {
            let ordered = 0 < band.from.0 && band.from < band.to && band.to <= Bps::ONE;
            let value = format!("[{}, {}]", band.from.0, band.to.0);
            c.rule(&path("band_bps"), value, ordered, "0 < from < to <= 10000 basis points");
            c.rule(&path("band_bps"), &stage.id, i > 0, "no band for the first stage, because bands are shares of it");
        }
    }
    c.list("funnel.promises", funnel.promises.len(), 0);
    let mut campaigns = HashSet::new();
    for (i, promise) in funnel.promises.iter().enumerate() {
        let path = |part: &str| format!("funnel.promises[{i}].{part}");
        c.name(&path("campaign"), &promise.campaign);
        c.rule(&path("campaign"), &promise.campaign, campaigns.insert(&promise.campaign), "no duplicate campaigns");
        for (name, text) in [
            ("partner_type", &promise.partner_type),
            ("promise", &promise.promise),
            ("primary_cta", &promise.primary_cta),
            ("activation_event", &promise.activation_event),
        ] {
            c.label(&path(name), text);
        }
    }
}

pub(crate) fn check_economics(c: &mut Checker, economics: &Economics) {
    c.list("economics.paid_channels", economics.paid_channels.len(), 0);
    let mut seen = HashSet::new();
    for (i, paid) in economics.paid_channels.iter().enumerate() {
        let path = |part: &str| format!("economics.paid_channels[{i}].{part}");
        c.label(&path("channel"), &paid.channel);
        c.rule(&path("channel"), &paid.channel, seen.insert(&paid.channel), "no duplicate channels");
        c.cents(&path("cost_cents"), paid.cost_cents, 1);
    }
}
