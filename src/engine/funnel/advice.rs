//! What to do about a partner's funnel: one action with its reason, and three tasks that an agent or a marketer can
//! start right away.
//!
//! The first row that applies decides; the table covers every case:
//!
//! | visits | figures | action |
//! |---|---|---|
//! | none | | `check_links` |
//! | any | the last stage clearly above its target | `offer_inventory` |
//! | fewer than the sample | | `gather_visits` |
//! | enough | weakest step below its target: the last stage | `guide_activation` |
//! | enough | … the first step | `sharpen_landing_page` |
//! | enough | … another | `strengthen_call_to_action` |
//! | enough | no such step, one above its target | `offer_inventory` |
//! | enough | everything else | `keep_going` |

use crate::engine::funnel::figures::{FunnelFigures, Place, StageFigures};
use crate::program::document::Document;
use crate::program::measure::{Funnel, Promise};
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    #[serde(rename = "type")]
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
    #[serde(rename = "type")]
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
        let what = "Check that the partner shares the referral link, so that visits are counted.";
        return make(ActionKind::CheckLinks, what, "Events arrived, but no visits through a link.".to_owned());
    }
    if let Some(last) = banded.last().filter(|s| surely_above(s)) {
        return inventory(last);
    }
    if figures.small_sample {
        let what = "Get more visits before changing anything. Place the link in one more spot.";
        let reason =
            format!("{visits} visits is a small sample. Rates are judged once there are {}.", funnel.sample_min);
        return make(ActionKind::GatherVisits, what, reason);
    }
    let weakest = figures.weakest.as_deref().and_then(|id| figures.stage(id));
    if let Some(weak) = weakest.filter(|s| s.stands(Place::Below)) {
        return mend(weak, &banded);
    }
    match banded.iter().find(|s| s.stands(Place::Above)) {
        Some(above) => inventory(above),
        None => {
            let what = "Keep the current placement and tell the partner which message converted.";
            make(ActionKind::KeepGoing, what, "Every step with enough visitors is within its target.".to_owned())
        }
    }
}

/// How to improve a step, by its position in the funnel. In a funnel with one step, the landing page is what to
/// improve.
fn mend(weak: &StageFigures, banded: &[&StageFigures]) -> Action {
    let first = banded.first().is_some_and(|s| s.stage == weak.stage);
    let last = banded.last().is_some_and(|s| s.stage == weak.stage);
    let (kind, what) = if first {
        (ActionKind::SharpenLandingPage, "Sharpen the landing page's headline and add a proof block.")
    } else if last {
        (ActionKind::GuideActivation, "Guide visitors to the activation event with a short walkthrough after sign-up.")
    } else {
        (ActionKind::StrengthenCallToAction, "Move the call to action higher on the page and say what happens next.")
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

/// `Lead magnet download: 2 of 300 visits (0.67%, 95% interval 0.18% to 2.40%), below the target of 20% to 35%.`
fn against_band(stage: &StageFigures, side: &str) -> String {
    let (Some(rate), Some(band)) = (stage.of_visits, stage.band_bps) else { return stage.title.clone() };
    format!(
        "{}: {} of {} visits ({}%, 95% interval {}% to {}%), {side} the target of {}% to {}%.",
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

/// Basis points as percent: `0.67`, `20`.
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
        let brief = "The program has no promise for this campaign. Define what this partner's readers get, the call to \
                     action, and the activation event. Then write the post.";
        return ("Define the campaign's promise, then write the post".to_owned(), brief.to_owned());
    };
    let brief = format!(
        "Write for this partner's readers ({}). Answer their objections before they click. Put the promise “{}” in the \
         title and the first paragraph. End with “{}”. The goal is this event: {}.",
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
        "Thank the partner and share the week's results: {} visits{sample}; {}.{message} Next step: {} Reason: {}",
        figures.visits,
        reached.join(", "),
        action.what,
        action.reason
    );
    (format!("Email the partner their week in {}", document.title), brief)
}

fn call_to_action(promise: Option<&Promise>, figures: &FunnelFigures) -> (String, String) {
    let Some(p) = promise else {
        let brief = "This campaign has no primary call to action. Choose one, and make it the only one on the page.";
        return ("Choose one call to action for the page".to_owned(), brief.to_owned());
    };
    let weakest = figures.weakest.as_deref().and_then(|id| figures.stage(id));
    let brief = match weakest {
        Some(weak) if weak.stands(Place::Below) => format!(
            "Rewrite “{}” for the step where visitors drop off, {}. Say what they get ({}) and what happens next ({}). \
             Change nothing else, and compare the results next week.",
            p.primary_cta,
            weak.title.to_lowercase(),
            p.promise,
            p.activation_event
        ),
        Some(_) => format!(
            "No step is below its target. Test one other wording of “{}” that mentions the promise ({}), and keep the \
             better one after the same number of visits.",
            p.primary_cta, p.promise
        ),
        None => format!(
            "Make “{}” the only call to action on the page, and mention the promise ({}). The sample is too small for \
             more advice.",
            p.primary_cta, p.promise
        ),
    };
    (format!("Change the call to action: {}", p.primary_cta), brief)
}
