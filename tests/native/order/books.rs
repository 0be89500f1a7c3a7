//! What is compared.

use crate::support::world::World;
use serde_json::{Map, Value};

/// The final result: balances by ledger account, then every nonzero accrual.
pub fn books(world: &World) -> Vec<Map<String, Value>> {
    let mut rows = world.db.look(
        "SELECT id, cr_posted_cents - dr_posted_cents AS cents FROM ledger_account
         WHERE cr_posted_cents <> dr_posted_cents ORDER BY id",
    );
    rows.extend(world.db.look(
        "SELECT account_id, partner_id, reward_id, source, gross_cents, cap_reduction_cents, net_cents, balance, state, vests_at_ms
         FROM accrual WHERE net_cents > 0 ORDER BY account_id, partner_id, reward_id, source",
    ));
    rows
}

/// The gross of every accrual except those for states, which depend on which runs there were.
pub fn earned(world: &World) -> Vec<Map<String, Value>> {
    world.db.look(
        "SELECT account_id, partner_id, reward_id, source, gross_cents, cap_reduction_cents, net_cents FROM accrual
         WHERE net_cents > 0 AND source NOT LIKE 'state:%' ORDER BY account_id, partner_id, reward_id, source",
    )
}
