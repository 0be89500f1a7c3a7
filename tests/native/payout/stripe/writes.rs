//! Writes at the stand-in: transfers, reversals, balance transactions, promotion codes and accounts.

use super::*;

impl Stripe {
    /// Status, body, and whether it is saved. Most validation errors are not saved.
    pub(super) fn write(&mut self, path: &str, body: &str, now: i64) -> (u16, Value, bool) {
        let params = form(body);
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match parts.as_slice() {
            ["v1", "transfers"] => self.transfer(&params, now),
            ["v1", "transfers", id, "reversals"] => self.reversal(id, &params, now),
            ["v1", "customers", id, "balance_transactions"] => self.balance_transaction(id, &params, now),
            ["v1", "coupons"] => {
                only(&params, &["id", "percent_off", "duration"]);
                assert_eq!(params["duration"], "once");
                if self.coupons.contains_key(&params["id"]) {
                    let code = Some("resource_already_exists");
                    return unsaved(error(400, "invalid_request_error", code, "Coupon already exists."));
                }
                self.coupons.insert(params["id"].clone(), params["percent_off"].clone());
                (200, coupon(&params["id"], &params["percent_off"]), true)
            }
            ["v1", "promotion_codes"] => self.promotion_code(&params),
            ["v1", "accounts"] => {
                let type_ = params.get("controller[stripe_dashboard][type]").map(String::as_str);
                assert_eq!((type_, params.get("type")), (Some("express"), None));
                let id = format!("acct_{}", self.accounts.len() + 1);
                self.accounts.insert(id.clone(), 0);
                if let Some(country) = params.get("country") {
                    self.countries.insert(id.clone(), country.clone());
                }
                if let Some(agreement) = params.get("tos_acceptance[service_agreement]") {
                    self.agreements.insert(id.clone(), agreement.clone());
                }
                let view = json!({
                    "object": "account", "id": id, "created": now, "country": params.get("country").map_or("US", String::as_str),
                    "default_currency": "usd", "payouts_enabled": false, "capabilities": {"transfers": "inactive"},
                    "requirements": {"currently_due": ["external_account"], "disabled_reason": "requirements.past_due"},
                    "metadata": metadata(&params),
                });
                (200, view, true)
            }
            ["v1", "account_links"] => {
                only(&params, &["account", "type", "refresh_url", "return_url"]);
                if let Some(refusal) = self.refusal(&params["account"], "account") {
                    return unsaved(refusal);
                }
                assert!(self.accounts.contains_key(&params["account"]) && params["type"] == "account_onboarding");
                let url = format!("https://connect.stripe.example/{}", self.calls);
                (200, json!({"object": "account_link", "url": url, "created": now, "expires_at": now + 300}), true)
            }
            ["v1", "accounts", id, "login_links"] => {
                if let Some(refusal) = self.refusal(id, "account") {
                    return unsaved(refusal);
                }
                assert!(self.accounts.contains_key(*id) && params.is_empty());
                (200, json!({"object": "login_link", "url": format!("https://express.stripe.example/{id}")}), true)
            }
            _ => panic!("an unknown write to {path}"),
        }
    }

    pub(super) fn transfer(&mut self, params: &BTreeMap<String, String>, now: i64) -> (u16, Value, bool) {
        only(params, &["amount", "currency", "destination", "transfer_group", "description"]);
        let amount: i64 = params["amount"].parse().expect("an integer");
        if let Some(refusal) = not_whole(amount, &params["currency"]) {
            return unsaved(refusal);
        }
        let destination = params["destination"].clone();
        if let Some(refusal) = self.refusal(&destination, "destination") {
            return unsaved(refusal);
        }
        let (home, there) = (self.platform().1, self.country(&destination));
        if !is_paid_from(&home, &there) || self.agreements.get(&destination).is_some_and(|a| a == "recipient") {
            let message = "Funds can't be sent to accounts located outside of your platform's region";
            return unsaved(error(400, "invalid_request_error", Some("transfers_not_allowed"), message));
        }
        if self.closed.contains(&destination) || !self.accounts.contains_key(&destination) {
            return unsaved(error(
                400,
                "invalid_request_error",
                Some("insufficient_capabilities_for_transfer"),
                "The destination cannot be transferred to",
            ));
        }
        if amount > self.balance {
            let (status, answer) =
                error(400, "invalid_request_error", Some("balance_insufficient"), "Insufficient funds");
            return (status, answer, true);
        }
        self.balance -= amount;
        *self.accounts.entry(destination.clone()).or_default() += amount;
        let made = Transfer {
            id: format!("tr_{}", self.transfers.len() + 1),
            amount,
            currency: params["currency"].clone(),
            destination,
            group: params["transfer_group"].clone(),
            metadata: metadata(params),
            created: now,
            reversals: Vec::new(),
        };
        self.transfers.push(made.clone());
        (200, made.view(), true)
    }

    pub(super) fn reversal(&mut self, id: &str, params: &BTreeMap<String, String>, now: i64) -> (u16, Value, bool) {
        only(params, &["amount"]);
        let count: usize = self.transfers.iter().map(|t| t.reversals.len()).sum();
        let Some(t) = self.transfers.iter_mut().find(|t| t.id == id) else {
            return unsaved(error(404, "invalid_request_error", Some("resource_missing"), "No such transfer"));
        };
        let amount: i64 = params["amount"].parse().expect("an integer");
        if let Some(refusal) = not_whole(amount, &t.currency) {
            return unsaved(refusal);
        }
        if amount > t.amount - t.reversed() {
            return unsaved(error(400, "invalid_request_error", None, "More than is left of it"));
        }
        let has = self.accounts.entry(t.destination.clone()).or_default();
        if amount > *has {
            let (status, answer) =
                error(400, "invalid_request_error", Some("balance_insufficient"), "The account has too little");
            return (status, answer, true);
        }
        *has -= amount;
        self.balance += amount;
        let made = Reversal { id: format!("trr_{}", count + 1), amount, metadata: metadata(params), created: now };
        t.reversals.push(made.clone());
        (200, t.reversal_view(&made), true)
    }

    pub(super) fn balance_transaction(
        &mut self,
        id: &str,
        params: &BTreeMap<String, String>,
        now: i64,
    ) -> (u16, Value, bool) {
        only(params, &["amount", "currency", "description"]);
        let amount: i64 = params["amount"].parse().expect("an integer");
        assert_ne!(amount, 0);
        if let Some(refusal) = not_whole(amount, &params["currency"]) {
            return unsaved(refusal);
        }
        if !self.customers.contains(id) {
            return unsaved(error(404, "invalid_request_error", Some("resource_missing"), "No such customer"));
        }
        let made = Moved {
            id: format!("cbtxn_{}", self.moved.len() + 1),
            customer: (id).to_owned(),
            amount,
            currency: params["currency"].clone(),
            metadata: metadata(params),
            created: now,
        };
        self.moved.push(made.clone());
        (200, made.view(), true)
    }

    pub(super) fn promotion_code(&mut self, params: &BTreeMap<String, String>) -> (u16, Value, bool) {
        let known = ["promotion[type]", "promotion[coupon]", "code", "max_redemptions"];
        let first = "restrictions[first_time_transaction]";
        only(params, &[known.as_slice(), &[first]].concat());
        assert_eq!((params["max_redemptions"].as_str(), params[first].as_str()), ("1", "true"));
        assert!(self.coupons.contains_key(&params["promotion[coupon]"]), "the coupon goes first");
        if self.promotions.iter().any(|p| p["code"] == params["code"].as_str()) {
            return unsaved(error(400, "invalid_request_error", None, "An active promotion code exists"));
        }
        let made = json!({
            "object": "promotion_code", "id": format!("promo_{}", self.promotions.len() + 1), "code": params["code"],
            "active": true, "metadata": metadata(params), "max_redemptions": 1,
        });
        self.promotions.push(made.clone());
        (200, made, true)
    }
}

/// Stripe's refusal of amounts that it can't move: thousandths end in 0, and the króna and Uganda's shilling have no
/// hundredths.
fn not_whole(amount: i64, currency: &str) -> Option<Told> {
    let step = match currency {
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => 10,
        "isk" | "ugx" => 100,
        _ => 1,
    };
    let message = format!("Invalid {currency} amount: must be a multiple of {step}");
    (amount % step != 0).then(|| error(400, "invalid_request_error", Some("parameter_invalid_integer"), &message))
}

/// Stripe's rule, as its page on cross-border payouts has it.
fn is_paid_from(platform: &str, account: &str) -> bool {
    let region =
        "US GB CA CH AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO";
    let is_inside = |country: &str| region.split(' ').any(|inside| inside == country);
    platform == account || (is_inside(platform) && is_inside(account))
}
