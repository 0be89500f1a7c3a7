use crate::http::config::*;

#[test]
fn what_is_weak_stays_closed() {
    let strong = "bd03c21010ac5d446b51944a664268f3";
    // The hash of "secret".
    let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    let config = Config::read(|name| match name {
        "WEBHOOK_SECRETS" => {
            format!(
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_short whsec_{} whsec_AWz/Eb+BYzdv8X+URIlA+WOJv1RKFcy8Ay1KiLj3cZPf",
                "QUJD".repeat(11)
            )
        }
        "EMDASH_TOKENS" => format!("changeme {strong} 0123456789abcdef0123456789abcdef"),
        "COOKIE_KEYS" => format!("k1:{}", "0".repeat(64)),
        "FORMS_SECRETS" => "please-changeme-please-changeme-please".to_owned(),
        "OPERATOR_BOOTSTRAP_TOKEN_SHA256" => hash.to_owned(),
        "MAIL_API_URL" => "http://127.0.0.1:x@evil.example/".to_owned(),
        "PUBLIC_URL" => "http://127.0.0.1:8787".to_owned(),
        "SITE_URL" => "https://user@a.example".to_owned(),
        "EMDASH_ORIGIN" => "a.example".to_owned(),
        _ => String::new(),
    });
    assert_eq!(config.webhook_secrets.len(), 1);
    assert_eq!(config.emdash_tokens, [strong]);
    assert!(config.cookie_keys.is_none() && config.operator_token_sha256.is_none());
    assert!(config.forms_secrets.is_empty() && config.setup.mail.api.is_none());
    assert_eq!((config.public_url.as_str(), config.site_url.as_str(), config.emdash_origin.as_str()), ("", "", ""));
    let named = |name: &str| config.complaints.iter().filter(|c| c.starts_with(&format!("{name}: "))).count();
    for (name, times) in [
        ("WEBHOOK_SECRETS", 3),
        ("EMDASH_TOKENS", 2),
        ("FORMS_SECRETS", 1),
        ("COOKIE_KEYS", 1),
        ("OPERATOR_BOOTSTRAP_TOKEN_SHA256", 1),
        ("MAIL_API_URL", 1),
        ("PUBLIC_URL", 1),
        ("SITE_URL", 1),
        ("EMDASH_ORIGIN", 1),
    ] {
        assert_eq!(named(name), times, "{name}: {:?}", config.complaints);
    }
}

#[test]
fn this_machine_is_for_development() {
    let read = |development: &str| {
        Config::read(|name| match name {
            "SITE_URL" => "http://127.0.0.1:9000/shop/".to_owned(),
            "DEVELOPMENT" => development.to_owned(),
            _ => String::new(),
        })
    };
    assert_eq!((read("yes").site_url.as_str(), read("").site_url.as_str()), ("http://127.0.0.1:9000/shop", ""));
}

#[test]
fn operators_are_addresses() {
    let config = Config::read(|name| match name {
        "WEBHOOK_SECRETS" => "whsec_5Uy0nGg1dQ2kzW3q9rF8bM7xT4hLc6vJpE1sYaNoKtA=".to_owned(),
        "COOKIE_KEYS" => "k1:3a751f27f70e668bb59b766ada5405144f434f35b2447039c7bbe96e64984e98".to_owned(),
        "OPERATOR_EMAIL" => "Told@A.example".to_owned(),
        "OPERATORS" => {
            " Ann@a.example  bob@a.example:finance nobody cy@a.example:owner ann@A.example:viewer".to_owned()
        }
        "JOIN_PROGRAM" => " one two ".to_owned(),
        "SELF_SERVE_PROGRAM" => "three".to_owned(),
        _ => String::new(),
    });
    let role = |address: &str| config.role_of(address).map(Role::name);
    assert_eq!((role("ANN@a.example"), role("bob@a.example")), (Some("admin"), Some("finance")));
    assert_eq!(
        (role("told@a.example"), role("cy@a.example"), role("nobody"), role("")),
        (Some("admin"), None, None, None)
    );
    assert_eq!(config.open_programs().collect::<Vec<_>>(), ["one", "two", "three"]);
    let [first, second, twice] = config.complaints.as_slice() else { panic!("{:?}", config.complaints) };
    assert!(first.starts_with("OPERATORS: must be") && first == second && twice.ends_with("is listed twice"));
}

fn mail_setup(vars: &[(&str, &str)]) -> (&'static str, Vec<String>) {
    let keys = "k1:3a751f27f70e668bb59b766ada5405144f434f35b2447039c7bbe96e64984e98".to_owned();
    let config = Config::read(|name| match name {
        "WEBHOOK_SECRETS" => "whsec_5Uy0nGg1dQ2kzW3q9rF8bM7xT4hLc6vJpE1sYaNoKtA=".to_owned(),
        "COOKIE_KEYS" => keys.clone(),
        _ => vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()).unwrap_or_default(),
    });
    (config.setup.mail_state(), config.complaints)
}

#[test]
fn mails_leave_once_all_is_set() {
    let (from, url) = (("MAIL_FROM", "Manicule <hello@a.example>"), ("PUBLIC_URL", "https://a.example/"));
    assert_eq!(mail_setup(&[]), ("not set up", Vec::new()));
    assert_eq!(mail_setup(&[from, url]).0, "not set up", "there is no binding");
    assert_eq!(mail_setup(&[from, url, ("MAIL_API_KEY", "re_1")]), ("api", Vec::new()));
    assert_eq!(mail_setup(&[from, ("MAIL_API_KEY", "re_1")]).1.len(), 1, "links need an address");
    for bad in [
        ("MAIL_FROM", "a@b.example\r\nBcc: c@d.example"),
        ("MAIL_API_URL", "http://a.example/send"),
        ("MAIL_API_TEMPLATE", "{\"to\": 1}"),
        ("MAIL_API_TEMPLATE", "{{to}}"),
        ("OPERATOR_EMAIL", "nobody"),
    ] {
        let (state, complaints) = mail_setup(&[bad, from, url, ("MAIL_API_KEY", "re_1")]);
        assert_eq!((state == "api", complaints.len()), (bad.0 == "OPERATOR_EMAIL", 1), "{bad:?}: {complaints:?}");
    }
}
