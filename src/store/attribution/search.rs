//! Accounts that carried a touch or code, or whose email domain is known, in a span of time: with what they presented,
//! and the attribution reports that explain what became of it.
//!
//! One page looks at no more than [`SCANNED_MAX`] events, whatever its filters find among them.

use crate::base::ids::{AccountId, EventId, LinkCode, PartnerId, ProgramId};
use crate::base::time::{DAY_MS, UtcMillis};
use crate::engine::review::ReviewState;
use crate::engine::review::suspension::PartnerStanding;
use crate::store::link::code::means;
use crate::store::port::Stmt;
use crate::store::query::{First, Query};
use serde::Deserialize;

/// The most events that one page looks at.
pub const SCANNED_MAX: i64 = 2_000;
/// The most sign-ups that are counted.
pub const COUNTED_MAX: i64 = 10_000;
/// The most facts of one account that are shown with what they presented.
const PRESENTED_MAX: i64 = 20;

/// A half-open span of time.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub from: UtcMillis,
    pub to: UtcMillis,
}

/// Which accounts are looked at.
#[derive(Clone, Copy, Debug)]
pub enum Among<'a> {
    /// Those that signed up or presented a code.
    All,
    /// Those that gave an address of a domain: as somebody entered it, and for the store its digest.
    Domain(&'a str),
    Account(&'a AccountId),
}

/// Which of them are found.
#[derive(Clone, Copy, Debug)]
pub enum Carried<'a> {
    Anything,
    /// A code that is no link's.
    Unknown(&'a str),
    /// Bound to the partner, or carried a code of it, or compared with one of it.
    OfPartner(&'a PartnerId),
    /// The same without what the account did not carry itself.
    ByItself(&'a PartnerId),
    /// This code, which is the partner's.
    Code(&'a PartnerId, &'a LinkCode),
}

/// Where a page goes on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Place {
    pub at_ms: i64,
    pub row: i64,
}

/// An account that was found.
#[derive(Clone, Debug, Deserialize)]
pub struct AccountMatch {
    pub account_id: AccountId,
    /// Its first fact in the span that counts.
    pub at_ms: i64,
    pub row: i64,
    pub signed_up_at_ms: Option<UtcMillis>,
    /// JSON: its attribution reports, [`StoredReport`].
    pub reports: String,
    /// JSON: what it presented, [`PresentedCode`].
    pub presented: String,
    /// JSON: [`MatchReview`].
    pub reviews: String,
    pub is_undecided: i64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct StoredReport {
    pub receipt: String,
    pub held: i64,
}

/// A code that a fact of the account presented, and the link that it means.
#[derive(Clone, Debug, Deserialize)]
pub struct PresentedCode {
    pub event: EventId,
    pub at_ms: UtcMillis,
    pub given: LinkCode,
    pub code: Option<LinkCode>,
    pub program: Option<ProgramId>,
    pub partner: Option<PartnerId>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct MatchReview {
    pub program: ProgramId,
    pub partner: PartnerId,
    pub state: ReviewState,
    pub holds: i64,
}

impl Among<'_> {
    fn condition(self, event: &str) -> String {
        match self {
            Among::All => {
                format!(
                    "?6 = '' AND {event}.account_id IS NOT NULL AND ({event}.type = 'account.signed_up' OR {event}.codes <> '[]')"
                )
            }
            Among::Domain(_) => format!("{event}.email_domain = ?6 AND {event}.account_id IS NOT NULL"),
            Among::Account(_) => format!("{event}.account_id = ?6"),
        }
    }

    fn value(self) -> String {
        match self {
            Among::All => String::new(),
            Among::Domain(digest) => digest.to_owned(),
            Among::Account(account) => account.to_string(),
        }
    }
}

/// Whether account `e.account_id` presented a code for which `what` holds: `c.value`, and `l` if it is a link's.
fn presented(link: &str, what: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM event f, json_each(f.codes) c {link}
           WHERE f.account_id = e.account_id AND f.codes <> '[]' AND {what})"
    )
}

impl Carried<'_> {
    /// With the values of `?7` and `?8`.
    fn condition(self) -> (String, String, String) {
        let join = format!("CROSS JOIN link l ON {}", means("c.value"));
        let of_partner = presented(&join, "l.partner_id = ?7");
        let bound = "EXISTS (SELECT 1 FROM binding b WHERE b.account_id = e.account_id AND b.partner_id = ?7)";
        let compared = "EXISTS (SELECT 1 FROM binding b, json_each(b.receipt, '$.candidates') k
           WHERE b.account_id = e.account_id AND k.value ->> '$.partner' = ?7)";
        let none = String::new;
        match self {
            Carried::Anything => ("?7 = '' AND ?8 = ''".to_owned(), none(), none()),
            Carried::Unknown(code) => {
                let what = format!("?7 = '' AND {}", presented("", "c.value = ?8 COLLATE NOCASE"));
                (what, none(), code.to_owned())
            }
            Carried::OfPartner(partner) => {
                (format!("?8 = '' AND ({bound} OR {of_partner} OR {compared})"), partner.to_string(), none())
            }
            Carried::ByItself(partner) => {
                (format!("?8 = '' AND ({bound} OR {of_partner})"), partner.to_string(), none())
            }
            Carried::Code(partner, code) => {
                let by_code = "EXISTS (SELECT 1 FROM binding b WHERE b.account_id = e.account_id AND b.partner_id = ?7 AND b.code = ?8)";
                let what = presented(&join, "l.partner_id = ?7 AND l.code = ?8");
                (format!("({by_code} OR {what})"), partner.to_string(), code.to_string())
            }
        }
    }
}

/// The accounts after a place, by their first fact in the span, and where the next page begins if this one saw all that it
/// may look at.
pub fn search(
    span: Span,
    among: Among,
    carried: Carried,
    after: &Place,
    limit: i64,
) -> (Query<AccountMatch>, First<Place>) {
    let scan = format!(
        "SELECT e.occurred_at_ms AS at_ms, e.rowid AS row FROM event e
         WHERE {} AND e.occurred_at_ms >= ?1 AND e.occurred_at_ms < ?2
           AND (e.occurred_at_ms, e.rowid) > (CAST(?3 AS INTEGER), CAST(?4 AS INTEGER)) ORDER BY e.occurred_at_ms, e.rowid",
        among.condition("e")
    );
    let (condition, partner, code) = carried.condition();
    let found = format!(
        "SELECT e.account_id, k.at_ms, k.row, (SELECT a.signed_up_at_ms FROM account a WHERE a.id = e.account_id) AS signed_up_at_ms,
           EXISTS (SELECT 1 FROM account a WHERE a.id = e.account_id AND a.needs_recompute_since_ms IS NOT NULL) AS is_undecided,
           (SELECT json_group_array(json_object('receipt', b.receipt, 'held', b.held))
            FROM binding b WHERE b.account_id = e.account_id) AS reports,
           (SELECT json_group_array(json_object('event', t.id, 'at_ms', t.occurred_at_ms, 'given', c.value, 'code', l.code,
              'program', l.program_id, 'partner', l.partner_id))
            FROM (SELECT id, occurred_at_ms, codes FROM event WHERE account_id = e.account_id AND codes <> '[]'
                  ORDER BY occurred_at_ms, id LIMIT {PRESENTED_MAX}) t, json_each(t.codes) c LEFT JOIN link l ON {}) AS presented,
           (SELECT json_group_array(json_object('program', r.program_id, 'partner', r.partner_id, 'state', r.state, 'holds', r.holds))
            FROM review r WHERE r.account_id = e.account_id) AS reviews
         FROM ({scan} LIMIT {SCANNED_MAX}) k CROSS JOIN event e ON e.rowid = k.row
         WHERE NOT EXISTS (SELECT 1 FROM event o WHERE o.account_id = e.account_id AND {} AND o.occurred_at_ms >= ?1
             AND (o.occurred_at_ms, o.rowid) < (e.occurred_at_ms, e.rowid))
           AND {condition}
         ORDER BY k.at_ms, k.row LIMIT CAST(?5 AS INTEGER)",
        means("c.value"),
        // An account has few events, a domain may have many.
        among.condition("o").replace("o.email_domain", "+o.email_domain")
    );
    let bound = |sql: String, limit: i64| {
        let place = Stmt::new(sql).bind(span.from).bind(span.to).bind(after.at_ms).bind(after.row);
        place.bind(limit).bind(among.value())
    };
    let end = format!("SELECT at_ms, row FROM ({scan} LIMIT 1 OFFSET CAST(?5 AS INTEGER))");
    (bound(found, limit).bind(partner).bind(code).query(), bound(end, SCANNED_MAX - 1).query().first())
}

/// Sign-ups in a span, and those that carried no code and no touch.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct SignUps {
    pub signups: i64,
    pub without_touch: i64,
}

/// Counts at most [`COUNTED_MAX`] sign-ups.
pub fn signup_count(span: Span, domain: Option<&str>) -> First<SignUps> {
    let among = domain.map_or(Among::All, Among::Domain);
    Stmt::new(format!(
        "SELECT COUNT(*) AS signups, COALESCE(SUM(codes = '[]'), 0) AS without_touch FROM (
           SELECT e.codes FROM event e WHERE {} AND e.type = 'account.signed_up'
             AND e.occurred_at_ms >= ?1 AND e.occurred_at_ms < ?2 LIMIT {COUNTED_MAX})",
        among.condition("e").replace("?6", "?3")
    ))
    .bind(span.from)
    .bind(span.to)
    .bind(among.value())
    .query()
    .first()
}

/// The link that a code means, with everything that determines whether it works.
#[derive(Clone, Debug, Deserialize)]
pub struct CodeRow {
    pub code: LinkCode,
    pub program_id: ProgramId,
    pub partner_id: PartnerId,
    pub destination: Option<String>,
    pub campaign: Option<String>,
    pub created_at_ms: UtcMillis,
    pub expires_at_ms: Option<UtcMillis>,
    pub disabled_at_ms: Option<UtcMillis>,
    pub standing: PartnerStanding,
    pub left_at_ms: Option<UtcMillis>,
    pub disclosure_accepted_at_ms: Option<UtcMillis>,
    /// Visits of the days (UTC) that the span touches.
    pub clicks: i64,
}

/// The link that `code` means. Of a partner: if it is that partner's.
pub fn code_find(code: &str, of: Option<&PartnerId>, span: Span) -> First<CodeRow> {
    let day = |at: i64| at.div_euclid(DAY_MS);
    let of = of.map(PartnerId::as_str).unwrap_or_default();
    Stmt::new(format!(
        "SELECT l.code, l.program_id, l.partner_id, l.destination, l.campaign, l.created_at_ms, l.expires_at_ms, l.disabled_at_ms,
           p.standing, p.left_at_ms, p.disclosure_accepted_at_ms,
           (SELECT COALESCE(SUM(d.clicks), 0) FROM link_day d WHERE d.partner_id = l.partner_id AND d.code = l.code
              AND d.day BETWEEN ?3 AND ?4) AS clicks
         FROM link l JOIN partner p ON p.id = l.partner_id WHERE {} AND (?2 = '' OR l.partner_id = ?2)",
        means("?1")
    ))
    .bind(code)
    .bind(of)
    .bind(day(span.from.0))
    .bind(day(span.to.0 - 1))
    .query()
    .first()
}
