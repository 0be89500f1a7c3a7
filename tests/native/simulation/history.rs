//! The partners of a seed, and the final comparison: the same facts in a world where everything arrived in order.

use super::auditor::Auditor;
use super::compare;
use super::delivery;
use super::facts::{Click, Link, Register, Sent};
use super::story::{Own, StoryOptions};
use crate::support::world::World;
use manicule::base::time::UtcMillis;
use manicule::codec::operator::NewPartner;
use manicule::engine::attribution::touch::{Touch, TouchHistory};
use manicule::program::document::Cadence;
use manicule::service::review::ReviewDecision;
use std::collections::BTreeMap;

/// Program, name, kind, site, and the sources of additional links. If marked, the last link is turned off later.
type Role =
    (&'static str, &'static str, Option<&'static str>, Option<&'static str>, &'static [Option<&'static str>], bool);

const ROLES: [Role; 12] = [
    ("user-referral", "una", None, None, &[None], false),
    ("user-referral", "udo", None, None, &[], false),
    ("agency-partner", "ada", None, Some("https://www.ada-studio.example"), &[], false),
    ("agency-partner", "ali", None, None, &[None], true),
    // Has not accepted the disclosure, so none of her links work.
    ("agency-partner", "ann", None, None, &[], false),
    ("developer-affiliate", "dev", Some("developer"), None, &[None], true),
    ("developer-affiliate", "shop", Some("agency"), None, &[], false),
    ("developer-affiliate", "writer", Some("content"), None, &[Some("agency"), None], false),
    ("tiered-credits", "tia", None, None, &[None], true),
    ("tiered-credits", "tom", None, None, &[], false),
    ("partner-funnel", "fay", None, None, &[], false),
    ("partner-funnel", "fox", None, None, &[], false),
];

/// Enrolls the partners of all programs.
pub fn enrol(world: &World, at: i64, register: &mut Register) -> StoryOptions {
    let mut options = StoryOptions::default();
    for (program, name, kind, site, further, is_spare) in ROLES {
        let new = NewPartner {
            program: program.into(),
            external_id: name.to_owned(),
            name: None,
            email: Some(format!("{name}@{name}.example")),
            website: site.map(str::to_owned),
            country: None,
            kind: kind.map(str::to_owned),
            disclosure_accepted: name != "ann",
            code: None,
        };
        let (partner, code) = world.enrol(UtcMillis(at), &new).expect("a partner");
        let own = match kind {
            Some("agency") => "agency",
            Some("content") => "content",
            _ => "direct",
        };
        let mut codes = vec![(code, own)];
        for source in further {
            let code = world.link_of(UtcMillis(at), &partner, *source).expect("a link");
            codes.push((code, source.unwrap_or(own)));
        }
        options.spare.extend(is_spare.then(|| codes[1].0.clone()));
        let email = format!("{name}@{name}.example");
        options.own.push(Own { program, email: email.clone(), code: codes[0].0.clone() });
        for (code, source) in codes {
            let (program, partner) = (program.to_owned(), partner.clone());
            options.codes.push((program.clone(), code.clone()));
            let link = Link { program, partner, source, disabled_at: None, disclosed: name != "ann" };
            register.links.insert(code, link);
        }
        register.partner_email.insert(partner.clone(), email);
        register.partner_site.extend(site.map(|s| (partner, s.to_owned())));
    }
    options
}

/// Stores counted clicks as the redirect would.
pub fn store_clicks(world: &World, register: &Register, clicks: &[Click]) {
    let connection = world.db.connection.borrow();
    for (number, click) in clicks.iter().enumerate() {
        let link = &register.links[&click.code];
        let fingerprint = (link.program == "tiered-credits").then_some(&click.visitor);
        let sql =
            "INSERT INTO click (id, code, program_id, partner_id, visitor, clicked_at_ms, hour, fingerprint, dedupe)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6 / 3600000, ?7, ?8)";
        let id = format!("clk_{number}");
        let row = (id, &click.code, &link.program, &link.partner, &click.visitor, click.at, fingerprint, number as i64);
        connection.execute(sql, row).expect("a click");
    }
}

/// Replays the same facts in order in a separate world that is settled once at the end: the earnings of agencies and
/// developers from their accounts' payments and subscriptions must be equal. Waiting rewards and grants by runs depend
/// on timing, so they are not compared.
pub fn compare_in_order(
    options: &StoryOptions,
    events: &[Sent],
    switched_off_at: Option<i64>,
    (run_at, world): (i64, &World),
    auditor: &Auditor,
    fresh: &World,
) -> Result<(), String> {
    let mut register = Register::default();
    let same = enrol(fresh, options.start - 60 * super::calendar::DAY, &mut register);
    if same.codes != options.codes {
        return Err("the two worlds have other codes".to_owned());
    }
    if let Some(at) = switched_off_at {
        for code in &options.spare {
            fresh.disable(UtcMillis(at), code).map_err(|e| e.to_string())?;
        }
    }
    store_clicks(fresh, &register, &auditor.register.clicks);
    let mut ordered: Vec<&Sent> = events.iter().collect();
    ordered.sort_by_key(|e| e.place());
    for event in ordered {
        let at = event.stripe_created();
        delivery::send(fresh, at, event, &register).map_err(|e| e.to_string())?;
        delivery::catch_up(fresh, at)?;
    }
    for ((account, partner, rule), released) in &auditor.register.reviews {
        let sql = format!(
            "SELECT id FROM review WHERE account_id = '{account}' AND partner_id = '{partner}' AND rule = '{rule}' AND subject = ''"
        );
        let choice = if *released { ReviewDecision::Release } else { ReviewDecision::Reject };
        let found = fresh.db.look(&sql);
        // A suspicion that arose from events out of order may not arise in order. Once rejected for it, an account
        // stays rejected, and the two worlds differ.
        if found.is_empty() && !released {
            return Ok(());
        }
        for row in found {
            let id = row["id"].as_str().unwrap_or_default();
            fresh.decide(UtcMillis(run_at - 1), id, choice).map_err(|e| e.to_string())?;
        }
    }
    fresh.run(Cadence::Monthly, UtcMillis(run_at)).map_err(|e| e.to_string())?;
    let (here, there) = (earnings(world), earnings(fresh));
    if compare::stale(&fresh.db) > 0 {
        return Err("a run leaves accounts that are to be decided again".to_owned());
    }
    match here
        .iter()
        .find(|(key, cents)| there.get(*key) != Some(cents))
        .or(there.iter().find(|(k, _)| !here.contains_key(*k)))
    {
        None => Ok(()),
        Some((key, _)) => Err(format!("{key} as it came: {:?}, in order: {:?}", here.get(key), there.get(key))),
    }
}

/// Every accrual from an invoice or a subscription, in the programs that settle monthly.
fn earnings(world: &World) -> BTreeMap<String, i64> {
    let rows = world.db.look(
        "SELECT account_id || ' ' || partner_id || ' ' || reward_id || ' ' || source AS line, net_cents FROM accrual
         WHERE program_id IN ('agency-partner', 'developer-affiliate') AND source NOT LIKE 'state:%' AND net_cents > 0",
    );
    rows.iter()
        .map(|r| (r["line"].as_str().unwrap_or_default().to_owned(), r["net_cents"].as_i64().unwrap_or(0)))
        .collect()
}

/// The touchpoints of a token that came with an event.
pub fn touchpoints(register: &Register, event: &Sent) -> Option<TouchHistory> {
    let touches = event.touches.iter().map(|(code, at)| Touch {
        program: register.links.get(code).map_or("user-referral".into(), |l| l.program.clone()).into(),
        code: code.clone().into(),
        campaign: String::new(),
        click_id: format!("c{at}"),
        at: UtcMillis(*at),
    });
    let touches: Vec<Touch> = touches.collect();
    (!touches.is_empty()).then(|| TouchHistory { visitor: event.browser().to_owned(), touches })
}
