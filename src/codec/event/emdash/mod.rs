//! Translates the events of EmDash's first-party plugins into the canonical event.
//!
//! Source: the plugins themselves (`webhook-notifier` and `plugin-forms`, npm `emdash` 0.32 run, 0.34 read). Neither
//! signs a body, so the HTTP layer checks a bearer token or the secret in the URL first (`bearer`). Not in scope: our
//! own plugin, which sends the canonical envelope under Standard Webhooks.
//!
//! - [`content_hook`]. The notifier sends no delivery id and repeats identical bytes, so an event's id is
//!   `emdash:<event>:<resourceId>:<timestamp>`. It sends `content:create`, `content:update`, `content:delete` and
//!   `media:upload`, and nothing when something is published or commented on. The type is `emdash.` and the name with
//!   dots for colons, whatever a later version adds. The rest of the body is dropped: it is about content, not about an
//!   account. With the notifier's `includeData` on, large documents exceed the size limit for bodies, so leave it off.
//! - [`form_submission`]. An event's id is `emdash-form:<submissionId>`. The type is `form.submitted`, or the value of
//!   a hidden field `manicule_event`. A name outside [`FORM_KINDS`] is rejected, so that a form can't claim a payment
//!   and a misspelled name is noticed. Every value was typed by a visitor or set by the form, so surrounding space is
//!   dropped and an empty value counts as absent. `ref` is a signed token if it starts with `v1.`, else a code; the
//!   first of `ref`, `partner` and `code` that contains a code sets it. Types about an account take its id from
//!   `account_id`, else `user_id`, else `form:<submissionId>`. They never use the email, because an id outlives the
//!   erasure of a person. A form with `account_id` trusts its visitors, so offer it only behind a sign-in.

pub mod answer;
pub mod submission;
#[cfg(test)]
mod tests;

use crate::base::time::UtcMillis;
use crate::codec::attribution::token::is_token;
use crate::codec::event::envelope::person;
use crate::codec::fields::{CAMPAIGN, CODE, Fields, ID, KIND, PART_ID, TOKEN};
use crate::codec::json;
use crate::codec::json::Invalid;
use crate::engine::event::{Credential, Event, Payload, Person};
use crate::program::event::{EventType, is_about_account};

/// Types that a form may choose with its field `manicule_event`.
pub const FORM_KINDS: [EventType; 5] = [
    EventType::AccountSignedUp,
    EventType::DemoRequested,
    EventType::NewsletterJoined,
    EventType::LeadMagnetDownloaded,
    EventType::RfqSubmitted,
];

/// The event of a `webhook-notifier` delivery.
pub fn content_hook(body: &[u8], now: UtcMillis) -> Result<Event, Invalid> {
    let json = json::read(body)?;
    let root = Fields::of_body(&json)?;
    let hook = root.required_text("event", &PART_ID)?;
    let resource_id = root.required_text("resourceId", &PART_ID)?;
    let occurred_at = root.occurred_at("timestamp", now)?;
    let timestamp = root.required_text("timestamp", &PART_ID)?;
    let kind = format!("emdash.{}", hook.to_ascii_lowercase().replace(':', ".").replace('-', "_"));
    if !KIND.allows(&kind) {
        return Err(root.invalid("event", "malformed", "be the name of a hook, such as content:create"));
    }
    Ok(Event {
        id: format!("emdash:{hook}:{resource_id}:{timestamp}").into(),
        kind,
        occurred_at,
        account_id: None,
        person: Person::default(),
        credential: Credential::default(),
        payload: Payload::Other,
    })
}

/// The event of a `plugin-forms` submission.
pub fn form_submission(body: &[u8], now: UtcMillis) -> Result<Event, Invalid> {
    let json = json::read(body)?;
    let root = Fields::of_body(&json)?;
    if root.required_text("event", &PART_ID)? != "form.submission" {
        return Err(root.invalid("event", "unsupported", "be form.submission"));
    }
    let submission_id = root.required_text("submissionId", &PART_ID)?;
    let occurred_at = root.occurred_at("submittedAt", now)?;
    form_event(&root.object("data")?.typed(), &submission_id, occurred_at)
}

/// The event of a submission's fields.
fn form_event(data: &Fields<'_>, submission_id: &str, occurred_at: UtcMillis) -> Result<Event, Invalid> {
    let kind = form_kind(data)?;
    let account_id = if is_about_account(&kind) { Some(form_account(data, submission_id)?.into()) } else { None };
    let payload = match EventType::parse(&kind) {
        Some(EventType::AccountSignedUp) => Payload::SignedUp { plan: None, team_size: None },
        Some(funnel) if funnel.is_funnel() => {
            Payload::Funnel { campaign: data.campaign("campaign", &CAMPAIGN)?, visitor: data.text("visitor", &CODE)? }
        }
        _ => Payload::Other,
    };
    Ok(Event {
        id: format!("emdash-form:{submission_id}").into(),
        occurred_at,
        account_id,
        person: person(data)?,
        credential: form_credential(data)?,
        payload,
        kind,
    })
}

fn form_kind(data: &Fields<'_>) -> Result<String, Invalid> {
    match data.text("manicule_event", &KIND)? {
        None => Ok("form.submitted".to_owned()),
        Some(kind) if FORM_KINDS.iter().any(|allowed| allowed.name() == kind) => Ok(kind),
        Some(_) => {
            let must = format!("be one of {}, or empty", FORM_KINDS.map(EventType::name).join(", "));
            Err(data.invalid("manicule_event", "unsupported", &must))
        }
    }
}

fn form_account(data: &Fields<'_>, submission_id: &str) -> Result<String, Invalid> {
    for name in ["account_id", "user_id"] {
        if let Some(id) = data.text(name, &ID)? {
            return Ok(id);
        }
    }
    Ok(format!("form:{submission_id}"))
}

fn form_credential(data: &Fields<'_>) -> Result<Credential, Invalid> {
    let mut credential = Credential { visitor: data.text("visitor", &CODE)?, ..Credential::default() };
    for name in ["ref", "partner", "code"] {
        let text = data.text(name, &TOKEN)?;
        match text {
            Some(token) if name == "ref" && is_token(&token) => credential.token = Some(token),
            Some(_) if credential.code.is_none() => credential.code = data.given_code(name)?,
            _ => {}
        }
    }
    Ok(credential)
}
