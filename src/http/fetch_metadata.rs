//! Whether a page is requested by a person's browser or by a script of the same host.
//!
//! The pages are on the site's own host. A script injected into the site could fetch them, read a form's token, and act
//! as the signed-in user. Browsers send what a request is for (Fetch Metadata), and scripts cannot change that. Clients
//! that send none are not browsers running an injected script.

use crate::http::exchange::Request;

/// What can be requested in other ways than navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A page: by navigation only.
    Page,
    /// A picture in one of our pages.
    Picture,
}

/// Whether a person navigates there, or one of our pages shows it. If a service worker of the site forwards a
/// navigation, its destination becomes `empty`; a script's own request is not a navigation.
pub fn is_persons(request: &Request, what: Resource) -> bool {
    let header = |name: &str| request.header(name);
    let (mode, dest, site) = (header("sec-fetch-mode"), header("sec-fetch-dest"), header("sec-fetch-site"));
    match (mode, dest) {
        (None | Some("navigate"), None | Some("document" | "empty")) => true,
        (_, Some("image")) => what == Resource::Picture && matches!(site, None | Some("same-origin")),
        _ => false,
    }
}

/// Whether a script or picture of this origin asks. Browsers that send no Fetch Metadata (Safari before 16.4) say at
/// least where a beacon comes from.
pub fn is_same_origin(request: &Request) -> bool {
    is_of_this_origin(request) == Some(true)
}

/// Whether the answer is for a page of this origin, or for who opens the address. Where a GET does nothing, one that says
/// nothing may be ours: browsers keep its answer from other origins' scripts.
pub fn is_readable(request: &Request) -> bool {
    is_of_this_origin(request) != Some(false) || request.header("sec-fetch-site") == Some("none")
}

fn is_of_this_origin(request: &Request) -> Option<bool> {
    let site = request.header("sec-fetch-site").map(|site| site == "same-origin");
    site.or_else(|| request.header("origin").map(|origin| origin == request.origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_fetch_metadata_the_origin_decides() {
        let is_ours = |headers: &[(&str, &str)]| {
            let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            is_same_origin(&Request { headers, origin: "https://a.example".to_owned(), ..Request::default() })
        };
        let ours = ("origin", "https://a.example");
        assert!(is_ours(&[ours]) && is_ours(&[("sec-fetch-site", "same-origin")]));
        for headers in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "https://a.example.evil.example")],
            &[("origin", "http://a.example")],
            &[("sec-fetch-site", "same-site"), ours],
            &[("sec-fetch-site", "none"), ours],
            &[("sec-fetch-site", ""), ours],
        ] {
            assert!(!is_ours(headers), "{headers:?}");
        }
    }

    #[test]
    fn other_origins_pages_read_nothing() {
        let reads = |headers: &[(&str, &str)]| {
            let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            is_readable(&Request { headers, origin: "https://a.example".to_owned(), ..Request::default() })
        };
        let ours = ("origin", "https://a.example");
        for site in ["same-origin", "none"] {
            assert!(reads(&[("sec-fetch-site", site)]), "{site}");
        }
        assert!(
            reads(&[]) && reads(&[ours]) && !reads(&[("origin", "null")]) && !reads(&[("origin", "https://b.example")])
        );
        for site in ["same-site", "cross-site", ""] {
            assert!(!reads(&[("sec-fetch-site", site), ours]), "{site}");
        }
    }

    fn asks(headers: &[(&str, &str)], what: Resource) -> bool {
        let headers = headers.iter().map(|(n, v)| (format!("sec-fetch-{n}"), (*v).to_owned())).collect();
        is_persons(&Request { headers, ..Request::default() }, what)
    }

    #[test]
    fn a_page_is_gone_to() {
        for good in [
            &[][..],
            &[("mode", "navigate"), ("dest", "document"), ("site", "none")],
            &[("mode", "navigate"), ("dest", "document"), ("site", "cross-site")],
            &[("mode", "navigate"), ("dest", "empty"), ("site", "same-origin")],
            &[("site", "same-origin")],
        ] {
            assert!(asks(good, Resource::Page) && asks(good, Resource::Picture), "{good:?}");
        }
        for dest in ["iframe", "frame", "embed", "object", "fencedframe", "script", "style", "worker", "report", "x"] {
            assert!(!asks(&[("mode", "navigate"), ("dest", dest)], Resource::Page), "{dest}");
            assert!(!asks(&[("dest", dest)], Resource::Page), "{dest}");
        }
        for mode in ["cors", "no-cors", "same-origin", "websocket", "webidentity", ""] {
            for dest in [None, Some("empty"), Some("document")] {
                let mut headers = vec![("mode", mode), ("site", "same-origin")];
                headers.extend(dest.map(|dest| ("dest", dest)));
                assert!(!asks(&headers, Resource::Page) && !asks(&headers, Resource::Picture), "{headers:?}");
            }
        }
    }

    #[test]
    fn a_picture_is_shown_by_our_own_pages() {
        let of = |site: &'static str| [("mode", "no-cors"), ("dest", "image"), ("site", site)];
        assert!(asks(&of("same-origin"), Resource::Picture) && !asks(&of("same-origin"), Resource::Page));
        assert!(!asks(&of("same-site"), Resource::Picture) && !asks(&of("cross-site"), Resource::Picture));
    }
}
