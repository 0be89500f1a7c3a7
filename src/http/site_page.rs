//! Which of the site's responses are pages that get the script of the site while they are passed on.

/// EmDash's own pages and API, which belong to the people who run the site.
const ADMIN: &str = "/_emdash";
/// What the runtime decompresses when it is rewritten; anything else it would hand on as it is.
const READABLE: [&str; 4] = ["", "identity", "gzip", "br"];

/// Whether a response to `GET path` is a whole document of HTML that may be changed.
pub fn gets_script(method: &str, path: &str, status: u16, header: impl Fn(&str) -> String) -> bool {
    let of_site = path.strip_prefix(ADMIN).is_none_or(|rest| !rest.is_empty() && !rest.starts_with('/'));
    let kind = header("content-type").to_ascii_lowercase();
    let is_html = kind.split(';').next().is_some_and(|kind| kind.trim() == "text/html");
    let encoding = header("content-encoding").trim().to_ascii_lowercase();
    let may_change = !header("cache-control").to_ascii_lowercase().contains("no-transform");
    let is_attached = header("content-disposition").trim().to_ascii_lowercase().starts_with("attachment");
    method == "GET"
        && status == 200
        && of_site
        && is_html
        && may_change
        && !is_attached
        && READABLE.contains(&encoding.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gets(method: &str, path: &str, status: u16, headers: &[(&str, &str)]) -> bool {
        let of =
            |name: &str| headers.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value).to_owned();
        gets_script(method, path, status, of)
    }

    #[test]
    fn whole_pages_of_the_site_get_it() {
        let html = ("content-type", "text/html; charset=utf-8");
        for path in ["/", "/blog/a", "/_emdashed", "/_astro/x"] {
            assert!(gets("GET", path, 200, &[html]), "{path}");
        }
        for encoding in ["GZIP", "br"] {
            assert!(gets("GET", "/", 200, &[("content-type", "Text/HTML"), ("content-encoding", encoding)]));
        }
        for path in ["/_emdash", "/_emdash/admin", "/_emdash/api/auth/me"] {
            assert!(!gets("GET", path, 200, &[html]), "{path}");
        }
        for status in [201, 206, 302, 304, 404, 500] {
            assert!(!gets("GET", "/", status, &[html]), "{status}");
        }
        assert!(!gets("HEAD", "/", 200, &[html]) && !gets("POST", "/", 200, &[html]));
        for other in ["", "application/xhtml+xml", "text/htmlx", "text/plain", "application/json; a=text/html"] {
            assert!(!gets("GET", "/", 200, &[("content-type", other)]), "{other}");
        }
        for header in [
            ("content-encoding", "deflate"),
            ("content-encoding", "zstd"),
            ("content-encoding", "gzip, br"),
            ("cache-control", "public, No-Transform"),
            ("content-disposition", "attachment; filename=a.html"),
        ] {
            assert!(!gets("GET", "/", 200, &[html, header]), "{header:?}");
        }
    }
}
