//! The enumerations of lists.

use super::enumerations::{Names, constraint, names, shown_accrual_states, units};
use manicule::http::report::lists;

pub fn sources() -> Vec<(&'static str, Names)> {
    vec![
        ("GET /v1/partners?standing", constraint("partner", "standing")),
        ("GET /v1/accruals?state", names(lists::STATES)),
        ("ListedPartner.standing", constraint("partner", "standing")),
        ("ListedAccrual.type", names(["accrual"])),
        ("ListedAccrual.unit", units()),
        ("ListedAccrual.state", shown_accrual_states()),
    ]
}
