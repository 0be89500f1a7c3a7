//! Signing in and out.

pub const SIGN_IN: &str = "Sign in";

// The ways to sign in.
pub const BY_SITE_LEAD: &str = "Partners and operators sign in with their site account.";
pub const BY_SITE: &str = "Sign in with your site account";
pub const OR_BY_EMAIL: &str = "Or sign in by email";
pub const BY_EMAIL_LEAD: &str = "No password needed. We'll email you a link.";
pub const EMAIL_LINK: &str = "Email me a link";
pub const NO_EMAIL_SETUP: &str =
    "Email is not set up here, so we can't send you a link. Operators can sign in with a token.";
pub const NOT_A_PARTNER: &str = "Not a partner yet?";
pub const JOIN: &str = "Join the program";
pub const OPERATOR: &str = "Operator?";

// Why a person who is signed in gets no further.
pub const IS_PARTNER: &str = "You are signed in as a partner. These pages are for operators.";
pub const SITE_ROLE_TOO_LOW: &str = "Your site account's role doesn't allow partner access.";
pub const SITE_PARTNER: &str = "Your site account is a partner account. These pages are for administrators.";
pub const SITE_UNAVAILABLE: &str = "We couldn't check your sign-in with the site. Try again in a moment.";

// Why no email was sent.
pub const TOO_MANY_EMAILS: &str =
    "Your network has requested too many emails. We sent nothing. Wait a minute and try again.";
pub const EMAIL_NOT_SET_UP: &str = "Email is not set up on this site yet, so we can't send a link. Operators can \
    sign in with a token; “Emails and webhooks” in the README explains how to set up email.";

// After an email was requested.
pub const CHECK_EMAIL: &str = "Check your email";
pub const SENT_LEAD: &str = "If we recognize that address, we've emailed it a sign-in link.";
pub const SENT_ONCE: &str = "The link works once and expires in 15 minutes.";
pub const NO_EMAIL: &str = "No email after a minute? Check your spam folder and the address you entered, or try again.";
pub const EMAIL_LIMIT: &str = "We send up to five emails an hour to one address.";

/// Before the address that the emailed link signs in.
pub const CONFIRM_AS: &str = "You are about to sign in as";
pub const NOT_YOU: &str = "If you didn't request this, close this page.";

// An emailed link that was used or has expired.
pub const LINK_GONE: &str = "This link no longer works";
pub const LINK_GONE_WHY: &str = "It was already used, has expired, or was copied incompletely.";
pub const NEW_LINK: &str = "Get a new link";

// With a token.
pub const BY_TOKEN: &str = "Sign in with a token";
pub const BY_TOKEN_LEAD: &str = "For operators: use the token from the deployment, or an API token.";
pub const TOKEN: &str = "Operator token";
pub const TOKEN_HINT: &str = "You stay signed in for up to 12 hours, or until the token expires.";
pub const BY_EMAIL_INSTEAD: &str = "Sign in by email instead";
pub const TOKEN_REFUSED: &str = "This token can't open these pages. It may be wrong, expired, or revoked.";

pub const SIGN_OUT_LEAD: &str = "Sign out of this browser, or of every browser you are signed in with.";
