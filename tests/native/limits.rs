//! Nothing is unbounded: what strangers can leave behind, what partners and operators can make, how long things are kept,
//! and that `docs/limits.md` says so.

mod campaigns;
mod described;
mod floods;
mod made;
mod promotion;
mod retention;
mod tokens;
