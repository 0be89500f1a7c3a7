//! The funnel: visitors' events come in, the weekly report goes out.

use crate::base::id;
use crate::base::ids::{LinkCode, PartnerId, ProgramId};
use crate::base::sort::sort_by;
use crate::base::time::{MINUTE_MS, UtcMillis, Week};
use crate::engine::account::fact::VerifiedCredential;
use crate::engine::attribution::touch::TouchHistory;
use crate::engine::event::{Event, Payload};
use crate::engine::funnel;
use crate::engine::funnel::{FunnelReport, StageCount};
use crate::engine::link::click::SALT_BYTES;
use crate::engine::link::fingerprints;
use crate::program::catalog::Catalog;
use crate::program::measure::CLICK;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::link::click;
use crate::service::report::kept;
use crate::service::report::kept::{Gathered, KeptReads, KeptRows, funnel_key, gather, kept_reads};
use crate::store::funnel::{FunnelEvent, FunnelSender, Name, reached_insert, reported_insert};
use crate::store::message::outbox;
use crate::store::port::Stmt;
use crate::store::program;
use crate::store::query::Parsed;
use std::collections::BTreeMap;

/// What a page reports about its visitor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordedStage {
    pub event: String,
    pub campaign: Option<String>,
    pub code: Option<LinkCode>,
    pub path: Option<String>,
    /// From the signed cookie.
    pub touchpoints: Option<TouchHistory>,
    /// The visitor's network, as a keyed hash; empty if it is unknown. Rows are limited by it.
    pub network: String,
    /// Address and User-Agent, if there is no cookie and the visitor does not object. Neither is stored.
    pub fingerprint: Option<(String, String)>,
}

/// Stores what a page reports: one insert, after reading the month's salt if the visitor has no cookie. An event that
/// leads to no partner is not stored and costs nothing.
pub async fn collect<P: Ports>(ctx: &Context<'_, P>, recorded: RecordedStage) -> Result<(), AppError> {
    let senders = senders(recorded.code.as_ref(), recorded.campaign.as_deref(), recorded.touchpoints.as_ref(), ctx.now);
    // Only the redirect counts clicks. A page must not report one.
    if senders.is_empty() || recorded.event == CLICK {
        return Ok(());
    }
    let visitor = match (&recorded.touchpoints, &recorded.fingerprint) {
        (Some(touchpoints), _) => Some(touchpoints.visitor.clone()).filter(|v| !v.is_empty()),
        (None, Some((ip, user_agent))) => {
            let mut random = [0; SALT_BYTES];
            ctx.ports.random(&mut random);
            Some(click::load_salt(ctx.ports.db(), ctx.now, random).await?.fingerprint(ip, user_agent))
        }
        (None, None) => None,
    };
    let near = near(&recorded.network, &senders, ctx.now);
    let own = ctx.fresh_id("fev");
    let id = if near.is_empty() { own } else { id::derived_near("fev", &near, &[&own]) };
    let reached = FunnelEvent { id, event: recorded.event, senders, visitor, path: recorded.path, at: ctx.now };
    let near = near.get(..NEAR_CHARS).unwrap_or_default();
    ctx.query(reported_insert(reached, near)).await.map(|_| ()).map_err(AppError::from)
}

/// How many characters ids have in common that share a limit: of [`id::derived_near`].
const NEAR_CHARS: usize = "fev_".len() + id::NEAR;

/// An id that is the same for all that one network reports for one link in a minute. It can't be computed without our
/// keys, so it says nothing of the network. Empty if the network is unknown.
fn near(network: &str, senders: &[FunnelSender], now: UtcMillis) -> String {
    let code = senders.first().map(|sender| sender.code.to_ascii_lowercase()).unwrap_or_default();
    let minute = now.0.div_euclid(MINUTE_MS).to_string();
    if network.is_empty() { String::new() } else { id::derived("fev", &[network, &code, &minute]) }
}

/// The statement that counts events, for the batch that stores them. `None` if no funnel has a stage for their types or no
/// partner sent their visitors.
pub fn counted<'a>(
    catalog: &Catalog,
    events: impl Iterator<Item = (&'a Event, &'a VerifiedCredential)>,
) -> Option<Stmt> {
    let reached: Vec<FunnelEvent> =
        events.filter_map(|(event, presented)| reached_by(catalog, event, presented)).collect();
    (!reached.is_empty()).then(|| reached_insert(&reached))
}

fn reached_by(catalog: &Catalog, event: &Event, presented: &VerifiedCredential) -> Option<FunnelEvent> {
    let in_force = catalog.all_in_force(event.occurred_at);
    if !in_force.iter().any(|d| d.funnel.as_ref().is_some_and(|f| f.counts(&event.kind))) {
        return None;
    }
    let (campaign, visitor) = match &event.payload {
        Payload::Funnel { campaign, visitor } => (campaign.as_deref(), visitor.clone()),
        _ => (None, None),
    };
    let touchpoints = presented.touchpoints.as_ref();
    let senders = senders(presented.code.as_ref(), campaign, touchpoints, event.occurred_at);
    let of_trail = || touchpoints.map(|t| t.visitor.clone()).filter(|v| !v.is_empty());
    let reached = FunnelEvent {
        id: id::derived("fev", &[&event.id]),
        event: event.kind.clone(),
        visitor: visitor
            .or_else(|| presented.visitor.clone())
            .map(|visitor| fingerprints::first(&visitor).to_owned())
            .or_else(of_trail),
        path: None,
        at: event.occurred_at,
        senders,
    };
    (!reached.senders.is_empty()).then_some(reached)
}

/// An explicit code is used alone, with the explicit campaign or that of its latest touch. Otherwise the touches are
/// used, latest first.
fn senders(
    code: Option<&LinkCode>,
    campaign: Option<&str>,
    touchpoints: Option<&TouchHistory>,
    at: UtcMillis,
) -> Vec<FunnelSender> {
    let mut touches: Vec<_> = touchpoints.into_iter().flat_map(|t| &t.touches).collect();
    sort_by(&mut touches, |a, b| b.at.cmp(&a.at));
    if let Some(code) = code {
        let touched = touches.iter().find(|t| t.code == *code).map(|t| t.campaign.as_str());
        let campaign = campaign.or(touched).unwrap_or_default();
        return vec![FunnelSender { code: code.to_owned(), campaign: campaign.to_owned(), at, touch: false }];
    }
    let sender = |t: &crate::engine::attribution::touch::Touch| FunnelSender {
        code: t.code.clone(),
        campaign: campaign.unwrap_or(&t.campaign).to_owned(),
        at: t.at,
        touch: true,
    };
    touches.into_iter().map(sender).collect()
}

/// A week's report with the partners' display names.
pub struct WeeklyReport {
    pub program: ProgramId,
    pub title: String,
    pub version: i64,
    pub week: Week,
    pub report: FunnelReport,
    pub names: BTreeMap<PartnerId, Name>,
    /// As of when; `None`: now.
    pub as_of: Option<UtcMillis>,
}

/// The statement that announces last week's reports (the week before `scheduled`) for every program with a funnel. They
/// are announced once, however often it is sent.
pub fn announcement(catalog: &Catalog, scheduled: UtcMillis, now: UtcMillis) -> Option<Stmt> {
    let end = Week::of(scheduled).start();
    let week = Week::of(end.plus_ms(-1)).to_string();
    let funnels = catalog.all_in_force(end.plus_ms(-1)).into_iter().filter(|d| d.funnel.is_some());
    let messages: Vec<_> = funnels.map(|d| outbox::funnel_report(&d.id, d.version, &week)).collect();
    (!messages.is_empty()).then(|| outbox::outbox_insert(&messages, now))
}

/// The funnel report of a week, using the document in force at the end of the week, or now if the week isn't over.
pub async fn weekly<P: Ports>(ctx: &Context<'_, P>, program: &ProgramId, week: Week) -> Result<WeeklyReport, AppError> {
    let (catalog, found) = ctx.read(weekly_reads(program, week)).await?;
    weekly_of(ctx, &catalog, found, program, week).await
}

/// What is read before a weekly report is.
pub fn weekly_reads(program: &ProgramId, week: Week) -> (Parsed<Catalog>, KeptReads) {
    (program::programs(), kept_reads(&funnel_key(program, week)))
}

/// The weekly report, from the results of `weekly_reads`.
pub async fn weekly_of<P: Ports>(
    ctx: &Context<'_, P>,
    catalog: &Catalog,
    found: KeptRows,
    program: &ProgramId,
    week: Week,
) -> Result<WeeklyReport, AppError> {
    let judged_at = kept::judged_at(week.end(), ctx.now);
    let document = catalog.current(program, judged_at).ok_or_else(|| AppError::not_found("program"))?;
    let funnel = document.funnel.as_ref().ok_or_else(|| {
        let detail = format!("program {program} has no funnel in its document");
        AppError::new(ErrorKind::Unprocessable, "no_funnel", detail).field("program")
    })?;
    let reads = kept::funnel_rows(program, week, ctx.now);
    let Gathered { rows, as_of } = gather(ctx, &funnel_key(program, week), found, reads).await?;
    let mut names: BTreeMap<PartnerId, Name> =
        rows.iter().map(|(count, name)| (count.partner.clone(), name.clone())).collect();
    if as_of.is_some() {
        for known in kept::partners(ctx, names.keys()).await? {
            names.insert(known.id, Name { external_id: Some(known.external_id), name: known.name });
        }
    }
    let counts: Vec<StageCount> = rows.into_iter().map(|(count, _)| count).collect();
    let report = funnel::report(document, funnel, &counts);
    Ok(WeeklyReport {
        program: program.to_owned(),
        title: document.title.clone(),
        version: document.version,
        week,
        report,
        names,
        as_of,
    })
}
