-- Funnels: the stages that visitors reach through a partner. Rows are written once and never changed.

-- One row per event that reached a stage. Clicks are the first stage and have their own table. No personal data: a
-- visitor is the cookie's random id, the month's fingerprint, or the sender's id.
CREATE TABLE funnel_event (
  seq        INTEGER PRIMARY KEY,        -- immutable: the order in which rows were written
  id         TEXT NOT NULL UNIQUE,       -- immutable, fev_…; for a webhook's event it is derived, so that a replay adds nothing
  program_id TEXT NOT NULL,              -- immutable
  partner_id TEXT NOT NULL,              -- immutable, the code's partner
  code       TEXT NOT NULL,              -- immutable, the link's code
  campaign   TEXT NOT NULL,              -- immutable; '' if none was named
  stage      TEXT NOT NULL,              -- immutable, by the program's document in force at at_ms
  event      TEXT NOT NULL,              -- immutable, the type of event that reached it
  visitor    TEXT,                       -- immutable; NULL: unknown, and the event counts as one visitor
  path       TEXT,                       -- immutable, path of the page; at most 512 bytes
  at_ms      INTEGER NOT NULL,           -- immutable, UTC milliseconds
  week       TEXT NOT NULL               -- immutable, 2026-W24: the ISO week of at_ms, from Monday 00:00 UTC
) STRICT;
CREATE INDEX funnel_event_week ON funnel_event (program_id, week);
