//! Links as the redirect reads them: with their partner and the program's document in force.

pub mod click;
pub mod code;

use crate::base::decode;
use crate::base::ids::{LinkCode, PartnerId, ProgramId};
use crate::base::time::UtcMillis;
use crate::engine::link::LinkRecord;
use crate::program::document::Model;
use crate::store::port::{DbError, Rows, Stmt};
use crate::store::program::in_force;
use crate::store::query::Parsed;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The link of this code with everything that determines whether it is live at `now`. Nothing if it does not exist, or
/// if its program has no document in force.
pub fn link_resolve(code: &str, now: UtcMillis) -> Parsed<Option<LinkRecord>> {
    links_resolve(&[code], now).statement.parsed(|rows| Ok(links_decode(rows)?.into_iter().next()))
}

/// The links of several codes.
pub fn links_resolve(codes: &[&str], now: UtcMillis) -> Parsed<Vec<LinkRecord>> {
    Stmt::new(format!(
        "SELECT l.code, l.chosen, l.partner_id, l.program_id, l.destination, l.campaign, l.utm, l.expires_at_ms, l.disabled_at_ms,
                IIF(p.standing = 'active', p.left_at_ms, 0) AS left_at_ms, p.disclosure_accepted_at_ms,
                json_extract(v.document, '$.attribution.window_days') AS window_days,
                json_extract(v.document, '$.attribution.model') AS model,
                json_extract(v.document, '$.code.params') AS params,
                json_extract(v.document, '$.requires_disclosure') AS requires_disclosure,
                EXISTS (SELECT 1 FROM json_each(v.document, '$.attribution.methods') WHERE value = 'fingerprint') AS fingerprinted
         FROM {links}
         JOIN partner p ON p.id = l.partner_id
         JOIN program_version v ON v.program_id = l.program_id AND v.version = (SELECT version FROM {in_force})",
        links = code::links_of("SELECT value FROM json_each(?1)"),
        in_force = in_force("l.program_id", "?2"),
    ))
    .json(&codes)
    .bind(now)
    .parsed(links_decode)
}

#[derive(Deserialize)]
struct LinkRow {
    code: LinkCode,
    chosen: i64,
    partner_id: PartnerId,
    program_id: ProgramId,
    destination: Option<String>,
    campaign: Option<String>,
    utm: Option<String>,
    expires_at_ms: Option<UtcMillis>,
    disabled_at_ms: Option<UtcMillis>,
    left_at_ms: Option<UtcMillis>,
    disclosure_accepted_at_ms: Option<UtcMillis>,
    window_days: i64,
    model: Option<Model>,
    params: Option<String>,
    requires_disclosure: Option<i64>,
    fingerprinted: i64,
}

/// The links in the rows of `links_resolve`.
pub fn links_decode(rows: Rows) -> Result<Vec<LinkRecord>, DbError> {
    rows.take::<LinkRow>()?.into_iter().map(LinkRecord::try_from).collect()
}

impl TryFrom<LinkRow> for LinkRecord {
    type Error = DbError;

    fn try_from(row: LinkRow) -> Result<LinkRecord, DbError> {
        let utm: BTreeMap<String, String> = parse(row.utm.as_deref())?;
        let params: Vec<String> = parse(row.params.as_deref())?;
        Ok(LinkRecord {
            code: row.code,
            chosen: row.chosen != 0,
            partner_id: row.partner_id,
            program_id: row.program_id,
            destination: row.destination,
            campaign: row.campaign.filter(|campaign| !campaign.is_empty()),
            utm,
            window_days: row.window_days,
            model: row.model.unwrap_or_default(),
            params,
            expires_at_ms: row.expires_at_ms,
            disabled_at_ms: row.disabled_at_ms,
            left_at_ms: row.left_at_ms,
            undisclosed: row.requires_disclosure.unwrap_or(0) != 0 && row.disclosure_accepted_at_ms.is_none(),
            fingerprinted: row.fingerprinted != 0,
        })
    }
}

fn parse<T: serde::de::DeserializeOwned + Default>(text: Option<&str>) -> Result<T, DbError> {
    text.map_or_else(|| Ok(T::default()), |text| decode::from_text(text).map_err(|e| DbError::Fault(e.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::link::click::tests::{query, sqlite};

    fn resolve(db: &rusqlite::Connection, code: &str, now: i64) -> Option<LinkRecord> {
        links_decode(query(db, &link_resolve(code, UtcMillis(now)).statement).unwrap()).unwrap().pop()
    }

    #[test]
    fn links_resolve_with_partner_and_document() {
        let db = sqlite();
        db.execute_batch(
            r#"CREATE TABLE partner(id TEXT PRIMARY KEY, program_id TEXT, disclosure_accepted_at_ms INTEGER, left_at_ms INTEGER, standing TEXT NOT NULL DEFAULT 'active') STRICT;
            CREATE TABLE link(code TEXT PRIMARY KEY, partner_id TEXT, program_id TEXT, destination TEXT, campaign TEXT, utm TEXT,
                source TEXT, created_at_ms INTEGER, expires_at_ms INTEGER, disabled_at_ms INTEGER, chosen INTEGER NOT NULL DEFAULT 0) STRICT;
            INSERT INTO partner VALUES ('a', 'p', NULL, NULL, 'active'), ('b', 'p', 5, 9, 'active');
            INSERT INTO program_version VALUES
                ('p', 1, 0, '{"attribution":{"window_days":30},"code":{"params":["ref"]},"requires_disclosure":false}'),
                ('p', 2, 100, '{"attribution":{"model":"first_touch","window_days":60},"code":{"params":["ref","campaign"]},"requires_disclosure":true}'),
                ('later', 1, 100, '{"attribution":{"window_days":1},"code":{}}');
            INSERT INTO link VALUES
                ('A', 'a', 'p', '/x', '', '{"utm_source":"s"}', NULL, 1, 500, 600, 0),
                ('B', 'b', 'p', NULL, 'c', NULL, NULL, 1, NULL, NULL, 0),
                ('C', 'a', 'later', NULL, NULL, NULL, NULL, 1, NULL, NULL, 0),
                ('Ada20', 'a', 'p', NULL, NULL, NULL, NULL, 1, NULL, NULL, 1);"#,
        )
        .unwrap();
        let early = resolve(&db, "A", 99).unwrap();
        assert_eq!((early.window_days, early.undisclosed, early.params), (30, false, vec!["ref".to_owned()]));
        let late = resolve(&db, "A", 100).unwrap();
        assert_eq!((late.window_days, late.undisclosed, late.params.len()), (60, true, 2));
        assert_eq!((early.model, late.model), (Model::LastTouch, Model::FirstTouch));
        assert_eq!(
            (late.destination.as_deref(), late.campaign, late.utm["utm_source"].as_str()),
            (Some("/x"), None, "s")
        );
        assert_eq!((late.expires_at_ms, late.disabled_at_ms), (Some(UtcMillis(500)), Some(UtcMillis(600))));
        let accepted = resolve(&db, "B", 100).unwrap();
        assert_eq!(
            (accepted.undisclosed, accepted.left_at_ms, accepted.campaign.as_deref()),
            (false, Some(UtcMillis(9)), Some("c"))
        );
        assert_eq!(resolve(&db, "C", 99), None);
        assert_eq!(resolve(&db, "C", 100).unwrap().params, Vec::<String>::new());
        assert_eq!(resolve(&db, "a", 100).unwrap().code, LinkCode::from("A"));
        let several = links_resolve(&["none", "b", "ADA20"], UtcMillis(100));
        let found = links_decode(query(&db, &several.statement).unwrap()).unwrap();
        assert_eq!(found.iter().map(|link| link.code.as_str()).collect::<Vec<_>>(), ["B", "Ada20"]);
        for given in ["Ada20", "ADA20", "ada20"] {
            assert_eq!(resolve(&db, given, 100).unwrap().code, LinkCode::from("Ada20"));
        }
        assert_eq!(resolve(&db, "' OR 1", 100), None);
    }
}
