//! A page's address whose `?` was lost on its way.

use super::*;

#[test]
fn a_mended_address_is_led_to() {
    let meant = reflink::mended("https://go.example/docs&ref=AbC&x=1").unwrap();
    let decided = |cookie: Option<&str>, mode: RefMode, is_known: bool| {
        let mut given = case(&meant);
        given.parts = RedirectInput { is_mended: true, cookie, ..browser() };
        given.mode = mode;
        given.link = given.link.filter(|_| is_known);
        run(&given)
    };
    let to = |address: &str| Redirect::To(format!("https://go.example/docs{address}"));
    let first = decided(None, RefMode::Redirect, true);
    assert_eq!((first.go, first.click.is_some()), (to("?x=1"), true));
    let cookie = first.set_cookie.unwrap();
    let again = decided(cookie.split(';').next(), RefMode::Redirect, true);
    assert_eq!((again.go, again.click), (to("?ref=AbC&x=1"), None));
    assert_eq!(decided(None, RefMode::Pass, true).go, to("?ref=AbC&x=1"));
    // The page of the site that has this address.
    assert_eq!(decided(None, RefMode::Redirect, false).go, Redirect::Pass);
}
