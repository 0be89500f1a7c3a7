//! What partners and operators make: up to the limit it works, beyond it the refusal says what to do.

use crate::pages::fixture::PagesFixture;
use crate::support::world::{World, at, now};
use manicule::base::limits::{LINKS_MAX, OWN_LINKS_MAX, RESOURCES_MAX};
use manicule::codec::operator::NewLink;
use manicule::http::route::body_bytes_max;
use manicule::service::error::ErrorKind;
use manicule::service::partner::enroll;
use manicule::service::partner::resource::{BODY_CHARS_MAX, TITLE_CHARS_MAX};

const PROGRAM: &str = "agency-partner";
const TODAY: &str = "2026-06-01T00:00:00Z";

/// Fills a partner's links up to `many`, past the use case.
fn filled(world: &World, partner: &str, many: i64) {
    let left = many - world.db.number(&format!("SELECT COUNT(*) FROM link WHERE partner_id = '{partner}'"));
    attempt(world, &format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {left})
         INSERT INTO link (code, partner_id, program_id, created_at_ms) SELECT 'filled' || {many} || 'x' || i, '{partner}', '{PROGRAM}', 0 FROM n"
    ))
    .expect("links");
}

/// Runs SQL past the use cases.
fn attempt(world: &World, sql: &str) -> Result<(), String> {
    world.db.connection.borrow().execute_batch(sql).map_err(|why| why.to_string())
}

fn new_link(partner: &str) -> NewLink {
    NewLink {
        partner: partner.into(),
        destination: None,
        campaign: None,
        utm: None,
        source: None,
        expires_at: None,
        code: None,
    }
}

#[test]
fn a_partner_has_so_many_links_and_no_more() {
    let world = World::new(1);
    let (partner, _) = world.partner(at(TODAY), PROGRAM, "ann", "ann@a.example").expect("a partner");
    let own = |world: &World| now(enroll::own_link(&world.at(at(TODAY)), &new_link(&partner), "https://ref.example"));
    filled(&world, &partner, OWN_LINKS_MAX - 1);
    assert!(own(&world).is_ok(), "the last one on its pages");
    let refused = own(&world).expect_err("one too many");
    assert_eq!((refused.kind, refused.code), (ErrorKind::Conflict, "too_many_links"));
    assert!(refused.detail.contains("200") && refused.detail.contains("operators"), "{}", refused.detail);
    world.link(at(TODAY), &partner).expect("operators can make more");
    filled(&world, &partner, LINKS_MAX - 1);
    let last = world.link(at(TODAY), &partner).expect("the last one");
    let refused = world.link(at(TODAY), &partner).expect_err("one too many");
    assert_eq!(
        (refused.kind, refused.code, refused.field.as_deref()),
        (ErrorKind::Conflict, "too_many_links", Some("partner"))
    );
    world.disable(at(TODAY), &last).expect("it ends");
    assert!(world.link(at(TODAY), &partner).is_err(), "an ended link's code is still the partner's");
    // Past the use case, the table refuses it.
    let more = format!(
        "INSERT INTO link (code, partner_id, program_id, created_at_ms) VALUES ('more', '{partner}', '{PROGRAM}', 0)"
    );
    let refused = attempt(&world, &more).expect_err("the trigger");
    assert!(refused.contains("guard:link_limit"), "{refused}");
    let (other, _) = world.partner(at(TODAY), PROGRAM, "bob", "bob@b.example").expect("a partner");
    world.link(at(TODAY), &other).expect("another partner's");
}

#[test]
fn a_program_has_so_many_resources_and_no_more() {
    let fixture = PagesFixture::new(at(TODAY));
    let operator = fixture.operator();
    let (list, path) = (format!("/operator/programs/{PROGRAM}"), format!("/operator/programs/{PROGRAM}/resources"));
    let write = |n: i64| {
        operator.get(&format!("{path}/new")).is(200);
        operator.post(&path, &[("title", &format!("page {n}")), ("body", "words")])
    };
    for n in 0..RESOURCES_MAX {
        write(n).is(303);
    }
    let refused = write(RESOURCES_MAX);
    assert!(refused.status == 409 || refused.status == 422, "{}", refused.status);
    refused.says("A program can have 50 pages");
    let resources = || fixture.world.db.number("SELECT COUNT(*) FROM resource");
    assert_eq!(resources(), RESOURCES_MAX);
    let listed = operator.get(&list);
    assert!((0..RESOURCES_MAX).all(|n| listed.html.contains(&format!("page {n}"))), "all are listed");
    let another = "INSERT INTO resource (id, program_id, title, body, updated_at_ms, created_at_ms) VALUES ('r', 'agency-partner', 't', 'b', 0, 0)";
    assert!(attempt(&fixture.world, another).expect_err("the trigger").contains("guard:resource_limit"));
}

#[test]
fn a_resource_of_20000_characters_of_any_script_fits_its_form() {
    for (script, character) in [("Latin", "a"), ("Chinese", "漢"), ("emoji", "\u{1f600}"), ("lines", "\n")] {
        let fixture = PagesFixture::new(at(TODAY));
        let operator = fixture.operator();
        let path = format!("/operator/programs/{PROGRAM}/resources");
        operator.get(&format!("{path}/new")).is(200);
        let body = format!("|{}|", character.repeat(BODY_CHARS_MAX - 2));
        // Browsers send a line's end as two characters.
        let sent = body.replace('\n', "\r\n");
        let title = if character == "\n" { "t".to_owned() } else { character.repeat(TITLE_CHARS_MAX) };
        operator.post(&path, &[("title", &title), ("body", &sent)]).is(303);
        assert_eq!(fixture.world.db.look("SELECT body FROM resource")[0]["body"], body.as_str(), "{script}");
        operator.get(&format!("{path}/new")).is(200);
        let longer =
            operator.post(&path, &[("title", "t"), ("body", &format!("|{}|", "漢".repeat(BODY_CHARS_MAX - 1)))]);
        longer.is(422).says("The text must have 1 to 20000 characters");
    }
    // Other forms are as short as before.
    assert_eq!(body_bytes_max("/partner/links"), manicule::codec::BODY_BYTES_MAX);
    assert_eq!(body_bytes_max("/operator/programsx"), manicule::codec::BODY_BYTES_MAX);
    let fixture = PagesFixture::new(at(TODAY));
    let operator = fixture.operator();
    operator.get(&format!("/operator/programs/{PROGRAM}/resources/new")).is(200);
    let path = format!("/operator/programs/{PROGRAM}/resources");
    operator.post(&path, &[("title", "t"), ("body", &"a".repeat(body_bytes_max(&path)))]).is(413);
}
