-- Clicks, and the salt of the fingerprints that are used to count them. Rows are written once, in bulk, and never
-- changed.

-- Rows are appended in order of arrival. The only index is narrow on purpose: clicks are most of what this database
-- writes, and an index over the text columns wrote twice as many pages. A click's id is looked up through its code and
-- hour.
CREATE TABLE click (
  id            TEXT NOT NULL,                    -- immutable, clk_…, assigned in the Worker; a touch in the cookie refers to it
  code          TEXT NOT NULL,                    -- immutable, the link's code
  program_id    TEXT NOT NULL,                    -- immutable
  partner_id    TEXT NOT NULL,                    -- immutable, the link's partner at that time
  campaign      TEXT,                             -- immutable, the campaign from the URL, otherwise the link's
  visitor       TEXT NOT NULL,                    -- immutable, vis_… of the cookie, fp_… of the month, or the click's own id
  clicked_at_ms INTEGER NOT NULL,                 -- immutable, UTC milliseconds
  hour          INTEGER NOT NULL,                 -- immutable, clicked_at_ms / 3,600,000: clock hours since 1970
  kind          TEXT NOT NULL CHECK (kind IN ('visit', 'bot')), -- immutable
  country       TEXT,                             -- immutable, two letters, from Cloudflare
  utm_source    TEXT,                             -- immutable, the link's, otherwise the request's; at most 64 characters
  utm_medium    TEXT,                             -- immutable, the same
  referrer_host TEXT,                             -- immutable, host only, in lower case
  fingerprint   TEXT,                             -- immutable, the visitor, if the program attributes by fingerprint
  dedupe        INTEGER NOT NULL UNIQUE           -- immutable, 64-bit hash of code, visitor, hour and kind: one counted click each
) STRICT;
CREATE INDEX click_program ON click (program_id, clicked_at_ms);
CREATE INDEX click_fingerprint ON click (fingerprint) WHERE fingerprint IS NOT NULL;

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
  row INTEGER NOT NULL                            -- mutable: its last row that was looked at
) STRICT, WITHOUT ROWID;
