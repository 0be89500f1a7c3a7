//! Domains under which anybody can register a name of their own: no cookie may be shared below one.

/// Those that are met most. A top-level domain is one by its form.
const KNOWN: &[&str] = &[
    "ac.uk",
    "co.at",
    "co.in",
    "co.jp",
    "co.kr",
    "co.nz",
    "co.uk",
    "co.za",
    "com.ar",
    "com.au",
    "com.br",
    "com.cn",
    "com.mx",
    "com.sg",
    "com.tr",
    "com.tw",
    "github.io",
    "gov.uk",
    "herokuapp.com",
    "ne.jp",
    "net.au",
    "netlify.app",
    "or.jp",
    "org.au",
    "org.uk",
    "pages.dev",
    "vercel.app",
    "web.app",
    "workers.dev",
];

/// Whether browsers refuse a cookie for this domain, because others have names below it.
pub fn is_public_suffix(domain: &str) -> bool {
    !domain.contains('.') || KNOWN.contains(&domain)
}
