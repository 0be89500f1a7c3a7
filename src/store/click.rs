//! Click rows and the month's salt.

use super::port::{DbError, Rows, Stmt};
use crate::base::time::Month;
use crate::engine::click::Click;

/// Inserts all clicks with one statement. A click that is there already, and a second one of the same link, visitor,
/// hour and kind, does nothing; any other violation aborts.
pub fn click_insert(clicks: &[Click], salt: &[u8]) -> Stmt {
    Stmt::new(
        "INSERT INTO click (id, code, program_id, partner_id, campaign, visitor, clicked_at_ms, hour, kind, country,
                            utm_source, utm_medium, referrer_host)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
                value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12
         FROM json_each(?1) WHERE true
         ON CONFLICT DO NOTHING",
    )
    .json(&clicks.iter().map(|click| row(click, salt)).collect::<Vec<_>>())
}

/// How many clicks a link counted, by kind.
pub fn click_counts(code: &str) -> Stmt {
    Stmt::new(
        "SELECT COALESCE(SUM(kind = 'visit'), 0) AS visits, COALESCE(SUM(kind = 'bot'), 0) AS bots FROM click WHERE code = ?1",
    )
    .bind(code)
}

/// The salt of the month, made of `fresh` if there is none yet, the salts of other months deleted: three statements,
/// of which the last answers the one that counts, whoever made it.
pub fn salt_of(month: Month, fresh: &str) -> Vec<Stmt> {
    let month = month.to_string();
    vec![
        Stmt::new("DELETE FROM visitor_salt WHERE month < ?1").bind(&month),
        Stmt::new("INSERT INTO visitor_salt (month, salt) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
            .bind(&month)
            .bind(fresh),
        Stmt::new("SELECT salt FROM visitor_salt WHERE month = ?1").bind(&month),
    ]
}

/// The salt in the rows of `salt_of`.
pub fn salt_decode(rows: &[Rows]) -> Result<String, DbError> {
    #[derive(serde::Deserialize)]
    struct Row {
        salt: String,
    }
    let row = rows.last().map(Rows::first::<Row>).transpose()?.flatten();
    row.map(|row| row.salt).ok_or_else(|| DbError::Fault("no salt".to_owned()))
}

/// In the order of the columns.
fn row(click: &Click, salt: &[u8]) -> impl serde::Serialize {
    (
        click.id.clone(),
        click.code.clone(),
        click.program_id.clone(),
        click.partner_id.clone(),
        Some(click.campaign.clone()).filter(|campaign| !campaign.is_empty()),
        click.visitor_key(salt),
        click.at,
        click.hour(),
        if click.bot { "bot" } else { "visit" },
        click.country.clone(),
        click.utm_source.clone(),
        click.utm_medium.clone(),
        click.referrer_host.clone(),
    )
}

#[cfg(test)]
#[path = "click_tests.rs"]
pub mod tests;
