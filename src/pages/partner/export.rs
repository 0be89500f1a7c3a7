//! The copy of a partner's data: one JSON file of at most [`LINES`] records, and the URL of the next one.
//!
//! Links, earnings, payouts, and the partner's own actions are merged by time, so a cursor is one instant, the list it
//! was reached in, and the id there. The profile and sessions are in the first file only.

use crate::base::ids::PartnerId;
use crate::base::percent::escaped;
use crate::base::sort::sort_by;
use crate::engine::accrual::payment::ShownAccrual;
use crate::http::context::Platform;
use crate::http::exchange::Response;
use crate::http::partner::partners::{balance, entry, paid_entry};
use crate::pages::context::{PageContext, PageError, PageResult};
use crate::pages::partner::wording;
use crate::pages::payout::onboarding;
use crate::pages::text::partner::{payout, settings as text};
use crate::pages::viewer::{Gate, Partner};
use crate::program::catalog::Catalog;
use crate::service::error::{AppError, ErrorKind};
use crate::service::partner::enroll;
use crate::service::payout::onboard;
use crate::service::person::copy as person;
use crate::store::identity::audit::AuditRow;
use crate::store::identity::session::{OpenSession, session_list};
use crate::store::ledger::balance_list;
use crate::store::partner::profile;
use crate::store::partner::{LinkRow, entry_page, partner_find};
use crate::store::payout::closed::closed_list;
use crate::store::payout::payee::payee_find;
use crate::store::person::copy as stored;
use crate::store::program::programs;
use crate::store::report::payout::{PaidEntry, paid_entry_page};
use serde_json::{Value, json};

/// Records in one file.
pub const LINES: i64 = 2_000;
/// Questions in the first file: more than a partner asks.
const QUESTIONS: i64 = 1_000;

/// The lists, by their names in the file, in the order of a cursor.
const LISTS: [&str; 4] = ["actions", "earnings", "links", "payouts"];
/// Sorts after every id.
const LAST: &str = "~";

/// Where the previous file ended.
struct Cursor {
    at: i64,
    list: usize,
    id: String,
}

impl Cursor {
    fn of(text: &str) -> Result<Option<Cursor>, AppError> {
        if text.is_empty() {
            return Ok(None);
        }
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().unwrap_or("");
        let (at, list, id) = (next().parse().ok(), next().parse().ok(), next().to_owned());
        let at = at.filter(|at: &i64| (0..1 << 53).contains(at));
        match (at, list) {
            (Some(at), Some(list)) if list < LISTS.len() => Ok(Some(Cursor { at, list, id })),
            _ => {
                let detail = text::NOT_A_NEXT_FILE;
                Err(AppError::new(ErrorKind::BadRequest, "malformed", detail).field("cursor"))
            }
        }
    }

    /// The instant and id after which a list continues.
    fn after(cursor: Option<&Cursor>, list: usize) -> (i64, &str) {
        match cursor {
            None => (-1, LAST),
            Some(c) if list < c.list => (c.at, LAST),
            Some(c) if list == c.list => (c.at, &c.id),
            Some(c) => (c.at, ""),
        }
    }
}

/// One record of any list.
struct Entry {
    at: i64,
    list: usize,
    id: String,
    view: Value,
}

/// The file.
pub async fn copy<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    let (partner, mut body, next) = held(cx, gate).await?;
    body["next"] = json!(next.map(|cursor| format!("/partner/settings/data?cursor={}", escaped(&cursor))));
    let mut response = Response::json(200, &body);
    let safe: String = partner.code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let name = format!("attachment; filename=\"manicule-{safe}.json\"");
    response.headers.push(("content-disposition", name));
    Ok(response)
}

/// What is stored, and the cursor of what comes next.
pub async fn held<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Partner>,
) -> Result<(Partner, Value, Option<String>), PageError> {
    let cursor = Cursor::of(&cx.request.param("cursor").unwrap_or_default())?;
    let (claimed_partner, token) = (cx.claimed_partner(), cx.token_sha256().unwrap_or_default());
    let after = |list: usize| Cursor::after(cursor.as_ref(), list);
    let ((a0, i0), (a1, i1), (a2, i2), (a3, i3)) = (after(0), after(1), after(2), after(3));
    let lists = (
        profile::own_actions(&token, a0, i0, LINES + 1),
        entry_page(claimed_partner, a1, i1, LINES + 1),
        profile::link_page(claimed_partner, a2, i2, LINES + 1),
        paid_entry_page(claimed_partner, a3, i3, LINES + 1),
    );
    let only_once = (
        partner_find(claimed_partner).first(),
        profile::profile_find(claimed_partner).first(),
        balance_list(claimed_partner),
        (payee_find(claimed_partner).first(), closed_list(claimed_partner)),
        session_list(&token, cx.now()),
        (programs(), stored::questions_of(claimed_partner, QUESTIONS)),
    );
    let (partner, (lists, (row, said, balances, (payee, closed), sessions, (catalog, questions)))) =
        gate.open(cx, (lists, only_once)).await?;
    let mut entries = entries(cx, &partner.id, &catalog, lists);
    sort_by(&mut entries, |a, b| (a.at, a.list, &a.id).cmp(&(b.at, b.list, &b.id)));
    let most = usize::try_from(LINES).unwrap_or(0);
    let more = entries.len() > most;
    entries.truncate(most);
    let next = entries.last().filter(|_| more).map(|e| format!("{}.{}.{}", e.at, e.list, e.id));
    let mut body = json!({"made_at": cx.now().to_rfc3339()});
    if cursor.is_none() {
        let row = row.ok_or_else(|| AppError::not_found("partner"))?;
        let balances: Vec<Value> = balances.iter().map(balance).collect();
        let mut view = enroll::view(&row, catalog.current(&row.program_id, cx.now()), &cx.base_url(), &balances);
        view["display_name"] = json!(said.and_then(|row| row.display_name));
        view["left_at"] = json!(row.left_at_ms.map(|at| at.to_rfc3339()));
        view["disclosure_accepted_at"] = json!(row.disclosure_accepted_at_ms.map(|at| at.to_rfc3339()));
        view["payability"] = onboard::payability(payee.as_ref(), &closed);
        // In words, as on the pages. Stripe's codes are for operators.
        view["payability"]["currently_due"] = json!(payee.as_ref().map(onboarding::due).unwrap_or_default());
        view["payability"]["disabled_reason"] = Value::Null;
        body["partner"] = view;
        body["sessions"] = sessions.iter().map(session).collect();
        body["questions"] = questions.iter().flatten().map(|row| person::shown(&row.held)).collect();
    }
    for (at, list) in LISTS.iter().enumerate() {
        body[*list] = entries.iter().filter(|e| e.list == at).map(|e| e.view.clone()).collect();
    }
    Ok((partner, body, next))
}

/// The rows of each list.
type Lists = (Vec<AuditRow>, Vec<ShownAccrual>, Vec<LinkRow>, Vec<PaidEntry>);

fn entries<S: Platform>(
    cx: &PageContext<'_, S>,
    partner: &PartnerId,
    catalog: &Catalog,
    (actions, accruals, links, payouts): Lists,
) -> Vec<Entry> {
    let base = cx.base_url();
    let mut out = Vec::new();
    for a in actions {
        let view = json!({
            "id": a.id, "at": a.at_ms.to_rfc3339(), "action": a.action, "subject": a.subject, "reason": a.reason,
            "before": json_of(a.before.as_deref()), "after": json_of(a.after.as_deref()),
        });
        out.push(Entry { at: a.at_ms.0, list: 0, id: a.id, view });
    }
    for shown in accruals {
        let mut view = entry(&shown, catalog, cx.now());
        let accrual = shown.0;
        // The same names as on the pages: the host's id may reveal the customer, and a reviewer's notes are for
        // operators only.
        view["account"] = json!(wording::client_name(partner, &accrual.account_id));
        view["reason"] = json!(wording::reason(&accrual.reason));
        if let Some(fields) = view.as_object_mut() {
            fields.remove("event");
        }
        view["source"] = json!(wording::accrual_source(&accrual.source));
        out.push(Entry { at: accrual.at_ms.0, list: 1, view, id: accrual.id.into() });
    }
    for link in links {
        out.push(Entry {
            at: link.created_at_ms.0,
            list: 2,
            view: enroll::link_view(&link, &base),
            id: link.code.into(),
        });
    }
    for paid in payouts {
        let mut view = paid_entry(&paid);
        view["reason"] = json!(payout::waits(&paid.state));
        out.push(Entry { at: paid.at_ms.0, list: 3, view, id: paid.id });
    }
    out
}

fn session(s: &OpenSession) -> Value {
    json!({
        "id": s.id, "way": s.way, "browser": s.agent, "signed_in_at": s.created_at_ms.to_rfc3339(),
        "last_used_at": s.seen_at_ms.to_rfc3339(), "ends_at": s.expires_at_ms.to_rfc3339(), "this_one": s.is_this == 1,
    })
}

fn json_of(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
