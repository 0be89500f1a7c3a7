//! Everything that strangers send is parsed: bodies, cookies, signatures, URLs, forms. Valid samples are broken in many ways
//! and recombined, and whatever comes of it, no parser panics, what is refused is refused in few words, and what is
//! accepted means the same in its canonical form.
//!
//! `FUZZ_CASES` says how many samples are broken in all, in new ways each time: a million in `make test-long`. Where nothing is
//! set, 10,000 are, always in the same ways, so that no change meets what another one left.

mod parsers;
mod samples;

use parsers::PARSERS;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use samples::PIECES;

/// Longest input: beyond what the parsers accept, so that their limits are met.
const BYTES_MAX: usize = 70_000;

fn runner() -> TestRunner {
    let given = std::env::var("FUZZ_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = given.unwrap_or(10_000);
    let config = Config { cases, failure_persistence: None, max_global_rejects: 0, ..Config::default() };
    match given {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    }
}

/// One change: what is done, where, and with what.
type Change = (u8, u16, u16);

fn broken(sample: &[u8], other: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for (what, place, with) in changes {
        let (place, with) = (usize::from(*place), usize::from(*with));
        let at = if bytes.is_empty() { 0 } else { place % (bytes.len() + 1) };
        let piece = PIECES[with % PIECES.len()].as_bytes();
        match what % 9 {
            // Another byte, a bit flipped, one less, cut off.
            0 if at < bytes.len() => bytes[at] = with as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << (with % 8),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.truncate(at),
            // A piece that means something, in between or in place of what is there.
            4 => drop(bytes.splice(at..at, piece.iter().copied())),
            5 => {
                let end = (at + piece.len()).min(bytes.len());
                bytes.splice(at..end, piece.iter().copied());
            }
            // A part twice, a part of another sample, a very long part.
            6 => {
                let part = bytes[at..(at + with % 64).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            7 if !other.is_empty() => {
                let from = with % other.len();
                bytes.splice(at..at, other[from..(from + 40).min(other.len())].iter().copied());
            }
            8 if with % 64 == 0 => drop(bytes.splice(at..at, piece.iter().copied().cycle().take(66_000))),
            _ => {}
        }
    }
    bytes.truncate(BYTES_MAX);
    bytes
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(any::<Change>(), 0..6)
}

#[test]
fn no_parser_panics_and_what_is_accepted_has_one_meaning() {
    let strategy = (0..PARSERS.len(), any::<u8>(), any::<u8>(), changes());
    let tried = runner().run(&strategy, |(parser, sample, other, changes)| {
        let parser = &PARSERS[parser];
        let of = |n: u8| parser.samples[usize::from(n) % parser.samples.len()].as_bytes();
        (parser.look)(&broken(of(sample), of(other), &changes));
        Ok(())
    });
    if let Err(why) = tried {
        panic!("{why}");
    }
}

/// The samples are what they claim to be: each parser accepts at least one, so that the accepted half is looked at, too.
#[test]
fn every_parser_accepts_its_sample() {
    for parser in PARSERS {
        let accepted = parser.samples.iter().filter(|sample| (parser.look)(sample.as_bytes())).count();
        assert!(accepted > 0, "{}", parser.name);
    }
}
