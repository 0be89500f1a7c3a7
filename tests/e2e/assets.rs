//! The pages' static files, served next to the Worker and cached as immutable.

use super::client::step;
use super::server::Server;

/// URLs of the page's files, from `href="…"` and `src="…"`.
fn files(html: &str) -> Vec<&str> {
    html.split(['"']).filter(|text| text.starts_with("/manicule/")).collect()
}

#[test]
fn assets_that_pages_reference_are_served_as_immutable() {
    let server = Server::start();
    let page = server.get("/sign-in").send();
    let found = files(&page.text);
    for (ending, kind) in [
        ("/style.css", "text/css; charset=utf-8"),
        ("/script.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        (".woff2", "font/woff2"),
    ] {
        step(ending);
        let path = found.iter().find(|path| path.ends_with(ending)).unwrap_or_else(|| panic!("{ending} in {found:?}"));
        let file = server.get(path).send();
        assert_eq!((file.status, file.header("content-type")), (200, Some(kind)), "{path}");
        assert_eq!(file.header("cache-control"), Some("public, max-age=31536000, immutable"), "{path}");
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(!file.bytes.is_empty(), "{path}");
    }

    step("a file of another build is not found, and that response is not cached");
    let gone = server.get("/manicule/000000000000/style.css").send();
    assert_eq!((gone.status, gone.header("cache-control")), (404, Some("no-store")));
}
