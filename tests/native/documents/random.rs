//! Random documents: what is accepted earns what a naive interpreter of the same JSON says, to the cent, and what is
//! refused names a path. What runs do with SQL is what their previews and dry runs calculate in memory. Each failure
//! prints its seed. Runs `PROGRAM_SEEDS` seeds (300), or the one in `PROGRAM_SEED`.

mod deeds;
mod drawn;
mod held;
mod naive;

use super::{findings, schema};
use crate::simulation::calendar::{HOUR, firsts, instant, mondays, print};
use crate::simulation::rng::Rng;
use crate::support::sqlite::Sqlite;
use crate::support::world::World;
use manicule::base::time::UtcMillis;
use manicule::codec::operator::NewPartner;
use manicule::engine::review::suspension::PartnerStanding;
use manicule::program::document::Cadence;
use manicule::service::partner::standing;
use naive::{Books, Deed, Story, text};
use serde_json::{Value, json};

const FROM: (i64, i64, i64) = (2026, 1, 1);
const KINDS: [(&str, &str); 3] = [("developer", "direct_link"), ("agency", "agency"), ("content", "content")];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn seeds(part: u64) -> Vec<u64> {
    match number("PROGRAM_SEED") {
        Some(one) => {
            if part == 0 {
                vec![one]
            } else {
                Vec::new()
            }
        }
        None => (0..number("PROGRAM_SEEDS").unwrap_or(300)).filter(|seed| seed % 2 == part).collect(),
    }
}

/// Plays the seeds; many of the programs that are drawn must be accepted, and most of those must pay something.
fn play_all(part: u64) {
    let seeds = seeds(part);
    let played: Vec<bool> = seeds.iter().filter_map(|seed| play(*seed)).collect();
    let paid = played.iter().filter(|paid| **paid).count();
    let few = format!("{} of {} programs are accepted, and {paid} of those pay", played.len(), seeds.len());
    assert!(seeds.len() < 10 || (played.len() * 5 > seeds.len() * 2 && paid * 3 > played.len() * 2), "{few}");
}

#[test]
fn random_documents_earn_what_they_say() {
    play_all(0);
}

#[test]
fn more_random_documents_earn_what_they_say() {
    play_all(1);
}

/// Whether the programs of a seed paid something; `None`: a document was refused.
fn play(seed: u64) -> Option<bool> {
    let mut rng = Rng::new(seed);
    let programs = drawn::programs(&mut rng);
    for document in programs.iter().flatten() {
        let found = findings(document);
        schema::agrees(document);
        assert!(found.iter().all(|f| !f.path.is_empty() && !f.rule.is_empty()), "seed {seed}: {found:?}");
        if !found.is_empty() {
            return None;
        }
    }
    let story = story(&mut rng, programs);
    let world = World::on(Sqlite::new(), seed);
    let start = UtcMillis(instant(FROM.0, FROM.1, FROM.2));
    for document in story.programs.iter().flatten() {
        let id = text(&document["id"]);
        let saved = crate::support::world::now(manicule::service::program::save(
            &world.at(start),
            &id.as_str().into(),
            &document.to_string(),
        ));
        assert!(saved.is_ok(), "seed {seed}: {document}");
    }
    let partners: Vec<Vec<(String, String)>> =
        story.programs.iter().map(|versions| enrol(&world, start, &text(&versions[0]["id"]))).collect();
    let said = format!("seed {seed}: {} {:?}", json!(story.programs), story.standings);
    settle(&world, &story, &partners, &said);
    let expected = story.books();
    assert_eq!(stored(&world, &story, &partners), expected, "{said}");
    assert_eq!(world.faults(), Vec::<String>::new(), "{said}");
    held::recomputed(&world, &said);
    if story.standings.is_empty() {
        held::dry_runs(&world, &story, &said);
    }
    Some(!expected.earned.is_empty())
}

fn enrol(world: &World, start: UtcMillis, program: &str) -> Vec<(String, String)> {
    let new = |kind: &str| NewPartner {
        program: program.into(),
        external_id: kind.to_owned(),
        name: Some(kind.to_owned()),
        email: Some(format!("p@{kind}.example")),
        website: None,
        country: None,
        kind: Some(kind.to_owned()),
        disclosure_accepted: true,
        code: None,
    };
    KINDS.iter().map(|(kind, _)| world.enrol(start, &new(kind)).expect("a partner")).collect()
}

fn story(rng: &mut Rng, programs: Vec<Vec<Value>>) -> Story {
    let codes: Vec<(usize, usize)> =
        (0..programs.len()).flat_map(|program| (0..KINDS.len()).map(move |partner| (program, partner))).collect();
    let (from, to) = (instant(2026, 1, 2), instant(2026, 12, 31));
    let runs = programs.iter().map(|versions| match versions[0]["settlement"]["cadence"].as_str() {
        Some("weekly") => mondays(from, to).into_iter().step_by(5).collect(),
        Some("monthly") => firsts(from, to),
        _ => Vec::new(),
    });
    let runs = runs.collect();
    let mut funds = Vec::new();
    for (program, versions) in programs.iter().enumerate() {
        let times = if versions[0]["settlement"]["budget"] == true { rng.within(0, 4) } else { 0 };
        for _ in 0..times {
            // At a millisecond at which nobody does anything.
            funds.push((from + rng.within(0, 7_000) * HOUR + 999, program, rng.within(1, 6_000)));
        }
    }
    let accounts = deeds::accounts(rng, &codes);
    let standings = standings(rng, &codes, from);
    Story { programs, sources: KINDS.iter().map(|(_, source)| *source).collect(), accounts, runs, funds, standings }
}

/// In some stories partners are suspended, banned and reinstated.
fn standings(rng: &mut Rng, codes: &[(usize, usize)], from: i64) -> Vec<(i64, usize, usize, PartnerStanding)> {
    let mut standings = Vec::new();
    for (program, partner) in codes {
        let times = if rng.percent(15) { rng.within(1, 5) } else { 0 };
        let (mut at, mut is) = (from, PartnerStanding::Active);
        for _ in 0..times {
            // At a millisecond at which nobody does anything.
            at = (at + rng.within(1, 2_500) * HOUR) / 1_000 * 1_000 + 998;
            let next = match is {
                PartnerStanding::Active if rng.percent(60) => PartnerStanding::Suspended,
                PartnerStanding::Active => PartnerStanding::Banned,
                PartnerStanding::Suspended if rng.percent(30) => PartnerStanding::Banned,
                _ => PartnerStanding::Active,
            };
            if at < instant(deeds::END.0, deeds::END.1, deeds::END.2) {
                standings.push((at, *program, *partner, next));
                is = next;
            }
        }
    }
    standings
}

enum Step<'a> {
    Standing(usize, usize, PartnerStanding),
    Run(Cadence),
    Fund(usize, i64),
    Deed(&'a str, &'a Deed),
}

/// Takes in everything as it happens, with the runs in between, each held to its preview.
fn settle(world: &World, story: &Story, partners: &[Vec<(String, String)>], said: &str) {
    let mut steps: Vec<(i64, u8, Step)> = Vec::new();
    for account in &story.accounts {
        steps.extend(account.deeds.iter().map(|deed| (deed.at, 1, Step::Deed(&account.id, deed))));
    }
    steps.extend(story.funds.iter().map(|(at, program, cents)| (*at, 1, Step::Fund(*program, *cents))));
    let standings = story.standings.iter();
    steps.extend(standings.map(|(at, program, partner, to)| (*at, 1, Step::Standing(*program, *partner, *to))));
    for (name, cadence) in [("weekly", Cadence::Weekly), ("monthly", Cadence::Monthly)] {
        let program = (0..story.programs.len()).find(|p| story.cadence(*p) == name);
        steps.extend(program.iter().flat_map(|p| &story.runs[*p]).map(|at| (*at, 0, Step::Run(cadence))));
    }
    steps.sort_by_key(|(at, place, _)| (*at, *place));
    for (at, _, step) in steps {
        match step {
            Step::Run(cadence) => held::run(world, story, cadence, UtcMillis(at), said),
            Step::Fund(program, cents) => {
                let id = text(&story.programs[program][0]["id"]);
                world.fund(UtcMillis(at), &id, cents).unwrap_or_else(|e| panic!("{said}: {e}"));
            }
            Step::Standing(program, partner, to) => {
                let id = partners[program][partner].0.as_str().into();
                let ctx = world.at(UtcMillis(at));
                crate::support::world::now(standing::change(&ctx, &id, to, "looked into"))
                    .unwrap_or_else(|e| panic!("{said}: {e}"));
                world.catch_up(UtcMillis(at));
            }
            Step::Deed(account, deed) => {
                let mut body = deed.body.clone();
                body["occurred_at"] = json!(print(at));
                body["account"] = json!({"id": account});
                if let Some((program, partner)) = deed.code {
                    body["attribution"] = json!({"code": partners[program][partner].1});
                }
                world.take(UtcMillis(at), &body, None).unwrap_or_else(|e| panic!("{said}: {body}: {e}"));
            }
        }
    }
}

fn stored(world: &World, story: &Story, partners: &[Vec<(String, String)>]) -> Books {
    let rows =
        world.db.look("SELECT account_id, program_id, reward_id, source, net_cents FROM accrual WHERE net_cents <> 0");
    let mut books = Books::default();
    for r in &rows {
        let key = (text(&r["account_id"]), text(&r["program_id"]), text(&r["reward_id"]), text(&r["source"]));
        *books.earned.entry(key).or_default() += r["net_cents"].as_i64().unwrap_or_default();
    }
    for (program, partners) in partners.iter().enumerate() {
        for (partner, (id, _)) in partners.iter().enumerate() {
            let has = (world.balance(id, "pending"), world.balance(id, "available"));
            if has != (0, 0) {
                books.balances.insert((program, partner), has);
            }
            let last = story.runs[program].last().copied().unwrap_or_default();
            let payable = world.db.number(&format!(
                "SELECT COALESCE(SUM(payable_cents), 0) FROM run_partner s JOIN run r ON r.id = s.run_id
                 WHERE s.partner_id = '{id}' AND r.as_of_ms = {last}"
            ));
            if payable != 0 {
                books.payable.insert((program, partner), payable);
            }
        }
    }
    books
}
