//! Lists in the order of the last change, for programs that copy the books: a reader who goes on from where it stopped
//! sees every change.
//!
//! One page looks at no more than [`SCANNED_MAX`] rows, whatever its filters find among them, so that its work is
//! bounded. Then it may be short, and the next one begins after the last row that was looked at.

use crate::base::ids::{AccountId, EventId, InvoiceId, LinkCode, PartnerId, ProgramId};
use crate::base::time::UtcMillis;
use crate::engine::accrual::payment::{ON_ITS_WAY, PAID, ShownAccrual};
use crate::store::account::LINE_COLUMNS;
use crate::store::accrual::payment::{IS_OPEN, payment_columns};
use crate::store::partner::{LinkRow, PARTNER_COLUMNS, PARTNER_CONTAINS, PartnerRow};
use crate::store::port::Stmt;
use crate::store::query::{First, Parsed};
use serde::Deserialize;

/// The most rows that one page looks at.
pub const SCANNED_MAX: i64 = 2_000;

/// A row's place in its list: when it changed last, and its key among those of the same instant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Place {
    pub list_at: i64,
    pub list_key: String,
}

/// A list: its table, when a row of it changed last, and the key that follows in the index of that.
struct List {
    /// Where the order is read, if not in the table itself.
    order: Option<&'static str>,
    table: &'static str,
    alias: &'static str,
    at: &'static str,
    key: &'static str,
}

/// The report of an invoice that counts: the earliest.
macro_rules! counts {
    () => {
        "t.type = 'invoice.paid' AND NOT EXISTS (SELECT 1 FROM event o WHERE o.invoice_id = t.invoice_id AND o.type = 'invoice.paid'
           AND (o.occurred_at_ms, o.id) < (t.occurred_at_ms, t.id))"
    };
}

const PARTNERS: List = List { order: None, table: "partner", alias: "p", at: "updated_at_ms", key: "rowid" };
const LINKS: List = List { order: None, table: "link", alias: "t", at: "updated_at_ms", key: "rowid" };
const ACCOUNTS: List = List { order: None, table: "binding", alias: "t", at: "decided_at_ms", key: "rowid" };
const ACCRUALS: List = List { order: None, table: "accrual", alias: "accrual", at: "changed_at_ms", key: "id" };
const INVOICES: List = List {
    order: Some(concat!(
        "(SELECT t.received_at_ms AS updated_at_ms, t.invoice_id FROM event t WHERE ",
        counts!(),
        " AND NOT EXISTS (SELECT 1 FROM invoice_status s WHERE s.invoice_id = t.invoice_id)
           UNION ALL SELECT updated_at_ms, invoice_id FROM invoice_status)"
    )),
    table: "event",
    alias: "t",
    at: "updated_at_ms",
    key: "invoice_id",
};

/// A filter: a condition with `?` for its value.
type Filter<'a> = (&'a str, &'a str);

/// What a page reads: its rows, and the last row that it looks at if there are more.
pub type PageReads<T> = (Parsed<Vec<(Place, T)>>, First<Place>);

impl List {
    /// The rows after a place, of as many as one page looks at.
    fn scan(&self, what: &str, rest: &str) -> String {
        let List { order, table, at, key, .. } = self;
        let table = order.unwrap_or(table);
        let after = if *key == "rowid" { "CAST(?2 AS INTEGER)" } else { "?2" };
        format!(
            "SELECT {what} FROM {table} WHERE ({at}, {key}) > (CAST(?1 AS INTEGER), {after}) ORDER BY {at}, {key} {rest}"
        )
    }

    /// `columns` of the rows `t` and of what is joined to them.
    fn rows(&self, columns: &str, joins: &str, filters: &[Filter], after: &Place, limit: i64) -> Stmt {
        let List { table, alias, at, key, .. } = self;
        let given = filters.iter().filter(|(_, value)| !value.is_empty());
        let conditions: Vec<String> = given
            .clone()
            .enumerate()
            .map(|(n, (sql, _))| format!(" AND {}", sql.replace('?', &format!("?{}", n + 4))))
            .collect();
        let scan = self.scan(&format!("{at} AS list_at, {key} AS list_key"), &format!("LIMIT {SCANNED_MAX}"));
        let mut statement = Stmt::new(format!(
            "SELECT k.list_at, CAST(k.list_key AS TEXT) AS list_key, {columns}
             FROM ({scan}) k CROSS JOIN {table} {alias} ON {alias}.{key} = k.list_key {joins}
             WHERE true{} ORDER BY k.list_at, k.list_key LIMIT ?3",
            conditions.concat()
        ))
        .bind(after.list_at)
        .bind(&after.list_key)
        .bind(limit);
        for (_, value) in given {
            statement = statement.bind(*value);
        }
        statement
    }

    /// The last row that a page after this place looks at. No row: it sees the end.
    fn end(&self, after: &Place) -> First<Place> {
        let what = format!("{} AS list_at, CAST({} AS TEXT) AS list_key", self.at, self.key);
        Stmt::new(self.scan(&what, &format!("LIMIT 1 OFFSET {}", SCANNED_MAX - 1)))
            .bind(after.list_at)
            .bind(&after.list_key)
            .query()
            .first()
    }
}

/// Partners by program, standing, the host's id and any part of their names, addresses, websites and codes (`search`, in
/// lower case).
pub fn partner_page(
    [program, standing, external_id, search]: [&str; 4],
    after: &Place,
    limit: i64,
) -> PageReads<(PartnerRow, Updated)> {
    let filters = [
        ("p.program_id = ?", program),
        ("p.standing = ?", standing),
        ("p.external_id = ?", external_id),
        (PARTNER_CONTAINS, search),
    ];
    let join = "LEFT JOIN partner_person x ON x.partner_id = p.id";
    let columns = format!("{PARTNER_COLUMNS}, p.updated_at_ms");
    let rows = PARTNERS.rows(&columns, join, &filters, after, limit);
    (rows.parsed(|rows| Ok(rows.decode()?.into_iter().zip(rows.decode_pairs()?).collect())), PARTNERS.end(after))
}

/// When a row was last changed.
#[derive(Clone, Debug, Deserialize)]
pub struct Updated {
    pub updated_at_ms: UtcMillis,
}

/// Links by program, partner and campaign.
pub fn link_page([program, partner, campaign]: [&str; 3], after: &Place, limit: i64) -> PageReads<(LinkRow, Updated)> {
    let filters = [("t.program_id = ?", program), ("t.partner_id = ?", partner), ("t.campaign = ?", campaign)];
    let rows = LINKS.rows("t.code, t.partner_id, t.program_id, t.destination, t.campaign, t.utm, t.source, t.created_at_ms, t.expires_at_ms, t.disabled_at_ms, t.chosen, t.updated_at_ms", "", &filters, after, limit);
    (rows.parsed(|rows| Ok(rows.decode()?.into_iter().zip(rows.decode_pairs()?).collect())), LINKS.end(after))
}

/// An account with its partner in one group of programs.
#[derive(Clone, Debug, Deserialize)]
pub struct AccountRow {
    pub account_id: AccountId,
    pub group_id: String,
    pub program_id: Option<ProgramId>,
    pub partner_id: Option<PartnerId>,
    pub code: Option<LinkCode>,
    pub method: Option<String>,
    pub signed_up_at_ms: UtcMillis,
    pub qualified_at_ms: Option<UtcMillis>,
    pub held: i64,
    pub decided_at_ms: UtcMillis,
}

/// Accounts by program, partner and id.
pub fn account_page([program, partner, account]: [&str; 3], after: &Place, limit: i64) -> PageReads<AccountRow> {
    let filters = [("t.program_id = ?", program), ("t.partner_id = ?", partner), ("t.account_id = ?", account)];
    let columns = "t.account_id, t.group_id, t.program_id, t.partner_id, t.code, t.method, t.signed_up_at_ms,
        t.qualified_at_ms, t.held, t.decided_at_ms";
    (ACCOUNTS.rows(columns, "", &filters, after, limit).pairs(), ACCOUNTS.end(after))
}

/// Accruals by program, partner, account, state and period.
pub fn accrual_page(
    [program, partner, account, state, period]: [&str; 5],
    after: &Place,
    limit: i64,
) -> PageReads<ShownAccrual> {
    let of_state = in_shown_state(state);
    let filters = [
        ("accrual.program_id = ?", program),
        ("accrual.partner_id = ?", partner),
        ("accrual.account_id = ?", account),
        (of_state.as_str(), state),
        ("accrual.period = ?", period),
    ];
    let rows = ACCRUALS.rows(&format!("{LINE_COLUMNS}, {}", payment_columns()), "", &filters, after, limit);
    (rows.parsed(|rows| Ok(rows.decode()?.into_iter().zip(rows.decode_pairs()?).collect())), ACCRUALS.end(after))
}

/// The condition for a state as it is shown: of an available accrual that payouts take whole, whether it is paid.
fn in_shown_state(state: &str) -> String {
    match state {
        "available" => format!("accrual.state = ? AND {IS_OPEN} = 1"),
        PAID | ON_ITS_WAY => format!("accrual.state = 'available' AND {IS_OPEN} = 0 AND is_paid = (? = 'paid')"),
        _ => "accrual.state = ?".to_owned(),
    }
}

/// A paid invoice.
#[derive(Clone, Debug, Deserialize)]
pub struct InvoiceRow {
    pub invoice_id: InvoiceId,
    pub account_id: AccountId,
    pub event_id: EventId,
    pub amount_cents: i64,
    pub currency: String,
    pub occurred_at_ms: UtcMillis,
    pub state: String,
    pub refunded_cents: i64,
    pub disputed: i64,
    pub updated_at_ms: UtcMillis,
}

/// Invoices by the program and partner of their accounts, by account, and by month (UTC).
pub fn invoice_page(
    [program, partner, account, period]: [&str; 4],
    after: &Place,
    limit: i64,
) -> PageReads<InvoiceRow> {
    let filters = [
        ("EXISTS (SELECT 1 FROM binding b WHERE b.account_id = t.account_id AND b.program_id = ?)", program),
        ("EXISTS (SELECT 1 FROM binding b WHERE b.account_id = t.account_id AND b.partner_id = ?)", partner),
        ("t.account_id = ?", account),
        ("strftime('%Y-%m', t.occurred_at_ms / 1000, 'unixepoch') = ?", period),
    ];
    let columns =
        "t.invoice_id, t.account_id, t.id AS event_id, t.payload ->> '$.\"invoice.paid\".amount.cents' AS amount_cents,
        t.payload ->> '$.\"invoice.paid\".amount.currency' AS currency, t.occurred_at_ms,
        COALESCE(s.state, 'paid') AS state, COALESCE(s.refunded_cents, 0) AS refunded_cents, COALESCE(s.disputed, 0) AS disputed,
        k.list_at AS updated_at_ms";
    let joins = concat!("AND ", counts!(), " LEFT JOIN invoice_status s ON s.invoice_id = t.invoice_id");
    (INVOICES.rows(columns, joins, &filters, after, limit).pairs(), INVOICES.end(after))
}
