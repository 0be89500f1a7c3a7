//! Who asks for a page: a person's browser, or a script of the same host.
//!
//! The pages stand on the site's own host, so a script that somebody has put into the site could fetch them, read the token
//! of a form, and act as whoever is signed in. Browsers say what a request is for (Fetch Metadata), and scripts cannot
//! change that. Clients that say nothing are no browsers with somebody else's script in them.

use crate::http::exchange::Request;

/// What may be asked for besides a page by going there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A page: by going there alone.
    Page,
    /// A picture in a page of ours.
    Picture,
}

/// Whether a person goes there, or a page of ours shows it. A service worker of the site that passes a visit on makes its
/// destination `empty`; a script's own request is no navigation.
pub fn is_persons(request: &Request, what: Resource) -> bool {
    let header = |name: &str| request.header(name);
    let (mode, dest, site) = (header("sec-fetch-mode"), header("sec-fetch-dest"), header("sec-fetch-site"));
    match (mode, dest) {
        (None | Some("navigate"), None | Some("document" | "empty")) => true,
        (_, Some("image")) => what == Resource::Picture && matches!(site, None | Some("same-origin")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
