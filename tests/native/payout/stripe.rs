//! A model of the parts of Stripe that payouts need, and no more lenient than Stripe: connected accounts, transfers,
//! reversals, a balance, customers' balance transactions, coupons and promotion codes, and idempotency with saved
//! results, refused bodies and keys that are forgotten after a day.

mod writes;

use manicule::codec::outgoing::{IncomingResponse, OutgoingRequest};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const DAY_MS: i64 = 86_400_000;

/// The failure of one call, if a test asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// 429; nothing is done or saved.
    TooMany,
    /// 500, but it was carried out; the 500 is saved.
    FailedDone,
    /// 500, and it was not carried out; the 500 is saved.
    FailedUndone,
    /// 401; nothing is done or saved.
    Locked,
}

#[derive(Clone, Debug)]
pub struct Transfer {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub destination: String,
    pub group: String,
    pub metadata: BTreeMap<String, String>,
    pub created: i64,
    pub reversals: Vec<Reversal>,
}

#[derive(Clone, Debug)]
pub struct Reversal {
    pub id: String,
    pub amount: i64,
    pub metadata: BTreeMap<String, String>,
    pub created: i64,
}

/// A change of a customer's balance.
#[derive(Clone, Debug)]
pub struct Moved {
    pub id: String,
    pub customer: String,
    pub amount: i64,
    pub currency: String,
    pub metadata: BTreeMap<String, String>,
    pub created: i64,
}

pub struct Saved {
    at: i64,
    path: String,
    body: String,
    status: u16,
    answer: Value,
}

#[derive(Default)]
pub struct Stripe {
    /// The platform's balance, in cents.
    pub balance: i64,
    /// The balance of each connected account.
    pub accounts: BTreeMap<String, i64>,
    /// Accounts that can no longer receive transfers.
    pub closed: BTreeSet<String>,
    /// Accounts that are gone, and how Stripe says so: the status and code of every call about one.
    pub gone: BTreeMap<String, (u16, &'static str)>,
    /// The countries and service agreements of accounts, where they are not `US` and `full`.
    pub countries: BTreeMap<String, String>,
    pub agreements: BTreeMap<String, String>,
    /// The operator's own account and its country, where they are not `acct_platform` and `US`.
    pub platform: Option<(String, String)>,
    pub transfers: Vec<Transfer>,
    /// Customers that exist.
    pub customers: BTreeSet<String>,
    pub moved: Vec<Moved>,
    /// Percent off, by id.
    pub coupons: BTreeMap<String, String>,
    /// Promotion codes as they were returned.
    pub promotions: Vec<Value>,
    pub calls: u64,
    pub mishap: Option<Mishap>,
    pub saved: BTreeMap<String, Saved>,
}

impl Transfer {
    pub fn reversed(&self) -> i64 {
        self.reversals.iter().map(|r| r.amount).sum()
    }

    fn view(&self) -> Value {
        json!({
            "object": "transfer", "id": self.id, "amount": self.amount, "currency": self.currency,
            "destination": self.destination, "transfer_group": self.group, "metadata": self.metadata,
            "created": self.created, "amount_reversed": self.reversed(), "reversed": self.reversed() == self.amount,
        })
    }

    fn reversal_view(&self, r: &Reversal) -> Value {
        json!({
            "object": "transfer_reversal", "id": r.id, "amount": r.amount, "currency": self.currency,
            "transfer": self.id, "metadata": r.metadata, "created": r.created,
        })
    }
}

impl Moved {
    fn view(&self) -> Value {
        json!({
            "object": "customer_balance_transaction", "id": self.id, "amount": self.amount, "currency": self.currency,
            "customer": self.customer, "metadata": self.metadata, "created": self.created, "type": "adjustment",
        })
    }
}

type Told = (u16, Value);

impl Stripe {
    pub fn key(request: &OutgoingRequest) -> Option<String> {
        request.headers.iter().find(|(n, _)| *n == "idempotency-key").map(|(_, key)| key.clone())
    }

    /// The amount that arrived at a destination and was not reversed.
    pub fn paid(&self, destination: &str) -> i64 {
        let to = self.transfers.iter().filter(|t| t.destination == destination);
        to.map(|t| t.amount - t.reversed()).sum()
    }

    /// A customer's balance. A negative balance is a credit.
    pub fn owed(&self, customer: &str) -> i64 {
        self.moved.iter().filter(|m| m.customer == customer).map(|m| m.amount).sum()
    }

    fn platform(&self) -> (String, String) {
        self.platform.clone().unwrap_or_else(|| ("acct_platform".to_owned(), "US".to_owned()))
    }

    fn country(&self, account: &str) -> String {
        self.countries.get(account).cloned().unwrap_or_else(|| "US".to_owned())
    }

    /// The refusal of a call about an account that is gone.
    fn refusal(&self, account: &str, what: &str) -> Option<Told> {
        let (status, code) = *self.gone.get(account)?;
        Some(error(status, "invalid_request_error", Some(code), &format!("No such {what}: '{account}'")))
    }

    pub fn answer(&mut self, request: &OutgoingRequest, now_ms: i64) -> IncomingResponse {
        self.calls += 1;
        let (status, body) = self.tell(request, now_ms);
        IncomingResponse { status, headers: Vec::new(), body: body.to_string().into_bytes() }
    }

    fn tell(&mut self, request: &OutgoingRequest, now_ms: i64) -> Told {
        let header = |name: &str| request.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
        assert_eq!(header("stripe-version"), Some("2026-10-28.endive"));
        let mishap = self.mishap.take();
        if mishap == Some(Mishap::Locked) || header("authorization") != Some("Bearer sk_test_model") {
            return error(401, "invalid_request_error", Some("api_key_expired"), "Invalid API Key provided");
        }
        if mishap == Some(Mishap::TooMany) {
            return error(429, "invalid_request_error", Some("rate_limit"), "Too many requests");
        }
        let (path, query) = path_of(&request.url);
        if request.method == "GET" {
            // A failed read is treated as if it had not happened.
            return if mishap.is_some() { fault() } else { self.read(&path, &query) };
        }
        assert_eq!((request.method, header("content-type")), ("POST", Some("application/x-www-form-urlencoded")));
        let body = String::from_utf8(request.body.clone()).expect("a form");
        let key = Stripe::key(request).expect("every POST has a key");
        assert!(key.len() <= 255, "{key}");
        self.saved.retain(|_, saved| now_ms - saved.at < DAY_MS);
        if let Some(saved) = self.saved.get(&key) {
            if (saved.path.as_str(), saved.body.as_str()) != (path.as_str(), body.as_str()) {
                return error(400, "idempotency_error", None, "Keys can only be used with the same parameters");
            }
            return (saved.status, saved.answer.clone());
        }
        let (status, answer, is_saved) = match mishap {
            Some(Mishap::FailedUndone) => (500, fault().1, true),
            _ => self.write(&path, &body, now_ms / 1_000),
        };
        let (status, answer) = if mishap == Some(Mishap::FailedDone) { fault() } else { (status, answer) };
        if is_saved || status == 500 {
            self.saved.insert(key, Saved { at: now_ms, path, body, status, answer: answer.clone() });
        }
        (status, answer)
    }

    fn read(&self, path: &str, query: &str) -> Told {
        let params = form(query);
        let list = |data: Vec<Value>| (200, json!({"object": "list", "has_more": false, "data": data}));
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match parts.as_slice() {
            ["v1", "transfers"] => {
                only(&params, &["transfer_group", "limit"]);
                let group = &params["transfer_group"];
                list(self.transfers.iter().rev().filter(|t| t.group == *group).map(Transfer::view).collect())
            }
            ["v1", "transfers", id, "reversals"] => match self.transfers.iter().find(|t| t.id == *id) {
                Some(t) => list(t.reversals.iter().rev().map(|r| t.reversal_view(r)).collect()),
                None => error(404, "invalid_request_error", Some("resource_missing"), "No such transfer"),
            },
            ["v1", "customers", id, "balance_transactions"] => {
                only(&params, &["limit", "starting_after"]);
                if !self.customers.contains(*id) {
                    return error(404, "invalid_request_error", Some("resource_missing"), "No such customer");
                }
                // Two per page regardless of the requested limit, so that callers have to page.
                let all: Vec<&Moved> = self.moved.iter().rev().filter(|m| m.customer == *id).collect();
                let after = params.get("starting_after").map(|id| all.iter().position(|m| m.id == *id).expect("known"));
                let rest = &all[after.map_or(0, |at| at + 1)..];
                let page: Vec<Value> = rest.iter().take(2).map(|m| m.view()).collect();
                (200, json!({"object": "list", "has_more": rest.len() > 2, "data": page}))
            }
            ["v1", "account"] => {
                let (id, country) = self.platform();
                (200, json!({"object": "account", "id": id, "country": country}))
            }
            ["v1", "accounts", id] => self.refusal(id, "account").unwrap_or_else(|| {
                assert!(self.accounts.contains_key(*id), "{id}");
                let state = if self.closed.contains(*id) { "inactive" } else { "active" };
                let view = json!({
                    "object": "account", "id": id, "country": self.country(id), "default_currency": "usd",
                    "payouts_enabled": true, "capabilities": {"transfers": state}, "requirements": {"currently_due": []},
                });
                (200, view)
            }),
            ["v1", "events" | "subscriptions"] => list(Vec::new()),
            ["v1", "coupons", id] => match self.coupons.get(*id) {
                Some(percent) => (200, coupon(id, percent)),
                None => error(404, "invalid_request_error", Some("resource_missing"), "No such coupon"),
            },
            ["v1", "promotion_codes"] => {
                only(&params, &["code", "limit"]);
                list(self.promotions.iter().filter(|p| p["code"] == params["code"].as_str()).cloned().collect())
            }
            _ => panic!("an unknown read of {path}"),
        }
    }
}

/// A refusal that is not saved.
fn unsaved((status, answer): Told) -> (u16, Value, bool) {
    (status, answer, false)
}

fn coupon(id: &str, percent: &str) -> Value {
    let percent: Value = serde_json::from_str(percent).expect("a number");
    json!({"object": "coupon", "id": id, "percent_off": percent, "duration": "once", "duration_in_months": null, "valid": true})
}

fn fault() -> Told {
    error(500, "api_error", None, "An unknown error occurred")
}

fn error(status: u16, kind: &str, code: Option<&str>, message: &str) -> Told {
    (status, json!({"error": {"type": kind, "code": code, "message": message}}))
}

fn path_of(url: &str) -> (String, String) {
    let rest = url.strip_prefix("https://stripe.model").unwrap_or_else(|| panic!("{url} is not Stripe's"));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    (path.to_owned(), query.to_owned())
}

fn form(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let mut params = BTreeMap::new();
    for pair in pairs {
        let (name, value) = pair.split_once('=').unwrap_or_else(|| panic!("{pair} has no value"));
        assert!(!value.is_empty(), "{name} is sent without a value");
        let name = decoded(name);
        let before = params.insert(name.clone(), decoded(value));
        assert!(before.is_none() || name.ends_with("[]"), "{name} is sent twice");
    }
    params
}

fn decoded(text: &str) -> String {
    manicule::http::exchange::decode_segment(text).unwrap_or_else(|| panic!("{text} is not encoded"))
}

/// Stripe rejects parameters that it does not know.
fn only(params: &BTreeMap<String, String>, known: &[&str]) {
    for name in params.keys() {
        assert!(known.contains(&name.as_str()) || name.starts_with("metadata["), "unknown parameter {name}");
    }
}

fn metadata(params: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let name = |key: &str| Some(key.strip_prefix("metadata[")?.strip_suffix(']')?.to_owned());
    params.iter().filter_map(|(key, value)| Some((name(key)?, value.clone()))).collect()
}
