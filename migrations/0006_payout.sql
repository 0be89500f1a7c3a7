-- Payouts: who can be paid, what to pay, who approved it, and what was reversed.

-- When this database was restored from a backup. What the lost one sent after the backup was made is not known here: it
-- is looked up at Stripe before anything is sent.
CREATE TABLE restoration (
  restored_at_ms INTEGER PRIMARY KEY,    -- immutable
  taken_at_ms INTEGER NOT NULL           -- immutable: when the backup was made
) STRICT;
CREATE TRIGGER restoration_no_update BEFORE UPDATE ON restoration BEGIN SELECT RAISE(ABORT, 'guard:restoration_immutable'); END;
CREATE TRIGGER restoration_no_delete BEFORE DELETE ON restoration BEGIN SELECT RAISE(ABORT, 'guard:restoration_immutable'); END;

-- One payment to one partner, from plan to transfer. Each change takes the next revision, so that of two writers with
-- the same revision only the first succeeds. A final state never changes.
CREATE TABLE payout (
  id TEXT PRIMARY KEY,                   -- immutable, po_…: Stripe's transfer_group, and the prefix of its keys
  run_id TEXT NOT NULL REFERENCES run (id), -- immutable: the run that planned it
  program_id TEXT NOT NULL,              -- immutable
  partner_id TEXT NOT NULL REFERENCES partner (id), -- immutable
  unit TEXT NOT NULL,                    -- immutable, cash:usd
  currency TEXT NOT NULL,                -- immutable, as in the unit
  planned_cents INTEGER NOT NULL CHECK (planned_cents BETWEEN 1 AND 9007199254740991), -- immutable: as planned
  amount_cents INTEGER NOT NULL CHECK (amount_cents BETWEEN 1 AND 9007199254740991), -- mutable until it is sent: the planned amount, minus what changed; once, as Stripe's transfer has it
  minimum_cents INTEGER NOT NULL,        -- immutable: the least that its program pays out
  carried_cents INTEGER,                 -- set once: cancelled because no more than this was left, which is carried forward
  reserved_id TEXT NOT NULL,             -- mutable: the pending ledger row that reserves its amount
  destination TEXT NOT NULL,             -- immutable, acct_…
  state TEXT NOT NULL CHECK (state IN ('planned', 'submitting', 'paid', 'failed', 'review', 'cancelled')), -- mutable
  held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)), -- mutable: an operator stopped it
  request TEXT,                          -- mutable: the form of this attempt, byte for byte, set before it is first sent
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
  CHECK (amount_cents <= planned_cents OR state = 'paid'),
  CHECK ((state = 'paid') = (transfer_id IS NOT NULL)),
  CHECK (state <> 'submitting' OR (request IS NOT NULL AND first_sent_at_ms IS NOT NULL AND attempt >= 1))
) STRICT;
CREATE INDEX payout_due ON payout (due_at_ms, id) WHERE state IN ('planned', 'submitting');
-- Those that somebody stopped, and those that may wait for an approval.
CREATE INDEX payout_held ON payout (created_at_ms, id) WHERE state IN ('planned', 'submitting') AND held = 1;
CREATE INDEX payout_waiting ON payout (run_id) WHERE state = 'planned' AND held = 0;
CREATE INDEX payout_partner ON payout (partner_id, created_at_ms);
CREATE INDEX payout_planned ON payout (partner_id) WHERE state = 'planned';
CREATE INDEX payout_created ON payout (created_at_ms, id);
CREATE INDEX payout_paid ON payout (paid_at_ms) WHERE state = 'paid';
CREATE TRIGGER payout_insert BEFORE INSERT ON payout WHEN NEW.revision <> 1 OR NEW.state <> 'planned'
BEGIN SELECT RAISE(ABORT, 'guard:payout_not_new'); END;
CREATE TRIGGER payout_update BEFORE UPDATE OF id, run_id, program_id, partner_id, unit, currency, planned_cents, amount_cents, minimum_cents, carried_cents,
  reserved_id, destination, state, held, request, attempt, tries, first_sent_at_ms, due_at_ms, refusal, transfer_id, paid_at_ms, revision, created_at_ms ON payout
WHEN NEW.revision <> OLD.revision + 1 BEGIN SELECT RAISE(ABORT, 'guard:payout_stale'); END;
CREATE TRIGGER payout_words BEFORE UPDATE OF reason ON payout WHEN NEW.revision = OLD.revision AND NEW.reason <> 'erased'
BEGIN SELECT RAISE(ABORT, 'guard:payout_stale'); END;
-- A writer that is late meets payout_update. The others only judge one that knows the row as it is: for them, nothing
-- that it reads again changes the answer. The same for reversals and credits.
CREATE TRIGGER payout_over BEFORE UPDATE ON payout WHEN OLD.state IN ('paid', 'failed', 'cancelled') AND NEW.revision = OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'guard:payout_final'); END;
CREATE TRIGGER payout_frozen BEFORE UPDATE ON payout
WHEN OLD.request IS NOT NULL AND NEW.request IS NOT OLD.request AND NEW.attempt = OLD.attempt AND NEW.revision = OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'guard:payout_request_fixed'); END;
-- A payout under review may be paid with the amount that Stripe's transfer has, which another copy of the database sent.
CREATE TRIGGER payout_amount BEFORE UPDATE OF amount_cents, reserved_id, carried_cents ON payout
WHEN (NEW.amount_cents <> OLD.amount_cents OR NEW.reserved_id <> OLD.reserved_id OR NEW.carried_cents IS NOT OLD.carried_cents)
  AND NOT (OLD.state = 'review' AND NEW.state = 'paid' AND NEW.carried_cents IS OLD.carried_cents) AND (OLD.state <> 'planned' OR NEW.amount_cents > OLD.amount_cents) AND NEW.revision = OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'guard:payout_amount_fixed'); END;
CREATE TRIGGER payout_shape BEFORE UPDATE OF id, run_id, program_id, partner_id, unit, currency, planned_cents, minimum_cents, destination ON payout
BEGIN SELECT RAISE(ABORT, 'guard:payout_immutable'); END;
CREATE TRIGGER payout_no_delete BEFORE DELETE ON payout BEGIN SELECT RAISE(ABORT, 'guard:payout_immutable'); END;

-- Which payout takes which accrual, and how much of it. This is the only record of what was paid for what. The amounts of
-- a payout's rows add up to its amount.
CREATE TABLE payout_accrual (
  payout_id TEXT NOT NULL REFERENCES payout (id), -- immutable
  accrual_id TEXT NOT NULL,              -- immutable; '': what no accrual explains, such as what is rounded
  planned_cents INTEGER NOT NULL,        -- immutable: as planned; negative if an earlier payout took more than is left of it
  amount_cents INTEGER NOT NULL,         -- mutable until the payout is sent, or while it is under review
  returned_cents INTEGER NOT NULL DEFAULT 0, -- mutable: how much of it a reversal brought back
  change TEXT CHECK (change IN ('reversed', 'disputed', 'held', 'owed', 'rounded', 'transfer')), -- set with the amount: why it is not what was planned
  event_id TEXT,                         -- set with the amount: the event behind that
  PRIMARY KEY (payout_id, accrual_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX payout_accrual_accrual ON payout_accrual (accrual_id) WHERE accrual_id <> '';
CREATE TRIGGER payout_accrual_insert AFTER INSERT ON payout_accrual BEGIN
  UPDATE accrual SET payout_cents = payout_cents + NEW.amount_cents,
      changed_at_ms = MAX(changed_at_ms, (SELECT created_at_ms FROM payout WHERE id = NEW.payout_id)) WHERE id = NEW.accrual_id;
END;
CREATE TRIGGER payout_accrual_update AFTER UPDATE OF amount_cents, returned_cents ON payout_accrual BEGIN
  UPDATE accrual SET payout_cents = payout_cents + (NEW.amount_cents - NEW.returned_cents) - (OLD.amount_cents - OLD.returned_cents)
    WHERE id = NEW.accrual_id;
END;
CREATE TRIGGER payout_accrual_sent BEFORE UPDATE OF amount_cents ON payout_accrual
WHEN NEW.amount_cents <> OLD.amount_cents AND (SELECT state FROM payout WHERE id = NEW.payout_id) NOT IN ('planned', 'review')
BEGIN SELECT RAISE(ABORT, 'guard:payout_accruals_fixed'); END;
CREATE TRIGGER payout_accrual_shape BEFORE UPDATE OF payout_id, accrual_id, planned_cents ON payout_accrual
BEGIN SELECT RAISE(ABORT, 'guard:payout_immutable'); END;
CREATE TRIGGER payout_accrual_no_delete BEFORE DELETE ON payout_accrual BEGIN SELECT RAISE(ABORT, 'guard:payout_immutable'); END;
-- A payout that moved no money gives its accruals back.
CREATE TRIGGER payout_released AFTER UPDATE OF state ON payout WHEN NEW.state IN ('failed', 'cancelled') BEGIN
  UPDATE accrual SET payout_cents = payout_cents - r.amount_cents
    FROM (SELECT accrual_id, amount_cents FROM payout_accrual WHERE payout_id = NEW.id) r WHERE accrual.id = r.accrual_id;
END;
-- That a payout's accruals were paid, or are not after all, is news about them.
CREATE TRIGGER payout_moved AFTER INSERT ON transfer WHEN NEW.code = 'payout' AND NEW.phase <> 'pending' BEGIN
  UPDATE accrual SET changed_at_ms = MAX(changed_at_ms, NEW.created_at_ms)
    WHERE id IN (SELECT l.accrual_id FROM payout_accrual l WHERE l.payout_id = substr(NEW.id, 1, instr(NEW.id, '.') - 1));
END;

-- What came back of a paid payout, no matter who reversed it. The newest accruals are given back first.
CREATE TABLE payout_return (
  id TEXT PRIMARY KEY,                   -- immutable, trr_…: the reversal at Stripe, as in the ledger
  payout_id TEXT NOT NULL REFERENCES payout (id), -- immutable
  amount_cents INTEGER NOT NULL          -- immutable
) STRICT;
CREATE INDEX payout_return_payout ON payout_return (payout_id);
CREATE TRIGGER payout_return_insert AFTER INSERT ON payout_return BEGIN
  UPDATE payout_accrual SET returned_cents = returned_cents + MIN(r.stays, NEW.amount_cents - r.above)
    FROM (SELECT l.accrual_id, l.amount_cents - l.returned_cents AS stays,
            SUM(l.amount_cents - l.returned_cents) OVER (ORDER BY a.at_ms DESC, l.accrual_id DESC) - l.amount_cents + l.returned_cents AS above
          FROM payout_accrual l LEFT JOIN accrual a ON a.id = l.accrual_id
          WHERE l.payout_id = NEW.payout_id AND l.amount_cents > l.returned_cents) r
    WHERE payout_accrual.payout_id = NEW.payout_id AND payout_accrual.accrual_id = r.accrual_id AND r.above < NEW.amount_cents;
  UPDATE accrual SET changed_at_ms = MAX(changed_at_ms, COALESCE((SELECT created_at_ms FROM transfer WHERE id = NEW.id), 0))
    WHERE id IN (SELECT l.accrual_id FROM payout_accrual l WHERE l.payout_id = NEW.payout_id AND l.returned_cents > 0);
END;
CREATE TRIGGER payout_return_no_update BEFORE UPDATE ON payout_return BEGIN SELECT RAISE(ABORT, 'guard:payout_immutable'); END;
CREATE TRIGGER payout_return_no_delete BEFORE DELETE ON payout_return BEGIN SELECT RAISE(ABORT, 'guard:payout_immutable'); END;

-- What the accruals of payouts that were not sent still allow. What an accrual lost is taken off one of the payouts that
-- include it, and a payout takes nothing of an accrual that is held or disputed. What this does not cover is a debt.
CREATE VIEW payout_unsent AS
SELECT l.payout_id, l.accrual_id, l.planned_cents, l.amount_cents, IIF(a.state IN ('held', 'disputed'), a.state, 'reversed') AS change,
  IIF(a.state = 'disputed',
    (SELECT e.id FROM event e WHERE e.account_id = a.account_id AND e.type = 'dispute.opened' ORDER BY e.occurred_at_ms DESC LIMIT 1),
    (SELECT t.event_id FROM transfer t WHERE t.accrual_id = a.id AND t.code IN ('reverse', 'deduct') ORDER BY t.seq DESC LIMIT 1)) AS event_id,
  IIF(l.amount_cents <= 0, l.amount_cents, MAX(0, IIF(a.state IN ('held', 'disputed'), 0, l.amount_cents
    + IIF(a.net_cents < a.payout_cents AND NOT EXISTS (SELECT 1 FROM payout_accrual o JOIN payout q ON q.id = o.payout_id
        WHERE o.accrual_id = l.accrual_id AND o.accrual_id <> '' AND +o.payout_id < l.payout_id AND o.amount_cents > 0 AND q.state = 'planned'), a.net_cents - a.payout_cents, 0)))) AS allowed_cents
FROM payout p JOIN payout_accrual l ON l.payout_id = p.id LEFT JOIN accrual a ON a.id = l.accrual_id WHERE p.state = 'planned';

-- What the partners of payouts that were not sent owe (negative) or have left, once each of these payouts is down to what
-- its accruals allow. What is held or disputed pays no debt.
CREATE VIEW payout_rest AS
SELECT p.id AS payout_id, p.program_id, p.partner_id, p.unit,
  b.cr_posted_cents - b.dr_posted_cents - b.dr_pending_cents
  + (SELECT SUM(q.amount_cents - (SELECT SUM(u.allowed_cents) FROM payout_unsent u WHERE u.payout_id = q.id))
     FROM payout q WHERE q.partner_id = p.partner_id AND q.unit = p.unit AND q.state = 'planned')
  - (SELECT COALESCE(SUM(MAX(0, f.net_cents - f.payout_cents
       + (SELECT COALESCE(SUM(u.amount_cents - u.allowed_cents), 0) FROM payout_accrual l JOIN payout_unsent u
            ON u.payout_id = l.payout_id AND u.accrual_id = l.accrual_id WHERE l.accrual_id = f.id AND l.accrual_id <> ''))), 0)
     FROM accrual f WHERE f.partner_id = p.partner_id AND f.state <> 'available' AND f.state IN ('held', 'disputed') AND f.unit = p.unit AND f.balance = 'available') AS cents
FROM payout p JOIN ledger_account b ON b.partner_id = p.partner_id AND b.partner_id <> '' AND b.kind = 'available' AND b.unit = p.unit
WHERE p.state = 'planned';

-- Payouts that can't be sent for their amount.
CREATE VIEW payout_stale AS
SELECT p.id AS payout_id FROM payout p WHERE p.state = 'planned'
  AND (p.amount_cents <> (SELECT COALESCE(SUM(u.allowed_cents), 0) FROM payout_unsent u WHERE u.payout_id = p.id)
    OR (SELECT r.cents FROM payout_rest r WHERE r.payout_id = p.id) < 0);
-- Whatever was booked since the amount was checked, nothing is sent for more.
CREATE TRIGGER payout_claim BEFORE UPDATE OF state ON payout
WHEN OLD.state = 'planned' AND NEW.state = 'submitting' AND EXISTS (SELECT 1 FROM payout_stale s WHERE s.payout_id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'guard:payout_balance_changed'); END;

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
BEGIN SELECT RAISE(ABORT, 'guard:reversal_not_new'); END;
CREATE TRIGGER payout_reversal_cap BEFORE INSERT ON payout_reversal
WHEN NEW.amount_cents + (SELECT COALESCE(SUM(amount_cents), 0) FROM payout_reversal WHERE payout_id = NEW.payout_id AND state NOT IN ('failed', 'cancelled'))
  > (SELECT COALESCE(SUM(amount_cents), 0) FROM payout WHERE id = NEW.payout_id AND state = 'paid' AND transfer_id = NEW.transfer_id)
BEGIN SELECT RAISE(ABORT, 'guard:reversal_above_payout'); END;
CREATE TRIGGER payout_reversal_update BEFORE UPDATE OF id, payout_id, program_id, partner_id, unit, currency, amount_cents, transfer_id, state, held, request, attempt, tries,
  first_sent_at_ms, due_at_ms, refusal, reversal_id, reversed_at_ms, revision, actor, created_at_ms ON payout_reversal
WHEN NEW.revision <> OLD.revision + 1 BEGIN SELECT RAISE(ABORT, 'guard:reversal_stale'); END;
CREATE TRIGGER payout_reversal_words BEFORE UPDATE OF reason ON payout_reversal WHEN NEW.revision = OLD.revision AND NEW.reason <> 'erased'
BEGIN SELECT RAISE(ABORT, 'guard:reversal_stale'); END;
CREATE TRIGGER payout_reversal_over BEFORE UPDATE ON payout_reversal
WHEN OLD.state IN ('paid', 'failed', 'cancelled') AND NEW.revision = OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'guard:reversal_final'); END;
CREATE TRIGGER payout_reversal_frozen BEFORE UPDATE ON payout_reversal
WHEN OLD.request IS NOT NULL AND NEW.request IS NOT OLD.request AND NEW.revision = OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'guard:reversal_request_fixed'); END;
CREATE TRIGGER payout_reversal_shape BEFORE UPDATE OF id, payout_id, program_id, partner_id, unit, currency, amount_cents, transfer_id ON payout_reversal
BEGIN SELECT RAISE(ABORT, 'guard:reversal_immutable'); END;
CREATE TRIGGER payout_reversal_no_delete BEFORE DELETE ON payout_reversal BEGIN SELECT RAISE(ABORT, 'guard:reversal_immutable'); END;

-- Every row of this view is an error, as in ledger_check: the ledger must match the rows of payouts and reversals, and
-- payouts must match their accruals.
CREATE VIEW payout_check AS
SELECT 'payout ' || p.id || ': the ledger does not say that it is ' || p.state AS what FROM payout p
  WHERE NOT EXISTS (SELECT 1 FROM transfer t WHERE t.id = p.id || '.pending' AND t.phase = 'pending' AND t.amount_cents = p.planned_cents)
     OR NOT EXISTS (SELECT 1 FROM transfer t WHERE t.id = p.reserved_id AND t.phase = 'pending' AND t.amount_cents = p.amount_cents)
     OR (p.state = 'paid') <> EXISTS (SELECT 1 FROM transfer t WHERE t.pending_id = p.reserved_id AND t.phase = 'post' AND t.amount_cents = p.amount_cents)
     OR (p.state IN ('failed', 'cancelled')) <> EXISTS (SELECT 1 FROM transfer t WHERE t.pending_id = p.reserved_id AND t.phase = 'void')
UNION ALL
SELECT 'payout ' || p.id || ': its accruals do not add up to it' FROM payout p
  WHERE p.carried_cents IS NULL AND p.amount_cents <> (SELECT COALESCE(SUM(l.amount_cents), 0) FROM payout_accrual l WHERE l.payout_id = p.id)
UNION ALL
SELECT 'accrual ' || a.id || ': payouts do not take what it says' FROM accrual a
  LEFT JOIN (SELECT l.accrual_id, SUM(l.amount_cents - l.returned_cents) AS cents FROM payout_accrual l JOIN payout p ON p.id = l.payout_id
    WHERE p.state NOT IN ('failed', 'cancelled') GROUP BY l.accrual_id) t ON t.accrual_id = a.id
  WHERE a.payout_cents <> COALESCE(t.cents, 0)
UNION ALL
SELECT 'payout ' || p.id || ': more came back of it than was paid' FROM payout p
  WHERE (SELECT SUM(r.amount_cents) FROM payout_return r WHERE r.payout_id = p.id) > p.amount_cents
UNION ALL
SELECT 'reversal ' || r.id || ': the ledger does not have it' FROM payout_reversal r
  WHERE r.state = 'paid' AND NOT EXISTS (SELECT 1 FROM transfer t JOIN payout_return b ON b.id = t.id
    WHERE t.id = r.reversal_id AND t.code = 'payout_return' AND t.amount_cents = r.amount_cents AND b.payout_id = r.payout_id);
