//! The weekly funnel report: how many visitors each partner and campaign brought to each stage, what share of the
//! visits that is, and how it compares to the program's bands and average.
//!
//! In scope: counts and a document in, figures out. Not in scope: what to do about them (`advice`), counting (`store`).
//! Source: rule 24 of the design and the funnel's brief.

pub mod advice;
pub mod figures;
pub mod interval;

use crate::base::ids::PartnerId;
use crate::base::sort::sort_by;
pub use crate::engine::funnel::figures::{BandComparison, FunnelFigures, Place, StageFigures};

use crate::engine::funnel::advice::{Action, Task};
use crate::engine::funnel::interval::Rate;
use crate::program::document::Document;
use crate::program::measure::{Band, Funnel, Stage};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A step can only be the weakest if at least this many visitors could be expected to reach it from the step before,
/// with both at the floors of their bands. Five is the usual minimum expectation for a share. A step after one that
/// nobody reached proves nothing.
const EXPECTED_MIN: i64 = 5;

/// Distinct visitors who reached a stage in the week through a partner and campaign. Without a partner: through those who
/// are not listed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StageCount {
    pub partner: PartnerId,
    /// Empty if the event named none.
    pub campaign: String,
    pub stage: String,
    pub visitors: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FunnelReport {
    /// A sample with fewer visits is small.
    pub sample_min: i64,
    /// The whole program: the sum of its partners' figures.
    pub program: FunnelFigures,
    /// Large samples before small ones, then by visits.
    pub partners: Vec<PartnerFunnelReport>,
    /// All partners who are not listed, together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_partners: Option<FunnelFigures>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartnerFunnelReport {
    pub partner: PartnerId,
    #[serde(flatten)]
    pub figures: FunnelFigures,
    pub campaigns: Vec<CampaignFunnelReport>,
    pub action: Action,
    pub tasks: Vec<Task>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CampaignFunnelReport {
    pub campaign: String,
    #[serde(flatten)]
    pub figures: FunnelFigures,
}

/// The report of one week. Counts of stages that the document does not have are left out.
pub fn report(document: &Document, funnel: &Funnel, counts: &[StageCount]) -> FunnelReport {
    let mut tree: BTreeMap<&PartnerId, BTreeMap<&str, StageCounts>> = BTreeMap::new();
    let mut whole = StageCounts::new();
    for count in counts.iter().filter(|c| funnel.stages.iter().any(|s| s.id == c.stage)) {
        *tree
            .entry(&count.partner)
            .or_default()
            .entry(&count.campaign)
            .or_default()
            .entry(&count.stage)
            .or_default() += count.visitors;
        *whole.entry(&count.stage).or_default() += count.visitors;
    }
    let program = figures(funnel, &whole, None);
    let others =
        tree.remove(&PartnerId::default()).map(|campaigns| figures(funnel, &summed(&campaigns), Some(&program)));
    let mut partners: Vec<PartnerFunnelReport> = tree
        .iter()
        .map(|(partner, campaigns)| partner_report(document, funnel, partner, campaigns, &program))
        .collect();
    sort_by(&mut partners, |a, b| {
        let key =
            |p: &PartnerFunnelReport| (p.figures.small_sample, std::cmp::Reverse(p.figures.visits), p.partner.clone());
        key(a).cmp(&key(b))
    });
    FunnelReport { sample_min: funnel.sample_min, program, partners, other_partners: others }
}

/// Visitors by stage.
type StageCounts<'a> = BTreeMap<&'a str, i64>;

fn summed<'a>(campaigns: &BTreeMap<&'a str, StageCounts<'a>>) -> StageCounts<'a> {
    let mut sum = StageCounts::new();
    for (stage, visitors) in campaigns.values().flatten() {
        *sum.entry(stage).or_default() += visitors;
    }
    sum
}

fn partner_report(
    document: &Document,
    funnel: &Funnel,
    partner: &PartnerId,
    campaigns: &BTreeMap<&str, StageCounts>,
    program: &FunnelFigures,
) -> PartnerFunnelReport {
    let own = figures(funnel, &summed(campaigns), Some(program));
    let mut campaigns: Vec<CampaignFunnelReport> = campaigns
        .iter()
        .map(|(campaign, reached)| CampaignFunnelReport {
            campaign: (*campaign).to_owned(),
            figures: figures(funnel, reached, Some(program)),
        })
        .collect();
    sort_by(&mut campaigns, |a, b| {
        let key = |c: &CampaignFunnelReport| (std::cmp::Reverse(c.figures.visits), c.campaign.clone());
        key(a).cmp(&key(b))
    });
    let action = advice::action(funnel, &own);
    let main = campaigns.first().map_or("", |c| c.campaign.as_str());
    let tasks = advice::tasks(document, funnel, main, &own, &action);
    PartnerFunnelReport { partner: partner.to_owned(), figures: own, campaigns, action, tasks }
}

fn figures(funnel: &Funnel, reached: &StageCounts, average: Option<&FunnelFigures>) -> FunnelFigures {
    let at = |stage: &Stage| reached.get(stage.id.as_str()).copied().unwrap_or(0);
    let visits = funnel.stages.first().map_or(0, at);
    let stages: Vec<StageFigures> = funnel
        .stages
        .iter()
        .enumerate()
        .map(|(i, stage)| {
            let of_visits = Rate::of(at(stage), visits).filter(|_| i > 0);
            let whole = average.and_then(|a| a.stage(&stage.id)?.of_visits);
            StageFigures {
                stage: stage.id.clone(),
                title: stage.title.clone(),
                visitors: at(stage),
                of_visits,
                band_bps: stage.band_bps,
                against_band: stage.band_bps.zip(of_visits).map(|(b, rate)| stands(at(stage), rate, b.from.0, b.to.0)),
                against_average: whole.zip(of_visits).map(|(w, rate)| against(rate, w.rate_bps)),
            }
        })
        .collect();
    let small_sample = visits < funnel.sample_min;
    let weakest = if small_sample { None } else { weakest(funnel, &stages, visits) };
    FunnelFigures { visits, small_sample, stages, weakest }
}

/// Compares the counts, not the rounded rate: one visitor below the floor is below the band.
fn stands(reached: i64, rate: Rate, from: i64, to: i64) -> BandComparison {
    let share = i128::from(reached) * 10_000;
    let part = |bps: i64| i128::from(bps) * i128::from(rate.sample);
    if share < part(from) {
        BandComparison { is: Place::Below, sure: rate.high_bps < from }
    } else if share > part(to) {
        BandComparison { is: Place::Above, sure: rate.low_bps > to }
    } else {
        BandComparison { is: Place::Within, sure: rate.low_bps >= from && rate.high_bps <= to }
    }
}

/// A rate whose interval contains the average counts as equal to it.
fn against(rate: Rate, average_bps: i64) -> BandComparison {
    let is = if rate.high_bps < average_bps {
        Place::Below
    } else if rate.low_bps > average_bps {
        Place::Above
    } else {
        Place::Within
    };
    BandComparison { is, sure: is != Place::Within }
}

/// The judged step with the lowest rate in proportion to its band's floor; among equals, the earlier one.
fn weakest(funnel: &Funnel, stages: &[StageFigures], visits: i64) -> Option<String> {
    // The visits count as their own floor: 100%.
    let (mut before, mut floor_before) = (visits, 10_000);
    let mut lowest: Option<(&StageFigures, i64)> = None;
    for (stage, own) in funnel.stages.iter().zip(stages) {
        let Some(Band { from, .. }) = stage.band_bps else { continue };
        let expected = i128::from(before) * i128::from(from.0);
        let judged = own.of_visits.is_some() && expected >= i128::from(EXPECTED_MIN) * i128::from(floor_before);
        // Compares a/b < c/d as a·d < c·b, without division or rounding.
        let lower = |(low, floor): (&StageFigures, i64)| {
            i128::from(own.visitors) * i128::from(floor) < i128::from(low.visitors) * i128::from(from.0)
        };
        if judged && lowest.is_none_or(lower) {
            lowest = Some((own, from.0));
        }
        (before, floor_before) = (own.visitors, from.0);
    }
    lowest.map(|(own, _)| own.stage.clone())
}

#[cfg(test)]
mod tests;
