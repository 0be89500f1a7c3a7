//! The page while the site behind the Worker does not answer. It needs no session, no database and no script.

use crate::http::assets::STYLE;
use crate::http::exchange::{Request, Response};
use crate::pages::text::shared::error as text;
use maud::{DOCTYPE, html};
use serde_json::json;

const CSP: &str = "default-src 'none'; style-src 'self'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'";
/// When to try again, in seconds.
const AGAIN_S: u32 = 10;

/// Why the site has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// It can't be reached.
    Down,
    /// It did not begin to answer in time.
    Slow,
}

/// The page, or problem details for programs.
pub fn answer(request: &Request, outage: Outage) -> Response {
    let (status, code, title, why) = match outage {
        Outage::Down => (502, "site_down", text::SITE_DOWN, text::SITE_DOWN_WHY),
        Outage::Slow => (504, "site_slow", text::SITE_SLOW, text::SITE_SLOW_WHY),
    };
    let mut response = if request.header("accept").is_some_and(|kinds| kinds.contains("text/html")) {
        let body = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    title { (title) }
                    meta name="viewport" content="width=device-width";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    link rel="stylesheet" href=(STYLE);
                }
                body class="open" { main { h1 { (title) } p { (why) } } }
            }
        };
        let mut page = Response::text("text/html; charset=utf-8", body.into_string());
        page.headers.push(("content-security-policy", CSP.to_owned()));
        page
    } else {
        let body = json!({
            "type": format!("urn:manicule:problem:{code}"), "title": title, "status": status, "code": code, "detail": why,
        });
        let mut problem = Response::json(status, &body);
        problem.headers[0].1 = "application/problem+json".to_owned();
        problem
    };
    response.status = status;
    response.headers.push(("retry-after", AGAIN_S.to_string()));
    if request.method == "HEAD" {
        response.body.clear();
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_a_page_and_programs_a_problem() {
        let answered = |accept: &str, outage| {
            let headers = vec![("accept".to_owned(), accept.to_owned())];
            answer(&Request { headers, ..Request::default() }, outage)
        };
        for (outage, status) in [(Outage::Down, 502), (Outage::Slow, 504)] {
            for (accept, kind) in [("text/html,*/*", "text/html; charset=utf-8"), ("*/*", "application/problem+json")] {
                let response = answered(accept, outage);
                let header = |name: &str| response.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
                assert_eq!((response.status, header("content-type")), (status, Some(kind)));
                assert_eq!((header("cache-control"), header("retry-after")), (Some("no-store"), Some("10")));
                assert!(!response.body.is_empty());
            }
        }
    }
}
