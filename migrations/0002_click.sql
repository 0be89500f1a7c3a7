-- Clicks, and the salt of the fingerprints that count them. Rows are written once, in bulk, and never changed.

CREATE TABLE click (
  id            TEXT PRIMARY KEY,                 -- clk_…, given in the Worker: a second attempt to write it does nothing
  code          TEXT NOT NULL,                    -- the link's code
  program_id    TEXT NOT NULL,
  partner_id    TEXT NOT NULL,                    -- the link's partner at the time
  campaign      TEXT,                             -- the link's, or the one the URL named
  visitor       TEXT NOT NULL,                    -- vis_… of the cookie, fp_… of the month's fingerprint, or the click's own id
  clicked_at_ms INTEGER NOT NULL,                 -- UTC milliseconds
  hour          INTEGER NOT NULL,                 -- clicked_at_ms / 3,600,000: clock hours since 1970
  kind          TEXT NOT NULL CHECK (kind IN ('visit', 'bot')),
  country       TEXT,                             -- two letters, as Cloudflare says
  utm_source    TEXT,                             -- the link's, else the request's; at most 64 characters
  utm_medium    TEXT,                             -- the same
  referrer_host TEXT,                             -- host alone, in lower case
  -- One counted click per link, visitor and hour. The hour stands early so that new rows land side by side.
  UNIQUE (code, hour, visitor, kind)
) STRICT, WITHOUT ROWID;

-- One row while its month lasts; then it goes, and with it the way from a fingerprint back to an address.
CREATE TABLE visitor_salt (
  month TEXT PRIMARY KEY,                         -- 2026-06, UTC
  salt  TEXT NOT NULL                             -- 64 hex digits, random
) STRICT, WITHOUT ROWID;
