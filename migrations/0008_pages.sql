-- Pages: who is signed in, and what partners and operators write there.

-- A browser that is signed in. Of its token only the hash is kept.
CREATE TABLE session (
  id TEXT PRIMARY KEY,                   -- immutable, ses_…
  token_sha256 TEXT NOT NULL UNIQUE,     -- mutable, hex: the token is exchanged for a new one every day
  before_sha256 TEXT,                    -- mutable, hex: the token before this one, which is good for another minute
  rotated_at_ms INTEGER NOT NULL,        -- mutable
  way TEXT NOT NULL CHECK (way IN ('mail', 'site', 'token')), -- immutable: by a mailed link, by the EmDash site, by an operator's token
  email TEXT,                            -- immutable, in lower case: the address that the mailed link has proved
  site_user TEXT,                        -- immutable: the user's id at the EmDash site
  credential_sha256 TEXT,                -- immutable, hex: the operator's token, with which the session ends
  operator INTEGER NOT NULL CHECK (operator IN (0, 1)), -- immutable
  actor TEXT NOT NULL,                   -- immutable: who acts, as the audit log says it
  agent TEXT NOT NULL,                   -- immutable: what the browser calls itself, for whoever looks through their sessions
  created_at_ms INTEGER NOT NULL,        -- immutable
  checked_at_ms INTEGER NOT NULL,        -- mutable: when the site or the token was last asked
  seen_at_ms INTEGER NOT NULL,           -- mutable: to the hour
  expires_at_ms INTEGER NOT NULL,        -- immutable: from then on it is over, whatever happens
  ended_at_ms INTEGER,                   -- set once
  CHECK ((way = 'mail') = (email IS NOT NULL)),
  CHECK ((way = 'site') = (site_user IS NOT NULL)),
  CHECK ((way = 'token') = (credential_sha256 IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX session_before ON session (before_sha256) WHERE before_sha256 IS NOT NULL;
CREATE INDEX session_email ON session (email) WHERE email IS NOT NULL;
CREATE INDEX session_site_user ON session (site_user) WHERE site_user IS NOT NULL;
CREATE INDEX session_credential ON session (credential_sha256) WHERE credential_sha256 IS NOT NULL;
CREATE INDEX session_expires ON session (expires_at_ms);
CREATE INDEX session_ended ON session (ended_at_ms) WHERE ended_at_ms IS NOT NULL;

-- A mailed link on its way. Of its token only the hash is kept; it is good once.
CREATE TABLE mailed_link (
  token_sha256 TEXT PRIMARY KEY,         -- immutable, hex
  purpose TEXT NOT NULL CHECK (purpose IN ('sign_in', 'join')), -- immutable
  email TEXT NOT NULL,                   -- immutable, in lower case
  detail TEXT NOT NULL,                  -- immutable, JSON: what the form for joining said, or where to go afterwards
  created_at_ms INTEGER NOT NULL,        -- immutable
  expires_at_ms INTEGER NOT NULL,        -- immutable
  used_at_ms INTEGER                     -- set once
) STRICT;
CREATE INDEX mailed_link_email ON mailed_link (email, created_at_ms);
CREATE INDEX mailed_link_expires ON mailed_link (expires_at_ms);
CREATE TRIGGER mailed_link_once BEFORE UPDATE ON mailed_link WHEN OLD.used_at_ms IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'mailed_link: used already'); END;

-- Who a partner is, by the site's user and by address: sign-in looks for it.
CREATE INDEX partner_external ON partner (external_id);
CREATE INDEX partner_person_email ON partner_person (lower(email));
-- What the leaderboard calls a partner. NULL: the partner is not shown by name.
ALTER TABLE partner_person ADD COLUMN display_name TEXT; -- mutable

-- What a partner has done, for the copy of their data.
CREATE INDEX audit_actor ON audit (actor, at_ms, id);

-- A partner's links in the order they were made.
CREATE INDEX link_partner_created ON link (partner_id, created_at_ms, code);

-- What an operator writes for the partners of a program.
CREATE TABLE resource (
  id TEXT PRIMARY KEY,                   -- immutable, rsc_…
  program_id TEXT NOT NULL,              -- immutable
  title TEXT NOT NULL,                   -- mutable
  body TEXT NOT NULL,                    -- mutable, Markdown
  updated_at_ms INTEGER NOT NULL,        -- mutable
  created_at_ms INTEGER NOT NULL         -- immutable
) STRICT;
CREATE INDEX resource_program ON resource (program_id, created_at_ms, id);
