//! The setting `HSTS`: how long browsers must use https only.

/// A year, for this host only: its subdomains are not ours to decide about.
const HSTS_DEFAULT: &str = "max-age=31536000";

/// The setting `HSTS`: empty means the default, `off` means no header.
pub fn hsts(text: &str) -> Result<Option<String>, &'static str> {
    let fits = |part: &str| match part.trim() {
        "includeSubDomains" | "preload" => true,
        part => part.strip_prefix("max-age=").is_some_and(|n| n.len() <= 10 && n.parse::<u32>().is_ok()),
    };
    match text.trim() {
        "" => Ok(Some(HSTS_DEFAULT.to_owned())),
        "off" => Ok(None),
        text if text.starts_with("max-age=") && text.split(';').all(fits) => Ok(Some(text.to_owned())),
        _ => Err("must be off, or max-age=SECONDS with or without ; includeSubDomains and ; preload"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_is_checked() {
        assert_eq!(hsts(" off "), Ok(None));
        assert_eq!(
            hsts("max-age=60; includeSubDomains; preload").unwrap().unwrap(),
            "max-age=60; includeSubDomains; preload"
        );
        for bad in ["yes", "max-age=", "max-age=-1", "max-age=60; x", "max-age=60\r\nx: y", "includeSubDomains"] {
            assert!(hsts(bad).is_err(), "{bad}");
        }
    }
}
