-- Payouts: who can be paid, what to pay, who approved it, and what was reversed.

-- One payment to one partner, from plan to transfer. Each change takes the next revision, so that of two writers with
-- the same revision only the first succeeds. A final state never changes.
CREATE TABLE payout (
  id TEXT PRIMARY KEY,                   -- immutable, po_…: Stripe's transfer_group, and the prefix of its keys
  run_id TEXT NOT NULL REFERENCES run (id), -- immutable: the run that planned it
  program_id TEXT NOT NULL,              -- immutable
  partner_id TEXT NOT NULL REFERENCES partner (id), -- immutable
  unit TEXT NOT NULL,                    -- immutable, cash:usd
  currency TEXT NOT NULL,                -- immutable, as in the unit
  amount_cents INTEGER NOT NULL CHECK (amount_cents BETWEEN 1 AND 9007199254740991), -- immutable
  destination TEXT NOT NULL,             -- immutable, acct_…
  state TEXT NOT NULL CHECK (state IN ('planned', 'submitting', 'paid', 'failed', 'review', 'cancelled')), -- mutable
  held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)), -- mutable: an operator stopped it
  request TEXT,                          -- set once, before it is first sent: the form, byte for byte
  attempt INTEGER NOT NULL DEFAULT 0,    -- mutable: how many keys have been used
  tries INTEGER NOT NULL DEFAULT 0,      -- mutable: how often this attempt was sent or looked up
  first_sent_at_ms INTEGER,              -- mutable: when this attempt's key was first used
  due_at_ms INTEGER NOT NULL,            -- mutable: nothing happens before
  refusal TEXT,                          -- mutable: why Stripe permanently refused it; a lookup confirms it
  reason TEXT NOT NULL,                  -- mutable: why it is in its state
  transfer_id TEXT UNIQUE,               -- set once, tr_…
  paid_at_ms INTEGER,                    -- set once: when Stripe made the transfer
  revision INTEGER NOT NULL,             -- mutable, incremented by each change
  created_at_ms INTEGER NOT NULL,        -- immutable
  UNIQUE (run_id, partner_id, unit),
  CHECK ((state = 'paid') = (transfer_id IS NOT NULL)),
  CHECK (state <> 'submitting' OR (request IS NOT NULL AND first_sent_at_ms IS NOT NULL AND attempt >= 1))
) STRICT;
CREATE INDEX payout_due ON payout (due_at_ms, id) WHERE state IN ('planned', 'submitting');
CREATE INDEX payout_partner ON payout (partner_id, created_at_ms);
CREATE INDEX payout_created ON payout (created_at_ms, id);
CREATE INDEX payout_paid ON payout (paid_at_ms) WHERE state = 'paid';
CREATE TRIGGER payout_insert BEFORE INSERT ON payout WHEN NEW.revision <> 1 OR NEW.state <> 'planned'
BEGIN SELECT RAISE(ABORT, 'payout: begins planned'); END;
CREATE TRIGGER payout_update BEFORE UPDATE ON payout WHEN NEW.revision <> OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'payout: stale revision'); END;
CREATE TRIGGER payout_over BEFORE UPDATE ON payout WHEN OLD.state IN ('paid', 'failed', 'cancelled')
BEGIN SELECT RAISE(ABORT, 'payout: it is over'); END;
CREATE TRIGGER payout_frozen BEFORE UPDATE ON payout WHEN OLD.request IS NOT NULL AND NEW.request IS NOT OLD.request
BEGIN SELECT RAISE(ABORT, 'payout: the request is frozen'); END;
CREATE TRIGGER payout_shape BEFORE UPDATE OF id, run_id, program_id, partner_id, unit, currency, amount_cents, destination ON payout
BEGIN SELECT RAISE(ABORT, 'payout: immutable'); END;
CREATE TRIGGER payout_no_delete BEFORE DELETE ON payout BEGIN SELECT RAISE(ABORT, 'payout: immutable'); END;

-- Who approved a run's payouts.
CREATE TABLE payout_approval (
  run_id TEXT PRIMARY KEY REFERENCES run (id), -- immutable
  program_id TEXT NOT NULL,              -- immutable
  actor TEXT NOT NULL,                   -- immutable
  reason TEXT,                           -- immutable
  at_ms INTEGER NOT NULL                 -- immutable
) STRICT;
CREATE INDEX payout_approval_program ON payout_approval (program_id, at_ms);

-- A reversal of a transfer, in whole or in part, with the same states and rules as a payout.
CREATE TABLE payout_reversal (
  id TEXT PRIMARY KEY,                   -- immutable, rvl_…
  payout_id TEXT NOT NULL REFERENCES payout (id), -- immutable
  program_id TEXT NOT NULL,              -- immutable
  partner_id TEXT NOT NULL,              -- immutable
  unit TEXT NOT NULL,                    -- immutable
  currency TEXT NOT NULL,                -- immutable
  amount_cents INTEGER NOT NULL CHECK (amount_cents BETWEEN 1 AND 9007199254740991), -- immutable
  transfer_id TEXT NOT NULL,             -- immutable, tr_…: the transfer to reverse
  state TEXT NOT NULL CHECK (state IN ('planned', 'submitting', 'paid', 'failed', 'review', 'cancelled')), -- mutable; paid: reversed
  held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)), -- mutable
  request TEXT,                          -- set once
  attempt INTEGER NOT NULL DEFAULT 0,    -- mutable
  tries INTEGER NOT NULL DEFAULT 0,      -- mutable
  first_sent_at_ms INTEGER,              -- mutable
  due_at_ms INTEGER NOT NULL,            -- mutable
  refusal TEXT,                          -- mutable
  reason TEXT NOT NULL,                  -- mutable
  reversal_id TEXT UNIQUE,               -- set once, trr_…
  reversed_at_ms INTEGER,                -- set once
  revision INTEGER NOT NULL,             -- mutable, incremented by each change
  actor TEXT NOT NULL,                   -- immutable
  created_at_ms INTEGER NOT NULL,        -- immutable
  CHECK ((state = 'paid') = (reversal_id IS NOT NULL)),
  CHECK (state <> 'submitting' OR (request IS NOT NULL AND first_sent_at_ms IS NOT NULL AND attempt >= 1))
) STRICT;
CREATE INDEX payout_reversal_payout ON payout_reversal (payout_id);
CREATE INDEX payout_reversal_due ON payout_reversal (due_at_ms, id) WHERE state IN ('planned', 'submitting');
CREATE TRIGGER payout_reversal_insert BEFORE INSERT ON payout_reversal WHEN NEW.revision <> 1 OR NEW.state <> 'planned'
BEGIN SELECT RAISE(ABORT, 'reversal: begins planned'); END;
CREATE TRIGGER payout_reversal_cap BEFORE INSERT ON payout_reversal
WHEN NEW.amount_cents + (SELECT COALESCE(SUM(amount_cents), 0) FROM payout_reversal WHERE payout_id = NEW.payout_id AND state NOT IN ('failed', 'cancelled'))
  > (SELECT COALESCE(SUM(amount_cents), 0) FROM payout WHERE id = NEW.payout_id AND state = 'paid' AND transfer_id = NEW.transfer_id)
BEGIN SELECT RAISE(ABORT, 'reversal: more than was paid'); END;
CREATE TRIGGER payout_reversal_update BEFORE UPDATE ON payout_reversal WHEN NEW.revision <> OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'reversal: stale revision'); END;
CREATE TRIGGER payout_reversal_over BEFORE UPDATE ON payout_reversal WHEN OLD.state IN ('paid', 'failed', 'cancelled')
BEGIN SELECT RAISE(ABORT, 'reversal: it is over'); END;
CREATE TRIGGER payout_reversal_frozen BEFORE UPDATE ON payout_reversal WHEN OLD.request IS NOT NULL AND NEW.request IS NOT OLD.request
BEGIN SELECT RAISE(ABORT, 'reversal: the request is frozen'); END;
CREATE TRIGGER payout_reversal_shape BEFORE UPDATE OF id, payout_id, program_id, partner_id, unit, currency, amount_cents, transfer_id ON payout_reversal
BEGIN SELECT RAISE(ABORT, 'reversal: immutable'); END;
CREATE TRIGGER payout_reversal_no_delete BEFORE DELETE ON payout_reversal BEGIN SELECT RAISE(ABORT, 'reversal: immutable'); END;

-- Every row of this view is an error, as in ledger_check: the ledger must match the rows of payouts and reversals.
CREATE VIEW payout_check AS
SELECT 'payout ' || p.id || ': the ledger does not say that it is ' || p.state AS what FROM payout p
  WHERE NOT EXISTS (SELECT 1 FROM transfer t WHERE t.id = p.id || '.pending' AND t.phase = 'pending' AND t.amount_cents = p.amount_cents)
     OR (p.state = 'paid') <> EXISTS (SELECT 1 FROM transfer t WHERE t.pending_id = p.id || '.pending' AND t.phase = 'post' AND t.amount_cents = p.amount_cents)
     OR (p.state IN ('failed', 'cancelled')) <> EXISTS (SELECT 1 FROM transfer t WHERE t.pending_id = p.id || '.pending' AND t.phase = 'void')
UNION ALL
SELECT 'reversal ' || r.id || ': the ledger does not have it' FROM payout_reversal r
  WHERE r.state = 'paid' AND NOT EXISTS (SELECT 1 FROM transfer t
    WHERE t.id = r.reversal_id AND t.code = 'payout_return' AND t.amount_cents = r.amount_cents);
