//! Valid input of each kind, and pieces that mean something to one parser or another.

/// Pieces to put anywhere: syntax, escapes, numbers at the limits, letters that are folded or hidden.
pub const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "true",
    "{}",
    "[]",
    "\\u0000",
    "\\ud800",
    "\\\"",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "é",
    "e\u{301}",
    "漢",
    "\u{1f600}",
    "İ",
    "ß",
    "ﬃ",
    "%",
    "%2",
    "%00",
    "%2F",
    "%E2%80%9D",
    "%ff",
    "+",
    "&",
    "=",
    "?",
    "#",
    ";",
    ";;",
    "; ",
    "//",
    "/../",
    "\\",
    "@",
    "://",
    "https://",
    "http://[::1]",
    "javascript:",
    "xn--",
    "xn--a-ecp.ru",
    ".",
    "..",
    "-",
    "_",
    "~",
    "|",
    "\r\n",
    "\t",
    " ",
    "\u{a0}",
    "0",
    "-0",
    "-1",
    "1e9",
    "1E400",
    "0.5",
    "9007199254740991",
    "9007199254740993",
    "9223372036854775808",
    "1000000000001",
    "2020-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "0000-00-00T00:00:00Z",
    "2026-02-29T00:00:00.000001+23:59",
    "v1.",
    "k1.",
    "mref1_",
    "ref=",
    "partner=",
    "campaign=",
    "utm_source=",
    "amp;",
    "/r/",
    "AbC12345",
    "evt_1",
    "usd",
    "USD",
    "\"id\":",
    "\"type\":",
    "\"amount\":{\"cents\":",
    "__proto__",
    "__Host-manicule=",
    "whsec_",
    "t=",
    "v1=",
    "v1,",
    "a@b.example",
    "\"A B\"@[1.2.3.4]",
];

pub const EVENTS: &[&str] = &[
    r#"{"id":"evt_1","type":"account.signed_up","occurred_at":"2026-05-10T00:00:00Z","account":{"id":"acct_1","email":"f@c.example","name":"N","plan":"pro","team_size":7},"attribution":{"token":"v1.k.p.m","code":"AbC12345","visitor":"fp_1"}}"#,
    r#"{"id":"evt_2","type":"invoice.paid","occurred_at":"2026-05-10T00:00:00.250+02:00","account":{"id":"acct_1"},"amount":{"cents":50000,"currency":"usd"},"data":{"invoice_id":"in_1","subscription_id":"sub_1","months":12,"discount_cents":5}}"#,
    r#"{"id":"evt_3","type":"invoice.refunded","occurred_at":"2026-05-11T00:00:00Z","account":{"id":"a"},"amount":{"cents":1,"currency":"eur"},"data":{"invoice_id":"in_1","refund_id":"re_1"}}"#,
    r#"{"id":"evt_4","type":"account.active","occurred_at":"2026-05-11T00:00:00Z","account":{"id":"a","team_size":3},"data":{"api_calls":5000}}"#,
    r#"{"id":"evt_5","type":"lead_magnet.downloaded","occurred_at":"2026-05-11T00:00:00Z","data":{"campaign":"spring","visitor":"vis_1"},"attribution":{"code":"AbC12345"}}"#,
    r#"{"id":"evt_6","type":"subscription.started","occurred_at":"2026-05-11T00:00:00Z","account":{"id":"a"},"data":{"subscription_id":"s","monthly_cents":5000,"annual_value_cents":60000,"currency":"usd"}}"#,
    r#"{"id":"evt_7","type":"dispute.opened","occurred_at":"2026-05-11T00:00:00Z","account":{"id":"a"},"amount":{"cents":1,"currency":"usd"},"data":{"invoice_id":"in_1","dispute_id":"dp_1"}}"#,
    r#"{"id":"evt_8","type":"workspace.invited","occurred_at":"2026-05-11T00:00:00Z","data":{"agency_code":"AbC12345","domain":"acme.example"}}"#,
];

pub const BATCHES: &[&str] = &[
    r#"{"events":[{"id":"old_1","type":"account.signed_up","occurred_at":"2024-03-01T10:00:00Z","account":{"id":"acct_2"},"attribution":{"code":"AbC12345"}},{"id":"old_2","type":"invoice.paid","occurred_at":"2024-03-02T10:00:00Z","account":{"id":"acct_2"},"amount":{"cents":100,"currency":"usd"},"data":{"invoice_id":"i"}}]}"#,
];

pub const STRIPE: &[&str] = &[
    r#"{"id":"evt_1","object":"event","api_version":"2025-09-30.clover","created":1795000000,"type":"invoice.paid","livemode":false,"data":{"object":{"id":"in_1","object":"invoice","billing_reason":"subscription_create","currency":"usd","customer":"cus_1","customer_email":"Ann@Example.org","subscription":"sub_1","payment_intent":"pi_1","charge":"ch_1","amount_paid":11900,"total":11900,"total_excluding_tax":10000,"tax":1900,"lines":{"data":[{"period":{"start":1,"end":2}}]},"status_transitions":{"paid_at":1795000000}}}}"#,
    r#"{"id":"evt_2","object":"event","created":1795000000,"type":"charge.refunded","livemode":true,"data":{"object":{"id":"ch_1","object":"charge","amount":100,"amount_refunded":40,"currency":"usd","payment_intent":"pi_1","invoice":"in_1","refunds":{"data":[{"id":"re_1","amount":40,"currency":"usd","status":"succeeded","created":1}]}}}}"#,
    r#"{"id":"evt_3","object":"event","created":1795000000,"type":"customer.subscription.updated","livemode":false,"data":{"object":{"id":"sub_1","object":"subscription","customer":"cus_1","status":"active","currency":"usd","items":{"data":[{"quantity":2,"price":{"unit_amount":500,"currency":"usd","recurring":{"interval":"month","interval_count":1}}}]}},"previous_attributes":{"status":"trialing"}}}"#,
    r#"{"id":"evt_4","object":"event","created":1795000000,"type":"checkout.session.completed","livemode":false,"data":{"object":{"id":"cs_1","object":"checkout.session","customer":"cus_1","client_reference_id":"mref1_x","customer_details":{"email":"a@b.example","name":"N"},"metadata":{"ref":"x"},"mode":"payment","payment_status":"paid","amount_total":500,"currency":"usd"}}}"#,
    r#"{"id":"evt_5","object":"v2.core.event","type":"v2.core.account.updated","created":"2026-05-10T00:00:00.000Z","livemode":false,"related_object":{"id":"acct_1","type":"v2.core.account","url":"/v2/core/accounts/acct_1"}}"#,
    r#"{"id":"evt_6","object":"event","account":"acct_1","created":1795000000,"type":"account.updated","livemode":false,"data":{"object":{"id":"acct_1","object":"account","country":"US","default_currency":"usd","details_submitted":true,"payouts_enabled":true,"requirements":{"currently_due":["x"],"disabled_reason":null}}}}"#,
];

pub const HOOKS: &[&str] = &[
    r#"{"event":"content:create","timestamp":"2026-11-20T10:09:52.925Z","collection":"posts","resourceId":"01M7HOOK","resourceType":"content","metadata":{"slug":"hello-hook-2","status":"draft"}}"#,
];

pub const FORMS: &[&str] = &[
    r#"{"event":"form.submission","formId":"signup","formName":"Signup","submissionId":"01M7FORM","data":{"email":"lead@example.com","ref":"v1.k.p.m","code":"AbC12345"},"files":[],"submittedAt":"2026-11-20T10:10:15.487Z"}"#,
    r#"{"event":"form.submission","submissionId":"01M7FORM","data":{"manicule_event":"account.signed_up","email":"lead@example.com","name":"Lead","account_id":"acct_1"},"submittedAt":"2026-11-20T10:10:15.487Z"}"#,
];

pub const SITE_ANSWERS: &[&str] = &[
    r#"{"success":true,"data":{"id":"u1","email":"a@b.example","name":"Ann","role":10}}"#,
    r#"{"success":true,"user":{"id":"u1","email":"a@b.example","name":"Ann","role":10}}"#,
    r#"{"success":true,"submissionId":"x","data":{"user":{"id":"u1","email":"a@b.example"}}}"#,
];

pub const BEACONS: &[&str] = &[
    r#"{"event":"demo.requested","campaign":"migration-playbook","partner":"ABC12345","path":"/a?email=x#y"}"#,
    r#"{"event":"page.viewed"}"#,
];

pub const TOUCHES: &[&str] =
    &[r#"{"code":"AbC12345","campaign":"spring"}"#, r#"{"code":"https://go.example/r/AbC12345"}"#];

pub const COOKIES: &[&str] = &[
    "a=b; consent=yes; astro-session=abc.10; c=d",
    "__Host-manicule_session=token.ptn_1; __Host-manicule=v1.k1.x.y",
    "astro-session=abc",
];

pub const SET_COOKIES: &[&str] =
    &["astro-session=abc; Path=/; HttpOnly; Max-Age=100", "astro-session=; Max-Age=0; Path=/"];

pub const URLS: &[&str] = &[
    "https://go.example/r/AbC12345?campaign=spring&utm_source=x",
    "https://site.example/blog/post?ref=AbC12345&utm_campaign=a%20b#top",
    "https://site.example/?partner=PARTNER_0A1B2C3D&campaign=migration-playbook",
    "https://site.example/?a=1&amp;ref=AbC&ref=DeF",
    "/r/AbC12345",
    "http://user@[2001:db8::1]:8443/p?q=%C3%A9",
    "https://xn--bcher-kva.example/%C3%A9",
];

pub const QUERIES: &[&str] =
    &["limit=50&cursor=12.abc", "state=open&limit=1", "event=page.viewed&partner=AbC&campaign=a+b"];

pub const PAGE_FORMS: &[&str] =
    &["name=Studio+Ann&email=ann%40studio.example&country=US&website=&disclosure=yes", "title=t&body=a%0D%0Ab&body=c"];

pub const HEADERS: &[&str] = &[
    "t=1795176000,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd,v0=x",
    "Bearer mop_abcdef0123456789",
    "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
];

pub const INSTANTS: &[&str] =
    &["2026-05-10T00:00:00Z", "2026-05-10T00:00:00.123+02:00", "2026-06", "2026-W24", "2026-Q2"];

pub const HOSTS: &[&str] = &["Shop.Example.CO.UK", "bücher.example", "xn--bcher-kva.example", "a.b.c.example."];

pub const OPERATOR: &[&str] = &[
    r#"{"program":"agency-partner","external_id":"u1","name":"Ann","email":"ann@a.example","website":"https://a.example","country":"US","type":"agency","disclosure_accepted":true,"code":"ANN-2026"}"#,
    r#"{"partner":"ptn_1","destination":"/pricing?x=1","campaign":"spring","utm":{"utm_source":"x"},"source":"content","expires_at":"2027-01-01T00:00:00Z","code":"SPRING"}"#,
    r#"{"destination":"https://site.example/a","campaign":null,"utm":{"utm_source":"x"}}"#,
    r#"{"name":"Ann","email":null,"notes":"x"}"#,
    r#"{"decision":"confirm","reason":"looked into"}"#,
    r#"{"reason":"because"}"#,
    r#"{"as_of":"2026-06-01T00:00:00Z","accounts":[{"id":"a","subscriptions":[{"id":"s","monthly_cents":500,"currency":"usd","status":"active"}],"invoices":[]}]}"#,
    r#"{"partner":"ptn_1","reason":"moved","cascade":false}"#,
    r#"{"partner":"ptn_1","amount_cents":-500,"unit":"cash:usd","note":"n","reason":"r"}"#,
    r#"{"program":"user-referral","cadence":"weekly","period":"2026-W24","preview":true}"#,
    r#"{"from":"2026-01-01T00:00:00Z","to":"2026-02-01T00:00:00Z","document":{"id":"p"}}"#,
    r#"{"amount_cents":5000,"reason":"to reward"}"#,
    r#"{"url":"https://hooks.example/x","types":["reward","accrual.created"],"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}"#,
    r#"{"target":"operator","reason":"again"}"#,
    r#"{"country":"US","refresh_url":"https://site.example/a","return_url":"https://site.example/b"}"#,
    r#"{"outcome":"sent","id":"tr_1","reason":"seen"}"#,
    "{}",
];
