//! Bodies about partners and their links.

use crate::base::ids::{PartnerId, ProgramId};
use crate::base::time::UtcMillis;
use crate::codec::fields::{CAMPAIGN, DOMAIN, EMAIL, Fields, ID, SHOWN_NAME, SHOWN_NAME_SHORT};
use crate::codec::json;
use crate::codec::json::Invalid;
use crate::codec::link::destination;
use crate::codec::operator::shared::{DESTINATION, country, one_of};
use serde_json::{Map, Value};

/// A request to make someone a partner of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPartner {
    pub program: ProgramId,
    pub external_id: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub website: Option<String>,
    pub country: Option<String>,
    pub kind: Option<String>,
    pub disclosure_accepted: bool,
}

/// A partner's own details.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub name: Option<String>,
    pub website: Option<String>,
    pub country: Option<String>,
    /// The name that others may see.
    pub display_name: Option<String>,
}

/// A request for a link.
#[derive(Clone, Debug, PartialEq)]
pub struct NewLink {
    pub partner: PartnerId,
    pub destination: Option<String>,
    pub campaign: Option<String>,
    pub utm: Option<Value>,
    pub source: Option<String>,
    pub expires_at: Option<UtcMillis>,
}

/// A signed-in user's request to `/api/referral/generate`; an empty body means the default program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GenerateLinkRequest {
    pub program: Option<ProgramId>,
    pub disclosure_accepted: bool,
}

/// Most UTM parameters on a link: the five standard ones and as many custom ones.
const UTM_MAX: usize = 10;

pub fn partner(body: &[u8]) -> Result<NewPartner, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(
        &value,
        &["program", "external_id", "name", "email", "website", "country", "type", "disclosure_accepted"],
    )?;
    Ok(NewPartner {
        program: fields.required_text("program", &ID)?.into(),
        external_id: fields.required_text("external_id", &ID)?,
        name: fields.text("name", &SHOWN_NAME)?,
        email: fields.text("email", &EMAIL)?,
        website: website(&fields)?,
        country: country(&fields)?,
        kind: one_of(&fields, "type", &["developer", "agency", "content"])?,
        disclosure_accepted: fields.boolean("disclosure_accepted")?.unwrap_or(false),
    })
}

pub fn profile(body: &[u8]) -> Result<Profile, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["name", "website", "country", "display_name"])?.typed();
    Ok(Profile {
        name: fields.text("name", &SHOWN_NAME)?,
        website: website(&fields)?,
        country: country(&fields)?,
        display_name: fields.text("display_name", &SHOWN_NAME_SHORT)?,
    })
}

pub fn link(body: &[u8], now: UtcMillis) -> Result<NewLink, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["partner", "destination", "campaign", "utm", "source", "expires_at"])?;
    let destination = fields.text("destination", &DESTINATION)?;
    if let Some(Err(why)) = destination.as_deref().map(destination::check) {
        return Err(fields.invalid("destination", "malformed", &format!("be a safe destination: {why}")));
    }
    let expires_at = match fields.text("expires_at", &ID)? {
        None => None,
        Some(text) => match UtcMillis::parse(&text).filter(|at| *at > now) {
            Some(at) => Some(at),
            None => {
                return Err(fields.invalid("expires_at", "malformed", "be an RFC 3339 date and time in the future"));
            }
        },
    };
    let campaign = fields.text("campaign", &CAMPAIGN)?;
    if campaign.as_deref().is_some_and(|c| !c.bytes().all(is_campaign_byte)) {
        return Err(fields.invalid("campaign", "malformed", "contain only A-Z a-z 0-9 _ . -"));
    }
    Ok(NewLink {
        partner: fields.required_text("partner", &ID)?.into(),
        destination,
        campaign,
        utm: utm(&fields)?,
        source: one_of(&fields, "source", &["direct_link", "agency", "content"])?,
        expires_at,
    })
}

pub fn generate(body: &[u8]) -> Result<GenerateLinkRequest, Invalid> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(GenerateLinkRequest::default());
    }
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["program", "disclosure_accepted"])?;
    Ok(GenerateLinkRequest {
        program: fields.text("program", &ID)?.map(Into::into),
        disclosure_accepted: fields.boolean("disclosure_accepted")?.unwrap_or(false),
    })
}

fn is_campaign_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

/// A website: a host name, or an http(s) address with one.
fn website(fields: &Fields) -> Result<Option<String>, Invalid> {
    let Some(text) = fields.text("website", &DESTINATION)? else { return Ok(None) };
    let address = text.starts_with("http://") || text.starts_with("https://");
    if (address && destination::check(&text).is_ok()) || DOMAIN.allows(&text) {
        return Ok(Some(text));
    }
    Err(fields.invalid("website", "malformed", "be a host name or an http(s) URL"))
}

/// `{"source": "newsletter", …}`, with or without the prefix `utm_`; stored with the prefix.
fn utm(fields: &Fields) -> Result<Option<Value>, Invalid> {
    fields.object("utm")?;
    let Some(Value::Object(given)) = fields.get("utm") else { return Ok(None) };
    let mut utm = Map::new();
    for (name, value) in given {
        let clean = !name.is_empty() && name.len() <= 64 && name.bytes().all(is_campaign_byte);
        let text = value.as_str().filter(|v| v.len() <= 200 && !v.chars().any(char::is_control));
        let (true, Some(text)) = (clean, text) else {
            return Err(fields.invalid(
                "utm",
                "malformed",
                "have names of A-Z a-z 0-9 _ . - with values of at most 200 characters",
            ));
        };
        let name = if name.starts_with("utm_") { name.clone() } else { format!("utm_{name}") };
        utm.insert(name, Value::from(text));
    }
    if utm.len() > UTM_MAX {
        return Err(fields.invalid("utm", "out_of_range", &format!("have at most {UTM_MAX} parameters")));
    }
    Ok(Some(Value::Object(utm)))
}
