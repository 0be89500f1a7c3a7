//! What holds for every page: who is let in, which forms are, and what is shown otherwise.

use super::fixture::PagesFixture;
use crate::support::world::at;

#[test]
fn whoever_is_not_signed_in_is_asked_to() {
    let fixture = PagesFixture::new(at("2026-06-01T00:00:00Z"));
    let shown = fixture.browser().get("/partner/nothing");
    shown.is(404).says("Not found");
}

#[test]
fn a_path_that_cannot_be_read_is_no_page() {
    let fixture = PagesFixture::new(at("2026-06-01T00:00:00Z"));
    for path in ["/partner/earnings/%ff", "/operator/%", "/sign-in/mail/%zz"] {
        fixture.browser().get(path).is(404).says("Not found");
    }
}

#[test]
fn a_form_from_elsewhere_is_refused() {
    let fixture = PagesFixture::new(at("2026-06-01T00:00:00Z"));
    let browser = fixture.browser();
    for headers in [&[][..], &[("origin", "https://evil.example")], &[("origin", super::fixture::ORIGIN)]] {
        browser.ask("POST", "/partner/links", headers, "campaign=x").is(403).says("Not allowed");
    }
}

#[test]
fn a_method_that_is_not_taken_is_told_which_are() {
    let fixture = PagesFixture::new(at("2026-05-01T00:00:00Z"));
    for method in ["PUT", "DELETE", "OPTIONS"] {
        let shown = fixture.browser().ask(method, "/partner", &[], "");
        assert_eq!((shown.status, shown.header("allow")), (405, "GET, HEAD, POST"), "{method}");
    }
}
