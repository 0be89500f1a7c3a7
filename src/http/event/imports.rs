//! Many events in one call, with an answer for each.

use crate::codec::event::batch::BatchedEvent;
use crate::http::auth::hex_sha256;
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::exchange::problem_body;
use crate::service::error::AppError;
use crate::service::event::conversion;
use crate::service::event::conversion::Incoming;
use crate::service::event::import;
use crate::service::event::report;
use crate::service::once::StoredResponse;
use serde_json::{Value, json};

/// The source of imported events.
const SOURCE: &str = "import";

/// `POST /v1/events`: takes the events in that are valid, and answers for each in their order. Their ids make a repeat
/// harmless.
pub async fn events<S: Platform>(call: OperatorCall<'_, S, Vec<BatchedEvent>>) -> Result<StoredResponse, AppError> {
    let (ctx, keys) = (call.context(), call.app.config.cookie_keys.as_ref());
    let (mut incoming, mut answers) = (Vec::new(), Vec::new());
    let mut refused = 0;
    for BatchedEvent { id, text, event } in call.body {
        // Those that are valid are answered below.
        answers.push(match event {
            Ok(event) => {
                let (presented, body_sha256) = (conversion::present(keys, &event), hex_sha256(text.as_bytes()));
                incoming.push(Incoming { source: SOURCE, body_sha256, event, presented, payment: None });
                Value::Null
            }
            Err(invalid) => {
                refused += 1;
                refusal(id.as_deref(), &invalid.into())
            }
        });
    }
    let outcomes = if incoming.is_empty() { Vec::new() } else { import::import(&ctx, &incoming).await? };
    let mut waiting = 0;
    let valid = answers.iter_mut().filter(|answer| answer.is_null());
    for ((answer, incoming), outcome) in valid.zip(&incoming).zip(outcomes) {
        *answer = match outcome {
            Ok(outcome) => {
                waiting += usize::from(outcome == "waiting");
                let warnings = report::warnings(&incoming.event);
                json!({"event": incoming.event.id, "outcome": outcome, "warnings": warnings})
            }
            Err(why) => {
                refused += 1;
                refusal(Some(&incoming.event.id), &why)
            }
        };
    }
    Ok((200, json!({"refused": refused, "waiting": waiting, "events": answers})))
}

fn refusal(id: Option<&str>, why: &AppError) -> Value {
    json!({"event": id, "outcome": "refused", "problem": problem_body(why)})
}
