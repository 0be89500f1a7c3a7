-- Previews: what a run would do, or what a draft of a program would have paid. Computed page by page over all accounts of
-- a group of programs, so that they can be of any size, without an effect on anything else. They live for a day.
CREATE TABLE preview (
  id TEXT PRIMARY KEY,                   -- immutable, prv_…
  kind TEXT NOT NULL CHECK (kind IN ('run', 'draft')), -- immutable
  program_id TEXT NOT NULL,              -- immutable
  group_id TEXT NOT NULL,                -- immutable: the group whose accounts are looked at
  request TEXT NOT NULL,                 -- immutable, JSON: the run's period, or the draft and its period
  as_of_ms INTEGER NOT NULL,             -- immutable: modifiers and caps are those of this instant
  passes INTEGER NOT NULL,               -- immutable: how often the accounts are looked at
  pass INTEGER NOT NULL,                 -- mutable: from 1; above passes when it is finished
  cursor TEXT NOT NULL,                  -- mutable: the last account of the current pass
  step INTEGER NOT NULL,                 -- mutable, incremented by each step: two requests can't take the same step
  accounts INTEGER NOT NULL,             -- mutable: accounts of the last pass so far
  actor TEXT NOT NULL,                   -- immutable
  created_at_ms INTEGER NOT NULL         -- immutable: also the instant that decisions take for the present
) STRICT;
CREATE INDEX preview_created ON preview (created_at_ms);
CREATE TRIGGER preview_step BEFORE UPDATE OF step ON preview WHEN NEW.step <> OLD.step + 1
BEGIN SELECT RAISE(ABORT, 'guard:preview_step_taken'); END;

-- What an account contributes to its partner's modifiers, as binding and revenue_span have it for runs.
CREATE TABLE preview_referral (
  preview_id TEXT NOT NULL REFERENCES preview (id) ON DELETE CASCADE, -- immutable
  account_id TEXT NOT NULL,              -- immutable
  partner_id TEXT NOT NULL,              -- immutable
  qualified_at_ms INTEGER,               -- immutable; NULL while a review holds the account
  qualified_quarter TEXT,                -- immutable
  revenue TEXT NOT NULL,                 -- immutable, JSON: spans of annual revenue
  PRIMARY KEY (preview_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE VIEW preview_revenue AS
SELECT r.preview_id, r.partner_id, s.value ->> '$.from_ms' AS from_ms, s.value ->> '$.to_ms' AS to_ms, s.value ->> '$.annual_cents' AS annual_cents
FROM preview_referral r, json_each(r.revenue) s;

-- The modifiers that partners have earned.
CREATE TABLE preview_modifier (
  preview_id TEXT NOT NULL REFERENCES preview (id) ON DELETE CASCADE, -- immutable
  partner_id TEXT NOT NULL,              -- immutable
  modifier_id TEXT NOT NULL,             -- immutable
  quarter TEXT NOT NULL,                 -- immutable, as in partner_modifier
  from_ms INTEGER NOT NULL,              -- immutable
  PRIMARY KEY (preview_id, partner_id, modifier_id, quarter)
) STRICT, WITHOUT ROWID;

-- Accruals that use the room under a monthly cap, and what the cap removes.
CREATE TABLE preview_room (
  preview_id TEXT NOT NULL REFERENCES preview (id) ON DELETE CASCADE, -- immutable
  account_id TEXT NOT NULL,              -- immutable
  accrual_id TEXT NOT NULL,              -- immutable
  partner_id TEXT NOT NULL,              -- immutable
  reward_id TEXT NOT NULL,               -- immutable: the reward whose cap it is
  is_modifiers INTEGER NOT NULL CHECK (is_modifiers IN (0, 1)), -- immutable
  at_ms INTEGER NOT NULL,                -- immutable
  source TEXT NOT NULL,                  -- immutable
  gross_cents INTEGER NOT NULL,          -- immutable
  cap_cents INTEGER NOT NULL,            -- immutable: the cap of its version
  cap_reduction_cents INTEGER NOT NULL DEFAULT 0, -- set once
  PRIMARY KEY (preview_id, account_id, accrual_id)
) STRICT, WITHOUT ROWID;

-- The result, by partner.
CREATE TABLE preview_row (
  preview_id TEXT NOT NULL REFERENCES preview (id) ON DELETE CASCADE, -- immutable
  part TEXT NOT NULL CHECK (part IN ('grant', 'reward', 'term', 'vest')), -- immutable; reward: of a draft, the others: of a run
  partner_id TEXT NOT NULL,              -- immutable; '' for the referred side's benefit
  unit TEXT NOT NULL,                    -- immutable: cash:usd, credit:usd
  reward_id TEXT NOT NULL,               -- immutable; '' if all rewards are counted together
  accruals INTEGER NOT NULL,             -- mutable, like the sums, until the preview is finished
  actual_gross_cents INTEGER NOT NULL,
  actual_net_cents INTEGER NOT NULL,
  gross_cents INTEGER NOT NULL,
  net_cents INTEGER NOT NULL,
  PRIMARY KEY (preview_id, part, partner_id, unit, reward_id)
) STRICT, WITHOUT ROWID;
