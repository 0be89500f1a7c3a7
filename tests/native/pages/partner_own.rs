//! Partners' data is private to them.

use super::partner_books::{AGENCY, Books, REFERRAL};

#[test]
fn a_second_partner_finds_nothing_of_the_first() {
    let books = Books::new();
    books.resource("rsc_1", AGENCY, "Ours", "text");
    let mut things: Vec<String> = books.pages_of_ann();
    things.retain(|path| path.matches('/').count() > 2 && !path.ends_with("/setup") || path.contains("link="));
    things.extend([
        format!("/partner/links/{}/qr.svg", books.spring),
        format!("/partner/links/{}/qr.png", books.spring),
        format!("/partner/links/{}", books.ann.1),
    ]);
    assert!(things.len() >= 8, "{things:?}");
    let ann = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    let bob = books.fixture.signed_in("bob@partners.example", &books.bob.0);
    let cyd = books.fixture.signed_in("cyd@partners.example", &books.cyd.0);
    for path in &things {
        ann.get(path).is(200);
        for other in [&bob, &cyd] {
            let shown = other.get(path);
            assert_eq!(shown.status, 404, "{path}: {}", shown.text());
            assert_eq!(shown.batches, 1);
            assert!(!shown.html.contains(&books.spring) || path.contains(&books.spring));
        }
    }
    cyd.get("/partner/resources/rsc_1").is(404);
    bob.get("/partner/resources/rsc_1").is(200);
    // A browser whose cookie names another person's partner is asked to choose one of its own.
    let liar = books.fixture.signed_in("bob@partners.example", &books.ann.0);
    for path in books.pages_of_ann() {
        let shown = liar.get(&path);
        assert_eq!((shown.status, shown.location.as_str()), (303, "/partner/programs"), "{path}");
    }
    for path in books.pages_of_ann() {
        let shown = books.fixture.browser().get(&path);
        assert_eq!(shown.status, 303, "{path}");
        assert!(shown.location.starts_with("/sign-in?to="), "{path}");
        assert_eq!(shown.batches, 0, "{path}");
    }
}

#[test]
fn a_second_partner_changes_nothing_of_the_first() {
    let books = Books::new();
    let bob = books.fixture.signed_in("bob@partners.example", &books.bob.0);
    bob.get("/partner/links");
    bob.post(&format!("/partner/links/{}/disable", books.spring), &[]).is(404);
    bob.post("/partner/share", &[("link", &books.spring), ("body", "x")]).is(404);
    assert_eq!(books.number("SELECT COUNT(*) FROM link WHERE disabled_at_ms IS NOT NULL"), 0);
}

#[test]
fn invalid_ids_find_nothing() {
    let books = Books::new();
    let ann = books.fixture.signed_in("ann@partners.example", &books.ann.0);
    for path in [
        "links/none",
        "clients/0",
        "clients/x",
        "clients/99999999999999999999",
        "earnings/none",
        "payouts/none",
        "resources/none",
        "nothing",
    ] {
        for odd in ["", "'", "%00", "%2e%2e", "%22%3E%3Cscript%3E"] {
            let shown = ann.get(&format!("/partner/{path}{odd}"));
            assert!(matches!(shown.status, 404), "{path}{odd}: {} {}", shown.status, shown.text());
            assert!(!shown.html.contains("<script>"));
        }
    }
    ann.get("/partner/links//qr.svg").is(404);
    // Accruals of the referred account's benefit belong to no partner.
    books.fixture.signed_in("ann@partners.example", "").get("/partner/earnings").is(303);
    assert!(books.number(&format!("SELECT COUNT(*) FROM accrual WHERE program_id = '{REFERRAL}'")) > 0);
}
