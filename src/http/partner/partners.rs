//! Partners and their balance transactions, for operators.

use crate::base::ids::PartnerId;
use crate::base::sort::sort_by;
use crate::base::time::{Month, UtcMillis};
use crate::codec::operator::{NewPartner, PartnerChange};
use crate::engine::accrual::payment;
use crate::engine::accrual::payment::{Calculation, ShownAccrual};
use crate::engine::review::suspension::PartnerStanding;
use crate::http::call::OperatorCall;
use crate::http::context::Platform;
use crate::http::page::Page;
use crate::program::catalog::Catalog;
use crate::service::error::AppError;
use crate::service::identity::sign_in;
use crate::service::once::StoredResponse;
use crate::service::partner::{address, enroll, link_change, profile, standing};
use crate::service::payout::onboard;
use crate::store::ledger;
use crate::store::ledger::BalanceRow;
use crate::store::partner;
use crate::store::partner::standing::suspension_list;
use crate::store::payout::closed::closed_list;
use crate::store::payout::payee;
use crate::store::program::programs;
use crate::store::report::payout::{PaidEntry, paid_entry_page};
use serde_json::{Value, json};

/// `POST /v1/partners`.
pub async fn enrol<S: Platform>(call: OperatorCall<'_, S, NewPartner>) -> Result<StoredResponse, AppError> {
    let ctx = call.context();
    let once = call.once()?;
    enroll::partner(&ctx, &call.body, &call.base_url(), once.as_ref()).await
}

/// `POST /v1/partners/{id}/suspend`.
pub async fn suspend<S: Platform>(call: OperatorCall<'_, S, String>) -> Result<StoredResponse, AppError> {
    stand(call, PartnerStanding::Suspended).await
}

/// `POST /v1/partners/{id}/ban`.
pub async fn ban<S: Platform>(call: OperatorCall<'_, S, String>) -> Result<StoredResponse, AppError> {
    stand(call, PartnerStanding::Banned).await
}

/// `POST /v1/partners/{id}/reinstate`.
pub async fn reinstate<S: Platform>(call: OperatorCall<'_, S, String>) -> Result<StoredResponse, AppError> {
    stand(call, PartnerStanding::Active).await
}

async fn stand<S: Platform>(
    call: OperatorCall<'_, S, String>,
    to: PartnerStanding,
) -> Result<StoredResponse, AppError> {
    let id = PartnerId::from(call.segment);
    call.app.site.forget_links(standing::change(&call.context(), &id, to, &call.body).await?).await;
    Ok((200, json!({"id": id, "standing": to})))
}

/// `PATCH /v1/partners/{id}`.
pub async fn change<S: Platform>(call: OperatorCall<'_, S, PartnerChange>) -> Result<StoredResponse, AppError> {
    let id = &PartnerId::from(call.segment);
    let ctx = call.context();
    let leaving = match &call.body.email {
        Some(email) => address::request(&ctx, id, email, "").await?,
        None => None,
    };
    let codes = async {
        let codes = match &call.body.code {
            Some(code) => link_change::change_own(&ctx, id, code, &call.base_url()).await?,
            None => Vec::new(),
        };
        profile::change(&ctx, id, &call.body).await.map(|()| codes)
    };
    let codes = match (codes.await, &leaving) {
        (Err(refused), Some(leaving)) => {
            sign_in::withdraw(&ctx, leaving).await?;
            return Err(refused);
        }
        (codes, _) => codes?,
    };
    call.app.site.forget_links(codes).await;
    let requested = leaving.as_ref().and(call.body.email.as_ref());
    leaving.into_iter().for_each(|leaving| call.app.site.mail_after(*leaving));
    let (found, catalog) = ctx.read((partner::partner_find(id).first(), programs())).await?;
    let found = found.ok_or_else(|| AppError::not_found("partner"))?;
    let mut view = enroll::view(&found, catalog.current(&found.program_id, call.app.now), &call.base_url(), &[]);
    view["notes"] = json!(found.notes);
    view["requested_email"] = json!(requested);
    Ok((200, view))
}

/// `GET /v1/partners/{id}`, with balances, and whether money can reach the partner.
pub async fn show<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let id = &PartnerId::from(call.segment);
    let reads = (
        partner::partner_find(id).first(),
        ledger::balance_list(id),
        programs(),
        (payee::payee_find(id).first(), closed_list(id), suspension_list(id)),
    );
    let (found, balances, catalog, (payee, closed, suspensions)) = call.context().read(reads).await?;
    let found = found.ok_or_else(|| AppError::not_found("partner"))?;
    let balances: Vec<Value> = balances.iter().map(balance).collect();
    let document = catalog.current(&found.program_id, call.app.now);
    let mut view = enroll::view(&found, document, &call.base_url(), &balances);
    view["notes"] = json!(found.notes);
    view["suspensions"] = suspensions.iter().map(standing::view).collect();
    view["payability"] = onboard::payability(payee.as_ref(), &closed);
    Ok((200, view))
}

pub fn balance(row: &BalanceRow) -> Value {
    let (unit, currency) = row.unit.split_once(':').unwrap_or((&row.unit, ""));
    json!({
        "unit": unit, "currency": currency, "pending_cents": row.pending_cents,
        "available_cents": row.available_cents, "paid_cents": row.paid_cents,
        "redeemed_cents": row.redeemed_cents,
    })
}

/// Something that changes a partner's balance.
enum Entry {
    Accrual(ShownAccrual),
    Paid(PaidEntry),
}

impl Entry {
    /// Its position among the others.
    fn place(&self) -> (i64, &str) {
        match self {
            Entry::Accrual((accrual, _)) => (accrual.at_ms.0, &accrual.id),
            Entry::Paid(paid) => (paid.at_ms.0, &paid.id),
        }
    }

    fn view(&self, catalog: &Catalog, now: UtcMillis) -> Value {
        match self {
            Entry::Accrual(accrual) => entry(accrual, catalog, now),
            Entry::Paid(paid) => paid_entry(paid),
        }
    }
}

/// `GET /v1/partners/{id}/balance-transactions`: a partner's accruals, payouts and returned payouts, oldest first.
pub async fn entries<S: Platform>(call: OperatorCall<'_, S>) -> Result<StoredResponse, AppError> {
    let page = Page::of(call.request)?;
    let (after_ms, after_id) = page.instant_and_id(i64::MIN + 1)?;
    let after_ms = after_ms.max(-1);
    let id = &PartnerId::from(call.segment);
    let reads = (
        partner::partner_find(id).first(),
        partner::entry_page(id, after_ms, &after_id, page.limit + 1),
        paid_entry_page(id, after_ms, &after_id, page.limit + 1),
        programs(),
    );
    let (partner, accruals, paid, catalog) = call.context().read(reads).await?;
    partner.ok_or_else(|| AppError::not_found("partner"))?;
    let accruals = accruals.into_iter().map(Entry::Accrual);
    let mut found: Vec<Entry> = accruals.chain(paid.into_iter().map(Entry::Paid)).collect();
    sort_by(&mut found, |a, b| a.place().cmp(&b.place()));
    let cursor = |e: &Entry| {
        let (at, id) = e.place();
        format!("{at}.{id}")
    };
    Ok((200, page.answer(found, cursor, |e| e.view(&catalog, call.app.now))))
}

/// An accrual as the API shows it. `base_cents` and `rate_bps` are null where it is not that share of an invoice.
pub fn entry(shown: &ShownAccrual, catalog: &Catalog, now: UtcMillis) -> Value {
    let (accrual, payment) = shown;
    let (unit, currency) = accrual.unit.split_once(':').unwrap_or((&accrual.unit, ""));
    let version = catalog.version(&accrual.program_id, accrual.program_version);
    let (rate, base) = match payment::calculation(accrual, payment.base_cents, version) {
        Some(Calculation::Share(rate, base)) => (Some(rate), Some(base)),
        _ => (None, None),
    };
    let available_from = payment::available_from(accrual, catalog.current(&accrual.program_id, accrual.at_ms), now);
    json!({
        "id": accrual.id, "type": "accrual", "program": accrual.program_id, "program_version": accrual.program_version,
        "reward_id": accrual.reward_id, "account": accrual.account_id, "event": accrual.event_id, "source": accrual.source,
        "period": accrual.period, "at": accrual.at_ms.to_rfc3339(), "unit": unit, "currency": currency,
        "amount_cents": accrual.net_cents, "gross_cents": accrual.gross_cents,
        "reversed_cents": accrual.gross_cents.0 - accrual.net_cents.0, "adjusted_cents": accrual.adjusted_cents, "base_cents": base, "rate_bps": rate,
        "state": payment.state(accrual), "payout": payment.payout_id, "payout_cents": payment.payout_cents,
        "available_from": available_from.map(UtcMillis::to_rfc3339), "reason": accrual.reason,
    })
}

/// A payout, or what came back of one, as the API shows it.
pub fn paid_entry(paid: &PaidEntry) -> Value {
    let (unit, currency) = paid.unit.split_once(':').unwrap_or((&paid.unit, ""));
    json!({
        "id": paid.id, "type": paid.kind, "program": paid.program_id, "run": paid.run_id,
        "period": paid.period.clone().unwrap_or_else(|| Month::of(paid.at_ms).to_string()),
        "at": paid.at_ms.to_rfc3339(), "unit": unit, "currency": currency, "amount_cents": paid.amount_cents,
        "state": paid.state, "transfer": paid.transfer_id, "reason": paid.reason,
    })
}
