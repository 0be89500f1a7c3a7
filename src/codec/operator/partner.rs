//! Bodies about partners and their links.

use crate::base::domain;
use crate::base::ids::{LinkCode, PartnerId, ProgramId};
use crate::base::time::UtcMillis;
use crate::codec::fields::{CAMPAIGN, CHOSEN_CODE, DOMAIN, EMAIL, Fields, ID, NOTES, SHOWN_NAME, SHOWN_NAME_SHORT};
use crate::codec::json;
use crate::codec::json::Invalid;
use crate::codec::link::destination;
use crate::codec::operator::shared::{DESTINATION, country, one_of};
use crate::engine::link::campaign::has_markup;
use serde_json::{Map, Value};

/// A code that somebody chose.
#[derive(Clone, Debug, PartialEq)]
pub struct ChosenCode {
    pub code: LinkCode,
    /// A partner chose it, not an operator: it names nothing from before.
    pub by_partner: bool,
}

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
    /// `None`: it is drawn.
    pub code: Option<ChosenCode>,
}

/// What an operator changes about a partner. `None`: it stays. `Some(None)`: it is removed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartnerChange {
    pub name: Option<Option<String>>,
    pub website: Option<Option<String>>,
    pub country: Option<Option<String>>,
    pub notes: Option<Option<String>>,
    pub code: Option<ChosenCode>,
    /// Takes effect once the partner confirms it.
    pub email: Option<String>,
}

/// What is changed about a link, in the same way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkChange {
    pub code: Option<ChosenCode>,
    pub destination: Option<Option<String>>,
    pub campaign: Option<Option<String>>,
    pub utm: Option<Option<Value>>,
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
    /// `None`: it is drawn.
    pub code: Option<ChosenCode>,
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
        &["program", "external_id", "name", "email", "website", "country", "type", "disclosure_accepted", "code"],
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
        code: chosen_code(&fields)?,
    })
}

pub fn partner_change(body: &[u8]) -> Result<PartnerChange, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["name", "email", "website", "country", "notes", "code"])?;
    Ok(PartnerChange {
        name: changed(&fields, "name", fields.text("name", &SHOWN_NAME)?),
        website: changed(&fields, "website", website(&fields)?),
        country: changed(&fields, "country", country(&fields)?),
        notes: changed(&fields, "notes", fields.text("notes", &NOTES)?),
        code: another(&fields, "code", chosen_code(&fields)?)?,
        email: another(&fields, "email", fields.text("email", &EMAIL)?)?,
    })
}

/// A form that leaves out what it is for.
pub fn missing(field: &str) -> Invalid {
    Invalid { field: field.to_owned(), code: "missing", detail: format!("{field} is required") }
}

pub fn link_change(body: &[u8]) -> Result<LinkChange, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::closed(&value, &["code", "destination", "campaign", "utm"])?;
    Ok(LinkChange {
        code: another(&fields, "code", chosen_code(&fields)?)?,
        destination: changed(&fields, "destination", destination_of(&fields)?),
        campaign: changed(&fields, "campaign", campaign(&fields)?),
        utm: changed(&fields, "utm", utm(&fields)?),
    })
}

fn changed<T>(fields: &Fields, name: &str, value: Option<T>) -> Option<Option<T>> {
    fields.is_given(name).then_some(value)
}

/// What can be replaced and not removed.
fn another<T>(fields: &Fields, name: &str, value: Option<T>) -> Result<Option<T>, Invalid> {
    match value {
        None if fields.is_given(name) => Err(fields.missing(name)),
        value => Ok(value),
    }
}

fn chosen_code(fields: &Fields) -> Result<Option<ChosenCode>, Invalid> {
    let code = fields.text("code", &CHOSEN_CODE)?;
    Ok(code.map(|code| ChosenCode { code: code.into(), by_partner: false }))
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
    let fields =
        Fields::closed(&value, &["partner", "destination", "campaign", "utm", "source", "expires_at", "code"])?;
    let destination = destination_of(&fields)?;
    let expires_at = match fields.text("expires_at", &ID)? {
        None => None,
        Some(text) => match UtcMillis::parse(&text).filter(|at| *at > now) {
            Some(at) => Some(at),
            None => {
                return Err(fields.invalid("expires_at", "malformed", "be an RFC 3339 date and time in the future"));
            }
        },
    };
    Ok(NewLink {
        partner: fields.required_text("partner", &ID)?.into(),
        code: chosen_code(&fields)?,
        destination,
        campaign: campaign(&fields)?,
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

fn destination_of(fields: &Fields) -> Result<Option<String>, Invalid> {
    let destination = fields.text("destination", &DESTINATION)?;
    let refused = |why| fields.invalid("destination", "malformed", &format!("be a safe destination: {why}"));
    destination.as_deref().map(destination::normal).transpose().map_err(refused)
}

fn campaign(fields: &Fields) -> Result<Option<String>, Invalid> {
    if fields.text("campaign", &CAMPAIGN)?.is_some_and(|name| has_markup(&name)) {
        let must = "contain letters, A-Z a-z 0-9 or of other scripts, and spaces, but no marks of HTML or Markdown";
        return Err(fields.invalid("campaign", "malformed", must));
    }
    fields.campaign("campaign", &CAMPAIGN)
}

fn is_utm_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

/// A website: a host name, or an http(s) address with one.
fn website(fields: &Fields) -> Result<Option<String>, Invalid> {
    let Some(text) = fields.text("website", &DESTINATION)? else { return Ok(None) };
    if let Some(address) = destination::absolute(&text) {
        return Ok(Some(address));
    }
    if DOMAIN.allows(&text) {
        return Ok(domain::normal(&text));
    }
    Err(fields.invalid("website", "malformed", "be a host name or an http(s) URL"))
}

/// `{"source": "newsletter", …}`, with or without the prefix `utm_`; stored with the prefix.
fn utm(fields: &Fields) -> Result<Option<Value>, Invalid> {
    fields.object("utm")?;
    let Some(Value::Object(given)) = fields.get("utm") else { return Ok(None) };
    let mut utm = Map::new();
    for (name, value) in given {
        let clean = !name.is_empty() && name.len() <= 64 && name.bytes().all(is_utm_byte);
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
