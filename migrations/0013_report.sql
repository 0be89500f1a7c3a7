-- Reports that read more than a page may, kept as rows. Small ones are put together when somebody opens them.
CREATE TABLE kept_report (
  kind TEXT NOT NULL CHECK (kind IN ('funnel', 'economics', 'channels', 'run')), -- immutable
  subject TEXT NOT NULL,                 -- immutable: the program, or the run
  from_ms INTEGER NOT NULL,              -- immutable: the period that it is about; 0 of a run
  to_ms INTEGER NOT NULL,                -- immutable: its end, which is not part of it
  wanted_at_ms INTEGER,                  -- mutable: when somebody asked for a newer one; NULL: nobody has since
  computed_at_ms INTEGER,                -- mutable: when it was last put together
  body TEXT,                             -- mutable, JSON: the rows of its statements
  PRIMARY KEY (kind, subject, from_ms, to_ms)
) STRICT;
CREATE INDEX kept_report_wanted ON kept_report (wanted_at_ms) WHERE wanted_at_ms IS NOT NULL;
CREATE INDEX kept_report_age ON kept_report (computed_at_ms) WHERE wanted_at_ms IS NULL;
