//! Checks a program's funnel and its paid channels.

use crate::base::money::Bps;
use crate::program::check::checker::Checker;
use crate::program::measure::{Economics, Funnel};
use std::collections::HashSet;

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
