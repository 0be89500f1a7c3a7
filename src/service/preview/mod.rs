//! Previews of runs and drafts, of any size: computed page by page, as far as each request's statements allow, and continued
//! by the next request. Accounts are looked at several times, because what partners' modifiers and caps are depends on all
//! of a partner's accounts; in between, what was gathered is in tables that live for a day. Nothing else is written.

pub mod subject;

use crate::base::ids::{AccountId, PreviewId};
use crate::codec::operator;
use crate::engine::accrual::invoice::PartnerModifiers;
use crate::engine::accrual::modifiers::{cap_rooms, referral};
use crate::program::catalog::Catalog;
use crate::program::compiled::Program;
use crate::service::account::books;
use crate::service::account::books::{AccountSnapshots, BOOKS_STATEMENTS, PendingEvent};
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::preview::subject::{PreviewSums, Subject};
use crate::service::program::replay::Replay;
use crate::service::settlement::preview::RunPreview;
use crate::store::account::AccountRow;
use crate::store::accrual::{caps, modifiers};
use crate::store::event::FactReads;
use crate::store::port::{DbError, Stmt};
use crate::store::preview as rows;
use crate::store::preview::{PreviewRow, PreviewState};
use crate::store::query::Query;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Accounts that are looked at in one step, and how many events they have together: all of them are in memory at once.
pub const ACCOUNTS: i64 = 200;
const FACTS: i64 = 4_000;
/// Statements of a step: its accounts, their modifiers and caps, their snapshot, and what is written. Each megabyte of rows
/// beyond the first takes one more.
const STEP_STATEMENTS: u64 = 2 + BOOKS_STATEMENTS + AGAIN_STATEMENTS;
/// Statements of a step about accounts that the step before has read.
const AGAIN_STATEMENTS: u64 = 2 + 8;
/// Statements of a response: the preview, the programs, its rows and their sums.
const VIEW_STATEMENTS: u64 = 4;

/// A page of accounts with their snapshot.
struct AccountPage {
    ids: Vec<AccountId>,
    /// No account comes after these.
    is_last: bool,
    books: AccountSnapshots,
}

/// Starts a preview.
pub async fn start<P: Ports>(ctx: &Context<'_, P>, new: PreviewState) -> Result<PreviewState, AppError> {
    let id = ctx.fresh_id("prv").into();
    let new = PreviewState { id, actor: ctx.actor.clone(), created_at_ms: ctx.now, pass: 1, ..new };
    let mut batch = vec![rows::preview_insert(&new)];
    batch.extend(RunPreview::instant(&new).map(|as_of| rows::vests_elsewhere(&new, as_of)));
    ctx.batch(batch).await?;
    Ok(new)
}

/// Continues a preview of a kind, or of any, as far as this invocation allows, and shows a page of what is known: `limit`
/// rows after the cursor.
pub async fn show<P: Ports>(
    ctx: &Context<'_, P>,
    id: &PreviewId,
    kind: Option<&str>,
    page: (&str, i64),
) -> Result<Value, AppError> {
    let (state, catalog) = ctx.read((rows::preview_find(id).first(), crate::store::program::programs())).await?;
    let state =
        state.filter(|s| kind.is_none_or(|kind| kind == s.kind)).ok_or_else(|| AppError::not_found("preview"))?;
    let subject = subject_of(&catalog, &state)?;
    let state = advance(ctx, &*subject, state, ACCOUNTS).await?;
    view(ctx, &*subject, &state, page).await
}

/// The preview's subject, from its request and the programs.
pub fn subject_of(catalog: &Catalog, state: &PreviewState) -> Result<Box<dyn Subject>, AppError> {
    if state.kind == "run" {
        return Ok(Box::new(RunPreview::of(catalog, state)?));
    }
    let request = operator::dry_run(state.request.as_bytes())?;
    let draft = Program::clone(&*Replay::draft(catalog, &state.program_id, &request)?);
    Ok(Box::new(Replay::of(catalog, draft, request, state.created_at_ms)))
}

/// Takes steps of `page` accounts while there is room. Another request that continues the same preview may take one first.
pub async fn advance<P: Ports>(
    ctx: &Context<'_, P>,
    subject: &dyn Subject,
    mut state: PreviewState,
    page: i64,
) -> Result<PreviewState, AppError> {
    let mut whole = None;
    loop {
        let needed = if whole.is_some() { AGAIN_STATEMENTS } else { STEP_STATEMENTS };
        if state.is_finished() || !ctx.has_room(needed + VIEW_STATEMENTS) {
            return Ok(state);
        }
        match step(ctx, subject, &state, page, whole.take()).await {
            Ok((next, read)) => {
                state = next;
                // A group of one page is the same in each pass.
                whole = read;
            }
            Err(DbError::LostRace(_)) => {
                let now = ctx.read(rows::preview_find(&state.id).first()).await?;
                state = now.ok_or_else(|| AppError::not_found("preview"))?;
            }
            Err(DbError::Exhausted) => return Ok(state),
            Err(error) => return Err(error.into()),
        }
    }
}

/// One page of one pass: read, decided and added up. Returns the page if it is the whole group.
async fn step<P: Ports>(
    ctx: &Context<'_, P>,
    subject: &dyn Subject,
    state: &PreviewState,
    limit: i64,
    whole: Option<AccountPage>,
) -> Result<(PreviewState, Option<AccountPage>), DbError> {
    let page = match whole {
        Some(page) => page,
        None => read_page(ctx, subject, state, limit).await?,
    };
    let (earned, capped) = match state.pass {
        1 => (Vec::new(), Vec::new()),
        _ => ctx.read((rows::modifier_list(state, &page.ids), rows::capped_list(state, &page.ids))).await?,
    };
    let mut modifiers: HashMap<_, Vec<_>> = HashMap::new();
    for modifier in earned {
        modifiers.entry(modifier.partner_id.clone()).or_default().push(modifier);
    }
    let capped = capped.into_iter().map(|c| (c.accrual_id, c.cap_reduction_cents)).collect();
    let terms = PartnerModifiers { modifiers: &modifiers, capped: &capped };
    let is_last_pass = state.pass == state.passes;
    let mut next = PreviewState { step: state.step + 1, ..state.clone() };
    next.accounts += if is_last_pass { page.ids.len() as i64 } else { 0 };
    match page.is_last {
        true => (next.pass, next.cursor) = (state.pass + 1, AccountId::default()),
        false => next.cursor = page.ids.last().cloned().unwrap_or_default(),
    }
    let mut batch = vec![rows::preview_step(state, &next)];
    if is_last_pass {
        let mut sums = PreviewSums::default();
        page.ids.iter().for_each(|account| subject.compare(&page.books, account, terms, &mut sums));
        batch.extend(rows::row_add(&state.id, &sums.into_rows()));
    } else {
        batch.extend(gathered(subject, state, &page, terms));
    }
    ctx.batch(batch).await?;
    let is_whole = page.is_last && state.cursor.is_empty();
    Ok((next, is_whole.then_some(page)))
}

/// What a page contributes to modifiers and caps, and after the last page, what they are.
fn gathered(subject: &dyn Subject, state: &PreviewState, page: &AccountPage, terms: PartnerModifiers) -> Vec<Stmt> {
    let (program, catalog) = (&state.program_id, subject.catalog());
    let fills_caps = state.pass + 1 == state.passes;
    let (mut referrals, mut rooms) = (Vec::new(), Vec::new());
    for account in &page.ids {
        let decision = subject.decide(&page.books, account, terms);
        if state.pass == 1 {
            referrals.extend(referral(program, account, &decision));
        }
        if fills_caps {
            rooms.extend(cap_rooms(catalog, program, &decision));
        }
    }
    let mut statements = rows::referral_insert(&state.id, &referrals);
    statements.extend(rows::room_insert(&state.id, &rooms));
    if page.is_last && state.pass == 1 {
        statements.extend(modifiers::preview_refresh(state, catalog));
    }
    if page.is_last && fills_caps {
        statements.push(caps::preview_caps_refresh(state));
    }
    statements
}

async fn read_page<P: Ports>(
    ctx: &Context<'_, P>,
    subject: &dyn Subject,
    state: &PreviewState,
    limit: i64,
) -> Result<AccountPage, DbError> {
    let found = ctx.read(rows::group_page(state, limit, FACTS, !subject.is_run())).await?;
    let is_last = found.first().is_none_or(|first| first.found == found.len() as i64);
    let ids: Vec<AccountId> = found.into_iter().map(|row| row.account_id).collect();
    let accounts = ids.iter().cloned().map(AccountRow::new).collect();
    // A draft may ask about other usage than the stored programs.
    let reads = if subject.is_run() { FactReads::Whole } else { FactReads::All };
    let coming = PendingEvent { reads, ..PendingEvent::default() };
    let books = books::read(ctx, ctx.programs().await?, accounts, &coming).await?;
    Ok(AccountPage { ids, is_last, books })
}

/// A page of the result, which is read.
pub async fn view<P: Ports>(
    ctx: &Context<'_, P>,
    subject: &dyn Subject,
    state: &PreviewState,
    (cursor, limit): (&str, i64),
) -> Result<Value, AppError> {
    let (rows, totals) = ctx.read(reads(&state.id, cursor, limit)?).await?;
    Ok(page_view(subject, state, (rows, limit), &totals))
}

/// The rows of a page of the result, with one more, and the sums of all rows.
pub fn reads(id: &PreviewId, cursor: &str, limit: i64) -> Result<(Query<PreviewRow>, Query<PreviewRow>), AppError> {
    Ok((rows::row_page(id, place(cursor)?, limit + 1), rows::row_totals(id)))
}

/// The row that a cursor names.
pub fn place(cursor: &str) -> Result<[&str; 4], AppError> {
    match cursor {
        "" | CONTINUE => Ok([""; 4]),
        given => <[&str; 4]>::try_from(given.splitn(4, '.').collect::<Vec<&str>>()).map_err(|_| {
            let detail = "must be a next_cursor from an earlier response";
            AppError::new(ErrorKind::BadRequest, "malformed", detail).field("cursor")
        }),
    }
}

/// A page of the result. Until the preview is finished it has no rows, and the next cursor leads to what follows.
pub fn page_view(
    subject: &dyn Subject,
    state: &PreviewState,
    (mut rows, limit): (Vec<PreviewRow>, i64),
    totals: &[PreviewRow],
) -> Value {
    let limit = usize::try_from(limit).unwrap_or(0);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|r| format!("{}.{}.{}.{}", r.part, r.partner_id, r.unit, r.reward_id));
    let (rows, totals, next) =
        if state.is_finished() { (rows, totals, next) } else { (Vec::new(), &[][..], Some(CONTINUE.to_owned())) };
    let mut body = subject.view(&rows, totals);
    body["id"] = json!(state.id);
    body["type"] = json!(state.kind);
    body["program"] = json!(state.program_id);
    body["accounts"] = json!(state.accounts);
    body["complete"] = json!(state.is_finished());
    body["totals"] = json!(totals.iter().map(sum_view).collect::<Vec<Value>>());
    body["page_totals"] = json!(summed(rows).iter().map(sum_view).collect::<Vec<Value>>());
    body["next_cursor"] = json!(next);
    body
}

/// The cursor of a preview that is not finished: its first row.
const CONTINUE: &str = "0";

/// The sums of rows, by part and unit.
fn summed(page: Vec<PreviewRow>) -> Vec<PreviewRow> {
    let mut sums: Vec<PreviewRow> = Vec::new();
    for row in page {
        match sums.iter_mut().find(|sum| (&sum.part, &sum.unit) == (&row.part, &row.unit)) {
            Some(sum) => {
                sum.accruals += row.accruals;
                sum.actual_net_cents.0 += row.actual_net_cents.0;
                sum.net_cents.0 += row.net_cents.0;
            }
            None => sums.push(row),
        }
    }
    sums
}

fn sum_view(sum: &PreviewRow) -> Value {
    json!({
        "part": sum.part, "unit": sum.unit, "accruals": sum.accruals, "actual_net_cents": sum.actual_net_cents,
        "net_cents": sum.net_cents,
    })
}
