-- Clicks, and the salt of the fingerprints that count them. Rows are written once, in bulk, and never changed.

-- Appended in the order of arrival. The one index is narrow on purpose: clicks are most of what this database writes, and
-- an index over the words themselves wrote twice as many pages. By id a click is found through its code and hour.
CREATE TABLE click (
  id            TEXT NOT NULL,                    -- immutable, clk_…, given in the Worker; what a touch of the cookie names
  code          TEXT NOT NULL,                    -- immutable, the link's code
  program_id    TEXT NOT NULL,                    -- immutable
  partner_id    TEXT NOT NULL,                    -- immutable, the link's partner at the time
  campaign      TEXT,                             -- immutable, the link's, or the one the URL named
  visitor       TEXT NOT NULL,                    -- immutable, vis_… of the cookie, fp_… of the month, or the click's own id
  clicked_at_ms INTEGER NOT NULL,                 -- immutable, UTC milliseconds
  hour          INTEGER NOT NULL,                 -- immutable, clicked_at_ms / 3,600,000: clock hours since 1970
  kind          TEXT NOT NULL CHECK (kind IN ('visit', 'bot')), -- immutable
  country       TEXT,                             -- immutable, two letters, as Cloudflare says
  utm_source    TEXT,                             -- immutable, the link's, else the request's; at most 64 characters
  utm_medium    TEXT,                             -- immutable, the same
  referrer_host TEXT,                             -- immutable, host alone, in lower case
  fingerprint   TEXT,                             -- immutable, the visitor, where the program attributes by it
  dedupe        INTEGER NOT NULL UNIQUE           -- immutable, 64-bit hash of code, visitor, hour and kind: one counted click each
) STRICT;
CREATE INDEX click_program ON click (program_id, clicked_at_ms);
CREATE INDEX click_fingerprint ON click (fingerprint) WHERE fingerprint IS NOT NULL;

-- One row while its month lasts; then it goes, and with it the way from a fingerprint back to an address.
CREATE TABLE visitor_salt (
  month TEXT PRIMARY KEY,                         -- immutable, 2026-06, UTC
  salt  TEXT NOT NULL                             -- immutable, 64 hex digits, random
) STRICT, WITHOUT ROWID;
