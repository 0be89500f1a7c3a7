-- Pages: who is signed in, and what partners and operators write there.

-- A signed-in browser. Only the hash of its token is stored.
CREATE TABLE session (
  id TEXT PRIMARY KEY,                   -- immutable, ses_…
  token_sha256 TEXT NOT NULL UNIQUE,     -- mutable, hex: the token is replaced every day
  before_sha256 TEXT,                    -- mutable, hex: the previous token, which stays valid for another minute
  rotated_at_ms INTEGER NOT NULL,        -- mutable
  way TEXT NOT NULL CHECK (way IN ('email', 'site', 'token')), -- immutable: signed in by an emailed link, through the EmDash site, or with an operator's token
  email TEXT,                            -- immutable, in lower case: the address that the emailed link verified
  site_user TEXT,                        -- immutable: the user's id at the EmDash site
  credential_sha256 TEXT,                -- immutable, hex: the operator's token; the session ends with it
  operator INTEGER NOT NULL CHECK (operator IN (0, 1)), -- immutable
  actor TEXT NOT NULL,                   -- immutable: who acts, as recorded in the audit log
  agent TEXT NOT NULL,                   -- immutable: the browser's name for itself, shown in the list of sessions
  created_at_ms INTEGER NOT NULL,        -- immutable
  checked_at_ms INTEGER NOT NULL,        -- mutable: when the site or the token was last checked
  seen_at_ms INTEGER NOT NULL,           -- mutable: to the hour
  expires_at_ms INTEGER NOT NULL,        -- immutable: the session always ends then
  ended_at_ms INTEGER,                   -- set once
  CHECK ((way = 'email') = (email IS NOT NULL)),
  CHECK ((way = 'site') = (site_user IS NOT NULL)),
  CHECK ((way = 'token') = (credential_sha256 IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX session_before ON session (before_sha256) WHERE before_sha256 IS NOT NULL;
CREATE INDEX session_email ON session (email) WHERE email IS NOT NULL;
CREATE INDEX session_site_user ON session (site_user) WHERE site_user IS NOT NULL;
CREATE INDEX session_credential ON session (credential_sha256) WHERE credential_sha256 IS NOT NULL;
CREATE INDEX session_expires ON session (expires_at_ms);
CREATE INDEX session_ended ON session (ended_at_ms) WHERE ended_at_ms IS NOT NULL;

-- An emailed link. Only the hash of its token is stored; it works once.
CREATE TABLE magic_link (
  token_sha256 TEXT PRIMARY KEY,         -- immutable, hex
  purpose TEXT NOT NULL CHECK (purpose IN ('sign_in', 'join', 'change_email')), -- immutable
  email TEXT NOT NULL,                   -- immutable, in lower case
  requested_by TEXT NOT NULL,                -- immutable, keyed hash of the requester's network; '' if unknown
  is_live INTEGER NOT NULL CHECK (is_live IN (0, 1)), -- immutable, 0: nobody has this address, and no email was sent
  detail TEXT NOT NULL,                  -- immutable, JSON: the data of the form for joining, where to go afterwards, or whose address changes
  created_at_ms INTEGER NOT NULL,        -- immutable
  expires_at_ms INTEGER NOT NULL,        -- immutable
  used_at_ms INTEGER                     -- set once
) STRICT;
CREATE INDEX magic_link_email ON magic_link (email, purpose, created_at_ms);
CREATE INDEX magic_link_partner ON magic_link (detail ->> '$.partner') WHERE purpose = 'change_email';
CREATE INDEX magic_link_expires ON magic_link (expires_at_ms);
CREATE TRIGGER magic_link_once BEFORE UPDATE ON magic_link WHEN OLD.used_at_ms IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'guard:magic_link_used'); END;

-- Sign-in finds a partner by the site's user or by email address.
CREATE INDEX partner_external ON partner (external_id);
CREATE INDEX partner_person_email ON partner_person (lower(email));
-- Hex. It finds email preferences, which are stored without the address. Written whenever the address is.
ALTER TABLE partner_person ADD COLUMN email_sha256 TEXT; -- mutable
CREATE INDEX partner_person_email_sha256 ON partner_person (email_sha256) WHERE email_sha256 IS NOT NULL;
-- The partner's name on the leaderboard. NULL: the partner is not shown by name.
ALTER TABLE partner_person ADD COLUMN display_name TEXT; -- mutable

-- Payouts and reversals that a person has to review.
CREATE INDEX payout_review ON payout (created_at_ms, id) WHERE state = 'review';
CREATE INDEX payout_reversal_review ON payout_reversal (id) WHERE state = 'review';

-- A partner's actions, for the copy of their data.
CREATE INDEX audit_actor ON audit (actor, at_ms, id);

-- A partner's links in the order of their creation.
CREATE INDEX link_partner_created ON link (partner_id, created_at_ms, code);

-- Articles that an operator writes for the partners of a program.
CREATE TABLE resource (
  id TEXT PRIMARY KEY,                   -- immutable, rsc_…
  program_id TEXT NOT NULL,              -- immutable
  title TEXT NOT NULL,                   -- mutable
  body TEXT NOT NULL,                    -- mutable, Markdown
  updated_at_ms INTEGER NOT NULL,        -- mutable
  created_at_ms INTEGER NOT NULL         -- immutable
) STRICT;
CREATE INDEX resource_program ON resource (program_id, created_at_ms, id);

-- The partners' pages show sums and the newest items, and must be as fast with a hundred thousand accruals as with ten.
-- So triggers, and the flush of clicks, keep the counts, and every list has its index.

-- Clicks, sign-ups and first payments of a link by day (UTC).
CREATE TABLE link_day (
  partner_id TEXT NOT NULL,              -- immutable
  code TEXT NOT NULL,                    -- immutable, the link's code
  day INTEGER NOT NULL,                  -- immutable, days since 1970
  clicks INTEGER NOT NULL DEFAULT 0,     -- mutable, written with the clicks: visits, each visitor once in an hour
  bots INTEGER NOT NULL DEFAULT 0,       -- mutable, the same: requests of programs
  limited INTEGER NOT NULL DEFAULT 0,    -- mutable, the same: visits beyond what is stored of one network
  signups INTEGER NOT NULL DEFAULT 0,    -- kept by trigger: the partner's accounts that signed up on that day
  conversions INTEGER NOT NULL DEFAULT 0, -- kept by trigger: accounts whose first payment since the binding was on that day
  PRIMARY KEY (partner_id, code, day)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER binding_count AFTER INSERT ON binding WHEN NEW.partner_id IS NOT NULL BEGIN
  INSERT INTO link_day (partner_id, code, day, signups) VALUES (NEW.partner_id, COALESCE(NEW.code, ''), NEW.signed_up_at_ms / 86400000, 1)
    ON CONFLICT (partner_id, code, day) DO UPDATE SET signups = signups + 1;
  INSERT INTO link_day (partner_id, code, day, conversions)
    SELECT NEW.partner_id, COALESCE(NEW.code, ''), NEW.qualified_at_ms / 86400000, 1 WHERE NEW.qualified_at_ms IS NOT NULL
    ON CONFLICT (partner_id, code, day) DO UPDATE SET conversions = conversions + 1;
END;
CREATE TRIGGER binding_recount AFTER UPDATE OF partner_id, code, signed_up_at_ms, qualified_at_ms ON binding
WHEN (OLD.partner_id, OLD.code, OLD.signed_up_at_ms, OLD.qualified_at_ms)
  IS NOT (NEW.partner_id, NEW.code, NEW.signed_up_at_ms, NEW.qualified_at_ms) BEGIN
  UPDATE link_day SET signups = signups - 1
    WHERE partner_id = OLD.partner_id AND code = COALESCE(OLD.code, '') AND day = OLD.signed_up_at_ms / 86400000;
  UPDATE link_day SET conversions = conversions - 1
    WHERE partner_id = OLD.partner_id AND code = COALESCE(OLD.code, '') AND day = OLD.qualified_at_ms / 86400000;
  INSERT INTO link_day (partner_id, code, day, signups)
    SELECT NEW.partner_id, COALESCE(NEW.code, ''), NEW.signed_up_at_ms / 86400000, 1 WHERE NEW.partner_id IS NOT NULL
    ON CONFLICT (partner_id, code, day) DO UPDATE SET signups = signups + 1;
  INSERT INTO link_day (partner_id, code, day, conversions)
    SELECT NEW.partner_id, COALESCE(NEW.code, ''), NEW.qualified_at_ms / 86400000, 1
      WHERE NEW.partner_id IS NOT NULL AND NEW.qualified_at_ms IS NOT NULL
    ON CONFLICT (partner_id, code, day) DO UPDATE SET conversions = conversions + 1;
END;
CREATE TRIGGER binding_uncount AFTER DELETE ON binding WHEN OLD.partner_id IS NOT NULL BEGIN
  UPDATE link_day SET signups = signups - 1
    WHERE partner_id = OLD.partner_id AND code = COALESCE(OLD.code, '') AND day = OLD.signed_up_at_ms / 86400000;
  UPDATE link_day SET conversions = conversions - 1
    WHERE partner_id = OLD.partner_id AND code = COALESCE(OLD.code, '') AND day = OLD.qualified_at_ms / 86400000;
END;

-- The current sum of a partner's accruals on a day (UTC).
CREATE TABLE earned_day (
  partner_id TEXT NOT NULL,              -- immutable
  day INTEGER NOT NULL,                  -- immutable, days since 1970, of the accruals' instants
  unit TEXT NOT NULL,                    -- immutable
  cents INTEGER NOT NULL,                -- kept by trigger
  PRIMARY KEY (partner_id, day, unit)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER accrual_count AFTER INSERT ON accrual WHEN NEW.partner_id <> '' AND NEW.net_cents <> 0 BEGIN
  INSERT INTO earned_day (partner_id, day, unit, cents) VALUES (NEW.partner_id, NEW.at_ms / 86400000, NEW.unit, NEW.net_cents)
    ON CONFLICT (partner_id, day, unit) DO UPDATE SET cents = cents + excluded.cents;
END;
CREATE TRIGGER accrual_recount AFTER UPDATE OF net_cents, at_ms ON accrual
WHEN NEW.partner_id <> '' AND (OLD.net_cents, OLD.at_ms) IS NOT (NEW.net_cents, NEW.at_ms) BEGIN
  INSERT INTO earned_day (partner_id, day, unit, cents) VALUES (OLD.partner_id, OLD.at_ms / 86400000, OLD.unit, -OLD.net_cents)
    ON CONFLICT (partner_id, day, unit) DO UPDATE SET cents = cents + excluded.cents;
  INSERT INTO earned_day (partner_id, day, unit, cents) VALUES (NEW.partner_id, NEW.at_ms / 86400000, NEW.unit, NEW.net_cents)
    ON CONFLICT (partner_id, day, unit) DO UPDATE SET cents = cents + excluded.cents;
END;

-- A partner's accruals in one state, newest first. Those that are available, most of them, are in `accrual_taken`; a query
-- for other states must say `state <> 'available'` to use this.
CREATE INDEX accrual_partner_state ON accrual (partner_id, state, at_ms, id) WHERE state <> 'available';
CREATE INDEX leaderboard_rank ON leaderboard (program_id, rank, partner_id);
-- Rows of accruals that change what a partner can be paid in cash: reversals of vested accruals, accruals without a hold,
-- and adjustments. Without these indexes, a payout's receipt would read every accrual that its partner ever had.
CREATE INDEX transfer_taken ON transfer (debit) WHERE accrual_id IS NOT NULL AND code IN ('reverse', 'deduct');
CREATE INDEX transfer_unheld ON transfer (credit) WHERE accrual_id IS NOT NULL AND code IN ('accrue', 'adjust') AND instr(credit, '/cash:') > 0
  AND instr(credit, '/available/') > 0;

-- What operators find partners by: their names, addresses, websites and external ids, from each of their words on. So one range of this table finds "lee", "lee@example.com" and "example.com", whatever there is.
CREATE TABLE partner_word (
  word TEXT NOT NULL,                    -- immutable, in lower case, at most 64 characters
  partner_id TEXT NOT NULL,              -- immutable
  PRIMARY KEY (word, partner_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX partner_word_partner ON partner_word (partner_id);
CREATE VIEW partner_text AS
SELECT id AS partner_id, lower(external_id) AS text FROM partner
UNION ALL SELECT id, lower(website) FROM partner WHERE website IS NOT NULL
UNION ALL SELECT partner_id, lower(name) FROM partner_person WHERE name IS NOT NULL
UNION ALL SELECT partner_id, lower(email) FROM partner_person WHERE email IS NOT NULL;
CREATE VIEW partner_text_word AS
SELECT DISTINCT t.partner_id, substr(t.text, n.value, 64) AS word
FROM partner_text t CROSS JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60,61,62,63,64,65,66,67,68,69,70,71,72,73,74,75,76,77,78,79,80,81,82,83,84,85,86,87,88,89,90,91,92,93,94,95,96,97,98,99,100,101,102,103,104,105,106,107,108,109,110,111,112,113,114,115,116,117,118,119,120,121,122,123,124,125,126,127,128]') n
WHERE n.value <= length(t.text) AND (n.value = 1 OR instr(' @.-_+/:', substr(t.text, n.value - 1, 1)) > 0)
  AND instr(' @.-_+/:', substr(t.text, n.value, 1)) = 0;
CREATE TRIGGER partner_found AFTER INSERT ON partner_person BEGIN
  INSERT INTO partner_word (word, partner_id) SELECT word, partner_id FROM partner_text_word WHERE partner_id = NEW.partner_id;
END;
CREATE TRIGGER partner_person_found_again AFTER UPDATE OF name, email ON partner_person
WHEN (OLD.name, OLD.email) IS NOT (NEW.name, NEW.email) BEGIN
  DELETE FROM partner_word WHERE partner_id = NEW.partner_id;
  INSERT INTO partner_word (word, partner_id) SELECT word, partner_id FROM partner_text_word WHERE partner_id = NEW.partner_id;
END;
CREATE TRIGGER partner_found_again AFTER UPDATE OF website, external_id ON partner
WHEN (OLD.website, OLD.external_id) IS NOT (NEW.website, NEW.external_id) BEGIN
  DELETE FROM partner_word WHERE partner_id = NEW.id;
  INSERT INTO partner_word (word, partner_id) SELECT word, partner_id FROM partner_text_word WHERE partner_id = NEW.id;
END;
