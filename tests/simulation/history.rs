//! The end of a seed: balances per partner against the rules, and against a world where everything came in order.

use super::auditor::Auditor;
use super::facts::{Link, Register, Sent};
use super::story::Cast;
use crate::support::world::World;
use manicule::base::time::UtcMillis;
use manicule::engine::touch::{Touch, Trail};
use manicule::program::document::Cadence;
use std::collections::BTreeMap;

/// Enrols the partners of both programs; the last code is one that will be switched off.
pub fn enrol(world: &World, at: i64, register: &mut Register) -> (Vec<String>, Vec<String>) {
    let (mut codes, mut emails, mut spare) = (Vec::new(), Vec::new(), None);
    for (program, name) in
        [("user-referral", "una"), ("user-referral", "udo"), ("agency-partner", "ada"), ("agency-partner", "ali")]
    {
        // Each partner has a domain of its own, which no account of agency-partner names: nothing is held by domain.
        let email = format!("{name}@{name}.example");
        let (partner, code) = world.partner(UtcMillis(at), program, name, &email).expect("a partner");
        let mut own = vec![code];
        if name == "una" || name == "ali" {
            own.push(world.link(UtcMillis(at), &partner).expect("a link"));
        }
        for code in &own {
            let link = Link { program: program.to_owned(), partner: partner.clone(), disabled_at: None };
            register.links.insert(code.clone(), link);
        }
        if name == "ali" {
            spare = own.pop();
        }
        codes.extend(own);
        if program == "user-referral" {
            emails.push(email.clone());
        }
        register.partner_email.insert(partner, email);
    }
    codes.extend(spare);
    (codes, emails)
}

/// Balances of every partner of a program as the ledger has them.
fn stored(world: &World, program: &str) -> BTreeMap<String, (i64, i64)> {
    let rows = world.db.look(&format!(
        "SELECT partner_id, SUM(IIF(kind = 'pending', cr_posted_cents - dr_posted_cents, 0)) AS pending,
                SUM(IIF(kind = 'available', cr_posted_cents - dr_posted_cents, 0)) AS available
         FROM ledger_account WHERE program_id = '{program}' AND kind IN ('pending', 'available') GROUP BY partner_id"
    ));
    let number = |row: &serde_json::Map<String, serde_json::Value>, key: &str| row[key].as_i64().unwrap_or_default();
    let balances = rows.iter().map(|row| {
        let partner = row["partner_id"].as_str().unwrap_or_default().to_owned();
        (partner, (number(row, "pending"), number(row, "available")))
    });
    balances.filter(|(_, sums)| *sums != (0, 0)).collect()
}

/// What each partner has, by the ledger and by the rules.
pub fn compare_statements(world: &World, auditor: &Auditor) -> Result<(), String> {
    for program in ["user-referral", "agency-partner"] {
        let (found, wanted) = (stored(world, program), auditor.balances(program));
        // A credit that moved to another partner may wait for its next run.
        let same = if program == "user-referral" { totals(&found) == totals(&wanted) } else { found == wanted };
        if !same {
            return Err(format!("{program}: the ledger says {found:?}, the rules {wanted:?}"));
        }
    }
    Ok(())
}

fn totals(balances: &BTreeMap<String, (i64, i64)>) -> BTreeMap<&str, i64> {
    balances.iter().map(|(partner, (pending, available))| (partner.as_str(), pending + available)).collect()
}

/// The same facts in order, in a world of its own, settled once at the end: the same balances.
pub fn compare_in_order(
    seed: u64,
    cast: &Cast,
    events: &[Sent],
    switched_off_at: Option<i64>,
    (run_at, world): (i64, &World),
    auditor: &Auditor,
) -> Result<(), String> {
    let fresh = World::new(seed);
    let mut register = Register::default();
    let (codes, _) = enrol(&fresh, cast.start, &mut register);
    if codes != cast.codes {
        return Err("the two worlds have other codes".to_owned());
    }
    if let (Some(at), Some(code)) = (switched_off_at, codes.last()) {
        fresh.disable(UtcMillis(at), code).map_err(|e| e.to_string())?;
    }
    let mut ordered: Vec<&Sent> = events.iter().collect();
    ordered.sort_by_key(|e| e.place());
    for event in ordered {
        fresh.take(UtcMillis(event.at), &event.body, trail(&register, event)).map_err(|e| e.to_string())?;
    }
    fresh.run(Cadence::Monthly, UtcMillis(run_at)).map_err(|e| e.to_string())?;
    let (here, there) = (stored(world, "agency-partner"), stored(&fresh, "agency-partner"));
    // Partners are enrolled in the same order by the same seed, so they have the same ids.
    let same = if auditor.has_late_freeze() { totals(&here) == totals(&there) } else { here == there };
    if same { Ok(()) } else { Err(format!("as it came: {here:?}, in order: {there:?}")) }
}

/// The trail of a token that came with an event.
pub fn trail(register: &Register, event: &Sent) -> Option<Trail> {
    let touches = event.touches.iter().map(|(code, at)| Touch {
        program: register.links.get(code).map_or("user-referral".to_owned(), |l| l.program.clone()),
        code: code.clone(),
        campaign: String::new(),
        click_id: format!("c{at}"),
        at: UtcMillis(*at),
    });
    let touches: Vec<Touch> = touches.collect();
    (!touches.is_empty()).then(|| Trail { visitor: "v".to_owned(), touches })
}
