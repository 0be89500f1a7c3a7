//! Floods of clicks and of guessed codes from one machine: what they leave behind is bounded, and no visitor of a live link
//! loses the cookie.

use super::world::assert_unharmed;
use crate::client::{CHROME, step};
use crate::server::{Server, WRITTEN_WITHIN};
use manicule::base::limits::UNKNOWN_CODES_PER_MINUTE;
use manicule::service::link::limits::NETWORK_MAX;
use std::time::{Duration, Instant};

const FLOOD: i64 = 300;
/// Unknown codes that wrangler.toml lets one network ask for in a minute, after the uncounted ones.
const GUESSES: usize = 100;

/// Waits until so many visits through the link are stored or counted, and returns both.
fn counted(server: &Server, code: &str, wanted: i64) -> (i64, i64) {
    let started = Instant::now();
    loop {
        let shown = server.read(&format!("/v1/links/{code}"));
        let count = |what: &str| shown["clicks"][what].as_i64().expect("a number");
        let found = (count("visits"), count("limited"));
        if found.0 + found.1 >= wanted || started.elapsed() > WRITTEN_WITHIN {
            return found;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_flood_of_clicks_leaves_little_behind() {
    let server = Server::start();
    let limit = i64::from(NETWORK_MAX);

    step("every request with a User-Agent of its own is a visitor of its own");
    let ann = server.enrol("user-referral", "ann");
    for n in 0..FLOOD {
        let reply = server
            .visit(&format!("/r/{}", ann.code))
            .header("user-agent", format!("{CHROME} {n}"))
            .header("cf-connecting-ip", "192.0.2.1")
            .send();
        assert!(reply.cookie().is_some(), "visit {n} has its cookie");
    }
    let (visits, limited) = counted(&server, &ann.code, FLOOD);
    // A minute may end in between.
    assert!((limit..=2 * limit).contains(&visits) && visits + limited == FLOOD, "{visits} and {limited}");
    let rows = server.database_rows(&format!("SELECT COUNT(*) FROM click WHERE code = '{}'", ann.code));
    assert_eq!(rows, visits);

    step("so is every request with a cookie that was collected before");
    let bob = server.enrol("user-referral", "bob");
    let collected: Vec<String> = (0..FLOOD)
        .map(|_| server.visit(&format!("/r/{}", ann.code)).header("sec-gpc", "1").send().cookie().expect("a cookie"))
        .collect();
    for cookie in &collected {
        let visit = server.visit(&format!("/r/{}", bob.code)).header("cookie", cookie);
        assert!(visit.header("cf-connecting-ip", "192.0.2.2").send().cookie().is_some());
    }
    let (visits, limited) = counted(&server, &bob.code, FLOOD);
    assert!((limit..=2 * limit).contains(&visits) && visits + limited == FLOOD, "{visits} and {limited}");

    step("somebody else's visit counts as ever");
    server.visit(&format!("/r/{}", bob.code)).header("cf-connecting-ip", "192.0.2.3").send();
    assert_eq!(counted(&server, &bob.code, FLOOD + 1).0, visits + 1);
    assert_unharmed(&server);
}

#[test]
fn guessing_codes_ends_early_and_locks_nobody_out_of_a_link_in_use() {
    let server = Server::start();
    let (ann, bob) = (server.enrol("user-referral", "ann"), server.enrol("user-referral", "bob"));
    let from = |network: &str, code: &str| {
        server.visit(&format!("/r/{code}")).header("cf-connecting-ip", network.to_owned()).send()
    };
    assert!(from("192.0.2.9", &ann.code).cookie().is_some());

    step("unknown codes are answered alike, before and after the limit");
    let unknown = from("192.0.2.1", "guess00000");
    for n in 1..2 * (GUESSES + UNKNOWN_CODES_PER_MINUTE as usize) {
        let reply = from("192.0.2.1", &format!("guess{n:05}"));
        assert_eq!((reply.status, reply.location(), reply.cookie()), (302, unknown.location(), None));
    }

    step("a link that nobody uses is answered like one of them, for this network alone");
    let hidden = from("192.0.2.1", &bob.code);
    assert_eq!((hidden.location(), hidden.cookie()), (unknown.location(), None));
    assert!(from("192.0.2.1", &ann.code).cookie().is_some(), "a link in use sets its cookie");
    assert!(from("192.0.2.2", &bob.code).cookie().is_some(), "other networks are not limited");
    assert!(from("192.0.2.1", &bob.code).cookie().is_some(), "now it is in use");
    assert_unharmed(&server);
}
