//! A world for services: SQLite, seeded randomness, a chosen instant. Futures are ready immediately, so they run in
//! place.

use super::sqlite::Sqlite;
use manicule::base::ids::{PreviewId, RunId};
use manicule::base::money::Cents;
use manicule::base::time::UtcMillis;
use manicule::codec::message::email::Mail;
use manicule::codec::operator::{DryRunRequest, NewLink, NewPartner};
use manicule::codec::outgoing::{IncomingResponse, OutgoingRequest, RequestFailed};
use manicule::engine::account::fact::VerifiedCredential;
use manicule::engine::attribution::touch::TouchHistory;
use manicule::engine::event::Event;
use manicule::program::document::Cadence;
use manicule::service::account::recompute;
use manicule::service::context::{Context, Ports};
use manicule::service::error::AppError;
use manicule::service::event::conversion;
use manicule::service::event::conversion::{Incoming, IngestOutcome};
use manicule::service::event::import;
use manicule::service::event::import::Outcomes;
use manicule::service::ledger::budget;
use manicule::service::partner::enroll;
use manicule::service::preview;
use manicule::service::program::{Refusal, dry_run};
use manicule::service::review;
use manicule::service::review::ReviewDecision;
use manicule::service::settlement::preview::RunPreview;
use manicule::service::settlement::settle;
use manicule::service::settlement::settle::Due;
use manicule::service::setup::{STATEMENTS_FREE, STATEMENTS_PAID, Setup};
use manicule::store::settlement::operator_runs::run_latest;
use manicule::store::settlement::run::RunRow;
use serde_json::Value;
use std::cell::{Cell, RefCell};

pub struct World {
    pub db: Sqlite,
    /// State of the seeded generator.
    pub seed: Cell<u64>,
    pub setup: Setup,
    /// Answers requests to other services. By default none is answered.
    pub service: RefCell<Service>,
    /// Accepts or refuses emails. By default it accepts them.
    pub mailer: RefCell<Mailer>,
    /// Statements that an invocation may send: as many as on Cloudflare's paid plan, unless a test changes it.
    pub statements_max: Cell<Option<u64>>,
    /// The current time: the instant of the latest context, unless a test changes it.
    pub clock: Cell<UtcMillis>,
}

/// Maximum number of sweeps until a run is done, however few statements each of them has.
const SWEEPS_MAX: u32 = 200;

/// Answers a request to another service, or does not.
pub type Service = Box<dyn FnMut(OutgoingRequest) -> Result<IncomingResponse, RequestFailed>>;

/// Accepts an email that is handed to the runtime, or does not.
pub type Mailer = Box<dyn FnMut(&Mail) -> Result<(), RequestFailed>>;

impl Ports for World {
    type Db = Sqlite;

    fn db(&self) -> &Sqlite {
        &self.db
    }

    async fn send(&self, request: OutgoingRequest) -> Result<IncomingResponse, RequestFailed> {
        (self.service.borrow_mut())(request)
    }

    async fn mail(&self, mail: &Mail) -> Result<(), RequestFailed> {
        (self.mailer.borrow_mut())(mail)
    }

    fn clock(&self) -> UtcMillis {
        self.clock.get()
    }

    fn random(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = (self.next() >> 32) as u8;
        }
    }

    async fn pause(&self, _: u32) {}
}

impl World {
    /// An empty world with the presets installed.
    pub fn new(seed: u64) -> World {
        let world = World::on(Sqlite::new(), seed);
        for (id, text) in manicule::program::catalog::PRESETS {
            let ctx = world.at(at("2020-01-01T00:00:00Z"));
            let saved = now(manicule::service::program::save(&ctx, &(*id).into(), text));
            assert!(matches!(saved, Ok((201, _))), "{id} is saved");
        }
        world
    }

    /// A world on a database that already has its programs.
    pub fn on(db: Sqlite, seed: u64) -> World {
        World {
            db,
            seed: Cell::new(seed),
            setup: Setup::default(),
            service: RefCell::new(Box::new(|_| Err(RequestFailed("no service is set up".to_owned())))),
            mailer: RefCell::new(Box::new(|_| Ok(()))),
            statements_max: Cell::new(Some(STATEMENTS_PAID)),
            clock: Cell::new(UtcMillis(0)),
        }
    }

    /// Starts a new invocation.
    pub fn at(&self, now: UtcMillis) -> Context<'_, World> {
        self.clock.set(now);
        self.db.invocation(self.statements_max.get());
        Context::new(self, &self.setup, now, "test")
    }

    /// Starts a request's invocation: every route fits into the number of statements that Cloudflare's free plan
    /// allows.
    pub fn request(&self, now: UtcMillis) {
        self.clock.set(now);
        self.db.invocation(Some(STATEMENTS_FREE));
    }

    /// The next number of the seeded generator (SplitMix64).
    pub fn next(&self) -> u64 {
        let state = self.seed.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.seed.set(state);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Enrolls a partner. Returns its id and code.
    pub fn partner(
        &self,
        when: UtcMillis,
        program: &str,
        external_id: &str,
        email: &str,
    ) -> Result<(String, String), AppError> {
        let new = NewPartner {
            program: program.into(),
            external_id: external_id.to_owned(),
            name: Some(external_id.to_owned()),
            email: Some(email.to_owned()),
            website: None,
            country: None,
            kind: None,
            disclosure_accepted: true,
            code: None,
        };
        self.enrol(when, &new)
    }

    /// Enrolls a partner with these details. Returns its id and code.
    pub fn enrol(&self, when: UtcMillis, new: &NewPartner) -> Result<(String, String), AppError> {
        let (_, answer) = now(enroll::partner(&self.at(when), new, "https://ref.example", None))?;
        let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        Ok((text("id"), text("code")))
    }

    /// Takes in an event as the canonical webhook would, at `when`, with the touches of its token.
    pub fn take(
        &self,
        when: UtcMillis,
        body: &Value,
        touchpoints: Option<TouchHistory>,
    ) -> Result<IngestOutcome, AppError> {
        let incoming = incoming("events", when, body, touchpoints)?;
        now(conversion::take(&self.at(when), &incoming))
    }

    /// Takes in many events at once, as an import would.
    pub fn import(&self, when: UtcMillis, events: &[(Value, Option<TouchHistory>)]) -> Outcomes {
        let events: Result<Vec<Incoming>, AppError> =
            events.iter().map(|(body, touchpoints)| incoming("import", when, body, touchpoints.clone())).collect();
        now(import::import(&self.at(when), &events.expect("valid events"))).expect("an answer")
    }

    /// Runs a cadence for every program that settles by it, as cron would at `scheduled`.
    pub fn run(&self, cadence: Cadence, scheduled: UtcMillis) -> Result<Vec<RunRow>, AppError> {
        self.run_late(scheduled, cadence, scheduled)
    }

    /// The same, if cron fires at `when` for what was scheduled earlier.
    pub fn run_late(&self, when: UtcMillis, cadence: Cadence, scheduled: UtcMillis) -> Result<Vec<RunRow>, AppError> {
        let ctx = self.at(when);
        let due = now(settle::begin(&ctx, cadence, scheduled, |_| Vec::new()))?;
        let ids: Vec<RunId> = due.iter().map(|run| run.id.clone()).collect();
        now(settle::take_further(&ctx, due))?;
        // Sweeps do what this invocation left.
        for _ in 0..SWEEPS_MAX {
            if self.db.number("SELECT COUNT(*) FROM run WHERE state <> 'done'") == 0 {
                break;
            }
            self.sweep(when)?;
        }
        let ctx = self.at(when);
        ids.iter().map(|id| now(settle::load(&ctx, id))).collect()
    }

    /// Creates an additional link for a partner. Returns its code.
    pub fn link(&self, when: UtcMillis, partner: &str) -> Result<String, AppError> {
        self.link_of(when, partner, None)
    }

    /// The same, with its own source.
    pub fn link_of(&self, when: UtcMillis, partner: &str, source: Option<&str>) -> Result<String, AppError> {
        let request = NewLink {
            partner: partner.into(),
            destination: None,
            campaign: None,
            utm: None,
            source: source.map(str::to_owned),
            expires_at: None,
            code: None,
        };
        let (_, answer) = now(enroll::link(&self.at(when), &request, "https://ref.example", None))?;
        Ok(answer["code"].as_str().unwrap_or_default().to_owned())
    }

    pub fn disable(&self, when: UtcMillis, code: &str) -> Result<(), AppError> {
        now(enroll::disable(&self.at(when), &code.into())).map(|_| ())
    }

    pub fn decide(&self, when: UtcMillis, review: &str, choice: ReviewDecision) -> Result<(), AppError> {
        now(review::decide(&self.at(when), &review.into(), choice, "looked into")).map(|_| ())
    }

    /// The whole preview of a run: continued until it is complete, with the rows of all pages.
    pub fn previewed(&self, when: UtcMillis, due: &Due) -> Value {
        let ctx = self.at(when);
        let reads = (manicule::store::program::programs(), run_latest(&due.program).first());
        let (catalog, latest) = now(ctx.read(reads)).expect("the programs");
        let begun = RunPreview::begin(&catalog, due, latest.and_then(|run| run.as_of_ms)).expect("a program");
        let started = now(preview::start(&ctx, begun)).expect("a preview");
        self.all_pages(when, &started.id, &["grants", "terms", "vests"], 200).0
    }

    /// The whole dry run of a draft.
    pub fn tried(&self, when: UtcMillis, program: &str, request: &DryRunRequest) -> Result<Value, Refusal> {
        let started = now(dry_run::start(&self.at(when), &program.into(), request))?;
        Ok(self.all_pages(when, &started, &["rows"], 200).0)
    }

    /// Follows a preview's cursors. Returns its last page with the rows of all pages, and how many requests that took. The sums
    /// of the pages add up to the totals.
    pub fn all_pages(&self, when: UtcMillis, id: &PreviewId, lists: &[&str], limit: i64) -> (Value, usize) {
        let (mut cursor, mut requests) = (String::new(), 0);
        let mut rows: Vec<Vec<Value>> = vec![Vec::new(); lists.len()];
        let mut sums: std::collections::BTreeMap<String, i64> = Default::default();
        loop {
            requests += 1;
            assert!(requests < 2_000, "it never ends");
            let page = now(preview::show(&self.at(when), id, None, (&cursor, limit))).expect("a page");
            let mut add = |totals: &Value, sign: i64| {
                for total in totals.as_array().expect("sums") {
                    for name in ["accruals", "actual_net_cents", "net_cents"] {
                        let key = format!("{} {} {name}", total["part"], total["unit"]);
                        *sums.entry(key).or_default() += sign * total[name].as_i64().expect("a sum");
                    }
                }
            };
            add(&page["page_totals"], 1);
            for (list, rows) in lists.iter().zip(&mut rows) {
                rows.extend(page[*list].as_array().expect("rows").iter().cloned());
            }
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => {
                    add(&page["totals"], -1);
                    assert!(sums.values().all(|rest| *rest == 0), "the pages add up to the total: {sums:?}");
                    let mut whole = page;
                    lists.iter().zip(rows).for_each(|(list, rows)| whole[*list] = Value::from(rows));
                    return (whole, requests);
                }
            }
        }
    }

    /// Adds money to a program's reward budget.
    pub fn fund(&self, when: UtcMillis, program: &str, cents: i64) -> Result<(), AppError> {
        now(budget::fund(&self.at(when), &program.into(), Cents(cents), "to reward", None)).map(|_| ())
    }

    /// Sweeps recompute what invocations with few statements left marked.
    pub fn catch_up(&self, when: UtcMillis) {
        for _ in 0..SWEEPS_MAX {
            if self.db.number("SELECT COUNT(*) FROM account WHERE needs_recompute_since_ms IS NOT NULL") == 0 {
                return;
            }
            now(recompute::process_marked(&self.at(when), 1)).expect("accounts are decided");
        }
        panic!("accounts stay marked after {SWEEPS_MAX} sweeps");
    }

    pub fn sweep(&self, when: UtcMillis) -> Result<Vec<RunRow>, AppError> {
        now(settle::sweep(&self.at(when)))
    }

    /// The errors found by the ledger's own checks.
    pub fn faults(&self) -> Vec<String> {
        let checks = format!("SELECT what FROM ledger_check UNION ALL {COUNTED}");
        self.db.look(&checks).iter().map(|r| r["what"].to_string()).collect()
    }

    /// A partner's balance of one type, in cents, over all units.
    pub fn balance(&self, partner: &str, kind: &str) -> i64 {
        self.db.number(&format!(
            "SELECT COALESCE(SUM(cr_posted_cents - dr_posted_cents), 0) FROM ledger_account WHERE partner_id = '{partner}' AND kind = '{kind}'"
        ))
    }
}

/// Partners whose totals are not those of their accruals.
const COUNTED: &str = "SELECT 'total of ' || partner_id AS what FROM (
     SELECT program_id, partner_id, referrals, gross_cents FROM partner_total WHERE referrals <> 0 OR gross_cents <> 0
     UNION ALL SELECT program_id, partner_id, COUNT(DISTINCT account_id), SUM(net_cents) FROM accrual
       WHERE partner_id <> '' AND net_cents > 0 AND source NOT GLOB 'adjustment:*' GROUP BY program_id, partner_id)
   GROUP BY program_id, partner_id, referrals, gross_cents HAVING COUNT(*) <> 2";

fn incoming(
    source: &'static str,
    when: UtcMillis,
    body: &Value,
    touchpoints: Option<TouchHistory>,
) -> Result<Incoming, AppError> {
    let bytes = body.to_string().into_bytes();
    let event: Event = manicule::codec::event::envelope::parse(&bytes, when)?;
    let presented = VerifiedCredential {
        code: event.credential.code.clone(),
        touchpoints,
        token_refused: false,
        visitor: event.credential.visitor.clone(),
        clicks: Vec::new(),
    };
    Ok(Incoming { source, body_sha256: digest(&bytes), event, presented, payment: None })
}

pub fn at(text: &str) -> UtcMillis {
    UtcMillis::parse(text).unwrap_or_else(|| panic!("{text} is an instant"))
}

/// Runs a future that is ready immediately.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(done) => done,
        std::task::Poll::Pending => panic!("nothing outside is waited for"),
    }
}

fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    manicule::base::id::hex(&Sha256::digest(bytes))
}
