//! Figures and lists for people.

pub mod economics;
