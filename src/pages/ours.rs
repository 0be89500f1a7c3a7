//! Which requests are ours: those that a page or a route answers. All others belong to the site behind the Worker.

use crate::codec::message::unsubscribe;
use crate::http::config::Config;
use crate::http::event::passed;
use crate::http::route as routes;
use crate::pages::identity::way_back;
use crate::pages::route as pages;

/// Whether a path is ours. Requests to other paths are passed on with their body untouched.
pub fn is_ours(path: &str) -> bool {
    pages::is_ours(path) || routes::is_ours(path)
}

/// How the paths begin that are ours or looked at while they are passed on. `runtime/entry.js` passes every other one on
/// without asking, and asks about these.
pub fn beginnings(config: &Config) -> Vec<String> {
    let routes = routes::ROUTES.iter().map(|route| route.path.split('{').next().unwrap_or_default().to_owned());
    let areas = pages::AREAS.iter().map(|area| format!("/{area}"));
    let fixed = routes::PREFIXES.iter().chain([&unsubscribe::PATH, &way_back::ADMIN]).map(|path| (*path).to_owned());
    let mut all: Vec<String> = fixed.chain(routes).chain(areas).chain(passed::beginnings(config)).collect();
    all.sort();
    // The shortest says it all.
    all.dedup_by(|next, kept| next.starts_with(kept.as_str()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::event::passed::Watched;

    #[test]
    fn whatever_is_ours_or_watched_begins_so() {
        let config =
            Config::read(|name| if name == "SIGNUP_PATHS" { "/join=id /a/b=id".to_owned() } else { String::new() });
        let all = beginnings(&config);
        let is_asked = |path: &str| all.iter().any(|start| path.starts_with(start.as_str()));
        let routes = routes::ROUTES.iter().map(|route| route.path.replace("{id}", "x").replace('{', "x"));
        for path in
            routes.chain(["/partner", "/operator/a", "/sign-in/site", "/unsubscribe", "/v1/none"].map(str::to_owned))
        {
            assert!(is_asked(&path), "{path}");
        }
        for (method, path) in [
            ("POST", "/_emdash/api/auth/invite/complete"),
            ("GET", "/_emdash/api/auth/oauth/github/callback"),
            ("GET", "/_emdash/api/auth/atproto/callback"),
            ("POST", "/_emdash/api/auth/logout"),
            ("POST", "/_emdash/api/plugins/emdash-forms/submit"),
            ("POST", "/join"),
            ("PUT", "/a/b"),
        ] {
            assert!(Watched::of(method, path, &config).is_some() && is_asked(path), "{method} {path}");
        }
        for path in ["/", "/blog/partner", "/_astro/a.js", "/_emdash/api/media/file/a.png", "/api/own", "/about"] {
            assert!(!is_asked(path) && !is_ours(path), "{path}");
        }
    }
}
