use crate::base::time::HOUR_MS;
use crate::engine::link::LinkRecord;
use crate::engine::link::click::Visitor;
use crate::store::link::click::*;
use crate::store::port::Value;
use rusqlite::types::Value as Sql;
use std::rc::Rc;

/// SQLite with the tables of this file.
pub fn sqlite() -> rusqlite::Connection {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    db.execute_batch(include_str!("../../../../migrations/0002_click.sql")).unwrap();
    db.execute_batch(
        "CREATE TABLE program_version(program_id TEXT, version INTEGER, effective_from_ms INTEGER, document TEXT) STRICT;",
    )
    .unwrap();
    db
}

/// Runs one statement as D1 would: every number bound as a REAL.
pub fn query(db: &rusqlite::Connection, stmt: &Stmt) -> rusqlite::Result<Rows> {
    let params = stmt.params.iter().map(|value| match value {
        Value::Null => Sql::Null,
        Value::Int(number) => Sql::Real(*number as f64),
        Value::Text(text) => Sql::Text(text.clone()),
    });
    let mut prepared = db.prepare(&stmt.sql)?;
    let names: Vec<String> = prepared.column_names().into_iter().map(str::to_owned).collect();
    let rows = prepared.query_map(rusqlite::params_from_iter(params), |row| {
        let cell = |(at, name): (usize, &String)| {
            let json = match row.get::<_, Sql>(at)? {
                Sql::Null => serde_json::Value::Null,
                Sql::Integer(number) => number.into(),
                Sql::Real(number) => number.into(),
                Sql::Text(text) => text.into(),
                Sql::Blob(_) => unreachable!("no blobs"),
            };
            Ok((name.clone(), json))
        };
        names.iter().enumerate().map(cell).collect()
    })?;
    Ok(Rows(rows.collect::<Result<_, _>>()?))
}

fn click(id: &str, visitor: Visitor, at: i64) -> Click {
    Click {
        id: id.into(),
        link: Rc::new(LinkRecord { code: "A'\"b".into(), ..LinkRecord::default() }),
        campaign: String::new(),
        visitor,
        at: UtcMillis(at),
        bot: false,
        country: Some("DE".into()),
        utm_source: Some("é\u{2028}".into()),
        utm_medium: None,
        referrer_host: None,
    }
}

fn known(name: &str) -> Visitor {
    Visitor::Known(name.into())
}

fn count(db: &rusqlite::Connection) -> i64 {
    db.query_row("SELECT count(*) FROM click", [], |row| row.get(0)).unwrap()
}

#[test]
fn clicks_are_written_once() {
    let db = sqlite();
    let at = 500_000 * HOUR_MS;
    let fingerprint = Visitor::Fingerprint { ip: "192.0.2.1".into(), user_agent: "M".into() };
    let clicks = [
        click("1", known("v"), at),
        click("2", known("v"), at + HOUR_MS - 1),
        click("3", known("v"), at + HOUR_MS),
        Click { bot: true, ..click("4", known("v"), at) },
        click("5", fingerprint.clone(), at),
        click("6", fingerprint, at),
        click("7", Visitor::Private, at),
        click("8", Visitor::Private, at),
    ];
    query(&db, &click_insert(&clicks, &Salt::new(&[1; 32]))).unwrap();
    assert_eq!(count(&db), 6);
    query(&db, &click_insert(&clicks, &Salt::new(&[1; 32]))).unwrap();
    assert_eq!(count(&db), 6, "a repeated flush changes nothing");
    query(&db, &click_insert(&[], &Salt::new(&[1; 32]))).unwrap();
    let types = "SELECT typeof(clicked_at_ms) || typeof(hour) || typeof(campaign) || hour || utm_source FROM click WHERE id = '3'";
    let seen: String = db.query_row(types, [], |row| row.get(0)).unwrap();
    assert_eq!(seen, "integerintegernull500001é\u{2028}");
    let stored: String = db.query_row("SELECT group_concat(visitor) FROM click", [], |row| row.get(0)).unwrap();
    assert!(!stored.contains("192.0.2.1"));
}

#[test]
fn a_cookie_hides_nobody_from_a_program_that_attributes_by_fingerprint() {
    let db = sqlite();
    let (ip, user_agent) = ("192.0.2.1".to_owned(), "M".to_owned());
    let of = |fingerprinted: bool, id: &str, visitor: Visitor| {
        let link = Rc::new(LinkRecord { code: id.into(), fingerprinted, ..LinkRecord::default() });
        Click { link, ..click(id, visitor, 1) }
    };
    let followed = Visitor::Followed { id: "vis_1".into(), ip: ip.clone(), user_agent: user_agent.clone() };
    let unknown = Visitor::Fingerprint { ip, user_agent };
    let clicks = [
        of(true, "a", unknown.clone()),
        of(true, "b", followed),
        of(true, "c", Visitor::Private),
        of(true, "d", known("vis_2")),
        of(false, "e", unknown),
    ];
    query(&db, &click_insert(&clicks, &Salt::new(&[1; 32]))).unwrap();
    let same: String = db
        .query_row(
            "SELECT group_concat(code) FROM click WHERE fingerprint = (SELECT visitor FROM click WHERE code = 'a')",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(same, "a,b", "nobody who is private, none of a program that does not ask");
    let by_cookie: String = db.query_row("SELECT visitor FROM click WHERE code = 'b'", [], |row| row.get(0)).unwrap();
    assert_eq!(by_cookie, "vis_1", "counted as the visitor of the cookie");
}

#[test]
fn a_wrong_row_is_not_swallowed() {
    let db = sqlite();
    let stmt = click_insert(&[click("1", known("v"), 1)], &Salt::new(&[]));
    let Value::Text(json) = &stmt.params[0] else { panic!() };
    let broken = Stmt::new(stmt.sql.clone()).bind(json.replace("visit\"", "other\""));
    assert!(query(&db, &broken).unwrap_err().to_string().contains("CHECK"));
}

#[test]
fn a_months_salt_lives_until_the_windows_of_its_clicks_are_over() {
    let db = sqlite();
    let document =
        |days: i64, method: &str| format!(r#"{{"attribution":{{"window_days":{days},"methods":["{method}"]}}}}"#);
    for (id, document) in [("p", document(30, "fingerprint")), ("q", document(90, "token"))] {
        db.execute("INSERT INTO program_version VALUES (?1, 1, 0, ?2)", [id, &document]).unwrap();
    }
    let instant = |text: &str| UtcMillis::parse(text).unwrap();
    let salt = |when: &str, fresh: &str| {
        let rows: Vec<_> = salt_of(instant(when), fresh).iter().map(|s| query(&db, s).unwrap()).collect();
        salt_decode(&rows).unwrap()
    };
    let found = |when: &str| -> Vec<String> {
        let rows = query(&db, &salts_find(instant(when)).statement).unwrap();
        rows.decode::<SaltRow>().unwrap().into_iter().map(|row| row.salt).collect()
    };
    assert_eq!(salt("2026-06-30T23:59:59Z", "aa"), "aa");
    assert_eq!(salt("2026-06-30T23:59:59Z", "bb"), "aa");
    assert_eq!(salt("2026-07-02T00:00:00Z", "cc"), "cc");
    assert_eq!(found("2026-07-30T23:59:59.999Z"), ["cc", "aa"]);
    assert_eq!(found("2026-07-31T00:00:00Z"), ["cc"], "thirty days after the month");
    let left = || db.query_row("SELECT count(*) FROM visitor_salt", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(left(), 2);
    salt("2026-07-31T00:00:00Z", "dd");
    assert_eq!(left(), 1);
    assert!(salt_decode(&[]).is_err());
}
