//! An agency with one client, and operators who adjust its balance by API.

use crate::payout_uses::fixture::PayoutFixture;
use crate::support::world::at;
use manicule::service::setup::PayoutApproval;
use serde_json::{Value, json};

pub const AGENCY: &str = "agency-partner";

pub struct Agency {
    pub uses: PayoutFixture,
    pub partner: String,
    pub code: String,
}

impl Agency {
    pub fn new() -> Agency {
        let uses = PayoutFixture::new(PayoutApproval::Automatic);
        let (partner, code) = uses.partner(AGENCY, "ada");
        Agency { uses, partner, code }
    }

    /// The client signs up on January 2 and pays $1,000 on the 10th, which earns $200, pending until March 11.
    pub fn with_client() -> Agency {
        let agency = Agency::new();
        agency.client("p", "in_1");
        agency
    }

    pub fn client(&self, account: &str, invoice: &str) {
        let up = json!({"attribution": {"code": self.code}});
        self.uses.event(&format!("up-{account}"), "account.signed_up", "2026-01-02T00:00:00Z", account, up);
        self.uses.paid(account, invoice, "2026-01-10T00:00:00Z", 100_000);
    }

    pub fn ask(&self, when: &str, more: Value) -> (u16, Value) {
        let mut body = json!({"partner": self.partner, "reason": "agreed by phone", "note": "Bonus"});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        self.uses.post(when, "/v1/adjustments", body)
    }

    /// Books an adjustment. Returns it.
    pub fn book(&self, when: &str, more: Value) -> Value {
        let (status, answer) = self.ask(when, more.clone());
        assert_eq!((status, &answer["state"]), (201, &json!("booked")), "{more}: {answer}");
        self.is_sound();
        answer
    }

    /// The code with which an adjustment is refused. Nothing is written.
    pub fn refusal(&self, when: &str, more: Value) -> String {
        let changes = || self.uses.world.db.connection.borrow().total_changes();
        let before = changes();
        let (status, answer) = self.ask(when, more.clone());
        assert!(status >= 400, "{more}: {answer}");
        assert_eq!(changes(), before, "{more}: {answer}");
        answer["code"].as_str().expect("a code").to_owned()
    }

    /// The only accrual of the client's first invoice.
    pub fn invoiced(&self) -> String {
        self.text("SELECT id FROM accrual WHERE source = 'invoice:in_1'")
    }

    pub fn text(&self, sql: &str) -> String {
        let rows = self.uses.world.db.look(sql);
        assert_eq!(rows.len(), 1, "{sql}");
        rows[0].values().next().and_then(Value::as_str).expect("a text").to_owned()
    }

    /// What is stored of an accrual: state, balance, net and what adjustments changed.
    pub fn accrual(&self, id: &str) -> (String, String, i64, i64) {
        let sql = format!("SELECT state, balance, net_cents, adjusted_cents FROM accrual WHERE id = '{id}'");
        let row = &self.uses.world.db.look(&sql)[0];
        let text = |name: &str| row[name].as_str().expect("a text").to_owned();
        let number = |name: &str| row[name].as_i64().expect("a number");
        (text("state"), text("balance"), number("net_cents"), number("adjusted_cents"))
    }

    /// Pending and available cents.
    pub fn balances(&self) -> (i64, i64) {
        let kind = |kind: &str| self.uses.world.balance(&self.partner, kind);
        (kind("pending"), kind("available"))
    }

    /// Recomputes the account from its facts: nothing may change.
    pub fn recompute(&self, when: &str) {
        let stored = || self.uses.world.db.look("SELECT * FROM accrual ORDER BY id");
        let before = stored();
        let connection = self.uses.world.db.connection.borrow();
        connection.execute("UPDATE account SET revision = revision + 1, needs_recompute_since_ms = 1", ()).unwrap();
        drop(connection);
        self.uses.world.catch_up(at(when));
        assert_eq!(stored(), before);
        self.is_sound();
    }

    pub fn is_sound(&self) {
        self.uses.is_sound();
        assert_eq!(self.uses.world.faults(), Vec::<String>::new());
    }
}
