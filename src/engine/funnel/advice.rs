//! What to do about a partner's funnel: ONE action with its reason, and three tasks that an agent or a marketer can
//! take up as they stand.
//!
//! The table of actions is total and read from the top:
//!
//! | visits | where it stands | action |
//! |---|---|---|
//! | none | | `check_links` |
//! | any | the last stage surely above its band | `offer_inventory` |
//! | fewer than the sample | | `gather_visits` |
//! | enough | weakest step below its band: the last stage | `guide_activation` |
//! | enough | … the first step | `sharpen_landing_page` |
//! | enough | … another | `strengthen_call_to_action` |
//! | enough | no such step, one above its band | `offer_inventory` |
//! | enough | everything else | `keep_going` |

use crate::engine::funnel::{FunnelFigures, Place, StageFigures};
use crate::program::document::Document;
use crate::program::measure::{Funnel, Promise};
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    pub kind: ActionKind,
    pub what: String,
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    CheckLinks,
    GatherVisits,
    SharpenLandingPage,
    StrengthenCallToAction,
    GuideActivation,
    OfferInventory,
    KeepGoing,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Task {
    pub kind: TaskKind,
    pub title: String,
    pub brief: String,
    pub campaign: String,
    /// The promise, call to action and activation event of the partner's main campaign; `None` where the program
    /// names none for it.
    pub promise: Option<String>,
    pub primary_cta: Option<String>,
    pub activation_event: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    BlogPost,
    EnablementEmail,
    CallToAction,
}

pub fn action(funnel: &Funnel, figures: &FunnelFigures) -> Action {
    let banded: Vec<&StageFigures> = figures.stages.iter().filter(|s| s.band_bps.is_some()).collect();
    let visits = figures.visits;
    if visits == 0 {
        let what = "Check that the partner shares the link itself, so that visits are counted.";
        return make(ActionKind::CheckLinks, what, "Events came in, but no visit through a link.".to_owned());
    }
    if let Some(last) = banded.last().filter(|s| surely_above(s)) {
        return inventory(last);
    }
    if figures.small_sample {
        let what = "Bring more visits before changing anything: one more placement of the link.";
        let reason = format!("{visits} visits are a small sample; rates are judged from {} on.", funnel.sample_min);
        return make(ActionKind::GatherVisits, what, reason);
    }
    let weakest = figures.weakest.as_deref().and_then(|id| figures.stage(id));
    if let Some(weak) = weakest.filter(|s| s.stands(Place::Below)) {
        return mend(weak, &banded);
    }
    match banded.iter().find(|s| s.stands(Place::Above)) {
        Some(above) => inventory(above),
        None => {
            let what = "Keep the placement and tell the partner which message converted.";
            make(ActionKind::KeepGoing, what, "Every step that can be judged stands within its band.".to_owned())
        }
    }
}

/// Which step is to be mended, by its place in the funnel. A funnel of one step is mended at its landing page.
fn mend(weak: &StageFigures, banded: &[&StageFigures]) -> Action {
    let first = banded.first().is_some_and(|s| s.stage == weak.stage);
    let last = banded.last().is_some_and(|s| s.stage == weak.stage);
    let (kind, what) = if first {
        (ActionKind::SharpenLandingPage, "Sharpen the landing page's headline and add a proof block.")
    } else if last {
        (ActionKind::GuideActivation, "Guide visitors to the activation event: a short walk-through after the sign-up.")
    } else {
        (ActionKind::StrengthenCallToAction, "Move the call to action up and say what happens next.")
    };
    make(kind, what, against_band(weak, "below"))
}

fn inventory(stage: &StageFigures) -> Action {
    let what = "Offer the partner more inventory: a guest post, a webinar or a higher commission.";
    make(ActionKind::OfferInventory, what, against_band(stage, "above"))
}

fn surely_above(stage: &StageFigures) -> bool {
    stage.against_band.is_some_and(|s| s.is == Place::Above && s.sure)
}

fn make(kind: ActionKind, what: &str, reason: String) -> Action {
    Action { kind, what: what.to_owned(), reason }
}

/// `Lead magnet download: 2 of 300 visits (0.67 %, 95 % interval 0.18 to 2.40 %), below the band of 20 to 35 %.`
fn against_band(stage: &StageFigures, side: &str) -> String {
    let (Some(rate), Some(band)) = (stage.of_visits, stage.band_bps) else { return stage.title.clone() };
    format!(
        "{}: {} of {} visits ({} %, 95 % interval {} to {} %), {side} the band of {} to {} %.",
        stage.title,
        stage.visitors,
        rate.sample,
        percent(rate.rate_bps),
        percent(rate.low_bps),
        percent(rate.high_bps),
        percent(band.from.0),
        percent(band.to.0),
    )
}

/// Basis points as per cent: `0.67`, `20`.
pub fn percent(bps: i64) -> String {
    match bps % 100 {
        0 => (bps / 100).to_string(),
        rest => format!("{}.{rest:02}", bps / 100),
    }
}

/// The three tasks for the partner's main campaign.
pub fn tasks(
    document: &Document,
    funnel: &Funnel,
    campaign: &str,
    figures: &FunnelFigures,
    action: &Action,
) -> Vec<Task> {
    let promise = funnel.promise(campaign);
    let task = |kind, (title, brief): (String, String)| Task {
        kind,
        title,
        brief,
        campaign: campaign.to_owned(),
        promise: promise.map(|p| p.promise.clone()),
        primary_cta: promise.map(|p| p.primary_cta.clone()),
        activation_event: promise.map(|p| p.activation_event.clone()),
    };
    vec![
        task(TaskKind::BlogPost, blog_post(promise)),
        task(TaskKind::EnablementEmail, email(document, promise, figures, action)),
        task(TaskKind::CallToAction, call_to_action(promise, figures)),
    ]
}

fn blog_post(promise: Option<&Promise>) -> (String, String) {
    let Some(p) = promise else {
        let brief = "The program has no promise for this campaign. Say what this partner's readers get, which call to \
                     action leads there and which event activates them; the post follows from that.";
        return ("Give the campaign a promise, then write its post".to_owned(), brief.to_owned());
    };
    let brief = format!(
        "For the readers of this partner ({}). Answer the objections they have before they click; keep the promise \
         “{}” in the title and the first paragraph; end with “{}”; the reader is done when this happened: {}.",
        p.partner_type, p.promise, p.primary_cta, p.activation_event
    );
    (format!("Write a post: {}", p.promise), brief)
}

fn email(document: &Document, promise: Option<&Promise>, figures: &FunnelFigures, action: &Action) -> (String, String) {
    let steps = figures.stages.iter().filter(|s| s.band_bps.is_some());
    let reached: Vec<String> = steps.map(|s| format!("{}: {}", s.title.to_lowercase(), s.visitors)).collect();
    let sample = if figures.small_sample { " (a small sample)" } else { "" };
    let message = promise.map_or(String::new(), |p| format!(" The message was “{}”.", p.promise));
    let brief = format!(
        "Thank the partner and tell what the week brought: {} visits{sample}; {}.{message} What comes next: {} Why: {}",
        figures.visits,
        reached.join(", "),
        action.what,
        action.reason
    );
    (format!("Email the partner its week in {}", document.title), brief)
}

fn call_to_action(promise: Option<&Promise>, figures: &FunnelFigures) -> (String, String) {
    let Some(p) = promise else {
        let brief = "No primary call to action is named for this campaign: choose one, and let the page have no other.";
        return ("Choose the page's one call to action".to_owned(), brief.to_owned());
    };
    let weakest = figures.weakest.as_deref().and_then(|id| figures.stage(id));
    let brief = match weakest {
        Some(weak) if weak.stands(Place::Below) => format!(
            "Rewrite “{}” for the step that holds visitors back, {}: say what they get ({}) and what comes next ({}). \
             Change this alone, and compare next week.",
            p.primary_cta,
            weak.title.to_lowercase(),
            p.promise,
            p.activation_event
        ),
        Some(_) => format!(
            "No step falls below its band: try one other wording of “{}” that names the promise ({}), and keep the \
             better of the two after as many visits.",
            p.primary_cta, p.promise
        ),
        None => format!(
            "Make “{}” the page's only call to action and let it name the promise ({}). The sample is too small to \
             say more.",
            p.primary_cta, p.promise
        ),
    };
    (format!("Change the call to action: {}", p.primary_cta), brief)
}
