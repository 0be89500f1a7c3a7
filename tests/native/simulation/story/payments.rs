//! What an account pays, when it leaves, and what is refunded or disputed.

use super::*;

impl Story<'_> {
    /// Pays month by month with everything that can go wrong, leaves, and sometimes comes back.
    pub(super) fn pay_and_leave(&mut self, sign_up: i64) {
        let first = self.first_payment_at(sign_up);
        let is_long = self.options.is_long && self.rng.percent(60);
        let months = match (is_long, self.grows) {
            (true, _) => self.rng.within(12, 15),
            (false, true) => self.rng.within(8, 10),
            (false, false) => self.rng.within(1, 5),
        };
        let small = if self.grows { self.rng.within(1, 4) } else { 0 };
        let mut told = self.months(first, months, small);
        let is_late = first >= sign_up + LATE;
        let leaves = self.rng.percent(if is_late { 70 } else { 35 });
        if leaves {
            let at = self.leaving_at(sign_up, first);
            self.leave(at, sign_up, 1);
            if self.rng.percent(30) {
                told.extend(self.late_invoice(at));
            }
            if self.rng.percent(50) {
                let back = at.max(first) + self.rng.pick(&[0, 1, HOUR, 6 * DAY, 31 * DAY, 320 * DAY]);
                let months = self.rng.within(1, 4);
                told.extend(self.months(back, months, 0));
                if self.rng.percent(30) {
                    let again = back + 60 * DAY + self.rng.pick(&[-1, 0, 1, -40 * DAY]);
                    self.leave(again, sign_up, 2);
                }
            }
        }
        if self.rng.percent(10) {
            self.subscription_that_never_ran(first);
        }
        for invoice in told {
            self.trouble(&invoice);
        }
    }

    /// The last open invoice of a subscription that ended, paid when it ended or later.
    fn late_invoice(&mut self, left: i64) -> Option<IssuedInvoice> {
        let ended = self.events.iter().rfind(|e| e.kind == "subscription.cancelled" && e.at <= left)?;
        let id = ended.data("subscription_id").to_owned();
        let at = left + self.rng.pick(&[0, 1, 3 * DAY, 40 * DAY]);
        let cents = self.some_cents();
        let invoice = self.invoice(at, cents);
        self.events.last_mut()?.body["data"]["subscription_id"] = json!(id);
        Some(invoice)
    }

    fn subscription_that_never_ran(&mut self, first: i64) {
        let at = first + self.rng.pick(&[-DAY, 0, DAY, 20 * DAY]);
        let id = format!("sub_{}_never", self.account);
        self.event("subscription.cancelled", at, json!({"data": {"subscription_id": id}}));
    }

    /// Often chosen so that a span ends at a run.
    pub(super) fn first_payment_at(&mut self, sign_up: i64) -> i64 {
        match self.rng.next() % 9 {
            4 | 5 => sign_up + self.rng.pick(&[LATE, 90 * DAY, 95 * DAY]),
            0 => self.rng.pick(&firsts(sign_up + 60 * DAY, sign_up + 100 * DAY)) - 60 * DAY + self.rng.pick(&EDGES),
            1 => self.rng.pick(&mondays(sign_up + 30 * DAY, sign_up + 45 * DAY)) - 30 * DAY + self.rng.pick(&EDGES),
            2 => self.rng.pick(&firsts(sign_up, sign_up + 32 * DAY)),
            3 => sign_up + self.rng.pick(&[-1, 0, 1, -HOUR, -DAY, -DAY - 1]),
            _ => sign_up + self.rng.within(0, 12 * DAY),
        }
    }

    /// This many months, of which the first few may be `small` before the account grows. Then all amounts are near a
    /// threshold that a program may have.
    pub(super) fn months(&mut self, first: i64, months: i64, small: i64) -> Vec<IssuedInvoice> {
        let mut told = Vec::new();
        if self.has_subscription {
            for part in 0..self.rng.within(1, 3) {
                let id = format!("sub_{}_{first}_{part}", self.account);
                let mut data = json!({"subscription_id": id, "monthly_cents": self.rng.pick(&[900, 600_000])});
                if self.rng.percent(50) {
                    data["annual_value_cents"] = json!(self.rng.pick(&[499_999, 500_000, 3_000_000, 5_000_000]));
                }
                if self.rng.percent(20) {
                    data["currency"] = json!(self.rng.pick(&["usd", "USD", "eur", "krw"]));
                }
                let at = first - self.rng.pick(&[0, 0, HOUR]);
                self.event("subscription.started", at, json!({"data": data}));
            }
        }
        let large = self.rng.pick(&[[50_001, 90_000], [1_333_334, 2_500_000]]);
        for month in 0..months {
            let mut at = plus_months(first, month);
            if month == 12 {
                at += self.rng.pick(&[-1, -1, 0, 1]);
            }
            let cents = match month {
                _ if small == 0 => self.some_cents(),
                _ if month < small => self.rng.pick(&[900, 49_999, 50_000]),
                _ => self.rng.pick(&large),
            };
            told.push(self.invoice(at, cents));
        }
        if self.rng.percent(15) {
            let at = first + self.rng.within(1, 29 * DAY);
            let cents = self.some_cents();
            told.push(self.invoice(at, cents));
        }
        told
    }

    pub fn some_cents(&mut self) -> i64 {
        match self.rng.next() % 14 {
            0 => 0,
            1 => self.rng.within(1, 12),
            2 | 3 => 50_000,
            4 => 2_320,
            5 => 50_001,
            6 => self.rng.pick(&[1_333_333, 1_333_334, 2_500_000, 2_500_001, 6_666_667]),
            7 => self.rng.within(300_000, 3_000_000),
            _ => self.rng.within(100, 190_000),
        }
    }

    pub fn invoice(&mut self, at: i64, cents: i64) -> IssuedInvoice {
        let id = format!("in_{}_{}", self.account, self.events.len());
        let currency = if self.rng.percent(3) { "eur" } else { "usd" };
        let mut data = json!({"invoice_id": id});
        if self.rng.percent(50) {
            let started = self.events.iter().rfind(|e| e.kind == "subscription.started" && e.at <= at);
            if let Some(event) = started {
                data["subscription_id"] = json!(event.data("subscription_id"));
            }
        }
        if self.rng.percent(20) {
            data["months"] = json!(self.rng.pick(&[1, 3, 12]));
        }
        if cents > 0 && self.rng.percent(30) {
            data["discount_cents"] = json!(cents / 4);
        }
        let rest = json!({"amount": {"cents": cents, "currency": currency}, "data": data});
        self.event("invoice.paid", at, rest.clone());
        if self.rng.percent(8) {
            self.same_invoice_again(at, &rest);
        }
        IssuedInvoice { id, at, cents, currency }
    }

    /// The same invoice with another event id: unchanged, with other content, or for another account.
    pub(super) fn same_invoice_again(&mut self, at: i64, rest: &Value) {
        let mut again = rest.clone();
        let when = at + self.rng.pick(&[-HOUR, -1, 0, 1, 2 * DAY]);
        match self.rng.next() % 3 {
            0 => {}
            1 => again["amount"]["cents"] = json!(self.rng.within(0, 60_000)),
            _ => {
                again["account"] = json!({"id": "acct_0"});
            }
        }
        let index = self.event("invoice.paid", when, again);
        let account = self.events[index].body["account"]["id"].as_str().expect("an id").to_owned();
        self.events[index].account = account;
    }

    pub(super) fn leaving_at(&mut self, sign_up: i64, first: i64) -> i64 {
        if first >= sign_up + LATE && self.rng.percent(75) {
            return first + self.rng.pick(&SOON);
        }
        let at = match self.rng.next() % 8 {
            0 => sign_up + self.rng.pick(&[7, 14, 30, 90]) * DAY + self.rng.pick(&EDGES),
            1 | 2 => first + 60 * DAY + self.rng.pick(&EDGES),
            4 => first + 30 * DAY + self.rng.pick(&EDGES),
            5 => sign_up + 90 * DAY + self.rng.pick(&EDGES),
            3 => plus_months(first, 1),
            _ => first + self.rng.within(1, 100 * DAY),
        };
        at.max(sign_up + 1)
    }

    /// Cancels the account, or its subscriptions one after the other: the last one decides.
    pub(super) fn leave(&mut self, at: i64, sign_up: i64, time: usize) {
        let started = self.events.iter().filter(|e| e.kind == "subscription.started" && e.at <= at);
        let mut open: Vec<String> = started.map(|e| e.data("subscription_id").to_owned()).collect();
        let ended = |id: &String| {
            self.events.iter().any(|e| e.kind == "subscription.cancelled" && e.data("subscription_id") == id)
        };
        open.retain(|id| !ended(id));
        if open.is_empty() || time > 1 && self.rng.percent(20) {
            self.event("account.cancelled", at, json!({}));
            return;
        }
        for (index, id) in open.iter().rev().enumerate() {
            let before = (index as i64) * self.rng.pick(&[0, HOUR]);
            self.event(
                "subscription.cancelled",
                (at - before).max(sign_up + 1),
                json!({"data": {"subscription_id": id}}),
            );
        }
    }

    /// Refunds and disputes of an invoice.
    pub fn trouble(&mut self, invoice: &IssuedInvoice) {
        if invoice.cents > 0 && self.rng.percent(22) {
            self.refunds(invoice);
        }
        if invoice.cents > 0 && self.rng.percent(14) {
            self.dispute(invoice);
        }
    }

    pub(super) fn refunds(&mut self, invoice: &IssuedInvoice) {
        let count = self.rng.within(1, 4);
        for number in 0..count {
            let cents = match self.rng.next() % 4 {
                0 => invoice.cents,
                1 => invoice.cents * 2,
                _ => self.rng.within(1, invoice.cents + 1),
            };
            let id = format!("re_{}_{number}", invoice.id);
            let at = invoice.at + self.rng.pick(&[1, HOUR, 10 * DAY, 59 * DAY, 75 * DAY]) + number;
            let rest = json!({"amount": {"cents": cents, "currency": invoice.currency},
                "data": {"refund_id": id, "invoice_id": invoice.id}});
            self.event("invoice.refunded", at, rest.clone());
            if self.rng.percent(25) {
                let again = at + self.rng.pick(&[0, MINUTE, DAY]);
                self.event("invoice.refunded", again, rest);
            }
        }
    }

    pub(super) fn dispute(&mut self, invoice: &IssuedInvoice) {
        let cents = self.rng.pick(&[invoice.cents, (invoice.cents / 3).max(1)]);
        let rest = json!({"amount": {"cents": cents, "currency": invoice.currency},
            "data": {"dispute_id": format!("dp_{}", invoice.id), "invoice_id": invoice.id}});
        let mut at = invoice.at + self.rng.pick(&[1, DAY, 30 * DAY, 58 * DAY, 70 * DAY]);
        if self.rng.percent(85) {
            self.event("dispute.opened", at, rest.clone());
        }
        for _ in 0..self.rng.pick(&[0, 1, 1, 1, 2]) {
            at += self.rng.pick(&[1, 5 * DAY, 20 * DAY]);
            let end = self.rng.pick(&["dispute.won", "dispute.lost"]);
            self.event(end, at, rest.clone());
        }
    }
}
