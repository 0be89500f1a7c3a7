-- Programs, partners, events, accounts, accruals, the ledger and its runs.
-- Units: *_cents are integer minor units, *_ms are milliseconds since 1970 in UTC, *_at_ms is an instant. "Immutable"
-- columns never change.
-- Triggers avoid CASE, because wrangler's migration splitter takes its END for the end of the trigger.

CREATE TABLE program_version (
  program_id TEXT NOT NULL,              -- immutable
  version INTEGER NOT NULL,              -- immutable, 1, 2, 3, …
  effective_from_ms INTEGER NOT NULL,    -- immutable
  document TEXT NOT NULL,                -- immutable, JSON
  document_sha256 TEXT NOT NULL,         -- immutable, hex
  created_at_ms INTEGER NOT NULL,        -- immutable
  actor TEXT NOT NULL,                   -- immutable, who saved it
  PRIMARY KEY (program_id, version)
) STRICT;

CREATE TABLE partner (
  seq INTEGER PRIMARY KEY,               -- immutable: the order in which rows were written
  id TEXT NOT NULL UNIQUE,               -- immutable, ptn_…
  program_id TEXT NOT NULL,              -- immutable
  external_id TEXT NOT NULL,             -- immutable, the host's id for the partner; one that was made of its address is replaced when it is erased
  kind TEXT,                             -- mutable: developer, agency or content
  country TEXT,                          -- mutable, ISO 3166 alpha-2
  website TEXT,                          -- mutable
  code TEXT NOT NULL,                    -- mutable: the partner's own code
  disclosure_accepted_at_ms INTEGER,     -- set once
  left_at_ms INTEGER,                    -- set once
  standing TEXT NOT NULL DEFAULT 'active' CHECK (standing IN ('active', 'suspended', 'banned')), -- mutable: that of its latest suspension
  created_at_ms INTEGER NOT NULL,        -- immutable
  updated_at_ms INTEGER NOT NULL DEFAULT 0, -- mutable: when it or its personal data was last changed
  UNIQUE (program_id, external_id)
) STRICT;
CREATE INDEX partner_updated ON partner (updated_at_ms);
-- Runs go through a program's partners page by page.
CREATE INDEX partner_program ON partner (program_id, id);
CREATE INDEX partner_banned ON partner (id) WHERE standing = 'banned';

-- When partners were suspended or banned. Those of one partner do not overlap.
CREATE TABLE suspension (
  id TEXT PRIMARY KEY,                   -- immutable, sus_…
  partner_id TEXT NOT NULL REFERENCES partner (id), -- immutable
  standing TEXT NOT NULL CHECK (standing IN ('suspended', 'banned')), -- immutable
  from_ms INTEGER NOT NULL,              -- immutable
  to_ms INTEGER CHECK (to_ms >= from_ms), -- set once: when the partner was reinstated, or banned
  reason TEXT NOT NULL,                  -- immutable, for operators
  actor TEXT NOT NULL                    -- immutable
) STRICT;
CREATE UNIQUE INDEX suspension_open ON suspension (partner_id) WHERE to_ms IS NULL;
CREATE INDEX suspension_partner ON suspension (partner_id, from_ms);

-- How much of a banned partner's accruals stays, because it was paid, used, or is owed.
CREATE TABLE ban_kept (
  accrual_id TEXT PRIMARY KEY,           -- immutable
  account_id TEXT NOT NULL,              -- immutable
  kept_cents INTEGER NOT NULL             -- mutable: before what adjustments change of it; less at a later ban, or once a payout came back
) STRICT;
CREATE INDEX ban_kept_account ON ban_kept (account_id);

-- What digests of people's addresses and domains are made with, so that nobody else can make them to look for somebody.
-- Made once: digests of different salts are never the same.
CREATE TABLE person_salt (
  id INTEGER PRIMARY KEY CHECK (id = 1), -- immutable
  salt TEXT NOT NULL                     -- immutable, hex, random
) STRICT;
INSERT INTO person_salt (id, salt) VALUES (1, lower(hex(randomblob(32)))) ON CONFLICT DO NOTHING;

-- Personal data of partners, in its own table so that it can be erased.
CREATE TABLE partner_person (
  partner_id TEXT PRIMARY KEY REFERENCES partner (id), -- immutable
  name TEXT,                             -- mutable
  email TEXT,                            -- mutable
  mailbox TEXT,                          -- mutable, salted digest of the mailbox that the email address leads to; kept when the partner is erased
  address TEXT,                          -- mutable, salted digest of the address; kept when the partner is erased
  notes TEXT                             -- mutable, the operators'
) STRICT;
CREATE INDEX partner_person_mailbox ON partner_person (mailbox) WHERE mailbox IS NOT NULL;

CREATE TABLE link (
  seq INTEGER PRIMARY KEY,               -- immutable: the order in which rows were written
  code TEXT NOT NULL UNIQUE,             -- immutable, one namespace for all programs
  chosen INTEGER NOT NULL DEFAULT 0 CHECK (chosen IN (0, 1, 2)), -- immutable; an operator (1) or a partner (2) chose the code, and its case does not matter
  skeleton TEXT,                         -- immutable: the same for codes that look the same
  partner_id TEXT NOT NULL REFERENCES partner (id), -- immutable
  program_id TEXT NOT NULL,              -- immutable
  destination TEXT,                      -- mutable; NULL: the site's home page
  campaign TEXT,                         -- mutable
  utm TEXT,                              -- mutable, JSON object
  source TEXT,                           -- mutable: direct_link, agency or content
  created_at_ms INTEGER NOT NULL,        -- immutable
  expires_at_ms INTEGER,                 -- mutable; the link stops working at this instant
  disabled_at_ms INTEGER,                -- mutable; the link stops working at this instant
  updated_at_ms INTEGER NOT NULL DEFAULT 0 -- mutable: when it was last changed
) STRICT;
CREATE INDEX link_updated ON link (updated_at_ms);
CREATE INDEX link_partner ON link (partner_id);
-- A code that differs from another's by case alone would be read as it.
CREATE UNIQUE INDEX link_nocase ON link (code COLLATE NOCASE);
CREATE INDEX link_skeleton ON link (skeleton);
-- Nobody gets a code that looks like another partner's, if somebody chose one of the two.
CREATE TRIGGER link_look_alike BEFORE INSERT ON link WHEN EXISTS (SELECT 1 FROM link o
  WHERE o.skeleton = NEW.skeleton AND o.partner_id <> NEW.partner_id AND (o.chosen > 0 OR NEW.chosen > 0)
    AND o.disabled_at_ms IS NULL AND (o.expires_at_ms IS NULL OR o.expires_at_ms > NEW.created_at_ms))
BEGIN SELECT RAISE(ABORT, 'guard:link_code_looks_alike'); END;

CREATE TABLE event (
  seq INTEGER PRIMARY KEY,               -- immutable: the order in which rows were written
  id TEXT NOT NULL UNIQUE,               -- immutable, the sender's id
  source TEXT NOT NULL,                  -- immutable: events, import, emdash, emdash-forms
  type TEXT NOT NULL,                    -- immutable
  account_id TEXT,                       -- immutable
  invoice_id TEXT,                       -- immutable, of invoice.* and dispute.*
  state TEXT NOT NULL CHECK (state IN ('open', 'moot', 'closed')), -- mutable: decisions read what is open; without what is moot or closed they are the same
  email_domain TEXT,                     -- immutable, salted digest of the domain of the email address it named; NULL for free mail
  domain TEXT,                           -- immutable, the same of the domain of workspace.invited and account.handed_off
  occurred_at_ms INTEGER NOT NULL,       -- immutable
  received_at_ms INTEGER NOT NULL,       -- immutable
  body_sha256 TEXT NOT NULL,             -- immutable, hex, of the bytes as sent
  payload TEXT NOT NULL,                 -- immutable, JSON: the fields that decisions use
  credential TEXT NOT NULL,              -- immutable, JSON: the attribution credential it presented, verified
  codes TEXT NOT NULL,                   -- immutable, JSON array: every code that the credential names
  outcome TEXT NOT NULL                  -- immutable, JSON: the first response
) STRICT;
CREATE INDEX event_invoice_received ON event (received_at_ms, invoice_id) WHERE type = 'invoice.paid';
CREATE INDEX event_account ON event (account_id, state, occurred_at_ms);
CREATE INDEX event_signup ON event (account_id) WHERE type = 'account.signed_up';
CREATE INDEX event_signup_domain ON event (email_domain, occurred_at_ms) WHERE type = 'account.signed_up' AND email_domain IS NOT NULL;
CREATE INDEX event_codes ON event (account_id) WHERE codes <> '[]';
CREATE INDEX event_email_domain ON event (email_domain, occurred_at_ms) WHERE email_domain IS NOT NULL;
CREATE INDEX event_domain ON event (domain) WHERE domain IS NOT NULL;
CREATE INDEX event_invoice ON event (invoice_id) WHERE invoice_id IS NOT NULL;
-- Invoices below one currency unit, which may earn nothing at a program's base rate.
CREATE INDEX event_tiny ON event (occurred_at_ms, account_id) WHERE type = 'invoice.paid' AND payload ->> '$."invoice.paid".amount.cents' < 100;

-- Personal data of events, in its own table so that it can be erased.
CREATE TABLE event_person (
  event_id TEXT PRIMARY KEY REFERENCES event (id), -- immutable
  account_id TEXT,                       -- immutable
  email TEXT,                            -- immutable until erased
  name TEXT,                             -- immutable until erased
  mailbox TEXT,                          -- immutable, salted digest of the mailbox that the email address leads to
  address TEXT                           -- immutable, salted digest of the address
) STRICT;
CREATE INDEX event_person_account ON event_person (account_id);
CREATE INDEX event_person_mailbox ON event_person (mailbox) WHERE mailbox IS NOT NULL;

-- An account and the number of decisions about it. A decision depends on what was read at one revision and is written
-- at the next. If another decision was written first, the trigger aborts the batch.
CREATE TABLE account (
  seq INTEGER PRIMARY KEY,               -- immutable: the order in which rows were written
  id TEXT NOT NULL UNIQUE,               -- immutable, the host's id for the account
  revision INTEGER NOT NULL CHECK (revision >= 1), -- mutable, incremented by each decision
  needs_recompute_since_ms INTEGER,                -- mutable: since when its inputs are not those of its decision, so that it must be decided again
  quiet_revision INTEGER,                -- mutable: if it is the account's, the account is marked because of events that arrived late alone, and what follows is not announced
  refused_by TEXT,                       -- mutable: the guard or constraint that refuses its decision, or one of a batch with it
  refused_at_ms INTEGER,                 -- mutable: when its decision alone was last refused
  signed_up_at_ms INTEGER,               -- mutable: as of the last decision; accounts that signed up first are decided again first
  written TEXT,                          -- mutable: digest of its stored bindings and revenue; NULL: write them again
  closed TEXT,                           -- mutable, JSON: what decisions know of its closed events
  usage_questions TEXT,                  -- mutable: digest of what programs asked about usage when its moot events were found
  created_at_ms INTEGER NOT NULL,        -- immutable
  invoices TEXT,                         -- mutable, JSON: what was refunded and is disputed of its invoices, as of its last decision
  invoices_at_ms INTEGER                 -- mutable: when it was last decided
) STRICT;
CREATE INDEX account_stale ON account (signed_up_at_ms, id, needs_recompute_since_ms) WHERE needs_recompute_since_ms IS NOT NULL AND refused_by IS NULL;
CREATE INDEX account_refused ON account (refused_at_ms, signed_up_at_ms, id) WHERE refused_by IS NOT NULL;
CREATE TRIGGER account_insert BEFORE INSERT ON account WHEN NEW.revision <> 1 AND NOT EXISTS (SELECT 1 FROM account WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'guard:account_stale'); END;
CREATE TRIGGER account_update BEFORE UPDATE OF revision ON account WHEN NEW.revision <> OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'guard:account_stale'); END;

-- The partner that an account is bound to in each group of programs, with the attribution report. Unattributed accounts
-- have a row too.
CREATE TABLE binding (
  seq INTEGER PRIMARY KEY,               -- immutable: the order in which rows were written
  account_id TEXT NOT NULL REFERENCES account (id), -- immutable
  group_id TEXT NOT NULL,                -- immutable, the exclusive group
  program_id TEXT,                       -- mutable; NULL: not attributed
  partner_id TEXT,                       -- mutable
  code TEXT,                             -- mutable
  method TEXT,                           -- mutable: code, workspace, token, email_domain, fingerprint, operator
  source TEXT,                           -- mutable: direct_link, agency, content
  click_id TEXT,                         -- mutable: the click that converted
  visitor TEXT,                          -- mutable: the visitor whose touches bound it, by cookie or fingerprint
  domain TEXT,                           -- mutable: salted digest of the email domain that bound it, if nothing else did
  from_ms INTEGER,                       -- mutable: rewards count from this instant
  event_id TEXT,                         -- mutable: and from this event
  signed_up_at_ms INTEGER NOT NULL,      -- mutable
  signup_event_id TEXT NOT NULL,         -- mutable
  qualified_at_ms INTEGER,               -- mutable: the first payment since the binding started
  qualified_quarter TEXT,                -- mutable: the quarter of that payment, 2026-Q2
  held INTEGER NOT NULL,                 -- mutable: 1 while a review holds the account
  receipt TEXT NOT NULL,                 -- mutable, JSON: the attribution report with all candidates
  states TEXT NOT NULL,                  -- mutable, JSON: the states it has reached
  grant_due_at_ms INTEGER,               -- mutable: from when a run may find a milestone reward due
  decided_at_ms INTEGER NOT NULL,        -- mutable
  UNIQUE (account_id, group_id)
) STRICT;
CREATE INDEX binding_partner ON binding (partner_id, signed_up_at_ms) WHERE partner_id IS NOT NULL;
CREATE INDEX binding_decided ON binding (decided_at_ms);
CREATE INDEX binding_visitor ON binding (visitor, signed_up_at_ms) WHERE visitor IS NOT NULL;
CREATE INDEX binding_domain ON binding (domain, signed_up_at_ms) WHERE domain IS NOT NULL;
CREATE INDEX binding_clicked ON binding (code) WHERE click_id IS NOT NULL;
CREATE INDEX binding_qualified ON binding (program_id, partner_id, qualified_at_ms) WHERE qualified_at_ms IS NOT NULL;
CREATE INDEX binding_grant ON binding (program_id, account_id) WHERE grant_due_at_ms IS NOT NULL;

-- One accrual: who earns what, for which fact, by which rule of which version. The ledger holds its history. A run changes
-- all accruals of its month: by number they are neighbors, by id each would be on a page of its own.
CREATE TABLE accrual (
  seq INTEGER PRIMARY KEY,               -- immutable: the order in which rows were written
  id TEXT NOT NULL UNIQUE,               -- immutable, derived from program, partner, reward, account and source
  program_id TEXT NOT NULL,              -- immutable
  program_version INTEGER NOT NULL,      -- mutable only while later facts move the accrual's instant
  reward_id TEXT NOT NULL,                 -- immutable
  partner_id TEXT NOT NULL,              -- immutable; '' for the referred side's benefit
  account_id TEXT NOT NULL,              -- immutable
  event_id TEXT NOT NULL,                -- mutable: the fact's earliest event, or the adjustment that made it
  source TEXT NOT NULL,                   -- immutable: invoice:<id>, state:<name>, event:<type> or adjustment:<id>
  at_ms INTEGER NOT NULL,                -- mutable: the fact's instant
  period TEXT NOT NULL,                  -- mutable: the period of that instant
  unit TEXT NOT NULL,                    -- immutable: cash:usd, credit:usd
  gross_cents INTEGER NOT NULL,         -- mutable: before caps, refunds and disputes
  cap_reduction_cents INTEGER NOT NULL,         -- mutable: what a cap removed, permanently
  adjusted_cents INTEGER NOT NULL DEFAULT 0, -- mutable: what adjustments that name it changed, as part of net_cents
  net_cents INTEGER NOT NULL CHECK (IIF(gross_cents < 0, net_cents <= 0, net_cents >= 0)), -- mutable: what remains; an operator's deduction is negative
  payout_cents INTEGER NOT NULL DEFAULT 0, -- kept by trigger: how much of it payouts take, planned or paid (payout_accrual)
  balance TEXT NOT NULL CHECK (balance IN ('pending', 'available', 'benefit')), -- mutable: the balance it is in
  funding_account TEXT NOT NULL CHECK (funding_account IN ('expense', 'budget')), -- immutable: the kind of ledger account that it is debited from
  state TEXT NOT NULL CHECK (state IN ('pending', 'held', 'disputed', 'available', 'waiting', 'reversed', 'void', 'settled')), -- mutable
  vests_at_ms INTEGER NOT NULL,          -- mutable: from when a run vests it
  reason TEXT NOT NULL,                  -- mutable: why it is in its state
  postings INTEGER NOT NULL,             -- mutable: how many ledger rows it has
  closed INTEGER NOT NULL DEFAULT 0 CHECK (closed IN (0, 1)), -- mutable: 1 if its event is closed
  changed_at_ms INTEGER NOT NULL DEFAULT 0, -- mutable: when it was last written
  quiet_at_ms INTEGER                    -- mutable: the change at this instant is not announced, because it follows from events that arrived late
) STRICT;
CREATE INDEX accrual_changed ON accrual (changed_at_ms, id);
CREATE INDEX accrual_account ON accrual (account_id, id);
-- Whether an account earned its partner something.
CREATE INDEX accrual_earned ON accrual (account_id, partner_id) WHERE net_cents > 0;
CREATE INDEX accrual_open ON accrual (account_id) WHERE closed = 0;
CREATE INDEX accrual_partner ON accrual (partner_id, at_ms, id);
-- Partner by partner, as runs vest them: what is still on hold is not read.
CREATE INDEX accrual_pending ON accrual (program_id, partner_id, vests_at_ms, id) WHERE state = 'pending' AND balance = 'pending';

-- Those that payouts take whole, and the others, newest first.
CREATE INDEX accrual_taken ON accrual (partner_id, (IIF(net_cents < 0, payout_cents > net_cents, payout_cents < net_cents)), at_ms, id) WHERE state = 'available';
-- What the next payout takes, or takes back. What vested after the run's cutoff is the end of it.
CREATE INDEX accrual_unpaid ON accrual (program_id, partner_id, vests_at_ms) WHERE balance = 'available' AND net_cents <> payout_cents;
-- What no payout takes, because it is held or disputed.
CREATE INDEX accrual_frozen ON accrual (program_id, partner_id)
  WHERE balance = 'available' AND net_cents <> payout_cents AND state NOT IN ('available', 'reversed');
CREATE INDEX accrual_waiting ON accrual (program_id, at_ms, event_id) WHERE state = 'waiting';
CREATE INDEX accrual_held ON accrual (account_id, program_id, partner_id, unit, net_cents) WHERE state = 'held';
CREATE INDEX accrual_rule ON accrual (program_id, reward_id, partner_id, at_ms);

-- What was refunded and is disputed of invoices, as of the last decisions about their accounts. No row: nothing ever was.
CREATE TABLE invoice_status (
  invoice_id TEXT PRIMARY KEY,           -- immutable
  account_id TEXT NOT NULL,              -- mutable: whose invoice it is
  state TEXT NOT NULL CHECK (state IN ('paid', 'partially_refunded', 'refunded')), -- mutable
  refunded_cents INTEGER NOT NULL CHECK (refunded_cents >= 0), -- mutable: refunded or lost in disputes, tax included
  disputed INTEGER NOT NULL CHECK (disputed IN (0, 1)), -- mutable: 1: a dispute is open
  updated_at_ms INTEGER NOT NULL         -- mutable: when it last changed
) STRICT, WITHOUT ROWID;
CREATE INDEX invoice_status_updated ON invoice_status (updated_at_ms, invoice_id);
-- They are written with the decision: what an account's JSON no longer has is over, unless it is another account's by now.
CREATE TRIGGER account_invoices_first AFTER INSERT ON account WHEN NEW.invoices <> '[]'
BEGIN UPDATE account SET invoices = '[]' WHERE id = NEW.id; UPDATE account SET invoices = NEW.invoices WHERE id = NEW.id; END;
CREATE TRIGGER account_invoices AFTER UPDATE OF invoices ON account WHEN NEW.invoices IS NOT OLD.invoices
BEGIN
  INSERT INTO invoice_status (invoice_id, account_id, state, refunded_cents, disputed, updated_at_ms)
  SELECT value ->> '$.invoice', NEW.id, value ->> '$.state', value ->> '$.refunded_cents', value ->> '$.disputed', NEW.invoices_at_ms FROM json_each(NEW.invoices)
  UNION ALL SELECT s.invoice_id, NEW.id, 'paid', 0, 0, NEW.invoices_at_ms FROM json_each(OLD.invoices) o
    CROSS JOIN invoice_status s ON s.invoice_id = o.value ->> '$.invoice'
    WHERE s.account_id = NEW.id AND s.invoice_id NOT IN (SELECT value ->> '$.invoice' FROM json_each(NEW.invoices))
  ON CONFLICT (invoice_id) DO UPDATE SET account_id = excluded.account_id, state = excluded.state,
    refunded_cents = excluded.refunded_cents, disputed = excluded.disputed, updated_at_ms = excluded.updated_at_ms
    WHERE (account_id, state, refunded_cents, disputed) IS NOT (excluded.account_id, excluded.state, excluded.refunded_cents, excluded.disputed);
END;

-- The annual value of a bound account's subscriptions in the program's currency, over time.
CREATE TABLE revenue_span (
  account_id TEXT NOT NULL,              -- immutable
  program_id TEXT NOT NULL,              -- immutable
  partner_id TEXT NOT NULL,              -- immutable
  from_ms INTEGER NOT NULL,              -- immutable
  to_ms INTEGER,                         -- immutable; NULL while it lasts
  annual_cents INTEGER NOT NULL,         -- immutable
  PRIMARY KEY (account_id, program_id, from_ms)
) STRICT;
CREATE INDEX revenue_span_partner ON revenue_span (program_id, partner_id, from_ms);

-- A modifier that a partner has earned, as found by the last run.
CREATE TABLE partner_modifier (
  program_id TEXT NOT NULL,              -- immutable
  partner_id TEXT NOT NULL,              -- immutable
  modifier_id TEXT NOT NULL,             -- immutable
  quarter TEXT NOT NULL,                 -- immutable: the quarter whose invoices it applies to; '': permanent
  from_ms INTEGER NOT NULL,              -- mutable: a permanent modifier applies to invoices after this instant
  since_ms INTEGER NOT NULL,             -- mutable: the earliest instant from which the last change may matter
  changed_run TEXT NOT NULL,             -- mutable: the run that created or changed it
  seen_run TEXT NOT NULL,                -- mutable: the last run that found it
  PRIMARY KEY (program_id, partner_id, quarter, modifier_id)
) STRICT;
CREATE INDEX partner_modifier_changed ON partner_modifier (program_id, changed_run, partner_id);

-- What a partner's monthly cap removes from an accrual, as found by the last run.
CREATE TABLE cap_reduction (
  accrual_id TEXT PRIMARY KEY,              -- immutable
  program_id TEXT NOT NULL,              -- immutable
  account_id TEXT NOT NULL,              -- immutable
  cap_reduction_cents INTEGER NOT NULL,         -- mutable
  changed_run TEXT NOT NULL,             -- mutable: the run that created or changed it
  seen_run TEXT NOT NULL                 -- mutable: the last run that found it
) STRICT;
CREATE INDEX cap_verdict_account ON cap_reduction (account_id);

-- What runs of a program look for: partners' modifiers, or what caps remove. The first run looks at all partners. From
-- then on triggers mark what may have changed.
CREATE TABLE terms_search (
  program_id TEXT NOT NULL,              -- immutable
  part TEXT NOT NULL CHECK (part IN ('modifier', 'cap')), -- immutable
  sought TEXT NOT NULL,                  -- mutable: what is looked for; '': not all partners are marked yet
  PRIMARY KEY (program_id, part)
) STRICT, WITHOUT ROWID;

-- Of whom and of which period the next run looks again: something changed that its modifiers or caps depend on.
CREATE TABLE terms_mark (
  program_id TEXT NOT NULL,              -- immutable
  part TEXT NOT NULL CHECK (part IN ('modifier', 'cap')), -- immutable
  partner_id TEXT NOT NULL,              -- immutable
  period TEXT NOT NULL,                  -- immutable: of modifiers a quarter, or '' for those that stay; of caps a month
  earliest_ms INTEGER NOT NULL,          -- mutable: the instants of what changed
  latest_ms INTEGER NOT NULL,            -- mutable
  PRIMARY KEY (program_id, part, partner_id, period)
) STRICT, WITHOUT ROWID;
-- What changed is noted through this view: a mark that is there already grows, or stays as it is.
CREATE VIEW terms_change AS SELECT program_id, part, partner_id, period, earliest_ms, latest_ms FROM terms_mark;
CREATE TRIGGER terms_change_insert INSTEAD OF INSERT ON terms_change BEGIN
  INSERT INTO terms_mark (program_id, part, partner_id, period, earliest_ms, latest_ms)
    VALUES (NEW.program_id, NEW.part, NEW.partner_id, NEW.period, NEW.earliest_ms, NEW.latest_ms)
    ON CONFLICT DO UPDATE SET earliest_ms = MIN(earliest_ms, excluded.earliest_ms), latest_ms = MAX(latest_ms, excluded.latest_ms)
    WHERE excluded.earliest_ms < earliest_ms OR excluded.latest_ms > latest_ms;
END;
CREATE TRIGGER binding_terms_insert AFTER INSERT ON binding
WHEN NEW.partner_id IS NOT NULL AND NEW.qualified_at_ms IS NOT NULL
  AND EXISTS (SELECT 1 FROM terms_search WHERE program_id = NEW.program_id AND part = 'modifier') BEGIN
  INSERT INTO terms_change (program_id, part, partner_id, period, earliest_ms, latest_ms)
    SELECT NEW.program_id, 'modifier', NEW.partner_id, value, NEW.qualified_at_ms, NEW.qualified_at_ms
    FROM json_each(json_array('', NEW.qualified_quarter));
END;
CREATE TRIGGER binding_terms_update AFTER UPDATE OF program_id, partner_id, qualified_at_ms, qualified_quarter, held ON binding
WHEN (OLD.program_id, OLD.partner_id, OLD.qualified_at_ms, OLD.held) IS NOT (NEW.program_id, NEW.partner_id, NEW.qualified_at_ms, NEW.held)
  AND EXISTS (SELECT 1 FROM terms_search WHERE program_id IN (OLD.program_id, NEW.program_id) AND part = 'modifier') BEGIN
  INSERT INTO terms_change (program_id, part, partner_id, period, earliest_ms, latest_ms)
    SELECT OLD.program_id, 'modifier', OLD.partner_id, value, OLD.qualified_at_ms, OLD.qualified_at_ms
    FROM json_each(json_array('', OLD.qualified_quarter)) WHERE OLD.partner_id IS NOT NULL AND OLD.qualified_at_ms IS NOT NULL;
  INSERT INTO terms_change (program_id, part, partner_id, period, earliest_ms, latest_ms)
    SELECT NEW.program_id, 'modifier', NEW.partner_id, value, NEW.qualified_at_ms, NEW.qualified_at_ms
    FROM json_each(json_array('', NEW.qualified_quarter)) WHERE NEW.partner_id IS NOT NULL AND NEW.qualified_at_ms IS NOT NULL;
END;
CREATE TRIGGER binding_terms_delete AFTER DELETE ON binding
WHEN OLD.partner_id IS NOT NULL AND OLD.qualified_at_ms IS NOT NULL
  AND EXISTS (SELECT 1 FROM terms_search WHERE program_id = OLD.program_id AND part = 'modifier') BEGIN
  INSERT INTO terms_change (program_id, part, partner_id, period, earliest_ms, latest_ms)
    SELECT OLD.program_id, 'modifier', OLD.partner_id, value, OLD.qualified_at_ms, OLD.qualified_at_ms
    FROM json_each(json_array('', OLD.qualified_quarter));
END;
CREATE TRIGGER revenue_terms_insert AFTER INSERT ON revenue_span
WHEN EXISTS (SELECT 1 FROM terms_search WHERE program_id = NEW.program_id AND part = 'modifier') BEGIN
  INSERT INTO terms_change (program_id, part, partner_id, period, earliest_ms, latest_ms)
    VALUES (NEW.program_id, 'modifier', NEW.partner_id, '', NEW.from_ms, COALESCE(NEW.to_ms, NEW.from_ms));
END;
CREATE TRIGGER revenue_terms_delete AFTER DELETE ON revenue_span
WHEN EXISTS (SELECT 1 FROM terms_search WHERE program_id = OLD.program_id AND part = 'modifier') BEGIN
  INSERT INTO terms_change (program_id, part, partner_id, period, earliest_ms, latest_ms)
    VALUES (OLD.program_id, 'modifier', OLD.partner_id, '', OLD.from_ms, COALESCE(OLD.to_ms, OLD.from_ms));
END;
CREATE TRIGGER accrual_terms_insert AFTER INSERT ON accrual
WHEN NEW.gross_cents > 0 AND EXISTS (SELECT 1 FROM terms_search WHERE program_id = NEW.program_id AND part = 'cap') BEGIN
  INSERT INTO terms_change (program_id, part, partner_id, period, earliest_ms, latest_ms)
    VALUES (NEW.program_id, 'cap', NEW.partner_id, strftime('%Y-%m', NEW.at_ms / 1000, 'unixepoch'), NEW.at_ms, NEW.at_ms);
END;
CREATE TRIGGER accrual_terms_update AFTER UPDATE OF gross_cents, at_ms, program_version ON accrual
WHEN (OLD.gross_cents, OLD.at_ms, OLD.program_version) IS NOT (NEW.gross_cents, NEW.at_ms, NEW.program_version)
  AND EXISTS (SELECT 1 FROM terms_search WHERE program_id = NEW.program_id AND part = 'cap') BEGIN
  INSERT INTO terms_change (program_id, part, partner_id, period, earliest_ms, latest_ms)
    SELECT NEW.program_id, 'cap', NEW.partner_id, strftime('%Y-%m', value / 1000, 'unixepoch'), value, value
    FROM json_each(json_array(OLD.at_ms, NEW.at_ms));
END;

-- A writer that draws from a budget reads it at one revision and writes at the next, so that no reward overtakes
-- another.
CREATE TABLE reward_budget (
  program_id TEXT PRIMARY KEY,           -- immutable
  revision INTEGER NOT NULL CHECK (revision >= 1) -- mutable, incremented by each change
) STRICT;
CREATE TRIGGER budget_insert BEFORE INSERT ON reward_budget WHEN NEW.revision <> 1 AND NOT EXISTS (SELECT 1 FROM reward_budget WHERE program_id = NEW.program_id)
BEGIN SELECT RAISE(ABORT, 'guard:reward_budget_stale'); END;
CREATE TRIGGER budget_update BEFORE UPDATE OF revision ON reward_budget WHEN NEW.revision <> OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'guard:reward_budget_stale'); END;

-- Cases that a person has to review.
CREATE TABLE review (
  id TEXT PRIMARY KEY,                   -- immutable, derived from the case
  program_id TEXT NOT NULL,              -- immutable
  partner_id TEXT NOT NULL,              -- immutable
  account_id TEXT NOT NULL,              -- immutable
  rule TEXT NOT NULL,                    -- immutable
  subject TEXT NOT NULL,                 -- immutable: '' for the whole account, otherwise a currency
  holds INTEGER NOT NULL CHECK (holds IN (0, 1)), -- immutable: whether accruals wait for the decision
  evidence TEXT NOT NULL,                -- immutable
  is_quiet INTEGER NOT NULL DEFAULT 0,   -- immutable; 1: not announced, because it follows from events that arrived late
  state TEXT NOT NULL CHECK (state IN ('open', 'released', 'rejected')), -- mutable
  reason TEXT,                           -- set with the decision
  actor TEXT,                            -- set with the decision
  created_at_ms INTEGER NOT NULL,        -- immutable
  decided_at_ms INTEGER                  -- set with the decision
) STRICT;
CREATE INDEX review_account ON review (account_id);
CREATE INDEX review_partner ON review (partner_id);
CREATE INDEX review_open ON review (created_at_ms, id) WHERE state = 'open';

-- Email domains of which an operator said that they are one organization. Their accounts are not held for their number.
CREATE TABLE organization_domain (
  domain TEXT PRIMARY KEY,               -- immutable, salted digest
  review_id TEXT NOT NULL,               -- immutable: the review whose release said so
  reason TEXT NOT NULL,                  -- immutable
  actor TEXT NOT NULL,                   -- immutable
  created_at_ms INTEGER NOT NULL         -- immutable
) STRICT, WITHOUT ROWID;
CREATE INDEX organization_domain_review ON organization_domain (review_id);

-- The ledger: double entry, append only. One row of transfer is one debit and one credit, so it is always balanced.
CREATE TABLE ledger_account (
  id TEXT PRIMARY KEY,                   -- immutable: program/unit/kind[/partner]
  program_id TEXT NOT NULL,              -- immutable
  unit TEXT NOT NULL,                    -- immutable
  kind TEXT NOT NULL CHECK (kind IN ('expense', 'budget', 'pending', 'available', 'benefit', 'clearing', 'cash', 'redeemed')), -- immutable
  partner_id TEXT NOT NULL,              -- immutable; '' for the program's own accounts
  dr_posted_cents INTEGER NOT NULL DEFAULT 0 CHECK (dr_posted_cents >= 0),   -- kept by trigger
  cr_posted_cents INTEGER NOT NULL DEFAULT 0 CHECK (cr_posted_cents >= 0),   -- kept by trigger
  dr_pending_cents INTEGER NOT NULL DEFAULT 0 CHECK (dr_pending_cents >= 0), -- kept by trigger
  cr_pending_cents INTEGER NOT NULL DEFAULT 0 CHECK (cr_pending_cents >= 0), -- kept by trigger
  -- Pending amounts were accrued first, budgets are funded first, and redeemed credit was available first, so these
  -- balances can't be negative. The available balance can: it is carried forward.
  CHECK (kind NOT IN ('pending', 'budget', 'redeemed') OR cr_posted_cents >= dr_posted_cents)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_account_partner ON ledger_account (partner_id) WHERE partner_id <> '';
-- Every decision reads the budgets' balances. Without this index, it would scan the accounts of all partners.
CREATE INDEX ledger_account_budget ON ledger_account (program_id) WHERE kind = 'budget';

CREATE TABLE transfer (
  seq INTEGER PRIMARY KEY,               -- immutable: the order in which rows were written
  id TEXT NOT NULL UNIQUE,               -- immutable, derived from the accrual and the row's number
  accrual_id TEXT,                             -- immutable, the accrual it is for; vesting posts one row per partner instead, see run_item
  code TEXT NOT NULL CHECK (code IN ('accrue', 'reverse', 'vest', 'fund', 'payout', 'payout_return', 'adjust', 'deduct', 'redeem',
    'redeem_return', 'deliver', 'deliver_return')),
  phase TEXT NOT NULL CHECK (phase IN ('single', 'pending', 'post', 'void')),
  debit TEXT NOT NULL,                   -- a ledger_account, as transfer_check enforces
  credit TEXT NOT NULL,                  -- a ledger_account, as transfer_check enforces
  amount_cents INTEGER NOT NULL CHECK (amount_cents BETWEEN 1 AND 9007199254740991 OR (phase = 'void' AND amount_cents = 0)),
  pending_id TEXT REFERENCES transfer (id), -- a pending row is resolved at most once
  program_id TEXT NOT NULL,
  event_id TEXT,                         -- the event that caused it
  run_id TEXT,                           -- the run that caused it
  actor TEXT,                            -- the person who caused it
  reason TEXT NOT NULL,                  -- immutable until erased, like the words of operators elsewhere
  created_at_ms INTEGER NOT NULL,
  CHECK (debit <> credit),
  CHECK ((phase IN ('post', 'void')) = (pending_id IS NOT NULL)),
  CHECK (code NOT IN ('accrue', 'reverse') OR accrual_id IS NOT NULL)
) STRICT;
-- Covers what the check of an accrual sums up, so that it need not read the rows.
CREATE INDEX transfer_accrual ON transfer (accrual_id, code, amount_cents) WHERE accrual_id IS NOT NULL;
CREATE UNIQUE INDEX transfer_resolved ON transfer (pending_id) WHERE pending_id IS NOT NULL;
-- Indexes by account only the few rows without an accrual: payouts, their returns, and funding of budgets. The rows of
-- accruals, of which a run writes hundreds of thousands, are found by accrual, and only ledger_check reads all of them.
CREATE INDEX transfer_debit ON transfer (debit) WHERE accrual_id IS NULL;
CREATE INDEX transfer_credit ON transfer (credit) WHERE accrual_id IS NULL;
-- Payout returns by year.
CREATE INDEX transfer_return ON transfer (created_at_ms) WHERE code = 'payout_return';

CREATE TRIGGER transfer_no_update BEFORE UPDATE OF seq, id, accrual_id, code, phase, debit, credit, amount_cents, pending_id, program_id, event_id, run_id,
  actor, created_at_ms ON transfer BEGIN SELECT RAISE(ABORT, 'guard:ledger_immutable'); END;
-- SQLite has another name for seq, which the list of columns above does not include.
CREATE TRIGGER transfer_no_move BEFORE UPDATE ON transfer WHEN NEW.seq <> OLD.seq BEGIN SELECT RAISE(ABORT, 'guard:ledger_immutable'); END;
-- Rows are only added at the end, where they are sealed next.
CREATE TRIGGER transfer_at_end AFTER INSERT ON transfer WHEN NEW.seq < (SELECT MAX(seq) FROM transfer)
BEGIN SELECT RAISE(ABORT, 'guard:ledger_immutable'); END;
-- Somebody's words can be erased, and nothing else.
CREATE TRIGGER transfer_words BEFORE UPDATE OF reason ON transfer WHEN NEW.reason <> 'erased' BEGIN SELECT RAISE(ABORT, 'guard:ledger_immutable'); END;
CREATE TRIGGER transfer_no_delete BEFORE DELETE ON transfer BEGIN SELECT RAISE(ABORT, 'guard:ledger_immutable'); END;
CREATE TRIGGER ledger_account_no_delete BEFORE DELETE ON ledger_account BEGIN SELECT RAISE(ABORT, 'guard:ledger_immutable'); END;
CREATE TRIGGER ledger_account_shape BEFORE UPDATE OF id, program_id, unit, kind, partner_id ON ledger_account
BEGIN SELECT RAISE(ABORT, 'guard:ledger_immutable'); END;
CREATE TRIGGER ledger_account_fresh BEFORE INSERT ON ledger_account
WHEN NEW.dr_posted_cents + NEW.cr_posted_cents + NEW.dr_pending_cents + NEW.cr_pending_cents <> 0
  OR EXISTS (SELECT 1 FROM ledger_account WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'guard:ledger_account_not_new'); END;

-- The same id with the same content is skipped (a replay has no effect). With different content it is rejected, which
-- also blocks INSERT OR REPLACE.
CREATE TRIGGER transfer_check BEFORE INSERT ON transfer BEGIN
  SELECT IIF(t.accrual_id IS NEW.accrual_id AND t.code = NEW.code AND t.phase = NEW.phase AND t.debit = NEW.debit AND t.credit = NEW.credit
      AND t.amount_cents = NEW.amount_cents AND t.pending_id IS NEW.pending_id,
    RAISE(IGNORE), RAISE(ABORT, 'guard:ledger_id_reused')) FROM transfer t WHERE t.id = NEW.id;
  -- A number of its own: nothing takes the place of another row.
  SELECT RAISE(ABORT, 'guard:ledger_immutable') WHERE EXISTS (SELECT 1 FROM transfer t WHERE t.seq = NEW.seq);
  SELECT RAISE(ABORT, 'guard:ledger_already_resolved') WHERE NEW.pending_id IS NOT NULL AND EXISTS (SELECT 1 FROM transfer WHERE pending_id = NEW.pending_id);
  SELECT RAISE(ABORT, 'guard:ledger_accounts_differ')
    WHERE (SELECT unit FROM ledger_account WHERE id = NEW.debit) = (SELECT unit FROM ledger_account WHERE id = NEW.credit) IS NOT TRUE;
  SELECT RAISE(ABORT, 'guard:ledger_not_pending') WHERE NEW.pending_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM transfer p
    WHERE p.id = NEW.pending_id AND p.phase = 'pending' AND p.debit = NEW.debit AND p.credit = NEW.credit AND NEW.amount_cents <= p.amount_cents);
  -- An operator's deduction starts at nothing and goes down to its own amount.
  SELECT RAISE(ABORT, 'guard:ledger_above_accrual') WHERE NEW.code IN ('reverse', 'deduct')
    AND (SELECT COALESCE(SUM(IIF(code IN ('accrue', 'adjust'), amount_cents, IIF(code IN ('reverse', 'deduct'), -amount_cents, 0))), 0)
         FROM transfer WHERE accrual_id = NEW.accrual_id) - NEW.amount_cents
      < MIN(0, COALESCE((SELECT gross_cents FROM accrual WHERE id = NEW.accrual_id), 0));
  -- A credit that its receiver has already applied is posted regardless of the balance: refunds since then are owed. A
  -- payout that is reduced sets less aside than before: its partner's other payouts may hold what covers it (payout_rest).
  SELECT RAISE(ABORT, 'guard:ledger_above_balance')
    WHERE ((NEW.code IN ('payout', 'redeem') AND NEW.phase IN ('single', 'pending') AND NEW.id NOT GLOB 'po_*.pending.[0-9]*') OR (NEW.code = 'deliver' AND NEW.phase = 'pending'))
    AND (SELECT cr_posted_cents - dr_posted_cents - dr_pending_cents FROM ledger_account WHERE id = NEW.debit) < NEW.amount_cents;
END;
CREATE TRIGGER transfer_apply AFTER INSERT ON transfer BEGIN
  UPDATE ledger_account SET
    dr_posted_cents = dr_posted_cents + IIF(NEW.phase IN ('single', 'post'), NEW.amount_cents, 0),
    dr_pending_cents = dr_pending_cents + IIF(NEW.phase = 'pending', NEW.amount_cents, 0)
      - COALESCE((SELECT amount_cents FROM transfer WHERE id = NEW.pending_id), 0)
    WHERE id = NEW.debit;
  UPDATE ledger_account SET
    cr_posted_cents = cr_posted_cents + IIF(NEW.phase IN ('single', 'post'), NEW.amount_cents, 0),
    cr_pending_cents = cr_pending_cents + IIF(NEW.phase = 'pending', NEW.amount_cents, 0)
      - COALESCE((SELECT amount_cents FROM transfer WHERE id = NEW.pending_id), 0)
    WHERE id = NEW.credit;
END;

-- Every row of this view is an error. It must be empty at all times.
CREATE VIEW ledger_check AS
SELECT 'unit ' || unit || ': debits and credits differ' AS what FROM ledger_account GROUP BY unit
  HAVING SUM(dr_posted_cents) <> SUM(cr_posted_cents) OR SUM(dr_pending_cents) <> SUM(cr_pending_cents)
UNION ALL
SELECT 'account ' || a.id || ': balance is not the sum of its transfers' FROM ledger_account a
  LEFT JOIN (SELECT debit AS id, SUM(amount_cents) AS cents FROM transfer WHERE phase IN ('single', 'post') GROUP BY debit) d ON d.id = a.id
  LEFT JOIN (SELECT credit AS id, SUM(amount_cents) AS cents FROM transfer WHERE phase IN ('single', 'post') GROUP BY credit) c ON c.id = a.id
  WHERE a.dr_posted_cents <> COALESCE(d.cents, 0) OR a.cr_posted_cents <> COALESCE(c.cents, 0)
UNION ALL
SELECT 'accrual ' || l.id || ': does not match its transfers' FROM accrual l
  WHERE l.net_cents <> (SELECT COALESCE(SUM(IIF(code IN ('accrue', 'adjust'), amount_cents, IIF(code IN ('reverse', 'deduct'), -amount_cents, 0))), 0)
    FROM transfer WHERE accrual_id = l.id)
UNION ALL
SELECT 'account ' || a.id || ': pending is not the sum of its accruals' FROM ledger_account a
  LEFT JOIN (SELECT program_id, partner_id, unit, SUM(net_cents) AS cents FROM accrual WHERE balance = 'pending' GROUP BY program_id, partner_id, unit) l
    ON l.partner_id = a.partner_id AND l.program_id = a.program_id AND l.unit = a.unit
  WHERE a.kind = 'pending' AND a.cr_posted_cents - a.dr_posted_cents <> COALESCE(l.cents, 0);

-- A settlement run: one per program and period. Its plan is stored before any money moves. Running it again resumes it.
CREATE TABLE run (
  id TEXT PRIMARY KEY,                   -- immutable, derived from program, cadence and period
  program_id TEXT NOT NULL,              -- immutable
  cadence TEXT NOT NULL CHECK (cadence IN ('weekly', 'monthly')), -- immutable
  period TEXT NOT NULL,                  -- immutable: the period that it settles, 2026-W24 or 2026-06
  as_of_ms INTEGER NOT NULL,             -- immutable: facts before this instant count
  program_version INTEGER NOT NULL,      -- immutable: the version in force at as_of_ms
  state TEXT NOT NULL CHECK (state IN ('granting', 'terms', 'backfilling', 'deciding', 'vesting', 'executing', 'closing', 'ranking', 'done')), -- mutable
  step INTEGER NOT NULL,                 -- mutable, incremented by each step: two runners can't take the same step
  cursor TEXT NOT NULL,                  -- mutable: where the paging of the current state continues
  items INTEGER NOT NULL,                -- mutable: the number of planned items
  executed INTEGER NOT NULL,             -- mutable: the number of executed items
  actor TEXT NOT NULL,                   -- immutable: cron, or the operator who started it
  started_at_ms INTEGER NOT NULL,        -- immutable
  finished_at_ms INTEGER,                -- set once
  refused_by TEXT,                       -- mutable: the guard or constraint that refused its next step
  UNIQUE (program_id, cadence, period)
) STRICT;
CREATE INDEX run_open ON run (started_at_ms) WHERE state <> 'done';
CREATE INDEX run_latest ON run (program_id, as_of_ms);
CREATE TRIGGER run_step BEFORE UPDATE OF step ON run WHEN NEW.step <> OLD.step + 1
BEGIN SELECT RAISE(ABORT, 'guard:run_step_taken'); END;

-- A run's plan.
CREATE TABLE run_item (
  run_id TEXT NOT NULL REFERENCES run (id), -- immutable
  seq INTEGER NOT NULL,                  -- immutable
  kind TEXT NOT NULL CHECK (kind IN ('grant', 'vest')), -- immutable
  accrual_id TEXT NOT NULL,                 -- immutable
  account_id TEXT NOT NULL,              -- immutable
  partner_id TEXT NOT NULL,              -- immutable
  unit TEXT NOT NULL,                    -- immutable
  planned_cents INTEGER NOT NULL,        -- immutable: the planned amount
  posted_cents INTEGER,                  -- the executed amount: the planned one, minus what facts in between removed
  accrual TEXT,                             -- immutable, JSON: the accrual that a grant creates
  next_due_at_ms INTEGER,                -- immutable: when the account may be due for another grant
  PRIMARY KEY (run_id, seq),
  UNIQUE (run_id, accrual_id)
) STRICT, WITHOUT ROWID;
-- What a run granted a partner. What vested for one is in a ledger row of each page.
CREATE INDEX run_item_granted ON run_item (run_id, partner_id) WHERE kind = 'grant';
-- A run's accruals become available through this view, in the order of its plan: a partner's are neighbors in every index
-- by partner. An UPDATE of them all would go through them by id, which is in no order.
CREATE VIEW run_vesting AS SELECT accrual_id, 0 AS at_ms FROM run_item WHERE kind = 'vest';
CREATE TRIGGER run_vesting_insert INSTEAD OF INSERT ON run_vesting BEGIN
  UPDATE accrual SET balance = 'available', state = 'available', changed_at_ms = NEW.at_ms, quiet_at_ms = NULL WHERE id = NEW.accrual_id;
END;

-- A run's statement for each partner.
CREATE TABLE run_partner (
  run_id TEXT NOT NULL REFERENCES run (id), -- immutable
  partner_id TEXT NOT NULL,              -- immutable
  unit TEXT NOT NULL,                    -- immutable
  settled_cents INTEGER NOT NULL,        -- immutable: granted and vested by this run
  pending_cents INTEGER NOT NULL,        -- immutable: still pending after the run
  available_cents INTEGER NOT NULL,      -- immutable: available after the run, negative if carried forward
  payable_cents INTEGER NOT NULL,        -- immutable: available and at least the program's minimum
  is_reachable INTEGER NOT NULL CHECK (is_reachable IN (0, 1)), -- immutable: 0 if Stripe can't pay the partner's country
  PRIMARY KEY (run_id, partner_id, unit)
) STRICT;

-- What partners have earned since they joined, for the leaderboard: runs read this instead of all accruals.
CREATE TABLE partner_total (
  program_id TEXT NOT NULL,              -- immutable
  partner_id TEXT NOT NULL,              -- immutable
  unit TEXT NOT NULL,                    -- kept by trigger: the first of its units
  referrals INTEGER NOT NULL,            -- kept by trigger: accounts that earned it something
  gross_cents INTEGER NOT NULL,          -- kept by trigger: what remains of it
  PRIMARY KEY (program_id, partner_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER accrual_total_insert AFTER INSERT ON accrual
WHEN NEW.partner_id <> '' AND NEW.net_cents > 0 AND NEW.source NOT GLOB 'adjustment:*' BEGIN
  INSERT INTO partner_total (program_id, partner_id, unit, referrals, gross_cents)
    SELECT NEW.program_id, NEW.partner_id, NEW.unit, NOT EXISTS (SELECT 1 FROM accrual o WHERE o.account_id = NEW.account_id
        AND o.net_cents > 0 AND o.partner_id = NEW.partner_id AND o.id <> NEW.id AND o.program_id = NEW.program_id
        AND o.source NOT GLOB 'adjustment:*'), NEW.net_cents WHERE true
    ON CONFLICT DO UPDATE SET unit = MIN(unit, excluded.unit), referrals = referrals + excluded.referrals,
      gross_cents = gross_cents + excluded.gross_cents;
END;
CREATE TRIGGER accrual_total_update AFTER UPDATE OF net_cents ON accrual
WHEN NEW.partner_id <> '' AND MAX(0, NEW.net_cents) <> MAX(0, OLD.net_cents) AND NEW.source NOT GLOB 'adjustment:*' BEGIN
  INSERT INTO partner_total (program_id, partner_id, unit, referrals, gross_cents)
    SELECT NEW.program_id, NEW.partner_id, NEW.unit, IIF((NEW.net_cents > 0) = (OLD.net_cents > 0)
        OR EXISTS (SELECT 1 FROM accrual o WHERE o.account_id = NEW.account_id AND o.net_cents > 0
          AND o.partner_id = NEW.partner_id AND o.id <> NEW.id AND o.program_id = NEW.program_id AND o.source NOT GLOB 'adjustment:*'),
      0, IIF(NEW.net_cents > 0, 1, -1)), MAX(0, NEW.net_cents) - MAX(0, OLD.net_cents) WHERE true
    ON CONFLICT DO UPDATE SET unit = MIN(unit, excluded.unit), referrals = referrals + excluded.referrals,
      gross_cents = gross_cents + excluded.gross_cents;
END;

CREATE TABLE leaderboard (
  program_id TEXT NOT NULL,              -- immutable
  partner_id TEXT NOT NULL,              -- immutable
  rank INTEGER,                          -- replaced by each run; NULL until the run that wrote the row has ranked it
  referrals INTEGER NOT NULL,            -- replaced by each run: rewarded accounts
  gross_cents INTEGER NOT NULL,         -- replaced by each run
  unit TEXT NOT NULL,
  refreshed_at_ms INTEGER NOT NULL,
  PRIMARY KEY (program_id, partner_id)
) STRICT;
CREATE INDEX leaderboard_order ON leaderboard (program_id, referrals, gross_cents, partner_id);

-- Messages to deliver, without addresses: those are looked up when a message is sent.
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY,               -- immutable: the order in which rows were written
  id TEXT NOT NULL UNIQUE,               -- immutable, derived: the same message is queued only once
  kind TEXT NOT NULL,                    -- immutable: a message type, reward.granted.referrer
  program_id TEXT NOT NULL,              -- immutable
  partner_id TEXT,                       -- immutable
  account_id TEXT,                       -- immutable
  payload TEXT NOT NULL,                 -- immutable, JSON
  state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'suppressed', 'undelivered')), -- mutable; undelivered: nobody received it, and somebody has to; suppressed: nobody wanted it
  created_at_ms INTEGER NOT NULL         -- immutable
) STRICT;
-- In the order of their arrival: an index of one value has its rows in that order.
CREATE INDEX outbox_queued ON outbox (state) WHERE state = 'queued';

-- Bearer tokens; only their hashes are stored.
CREATE TABLE api_token (
  id TEXT PRIMARY KEY,                   -- immutable
  name TEXT NOT NULL,                    -- immutable
  sha256 TEXT NOT NULL UNIQUE,           -- immutable, hex
  scopes TEXT NOT NULL,                  -- immutable: scope names, separated by spaces
  created_at_ms INTEGER NOT NULL,        -- immutable
  expires_at_ms INTEGER NOT NULL,        -- immutable, at most a year after creation
  first_used_at_ms INTEGER,              -- set once
  revoked_at_ms INTEGER,                 -- set once
  CHECK (expires_at_ms <= created_at_ms + 31622400000) -- 366 days
) STRICT;

-- Responses to requests with an Idempotency-Key, stored in the same batch as their effect.
CREATE TABLE idempotency (
  key TEXT NOT NULL,                     -- immutable
  route TEXT NOT NULL,                   -- immutable
  body_sha256 TEXT NOT NULL,             -- immutable, hex
  status INTEGER NOT NULL,               -- immutable
  answer TEXT NOT NULL,                  -- immutable, JSON
  created_at_ms INTEGER NOT NULL,        -- immutable
  PRIMARY KEY (key, route)
) STRICT;

CREATE TABLE audit (
  id TEXT PRIMARY KEY,                   -- immutable
  at_ms INTEGER NOT NULL,                -- immutable
  actor TEXT NOT NULL,                   -- immutable
  action TEXT NOT NULL,                  -- immutable
  subject TEXT NOT NULL,                 -- immutable
  reason TEXT,                           -- immutable
  before TEXT,                           -- immutable, JSON
  after TEXT                             -- immutable, JSON
) STRICT;
CREATE INDEX audit_at ON audit (at_ms);
-- What operators wrote about somebody is erased with it.
CREATE INDEX audit_subject ON audit (subject);
CREATE INDEX audit_replay ON audit (subject) WHERE action = 'outbox.replay';

-- When each cron job last ran, so that a late job is noticed.
CREATE TABLE heartbeat (
  job TEXT PRIMARY KEY,                  -- immutable: weekly, monthly, sweep
  scheduled_at_ms INTEGER NOT NULL,      -- mutable
  finished_at_ms INTEGER NOT NULL,       -- mutable
  refused_by TEXT                        -- mutable: the part of it that a guard or constraint refused, and which one
) STRICT;

-- The progress of a job that needs several invocations. Its row is deleted when the job is done.
CREATE TABLE job_cursor (
  job TEXT PRIMARY KEY,                  -- immutable: stripe_missed, stripe_reconciled
  cursor TEXT NOT NULL                   -- mutable: the last item that was processed
) STRICT;
