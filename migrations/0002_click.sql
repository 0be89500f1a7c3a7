-- Clicks, and the salt of the fingerprints that are used to count them. Rows are written once, in bulk.

-- One visit: the first of a link, visitor and clock hour. Clicks are most of what this database writes, so a click is one
-- row and no more, found by its program and hour, and one entry of an index if it has a fingerprint. Bots are counted by
-- link and day alone (link_day).
CREATE TABLE click (
  program_id    TEXT NOT NULL,                    -- immutable
  hour          INTEGER NOT NULL,                 -- immutable, clicked_at_ms / 3,600,000: clock hours since 1970
  code          TEXT NOT NULL,                    -- immutable, the link's code
  dedupe        INTEGER NOT NULL,                 -- immutable but for erasing, 53-bit hash of code, visitor and hour, one counted click each; random once the visitor is erased
  id            TEXT NOT NULL,                    -- immutable, clk_…, assigned in the Worker; a touch in the cookie refers to it
  partner_id    TEXT NOT NULL,                    -- immutable, the link's partner at that time
  campaign      TEXT,                             -- immutable, the campaign from the URL, otherwise the link's
  visitor       TEXT NOT NULL,                    -- immutable but for erasing: vis_… of the cookie, fp_… of the month, or the click's own id
  clicked_at_ms INTEGER NOT NULL,                 -- immutable, UTC milliseconds
  country       TEXT,                             -- immutable, two letters, from Cloudflare
  utm_source    TEXT,                             -- immutable, the link's, otherwise the request's; at most 64 characters
  utm_medium    TEXT,                             -- immutable, the same
  referrer_host TEXT,                             -- immutable, host only, in lower case
  fingerprint   TEXT,                             -- the visitor, if the program attributes by fingerprint; removed with the month's salt
  PRIMARY KEY (program_id, hour, code, dedupe)
) STRICT, WITHOUT ROWID;
CREATE INDEX click_fingerprint ON click (fingerprint) WHERE fingerprint IS NOT NULL;

-- The last flush of each isolate that counted something that is in no click's row, so that a flush that is sent again counts
-- nothing twice. Rows of past days are deleted.
CREATE TABLE click_flush (
  writer TEXT PRIMARY KEY,                        -- immutable, the isolate: days since 1970 in six digits, then random
  number INTEGER NOT NULL                         -- mutable, rises with each flush
) STRICT, WITHOUT ROWID;

-- Clicks that were answered and could not be stored, by day (UTC): the database was not there for too long.
CREATE TABLE click_dropped (
  day INTEGER PRIMARY KEY,                        -- immutable, days since 1970
  clicks INTEGER NOT NULL                         -- mutable
) STRICT;

-- Has a row once there are more clicks than reports read while somebody waits.
CREATE TABLE click_scale (
  id INTEGER PRIMARY KEY CHECK (id = 1),          -- immutable
  many_since_ms INTEGER NOT NULL                  -- immutable
) STRICT;

-- A month's row is deleted when no attribution window of its clicks is open, so that a fingerprint can't be traced back to an
-- address anymore.
CREATE TABLE visitor_salt (
  month TEXT PRIMARY KEY,                         -- immutable, 2026-06, UTC
  salt  TEXT NOT NULL                             -- immutable, 64 hex digits, random
) STRICT, WITHOUT ROWID;

-- Visitors that are being erased: their ids become others, in all rows alike. A row is deleted once no row has its visitor.
CREATE TABLE visitor_erasure (
  visitor TEXT PRIMARY KEY,                       -- immutable
  replacement TEXT NOT NULL,                      -- immutable, gone_…, random
  scan INTEGER NOT NULL,                          -- mutable: which of the tables without an index is looked through
  row INTEGER NOT NULL,                           -- mutable: its last row that was looked at (seq); of clicks the next hour
  program_id TEXT NOT NULL DEFAULT ''             -- mutable: of clicks the program that is looked through
) STRICT, WITHOUT ROWID;
