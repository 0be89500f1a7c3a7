-- What stays of clicks and funnel events when their rows are removed: the sums that reports show.

-- Rule 24: distinct visitors of a week whose rows were removed. Of a partner's campaigns those with the most visitors stay, the
-- others are summed as '(other)'.
CREATE TABLE funnel_sum (
  program_id TEXT NOT NULL,              -- immutable
  week TEXT NOT NULL,                    -- immutable, 2026-W24
  partner_id TEXT NOT NULL,              -- immutable
  campaign TEXT NOT NULL,                -- immutable; '' if none was named
  stage TEXT NOT NULL,                   -- immutable; '' are clicks
  visitors INTEGER NOT NULL,             -- mutable: rows of the week that came after it was summed are added
  PRIMARY KEY (program_id, week, partner_id, campaign, stage)
) STRICT, WITHOUT ROWID;

-- Removed clicks of a day by channel: a partner's largest channels, the others summed as '(other)'.
CREATE TABLE channel_sum (
  program_id TEXT NOT NULL,              -- immutable
  day INTEGER NOT NULL,                  -- immutable, days since 1970
  partner_id TEXT NOT NULL,              -- immutable
  channel TEXT NOT NULL,                 -- immutable
  clicks INTEGER NOT NULL,               -- mutable, the same
  PRIMARY KEY (program_id, day, partner_id, channel)
) STRICT, WITHOUT ROWID;

-- The week of a program whose rows are summed and being removed. Its clicks count as removed from then on.
CREATE TABLE week_removal (
  program_id TEXT NOT NULL,              -- immutable
  week TEXT NOT NULL,                    -- immutable
  from_hour INTEGER NOT NULL,            -- immutable, the week's first clock hour
  last_row INTEGER NOT NULL,             -- immutable: the last row of funnel_event that was summed (its seq)
  PRIMARY KEY (program_id, week)
) STRICT, WITHOUT ROWID;

-- The UTM source of removed clicks that bound an account: what the account brings counts for that channel.
CREATE TABLE click_source (
  click_id TEXT PRIMARY KEY,             -- immutable
  utm_source TEXT NOT NULL               -- immutable
) STRICT, WITHOUT ROWID;
