//! Emails through the runtime's `send_email` binding.

use crate::codec::message::email::Mail;
use crate::codec::outgoing::RequestFailed;
use crate::runtime::time_limit::within;
use js_sys::Reflect;
use std::time::Duration;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::Env;

#[wasm_bindgen(module = "/src/runtime/mail.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn mail_send(binding: &JsValue, message: &str) -> Result<JsValue, JsValue>;
}

const LIMIT: Duration = Duration::from_secs(10);

/// The binding `EMAIL`, if there is one.
pub fn binding(env: &Env) -> Option<JsValue> {
    Reflect::get(env, &JsValue::from_str("EMAIL")).ok().filter(JsValue::is_object)
}

pub async fn send(env: &Env, mail: &Mail) -> Result<(), RequestFailed> {
    let binding = binding(env).ok_or_else(|| RequestFailed("EMAIL is not bound".to_owned()))?;
    let message = mail.for_binding().to_string();
    let sent = within(LIMIT, mail_send(&binding, &message)).await;
    let sent = sent.ok_or_else(|| RequestFailed("it took too long".to_owned()))?;
    sent.map(|_| ()).map_err(|thrown| {
        let message = thrown.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
        RequestFailed(message.unwrap_or_else(|| format!("{thrown:?}")))
    })
}
