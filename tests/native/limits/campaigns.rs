//! Names of campaigns: how many a link keeps in a week, and that a rival takes none from campaigns that run.

use super::floods::{FLOOD, FUNNEL, NOW, rows};
use crate::funnel::fixture::FunnelFixture;
use crate::support::world::at;
use manicule::base::limits::{CAMPAIGNS_CARRIED_MAX, CAMPAIGNS_MAX};
use manicule::base::time::UtcMillis;

const MONDAY: &str = "2026-06-15T00:00:00Z";
const NEXT_MONDAY: &str = "2026-06-22T00:00:00Z";

#[test]
fn campaigns_of_a_link_and_week() {
    let fixture = FunnelFixture::new(1);
    let partner = fixture.partner(FUNNEL, "seo");
    let now = at(NOW);
    let other = || fixture.world.db.number("SELECT COUNT(*) FROM click WHERE campaign = '(other)'");
    for n in 0..FLOOD {
        let _ = fixture.world.at(now);
        fixture.click(FUNNEL, &partner, &format!("made-up-{n}"), &format!("v{n}"), now);
    }
    assert_eq!(rows(&fixture.world, "campaign_week"), CAMPAIGNS_MAX);
    assert_eq!(
        (rows(&fixture.world, "click"), other()),
        (FLOOD as i64, FLOOD as i64 - CAMPAIGNS_MAX),
        "clicks are counted"
    );
    // Known names stay, in clicks and in the funnel; new ones are others, until the next week.
    let stage = |campaign: &str, when: UtcMillis| {
        fixture.visitor_event(when, "lead_magnet.downloaded", &partner.1, campaign, &format!("s-{campaign}"));
        let last = "SELECT campaign FROM funnel_event ORDER BY rowid DESC LIMIT 1";
        fixture.world.db.look(last)[0]["campaign"].as_str().expect("a name").to_owned()
    };
    assert_eq!((stage("made-up-7", now), stage("new", now)), ("made-up-7".to_owned(), "(other)".to_owned()));
    assert_eq!(stage("", now), "", "none is none");
    assert_eq!(stage("new", at("2026-06-15T00:00:00Z")), "new", "the next week begins on Monday");
    for n in 0..FLOOD {
        let event = "lead_magnet.downloaded";
        fixture.visitor_event(at("2026-06-16T00:00:00Z"), event, &partner.1, &format!("late-{n}"), &format!("w{n}"));
    }
    assert_eq!(rows(&fixture.world, "campaign_week"), 2 * CAMPAIGNS_MAX);
    let names = fixture.world.db.number("SELECT COUNT(DISTINCT campaign) FROM funnel_event WHERE week = '2026-W25'");
    assert_eq!(names, CAMPAIGNS_MAX + 1);
    // The link's own campaign needs no place.
    let connection = fixture.world.db.connection.borrow();
    connection.execute("UPDATE link SET campaign = 'own' WHERE code = ?1", [&partner.1]).expect("a campaign");
    drop(connection);
    assert_eq!(stage("own", at("2026-06-16T00:00:00Z")), "own");
    let _ = fixture.world.at(now);
    fixture.click(FUNNEL, &partner, "own", "vx", at("2026-06-16T00:00:00Z"));
    assert_eq!(fixture.world.db.number("SELECT COUNT(*) FROM click WHERE campaign = 'own'"), 1);
    assert_eq!(rows(&fixture.world, "campaign_week"), 2 * CAMPAIGNS_MAX);
}

/// A click by the name's visitor of this number.
fn click(fixture: &FunnelFixture, partner: &(String, String), campaign: &str, visitor: usize, when: UtcMillis) {
    let _ = fixture.world.at(when);
    fixture.click(FUNNEL, partner, campaign, &format!("vis_{campaign}_{visitor}"), when);
}

/// The names that the link's clicks have since an instant.
fn named(fixture: &FunnelFixture, since: &str, like: &str) -> i64 {
    let since = at(since).0;
    fixture.world.db.number(&format!(
        "SELECT COUNT(DISTINCT campaign) FROM click WHERE clicked_at_ms >= {since} AND campaign GLOB '{like}'"
    ))
}

#[test]
fn a_rival_takes_no_name_from_a_campaign_that_runs() {
    let fixture = FunnelFixture::new(1);
    let partner = fixture.partner(FUNNEL, "seo");
    let runs = |since: &str| {
        (0..10).for_each(|n| {
            (0..3).for_each(|v| click(&fixture, &partner, &format!("real-{n}"), v, at(since).plus_ms(60_000)))
        });
        assert_eq!(named(&fixture, since, "real-*"), 10, "{since}");
    };
    runs("2026-06-10T00:00:00Z");
    // One person is no campaign, however often that person comes back.
    (0..5).for_each(|hour| click(&fixture, &partner, "lone", 0, at(NOW).plus_ms(hour * 3_600_000)));
    for (monday, rivals) in [(MONDAY, &["first"][..]), (NEXT_MONDAY, &["first", "second"])] {
        // The rival's names of the week before come first, then more, each with several visitors.
        for rival in rivals {
            (0..FLOOD).for_each(|n| click(&fixture, &partner, &format!("{rival}-{}", n / 3), n % 3, at(monday)));
        }
        runs(monday);
        click(&fixture, &partner, "lone", 0, at(monday).plus_ms(120_000));
        assert_eq!(named(&fixture, monday, "lone"), 0);
        let names = named(&fixture, monday, "*") - 1;
        assert!((CAMPAIGNS_MAX..=CAMPAIGNS_MAX + CAMPAIGNS_CARRIED_MAX).contains(&names), "{names}");
    }
}

#[test]
fn names_that_are_carried_over_are_bounded_and_the_oldest() {
    let fixture = FunnelFixture::new(1);
    let partner = fixture.partner(FUNNEL, "seo");
    let come = |from: usize, names: usize, when: &str| {
        (from..names)
            .for_each(|n| (0..4).for_each(|v| click(&fixture, &partner, &format!("real-{n:02}"), v, at(when))));
    };
    come(0, 40, "2026-06-10T00:00:00Z");
    (0..FLOOD).for_each(|n| click(&fixture, &partner, &format!("rival-{n}"), 0, at(MONDAY)));
    // The youngest come first.
    come(20, 40, MONDAY);
    come(0, 20, MONDAY);
    assert_eq!(named(&fixture, MONDAY, "real-*"), CAMPAIGNS_CARRIED_MAX);
    assert_eq!(named(&fixture, MONDAY, "real-[01]*"), 20);
    assert_eq!(named(&fixture, MONDAY, "rival-*"), CAMPAIGNS_MAX);
    let week = "campaign_week WHERE week = (SELECT MAX(week) FROM campaign_week)";
    assert_eq!(rows(&fixture.world, week), CAMPAIGNS_MAX + CAMPAIGNS_CARRIED_MAX);
}

#[test]
fn a_name_that_is_kept_costs_no_more_rows() {
    let fixture = FunnelFixture::new(1);
    let partner = fixture.partner(FUNNEL, "seo");
    let written = |campaign: &str, visitor: usize| {
        let changes = || fixture.world.db.number("SELECT total_changes()");
        let before = changes();
        click(&fixture, &partner, campaign, visitor, at(NOW));
        changes() - before
    };
    let plain = written("", 0);
    let first: Vec<i64> = (0..8).map(|visitor| written("sale", visitor) - plain).collect();
    assert_eq!(first, [1, 1, 1, 0, 0, 0, 0, 0], "its place, and its next two visitors");
}
