//! Who can be paid through Stripe: partners in the platform's own country, and across borders inside one region. Only
//! the full service agreement is used: accounts under the recipient agreement take no payouts across borders.

/// The countries between which Stripe pays across borders: the United States, the United Kingdom, the EEA (the EU with
/// Iceland, Liechtenstein and Norway), Canada and Switzerland.
#[rustfmt::skip]
pub const CROSS_BORDER: [&str; 34] = [
    "US", "GB", "CA", "CH",
    "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT", "LV", "LT", "LU", "MT",
    "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE",
    "IS", "LI", "NO",
];

/// Whether a platform pays across borders at all.
pub fn is_cross_border(country: &str) -> bool {
    CROSS_BORDER.contains(&country)
}

/// Whether a platform can pay a partner in a country. While one of them is unknown, Stripe decides.
pub fn is_offered(platform: Option<&str>, partner: Option<&str>) -> bool {
    let (Some(platform), Some(partner)) = (platform, partner) else { return true };
    platform == partner || (is_cross_border(platform) && is_cross_border(partner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_pays_at_home_and_within_its_region() {
        for (platform, partner, offered) in [
            ("US", "US", true),
            ("US", "GB", true),
            ("US", "IS", true),
            ("DE", "CH", true),
            ("CA", "LI", true),
            ("NO", "US", true),
            ("US", "BR", false),
            ("US", "IN", false),
            ("US", "GI", false),
            ("BR", "BR", true),
            ("BR", "US", false),
            ("JP", "JP", true),
            ("JP", "DE", false),
            ("AU", "NZ", false),
            ("US", "UK", false),
        ] {
            assert_eq!(is_offered(Some(platform), Some(partner)), offered, "{platform} to {partner}");
        }
        assert!(is_offered(None, Some("BR")) && is_offered(Some("US"), None));
    }

    #[test]
    fn the_region_is_the_eea_and_four_more() {
        let all: std::collections::BTreeSet<&str> = CROSS_BORDER.into_iter().collect();
        assert_eq!(all.len(), 27 + 3 + 4);
    }
}
