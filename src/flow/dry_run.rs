//! Replaying a past period under a draft: what it would have paid, beside what was accrued, partner by partner and rule
//! by rule. Nothing is written.
//!
//! Accounts that are bound in the program's group are decided again on all their facts with the draft in force over
//! the period, as if it had always been there; lines of the period are compared by what they earned and by what stands.

use super::books::{self, Coming};
use super::context::{Context, Ports};
use super::error::AppError;
use super::program::Refusal;
use crate::base::time::UtcMillis;
use crate::engine::decision;
use crate::engine::line::{Line, LineState};
use crate::program::catalog::Catalog;
use crate::program::check;
use crate::program::document::{Cadence, Document, Trigger};
use crate::store::account::{self, AccountRow};
use crate::store::port::DbError;
use crate::store::program;
use crate::wire::operator::DryRun;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Accounts that are read at a time.
const PAGE: i64 = 200;
/// Pages that one dry run reads at most, inside one invocation's statements; the answer says when there is more.
const PAGES: u32 = 25;

#[derive(Default)]
struct Sums {
    paid_earned: i64,
    paid_net: i64,
    draft_earned: i64,
    draft_net: i64,
}

pub async fn dry_run<P: Ports>(ctx: &Context<'_, P>, id: &str, asked: &DryRun) -> Result<Value, Refusal> {
    let saved = program::catalog(&ctx.query(program::program_list()).await?)?;
    let standing = saved.in_force(id, asked.to).ok_or_else(|| AppError::not_found("program"))?;
    let draft = match &asked.document {
        Some(text) => check::read(text).map_err(Refusal::Findings)?,
        None => standing.clone(),
    };
    if draft.id != id {
        let rule = format!("the address's program, {id}");
        return Err(Refusal::Findings(vec![check::Finding { path: "document.id".to_owned(), value: draft.id, rule }]));
    }
    let catalog = with_draft(&saved, &draft);
    let mut sums: BTreeMap<(String, String), Sums> = BTreeMap::new();
    let (mut cursor, mut accounts, mut complete) = (String::new(), 0usize, false);
    for _ in 0..PAGES {
        let page = candidates(ctx, standing.group(), &cursor).await?;
        let Some(last) = page.last() else {
            complete = true;
            break;
        };
        cursor.clone_from(&last.id);
        accounts += page.len();
        replay(ctx, &catalog, &draft, page, asked, &mut sums).await?;
    }
    Ok(answer(id, &draft, asked, &sums, accounts, complete))
}

/// The catalogue in which the draft is the program's only version.
fn with_draft(saved: &Catalog, draft: &Document) -> Catalog {
    let others = saved.all().filter(|d| d.id != draft.id).cloned();
    let always = Document { version: 1, effective_from: UtcMillis(0), ..draft.clone() };
    Catalog::new(others.chain([always]).collect())
}

async fn candidates<P: Ports>(ctx: &Context<'_, P>, group: &str, after: &str) -> Result<Vec<AccountRow>, DbError> {
    #[derive(Deserialize)]
    struct Row {
        account_id: String,
    }
    let rows: Vec<Row> = ctx.query(account::group_accounts(group, after, PAGE)).await?.decode()?;
    Ok(rows.into_iter().map(|r| AccountRow { id: r.account_id, revision: 0 }).collect())
}

async fn replay<P: Ports>(
    ctx: &Context<'_, P>,
    catalog: &Catalog,
    draft: &Document,
    accounts: Vec<AccountRow>,
    asked: &DryRun,
    sums: &mut BTreeMap<(String, String), Sums>,
) -> Result<(), DbError> {
    let ids: Vec<String> = accounts.iter().map(|a| a.id.clone()).collect();
    let books = books::read(ctx, accounts, &Coming::default()).await?;
    let inside = |line: &&Line| line.program_id == draft.id && line.at_ms >= asked.from && line.at_ms < asked.to;
    for account in &ids {
        for line in books.lines(account).iter().filter(inside) {
            let entry = sums.entry((line.partner_id.clone(), line.rule_id.clone())).or_default();
            entry.paid_earned += line.kept().0;
            entry.paid_net += line.net_cents.0;
        }
        let lines = books.with_case(account, ctx.now, |_, case| {
            // What was granted under the versions that stood says nothing about the draft.
            let fresh = decision::Case { lines: &[], ..*case };
            let mut lines = decision::decide(catalog, &fresh).lines;
            if matches!(draft.settlement.cadence, Cadence::Weekly | Cadence::Monthly)
                && draft.rewards.iter().any(|r| matches!(r.on, Trigger::State(_)))
            {
                lines.extend(
                    decision::grants(catalog, draft, &fresh, asked.to)
                        .0
                        .into_iter()
                        .filter(|l| {
                            decision::grants(catalog, draft, &fresh, asked.from)
                                .0
                                .iter()
                                .all(|before| before.id != l.id)
                        })
                        .map(|l| Line { at_ms: asked.from, ..l }),
                );
            }
            lines
        });
        for line in lines.iter().filter(inside) {
            let entry = sums.entry((line.partner_id.clone(), line.rule_id.clone())).or_default();
            entry.draft_earned += line.kept().0;
            entry.draft_net += if line.state == LineState::Waiting { line.kept().0 } else { line.net_cents.0 };
        }
    }
    Ok(())
}

fn answer(
    id: &str,
    draft: &Document,
    asked: &DryRun,
    sums: &BTreeMap<(String, String), Sums>,
    accounts: usize,
    complete: bool,
) -> Value {
    let rows: Vec<Value> = sums
        .iter()
        .map(|((partner, rule), s)| {
            json!({
                "partner": partner, "rule": rule, "was_earned_cents": s.paid_earned, "was_net_cents": s.paid_net,
                "would_earn_cents": s.draft_earned, "would_net_cents": s.draft_net,
                "difference_cents": s.draft_net - s.paid_net,
            })
        })
        .collect();
    let total = |pick: fn(&Sums) -> i64| sums.values().map(pick).sum::<i64>();
    json!({
        "program": id, "version": draft.version, "from": asked.from.to_rfc3339(), "to": asked.to.to_rfc3339(),
        "unit": draft.settlement.unit, "currency": draft.currency, "accounts": accounts, "complete": complete,
        "was_net_cents": total(|s| s.paid_net), "would_net_cents": total(|s| s.draft_net), "rows": rows,
    })
}
