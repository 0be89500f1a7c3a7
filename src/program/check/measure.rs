//! Checks a program's funnel and its paid channels.

use crate::program::check::checker::Checker;
use crate::program::measure::{Economics, Funnel};
use std::collections::HashSet;

pub(crate) fn check_funnel(c: &mut Checker, funnel: &Funnel) {
    let (mut stages, mut events) = (HashSet::new(), HashSet::new());
    for (i, stage) in funnel.stages.iter().enumerate() {
        let path = |part: &str| format!("funnel.stages[{i}].{part}");
        c.rule(&path("id"), &stage.id, stages.insert(&stage.id), "no duplicate stages");
        for event in &stage.events {
            c.rule(&path("events"), event, events.insert(event), "each event in only one stage");
        }
        if let Some(band) = stage.band_bps {
            let value = format!("[{}, {}]", band.from.0, band.to.0);
            c.rule(&path("band_bps"), value, band.from < band.to, "from < to");
            c.rule(&path("band_bps"), &stage.id, i > 0, "no band for the first stage, because bands are shares of it");
        }
    }
    let mut campaigns = HashSet::new();
    for (i, promise) in funnel.promises.iter().enumerate() {
        let (path, campaign) = (format!("funnel.promises[{i}].campaign"), &promise.campaign);
        c.rule(&path, campaign, campaigns.insert(campaign), "no duplicate campaigns");
    }
}

pub(crate) fn check_economics(c: &mut Checker, economics: &Economics) {
    let mut seen = HashSet::new();
    for (i, paid) in economics.paid_channels.iter().enumerate() {
        let path = format!("economics.paid_channels[{i}].channel");
        c.rule(&path, &paid.channel, seen.insert(&paid.channel), "no duplicate channels");
    }
}
