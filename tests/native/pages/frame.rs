//! Rules for every page: who is admitted, which forms are accepted, and what is shown otherwise.

use super::fixture::PagesFixture;
use crate::support::world::at;
use manicule::pages::text::shared::error;

#[test]
fn signed_out_visitors_are_asked_to_sign_in() {
    let fixture = PagesFixture::new(at("2026-06-01T00:00:00Z"));
    let shown = fixture.browser().get("/partner/nothing");
    shown.is(404).says(error::NOT_FOUND);
}

#[test]
fn an_undecodable_path_is_not_found() {
    let fixture = PagesFixture::new(at("2026-06-01T00:00:00Z"));
    for path in ["/partner/earnings/%ff", "/operator/%", "/sign-in/mail/%zz"] {
        fixture.browser().get(path).is(404).says(error::NOT_FOUND);
    }
}

#[test]
fn a_form_elsewhere_is_refused() {
    let fixture = PagesFixture::new(at("2026-06-01T00:00:00Z"));
    let browser = fixture.browser();
    for headers in [&[][..], &[("origin", "https://evil.example")], &[("origin", super::fixture::ORIGIN)]] {
        browser.ask("POST", "/partner/links", headers, "campaign=x").is(403).says(error::FORBIDDEN);
    }
}

#[test]
fn a_wrong_method_lists_the_allowed_ones() {
    let fixture = PagesFixture::new(at("2026-05-01T00:00:00Z"));
    for method in ["PUT", "DELETE", "OPTIONS"] {
        let shown = fixture.browser().ask(method, "/partner", &[], "");
        assert_eq!((shown.status, shown.header("allow")), (405, "GET, HEAD, POST"), "{method}");
    }
}
