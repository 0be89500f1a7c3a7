//! What a sender of webhooks is told if its headers are not accepted.

use crate::support::world::{World, now};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use manicule::base::time::UtcMillis;
use manicule::http::config::Config;
use manicule::http::context::RequestContext;
use manicule::http::exchange::Request;
use manicule::http::route;
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "fRZSFY8FOu7FF846iBPm59Nt8mXTVJdyH9eH1OMfF7bf";
const NOW: UtcMillis = UtcMillis(1_780_272_000_000);

fn deliver(id: &str) -> (u16, Value) {
    let world = World::new(3);
    let config = Config::read(|name| match name {
        "WEBHOOK_SECRETS" => format!("whsec_{SECRET}"),
        _ => String::new(),
    });
    let body = json!({"id": "evt_1", "type": "account.signed_up", "occurred_at": NOW.to_rfc3339(),
        "account": {"id": "acct_1"}});
    let (body, seconds) = (body.to_string(), (NOW.0 / 1_000).to_string());
    let key = STANDARD.decode(SECRET).expect("base64");
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(&key).expect("a key");
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let headers = [("webhook-id", id.to_owned()), ("webhook-timestamp", seconds), ("webhook-signature", signature)];
    let request = Request {
        method: "POST".to_owned(),
        path: "/v1/webhooks/events".to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        body: body.into_bytes(),
        ..Request::default()
    };
    let _ = world.at(NOW);
    let app = RequestContext { site: &world, config: &config, now: NOW };
    let response = now(route::answer(&app, &request)).expect("an answer");
    (response.status, serde_json::from_slice(&response.body).expect("JSON"))
}

#[test]
fn a_webhook_id_that_is_ambiguous_is_named() {
    let (status, told) = deliver("msg_1");
    assert_eq!(status, 200, "{told}");
    for id in ["msg.1", "msg 1", ".", &"m".repeat(256)] {
        let (status, problem) = deliver(id);
        assert_eq!((status, &problem["code"]), (422, &json!("webhook_id_malformed")), "{id}");
        assert_eq!(problem["field"], "webhook-id", "{problem}");
    }
}
