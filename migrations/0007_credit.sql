-- Outgoing credits: what the application redeems, and what goes to customers' balances at Stripe.

-- How much of a credit accrual was handled: sent, reported, or offset against what its partner owed. If it differs from
-- net_cents, the difference must be delivered or taken back.
ALTER TABLE accrual ADD COLUMN delivered_cents INTEGER NOT NULL DEFAULT 0; -- mutable
CREATE INDEX accrual_undelivered ON accrual (program_id, partner_id, at_ms, id)
  WHERE balance = 'available' AND net_cents <> delivered_cents AND substr(unit, 1, 7) = 'credit:';

-- A credit to a customer's balance, or a debit that takes back part of one, with the same states and rules as a payout.
CREATE TABLE credit_transfer (
  id TEXT PRIMARY KEY,                   -- immutable, crd_…: the prefix of its keys
  kind TEXT NOT NULL CHECK (kind IN ('credit', 'debit')), -- immutable; debit: takes back credit
  accrual_id TEXT NOT NULL REFERENCES accrual (id), -- immutable
  number INTEGER NOT NULL,               -- immutable: the accrual's first is 1
  program_id TEXT NOT NULL,              -- immutable
  partner_id TEXT NOT NULL REFERENCES partner (id), -- immutable
  unit TEXT NOT NULL,                    -- immutable, credit:usd
  currency TEXT NOT NULL,                -- immutable, as in the unit
  amount_cents INTEGER NOT NULL CHECK (amount_cents BETWEEN 1 AND 9007199254740991), -- immutable
  customer_id TEXT NOT NULL,             -- immutable, cus_…
  before_cents INTEGER NOT NULL,         -- immutable: how much of the accrual was handled before it
  after_cents INTEGER NOT NULL,          -- immutable: how much is handled after it
  state TEXT NOT NULL CHECK (state IN ('planned', 'submitting', 'paid', 'failed', 'review', 'cancelled')), -- mutable; paid: it is on the customer's balance
  held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)), -- mutable
  request TEXT,                          -- set once, before it is first sent: the form, byte for byte
  attempt INTEGER NOT NULL DEFAULT 0,    -- mutable: how many keys have been used
  tries INTEGER NOT NULL DEFAULT 0,      -- mutable
  first_sent_at_ms INTEGER,              -- mutable
  due_at_ms INTEGER NOT NULL,            -- mutable
  refusal TEXT,                          -- mutable
  reason TEXT NOT NULL,                  -- mutable
  transaction_id TEXT UNIQUE,            -- set once, cbtxn_…
  delivered_at_ms INTEGER,               -- set once: when Stripe created it
  revision INTEGER NOT NULL,             -- mutable, incremented by each change
  created_at_ms INTEGER NOT NULL,        -- immutable
  UNIQUE (accrual_id, number),
  CHECK ((state = 'paid') = (transaction_id IS NOT NULL)),
  CHECK ((kind = 'credit') = (after_cents > before_cents)),
  CHECK (state <> 'submitting' OR (request IS NOT NULL AND first_sent_at_ms IS NOT NULL AND attempt >= 1))
) STRICT;
-- One at a time: the next one depends on the result of the one before.
CREATE UNIQUE INDEX credit_sending_open ON credit_transfer (accrual_id) WHERE state IN ('planned', 'submitting', 'review');
CREATE INDEX credit_sending_due ON credit_transfer (due_at_ms, id) WHERE state IN ('planned', 'submitting');
CREATE INDEX credit_sending_partner ON credit_transfer (partner_id, created_at_ms, id);
CREATE INDEX credit_sending_created ON credit_transfer (created_at_ms, id);
CREATE TRIGGER credit_sending_insert BEFORE INSERT ON credit_transfer WHEN NEW.revision <> 1 OR NEW.state <> 'planned'
BEGIN SELECT RAISE(ABORT, 'guard:credit_not_new'); END;
CREATE TRIGGER credit_sending_update BEFORE UPDATE OF id, kind, accrual_id, number, program_id, partner_id, unit, currency, amount_cents, customer_id, before_cents,
  after_cents, state, held, request, attempt, tries, first_sent_at_ms, due_at_ms, refusal, transaction_id, delivered_at_ms, revision, created_at_ms ON credit_transfer
WHEN NEW.revision <> OLD.revision + 1 BEGIN SELECT RAISE(ABORT, 'guard:credit_stale'); END;
CREATE TRIGGER credit_sending_words BEFORE UPDATE OF reason ON credit_transfer WHEN NEW.revision = OLD.revision AND NEW.reason <> 'erased'
BEGIN SELECT RAISE(ABORT, 'guard:credit_stale'); END;
CREATE TRIGGER credit_sending_over BEFORE UPDATE ON credit_transfer
WHEN OLD.state IN ('paid', 'failed', 'cancelled') AND NEW.revision = OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'guard:credit_final'); END;
CREATE TRIGGER credit_sending_frozen BEFORE UPDATE ON credit_transfer
WHEN OLD.request IS NOT NULL AND NEW.request IS NOT OLD.request AND NEW.revision = OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'guard:credit_request_fixed'); END;
CREATE TRIGGER credit_sending_shape BEFORE UPDATE OF id, kind, accrual_id, number, program_id, partner_id, unit, currency, amount_cents,
  customer_id, before_cents, after_cents ON credit_transfer
BEGIN SELECT RAISE(ABORT, 'guard:credit_immutable'); END;
CREATE TRIGGER credit_sending_no_delete BEFORE DELETE ON credit_transfer BEGIN SELECT RAISE(ABORT, 'guard:credit_immutable'); END;

-- Credit that the application has redeemed for a partner. What was given back is in redemption_return.
CREATE TABLE redemption (
  id TEXT PRIMARY KEY,                   -- immutable, rdm_…: also the id of the ledger row
  program_id TEXT NOT NULL,              -- immutable
  partner_id TEXT NOT NULL REFERENCES partner (id), -- immutable
  unit TEXT NOT NULL,                    -- immutable, credit:usd
  amount_cents INTEGER NOT NULL CHECK (amount_cents BETWEEN 1 AND 9007199254740991), -- immutable
  reason TEXT NOT NULL,                  -- immutable: what it was used for
  actor TEXT NOT NULL,                   -- immutable
  created_at_ms INTEGER NOT NULL         -- immutable
) STRICT;
CREATE INDEX redemption_partner ON redemption (partner_id, created_at_ms, id);
CREATE TRIGGER redemption_no_update BEFORE UPDATE OF id, program_id, partner_id, unit, amount_cents, actor, created_at_ms ON redemption
BEGIN SELECT RAISE(ABORT, 'guard:redemption_immutable'); END;
CREATE TRIGGER redemption_words BEFORE UPDATE OF reason ON redemption WHEN NEW.reason <> 'erased' BEGIN SELECT RAISE(ABORT, 'guard:redemption_immutable'); END;
CREATE TRIGGER redemption_no_delete BEFORE DELETE ON redemption BEGIN SELECT RAISE(ABORT, 'guard:redemption_immutable'); END;
-- Two concurrent requests read the same balance; this rejects the second one. Credit that a review or a dispute holds
-- can't be redeemed, just as it is not paid out.
CREATE TRIGGER redemption_balance BEFORE INSERT ON redemption
WHEN NEW.amount_cents > COALESCE((SELECT a.cr_posted_cents - a.dr_posted_cents - a.dr_pending_cents FROM ledger_account a
    WHERE a.id = NEW.program_id || '/' || NEW.unit || '/available/' || NEW.partner_id), 0)
  - COALESCE((SELECT SUM(l.net_cents) FROM accrual l WHERE l.partner_id = NEW.partner_id AND l.program_id = NEW.program_id
    AND l.unit = NEW.unit AND l.balance = 'available' AND l.state <> 'available' AND l.state IN ('held', 'disputed')), 0)
BEGIN SELECT RAISE(ABORT, 'guard:redemption_above_balance'); END;

-- The part of a redemption that was given back.
CREATE TABLE redemption_return (
  id TEXT PRIMARY KEY,                   -- immutable, rdr_…: also the id of the ledger row
  redemption_id TEXT NOT NULL REFERENCES redemption (id), -- immutable
  amount_cents INTEGER NOT NULL CHECK (amount_cents BETWEEN 1 AND 9007199254740991), -- immutable
  reason TEXT NOT NULL,                  -- immutable
  actor TEXT NOT NULL,                   -- immutable
  created_at_ms INTEGER NOT NULL         -- immutable
) STRICT;
CREATE INDEX redemption_return_of ON redemption_return (redemption_id);
CREATE TRIGGER redemption_return_no_update BEFORE UPDATE OF id, redemption_id, amount_cents, actor, created_at_ms ON redemption_return
BEGIN SELECT RAISE(ABORT, 'guard:redemption_immutable'); END;
CREATE TRIGGER redemption_return_words BEFORE UPDATE OF reason ON redemption_return WHEN NEW.reason <> 'erased'
BEGIN SELECT RAISE(ABORT, 'guard:redemption_immutable'); END;
CREATE TRIGGER redemption_return_no_delete BEFORE DELETE ON redemption_return BEGIN SELECT RAISE(ABORT, 'guard:redemption_immutable'); END;
CREATE TRIGGER redemption_return_cap BEFORE INSERT ON redemption_return
WHEN NEW.amount_cents + (SELECT COALESCE(SUM(amount_cents), 0) FROM redemption_return WHERE redemption_id = NEW.redemption_id)
  > (SELECT amount_cents FROM redemption WHERE id = NEW.redemption_id)
BEGIN SELECT RAISE(ABORT, 'guard:redemption_above_redeemed'); END;

-- Every row of this view is an error, as in ledger_check.
CREATE VIEW credit_check AS
SELECT 'redemption ' || r.id || ': the ledger does not have it' AS what FROM redemption r
  WHERE NOT EXISTS (SELECT 1 FROM transfer t WHERE t.id = r.id AND t.code = 'redeem' AND t.amount_cents = r.amount_cents)
UNION ALL
SELECT 'return ' || r.id || ': the ledger does not have it' FROM redemption_return r
  WHERE NOT EXISTS (SELECT 1 FROM transfer t WHERE t.id = r.id AND t.code = 'redeem_return' AND t.amount_cents = r.amount_cents)
UNION ALL
SELECT 'credit ' || s.id || ': the ledger does not say that it is ' || s.state FROM credit_transfer s
  WHERE s.kind = 'credit' AND (NOT EXISTS (SELECT 1 FROM transfer t WHERE t.id = s.id || '.pending' AND t.phase = 'pending' AND t.amount_cents = s.amount_cents)
     OR (s.state = 'paid') <> EXISTS (SELECT 1 FROM transfer t WHERE t.pending_id = s.id || '.pending' AND t.phase = 'post' AND t.amount_cents = s.amount_cents)
     OR (s.state IN ('failed', 'cancelled')) <> EXISTS (SELECT 1 FROM transfer t WHERE t.pending_id = s.id || '.pending' AND t.phase = 'void'))
UNION ALL
SELECT 'debit ' || s.id || ': the ledger does not say that it is ' || s.state FROM credit_transfer s
  WHERE s.kind = 'debit' AND (s.state = 'paid') <> EXISTS (SELECT 1 FROM transfer t
    WHERE t.id = s.id || '.return' AND t.code = 'deliver_return' AND t.amount_cents = s.amount_cents);

-- The friend's discount at Stripe: a coupon for each version of a program that offers one.
CREATE TABLE promotion_coupon (
  id TEXT PRIMARY KEY,                   -- immutable: the coupon's id at Stripe, which we choose
  program_id TEXT NOT NULL,              -- immutable
  version INTEGER NOT NULL,              -- immutable
  made_at_ms INTEGER NOT NULL            -- immutable: when Stripe first confirmed it
) STRICT;

-- A code for that coupon, for one redemption: offered to a visitor, and assigned to an account at sign-up.
CREATE TABLE promotion_code (
  id TEXT PRIMARY KEY,                   -- immutable, prm_…: the prefix of its keys
  program_id TEXT NOT NULL,              -- immutable
  coupon_id TEXT NOT NULL,               -- mutable until the code is first requested from Stripe
  visitor_id TEXT,                       -- immutable: the visitor it was offered to
  account_id TEXT,                       -- set once
  code TEXT NOT NULL UNIQUE,             -- immutable: chosen at random before the request to Stripe
  attempt INTEGER NOT NULL,              -- mutable: how many keys have been used
  first_sent_at_ms INTEGER,              -- mutable: when it was last requested from Stripe
  due_at_ms INTEGER NOT NULL,            -- mutable: no request to Stripe before this
  promotion_id TEXT,                     -- set once, promo_…: the code works from then on
  revision INTEGER NOT NULL,             -- mutable, incremented by each change
  created_at_ms INTEGER NOT NULL,        -- immutable
  requested_by TEXT NOT NULL DEFAULT '', -- the visitor's network, hashed with a key; '' if it is unknown or an account signed up, and after some days
  UNIQUE (program_id, account_id),
  UNIQUE (program_id, visitor_id)
) STRICT;
CREATE INDEX promotion_code_account ON promotion_code (account_id) WHERE account_id IS NOT NULL;
CREATE TRIGGER promotion_code_update BEFORE UPDATE ON promotion_code WHEN NEW.revision <> OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'guard:promotion_stale'); END;
CREATE TRIGGER promotion_code_set BEFORE UPDATE ON promotion_code
WHEN NEW.revision = OLD.revision + 1 AND ((OLD.promotion_id IS NOT NULL AND NEW.promotion_id IS NOT OLD.promotion_id)
  OR (OLD.attempt > 0 AND NEW.coupon_id <> OLD.coupon_id)
  OR (OLD.account_id IS NOT NULL AND NEW.account_id IS NOT OLD.account_id))
BEGIN SELECT RAISE(ABORT, 'guard:promotion_set_once'); END;
CREATE TRIGGER promotion_code_shape BEFORE UPDATE OF id, program_id, code ON promotion_code
BEGIN SELECT RAISE(ABORT, 'guard:promotion_immutable'); END;
CREATE TRIGGER promotion_code_visitor BEFORE UPDATE OF visitor_id ON promotion_code WHEN NEW.visitor_id NOT GLOB 'gone_*'
BEGIN SELECT RAISE(ABORT, 'guard:promotion_immutable'); END;
