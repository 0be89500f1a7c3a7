//! Everything that runs without a Worker: the product's use cases and its SQL on SQLite.
//!
//! One binary, because the library is generic over its ports: every binary that uses it compiles it again.

mod adjustments;
mod allowance;
mod architecture;
mod backfill;
mod bots;
mod chain;
mod documents;
mod dry_run;
mod funnel;
mod fuzz;
mod glossary;
mod golden;
mod guards;
mod imports;
mod limits;
mod long_lives;
mod mutants;
mod new_database;
mod notify;
mod openapi;
mod order;
mod pages;
mod payout;
mod payout_uses;
mod people;
mod preview;
mod preview_size;
mod reconcile;
mod row_numbers;
mod rules;
mod run_scale;
mod scenarios;
mod signed;
mod simulation;
mod standing;
mod stripe_in;
#[path = "../support/mod.rs"]
mod support;
mod texts;
mod visitors;
mod whose;
mod why_not;
