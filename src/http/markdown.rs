//! Reports as Markdown, for people and agents: the same figures as in JSON, with the sample size next to every rate.

use crate::base::currency;
use crate::base::money::Cents;
use crate::base::time::UtcMillis;
use crate::engine::funnel::advice::percent;
use crate::engine::funnel::{BandComparison, FunnelFigures, PartnerFunnelReport, Place, StageFigures};
use crate::engine::report::economics;
use crate::engine::report::economics::{Channel, Economics};
use crate::program::document::Document;
use crate::service::funnel::WeeklyReport;
use crate::service::report::Channels;
use crate::store::funnel::Name;
use std::fmt::Write as _;

/// What the funnel report's figures mean. Every response includes it.
pub const FUNNEL_DEFINITIONS: &[(&str, &str)] = &[
    ("week", "Monday 00:00 UTC to the next Monday 00:00 UTC"),
    (
        "visitors",
        "distinct visitors who reached the stage during the week through this partner and campaign. An event without a visitor id counts as one visitor; an event without a known code counts for no partner. A partner's figures are the sum of its campaigns; the figures for all partners are the sum of the partners",
    ),
    ("visits", "visitors at the first stage. Every rate is based on them"),
    (
        "of_visits",
        "visitors at the stage divided by visits, with the 95% Wilson score interval, in basis points. Null if there are no visits, or if more visitors reached the stage than visited",
    ),
    (
        "against_band",
        "the rate compared with the program's target range (band). Certain (sure) if the whole interval is on that side",
    ),
    (
        "against_average",
        "the rate compared with that of all partners together: below or above if its whole interval is, otherwise within",
    ),
    (
        "small_sample",
        "there are fewer visits than sample_min: no step is named the weakest, and small samples are listed last",
    ),
    (
        "weakest",
        "the step with the lowest rate in proportion to the lower end of its target range (band), among the steps that have a target range and that at least 5 visitors could be expected to reach from the step before",
    ),
];

/// The same for the channel report.
pub const CHANNEL_DEFINITIONS: &[(&str, &str)] = &[
    (
        "channel",
        "for a click: its utm_source, otherwise its link's source, otherwise direct_link. For an account: the channel of the click that converted, otherwise, if a touch won it, the source of the link, otherwise the method that attributed it",
    ),
    ("clicks", "counted clicks during the month, excluding bots"),
    ("signups", "sign-ups during the month of accounts attributed to the partner"),
    ("qualified", "accounts whose first payment after they were attributed was during the month"),
    ("rewarded", "accounts with a reward dated during the month; waiting and reversed rewards do not count"),
    ("gross_cents", "the current total of those rewards, in cents"),
];

pub fn funnel(weekly: &WeeklyReport) -> String {
    let report = &weekly.report;
    let mut out = format!(
        "# {}, week {}\n\n{} to {}, UTC. Program `{}`, version {}.\n\n## All partners\n\n",
        plain(&weekly.title),
        weekly.week,
        weekly.week.start().to_rfc3339(),
        weekly.week.end().to_rfc3339(),
        weekly.program,
        weekly.version
    );
    stages(&mut out, &report.program, report.sample_min);
    for partner in &report.partners {
        let shown = weekly.names.get(&partner.partner).cloned().unwrap_or_default();
        one_partner(&mut out, partner, &shown, report.sample_min);
    }
    if report.partners.is_empty() {
        out.push_str("\nNo visitors were counted in this week.\n");
    }
    definitions(&mut out, FUNNEL_DEFINITIONS);
    out
}

fn one_partner(out: &mut String, partner: &PartnerFunnelReport, shown: &Name, sample_min: i64) {
    let name = shown.name.as_deref().or(shown.external_id.as_deref()).unwrap_or(&partner.partner);
    let _ = write!(out, "\n## {} (`{}`)\n\n", plain(name), partner.partner);
    stages(out, &partner.figures, sample_min);
    let _ = write!(out, "\n**Action: {}** {}\n", plain(&partner.action.what), plain(&partner.action.reason));
    if partner.campaigns.len() > 1 {
        let steps: Vec<&StageFigures> = partner.figures.stages.iter().skip(1).collect();
        let titles: Vec<String> = steps.iter().map(|s| plain(&s.title)).collect();
        let _ = write!(
            out,
            "\n| Campaign | Visits | {} |\n|---|---:|{}\n",
            titles.join(" | "),
            "---:|".repeat(titles.len())
        );
        for campaign in &partner.campaigns {
            let cells: Vec<String> = campaign.figures.stages.iter().skip(1).map(count_and_rate).collect();
            let small = if campaign.figures.small_sample { " (small sample)" } else { "" };
            let _ = writeln!(
                out,
                "| {} | {}{small} | {} |",
                named(&campaign.campaign),
                campaign.figures.visits,
                cells.join(" | ")
            );
        }
    }
    out.push_str("\nTasks:\n\n");
    for (n, task) in (1..).zip(&partner.tasks) {
        let _ = writeln!(
            out,
            "{n}. **{}** (campaign {}). {}",
            plain(&task.title),
            named(&task.campaign),
            plain(&task.brief)
        );
    }
}

fn stages(out: &mut String, figures: &FunnelFigures, sample_min: i64) {
    out.push_str("| Stage | Visitors | Of visits | 95% interval | Sample | Target | Compared with target | Compared with average |\n");
    out.push_str("|---|---:|---:|---|---:|---|---|---|\n");
    for stage in &figures.stages {
        let none = || "–".to_owned();
        let rate = stage.of_visits;
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            plain(&stage.title),
            stage.visitors,
            rate.map_or_else(none, |r| format!("{}%", percent(r.rate_bps))),
            rate.map_or_else(none, |r| format!("{}% to {}%", percent(r.low_bps), percent(r.high_bps))),
            rate.map_or_else(none, |r| r.sample.to_string()),
            stage.band_bps.map_or_else(none, |b| format!("{}% to {}%", percent(b.from.0), percent(b.to.0))),
            stage.against_band.map_or_else(none, place),
            stage.against_average.map_or_else(none, place),
        );
    }
    if figures.small_sample {
        let _ = write!(out, "\nSmall sample: {} of the {sample_min} visits needed to judge rates.\n", figures.visits);
    } else if let Some(weakest) = figures.weakest.as_deref().and_then(|id| figures.stage(id)) {
        let standing = weakest.against_band.map_or_else(String::new, |s| {
            let certain = if s.sure { "" } else { ", not certain" };
            format!(", {} its target{certain}", side(s.is))
        });
        let _ = write!(out, "\nWeakest step: {}{standing} ({} visits).\n", plain(&weakest.title), figures.visits);
    }
}

fn place(standing: BandComparison) -> String {
    let side = side(standing.is);
    if standing.sure { side.to_owned() } else { format!("{side}, not certain") }
}

fn side(place: Place) -> &'static str {
    match place {
        Place::Below => "below",
        Place::Within => "within",
        Place::Above => "above",
    }
}

fn count_and_rate(stage: &StageFigures) -> String {
    match stage.of_visits {
        Some(rate) => format!("{} ({}% of {})", stage.visitors, percent(rate.rate_bps), rate.sample),
        None => stage.visitors.to_string(),
    }
}

pub fn channels(found: &Channels, month: &str) -> String {
    let (code, currency) = (&found.document.currency, found.document.currency.to_uppercase());
    let mut out = format!("# {}, channels in {month}\n\n", plain(&found.document.title));
    let _ = writeln!(
        out,
        "| Referrer | Channel | Clicks | Sign-ups | Qualified | Rewarded | Earned ({currency} of {}) |",
        found.document.settlement.unit.name()
    );
    out.push_str("|---|---|---:|---:|---:|---:|---:|\n");
    for row in &found.rows {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            plain(row.external_id.as_deref().unwrap_or(&row.partner)),
            plain(&row.channel),
            row.clicks,
            row.signups,
            row.qualified,
            row.rewarded,
            currency::plain(row.gross_cents, code)
        );
    }
    if found.rows.is_empty() {
        out.push_str("\nThere was no activity in this month.\n");
    }
    definitions(&mut out, CHANNEL_DEFINITIONS);
    out
}

pub fn economics(document: &Document, found: &Economics, from: UtcMillis, to: UtcMillis) -> String {
    let (code, currency) = (&document.currency, document.currency.to_uppercase());
    let mut out = format!(
        "# {}, economics\n\n{} to {}, UTC. Amounts in {currency}.\n\n",
        plain(&document.title),
        from.to_rfc3339(),
        to.to_rfc3339()
    );
    let shown = |cents: Option<Cents>| cents.map_or("–".to_owned(), |cents| currency::plain(cents.0, code));
    let revenue = shown(found.first_year_revenue_cents);
    out.push_str("| Channel | Acquisition cost | First-year revenue | First-year margin | Margin over cost |\n");
    out.push_str("|---|---:|---:|---:|---:|\n");
    let row = |channel: &Channel, strong: &str| {
        let ratio = channel.margin_over_cost_hundredths.map_or("–".to_owned(), |r| format!("{}x", hundredths(r)));
        format!(
            "| {strong}{}{strong} | {} | {revenue} | {} | {ratio} |\n",
            plain(&channel.channel),
            currency::plain(channel.acquisition_cost_cents.0, code),
            shown(channel.first_year_margin_cents)
        )
    };
    out.extend(found.paid_channels.iter().map(|channel| row(channel, "")));
    out.extend(found.referral.iter().map(|channel| row(channel, "**")));
    let _ = write!(
        out,
        "\nRewarded referrals: {}. First-year revenue is known for {} of them. Per rewarded referral: {} in rewards, {} in benefits.\n\n",
        found.rewarded_referrals,
        found.revenue_sample,
        shown(found.reward_cents),
        shown(found.benefit_cents)
    );
    let thousandths = |value: Option<i64>| {
        value.map_or("–".to_owned(), |n| format!("{}.{:03}", n.div_euclid(1_000), n.rem_euclid(1_000)))
    };
    let _ = write!(
        out,
        "| Clicks | Referred sign-ups | Active referrers | Existing accounts | Referral rate | Viral coefficient |\n\
         |---:|---:|---:|---:|---:|---:|\n| {} | {} | {} | {} | {} | {} |\n",
        found.clicks,
        found.referred_signups,
        found.active_referrers,
        found.existing_accounts,
        thousandths(found.referral_rate_thousandths),
        thousandths(found.viral_coefficient_thousandths)
    );
    definitions(&mut out, economics::DEFINITIONS);
    out
}

fn definitions(out: &mut String, list: &[(&str, &str)]) {
    out.push_str("\n## Definitions\n\n");
    for (name, text) in list {
        let _ = writeln!(out, "- `{name}`: {text}.");
    }
}

fn named(campaign: &str) -> String {
    if campaign.is_empty() { "(none)".to_owned() } else { plain(campaign) }
}

fn hundredths(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", value.unsigned_abs() / 100, value.unsigned_abs() % 100)
}

/// Escapes a text: partners' names and campaigns come from outside, and must not become a link, a heading or another
/// cell.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_strangers_stay_words() {
        assert_eq!(plain("a|b\n# [x](y) <i>"), "a\\|b \\# \\[x\\](y) \\<i\\>");
        assert_eq!([5_580, -105, 3].map(hundredths), ["55.80", "-1.05", "0.03"]);
    }
}
