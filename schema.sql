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
-- Clicks, and the salt of the fingerprints that are used to count them. Rows are written once, in bulk.

-- One visit: the first of a link, visitor and clock hour. Clicks are most of what this database writes, so a click is one
-- row and no more, found by its program and hour, and one entry of an index if it has a fingerprint. Bots are counted by
-- link and day alone (link_day).
CREATE TABLE click (
  program_id    TEXT NOT NULL,                    -- immutable
  hour          INTEGER NOT NULL,                 -- immutable, clicked_at_ms / 3,600,000: clock hours since 1970
  code          TEXT NOT NULL,                    -- immutable, the link's code
  dedupe        INTEGER NOT NULL,                 -- immutable but for erasing, 53-bit hash of code, visitor and hour, one counted click each; random once the visitor is erased
  id            TEXT NOT NULL,                    -- immutable, clk_…, assigned in the Worker; a touch in the cookie refers to it
  partner_id    TEXT NOT NULL,                    -- immutable, the link's partner at that time
  campaign      TEXT,                             -- immutable, the campaign from the URL, otherwise the link's
  visitor       TEXT NOT NULL,                    -- immutable but for erasing: vis_… of the cookie, fp_… of the month, or the click's own id
  clicked_at_ms INTEGER NOT NULL,                 -- immutable, UTC milliseconds
  country       TEXT,                             -- immutable, two letters, from Cloudflare
  utm_source    TEXT,                             -- immutable, the link's, otherwise the request's; at most 64 characters
  utm_medium    TEXT,                             -- immutable, the same
  referrer_host TEXT,                             -- immutable, host only, in lower case
  fingerprint   TEXT,                             -- the visitor, if the program attributes by fingerprint; removed with the month's salt
  PRIMARY KEY (program_id, hour, code, dedupe)
) STRICT, WITHOUT ROWID;
CREATE INDEX click_fingerprint ON click (fingerprint) WHERE fingerprint IS NOT NULL;

-- The last flush of each isolate that counted something that is in no click's row, so that a flush that is sent again counts
-- nothing twice. Rows of past days are deleted.
CREATE TABLE click_flush (
  writer TEXT PRIMARY KEY,                        -- immutable, the isolate: days since 1970 in six digits, then random
  number INTEGER NOT NULL                         -- mutable, rises with each flush
) STRICT, WITHOUT ROWID;

-- Clicks that were answered and could not be stored, by day (UTC): the database was not there for too long.
CREATE TABLE click_dropped (
  day INTEGER PRIMARY KEY,                        -- immutable, days since 1970
  clicks INTEGER NOT NULL                         -- mutable
) STRICT;

-- Has a row once there are more clicks than reports read while somebody waits.
CREATE TABLE click_scale (
  id INTEGER PRIMARY KEY CHECK (id = 1),          -- immutable
  many_since_ms INTEGER NOT NULL                  -- immutable
) STRICT;

-- A month's row is deleted when no attribution window of its clicks is open, so that a fingerprint can't be traced back to an
-- address anymore.
CREATE TABLE visitor_salt (
  month TEXT PRIMARY KEY,                         -- immutable, 2026-06, UTC
  salt  TEXT NOT NULL                             -- immutable, 64 hex digits, random
) STRICT, WITHOUT ROWID;

-- Visitors that are being erased: their ids become others, in all rows alike. A row is deleted once no row has its visitor.
CREATE TABLE visitor_erasure (
  visitor TEXT PRIMARY KEY,                       -- immutable
  replacement TEXT NOT NULL,                      -- immutable, gone_…, random
  scan INTEGER NOT NULL,                          -- mutable: which of the tables without an index is looked through
  row INTEGER NOT NULL,                           -- mutable: its last row that was looked at (seq); of clicks the next hour
  program_id TEXT NOT NULL DEFAULT ''             -- mutable: of clicks the program that is looked through
) STRICT, WITHOUT ROWID;
-- Funnels: the stages that visitors reach through a partner. Rows are written once and never changed.

-- One row per event that reached a stage. Clicks are the first stage and have their own table. No personal data: a
-- visitor is the cookie's random id, the month's fingerprint, or the sender's id.
CREATE TABLE funnel_event (
  seq        INTEGER PRIMARY KEY,        -- immutable: the order in which rows were written
  id         TEXT NOT NULL UNIQUE,       -- immutable, fev_…; for a webhook's event it is derived, so that a replay adds nothing
  program_id TEXT NOT NULL,              -- immutable
  partner_id TEXT NOT NULL,              -- immutable, the code's partner
  code       TEXT NOT NULL,              -- immutable, the link's code
  campaign   TEXT NOT NULL,              -- immutable; '' if none was named
  stage      TEXT NOT NULL,              -- immutable, by the program's document in force at at_ms
  event      TEXT NOT NULL,              -- immutable, the type of event that reached it
  visitor    TEXT,                       -- immutable; NULL: unknown, and the event counts as one visitor
  path       TEXT,                       -- immutable, path of the page; at most 512 bytes
  at_ms      INTEGER NOT NULL,           -- immutable, UTC milliseconds
  week       TEXT NOT NULL               -- immutable, 2026-W24: the ISO week of at_ms, from Monday 00:00 UTC
) STRICT;
CREATE INDEX funnel_event_week ON funnel_event (program_id, week);
-- Data from Stripe: its events, its customers and their accounts, the invoices of each payment, facts that wait for
-- an invoice, and what partners' connected accounts can do.

-- A host may name an account's Stripe customer.
ALTER TABLE event_person ADD COLUMN stripe_customer TEXT; -- immutable until erased, cus_…
CREATE INDEX event_person_stripe ON event_person (stripe_customer) WHERE stripe_customer IS NOT NULL;
CREATE INDEX event_person_email ON event_person (lower(email)) WHERE email IS NOT NULL;
CREATE INDEX event_person_host ON event_person (lower(substr(email, instr(email, '@') + 1))) WHERE email IS NOT NULL;
CREATE INDEX event_person_address ON event_person (address) WHERE address IS NOT NULL;

-- Stripe events that were processed. The facts made from them are in event.
CREATE TABLE stripe_event (
  id TEXT PRIMARY KEY,                   -- immutable, evt_…
  type TEXT NOT NULL,                    -- immutable
  body_sha256 TEXT NOT NULL,             -- immutable, hex, of the values that were read: bytes differ between deliveries
  outcome TEXT NOT NULL,                 -- immutable, JSON: the first response
  received_at_ms INTEGER NOT NULL        -- immutable
) STRICT;

-- Events that Stripe lists and that could not be taken in. They are tried again until they are, or until an operator has
-- dealt with one: then nothing fetches it again.
CREATE TABLE stripe_failure (
  id TEXT PRIMARY KEY,                   -- immutable, evt_…, or list_after_evt_… for a list that can't be read from there on
  type TEXT NOT NULL,                    -- immutable
  reason TEXT NOT NULL,                  -- mutable: what refused it last: a guard or constraint, or the code of an error
  tries INTEGER NOT NULL,                -- mutable
  due_at_ms INTEGER NOT NULL,            -- mutable: when it is tried again
  failed_at_ms INTEGER NOT NULL,         -- immutable: when it was first tried
  acknowledged_at_ms INTEGER,            -- set once: an operator dealt with it
  acknowledged_by TEXT,                  -- set once
  acknowledged_reason TEXT,              -- set once
  CHECK ((acknowledged_at_ms IS NULL) = (acknowledged_by IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX stripe_failure_due ON stripe_failure (due_at_ms) WHERE acknowledged_at_ms IS NULL;
CREATE INDEX stripe_failure_age ON stripe_failure (failed_at_ms);
CREATE TRIGGER stripe_failure_over AFTER INSERT ON stripe_event BEGIN DELETE FROM stripe_failure WHERE id = NEW.id; END;

-- A customer and its account. Until the account is known, the customer has an account of its own, under its own id.
CREATE TABLE stripe_customer (
  id TEXT PRIMARY KEY,                   -- immutable, cus_…
  account_id TEXT NOT NULL,              -- mutable: the account that has its facts
  matched_by TEXT NOT NULL CHECK (matched_by IN ('id', 'email', 'nobody')), -- mutable
  revision INTEGER NOT NULL,             -- mutable, incremented by each change
  needs_recompute_since_ms INTEGER,                -- mutable: when a fact arrived that may change its account
  created_at_ms INTEGER NOT NULL         -- immutable
) STRICT;
CREATE INDEX stripe_customer_account ON stripe_customer (account_id);
CREATE INDEX stripe_customer_stale ON stripe_customer (needs_recompute_since_ms) WHERE needs_recompute_since_ms IS NOT NULL;
CREATE TRIGGER stripe_customer_update BEFORE UPDATE OF revision ON stripe_customer WHEN NEW.revision <> OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'guard:stripe_customer_stale'); END;

-- Addresses of customers, by which accounts are matched. The addresses themselves are not stored.
CREATE TABLE stripe_customer_person (
  customer_id TEXT NOT NULL,             -- immutable
  address TEXT NOT NULL,                 -- immutable, salted digest
  at_ms INTEGER NOT NULL,                -- mutable: the earliest event that named it
  PRIMARY KEY (customer_id, address)
) STRICT;
CREATE INDEX stripe_customer_person_address ON stripe_customer_person (address);

-- The customer of each fact. When the customer turns out to be another account, its facts move there. Only this changes
-- event.account_id and event_person.account_id.
CREATE TABLE stripe_fact (
  event_id TEXT PRIMARY KEY,             -- immutable, an id in event
  customer_id TEXT NOT NULL              -- immutable
) STRICT;
CREATE INDEX stripe_fact_customer ON stripe_fact (customer_id);

-- The invoices of each payment. One payment can pay several.
CREATE TABLE stripe_payment (
  id TEXT NOT NULL,                      -- immutable, pi_… or ch_…, or cn_… for what a credit note gave back
  invoice_id TEXT NOT NULL,              -- immutable
  paid_cents INTEGER,                    -- mutable, minor units: what it paid of the invoice; NULL until known
  noted_at_ms INTEGER NOT NULL,          -- mutable: when the row changed last
  PRIMARY KEY (id, invoice_id)
) STRICT;
CREATE INDEX stripe_payment_invoice ON stripe_payment (invoice_id);

-- The payment of each fact about one: refunds and disputes. Each of its invoices gets a share.
CREATE TABLE stripe_payment_fact (
  event_id TEXT PRIMARY KEY,             -- immutable, an id in event
  payment_intent TEXT,                   -- immutable
  charge TEXT                            -- immutable
) STRICT;
CREATE INDEX stripe_payment_fact_intent ON stripe_payment_fact (payment_intent);
CREATE INDEX stripe_payment_fact_charge ON stripe_payment_fact (charge);

-- A further invoice of a payment, or its amount, changes the shares of the others: their accounts are recomputed. A
-- changed row is replaced, so this covers changes.
CREATE TRIGGER stripe_payment_insert AFTER INSERT ON stripe_payment
WHEN EXISTS (SELECT 1 FROM stripe_payment_fact WHERE payment_intent = NEW.id OR charge = NEW.id)
BEGIN
  UPDATE account SET revision = revision + 1, needs_recompute_since_ms = NEW.noted_at_ms
  WHERE id IN (SELECT e.account_id FROM stripe_payment_fact f
                 CROSS JOIN stripe_payment p ON p.id IN (f.payment_intent, f.charge)
                 CROSS JOIN event e ON e.invoice_id = p.invoice_id
               WHERE (f.payment_intent = NEW.id OR f.charge = NEW.id) AND e.type = 'invoice.paid');
END;

-- Refunds and disputes for which only the payment is known. They are processed once its invoice is known.
CREATE TABLE stripe_waiting (
  id TEXT PRIMARY KEY,                   -- immutable, the event's id
  type TEXT NOT NULL,                    -- immutable, canonical
  payment_intent TEXT,                   -- immutable
  charge TEXT,                           -- immutable
  customer_id TEXT,                      -- immutable: the customer who paid, if the event names it
  payload TEXT NOT NULL,                 -- immutable, JSON, with an empty invoice_id
  body_sha256 TEXT NOT NULL,             -- immutable, hex
  occurred_at_ms INTEGER NOT NULL,       -- immutable
  -- Mutable: when the invoice was last requested from Stripe, or when the wait started; NULL once Stripe has none. A
  -- checkout without an invoice can still name the payment.
  requested_at_ms INTEGER
) STRICT;
CREATE INDEX stripe_waiting_intent ON stripe_waiting (payment_intent) WHERE payment_intent IS NOT NULL;
CREATE INDEX stripe_waiting_charge ON stripe_waiting (charge) WHERE charge IS NOT NULL;
CREATE INDEX stripe_waiting_customer ON stripe_waiting (customer_id) WHERE customer_id IS NOT NULL;

-- A partner's connected account.
CREATE TABLE payee (
  partner_id TEXT PRIMARY KEY REFERENCES partner (id), -- immutable
  stripe_account_id TEXT NOT NULL UNIQUE, -- immutable, acct_…
  country TEXT,                          -- mutable, ISO 3166 alpha-2
  currency TEXT,                         -- mutable, ISO 4217 in lower case: its default
  transfers_active INTEGER NOT NULL,     -- mutable: 1 if transfers can reach it
  payouts_enabled INTEGER NOT NULL,      -- mutable: 1 if Stripe pays it out
  currently_due TEXT NOT NULL,           -- mutable, JSON array: what Stripe still needs from the partner
  disabled_reason TEXT,                  -- mutable
  updated_at_ms INTEGER NOT NULL         -- mutable: when Stripe reported it
) STRICT;
-- Notifications: the recipients of each outbox message, the channel, and the state of each delivery.

-- The recipients of a message are determined once. From then on, its deliveries show what is left to do.
ALTER TABLE outbox ADD COLUMN addressed_at_ms INTEGER; -- set once
CREATE INDEX outbox_unaddressed ON outbox (addressed_at_ms) WHERE addressed_at_ms IS NULL;
CREATE INDEX outbox_failed ON outbox (state) WHERE state = 'failed';
CREATE INDEX outbox_undelivered ON outbox (state) WHERE state = 'undelivered';
ALTER TABLE outbox ADD COLUMN is_emailed INTEGER NOT NULL DEFAULT 1; -- immutable; 0: by webhook alone, even if its type is emailed

-- One row per message and recipient, without addresses: those are looked up for each attempt.
CREATE TABLE delivery (
  seq INTEGER PRIMARY KEY,               -- immutable: the order in which rows were written
  outbox_id TEXT NOT NULL REFERENCES outbox (id), -- immutable
  channel TEXT NOT NULL CHECK (channel IN ('email', 'webhook')), -- immutable
  target TEXT NOT NULL,                  -- immutable: the partner, account or operator that an email is for, or a webhook's endpoint
  state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'suppressed')), -- mutable; suppressed: the recipient does not want it
  round INTEGER NOT NULL,                -- mutable, incremented each time an operator replays it
  attempts INTEGER NOT NULL,             -- mutable: in this round, counted before each attempt
  next_attempt_at_ms INTEGER NOT NULL,   -- mutable: the earliest next attempt; during an attempt, when that attempt counts as lost
  claim TEXT,                            -- mutable: which worker is making an attempt
  last_error TEXT,                       -- mutable: why the last attempt failed
  sent_at_ms INTEGER,                    -- mutable
  UNIQUE (outbox_id, channel, target)
) STRICT;
CREATE INDEX delivery_due ON delivery (channel, next_attempt_at_ms) WHERE state = 'queued';
-- What email services said of emails that are not delivered: it may name a person, and is erased with it.
CREATE INDEX delivery_error ON delivery (target) WHERE channel = 'email' AND last_error IS NOT NULL;
CREATE INDEX delivery_claim ON delivery (claim) WHERE claim IS NOT NULL;

-- Where the host receives webhooks. The secret signs them and is therefore stored in plain text.
CREATE TABLE webhook_endpoint (
  id TEXT PRIMARY KEY,                   -- immutable, whe_…
  url TEXT NOT NULL,                     -- immutable
  secret TEXT NOT NULL,                  -- immutable, whsec_…
  types TEXT NOT NULL,                   -- immutable, JSON array of message types or their prefixes up to a dot; [] for all
  created_at_ms INTEGER NOT NULL,        -- immutable: earlier messages are not sent to it, except for credits that nobody received
  disabled_at_ms INTEGER,                -- set once; nothing is sent to it after that
  disabled_reason TEXT                   -- set once
) STRICT;
CREATE TRIGGER webhook_endpoint_limit BEFORE INSERT ON webhook_endpoint
WHEN (SELECT COUNT(*) FROM webhook_endpoint WHERE disabled_at_ms IS NULL) >= 20
BEGIN SELECT RAISE(ABORT, 'guard:webhook_endpoint_limit'); END;

-- What live endpoints subscribe to: a message type, its beginning up to a dot, or '' for all.
CREATE VIEW subscription AS
  SELECT e.id AS endpoint_id, e.created_at_ms, k.value AS type
  FROM webhook_endpoint e, json_each(IIF(e.types = '[]', '[""]', e.types)) k WHERE e.disabled_at_ms IS NULL;

-- Messages about partners and accruals. They are triggers so that a change never goes without its message, and never
-- costs a row if nobody subscribed.
CREATE TRIGGER partner_joined AFTER INSERT ON partner
WHEN EXISTS (SELECT 1 FROM subscription WHERE type IN ('', 'partner', 'partner.joined')) BEGIN
  INSERT INTO outbox (id, kind, program_id, partner_id, payload, state, created_at_ms)
  VALUES ('partner.joined:' || NEW.id, 'partner.joined', NEW.program_id, NEW.id,
    json_object('code', NEW.code, 'type', NEW.kind, 'country', NEW.country), 'queued', NEW.created_at_ms);
END;

-- An accrual's next message. It names the base and the rate if they alone give the amount. The partner gets an email about
-- news: what was earned in the last three days, unless another message announces it, as it does for rewards that are
-- available at once or handed over by webhook.
CREATE VIEW accrual_message AS
  SELECT l.id AS accrual_id, l.program_id, l.partner_id, l.account_id, l.changed_at_ms, l.sequence, 'accrual:' || l.id || '.' AS prefix,
    json_object('accrual_id', l.id, 'sequence', l.sequence, 'unit', l.unit, 'amount_cents', l.net_cents, 'gross_cents', l.gross_cents,
      'base_cents', IIF(l.base_cents * l.rate_bps / 10000 = l.gross_cents, l.base_cents, NULL),
      'rate_bps', IIF(l.base_cents * l.rate_bps / 10000 = l.gross_cents, l.rate_bps, NULL),
      'state', l.state, 'reason', l.reason, 'reward_id', l.reward_id, 'source', l.source, 'event', l.event_id, 'period', l.period,
      'occurred_at_ms', l.at_ms) AS payload,
    l.net_cents > 0 AND l.state IN ('pending', 'available') AND l.changed_at_ms BETWEEN l.at_ms - 300000 AND l.at_ms + 259200000
      AND (l.source GLOB 'invoice:*' OR l.source GLOB 'adjustment:*' OR (l.source GLOB 'event:*' AND l.balance = 'pending'))
      AND (l.unit GLOB 'cash:*' OR NOT EXISTS (SELECT 1 FROM program_version v WHERE v.program_id = l.program_id
        AND v.version = l.program_version AND v.document ->> '$.settlement.delivery' = 'webhook')) AS is_emailed
  FROM (SELECT a.*,
      (SELECT COUNT(*) + 1 FROM outbox o WHERE o.id > 'accrual:' || a.id || '.' AND o.id < 'accrual:' || a.id || '/') AS sequence,
      (SELECT e.payload -> ('$."' || e.type || '"') ->> '$.amount.cents' FROM event e WHERE e.id = a.event_id) AS base_cents,
      (SELECT w.value ->> '$.amount.rate_bps' FROM program_version v, json_each(v.document, '$.rewards') w
       WHERE v.program_id = a.program_id AND v.version = a.program_version AND w.value ->> '$.id' = a.reward_id) AS rate_bps
    FROM accrual a) l;
CREATE TRIGGER accrual_created AFTER INSERT ON accrual WHEN NEW.partner_id <> '' AND NEW.quiet_at_ms IS NOT NEW.changed_at_ms BEGIN
  INSERT INTO outbox (id, kind, program_id, partner_id, account_id, payload, state, created_at_ms, is_emailed)
  SELECT m.prefix || m.sequence, 'accrual.created', m.program_id, m.partner_id, m.account_id, m.payload, 'queued', m.changed_at_ms, m.is_emailed
  FROM accrual_message m WHERE m.accrual_id = NEW.id
    AND (m.is_emailed OR EXISTS (SELECT 1 FROM subscription WHERE type IN ('', 'accrual', 'accrual.created')));
END;
CREATE TRIGGER accrual_changed AFTER UPDATE OF state, gross_cents, cap_reduction_cents, net_cents ON accrual
WHEN NEW.partner_id <> '' AND NEW.quiet_at_ms IS NOT NEW.changed_at_ms AND (OLD.state, OLD.gross_cents, OLD.cap_reduction_cents, OLD.net_cents)
  IS NOT (NEW.state, NEW.gross_cents, NEW.cap_reduction_cents, NEW.net_cents)
  AND EXISTS (SELECT 1 FROM subscription WHERE type IN ('', 'accrual',
    IIF(NEW.state IN ('void', 'reversed') AND OLD.state NOT IN ('void', 'reversed'), 'accrual.voided', 'accrual.updated'))) BEGIN
  INSERT INTO outbox (id, kind, program_id, partner_id, account_id, payload, state, created_at_ms)
  SELECT m.prefix || m.sequence, IIF(NEW.state IN ('void', 'reversed') AND OLD.state NOT IN ('void', 'reversed'), 'accrual.voided', 'accrual.updated'),
    m.program_id, m.partner_id, m.account_id, m.payload, 'queued', m.changed_at_ms
  FROM accrual_message m WHERE m.accrual_id = NEW.id;
END;

-- Unsubscribed message types by address. The address itself is not stored.
CREATE TABLE unsubscribe (
  address_sha256 TEXT NOT NULL,          -- immutable, hex, of the address in lower case
  kind TEXT NOT NULL,                    -- immutable
  created_at_ms INTEGER NOT NULL,        -- immutable
  PRIMARY KEY (address_sha256, kind)
) STRICT;
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
-- Why an account was credited to somebody else or to nobody: how it is looked up, and the partners' questions about it.

-- What an account presented in a span of time.
CREATE INDEX event_presented ON event (occurred_at_ms) WHERE type = 'account.signed_up' OR codes <> '[]';

-- A partner's question, with what the page answered. It may be sent on to the operators, once.
CREATE TABLE credit_question (
  id TEXT PRIMARY KEY,                   -- immutable, que_…
  partner_id TEXT NOT NULL REFERENCES partner (id), -- immutable
  program_id TEXT NOT NULL,              -- immutable
  day INTEGER NOT NULL,                  -- immutable, days since 1970: the day (UTC) of the question
  place INTEGER NOT NULL CHECK (place BETWEEN 1 AND 10), -- immutable: a partner has ten questions a day
  code TEXT NOT NULL,                    -- immutable: the code that it is about
  about TEXT NOT NULL,                   -- immutable: the day, email domain or account
  answer TEXT NOT NULL,                  -- set once, JSON: the sentences that the partner read; []: not answered
  message TEXT,                          -- set once: the partner's words to the operators
  sent_at_ms INTEGER,                    -- set once: when it was sent on
  reply TEXT,                            -- set once: an operator's answer
  replied_by TEXT,                       -- set with the reply
  replied_at_ms INTEGER,                 -- set with the reply
  created_at_ms INTEGER NOT NULL,        -- immutable
  UNIQUE (partner_id, day, place),
  CHECK ((message IS NULL) = (sent_at_ms IS NULL)),
  CHECK ((reply IS NULL) = (replied_at_ms IS NULL) AND (reply IS NULL) = (replied_by IS NULL)),
  CHECK (reply IS NULL OR message IS NOT NULL)
) STRICT;
CREATE INDEX credit_question_sent ON credit_question (sent_at_ms, id) WHERE sent_at_ms IS NOT NULL;
CREATE INDEX credit_question_open ON credit_question (sent_at_ms, id) WHERE sent_at_ms IS NOT NULL AND replied_at_ms IS NULL;
-- Who erases an account finds the questions about it.
CREATE INDEX credit_question_about ON credit_question (lower(about));
-- What was answered, sent and replied stays, until it is erased.
CREATE TRIGGER credit_question_once BEFORE UPDATE ON credit_question
WHEN NEW.about <> 'erased' AND ((OLD.sent_at_ms IS NOT NULL AND (NEW.message, NEW.sent_at_ms) IS NOT (OLD.message, OLD.sent_at_ms))
  OR (OLD.replied_at_ms IS NOT NULL AND (NEW.reply, NEW.replied_by, NEW.replied_at_ms) IS NOT (OLD.reply, OLD.replied_by, OLD.replied_at_ms))
  OR (OLD.answer <> '[]' AND NEW.answer <> OLD.answer))
BEGIN SELECT RAISE(ABORT, 'guard:question_settled'); END;
-- Reports that read more than a page may, kept as rows. Small ones are put together when somebody opens them.
CREATE TABLE kept_report (
  kind TEXT NOT NULL CHECK (kind IN ('funnel', 'economics', 'channels', 'run')), -- immutable
  subject TEXT NOT NULL,                 -- immutable: the program, or the run
  from_ms INTEGER NOT NULL,              -- immutable: the period that it is about; 0 of a run
  to_ms INTEGER NOT NULL,                -- immutable: its end, which is not part of it
  wanted_at_ms INTEGER,                  -- mutable: when somebody asked for a newer one; NULL: nobody has since
  computed_at_ms INTEGER,                -- mutable: when it was last put together
  body TEXT,                             -- mutable, JSON: the rows of its statements
  PRIMARY KEY (kind, subject, from_ms, to_ms)
) STRICT;
CREATE INDEX kept_report_wanted ON kept_report (wanted_at_ms) WHERE wanted_at_ms IS NOT NULL;
CREATE INDEX kept_report_age ON kept_report (computed_at_ms) WHERE wanted_at_ms IS NULL;
-- The ledger's seal: its rows in blocks, each with a hash over its rows and the block before.

-- A block is the rows after those of the block before, up to its last one. Its hash is of its own columns and its rows,
-- without their reasons, which may be erased (docs/ledger.md).
CREATE TABLE ledger_block (
  number INTEGER PRIMARY KEY,            -- immutable, 1, 2, 3, …
  last_seq INTEGER NOT NULL,             -- immutable: its last row
  row_count INTEGER NOT NULL CHECK (row_count >= 1), -- immutable
  previous_hash TEXT NOT NULL,           -- immutable, hex; '' for the first
  hash TEXT NOT NULL,                    -- immutable, hex: SHA-256
  sealed_at_ms INTEGER NOT NULL          -- immutable
) STRICT;
CREATE TRIGGER ledger_block_next BEFORE INSERT ON ledger_block
WHEN NEW.number <> (SELECT COALESCE(MAX(number), 0) + 1 FROM ledger_block)
  OR NEW.previous_hash <> COALESCE((SELECT hash FROM ledger_block WHERE number = NEW.number - 1), '')
  OR NEW.last_seq <= COALESCE((SELECT last_seq FROM ledger_block WHERE number = NEW.number - 1), 0)
  OR NEW.row_count <> (SELECT COUNT(*) FROM transfer WHERE seq > COALESCE((SELECT last_seq FROM ledger_block WHERE number = NEW.number - 1), 0)
    AND seq <= NEW.last_seq)
BEGIN SELECT RAISE(ABORT, 'guard:ledger_block_stale'); END;
CREATE TRIGGER ledger_block_no_update BEFORE UPDATE ON ledger_block BEGIN SELECT RAISE(ABORT, 'guard:ledger_immutable'); END;
CREATE TRIGGER ledger_block_no_delete BEFORE DELETE ON ledger_block BEGIN SELECT RAISE(ABORT, 'guard:ledger_immutable'); END;
-- What anybody can leave behind is bounded, and what nobody needs anymore is removed (docs/limits.md).

-- The campaigns of a link and week that are kept by name. Anybody can put a name of their own into an address, so there are
-- fifty new ones, and all others are "(other)". Of the names of the week before that three visitors clicked, the 25 that
-- have been kept longest have places of their own: nobody takes them by being first on Monday.
CREATE TABLE campaign_week (
  week     INTEGER NOT NULL,             -- immutable: weeks since Monday, 1970-01-05 00:00 UTC
  code     TEXT NOT NULL,                -- immutable, the link's code
  campaign TEXT NOT NULL,                -- immutable
  since    INTEGER NOT NULL DEFAULT 0,   -- immutable: the week from which it was carried over week by week; this week if it is new
  place    INTEGER NOT NULL DEFAULT 0,   -- immutable: how many names of the link and week were kept before it
  visitors TEXT NOT NULL DEFAULT '',     -- mutable: the last letters of the ids of its first visitors, each once, up to three
  PRIMARY KEY (week, code, campaign)
) STRICT, WITHOUT ROWID;

-- A name is inserted here, with the last letter of its visitor's id. One visitor has one letter, so three letters are three
-- visitors, and a name costs at most three writes in a week. '' for who is none, or is another one at each click: whoever
-- asks not to be recognized.
CREATE VIEW campaign_seen AS SELECT week, code, campaign, visitors AS visitor FROM campaign_week;
CREATE TRIGGER campaign_seen_insert INSTEAD OF INSERT ON campaign_seen BEGIN
  INSERT INTO campaign_week (week, code, campaign, since, place, visitors)
  SELECT NEW.week, NEW.code, NEW.campaign, n.since, n.place, NEW.visitor FROM (
    SELECT COALESCE((SELECT p.since FROM campaign_week p
        WHERE p.week = NEW.week - 1 AND p.code = NEW.code AND p.campaign = NEW.campaign AND length(p.visitors) = 3
          AND (SELECT COUNT(*) FROM campaign_week o WHERE o.week = p.week AND o.code = p.code AND length(o.visitors) = 3
            AND (o.since, o.place) < (p.since, p.place)) < 25), NEW.week) AS since,
      (SELECT COUNT(*) FROM campaign_week w WHERE w.week = NEW.week AND w.code = NEW.code) AS place) n
  WHERE NOT EXISTS (SELECT 1 FROM campaign_week w WHERE w.week = NEW.week AND w.code = NEW.code AND w.campaign = NEW.campaign)
    AND (n.since < NEW.week OR (SELECT COUNT(*) FROM campaign_week w
      WHERE w.week = NEW.week AND w.code = NEW.code AND w.since = NEW.week) < 50);
  UPDATE campaign_week SET visitors = visitors || NEW.visitor
  WHERE week = NEW.week AND code = NEW.code AND campaign = NEW.campaign AND length(visitors) < 3
    AND instr(visitors, NEW.visitor) = 0;
END;
CREATE TRIGGER click_campaign AFTER INSERT ON click
WHEN NEW.campaign <> '(other)' AND NOT EXISTS (SELECT 1 FROM campaign_week w
  WHERE w.week = (NEW.hour - 96) / 168 AND w.code = NEW.code AND w.campaign = NEW.campaign
    AND (length(w.visitors) = 3 OR instr(w.visitors, IIF(NEW.visitor = NEW.id, '', substr(NEW.visitor, -1))) > 0))
  AND NEW.campaign IS NOT (SELECT l.campaign FROM link l WHERE l.code = NEW.code) BEGIN
  INSERT INTO campaign_seen (week, code, campaign, visitor)
  VALUES ((NEW.hour - 96) / 168, NEW.code, NEW.campaign, IIF(NEW.visitor = NEW.id, '', substr(NEW.visitor, -1)));
  UPDATE click SET campaign = '(other)'
  WHERE program_id = NEW.program_id AND hour = NEW.hour AND code = NEW.code AND dedupe = NEW.dedupe
    AND NOT EXISTS (SELECT 1 FROM campaign_week w
      WHERE w.week = (NEW.hour - 96) / 168 AND w.code = NEW.code AND w.campaign = NEW.campaign);
END;
CREATE TRIGGER funnel_event_campaign AFTER INSERT ON funnel_event
WHEN NEW.campaign NOT IN ('', '(other)') AND NOT EXISTS (SELECT 1 FROM campaign_week w
  WHERE w.week = (NEW.at_ms - 345600000) / 604800000 AND w.code = NEW.code AND w.campaign = NEW.campaign)
  AND NEW.campaign IS NOT (SELECT l.campaign FROM link l WHERE l.code = NEW.code) BEGIN
  INSERT INTO campaign_seen (week, code, campaign, visitor)
  VALUES ((NEW.at_ms - 345600000) / 604800000, NEW.code, NEW.campaign, '');
  UPDATE funnel_event SET campaign = '(other)' WHERE id = NEW.id AND NOT EXISTS (SELECT 1 FROM campaign_week w
    WHERE w.week = (NEW.at_ms - 345600000) / 604800000 AND w.code = NEW.code AND w.campaign = NEW.campaign);
END;

-- A partner's links are never removed, because their codes would be given to others; so a partner has at most 1,000. A
-- program has at most 50 resources: the pages list all of them.
CREATE TRIGGER link_limit BEFORE INSERT ON link
WHEN (SELECT COUNT(*) FROM (SELECT 1 FROM link WHERE partner_id = NEW.partner_id LIMIT 1000)) >= 1000
BEGIN SELECT RAISE(ABORT, 'guard:link_limit'); END;
CREATE TRIGGER resource_limit BEFORE INSERT ON resource
WHEN (SELECT COUNT(*) FROM (SELECT 1 FROM resource WHERE program_id = NEW.program_id LIMIT 50)) >= 50
BEGIN SELECT RAISE(ABORT, 'guard:resource_limit'); END;

-- Emailed links by the network that requested them: one network has 120 an hour, however many addresses it types.
CREATE INDEX magic_link_requested ON magic_link (requested_by, created_at_ms) WHERE requested_by <> '';

-- Promotion codes that visitors requested and that are no account's: a program has 100 an hour.
CREATE INDEX promotion_code_requested ON promotion_code (program_id, created_at_ms) WHERE account_id IS NULL;
CREATE INDEX promotion_code_network ON promotion_code (created_at_ms) WHERE requested_by <> '';

-- Stored responses are removed after a while, but those of calls that moved money stay with their keys.
ALTER TABLE idempotency ADD COLUMN moves_money INTEGER NOT NULL DEFAULT 0 CHECK (moves_money IN (0, 1)); -- immutable
CREATE INDEX idempotency_age ON idempotency (created_at_ms) WHERE moves_money = 0;

-- A message that was delivered, or that nobody wanted, is emptied after a while: its deliveries and what it says are
-- removed. Its id stays, because by it nothing is announced or handed over twice.
ALTER TABLE outbox ADD COLUMN emptied_at_ms INTEGER; -- set once
CREATE INDEX outbox_age ON outbox (created_at_ms) WHERE emptied_at_ms IS NULL AND state IN ('sent', 'suppressed');

CREATE INDEX stripe_event_age ON stripe_event (received_at_ms);
-- What stays of clicks and funnel events when their rows are removed: the sums that reports show.

-- Rule 24: distinct visitors of a week whose rows were removed. Of a partner's campaigns those with the most visitors stay, the
-- others are summed as '(other)'.
CREATE TABLE funnel_sum (
  program_id TEXT NOT NULL,              -- immutable
  week TEXT NOT NULL,                    -- immutable, 2026-W24
  partner_id TEXT NOT NULL,              -- immutable
  campaign TEXT NOT NULL,                -- immutable; '' if none was named
  stage TEXT NOT NULL,                   -- immutable; '' are clicks
  visitors INTEGER NOT NULL,             -- mutable: rows of the week that came after it was summed are added
  PRIMARY KEY (program_id, week, partner_id, campaign, stage)
) STRICT, WITHOUT ROWID;

-- Removed clicks of a day by channel: a partner's largest channels, the others summed as '(other)'.
CREATE TABLE channel_sum (
  program_id TEXT NOT NULL,              -- immutable
  day INTEGER NOT NULL,                  -- immutable, days since 1970
  partner_id TEXT NOT NULL,              -- immutable
  channel TEXT NOT NULL,                 -- immutable
  clicks INTEGER NOT NULL,               -- mutable, the same
  PRIMARY KEY (program_id, day, partner_id, channel)
) STRICT, WITHOUT ROWID;

-- The week of a program whose rows are summed and being removed. Its clicks count as removed from then on.
CREATE TABLE week_removal (
  program_id TEXT NOT NULL,              -- immutable
  week TEXT NOT NULL,                    -- immutable
  from_hour INTEGER NOT NULL,            -- immutable, the week's first clock hour
  last_row INTEGER NOT NULL,             -- immutable: the last row of funnel_event that was summed (its seq)
  PRIMARY KEY (program_id, week)
) STRICT, WITHOUT ROWID;

-- The UTM source of removed clicks that bound an account: what the account brings counts for that channel.
CREATE TABLE click_source (
  click_id TEXT PRIMARY KEY,             -- immutable
  utm_source TEXT NOT NULL               -- immutable
) STRICT, WITHOUT ROWID;
