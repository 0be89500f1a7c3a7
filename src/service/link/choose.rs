//! Codes that people choose: who may have which.

use crate::base::ids::{LinkCode, PartnerId};
use crate::codec::operator::ChosenCode;
use crate::engine::link::code::is_reserved;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::store::link::code::{MayChoose, RivalLink, may_choose, rivals};

fn refused(kind: ErrorKind, code: &'static str, detail: String) -> AppError {
    AppError::new(kind, code, detail).field("code")
}

/// Checks that the partner can have the code. `Some`: it is the partner's own already.
pub async fn check<P: Ports>(
    ctx: &Context<'_, P>,
    partner: &PartnerId,
    code: &LinkCode,
    base_url: &str,
) -> Result<Option<RivalLink>, AppError> {
    let host = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    if is_reserved(code, host) {
        let detail = format!("{code} is reserved, because it seems to speak for the site; choose another code");
        return Err(refused(ErrorKind::Unprocessable, "code_reserved", detail));
    }
    match ctx.read(rivals(code, partner, ctx.now).first()).await? {
        Some(rival) if rival.same != 0 && rival.partner_id == *partner => Ok(Some(rival)),
        Some(rival) if rival.same != 0 => {
            let detail = format!("{code} is taken; a code is never given to another partner");
            Err(refused(ErrorKind::Conflict, "code_taken", detail))
        }
        Some(_) => {
            let detail = format!("{code} looks like another partner's code; choose one that nobody takes for it");
            Err(refused(ErrorKind::Conflict, "code_looks_like_another", detail))
        }
        None => Ok(None),
    }
}

/// How a link records who chose its code.
pub fn mark(code: Option<&ChosenCode>) -> i64 {
    code.map_or(0, |chosen| if chosen.by_partner { 2 } else { 1 })
}

/// The partner has another link with the code.
pub fn own_already(code: &LinkCode) -> AppError {
    refused(ErrorKind::Conflict, "code_taken", format!("this partner has a link with the code {code} already"))
}

/// The same for a new link: a code is one link's.
pub async fn check_new<P: Ports>(
    ctx: &Context<'_, P>,
    partner: &PartnerId,
    code: &LinkCode,
    base_url: &str,
) -> Result<(), AppError> {
    check(ctx, partner, code, base_url).await?.map_or(Ok(()), |_| Err(own_already(code)))
}

/// Refuses a code that a partner chose, if the program's document has codes drawn or chosen by operators alone.
pub async fn by_partner<P: Ports>(ctx: &Context<'_, P>, partner: &PartnerId) -> Result<(), AppError> {
    if MayChoose::holds(ctx.read(may_choose(partner, ctx.now).first()).await?) {
        return Ok(());
    }
    let detail = "partners of this program cannot choose codes".to_owned();
    Err(refused(ErrorKind::Unprocessable, "code_not_chosen_by_partners", detail))
}

/// Refuses a code for a partner that exists and has another one: it would be dropped in silence.
pub fn keeps(have: &LinkCode, wanted: Option<&ChosenCode>) -> Result<(), AppError> {
    match wanted.filter(|wanted| !wanted.code.eq_ignore_ascii_case(have)) {
        None => Ok(()),
        Some(_) => {
            let detail = format!("this partner exists and has the code {have}; change it by PATCH /v1/partners/{{id}}");
            Err(refused(ErrorKind::Conflict, "partner_has_code", detail))
        }
    }
}
