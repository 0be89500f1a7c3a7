//! The site behind the Worker: the one address at which it answers, and the older settings that it takes the place of.

use crate::http::config::Config;

impl Config {
    /// Where requests that are not ours are passed on, unless a service is bound. Empty: nowhere.
    pub fn origin(&self) -> &str {
        if self.origin_url.is_empty() { &self.site_url } else { &self.origin_url }
    }

    /// The setting that says so.
    pub fn origin_setting(&self) -> &'static str {
        if self.origin_url.is_empty() { "SITE_URL" } else { "ORIGIN_URL" }
    }

    /// The EmDash site whose sessions are accepted, unless a service is bound. Empty: none.
    pub fn sessions_at(&self) -> &str {
        if self.origin_url.is_empty() { &self.emdash_origin } else { &self.origin_url }
    }

    /// What works and would be better said otherwise. Nothing of this is unhealthy.
    pub fn advice(&self, is_bound: bool) -> Vec<String> {
        let mut all = Vec::new();
        let by = if is_bound { "the service EMDASH" } else { "ORIGIN_URL" };
        let has_origin = is_bound || !self.origin_url.is_empty();
        if has_origin && !self.emdash_origin.is_empty() {
            all.push(format!("EMDASH_ORIGIN: {by} says it already, so this one is not used and can go"));
        }
        if is_bound && !self.origin_url.is_empty() {
            all.push(
                "ORIGIN_URL: the service EMDASH is bound and comes first, so this one is not used and can go"
                    .to_owned(),
            );
        }
        if !has_origin && !self.site_url.is_empty() {
            let and = if self.emdash_origin.is_empty() { "" } else { ", and EMDASH_ORIGIN can go" };
            all.push(format!(
                "SITE_URL: is the site's origin, too, because ORIGIN_URL is empty. If the site is behind this Worker, write \
                 where it answers as ORIGIN_URL; then links lead to this address{and}"
            ));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_enough_and_older_settings_work() {
        let read = |settings: &[(&str, &str)]| {
            Config::read(|name| {
                settings.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()).unwrap_or_default()
            })
        };
        let (a, b, c) = ("https://a.example", "https://b.example", "https://c.example");
        for (settings, origin, sessions, bound, advised) in [
            (vec![("ORIGIN_URL", a)], a, a, false, vec![]),
            (vec![("ORIGIN_URL", a), ("SITE_URL", b)], a, a, false, vec![]),
            (vec![("SITE_URL", b), ("EMDASH_ORIGIN", c)], b, c, false, vec!["SITE_URL"]),
            (vec![("SITE_URL", b)], b, "", false, vec!["SITE_URL"]),
            (vec![("EMDASH_ORIGIN", c)], "", c, false, vec![]),
            (vec![("ORIGIN_URL", a), ("EMDASH_ORIGIN", c)], a, a, false, vec!["EMDASH_ORIGIN"]),
            (vec![("ORIGIN_URL", a), ("EMDASH_ORIGIN", c)], a, a, true, vec!["EMDASH_ORIGIN", "ORIGIN_URL"]),
            (vec![], "", "", true, vec![]),
        ] {
            let config = read(&settings);
            assert_eq!((config.origin(), config.sessions_at()), (origin, sessions), "{settings:?}");
            let advice = config.advice(bound);
            let named: Vec<&str> = advice.iter().filter_map(|text| text.split(':').next()).collect();
            assert_eq!(named, advised, "{settings:?}");
        }
        let config = read(&[("ORIGIN_URL", "https://a.example/blog"), ("SIGNUP_PATHS", "/a=id nothing /b=c.d")]);
        let about = |name: &str| config.complaints.iter().filter(|text| text.starts_with(name)).count();
        assert_eq!((about("ORIGIN_URL: "), about("SIGNUP_PATHS: ")), (1, 1), "{:?}", config.complaints);
        assert_eq!(config.sign_up_paths.len(), 2);
    }
}
