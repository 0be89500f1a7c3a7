//! How long is kept what is not kept for good. Each kind has a setting; `docs/limits.md` lists them.

/// The longest that can be set: ten years.
const DAYS_MAX: i64 = 3_650;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptKind {
    Responses,
    Messages,
    StripeEvents,
    Sessions,
    Campaigns,
    Reports,
    Clicks,
}

/// How long one kind is kept.
pub struct Rule {
    pub kind: KeptKind,
    /// What is kept, and since when the days count.
    pub what: &'static str,
    /// The setting with its days.
    pub setting: &'static str,
    /// The days if nothing is set, and the fewest that can be set.
    pub days: i64,
    pub days_min: i64,
}

pub const RULES: [Rule; 7] = [
    Rule {
        kind: KeptKind::Responses,
        what: "Responses to an `Idempotency-Key`, since the call. Those of calls that moved money are kept for good",
        setting: "KEEP_RESPONSES_DAYS",
        days: 30,
        days_min: 1,
    },
    Rule {
        kind: KeptKind::Messages,
        what: "What delivered messages say and whom they reached, since they were queued. Their ids are kept for good",
        setting: "KEEP_MESSAGES_DAYS",
        days: 90,
        days_min: 7,
    },
    Rule {
        kind: KeptKind::StripeEvents,
        what: "Ids of Stripe's events, since they arrived, and of those that could not be taken in. Of transfers these are kept until an operator marks them as handled",
        setting: "KEEP_STRIPE_EVENTS_DAYS",
        days: 45,
        // Stripe lists the events of 30 days, and missed ones are read from that list.
        days_min: 35,
    },
    Rule {
        kind: KeptKind::Sessions,
        what: "Sessions and emailed links, since their end; from which network (hashed) a promotion code was requested, since then",
        setting: "KEEP_SESSIONS_DAYS",
        days: 7,
        // How many links were requested is counted by the hour.
        days_min: 1,
    },
    Rule {
        kind: KeptKind::Campaigns,
        what: "Which campaigns of a link and week have a name, since the week",
        setting: "KEEP_CAMPAIGNS_DAYS",
        days: 400,
        days_min: 30,
    },
    Rule {
        kind: KeptKind::Reports,
        what: "Reports that were put together ahead of time, since then. They are put together again when somebody opens them",
        setting: "KEEP_REPORTS_DAYS",
        days: 90,
        days_min: 1,
    },
    Rule {
        kind: KeptKind::Clicks,
        what: "Clicks and funnel events, whole weeks at a time. [Their sums stay](links.md#what-is-counted)",
        setting: "KEEP_CLICKS_DAYS",
        days: 400,
        // Attribution windows, and the months that reports open with.
        days_min: 100,
    },
];

/// The days of each rule, in the order of [`RULES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptDays(pub [i64; RULES.len()]);

impl Default for KeptDays {
    fn default() -> KeptDays {
        KeptDays(std::array::from_fn(|at| RULES[at].days))
    }
}

impl KeptDays {
    pub fn of(&self, kind: KeptKind) -> i64 {
        RULES.iter().zip(self.0).find(|(rule, _)| rule.kind == kind).map_or(DAYS_MAX, |(_, days)| days)
    }

    /// Reads the settings, and returns what is wrong with them. A wrong one is as if it were not set.
    pub fn read(&mut self, text: &dyn Fn(&str) -> String) -> Vec<String> {
        let mut wrong = Vec::new();
        for (days, rule) in self.0.iter_mut().zip(&RULES) {
            let (given, least) = (text(rule.setting), rule.days_min);
            match given.trim().parse() {
                _ if given.trim().is_empty() => {}
                Ok(number) if (least..=DAYS_MAX).contains(&number) => *days = number,
                _ => wrong.push(format!("{}: must be a number of days from {least} to {DAYS_MAX}", rule.setting)),
            }
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, days: &str) -> (KeptDays, Vec<String>) {
        let mut kept = KeptDays::default();
        let wrong = kept.read(&|asked| if asked == name { days.to_owned() } else { String::new() });
        (kept, wrong)
    }

    #[test]
    fn each_setting_has_a_default_and_a_minimum() {
        assert_eq!(KeptDays::default().0, [30, 90, 45, 7, 400, 90, 400]);
        for (at, rule) in RULES.iter().enumerate() {
            assert!(rule.days >= rule.days_min, "{}", rule.setting);
            for good in [rule.days_min, rule.days + 1, DAYS_MAX] {
                let (kept, wrong) = read(rule.setting, &format!(" {good} "));
                assert_eq!((kept.0[at], wrong), (good, Vec::new()), "{}", rule.setting);
            }
            for bad in [&(rule.days_min - 1).to_string(), &(DAYS_MAX + 1).to_string(), "x", "-1", "1.5"] {
                let (kept, wrong) = read(rule.setting, bad);
                assert_eq!((kept, wrong.len()), (KeptDays::default(), 1), "{} {bad}", rule.setting);
                assert!(wrong[0].starts_with(&format!("{}: must be", rule.setting)), "{wrong:?}");
            }
        }
        assert_eq!(RULES.iter().find(|r| r.setting == "KEEP_STRIPE_EVENTS_DAYS").map(|r| r.days_min), Some(35));
    }
}
