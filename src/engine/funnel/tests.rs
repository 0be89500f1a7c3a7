use crate::engine::funnel::advice::ActionKind;
use crate::engine::funnel::*;

fn document() -> Document {
    let (_, text) = crate::program::catalog::PRESETS.iter().find(|(id, _)| *id == "partner-funnel").unwrap();
    serde_json::from_str(text).unwrap()
}

/// Counts of one partner and campaign: visits, leads, demos, activations.
fn counts(partner: &str, campaign: &str, [visits, leads, demos, activations]: [i64; 4]) -> Vec<StageCount> {
    [("click", visits), ("lead", leads), ("demo", demos), ("activation", activations)]
        .into_iter()
        .filter(|(_, visitors)| *visitors > 0)
        .map(|(stage, visitors)| StageCount {
            partner: partner.into(),
            campaign: campaign.to_owned(),
            stage: stage.to_owned(),
            visitors,
        })
        .collect()
}

fn of(counts: &[StageCount]) -> FunnelReport {
    let document = document();
    report(&document, document.funnel.as_ref().unwrap(), counts)
}

fn one(reached: [i64; 4]) -> PartnerFunnelReport {
    of(&counts("p", "content-qa-checklist", reached)).partners.remove(0)
}

#[test]
fn one_action_by_the_table() {
    use ActionKind::*;
    for (reached, kind, weakest) in [
        // The brief's Partner A and Partner B.
        ([300, 2, 0, 0], SharpenLandingPage, Some("lead")),
        ([40, 0, 0, 9], OfferInventory, None),
        ([0, 3, 0, 0], CheckLinks, None),
        ([99, 0, 0, 0], GatherVisits, None),
        ([100, 0, 0, 0], SharpenLandingPage, Some("lead")),
        // Three of forty activations may be due to chance.
        ([40, 0, 0, 3], GatherVisits, None),
        ([1_000, 250, 80, 20], KeepGoing, Some("lead")),
        ([1_000, 250, 10, 20], StrengthenCallToAction, Some("demo")),
        ([1_000, 250, 80, 0], GuideActivation, Some("activation")),
        ([1_000, 190, 1, 0], StrengthenCallToAction, Some("demo")),
        ([1_000, 250, 80, 60], OfferInventory, Some("lead")),
        ([1_000, 400, 80, 20], OfferInventory, Some("demo")),
        // More leads than visits is not a share: the leads do not come from the link.
        ([100, 101, 5, 1], KeepGoing, Some("demo")),
    ] {
        let found = one(reached);
        assert_eq!((found.action.kind, found.figures.weakest.as_deref()), (kind, weakest), "{reached:?}");
        assert!(!found.action.what.is_empty() && !found.action.reason.is_empty());
    }
}

#[test]
fn bands_hold_both_their_ends() {
    for (leads, place) in [(199, Place::Below), (200, Place::Within), (350, Place::Within), (351, Place::Above)] {
        let found = one([1_000, leads, 0, 0]);
        assert_eq!(found.figures.stage("lead").unwrap().against_band.unwrap().is, place, "{leads}");
    }
    // A share just below the floor is below it, even if it rounds to the floor.
    let found = one([100_001, 20_000, 0, 0]);
    let lead = found.figures.stage("lead").unwrap();
    assert_eq!((lead.of_visits.unwrap().rate_bps, lead.against_band.unwrap().is), (2_000, Place::Below));
    let sure = |leads| one([1_000, leads, 0, 0]).figures.stage("lead").unwrap().against_band.unwrap().sure;
    assert_eq!([100, 199, 270, 350, 500].map(sure), [true, false, true, false, true]);
}

#[test]
fn small_samples_are_said_to_be_small_and_never_lead() {
    let all = [
        counts("tiny", "", [3, 3, 3, 3]),
        counts("large", "", [300, 60, 20, 4]),
        counts("larger", "", [500, 100, 30, 8]),
        counts("almost", "", [99, 30, 9, 2]),
    ]
    .concat();
    let report = of(&all);
    let order: Vec<_> = report.partners.iter().map(|p| (p.partner.as_str(), p.figures.small_sample)).collect();
    assert_eq!(order, [("larger", false), ("large", false), ("almost", true), ("tiny", true)]);
    assert!(report.partners.iter().all(|p| p.figures.weakest.is_some() != p.figures.small_sample));
    let tiny = report.partners[3].figures.stage("lead").unwrap().of_visits.unwrap();
    assert_eq!((tiny.rate_bps, tiny.high_bps, tiny.sample), (10_000, 10_000, 3));
    assert!(tiny.low_bps < 4_400, "{tiny:?}");
}

#[test]
fn the_average_is_the_programs_whole() {
    let report = of(&[counts("a", "", [300, 2, 0, 0]), counts("b", "", [100, 78, 5, 1])].concat());
    let lead = |f: &FunnelFigures| f.stage("lead").unwrap().clone();
    assert_eq!((report.program.visits, lead(&report.program).of_visits.unwrap().rate_bps), (400, 2_000));
    assert_eq!(lead(&report.program).against_average, None);
    let places: Vec<_> =
        report.partners.iter().map(|p| lead(&p.figures).against_average.unwrap()).map(|s| (s.is, s.sure)).collect();
    assert_eq!(places, [(Place::Below, true), (Place::Above, true)]);
}

#[test]
fn a_partners_figures_are_the_sum_of_its_campaigns() {
    let all = [
        counts("p", "migration-playbook", [80, 20, 5, 1]),
        counts("p", "", [30, 1, 0, 0]),
        counts("p", "nobody-knows", [5, 1, 0, 0]),
    ]
    .concat();
    let found = of(&all).partners.remove(0);
    assert_eq!((found.figures.visits, found.figures.stage("lead").unwrap().visitors), (115, 22));
    let campaigns: Vec<_> = found.campaigns.iter().map(|c| (c.campaign.as_str(), c.figures.small_sample)).collect();
    assert_eq!(campaigns, [("migration-playbook", true), ("", true), ("nobody-knows", true)]);
    assert_eq!(found.tasks.len(), 3);
    for task in &found.tasks {
        assert_eq!(task.promise.as_deref(), Some("Migration playbook"));
        assert_eq!(task.primary_cta.as_deref(), Some("Book demo"));
        assert_eq!(task.activation_event.as_deref(), Some("Imports first site"));
    }
    let unknown = of(&counts("p", "nobody-knows", [5, 1, 0, 0])).partners.remove(0);
    assert!(unknown.tasks.iter().all(|t| t.promise.is_none() && !t.brief.is_empty()));
}

#[test]
fn what_the_document_does_not_have_is_left_out() {
    let stray = StageCount { partner: "p".into(), campaign: String::new(), stage: "gone".into(), visitors: 5 };
    assert!(of(&[stray]).partners.is_empty());
    assert_eq!(of(&[]).program.visits, 0);
    assert_eq!(of(&[]).program.stage("lead").unwrap().of_visits, None);
}
