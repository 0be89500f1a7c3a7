//! Marks are put into every field of the API and of the pages' forms that may say something of a person. Once everybody is
//! erased, no mark is in any column of any table but those that are said to hold something else, and pages and reports go on.

mod inputs;

use super::fixture::{FORGOTTEN, OPERATOR_TOKEN};
use super::operator_fixture::{AGENCY, NOW, OperatorFixture, POOLED, sql};
use crate::people::columns::{Holds, columns, text_columns};
use crate::support::world::{at, now};
use inputs::{OTHERS, inputs};
use manicule::base::time::{Month, Week};
use manicule::http::context::RequestContext;
use manicule::http::exchange::Request;
use manicule::http::route;
use manicule::pages::text::shared::person as text;
use manicule::service::account::recompute;
use manicule::service::report::kept;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

struct Story {
    fixture: OperatorFixture,
    /// The marks, by what they were put into.
    marks: RefCell<BTreeMap<String, String>>,
}

impl Story {
    fn new() -> Story {
        Story { fixture: OperatorFixture::new(), marks: RefCell::default() }
    }

    /// A text that is nowhere else, for a field.
    fn mark(&self, field: &str) -> String {
        let mut marks = self.marks.borrow_mut();
        let next = format!("qz{}zq", marks.len() + 100);
        marks.entry(field.to_owned()).or_insert(next).clone()
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let pages = &self.fixture.pages;
        let key = format!("key-{}", pages.world.next());
        let headers = [("authorization", format!("Bearer {OPERATOR_TOKEN}")), ("idempotency-key", key)];
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
            ..Request::default()
        };
        pages.world.request(pages.now.get());
        let app = RequestContext { site: &pages.world, config: &pages.config, now: pages.now.get() };
        let answered = |request: &Request| {
            let response = now(route::answer(&app, request)).expect("an answer");
            let body: Value = serde_json::from_slice(&response.body).expect("JSON");
            assert!(response.status < 300, "{method} {path}: {} {body}", response.status);
            body
        };
        let first = answered(&request);
        if ["/v1/partners", "/v1/links", "/v1/adjustments", "/v1/credits/redeem"].contains(&path) && method == "POST" {
            assert_eq!(answered(&request), first, "{path}: a repeat gets the same answer");
        }
        first
    }

    /// A call with a mark in each of `fields`.
    fn call(&self, method: &str, route: &str, id: &str, fields: &[&str], more: Value) -> Value {
        let mut body = more;
        for field in fields {
            let mark = self.mark(&format!("{method} {route} .{field}"));
            let text = match *field {
                "website" => format!("https://{mark}.example"),
                "destination" => format!("/{mark}"),
                "email" => format!("{mark}@{mark}.example"),
                _ => mark,
            };
            body[*field] = json!(text);
        }
        self.ask(method, &route.replace("{id}", id).replace("{code}", id), &body)
    }

    fn look(&self, sql: &str, column: &str) -> String {
        self.fixture.look(sql, column).as_str().expect("a text").to_owned()
    }

    /// Partners, links, and what operators say of a partner.
    fn partners(&self) -> (String, String) {
        let body = json!({"program": AGENCY, "external_id": "quinn", "disclosure_accepted": true});
        let quinn = self.call("POST", "/v1/partners", "", &["name", "email", "website"], body);
        let (id, code) = (quinn["id"].as_str().expect("an id"), quinn["code"].as_str().expect("a code"));
        self.call("PATCH", "/v1/partners/{id}", id, &["name", "notes", "website"], json!({}));
        let utm = json!({"utm_source": self.mark("POST /v1/links .utm.utm_source")});
        let link = self.call("POST", "/v1/links", "", &["destination", "campaign"], json!({"partner": id, "utm": utm}));
        let other = link["code"].as_str().expect("a code");
        self.call("PATCH", "/v1/links/{code}", other, &["destination", "campaign"], json!({}));
        self.call("POST", "/v1/partners/{id}/suspend", id, &["reason"], json!({}));
        self.call("POST", "/v1/partners/{id}/reinstate", id, &["reason"], json!({}));
        (id.to_owned(), code.to_owned())
    }

    /// Accounts and what is decided about them.
    fn accounts(&self, code: &str) {
        let world = &self.fixture.pages.world;
        let [email, name] =
            ["email", "name"].map(|field| self.mark(&format!("POST /v1/webhooks/events .account.{field}")));
        // What the host calls its visitor is replaced, although the host may know it by other means.
        let visitor = self.mark("a visitor's id");
        let event = json!({"id": "q1", "type": "account.signed_up", "occurred_at": "2026-03-01T00:00:00Z",
            "account": {"id": "quentin", "email": format!("{email}@{email}.example"), "name": name},
            "attribution": {"code": code, "visitor": visitor}});
        world.take(at(NOW), &event, None).expect("accepted");
        let [email, name] =
            ["email", "name"].map(|field| self.mark(&format!("POST /v1/events .events[].account.{field}")));
        let account = json!({"id": "imported", "email": format!("{email}@{email}.example"), "name": name});
        let event =
            json!({"id": "q0", "type": "account.signed_up", "occurred_at": "2026-02-28T00:00:00Z", "account": account});
        self.ask("POST", "/v1/events", &json!({"events": [event]}));
        let domain = self.mark("a workspace's domain");
        let invited = json!({"id": "q2", "type": "workspace.invited", "occurred_at": "2026-03-01T00:00:00Z",
            "data": {"agency_code": code, "domain": format!("{domain}.example")}, "account": {"id": "quentin"}});
        world.take(at(NOW), &invited, None).expect("accepted");
        let moved = json!({"program": AGENCY, "partner": self.fixture.partner});
        self.call("POST", "/v1/accounts/{id}/reassign", "quentin", &["reason"], moved);
        let review = self.fixture.review.clone();
        self.call("POST", "/v1/reviews/{id}", &review, &["reason"], json!({"decision": "reject"}));
    }

    /// Money of a partner with a payout that is planned.
    fn money(&self) {
        let (partner, payout) = (self.fixture.partner.clone(), self.fixture.payout.clone());
        self.call("POST", "/v1/payouts/{id}/hold", &payout, &["reason"], json!({}));
        self.call("POST", "/v1/payouts/{id}/release", &payout, &["reason"], json!({}));
        self.call("POST", "/v1/payouts/{id}/cancel", &payout, &["reason"], json!({}));
        let body = json!({"partner": partner, "amount_cents": 700, "account": "p", "currency": "usd"});
        self.call("POST", "/v1/adjustments", "", &["note", "reason"], body);
        let row = "INSERT INTO adjustment SELECT 'adj_waits', program_id, partner_id, account_id, 'acr_waits', 1, NULL, NULL, unit, 5, balance, vests_at_ms,
            note, reason, 'token:other', 'requested', 4102444800000, NULL, NULL, NULL, created_at_ms FROM adjustment LIMIT 1";
        sql(&self.fixture.pages.world, row);
        self.call("POST", "/v1/adjustments/{id}", "adj_waits", &["reason"], json!({"decision": "approve"}));
        let body = json!({"program": POOLED, "external_id": "quiet", "disclosure_accepted": true});
        let saver = self.ask("POST", "/v1/partners", &body)["id"].as_str().expect("an id").to_owned();
        let body = json!({"partner": saver, "amount_cents": 900, "currency": "usd", "balance": "available", "note": "gift", "reason": "gift"});
        self.ask("POST", "/v1/adjustments", &body);
        let taken =
            self.call("POST", "/v1/credits/redeem", "", &["reason"], json!({"partner": saver, "amount_cents": 300}));
        let taken = taken["id"].as_str().expect("an id").to_owned();
        self.call("POST", "/v1/credits/redemptions/{id}/reversals", &taken, &["reason"], json!({"amount_cents": 100}));
        self.call("POST", "/v1/partners/{id}/ban", &self.fixture.suspect.clone(), &["reason"], json!({}));
        let message = self.look("SELECT id FROM outbox WHERE state = 'failed' LIMIT 1", "id");
        self.call("POST", "/v1/outbox/{id}/replay", &message, &["reason"], json!({}));
    }

    /// What a partner enters on its pages, and an operator's reply.
    fn forms(&self, quinn: &str, code: &str) {
        let email = self.look(&format!("SELECT email FROM partner_person WHERE partner_id = '{quinn}'"), "email");
        let mark = |field: &str| self.mark(&format!("form {field}"));
        let browser = self.fixture.pages.signed_in(&email, quinn);
        browser.get("/partner/settings");
        let (name, shown, site) = (mark("name"), mark("display_name"), format!("https://{}.example", mark("website")));
        let profile = [("name", name.as_str()), ("display_name", &shown), ("website", &site), ("country", "DE")];
        browser.post("/partner/settings", &profile).is(303);
        let (to, campaign, source) = (format!("/{}", mark("destination")), mark("campaign"), mark("utm_source"));
        let link = [("destination", to.as_str()), ("campaign", &campaign), ("utm_source", &source)];
        browser.post("/partner/links", &link).is(303);
        let customer = format!("{}.example", mark("customer"));
        let asked = browser.post("/partner/why-not", &[("code", code), ("customer", &customer), ("day", "2026-03-01")]);
        asked.is(303);
        browser.post(&asked.location, &[("message", &mark("message"))]).is(303);
        let question = self.look("SELECT id FROM credit_question", "id");
        let operator = self.fixture.operator();
        operator.post(&format!("/operator/questions/{question}"), &[("reply", &mark("reply"))]).is(303);
        // A sign-in link, with where it leads to.
        let world = &self.fixture.pages.world;
        sql(
            world,
            &format!(
                "INSERT INTO magic_link (token_sha256, purpose, email, requested_by, is_live, detail, created_at_ms, expires_at_ms)
                   VALUES ('x', 'change_email', '{}@new.example', '', 1, '{{\"partner\":\"{quinn}\"}}', 1, 4102444800000);
                 UPDATE delivery SET channel = 'email', target = 'partner', last_error = '{}';
                 UPDATE outbox SET partner_id = '{quinn}' WHERE id IN (SELECT outbox_id FROM delivery);",
                mark("a new address"),
                mark("an email service's error")
            ),
        );
    }

    /// Reports of the week and the month, kept as large ones are. They have partners, and do not name them.
    fn reports(&self, quinn: &str, code: &str) {
        let world = &self.fixture.pages.world;
        let (week, month) = (Week::of(at(NOW)), Month::of(at(NOW)));
        let (number, from, to, now_ms) = (week.to_string(), week.start().0, week.end().0, at(NOW).0);
        let (begins, ends) = (month.start().0, month.end().0);
        let rows = format!(
            "INSERT INTO funnel_event VALUES (NULL, 'fev_q', '{AGENCY}', '{quinn}', '{code}', '', 'lead', 'e', 'vis_q', NULL, {now_ms}, '{number}');
             INSERT INTO click (id, code, program_id, partner_id, visitor, clicked_at_ms, hour, dedupe)
               VALUES ('clk_q', '{code}', '{AGENCY}', '{quinn}', 'vis_q', {now_ms}, {now_ms} / 3600000, -1);
             INSERT INTO kept_report (kind, subject, from_ms, to_ms, wanted_at_ms)
               VALUES ('funnel', '{AGENCY}', {from}, {to}, 1), ('channels', '{AGENCY}', {begins}, {ends}, 1);"
        );
        sql(world, &rows);
        now(kept::sweep(&world.at(at(NOW)))).expect("put together");
        let kept = format!("SELECT COUNT(*) FROM kept_report WHERE instr(body, '{quinn}') > 0");
        assert_eq!(world.db.number(&kept), 2);
    }

    /// Where each mark is: its field, and the columns.
    fn found(&self) -> BTreeMap<String, Vec<String>> {
        let db = &self.fixture.pages.world.db;
        let marks = self.marks.borrow();
        let mut found: BTreeMap<String, Vec<String>> = marks.keys().map(|field| (field.clone(), Vec::new())).collect();
        for (table, column) in text_columns(db) {
            for (field, mark) in marks.iter() {
                let sql = format!("SELECT COUNT(*) FROM {table} WHERE instr(lower({column}), '{mark}') > 0");
                if db.number(&sql) > 0 {
                    found.get_mut(field).expect("a field").push(format!("{table}.{column}"));
                }
            }
        }
        found
    }
}

fn told() -> Story {
    let story = Story::new();
    let (quinn, code) = story.partners();
    story.accounts(&code);
    story.money();
    story.forms(&quinn, &code);
    story.reports(&quinn, &code);
    story
}

/// Another value of the same field replaces it before anybody looks.
const REPLACED: [&str; 7] = [
    "POST /v1/partners .name",
    "POST /v1/partners .website",
    "PATCH /v1/partners/{id} .name",
    "PATCH /v1/partners/{id} .website",
    "POST /v1/links .destination",
    "POST /v1/links .campaign",
    "a workspace's domain",
];

#[test]
fn what_is_put_in_is_where_the_list_of_columns_says() {
    let story = told();
    let marked: BTreeSet<String> =
        story.marks.borrow().keys().filter(|field| field.contains(" /v1/")).cloned().collect();
    let others = OTHERS
        .iter()
        .flat_map(|(route, fields)| fields.split_whitespace().map(move |field| format!("{route} {field}")));
    let mut known: BTreeSet<String> = others.chain(marked).collect();
    assert!(known.remove("POST /v1/links .utm.utm_source"), "UTM parameters are free");
    // It is mailed to, and stored in a link that the story writes itself.
    known.insert("PATCH /v1/partners/{id} .email".to_owned());
    assert_eq!(known, inputs(), "a field is neither marked nor said to name nobody");
    let kinds = columns();
    for (field, places) in story.found() {
        // A domain is a digest from the start.
        assert!(!places.is_empty() || REPLACED.contains(&field.as_str()), "{field} is nowhere");
        let holds_nothing = |place: &&String| {
            let (table, column) = place.split_once('.').expect("a column");
            matches!(kinds[&(table.to_owned(), column.to_owned())], Holds::Nobody | Holds::Operators)
        };
        let wrong: Vec<&String> = places.iter().filter(holds_nothing).collect();
        assert!(wrong.is_empty(), "{field} is in {wrong:?}, which hold nothing of a person");
    }
}

#[test]
fn nothing_that_was_put_in_is_found_once_everybody_is_erased() {
    let story = told();
    let world = &story.fixture.pages.world;
    let ledger = "SELECT id, dr_posted_cents, cr_posted_cents, dr_pending_cents, cr_pending_cents FROM ledger_account ORDER BY id";
    let before = world.db.look(ledger);
    FORGOTTEN.take();
    for (table, path) in [("account", "accounts"), ("partner", "partners")] {
        for row in world.db.look(&format!("SELECT id FROM {table}")) {
            let id = row["id"].as_str().expect("an id");
            let done = story.ask("POST", &format!("/v1/{path}/{id}/erase"), &Value::Null);
            assert_eq!(done, json!({"id": id, "is_complete": true}));
            story.ask("GET", &format!("/v1/{path}/{id}/data"), &Value::Null);
        }
    }
    assert!(!FORGOTTEN.take().is_empty(), "cached links are deleted");
    let left: BTreeMap<String, Vec<String>> =
        story.found().into_iter().filter(|(_, places)| !places.is_empty()).collect();
    assert_eq!(left, BTreeMap::new());
    assert_eq!(world.db.look(ledger), before, "no cent moved");
    assert_eq!(world.faults(), Vec::<String>::new());
    sql(world, "UPDATE account SET revision = revision + 1, needs_recompute_since_ms = 1, written = NULL");
    world.catch_up(at(NOW));
    now(recompute::process_marked(&world.at(at(NOW)), 1)).expect("nothing is left");
    assert_eq!(world.db.look(ledger), before, "nor when all is decided again");
    for path in ["/v1/audit", "/v1/partners", "/v1/accruals", "/v1/ledger/transfers", "/v1/adjustments", "/v1/payouts"]
    {
        story.ask("GET", path, &Value::Null);
    }
    let audit = story.ask("GET", "/v1/audit", &Value::Null).to_string();
    assert!(audit.contains("partner.erase") && audit.contains("\"erased\""), "{audit}");
}

#[test]
fn operators_see_and_erase_a_person_on_a_page() {
    let story = told();
    let operator = story.fixture.operator();
    let partner = format!("/operator/partners/{}", story.fixture.partner);
    for (page, id, says) in [
        (partner.as_str(), story.fixture.partner.as_str(), "boss@acme.example"),
        ("/operator/accounts/p", "p", "ann@client.example"),
    ] {
        operator.get(page).is_page().says(text::HELD);
        operator.get(&format!("{page}/data")).is_page().says(says).says(text::ERASE);
        operator.post(&format!("{page}/erase"), &[("confirm", "somebody")]).is(422).says(&text::wrong_id(id));
        let done = operator.post(&format!("{page}/erase"), &[("confirm", id)]);
        assert_eq!(done.location, format!("{page}?done=erased"));
        operator.get(&done.location).is_page().says(text::ERASED);
        assert!(!operator.get(&format!("{page}/data")).html.contains(says), "{says}");
    }
    for path in [format!("{partner}/data"), "/operator/accounts/p/data".to_owned()] {
        story.fixture.pages.operator_with("partners read payouts").get(&path).is(403);
    }
}

#[test]
fn a_partner_sees_and_erases_its_own_data() {
    let story = told();
    let quinn = story.look("SELECT id FROM partner WHERE external_id = 'quinn'", "id");
    let email = story.look(&format!("SELECT email FROM partner_person WHERE partner_id = '{quinn}'"), "email");
    let code = story.look(&format!("SELECT code FROM partner WHERE id = '{quinn}'"), "code");
    let browser = story.fixture.pages.signed_in(&email, &quinn);
    browser.get("/partner/settings").is_page();
    browser.get("/partner/settings/stored").is_page().says(&email).says(&story.mark("form message"));
    let file = browser.get("/partner/settings/data");
    assert!(file.html.contains(&story.mark("form message")), "{}", file.html);
    assert!(!file.html.contains(&story.mark("PATCH /v1/partners/{id} .notes")), "notes are the operators'");
    browser.post("/partner/settings/stored", &[("confirm", "wrong")]).is(422);
    let done = browser.post("/partner/settings/stored", &[("confirm", &code)]);
    assert_eq!(done.location, "/sign-in?done=own-erased");
    browser.get(&done.location).is(200).says(text::OWN_ERASED);
    assert!(browser.get("/partner").location.starts_with("/sign-in"), "nobody is signed in");
    let world = &story.fixture.pages.world;
    assert_eq!(
        world
            .db
            .number(&format!("SELECT COUNT(*) FROM partner_person WHERE partner_id = '{quinn}' AND email IS NOT NULL")),
        0
    );
}
