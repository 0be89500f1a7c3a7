//! EmDash's own requests: webhook-notifier with its bearer token, and forms with their secret in the URL.

use super::client::step;
use super::facts::ahead;
use super::server::Server;
use serde_json::{Value, json};

fn hook(timestamp: &str) -> Value {
    json!({
        "event": "content:create", "timestamp": timestamp, "collection": "posts", "resourceId": "01M7HOOK",
        "resourceType": "content", "metadata": {"slug": "hello-hook-2", "status": "draft"},
    })
}

fn form(submission: &str, data: Value) -> Value {
    json!({
        "event": "form.submission", "formId": "signup", "formName": "Signup", "submissionId": submission, "data": data,
        "files": [], "submittedAt": ahead(0),
    })
}

#[test]
fn emdash_hooks_and_forms_are_accepted() {
    let server = Server::start();
    step("a content hook with the bearer token, and its identical retries");
    let body = hook("2026-01-20T10:09:52.925Z");
    let send = |token: &str| server.post("/v1/webhooks/emdash", &body).bearer(token).send();
    let first = send(&server.emdash_token).expect(202).json();
    assert_eq!(first["outcome"], "stored", "{first}");
    for _ in 0..2 {
        assert_eq!(send(&server.emdash_token).expect(200).json(), first);
    }
    step("the same resource at another instant is another event");
    let later = server.post("/v1/webhooks/emdash", &hook("2026-01-20T10:10:00.000Z")).bearer(&server.emdash_token);
    later.send().expect(202);

    step("another token, no token, and other endpoints' tokens are refused");
    for token in ["wrong", "", &server.operator_token, &server.forms_secret] {
        send(token).problem(401, "webhook_secret_refused");
    }
    server.post("/v1/webhooks/emdash", &body).send().problem(401, "webhook_secret_refused");

    step("a broken hook names its field");
    let mut broken = body.clone();
    broken["timestamp"] = json!("soon");
    let problem = server.post("/v1/webhooks/emdash", &broken).bearer(&server.emdash_token).send();
    assert_eq!(problem.problem(422, "malformed")["field"], "timestamp");

    step("a sign-up form with the token in its hidden field binds the account");
    let ann = server.enrol("user-referral", "ann");
    let cookie = server.visit(&format!("/r/{}", ann.code)).send().cookie().expect("the cookie");
    let token = server.get("/v1/attribution").header("cookie", cookie).send().expect(200).json()["token"].clone();
    let data = json!({"email": "lead@example.com", "ref": token, "manicule_event": "account.signed_up", "account_id": "lead-1"});
    let submission = form("01M7FORM", data);
    let address = format!("/v1/webhooks/emdash-forms/{}", server.forms_secret);
    let outcome = server.post(&address, &submission).send().expect(200).json();
    assert_eq!(
        (&outcome["attribution"][0]["partner"], &outcome["attribution"][0]["method"]),
        (&json!(ann.id), &json!("token")),
        "{outcome}"
    );
    assert_eq!(server.post(&address, &submission).send().expect(200).json(), outcome);

    step("a code does as well; an ordinary form is stored");
    let coded = json!({"email": "l2@example.com", "ref": ann.code, "manicule_event": "account.signed_up", "account_id": "lead-2"});
    let outcome = server.post(&address, &form("01M7CODE", coded)).send().expect(200).json();
    assert_eq!(outcome["attribution"][0]["method"], "code", "{outcome}");
    server.post(&address, &form("01M7PLAIN", json!({"message": "hello"}))).send().expect(202);

    step("a form cannot claim a payment");
    let claim = form("01M7CLAIM", json!({"manicule_event": "invoice.paid", "account_id": "lead-1"}));
    let problem = server.post(&address, &claim).send().problem(422, "unsupported");
    assert_eq!(problem["field"], "data.manicule_event");

    step("a wrong secret in the URL is refused, and the log contains neither");
    for secret in ["wrong", "%20", &server.emdash_token] {
        server
            .post(&format!("/v1/webhooks/emdash-forms/{secret}"), &submission)
            .send()
            .problem(401, "webhook_secret_refused");
    }
    server.post("/v1/webhooks/emdash-forms/", &submission).send().expect(404);
    for secret in [&server.forms_secret, &server.emdash_token, &server.operator_token, &server.webhook_secret] {
        assert!(!server.log().contains(secret.as_str()), "a secret is in the log");
    }
    server.audit();
}
