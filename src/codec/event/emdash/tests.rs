use crate::codec::event::emdash::*;
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: UtcMillis = UtcMillis(1_795_169_415_487); // 2026-11-20T10:10:15.487Z

const HOOK: &str = r#"{"event":"content:create","timestamp":"2026-11-20T10:09:52.925Z","collection":"posts","resourceId":"01M7HOOK","resourceType":"content","metadata":{"slug":"hello-hook-2","status":"draft"}}"#;
const FORM: &str = r#"{"event":"form.submission","formId":"signup","formName":"Signup","submissionId":"01M7FORM","data":{"email":"lead@example.com","ref":"v1.k.p.m"},"files":[],"submittedAt":"2026-11-20T10:10:15.487Z"}"#;

fn hook(name: &str) -> Result<Event, Invalid> {
    content_hook(HOOK.replace("content:create", name).as_bytes(), NOW)
}

fn form(data: &Value) -> Result<Event, Invalid> {
    let mut body: Value = serde_json::from_str(FORM).unwrap();
    body["data"] = data.clone();
    form_submission(body.to_string().as_bytes(), NOW)
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Invalid>) -> (String, &'static str) {
    result.map_err(|e| (e.field, e.code)).unwrap_err()
}

#[test]
fn a_hook_as_it_is_really_sent() {
    let event = content_hook(HOOK.as_bytes(), NOW).unwrap();
    let want = Event {
        id: "emdash:content:create:01M7HOOK:2026-11-20T10:09:52.925Z".into(),
        kind: "emdash.content.create".to_owned(),
        occurred_at: UtcMillis::parse("2026-11-20T10:09:52.925Z").unwrap(),
        account_id: None,
        person: Person::default(),
        credential: Credential::default(),
        payload: Payload::Other,
    };
    assert_eq!(event, want);
}

#[test]
fn hooks_map_to_types() {
    for (name, kind) in [
        // What the plugin sends.
        ("content:create", "emdash.content.create"),
        ("content:update", "emdash.content.update"),
        ("content:delete", "emdash.content.delete"),
        ("media:upload", "emdash.media.upload"),
        // What it may send one day. None of it is given a meaning before it comes.
        ("content:publish", "emdash.content.publish"),
        ("comment:afterCreate", "emdash.comment.aftercreate"),
        ("plugin-x:done", "emdash.plugin_x.done"),
        (&"a".repeat(57), &format!("emdash.{}", "a".repeat(57))),
    ] {
        let event = hook(name).unwrap();
        assert_eq!(event.kind, kind);
        assert!(ID.allows(&event.id) && event.id.contains(name));
    }
    for name in ["", "content create", "content/create", "é", &"a".repeat(58), &"a".repeat(129)] {
        assert_eq!(refusal(hook(name)).0, "event", "{name}");
    }
}

#[test]
fn broken_hooks_name_their_field() {
    for (from, to, field, code) in [
        ("\"event\":\"content:create\",", "", "event", "missing"),
        ("\"01M7HOOK\"", "null", "resourceId", "missing"),
        ("\"01M7HOOK\"", "17", "resourceId", "wrong_type"),
        ("01M7HOOK", "", "resourceId", "malformed"),
        ("2026-11-20T10:09:52.925Z", "today", "timestamp", "malformed"),
        ("2026-11-20T10:09:52.925Z", "2019-11-20T10:09:52.925Z", "timestamp", "too_early"),
        ("2026-11-20T10:09:52.925Z", "2026-11-20T10:15:15.488Z", "timestamp", "too_far_ahead"),
        ("{\"event", "{\"timestamp\":1,\"event", "timestamp", "duplicate_field"),
        ("}}", "}", "metadata.status", "invalid_json"),
    ] {
        let (got, got_code) = refusal(content_hook(HOOK.replace(from, to).as_bytes(), NOW));
        assert_eq!(got_code, code, "{to}");
        assert!(got == field || code == "invalid_json", "{got}");
    }
    let longest = |n: usize| content_hook(HOOK.replace("01M7HOOK", &"a".repeat(n)).as_bytes(), NOW).is_ok();
    assert_eq!([127, 128, 129].map(longest), [true, true, false]);
}

#[test]
fn a_form_as_it_is_really_sent() {
    let event = form_submission(FORM.as_bytes(), NOW).unwrap();
    let want = Event {
        id: "emdash-form:01M7FORM".into(),
        kind: "form.submitted".to_owned(),
        occurred_at: NOW,
        account_id: None,
        person: Person { email: Some("lead@example.com".to_owned()), ..Person::default() },
        credential: Credential { token: Some("v1.k.p.m".to_owned()), ..Credential::default() },
        payload: Payload::Other,
    };
    assert_eq!(event, want);
}

#[test]
fn a_form_may_claim_a_few_types() {
    let funnel = |c: Option<&str>| Payload::Funnel { campaign: c.map(str::to_owned), visitor: None };
    let signed_up = Payload::SignedUp { plan: None, team_size: None };
    for (data, kind, account, payload) in [
        (json!({}), "form.submitted", None, Payload::Other),
        (json!({"account_id": "a"}), "form.submitted", None, Payload::Other),
        (json!({"manicule_event": " "}), "form.submitted", None, Payload::Other),
        (json!({"manicule_event": "account.signed_up"}), "account.signed_up", Some("form:01M7FORM"), signed_up.clone()),
        (
            json!({"manicule_event": "account.signed_up", "email": "a@b.c", "user_id": "u"}),
            "account.signed_up",
            Some("u"),
            signed_up.clone(),
        ),
        (
            json!({"manicule_event": "account.signed_up", "user_id": "u", "account_id": " a "}),
            "account.signed_up",
            Some("a"),
            signed_up,
        ),
        (json!({"manicule_event": "rfq.submitted"}), "rfq.submitted", Some("form:01M7FORM"), Payload::Other),
        (json!({"manicule_event": "demo.requested", "campaign": "x"}), "demo.requested", None, funnel(Some("x"))),
        (json!({"manicule_event": "newsletter.joined", "campaign": ""}), "newsletter.joined", None, funnel(None)),
        (json!({"manicule_event": "lead_magnet.downloaded"}), "lead_magnet.downloaded", None, funnel(None)),
    ] {
        let event = form(&data).unwrap();
        assert_eq!((event.kind.as_str(), event.account_id.as_deref(), event.payload), (kind, account, payload));
    }
    for kind in ["invoice.paid", "account.cancelled", "Account.signed_up", "form.submitted"] {
        let (field, _) = refusal(form(&json!({"manicule_event": kind})));
        assert_eq!(field, "data.manicule_event", "{kind}");
    }
}

#[test]
fn who_referred_a_submission() {
    for (data, token, code) in [
        (json!({"ref": "v1.k.p.m"}), Some("v1.k.p.m"), None),
        (json!({"ref": "aB3"}), None, Some("aB3")),
        (json!({"partner": " PARTNER_1 "}), None, Some("PARTNER_1")),
        (json!({"code": "c"}), None, Some("c")),
        (json!({"ref": "r", "partner": "p", "code": "c"}), None, Some("r")),
        (json!({"ref": "", "partner": null, "code": "c"}), None, Some("c")),
        (json!({"ref": "v1.k.p.m", "partner": "p", "code": "c"}), Some("v1.k.p.m"), Some("p")),
        (json!({"ref": "mref1_AbC-_", "code": "c"}), Some("mref1_AbC-_"), Some("c")),
        (json!({"code": "v1.k.p.m"}), None, Some("v1")),
        (json!({"ref": " https://go.example/r/AbC/?x=1"}), None, Some("AbC")),
        (json!({}), None, None),
    ] {
        let credential = form(&data).unwrap().credential;
        assert_eq!((credential.token.as_deref(), credential.code.as_deref()), (token, code), "{data}");
    }
    let long_token = json!({"ref": format!("v1.{}", "a".repeat(4_093))});
    assert!(form(&long_token).unwrap().credential.token.is_some());
}

#[test]
fn broken_forms_name_their_field() {
    for (data, field, code) in [
        (json!({"name": "a".repeat(201)}), "data.name", "too_long"),
        (json!({"ref": "a".repeat(2_049)}), "data.ref", "too_long"),
        (json!({"ref": format!("v1.{}", "a".repeat(4_094))}), "data.ref", "too_long"),
        (json!({"code": 7}), "data.code", "wrong_type"),
        (json!({"manicule_event": "rfq.submitted", "account_id": "a b"}), "data.account_id", "malformed"),
        (json!([]), "data", "wrong_type"),
    ] {
        assert_eq!(refusal(form(&data)), (field.to_owned(), code));
    }
    for (from, to, field) in [
        ("form.submission", "form.view", "event"),
        ("01M7FORM", "", "submissionId"),
        ("submittedAt", "submitted", "submittedAt"),
    ] {
        assert_eq!(refusal(form_submission(FORM.replace(from, to).as_bytes(), NOW)).0, field);
    }
}

proptest! {
    #[test]
    fn mutated_bodies_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0u8..3, any::<u8>()), 1..6),
        noise in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        prop_assert!(content_hook(&noise, NOW).is_err() && form_submission(&noise, NOW).is_err());
        for (body, read) in [(HOOK, content_hook as fn(&[u8], UtcMillis) -> _), (FORM, form_submission)] {
            let mut body = body.as_bytes().to_vec();
            for (at, edit, byte) in &edits {
                let at = at.index(body.len());
                match edit {
                    0 => body[at] ^= byte,
                    1 => drop(body.remove(at)),
                    _ => body.insert(at, *byte),
                }
            }
            if let Ok(event) = read(&body, NOW) {
                prop_assert!(ID.allows(&event.id) && KIND.allows(&event.kind));
                prop_assert!(event.account_id.is_none_or(|id| ID.allows(&id)));
            }
        }
    }
}
