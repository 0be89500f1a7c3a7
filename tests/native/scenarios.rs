//! Scenario scripts: `tests/scenarios/<program>/<name>.txt` are run through the real services, and the state after each
//! run is compared with the reviewed transcript in `tests/transcripts/scenarios/`. `UPDATE_TRANSCRIPTS=1` rewrites the
//! transcripts.
//!
//! A script has one sentence per line. `#` begins a comment. `partner ada`, `partner ada is agency`, `partner ada at
//! ada@ada.example` and `link blog of ada is content` come first. A date on its own line begins a day. Events happen at
//! noon unless their line begins with a time (`23:59:59.999`). Runs are at their scheduled hour. Then:
//!
//!     acme signs up [as boss@acme.example] [with the code of ada | after a click of ada on 2026-01-02]
//!     acme mentions the code of ada
//!     acme pays 500.00 as in_1 [for 3 months]       acme gets 100.00 of in_1 back
//!     acme disputes 500.00 of in_1                  acme wins | loses the dispute of 500.00 of in_1
//!     acme starts sub_1 worth 5000.00 a year        acme ends sub_1
//!     acme cancels                                  acme has 6 people and 1000 calls
//!     acme views chair        acme confirms the newsletter        acme asks for a quote        acme buys p1 for 100.00
//!     ada invites acme.example
//!     operator puts 100.00 into the budget            operator releases | rejects acme for same_domain
//!     monthly run             weekly run            books
//!     expect ada 100.00 pending 0.00 available [0.00 payable]
//!
//! A transcript repeats the script. After a run, and at each `books`, it lists every partner's balances and every
//! accrual that has changed since: account, rule, source, net cents, state and reason.

use crate::golden::PLANS;
use crate::golden::case::{Click, Decision, Dispute, Happening, Invoice, Partner, Refund, Step, Subscription, Usage};
use crate::golden::story::Stage;
#[allow(dead_code, reason = "cases as data use what scripts do not")]
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

struct Play {
    program: String,
    stage: Stage,
    partners: Vec<Partner>,
    started: bool,
    day: String,
    shown: BTreeMap<String, String>,
    out: String,
}

fn play(program: &str, script: &str, statements_max: u64, imported: bool) -> Result<String, String> {
    let stage = Stage::empty(statements_max);
    let stage = if imported { stage.imported() } else { stage };
    let mut play = Play {
        program: program.to_owned(),
        stage,
        partners: Vec::new(),
        started: false,
        day: String::new(),
        shown: BTreeMap::new(),
        out: String::new(),
    };
    for (number, line) in script.lines().enumerate() {
        play.out.push_str(line);
        play.out.push('\n');
        let said = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = said.split_whitespace().collect();
        play.line(&words).map_err(|what| format!("line {}: {line}: {what}", number + 1))?;
    }
    let faults = play.stage.world.faults();
    if faults.is_empty() { Ok(play.out) } else { Err(format!("the ledger finds {faults:?}")) }
}

impl Play {
    fn line(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            [] => Ok(()),
            ["partner", name, rest @ ..] => self.partner(name, rest),
            ["link", name, "of", partner, "is", source] => {
                let found = self.partners.iter_mut().find(|p| p.name == *partner).ok_or("no such partner")?;
                found.links.insert((*name).to_owned(), (*source).to_owned());
                Ok(())
            }
            [day] if day.len() == 10 && day.as_bytes()[4] == b'-' => {
                if !self.started {
                    self.started = true;
                    for partner in std::mem::take(&mut self.partners) {
                        self.stage.enrol(&partner);
                        self.partners.push(partner);
                    }
                }
                self.day = (*day).to_owned();
                Ok(())
            }
            ["books"] => {
                self.show();
                Ok(())
            }
            ["expect", partner, rest @ ..] => self.expect(partner, rest),
            [time, rest @ ..] if time.contains(':') => self.happens(time, rest),
            ["monthly", "run"] => self.run("monthly", "06:00:00"),
            ["weekly", "run"] => self.run("weekly", "09:00:00"),
            words => self.happens("12:00:00", words),
        }
    }

    fn partner(&mut self, name: &str, rest: &[&str]) -> Result<(), String> {
        let mut partner = Partner { name: name.to_owned(), program: self.program.clone(), ..Partner::default() };
        match rest {
            [] => {}
            ["is", kind] => partner.kind = Some((*kind).to_owned()),
            ["at", email] => partner.email = Some((*email).to_owned()),
            other => return Err(format!("{other:?} says nothing about a partner")),
        }
        self.partners.push(partner);
        Ok(())
    }

    fn run(&mut self, cadence: &str, time: &str) -> Result<(), String> {
        let step = Step { when: Some(self.at(time)), run: Some(cadence.to_owned()), ..Step::default() };
        self.stage.play(&step);
        self.show();
        Ok(())
    }

    fn at(&self, time: &str) -> String {
        format!("{}T{time}{}Z", self.day, if time.len() == 5 { ":00" } else { "" })
    }

    fn happens(&mut self, time: &str, words: &[&str]) -> Result<(), String> {
        let mut step = sentence(words).ok_or("not a sentence of the language")??;
        step.when = Some(self.at(time));
        self.stage.play(&step);
        Ok(())
    }

    fn expect(&mut self, partner: &str, rest: &[&str]) -> Result<(), String> {
        self.stage.import();
        for pair in rest.chunks(2) {
            let [amount, what] = pair else { return Err("an amount and what it is".to_owned()) };
            let is = match *what {
                "payable" => self.payable(partner),
                kind => self.stage.world.balance(&self.stage.partner(partner).0, kind),
            };
            if is != cents(amount)? {
                return Err(format!("{} {what}", print(is)));
            }
        }
        Ok(())
    }

    fn payable(&self, partner: &str) -> i64 {
        let id = &self.stage.partner(partner).0;
        let rows = self.stage.world.db.look(&format!(
            "SELECT p.payable_cents AS cents FROM run_partner p JOIN run r ON r.id = p.run_id
             WHERE p.partner_id = '{id}' ORDER BY r.as_of_ms DESC LIMIT 1"
        ));
        rows.first().and_then(|row| row["cents"].as_i64()).unwrap_or_default()
    }

    /// Prints balances, and the accruals that changed since they were last printed.
    fn show(&mut self) {
        self.stage.import();
        let world = &self.stage.world;
        for partner in &self.partners {
            let balance = |kind| print(world.balance(&self.stage.partner(&partner.name).0, kind));
            let (pending, available) = (balance("pending"), balance("available"));
            let payable = print(self.payable(&partner.name));
            self.out.push_str(&format!(
                "    | {}: pending {pending}, available {available}, payable {payable}\n",
                partner.name
            ));
        }
        let rows = world.db.look(
            "SELECT id, account_id, reward_id, source, net_cents, gross_cents, state, reason FROM accrual
             ORDER BY at_ms, account_id, source, reward_id, id",
        );
        for row in rows {
            let id = text(&row, "id");
            let net = row["net_cents"].as_i64().unwrap_or_default();
            let earned = row["gross_cents"].as_i64().unwrap_or_default();
            let of = if net == earned { String::new() } else { format!(" of {}", print(earned)) };
            let [account, rule, source] = ["account_id", "reward_id", "source"].map(|key| text(&row, key));
            let [state, reason] = ["state", "reason"].map(|key| text(&row, key));
            let line = format!("{account} {rule} {source} {}{of} {state}: {reason}", print(net));
            if self.shown.get(&id) != Some(&line) {
                self.out.push_str(&format!("    |   {line}\n"));
                self.shown.insert(id, line);
            }
        }
    }
}

fn text(row: &Map<String, Value>, key: &str) -> String {
    row[key].as_str().unwrap_or_default().to_owned()
}

fn owned(word: &str) -> Option<String> {
    Some(word.to_owned())
}

/// The meaning of a sentence, or `None` if it has none.
fn sentence(words: &[&str]) -> Option<Result<Step, String>> {
    let step = match words {
        ["operator", "puts", amount, "into", "the", "budget"] => {
            return Some(cents(amount).map(|c| Step { funds_pool_cents: Some(c), ..Step::default() }));
        }
        ["operator", choice @ ("releases" | "rejects"), account, "for", rule] => Step {
            account: owned(account),
            reviewed: Some(Decision { release: *choice == "releases", rule: (*rule).to_owned() }),
            ..Step::default()
        },
        [agency, "invites", domain] => {
            let data = json!({"domain": domain}).as_object().cloned().unwrap_or_default();
            let event = Happening { kind: "workspace.invited".to_owned(), data, agency: owned(agency), cents: None };
            Step { event: Some(event), ..Step::default() }
        }
        [account, "signs", "up", rest @ ..] => return Some(sign_up(account, rest)),
        [account, "mentions", "the", "code", "of", partner] => {
            Step { account: owned(account), is_active: true, typed_code_of: owned(partner), ..Step::default() }
        }
        [account, "cancels"] => Step { account: owned(account), cancels: true, ..Step::default() },
        [account, "ends", id] => Step { account: owned(account), cancels_subscription: owned(id), ..Step::default() },
        [account, "has", team, "people", "and", calls, "calls"] => {
            let uses = Usage { team: team.parse().ok(), api_calls: calls.parse().ok() };
            Step { account: owned(account), uses: Some(uses), ..Step::default() }
        }
        [account, "views", id] => named(account, "listing.viewed", json!({"listing_id": id}), None),
        [account, "confirms", "the", "newsletter"] => named(account, "newsletter.confirmed", json!({}), None),
        [account, "asks", "for", "a", "quote"] => named(account, "rfq.submitted", json!({}), None),
        _ => return money(words),
    };
    Some(Ok(step))
}

fn named(account: &str, kind: &str, data: Value, cents: Option<i64>) -> Step {
    let data = data.as_object().cloned().unwrap_or_default();
    let event = Happening { kind: kind.to_owned(), data, agency: None, cents };
    Step { account: owned(account), event: Some(event), ..Step::default() }
}

fn sign_up(account: &str, rest: &[&str]) -> Result<Step, String> {
    let mut step = Step { account: owned(account), signs_up: true, ..Step::default() };
    let mut rest = rest;
    loop {
        rest = match rest {
            [] => return Ok(step),
            ["as", email, more @ ..] => {
                step.email = owned(email);
                more
            }
            ["with", "the", "code", "of", partner, more @ ..] => {
                step.typed_code_of = owned(partner);
                more
            }
            ["after", "a", "click", "of", partner, "on", day, more @ ..] => {
                step.clicked.push(Click { link_of: (*partner).to_owned(), when: format!("{day}T12:00:00Z") });
                more
            }
            other => return Err(format!("{other:?} says nothing about a sign-up")),
        }
    }
}

fn money(words: &[&str]) -> Option<Result<Step, String>> {
    let (account, amount) = match words {
        [a, "pays" | "gets" | "disputes", amount, ..] => (a, amount),
        [a, "buys", _, "for", amount] | [a, "wins" | "loses", "the", "dispute", "of", amount, "of", _] => (a, amount),
        [a, "starts", _, "worth", amount, "a", "year"] => (a, amount),
        _ => return None,
    };
    let cents = match cents(amount) {
        Ok(cents) => cents,
        Err(what) => return Some(Err(what)),
    };
    let step = Step { account: owned(account), ..Step::default() };
    let dispute = |news: &str, invoice: &str| Dispute { news: news.to_owned(), invoice: invoice.to_owned(), cents };
    Some(Ok(match words {
        [_, "pays", _, "as", id, rest @ ..] => {
            let months = rest.get(1).and_then(|m| m.parse().ok());
            let pays = Invoice { invoice: (*id).to_owned(), cents, months, ..Invoice::default() };
            Step { pays: Some(pays), ..step }
        }
        [_, "gets", _, "of", id, "back"] => {
            let refund = Refund { refund: format!("refund-of-{id}"), invoice: (*id).to_owned(), cents };
            Step { is_refunded: Some(refund), ..step }
        }
        [_, "disputes", _, "of", id] => Step { dispute: Some(dispute("opened", id)), ..step },
        [_, "wins", .., id] => Step { dispute: Some(dispute("won", id)), ..step },
        [_, "loses", .., id] => Step { dispute: Some(dispute("lost", id)), ..step },
        [_, "starts", id, ..] => {
            let starts =
                Subscription { subscription: (*id).to_owned(), annual_cents: Some(cents), monthly_cents: None };
            Step { starts: Some(starts), ..step }
        }
        [_, "buys", id, ..] => named(account, "purchase.completed", json!({"purchase_id": id}), Some(cents)),
        _ => return None,
    }))
}

/// Parses `500.00` into cents.
fn cents(amount: &str) -> Result<i64, String> {
    let number = |text: &str| text.parse::<i64>().map_err(|_| format!("{amount} is no amount such as 500.00"));
    let (whole, part) = amount.split_once('.').filter(|(_, part)| part.len() == 2).ok_or("an amount has cents")?;
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    Ok(number(whole)? * 100 + sign * number(part)?)
}

fn print(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    found.sort();
    found
}

#[test]
fn scripts_match_their_transcripts() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let update = std::env::var_os("UPDATE_TRANSCRIPTS").is_some();
    let mut found = Vec::new();
    for folder in files(&tests.join("scenarios")) {
        let program = folder.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        for path in files(&folder) {
            let script = std::fs::read_to_string(&path).expect("a script");
            let transcript = tests.join("transcripts/scenarios").join(&program).join(path.file_name().expect("a name"));
            // Both of Cloudflare's plans give the same ledger, accrual by accrual.
            let [few, many] = PLANS.map(|statements_max| play(&program, &script, statements_max, false));
            let imported = play(&program, &script, PLANS[1], true);
            if imported != many {
                found.push(format!("{}: other books if imported: {imported:?}", path.display()));
            }
            if few != many {
                found.push(format!("{}: with few statements an invocation other books than with many", path.display()));
            }
            match many {
                Err(what) => found.push(format!("{}: {what}", path.display())),
                Ok(played) if update => {
                    std::fs::create_dir_all(transcript.parent().expect("a folder")).expect("a folder");
                    std::fs::write(&transcript, played).expect("a transcript");
                }
                Ok(played) if std::fs::read_to_string(&transcript).unwrap_or_default() == played => {}
                Ok(_) => found.push(format!(
                    "{}: not as its transcript says; UPDATE_TRANSCRIPTS=1 writes it, git diff shows what changed",
                    path.display()
                )),
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
