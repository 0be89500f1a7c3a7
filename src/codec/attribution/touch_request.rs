//! The body of `POST /v1/attribution`: the code that a page found in its address.

use crate::base::percent::escaped;
use crate::codec::fields::{CAMPAIGN, Fields, GIVEN_CODE};
use crate::codec::json;
use crate::codec::json::Invalid;
use crate::engine::link::is_code;
use crate::engine::link::pasted::code_of;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TouchRequest {
    pub code: String,
    pub campaign: Option<String>,
}

/// Reads the body. Errors name the field.
pub fn parse(body: &[u8]) -> Result<TouchRequest, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["code", "campaign"])?;
    Ok(TouchRequest {
        code: code_of(&fields.required_text("code", &GIVEN_CODE)?).into_owned(),
        campaign: fields.campaign("campaign", &CAMPAIGN)?,
    })
}

impl TouchRequest {
    /// The address of the link at `origin`. Empty if the code cannot be one.
    pub fn address(&self, origin: &str) -> String {
        let code = &self.code;
        if !is_code(code) {
            return String::new();
        }
        let campaign =
            self.campaign.as_deref().map(|campaign| format!("?campaign={}", escaped(campaign))).unwrap_or_default();
        format!("{origin}/r/{code}{campaign}")
    }
}
