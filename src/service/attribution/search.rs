//! Why an account was or was not attributed: a search for accounts, each with its attribution report and the reasons why
//! what it presented did not decide.

use crate::base::decode;
use crate::base::domain;
use crate::base::ids::{AccountId, EventId, LinkCode, PartnerId, ProgramId};
use crate::base::time::UtcMillis;
use crate::engine::attribution::binding::{AttributionMethod, AttributionResult};
use crate::engine::attribution::reason::LossReason;
use crate::engine::review::ReviewState;
use crate::engine::review::salt::PersonSalt;
use crate::engine::review::suspension::PartnerStanding;
use crate::program::catalog::Catalog;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::store::attribution::search as store;
use crate::store::attribution::search::{
    AccountMatch, Among, Carried, CodeRow, MatchReview, Place, PresentedCode, SignUps, Span, StoredReport,
};
use crate::store::person::salt_find;
use crate::store::program::programs;
use serde::de::DeserializeOwned;

/// A found account, explained.
pub struct Explained {
    pub account: AccountId,
    /// Its first fact in the span.
    pub at: UtcMillis,
    pub signed_up_at: Option<UtcMillis>,
    /// Whether new activity is not included yet.
    pub is_undecided: bool,
    pub programs: Vec<ProgramResult>,
    pub touches: Vec<PresentedTouch>,
    place: Place,
}

/// What was decided in one group of programs.
pub struct ProgramResult {
    pub result: AttributionResult,
    pub held: bool,
    /// The review that holds or rejected the account's earnings.
    pub review: Option<ReviewState>,
}

/// A touch or code of the account, and whether it decided.
pub struct PresentedTouch {
    pub code: LinkCode,
    pub program: Option<ProgramId>,
    pub partner: Option<PartnerId>,
    pub event: EventId,
    /// `None`: a code that was typed.
    pub at: Option<UtcMillis>,
    /// `None`: it was not compared with others.
    pub method: Option<AttributionMethod>,
    pub credited: bool,
    pub why: Option<LossReason>,
    /// Why it won or lost, in the words of the report.
    pub reason: String,
}

/// A code that was searched for.
pub struct CodeState {
    pub row: CodeRow,
    /// Why it does not work now. `None`: it works.
    pub why_not: Option<LossReason>,
}

pub struct SearchResult {
    pub code: Option<CodeState>,
    pub signups: SignUps,
    pub accounts: Vec<Explained>,
    pub next: Option<Place>,
}

/// What operators search for.
pub struct Search<'a> {
    /// Empty: any.
    pub code: &'a str,
    pub domain: Option<&'a str>,
    pub span: Span,
    pub after: Place,
    pub limit: i64,
}

pub async fn search<P: Ports>(ctx: &Context<'_, P>, s: &Search<'_>) -> Result<SearchResult, AppError> {
    let domain = match s.domain {
        Some(given) => Some(domain_digest(&ctx.read(salt_find()).await?, given)),
        None => None,
    };
    let domain = domain.as_deref();
    let reads = (store::code_find(s.code, None, s.span), store::signup_count(s.span, domain), programs());
    let (code, signups, catalog) = ctx.read(reads).await?;
    let carried = match &code {
        // With a domain, what its accounts carried instead of the code is the answer.
        _ if s.code.is_empty() || s.domain.is_some() => Carried::Anything,
        Some(row) => Carried::OfPartner(&row.partner_id),
        None => Carried::Unknown(s.code),
    };
    let among = domain.map_or(Among::All, Among::Domain);
    let (mut accounts, next) = find(ctx, &catalog, (s.span, among, carried), &s.after, s.limit + 1).await?;
    let limit = usize::try_from(s.limit).unwrap_or(0);
    let more = accounts.len() > limit;
    accounts.truncate(limit);
    let next = if more { accounts.last().map(|found| found.place.clone()) } else { next };
    let code = code.map(|row| CodeState { why_not: why_not_working(&catalog, &row, ctx.now), row });
    Ok(SearchResult { code, signups: signups.unwrap_or_default(), accounts, next })
}

/// What a partner looks for.
pub struct OwnSearch<'a> {
    pub partner: &'a PartnerId,
    pub code: &'a str,
    pub span: Span,
    /// When the visits through the code count.
    pub visits: Option<Span>,
    /// Among whom. With [`Among::All`], only accounts that carried the code are found.
    pub among: Among<'a>,
    pub limit: i64,
}

/// The partner's code, and accounts that carried a touch or code of the partner or are bound to it. Others' codes and
/// accounts are not read.
pub async fn own<P: Ports>(
    ctx: &Context<'_, P>,
    s: &OwnSearch<'_>,
) -> Result<(Option<CodeState>, Vec<Explained>), AppError> {
    let code = store::code_find(s.code, Some(s.partner), s.visits.unwrap_or(s.span));
    let (code, catalog, salt) = ctx.read((code, programs(), salt_find())).await?;
    let digest = match s.among {
        Among::Domain(given) => domain_digest(&salt, given),
        _ => String::new(),
    };
    let among = if let Among::Domain(_) = s.among { Among::Domain(&digest) } else { s.among };
    let wanted = code.as_ref().map_or_else(LinkCode::default, |row| row.code.clone());
    let carried = match s.among {
        Among::All => Carried::Code(s.partner, &wanted),
        _ => Carried::ByItself(s.partner),
    };
    let start = Place { at_ms: -1, row: 0 };
    let (accounts, _) = find(ctx, &catalog, (s.span, among, carried), &start, s.limit).await?;
    Ok((code.map(|row| CodeState { why_not: why_not_working(&catalog, &row, ctx.now), row }), accounts))
}

/// What events have of a domain, or of an address in it. What is no domain is nobody's.
pub fn domain_digest(salt: &PersonSalt, given: &str) -> String {
    let name = given.rsplit('@').next().unwrap_or(given);
    domain::normal(name).map_or_else(|| "-".to_owned(), |domain| salt.domain(&domain))
}

async fn find<P: Ports>(
    ctx: &Context<'_, P>,
    catalog: &Catalog,
    (span, among, carried): (Span, Among<'_>, Carried<'_>),
    after: &Place,
    limit: i64,
) -> Result<(Vec<Explained>, Option<Place>), AppError> {
    let (found, end) = ctx.read(store::search(span, among, carried, after, limit)).await?;
    Ok((found.iter().map(|row| explain(row, catalog)).collect::<Result<_, AppError>>()?, end))
}

fn why_not_working(catalog: &Catalog, row: &CodeRow, now: UtcMillis) -> Option<LossReason> {
    let ended = |end: Option<UtcMillis>| end.is_some_and(|end| end <= now);
    let document = catalog.in_force(&row.program_id, now);
    let reasons = [
        (row.standing == PartnerStanding::Banned, LossReason::PartnerBanned),
        (row.standing == PartnerStanding::Suspended, LossReason::PartnerSuspended),
        (ended(row.left_at_ms), LossReason::PartnerLeft),
        (ended(row.disabled_at_ms), LossReason::LinkDisabled),
        (ended(row.expires_at_ms), LossReason::LinkExpired),
        (document.is_none(), LossReason::ProgramNotInForce),
        (
            document.is_some_and(|d| d.requires_disclosure) && row.disclosure_accepted_at_ms.is_none(),
            LossReason::DisclosureMissing,
        ),
    ];
    reasons.into_iter().find_map(|(holds, reason)| holds.then_some(reason))
}

/// JSON that the database holds.
fn stored<T: DeserializeOwned>(json: &str) -> Result<T, AppError> {
    decode::from_text(json).map_err(|why| AppError::new(ErrorKind::Fault, "stored_json", why.to_string()))
}

fn explain(row: &AccountMatch, catalog: &Catalog) -> Result<Explained, AppError> {
    let reviews: Vec<MatchReview> = stored(&row.reviews)?;
    let mut programs = Vec::new();
    for report in stored::<Vec<StoredReport>>(&row.reports)? {
        let result: AttributionResult = stored(&report.receipt)?;
        let review = result.binding.as_ref().and_then(|b| {
            let mut own = reviews.iter().filter(|r| r.program == b.program && r.partner == b.partner && r.holds == 1);
            own.clone()
                .find(|r| r.state == ReviewState::Rejected)
                .or_else(|| own.find(|r| r.state == ReviewState::Open))
        });
        programs.push(ProgramResult { review: review.map(|r| r.state), held: report.held == 1, result });
    }
    programs.sort_by(|a, b| a.result.group.cmp(&b.result.group));
    let presented: Vec<PresentedCode> = stored(&row.presented)?;
    Ok(Explained {
        account: row.account_id.clone(),
        at: UtcMillis(row.at_ms),
        signed_up_at: row.signed_up_at_ms,
        is_undecided: row.is_undecided != 0,
        touches: touches(&programs, &presented, row.signed_up_at_ms, catalog),
        programs,
        place: Place { at_ms: row.at_ms, row: row.row },
    })
}

/// What the reports compared, and the presented codes that no report compared. A code that is nobody's is in every
/// report, and shown once.
fn touches(
    programs: &[ProgramResult],
    presented: &[PresentedCode],
    signed_up_at: Option<UtcMillis>,
    catalog: &Catalog,
) -> Vec<PresentedTouch> {
    let mut all: Vec<PresentedTouch> = Vec::new();
    for candidate in programs.iter().flat_map(|p| &p.result.candidates) {
        let is_same =
            |t: &PresentedTouch| candidate.program.is_none() && t.event == candidate.event && t.code == candidate.code;
        if all.iter().any(is_same) {
            continue;
        }
        all.push(PresentedTouch {
            code: candidate.code.clone(),
            program: candidate.program.clone(),
            partner: candidate.partner.clone(),
            event: candidate.event.clone(),
            at: candidate.at,
            method: Some(candidate.method),
            credited: candidate.chosen,
            why: if candidate.chosen { None } else { LossReason::of(&candidate.reason) },
            reason: candidate.reason.clone(),
        });
    }
    let compared: Vec<(EventId, LinkCode)> = all.iter().map(|t| (t.event.clone(), t.code.clone())).collect();
    for code in presented {
        let is_it = |(event, known): &(EventId, LinkCode)| {
            *event == code.event && (*known == code.given || Some(known) == code.code.as_ref())
        };
        if compared.iter().any(is_it) {
            continue;
        }
        let why = uncompared(programs, code, signed_up_at, catalog);
        all.push(PresentedTouch {
            code: code.code.clone().unwrap_or_else(|| code.given.clone()),
            program: code.program.clone(),
            partner: code.partner.clone(),
            event: code.event.clone(),
            at: Some(code.at_ms),
            method: None,
            credited: false,
            why: Some(why),
            reason: why.text(),
        });
    }
    all
}

/// Why no report compared a code.
fn uncompared(
    programs: &[ProgramResult],
    code: &PresentedCode,
    signed_up_at: Option<UtcMillis>,
    catalog: &Catalog,
) -> LossReason {
    let Some(signed_up_at) = signed_up_at.filter(|_| !programs.is_empty()) else { return LossReason::NoSignUp };
    let Some(program) = &code.program else { return LossReason::UnknownCode };
    let Some(document) = catalog.in_force(program, signed_up_at) else { return LossReason::ProgramNotInForce };
    let Some(own) = programs.iter().find(|p| p.result.group == document.group()) else {
        return LossReason::ProgramNotInForce;
    };
    match &own.result.binding {
        _ if own.result.reason.starts_with(MOVED) => LossReason::AssignedByOperator,
        _ if code.at_ms <= signed_up_at => LossReason::OtherMethods,
        Some(_) => LossReason::AlreadyBound,
        None => LossReason::NotAtSignUp,
    }
}

/// How the reports of accounts that an operator reassigned begin.
const MOVED: &str = "moved by an operator";
