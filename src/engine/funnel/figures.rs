//! The figures of one sample: how many visitors reached each stage, and how that compares to the bands and the average.

use crate::engine::funnel::interval::Rate;
use crate::program::measure::Band;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunnelFigures {
    /// Distinct visitors at the first stage: the sample size of every rate.
    pub visits: i64,
    pub small_sample: bool,
    /// In the funnel's order.
    pub stages: Vec<StageFigures>,
    /// The stage that is lowest in proportion to its band's floor; `None` if the sample is small.
    pub weakest: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageFigures {
    pub stage: String,
    pub title: String,
    pub visitors: i64,
    /// As a share of the visits. `None` for the first stage, without visits, and if more visitors reached the stage
    /// than visited.
    pub of_visits: Option<Rate>,
    pub band_bps: Option<Band>,
    pub against_band: Option<BandComparison>,
    pub against_average: Option<BandComparison>,
}

/// How a rate compares to a band or an average.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BandComparison {
    pub is: Place,
    /// Whether the whole 95% interval is on that side.
    pub sure: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    Below,
    Within,
    Above,
}

impl FunnelFigures {
    pub fn stage(&self, id: &str) -> Option<&StageFigures> {
        self.stages.iter().find(|s| s.stage == id)
    }
}

impl StageFigures {
    pub fn stands(&self, place: Place) -> bool {
        self.against_band.is_some_and(|s| s.is == place)
    }
}
