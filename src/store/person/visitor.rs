//! Erasing visitors: the id that a browser knows becomes another one that nobody knows, in every row alike, so that what
//! was decided by it stays decided. Clicks and other rows without an index are looked through page by page; until that is
//! done, `visitor_erasure` has both ids.

use crate::base::ids::AccountId;
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

/// Rows that one statement looks at.
pub const SCANNED: i64 = 100_000;

/// The tables that are looked through.
const SCANS: [&str; 3] = ["click", "funnel_event", "event"];

/// The id that a binding's visitor gets.
const REPLACED: &str = "(SELECT v.replacement FROM visitor_erasure v WHERE v.visitor = binding.visitor)";

/// Later than any hour.
const NO_HOUR: i64 = 1 << 40;

/// A visitor whose rows are being looked through.
#[derive(Clone, Debug, Deserialize)]
pub struct VisitorErasure {
    pub visitor: String,
    /// The place of the table in [`SCANS`], and its last row that was looked at; of clicks the next hour of a program.
    pub scan: i64,
    pub row: i64,
    pub program_id: String,
}

/// The next visitor to be erased.
pub fn visitor_next() -> Query<VisitorErasure> {
    Stmt::new("SELECT visitor, scan, row, program_id FROM visitor_erasure ORDER BY visitor LIMIT 1").query()
}

/// The visitors that the account's facts name. A month's fingerprints are traced to nobody once its salt is deleted.
const OF_ACCOUNT: &str =
    "SELECT v.value AS visitor FROM event e, json_each(json_array(e.credential ->> '$.touchpoints.visitor', e.credential ->> '$.visitor',
       e.payload ->> '$.funnel.visitor')) v
     WHERE e.account_id = ?1 AND v.value <> '' AND v.value NOT GLOB 'fp_*' AND v.value NOT GLOB 'gone_*'
     UNION SELECT visitor_id FROM promotion_code WHERE account_id = ?1 AND visitor_id NOT GLOB 'gone_*'";

/// Begins with the account's visitors.
pub fn visitors_of_account_erase(account: &AccountId) -> [Stmt; 4] {
    erase(OF_ACCOUNT, account)
}

/// Begins with one visitor.
pub fn visitor_erase(visitor: &str) -> [Stmt; 4] {
    erase("SELECT ?1 AS visitor", visitor)
}

/// What decisions read is renamed at once, in the facts of the account (`?1`) and of all accounts that the visitors bound. So
/// are promotion codes, which an index finds.
fn erase(visitors: &str, subject: &str) -> [Stmt; 4] {
    [
        format!(
            "INSERT INTO visitor_erasure (visitor, replacement, scan, row)
             SELECT visitor, 'gone_' || lower(hex(randomblob(12))), 0, 0 FROM ({visitors}) WHERE true ON CONFLICT (visitor) DO NOTHING"
        ),
        events(
            "account_id IN (SELECT ?1 UNION SELECT b.account_id FROM visitor_erasure v CROSS JOIN binding b ON b.visitor = v.visitor)",
        ),
        format!(
            "UPDATE binding SET visitor = {REPLACED}, receipt = json_replace(receipt, '$.binding.visitor', {REPLACED})
             WHERE ?1 <> '' AND visitor IN (SELECT v.visitor FROM visitor_erasure v)"
        ),
        "UPDATE promotion_code SET visitor_id = (SELECT v.replacement FROM visitor_erasure v WHERE v.visitor = promotion_code.visitor_id), requested_by = '', revision = revision + 1
         WHERE ?1 <> '' AND (program_id, visitor_id) IN
           (SELECT p.program_id, v.visitor FROM visitor_erasure v CROSS JOIN (SELECT DISTINCT program_id FROM program_version) p)"
            .to_owned(),
    ]
    .map(|sql| Stmt::new(sql).bind(subject))
}

/// Renames visitors in the events that a condition selects.
fn events(condition: &str) -> String {
    let renamed = |value: &str| {
        format!("COALESCE((SELECT v.replacement FROM visitor_erasure v WHERE v.visitor = {value}), {value})")
    };
    let [touched, sent, funnel] =
        ["credential ->> '$.touchpoints.visitor'", "credential ->> '$.visitor'", "payload ->> '$.funnel.visitor'"];
    format!(
        "UPDATE event SET credential = json_replace(credential, '$.touchpoints.visitor', {}, '$.visitor', {}),
           payload = json_replace(payload, '$.funnel.visitor', {})
         WHERE {condition} AND EXISTS (SELECT 1 FROM visitor_erasure v WHERE v.visitor IN ({touched}, {sent}, {funnel}))",
        renamed(touched),
        renamed(sent),
        renamed(funnel),
    )
}

/// Looks through the next page of a table, and records it; or goes on with the next table, or is done.
pub fn visitor_scan(at: &VisitorErasure) -> Vec<Stmt> {
    let visitor = at.visitor.as_str();
    let Some(table) = usize::try_from(at.scan).ok().and_then(|scan| SCANS.get(scan)) else {
        return vec![Stmt::new("DELETE FROM visitor_erasure WHERE visitor = ?1").bind(visitor)];
    };
    let page = "seq > ?2 AND seq <= ?3 AND ?1 <> ''";
    let renamed = match *table {
        "click" => return click_scan(at).into(),
        "event" => events(page),
        _ => format!(
            "UPDATE {table} SET visitor = (SELECT replacement FROM visitor_erasure WHERE visitor = ?1) WHERE {page} AND visitor = ?1"
        ),
    };
    let next = format!(
        "UPDATE visitor_erasure SET scan = IIF(m.last > ?2, scan, scan + 1), row = IIF(m.last > ?2, ?2, 0)
         FROM (SELECT COALESCE(MAX(seq), 0) AS last FROM {table}) m WHERE visitor = ?1"
    );
    let to = at.row + SCANNED;
    vec![Stmt::new(renamed).bind(visitor).bind(at.row).bind(to), Stmt::new(next).bind(visitor).bind(to)]
}

/// The same for clicks, which have no row numbers: whole hours of a program, at least one. A click's hash can be computed
/// from the visitor's id, and its fingerprint from an address and the month's salt, so they go too. The click stays, and is
/// counted as before.
fn click_scan(at: &VisitorErasure) -> [Stmt; 2] {
    let program = "(SELECT MIN(program_id) FROM click WHERE program_id >= ?2)";
    let end = format!(
        "(SELECT MAX(first + 1, COALESCE((SELECT hour FROM click WHERE program_id = {program} AND hour >= ?3 ORDER BY hour LIMIT 1 OFFSET {SCANNED}),
             {NO_HOUR}))
          FROM (SELECT COALESCE(MIN(hour), 0) AS first FROM click WHERE program_id = {program} AND hour >= ?3))"
    );
    let renamed = format!(
        "UPDATE click SET visitor = (SELECT replacement FROM visitor_erasure WHERE visitor = ?1), dedupe = random() >> 11, fingerprint = NULL
         WHERE program_id = {program} AND hour >= ?3 AND hour < {end} AND visitor = ?1"
    );
    let next = format!(
        "UPDATE visitor_erasure SET scan = IIF(n.program_id IS NULL, scan + 1, scan), row = IIF(n.goes_on, n.hour, 0),
           program_id = COALESCE(n.program_id, '')
         FROM (SELECT hour, hour < {NO_HOUR} AS goes_on,
                 IIF(hour < {NO_HOUR}, {program}, (SELECT MIN(program_id) FROM click WHERE program_id > {program})) AS program_id
               FROM (SELECT {end} AS hour)) n WHERE visitor = ?1"
    );
    [renamed, next].map(|sql| Stmt::new(sql).bind(&at.visitor).bind(&at.program_id).bind(at.row))
}
