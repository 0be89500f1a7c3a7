-- Adjustments: what operators add to a partner's balance or take from it. An adjustment is a fact: it either makes an
-- accrual of its own, or changes one that it names. Each begins as a request and is decided once. Booking checks the
-- amount against what is left at that moment.
CREATE TABLE adjustment (
  id TEXT PRIMARY KEY,                   -- immutable, adj_…
  program_id TEXT NOT NULL,              -- immutable
  partner_id TEXT NOT NULL REFERENCES partner (id), -- immutable
  account_id TEXT NOT NULL,              -- immutable; '': no account
  accrual_id TEXT NOT NULL,              -- immutable: the accrual that it makes or changes
  makes_accrual INTEGER NOT NULL CHECK (makes_accrual IN (0, 1)), -- immutable; 0: it changes one that exists
  undoes_id TEXT REFERENCES adjustment (id), -- immutable: the change of the accrual that it takes back
  invoice_id TEXT,                       -- immutable: refunds and disputes of this invoice take their share of it
  unit TEXT NOT NULL,                    -- immutable: cash:usd, credit:usd
  amount_cents INTEGER NOT NULL CHECK (amount_cents <> 0 AND amount_cents BETWEEN -9007199254740991 AND 9007199254740991), -- immutable: negative takes
  balance TEXT NOT NULL CHECK (balance IN ('pending', 'available')), -- immutable: where its own accrual begins
  vests_at_ms INTEGER NOT NULL,          -- immutable: from when a run vests its own pending accrual
  note TEXT NOT NULL,                    -- immutable: what the partner reads
  reason TEXT NOT NULL,                  -- immutable: for operators only
  actor TEXT NOT NULL,                   -- immutable: who asked for it
  state TEXT NOT NULL CHECK (state IN ('requested', 'booked', 'rejected', 'expired')), -- set once
  expires_at_ms INTEGER,                 -- immutable: when a request that needs approval lapses; NULL: it needs none
  decided_by TEXT,                       -- set with the decision; NULL: it needed no approval, or nobody decided
  decision_reason TEXT,                  -- set with the decision
  decided_at_ms INTEGER,                 -- set with the decision
  created_at_ms INTEGER NOT NULL,        -- immutable
  CHECK ((state = 'requested') = (decided_at_ms IS NULL)),
  CHECK (state <> 'booked' OR (expires_at_ms IS NULL) = (decided_by IS NULL)),
  CHECK (state <> 'booked' OR decided_by IS NOT actor),
  CHECK (makes_accrual = 0 OR (undoes_id IS NULL AND (amount_cents > 0 OR balance = 'available'))),
  CHECK (invoice_id IS NULL OR (makes_accrual = 1 AND account_id <> ''))
) STRICT;
CREATE INDEX adjustment_created ON adjustment (created_at_ms, id);
CREATE INDEX adjustment_partner ON adjustment (partner_id, created_at_ms, id);
CREATE INDEX adjustment_accrual ON adjustment (accrual_id);
CREATE INDEX adjustment_account ON adjustment (account_id);
CREATE INDEX adjustment_undoes ON adjustment (undoes_id) WHERE undoes_id IS NOT NULL;
CREATE INDEX adjustment_requested ON adjustment (created_at_ms, id) WHERE state = 'requested';
CREATE TRIGGER adjustment_insert BEFORE INSERT ON adjustment WHEN NEW.state <> 'requested'
BEGIN SELECT RAISE(ABORT, 'guard:adjustment_not_new'); END;
CREATE TRIGGER adjustment_over BEFORE UPDATE OF state, decided_by, decided_at_ms ON adjustment WHEN OLD.state <> 'requested'
BEGIN SELECT RAISE(ABORT, 'guard:adjustment_decided'); END;
CREATE TRIGGER adjustment_shape BEFORE UPDATE OF id, program_id, partner_id, account_id, accrual_id, makes_accrual, undoes_id, invoice_id, unit,
  amount_cents, balance, vests_at_ms, actor, expires_at_ms, created_at_ms ON adjustment
BEGIN SELECT RAISE(ABORT, 'guard:adjustment_immutable'); END;
-- Somebody's words can be erased, and nothing else.
CREATE TRIGGER adjustment_words BEFORE UPDATE OF note, reason, decision_reason ON adjustment
WHEN (NEW.note, NEW.reason) <> ('erased', 'erased') AND ((NEW.note, NEW.reason) <> (OLD.note, OLD.reason) OR OLD.state <> 'requested')
BEGIN SELECT RAISE(ABORT, 'guard:adjustment_immutable'); END;
CREATE TRIGGER adjustment_no_delete BEFORE DELETE ON adjustment BEGIN SELECT RAISE(ABORT, 'guard:adjustment_immutable'); END;
-- A ban voids everything up to its end.
CREATE TRIGGER adjustment_banned BEFORE UPDATE OF state ON adjustment
WHEN NEW.state = 'booked' AND (SELECT standing FROM partner WHERE id = NEW.partner_id) = 'banned'
BEGIN SELECT RAISE(ABORT, 'guard:adjustment_banned'); END;
-- It takes at most what is left of the accrual or the change that it names, whatever else was booked since it was checked.
CREATE TRIGGER adjustment_bounds BEFORE UPDATE OF state ON adjustment WHEN NEW.state = 'booked' AND NEW.makes_accrual = 0 BEGIN
  SELECT RAISE(ABORT, 'guard:adjustment_above_accrual') WHERE NEW.undoes_id IS NULL AND NOT EXISTS (SELECT 1 FROM accrual a
    WHERE a.id = NEW.accrual_id AND a.partner_id = NEW.partner_id AND (a.net_cents > 0) = (NEW.amount_cents < 0)
      AND ABS(NEW.amount_cents) <= ABS(a.net_cents));
  SELECT RAISE(ABORT, 'guard:adjustment_above_change') WHERE NEW.undoes_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM adjustment o
    WHERE o.id = NEW.undoes_id AND o.accrual_id = NEW.accrual_id AND o.state = 'booked' AND o.makes_accrual = 0 AND o.undoes_id IS NULL
      AND (o.amount_cents > 0) = (NEW.amount_cents < 0) AND ABS(NEW.amount_cents) <= ABS(o.amount_cents
        + (SELECT COALESCE(SUM(u.amount_cents), 0) FROM adjustment u WHERE u.undoes_id = o.id AND u.state = 'booked')));
END;

-- Every row of this view is an error, as in ledger_check.
CREATE VIEW adjustment_check AS
SELECT 'adjustment ' || j.id || ': its accrual does not exist' AS what FROM adjustment j
  WHERE j.state = 'booked' AND NOT EXISTS (SELECT 1 FROM accrual a WHERE a.id = j.accrual_id AND a.partner_id = j.partner_id AND a.unit = j.unit)
UNION ALL
SELECT 'adjustment ' || j.id || ': the ledger does not have it' FROM adjustment j
  WHERE j.state = 'booked' AND j.makes_accrual = 1 AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.accrual_id = j.accrual_id AND t.event_id = j.id
    AND t.code IN ('adjust', 'deduct') AND t.amount_cents = ABS(j.amount_cents))
UNION ALL
SELECT 'adjustment ' || j.id || ': booked before it was decided' FROM adjustment j
  WHERE j.state <> 'booked' AND EXISTS (SELECT 1 FROM transfer t WHERE t.accrual_id = j.accrual_id AND t.event_id = j.id)
UNION ALL
SELECT 'accrual ' || a.id || ': more is adjusted than its adjustments allow' FROM accrual a
  LEFT JOIN (SELECT accrual_id, SUM(amount_cents) AS cents FROM adjustment WHERE state = 'booked' AND makes_accrual = 0 GROUP BY accrual_id) j
    ON j.accrual_id = a.id
  WHERE a.adjusted_cents <> 0 AND (ABS(a.adjusted_cents) > ABS(COALESCE(j.cents, 0)) OR (a.adjusted_cents > 0) <> (COALESCE(j.cents, 0) > 0));
