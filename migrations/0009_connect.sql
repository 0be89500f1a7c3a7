-- Stripe Connect over time: the operator's own account, partners' accounts that are gone, and transfers that Stripe
-- reports but nobody here asked for.

-- The operator's own Stripe accounts, one per account that STRIPE_API_KEY was of. The one asked last is the present one.
CREATE TABLE stripe_platform (
  id TEXT PRIMARY KEY,                   -- immutable, acct_…
  country TEXT NOT NULL,                 -- mutable, ISO 3166 alpha-2
  key_sha256 TEXT NOT NULL,              -- mutable, hex, of the key that asked: another key asks again
  requested_at_ms INTEGER NOT NULL           -- mutable
) STRICT;

-- Connected accounts that partners had before. Nothing is sent to them.
CREATE TABLE payee_closed (
  stripe_account_id TEXT PRIMARY KEY,    -- immutable, acct_…
  partner_id TEXT NOT NULL REFERENCES partner (id), -- immutable
  country TEXT,                          -- immutable, ISO 3166 alpha-2
  reason TEXT NOT NULL CHECK (reason IN ('deauthorized', 'missing', 'moved')), -- immutable
  detail TEXT NOT NULL,                  -- immutable: what said so, for operators
  actor TEXT NOT NULL,                   -- immutable
  closed_at_ms INTEGER NOT NULL          -- immutable
) STRICT;
CREATE INDEX payee_closed_partner ON payee_closed (partner_id, closed_at_ms);
CREATE TRIGGER payee_closed_update BEFORE UPDATE ON payee_closed BEGIN SELECT RAISE(ABORT, 'guard:payee_closed_immutable'); END;
CREATE TRIGGER payee_closed_delete BEFORE DELETE ON payee_closed BEGIN SELECT RAISE(ABORT, 'guard:payee_closed_immutable'); END;
CREATE TRIGGER payee_reopened BEFORE INSERT ON payee
WHEN EXISTS (SELECT 1 FROM payee_closed WHERE stripe_account_id = NEW.stripe_account_id)
BEGIN SELECT RAISE(ABORT, 'guard:payee_closed'); END;

-- Transfers that Stripe reports to a partner's account, or with a payout's id as their group, until a payout has them.
CREATE TABLE reported_transfer (
  id TEXT PRIMARY KEY,                   -- immutable, tr_…
  transfer_group TEXT NOT NULL,          -- immutable: a payout's id, or what somebody else wrote
  destination TEXT NOT NULL,             -- immutable, acct_…
  currency TEXT NOT NULL,                -- immutable, ISO 4217 in lower case
  amount_cents INTEGER NOT NULL,         -- immutable, minor units
  made_at_ms INTEGER NOT NULL,           -- immutable: when Stripe made it
  acknowledged_at_ms INTEGER,            -- set once: an operator dealt with it
  acknowledged_by TEXT,                  -- set once
  acknowledged_reason TEXT,              -- set once
  CHECK ((acknowledged_at_ms IS NULL) = (acknowledged_by IS NULL))
) STRICT;
CREATE INDEX reported_transfer_open ON reported_transfer (made_at_ms, id) WHERE acknowledged_at_ms IS NULL;
CREATE TRIGGER reported_transfer_known AFTER UPDATE OF transfer_id ON payout WHEN NEW.transfer_id IS NOT NULL
BEGIN DELETE FROM reported_transfer WHERE id = NEW.transfer_id; END;

-- Those that nobody here asked for. A payout whose outcome is not known yet may turn out to have made its own.
CREATE VIEW unexpected_transfer AS
SELECT t.id, t.transfer_group, t.destination, t.currency, t.amount_cents, t.made_at_ms, t.acknowledged_at_ms FROM reported_transfer t
  WHERE t.acknowledged_at_ms IS NULL
    AND NOT EXISTS (SELECT 1 FROM payout p WHERE p.id = t.transfer_group AND p.destination = t.destination
      AND (p.attempt > 0 OR EXISTS (SELECT 1 FROM restoration WHERE restored_at_ms > p.created_at_ms - 34560000000)) AND p.state IN ('planned', 'submitting'));
