use crate::base::time::HOUR_MS;
use crate::engine::link::LinkRecord;
use crate::engine::link::click::{Address, Click, Salt, Visitor};
use crate::store::link::click::flush::{ClickFlush, LinkCount};
use crate::store::link::click::*;
use crate::store::port::Value;
use rusqlite::types::Value as Sql;
use std::rc::Rc;

/// SQLite with the tables of this file.
pub fn sqlite() -> rusqlite::Connection {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    db.execute_batch(include_str!("../../../../migrations/0002_click.sql")).unwrap();
    db.execute_batch(
        "CREATE TABLE link_day (partner_id TEXT, code TEXT, day INTEGER, clicks INTEGER NOT NULL DEFAULT 0, bots INTEGER NOT NULL DEFAULT 0,
           limited INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (partner_id, code, day)) STRICT, WITHOUT ROWID;
         CREATE TABLE program_version(program_id TEXT, version INTEGER, effective_from_ms INTEGER, document TEXT) STRICT;",
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
        address: Address::new("192.0.2.1"),
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

fn salt() -> Salt {
    Salt::new("2026-06", &[1; 32])
}

/// As D1 runs a batch: all or nothing.
fn write(db: &rusqlite::Connection, flush: &ClickFlush) {
    db.execute_batch("BEGIN").unwrap();
    for statement in flush.statements(&salt()) {
        query(db, &statement).unwrap();
    }
    db.execute_batch("COMMIT").unwrap();
}

fn flush_of(number: i64, clicks: Vec<Click>) -> ClickFlush {
    ClickFlush { writer: "020833ab".into(), number, clicks, ..ClickFlush::default() }
}

fn text(db: &rusqlite::Connection, sql: &str) -> String {
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

const DAYS: &str = "SELECT group_concat(code || day || ':' || clicks || '/' || bots || '/' || limited, ' ')
    FROM (SELECT * FROM link_day ORDER BY code, day)";

#[test]
fn clicks_are_written_and_counted_once() {
    let db = sqlite();
    let at = 500_000 * HOUR_MS;
    let fingerprint = Visitor::Fingerprint { user_agent: "M".into() };
    let flush = flush_of(
        1,
        vec![
            click("1", known("v"), at),
            click("2", known("v"), at + HOUR_MS - 1),
            click("3", known("v"), at + HOUR_MS),
            click("5", fingerprint.clone(), at),
            click("6", fingerprint, at),
            click("7", Visitor::Private, at),
            click("8", Visitor::Private, at),
        ],
    );
    write(&db, &flush);
    let days = text(&db, DAYS);
    assert_eq!((count(&db), days.as_str()), (5, "A'\"b20833:5/0/0"));
    write(&db, &flush);
    assert_eq!((count(&db), text(&db, DAYS)), (5, days), "a repeated flush changes nothing");
    // The same visitor in the same hour, and with it one who is new.
    write(&db, &flush_of(2, vec![click("9", known("v"), at + 1), click("10", known("w"), at)]));
    assert_eq!((count(&db), text(&db, DAYS).as_str()), (6, "A'\"b20833:6/0/0"));
    assert!(flush_of(3, Vec::new()).statements(&salt()).is_empty());
    let types = "SELECT typeof(clicked_at_ms) || typeof(hour) || typeof(dedupe) || typeof(campaign) || hour || utm_source FROM click WHERE id = '3'";
    assert_eq!(text(&db, types), "integerintegerintegernull500001é\u{2028}");
    assert!(!text(&db, "SELECT group_concat(visitor) FROM click").contains("192.0.2.1"));
    assert_eq!(text(&db, "SELECT count(*) || '' FROM click_flush"), "0", "their rows say that they are written");
}

#[test]
fn what_has_no_row_is_counted_once_too() {
    let db = sqlite();
    let count = |bots, limited| LinkCount { partner: "p".into(), code: "C".into(), day: 20_833, bots, limited };
    let flush = |number, bots, limited| ClickFlush {
        counted: vec![count(bots, limited)],
        dropped: vec![(20_832, 2), (20_833, 5)],
        ..flush_of(number, Vec::new())
    };
    for _ in 0..3 {
        write(&db, &flush(1, 4, 7));
    }
    assert_eq!(text(&db, DAYS), "C20833:0/4/7");
    write(&db, &flush(2, 1, 0));
    write(&db, &flush(1, 4, 7));
    write(&db, &ClickFlush { writer: "020833cd".into(), ..flush(1, 10, 10) });
    assert_eq!(text(&db, DAYS), "C20833:0/15/17");
    let dropped = "SELECT group_concat(day || ':' || clicks, ' ') FROM click_dropped";
    assert_eq!(text(&db, dropped), "20832:6 20833:15");
    // Of days that are over nothing is sent again.
    query(&db, &flush::flush_forget(UtcMillis(20_834 * 24 * HOUR_MS))).unwrap();
    assert_eq!(text(&db, "SELECT count(*) || '' FROM click_flush"), "2");
    query(&db, &flush::flush_forget(UtcMillis(20_835 * 24 * HOUR_MS))).unwrap();
    assert_eq!(text(&db, "SELECT count(*) || '' FROM click_flush"), "0");
}

#[test]
fn a_cookie_hides_nobody_from_a_program_that_attributes_by_fingerprint() {
    let db = sqlite();
    let user_agent = "M".to_owned();
    let of = |fingerprinted: bool, id: &str, visitor: Visitor| {
        let link = Rc::new(LinkRecord { code: id.into(), fingerprinted, ..LinkRecord::default() });
        Click { link, ..click(id, visitor, 1) }
    };
    let followed = Visitor::Followed { id: "vis_1".into(), user_agent: user_agent.clone() };
    let unknown = Visitor::Fingerprint { user_agent };
    let clicks = vec![
        of(true, "a", unknown.clone()),
        of(true, "b", followed),
        of(true, "c", Visitor::Private),
        of(true, "d", known("vis_2")),
        of(false, "e", unknown),
    ];
    write(&db, &flush_of(1, clicks));
    let same = "SELECT group_concat(code) FROM click WHERE fingerprint = (SELECT visitor FROM click WHERE code = 'a')";
    assert_eq!(text(&db, same), "a,b", "nobody who is private, none of a program that does not ask");
    assert_eq!(
        text(&db, "SELECT visitor FROM click WHERE code = 'b'"),
        "vis_1",
        "counted as the visitor of the cookie"
    );
}

#[test]
fn a_wrong_row_is_not_swallowed() {
    let db = sqlite();
    let statements = flush_of(1, vec![click("1", known("v"), 1)]).statements(&salt());
    let insert = statements.last().unwrap();
    let Value::Text(json) = &insert.params[0] else { panic!() };
    let broken = Stmt::new(insert.sql.clone()).bind(json.replace("\"v\"", "null"));
    assert!(query(&db, &broken).unwrap_err().to_string().contains("NOT NULL"));
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
        salt_decode(&rows).unwrap().salt
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
